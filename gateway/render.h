/*
 * An answer of pysbx's as a tool's result: text that a model can act on, the object itself, images.
 */
#ifndef PYSBX_GATEWAY_RENDER_H
#define PYSBX_GATEWAY_RENDER_H

#include "gateway/request.h"

/* A stream's share of the text; the middle of what is longer is left out, the object has it all. */
#define RENDER_STREAM_MAX ((size_t)32 << 10)

/*
 * A new CallToolResult. object: pysbx's own, changed; NULL: there is none, why says the reason.
 * also_json adds the object as a text of its own.
 */
json_t *render_result(const struct tool *tool, json_t *object, const char *why, bool also_json);

/* A result that is an error of the caller's or the gateway's, in one text. */
json_t *render_refusal(const char *text);

#endif
