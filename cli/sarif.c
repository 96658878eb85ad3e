/*
 * The writer of SARIF (cli/sarif.h).
 */
#include "cli/sarif.h"

#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cli/nls.h"
#include "cli/screen.h"
#include "cli/text.h"

struct sarif_note {
	struct sarif_note *next;
	const char *name;
	const char *text;
};

static void message(struct json *json, const char *key, const char *text)
{
	json_object(json, key);
	json_text(json, "text", text);
	json_object_end(json);
}

/* RFC 3986: a path as a relative or absolute reference. A ':' could be taken for a scheme's. */
static void uri(struct json *json, const char *key, const char *path)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	cleanup_buf struct buf out = BUF_INIT(64 << 10);

	for (; *path; path++) {
		if (strchr(plain, *path))
			buf_add_char(&out, *path);
		else
			buf_printf(&out, "%%%02X", (unsigned char)*path);
	}
	json_str(json, key, buf_str(&out));
}

static void artifact(struct json *json, const char *name)
{
	json_object(json, "artifactLocation");
	uri(json, "uri", name);
	json_object_end(json);
}

static void rules(struct json *json)
{
	json_array(json, "rules");
	for (int i = 0; i < GUARD_RULE_COUNT; i++) {
		json_object(json, NULL);
		json_text(json, "id", guard_rules[i].id);
		json_text(json, "name", guard_rules[i].name);
		message(json, "shortDescription", _(guard_rules[i].text));
		message(json, "help", _(guard_rules[i].remedy));
		json_object(json, "defaultConfiguration");
		json_text(json, "level", guard_severity_word(guard_rules[i].severity));
		json_object_end(json);
		json_object_end(json);
	}
	json_array_end(json);
}

void sarif_start(struct sarif *sarif, struct buf *out, struct arena *arena)
{
	struct json *json = &sarif->json;

	*sarif = (struct sarif){.arena = arena};
	sarif->last_note = &sarif->first_note;
	json_init(json, out);
	json_object(json, NULL);
	json_text(json, "$schema",
		"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
		"sarif-schema-2.1.0.json");
	json_text(json, "version", "2.1.0");
	json_array(json, "runs");
	json_object(json, NULL);
	json_object(json, "tool");
	json_object(json, "driver");
	json_text(json, "name", PACKAGE_NAME);
	json_text(json, "version", PACKAGE_VERSION);
	rules(json);
	json_object_end(json);
	json_object_end(json);
	json_text(json, "columnKind", "unicodeCodePoints");
	json_array(json, "results");
}

#define LONG_LINE 65536 /* bytes */

/* The line asked for last: findings come by place, and finding a line's end costs its length. */
struct cached_line {
	uint32_t number;
	struct str text;
};

static struct str line_of(
	struct cached_line *cached, const struct screening *screening, uint32_t number)
{
	if (cached->number != number)
		*cached = (struct cached_line){number, text_lines_at(&screening->lines, number)};
	return cached->text;
}

static void region(
	struct json *json, struct str first, struct str last, const struct guard_finding *finding)
{
	bool columns = first.len <= LONG_LINE && last.len <= LONG_LINE;

	json_object(json, "region");
	json_uint(json, "startLine", finding->line);
	if (columns)
		json_uint(json, "startColumn", text_characters(first, finding->column) + 1);
	json_uint(json, "endLine", finding->end_line);
	if (columns)
		json_uint(json, "endColumn", text_characters(last, finding->end_column) + 1);
	json_object_end(json);
}

static void result(struct json *json, const char *name, struct str first, struct str last,
	const struct guard_finding *finding)
{
	const struct guard_rule_info *rule = &guard_rules[finding->rule];

	json_object(json, NULL);
	json_text(json, "ruleId", rule->id);
	json_uint(json, "ruleIndex", finding->rule);
	json_text(json, "level", guard_severity_word(finding->severity));
	message(json, "message", finding->message);
	json_array(json, "locations");
	json_object(json, NULL);
	json_object(json, "physicalLocation");
	artifact(json, name);
	region(json, first, last, finding);
	json_object_end(json);
	json_object_end(json);
	json_array_end(json);
	json_object_end(json);
}

void sarif_findings(
	struct sarif *sarif, const struct input *input, const struct screening *screening)
{
	const struct guard_report *report = &screening->report;
	struct cached_line first = {0}, last = {0};

	for (uint32_t i = 0; i < report->count; i++) {
		const struct guard_finding *finding = &report->findings[i];

		result(&sarif->json, input->name, line_of(&first, screening, finding->line),
			line_of(&last, screening, finding->end_line), finding);
	}
}

int sarif_error(struct sarif *sarif, const char *name, const char *text)
{
	struct sarif_note *note = arena_new_object(sarif->arena, struct sarif_note);

	if (!note)
		return -1;
	note->name = arena_strdup(sarif->arena, str_of(name));
	note->text = arena_strdup(sarif->arena, str_of(text));
	if (!note->name || !note->text)
		return -1;
	*sarif->last_note = note;
	sarif->last_note = &note->next;
	return 0;
}

static void notifications(struct json *json, const struct sarif_note *note)
{
	json_array(json, "toolExecutionNotifications");
	for (; note; note = note->next) {
		json_object(json, NULL);
		json_text(json, "level", "error");
		message(json, "message", note->text);
		json_array(json, "locations");
		json_object(json, NULL);
		json_object(json, "physicalLocation");
		artifact(json, note->name);
		json_object_end(json);
		json_object_end(json);
		json_array_end(json);
		json_object_end(json);
	}
	json_array_end(json);
}

void sarif_end(struct sarif *sarif, bool successful)
{
	struct json *json = &sarif->json;

	json_array_end(json);
	json_array(json, "invocations");
	json_object(json, NULL);
	json_bool(json, "executionSuccessful", successful);
	if (sarif->first_note)
		notifications(json, sarif->first_note);
	json_object_end(json);
	json_array_end(json);
	json_object_end(json);
	json_array_end(json);
	json_object_end(json);
	buf_add_char(json->out, '\n');
}
