/*
 * pysbx run: reads one program, screens it, runs it once, says how it ended.
 *
 * Every way out goes through finish(): one result, as text, JSON or both, and one exit status. The
 * guard decides before the runtime starts anything; the runtime never learns of the guard.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/nls.h"
#include "cli/notes.h"
#include "cli/relay.h"
#include "cli/plan.h"
#include "cli/report.h"
#include "cli/screen.h"
#include "cli/show.h"
#include "cli/values.h"

#define ARENA_BYTES ((size_t)16 << 20) /* settings, lists and names */

enum guard_mode { GUARD_ENFORCE, GUARD_WARN, GUARD_OFF }; /* in the order of the option's words */

struct run {
	struct arena *arena;
	struct command_line line;
	struct settings settings;
	struct input input;
	struct screening screening;
	struct python python; /* that the guard asked for; empty where it did not have to */
	enum guard_mode guard;
	bool screened; /* or at it */
	bool judged;
	bool allowed;
	struct rt_plan plan;
	struct rt_result result;
	struct relay relay;
	int stdin_fd;
	int fetch_dir;
	bool json;
	bool quiet;
	bool settled;    /* the settings hold */
	int status_fd;   /* -1: none */
	int exit_status; /* -1: the result's */
	uint64_t began_ns, called_ns, done_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int help(void)
{
	cleanup_buf struct buf out = BUF_INIT(64 << 10);

	buf_add_text(&out, "usage: pysbx run [options] FILE|-|-c CODE [-- ARGS...]\n\n"
			   "Screens a Python program, then runs it once in a fresh sandbox.\n");
	options_help(&out, ON_RUN);
	buf_add_text(&out,
		"\nExit status: the program's own; 124 a time limit; 125 pysbx failed, no "
		"isolation,\nbad usage; 126 refused by the guard; 127 not found; 128+N "
		"killed by signal N.\n"
		"Settings are also read from PYSBX_* variables and configuration files; "
		"see pysbx(1).\n");
	return cli_finish(&out, CLI_OK, CLI_RUN_FAILED);
}

/* A result of pysbx's own making, before or instead of a run. Returns -1, for `return fail(...)`.
 */
static int fail(struct run *run, enum rt_status status, int exit_status, const struct err *err)
{
	run->result.status = status;
	run->exit_status = exit_status;
	snprintf(run->result.message, sizeof(run->result.message), "%s", err->text);
	snprintf(run->result.remedy, sizeof(run->result.remedy), "%s", err->remedy);
	return -1;
}

static int exit_for(const struct err *err)
{
	return err->code == ENOENT ? CLI_RUN_NOT_FOUND : CLI_RUN_FAILED;
}

static int settle(struct run *run)
{
	struct settings_places places;
	struct err err = {0};
	int code = 0;

	if (settings_places(run->arena, &places) < 0)
		code = err_set(&err, ENOMEM, "no memory");
	if (code == 0)
		code = settings_resolve(
			&run->line, ON_RUN, environ, &places, run->arena, &run->settings, &err);
	if (code == 0)
		code = plan_check_usage(&run->settings, &err);
	if (code < 0)
		return fail(run, RT_ERROR, CLI_RUN_FAILED, &err);
	run->json = setting_number(&run->settings, OPT_JSON) != 0;
	run->quiet = setting_number(&run->settings, OPT_QUIET) != 0;
	run->settled = true;
	if (run->settings.stray_variable && !run->quiet)
		cli_error("%s is not a setting; did you mean %s?", run->settings.stray_variable,
			run->settings.stray_near);
	return 0;
}

static int read_program(struct run *run)
{
	const char *operand = run->line.words.count ? run->line.words.texts[0] : NULL;
	struct err err = {0};

	if (input_read(operand, run->line.values[OPT_CODE], &run->input, &err) < 0)
		return fail(run, RT_ERROR, exit_for(&err), &err);
	return 0;
}

static void show_findings(const struct run *run)
{
	cleanup_buf struct buf out = BUF_INIT(REPORT_MAX);
	bool color = cli_wants_color(setting_text(&run->settings, OPT_COLOR), STDERR_FILENO);

	show_report(&out, &run->input, &run->screening, color);
	cli_write(STDERR_FILENO, buf_str(&out));
}

static int reject(struct run *run)
{
	const struct guard_report *report = &run->screening.report;
	const struct guard_finding *first = &report->findings[0];
	bool compiles = true;
	struct err err = {0};

	/* A warning is no reason; what does not compile is one above the others. */
	for (uint32_t i = report->count; i-- > 0;)
		if (report->findings[i].severity == GUARD_SEVERITY_ERROR)
			first = &report->findings[i];
	for (uint32_t i = 0; i < report->count; i++)
		if (report->findings[i].rule == GUARD_RULE_SYNTAX ||
			report->findings[i].rule == GUARD_RULE_COMPILE)
			compiles = false;

	err_set(&err, EPERM, "%s:%u: %s%s", run->input.name, first->line, first->message,
		report->count > 1 ? " (and more)" : "");
	err_remedy(&err, "%s", _(guard_rules[first->rule].remedy));
	return fail(run, compiles ? RT_REJECTED : RT_SYNTAX_ERROR, -1, &err);
}

/* What two versions read differently is screened as one of them and run as the other. */
static void warn_of_other_version(struct run *run, unsigned minor)
{
	struct err ignored;

	if (run->quiet || !setting_text(&run->settings, OPT_TARGET_VERSION) ||
		screen_interpreter(&run->settings, &run->python, &ignored) < 0 ||
		run->python.minor == minor)
		return;
	cli_error("screened as Python 3.%u but run by Python 3.%u: the guard may misread it", minor,
		run->python.minor);
}

/* Begins to judge the program; may_run() has the verdict. */
static int screen(struct run *run)
{
	const struct guard_policy *policy;
	struct err err = {0};
	unsigned minor;

	run->guard = (enum guard_mode)setting_number(&run->settings, OPT_GUARD);
	if (run->guard == GUARD_OFF)
		return 0;
	if (screen_target(&run->settings, &run->python, &minor, &err) < 0)
		return fail(run, RT_ERROR, exit_for(&err), &err);
	policy = screen_policy(setting_text(&run->settings, OPT_POLICY), run->arena, &err);
	if (!policy)
		return fail(run, RT_ERROR, CLI_RUN_FAILED, &err);
	warn_of_other_version(run, minor);
	screen_begin(&run->settings, policy, &run->input, minor, &run->screening);
	run->screened = true;
	return 0;
}

/* The runtime asks when all is ready and nothing has begun; the answer stays. */
static bool may_run(void *context)
{
	struct run *run = context;
	const struct guard_report *report = &run->screening.report;

	if (run->guard == GUARD_OFF)
		return true;
	if (run->judged)
		return run->allowed;
	screen_end(&run->screening);
	run->judged = true;
	run->allowed = report->verdict == GUARD_ALLOW ||
		       (report->verdict == GUARD_REJECT && run->guard == GUARD_WARN);
	if (report->verdict != GUARD_ERROR && report->count &&
		(!run->json || run->guard == GUARD_WARN))
		show_findings(run);
	return run->allowed;
}

/* The result of a program that may not run. */
static int refuse(struct run *run)
{
	struct err err = {0};

	rt_result_free(&run->result);
	run->result = (struct rt_result){.exit_code = -1};
	if (run->screening.report.verdict != GUARD_ERROR)
		return reject(run);
	err_set(&err, ENOMEM, "%s: %s", run->input.name, run->screening.report.message);
	return fail(run, RT_ERROR, CLI_RUN_FAILED, &err);
}

static int prepare(struct run *run)
{
	const char *dir = setting_text(&run->settings, OPT_FETCH_DIR);
	struct err err = {0};
	int code = plan_make(&run->settings, &run->input, &run->plan, &err);

	/* Looked for once: what the program was read as is what runs it. */
	if (run->python.program)
		run->plan.interpreter = &run->python;
	if (code == 0)
		code = plan_open_stdin(&run->settings, &run->stdin_fd, &err);
	run->plan.stdin_fd = run->stdin_fd;
	if (code == 0)
		code = rt_plan_check(&run->plan, &err);
	if (code < 0)
		return fail(run, RT_ERROR, exit_for(&err), &err);
	if (dir) {
		run->fetch_dir = fetch_open_dir(dir, &err);
		if (run->fetch_dir < 0)
			return fail(run, RT_ERROR, CLI_RUN_FAILED, &err);
	}
	return 0;
}

static void store_files(struct run *run)
{
	struct err err = {0};

	for (size_t i = 0; i < run->result.file_count && run->fetch_dir >= 0; i++) {
		const struct rt_fetched *file = &run->result.files[i];

		if (fetch_write(run->fetch_dir, file->name, buf_str(&file->content), &err) == 0)
			continue;
		cli_report(&err);
		run->exit_status = CLI_RUN_FAILED;
	}
}

static void execute(struct run *run)
{
	/* In a process of its own the guard works while the native backend makes ready; else it is
	 * done now: no container is made for what may not run. */
	if (run->screening.is_sealed && backend_waits_for_guard(&run->settings)) {
		run->plan.may_run = may_run;
		run->plan.may_run_context = run;
	} else if (!may_run(run)) {
		return;
	}
	if (!run->json) {
		relay_start(&run->relay);
		run->plan.on_output = relay_piece;
		run->plan.context = &run->relay;
	}
	run->called_ns = now_ns();
	backend_run(&run->settings, &run->plan, run->quiet || run->json, &run->result);
	run->done_ns = now_ns();
	if (!run->json && run->result.ran)
		relay_end(&run->relay, &run->result, &run->plan.limits, run->quiet);
	store_files(run);
}

/* Opening these may wait, or makes something: not for a program that is refused. */
static bool opens_more(const struct run *run)
{
	return setting_text(&run->settings, OPT_STDIN) ||
	       setting_text(&run->settings, OPT_FETCH_DIR);
}

static void carry_out(struct run *run)
{
	if (settle(run) < 0 || read_program(run) < 0 || screen(run) < 0)
		return;
	if ((!opens_more(run) || may_run(run)) && prepare(run) == 0)
		execute(run);
	/* What is wrong with the program comes before what is wrong with the call or the host. */
	if (!may_run(run) && !run->result.interrupted)
		refuse(run);
}

/* Writes the JSON line to where it was asked for. -errno and *ret_where on failure. */
static int write_json(struct run *run, const char **ret_where)
{
	cleanup_buf struct buf out = BUF_INIT(REPORT_MAX);
	int code = 0;

	if (!run->json && run->status_fd < 0)
		return 0;
	report_run(&out, &run->result, run->screened ? &run->screening.report : NULL,
		run->line.lists[OPT_FETCH].count > 0);
	*ret_where = "the result";
	if (out.failed)
		return -ENOMEM;
	if (run->status_fd >= 0) {
		*ret_where = "--status-fd";
		code = cli_write(run->status_fd, buf_str(&out));
	}
	if (code == 0 && run->json) {
		*ret_where = "standard output";
		code = cli_write(STDOUT_FILENO, buf_str(&out));
	}
	return code;
}

/* What could not be handed over makes pysbx fail, however well the program did. */
static int finish_output(struct run *run, int status)
{
	const char *where = NULL;
	int code;

	if (run->relay.error) {
		struct err err = {0};

		err_set(&err, run->relay.error, "%s: %s",
			run->relay.error_stream == RT_STDOUT ? "standard output" : "standard error",
			strerror(run->relay.error));
		fail(run, RT_ERROR, CLI_RUN_FAILED, &err);
		run->result.interrupted = 0;
		status = CLI_RUN_FAILED;
	}
	code = write_json(run, &where);
	if (code == 0)
		return status;
	cli_error("%s: %s", where, strerror(-code));
	return CLI_RUN_FAILED;
}

/* A signal that ended the run ends pysbx too, the way it would have without a handler. */
static void pass_signal_on(const struct run *run)
{
	if (run->result.interrupted <= 0)
		return;
	signal(run->result.interrupted, SIG_DFL);
	raise(run->result.interrupted);
}

static int finish(struct run *run)
{
	int status = run->exit_status >= 0 ? run->exit_status : report_exit_status(&run->result);
	struct notes_options options = {.quiet = run->quiet,
		.verbose = run->settled && setting_number(&run->settings, OPT_VERBOSE),
		.json = run->json,
		.limits = &run->plan.limits,
		.began_ns = run->began_ns,
		.called_ns = run->called_ns,
		.done_ns = run->done_ns};

	status = finish_output(run, status);
	notes_print(&run->result, &options);
	if (!run->settled)
		cli_error("see 'pysbx help run'");
	pass_signal_on(run);
	return status;
}

static void release(struct run *run)
{
	rt_result_free(&run->result);
	relay_free(&run->relay);
	screening_free(&run->screening);
	input_free(&run->input);
	if (run->stdin_fd != STDIN_FILENO)
		fd_close(&run->stdin_fd);
	fd_close(&run->fetch_dir);
	arena_free(run->arena);
}

/*
 * Who waits for an object: known before the settings are, so that they get one whatever happens.
 * A descriptor that is none is no reader; plan_check_usage() says what is wrong with it.
 */
static void find_readers(struct run *run)
{
	const char *json = run->line.values[OPT_JSON];
	const char *status_fd = run->line.values[OPT_STATUS_FD];
	struct err ignored;
	uint64_t fd;

	run->json = json && strcmp(json, "yes") == 0;
	if (status_fd && value_read(OPT_STATUS_FD, status_fd, &fd, &ignored) == 0 &&
		plan_check_descriptor((int)fd, &ignored) == 0)
		run->status_fd = (int)fd;
}

int cmd_run(int argc, char **argv)
{
	struct run run = {.arena = arena_new(ARENA_BYTES),
		.stdin_fd = -1,
		.fetch_dir = -1,
		.status_fd = -1,
		.exit_status = -1,
		.began_ns = now_ns(),
		.result = {.status = RT_ERROR, .exit_code = -1}};
	struct err err = {0};
	int code = run.arena ? options_parse(argc, argv, ON_RUN, run.arena, &run.line, &err)
			     : err_set(&err, ENOMEM, "no memory");
	int status;

	if (run.line.values[OPT_HELP]) {
		release(&run);
		return help();
	}
	find_readers(&run);
	/* A reader of our output who goes away is an error to report, not a death. */
	signal(SIGPIPE, SIG_IGN);
	/* A file that may not grow is an error to tell, not an end without a word. */
	signal(SIGXFSZ, SIG_IGN);
	if (code < 0)
		fail(&run, RT_ERROR, CLI_RUN_FAILED, &err);
	else
		carry_out(&run);
	status = finish(&run);
	release(&run);
	return status;
}
