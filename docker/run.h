/*
 * One run by the Engine API: create, attach, start, wait, inspect, remove, and kill where pysbx
 * says so. Private to docker/.
 */
#ifndef PYSBX_DOCKER_RUN_H
#define PYSBX_DOCKER_RUN_H

#include <jansson.h>

#include "docker/api.h"

/* Where this program was started with them; docker/main.c says what they carry. */
enum { FD_IN = 0, FD_OUT = 1, FD_ERR = 2, FD_PLAN = 3, FD_CONTROL = 4 };

#define LABEL_RUN "pysbx.run" /* its value: who runs it, see owner_text() */

/* Carries the plan out. Says on FD_CONTROL what came of it. */
void run_container(struct api *api, const json_t *plan);

/* One line "word text" on FD_CONTROL; control characters become spaces. */
void say(const char *word, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_err(const char *word, const struct err *err);

/*
 * Passes bytes between FD_IN, FD_OUT, FD_ERR and the attached stream until its end. on_kill is
 * called once when pysbx says so, or is gone. 0, or -errno with err: the stream broke, or is
 * malformed.
 */
int attach_pump(struct api *api, CURL *stream, struct buf *first, void (*on_kill)(void *context),
	void *context, struct err *err);

/* "BOOT-ID PID-NAMESPACE PID START": nobody else is that process. */
const char *owner_text(char *text, size_t size);

/* Removes containers of ours whose owner was on this machine and is dead. */
void sweep(struct api *api);

/* The body of the create request. NULL with err. */
json_t *container_config(const json_t *plan, struct err *err);

/* The image that was recorded for a host, and its interpreter. False: there is none. */
bool image_recorded(const char *path, const char *host, char id[128], char python[256]);

/* Imports a tree as an image, records its id and says it ("image ID"). plan: dir, tag, record. */
int image_import(struct api *api, const json_t *plan, struct err *err);

#endif
