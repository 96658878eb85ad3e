/*
 * What only compile() refuses: golden cases, one or more for each rule, and those that no oracle on
 * the machine may tell (3.14). Agreement with CPython at large is
 * tests/differential/test_compile.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/buf.h"
#include "parser/compile_errors.h"
#include "parser/parser.h"

#define ARENA_MAX ((size_t)256 << 20)

struct row {
	uint8_t first, last; /* minor versions */
	const char *text;
	uint32_t line, column;
	const char *message; /* NULL: it compiles */
};

static const struct row rows[] = {
	{8, 14, "return", 1, 0, "'return' outside function"},
	{9, 14, "x[(*y,)]: int", 1, 3, "can't use starred expression here"},
	{8, 8, "x[(*y,)]: int", 0, 0, NULL},
	{8, 14, "x[(*y,)]: int = 1", 0, 0, NULL},
	{11, 14, "x[a, *y]: int", 1, 5, "can't use starred expression here"},
	{9, 14, "x[(*y, 1):2, z]: int", 0, 0, NULL},
	{8, 8, "def f(x: (*x)): pass", 1, 10, "can't use starred expression here"},
	{8, 8, "def f(*x: (*x)): pass", 1, 11, "can't use starred expression here"},
	{11, 14, "def f(*x: *x): pass", 0, 0, NULL},
	{8, 14, "class C:\n return 1", 2, 1, "'return' outside function"},
	{8, 14, "def f():\n return", 0, 0, NULL},
	{8, 14, "x = 1\nbreak", 2, 0, "'break' outside loop"},
	{8, 14, "while x:\n def f():\n  continue", 3, 2, "'continue' not properly in loop"},
	{8, 14, "while x:\n try: pass\n finally: continue", 0, 0, NULL},
	{9, 14, "try: break\nfinally: yield", 2, 9, "'yield' outside function"},
	{8, 14, "(yield)", 1, 1, "'yield' outside function"},
	{8, 14, "await x", 1, 0, "'await' outside function"},
	{8, 14, "def f(): await x", 1, 9, "'await' outside async function"},
	{8, 14, "def f():\n async with x: pass", 2, 1, "'async with' outside async function"},
	{8, 14, "async def f(): yield from x", 1, 15, "'yield from' inside async function"},
	{8, 14, "async def f():\n yield\n return 1", 3, 1,
		"'return' with value in async generator"},
	{8, 14, "[x async for x in y]", 1, 0,
		"asynchronous comprehension outside of an asynchronous function"},
	{8, 10, "async def f(): [[x async for x in y] for z in w]", 1, 16,
		"asynchronous comprehension outside of an asynchronous function"},
	{11, 14, "async def f(): [[x async for x in y] for z in w]", 0, 0, NULL},
	{10, 14, "[(yield) for x in y]", 1, 2, "'yield' inside list comprehension"},
	{8, 14, "nonlocal x", 1, 0, "nonlocal declaration not allowed at module level"},
	{8, 14, "def f():\n nonlocal x", 2, 1, "no binding for nonlocal 'x' found"},
	{8, 14, "def f(x):\n global x", 2, 1, "name 'x' is parameter and global"},
	{8, 14, "x = 1\nglobal x", 2, 0, "name 'x' is assigned to before global declaration"},
	{8, 14, "print(x)\nglobal x", 2, 0, "name 'x' is used prior to global declaration"},
	{8, 14, "def f():\n x: int\n global x", 3, 1, "annotated name 'x' can't be global"},
	{8, 14, "def f():\n global x\n nonlocal x", 2, 1, "name 'x' is nonlocal and global"},
	{8, 14, "class C:\n def f(self, __x):\n  def g(): nonlocal _C__x", 0, 0, NULL},
	{10, 14, "def f(x,\n x): pass", 2, 1, "duplicate argument 'x' in function definition"},
	{8, 9, "def f(x,\n x): pass", 1, 0, "duplicate argument 'x' in function definition"},
	{8, 14, "[x for x in (y := 1)]", 1, 13,
		"assignment expression cannot be used in a comprehension iterable expression"},
	{8, 14, "[x := 1 for x in y]", 1, 1,
		"assignment expression cannot rebind comprehension iteration variable 'x'"},
	{8, 14, "class C:\n [x := 1 for y in z]", 2, 2,
		"assignment expression within a comprehension cannot be used in a class body"},
	{9, 14, "x.__debug__ = 1", 1, 0, "cannot assign to __debug__"},
	{9, 10, "x.\\\n __debug__ = 1", 1, 0, "cannot assign to __debug__"},
	{11, 13, "x.\\\n __debug__ = 1", 2, 1, "cannot assign to __debug__"},
	{10, 14, "del __debug__", 1, 4, "cannot delete __debug__"},
	{9, 13, "x.__debug__ += 1", 0, 0, NULL},
	{14, 14, "x.__debug__ += 1", 1, 0, "cannot assign to __debug__"},
	{14, 14, "del x.__debug__", 1, 4, "cannot delete __debug__"},
	{8, 14, "*x = y", 1, 0, "starred assignment target must be in a list or tuple"},
	{8, 14, "*x, *y = z", 1, 0, "multiple starred expressions in assignment"},
	{8, 14, "*x", 1, 0, "can't use starred expression here"},
	{8, 14, "x = 1\nfrom __future__ import division", 2, 0,
		"from __future__ imports must occur at the beginning of the file"},
	{8, 12, "from __future__ import braces", 1, 0, "not a chance"},
	{8, 9, "def f():\n from x import *", 1, 0, "import * only allowed at module level"},
	{10, 14, "def f():\n from x import *", 2, 15, "import * only allowed at module level"},
	{10, 14, "try: pass\nexcept: pass\nexcept E: pass", 2, 0, "default 'except:' must be last"},
	{11, 14, "for x in y:\n try: pass\n except* E: break", 3, 12,
		"'break', 'continue' and 'return' cannot appear in an except* block"},
	{9, 14, "f(x=1, x=2)", 1, 7, "keyword argument repeated: x"},
	{10, 14, "match x:\n case _: pass\n case 1: pass", 2, 6,
		"wildcard makes remaining patterns unreachable"},
	{10, 14, "match x:\n case [y] | [z]: pass", 2, 6,
		"alternative patterns bind different names"},
	{10, 14, "match x:\n case [y, y]: pass", 2, 10,
		"multiple assignments to name 'y' in pattern"},
	{10, 14, "match x:\n case {1: _, 1.0: _}: pass", 2, 6,
		"mapping pattern checks duplicate key (1.0)"},
	{10, 14, "match x:\n case C(a=1, a=2): pass", 2, 15,
		"attribute name repeated in class pattern: a"},
	{12, 14, "def f[T, T](): pass", 1, 9, "duplicate type parameter 'T'"},
	{12, 14, "type X = (yield)", 1, 10, "yield expression cannot be used within a type alias"},
	{12, 14, "def f[T]():\n nonlocal T", 2, 1,
		"nonlocal binding not allowed for type parameter 'T'"},
	{13, 14, "type X[T = 1, U] = 1", 1, 14,
		"non-default type parameter 'U' follows default type parameter"},
	{14, 14, "def f(x: (y := 1)): pass", 1, 10,
		"named expression cannot be used within an annotation"},
	{14, 14, "def f():\n x: (await y)", 2, 5,
		"await expression cannot be used within an annotation"},
	{14, 14, "t'{(yield)}'", 1, 4, "'yield' outside function"},
};

static void find(
	uint8_t minor, struct str text, struct compile_error_list *ret, struct arena **ret_arena)
{
	static struct source source;
	struct parse_result result;
	struct diag diag = {0};

	*ret_arena = arena_new(ARENA_MAX);
	assert_non_null(*ret_arena);
	assert_int_equal(source_init(&source, *ret_arena, STR("test"), text, minor, &diag), 0);
	assert_int_equal(parser_parse(&source, &result), 0);
	if (!result.module)
		fail_msg("3.%d: does not parse: %.*s", minor, STR_ARG(text));
	assert_int_equal(compile_errors_find(&source, &result, ret), 0);
}

/* Places: only the line is CPython's for sure before 3.10, so columns count from there on. */
static void check_row(const struct row *row, uint8_t minor)
{
	struct compile_error_list errors;
	struct arena *arena;

	find(minor, str_of(row->text), &errors, &arena);
	if (!row->message) {
		if (errors.count)
			fail_msg("3.%d: %s: %s", minor, row->text, errors.items[0].message);
	} else {
		if (!errors.count)
			fail_msg("3.%d: nothing found in: %s", minor, row->text);
		assert_string_equal(errors.items[0].message, row->message);
		assert_int_equal(errors.items[0].line, row->line);
		if (minor >= 10 && errors.items[0].column != row->column)
			fail_msg("3.%d: column %u of %s", minor, errors.items[0].column, row->text);
	}
	arena_free(arena);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint8_t minor = rows[i].first; minor <= rows[i].last; minor++)
			check_row(&rows[i], minor);
}

/* 20 blocks are allowed up to 3.12, 21 from then on. */
static void test_blocks(void **state)
{
	uint8_t minor;
	unsigned depth, most, i;

	(void)state;
	for (minor = 8; minor <= 14; minor++) {
		most = minor < 13 ? 20 : 21;
		for (depth = most; depth <= most + 1; depth++) {
			cleanup_buf struct buf text = BUF_INIT(1 << 16);
			struct compile_error_list errors;
			struct arena *arena;

			for (i = 0; i < depth; i++)
				buf_printf(&text, "%*swhile x:\n", (int)i, "");
			buf_printf(&text, "%*spass\n", (int)i, "");
			find(minor, buf_str(&text), &errors, &arena);
			assert_int_equal(errors.count, depth > most);
			arena_free(arena);
		}
	}
}

/* Nested finally bodies, which CPython compiles again and again, are looked at once. */
static void test_finally(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(1 << 16);
	struct compile_error_list errors;
	struct arena *arena;
	unsigned i;

	(void)state;
	buf_add_text(&text, "def f():\n");
	for (i = 1; i < 19; i++)
		buf_printf(&text, "%*stry: return\n%*sfinally:\n", (int)i, "", (int)i, "");
	buf_printf(&text, "%*spass\n", (int)i, "");
	find(14, buf_str(&text), &errors, &arena);
	assert_int_equal(errors.count, 0);
	arena_free(arena);
}

/* Without memory the answer is no answer. */
static void test_memory(void **state)
{
	struct compile_error_list errors;
	struct parse_result result;
	struct source source;
	struct diag diag = {0};
	struct arena *arena = arena_new(ARENA_MAX);

	(void)state;
	assert_int_equal(source_init(&source, arena, STR("test"), STR("global x\n"), 14, &diag), 0);
	assert_int_equal(parser_parse(&source, &result), 0);
	source.arena = arena_new(4096);
	assert_non_null(source.arena);
	assert_int_equal(compile_errors_find(&source, &result, &errors), -1);
	arena_free(source.arena);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_finally),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
