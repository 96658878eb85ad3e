/*
 * Units of code, and the blocks that are open within one: loops, handlers, `with`. A jump out of
 * them runs every finally in between, and CPython compiles that finally there and then: an error in
 * it is found before one behind the jump.
 */
#include "parser/flow.h"

/* A finally's body is looked at once; again only where it would now be nested too deeply. */
struct final {
	bool seen;
	uint32_t height; /* blocks within each other in it */
	uint32_t base;   /* blocks around it */
	uint32_t deepest_before;
};

/* CO_MAXBLOCKS of Include/cpython/code.h; from 3.13 on a generator's own guard counts as one. */
static uint32_t most_blocks(const struct compile_check *check)
{
	return check->minor < 13 ? 20 : 21;
}

void flow_enter(struct flow *flow, enum unit_kind kind, const struct ast_node *node)
{
	struct unit *unit = compile_alloc(flow->check, sizeof(*unit));
	void **scope = node ? compile_object(flow->check, node) : NULL;

	if (!unit)
		return;
	*unit = (struct unit){.kind = kind, .around = flow->unit};
	unit->deepest_around = flow->deepest;
	flow->deepest = 0;
	unit->deferred_end = &unit->deferred;
	unit->scope = scope && *scope ? *scope : flow->unit ? flow->unit->scope : NULL;
	flow->unit = unit;
}

void flow_leave(struct flow *flow)
{
	flow->deepest = flow->unit->deepest_around;
	flow->unit = flow->unit->around;
}

bool flow_in_function(const struct flow *flow)
{
	return flow->unit->kind != UNIT_MODULE && flow->unit->kind != UNIT_CLASS;
}

static uint32_t depth_of(const struct flow *flow)
{
	return flow->unit->block ? flow->unit->block->depth : 0;
}

void flow_open(struct flow *flow, enum block_kind kind, const struct ast_node *node)
{
	struct block *block;

	if (depth_of(flow) >= most_blocks(flow->check)) {
		compile_fail(flow->check, node->start, "too many statically nested blocks");
		return;
	}
	block = compile_alloc(flow->check, sizeof(*block));
	if (!block)
		return;
	*block = (struct block){.kind = kind, .depth = depth_of(flow) + 1};
	block->around = flow->unit->block;
	if (kind == BLOCK_FINALLY)
		block->finalbody = node->slots[AST_SLOT_Try_finalbody].list;
	flow->unit->block = block;
	if (block->depth > flow->deepest)
		flow->deepest = block->depth;
}

void flow_finally(struct flow *flow, const struct ast_list *body)
{
	void **place = compile_object(flow->check, body);
	struct final *final;

	if (!place)
		return;
	if (!*place)
		*place = compile_alloc(flow->check, sizeof(*final));
	final = *place;
	if (!final)
		return;
	if (final->seen && depth_of(flow) + final->height <= most_blocks(flow->check)) {
		if (depth_of(flow) + final->height > flow->deepest)
			flow->deepest = depth_of(flow) + final->height;
		return;
	}
	final->seen = true;
	final->base = depth_of(flow);
	final->deepest_before = flow->deepest;
	flow->deepest = final->base;
	compile_push_list(flow->check, body);
	compile_push(flow->check, FLOW_STEP_FINALLY_DONE, final, 0);
}

void flow_finally_done(struct flow *flow, void *record)
{
	struct final *final = record;

	final->height = flow->deepest - final->base;
	if (final->deepest_before > flow->deepest)
		flow->deepest = final->deepest_before;
}

void flow_refuse(struct flow *flow, const struct ast_node *node, enum flow_refusal refusal)
{
	static const char *const words[] = {
		[REFUSE_BREAK] = "'break' outside loop",
		[REFUSE_CONTINUE] = "'continue' not properly in loop",
		[REFUSE_IN_GROUP] =
			"'break', 'continue' and 'return' cannot appear in an except* block",
	};

	compile_fail(flow->check, node->start, "%s", words[refusal]);
}

void flow_unwind(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct block *block;

	for (block = flow->unit->block; block; block = block->around) {
		if (block->kind == BLOCK_GROUP)
			break;
		if (block->kind == BLOCK_LOOP && node->kind != AST_Return)
			break;
		if (block->kind != BLOCK_FINALLY || check->minor < 9)
			continue;
		compile_push(check, FLOW_STEP_BLOCK, block->around, 0);
		compile_push(check, FLOW_STEP_FINALLY, block->finalbody, 0);
	}
	if (block && block->kind == BLOCK_GROUP)
		compile_push(check, FLOW_STEP_REFUSE, node, REFUSE_IN_GROUP);
	else if (!block && node->kind != AST_Return)
		compile_push(check, FLOW_STEP_REFUSE, node,
			node->kind == AST_Break ? REFUSE_BREAK : REFUSE_CONTINUE);
	compile_push(check, FLOW_STEP_BLOCK, flow->unit->block, 0);
}
