/* cli/backend.h: native, oci:NAME, docker, and what auto makes of them. */
#include "cli/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/libexec.h"
#include "cli/screen.h"
#include "runtime/docker.h"
#include "runtime/oci.h"

static bool is_named(const struct settings *settings, const char *name)
{
	return strcmp(setting_text(settings, OPT_BACKEND), name) == 0;
}

bool backend_waits_for_guard(const struct settings *settings)
{
	return is_named(settings, "native") || is_named(settings, "auto");
}

static void cannot(struct rt_result *ret, const char *backend, const struct err *err)
{
	*ret = (struct rt_result){
		.exit_code = -1, .status = RT_UNAVAILABLE, .backend = backend, .error = err->code};
	snprintf(ret->message, sizeof(ret->message), "%s", err->text);
	snprintf(ret->remedy, sizeof(ret->remedy), "%s", err->remedy);
}

static void run_docker(
	const struct settings *settings, const struct rt_plan *plan, struct rt_result *ret)
{
	struct err err = {0};
	cleanup_fd int program = libexec_open("docker", "pysbx-docker", &err);
	const struct docker_options options = {.program = program,
		.host = setting_text(settings, OPT_DOCKER_HOST),
		.runtime = setting_text(settings, OPT_DOCKER_RUNTIME),
		.image = setting_text(settings, OPT_IMAGE)};

	if (program < 0)
		cannot(ret, "docker", &err);
	else
		docker_run(plan, &options, ret);
}

/* The version that the guard read it as; with another image than this machine's they may differ. */
static unsigned screened_minor(const struct settings *settings)
{
	struct python python;
	struct err ignored;
	unsigned minor;

	/* --guard off: nothing was read. */
	if (setting_number(settings, OPT_GUARD) == 2 ||
		screen_target(settings, &python, &minor, &ignored) < 0)
		return 0;
	return minor;
}

static void say_tried(const char *what, const char *message, const char *remedy)
{
	struct err err = {0};

	err_set(&err, ENOTSUP, "%s: %s", what, message);
	if (remedy[0])
		err_remedy(&err, "%s", remedy);
	cli_report(&err);
}

/* Neither served: what each said, in one. */
static void join(const struct rt_result *native, struct rt_result *docker, bool quiet)
{
	struct rt_result both = {.exit_code = -1, .status = RT_UNAVAILABLE, .error = native->error};
	const char *second = docker->remedy[0] ? docker->remedy : "see pysbx-docker(1)";

	if (!quiet) {
		say_tried("native", native->message, native->remedy);
		say_tried("docker", docker->message, docker->remedy);
	}
	snprintf(both.message, sizeof(both.message),
		"nothing here isolates: native: %.250s; docker: %.250s", native->message,
		docker->message);
	snprintf(both.remedy, sizeof(both.remedy), "native: %.370s; docker: %.370s", native->remedy,
		second);
	rt_result_free(docker);
	*docker = both;
}

static void run_auto(
	const struct settings *settings, struct rt_plan *plan, bool quiet, struct rt_result *ret)
{
	struct rt_result native;

	rt_run(plan, &native);
	/* Only what was not begun for want of isolation may be tried elsewhere. */
	if (native.status != RT_UNAVAILABLE || native.ran || native.interrupted ||
		(plan->may_run && !plan->may_run(plan->may_run_context))) {
		*ret = native;
		return;
	}
	plan->minor = screened_minor(settings);
	run_docker(settings, plan, ret);
	if (ret->status == RT_UNAVAILABLE && !ret->ran)
		join(&native, ret, quiet);
	else if (!quiet)
		cli_error("native isolation cannot be had (%s): the Docker backend ran it",
			native.message);
	rt_result_free(&native);
}

void backend_run(
	const struct settings *settings, struct rt_plan *plan, bool quiet, struct rt_result *ret)
{
	const char *backend = setting_text(settings, OPT_BACKEND);

	if (is_named(settings, "native")) {
		rt_run(plan, ret);
	} else if (is_named(settings, "auto")) {
		run_auto(settings, plan, quiet, ret);
	} else {
		plan->minor = screened_minor(settings);
		if (is_named(settings, "docker"))
			run_docker(settings, plan, ret);
		else
			oci_run(plan, backend + strlen("oci:"), ret);
	}
}
