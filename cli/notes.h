/*
 * What pysbx itself has to say about a result, on stderr, for people.
 */
#ifndef PYSBX_CLI_NOTES_H
#define PYSBX_CLI_NOTES_H

#include <stdbool.h>

#include "runtime/runtime.h"

struct notes_options {
	bool quiet;   /* only what made pysbx itself fail */
	bool verbose; /* isolation, usage, steps */
	bool json;    /* the object has it all: only what made pysbx itself fail */
	const struct rt_limits *limits; /* of the run; borrowed */
	/* By the monotonic clock: pysbx run began, the runtime was called, it was done; or 0. */
	uint64_t began_ns, called_ns, done_ns;
};

void notes_print(const struct rt_result *result, const struct notes_options *options);

#endif
