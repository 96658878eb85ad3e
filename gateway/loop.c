/* Waiting for descriptors and moments (gateway/loop.h). */
#include "gateway/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

uint64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * LOOP_MS + (uint64_t)now.tv_nsec;
}

static int grow(struct loop *loop)
{
	size_t capacity = loop->capacity ? loop->capacity * 2 : 16;
	struct loop_watch **watches;
	struct pollfd *polls;

	watches = reallocarray(loop->watches, capacity, sizeof(*watches));
	if (!watches)
		return -ENOMEM;
	loop->watches = watches;
	polls = reallocarray(loop->polls, capacity, sizeof(*polls));
	if (!polls)
		return -ENOMEM;
	loop->polls = polls;
	loop->capacity = capacity;
	return 0;
}

int loop_add(struct loop *loop, struct loop_watch *watch)
{
	int code = loop->count == loop->capacity ? grow(loop) : 0;

	if (code < 0)
		return code;
	loop->watches[loop->count++] = watch;
	watch->place = loop->count;
	return 0;
}

/* The place stays empty until the turn is over, which goes through the list. */
void loop_remove(struct loop *loop, struct loop_watch *watch)
{
	if (!watch->place)
		return;
	loop->watches[watch->place - 1] = NULL;
	watch->place = 0;
}

static void close_gaps(struct loop *loop)
{
	size_t kept = 0;

	for (size_t i = 0; i < loop->count; i++) {
		if (!loop->watches[i])
			continue;
		loop->watches[kept++] = loop->watches[i];
		loop->watches[kept - 1]->place = kept;
	}
	loop->count = kept;
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **link = &loop->timers;

	if (!timer->armed)
		return;
	while (*link != timer)
		link = &(*link)->next;
	*link = timer->next;
	timer->armed = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at)
{
	loop_timer_clear(loop, timer);
	timer->at = at;
	timer->armed = true;
	timer->next = loop->timers;
	loop->timers = timer;
}

/* Milliseconds until the first timer, rounded up so that it is due then. */
static int patience(const struct loop *loop)
{
	uint64_t now = loop_now(), first = UINT64_MAX;

	for (const struct loop_timer *timer = loop->timers; timer; timer = timer->next)
		if (timer->at < first)
			first = timer->at;
	if (first == UINT64_MAX)
		return -1;
	if (first <= now)
		return 0;
	first = (first - now + LOOP_MS - 1) / LOOP_MS;
	return first > INT_MAX ? INT_MAX : (int)first;
}

static struct loop_timer *due(const struct loop *loop, uint64_t now)
{
	struct loop_timer *first = NULL;

	for (struct loop_timer *timer = loop->timers; timer; timer = timer->next)
		if (timer->at <= now && (!first || timer->at < first->at))
			first = timer;
	return first;
}

int loop_turn(struct loop *loop)
{
	struct loop_timer *timer;
	uint64_t now;
	size_t count;

	close_gaps(loop);
	count = loop->count;
	for (size_t i = 0; i < count; i++)
		loop->polls[i] = (struct pollfd){
			.fd = loop->watches[i]->fd, .events = loop->watches[i]->events};
	if (poll(loop->polls, count, patience(loop)) < 0 && errno != EINTR)
		return -errno;
	for (size_t i = 0; i < count && !loop->stop; i++)
		if (loop->watches[i] && loop->polls[i].revents)
			loop->watches[i]->ready(loop->watches[i]->context, loop->polls[i].revents);
	now = loop_now();
	while (!loop->stop && (timer = due(loop, now))) {
		loop_timer_clear(loop, timer);
		timer->fire(timer->context);
	}
	return 0;
}

void loop_free(struct loop *loop)
{
	free(loop->watches);
	free(loop->polls);
	loop->watches = NULL;
	loop->polls = NULL;
}
