/* What the two dumps share, and the Python spelling of constants. Nothing else includes this. */
#ifndef PYSBX_PARSER_DUMP_INTERNAL_H
#define PYSBX_PARSER_DUMP_INTERNAL_H

#include "base/buf.h"
#include "parser/dump.h"

#define DUMP_FLUSH_AT   ((size_t)64 << 10)
/* Past the flush mark at most one constant is added, ten bytes of output for one of the source. */
#define DUMP_BUFFER_MAX (DUMP_FLUSH_AT + 12 * SOURCE_MAX)

/* How 3.8 shows a node that stands between the brackets of a subscript. */
enum dump_shape {
	SHAPE_PLAIN,
	SHAPE_IN_INDEX,  /* wrapped in an Index */
	SHAPE_EXT_SLICE, /* a tuple that is an ExtSlice */
};

/* The shape of child, which stands in parent, itself shown as parent_shape. */
enum dump_shape dump_child_shape(uint8_t minor, const struct ast_node *parent,
	enum dump_shape parent_shape, const struct ast_node *child);

/* --- dump_repr.c: what repr() of Python 3.13 says --- */

/* The value of a Constant. An integer of more than 4300 digits, which repr() refuses to print, is
 * shown as it is written. */
void dump_repr_constant(struct buf *out, const struct ast_node *node);
/* A str; lone surrogates come as three bytes. */
void dump_repr_str(struct buf *out, struct str value);

#endif
