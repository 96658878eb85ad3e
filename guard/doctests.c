/*
 * doctest.testmod() runs the ">>>" lines of docstrings: they are screened as programs of their own.
 */
#include "guard/screen.h"

#include "base/buf.h"

#define TEXT_MAX ((size_t)1 << 20)

/*
 * The code of a docstring's examples, as doctest finds it: ">>>", then "..." lines as deep as it
 * and at once after it; everything else is text or what is expected.
 */
static void add_examples(struct buf *out, struct str text)
{
	size_t depth = SIZE_MAX;

	while (text.len) {
		const char *end = memchr(text.ptr, '\n', text.len);
		struct str line = str_from(text.ptr, end ? (size_t)(end - text.ptr) : text.len);
		size_t indent = 0;

		text = str_from(
			line.ptr + line.len + (end ? 1 : 0), text.len - line.len - (end ? 1 : 0));
		while (indent < line.len && (line.ptr[indent] == ' ' || line.ptr[indent] == '\t'))
			indent++;
		line = str_from(line.ptr + indent, line.len - indent);
		if (str_starts(line, STR(">>>")))
			depth = indent;
		else if (!str_starts(line, STR("...")) || indent != depth)
			depth = SIZE_MAX;
		if (depth == SIZE_MAX)
			continue;
		line = str_from(line.ptr + 3, line.len - 3);
		if (line.len && line.ptr[0] == ' ')
			line = str_from(line.ptr + 1, line.len - 1);
		buf_add_str(out, line);
		buf_add_char(out, '\n');
	}
}

static void judge_docstring(struct screen *screen, const struct ast_node *node)
{
	cleanup_buf struct buf code = BUF_INIT(TEXT_MAX);
	struct guard_report report;

	add_examples(&code, ast_Constant_value(node));
	if (!code.len && !code.failed)
		return;
	if (code.failed || screen->sink->nested) {
		guard_find(screen->sink, GUARD_RULE_SINK, node,
			"this text is run by testmod() and cannot be judged");
		return;
	}
	guard_check_nested(buf_str(&code), screen->sink, &report);
	for (uint32_t i = 0; i < report.count; i++)
		guard_find(screen->sink, report.findings[i].rule, node, "in the docstring: %s",
			report.findings[i].message);
	if (report.verdict == GUARD_ERROR)
		screen->failed = true;
}

int screen_doctests(struct screen *screen, const struct ast_node *module)
{
	cleanup_ast_walk struct ast_walk walk;
	enum ast_walk_event event;

	if (ast_walk_init(&walk, module) < 0)
		return -1;
	while ((event = ast_walk_next(&walk)) != AST_WALK_END) {
		const struct ast_node *parent;

		if (event != AST_WALK_ENTER || !ast_is_str(walk.node))
			continue;
		parent = ast_walk_parent(&walk, 1);
		if (parent->kind == AST_Expr)
			judge_docstring(screen, walk.node);
	}
	return 0;
}
