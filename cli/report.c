/*
 * Results as JSON (cli/report.h).
 */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/nls.h"

static const int exit_statuses[RT_STATUS_COUNT] = {
#define STATUS(name, word, exit) [RT_##name] = exit,
#include "runtime/status.def"
#undef STATUS
};

int report_exit_status(const struct rt_result *result)
{
	int exit_status = exit_statuses[result->status];

	if (result->status == RT_ERROR && result->error == ENOENT)
		return CLI_RUN_NOT_FOUND;
	if (exit_status >= 0)
		return exit_status;
	if (result->signal > 0)
		return 128 + result->signal;
	/* A run without either ended in a way nobody knows: that is never a success. */
	return result->exit_code >= 0 ? result->exit_code : exit_statuses[RT_ERROR];
}

const char *report_signal_name(int signal, char *text)
{
	const char *short_name = sigabbrev_np(signal);

	if (short_name)
		snprintf(text, 16, "SIG%s", short_name);
	else if (signal >= SIGRTMIN && signal <= SIGRTMAX)
		snprintf(text, 16, "SIGRTMIN+%d", signal - SIGRTMIN);
	else
		snprintf(text, 16, "SIG%d", signal);
	return text;
}

static void findings(struct json *json, const struct guard_report *guard)
{
	json_array(json, "findings");
	for (uint32_t i = 0; i < guard->count; i++) {
		const struct guard_finding *finding = &guard->findings[i];
		const struct guard_rule_info *rule = &guard_rules[finding->rule];

		json_object(json, NULL);
		json_text(json, "rule", rule->id);
		json_text(json, "name", rule->name);
		json_text(json, "severity", guard_severity_word(finding->severity));
		json_text(json, "message", finding->message);
		json_text(json, "remedy", _(rule->remedy));
		json_uint(json, "line", finding->line);
		json_uint(json, "column", finding->column);
		json_uint(json, "end_line", finding->end_line);
		json_uint(json, "end_column", finding->end_column);
		json_object_end(json);
	}
	json_array_end(json);
	if (guard->more)
		json_bool(json, "findings_truncated", true);
}

/* Fewer bytes at the end of head where the cut went through a character. */
static size_t whole_characters(struct str head)
{
	for (size_t back = 1; back <= 3 && back <= head.len; back++) {
		struct str rest = str_from(head.ptr + head.len - back, back);

		if (((unsigned char)rest.ptr[0] & 0xc0) == 0x80)
			continue;
		return (unsigned char)rest.ptr[0] >= 0xc2 && !utf8_valid(rest) ? head.len - back
									       : head.len;
	}
	return head.len;
}

/*
 * The stream without the halves of characters that dropping its middle has left; two halves that
 * happen to make a whole are no character of the program's either.
 */
static struct str mended(const struct rt_stream *stream, struct buf *copy, size_t *ret_head)
{
	struct str kept = buf_str(&stream->kept);
	size_t head = stream->head_len, tail = stream->head_len;

	*ret_head = head;
	if (!stream->truncated || head > kept.len)
		return kept;
	head = whole_characters(str_from(kept.ptr, head));
	while (tail < kept.len && tail < stream->head_len + 3 &&
		((unsigned char)kept.ptr[tail] & 0xc0) == 0x80)
		tail++;
	if (!utf8_valid(str_from(kept.ptr, head)) ||
		!utf8_valid(str_from(kept.ptr + tail, kept.len - tail)))
		return kept;
	copy->max = kept.len;
	buf_add(copy, kept.ptr, head);
	buf_add(copy, kept.ptr + tail, kept.len - tail);
	if (copy->failed)
		return kept;
	*ret_head = head;
	return buf_str(copy);
}

#define KEY_MAX 32

/* "stdout" and "_bytes" in one; lives in key. */
static const char *stream_key(char *key, const char *stream, const char *suffix)
{
	snprintf(key, KEY_MAX, "%s%s", stream, suffix);
	return key;
}

static void stream_json(struct json *json, const char *name, const struct rt_stream *stream)
{
	cleanup_buf struct buf copy = BUF_INIT(0);
	size_t head;
	struct str kept = mended(stream, &copy, &head);
	bool is_text = utf8_valid(kept);
	char key[KEY_MAX];

	if (is_text)
		json_str(json, name, kept);
	else
		json_base64(json, name, kept);
	json_text(json, stream_key(key, name, "_encoding"), is_text ? "utf-8" : "base64");
	json_uint(json, stream_key(key, name, "_bytes"), stream->bytes);
	json_bool(json, stream_key(key, name, "_truncated"), stream->truncated);
	if (stream->truncated) {
		json_uint(json, stream_key(key, name, "_head_bytes"), head);
	}
}

static void usage_json(struct json *json, const struct rt_result *result)
{
	json_object(json, "usage");
	json_millis(json, "wall_ms", result->wall_ns);
	json_millis(json, "cpu_ms", result->cpu_ns);
	if (result->memory_peak_bytes)
		json_uint(json, "memory_peak_bytes", result->memory_peak_bytes);
	if (result->pids_peak)
		json_uint(json, "pids_peak", result->pids_peak);
	if (result->usage_source)
		json_text(json, "source", result->usage_source);
	json_object_end(json);
}

static void layers_json(struct json *json, const char *key, uint32_t layers)
{
	json_array(json, key);
	for (int i = 0; i < RT_LAYER_COUNT; i++)
		if (layers & RT_LAYER_BIT(i))
			json_text(json, NULL, rt_layer_word((enum rt_layer)i));
	json_array_end(json);
}

static void isolation_json(struct json *json, const struct rt_result *result)
{
	json_object(json, "isolation");
	if (result->backend)
		json_text(json, "backend", result->backend);
	json_text(json, "tier", rt_tier_word(result->tier));
	layers_json(json, "layers", result->layers);
	layers_json(json, "missing", result->missing);
	json_object_end(json);
}

static void limits_json(struct json *json, uint32_t limits_hit)
{
	json_array(json, "limits_hit");
	for (int i = 0; i < RT_LIMIT_COUNT; i++)
		if (limits_hit & RT_LIMIT_BIT(i))
			json_text(json, NULL, rt_limit_word((enum rt_limit)i));
	json_array_end(json);
}

static void denied_json(struct json *json, const struct rt_result *result)
{
	json_array(json, "denied_syscalls");
	for (size_t i = 0; i < result->denied_count; i++) {
		json_object(json, NULL);
		json_text(json, "name", result->denied[i].name);
		json_uint(json, "count", result->denied[i].count);
		json_array(json, "args");
		for (size_t n = 0; n < 6; n++) {
			char text[24];

			snprintf(text, sizeof(text), "0x%" PRIx64, result->denied[i].args[n]);
			json_text(json, NULL, text);
		}
		json_array_end(json);
		json_object_end(json);
	}
	json_array_end(json);
}

static void files_json(struct json *json, const struct rt_result *result)
{
	json_array(json, "files");
	for (size_t i = 0; i < result->file_count; i++) {
		const struct rt_fetched *file = &result->files[i];

		json_object(json, NULL);
		json_text(json, "name", file->name);
		json_uint(json, "bytes", file->content.len);
		json_base64(json, "content_base64", buf_str(&file->content));
		json_object_end(json);
	}
	json_array_end(json);
}

/* What only a program that ran has. */
static void ran_json(struct json *json, const struct rt_result *result, bool files)
{
	stream_json(json, "stdout", &result->out);
	stream_json(json, "stderr", &result->err);
	usage_json(json, result);
	isolation_json(json, result);
	limits_json(json, result->limits_hit);
	denied_json(json, result);
	if (files)
		files_json(json, result);
	if (files && result->files_skipped)
		json_uint(json, "files_skipped", result->files_skipped);
	if (result->python[0])
		json_text(json, "python", result->python);
}

void report_run(struct buf *out, const struct rt_result *result, const struct guard_report *guard,
	bool files)
{
	struct json json;
	char name[16];

	json_init(&json, out);
	json_object(&json, NULL);
	json_int(&json, "schema", REPORT_SCHEMA);
	json_text(&json, "status", rt_status_word(result->status));
	if (result->ran && result->signal > 0)
		json_text(&json, "signal", report_signal_name(result->signal, name));
	else if (result->ran && result->exit_code >= 0)
		json_int(&json, "exit_code", result->exit_code);
	if (result->message[0])
		json_text(&json, "message", result->message);
	if (result->remedy[0])
		json_text(&json, "remedy", result->remedy);
	if (guard) {
		json_object(&json, "guard");
		json_text(&json, "verdict", guard_verdict_word(guard->verdict));
		json_text(&json, "policy", guard->policy);
		findings(&json, guard);
		json_object_end(&json);
	}
	if (result->ran)
		ran_json(&json, result, files);
	json_object_end(&json);
	buf_add_char(out, '\n');
}

void report_check(struct buf *out, const char *file, const struct guard_report *guard,
	const char *policy, const char *message)
{
	struct json json;

	json_init(&json, out);
	json_object(&json, NULL);
	json_text(&json, "file", file);
	json_text(&json, "verdict", guard_verdict_word(guard ? guard->verdict : GUARD_ERROR));
	json_text(&json, "policy", policy);
	if (guard && guard->message)
		message = guard->message;
	if (message)
		json_text(&json, "message", message);
	if (guard && guard->verdict != GUARD_ERROR)
		findings(&json, guard);
	else {
		json_array(&json, "findings");
		json_array_end(&json);
	}
	json_object_end(&json);
	buf_add_char(out, '\n');
}
