/* JSON-RPC messages (gateway/rpc.h). */
#include "gateway/rpc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four hexadecimal digits, or -1. */
static int hex4(const char *digits)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = digits[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static bool is_escape_of(const char *at, size_t left, int least, int most)
{
	int unit = left >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2) : -1;

	return unit >= least && unit <= most;
}

/* An escape at a backslash: how long it is. Half a character becomes U+FFFD. */
static size_t escape(char *at, size_t left, bool *ret_surrogates)
{
	if (!is_escape_of(at, left, 0xd800, 0xdfff))
		return left > 1 ? 2 : 1;
	if (is_escape_of(at, left, 0xd800, 0xdbff) &&
		is_escape_of(at + 6, left - 6, 0xdc00, 0xdfff))
		return 12;
	memcpy(at, "\\ufffd", 6);
	*ret_surrogates = true;
	return 6;
}

/* A first look that costs no memory: depth and number of values, half characters. */
static bool scan(
	char *bytes, size_t len, size_t most_values, bool *ret_surrogates, char text[RPC_TEXT_MAX])
{
	size_t depth = 0, values = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (in_string) {
			if (c == '"')
				in_string = false;
			else if (c == '\\')
				i += escape(bytes + i, len - i, ret_surrogates) - 1;
			continue;
		}
		in_string = c == '"';
		values += c == ',' || c == ':' || c == '[' || c == '{';
		depth += c == '[' || c == '{';
		if ((c == ']' || c == '}') && depth)
			depth--;
		if (depth > RPC_DEPTH || values > most_values) {
			snprintf(text, RPC_TEXT_MAX, "more than %zu %s in one message",
				depth > RPC_DEPTH ? (size_t)RPC_DEPTH : most_values,
				depth > RPC_DEPTH ? "nested levels" : "values");
			return false;
		}
	}
	return true;
}

json_t *rpc_parse(
	char *bytes, size_t len, size_t most_values, bool *ret_surrogates, char text[RPC_TEXT_MAX])
{
	bool ignored = false;
	json_error_t error;
	json_t *value;
	const char *what;

	if (!scan(bytes, len, most_values, ret_surrogates ? ret_surrogates : &ignored, text))
		return NULL;
	value = json_loadb(
		bytes, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	if (value)
		return value;
	switch (json_error_code(&error)) {
	case json_error_invalid_utf8:
		what = "not UTF-8";
		break;
	case json_error_duplicate_key:
		what = "a name twice in one object";
		break;
	case json_error_numeric_overflow:
		what = "a number too large";
		break;
	case json_error_premature_end_of_input:
		what = "not JSON: ends too early";
		break;
	case json_error_out_of_memory:
		what = "out of memory";
		break;
	default:
		what = "not JSON";
		break;
	}
	snprintf(text, RPC_TEXT_MAX, "%s, at byte %d", what, error.position);
	return NULL;
}

static void bad(struct rpc_message *message, enum rpc_code code, const char *text)
{
	message->kind = RPC_BAD;
	message->code = code;
	snprintf(message->text, sizeof(message->text), "%s", text);
}

const char *rpc_word(const json_t *string)
{
	const char *text = json_string_value(string);

	return text && strlen(text) == json_string_length(string) ? text : NULL;
}

/* 1.0 is an integer too, as JSON Schema counts. */
static bool is_id(const json_t *id)
{
	double number;

	if (json_is_string(id) || json_is_integer(id))
		return true;
	number = json_is_real(id) ? json_real_value(id) : 0.5;
	return floor(number) == number && fabs(number) < 9007199254740992.0;
}

static void look_at_object(json_t *object, struct rpc_message *ret)
{
	json_t *id = json_object_get(object, "id"), *method = json_object_get(object, "method"),
	       *params = json_object_get(object, "params");
	const char *version = rpc_word(json_object_get(object, "jsonrpc"));

	ret->id = id && is_id(id) ? id : NULL;
	if (!version || strcmp(version, "2.0") != 0) {
		bad(ret, RPC_INVALID_REQUEST, "\"jsonrpc\" must be \"2.0\"");
	} else if (!method &&
		   (json_object_get(object, "result") || json_object_get(object, "error"))) {
		ret->kind = RPC_RESPONSE;
	} else if (!rpc_word(method)) {
		bad(ret, RPC_INVALID_REQUEST, "\"method\" must be a string");
	} else if (id && !ret->id) {
		bad(ret, RPC_INVALID_REQUEST, "\"id\" must be a string or an integer");
	} else if (params && !json_is_object(params)) {
		bad(ret, RPC_INVALID_PARAMS, "\"params\" must be an object");
		if (!id)
			ret->kind = RPC_NOTIFICATION;
	} else {
		ret->kind = id ? RPC_REQUEST : RPC_NOTIFICATION;
	}
	ret->method = rpc_word(method);
	ret->params = json_is_object(params) ? params : NULL;
}

void rpc_look(json_t *element, struct rpc_message *ret)
{
	*ret = (struct rpc_message){0};
	if (json_is_object(element))
		look_at_object(element, ret);
	else
		bad(ret, RPC_INVALID_REQUEST, "a message must be an object");
}

void rpc_read(char *bytes, size_t len, struct rpc_message *ret)
{
	bool surrogates = false;
	char text[RPC_TEXT_MAX];
	json_t *whole = rpc_parse(bytes, len, RPC_VALUES, &surrogates, text);

	if (!whole) {
		*ret = (struct rpc_message){0};
		bad(ret, RPC_PARSE_ERROR, text);
		return;
	}
	rpc_look(whole, ret);
	if (json_is_array(whole) && json_array_size(whole))
		ret->kind = RPC_BATCH;
	ret->whole = whole;
	ret->surrogates = surrogates;
}

void rpc_free(struct rpc_message *message)
{
	json_decref(message->whole);
	*message = (struct rpc_message){0};
}

json_t *rpc_result(json_t *id, json_t *result)
{
	return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

json_t *rpc_string(const char *bytes, size_t len)
{
	json_t *string = json_stringn(bytes, len);
	char *plain = string ? NULL : malloc(len + 1);

	if (!plain)
		return string;
	for (size_t i = 0; i < len; i++)
		plain[i] = (unsigned char)bytes[i] < 0x80 ? bytes[i] : '?';
	string = json_stringn(plain, len);
	free(plain);
	return string;
}

json_t *rpc_error(json_t *id, enum rpc_code code, const char *text, json_t *data)
{
	json_t *error = json_pack(
		"{s:i, s:o}", "code", (int)code, "message", rpc_string(text, strlen(text)));
	json_t *message = json_pack("{s:s}", "jsonrpc", "2.0");

	if (data)
		json_object_set_new(error, "data", data);
	if (id)
		json_object_set(message, "id", id);
	json_object_set_new(message, "error", error);
	return message;
}

json_t *rpc_notification(const char *method, json_t *params)
{
	return json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
}
