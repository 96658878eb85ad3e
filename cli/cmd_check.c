/*
 * pysbx check: screens programs and never runs them.
 *
 * Findings go to stdout (text, JSON or SARIF), what is wrong with pysbx or its input to stderr.
 * What one file suffers does not keep the others from being screened.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/pyversion.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "cli/sarif.h"
#include "cli/screen.h"
#include "cli/show.h"

#define ARENA_BYTES ((size_t)8 << 20) /* settings and words */

enum check_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF }; /* in the order of the words */

struct check {
	struct settings settings;
	struct command_line line;
	enum check_format format;
	const struct guard_policy *policy;
	unsigned minor;
	bool quiet;
	bool color;
	struct sarif sarif;
	struct arena *arena; /* borrowed */
	size_t allowed;
	size_t rejected;
	size_t errors;
};

static int help(void)
{
	cleanup_buf struct buf out = BUF_INIT(64 << 10);

	buf_add_text(&out, "usage: pysbx check [options] FILE...|-|-c CODE\n\n"
			   "Screens Python programs and says what the policy refuses, without "
			   "running them.\n");
	options_help(&out, ON_CHECK);
	buf_add_text(&out, "\nExit status: 0 clean, 1 findings, 2 bad usage or unreadable input.\n"
			   "Settings are also read from PYSBX_* variables and configuration files; "
			   "see pysbx(1).\n");
	return cli_finish(&out, CLI_OK, CLI_USAGE);
}

/* One program: either an operand, or -c CODE. */
static int check_operands(const struct command_line *line, struct err *err)
{
	size_t dashes = 0;

	for (size_t i = 0; i < line->words.count; i++)
		dashes += strcmp(line->words.texts[i], "-") == 0;
	for (size_t i = 0; i < line->args.count; i++)
		dashes += strcmp(line->args.texts[i], "-") == 0;
	if (dashes > 1)
		return err_set(err, EINVAL, "standard input can be checked once only");
	if (line->values[OPT_CODE] && line->words.count + line->args.count)
		return err_set(err, EINVAL, "-c and files can not be checked together");
	if (!line->values[OPT_CODE] && line->words.count + line->args.count == 0) {
		err_set(err, EINVAL, "nothing to check");
		err_remedy(err, "name files, '-' for standard input, or -c CODE");
		return -EINVAL;
	}
	return 0;
}

/* Without an interpreter to ask the newest language is checked for; not if one was named. */
static int choose_target(struct check *check, struct err *err)
{
	struct python python;
	int code = screen_target(&check->settings, &python, &check->minor, err);

	if (code == 0 || setting_text(&check->settings, OPT_PYTHON))
		return code;
	check->minor = PYTHON_MINOR_NEWEST;
	return 0;
}

/* Tells about a file that could not be judged; message has its name in it. */
static void report_unjudged(
	struct check *check, struct buf *out, const char *name, const struct err *err)
{
	const char *policy = setting_text(&check->settings, OPT_POLICY);

	check->errors++;
	if (check->format == FORMAT_JSON)
		report_check(out, name, NULL, policy, err->text);
	if (check->format == FORMAT_SARIF && sarif_error(&check->sarif, name, err->text) < 0)
		cli_error("no memory to put '%s' into the log", name);
	if (check->format != FORMAT_JSON || !check->quiet)
		cli_report(err);
}

static void report_judged(struct check *check, struct buf *out, const struct input *input,
	const struct screening *screening)
{
	const struct guard_report *report = &screening->report;

	if (report->verdict == GUARD_REJECT)
		check->rejected++;
	else
		check->allowed++;
	if (check->format == FORMAT_JSON)
		report_check(out, input->name, report, report->policy, NULL);
	else if (check->format == FORMAT_SARIF)
		sarif_findings(&check->sarif, input, screening);
	else
		show_report(out, input, screening, check->color);
}

/* Returns 0, or -1 when stdout takes no more. */
static int check_one(struct check *check, const char *operand, const char *code)
{
	cleanup_buf struct buf out = BUF_INIT(REPORT_MAX);
	cleanup_input struct input input;
	cleanup_screening struct screening screening = {0};
	struct err err = {0};

	if (input_read(operand, code, &input, &err) < 0) {
		report_unjudged(check, &out, input.name, &err);
	} else {
		screen_begin(&check->settings, check->policy, &input, check->minor, &screening);
		screen_end(&screening);
		if (screening.report.verdict == GUARD_ERROR) {
			err_set(&err, ENOMEM, "%s: %s", input.name, screening.report.message);
			report_unjudged(check, &out, input.name, &err);
		} else {
			report_judged(check, &out, &input, &screening);
		}
	}
	return cli_finish(&out, 0, -1);
}

static int check_all(struct check *check)
{
	const struct command_line *line = &check->line;
	int code = 0;

	if (line->values[OPT_CODE])
		return check_one(check, NULL, line->values[OPT_CODE]);
	for (size_t i = 0; i < line->words.count && code == 0; i++)
		code = check_one(check, line->words.texts[i], NULL);
	for (size_t i = 0; i < line->args.count && code == 0; i++)
		code = check_one(check, line->args.texts[i], NULL);
	return code;
}

static void say_summary(const struct check *check)
{
	size_t all = check->allowed + check->rejected + check->errors;

	if (check->quiet || check->format != FORMAT_TEXT)
		return;
	cli_error(
		"%zu program%s checked for Python 3.%u with policy %s: %zu allowed, %zu rejected, "
		"%zu not judged",
		all, all == 1 ? "" : "s", check->minor, setting_text(&check->settings, OPT_POLICY),
		check->allowed, check->rejected, check->errors);
}

static int run_check(struct check *check)
{
	cleanup_buf struct buf out = BUF_INIT(REPORT_MAX);
	const struct settings *settings = &check->settings;
	int code;

	check->format = (enum check_format)setting_number(settings, OPT_FORMAT);
	if (setting_number(settings, OPT_JSON))
		check->format = FORMAT_JSON;
	check->quiet = setting_number(settings, OPT_QUIET) != 0;
	check->color = cli_wants_color(setting_text(settings, OPT_COLOR), STDOUT_FILENO);
	if (check->format == FORMAT_SARIF)
		sarif_start(&check->sarif, &out, check->arena);
	code = check_all(check);
	if (code == 0 && check->format == FORMAT_SARIF) {
		sarif_end(&check->sarif, check->errors == 0);
		code = cli_finish(&out, 0, -1);
	}
	say_summary(check);
	if (code < 0 || check->errors)
		return CLI_USAGE;
	return check->rejected ? CLI_FAILED : CLI_OK;
}

/* --json beside another --format is two answers at once. */
static int check_formats(const struct command_line *line, struct err *err)
{
	const char *format = line->values[OPT_FORMAT], *json = line->values[OPT_JSON];

	if (format && json && strcmp(json, "yes") == 0 && strcmp(format, "json") != 0)
		return err_set(err, EINVAL, "--json and --format %s exclude each other", format);
	return 0;
}

int cmd_check(int argc, char **argv)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_BYTES);
	struct check check = {.arena = arena};
	struct settings_places places;
	struct err err = {0};
	int code;

	code = arena ? options_parse(argc, argv, ON_CHECK, arena, &check.line, &err)
		     : err_set(&err, ENOMEM, "no memory");
	if (check.line.values[OPT_HELP])
		return help();
	if (code == 0)
		code = check_operands(&check.line, &err);
	if (code == 0)
		code = check_formats(&check.line, &err);
	if (code == 0 && settings_places(arena, &places) < 0)
		code = err_set(&err, ENOMEM, "no memory");
	if (code == 0)
		code = settings_resolve(
			&check.line, ON_CHECK, environ, &places, arena, &check.settings, &err);
	if (code == 0)
		code = choose_target(&check, &err);
	if (code == 0) {
		check.policy =
			screen_policy(setting_text(&check.settings, OPT_POLICY), arena, &err);
		code = check.policy ? 0 : -EINVAL;
	}
	if (code < 0)
		return cli_usage(CLI_USAGE, "check", &err);
	return run_check(&check);
}
