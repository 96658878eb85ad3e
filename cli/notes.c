/*
 * Notes on stderr (cli/notes.h).
 */
#include "cli/notes.h"

#include <inttypes.h>
#include <time.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/report.h"

#define NOTE_MAX ((size_t)16 << 10)

static void say_message(const struct rt_result *result)
{
	struct err err = {0};

	err_set(&err, 1, "%s", result->message);
	err_remedy(&err, "%s", result->remedy);
	cli_report(&err);
}

/* The findings of a refusal, and a normal end, speak for themselves. */
static bool needs_no_message(const struct rt_result *result)
{
	return result->status == RT_OK || result->status == RT_NONZERO ||
	       result->status == RT_REJECTED || result->status == RT_SYNTAX_ERROR ||
	       !result->message[0];
}

/* Dropped output is announced where it was dropped; what ended the run has been said. */
static void say_limits_hit(const struct rt_result *result, const struct rt_limits *limits)
{
	char text[RT_LIMIT_TEXT];

	for (int i = 0; i < RT_LIMIT_COUNT; i++) {
		enum rt_limit limit = (enum rt_limit)i;

		if (!(result->limits_hit & RT_LIMIT_BIT(i)) || limit == RT_LIMIT_OUTPUT)
			continue;
		rt_limit_text(limits, limit, text);
		if (needs_no_message(result) || !strstr(result->message, text))
			cli_error("%s reached; raise it with %s", text, rt_limit_option(limit));
	}
}

/* What the runtime takes from the program's own words, and says so. */
static void say_limits_likely(const struct rt_result *result, const struct rt_limits *limits)
{
	char text[RT_LIMIT_TEXT];

	for (int i = 0; i < RT_LIMIT_COUNT; i++)
		if (result->limits_likely & RT_LIMIT_BIT(i))
			cli_error("by the program's own words the %s reached; raise it with %s",
				rt_limit_text(limits, (enum rt_limit)i, text),
				rt_limit_option((enum rt_limit)i));
}

static void say_denied(const struct rt_result *result)
{
	cleanup_buf struct buf text = BUF_INIT(NOTE_MAX);

	if (!result->denied_count)
		return;
	for (size_t i = 0; i < result->denied_count; i++)
		buf_printf(&text, "%s%s (%" PRIu64 ")", i ? ", " : "", result->denied[i].name,
			result->denied[i].count);
	cli_error("system calls refused: %s", text.data ? text.data : "?");
}

static void add_layers(struct buf *text, uint32_t layers)
{
	for (int i = 0; i < RT_LAYER_COUNT; i++)
		if (layers & RT_LAYER_BIT(i))
			buf_printf(text, " %s", rt_layer_word((enum rt_layer)i));
}

static void say_isolation(const struct rt_result *result)
{
	cleanup_buf struct buf text = BUF_INIT(NOTE_MAX);

	buf_printf(&text, "isolation: %s, %s:", result->backend ? result->backend : "native",
		rt_tier_word(result->tier));
	add_layers(&text, result->layers);
	if (result->missing) {
		buf_add_text(&text, "; missing:");
		add_layers(&text, result->missing);
	}
	cli_error("%s", text.data ? text.data : "isolation: ?");
}

static void add_milliseconds(struct buf *text, const char *name, uint64_t nanoseconds)
{
	uint64_t micros = nanoseconds / 1000;

	buf_printf(text, " %s %" PRIu64 ".%03" PRIu64 " ms,", name, micros / 1000, micros % 1000);
}

static void say_usage(const struct rt_result *result)
{
	cleanup_buf struct buf text = BUF_INIT(NOTE_MAX);

	buf_add_text(&text, "usage:");
	add_milliseconds(&text, "wall", result->wall_ns);
	add_milliseconds(&text, "cpu", result->cpu_ns);
	if (result->memory_peak_bytes)
		buf_printf(&text, " memory %" PRIu64 " KiB,", result->memory_peak_bytes >> 10);
	if (result->pids_peak)
		buf_printf(&text, " processes %" PRIu64 ",", result->pids_peak);
	buf_printf(&text, " by %s", result->usage_source ? result->usage_source : "?");
	cli_error("%s", text.data ? text.data : "usage: ?");
}

static void say_step(const char *name, uint64_t ns)
{
	cli_error("step: %-34s %9.1f us", name, (double)ns / 1000);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* In order; what is done at the same time by two processes stands one after the other. */
static void say_steps(const struct rt_result *result, const struct notes_options *options)
{
	uint64_t now = now_ns();

	if (!result->step_count || !options->done_ns)
		return;
	say_step("settings, program, begin of the guard", options->called_ns - options->began_ns);
	for (size_t i = 0; i < result->step_count; i++)
		say_step(result->steps[i].name, result->steps[i].ns);
	say_step("output and result", now - options->done_ns);
	say_step("all of it", now - options->began_ns);
}

static bool is_failure(const struct rt_result *result)
{
	return result->status == RT_ERROR || result->status == RT_UNAVAILABLE;
}

void notes_print(const struct rt_result *result, const struct notes_options *options)
{
	bool silent = options->quiet || options->json;

	if (is_failure(result) || (!silent && !needs_no_message(result)))
		say_message(result);
	if (!silent && result->ran) {
		say_limits_hit(result, options->limits);
		say_limits_likely(result, options->limits);
		say_denied(result);
		if (result->files_skipped)
			cli_error("%zu of what --fetch asks for was left out: no regular files, "
				  "linked "
				  "twice, or too many or too large together",
				result->files_skipped);
	}
	if (!options->verbose)
		return;
	if (result->python[0])
		cli_error("python: %s", result->python);
	if (result->ran) {
		say_isolation(result);
		say_usage(result);
	}
	say_steps(result, options);
}
