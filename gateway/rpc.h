/*
 * JSON-RPC 2.0 as MCP narrows it (modelcontextprotocol.io, specification, basic): bytes to messages
 * and back. It knows no method.
 *
 * What is not accepted: anything but JSON in UTF-8, a name twice in one object, more than RPC_DEPTH
 * levels or RPC_VALUES values (a small text could else fill the memory), numbers past 64 bits. An
 * id is a string or an integer. Members that are not known are none of our business.
 */
#ifndef PYSBX_GATEWAY_RPC_H
#define PYSBX_GATEWAY_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define RPC_MESSAGE_MAX ((size_t)16 << 20) /* bytes of one message */
#define RPC_DEPTH       64
#define RPC_VALUES      100000
#define RPC_TEXT_MAX    160

/* How messages are written: 0.1 as 0.1, integers up to 2^53 exact where they came as reals. */
#define RPC_DUMP        (JSON_COMPACT | JSON_REAL_PRECISION(16))

/* The codes of JSON-RPC, then those of MCP 2026-07-28. */
enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_HEADER_MISMATCH = -32020,
	RPC_UNSUPPORTED_VERSION = -32022,
};

enum rpc_kind {
	RPC_BAD,          /* code and text say what is wrong with it */
	RPC_REQUEST,      /* id, method, perhaps params */
	RPC_NOTIFICATION, /* method, perhaps params */
	RPC_RESPONSE,     /* of no use to a server that asks nothing */
	RPC_BATCH,        /* whole is an array, not empty */
};

struct rpc_message {
	enum rpc_kind kind;
	json_t *whole; /* owned; the rest is borrowed from it */
	json_t *id;    /* NULL: none, or none that could be answered */
	const char *method;
	json_t *params;  /* an object, or NULL */
	bool surrogates; /* an escape named half a character; U+FFFD stands in its place */
	enum rpc_code code;
	char text[RPC_TEXT_MAX];
};

/* Reads one message. Overwrites escapes in bytes that name half a character. Never fails. */
void rpc_read(char *bytes, size_t len, struct rpc_message *ret);

/* One message out of a batch; borrows element, which must stay. */
void rpc_look(json_t *element, struct rpc_message *ret);

void rpc_free(struct rpc_message *message);

/*
 * JSON text of anyone's, within the limits above but for RPC_VALUES: a new reference, or NULL and
 * the reason. *ret_surrogates may be NULL.
 */
json_t *rpc_parse(
	char *bytes, size_t len, size_t most_values, bool *ret_surrogates, char text[RPC_TEXT_MAX]);

/* The text of a string; NULL for what is none, or has a NUL in it and would be cut short. */
const char *rpc_word(const json_t *string);

/* A string of any bytes: where they are not UTF-8, with '?' for all but ASCII. A new reference. */
json_t *rpc_string(const char *bytes, size_t len);

/* Messages to send: new references, NULL without memory. result, params and data are taken. */
json_t *rpc_result(json_t *id, json_t *result);
json_t *rpc_error(json_t *id, enum rpc_code code, const char *text, json_t *data);
json_t *rpc_notification(const char *method, json_t *params);

#endif
