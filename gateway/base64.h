/* Base64 (RFC 4648). */
#ifndef PYSBX_GATEWAY_BASE64_H
#define PYSBX_GATEWAY_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes in place, with or without padding; white space is passed over. False for anything else,
 * and the bytes are then of no use. The result is not terminated.
 */
bool base64_decode(char *data, size_t *len);

#endif
