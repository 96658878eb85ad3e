/* Calls of tools (gateway/call.h). */
#include "gateway/call.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "gateway/render.h"

#define TICK (1000 * LOOP_MS)

void call_answer(struct mcp_peer *peer, json_t *id, bool modern, json_t *result)
{
	json_t *message;

	if (modern && result) {
		json_object_set_new(result, "resultType", json_string("complete"));
		json_object_set_new(result, "_meta",
			json_pack("{s:{s:s, s:s}}", "io.modelcontextprotocol/serverInfo", "name",
				PACKAGE_NAME, "version", PACKAGE_VERSION));
	}
	message = result ? rpc_result(id, result)
			 : rpc_error(id, RPC_INTERNAL_ERROR, "out of memory", NULL);
	peer->send(peer, message, true, result ? 200 : 500);
	json_decref(message);
}

/* The number counts this call's notifications: it must only ever grow. */
static void send_progress(struct mcp_call *call, json_t *text)
{
	json_t *message = NULL;

	if (call->token && call->peer->notifications)
		message = rpc_notification("notifications/progress",
			json_pack("{s:O, s:I, s:O}", "progressToken", call->token, "progress",
				(json_int_t)++call->progress, "message", text));
	if (message)
		call->peer->send(call->peer, message, false, 200);
	json_decref(message);
	json_decref(text);
}

static void free_call(struct mcp_call *call)
{
	struct mcp_call **link = &call->server->calls;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	loop_timer_clear(call->server->loop, &call->tick);
	json_decref(call->id);
	json_decref(call->token);
	free(call);
}

static void tick(void *context)
{
	struct mcp_call *call = context;
	uint64_t now = loop_now();

	loop_timer_set(call->server->loop, &call->tick, now + TICK);
	send_progress(
		call, json_sprintf("running for %u s", (unsigned)((now - call->since) / TICK)));
}

static void started(void *context)
{
	struct mcp_call *call = context;

	call->since = loop_now();
	if (call->token)
		loop_timer_set(call->server->loop, &call->tick, call->since + TICK);
	send_progress(call, json_string("started"));
}

/* One line for the log; a failure that is the host's or ours says why. */
static void log_end(const struct mcp_call *call, const json_t *object, const char *why)
{
	const char *word = call->tool->runs ? "status" : "verdict",
		   *status = json_string_value(json_object_get(object, word)),
		   *message = json_string_value(json_object_get(object, "message"));
	unsigned ms = (unsigned)((loop_now() - call->since) / LOOP_MS);

	if (!status)
		log_line(call->server->log, LOG_WARNING, "%s: %s", call->tool->name, why);
	else if (strcmp(status, "unavailable") == 0 || strcmp(status, "error") == 0)
		log_line(call->server->log, LOG_WARNING, "%s: %s: %s", call->tool->name, status,
			message ? message : "?");
	else
		log_line(
			call->server->log, LOG_INFO, "%s: %s, %u ms", call->tool->name, status, ms);
}

static void ended(void *context, json_t *object, const char *why)
{
	struct mcp_call *call = context;

	log_end(call, object, why);
	call_answer(call->peer, call->id, call->modern,
		render_result(call->tool, object, why, call->server->json_text));
	free_call(call);
}

static json_t *progress_token(const struct rpc_message *message)
{
	json_t *meta = json_object_get(message->params, "_meta");
	json_t *token = json_object_get(meta, "progressToken");

	return json_is_string(token) || json_is_integer(token) ? json_incref(token) : NULL;
}

int call_begin(struct mcp_server *server, struct mcp_peer *peer, const struct rpc_message *message,
	bool modern, struct request *request)
{
	struct mcp_call *call = calloc(1, sizeof(*call));
	struct job *job = calloc(1, sizeof(*job));

	if (!call || !job) {
		free(call);
		free(job);
		return -1;
	}
	*job = (struct job){
		.request = *request, .started = started, .ended = ended, .context = call};
	*call = (struct mcp_call){.server = server,
		.peer = peer,
		.id = json_incref(message->id),
		.token = progress_token(message),
		.modern = modern,
		.tool = request->tool,
		.job = job,
		.tick = {.fire = tick, .context = call},
		.since = loop_now(),
		.next = server->calls};
	server->calls = call;
	if (server->jobs->at_work + server->jobs->waiting >= server->jobs->most)
		send_progress(call, json_sprintf("waiting, %u before it", server->jobs->waiting));
	jobs_add(server->jobs, job);
	return 0;
}

struct mcp_call *call_find(
	const struct mcp_server *server, const struct mcp_peer *peer, const json_t *id)
{
	struct mcp_call *call = server->calls;

	while (call && ((call->peer != peer && call->peer->parent != peer) ||
			       (id && !json_equal(call->id, id))))
		call = call->next;
	return call;
}

void call_cancel(struct mcp_call *call)
{
	struct mcp_peer *peer = call->peer;

	log_line(call->server->log, LOG_INFO, "%s: cancelled", call->tool->name);
	jobs_cancel(call->server->jobs, call->job);
	free_call(call);
	if (peer->dropped)
		peer->dropped(peer);
}
