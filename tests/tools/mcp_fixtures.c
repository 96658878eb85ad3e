/*
 * The tools that the conformance suite asks a server for by name, in place of gateway/extra.c. They
 * run nothing: what is put to the test is how results, errors and notifications travel.
 */
#include <string.h>

#include "gateway/call.h"
#include "gateway/extra.h"

#define PIXEL                                                                                      \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5E" \
	"rkJggg=="
#define SOUND "UklGRiYAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQIAAAAAAA=="

enum behaviour { PLAIN, FAILS, PROGRESS, LOGS, NEEDS_CAPABILITY };

static const struct fixture {
	const char *name;
	enum behaviour behaviour;
	const char *content; /* of its result, as JSON */
	const char *schema;  /* of its arguments; NULL: none */
} fixtures[] = {
	{"test_simple_text", PLAIN,
		"[{\"type\":\"text\",\"text\":\"This is a simple text response for testing.\"}]",
		NULL},
	{"test_image_content", PLAIN,
		"[{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"" PIXEL "\"}]", NULL},
	{"test_audio_content", PLAIN,
		"[{\"type\":\"audio\",\"mimeType\":\"audio/wav\",\"data\":\"" SOUND "\"}]", NULL},
	{"test_embedded_resource", PLAIN,
		"[{\"type\":\"resource\",\"resource\":{\"uri\":\"test://embedded-resource\","
		"\"mimeType\":\"text/plain\",\"text\":\"This is an embedded resource content.\"}}]",
		NULL},
	{"test_multiple_content_types", PLAIN,
		"[{\"type\":\"text\",\"text\":\"Multiple content types test:\"},"
		"{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"" PIXEL "\"},"
		"{\"type\":\"resource\",\"resource\":{\"uri\":\"test://mixed-content-resource\","
		"\"mimeType\":\"application/json\",\"text\":\"{}\"}}]",
		NULL},
	{"test_error_handling", FAILS,
		"[{\"type\":\"text\",\"text\":\"This tool intentionally returns an error for "
		"testing\"}]",
		NULL},
	{"test_tool_with_progress", PROGRESS, "[{\"type\":\"text\",\"text\":\"done\"}]", NULL},
	{"test_tool_with_logging", LOGS, "[{\"type\":\"text\",\"text\":\"done\"}]", NULL},
	{"test_logging_tool", PLAIN, "[{\"type\":\"text\",\"text\":\"done\"}]", NULL},
	{"test_streaming_elicitation", PLAIN, "[{\"type\":\"text\",\"text\":\"done\"}]", NULL},
	{"test_missing_capability", NEEDS_CAPABILITY, "[{\"type\":\"text\",\"text\":\"done\"}]",
		NULL},
	{"json_schema_2020_12_tool", PLAIN, "[{\"type\":\"text\",\"text\":\"done\"}]",
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
		"\"$defs\":{\"address\":{\"$anchor\":\"addressDef\",\"type\":\"object\","
		"\"properties\":{\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"}}}}"
		","
		"\"properties\":{\"name\":{\"type\":\"string\"},"
		"\"address\":{\"$ref\":\"#/$defs/address\"},"
		"\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},"
		"\"phone\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"}},"
		"\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}],"
		"\"if\":{\"properties\":{\"contactMethod\":{\"const\":\"phone\"}},"
		"\"required\":[\"contactMethod\"]},\"then\":{\"required\":[\"phone\"]},"
		"\"else\":{\"required\":[\"email\"]},\"additionalProperties\":false}"},
};

#define FIXTURE_COUNT (sizeof(fixtures) / sizeof(fixtures[0]))

void extra_list(json_t *list)
{
	for (size_t i = 0; i < FIXTURE_COUNT; i++) {
		json_t *schema = fixtures[i].schema ? json_loads(fixtures[i].schema, 0, NULL)
						    : json_pack("{s:s}", "type", "object");

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o}", "name", fixtures[i].name, "description",
				      "a tool of the conformance suite's", "inputSchema", schema));
	}
}

static void notify(struct mcp_peer *peer, const char *method, json_t *params)
{
	json_t *message = rpc_notification(method, params);

	if (peer->notifications)
		peer->send(peer, message, false, 200);
	json_decref(message);
}

static void send_progress(struct mcp_peer *peer, const struct rpc_message *message)
{
	json_t *token = json_object_get(json_object_get(message->params, "_meta"), "progressToken");

	for (int progress = 0; token && progress <= 100; progress += 50)
		notify(peer, "notifications/progress",
			json_pack("{s:O, s:i, s:i}", "progressToken", token, "progress", progress,
				"total", 100));
}

static void send_logs(struct mcp_peer *peer)
{
	static const char *const texts[] = {
		"Tool execution started", "Tool processing data", "Tool execution completed"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		notify(peer, "notifications/message",
			json_pack("{s:s, s:s}", "level", "info", "data", texts[i]));
}

/* In the modern era the client must have said that it can be asked. */
static bool lacks_capability(const struct rpc_message *message)
{
	json_t *meta = json_object_get(message->params, "_meta");

	return !json_object_get(
		json_object_get(meta, "io.modelcontextprotocol/clientCapabilities"), "sampling");
}

static void refuse(struct mcp_peer *peer, const struct rpc_message *message)
{
	json_t *error = rpc_error(message->id, (enum rpc_code) - 32021,
		"Missing required client capability",
		json_pack("{s:{s:{}}}", "requiredCapabilities", "sampling"));

	peer->send(peer, error, true, 400);
	json_decref(error);
}

bool extra_answer(
	struct mcp_peer *peer, const struct rpc_message *message, const char *name, bool modern)
{
	const struct fixture *fixture = fixtures;

	while (fixture < fixtures + FIXTURE_COUNT && strcmp(fixture->name, name) != 0)
		fixture++;
	if (fixture == fixtures + FIXTURE_COUNT)
		return false;
	if (fixture->behaviour == NEEDS_CAPABILITY && modern && lacks_capability(message)) {
		refuse(peer, message);
		return true;
	}
	if (fixture->behaviour == PROGRESS)
		send_progress(peer, message);
	if (fixture->behaviour == LOGS && !modern)
		send_logs(peer);
	call_answer(peer, message->id, modern,
		json_pack("{s:o, s:b}", "content", json_loads(fixture->content, 0, NULL), "isError",
			fixture->behaviour == FAILS));
	return true;
}
