/*
 * The parser on its own: trees, errors, limits, the walker. Agreement with CPython, program by
 * program, is tests/differential; what stands here are cases that once went wrong or that no oracle
 * on the machine can tell (3.14).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "parser/dump.h"
#include "parser/parser.h"
#include "parser/walk.h"
#include "tests/unit/tree_lines.h"

#define ARENA_MAX  ((size_t)256 << 20)
#define OUTPUT_MAX ((size_t)64 << 20)

struct parsed {
	struct arena *arena;
	struct source source;
	struct parse_result result;
};

static int parse_in(struct parsed *parsed, size_t arena_max, uint8_t minor, struct str text)
{
	struct diag diag = {0};

	parsed->arena = arena_new(arena_max);
	assert_non_null(parsed->arena);
	assert_int_equal(
		source_init(&parsed->source, parsed->arena, STR("test"), text, minor, &diag), 0);
	return parser_parse(&parsed->source, &parsed->result);
}

static void parse(struct parsed *parsed, uint8_t minor, struct str text)
{
	assert_int_equal(parse_in(parsed, ARENA_MAX, minor, text), 0);
}

static bool accepts(uint8_t minor, struct str text)
{
	struct parsed parsed;
	bool ok;

	parse(&parsed, minor, text);
	ok = parsed.result.module != NULL;
	arena_free(parsed.arena);
	return ok;
}

static int take(void *context, struct str bytes)
{
	return buf_add_str(context, bytes) ? 0 : -1;
}

struct tree_row {
	uint8_t minor;
	const char *text;
	const char *tree; /* tree_lines(), without the Module's line */
};

static const struct tree_row trees[] = {
	/* 3.8: a starred argument ends within the parentheses of its value */
	{8, "f(*(a))",
		"  body: Expr  @1:0-1:7\n"
		"    value: Call  @1:0-1:7\n"
		"      func: Name id=f  @1:0-1:1\n"
		"      args: Starred  @1:2-1:5\n"
		"        value: Name id=a  @1:4-1:5\n"},
	{9, "f(*(a))",
		"  body: Expr  @1:0-1:7\n"
		"    value: Call  @1:0-1:7\n"
		"      func: Name id=f  @1:0-1:1\n"
		"      args: Starred  @1:2-1:6\n"
		"        value: Name id=a  @1:4-1:5\n"},
	/* 3.8 ends a block with its last statement, later versions with the last token */
	{8, "if x: y;\n",
		"  body: If  @1:0-1:7\n"
		"    test: Name id=x  @1:3-1:4\n"
		"    body: Expr  @1:6-1:7\n"
		"      value: Name id=y  @1:6-1:7\n"},
	{9, "if x: y;\n",
		"  body: If  @1:0-1:8\n"
		"    test: Name id=x  @1:3-1:4\n"
		"    body: Expr  @1:6-1:7\n"
		"      value: Name id=y  @1:6-1:7\n"},
	/* 3.8 normalises an imported name only where it has no dots */
	{8, "import \xef\xac\x81.a, \xef\xac\x81",
		"  body: Import  @1:0-1:17\n"
		"    names: alias name=\xef\xac\x81.a\n"
		"    names: alias name=fi\n"},
	{13, "import \xef\xac\x81.a",
		"  body: Import  @1:0-1:12\n"
		"    names: alias name=fi.a  @1:7-1:12\n"},
	/* A name that is a keyword only after normalisation stays a name. */
	{12, "\xf0\x9d\x90\x8done",
		"  body: Expr  @1:0-1:7\n"
		"    value: Name id=None  @1:0-1:7\n"},
	/* -a ** -b is -(a ** (-b)); not binds less than a comparison */
	{12, "-a ** -b",
		"  body: Expr  @1:0-1:8\n"
		"    value: UnaryOp USub  @1:0-1:8\n"
		"      operand: BinOp Pow  @1:1-1:8\n"
		"        left: Name id=a  @1:1-1:2\n"
		"        right: UnaryOp USub  @1:6-1:8\n"
		"          operand: Name id=b  @1:7-1:8\n"},
	{12, "not a in b",
		"  body: Expr  @1:0-1:10\n"
		"    value: UnaryOp Not  @1:0-1:10\n"
		"      operand: Compare In  @1:4-1:10\n"
		"        left: Name id=a  @1:4-1:5\n"
		"        comparators: Name id=b  @1:9-1:10\n"},
	/* The first literal's prefix is the kind of the whole, before 3.12 of its f-strings too. */
	{11, "u'a' f'b{c}d'",
		"  body: Expr  @1:0-1:13\n"
		"    value: JoinedStr  @1:0-1:13\n"
		"      values: Constant \"ab\"  @1:0-1:13\n"
		"      values: FormattedValue conversion=-1  @1:5-1:13\n"
		"        value: Name id=c  @1:9-1:10\n"
		"      values: Constant \"d\"  @1:5-1:13\n"},
	/* The text of a debug field has no comments. */
	{13, "f'''{x # c\n = }'''",
		"  body: Expr  @1:0-2:7\n"
		"    value: JoinedStr  @1:0-2:7\n"
		"      values: Constant \"x \\n = \"  @1:5-2:3\n"
		"      values: FormattedValue conversion=114  @1:4-2:4\n"
		"        value: Name id=x  @1:5-1:6\n"},
	/* 3.14: templates remember the text of each expression, blanks before it included */
	{14, "t'a{ x = }' t'{y!s:>{w}}'",
		"  body: Expr  @1:0-1:25\n"
		"    value: TemplateStr  @1:0-1:25\n"
		"      values: Constant \"a x = \"  @1:2-1:9\n"
		"      values: Interpolation str= x conversion=114  @1:3-1:10\n"
		"        value: Name id=x  @1:5-1:6\n"
		"      values: Interpolation str=y conversion=115  @1:14-1:24\n"
		"        value: Name id=y  @1:15-1:16\n"
		"        format_spec: JoinedStr  @1:18-1:23\n"
		"          values: Constant \">\"  @1:19-1:20\n"
		"          values: FormattedValue conversion=-1  @1:20-1:23\n"
		"            value: Name id=w  @1:21-1:22\n"},
	{14, "try: pass\nexcept A, B: pass",
		"  body: Try  @1:0-2:17\n"
		"    body: Pass  @1:5-1:9\n"
		"    handlers: ExceptHandler  @2:0-2:17\n"
		"      type: Tuple  @2:7-2:11\n"
		"        elts: Name id=A  @2:7-2:8\n"
		"        elts: Name id=B  @2:10-2:11\n"
		"      body: Pass  @2:13-2:17\n"},
};

static void test_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
		const struct dump_sink sink = {take, &out};
		struct parsed parsed;

		parse(&parsed, trees[i].minor, str_of(trees[i].text));
		assert_null(parsed.result.error.message);
		assert_int_equal(tree_lines(&parsed.source, parsed.result.module, &sink), 0);
		assert_memory_equal(out.data, "Module\n", 7);
		assert_string_equal(out.data + 7, trees[i].tree);
		arena_free(parsed.arena);
	}
}

struct error_row {
	uint8_t minor;
	const char *text;
	uint32_t line;
	uint32_t column;
	const char *message;
};

static const struct error_row errors[] = {
	{13, "x = ", 1, 4, "invalid syntax"},
	{13, "  x", 1, 1, "unexpected indent"},
	{13, "if x\n  y", 1, 4, "expected ':'"},
	{13, "def f() x", 1, 8, "expected ':'"},
	{13, "f() = 1", 1, 0,
		"cannot assign to function call here. Maybe you meant '==' instead of '='?"},
	{13, "None = 1", 1, 0, "cannot assign to None"},
	{13, "del f()", 1, 4, "cannot delete function call"},
	{13, "(a, b): int", 1, 0, "only single target (not tuple) can be annotated"},
	{13, "(a, b) += 1", 1, 0, "'tuple' is an illegal expression for augmented assignment"},
	{13, "f(a for a in b, c)", 1, 2, "Generator expression must be parenthesized"},
	{13, "f(a=1, b)", 1, 8, "positional argument follows keyword argument"},
	{13, "def f(a=1, b): pass", 1, 11,
		"parameter without a default follows parameter with a default"},
	{13, "print x", 1, 0, "Missing parentheses in call to 'print'. Did you mean print(...)?"},
	{13, "(*a)", 1, 1, "cannot use starred expression here"},
	/* An error of the text further on comes first, as CPython reads on for it. */
	{13, "x y\n'abc", 2, 0, "unterminated string literal (detected at line 2)"},
	{13, "try: pass\nexcept A, B: pass", 2, 7,
		"multiple exception types must be parenthesized"},
	{14, "try: pass\nexcept A, B as c: pass", 2, 7,
		"multiple exception types must be parenthesized when using 'as'"},
	{14, "t'a' 'b'", 1, 0, "cannot mix t-string literals with string or bytes literals"},
	{12, "b'a' 'b'", 1, 8, "cannot mix bytes and nonbytes literals"},
	{8, "__debug__ = 1", 1, 0, "cannot assign to __debug__"},
	{8, "f(a=1, a=2)", 1, 7, "keyword argument repeated"},
	{11, "f'{a!x}'", 1, 8, "f-string: invalid conversion character: expected 's', 'r', or 'a'"},
	/* What no rule takes is the parser's to refuse, and errors of the text still come first. */
	{13, "$x", 1, 0, "invalid syntax"},
	{13, "a <> b", 1, 2, "invalid syntax"},
	{13, "f?a' 'b'", 1, 6, "unterminated string literal (detected at line 1)"},
	{13, "def x?(): pass", 1, 5, "expected '('"},
	{13, "def f() -> : pass", 1, 8, "expected ':'"},
	/* Second readings. */
	{13, "f(a b)", 1, 2, "invalid syntax. Perhaps you forgot a comma?"},
	{13, "(x y\nz", 1, 0, "'(' was never closed"},
	{13, "x[x[]:]", 1, 2, "invalid syntax. Perhaps you forgot a comma?"},
	{13, "x = print x", 1, 4,
		"Missing parentheses in call to 'print'. Did you mean print(...)?"},
	{9, "print x, ", 1, 6,
		"Missing parentheses in call to 'print'. Did you mean print(x, end=\" \")?"},
	{13, "x not y", 1, 6, "invalid syntax"},
	{13, "{z=3}", 1, 1, "invalid syntax. Maybe you meant '==' or ':=' instead of '='?"},
	{13, "match X = int", 1, 6, "invalid syntax. Maybe you meant '==' or ':=' instead of '='?"},
	{13, "3 * x =", 1, 0, "cannot assign to expression"},
	{9, "a + 1 = 2", 1, 0, "cannot assign to operator"},
	{13, "x = f() = 1", 1, 4, "cannot assign to function call"},
	{13, "1:", 1, 1, "invalid syntax"},
	{13, "with a  # b\n pass", 1, 8, "expected ':'"},
	{13, "x = (  # b\n 1) # c\ny =  # d", 3, 5, "invalid syntax"},
	{13, "f() += )", 1, 7, "unmatched ')'"},
	{13, "del *x", 1, 4, "cannot delete starred"},
	{13, "f(**x, *)", 1, 8, "Invalid star expression"},
	{13, "[*]", 1, 2, "Invalid star expression"},
	{13, "[x for f() if y]", 1, 11, "'in' expected after for-loop variables"},
	{13, "with (x as y, z as f()): pass", 1, 19, "cannot assign to function call"},
	{13, "match x:\n case a as 1 + 2: pass", 2, 11, "invalid pattern target"},
	{14, "match x:\n case a as 1 + 2: pass", 2, 11, "cannot use expression as pattern target"},
	{13, "lambda *: 0", 1, 8, "named arguments must follow bare *"},
	{13, "def f(*, /): pass", 1, 9, "/ must be ahead of *"},
	{10, "def f(*, /): pass", 1, 9, "invalid syntax"},
	{13, "type X[*T: int] = 1", 1, 9, "cannot use bound with TypeVarTuple"},
	{13, "try: pass\nexcept x, (,): pass", 2, 8, "invalid syntax"},
	{13, "if x:\n\n", 2, 0, "expected an indented block after 'if' statement on line 1"},
	/* Fields. */
	{13, "f'{**x}'", 1, 3, "f-string: expecting a valid expression after '{'"},
	{13, "f'{x> }'", 1, 4, "f-string: expecting '=', or '!', or ':', or '}'"},
	{13, "f'{a if b else c>}'", 1, 16, "f-string: expecting '=', or '!', or ':', or '}'"},
	{13, "f'{x=;}'", 1, 5, "f-string: expecting '!', or ':', or '}'"},
	{13, "f'{x!r;}'", 1, 6, "f-string: expecting ':' or '}'"},
	{13, "f'{x!}'", 1, 5, "f-string: missing conversion character"},
	{13, "f'{x!5}'", 1, 5, "f-string: invalid conversion character"},
	{13, "f'{!r}'", 1, 3, "f-string: valid expression required before '!'"},
	{13, "f'{lambda x: 1}'", 1, 3,
		"f-string: lambda expressions are not allowed without parentheses"},
	{14, "t'{}'", 1, 3, "t-string: valid expression required before '}'"},
	{14, "t'{x:{y;}}'", 1, 7, "t-string: expecting '=', or '!', or ':', or '}'"},
	{11, "f'{x y}'", 1, 3, "f-string: invalid syntax. Perhaps you forgot a comma?"},
	{11, "f'{a)}'", 1, 7, "f-string: unmatched ')'"},
	{11, "f'{:}'", 1, 6, "f-string: expression required before ':'"},
	{13, "'a' '\\x1'", 1, 4,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-2: "
		"truncated \\xXX escape"},
	{13, "f'a\\x1{b}'", 1, 9,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 1-3: "
		"truncated \\xXX escape"},
	/* The lexer's error cuts a field short before its end is known. */
	{14, "t'''{x\r\n=", 1, 4, "'{' was never closed"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct error_row *row = &errors[i];
		struct parsed parsed;

		parse(&parsed, row->minor, str_of(row->text));
		assert_null(parsed.result.module);
		assert_string_equal(parsed.result.error.message, row->message);
		assert_int_equal(parsed.result.error.line, row->line);
		assert_int_equal(parsed.result.error.column, row->column);
		arena_free(parsed.arena);
	}
}

/* What a version brought: refused by the one before. */
static const struct {
	uint8_t since;
	const char *text;
} gates[] = {
	{9, "with (a as b, c as d): pass"},
	{9, "@a[0]\ndef f(): pass"},
	{9, "for x in *a, b: pass"},
	{9, "{a := 1}"},
	{10, "match x:\n  case 1: pass"},
	{10, "a[b := 1]"},
	{11, "try: pass\nexcept* A: pass"},
	{11, "a[*b]"},
	{11, "def f(*a: *b): pass"},
	{12, "type X = int"},
	{12, "def f[T](): pass"},
	{12, "f'{f'{x}'}'"},
	{13, "class A[T = int]: pass"},
	{14, "try: pass\nexcept A, B: pass"},
	{14, "t'{x}'"},
};

static void test_gates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		assert_true(accepts(gates[i].since, str_of(gates[i].text)));
		assert_false(accepts((uint8_t)(gates[i].since - 1), str_of(gates[i].text)));
		assert_true(accepts(14, str_of(gates[i].text)));
	}
}

/* prefix, then unit count times, then suffix */
static void repeat(
	struct buf *out, const char *prefix, const char *unit, size_t count, const char *suffix)
{
	buf_add_text(out, prefix);
	while (count--)
		buf_add_text(out, unit);
	buf_add_text(out, suffix);
	assert_false(out->failed);
}

static bool accepts_repeated(const char *prefix, const char *unit, size_t count, const char *suffix)
{
	cleanup_buf struct buf text = BUF_INIT(OUTPUT_MAX);

	repeat(&text, prefix, unit, count, suffix);
	return accepts(12, buf_str(&text));
}

static void test_limits(void **state)
{
	(void)state;
	/* Module, Expr and the operand stand above and below the operators. */
	assert_true(accepts_repeated("", "-", AST_MAX_HEIGHT - 3, "1"));
	assert_false(accepts_repeated("", "-", AST_MAX_HEIGHT - 2, "1"));
	assert_true(accepts_repeated("a", ".b", AST_MAX_HEIGHT - 3, ""));
	assert_false(accepts_repeated("a", ".b", AST_MAX_HEIGHT - 2, ""));
	assert_true(accepts_repeated("", "lambda:", PARSER_MAX_DEPTH - 1, "1"));
	assert_false(accepts_repeated("", "lambda:", PARSER_MAX_DEPTH, "1"));
	assert_true(accepts_repeated("", "1**", PARSER_MAX_DEPTH - 1, "1"));
	/* CPython 3.13 reads some 5960. */
	assert_true(accepts_repeated("", "1 if 1 else ", AST_MAX_HEIGHT - 3, "1"));
	assert_false(accepts_repeated("", "1 if 1 else ", AST_MAX_HEIGHT - 2, "1"));
	assert_false(accepts_repeated("", "1**", PARSER_MAX_DEPTH, "1"));
	/* Flat constructs have no limit of their own. */
	assert_true(accepts_repeated("a", " and a", 100000, ""));
	assert_true(accepts_repeated("a", "<a", 100000, ""));
	assert_true(accepts_repeated("", "a=", 100000, "1"));
	assert_true(accepts_repeated("", "@a\n", 100000, "def f(): pass"));
	assert_true(accepts_repeated("", "'a' ", 100000, ""));
	assert_true(accepts_repeated("[a", " for a in b", 50000, "]"));
	assert_true(accepts_repeated("with a", ",a", 100000, ": pass"));
	/* Decimal integers of 4300 digits at the most, hexadecimal ones of any length. */
	assert_true(accepts_repeated("", "9", 4300, ""));
	assert_true(accepts_repeated("", "9_", 4299, "9"));
	assert_false(accepts_repeated("", "9", 4301, ""));
	assert_true(accepts_repeated("0x", "9", 5000, ""));
	assert_true(accepts_repeated("", "0", 5000, ""));
	assert_true(accepts_repeated("", "9", 5000, ".0"));
}

static void test_no_memory(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(OUTPUT_MAX);
	size_t max;

	(void)state;
	repeat(&text, "", "f(a, b=[c]) + 'd' 'e'\n", 200, "");
	/* With ever more memory the answer turns from "none" to a tree, and never to half of one.
	 */
	for (max = 32 << 10; max < ((size_t)1 << 20); max += 8 << 10) {
		struct parsed parsed = {.arena = arena_new(max)};
		struct diag diag = {0};
		int status = -1;

		if (source_init(&parsed.source, parsed.arena, STR("test"), buf_str(&text), 12,
			    &diag) == 0)
			status = parser_parse(&parsed.source, &parsed.result);
		assert_true(status == -1 || parsed.result.module);
		if (status == -1)
			assert_null(parsed.result.module);
		arena_free(parsed.arena);
	}
}

static void test_names(void **state)
{
	struct parsed parsed;
	const struct ast_list *body;
	const struct str *first, *second;

	(void)state;
	parse(&parsed, 12, STR("fi\n\xef\xac\x81\nclass \xef\xac\x81: fi"));
	body = ast_Module_body(parsed.result.module);
	first = ast_Name_id(ast_Expr_value(body->items[0]));
	second = ast_Name_id(ast_Expr_value(body->items[1]));
	assert_ptr_equal(first, second);
	assert_ptr_equal(first, ast_ClassDef_name(body->items[2]));
	assert_int_equal(parsed.result.changed_count, 2);
	assert_int_equal(parsed.result.changed_names[0].start, 3);
	assert_int_equal(parsed.result.changed_names[0].end, 6);
	assert_int_equal(parsed.result.changed_names[1].start, 13);
	arena_free(parsed.arena);
}

static void test_walk(void **state)
{
	static const char *const order[] = {"Module", "If", "Name", "Assign", "Name", "Dict",
		"Name", "Name", "Constant", "Pass"};
	cleanup_ast_walk struct ast_walk walk;
	struct parsed parsed;
	enum ast_walk_event event;
	size_t entered = 0;
	uint32_t index;

	(void)state;
	parse(&parsed, 12, STR("if a: b = {c: d, **{1}}\nelse: pass"));
	arena_free(parsed.arena);
	parse(&parsed, 12, STR("if a: b = {**c, d: 1}\nelse: pass"));
	assert_int_equal(ast_walk_init(&walk, parsed.result.module), 0);
	while ((event = ast_walk_next(&walk)) != AST_WALK_END) {
		if (event == AST_WALK_LEAVE)
			continue;
		assert_true(entered < sizeof(order) / sizeof(order[0]));
		/* Keys come before values, and the missing key of ** is passed over. */
		if (entered == 6) {
			assert_int_equal(ast_walk_field(&walk, &index), 0);
			assert_int_equal(index, 1);
			assert_int_equal(ast_walk_parent(&walk, 1)->kind, AST_Dict);
			assert_int_equal(ast_walk_parent(&walk, 2)->kind, AST_Assign);
			assert_null(ast_walk_parent(&walk, 5));
		}
		assert_string_equal(ast_classes[walk.node->kind].name, order[entered++]);
	}
	assert_int_equal(entered, sizeof(order) / sizeof(order[0]));
	arena_free(parsed.arena);
}

static void test_walk_skip(void **state)
{
	cleanup_ast_walk struct ast_walk walk;
	struct parsed parsed;
	enum ast_walk_event event;
	size_t entered = 0, left = 0;

	(void)state;
	parse(&parsed, 12, STR("f(a, b)\nc"));
	assert_int_equal(ast_walk_init(&walk, parsed.result.module), 0);
	while ((event = ast_walk_next(&walk)) != AST_WALK_END) {
		entered += event == AST_WALK_ENTER;
		left += event == AST_WALK_LEAVE;
		if (event == AST_WALK_ENTER && walk.node->kind == AST_Call)
			ast_walk_skip(&walk);
	}
	assert_int_equal(entered, 5); /* Module, Expr, Call, Expr, Name */
	assert_int_equal(left, 5);
	arena_free(parsed.arena);
}

struct json_row {
	uint8_t minor;
	const char *text;
	const char *part; /* what must stand in the JSON */
};

static const struct json_row jsons[] = {
	{8, "a[1:2, 3]", "\"slice\":{\"_type\":\"ExtSlice\",\"dims\":[{\"_type\":\"Slice\","},
	{8, "a[1:2, 3]", "{\"_type\":\"Index\",\"value\":{\"_type\":\"Constant\""},
	{8, "a[3]", "\"slice\":{\"_type\":\"Index\",\"value\":{\"_type\":\"Constant\""},
	{9, "a[3]", "\"slice\":{\"_type\":\"Constant\""},
	{11, "def f(): pass", "\"returns\":null,\"lineno\":1"},
	{12, "def f(): pass", "\"returns\":null,\"type_params\":[],\"lineno\":1"},
	{12, "0x1F", "\"value\":{\"type\":\"int\",\"text\":\"0x1F\"},\"kind\":null"},
	{12, "u'\\ud800'", "\"value\":{\"type\":\"str\",\"value\":\"\\ud800\"},\"kind\":\"u\""},
	{12, "b'\\xff'", "\"value\":{\"type\":\"bytes\",\"value\":\"\xc3\xbf\"}"},
	{12, "'\\x00\\u2028'", "\"value\":\"\\u0000\\u2028\""},
	{12, "...", "\"value\":{\"type\":\"ellipsis\",\"value\":null}"},
	{12, "x: int", "\"simple\":1"},
	{12, "match x:\n  case None: pass",
		"{\"_type\":\"MatchSingleton\",\"value\":null,\"lineno\""},
	{12, "from .. import a", "\"module\":null,\"names\":["},
	{12, "a is not b", "\"ops\":[{\"_type\":\"IsNot\"}]"},
};

static void test_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(jsons) / sizeof(jsons[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
		const struct dump_sink sink = {take, &out};
		struct parsed parsed;

		parse(&parsed, jsons[i].minor, str_of(jsons[i].text));
		assert_non_null(parsed.result.module);
		assert_int_equal(dump_json(&parsed.source, parsed.result.module, &sink), 0);
		if (!strstr(out.data, jsons[i].part))
			fail_msg("%s: no %s in %s", jsons[i].text, jsons[i].part, out.data);
		arena_free(parsed.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_skip),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
