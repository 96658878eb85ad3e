/* Functions, lambdas' parameters, classes and what is generic, in the order of their evaluation. */
#include "parser/flow.h"

#define FUNCTION_FIELD(node, field)                                                                \
	((node)->kind == AST_FunctionDef ? ast_FunctionDef_##field(node)                           \
					 : ast_AsyncFunctionDef_##field(node))

static void check_arg(struct flow *flow, const struct ast_node *arg, const struct ast_node *owner)
{
	if (arg)
		flow_check_debug(flow, *ast_arg_arg(arg),
			flow->check->minor < 12 ? owner->start : arg->start);
}

static void check_args(struct flow *flow, const struct ast_list *args, const struct ast_node *owner)
{
	for (uint32_t i = 0; i < args->count; i++)
		check_arg(flow, args->items[i], owner);
}

void flow_check_parameters(
	struct flow *flow, const struct ast_node *arguments, const struct ast_node *owner)
{
	check_args(flow, ast_arguments_posonlyargs(arguments), owner);
	check_args(flow, ast_arguments_args(arguments), owner);
	check_arg(flow, ast_arguments_vararg(arguments), owner);
	check_args(flow, ast_arguments_kwonlyargs(arguments), owner);
	check_arg(flow, ast_arguments_kwarg(arguments), owner);
}

void flow_push_defaults(struct flow *flow, const struct ast_node *arguments)
{
	compile_push_list(flow->check, ast_arguments_defaults(arguments));
	compile_push_list(flow->check, ast_arguments_kw_defaults(arguments));
}

static void push_generic(struct flow *flow, const struct ast_list *type_params)
{
	if (!type_params->count)
		return;
	compile_push(flow->check, FLOW_STEP_ENTER, NULL, UNIT_ANNOTATION);
	compile_push(flow->check, FLOW_STEP_TYPE_PARAMS, type_params, 0);
}

static void push_leave_generic(struct flow *flow, const struct ast_list *type_params)
{
	if (type_params->count)
		compile_push(flow->check, FLOW_STEP_LEAVE, NULL, 0);
}

static void see_function(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_list *type_params = FUNCTION_FIELD(node, type_params);
	enum unit_kind kind = node->kind == AST_FunctionDef ? UNIT_FUNCTION : UNIT_ASYNC_FUNCTION;

	flow_check_parameters(flow, FUNCTION_FIELD(node, args), node);
	compile_push_list(check, FUNCTION_FIELD(node, decorator_list));
	flow_push_defaults(flow, FUNCTION_FIELD(node, args));
	push_generic(flow, type_params);
	compile_push(check, FLOW_STEP_ANNOTATIONS, node, 0);
	compile_push(check, FLOW_STEP_ENTER, node, kind);
	if (check->minor >= 13)
		compile_push(check, FLOW_STEP_GUARD, node, 0);
	compile_push_list(check, FUNCTION_FIELD(node, body));
	compile_push(check, FLOW_STEP_LEAVE, NULL, 0);
	push_leave_generic(flow, type_params);
	compile_push(check, FLOW_STEP_BIND, node, 0);
}

/* `*args: *Ts` (3.11) has its star in the annotation. */
static void push_vararg(struct flow *flow, const struct ast_node *arg)
{
	const struct ast_node *annotation = arg ? ast_arg_annotation(arg) : NULL;

	if (annotation && annotation->kind == AST_Starred && flow->check->minor >= 11)
		annotation = ast_Starred_value(annotation);
	compile_push_node(flow->check, annotation);
}

static void step_annotations(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_node *arguments = FUNCTION_FIELD(node, args);

	if (check->future_annotations)
		return;
	if (check->minor >= 14)
		compile_push(check, FLOW_STEP_ENTER, NULL, UNIT_ANNOTATION);
	compile_push_list(check, ast_arguments_args(arguments));
	compile_push_list(check, ast_arguments_posonlyargs(arguments));
	push_vararg(flow, ast_arguments_vararg(arguments));
	compile_push_list(check, ast_arguments_kwonlyargs(arguments));
	compile_push_node(check, ast_arguments_kwarg(arguments));
	compile_push_node(check, FUNCTION_FIELD(node, returns));
	if (check->minor >= 14)
		compile_push(check, FLOW_STEP_LEAVE, NULL, 0);
}

static void see_class(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_list *type_params = ast_ClassDef_type_params(node);

	compile_push_list(check, ast_ClassDef_decorator_list(node));
	push_generic(flow, type_params);
	compile_push(check, FLOW_STEP_ENTER, node, UNIT_CLASS);
	compile_push_list(check, ast_ClassDef_body(node));
	compile_push(check, FLOW_STEP_DEFERRED, NULL, 0);
	compile_push(check, FLOW_STEP_LEAVE, NULL, 0);
	compile_push(check, FLOW_STEP_KEYWORDS, node, 0);
	compile_push(check, FLOW_STEP_ELEMENTS, ast_ClassDef_bases(node), 0);
	compile_push_list(check, ast_ClassDef_keywords(node));
	push_leave_generic(flow, type_params);
	compile_push(check, FLOW_STEP_BIND, node, 0);
}

static void see_alias(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_list *type_params = ast_TypeAlias_type_params(node);

	push_generic(flow, type_params);
	compile_push(check, FLOW_STEP_ENTER, NULL, UNIT_ANNOTATION);
	compile_push_node(check, ast_TypeAlias_value(node));
	compile_push(check, FLOW_STEP_LEAVE, NULL, 0);
	push_leave_generic(flow, type_params);
	compile_push(check, FLOW_STEP_BIND, node, 0);
}

static const struct str *type_param_name(const struct ast_node *node)
{
	if (node->kind == AST_TypeVar)
		return ast_TypeVar_name(node);
	return node->kind == AST_ParamSpec ? ast_ParamSpec_name(node) : ast_TypeVarTuple_name(node);
}

static const struct ast_node *type_param_default(const struct ast_node *node)
{
	if (node->kind == AST_TypeVar)
		return ast_TypeVar_default_value(node);
	return node->kind == AST_ParamSpec ? ast_ParamSpec_default_value(node)
					   : ast_TypeVarTuple_default_value(node);
}

static void push_apart(struct flow *flow, const struct ast_node *expression)
{
	if (!expression)
		return;
	compile_push(flow->check, FLOW_STEP_ENTER, NULL, UNIT_ANNOTATION);
	compile_push_node(flow->check, expression);
	compile_push(flow->check, FLOW_STEP_LEAVE, NULL, 0);
}

static void step_type_params(struct flow *flow, const struct ast_list *type_params)
{
	const struct ast_node *node, *value;
	bool seen_default = false;
	uint32_t i;

	for (i = 0; i < type_params->count; i++) {
		node = type_params->items[i];
		value = type_param_default(node);
		if (node->kind == AST_TypeVar)
			push_apart(flow, ast_TypeVar_bound(node));
		if (value && node->kind == AST_TypeVarTuple && value->kind == AST_Starred)
			value = ast_Starred_value(value);
		push_apart(flow, value);
		if (!value && seen_default)
			compile_push(flow->check, FLOW_STEP_NO_DEFAULT, node, 0);
		seen_default = seen_default || value;
		compile_push(flow->check, FLOW_STEP_TYPE_NAME, node, 0);
	}
}

static void step_bind(struct flow *flow, const struct ast_node *node)
{
	const struct str *name;

	if (node->kind == AST_ClassDef)
		name = ast_ClassDef_name(node);
	else if (node->kind == AST_TypeAlias)
		name = ast_Name_id(ast_TypeAlias_name(node));
	else
		name = FUNCTION_FIELD(node, name);
	flow_check_debug(flow, *name, node->start);
}

bool flow_see_definition(struct flow *flow, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_FunctionDef:
	case AST_AsyncFunctionDef:
		see_function(flow, node);
		return true;
	case AST_ClassDef:
		see_class(flow, node);
		return true;
	case AST_TypeAlias:
		see_alias(flow, node);
		return true;
	case AST_arg:
		compile_push_node(flow->check, ast_arg_annotation(node));
		return true;
	default:
		return false;
	}
}

bool flow_define_step(struct flow *flow, struct compile_step step)
{
	const struct ast_node *node = step.object;

	switch (step.kind) {
	case FLOW_STEP_ANNOTATIONS:
		step_annotations(flow, node);
		return true;
	case FLOW_STEP_TYPE_PARAMS:
		step_type_params(flow, step.object);
		return true;
	case FLOW_STEP_NO_DEFAULT:
		compile_fail(flow->check, node->start,
			"non-default type parameter '%.*s' follows default type parameter",
			STR_ARG(*type_param_name(node)));
		return true;
	case FLOW_STEP_TYPE_NAME:
		flow_check_debug(flow, *type_param_name(node), node->start);
		return true;
	case FLOW_STEP_GUARD:
		if (flow->unit->scope->generator || flow->unit->scope->coroutine)
			flow_open(flow, BLOCK_STOP, node);
		return true;
	case FLOW_STEP_BIND:
		step_bind(flow, node);
		return true;
	default:
		return false;
	}
}
