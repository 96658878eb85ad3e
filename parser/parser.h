/*
 * Source to syntax tree: a recursive-descent parser for Python 3.8 to 3.14.
 *
 * It accepts what ast.parse() of the target version accepts and makes the same tree with the same
 * positions; what only compile() would refuse (return outside a function and the like) is accepted.
 * The grammars followed are Grammar/Grammar of 3.8 and Grammar/python.gram of 3.9 to 3.14.
 *
 * Ownership: the tree lives in source->arena. Time is linear in the source. Recursion is bounded by
 * PARSER_MAX_DEPTH counted entries and PARSER_STACK_BYTES of C stack; the height of the tree by
 * AST_MAX_HEIGHT; past any of them the source is refused with DIAG_LIMIT.
 */
#ifndef PYSBX_PARSER_PARSER_H
#define PYSBX_PARSER_PARSER_H

#include <stdint.h>

#include "lexer/diag.h"
#include "lexer/source.h"
#include "parser/ast.h"

#define PARSER_MAX_DEPTH   3000
#define PARSER_STACK_BYTES ((size_t)4 << 20)

/* Bytes of the source, [start, end). */
struct parse_span {
	uint32_t start;
	uint32_t end;
};

struct parse_result {
	const struct ast_node *module; /* NULL when the source does not parse */
	struct diag error;             /* why; error.message is NULL when it parses */
	/* Every identifier whose NFKC form is not what was written, in the order of the source. */
	const struct parse_span *changed_names;
	uint32_t changed_count;
	struct ast_name_table names; /* of the tree, when there is one */
	uint32_t node_count;         /* the tree has no more than so many nodes */
	bool doubtful;               /* compile_errors_find() may find something; else it cannot */
};

/*
 * Parses source, which source_init() has accepted, for its target version.
 * Returns 0, also when the source does not parse (ret->error tells); -1 without memory, with
 * ret->module NULL: the caller must treat that as a refusal.
 */
int parser_parse(const struct source *source, struct parse_result *ret);

#endif
