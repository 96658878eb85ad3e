/* The tree as JSON, written while it is walked. Which fields there are comes from node.def. */

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "parser/dump_internal.h"

struct frame {
	const struct ast_node *node;
	uint32_t
		index; /* how many items of a list field are written; 1: the child of a plain one */
	uint8_t field;
	uint8_t shape;
};

struct dump {
	const struct source *source;
	const struct dump_sink *sink;
	struct frame *frames;
	uint32_t depth;
	uint32_t line_start, line_end, line; /* the line of the last position asked for */
	struct buf out;
};

/* Positions come mostly in order, so the last line is tried first. */
static struct position find_position(struct dump *dump, uint32_t offset)
{
	const struct source *source = dump->source;
	struct position position;

	if (offset >= dump->line_start && offset < dump->line_end)
		return (struct position){dump->line, offset - dump->line_start};
	position = source_position(source, offset);
	dump->line = position.line;
	dump->line_start = offset - position.column;
	dump->line_end = position.line < source->line_count ? source->line_starts[position.line]
							    : dump->line_start;
	return position;
}

static void add_number(struct buf *out, uint32_t number)
{
	char digits[10];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	buf_add(out, digits + at, sizeof(digits) - at);
}

static void write_positions(struct dump *dump, const struct ast_node *node)
{
	struct buf *out = &dump->out;
	struct position position;

	if (ast_classes[node->kind].positions > dump->source->minor)
		return;
	position = find_position(dump, node->start);
	buf_add_text(out, ",\"lineno\":");
	add_number(out, position.line);
	buf_add_text(out, ",\"col_offset\":");
	add_number(out, position.column);
	position = find_position(dump, node->end);
	buf_add_text(out, ",\"end_lineno\":");
	add_number(out, position.line);
	buf_add_text(out, ",\"end_col_offset\":");
	add_number(out, position.column);
}

static void write_type(struct buf *out, const char *name)
{
	buf_add_text(out, "{\"_type\":\"");
	buf_add_text(out, name);
	buf_add_char(out, '"');
}

static void write_empty_object(struct buf *out, const char *name)
{
	write_type(out, name);
	buf_add_char(out, '}');
}

/* Each byte as the character of that number. */
static void write_bytes(struct buf *out, struct str value)
{
	cleanup_buf struct buf latin = BUF_INIT(2 * SOURCE_MAX);
	size_t i;

	for (i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.ptr[i];

		if (byte >= 0x80) {
			buf_add_char(&latin, (char)(0xc0 | byte >> 6));
			byte = 0x80 | (byte & 0x3f);
		}
		buf_add_char(&latin, (char)byte);
	}
	if (latin.failed)
		out->failed = true;
	json_quote(out, buf_str(&latin));
}

static void write_constant(struct buf *out, const struct ast_node *node)
{
	static const char *const numbers[] = {
		[AST_CONST_INT] = "int",
		[AST_CONST_FLOAT] = "float",
		[AST_CONST_COMPLEX] = "complex",
	};
	struct str value = ast_Constant_value(node);

	switch (ast_Constant_type(node)) {
	case AST_CONST_NONE:
		buf_add_text(out, "{\"type\":\"none\",\"value\":null}");
		return;
	case AST_CONST_ELLIPSIS:
		buf_add_text(out, "{\"type\":\"ellipsis\",\"value\":null}");
		return;
	case AST_CONST_FALSE:
		buf_add_text(out, "{\"type\":\"bool\",\"value\":false}");
		return;
	case AST_CONST_TRUE:
		buf_add_text(out, "{\"type\":\"bool\",\"value\":true}");
		return;
	case AST_CONST_STR:
	case AST_CONST_STR_U:
		buf_add_text(out, "{\"type\":\"str\",\"value\":");
		json_quote(out, value);
		break;
	case AST_CONST_BYTES:
		buf_add_text(out, "{\"type\":\"bytes\",\"value\":");
		write_bytes(out, value);
		break;
	default:
		buf_printf(out, "{\"type\":\"%s\",\"text\":", numbers[node->op]);
		json_quote(out, value);
		break;
	}
	buf_add_char(out, '}');
}

static void write_singleton(struct buf *out, enum ast_constant value)
{
	buf_add_text(out, value == AST_CONST_NONE   ? "null"
			  : value == AST_CONST_TRUE ? "true"
						    : "false");
}

static void write_names(struct buf *out, const struct ast_names *names)
{
	uint32_t i;

	buf_add_char(out, '[');
	for (i = 0; i < names->count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_quote(out, *names->items[i]);
	}
	buf_add_char(out, ']');
}

static void write_ops(struct buf *out, const struct ast_ops *ops)
{
	uint32_t i;

	buf_add_char(out, '[');
	for (i = 0; i < ops->count; i++) {
		if (i)
			buf_add_char(out, ',');
		write_empty_object(out, ast_op_name((enum ast_op)ops->items[i]));
	}
	buf_add_char(out, ']');
}

/* A field that holds no nodes. */
static void write_scalar(
	struct buf *out, const struct ast_node *node, const struct ast_field *field)
{
	const union ast_slot *slot = &node->slots[field->slot];

	switch ((enum ast_field_type)field->type) {
	case AST_FIELD_NAME:
	case AST_FIELD_NAMEOPT:
		if (slot->name)
			json_quote(out, *slot->name);
		else
			buf_add_text(out, "null");
		break;
	case AST_FIELD_NAMES:
		write_names(out, slot->names);
		break;
	case AST_FIELD_OPS:
		write_ops(out, slot->ops);
		break;
	case AST_FIELD_VALUE:
		write_constant(out, node);
		break;
	case AST_FIELD_OP:
		write_empty_object(out, ast_op_name((enum ast_op)node->op));
		break;
	case AST_FIELD_CTX:
		write_empty_object(out, ast_context_name((enum ast_context)node->op));
		break;
	case AST_FIELD_INT:
		buf_printf(out, "%d", node->number);
		break;
	case AST_FIELD_SINGLETON:
		write_singleton(out, (enum ast_constant)node->op);
		break;
	case AST_FIELD_KIND:
		buf_add_text(out, node->op == AST_CONST_STR_U ? "\"u\"" : "null");
		break;
	case AST_FIELD_EMPTY:
		buf_add_text(out, "[]");
		break;
	default:
		assert(false && "a field that holds nodes");
	}
}

static void open_node(struct dump *dump, const struct ast_node *node, enum dump_shape shape)
{
	if (shape == SHAPE_IN_INDEX)
		buf_add_text(&dump->out, "{\"_type\":\"Index\",\"value\":");
	write_type(
		&dump->out, shape == SHAPE_EXT_SLICE ? "ExtSlice" : ast_classes[node->kind].name);
	dump->frames[dump->depth++] = (struct frame){.node = node, .shape = (uint8_t)shape};
}

static void close_node(struct dump *dump)
{
	const struct frame *frame = &dump->frames[--dump->depth];

	if (frame->shape != SHAPE_EXT_SLICE)
		write_positions(dump, frame->node);
	buf_add_text(&dump->out, frame->shape == SHAPE_IN_INDEX ? "}}" : "}");
}

static void write_field_name(
	struct dump *dump, const struct frame *frame, const struct ast_field *field)
{
	buf_add_text(&dump->out, ",\"");
	buf_add_text(&dump->out, frame->shape == SHAPE_EXT_SLICE ? "dims" : field->name);
	buf_add_text(&dump->out, "\":");
}

/* The next step within a list field. */
static void step_list(struct dump *dump, struct frame *frame, const struct ast_field *field)
{
	const struct ast_list *list = frame->node->slots[field->slot].list;
	const struct ast_node *item;

	if (frame->index == 0) {
		write_field_name(dump, frame, field);
		buf_add_char(&dump->out, '[');
	}
	if (frame->index == list->count) {
		buf_add_char(&dump->out, ']');
		frame->index = 0;
		frame->field++;
		return;
	}
	if (frame->index)
		buf_add_char(&dump->out, ',');
	item = list->items[frame->index++];
	if (item)
		open_node(dump, item,
			dump_child_shape(dump->source->minor, frame->node,
				(enum dump_shape)frame->shape, item));
	else
		buf_add_text(&dump->out, "null");
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
	} else if (field->since > dump->source->minor) {
		frame->field++;
	} else if (field->type == AST_FIELD_LIST) {
		step_list(dump, frame, field);
	} else {
		frame->field++;
		write_field_name(dump, frame, field);
		if (field->type > AST_FIELD_OPT) {
			write_scalar(&dump->out, frame->node, field);
			return;
		}
		child = frame->node->slots[field->slot].node;
		if (child)
			open_node(dump, child,
				dump_child_shape(dump->source->minor, frame->node,
					(enum dump_shape)frame->shape, child));
		else
			buf_add_text(&dump->out, "null");
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

int dump_json(
	const struct source *source, const struct ast_node *root, const struct dump_sink *sink)
{
	struct dump dump = {.source = source, .sink = sink, .out = BUF_INIT(DUMP_BUFFER_MAX)};
	int status = 0;

	dump.frames = calloc((size_t)root->height + 1, sizeof(*dump.frames));
	if (!dump.frames)
		return -ENOMEM;
	open_node(&dump, root, SHAPE_PLAIN);
	while (dump.depth && status == 0) {
		step(&dump);
		if (dump.out.len >= DUMP_FLUSH_AT || dump.out.failed)
			status = flush(&dump);
	}
	if (status == 0)
		status = flush(&dump);
	buf_free(&dump.out);
	free(dump.frames);
	return status;
}
