/*
 * One captured stream: the head is kept as it comes, the tail in a ring, what lies between is
 * counted.
 */
#ifndef PYSBX_RUNTIME_OUTPUT_H
#define PYSBX_RUNTIME_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "runtime/runtime.h"

struct output {
	struct buf head;
	char *ring; /* allocated when the head is full */
	size_t ring_size;
	size_t ring_at; /* where the next byte goes */
	uint64_t bytes; /* seen in all */
	uint64_t cap;   /* kept at the most */
	bool failed;    /* no memory for the ring */
};

/* A stream longer than this ends the run: 64 times what is kept of it, and at least 64 KiB. */
uint64_t output_flood(uint64_t cap);

void output_init(struct output *output, uint64_t cap);
void output_free(struct output *output);

/* Takes bytes; *ret_head is the part of them that went to the head (for live display). */
void output_add(struct output *output, const char *bytes, size_t len, struct str *ret_head);

/* Moves what was kept into *ret; false without memory. */
bool output_finish(struct output *output, struct rt_stream *ret);

#endif
