/*
 * Text of the program that others run as code: docstrings under doctest.testmod(), annotations
 * under typing.get_type_hints() and its like. Both are judged as programs of their own, with the
 * imports and the names of the module around them.
 */
#include "guard/screen.h"

#include "parser/walk.h"

#include "base/buf.h"

#define FORWARDS_MAX 4096
#define NESTED_MAX   ((size_t)16 << 20) /* bytes judged so for one program */

#define TEXT_MAX     ((size_t)1 << 20)

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

/* The text of a node of the module. */
static struct str source_of(const struct screen *screen, const struct ast_node *node)
{
	return str_from(screen->sink->source->text.ptr + node->start, node->end - node->start);
}

/* `r = random` and its like. */
static bool is_alias(const struct ast_node *node)
{
	const struct ast_node *value;

	if (node->kind != AST_Assign || ast_Assign_targets(node)->items[0]->kind != AST_Name)
		return false;
	value = ast_Assign_value(node);
	while (value->kind == AST_Attribute)
		value = ast_Attribute_value(value);
	return value->kind == AST_Name;
}

/*
 * What the module around has bound: its imports, other names for what they bind, and that names of
 * builtins are its own. The first lines are plain, so that no comment in an import is a cookie.
 */
static void add_module(struct screen *screen, struct buf *out)
{
	const struct ast_list *body = ast_Module_body(screen->names.module);
	const struct names *names = &screen->names;

	buf_add_text(out, "pass\npass\n");
	for (uint32_t i = 0; i < body->count; i++) {
		const struct ast_node *node = body->items[i];

		if (node->kind != AST_Import && node->kind != AST_ImportFrom && !is_alias(node))
			continue;
		buf_add_str(out, source_of(screen, node));
		buf_add_char(out, '\n');
	}
	for (uint32_t i = 0; i < names->table_size; i++) {
		const struct symbol *symbol = names->table[i];

		if (symbol && symbol->scope == 0 && !symbol->deleted &&
			symbol->certain_from != UINT32_MAX &&
			known_builtin(*symbol->name) != BUILTIN_NONE &&
			symbol->bindings->kind == BIND_DEF)
			buf_printf(out, "def %.*s(*a): pass\n", STR_ARG(*symbol->name));
	}
}

static uint32_t lines_of(struct str text)
{
	uint32_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == '\n';
	return count;
}

/* Judges code after the module's own names; what is found there was found before. */
static void judge_code(struct screen *screen, const struct ast_node *node, struct str prefix,
	struct str code, bool in_annotation)
{
	cleanup_buf struct buf all = BUF_INIT(TEXT_MAX * 2);
	cleanup_arena struct arena *arena = NULL; /* its own: there may be thousands of texts */
	struct guard_report report;
	uint32_t skip = lines_of(prefix);

	buf_add_str(&all, prefix);
	buf_add_str(&all, code);
	screen->nested_bytes += prefix.len + code.len;
	if (all.failed || screen->nested_bytes > NESTED_MAX || screen->sink->nested) {
		guard_find(screen->sink, GUARD_RULE_SINK, node,
			"this text is run as code and cannot be judged");
		return;
	}
	arena = arena_new(guard_arena_bytes(all.len));
	if (!arena) {
		screen->failed = true;
		return;
	}
	guard_check_nested(buf_str(&all), screen->sink, arena, &report);
	for (uint32_t i = 0; i < report.count; i++)
		if (report.findings[i].line > skip)
			guard_find(screen->sink, report.findings[i].rule, node,
				in_annotation ? "in the annotation: %s" : "in the docstring: %s",
				report.findings[i].message);
	if (report.verdict == GUARD_ERROR)
		screen->failed = true;
}

static void judge_docstring(struct screen *screen, const struct ast_node *node, struct str prefix)
{
	cleanup_buf struct buf code = BUF_INIT(TEXT_MAX);

	add_examples(&code, ast_Constant_value(node));
	if (code.len || code.failed)
		judge_code(screen, node, prefix, buf_str(&code), false);
}

static int judge_doctests(struct screen *screen, const struct ast_node *module, struct str prefix)
{
	cleanup_ast_walk struct ast_walk walk = {0};
	enum ast_walk_event event;

	if (ast_walk_init(&walk, module) < 0)
		return -1;
	/* Any text may become a docstring, by __doc__, __test__ or property(). */
	while ((event = ast_walk_next(&walk)) != AST_WALK_END)
		if (event == AST_WALK_ENTER && ast_is_str(walk.node) &&
			screen_finds(ast_Constant_value(walk.node), ">>>"))
			judge_docstring(screen, walk.node, prefix);
	return 0;
}

static void add_forward(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node **forwards = NULL;

	if (screen->forward_count < FORWARDS_MAX)
		forwards = screen_more(screen, screen->forwards, screen->forward_count,
			&screen->forward_capacity, sizeof(*forwards));
	if (!forwards) {
		screen->odd_annotation = node;
		return;
	}
	screen->forwards = forwards;
	forwards[screen->forward_count++] = node;
}

/* All text within a node: List["..."], Optional["..."]. */
static void add_texts(struct screen *screen, const struct ast_node *node)
{
	cleanup_ast_walk struct ast_walk walk = {0};
	enum ast_walk_event event;

	if (ast_is_str(node)) {
		add_forward(screen, node);
		return;
	}
	if (node->kind == AST_Name || node->kind == AST_Attribute || node->kind == AST_Constant)
		return;
	if (ast_walk_init(&walk, node) < 0) {
		screen->failed = true;
		return;
	}
	while ((event = ast_walk_next(&walk)) != AST_WALK_END)
		if (event == AST_WALK_ENTER && ast_is_str(walk.node))
			add_forward(screen, walk.node);
}

void screen_note_annotation(struct screen *screen, const struct ast_node *annotation)
{
	if (annotation)
		add_texts(screen, annotation);
}

void screen_note_forward(struct screen *screen, const struct ast_node *call, struct str path)
{
	static const char *const makers[] = {
		"typing.NamedTuple", "typing.TypedDict", "typing.TypeVar", "typing.NewType"};
	const struct ast_list *args = ast_Call_args(call), *keywords = ast_Call_keywords(call);

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		if (!str_is(path, makers[i]))
			continue;
		for (uint32_t k = 1; k < args->count; k++)
			add_texts(screen, args->items[k]);
		for (uint32_t k = 0; k < keywords->count; k++)
			add_texts(screen, ast_keyword_value(keywords->items[k]));
	}
}

static void judge_forwards(struct screen *screen, struct str prefix)
{
	for (uint32_t i = 0; i < screen->forward_count; i++) {
		const struct ast_node *node = screen->forwards[i];
		struct str text = ast_Constant_value(node);
		cleanup_buf struct buf code = BUF_INIT(TEXT_MAX);

		/* Plain names are judged, calls and whatever else is hidden refused. */
		if (text.len &&
			(memchr(text.ptr, '(', text.len) || memmem(text.ptr, text.len, "__", 2) ||
				memchr(text.ptr, '\\', text.len))) {
			screen->odd_annotation = node;
			return;
		}
		/* As an item: a module in it is handed on. */
		buf_printf(&code, "[%.*s]\n", STR_ARG(text));
		if (memchr(text.ptr ? text.ptr : "", '\n', text.len))
			screen->odd_annotation = node;
		else
			judge_code(screen, node, prefix, buf_str(&code), true);
	}
}

int screen_settle_nested(struct screen *screen, const struct ast_node *module)
{
	cleanup_buf struct buf prefix = BUF_INIT(TEXT_MAX);

	if (!screen->hints && !screen->testmod)
		return 0;
	add_module(screen, &prefix);
	if (screen->hints)
		judge_forwards(screen, buf_str(&prefix));
	if (screen->hints && screen->odd_annotation)
		guard_find(screen->sink, GUARD_RULE_SINK, screen->hints,
			"this runs annotations that are not plain types");
	if (screen->testmod && screen->odd_doc)
		guard_find(screen->sink, GUARD_RULE_SINK, screen->testmod,
			"testmod() runs text that is not in a docstring");
	return screen->testmod ? judge_doctests(screen, module, buf_str(&prefix)) : 0;
}
