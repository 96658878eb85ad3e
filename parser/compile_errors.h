/*
 * What compile() refuses although ast.parse() has accepted it: `return` outside a function, a name
 * that is parameter and global, two captures of one name in a pattern, and so on.
 *
 * CPython looks for these in three goes over the tree: the __future__ statements, the symbol table
 * (names and scopes), and code generation (jumps, targets, patterns). It stops at the first error,
 * and the order is part of its behaviour; this room goes the same three ways in the same order.
 * Sources of the rules: the language reference; Python/future.c, symtable.c, compile.c and
 * codegen.c of 3.8 to 3.14, measured with the interpreters themselves where they differ.
 *
 * Time and memory are linear in the tree; there is no recursion. Limit: what CPython refuses for
 * want of stack (RecursionError) is not an error here.
 */
#ifndef PYSBX_PARSER_COMPILE_ERRORS_H
#define PYSBX_PARSER_COMPILE_ERRORS_H

#include <stdint.h>

#include "parser/parser.h"

struct compile_error {
	const char
		*message; /* CPython's words, newest version; in the source's arena or a literal */
	uint32_t line;    /* from 1 */
	uint32_t column;  /* UTF-8 bytes from 0 */
};

/* In the source's arena. items[0] is the one that compile() of the target version raises. */
struct compile_error_list {
	const struct compile_error *items;
	uint32_t count; /* 0: it compiles */
};

/*
 * Fills *ret for the tree parser_parse() has made of source. Returns 0, or -1 without memory: the
 * caller must then take the source for refused.
 */
int compile_errors_find(const struct source *source, const struct parse_result *tree,
	struct compile_error_list *ret);

#endif
