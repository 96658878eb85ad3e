/*
 * The third go: statements in the order in which CPython makes code of them (Python/compile.c,
 * codegen.c), for the errors that only show there.
 */
#include "parser/flow.h"

struct deferred {
	const struct ast_node *annotation;
	struct deferred *next;
};

void flow_check_debug(struct flow *flow, struct str name, uint32_t offset)
{
	uint8_t minor = flow->check->minor;

	if (minor >= 9 && minor < 14 && str_is(name, "__debug__"))
		compile_fail(flow->check, offset, "cannot assign to __debug__");
}

static void see_return(struct flow *flow, const struct ast_node *node)
{
	const struct scope *scope = flow->unit->scope;

	if (!flow_in_function(flow))
		compile_fail(flow->check, node->start, "'return' outside function");
	else if (ast_Return_value(node) && scope->coroutine && scope->generator)
		compile_fail(flow->check, node->start, "'return' with value in async generator");
	compile_push_node(flow->check, ast_Return_value(node));
	compile_push(flow->check, FLOW_STEP_UNWIND, node, 0);
}

static void see_loop(struct flow *flow, const struct ast_node *node, const struct ast_node *before,
	const struct ast_node *within, const struct ast_node *target)
{
	struct compile_check *check = flow->check;
	const struct ast_class *class = &ast_classes[node->kind];
	unsigned count = class->slot_count;

	compile_push_node(check, before);
	compile_push(check, FLOW_STEP_OPEN, node, BLOCK_LOOP);
	compile_push_node(check, within);
	compile_push_node(check, target);
	compile_push_list(check, node->slots[count - 2].list); /* body */
	compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
	compile_push_list(check, node->slots[count - 1].list); /* orelse */
}

static void refuse_async(struct flow *flow, const struct ast_node *node, const char *word)
{
	if (flow->check->minor < 14 && flow->unit->kind != UNIT_ASYNC_FUNCTION)
		compile_fail(flow->check, node->start, "'async %s' outside async function", word);
}

static void see_with(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_list *items =
		node->kind == AST_With ? ast_With_items(node) : ast_AsyncWith_items(node);
	uint32_t i;

	if (node->kind == AST_AsyncWith)
		refuse_async(flow, node, "with");
	for (i = 0; i < items->count; i++) {
		const struct ast_node *item = items->items[i];

		compile_push_node(check, ast_withitem_context_expr(item));
		compile_push(check, FLOW_STEP_OPEN, node, BLOCK_WITH);
		compile_push_node(check, ast_withitem_optional_vars(item));
	}
	compile_push_list(
		check, node->kind == AST_With ? ast_With_body(node) : ast_AsyncWith_body(node));
	for (i = 0; i < items->count; i++)
		compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
}

/* The fields of Try; TryStar has the same ones in the same slots. */
struct try_parts {
	const struct ast_list *body, *handlers, *orelse, *finalbody;
};

static struct try_parts parts_of(const struct ast_node *node)
{
	return (struct try_parts){node->slots[AST_SLOT_Try_body].list,
		node->slots[AST_SLOT_Try_handlers].list, node->slots[AST_SLOT_Try_orelse].list,
		node->slots[AST_SLOT_Try_finalbody].list};
}

static_assert((int)AST_SLOT_Try_finalbody == (int)AST_SLOT_TryStar_finalbody &&
		      (int)AST_SLOT_Try_handlers == (int)AST_SLOT_TryStar_handlers,
	"Try and TryStar are read alike");

static void push_handlers(
	struct flow *flow, const struct ast_node *node, const struct ast_list *handlers)
{
	struct compile_check *check = flow->check;
	bool counted = check->minor >= 9 || node->kind == AST_TryStar;

	if (counted)
		compile_push(check, FLOW_STEP_OPEN, node,
			node->kind == AST_TryStar ? BLOCK_GROUP : BLOCK_HANDLER);
	compile_push(check, FLOW_STEP_HANDLER, handlers, 0);
	if (counted)
		compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
}

/* Where `else` stands before the handlers: from 3.11 on, except* aside. */
static void push_try_except(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	struct try_parts parts = parts_of(node);
	bool else_first = check->minor >= 11 && node->kind == AST_Try;

	if (!parts.handlers->count) {
		compile_push_list(check, parts.body);
		return;
	}
	compile_push(check, FLOW_STEP_OPEN, node, BLOCK_TRY);
	compile_push_list(check, parts.body);
	compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
	if (else_first)
		compile_push_list(check, parts.orelse);
	push_handlers(flow, node, parts.handlers);
	if (!else_first)
		compile_push_list(check, parts.orelse);
}

/* 3.8 looks at the finally first, to see whether it jumps; later versions do it as they go. */
static void see_try(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_list *finalbody = parts_of(node).finalbody;

	if (!finalbody->count) {
		push_try_except(flow, node);
		return;
	}
	if (check->minor < 9) {
		compile_push(check, FLOW_STEP_OPEN, node, BLOCK_END);
		compile_push_list(check, finalbody);
		compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
	}
	compile_push(check, FLOW_STEP_OPEN, node, BLOCK_FINALLY);
	push_try_except(flow, node);
	compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
	if (check->minor < 9)
		return;
	compile_push(check, FLOW_STEP_FINALLY, finalbody, 0);
	compile_push(check, FLOW_STEP_OPEN, node, BLOCK_END);
	compile_push(check, FLOW_STEP_FINALLY, finalbody, 0);
	compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
}

static void step_handler(struct flow *flow, const struct ast_list *handlers, uint32_t at)
{
	struct compile_check *check = flow->check;
	const struct ast_node *handler = handlers->items[at];

	/* 3.8 and 3.9 point at whatever they have looked at last. */
	if (check->minor >= 10)
		flow->unit->place = handler->start;
	if (!ast_ExceptHandler_type(handler) && at + 1 < handlers->count)
		compile_fail(check, flow->unit->place, "default 'except:' must be last");
	flow->unit->place = handler->start;
	compile_push_node(check, ast_ExceptHandler_type(handler));
	compile_push(check, FLOW_STEP_HANDLE, handler, 0);
	if (at + 1 < handlers->count)
		compile_push(check, FLOW_STEP_HANDLER, handlers, at + 1);
}

static void step_handle(struct flow *flow, const struct ast_node *handler)
{
	struct compile_check *check = flow->check;

	if (ast_ExceptHandler_name(handler))
		flow_check_debug(flow, *ast_ExceptHandler_name(handler), handler->start);
	compile_push(check, FLOW_STEP_OPEN, handler, BLOCK_NAMED);
	compile_push_list(check, ast_ExceptHandler_body(handler));
	compile_push(check, FLOW_STEP_CLOSE, NULL, 0);
}

static void see_assign(struct flow *flow, const struct ast_node *node)
{
	compile_push_node(flow->check, ast_Assign_value(node));
	compile_push_list(flow->check, ast_Assign_targets(node));
}

/* `a.__debug__ += 1` is let through by 3.9 to 3.13. */
static void see_augmented(struct flow *flow, const struct ast_node *node)
{
	const struct ast_node *target = ast_AugAssign_target(node);

	if (target->kind != AST_Name)
		compile_push_children(flow->check, target);
	compile_push_node(flow->check, ast_AugAssign_value(node));
	if (target->kind == AST_Name)
		compile_push_node(flow->check, target);
}

/* Those of a simple name in a module or class; of other targets only before 3.14. */
static bool evaluates_annotation(const struct flow *flow, const struct ast_node *node)
{
	uint8_t minor = flow->check->minor;
	bool simple = ast_AnnAssign_simple(node);

	if (flow->unit->kind != UNIT_MODULE && flow->unit->kind != UNIT_CLASS)
		return false;
	if (flow->check->future_annotations)
		return !simple && minor < 10;
	return simple || minor < 14;
}

static void defer(struct flow *flow, const struct ast_node *annotation)
{
	struct deferred *deferred = compile_alloc(flow->check, sizeof(*deferred));

	if (!deferred)
		return;
	deferred->annotation = annotation;
	*flow->unit->deferred_end = deferred;
	flow->unit->deferred_end = &deferred->next;
}

static void see_annotated(struct flow *flow, const struct ast_node *node)
{
	if (ast_AnnAssign_value(node)) {
		compile_push_node(flow->check, ast_AnnAssign_value(node));
		compile_push_node(flow->check, ast_AnnAssign_target(node));
	}
	compile_push(flow->check, FLOW_STEP_ANNOTATED, node, 0);
}

/*
 * The target of `x[y]: int` is looked at though nothing is assigned; from 3.9 on the items of a
 * tuple between its brackets one by one, where no star may stand (check_ann_subscr).
 */
static void step_annotated_slice(struct flow *flow, const struct ast_node *node)
{
	uint32_t i;

	if (node->kind != AST_Tuple || flow->check->minor < 9) {
		compile_push_node(flow->check, node);
		return;
	}
	for (i = 0; i < ast_Tuple_elts(node)->count; i++)
		compile_push(
			flow->check, FLOW_STEP_ANNOTATED_SLICE, ast_Tuple_elts(node)->items[i], 0);
}

static void see_bare_target(struct flow *flow, const struct ast_node *target)
{
	if (target->kind == AST_Attribute)
		compile_push_node(flow->check, ast_Attribute_value(target));
	if (target->kind != AST_Subscript)
		return;
	compile_push_node(flow->check, ast_Subscript_value(target));
	compile_push(flow->check, FLOW_STEP_ANNOTATED_SLICE, ast_Subscript_slice(target), 0);
}

static void step_annotated(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_node *target = ast_AnnAssign_target(node);

	if (target->kind == AST_Name)
		flow_check_debug(flow, *ast_Name_id(target), node->start);
	if (target->kind == AST_Attribute)
		flow_check_debug(flow, *ast_Attribute_attr(target), node->start);
	if (!ast_AnnAssign_value(node))
		see_bare_target(flow, target);
	if (!evaluates_annotation(flow, node))
		return;
	if (check->minor >= 14)
		defer(flow, ast_AnnAssign_annotation(node));
	else
		compile_push_node(check, ast_AnnAssign_annotation(node));
}

static void step_deferred(struct flow *flow)
{
	const struct deferred *deferred = flow->unit->deferred;

	if (!deferred)
		return;
	compile_push(flow->check, FLOW_STEP_ENTER, NULL, UNIT_ANNOTATION);
	for (; deferred; deferred = deferred->next)
		compile_push_node(flow->check, deferred->annotation);
	compile_push(flow->check, FLOW_STEP_LEAVE, NULL, 0);
}

/* What an import binds: the first part of a dotted name, unless it is given another. */
static void check_imports(
	struct flow *flow, const struct ast_node *node, const struct ast_list *aliases)
{
	for (uint32_t i = 0; i < aliases->count; i++) {
		const struct str *as = ast_alias_asname(aliases->items[i]);
		struct str name = as ? *as : *ast_alias_name(aliases->items[i]);
		const char *dot = as ? NULL : memchr(name.ptr, '.', name.len);

		if (dot)
			name.len = (size_t)(dot - name.ptr);
		flow_check_debug(flow, name, node->start);
	}
}

static void see_import_from(struct flow *flow, const struct ast_node *node)
{
	if (flow->check->minor < 14 && compile_future_late(flow->check, node))
		compile_fail(flow->check, node->start, "%s", COMPILE_FUTURE_LATE);
	check_imports(flow, node, ast_ImportFrom_names(node));
}

static bool see_statement(struct flow *flow, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_Return:
		see_return(flow, node);
		return true;
	case AST_Break:
	case AST_Continue:
		flow_unwind(flow, node);
		return true;
	case AST_For:
		see_loop(flow, node, NULL, ast_For_iter(node), ast_For_target(node));
		return true;
	case AST_AsyncFor:
		refuse_async(flow, node, "for");
		see_loop(flow, node, ast_AsyncFor_iter(node), NULL, ast_AsyncFor_target(node));
		return true;
	case AST_While:
		see_loop(flow, node, NULL, ast_While_test(node), NULL);
		return true;
	case AST_With:
	case AST_AsyncWith:
		see_with(flow, node);
		return true;
	case AST_Try:
	case AST_TryStar:
		see_try(flow, node);
		return true;
	case AST_Match:
		flow_see_match(flow, node);
		return true;
	case AST_Assign:
		see_assign(flow, node);
		return true;
	case AST_AugAssign:
		see_augmented(flow, node);
		return true;
	case AST_AnnAssign:
		see_annotated(flow, node);
		return true;
	case AST_Import:
		check_imports(flow, node, ast_Import_names(node));
		return true;
	case AST_ImportFrom:
		see_import_from(flow, node);
		return true;
	default:
		return false;
	}
}

void flow_see(struct flow *flow, const struct ast_node *node)
{
	if (ast_category(node) == AST_CATEGORY_STMT)
		flow->unit->place = node->start;
	if (see_statement(flow, node) || flow_see_definition(flow, node) ||
		flow_see_expression(flow, node))
		return;
	compile_push_children(flow->check, node);
}

static bool block_step(struct flow *flow, struct compile_step step)
{
	switch (step.kind) {
	case FLOW_STEP_OPEN:
		flow_open(flow, (enum block_kind)step.number, step.object);
		return true;
	case FLOW_STEP_CLOSE:
		flow->unit->block = flow->unit->block->around;
		return true;
	case FLOW_STEP_BLOCK:
		flow->unit->block = (struct block *)(uintptr_t)step.object;
		return true;
	case FLOW_STEP_FINALLY:
		flow_finally(flow, step.object);
		return true;
	case FLOW_STEP_FINALLY_DONE:
		flow_finally_done(flow, (void *)(uintptr_t)step.object);
		return true;
	case FLOW_STEP_REFUSE:
		flow_refuse(flow, step.object, (enum flow_refusal)step.number);
		return true;
	case FLOW_STEP_UNWIND:
		flow_unwind(flow, step.object);
		return true;
	default:
		return false;
	}
}

static void handle(void *context, struct compile_step step)
{
	struct flow *flow = context;

	switch (step.kind) {
	case STEP_NODE:
		flow_see(flow, step.object);
		return;
	case FLOW_STEP_ENTER:
		flow_enter(flow, (enum unit_kind)step.number, step.object);
		return;
	case FLOW_STEP_LEAVE:
		flow_leave(flow);
		return;
	case FLOW_STEP_DEFERRED:
		step_deferred(flow);
		return;
	case FLOW_STEP_HANDLER:
		step_handler(flow, step.object, step.number);
		return;
	case FLOW_STEP_HANDLE:
		step_handle(flow, step.object);
		return;
	case FLOW_STEP_ANNOTATED:
		step_annotated(flow, step.object);
		return;
	case FLOW_STEP_ANNOTATED_SLICE:
		step_annotated_slice(flow, step.object);
		return;
	}
	if (block_step(flow, step) || flow_define_step(flow, step) ||
		flow_expression_step(flow, step))
		return;
	flow_pattern_step(flow, step);
}

void compile_flow(
	struct compile_check *check, const struct ast_node *module, const struct scope *scope)
{
	struct flow flow = {.check = check};

	flow_enter(&flow, UNIT_MODULE, NULL);
	if (!flow.unit)
		return;
	flow.unit->scope = scope;
	/* The last pushed is the first done: nothing here has been turned round. */
	compile_push(check, FLOW_STEP_DEFERRED, NULL, 0);
	compile_push_list(check, ast_Module_body(module));
	compile_run(check, handle, &flow);
}
