/*
 * The Docker backend, seen from pysbx: a run in a container of a daemon that speaks the Docker
 * Engine API. The API itself is spoken by a program of its own (docker/), which is started here
 * with the three streams, the plan and a socket (docker/main.c says what goes over it). It never
 * sees the policy, and its word never is the verdict.
 */
#ifndef PYSBX_RUNTIME_DOCKER_H
#define PYSBX_RUNTIME_DOCKER_H

#include "runtime/runtime.h"

struct docker_options {
	int program;         /* of docker/, opened by cli/libexec.c */
	const char *host;    /* --docker-host, or NULL */
	const char *runtime; /* --docker-runtime, or NULL */
	const char *image;   /* --image, or NULL: the one made from the plan's interpreter */
};

/* True for an id or a digest: "sha256:HEX", "NAME@sha256:HEX", or 12 to 64 hexadecimal digits. */
bool docker_image_is_fixed(const char *image);

/* As rt_run(). Without an image, one is made at first use. */
int docker_run(
	const struct rt_plan *plan, const struct docker_options *options, struct rt_result *ret);

struct docker_image {
	char id[128];
	unsigned minor; /* of its Python 3 */
	uint64_t bytes;
	uint64_t files;
};

/*
 * Makes the image of an interpreter (as --python; NULL: the default) and records its id. 0 or
 * -errno with err.
 */
int docker_image_make(const char *python, const struct docker_options *options,
	struct docker_image *ret, struct err *err);

#endif
