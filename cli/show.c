/*
 * Findings as text (cli/show.h).
 */
#include "cli/show.h"

#include "cli/nls.h"
#include "cli/screen.h"
#include "cli/text.h"

#define LINE_WIDTH 96 /* terminal columns shown of a line at most */
#define LEAD_WIDTH 32 /* of which before the place when the line is clipped on the left */
#define LINE_BYTES 4096

#define RED        "\x1b[31m"
#define YELLOW     "\x1b[33m"
#define BOLD       "\x1b[1m"
#define CYAN       "\x1b[36m"
#define PLAIN      "\x1b[0m"

static void add_colored(struct buf *out, const char *color, const char *text, bool wanted)
{
	buf_printf(out, "%s%s%s", wanted ? color : "", text, wanted ? PLAIN : "");
}

/* One character of the line as it is shown. */
struct cell {
	size_t bytes; /* in the source */
	size_t width; /* in columns */
	struct str text;
	char storage[16];
};

static void make_cell(struct cell *cell, struct str rest, size_t at)
{
	struct buf shown = {.data = cell->storage, .capacity = sizeof(cell->storage), .max = 15};
	uint32_t c;

	cell->bytes = text_decode(rest.ptr, rest.len, &c);
	if (c == '\t') {
		cell->width = 8 - at % 8;
		cell->text = str_from("        ", cell->width);
		return;
	}
	text_visible(&shown, str_from(rest.ptr, cell->bytes), TEXT_ONE_LINE);
	cell->text = buf_str(&shown);
	cell->width = shown.len == cell->bytes && c != UINT32_MAX ? text_width(c) : shown.len;
}

/* The terminal column at which byte `offset` of the line stands. */
static size_t terminal_column(struct str line, size_t offset)
{
	struct cell cell;
	size_t at = 0;

	for (size_t i = 0; i < offset && i < line.len; i += cell.bytes) {
		make_cell(&cell, str_from(line.ptr + i, line.len - i), at);
		at += cell.width;
	}
	return at;
}

/* The columns [from, from + LINE_WIDTH) of the line; returns where it stopped. */
static size_t add_window(struct buf *out, struct str line, size_t from)
{
	size_t at = 0, start = out->len;
	struct cell cell;

	for (size_t i = 0; i < line.len; i += cell.bytes) {
		make_cell(&cell, str_from(line.ptr + i, line.len - i), at);
		if (at + cell.width > from + LINE_WIDTH || out->len - start > LINE_BYTES) {
			buf_add_text(out, "...");
			break;
		}
		if (at >= from)
			buf_add_str(out, cell.text);
		else if (at + cell.width > from)
			buf_printf(out, "%*s", (int)(at + cell.width - from), "");
		at += cell.width;
	}
	return at;
}

/*
 * Drops the start of a line that is far longer than what is shown of it, between characters, so
 * that a line as long as the source costs no more than a short one.
 */
static struct str without_far_start(struct str line, size_t *column, size_t *end)
{
	size_t drop;

	if (*column <= LINE_BYTES)
		return line;
	drop = *column - LINE_BYTES / 2;
	while (drop < *column && ((unsigned char)line.ptr[drop] & 0xc0) == 0x80)
		drop++;
	*column -= drop;
	*end = *end > drop ? *end - drop : 0;
	return str_from(line.ptr + drop, line.len - drop);
}

void show_line(struct buf *out, struct str whole, size_t column, size_t end, bool color)
{
	struct str line = without_far_start(whole, &column, &end);
	size_t start_at = terminal_column(line, column);
	size_t from = start_at > LINE_WIDTH - LEAD_WIDTH ? start_at - LEAD_WIDTH : 0;
	size_t stop, end_at = start_at;

	buf_add_text(out, from ? "    ..." : "    ");
	stop = add_window(out, line, from);
	buf_add_char(out, '\n');
	/* Past the window nothing needs measuring: a line may be as long as the source. */
	if (end > column)
		end_at = end - column > LINE_BYTES ? stop : terminal_column(line, end);
	if (end_at > stop)
		end_at = stop;
	if (end_at <= start_at)
		end_at = start_at + 1;
	buf_printf(out, "%*s", (int)(start_at - from + (from ? 7 : 4)), "");
	if (color)
		buf_add_text(out, RED);
	for (size_t i = start_at; i < end_at; i++)
		buf_add_char(out, '^');
	buf_printf(out, "%s\n", color ? PLAIN : "");
}

static void show_finding(struct buf *out, const char *name, struct str line,
	const struct guard_finding *finding, bool color)
{
	const struct guard_rule_info *rule = &guard_rules[finding->rule];
	size_t end = finding->end_line == finding->line ? finding->end_column : line.len;

	if (color)
		buf_add_text(out, BOLD);
	text_visible(out, str_of(name), TEXT_ONE_LINE);
	buf_printf(out, ":%u:%zu: ", finding->line, text_characters(line, finding->column) + 1);
	if (color)
		buf_add_text(out, PLAIN);
	add_colored(out, finding->severity == GUARD_SEVERITY_ERROR ? RED : YELLOW,
		finding->severity == GUARD_SEVERITY_ERROR ? _("error") : _("warning"), color);
	buf_printf(out, "[%s]: ", rule->id);
	text_visible(out, str_of(finding->message), TEXT_ONE_LINE);
	buf_add_char(out, '\n');
	if (line.len)
		show_line(out, line, finding->column, end, color);
	add_colored(out, CYAN, _("  help: "), color);
	buf_printf(out, "%s\n", _(rule->remedy));
}

void show_report(
	struct buf *out, const struct input *input, const struct screening *screening, bool color)
{
	const struct guard_report *report = &screening->report;

	for (uint32_t i = 0; i < report->count && i < SHOW_FINDINGS_MAX; i++) {
		const struct guard_finding *finding = &report->findings[i];

		show_finding(out, input->name, text_lines_at(&screening->lines, finding->line),
			finding, color);
	}
	if (report->count <= SHOW_FINDINGS_MAX)
		return;
	text_visible(out, str_of(input->name), TEXT_ONE_LINE);
	buf_printf(out, ": %s%u more findings; --json lists them\n",
		report->more ? "more than " : "", report->count - SHOW_FINDINGS_MAX);
}
