/*
 * MCP as stateless Streamable HTTP: POST to one path, a JSON object or a stream of events back. No
 * session is ever made; GET and DELETE are answered with 405.
 *
 * Who may ask: whoever has the token, if there is one; never a page of another site in somebody's
 * browser (Host and Origin are checked, and the body must be declared as JSON). Hanging up ends the
 * request's run.
 */
#ifndef PYSBX_GATEWAY_HTTP_H
#define PYSBX_GATEWAY_HTTP_H

#include "base/err.h"
#include "gateway/mcp.h"

#define HTTP_NAMES_MAX 32

struct http_options {
	const char
		*address; /* HOST:PORT, [HOST]:PORT, :PORT or PORT; HOST is 127.0.0.1 if left out */
	const char *path; /* "/mcp" */
	const char *token;                       /* NULL: none is asked for */
	const char *hosts[HTTP_NAMES_MAX + 1];   /* names that this server has, NULL at the end */
	const char *origins[HTTP_NAMES_MAX + 1]; /* of pages that may ask, NULL at the end */
};

struct http;

/* Listens and serves from the loop. NULL and err; a public address without a token is refused. */
struct http *http_open(
	const struct http_options *options, struct mcp_server *server, struct err *err);

/* Where it listens, as a URL. */
const char *http_url(const struct http *http);

/* Before each turn of the loop. */
void http_prepare(struct http *http);

/* Takes no request any more; the runs of those there are end without an answer. */
void http_close(struct http *http);

#endif
