/*
 * A tree printed: as JSON for programs, indented for people.
 *
 * Both are shown as CPython's ast of the source's target version has it: in 3.8 with Index and
 * ExtSlice, without the fields and positions that version does not know. Columns count UTF-8 bytes.
 * Memory: AST_MAX_HEIGHT frames and one buffer; the output goes to the sink piece by piece.
 */
#ifndef PYSBX_PARSER_DUMP_H
#define PYSBX_PARSER_DUMP_H

#include "lexer/source.h"
#include "parser/ast.h"

/* Where the output goes: takes all the bytes and returns 0, or a negative errno to stop the dump.
 */
struct dump_sink {
	int (*write)(void *context, struct str bytes);
	void *context;
};

/*
 * The tree as one JSON value without a line end. Every node is an object with "_type" first;
 * a Constant's value is {"type":"str|bytes|int|float|complex|bool|none|ellipsis"} with "value"
 * (str, bytes as Latin-1, bool, null) or "text" (numbers as written). Returns 0 or a negative
 * errno.
 */
int dump_json(
	const struct source *source, const struct ast_node *root, const struct dump_sink *sink);

/*
 * The text of ast.dump(tree, indent=1) in Python 3.13 and a line end. It differs where that would
 * not end: nodes more than 200 levels down are shown no further right, and integers of more than
 * 4300 digits as they are written. Returns 0 or a negative errno.
 */
int dump_text(
	const struct source *source, const struct ast_node *root, const struct dump_sink *sink);

#endif
