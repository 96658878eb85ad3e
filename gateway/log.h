/*
 * What the gateway says of itself: one line for each event on stderr, as text or as JSON. Never the
 * program's text, its output, or a token.
 */
#ifndef PYSBX_GATEWAY_LOG_H
#define PYSBX_GATEWAY_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
	enum log_level most; /* what is above it is left out */
	bool json;
};

void log_line(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
