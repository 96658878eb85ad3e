/* runtime/verdict.h: how a run ended, in words. */
#include "runtime/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "runtime/output.h"

/* Errors that a limit is behind, as Python's tracebacks end with them. */
static const struct {
	const char *words;
	enum rt_limit limit;
	bool sure; /* nothing else is told in these words */
} last_words[] = {
	{"OSError: [Errno 24]", RT_LIMIT_NOFILE, true},
	{"OSError: [Errno 27]", RT_LIMIT_FSIZE, true},
	{"OSError: [Errno 28]", RT_LIMIT_TMPFS, true},
	{"RuntimeError: can't start new thread", RT_LIMIT_PIDS, true},
	{"BlockingIOError: [Errno 11]", RT_LIMIT_PIDS, false}, /* of a pipe without data too */
};

/* The limit that the last line of standard error speaks of; RT_LIMIT_COUNT: none. */
static enum rt_limit limit_in_last_line(const struct rt_stream *stream, bool *ret_sure)
{
	const char *text = stream->kept.data;
	size_t end = stream->kept.len, start, i, len;

	while (end && text[end - 1] == '\n')
		end--;
	for (start = end; start && text[start - 1] != '\n'; start--)
		;
	for (i = 0; i < sizeof(last_words) / sizeof(last_words[0]); i++) {
		len = strlen(last_words[i].words);
		*ret_sure = last_words[i].sure;
		if (end - start >= len && memcmp(text + start, last_words[i].words, len) == 0)
			return last_words[i].limit;
	}
	return RT_LIMIT_COUNT;
}

bool verdict_last_words(struct rt_result *result, bool counted)
{
	bool sure = false;
	enum rt_limit limit = limit_in_last_line(&result->err, &sure);

	if (limit == RT_LIMIT_COUNT)
		return false;
	if (limit == RT_LIMIT_PIDS && !counted && sure)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_PIDS);
	if (limit == RT_LIMIT_PIDS)
		return result->limits_hit & RT_LIMIT_BIT(RT_LIMIT_PIDS);
	if (!(result->limits_hit & RT_LIMIT_BIT(limit)))
		result->limits_likely |= RT_LIMIT_BIT(limit);
	return false;
}

/* The one that it most likely failed for; output that was dropped fails nobody. */
static enum rt_limit likely_limit(uint32_t limits)
{
	static const enum rt_limit order[] = {
		RT_LIMIT_PIDS, RT_LIMIT_TMPFS, RT_LIMIT_FSIZE, RT_LIMIT_NOFILE};
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (limits & RT_LIMIT_BIT(order[i]))
			return order[i];
	return RT_LIMIT_COUNT;
}

/* Adds the limit to the message of a run that failed by itself. */
static void say_touched(const struct rt_limits *limits, struct rt_result *result)
{
	enum rt_limit hit = likely_limit(result->limits_hit);
	enum rt_limit limit = hit == RT_LIMIT_COUNT ? likely_limit(result->limits_likely) : hit;
	size_t len = strlen(result->message);
	char text[RT_LIMIT_TEXT];

	if (limit == RT_LIMIT_COUNT)
		return;
	snprintf(result->message + len, sizeof(result->message) - len, "; %s%s reached",
		hit == RT_LIMIT_COUNT ? "by its own words the " : "",
		rt_limit_text(limits, limit, text));
	snprintf(
		result->remedy, sizeof(result->remedy), "raise it with %s", rt_limit_option(limit));
}

static void say_limit(
	struct rt_result *result, const char *what, const char *value, const char *option)
{
	snprintf(result->message, sizeof(result->message), "%s of %s reached", what, value);
	snprintf(result->remedy, sizeof(result->remedy), "raise it with %s", option);
}

void verdict_say(const struct rt_limits *limits, bool place_full, struct rt_result *result)
{
	char text[UNITS_TEXT], limit[RT_LIMIT_TEXT];

	switch (result->status) {
	case RT_OK:
		snprintf(result->message, sizeof(result->message), "the program ended normally");
		break;
	case RT_NONZERO:
		snprintf(result->message, sizeof(result->message),
			"the program ended with exit status %d", result->exit_code);
		say_touched(limits, result);
		break;
	case RT_SIGNAL:
		snprintf(result->message, sizeof(result->message), "the program was ended by SIG%s",
			sigabbrev_np(result->signal) ? sigabbrev_np(result->signal) : "RT");
		say_touched(limits, result);
		break;
	case RT_TIMEOUT:
		say_limit(result, "wall-clock limit", units_duration_text(limits->wall_ns, text),
			"--timeout");
		break;
	case RT_CPU_TIMEOUT:
		say_limit(result, "CPU time limit", units_duration_text(limits->cpu_ns, text),
			"--cpu-time");
		break;
	case RT_OOM:
		say_limit(result, "memory limit", units_size_text(limits->memory_bytes, text),
			"--memory");
		break;
	case RT_OUTPUT_LIMIT:
		if (place_full) {
			say_limit(result, "/tmp size limit",
				units_size_text(limits->tmpfs_bytes, text), "--tmpfs-size");
			break;
		}
		say_limit(result, "output flood limit",
			units_size_text(output_flood(limits->output_bytes), text), "--max-output");
		break;
	case RT_PIDS_LIMIT:
		snprintf(result->message, sizeof(result->message), "%s reached",
			rt_limit_text(limits, RT_LIMIT_PIDS, limit));
		snprintf(result->remedy, sizeof(result->remedy), "raise it with %s",
			rt_limit_option(RT_LIMIT_PIDS));
		break;
	case RT_SECCOMP:
		snprintf(result->message, sizeof(result->message),
			"the program was killed by SIGSYS, as for a forbidden system call");
		break;
	default:
		break;
	}
}
