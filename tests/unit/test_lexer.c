/*
 * The lexer on sources it accepts: tokens and their text, indentation, f-strings of every version,
 * names, values of literals, encodings. Errors: test_lexer_errors.c; Unicode, code point by code
 * point: tests/frontend/test_unicode.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/buf.h"
#include "lexer/lexer.h"

#define ALL 0 /* the row holds for every version */

/* The tokens of a row, one word each: kinds without a fixed spelling as KIND:text. */
struct row {
	uint8_t minor;
	const char *text;
	const char *tokens;
};

static const struct row rows[] = {
	{ALL, "", "ENDMARKER"},
	{ALL, "\n\n  # c\n\t\n", "ENDMARKER"},
	{ALL, "x", "NAME:x NEWLINE ENDMARKER"},
	{ALL, "x\n", "NAME:x NEWLINE ENDMARKER"},
	{ALL, "x # c", "NAME:x NEWLINE ENDMARKER"},
	{ALL, "x\ry\r\nz\n", "NAME:x NEWLINE NAME:y NEWLINE NAME:z NEWLINE ENDMARKER"},
	{ALL, "# c\rx\n", "NAME:x NEWLINE ENDMARKER"},
	{ALL, "x = (1,\n # c\n\n   2)\n",
		"NAME:x '=' '(' NUMBER:1 ',' NUMBER:2 ')' NEWLINE ENDMARKER"},
	{ALL, "x = 1 + \\\n 2", "NAME:x '=' NUMBER:1 '+' NUMBER:2 NEWLINE ENDMARKER"},
	{ALL, "x = \\\r\n2", "NAME:x '=' NUMBER:2 NEWLINE ENDMARKER"},
	{ALL, "if x:\n  y\nz\n",
		"'if' NAME:x ':' NEWLINE INDENT NAME:y NEWLINE DEDENT NAME:z NEWLINE ENDMARKER"},
	{ALL, "if x:\n\tif y:\n\t  z",
		"'if' NAME:x ':' NEWLINE INDENT 'if' NAME:y ':' NEWLINE INDENT NAME:z NEWLINE "
		"DEDENT "
		"DEDENT ENDMARKER"},
	{ALL, "if x:\n  y\n\n # c\n  z\n   # d\n",
		"'if' NAME:x ':' NEWLINE INDENT NAME:y NEWLINE NAME:z NEWLINE DEDENT ENDMARKER"},
	{ALL, "if x:\n  y\n\f  z\n",
		"'if' NAME:x ':' NEWLINE INDENT NAME:y NEWLINE NAME:z NEWLINE DEDENT ENDMARKER"},
	{ALL, "\f\tx", "INDENT NAME:x NEWLINE DEDENT ENDMARKER"},
	/* A backslash among the blanks at the start of a line: three rules in three eras. */
	{8, "  \\\n# c\nx", "INDENT NEWLINE DEDENT NAME:x NEWLINE ENDMARKER"},
	{9, "  \\\n# c\nx", "NAME:x NEWLINE ENDMARKER"},
	{9, "  \\\nx", "NAME:x NEWLINE ENDMARKER"},
	{10, "  \\\nx", "INDENT NAME:x NEWLINE DEDENT ENDMARKER"},
	{13, "\\\n  x", "INDENT NAME:x NEWLINE DEDENT ENDMARKER"},
	{13, "  \\\n    x", "INDENT NAME:x NEWLINE DEDENT ENDMARKER"},
	{ALL, "a<b<=c<<d<<=e>f>=g>>h>>=i",
		"NAME:a '<' NAME:b '<=' NAME:c '<<' NAME:d '<<=' NAME:e '>' NAME:f '>=' NAME:g "
		"'>>' "
		"NAME:h '>>=' NAME:i NEWLINE ENDMARKER"},
	{ALL, "a*b**c*=d**=e/f//g/=h//=i",
		"NAME:a '*' NAME:b '**' NAME:c '*=' NAME:d '**=' NAME:e '/' NAME:f '//' NAME:g "
		"'/=' "
		"NAME:h '//=' NAME:i NEWLINE ENDMARKER"},
	{ALL, "+-@%&|^~ += -= @= %= &= |= ^=",
		"'+' '-' '@' '%' '&' '|' '^' '~' '+=' '-=' '@=' '%=' '&=' '|=' '^=' NEWLINE "
		"ENDMARKER"},
	{ALL, "a:=b : = == = != -> ; , . .. ... ....",
		"NAME:a ':=' NAME:b ':' '=' '==' '=' '!=' '->' ';' ',' '.' '.' '.' '...' '...' '.' "
		"NEWLINE "
		"ENDMARKER"},
	{ALL, "([{}])", "'(' '[' '{' '}' ']' ')' NEWLINE ENDMARKER"},
	{ALL, "0 00 0_0 1_0 0xF_f 0O17 0b1 1. .5 1.e5 1e-5 1_0.0_1E+1 1j 1.J 09.5 0e0",
		"NUMBER:0 NUMBER:00 NUMBER:0_0 NUMBER:1_0 NUMBER:0xF_f NUMBER:0O17 NUMBER:0b1 "
		"NUMBER:1. "
		"NUMBER:.5 NUMBER:1.e5 NUMBER:1e-5 NUMBER:1_0.0_1E+1 NUMBER:1j NUMBER:1.J "
		"NUMBER:09.5 "
		"NUMBER:0e0 NEWLINE ENDMARKER"},
	{ALL, "1if 1else 0xfor 1or 1.5and 1not",
		"NUMBER:1 'if' NUMBER:1 'else' NUMBER:0xf 'or' NUMBER:1 'or' NUMBER:1.5 'and' "
		"NUMBER:1 "
		"'not' NEWLINE ENDMARKER"},
	{9, "1abc", "NUMBER:1 NAME:abc NEWLINE ENDMARKER"},
	{ALL, "1..real", "NUMBER:1. '.' NAME:real NEWLINE ENDMARKER"},
	{ALL, "'a' \"b\" '''c''' \"\"\"d\"\"\" '' \"\" '\\'' 'a\\\nb'",
		"STRING:'a' STRING:\"b\" STRING:'''c''' STRING:\"\"\"d\"\"\" STRING:'' STRING:\"\" "
		"STRING:'\\'' STRING:'a\\\nb' NEWLINE ENDMARKER"},
	{ALL, "'''a'b''c\n\\''''", "STRING:'''a'b''c\n\\'''' NEWLINE ENDMARKER"},
	{ALL, "r'a' Rb'a' bR'a' B'a' u'a' U'a'",
		"STRING:r'a' STRING:Rb'a' STRING:bR'a' STRING:B'a' STRING:u'a' STRING:U'a' NEWLINE "
		"ENDMARKER"},
	{13, "ur'a' bb'a'", "NAME:ur STRING:'a' NAME:bb STRING:'a' NEWLINE ENDMARKER"},
	{13, "t'a'", "NAME:t STRING:'a' NEWLINE ENDMARKER"},
	{14, "t'a'", "FSTRING_START:t' FSTRING_MIDDLE:a FSTRING_END:' NEWLINE ENDMARKER"},
	{14, "Rt'{x}'", "FSTRING_START:Rt' '{' NAME:x '}' FSTRING_END:' NEWLINE ENDMARKER"},
	{11, "f'a{x}' fr'' Rf\"\"\"\n\"\"\"",
		"STRING:f'a{x}' STRING:fr'' STRING:Rf\"\"\"\n\"\"\" NEWLINE ENDMARKER"},
	{12, "f''", "FSTRING_START:f' FSTRING_END:' NEWLINE ENDMARKER"},
	{12, "f'a{x}b'",
		"FSTRING_START:f' FSTRING_MIDDLE:a '{' NAME:x '}' FSTRING_MIDDLE:b FSTRING_END:' "
		"NEWLINE "
		"ENDMARKER"},
	{12, "f'{{a}}{{{x}}}'",
		"FSTRING_START:f' FSTRING_MIDDLE:{{a}}{{ '{' NAME:x '}' FSTRING_MIDDLE:}} "
		"FSTRING_END:' "
		"NEWLINE ENDMARKER"},
	{12, "f'{'a'}{f'{'b'}'}'",
		"FSTRING_START:f' '{' STRING:'a' '}' '{' FSTRING_START:f' '{' STRING:'b' '}' "
		"FSTRING_END:' '}' FSTRING_END:' NEWLINE ENDMARKER"},
	{12, "f'{x!r:>{w}.{p}}'",
		"FSTRING_START:f' '{' NAME:x '!' NAME:r ':' FSTRING_MIDDLE:> '{' NAME:w '}' "
		"FSTRING_MIDDLE:. '{' NAME:p '}' FSTRING_MIDDLE: '}' FSTRING_END:' NEWLINE "
		"ENDMARKER"},
	{12, "f'{x:=5}'",
		"FSTRING_START:f' '{' NAME:x ':' FSTRING_MIDDLE:=5 '}' FSTRING_END:' NEWLINE "
		"ENDMARKER"},
	{12, "f'{(x:=5)}'",
		"FSTRING_START:f' '{' '(' NAME:x ':=' NUMBER:5 ')' '}' FSTRING_END:' NEWLINE "
		"ENDMARKER"},
	{12, "f'{a[1:2]}{x!=y}{x=}'",
		"FSTRING_START:f' '{' NAME:a '[' NUMBER:1 ':' NUMBER:2 ']' '}' '{' NAME:x '!=' "
		"NAME:y '}' "
		"'{' NAME:x '=' '}' FSTRING_END:' NEWLINE ENDMARKER"},
	{12, "f'{x # c\n}'", "FSTRING_START:f' '{' NAME:x '}' FSTRING_END:' NEWLINE ENDMARKER"},
	{12, "f'\\N{DIGIT ONE}\\{x}'",
		"FSTRING_START:f' FSTRING_MIDDLE:\\N{DIGIT ONE}\\ '{' NAME:x '}' FSTRING_END:' "
		"NEWLINE "
		"ENDMARKER"},
	{12, "rf'\\N{x}'",
		"FSTRING_START:rf' FSTRING_MIDDLE:\\N '{' NAME:x '}' FSTRING_END:' NEWLINE "
		"ENDMARKER"},
	{12, "f'''a'{x}''b\n'''",
		"FSTRING_START:f''' FSTRING_MIDDLE:a' '{' NAME:x '}' FSTRING_MIDDLE:''b\n "
		"FSTRING_END:''' "
		"NEWLINE ENDMARKER"},
	{13, "f'''{x:a\nb}'''",
		"FSTRING_START:f''' '{' NAME:x ':' FSTRING_MIDDLE:a\nb '}' FSTRING_END:''' NEWLINE "
		"ENDMARKER"},
	{12, "f'{x:a\n}'",
		"FSTRING_START:f' '{' NAME:x ':' FSTRING_MIDDLE:a '}' FSTRING_END:' NEWLINE "
		"ENDMARKER"},
	{12, "f'{x:{{1}}}'",
		"FSTRING_START:f' '{' NAME:x ':' FSTRING_MIDDLE: '{' '{' NUMBER:1 '}' '}' "
		"FSTRING_MIDDLE: "
		"'}' FSTRING_END:' NEWLINE ENDMARKER"},
	{ALL, "\u00e9t\u00e9 = \ufb01", "NAME:\u00e9t\u00e9 '=' NAME:\ufb01 NEWLINE ENDMARKER"},
	{ALL, "match case type _ print async await",
		"NAME:match NAME:case NAME:type NAME:_ NAME:print 'async' 'await' NEWLINE "
		"ENDMARKER"},
};

static void lex(struct arena *arena, const char *text, uint8_t minor, struct source *ret_source,
	struct lexer_result *ret)
{
	struct diag diag = {0};

	if (source_init(ret_source, arena, STR("t"), str_of(text), minor, &diag))
		fail_msg("\"%s\": %s", text, diag.message);
	assert_int_equal(lexer_tokenize(ret_source, ret), 0);
}

static void dump(const struct source *source, const struct lexer_result *result, struct buf *out)
{
	const struct token *token;
	const char *name;
	uint32_t i;

	for (i = 0; i < result->count; i++) {
		token = &result->tokens[i];
		name = token_name(token->kind);
		buf_printf(out, "%s%s", i ? " " : "", name);
		if (token->kind >= TOK_NAME && token->kind <= TOK_FSTRING_END)
			buf_printf(out, ":%.*s", (int)(token->end - token->start),
				source->text.ptr + token->start);
	}
}

static void check_row(const struct row *row, uint8_t minor)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	cleanup_buf struct buf out = BUF_INIT(1 << 16);
	struct lexer_result result;
	struct source source;

	lex(arena, row->text, minor, &source, &result);
	if (result.error.message)
		fail_msg("3.%u \"%s\": %s", minor, row->text, result.error.message);
	dump(&source, &result, &out);
	if (strcmp(out.data, row->tokens) != 0)
		fail_msg("3.%u \"%s\":\n%s\nnot\n%s", minor, row->text, out.data, row->tokens);
}

static void test_tokens(void **state)
{
	uint8_t minor;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (minor = PYTHON_MINOR_OLDEST; minor <= PYTHON_MINOR_NEWEST; minor++) {
			if (rows[i].minor == ALL || rows[i].minor == minor)
				check_row(&rows[i], minor);
		}
	}
}

/* Every keyword is one, and neither a prefix of it nor a longer word is. */
static void test_keywords(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct lexer_result result;
	struct source source;
	const char *word;
	char text[16];
	int kind;

	(void)state;
	for (kind = TOK_KW_FALSE; kind <= TOK_KW_YIELD; kind++) {
		word = token_name(kind);
		snprintf(text, sizeof(text), "%.*s", (int)strlen(word) - 2, word + 1);
		lex(arena, text, 13, &source, &result);
		assert_int_equal(result.tokens[0].kind, kind);
		strcat(text, "x");
		lex(arena, text, 13, &source, &result);
		assert_int_equal(result.tokens[0].kind, TOK_NAME);
		text[0] = 'Z';
		lex(arena, text, 13, &source, &result);
		assert_int_equal(result.tokens[0].kind, TOK_NAME);
	}
}

static void test_string_flags(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct lexer_result result;
	struct source source;

	(void)state;
	lex(arena, "Rb'''x''' u'x' f'{x:y}' t\"\"\"z\"\"\"", 14, &source, &result);
	assert_int_equal(result.tokens[0].flags, TOKEN_RAW | TOKEN_BYTES | TOKEN_TRIPLE);
	assert_int_equal(result.tokens[0].extra, 5);
	assert_int_equal(result.tokens[1].flags, TOKEN_UNICODE);
	assert_int_equal(result.tokens[1].extra, 2);
	assert_int_equal(result.tokens[2].flags, TOKEN_FORMAT);
	assert_int_equal(result.tokens[2].extra, 2);
	assert_int_equal(result.tokens[6].kind, TOK_FSTRING_MIDDLE);
	assert_int_equal(result.tokens[6].flags, TOKEN_FORMAT | TOKEN_IN_SPEC);
	assert_int_equal(result.tokens[6].extra, 0);
	assert_int_equal(result.tokens[9].flags, TOKEN_TEMPLATE | TOKEN_TRIPLE);
	assert_int_equal(result.tokens[9].extra, 4);
	assert_int_equal(result.tokens[11].extra, 3);
}

static void test_fragment(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	cleanup_buf struct buf out = BUF_INIT(1 << 16);
	struct lexer_result result;
	struct source source;

	(void)state;
	lex(arena, "x\nf'''a{ b\n + [1] }'''", 11, &source, &result);
	assert_int_equal(lexer_fragment(&source, 8, 18, &result), 0);
	dump(&source, &result, &out);
	assert_string_equal(out.data, "NAME:b '+' '[' NUMBER:1 ']' ENDMARKER");
	assert_int_equal(source_position(&source, result.tokens[1].start).line, 3);
	assert_int_equal(lexer_fragment(&source, 8, 16, &result), 0);
	assert_string_equal(result.error.message, "'[' was never closed");
	assert_int_equal(result.error.line, 3);
	assert_int_equal(result.error.column, 3);
	assert_int_equal(result.open_bracket, 14);
}

static void test_names(void **state)
{
	static const struct {
		const char *text, *name;
	} names[] = {
		{"\ufb01", "fi"},
		{"\u00aa", "a"},
		{"x\u2082", NULL},
		{"e\u0301", "\u00e9"},
		{"a\u0323\u0307", "\u1ea1\u0307"},
		{"a\u0307\u0323", "\u1ea1\u0307"},
		{"\u1100\u1161\u11a8", "\uac01"},
		{"\uac00\u11a8", "\uac01"},
		{"\u212b", "\u00c5"},
		{"\U0001d4d0", "A"},
		{"\uff58", "x"},
		{"\u00e9t\u00e9", "\u00e9t\u00e9"},
	};
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct lexer_result result;
	struct source source;
	struct str name;
	bool changed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		lex(arena, names[i].text, 13, &source, &result);
		if (!names[i].name) {
			assert_non_null(result.error.message);
			continue;
		}
		assert_int_equal(result.tokens[0].flags, TOKEN_NON_ASCII);
		name = lexer_name(&source, &result.tokens[0], &changed);
		assert_true(str_is(name, names[i].name));
		assert_int_equal(changed, strcmp(names[i].name, names[i].text) != 0);
	}
	lex(arena, "plain", 13, &source, &result);
	name = lexer_name(&source, &result.tokens[0], &changed);
	assert_true(str_is(name, "plain") && !changed);
	assert_ptr_equal(name.ptr, source.text.ptr);
}

/* The literal `text`, one token; value NULL: message is the error. */
static const struct value_row {
	const char *text, *value, *message;
} value_rows[] = {
	{"'abc'", "abc", NULL},
	{"'\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"'", "\a\b\f\n\r\t\v\\'\"", NULL},
	{"'\\q\\8\\\u00e9'", "\\q\\8\\\u00e9", NULL},
	{"'a\\\nb\\\r\nc\\\rd'", "abcd", NULL},
	{"'''a\nb\r\nc\rd'''", "a\nb\nc\nd", NULL},
	{"'\\x41\\u00e9\\U0001F600\\101\\7'", "A\u00e9\U0001f600A\a", NULL},
	{"'\\777'", "\u01ff", NULL},
	{"'\\ud800'", "\xed\xa0\x80", NULL},
	{"'\\N{DIGIT ONE}\\N{digit two}\\N{LF}'", "12\n", NULL},
	{"'\\N{HANGUL SYLLABLE GAG}\\N{CJK UNIFIED IDEOGRAPH-4E00}'", "\uac01\u4e00", NULL},
	{"r'\\x\\''", "\\x\\'", NULL},
	{"b'\\xff\\377\\u1234'", "\xff\xff\\u1234", NULL},
	{"rb'\\x'", "\\x", NULL},
	{"b'\u00e9'", NULL, "bytes can only contain ASCII literal characters"},
	{"'\\x'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: "
		"truncated \\xXX "
		"escape"},
	{"'ab\\u12'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 2-5: "
		"truncated "
		"\\uXXXX escape"},
	{"'\\U0000'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-5: "
		"truncated "
		"\\UXXXXXXXX escape"},
	{"'\\U00110000'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-9: illegal "
		"Unicode "
		"character"},
	{"'\u00e9\\x1'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 10-12: "
		"truncated "
		"\\xXX escape"},
	{"'\\N'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: "
		"malformed \\N "
		"character escape"},
	{"'\\N{}'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-2: "
		"malformed \\N "
		"character escape"},
	{"'\\N{DIGIT}'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-8: unknown "
		"Unicode "
		"character name"},
	{"'\\N{KEYCAP DIGIT ONE}'", NULL,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position 0-19: "
		"unknown Unicode "
		"character name"},
	{"b'ab\\x'", NULL, "(value error) invalid \\x escape at position 2"},
};

static void check_value(const struct value_row *row)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct lexer_result result;
	struct source source;
	struct diag diag = {0};
	const struct token *token;
	struct str value;
	int status;

	lex(arena, row->text, 11, &source, &result);
	token = &result.tokens[0];
	assert_int_equal(token->kind, TOK_STRING);
	status = lexer_string_value(&source, token->start + token->extra,
		token->end - (token->flags & TOKEN_TRIPLE ? 3 : 1), token->flags, false, &value,
		&diag);
	if (!row->value) {
		assert_int_equal(status, -1);
		assert_string_equal(diag.message, row->message);
		return;
	}
	if (status || !str_is(value, row->value))
		fail_msg("%s: \"%.*s\" %s", row->text, (int)value.len, value.ptr,
			diag.message ? diag.message : "");
}

static void test_values(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(value_rows) / sizeof(*value_rows); i++)
		check_value(&value_rows[i]);
}

static void test_format_values(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct lexer_result result;
	struct source source;
	struct diag diag = {0};
	struct str value;

	(void)state;
	lex(arena, "f'{{a}}\\{{\\N{DIGIT ONE}'", 13, &source, &result);
	assert_int_equal(lexer_string_value(&source, result.tokens[1].start, result.tokens[1].end,
				 result.tokens[1].flags, true, &value, &diag),
		0);
	assert_true(str_is(value, "{a}\\{1"));
	/* Characters know their age: U+1FAE8 came with Unicode 15.0, that is Python 3.12. */
	lex(arena, "'\\N{SHAKING FACE}'", 12, &source, &result);
	assert_int_equal(lexer_string_value(&source, 1, 17, 0, false, &value, &diag), 0);
	source.minor = 11;
	assert_int_equal(lexer_string_value(&source, 1, 17, 0, false, &value, &diag), -1);
}

/* message NULL: accepted. */
static const struct source_row {
	const char *text;
	const char *message;
	uint32_t line, column;
} source_rows[] = {
	{"# coding: utf-8\nx", NULL, 0, 0},
	{"# coding: UTF_8\nx", NULL, 0, 0},
	{"# coding: utf8\nx", NULL, 0, 0},
	{"# coding: utf-8-anything\nx", NULL, 0, 0},
	{"# coding: utf_8_sig\nx", NULL, 0, 0},
	{"# coding: us-ascii\nx", NULL, 0, 0},
	{"# vim: set fileencoding=ASCII :\nx", NULL, 0, 0},
	{"\xef\xbb\xbf# coding: utf-8\nx", NULL, 0, 0},
	{"x\n# coding: latin-1\n", NULL, 0, 0},
	{"\n\n# coding: latin-1\n", NULL, 0, 0},
	{"'''\n# coding: latin-1\n'''", NULL, 0, 0},
	{"# Coding: latin-1\n", NULL, 0, 0},
	{"# coding : latin-1\n", NULL, 0, 0},
	{"# coding: latin-1\n", "encoding problem: latin-1 is not accepted", 1, 10},
	{"#coding=utf-7\n", "encoding problem: utf-7 is not accepted", 1, 8},
	{" \t\f# coding:raw_unicode_escape\n",
		"encoding problem: raw_unicode_escape is not accepted", 1, 12},
	{"#\r# coding: hz\r", "encoding problem: hz is not accepted", 2, 10},
	{"#!/bin/sh\r\n# coding: cp1252\r\n", "encoding problem: cp1252 is not accepted", 2, 10},
	{"\f\n# x coding:\t latin-1", "encoding problem: latin-1 is not accepted", 2, 13},
	{"# coding: !coding:latin-1", "encoding problem: latin-1 is not accepted", 1, 18},
	{"\xef\xbb\xbf# coding: latin-1\n", "encoding problem: latin-1 with BOM", 1, 10},
	{"\xef\xbb\xbf# coding: utf8\n", "encoding problem: utf8 with BOM", 1, 10},
	{"# coding: ascii\n'\u00e9'",
		"(unicode error) 'ascii' codec can't decode byte 0xc3 in position", 2, 1},
	{"x\r\ny = '\xff'",
		"Non-UTF-8 code starting with '\\xff' on line 2, but no encoding declared", 2, 5},
	{"x = '\xed\xa0\x80'", "Non-UTF-8 code starting with '\\xed' on line 1", 1, 5},
	{"'\xc0\x80'", "Non-UTF-8 code starting with '\\xc0' on line 1", 1, 1},
	{"'\xf4\x90\x80\x80'", "Non-UTF-8 code starting with '\\xf4' on line 1", 1, 1},
	{"# coding: utf-8\n'\xe2\x82'", "(unicode error) 'utf-8' codec can't decode byte 0xe2", 2,
		1},
};

static void test_source(void **state)
{
	const struct source_row *row;
	struct source source;
	struct diag diag;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(source_rows) / sizeof(*source_rows); i++) {
		cleanup_arena struct arena *arena = arena_new(1 << 20);

		row = &source_rows[i];
		diag = (struct diag){0};
		source_init(&source, arena, STR("t"), str_of(row->text), 13, &diag);
		if (!row->message) {
			if (diag.message)
				fail_msg("%s: %s", row->text, diag.message);
			continue;
		}
		if (!diag.message || strncmp(diag.message, row->message, strlen(row->message)) != 0)
			fail_msg("%s: %s", row->text, diag.message ? diag.message : "accepted");
		assert_int_equal(diag.kind, DIAG_ENCODING);
		assert_int_equal(diag.line, row->line);
		assert_int_equal(diag.column, row->column);
	}
}

static void test_nul_and_size(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct source source;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(source_init(&source, arena, STR("t"), STR("x\n# \0"), 8, &diag), -1);
	assert_string_equal(diag.message, "source code cannot contain null bytes");
	assert_int_equal(diag.line, 2);
	assert_int_equal(diag.column, 2);
	assert_int_equal(
		source_init(&source, arena, STR("t"), str_from("x", SOURCE_MAX + 1), 8, &diag), -1);
	assert_int_equal(diag.kind, DIAG_LIMIT);
}

static void test_lines(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct source source;
	struct position position;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(source_init(&source, arena, STR("t"),
				 STR("\xef\xbb\xbf"
				     "ab\ncd\r\n\re\r"),
				 13, &diag),
		0);
	assert_true(source.has_bom);
	assert_int_equal(source.line_count, 5);
	assert_true(str_is(source_line(&source, 1), "ab"));
	assert_true(str_is(source_line(&source, 2), "cd"));
	assert_true(str_is(source_line(&source, 3), ""));
	assert_true(str_is(source_line(&source, 4), "e"));
	assert_true(str_is(source_line(&source, 5), ""));
	assert_true(str_is(source_line(&source, 6), ""));
	assert_true(str_is(source_line(&source, 0), ""));
	position = source_position(&source, 4);
	assert_int_equal(position.line, 2);
	assert_int_equal(position.column, 1);
	position = source_position(&source, 10);
	assert_int_equal(position.line, 5);
	assert_int_equal(position.column, 0);
}

/* An arena that is too small is reported, never overrun. */
static void test_no_memory(void **state)
{
	static char text[60000];
	struct lexer_result result;
	struct source source;
	struct diag diag;
	size_t cap;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (cap = 0; cap < sizeof(text); cap++)
		text[cap] = cap % 2 ? '\n' : 'a';
	for (cap = 20000; cap < (1 << 20); cap += 9973) {
		cleanup_arena struct arena *arena = arena_new(cap);

		diag = (struct diag){0};
		if (source_init(
			    &source, arena, STR("t"), str_from(text, sizeof(text)), 13, &diag)) {
			assert_int_equal(diag.kind, DIAG_LIMIT);
			continue;
		}
		if (lexer_tokenize(&source, &result) == 0 && result.error.message)
			assert_int_equal(result.error.kind, DIAG_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_string_flags),
		cmocka_unit_test(test_fragment),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_format_values),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_nul_and_size),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
