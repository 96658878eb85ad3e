/* One tools/call in flight, from the queue to its answer. Of mcp.c's alone. */
#ifndef PYSBX_GATEWAY_CALL_H
#define PYSBX_GATEWAY_CALL_H

#include "gateway/mcp.h"

struct mcp_call {
	struct mcp_server *server;
	struct mcp_peer *peer;
	json_t *id;
	json_t *token; /* NULL: no progress is wanted */
	bool modern;
	const struct tool *tool;
	struct job *job;
	struct loop_timer tick;
	uint64_t since;    /* when it came, then when it began */
	uint64_t progress; /* the last number sent */
	struct mcp_call *next;
};

/* Puts it into the queue, which must have room. Takes the request over. 0, or -1 without memory. */
int call_begin(struct mcp_server *server, struct mcp_peer *peer, const struct rpc_message *message,
	bool modern, struct request *request);

/* The call with that id (NULL: any) of this peer's or of a batch of its; NULL: none. */
struct mcp_call *call_find(
	const struct mcp_server *server, const struct mcp_peer *peer, const json_t *id);

/* Ends it without an answer. */
void call_cancel(struct mcp_call *call);

/* Sends a result, with what the modern era puts into each. Takes the result. */
void call_answer(struct mcp_peer *peer, json_t *id, bool modern, json_t *result);

#endif
