/* The queue of runs (gateway/jobs.h). */
#include "gateway/jobs.h"

#include <stdlib.h>

static void begin_some(void *context);

void jobs_init(
	struct jobs *jobs, struct loop *loop, int pysbx, unsigned most, unsigned most_waiting)
{
	*jobs = (struct jobs){.loop = loop,
		.pysbx = pysbx,
		.most = most,
		.most_waiting = most_waiting,
		.last = &jobs->first,
		.begin = {.fire = begin_some, .context = jobs}};
}

bool jobs_has_room(const struct jobs *jobs, size_t size)
{
	unsigned idle = jobs->at_work < jobs->most ? jobs->most - jobs->at_work : 0;

	return jobs->waiting < jobs->most_waiting + idle &&
	       size <= JOBS_WAITING_BYTES - jobs->waiting_bytes;
}

static void free_job(struct job *job)
{
	request_free(&job->request);
	free(job);
}

/* Takes the first that waits out of the queue. */
static struct job *next_job(struct jobs *jobs)
{
	struct job *job = jobs->first;

	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	jobs->waiting--;
	jobs->waiting_bytes -= job->request.size;
	return job;
}

static void leave(struct jobs *jobs, struct job *job)
{
	struct job **link = &jobs->running;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	jobs->at_work--;
	if (jobs->first)
		loop_timer_set(jobs->loop, &jobs->begin, loop_now());
}

static void job_ended(void *context, json_t *result, const char *why)
{
	struct job *job = context;

	job->child = NULL;
	leave(job->jobs, job);
	if (job->ended)
		job->ended(job->context, result, why);
	free_job(job);
}

static void begin(struct jobs *jobs, struct job *job)
{
	char text[REQUEST_TEXT_MAX];

	job->next = jobs->running;
	jobs->running = job;
	jobs->at_work++;
	if (job->started)
		job->started(job->context);
	job->child = child_start(jobs->loop, jobs->pysbx, &job->request, job_ended, job, text);
	if (!job->child)
		job_ended(job, NULL, text);
}

static void begin_some(void *context)
{
	struct jobs *jobs = context;

	while (jobs->first && jobs->at_work < jobs->most)
		begin(jobs, next_job(jobs));
}

void jobs_add(struct jobs *jobs, struct job *job)
{
	job->jobs = jobs;
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
	jobs->waiting++;
	jobs->waiting_bytes += job->request.size;
	if (jobs->at_work < jobs->most)
		loop_timer_set(jobs->loop, &jobs->begin, loop_now());
}

void jobs_cancel(struct jobs *jobs, struct job *job)
{
	job->started = NULL;
	job->ended = NULL;
	if (job->child) {
		child_stop(job->child);
		return;
	}
	for (struct job **link = &jobs->first; *link; link = &(*link)->next) {
		if (*link != job)
			continue;
		*link = job->next;
		if (jobs->last == &job->next)
			jobs->last = link;
		jobs->waiting--;
		jobs->waiting_bytes -= job->request.size;
		free_job(job);
		return;
	}
}

static void wake_up(void *context)
{
	(void)context;
}

void jobs_end(struct jobs *jobs, uint64_t until)
{
	struct loop_timer wake = {.fire = wake_up};

	jobs->loop->stop = false;
	while (jobs->first)
		jobs_cancel(jobs, jobs->first);
	for (struct job *job = jobs->running; job; job = job->next)
		jobs_cancel(jobs, job);
	while (jobs->running && loop_now() < until) {
		loop_timer_set(jobs->loop, &wake, until);
		if (loop_turn(jobs->loop) < 0)
			break;
	}
	loop_timer_clear(jobs->loop, &wake);
	while (jobs->running) {
		struct job *job = jobs->running;

		if (job->child)
			child_kill(job->child);
		leave(jobs, job);
		free_job(job);
	}
	loop_timer_clear(jobs->loop, &jobs->begin);
}
