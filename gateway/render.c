/* Results for people and models (gateway/render.h). */
#include "gateway/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/rpc.h"

#define TEXT_MAX   ((size_t)1 << 20)
#define IMAGE_MAX  ((json_int_t)5 << 20)
#define IMAGES_MAX ((json_int_t)20 << 20) /* all of one result */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static bool is(const json_t *object, const char *name, const char *word)
{
	return strcmp(text_of(object, name), word) == 0;
}

/* How much of s is whole characters, counted from its start, at most len bytes. */
static size_t whole(const char *s, size_t len)
{
	while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* The beginning and the end of a text that is too long. */
static void add_shortened(struct buf *out, const char *s, size_t len)
{
	size_t head, tail;

	if (len <= RENDER_STREAM_MAX) {
		buf_add(out, s, len);
		return;
	}
	head = whole(s, RENDER_STREAM_MAX / 2);
	tail = whole(s, len - RENDER_STREAM_MAX / 2);
	buf_add(out, s, head);
	buf_printf(out, "\n[... %zu bytes left out here ...]\n", tail - head);
	buf_add(out, s + tail, len - tail);
}

static void end_line(struct buf *out)
{
	if (out->len && out->data[out->len - 1] != '\n')
		buf_add_char(out, '\n');
}

static void add_stream(struct buf *out, const json_t *object, const char *name, const char *heading)
{
	const json_t *text = json_object_get(object, name);
	char key[32];

	if (!json_string_length(text))
		return;
	end_line(out);
	buf_add_text(out, heading);
	snprintf(key, sizeof(key), "%s_encoding", name);
	if (is(object, key, "base64"))
		buf_printf(out, "[%s is not text: see the structured content, base64]", name);
	else
		add_shortened(out, json_string_value(text), json_string_length(text));
	end_line(out);
	snprintf(key, sizeof(key), "%s_truncated", name);
	if (json_is_true(json_object_get(object, key))) {
		snprintf(key, sizeof(key), "%s_bytes", name);
		buf_printf(out,
			"[%s was %" JSON_INTEGER_FORMAT
			" bytes; only its beginning and its end were kept. Print less.]\n",
			name, json_integer_value(json_object_get(object, key)));
	}
}

static void add_finding(struct buf *out, const json_t *finding)
{
	buf_printf(out,
		"line %" JSON_INTEGER_FORMAT ", column %" JSON_INTEGER_FORMAT ": %s%s [%s]\n",
		json_integer_value(json_object_get(finding, "line")),
		json_integer_value(json_object_get(finding, "column")) + 1,
		is(finding, "severity", "warning") ? "warning: " : "", text_of(finding, "message"),
		text_of(finding, "rule"));
	if (*text_of(finding, "remedy"))
		buf_printf(out, "  help: %s\n", text_of(finding, "remedy"));
}

static void add_findings(struct buf *out, const json_t *findings)
{
	size_t i;
	json_t *finding;

	json_array_foreach(findings, i, finding) add_finding(out, finding);
}

/* What a model can do about the end of its program. pysbx's own remedies name its options. */
static const struct advice {
	const char *status;
	const char *text;
} advices[] = {
	{"timeout", "Make the program do less, or split the work over several calls."},
	{"cpu_timeout", "Make the program do less, or split the work over several calls."},
	{"oom", "Work on smaller pieces, or keep less in memory at once."},
	{"output_limit", "Print a summary instead of everything."},
	{"pids_limit", "Start fewer processes and threads."},
	{"seccomp", "The program made a system call that the sandbox forbids; do without it."},
};

static void add_advice(struct buf *out, const json_t *object)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (is(object, "status", advices[i].status))
			buf_printf(out, "%s\n", advices[i].text);
}

static void add_limits(struct buf *out, const json_t *object)
{
	const json_t *list = json_object_get(object, "limits_hit"), *denied;
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		if (strcmp(json_string_value(element), "output") != 0)
			buf_printf(out, "[the %s limit was reached on the way]\n",
				json_string_value(element));
	}
	denied = json_object_get(object, "denied_syscalls");
	json_array_foreach(denied, i, element) buf_printf(
		out, "[the sandbox denied the system call %s]\n", text_of(element, "name"));
}

static double wall_ms(const json_t *object)
{
	return json_number_value(json_object_get(json_object_get(object, "usage"), "wall_ms"));
}

/* The last line: how it ended, how long it took. */
static void add_end(struct buf *out, const json_t *object)
{
	const json_t *code = json_object_get(object, "exit_code");

	end_line(out);
	if (code && (is(object, "status", "ok") || is(object, "status", "nonzero")))
		buf_printf(out, "[exit %" JSON_INTEGER_FORMAT ", %.0f ms]",
			json_integer_value(code), wall_ms(object));
	else
		buf_printf(out, "[%s: %s, %.0f ms]\n", text_of(object, "status"),
			text_of(object, "message"), wall_ms(object));
	add_advice(out, object);
}

static bool was_refused(const json_t *object)
{
	return is(object, "status", "rejected") || is(object, "status", "syntax_error");
}

static void add_refusal(struct buf *out, const json_t *object)
{
	buf_add_text(out, is(object, "status", "syntax_error")
				  ? "The program does not parse and was not run.\n"
				  : "The guard refused the program; it was not run.\n");
	add_findings(out, json_object_get(json_object_get(object, "guard"), "findings"));
}

static void add_failure(struct buf *out, const json_t *object)
{
	buf_printf(out, "The program was not run: %s\n", text_of(object, "message"));
	if (*text_of(object, "remedy"))
		buf_printf(out, "For whoever runs this server: %s\n", text_of(object, "remedy"));
}

static void add_run(struct buf *out, const json_t *object)
{
	if (was_refused(object)) {
		add_refusal(out, object);
	} else if (!json_object_get(object, "usage")) {
		add_failure(out, object);
	} else {
		add_stream(out, object, "stdout", "");
		add_stream(out, object, "stderr", "[stderr]\n");
		add_limits(out, object);
		add_end(out, object);
	}
}

static void add_check(struct buf *out, const json_t *object)
{
	const json_t *findings = json_object_get(object, "findings");

	if (is(object, "verdict", "error"))
		buf_printf(
			out, "The program could not be judged: %s\n", text_of(object, "message"));
	else if (is(object, "verdict", "reject"))
		buf_add_text(out, "Refused: run_code would not run it.\n");
	else
		buf_add_text(out,
			json_array_size(findings) ? "Allowed, with warnings.\n" : "Allowed.\n");
	add_findings(out, findings);
}

/* By its first bytes, whatever it is called; an SVG is known by its name. NULL: no image. */
static const char *image_type(const json_t *file)
{
	const char *name = text_of(file, "name"), *content = text_of(file, "content_base64"),
		   *dot = strrchr(name, '.');

	if (strncmp(content, "iVBORw0KGgo", 11) == 0)
		return "image/png";
	if (strncmp(content, "/9j/", 4) == 0)
		return "image/jpeg";
	return dot && strcmp(dot, ".svg") == 0 ? "image/svg+xml" : NULL;
}

static void add_image(json_t *content, json_t *file, json_int_t *total, struct buf *out)
{
	const char *type = image_type(file);
	json_int_t size = json_integer_value(json_object_get(file, "bytes"));
	bool fits = size <= IMAGE_MAX && size <= IMAGES_MAX - *total;

	if (type && fits && size) {
		*total += size;
		json_array_append_new(content,
			json_pack("{s:s, s:O, s:s}", "type", "image", "data",
				json_object_get(file, "content_base64"), "mimeType", type));
		json_object_set_new(file, "mime_type", json_string(type));
	}
	buf_printf(out, "\n[/tmp/out/%s, %" JSON_INTEGER_FORMAT " bytes%s]", text_of(file, "name"),
		size,
		!type || !size ? ": not an image"
		: fits         ? ""
			       : ": too large to be shown");
	/* Once is enough: a client gives a model all that it gets. */
	json_object_del(file, "content_base64");
}

static void add_images(json_t *content, json_t *object, struct buf *out)
{
	json_t *files = json_object_get(object, "files"), *file;
	json_int_t total = 0;
	size_t i;

	json_array_foreach(files, i, file) add_image(content, file, &total, out);
	if (files && !json_array_size(files))
		json_object_del(object, "files");
}

/* What a client may count as failed: a program that ran to its end did not, whatever it said. */
static bool is_error(const struct tool *tool, const json_t *object)
{
	if (!tool->runs)
		return is(object, "verdict", "error");
	return !is(object, "status", "ok") && !is(object, "status", "nonzero");
}

static json_t *text_block(const char *text, size_t len)
{
	return json_pack("{s:s, s:o}", "type", "text", "text", rpc_string(text, len));
}

json_t *render_refusal(const char *text)
{
	return json_pack("{s:[o], s:b}", "content", text_block(text, strlen(text)), "isError", 1);
}

json_t *render_result(const struct tool *tool, json_t *object, const char *why, bool also_json)
{
	cleanup_buf struct buf out = BUF_INIT(TEXT_MAX);
	json_t *content, *result;

	if (!json_is_object(object)) {
		buf_printf(&out, "The program was not run: %s", why);
		return render_refusal(out.failed ? why : out.data);
	}
	content = json_array();
	/* Where the host keeps its files is not for whoever writes programs. */
	json_object_del(object, tool->runs ? "python" : "file");
	if (tool->runs)
		add_run(&out, object);
	else
		add_check(&out, object);
	add_images(content, object, &out);
	json_array_insert_new(content, 0, text_block(out.data, out.len));
	if (also_json) {
		char *text = json_dumps(object, RPC_DUMP);

		json_array_append_new(
			content, text_block(text ? text : "", text ? strlen(text) : 0));
		free(text);
	}
	result = json_pack("{s:o, s:b, s:O}", "content", content, "isError", is_error(tool, object),
		"structuredContent", object);
	return result;
}
