/*
 * One thread, one poll(2): descriptors that are watched and moments that are waited for.
 *
 * Watches and timers belong to whoever adds them and must be taken out before they go away; a
 * callback may add and remove any of them, its own too.
 */
#ifndef PYSBX_GATEWAY_LOOP_H
#define PYSBX_GATEWAY_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop_watch {
	int fd;
	short events; /* of poll(2); may be changed at any time */
	void (*ready)(void *context, short events);
	void *context;
	size_t place; /* the loop's own: 1 + its index, 0 where it is not watched */
};

struct loop_timer {
	uint64_t at; /* CLOCK_MONOTONIC, nanoseconds */
	void (*fire)(void *context);
	void *context;
	struct loop_timer *next;
	bool armed;
};

struct loop {
	struct loop_watch **watches;
	struct pollfd *polls;
	size_t count, capacity;
	struct loop_timer *timers;
	bool stop; /* set it to end loop_turn()'s caller */
};

#define LOOP_MS UINT64_C(1000000)

uint64_t loop_now(void);

/* 0 or -ENOMEM. */
int loop_add(struct loop *loop, struct loop_watch *watch);
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* Fires once, at that moment or after it. Setting an armed timer moves it. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* Waits until something is due and does it. 0, or -errno of poll(2). */
int loop_turn(struct loop *loop);

void loop_free(struct loop *loop);

#endif
