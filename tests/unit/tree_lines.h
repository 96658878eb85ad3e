/* For tests: a tree as lines, each with the node's place in its parent, its class, those of its
 * fields that are no nodes, and its position as line:column-line:column. */
#ifndef PYSBX_TESTS_UNIT_TREE_LINES_H
#define PYSBX_TESTS_UNIT_TREE_LINES_H

#include "parser/dump.h"

/* Returns 0 or a negative errno. */
int tree_lines(
	const struct source *source, const struct ast_node *root, const struct dump_sink *sink);

#endif
