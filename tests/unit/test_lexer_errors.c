/*
 * Every error of the lexer: kind, text and place, as CPython 3.13 reports them. All rows are what
 * ast.parse() of that version says; columns count bytes from 0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lexer/lexer.h"

struct row {
	const char *text;
	enum diag_kind kind;
	const char *message;
	uint32_t line;
	uint32_t column;
};

#define ZEROS                                                                                      \
	"leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal " \
	"integers"

static const struct row rows[] = {
	{"x = 1__0", DIAG_SYNTAX, "invalid decimal literal", 1, 5},
	{"1_", DIAG_SYNTAX, "invalid decimal literal", 1, 1},
	{"0_7", DIAG_SYNTAX, ZEROS, 1, 0},
	{"0x", DIAG_SYNTAX, "invalid hexadecimal literal", 1, 1},
	{"0xg", DIAG_SYNTAX, "invalid hexadecimal literal", 1, 1},
	{"0x_", DIAG_SYNTAX, "invalid hexadecimal literal", 1, 2},
	{"0b2", DIAG_SYNTAX, "invalid digit '2' in binary literal", 1, 2},
	{"0b12", DIAG_SYNTAX, "invalid digit '2' in binary literal", 1, 3},
	{"0o8", DIAG_SYNTAX, "invalid digit '8' in octal literal", 1, 2},
	{"0o18", DIAG_SYNTAX, "invalid digit '8' in octal literal", 1, 3},
	{"0o1_9", DIAG_SYNTAX, "invalid digit '9' in octal literal", 1, 4},
	{"0777", DIAG_SYNTAX, ZEROS, 1, 0},
	{"0_777", DIAG_SYNTAX, ZEROS, 1, 0},
	{"1e", DIAG_SYNTAX, "invalid decimal literal", 1, 0},
	{"1e+", DIAG_SYNTAX, "invalid decimal literal", 1, 2},
	{"1e_5", DIAG_SYNTAX, "invalid decimal literal", 1, 0},
	{"1.5abc", DIAG_SYNTAX, "invalid decimal literal", 1, 2},
	{"1abc", DIAG_SYNTAX, "invalid decimal literal", 1, 0},
	{"1_000abc", DIAG_SYNTAX, "invalid decimal literal", 1, 4},
	{"0x1g", DIAG_SYNTAX, "invalid hexadecimal literal", 1, 2},
	{"0b1a", DIAG_SYNTAX, "invalid binary literal", 1, 2},
	{"0o1a", DIAG_SYNTAX, "invalid octal literal", 1, 2},
	{"1jx", DIAG_SYNTAX, "invalid imaginary literal", 1, 1},
	{"1._5", DIAG_SYNTAX, "invalid decimal literal", 1, 1},
	{"1andx", DIAG_SYNTAX, "invalid decimal literal", 1, 0},
	{"1__a", DIAG_SYNTAX, "invalid decimal literal", 1, 1},
	{"0_", DIAG_SYNTAX, "invalid decimal literal", 1, 1},
	{"0e", DIAG_SYNTAX, "invalid decimal literal", 1, 0},
	{"09", DIAG_SYNTAX, ZEROS, 1, 0},
	{"012_3", DIAG_SYNTAX, ZEROS, 1, 0},
	{"0xfand 1", DIAG_SYNTAX, "invalid hexadecimal literal", 1, 3},
	{"1.5_", DIAG_SYNTAX, "invalid decimal literal", 1, 3},
	{"1e5_", DIAG_SYNTAX, "invalid decimal literal", 1, 3},
	{"1e5_a", DIAG_SYNTAX, "invalid decimal literal", 1, 3},
	{"'abc", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 0},
	{"'abc\\", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 0},
	{"'abc\\\ndef", DIAG_SYNTAX, "unterminated string literal (detected at line 2)", 1, 0},
	{"'''abc", DIAG_SYNTAX, "unterminated triple-quoted string literal (detected at line 1)", 1,
		0},
	{"x = \"\"\"abc\ndef\n", DIAG_SYNTAX,
		"unterminated triple-quoted string literal (detected at line 2)", 1, 4},
	{"\"a\\\"", DIAG_SYNTAX,
		"unterminated string literal (detected at line 1); perhaps you escaped the end "
		"quote?",
		1, 0},
	{"'a\\'", DIAG_SYNTAX,
		"unterminated string literal (detected at line 1); perhaps you escaped the end "
		"quote?",
		1, 0},
	{"\"\"\"abc\n", DIAG_SYNTAX,
		"unterminated triple-quoted string literal (detected at line 1)", 1, 0},
	{"f\"abc", DIAG_SYNTAX, "unterminated f-string literal (detected at line 1)", 1, 0},
	{"f'''abc\n", DIAG_SYNTAX,
		"unterminated triple-quoted f-string literal (detected at line 1)", 1, 0},
	{"rb\"abc", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 0},
	{"f'{x", DIAG_SYNTAX, "'{' was never closed", 1, 2},
	{"f\"{x!r", DIAG_SYNTAX, "'{' was never closed", 1, 2},
	{"f\"{a[0)}\"", DIAG_SYNTAX,
		"closing parenthesis ')' does not match opening parenthesis '['", 1, 6},
	{"f\"{)}\"", DIAG_SYNTAX, "f-string: unmatched ')'", 1, 3},
	{"f\"{x:{y:{z:{w}}}}\"", DIAG_SYNTAX, "f-string: expressions nested too deeply", 1, 10},
	{"f\"}\"", DIAG_SYNTAX, "f-string: single '}' is not allowed", 1, 2},
	{"f\"{x}}\"", DIAG_SYNTAX, "f-string: single '}' is not allowed", 1, 5},
	{"f\"a } b\"", DIAG_SYNTAX, "f-string: single '}' is not allowed", 1, 4},
	{"f'{'", DIAG_SYNTAX, "f-string: expecting '}'", 1, 3},
	{"f\"{'abc}\"", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 3},
	{"f\"{\"abc}\"", DIAG_SYNTAX, "'{' was never closed", 1, 2},
	{"f'{a[\"b}'", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 5},
	{"(", DIAG_SYNTAX, "'(' was never closed", 1, 0},
	{")", DIAG_SYNTAX, "unmatched ')'", 1, 0},
	{"x = (1,\n2", DIAG_SYNTAX, "'(' was never closed", 1, 4},
	{"a = [1, 2)", DIAG_SYNTAX,
		"closing parenthesis ')' does not match opening parenthesis '['", 1, 9},
	{"a = [1,\n2)", DIAG_SYNTAX,
		"closing parenthesis ')' does not match opening parenthesis '[' on line 1", 2, 1},
	{"{", DIAG_SYNTAX, "'{' was never closed", 1, 0},
	{"}", DIAG_SYNTAX, "unmatched '}'", 1, 0},
	{"foo(]", DIAG_SYNTAX, "closing parenthesis ']' does not match opening parenthesis '('", 1,
		4},
	{"(()", DIAG_SYNTAX, "'(' was never closed", 1, 0},
	{"$ ? ` ! a)", DIAG_SYNTAX, "unmatched ')'", 1, 9},
	{"x = 5)", DIAG_SYNTAX, "unmatched ')'", 1, 5},
	{"({)}", DIAG_SYNTAX, "closing parenthesis ')' does not match opening parenthesis '{'", 1,
		2},
	{"x = \001", DIAG_SYNTAX, "invalid non-printable character U+0001", 1, 4},
	{"x = \177", DIAG_SYNTAX, "invalid non-printable character U+007F", 1, 4},
	{"x = \013 1", DIAG_SYNTAX, "invalid non-printable character U+000B", 1, 4},
	{"a\013b", DIAG_SYNTAX, "invalid non-printable character U+000B", 1, 1},
	{"x = \342\202\254", DIAG_SYNTAX, "invalid character '\342\202\254' (U+20AC)", 1, 4},
	{"x = a\342\202\254b", DIAG_SYNTAX, "invalid character '\342\202\254' (U+20AC)", 1, 5},
	{"\342\202\254", DIAG_SYNTAX, "invalid character '\342\202\254' (U+20AC)", 1, 0},
	{"x = \302\240 1", DIAG_SYNTAX, "invalid non-printable character U+00A0", 1, 4},
	{"\302\240x", DIAG_SYNTAX, "invalid non-printable character U+00A0", 1, 0},
	{"a\342\200\213", DIAG_SYNTAX, "invalid non-printable character U+200B", 1, 1},
	{"x = \342\200\234hi\342\200\235", DIAG_SYNTAX, "invalid character '\342\200\234' (U+201C)",
		1, 4},
	{"x\315\272", DIAG_SYNTAX, "invalid character '\315\272' (U+037A)", 1, 1},
	{"\315\272", DIAG_SYNTAX, "invalid character '\315\272' (U+037A)", 1, 0},
	{"\302\267", DIAG_SYNTAX, "invalid character '\302\267' (U+00B7)", 1, 0},
	{"x\302\262=1", DIAG_SYNTAX, "invalid character '\302\262' (U+00B2)", 1, 1},
	{"x = \355\237\277\360\237\230\200", DIAG_SYNTAX, "invalid non-printable character U+D7FF",
		1, 4},
	{"a\342\200\250b", DIAG_SYNTAX, "invalid non-printable character U+2028", 1, 1},
	{"\343\200\200x=1", DIAG_SYNTAX, "invalid non-printable character U+3000", 1, 0},
	{"1\331\240", DIAG_SYNTAX, "invalid character '\331\240' (U+0660)", 1, 1},
	{"x \\ y", DIAG_SYNTAX, "unexpected character after line continuation character", 1, 3},
	{"x \\", DIAG_SYNTAX, "unexpected EOF while parsing", 1, 3},
	{"\\", DIAG_SYNTAX, "unexpected EOF while parsing", 1, 1},
	{"x = \\\n", DIAG_SYNTAX, "unexpected EOF while parsing", 1, 5},
	{"  \\\n", DIAG_SYNTAX, "unexpected EOF while parsing", 1, 3},
	{"x = 1 \\ \n + 2", DIAG_SYNTAX, "unexpected character after line continuation character",
		1, 7},
	{"if 1:\n  x\n y", DIAG_INDENTATION, "unindent does not match any outer indentation level",
		3, 2},
	{"if 1:\n\tx\n        y", DIAG_TAB, "inconsistent use of tabs and spaces in indentation", 3,
		0},
	{"if 1:\n        x\n\ty", DIAG_TAB, "inconsistent use of tabs and spaces in indentation", 3,
		0},
	{"if 1:\n  if 2:\n    x\n   y", DIAG_INDENTATION,
		"unindent does not match any outer indentation level", 4, 4},
	{"if 1:\n \t x\n\t y", DIAG_TAB, "inconsistent use of tabs and spaces in indentation", 3,
		0},
	{"1.real", DIAG_SYNTAX, "invalid decimal literal", 1, 1},
	{"\"a\rb\"", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 0},
	{"f'{x:}}'", DIAG_SYNTAX, "f-string: single '}' is not allowed", 1, 6},
	{"f'{{}'", DIAG_SYNTAX, "f-string: single '}' is not allowed", 1, 4},
	{"f'{x # c}'", DIAG_SYNTAX, "'{' was never closed", 1, 2},
	{"f'\\'", DIAG_SYNTAX, "unterminated f-string literal (detected at line 1)", 1, 0},
	{"f'{\\n}'", DIAG_SYNTAX, "unexpected character after line continuation character", 1, 4},
	{"f'}}}'", DIAG_SYNTAX, "f-string: single '}' is not allowed", 1, 4},
	{"f'{{{'", DIAG_SYNTAX, "f-string: expecting '}'", 1, 5},
};

/* What only some versions refuse, or refuse in their own way. */
static const struct {
	uint8_t minor;
	struct row row;
} version_rows[] = {
	{13, {"f'{x:\n}'", DIAG_SYNTAX,
		     "f-string: newlines are not allowed in format specifiers for single quoted "
		     "f-strings",
		     1, 5}},
	{14, {"t'abc", DIAG_SYNTAX, "unterminated t-string literal (detected at line 1)", 1, 0}},
	{14, {"t'{x:{y:{z:{w}}}}'", DIAG_SYNTAX, "t-string: expressions nested too deeply", 1, 10}},
	{14, {"t'}'", DIAG_SYNTAX, "t-string: single '}' is not allowed", 1, 2}},
	{14, {"ur'x'", DIAG_SYNTAX, "'u' and 'r' prefixes are incompatible", 1, 0}},
	{14, {"bu'x'", DIAG_SYNTAX, "'u' and 'b' prefixes are incompatible", 1, 0}},
	{14, {"ft'x'", DIAG_SYNTAX, "'f' and 't' prefixes are incompatible", 1, 0}},
	{10, {"[1async for x in y]", DIAG_SYNTAX, "invalid decimal literal", 1, 1}},
	{8, {"0o8", DIAG_SYNTAX, "invalid digit '8' in octal literal", 1, 2}},
	{11, {"f'abc", DIAG_SYNTAX, "unterminated string literal (detected at line 1)", 1, 0}},
	{8, {"x = \u30fb", DIAG_SYNTAX, "invalid character '\u30fb' (U+30FB)", 1, 4}},
	/* U+30FB became part of names in Unicode 15.1; U+1FAE8 is 15.0; U+1DF2A is a letter
	   of 15.0. */
	{12, {"x\u30fb", DIAG_SYNTAX, "invalid character '\u30fb' (U+30FB)", 1, 1}},
	{11, {"x\U0001df2a", DIAG_SYNTAX, "invalid character '\U0001df2a' (U+1DF2A)", 1, 1}},
};

static void lex(const char *text, size_t len, uint8_t minor, const struct row *expected)
{
	cleanup_arena struct arena *arena = arena_new((size_t)512 << 20);
	struct lexer_result result;
	struct source source;
	struct diag diag = {0};

	assert_int_equal(
		source_init(&source, arena, STR("t"), str_from(text, len), minor, &diag), 0);
	assert_int_equal(lexer_tokenize(&source, &result), 0);
	if (!expected) {
		if (result.error.message)
			fail_msg("3.%u refuses \"%.60s\": %s", minor, text, result.error.message);
		assert_int_equal(result.tokens[result.count - 1].kind, TOK_ENDMARKER);
		return;
	}
	if (!result.error.message)
		fail_msg("3.%u accepts \"%.60s\"", minor, text);
	assert_int_equal(result.tokens[result.count - 1].kind, TOK_ERROR);
	if (strcmp(result.error.message, expected->message) != 0 ||
		result.error.line != expected->line || result.error.column != expected->column ||
		result.error.kind != expected->kind)
		fail_msg("\"%.60s\": %u %s at %u:%u, not %u %s at %u:%u", text, result.error.kind,
			result.error.message, result.error.line, result.error.column,
			expected->kind, expected->message, expected->line, expected->column);
}

static void test_errors(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		lex(rows[i].text, strlen(rows[i].text), 13, &rows[i]);
}

static void test_versions(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(version_rows) / sizeof(*version_rows); i++)
		lex(version_rows[i].row.text, strlen(version_rows[i].row.text),
			version_rows[i].minor, &version_rows[i].row);
	lex("f'{x:\n}'", 8, 12, NULL);
	lex("[1async for x in y]", 19, 9, NULL);
	lex("ur'x'", 5, 13, NULL);
	lex("x\u30fb", 4, 13, NULL);
	lex("x\U0001df2a", 5, 12, NULL);
	lex("1if 2else 3", 11, 13, NULL);
	lex("0xfor 1not in x", 15, 13, NULL);
}

/* count times unit, then tail: owned by the caller. */
static char *repeat(const char *unit, size_t count, const char *tail, size_t *ret_len)
{
	size_t unit_len = strlen(unit), tail_len = strlen(tail), i;
	char *text = malloc(unit_len * count + tail_len + 1);

	assert_non_null(text);
	for (i = 0; i < count; i++)
		memcpy(text + i * unit_len, unit, unit_len);
	memcpy(text + unit_len * count, tail, tail_len + 1);
	*ret_len = unit_len * count + tail_len;
	return text;
}

static void repeated(
	const char *unit, size_t count, const char *tail, uint8_t minor, const struct row *expected)
{
	size_t len;
	char *text = repeat(unit, count, tail, &len);

	lex(text, len, minor, expected);
	free(text);
}

/* Every limit at n and n + 1. */
static void test_limits(void **state)
{
	const struct row parens = {"", DIAG_SYNTAX, "too many nested parentheses", 1, 200};
	const struct row open = {"", DIAG_SYNTAX, "'(' was never closed", 1, 199};
	const struct row fstrings = {"", DIAG_SYNTAX, "too many nested f-strings", 1, 448};
	const struct row inner = {"", DIAG_SYNTAX, "'{' was never closed", 1, 446};
	const struct row indents = {"", DIAG_INDENTATION, "too many levels of indentation", 101, 0};
	char text[200 * 110], *end;
	int levels, i;

	(void)state;
	repeated("(", 200, "", 13, &open);
	repeated("(", 201, "", 13, &parens);
	repeated("f\"{", 149, "", 13, &inner);
	repeated("f\"{", 150, "", 13, &fstrings);
	for (levels = 99; levels <= 100; levels++) {
		end = text;
		for (i = 0; i <= levels; i++)
			end += sprintf(end, "%*sif x:\n", i, "");
		lex(text, (size_t)(end - text), 13, levels == 99 ? NULL : &indents);
	}
}

/* Ten megabytes of the worst, in time that a test run does not notice. */
static void test_large(void **state)
{
	const size_t many = 10u << 20;
	const struct row parens = {"", DIAG_SYNTAX, "too many nested parentheses", 1, 200};
	const struct row fstrings = {"", DIAG_SYNTAX, "too many nested f-strings", 1, 597};
	const struct row mixed = {"", DIAG_SYNTAX, "too many nested f-strings", 1, 744};
	const struct row eof = {
		"", DIAG_SYNTAX, "unexpected EOF while parsing", (10u << 20) / 2, 1};

	(void)state;
	repeated("(", many, "", 13, &parens);
	repeated("f\"{f'", many / 5, "", 13, &mixed);
	repeated("f'{ ", many / 4, "", 13, &fstrings);
	repeated("\\\n", many / 2, "", 13, &eof);
	repeated("a\xcc\x81\xcc\xa3", many / 5, "", 13, NULL);
	repeated("x = 1\n", many / 6, "", 13, NULL);
	repeated("  ", many / 2, "x", 13, NULL);
	repeated("\n", many, "", 13, NULL);
	repeated("\r", many, "", 13, NULL);
	repeated("0", many, "", 13, NULL);
	repeated("_", many, "", 13, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
