/*
 * Fuzz target of what the gateway reads: any bytes as a JSON-RPC message, its arguments as a call
 * of a tool's, and as headers of HTTP. A broken promise of gateway/rpc.h or gateway/request.h
 * aborts.
 */
#include <string.h>

#include "gateway/http_check.h"
#include "gateway/request.h"
#include "gateway/rpc.h"
#include "tests/fuzz/target.h"

static const struct tool tool = {.name = "run_code", .runs = true, .timeout_ms = 10000};

/* One line, and JSON that says the same when it is read again. */
static void check_dump(json_t *message)
{
	char *text = json_dumps(message, RPC_DUMP);
	json_t *again;

	promise(text != NULL, "an answer can be written");
	promise(!strchr(text, '\n'), "an answer is one line");
	again = json_loads(text, JSON_ALLOW_NUL, NULL);
	promise(again && json_equal(again, message), "an answer says what it should");
	json_decref(again);
	json_decref(message);
	free(text);
}

static void check_arguments(const struct rpc_message *message)
{
	const json_t *arguments = json_object_get(message->params, "arguments");
	char text[REQUEST_TEXT_MAX] = "";
	struct request request;

	if (!json_is_object(arguments))
		arguments = message->params;
	if (request_make(&tool, arguments, &request, text) < 0) {
		promise(text[0], "a refusal has a reason");
		check_dump(rpc_error(NULL, RPC_INVALID_PARAMS, text, NULL));
		promise(!request.code.data, "a refusal holds nothing");
		return;
	}
	promise(request.code.data && !request.code.data[request.code.len], "a call has a program");
	promise(request.timeout_ms <= tool.timeout_ms, "no caller has more time than the tool");
	promise(request.file_count <= REQUEST_FILES_MAX, "files are bounded");
	for (size_t i = 0; i < request.file_count; i++)
		promise(request.files[i].name && !strchr(request.files[i].name, '='),
			"a file has a name that pysbx can be told");
	request_free(&request);
}

static void check_message(const struct rpc_message *message)
{
	switch (message->kind) {
	case RPC_BAD:
		promise(message->text[0] && message->code, "what is wrong is said");
		check_dump(rpc_error(message->id, message->code, message->text, NULL));
		break;
	case RPC_REQUEST:
		promise(message->id && message->method, "a request has an id and a method");
		check_dump(rpc_result(message->id, json_object()));
		break;
	case RPC_NOTIFICATION:
		promise(message->method, "a notification has a method");
		break;
	case RPC_BATCH:
		promise(json_array_size(message->whole), "a batch is not empty");
		break;
	case RPC_RESPONSE:
		break;
	}
	promise(!message->params || json_is_object(message->params), "params are an object");
	if (message->params)
		check_arguments(message);
}

static void check_batch(const struct rpc_message *batch)
{
	json_t *element;
	size_t i;

	json_array_foreach(batch->whole, i, element)
	{
		struct rpc_message message;

		rpc_look(element, &message);
		promise(message.kind != RPC_BATCH, "no batch in a batch");
		check_message(&message);
	}
}

static void check_headers(const char *text)
{
	const struct http_options options = {.path = "/mcp", .token = "0123456789abcdef"};
	struct http_asked asked = {.path = "/mcp",
		.method = "POST",
		.host = text,
		.origin = text,
		.authorization = "Bearer 0123456789abcdef",
		.type = "application/json"};
	char value[HTTP_VALUE_MAX];
	const char *why = NULL, *decoded = http_decode(text, value);
	unsigned status = http_judge(&options, &asked, &why);

	promise(status == 0 || why, "a refusal has a reason");
	promise(status != 0 || strcasestr(text, "localhost") || strstr(text, "127.0.0.1") ||
			strstr(text, "[::1]"),
		"only this machine's names are let in");
	promise(!decoded || strlen(decoded) < sizeof(value), "a header's value is bounded");
	asked.authorization = text;
	asked.host = "localhost";
	asked.origin = NULL;
	promise(http_judge(&options, &asked, &why) == 401 ||
			strcasecmp(text, "Bearer 0123456789abcdef") == 0,
		"only the token lets in");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + 1);
	struct rpc_message message;

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	bytes[size] = '\0';
	check_headers(bytes);
	rpc_read(bytes, size, &message);
	check_message(&message);
	if (message.kind == RPC_BATCH)
		check_batch(&message);
	rpc_free(&message);
	free(bytes);
	return 0;
}
