/*
 * Going over a tree without recursion: every node once on the way down and once on the way up,
 * children in the order of CPython's fields, NULL items passed over.
 *
 *	cleanup_ast_walk struct ast_walk walk;
 *	if (ast_walk_init(&walk, root) < 0)
 *		return -1;
 *	while ((event = ast_walk_next(&walk)) != AST_WALK_END) {
 *		if (event == AST_WALK_ENTER && is_uninteresting(walk.node))
 *			ast_walk_skip(&walk);
 *	}
 *
 * Time is linear in the nodes, memory in the height of the tree (at most AST_MAX_HEIGHT frames of
 *16 bytes, taken once by ast_walk_init()).
 */
#ifndef PYSBX_PARSER_WALK_H
#define PYSBX_PARSER_WALK_H

#include "parser/ast.h"

enum ast_walk_event {
	AST_WALK_END,   /* nothing is left */
	AST_WALK_ENTER, /* walk.node, before its children */
	AST_WALK_LEAVE, /* walk.node, after its children */
};

struct ast_walk_frame {
	const struct ast_node *node;
	uint32_t index; /* next item within a list field */
	uint8_t field;  /* index into the class's fields: the one being walked */
	uint8_t from;   /* the field last stepped into, see ast_walk_field() */
};

struct ast_walk {
	const struct ast_node *node; /* what the last event is about; set by ast_walk_next() */
	struct ast_walk_frame *frames;
	uint32_t depth; /* frames in use: walk.node included after ENTER, not after LEAVE */
	uint32_t capacity;
	bool started;
	bool skip;
	bool quick; /* to be set after ast_walk_init(): no LEAVE for classes without children */
};

/* Prepares a walk over root and all below it. Returns 0, or -1 without memory. */
int ast_walk_init(struct ast_walk *walk, const struct ast_node *root);

/* The next event; walk->node tells which node it is about. */
enum ast_walk_event ast_walk_next(struct ast_walk *walk);

/* After an ENTER: the node's children are passed over; its LEAVE comes next. */
void ast_walk_skip(struct ast_walk *walk);

/* After an ENTER: the ancestor `up` levels above walk->node (1: its parent); NULL above the root.
 */
const struct ast_node *ast_walk_parent(const struct ast_walk *walk, uint32_t up);

/*
 * After an ENTER: in which field of its parent walk->node stands, as an index into
 * ast_classes[parent->kind].fields, and the place within the list in *ret_index (0 if no list).
 * Returns -1 for the root.
 */
int ast_walk_field(const struct ast_walk *walk, uint32_t *ret_index);

void ast_walk_free(struct ast_walk *walk);
#define cleanup_ast_walk __attribute__((cleanup(ast_walk_free)))

#endif
