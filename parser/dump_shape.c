/* The Index and ExtSlice of 3.8, which the tree itself does not have. */
#include "parser/dump_internal.h"

static bool holds_slice(const struct ast_list *list)
{
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		if (list->items[i]->kind == AST_Slice)
			return true;
	}
	return false;
}

/* How 3.8 shows what stands between the brackets of a subscript. */
static enum dump_shape slice_shape(const struct ast_node *node)
{
	if (node->kind == AST_Slice)
		return SHAPE_PLAIN;
	if (node->kind == AST_Tuple && holds_slice(ast_Tuple_elts(node)))
		return SHAPE_EXT_SLICE;
	return SHAPE_IN_INDEX;
}

enum dump_shape dump_child_shape(uint8_t minor, const struct ast_node *parent,
	enum dump_shape parent_shape, const struct ast_node *child)
{
	if (minor > 8)
		return SHAPE_PLAIN;
	if (parent_shape == SHAPE_EXT_SLICE)
		return child->kind == AST_Slice ? SHAPE_PLAIN : SHAPE_IN_INDEX;
	if (parent->kind == AST_Subscript && child == ast_Subscript_slice(parent))
		return slice_shape(child);
	return SHAPE_PLAIN;
}
