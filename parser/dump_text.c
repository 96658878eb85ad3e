/*
 * The tree for people: the text of ast.dump(tree, indent=1) in Python 3.13. Fields that are None or
 * an empty list are left out, and a node stands on one line if it has at most three fields and none
 * of them holds anything that has fields itself.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "parser/dump_internal.h"

#define INDENT_MAX 200 /* deeper nodes are shown no further right: the output stays linear */

struct frame {
	const struct ast_node *node;
	uint32_t index; /* items of the list field at hand that are written */
	uint32_t level; /* blanks before each field */
	uint8_t field;
	uint8_t shape;
	bool on_one_line;
	bool begun; /* a field was written */
};

struct dump {
	const struct source *source;
	const struct dump_sink *sink;
	struct frame *frames;
	uint32_t depth;
	struct buf out;
};

static void new_line(struct dump *dump, uint32_t level)
{
	static const char blanks[] = "                                                  ";
	uint32_t left = level < INDENT_MAX ? level : INDENT_MAX, part;

	buf_add_char(&dump->out, '\n');
	for (; left; left -= part) {
		part = left < sizeof(blanks) - 1 ? left : (uint32_t)sizeof(blanks) - 1;
		buf_add(&dump->out, blanks, part);
	}
}

/* Whether the field holds something that is shown. */
static bool has_value(const struct ast_node *node, const struct ast_field *field, uint8_t minor)
{
	const union ast_slot *slot = &node->slots[field->slot];

	if (field->since > minor)
		return false;
	switch ((enum ast_field_type)field->type) {
	case AST_FIELD_OPT:
		return slot->node != NULL;
	case AST_FIELD_LIST:
		return slot->list->count > 0;
	case AST_FIELD_NAMEOPT:
		return slot->name != NULL;
	case AST_FIELD_NAMES:
		return slot->names->count > 0;
	case AST_FIELD_KIND:
		return node->op == AST_CONST_STR_U;
	case AST_FIELD_EMPTY:
		return false;
	default:
		return true;
	}
}

/* How many of the node's fields are shown. */
static unsigned shown_fields(const struct ast_node *node, uint8_t minor)
{
	const struct ast_class *class = &ast_classes[node->kind];
	unsigned count = 0, i;

	for (i = 0; i < class->field_count; i++)
		count += has_value(node, &class->fields[i], minor);
	return count;
}

static bool is_list_field(const struct ast_field *field)
{
	return field->type == AST_FIELD_LIST || field->type == AST_FIELD_NAMES ||
	       field->type == AST_FIELD_OPS;
}

static bool fits_line(const struct dump *dump, const struct ast_node *node, enum dump_shape shape)
{
	const struct ast_class *class = &ast_classes[node->kind];
	const uint8_t minor = dump->source->minor;
	const struct ast_node *child;
	unsigned i;

	if (shown_fields(node, minor) > 3)
		return false;
	for (i = 0; i < class->field_count; i++) {
		const struct ast_field *field = &class->fields[i];

		if (!has_value(node, field, minor))
			continue;
		if (is_list_field(field))
			return false;
		if (field->type != AST_FIELD_NODE && field->type != AST_FIELD_OPT)
			continue;
		child = node->slots[field->slot].node;
		if (shown_fields(child, minor) > 0 ||
			dump_child_shape(minor, node, shape, child) != SHAPE_PLAIN)
			return false;
	}
	return true;
}

static void open_node(
	struct dump *dump, const struct ast_node *node, enum dump_shape shape, uint32_t level)
{
	struct frame *frame = &dump->frames[dump->depth++];

	*frame = (struct frame){.node = node, .level = level + 1, .shape = (uint8_t)shape};
	frame->on_one_line = shape != SHAPE_EXT_SLICE && fits_line(dump, node, shape);
	if (shape == SHAPE_IN_INDEX) {
		buf_add_text(&dump->out, "Index(");
		if (shown_fields(node, dump->source->minor) > 0)
			new_line(dump, frame->level++);
		buf_add_text(&dump->out, "value=");
	}
	buf_add_text(
		&dump->out, shape == SHAPE_EXT_SLICE ? "ExtSlice" : ast_classes[node->kind].name);
	buf_add_char(&dump->out, '(');
}

static void close_node(struct dump *dump)
{
	const struct frame *frame = &dump->frames[--dump->depth];

	buf_add_text(&dump->out, frame->shape == SHAPE_IN_INDEX ? "))" : ")");
}

/* What stands between the brackets of a node, before each field. */
static void begin_field(struct dump *dump, struct frame *frame, const struct ast_field *field)
{
	if (frame->begun)
		buf_add_text(&dump->out, frame->on_one_line ? ", " : ",");
	if (!frame->on_one_line)
		new_line(dump, frame->level);
	frame->begun = true;
	buf_add_text(&dump->out, frame->shape == SHAPE_EXT_SLICE ? "dims" : field->name);
	buf_add_char(&dump->out, '=');
}

/* Before each item of a list, which stands one further in than its field. */
static void begin_item(struct dump *dump, const struct frame *frame, uint32_t index)
{
	if (index)
		buf_add_char(&dump->out, ',');
	new_line(dump, frame->level + 1);
}

/* The next step within a list field. */
static void step_list(struct dump *dump, struct frame *frame, const struct ast_field *field)
{
	const struct ast_list *list = frame->node->slots[field->slot].list;
	const struct ast_node *item;

	if (frame->index == 0) {
		begin_field(dump, frame, field);
		buf_add_char(&dump->out, '[');
	}
	if (frame->index == list->count) {
		buf_add_char(&dump->out, ']');
		frame->index = 0;
		frame->field++;
		return;
	}
	begin_item(dump, frame, frame->index);
	item = list->items[frame->index++];
	if (item)
		open_node(dump, item,
			dump_child_shape(dump->source->minor, frame->node,
				(enum dump_shape)frame->shape, item),
			frame->level + 1);
	else
		buf_add_text(&dump->out, "None");
}

static void write_names(struct dump *dump, const struct frame *frame, const struct ast_names *names)
{
	uint32_t i;

	buf_add_char(&dump->out, '[');
	for (i = 0; i < names->count; i++) {
		begin_item(dump, frame, i);
		dump_repr_str(&dump->out, *names->items[i]);
	}
	buf_add_char(&dump->out, ']');
}

static void write_ops(struct dump *dump, const struct frame *frame, const struct ast_ops *ops)
{
	uint32_t i;

	buf_add_char(&dump->out, '[');
	for (i = 0; i < ops->count; i++) {
		begin_item(dump, frame, i);
		buf_printf(&dump->out, "%s()", ast_op_name((enum ast_op)ops->items[i]));
	}
	buf_add_char(&dump->out, ']');
}

/* A field that holds no nodes. */
static void write_scalar(
	struct dump *dump, const struct frame *frame, const struct ast_field *field)
{
	const struct ast_node *node = frame->node;
	const union ast_slot *slot = &node->slots[field->slot];

	switch ((enum ast_field_type)field->type) {
	case AST_FIELD_NAME:
	case AST_FIELD_NAMEOPT:
		dump_repr_str(&dump->out, *slot->name);
		break;
	case AST_FIELD_NAMES:
		write_names(dump, frame, slot->names);
		break;
	case AST_FIELD_OPS:
		write_ops(dump, frame, slot->ops);
		break;
	case AST_FIELD_VALUE:
		dump_repr_constant(&dump->out, node);
		break;
	case AST_FIELD_OP:
		buf_printf(&dump->out, "%s()", ast_op_name((enum ast_op)node->op));
		break;
	case AST_FIELD_CTX:
		buf_printf(&dump->out, "%s()", ast_context_name((enum ast_context)node->op));
		break;
	case AST_FIELD_INT:
		buf_printf(&dump->out, "%d", node->number);
		break;
	case AST_FIELD_SINGLETON:
		buf_add_text(&dump->out, node->op == AST_CONST_NONE   ? "None"
					 : node->op == AST_CONST_TRUE ? "True"
								      : "False");
		break;
	case AST_FIELD_KIND:
		buf_add_text(&dump->out, "'u'");
		break;
	default:
		assert(false && "a field that holds nodes");
	}
}

/* One step: a field that holds no nodes, or on to the next child, or the end of a node. */
static void step(struct dump *dump)
{
	struct frame *frame = &dump->frames[dump->depth - 1];
	const struct ast_class *class = &ast_classes[frame->node->kind];
	const struct ast_field *field = &class->fields[frame->field];
	const struct ast_node *child;

	if (frame->field == (frame->shape == SHAPE_EXT_SLICE ? 1 : class->field_count)) {
		close_node(dump);
	} else if (!has_value(frame->node, field, dump->source->minor)) {
		frame->field++;
	} else if (field->type == AST_FIELD_LIST) {
		step_list(dump, frame, field);
	} else {
		frame->field++;
		begin_field(dump, frame, field);
		if (field->type > AST_FIELD_OPT) {
			write_scalar(dump, frame, field);
			return;
		}
		child = frame->node->slots[field->slot].node;
		open_node(dump, child,
			dump_child_shape(dump->source->minor, frame->node,
				(enum dump_shape)frame->shape, child),
			frame->level);
	}
}

static int flush(struct dump *dump)
{
	int status;

	if (dump->out.failed)
		return -ENOMEM;
	status = dump->sink->write(dump->sink->context, buf_str(&dump->out));
	dump->out.len = 0;
	return status;
}

int dump_text(
	const struct source *source, const struct ast_node *root, const struct dump_sink *sink)
{
	struct dump dump = {.source = source, .sink = sink, .out = BUF_INIT(DUMP_BUFFER_MAX)};
	int status = 0;

	dump.frames = calloc((size_t)root->height + 1, sizeof(*dump.frames));
	if (!dump.frames)
		return -ENOMEM;
	open_node(&dump, root, SHAPE_PLAIN, 0);
	while (dump.depth && status == 0) {
		step(&dump);
		if (dump.out.len >= DUMP_FLUSH_AT || dump.out.failed)
			status = flush(&dump);
	}
	buf_add_char(&dump.out, '\n');
	if (status == 0)
		status = flush(&dump);
	buf_free(&dump.out);
	free(dump.frames);
	return status;
}
