/* docker/run.h: containers that nobody waits for any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "docker/run.h"

#define SWEEP_SECONDS 5

/* This boot and this view of pids; "" where that cannot be told. */
static void place_text(char *text, size_t size)
{
	cleanup_buf struct buf boot = BUF_INIT(64);
	struct stat st;

	*text = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", &boot, NULL) < 0 || boot.len < 36 ||
		stat("/proc/self/ns/pid", &st) < 0)
		return;
	snprintf(text, size, "%.36s %llu", boot.data, (unsigned long long)st.st_ino);
}

const char *owner_text(char *text, size_t size)
{
	char place[80];

	place_text(place, sizeof(place));
	snprintf(text, size, "%s %ld %llu", place, (long)getpid(), process_start_time(getpid()));
	return text;
}

static bool is_dead(const char *owner, const char *place)
{
	size_t len = strlen(place);
	unsigned long long ticks;
	long pid;

	if (!owner || len == 0 || strncmp(owner, place, len) != 0 ||
		sscanf(owner + len, " %ld %llu", &pid, &ticks) != 2)
		return false;
	return process_start_time(pid) != ticks;
}

static void remove_dead(struct api *api, const json_t *container, const char *place)
{
	const char *id = json_string_value(json_object_get(container, "Id"));
	const json_t *labels = json_object_get(container, "Labels");
	struct api_answer answer;
	struct err ignored;
	char path[160];

	if (!id || strlen(id) > 80 ||
		!is_dead(json_string_value(json_object_get(labels, LABEL_RUN)), place))
		return;
	snprintf(path, sizeof(path), "/containers/%s?force=1&v=1", id);
	if (api_call(api, "DELETE", path, NULL, SWEEP_SECONDS, &answer, &ignored) == 0)
		api_answer_free(&answer);
}

void sweep(struct api *api)
{
	struct api_answer answer;
	struct err ignored;
	char place[80];
	size_t i;
	json_t *one;

	place_text(place, sizeof(place));
	if (api_call(api, "GET",
		    "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" LABEL_RUN "%22%5D%7D",
		    NULL, SWEEP_SECONDS, &answer, &ignored) < 0)
		return;
	json_array_foreach(answer.json, i, one) remove_dead(api, one, place);
	api_answer_free(&answer);
}
