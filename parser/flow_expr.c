/* Expressions: stars, targets, keywords, yield and await, comprehensions. */
#include "parser/flow.h"

/* UNPACK_EX holds so many targets before the star in one byte, and those behind it in three. */
#define UNPACK_BEFORE 256
#define UNPACK_BEHIND (INT32_MAX >> 8)

static const struct ast_list *generators_of(const struct ast_node *node)
{
	return node
		->slots[node->kind == AST_DictComp ? AST_SLOT_DictComp_generators
						   : AST_SLOT_ListComp_generators]
		.list;
}

static void check_unpacking(
	struct flow *flow, const struct ast_node *node, const struct ast_list *targets)
{
	bool seen = false;
	uint32_t i;

	for (i = 0; i < targets->count; i++) {
		if (targets->items[i]->kind != AST_Starred)
			continue;
		if (seen)
			compile_fail(flow->check, node->start,
				"multiple starred expressions in assignment");
		else if (i >= UNPACK_BEFORE || targets->count - i - 1 >= UNPACK_BEHIND)
			compile_fail(flow->check, node->start,
				"too many expressions in star-unpacking assignment");
		seen = true;
	}
}

static void see_display(struct flow *flow, const struct ast_node *node)
{
	const struct ast_list *elements = node->slots[0].list;
	enum ast_context context = node->kind == AST_Set ? AST_LOAD : (enum ast_context)node->op;

	if (context == AST_STORE)
		check_unpacking(flow, node, elements);
	if (context == AST_DEL)
		compile_push_list(flow->check, elements);
	else
		compile_push(flow->check, FLOW_STEP_ELEMENTS, elements, 0);
}

static void step_elements(struct flow *flow, const struct ast_list *list, uint32_t at)
{
	const struct ast_node *element;

	if (at == list->count)
		return;
	element = list->items[at];
	if (element->kind == AST_Starred)
		element = ast_Starred_value(element);
	compile_push_node(flow->check, element);
	if (at + 1 < list->count)
		compile_push(flow->check, FLOW_STEP_ELEMENTS, list, at + 1);
}

static void step_pairs(struct flow *flow, const struct ast_node *node, uint32_t at)
{
	if (at == ast_Dict_values(node)->count)
		return;
	compile_push_node(flow->check, ast_Dict_keys(node)->items[at]);
	compile_push_node(flow->check, ast_Dict_values(node)->items[at]);
	compile_push(flow->check, FLOW_STEP_PAIRS, node, at + 1);
}

static void check_name(struct flow *flow, const struct ast_node *node)
{
	enum ast_context context = ast_Name_ctx(node);

	if (context == AST_STORE)
		flow_check_debug(flow, *ast_Name_id(node), node->start);
	if (context == AST_DEL && flow->check->minor >= 10 && flow->check->minor < 14 &&
		str_is(*ast_Name_id(node), "__debug__"))
		compile_fail(flow->check, node->start, "cannot delete __debug__");
}

/* From 3.11 on the error points at the attribute itself where that is on another line. */
static void step_attribute(struct flow *flow, const struct ast_node *node)
{
	const struct source *source = flow->check->source;
	struct str name = *ast_Attribute_attr(node);
	bool one_line;

	if (ast_Attribute_ctx(node) != AST_STORE || !str_is(name, "__debug__"))
		return;
	one_line = source_position(source, node->start).line ==
		   source_position(source, node->end).line;
	flow_check_debug(flow, name,
		flow->check->minor < 11 || one_line ? node->start : node->end - (uint32_t)name.len);
}

static uint32_t keyword_place(const struct flow *flow, const struct ast_node *owner,
	const struct ast_node *keyword, uint8_t since)
{
	return flow->check->minor < since ? owner->start : keyword->start;
}

static void step_keywords(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_list *keywords =
		node->kind == AST_Call ? ast_Call_keywords(node) : ast_ClassDef_keywords(node);
	uint32_t call = keywords->count > 0 ? check->next_id++ : 0, i;

	if (check->minor < 9)
		return;
	for (i = 0; i < keywords->count && !check->stopped; i++) {
		const struct ast_node *keyword = keywords->items[i];
		struct compile_name *name;
		void **place;

		if (!ast_keyword_arg(keyword))
			continue;
		flow_check_debug(
			flow, *ast_keyword_arg(keyword), keyword_place(flow, node, keyword, 12));
		name = compile_name(check, *ast_keyword_arg(keyword));
		place = name ? compile_pair(check, call, name->id) : NULL;
		if (place && *place)
			compile_fail(check, keyword_place(flow, node, keyword, 10),
				"keyword argument repeated: %.*s", STR_ARG(name->text));
		if (place)
			*place = name;
	}
}

static void see_call(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;

	if (check->minor >= 10)
		compile_push(check, FLOW_STEP_KEYWORDS, node, 0);
	compile_push_node(check, ast_Call_func(node));
	if (check->minor < 10)
		compile_push(check, FLOW_STEP_KEYWORDS, node, 0);
	compile_push(check, FLOW_STEP_ELEMENTS, ast_Call_args(node), 0);
	compile_push_list(check, ast_Call_keywords(node));
}

static void see_lambda(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;

	flow_check_parameters(flow, ast_Lambda_args(node), node);
	flow_push_defaults(flow, ast_Lambda_args(node));
	compile_push(check, FLOW_STEP_ENTER, node, UNIT_LAMBDA);
	compile_push_node(check, ast_Lambda_body(node));
	compile_push(check, FLOW_STEP_LEAVE, NULL, 0);
}

static void see_yield(struct flow *flow, const struct ast_node *node)
{
	bool from = node->kind == AST_YieldFrom;

	if (!flow_in_function(flow))
		compile_fail(flow->check, node->start, "'yield%s' outside function",
			from && flow->check->minor >= 13 ? " from" : "");
	if (from && flow->unit->kind == UNIT_ASYNC_FUNCTION)
		compile_fail(flow->check, node->start, "'yield from' inside async function");
	compile_push_children(flow->check, node);
}

static void see_await(struct flow *flow, const struct ast_node *node)
{
	if (flow->check->minor < 14) {
		if (!flow_in_function(flow))
			compile_fail(flow->check, node->start, "'await' outside function");
		else if (flow->unit->kind != UNIT_ASYNC_FUNCTION &&
			 flow->unit->kind != UNIT_COMPREHENSION)
			compile_fail(flow->check, node->start, "'await' outside async function");
	}
	compile_push_children(flow->check, node);
}

static const struct scope *scope_of(struct flow *flow, const struct ast_node *node)
{
	void **place = compile_object(flow->check, node);

	return place ? *place : NULL;
}

/* Whether the unit at hand may hold an asynchronous comprehension. */
static bool may_wait(const struct flow *flow)
{
	if (flow->check->minor < 11)
		return flow->unit->scope->coroutine;
	return flow->unit->kind == UNIT_ASYNC_FUNCTION || flow->unit->kind == UNIT_COMPREHENSION;
}

static void see_comprehension(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct scope *scope = scope_of(flow, node);
	const struct ast_node *first = ast_comprehension_iter(generators_of(node)->items[0]);
	bool inlined = scope && scope->inlined;
	bool waits = scope && scope->coroutine && node->kind != AST_GeneratorExp;
	bool refused = check->minor < 14 && waits && !may_wait(flow);

	if (inlined)
		compile_push_node(check, first);
	if (refused)
		compile_push(check, FLOW_STEP_COMPREHEND, node, 0);
	if (!inlined)
		compile_push(check, FLOW_STEP_ENTER, node, UNIT_COMPREHENSION);
	compile_push(check, FLOW_STEP_GENERATOR, node, 0);
	if (!inlined) {
		compile_push(check, FLOW_STEP_LEAVE, NULL, 0);
		compile_push_node(check, first);
	}
}

static void push_element(struct flow *flow, const struct ast_node *node)
{
	const struct ast_list *generators = generators_of(node);
	uint32_t i;

	compile_push_node(flow->check, node->slots[0].node);
	if (node->kind == AST_DictComp)
		compile_push_node(flow->check, ast_DictComp_value(node));
	for (i = 0; i < generators->count; i++)
		if (flow->check->minor >= 9 && ast_comprehension_is_async(generators->items[i]))
			compile_push(flow->check, FLOW_STEP_CLOSE, NULL, 0);
}

static void step_generator(struct flow *flow, const struct ast_node *node, uint32_t at)
{
	struct compile_check *check = flow->check;
	const struct ast_list *generators = generators_of(node);
	const struct ast_node *generator;

	if (at == generators->count) {
		push_element(flow, node);
		return;
	}
	generator = generators->items[at];
	if (at > 0)
		compile_push_node(check, ast_comprehension_iter(generator));
	if (check->minor >= 9 && ast_comprehension_is_async(generator))
		compile_push(check, FLOW_STEP_OPEN, node, BLOCK_COMPREHENSION);
	compile_push_node(check, ast_comprehension_target(generator));
	compile_push_list(check, ast_comprehension_ifs(generator));
	compile_push(check, FLOW_STEP_GENERATOR, node, at + 1);
}

static void see_starred(struct flow *flow, const struct ast_node *node)
{
	compile_fail(flow->check, node->start,
		ast_Starred_ctx(node) == AST_STORE
			? "starred assignment target must be in a list or tuple"
			: "can't use starred expression here");
}

bool flow_see_expression(struct flow *flow, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_NamedExpr:
		compile_push_node(flow->check, ast_NamedExpr_value(node));
		compile_push_node(flow->check, ast_NamedExpr_target(node));
		return true;
	case AST_Lambda:
		see_lambda(flow, node);
		return true;
	case AST_Dict:
		step_pairs(flow, node, 0);
		return true;
	case AST_List:
	case AST_Tuple:
	case AST_Set:
		see_display(flow, node);
		return true;
	case AST_ListComp:
	case AST_SetComp:
	case AST_DictComp:
	case AST_GeneratorExp:
		see_comprehension(flow, node);
		return true;
	case AST_Yield:
	case AST_YieldFrom:
		see_yield(flow, node);
		return true;
	case AST_Await:
		see_await(flow, node);
		return true;
	case AST_Call:
		see_call(flow, node);
		return true;
	case AST_Attribute:
		compile_push_node(flow->check, ast_Attribute_value(node));
		compile_push(flow->check, FLOW_STEP_ATTRIBUTE, node, 0);
		return true;
	case AST_Name:
		check_name(flow, node);
		return true;
	case AST_Starred:
		see_starred(flow, node);
		return true;
	default:
		return false;
	}
}

bool flow_expression_step(struct flow *flow, struct compile_step step)
{
	const struct ast_node *node = step.object;

	switch (step.kind) {
	case FLOW_STEP_ELEMENTS:
		step_elements(flow, step.object, step.number);
		return true;
	case FLOW_STEP_PAIRS:
		step_pairs(flow, node, step.number);
		return true;
	case FLOW_STEP_ATTRIBUTE:
		step_attribute(flow, node);
		return true;
	case FLOW_STEP_KEYWORDS:
		step_keywords(flow, node);
		return true;
	case FLOW_STEP_COMPREHEND:
		compile_fail(flow->check, node->start,
			"asynchronous comprehension outside of an asynchronous function");
		return true;
	case FLOW_STEP_GENERATOR:
		step_generator(flow, node, step.number);
		return true;
	default:
		return false;
	}
}
