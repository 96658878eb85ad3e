/* What an HTTP request must be before its body is read, and where to listen. No libmicrohttpd. */
#ifndef PYSBX_GATEWAY_HTTP_CHECK_H
#define PYSBX_GATEWAY_HTTP_CHECK_H

#include "gateway/http.h"

#define HTTP_VALUE_MAX 512

/* The parts of a request that decide; NULL: not given. */
struct http_asked {
	const char *path, *method, *host, *origin, *authorization, *type, *encoding;
};

/* 0: it may go on; otherwise the status to refuse it with, and why. */
unsigned http_judge(
	const struct http_options *options, const struct http_asked *asked, const char **ret_text);

/* A header's value without white space around it, in text. NULL for none or one that is too long.
 */
const char *http_value(const char *value, char text[HTTP_VALUE_MAX]);

/* The same, or what it holds as =?base64?...?=. NULL for a wrong one too. */
const char *http_decode(const char *value, char text[HTTP_VALUE_MAX]);

/* A listening socket for options->address, its URL with the port that it got. Negative: err. */
int http_listen(const struct http_options *options, char *url, size_t size, struct err *err);

#endif
