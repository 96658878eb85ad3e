/* The protocol (gateway/mcp.h). */
#include "gateway/mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "gateway/call.h"
#include "gateway/extra.h"
#include "gateway/render.h"

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
/* The tools do not change while the server lives. */
#define TTL_MS            300000

static const char instructions[] =
	"Runs Python that nobody has read. Each call stands alone: nothing is kept from one to the "
	"next. What a program prints is what comes back. check_code says what would be refused.";

static const char *const version_names[MCP_VERSION_COUNT] = {
	"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"};

enum mcp_version mcp_version_of(const char *text)
{
	int version = 0;

	while (version < MCP_VERSION_COUNT && (!text || strcmp(text, version_names[version]) != 0))
		version++;
	return (enum mcp_version)version;
}

int mcp_init(struct mcp_server *server)
{
	server->tools = tool_list();
	if (!server->tools)
		return -1;
	extra_list(json_object_get(server->tools, "tools"));
	return 0;
}

void mcp_free(struct mcp_server *server)
{
	json_decref(server->tools);
	server->tools = NULL;
}

/* One request on its way through here. */
struct exchange {
	struct mcp_server *server;
	struct mcp_session *session;
	struct mcp_peer *peer;
	const struct mcp_headers *headers;
	const struct rpc_message *message;
	bool modern;
};

static void fail_with(const struct exchange *x, json_t *id, enum rpc_code code, unsigned http,
	const char *text, json_t *data)
{
	json_t *message = rpc_error(id, code, text, data);

	log_line(x->server->log, LOG_DEBUG, "error %d: %s", (int)code, text);
	x->peer->send(x->peer, message, true, http);
	json_decref(message);
}

static void fail(const struct exchange *x, enum rpc_code code, unsigned http, const char *text)
{
	fail_with(x, x->message->id, code, http, text, NULL);
}

static void answer(const struct exchange *x, json_t *result)
{
	call_answer(x->peer, x->message->id, x->modern, result);
}

static const char *param(const struct exchange *x, const char *name)
{
	return rpc_word(json_object_get(x->message->params, name));
}

/* The newest first: a client takes the first that it knows. */
static json_t *supported(void)
{
	json_t *list = json_array();

	for (int version = MCP_VERSION_COUNT - 1; version >= 0; version--)
		json_array_append_new(list, json_string(version_names[version]));
	return list;
}

static json_t *capabilities(bool modern)
{
	json_t *list = json_pack("{s:{s:b}}", "tools", "listChanged", 0);

	if (!modern)
		json_object_set_new(list, "logging", json_object());
	return list;
}

static void add_caching(json_t *result)
{
	json_object_set_new(result, "ttlMs", json_integer(TTL_MS));
	json_object_set_new(result, "cacheScope", json_string("public"));
}

static void discover(const struct exchange *x)
{
	json_t *result = json_pack("{s:o, s:o, s:s}", "supportedVersions", supported(),
		"capabilities", capabilities(true), "instructions", instructions);

	add_caching(result);
	answer(x, result);
}

static void initialize(const struct exchange *x)
{
	const char *wanted = param(x, "protocolVersion");
	enum mcp_version version = mcp_version_of(wanted);

	if (!wanted) {
		fail(x, RPC_INVALID_PARAMS, 400, "\"protocolVersion\" must be a string");
		return;
	}
	/* Who asks for one that has no handshake, or that we do not know, gets our newest. */
	if (version >= MCP_FIRST_MODERN)
		version = MCP_NEWEST_LEGACY;
	x->session->initialized = true;
	x->session->version = version;
	answer(x, json_pack("{s:s, s:o, s:{s:s, s:s, s:s}, s:s}", "protocolVersion",
			  version_names[version], "capabilities", capabilities(false), "serverInfo",
			  "name", PACKAGE_NAME, "title", "pysbx: Python in a sandbox", "version",
			  PACKAGE_VERSION, "instructions", instructions));
}

static void ping(const struct exchange *x)
{
	answer(x, json_object());
}

/* We log to stderr and send nothing at any level; the request is still one that must work. */
static void set_level(const struct exchange *x)
{
	static const char *const levels[] = {
		"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};
	const char *level = param(x, "level");
	size_t i = 0, count = sizeof(levels) / sizeof(levels[0]);

	while (i < count && level && strcmp(level, levels[i]) != 0)
		i++;
	if (level && i < count)
		answer(x, json_object());
	else
		fail(x, RPC_INVALID_PARAMS, 400, "\"level\" must be a level of RFC 5424");
}

static void list_tools(const struct exchange *x)
{
	json_t *result;

	/* All of it is the first page, so no cursor can be one of ours. */
	if (json_object_get(x->message->params, "cursor")) {
		fail(x, RPC_INVALID_PARAMS, 400, "unknown \"cursor\"");
		return;
	}
	result = json_copy(x->server->tools);
	if (x->modern)
		add_caching(result);
	answer(x, result);
}

static void refuse(const struct exchange *x, const struct tool *tool, const char *text)
{
	log_line(x->server->log, LOG_INFO, "%s: refused: %s", tool->name, text);
	answer(x, render_refusal(text));
}

/* What the caller can put right is told as the tool's result, so that a model sees it. */
static void run_tool(const struct exchange *x, const struct tool *tool, const json_t *arguments)
{
	struct jobs *jobs = x->server->jobs;
	char text[REQUEST_TEXT_MAX];
	struct request request;

	if (x->message->surrogates) {
		refuse(x, tool,
			"the message holds half of a surrogate pair (\\udXXX), which is no "
			"character");
		return;
	}
	if (request_make(tool, arguments, &request, text) < 0) {
		refuse(x, tool, text);
		return;
	}
	if (!jobs_has_room(jobs, request.size)) {
		snprintf(text, sizeof(text),
			"the server is busy: %u runs at work and %u waiting; try again later",
			jobs->at_work, jobs->waiting);
		refuse(x, tool, text);
	} else if (call_begin(x->server, x->peer, x->message, x->modern, &request) < 0) {
		fail(x, RPC_INTERNAL_ERROR, 500, "out of memory");
	} else {
		return;
	}
	request_free(&request);
}

/* A batch is a part of the peer that it came from. */
static struct mcp_peer *whole_peer(const struct exchange *x)
{
	return x->peer->parent ? x->peer->parent : x->peer;
}

static void call_tool(const struct exchange *x)
{
	json_t *arguments = json_object_get(x->message->params, "arguments");
	const char *name = param(x, "name");
	const struct tool *tool = name ? tool_find(name) : NULL;
	char text[REQUEST_TEXT_MAX];

	if (!name) {
		fail(x, RPC_INVALID_PARAMS, 400, "\"name\" must be a string");
	} else if (!tool && extra_answer(x->peer, x->message, name, x->modern)) {
		return;
	} else if (!tool) {
		snprintf(text, sizeof(text), "Unknown tool: %.100s", name);
		fail(x, RPC_INVALID_PARAMS, 200, text);
	} else if (arguments && !json_is_object(arguments)) {
		fail(x, RPC_INVALID_PARAMS, 400, "\"arguments\" must be an object");
	} else if (call_find(x->server, whole_peer(x), x->message->id)) {
		/* With the id it would be taken for the answer to the first. */
		fail_with(x, NULL, RPC_INVALID_REQUEST, 400,
			"a request with the same id is in flight", NULL);
	} else {
		run_tool(x, tool, arguments);
	}
}

static const struct method {
	const char *name;
	void (*answer)(const struct exchange *x);
	bool legacy, modern;
} methods[] = {
	{"initialize", initialize, true, false},
	{"logging/setLevel", set_level, true, false},
	{"ping", ping, true, false},
	{"server/discover", discover, false, true},
	{"tools/call", call_tool, true, true},
	{"tools/list", list_tools, true, true},
};

static void dispatch(const struct exchange *x)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, x->message->method) != 0 ||
			!(x->modern ? methods[i].modern : methods[i].legacy))
			continue;
		methods[i].answer(x);
		return;
	}
	fail(x, RPC_METHOD_NOT_FOUND, x->modern ? 404 : 200, "Method not found");
}

static json_t *meta_of(const struct exchange *x, const char *key)
{
	return json_object_get(json_object_get(x->message->params, "_meta"), key);
}

static bool same(const char *header, const char *text)
{
	return header && text && strcmp(header, text) == 0;
}

/* True where each header that the modern era asks for says what the message says. */
static bool headers_agree(const struct exchange *x, const char *version)
{
	const char *name = param(x, "name");

	if (!same(x->headers->version, version) || !same(x->headers->method, x->message->method))
		return false;
	return strcmp(x->message->method, "tools/call") != 0 || !name ||
	       same(x->headers->name, name);
}

static void serve_modern(const struct exchange *x)
{
	json_t *named = meta_of(x, META_VERSION);
	const char *version = rpc_word(named);
	enum mcp_version known = mcp_version_of(version);

	if (!version)
		fail(x, RPC_INVALID_PARAMS, 400, "_meta[\"" META_VERSION "\"] must be a string");
	else if (x->headers && !headers_agree(x, version))
		fail(x, RPC_HEADER_MISMATCH, 400,
			"MCP-Protocol-Version, Mcp-Method and Mcp-Name must say what the message "
			"says");
	else if (known < MCP_FIRST_MODERN || known == MCP_VERSION_COUNT)
		fail_with(x, x->message->id, RPC_UNSUPPORTED_VERSION, 400,
			"Unsupported protocol version",
			json_pack("{s:o, s:O}", "supported", supported(), "requested", named));
	else if (!json_is_object(meta_of(x, META_CAPABILITIES)))
		fail(x, RPC_INVALID_PARAMS, 400,
			"_meta[\"" META_CAPABILITIES "\"] must be an object");
	else
		dispatch(x);
}

static void serve_legacy(const struct exchange *x)
{
	const char *method = x->message->method;
	bool opening = strcmp(method, "initialize") == 0;

	if (!opening && x->headers && x->headers->version &&
		mcp_version_of(x->headers->version) == MCP_VERSION_COUNT)
		fail(x, RPC_INVALID_REQUEST, 400, "unsupported MCP-Protocol-Version");
	else if (!opening && !x->session->initialized && strcmp(method, "ping") != 0)
		fail(x, RPC_INVALID_PARAMS, 400,
			"not initialized: send initialize first, or name the version in "
			"params._meta[\"" META_VERSION "\"]");
	else
		dispatch(x);
}

/* A request is modern that says so, or that asks for what only that era has. */
static bool is_modern(const struct exchange *x)
{
	if (meta_of(x, META_VERSION) || strcmp(x->message->method, "server/discover") == 0)
		return true;
	return x->headers && strcmp(x->message->method, "initialize") != 0 &&
	       mcp_version_of(x->headers->version) == MCP_FIRST_MODERN;
}

static void serve(struct exchange *x)
{
	x->modern = is_modern(x);
	if (x->modern)
		serve_modern(x);
	else
		serve_legacy(x);
}

/* Over HTTP nobody knows whose request an id is: there, hanging up is what cancels. */
static void notified(const struct exchange *x)
{
	json_t *id = json_object_get(x->message->params, "requestId");
	struct mcp_call *call;

	if (x->headers || strcmp(x->message->method, "notifications/cancelled") != 0 || !id)
		return;
	call = call_find(x->server, whole_peer(x), id);
	if (call)
		call_cancel(call);
}

static void one(struct exchange *x)
{
	switch (x->message->kind) {
	case RPC_BAD:
		fail(x, x->message->code, 400, x->message->text);
		break;
	case RPC_REQUEST:
		serve(x);
		break;
	case RPC_NOTIFICATION:
		notified(x);
		break;
	case RPC_BATCH:
		fail(x, RPC_INVALID_REQUEST, 400, "this version has no batches");
		break;
	case RPC_RESPONSE:
		break;
	}
}

/* Answers to the messages of one array, sent together when the last of them is there. */
struct batch {
	struct mcp_peer peer; /* the first: a pointer to one is a pointer to the other */
	json_t *answers;
	size_t left;
};

static void batch_one_less(struct mcp_peer *peer)
{
	struct batch *batch = (struct batch *)peer;

	if (--batch->left)
		return;
	if (json_array_size(batch->answers))
		peer->parent->send(peer->parent, batch->answers, true, 200);
	else if (peer->parent->dropped)
		peer->parent->dropped(peer->parent);
	json_decref(batch->answers);
	free(batch);
}

static void batch_send(struct mcp_peer *peer, json_t *message, bool final, unsigned http)
{
	struct batch *batch = (struct batch *)peer;

	if (!final) {
		peer->parent->send(peer->parent, message, false, http);
		return;
	}
	json_array_append(batch->answers, message);
	batch_one_less(peer);
}

static void all(const struct exchange *x)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	json_t *element;
	size_t i;

	if (!batch) {
		fail(x, RPC_INTERNAL_ERROR, 500, "out of memory");
		return;
	}
	*batch = (struct batch){.peer = {.send = batch_send,
					.dropped = batch_one_less,
					.parent = x->peer,
					.notifications = x->peer->notifications},
		.answers = json_array(),
		.left = 1};
	json_array_foreach(x->message->whole, i, element)
	{
		struct rpc_message message;
		struct exchange each = *x;

		rpc_look(element, &message);
		message.surrogates = x->message->surrogates;
		each.peer = &batch->peer;
		each.message = &message;
		batch->left += message.kind == RPC_REQUEST || message.kind == RPC_BAD;
		one(&each);
	}
	batch_one_less(&batch->peer);
}

void mcp_receive(struct mcp_server *server, struct mcp_session *session, struct mcp_peer *peer,
	const struct mcp_headers *headers, char *bytes, size_t len)
{
	struct rpc_message message;
	struct exchange x = {.server = server,
		.session = session,
		.peer = peer,
		.headers = headers,
		.message = &message};

	rpc_read(bytes, len, &message);
	if (message.kind == RPC_BATCH && session->initialized && session->version == MCP_2025_03_26)
		all(&x);
	else
		one(&x);
	rpc_free(&message);
}

bool mcp_is_busy(const struct mcp_server *server, const struct mcp_peer *peer)
{
	return call_find(server, peer, NULL) != NULL;
}

void mcp_peer_gone(struct mcp_server *server, struct mcp_peer *peer)
{
	struct mcp_call *call;

	while ((call = call_find(server, peer, NULL)))
		call_cancel(call);
}
