/* runtime/probe.h: whether a Docker daemon answers, and what that changes. */
#include <string.h>

#include "base/json.h"
#include "runtime/docker_internal.h"
#include "runtime/probe_internal.h"

#define ASK_SECONDS 30

static const char nothing_needed[] = "nothing needs it where the native backend works";

void probe_docker(struct probe *probe, struct probe_check *check)
{
	(void)probe;
	probe_untried(check, "the program that speaks to daemons");
}

static int ask(struct docker_call *call, int program, struct err *err)
{
	cleanup_buf struct buf plan = BUF_INIT(4096);
	struct json json;
	int code;

	json_init(&json, &plan);
	json_object(&json, NULL);
	json_text(&json, "act", "ask");
	json_object_end(&json);
	code = docker_call_start(call, program, buf_str(&plan), NULL, err);
	if (code < 0)
		return code;
	docker_call_finish(call, ASK_SECONDS);
	if (call->failed.code)
		*err = call->failed;
	return -err->code;
}

void rt_probe_docker(struct probe *probe, int program, const struct err *absent)
{
	struct probe_check *check = &probe->checks[PROBE_DOCKER];
	struct err err = program < 0 ? *absent : (struct err){0};
	struct docker_call call = {.pid = -1, .control = -1};

	if (program < 0 || ask(&call, program, &err) < 0) {
		probe_failed(check, "%s", err.text);
		probe_remedy(check, "%s; else: %s", nothing_needed, err.remedy);
		return;
	}
	probe_ok(check, "answers: %s", call.server);
	/* An image is made of the interpreter at first use. */
	if (probe->available || !probe->checks[PROBE_PYTHON].ok)
		return;
	probe->available = true;
	probe->backend = "docker";
	probe->tier = RT_TIER_REDUCED;
}
