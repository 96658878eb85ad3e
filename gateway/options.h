/* The command line of `pysbx mcp`. */
#ifndef PYSBX_GATEWAY_OPTIONS_H
#define PYSBX_GATEWAY_OPTIONS_H

#include "base/buf.h"
#include "gateway/http.h"
#include "gateway/log.h"

#define TOKEN_MAX 1024

struct options {
	int pysbx; /* the program that started us, by descriptor */
	bool help;
	struct http_options http; /* address NULL: stdio */
	char token[TOKEN_MAX];
	unsigned jobs, queue;
	bool json_text;
	struct log log;
};

/* 0, or a negative errno and err. Reads the token's file. */
int options_read(int argc, char **argv, struct options *ret, struct err *err);

/* What --help prints. */
void options_help(struct buf *out);

#endif
