/* MCP over HTTP (gateway/http.h), on libmicrohttpd; its sockets are polled by our loop. */
#include "gateway/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fd.h"
#include "gateway/http_check.h"

#define CONNECTIONS_MAX 1024
#define IDLE_SECONDS    60
/* Bodies of all connections together, while they arrive. */
#define BODIES_MAX      ((size_t)256 << 20)
#define ANSWER_MAX      ((size_t)512 << 20)

struct http {
	struct http_options options;
	struct mcp_server *server;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct loop_timer timer;
	size_t body_bytes;
	struct exchange *exchanges;
	bool resumed; /* libmicrohttpd does not tell of it in its timeout */
	bool closing;
	char url[320];
};

/* One request and its answer. */
struct exchange {
	struct mcp_peer peer; /* the first: a pointer to one is a pointer to the other */
	struct http *http;
	struct MHD_Connection *connection;
	struct loop_watch hangup; /* while nothing else looks at the socket */
	struct buf body;
	bool too_large, received;
	bool suspended;
	bool streaming; /* as events */
	bool answered, gone;
	unsigned status;
	struct buf answer; /* an object, or events */
	size_t sent;       /* of the events */
	struct exchange *next;
};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status,
	struct MHD_Response *response, const char *type)
{
	enum MHD_Result queued;

	if (!response)
		return MHD_NO;
	if (type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	json_t *message = rpc_error(NULL, RPC_INVALID_REQUEST, text, NULL);
	char *body = json_dumps(message, RPC_DUMP);

	json_decref(message);
	if (!body)
		return MHD_NO;
	return respond(connection, status,
		MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE),
		"application/json");
}

/* The connection goes on; libmicrohttpd asks us again what to do with it. */
static void resume(struct exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	loop_remove(x->http->server->loop, &x->hangup);
	MHD_resume_connection(x->connection);
	x->http->resumed = true;
}

/* A suspended connection is not looked at by libmicrohttpd, so that we must see the client go. */
static void hung_up(void *context, short events)
{
	struct exchange *x = context;

	(void)events;
	x->gone = true;
	mcp_peer_gone(x->http->server, &x->peer);
	resume(x);
}

static bool suspend(struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	x->hangup = (struct loop_watch){
		.fd = info->connect_fd, .events = POLLRDHUP, .ready = hung_up, .context = x};
	if (loop_add(x->http->server->loop, &x->hangup) < 0)
		return false;
	x->suspended = true;
	MHD_suspend_connection(x->connection);
	return true;
}

static int add_text(const char *text, size_t len, void *answer)
{
	return buf_add(answer, text, len) ? 0 : -1;
}

static void send_message(struct mcp_peer *peer, json_t *message, bool final, unsigned http)
{
	struct exchange *x = (struct exchange *)peer;

	if (x->gone)
		return;
	x->streaming = x->streaming || !final;
	if (x->streaming)
		buf_add_text(&x->answer, "event: message\ndata: ");
	json_dump_callback(message, add_text, &x->answer, RPC_DUMP);
	if (x->streaming)
		buf_add_text(&x->answer, "\n\n");
	x->status = http;
	x->answered = final;
	x->gone = x->answer.failed;
	resume(x);
}

/* The next piece of a stream of events; where there is none yet, the connection waits. */
static ssize_t next_piece(void *context, uint64_t position, char *piece, size_t most)
{
	struct exchange *x = context;
	size_t left = x->answer.len - x->sent;

	(void)position;
	if (x->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!left && x->answered)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!left)
		return suspend(x) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
	if (left > most)
		left = most;
	memcpy(piece, x->answer.data + x->sent, left);
	x->sent += left;
	if (x->sent == x->answer.len)
		x->sent = x->answer.len = 0;
	return (ssize_t)left;
}

static enum MHD_Result stream(struct exchange *x)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, next_piece, x, NULL);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	MHD_add_response_header(response, "X-Accel-Buffering", "no");
	return respond(x->connection, MHD_HTTP_OK, response, "text/event-stream");
}

/* What can be said by now; otherwise the connection waits. */
static enum MHD_Result proceed(struct exchange *x)
{
	struct MHD_Response *response;

	if (x->gone)
		return MHD_NO;
	if (x->streaming)
		return stream(x);
	if (x->answered) {
		response = MHD_create_response_from_buffer(
			x->answer.len, x->answer.data, MHD_RESPMEM_MUST_FREE);
		if (response) /* which owns it now */
			x->answer.data = NULL;
		x->answer.len = x->answer.capacity = 0;
		return respond(x->connection, x->status, response, "application/json");
	}
	if (mcp_is_busy(x->http->server, &x->peer))
		return suspend(x) ? MHD_YES : MHD_NO;
	/* Nothing in it asked for an answer. */
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	return respond(x->connection, MHD_HTTP_ACCEPTED, response, NULL);
}

static const char *header(const struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* Without a header of its own a request is of 2025-03-26, as that version's successors say. */
static void serve(struct exchange *x)
{
	char version[HTTP_VALUE_MAX], method[HTTP_VALUE_MAX], name[HTTP_VALUE_MAX];
	struct mcp_headers headers = {
		.version = http_value(header(x, "MCP-Protocol-Version"), version),
		.method = http_value(header(x, "Mcp-Method"), method),
		.name = http_decode(header(x, "Mcp-Name"), name)};
	struct mcp_session session = {.initialized = true,
		.version = headers.version ? mcp_version_of(headers.version) : MCP_2025_03_26};
	const char *accept = header(x, MHD_HTTP_HEADER_ACCEPT);

	x->peer.notifications = accept && strstr(accept, "text/event-stream");
	mcp_receive(x->http->server, &session, &x->peer, &headers,
		x->body.data ? x->body.data : (char[]){""}, x->body.len);
	x->http->body_bytes -= x->body.len;
	buf_free(&x->body);
}

/* Before the body is read. 0: go on. */
static unsigned judge(
	const struct exchange *x, const char *path, const char *method, const char **ret_text)
{
	const struct http_options *options = &x->http->options;
	const char *length = header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct http_asked asked = {.path = path,
		.method = method,
		.host = header(x, MHD_HTTP_HEADER_HOST),
		.origin = header(x, MHD_HTTP_HEADER_ORIGIN),
		.authorization = header(x, MHD_HTTP_HEADER_AUTHORIZATION),
		.type = header(x, MHD_HTTP_HEADER_CONTENT_TYPE),
		.encoding = header(x, MHD_HTTP_HEADER_CONTENT_ENCODING)};
	unsigned status = http_judge(options, &asked, ret_text);

	if (status == 0 && length && strtoull(length, NULL, 10) > RPC_MESSAGE_MAX) {
		*ret_text = "a message of more than 16 MiB";
		status = MHD_HTTP_CONTENT_TOO_LARGE;
	}
	return status;
}

static enum MHD_Result begin(struct http *http, struct MHD_Connection *connection, const char *path,
	const char *method, void **context)
{
	struct exchange *x = calloc(1, sizeof(*x));
	const char *text = "";
	unsigned status;

	if (!x || http->closing) {
		free(x);
		return MHD_NO;
	}
	*x = (struct exchange){.peer = {.send = send_message},
		.http = http,
		.connection = connection,
		.body = BUF_INIT(RPC_MESSAGE_MAX + 1),
		.answer = BUF_INIT(ANSWER_MAX),
		.next = http->exchanges};
	http->exchanges = x;
	*context = x;
	status = judge(x, path, method, &text);
	if (status == 0)
		return MHD_YES;
	log_line(http->server->log, LOG_INFO, "http %u: %s", status, text);
	return refuse(connection, status, text);
}

static void take_body(struct exchange *x, const char *bytes, size_t len)
{
	if (x->too_large)
		return;
	if (len > RPC_MESSAGE_MAX - x->body.len || len > BODIES_MAX - x->http->body_bytes ||
		!buf_add(&x->body, bytes, len))
		x->too_large = true;
	else
		x->http->body_bytes += len;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *bytes, size_t *len, void **own)
{
	struct exchange *x = *own;

	(void)version;
	if (!x)
		return begin(context, connection, path, method, own);
	if (*len) {
		take_body(x, bytes, *len);
		*len = 0;
		return MHD_YES;
	}
	if (x->too_large)
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE,
			"a message of more than 16 MiB, or too many at once");
	if (!x->received) {
		x->received = true;
		serve(x);
	}
	return proceed(x);
}

static void completed(void *context, struct MHD_Connection *connection, void **own,
	enum MHD_RequestTerminationCode how)
{
	struct exchange *x = *own, **link;
	struct http *http = context;

	(void)connection;
	(void)how;
	if (!x)
		return;
	for (link = &http->exchanges; *link != x; link = &(*link)->next)
		;
	*link = x->next;
	x->gone = true;
	mcp_peer_gone(http->server, &x->peer);
	loop_remove(http->server->loop, &x->hangup);
	http->body_bytes -= x->body.len;
	buf_free(&x->body);
	buf_free(&x->answer);
	free(x);
	*own = NULL;
}

static void ready(void *context, short events)
{
	struct http *http = context;

	(void)events;
	MHD_run(http->daemon);
}

static void due(void *context)
{
	struct http *http = context;

	http->resumed = false;
	MHD_run(http->daemon);
}

void http_prepare(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (http->resumed)
		loop_timer_set(http->server->loop, &http->timer, loop_now());
	else if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
		loop_timer_set(http->server->loop, &http->timer, loop_now() + ms * LOOP_MS);
	else
		loop_timer_clear(http->server->loop, &http->timer);
}

static int start(struct http *http, int listening, struct err *err)
{
	const union MHD_DaemonInfo *info;

	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		handle, http, MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_NOTIFY_COMPLETED,
		completed, http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
	if (!http->daemon)
		return err_set(err, EIO, "libmicrohttpd does not start");
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->watch = (struct loop_watch){
		.fd = info->epoll_fd, .events = POLLIN, .ready = ready, .context = http};
	http->timer = (struct loop_timer){.fire = due, .context = http};
	if (loop_add(http->server->loop, &http->watch) < 0)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

struct http *http_open(
	const struct http_options *options, struct mcp_server *server, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));
	cleanup_fd int listening = -1;

	if (!http) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	http->options = *options;
	http->server = server;
	listening = http_listen(options, http->url, sizeof(http->url), err);
	if (listening < 0 || start(http, listening, err) < 0) {
		if (http->daemon)
			MHD_stop_daemon(http->daemon);
		free(http);
		return NULL;
	}
	take_fd(&listening); /* the daemon closes it */
	return http;
}

const char *http_url(const struct http *http)
{
	return http->url;
}

void http_close(struct http *http)
{
	struct mcp_server *server = http->server;

	http->closing = true;
	loop_remove(server->loop, &http->watch);
	loop_timer_clear(server->loop, &http->timer);
	/* A daemon may not be stopped while connections are suspended: each is resumed to its end.
	 */
	for (struct exchange *x = http->exchanges; x; x = x->next) {
		x->gone = true;
		mcp_peer_gone(server, &x->peer);
		resume(x);
	}
	MHD_run(http->daemon);
	MHD_stop_daemon(http->daemon);
	free(http);
}
