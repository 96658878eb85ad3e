/*
 * MCP on standard input and output: one message on each line, nothing else on stdout.
 *
 * A line past RPC_MESSAGE_MAX is answered with an error and passed over. A slow reader stops no run
 * and no reading of cancellations until STDIO_PENDING_MAX bytes wait for it. At the end of input,
 * or when nobody reads any more, the loop is stopped.
 */
#ifndef PYSBX_GATEWAY_STDIO_H
#define PYSBX_GATEWAY_STDIO_H

#include "base/buf.h"
#include "gateway/mcp.h"

#define STDIO_PENDING_MAX ((size_t)4 << 20)

struct stdio {
	struct mcp_peer peer; /* the first: a pointer to one is a pointer to the other */
	struct mcp_server *server;
	struct mcp_session session;
	struct loop_watch in, out;
	struct buf input;  /* what is no whole line yet */
	size_t searched;   /* of input, without a newline */
	bool skipping;     /* the rest of a line that was too long */
	struct buf output; /* what was not taken yet */
	size_t written;    /* of output */
	bool is_socket, is_own;
	bool over;
};

/* 0, or -1 without memory. */
int stdio_open(struct stdio *stdio, struct mcp_server *server);

/* No run of its is left, nothing is read any more. Gives what was answered before `until`. */
void stdio_end(struct stdio *stdio, uint64_t until);

void stdio_free(struct stdio *stdio);

#endif
