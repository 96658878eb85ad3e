/*
 * A JSON writer (RFC 8259) onto a struct buf: one line, no white space but after nothing.
 *
 * Output is plain ASCII where it must be safe to print: controls, DEL, U+0085, U+2028 and U+2029
 * are escaped; other characters stay UTF-8. Bytes that are not UTF-8 become U+FFFD, and a surrogate
 * in its three-byte form becomes \udXXX. Commas are the writer's business. Nesting: JSON_DEPTH
 * levels, an assertion past it (the depth is the program's own, never the input's).
 */
#ifndef PYSBX_BASE_JSON_H
#define PYSBX_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define JSON_DEPTH 16

struct json {
	struct buf *out;
	unsigned depth;
	bool need_comma[JSON_DEPTH];
};

void json_init(struct json *json, struct buf *out);

/* key is NULL inside an array and at the top. */
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_str(struct json *json, const char *key, struct str value);
void json_text(struct json *json, const char *key, const char *value); /* NULL writes null */
void json_int(struct json *json, const char *key, int64_t value);
void json_uint(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);
/* Nanoseconds as milliseconds with three decimals at the most. */
void json_millis(struct json *json, const char *key, uint64_t nanoseconds);
/* RFC 4648 base64 with padding. */
void json_base64(struct json *json, const char *key, struct str bytes);

/* Only the quoted, escaped string; for writers that stream by themselves. */
void json_quote(struct buf *out, struct str value);

/* Length of the valid UTF-8 sequence at s[0..len), 0 if there is none. Surrogates count as invalid.
 */
size_t utf8_sequence(const char *s, size_t len);

/* True if all of s is valid UTF-8 (no surrogates). */
bool utf8_valid(struct str s);

#endif
