/* The explicit stack behind parser/walk.h. It must not recurse and must not allocate while walking.
 */
#include "parser/walk.h"

#include <stdlib.h>

int ast_walk_init(struct ast_walk *walk, const struct ast_node *root)
{
	*walk = (struct ast_walk){.node = root};
	walk->frames = calloc((size_t)root->height + 1, sizeof(*walk->frames));
	if (!walk->frames)
		return -1;
	walk->capacity = (uint32_t)root->height + 1;
	return 0;
}

void ast_walk_free(struct ast_walk *walk)
{
	free(walk->frames);
	walk->frames = NULL;
}

static enum ast_walk_event enter(struct ast_walk *walk, const struct ast_node *node)
{
	assert(walk->depth < walk->capacity);
	walk->frames[walk->depth++] = (struct ast_walk_frame){.node = node};
	walk->node = node;
	walk->skip = ast_classes[node->kind].leaf;
	return AST_WALK_ENTER;
}

static enum ast_walk_event leave(struct ast_walk *walk)
{
	walk->node = walk->frames[--walk->depth].node;
	return AST_WALK_LEAVE;
}

/* The next item of a list field, NULL items passed over; NULL at its end. */
static const struct ast_node *next_item(struct ast_walk_frame *frame, const struct ast_list *list)
{
	while (frame->index < list->count) {
		const struct ast_node *item = list->items[frame->index++];

		if (item)
			return item;
	}
	frame->index = 0;
	return NULL;
}

/* The next child of the frame's node; NULL when it has no more. */
static const struct ast_node *next_child(struct ast_walk_frame *frame)
{
	const struct ast_class *class = &ast_classes[frame->node->kind];
	const struct ast_node *child;

	while (frame->field < class->field_count) {
		const struct ast_field *field = &class->fields[frame->field];

		frame->from = frame->field;
		if (field->type == AST_FIELD_LIST) {
			child = next_item(frame, frame->node->slots[field->slot].list);
			if (child)
				return child;
			frame->field++;
		} else {
			frame->field++;
			if (field->type > AST_FIELD_OPT)
				continue;
			child = frame->node->slots[field->slot].node;
			if (child)
				return child;
		}
	}
	return NULL;
}

enum ast_walk_event ast_walk_next(struct ast_walk *walk)
{
	const struct ast_node *child;

	if (walk->depth == 0) {
		if (walk->started)
			return AST_WALK_END;
		walk->started = true;
		return enter(walk, walk->node);
	}
	if (walk->skip) {
		walk->skip = false;
		if (!walk->quick || !ast_classes[walk->node->kind].leaf)
			return leave(walk);
		walk->depth--;
		if (walk->depth == 0)
			return AST_WALK_END;
	}
	child = next_child(&walk->frames[walk->depth - 1]);
	return child ? enter(walk, child) : leave(walk);
}

void ast_walk_skip(struct ast_walk *walk)
{
	walk->skip = true;
}

const struct ast_node *ast_walk_parent(const struct ast_walk *walk, uint32_t up)
{
	return up < walk->depth ? walk->frames[walk->depth - 1 - up].node : NULL;
}

int ast_walk_field(const struct ast_walk *walk, uint32_t *ret_index)
{
	const struct ast_walk_frame *frame;

	*ret_index = 0;
	if (walk->depth < 2)
		return -1;
	frame = &walk->frames[walk->depth - 2];
	if (ast_classes[frame->node->kind].fields[frame->from].type == AST_FIELD_LIST)
		*ret_index = frame->index - 1;
	return frame->from;
}
