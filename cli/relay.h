/*
 * The program's output on its way to pysbx's own stdout and stderr: live, byte for byte; made
 * visible where the destination is a terminal.
 */
#ifndef PYSBX_CLI_RELAY_H
#define PYSBX_CLI_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/text.h"
#include "runtime/runtime.h"

struct relay_stream {
	struct text_stream text;
	struct buf waiting; /* ready to be written, but the reader is slow */
	uint64_t passed;    /* bytes of the program's that were taken */
	bool is_terminal;
	int fd;      /* what is written to while the program runs */
	bool is_own; /* another open file description of the same thing, which never blocks */
	bool is_socket;
};

struct relay {
	struct relay_stream streams[2]; /* by enum rt_stream_id */
	int error; /* the first errno of a write; nothing is written after it */
	enum rt_stream_id error_stream;
};

void relay_start(struct relay *relay);

/*
 * For rt_plan.on_output, context a struct relay. Never blocks: what a slow reader does not take
 * waits for the next piece, at the latest for relay_end(). When the destination is gone the run is
 * ended by SIGTERM to ourselves, which rt_run() takes as the wish to stop.
 */
void relay_piece(void *context, enum rt_stream_id stream, struct str piece);

/*
 * After the run: what was kept and did not pass yet; where the middle was dropped, a line on stderr
 * says so between head and tail (unless quiet).
 */
void relay_end(struct relay *relay, const struct rt_result *result, const struct rt_limits *limits,
	bool quiet);

void relay_free(struct relay *relay);

#endif
