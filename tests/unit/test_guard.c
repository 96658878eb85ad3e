/* guard/: findings in order and once, verdicts, and what happens when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/pyversion.h"
#include "guard/guard.h"
#include "guard/known.h"

#define ARENA_BYTES ((size_t)64 << 20)

static struct arena *arena;
static struct guard_report report;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	arena = NULL;
	return 0;
}

static void judge(struct str bytes, unsigned minor)
{
	guard_check(bytes, STR("test.py"), minor, guard_policy_find("classic"), arena, &report);
}

static void expect(uint32_t at, enum guard_rule rule, uint32_t line, uint32_t column,
	uint32_t end_line, uint32_t end_column)
{
	assert_in_range(at, 0, report.count - 1);
	assert_int_equal(report.findings[at].rule, rule);
	assert_int_equal(report.findings[at].line, line);
	assert_int_equal(report.findings[at].column, column);
	assert_int_equal(report.findings[at].end_line, end_line);
	assert_int_equal(report.findings[at].end_column, end_column);
}

static void test_clean(void **state)
{
	(void)state;
	judge(STR("import math\nprint(math.pi)\n"), 11);
	assert_int_equal(report.verdict, GUARD_ALLOW);
	assert_int_equal(report.count, 0);
	assert_string_equal(report.policy, "classic");
	assert_null(report.message);
}

static void test_all_in_order(void **state)
{
	(void)state;
	/* The walk meets the outer call first, though the inner one may start with it. */
	judge(STR("x.open(1).eval(2)\nimport a, os.path as p, sys\nq.__dict__.__mro__\n"), 11);
	assert_int_equal(report.verdict, GUARD_REJECT);
	assert_int_equal(report.count, 6);
	expect(0, GUARD_RULE_CALL, 1, 0, 1, 9);
	expect(1, GUARD_RULE_CALL, 1, 0, 1, 17);
	/* The whole statement, once for each module. */
	expect(2, GUARD_RULE_IMPORT, 2, 0, 2, 27);
	expect(3, GUARD_RULE_IMPORT, 2, 0, 2, 27);
	expect(4, GUARD_RULE_ATTRIBUTE, 3, 0, 3, 10);
	expect(5, GUARD_RULE_ATTRIBUTE, 3, 0, 3, 18);
}

static void test_columns_are_bytes(void **state)
{
	(void)state;
	judge(STR("\xef\xbb\xbfx = '\xc3\xa9'; eval(\n'\xe4\xb8\xad')\n"), 11);
	assert_int_equal(report.count, 1);
	expect(0, GUARD_RULE_CALL, 1, 10, 2, 6);
}

static void test_relative_imports(void **state)
{
	static const struct {
		const char *source;
		bool allowed;
	} cases[] = {{"from . import os", true}, {"from .. import sys", true},
		{"from .os import x", false}, {"from ..os.path import x", false},
		{"from .x.os import y", true}, {"from x import os", true}, {"import x.os", true},
		{"import osx", true}, {"import os2.os", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		judge(str_of(cases[i].source), 11);
		assert_int_equal(report.verdict, cases[i].allowed ? GUARD_ALLOW : GUARD_REJECT);
	}
}

static void test_syntax(void **state)
{
	(void)state;
	judge(STR("x = 1\ny = (\n"), 11);
	assert_int_equal(report.verdict, GUARD_REJECT);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.findings[0].rule, GUARD_RULE_SYNTAX);
	assert_int_equal(report.findings[0].line, 2);
	/* What does not parse is refused for that alone: half a tree is not judged. */
	judge(STR("import os\nx = = 1\n"), 11);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.findings[0].rule, GUARD_RULE_SYNTAX);
	judge(STR("match x:\n case 1: pass\n"), 9);
	assert_int_equal(report.verdict, GUARD_REJECT);
	judge(STR("match x:\n case 1: pass\n"), 10);
	assert_int_equal(report.verdict, GUARD_ALLOW);
}

static void test_bytes_that_are_no_text(void **state)
{
	static const struct str bad[] = {STR_INIT("x = '\0'"), STR_INIT("'\xff'"),
		STR_INIT("# -*- coding: latin-1 -*-\n"), STR_INIT("\xed\xa0\x80")};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		judge(bad[i], 11);
		assert_int_equal(report.verdict, GUARD_REJECT);
		assert_int_equal(report.findings[0].rule, GUARD_RULE_SYNTAX);
	}
}

/* Without memory it must never say "allow", wherever it runs out; with enough it says "reject". */
static void test_no_memory(void **state)
{
	cleanup_buf struct buf source = BUF_INIT(1 << 20);
	bool failed_somewhere = false;
	size_t bytes;

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_printf(&source, "v%d = [x.eval(%d), f'{a:{b}}']\n", i, i);
	for (bytes = 1 << 12; bytes < ARENA_BYTES; bytes += bytes / 8) {
		struct arena *small = arena_new(bytes);

		if (!small)
			continue;
		guard_check(buf_str(&source), STR("big.py"), 12, guard_policy_find("classic"),
			small, &report);
		assert_int_not_equal(report.verdict, GUARD_ALLOW);
		if (report.verdict == GUARD_ERROR) {
			assert_non_null(report.message);
			failed_somewhere = true;
		} else {
			assert_int_equal(report.count, 300);
		}
		arena_free(small);
	}
	assert_true(failed_somewhere);
	assert_int_equal(report.verdict, GUARD_REJECT);
}

/* The arena a caller is told to bring must be enough for the densest sources. */
static void test_arena_is_enough(void **state)
{
	static const char *const dense[] = {
		"a,", "a;", "a\n", "a.b;", "f();", "[];", "a+", "-", "1,", "a=", "()\n", "@a\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(dense) / sizeof(dense[0]); i++) {
		cleanup_buf struct buf source = BUF_INIT(4 << 20);
		struct arena *told;

		while (source.len < (1 << 20))
			buf_add_text(&source, dense[i]);
		buf_add_text(&source, "a");
		told = arena_new(guard_arena_bytes(source.len));
		assert_non_null(told);
		guard_check(buf_str(&source), STR("dense.py"), 12, guard_policy_find("classic"),
			told, &report);
		if (report.verdict == GUARD_ERROR)
			print_error("%s: %s\n", dense[i], report.message);
		assert_int_not_equal(report.verdict, GUARD_ERROR);
		arena_free(told);
	}
}

static void test_long_names(void **state)
{
	cleanup_buf struct buf source = BUF_INIT(1 << 20);

	(void)state;
	buf_add_text(&source, "import os.");
	for (int i = 0; i < 1000; i++)
		buf_add_text(&source, "\xc3\xa9");
	judge(buf_str(&source), 11);
	assert_int_equal(report.count, 1);
	assert_in_range(strlen(report.findings[0].message), 100, 255);
	/* Cut between characters: the last byte is the second of a two-byte one. */
	assert_int_equal(
		(unsigned char)report.findings[0].message[strlen(report.findings[0].message) - 1],
		0xa9);
}

/* More warnings than are kept must not hide the error behind them, nor in front of them. */
static void test_flood_of_warnings(void **state)
{
	static const char warning[] = "x = 9**9**9\n", error[] = "eval('1')\n";
	cleanup_buf struct buf code = BUF_INIT(ARENA_BYTES);
	uint32_t errors, i, place;

	(void)state;
	for (place = 0; place < 3; place++) {
		code.len = 0;
		for (i = 0; i <= GUARD_FINDINGS_MAX; i++)
			buf_add_text(&code, warning);
		if (place == 0)
			memcpy(code.data, "eval('1') #", sizeof(error));
		else
			buf_add_text(&code, error);
		if (place == 2)
			buf_add_text(&code, error);
		guard_check(buf_str(&code), STR("test.py"), 11, guard_policy_find("standard"),
			arena, &report);
		assert_int_equal(report.verdict, GUARD_REJECT);
		assert_int_equal(report.count, GUARD_FINDINGS_MAX);
		assert_true(report.more);
		for (errors = i = 0; i < report.count; i++)
			errors += report.findings[i].severity == GUARD_SEVERITY_ERROR;
		assert_int_equal(errors, 1);
		teardown(NULL);
		setup(NULL);
	}
}

static void test_policies_and_rules(void **state)
{
	(void)state;
	assert_null(guard_policy_find("Standard"));
	assert_null(guard_policy_find(""));
	assert_non_null(guard_policy_find(GUARD_POLICY_DEFAULT));
	for (size_t i = 0; guard_policy_names[i]; i++)
		assert_string_equal(guard_policy_name(guard_policy_find(guard_policy_names[i])),
			guard_policy_names[i]);
	for (int i = 0; i < GUARD_RULE_COUNT; i++) {
		assert_memory_equal(guard_rules[i].id, "PSX", 3);
		if (i)
			assert_true(strcmp(guard_rules[i - 1].id, guard_rules[i].id) < 0);
		assert_true(guard_rules[i].remedy[0] != '\0');
	}
}

/* bsearch(3) needs its lists sorted: every denied name must be found, its neighbours must not. */
static void test_lists(void **state)
{
	static const struct {
		const char *format;
		const char *name;
	} names[] = {
#define MODULE(name)    {"import %s", name},
#define CALL(name)      {"x.%s()", name},
#define ATTRIBUTE(name) {"x.%s", name},
#include "guard/classic.def"
	};
	char source[128];

	(void)state;
	assert_int_equal(sizeof(names) / sizeof(names[0]), 26 + 12 + 11);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int extra = 0; extra < 2; extra++) {
			char name[64];

			snprintf(name, sizeof(name), "%s%s", names[i].name, extra ? "_" : "");
			/* The format is this table's own. */
			snprintf(source, sizeof(source), "%.*s%s%s",
				(int)(strchr(names[i].format, '%') - names[i].format),
				names[i].format, name, strchr(names[i].format, '%') + 2);
			judge(str_of(source), PYTHON_MINOR_NEWEST);
			assert_int_equal(report.verdict, extra ? GUARD_ALLOW : GUARD_REJECT);
		}
	}
}

/* guard/words.inc has every word of the lists, with all they say of it, and no other. */
static void test_words(void **state)
{
	static const struct {
		const char *name;
		enum builtin_level level;
		unsigned flags;
	} rows[] = {
#define BUILTIN(name, level) {name, BUILTIN_##level, 0},
#include "guard/builtins.def"
#define DUNDER(name)  {name, BUILTIN_NONE, KNOWN_DUNDER},
#define BAD(name)     {name, BUILTIN_NONE, KNOWN_BAD},
#define INNER(name)   {name, BUILTIN_NONE, KNOWN_INNER},
#define PRIVATE(name) {name, BUILTIN_NONE, KNOWN_PRIVATE},
#define ROAD(name)    {name, BUILTIN_NONE, KNOWN_ROAD},
#define LENT(name)    {name, BUILTIN_NONE, KNOWN_LENT},
#define CORE(name)    {name, BUILTIN_NONE, KNOWN_CORE},
#define ROOT(name)    {name, BUILTIN_NONE, KNOWN_ROOT},
#include "guard/attributes.def"
#define METHOD(name) {name, BUILTIN_NONE, KNOWN_METHOD},
#define COSTS(name)  {name, BUILTIN_NONE, KNOWN_COSTS},
#define TEXT(name)   {name, BUILTIN_NONE, KNOWN_TEXT},
#include "guard/words.def"
	};
	const size_t count = sizeof(rows) / sizeof(rows[0]);
	uint32_t distinct = 0;
	char longer[64];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct known_word known = known_word(str_of(rows[i].name));
		enum builtin_level level = BUILTIN_NONE;
		unsigned flags = 0;
		bool first = true;

		for (size_t k = 0; k < count; k++) {
			if (strcmp(rows[k].name, rows[i].name) != 0)
				continue;
			first &= k >= i;
			flags |= rows[k].flags;
			level = rows[k].level ? rows[k].level : level;
		}
		distinct += first;
		if (known.flags != flags || known.level != level)
			fail_msg("%s: run guard/gen_words.py", rows[i].name);
		snprintf(longer, sizeof(longer), "%s~", rows[i].name);
		assert_int_equal(known_word(str_of(longer)).len, 0);
		assert_int_equal(known_word(str_from(rows[i].name, 0)).len, 0);
	}
	assert_int_equal(known_word_count, distinct);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test_setup_teardown(test_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_columns_are_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relative_imports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_syntax, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes_that_are_no_text, setup, teardown),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_arena_is_enough),
		cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood_of_warnings, setup, teardown),
		cmocka_unit_test(test_policies_and_rules),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
