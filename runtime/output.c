/* runtime/output.h: capturing a stream within its cap. */
#include "runtime/output.h"

#include <stdlib.h>
#include <string.h>

uint64_t output_flood(uint64_t cap)
{
	return (cap > 1024 ? cap : 1024) * 64;
}

void output_init(struct output *output, uint64_t cap)
{
	*output = (struct output){.cap = cap};
	/* The odd byte goes to the head. */
	output->head.max = (size_t)(cap - cap / 2);
	output->ring_size = (size_t)(cap / 2);
}

void output_free(struct output *output)
{
	buf_free(&output->head);
	free(output->ring);
	output->ring = NULL;
}

static void add_to_ring(struct output *output, const char *bytes, size_t len)
{
	size_t part;

	if (output->ring_size == 0 || len == 0)
		return;
	if (!output->ring)
		output->ring = malloc(output->ring_size);
	if (!output->ring) {
		output->failed = true;
		return;
	}
	if (len > output->ring_size) {
		/* Only the end can survive; the position stays true modulo the size. */
		output->ring_at = (output->ring_at + (len - output->ring_size)) % output->ring_size;
		bytes += len - output->ring_size;
		len = output->ring_size;
	}
	part = output->ring_size - output->ring_at;
	if (part > len)
		part = len;
	memcpy(output->ring + output->ring_at, bytes, part);
	memcpy(output->ring, bytes + part, len - part);
	output->ring_at = (output->ring_at + len) % output->ring_size;
}

void output_add(struct output *output, const char *bytes, size_t len, struct str *ret_head)
{
	size_t room = output->head.max - output->head.len;
	size_t to_head = len < room ? len : room;

	if (to_head && !buf_add(&output->head, bytes, to_head))
		output->failed = true;
	*ret_head = str_from(bytes, to_head);
	output->bytes += len;
	add_to_ring(output, bytes + to_head, len - to_head);
}

bool output_finish(struct output *output, struct rt_stream *ret)
{
	uint64_t past_head = output->bytes - output->head.len;

	ret->bytes = output->bytes;
	ret->truncated = output->bytes > output->cap;
	ret->head_len = output->head.len;
	ret->kept = output->head;
	output->head = (struct buf){0};
	ret->kept.max = (size_t)output->cap;
	if (!output->ring || output->failed)
		return !output->failed;
	if (past_head <= output->ring_size)
		return buf_add(&ret->kept, output->ring, (size_t)past_head);
	return buf_add(&ret->kept, output->ring + output->ring_at,
		       output->ring_size - output->ring_at) &&
	       buf_add(&ret->kept, output->ring, output->ring_at);
}
