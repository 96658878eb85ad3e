/*
 * pysbx-docker: the Docker Engine API for pysbx, which starts it and is the only one who does.
 *
 * Descriptors: 0, 1 and 2 are the container's standard input, output and error; 3 is the plan, a
 * JSON object; 4 is a socket to pysbx. On it go lines "word text" that say what happens (server,
 * started, ended, failed, broken, left, image, remedy, warning, done); a byte from the other side,
 * or its end, means that the container must end now. So nothing of pysbx's death or of a signal to
 * it is lost: this program lives on until the container is gone.
 *
 * It knows nothing of policies, and judges nothing: the verdict is pysbx's (runtime/contained.c).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "docker/run.h"

#define PLAN_MAX ((size_t)4 << 20)

static json_t *read_plan(void)
{
	cleanup_buf struct buf text = BUF_INIT(PLAN_MAX);

	if (fd_read_all(FD_PLAN, &text) < 0 || !text.len)
		return NULL;
	return json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
}

static void act(struct api *api, const json_t *plan)
{
	const char *act = json_string_value(json_object_get(plan, "act"));
	struct err err = {0};

	say("server", "%s %s 1.%u", api->podman ? "podman" : "docker", api->host, api->minor);
	if (act && strcmp(act, "run") == 0)
		run_container(api, plan);
	else if (act && strcmp(act, "import") == 0 && image_import(api, plan, &err) < 0)
		say_err("failed", &err);
}

int main(void)
{
	struct err err = {0};
	json_t *plan = NULL;
	struct api api;

	/* They end the run by way of pysbx, which gets them too. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (lseek(FD_PLAN, 0, SEEK_SET) < 0 || !(plan = read_plan())) {
		fprintf(stderr, "pysbx-docker: is started by pysbx (--backend docker)\n");
		return 2;
	}
	if (api_open(&api, json_string_value(json_object_get(plan, "host")), FD_CONTROL, &err) < 0)
		say_err("failed", &err);
	else
		act(&api, plan);
	say("done", "%s", "all");
	api_close(&api);
	json_decref(plan);
	return 0;
}
