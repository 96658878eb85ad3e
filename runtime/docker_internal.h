/* Private to runtime/docker.c (runs) and runtime/docker_image.c (images). */
#ifndef PYSBX_RUNTIME_DOCKER_INTERNAL_H
#define PYSBX_RUNTIME_DOCKER_INTERNAL_H

#include <limits.h>
#include <sys/types.h>

#include "base/buf.h"
#include "runtime/docker.h"

/* The program that speaks the API, while it runs. */
struct docker_call {
	pid_t pid;
	int control;
	struct buf said; /* not yet taken */
	bool done;
	bool remote;
	bool podman;
	bool no_image; /* the recorded image is not there, or none is recorded */
	bool oom;
	struct err failed; /* code 0: it did not say so */
	char image[128];
	char server[200]; /* "docker unix:///run/docker.sock 1.41" */
};

/* Starts it. inside: NULL, or the container's streams. 0 or -errno. */
int docker_call_start(
	struct docker_call *call, int program, struct str plan, const int *inside, struct err *err);

/* Takes what it has said by now. */
void docker_call_listen(struct docker_call *call);

/* Listens to its end, for so many seconds at the most, and reaps it. */
void docker_call_finish(struct docker_call *call, int seconds);

/* The file that the image of that interpreter is recorded in, and its tag. 0 or -errno with err. */
int docker_image_record(const char *python, char path[PATH_MAX], char tag[40], struct err *err);

#endif
