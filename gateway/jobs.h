/*
 * Runs at work and runs that wait. At most `most` are at work at once; at most `most_waiting` wait,
 * in the order they came; what is past that is refused.
 */
#ifndef PYSBX_GATEWAY_JOBS_H
#define PYSBX_GATEWAY_JOBS_H

#include "gateway/child.h"

struct job {
	struct request request; /* owned */
	/* Called from the loop: when it begins, and once when it is over. NULL: nobody asks. */
	void (*started)(void *context);
	child_ended *ended;
	void *context;
	/* the queue's own */
	struct jobs *jobs;
	struct child *child;
	struct job *next;
};

struct jobs {
	struct loop *loop;
	int pysbx;
	unsigned most, most_waiting;
	unsigned at_work, waiting;
	size_t waiting_bytes;
	struct job *running;
	struct job *first, **last; /* waiting */
	struct loop_timer begin;
};

/* Bytes that those that wait may hold together. */
#define JOBS_WAITING_BYTES ((size_t)256 << 20)

void jobs_init(
	struct jobs *jobs, struct loop *loop, int pysbx, unsigned most, unsigned most_waiting);

/* True where one more job of this size would be taken. */
bool jobs_has_room(const struct jobs *jobs, size_t size);

/* Takes a job over (from calloc). It begins from the loop. Not without room. */
void jobs_add(struct jobs *jobs, struct job *job);

/* Ends it, at work or waiting. Neither callback comes any more. */
void jobs_cancel(struct jobs *jobs, struct job *job);

/* Ends all there are, without a callback: asks first, kills what is left at `until`. */
void jobs_end(struct jobs *jobs, uint64_t until);

#endif
