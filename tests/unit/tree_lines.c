/* A tree for golden cases: one line per node, its place, its own fields, its position. */
#include "tests/unit/tree_lines.h"

#include <errno.h>

#include "base/json.h"
#include "parser/walk.h"

#define FLUSH_AT   ((size_t)64 << 10)
#define BUFFER_MAX (FLUSH_AT + 8 * SOURCE_MAX)
#define INDENT_MAX 100 /* deeper nodes are shown no further right */

static void add_indent(struct buf *out, uint32_t depth)
{
	uint32_t i;

	for (i = 0; i < depth && i < INDENT_MAX; i++)
		buf_add_text(out, "  ");
}

static void add_constant(struct buf *out, const struct ast_node *node)
{
	struct str value = ast_Constant_value(node);

	switch (ast_Constant_type(node)) {
	case AST_CONST_NONE:
		buf_add_text(out, " None");
		break;
	case AST_CONST_FALSE:
		buf_add_text(out, " False");
		break;
	case AST_CONST_TRUE:
		buf_add_text(out, " True");
		break;
	case AST_CONST_ELLIPSIS:
		buf_add_text(out, " ...");
		break;
	case AST_CONST_STR:
	case AST_CONST_STR_U:
	case AST_CONST_BYTES:
		buf_add_text(out, node->op == AST_CONST_BYTES ? " b" : " ");
		json_quote(out, value);
		break;
	default:
		buf_printf(out, " %.*s", STR_ARG(value));
	}
}

static void add_names(struct buf *out, const char *field, const struct ast_names *names)
{
	uint32_t i;

	for (i = 0; i < names->count; i++)
		buf_printf(out, " %s=%.*s", field, STR_ARG(*names->items[i]));
}

/* One field that holds no nodes. */
static void add_scalar(struct buf *out, const struct ast_node *node, const struct ast_field *field)
{
	const union ast_slot *slot = &node->slots[field->slot];
	uint32_t i;

	switch ((enum ast_field_type)field->type) {
	case AST_FIELD_NAME:
	case AST_FIELD_NAMEOPT:
		if (slot->name)
			buf_printf(out, " %s=%.*s", field->name, STR_ARG(*slot->name));
		break;
	case AST_FIELD_NAMES:
		add_names(out, field->name, slot->names);
		break;
	case AST_FIELD_OPS:
		for (i = 0; i < slot->ops->count; i++)
			buf_printf(out, " %s", ast_op_name((enum ast_op)slot->ops->items[i]));
		break;
	case AST_FIELD_VALUE:
		add_constant(out, node);
		break;
	case AST_FIELD_OP:
		buf_printf(out, " %s", ast_op_name((enum ast_op)node->op));
		break;
	case AST_FIELD_CTX:
		if (node->op != AST_LOAD)
			buf_printf(out, " %s", ast_context_name((enum ast_context)node->op));
		break;
	case AST_FIELD_INT:
		buf_printf(out, " %s=%d", field->name, node->number);
		break;
	case AST_FIELD_SINGLETON:
		buf_add_text(out, node->op == AST_CONST_NONE   ? " None"
				  : node->op == AST_CONST_TRUE ? " True"
							       : " False");
		break;
	default:
		break;
	}
}

static void add_node(struct buf *out, const struct source *source, const struct ast_walk *walk)
{
	const struct ast_node *node = walk->node, *parent = ast_walk_parent(walk, 1);
	const struct ast_class *class = &ast_classes[node->kind];
	struct position start = source_position(source, node->start);
	struct position end = source_position(source, node->end);
	uint32_t index, i;
	int field = ast_walk_field(walk, &index);

	add_indent(out, walk->depth - 1);
	if (parent)
		buf_printf(out, "%s: ", ast_classes[parent->kind].fields[field].name);
	buf_add_text(out, class->name);
	for (i = 0; i < class->field_count; i++) {
		if (class->fields[i].type > AST_FIELD_LIST &&
			class->fields[i].since <= source->minor)
			add_scalar(out, node, &class->fields[i]);
	}
	if (class->positions <= source->minor)
		buf_printf(out, "  @%u:%u-%u:%u", start.line, start.column, end.line, end.column);
	buf_add_char(out, '\n');
}

static int flush(struct buf *out, const struct dump_sink *sink)
{
	int status = out->failed ? -ENOMEM : sink->write(sink->context, buf_str(out));

	out->len = 0;
	return status;
}

int tree_lines(
	const struct source *source, const struct ast_node *root, const struct dump_sink *sink)
{
	cleanup_buf struct buf out = BUF_INIT(BUFFER_MAX);
	cleanup_ast_walk struct ast_walk walk = {.node = root};
	enum ast_walk_event event;
	int status = 0;

	if (ast_walk_init(&walk, root) < 0)
		return -ENOMEM;
	while (status == 0 && (event = ast_walk_next(&walk)) != AST_WALK_END) {
		if (event == AST_WALK_ENTER)
			add_node(&out, source, &walk);
		if (out.len >= FLUSH_AT || out.failed)
			status = flush(&out, sink);
	}
	return status ? status : flush(&out, sink);
}
