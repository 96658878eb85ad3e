/*
 * The Model Context Protocol on top of JSON-RPC: both of its eras, whatever carries them.
 *
 * Legacy (2024-11-05 to 2025-11-25): a handshake chooses the version. Modern (2026-07-28): each
 * request names its version in params._meta and stands alone. One connection may carry both.
 */
#ifndef PYSBX_GATEWAY_MCP_H
#define PYSBX_GATEWAY_MCP_H

#include "gateway/jobs.h"
#include "gateway/log.h"
#include "gateway/rpc.h"

enum mcp_version {
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25,
	MCP_2026_07_28,
	MCP_VERSION_COUNT /* an unknown one */
};

#define MCP_NEWEST_LEGACY MCP_2025_11_25
#define MCP_FIRST_MODERN  MCP_2026_07_28

enum mcp_version mcp_version_of(const char *text);

/* Where the answers to a message go. */
struct mcp_peer {
	/*
	 * The answer to a request (final; http is its status over HTTP) or a notification about
	 * one. message is borrowed.
	 */
	void (*send)(struct mcp_peer *peer, json_t *message, bool final, unsigned http);
	/* In place of an answer: the request was cancelled. May be NULL. */
	void (*dropped)(struct mcp_peer *peer);
	struct mcp_peer *parent; /* of a batch: the peer that it came from */
	bool notifications;      /* they can be sent here */
};

/* What is remembered from one message to the next; over HTTP, what the headers say. */
struct mcp_session {
	bool initialized;
	enum mcp_version version;
};

/* Headers that must agree with the message, NULL where absent. */
struct mcp_headers {
	const char *version; /* MCP-Protocol-Version */
	const char *method;  /* Mcp-Method */
	const char *name;    /* Mcp-Name */
};

struct mcp_call;

struct mcp_server {
	struct loop *loop;
	struct jobs *jobs;
	const struct log *log;
	bool json_text;         /* results also as serialised JSON */
	json_t *tools;          /* owned */
	struct mcp_call *calls; /* in flight */
};

/* 0, or -1 without memory. */
int mcp_init(struct mcp_server *server);
void mcp_free(struct mcp_server *server);

/*
 * One message as it came, which is overwritten; headers are NULL but over HTTP. Answers at once or
 * later, by peer->send(); a message without a request in it gets none.
 */
void mcp_receive(struct mcp_server *server, struct mcp_session *session, struct mcp_peer *peer,
	const struct mcp_headers *headers, char *bytes, size_t len);

/* True while a request of this peer's is in flight. */
bool mcp_is_busy(const struct mcp_server *server, const struct mcp_peer *peer);

/* The peer is no more: its runs are ended. What is still sent to it, it must not pass on. */
void mcp_peer_gone(struct mcp_server *server, struct mcp_peer *peer);

#endif
