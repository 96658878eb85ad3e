/*
 * One `pysbx run` or `pysbx check` of its own for each request: started, read, waited for.
 *
 * The program's text, its input and its files reach pysbx in memory files, never on a command line
 * and never on a disk. It dies with the gateway, whatever ends that, and takes its sandbox along.
 */
#ifndef PYSBX_GATEWAY_CHILD_H
#define PYSBX_GATEWAY_CHILD_H

#include <jansson.h>

#include "gateway/loop.h"
#include "gateway/request.h"

struct child;

/*
 * How it ended: pysbx's own object, or NULL where there is none and the sentence why. Both are
 * borrowed. The child is gone and is freed after the call.
 */
typedef void child_ended(void *context, json_t *result, const char *why);

/*
 * Starts pysbx (an open program file) on the request, which need not stay. NULL and a sentence
 * where that fails. ended() is called from the loop, never from within.
 */
struct child *child_start(struct loop *loop, int pysbx, const struct request *request,
	child_ended *ended, void *context, char text[REQUEST_TEXT_MAX]);

/* Asks it to end now, insists later; ended() still comes. */
void child_stop(struct child *child);

/* Kills it and waits for it: no ended(). For the end of the gateway. */
void child_kill(struct child *child);

#endif
