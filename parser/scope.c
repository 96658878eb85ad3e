/*
 * The second go: which names each scope uses, binds and declares, in the order in which CPython's
 * symbol table sees them (Python/symtable.c). Jumps and targets are none of its business.
 */
#include "parser/scope_symbols.h"

enum scope_step {
	SCOPE_STEP_LEAVE = STEP_OWN,
	SCOPE_STEP_PRIVATE,      /* object: the private name to go back to */
	SCOPE_STEP_FUNCTION,     /* object: a function or lambda; its own scope */
	SCOPE_STEP_ANNOTATIONS,  /* object: a function */
	SCOPE_STEP_TYPE_PARAMS,  /* object: what is generic */
	SCOPE_STEP_CLASS,        /* object: a class; its own scope */
	SCOPE_STEP_ALIAS,        /* object: a type alias; number: whether it stands in a class */
	SCOPE_STEP_ITERABLE,     /* number: 1 entered, 0 left */
	SCOPE_STEP_TARGET,       /* number: 1 entered, 0 left */
	SCOPE_STEP_COMPREHEND,   /* object: a comprehension; its own scope */
	SCOPE_STEP_COMPREHENDED, /* object: the same, at its end */
	SCOPE_STEP_COROUTINE,    /* the scope at hand is one */
	SCOPE_STEP_YIELD,        /* object: a yield whose value has been seen */
	SCOPE_STEP_DEFINE,       /* object: what holds the name to define */
	SCOPE_STEP_KEYWORDS,     /* object: a list of keywords */
	SCOPE_STEP_ATTRIBUTES,   /* object: a class pattern */
	SCOPE_STEP_IMPORTED,     /* object: an import whose names have been seen */
	SCOPE_STEP_ANNOTATION,   /* object: the annotation of a variable */
	SCOPE_STEP_EVALUATED,    /* annotations of local variables end here */
	SCOPE_STEP_BOUND,        /* object: an expression of a type parameter; number: which */
};

static const char *const bound_info[] = {"a TypeVar bound", "a TypeVar constraint",
	"a TypeVar default", "a TypeVarTuple default", "a ParamSpec default"};
enum bound_info { BOUND, CONSTRAINT, DEFAULT, TUPLE_DEFAULT, SPEC_DEFAULT };

static const struct ast_list *type_params_of(const struct ast_node *node)
{
	switch (node->kind) {
	case AST_ClassDef:
		return ast_ClassDef_type_params(node);
	case AST_TypeAlias:
		return ast_TypeAlias_type_params(node);
	case AST_AsyncFunctionDef:
		return ast_AsyncFunctionDef_type_params(node);
	default:
		return ast_FunctionDef_type_params(node);
	}
}

/* FunctionDef and AsyncFunctionDef have the same fields. */
#define FUNCTION_FIELD(node, field)                                                                \
	((node)->kind == AST_FunctionDef ? ast_FunctionDef_##field(node)                           \
					 : ast_AsyncFunctionDef_##field(node))

static void refuse_in_annotation(struct scopes *scopes, const char *what, uint32_t offset)
{
	const struct scope *scope = scopes->current;

	if (scopes->check->minor < 10)
		return;
	if (scope->type == SCOPE_ANNOTATION)
		compile_fail(scopes->check, offset, "%s cannot be used within an annotation", what);
	else if (scope->type == SCOPE_TYPE_VARIABLE)
		compile_fail(
			scopes->check, offset, "%s cannot be used within %s", what, scope->info);
	else if (scope->type == SCOPE_TYPE_ALIAS)
		compile_fail(scopes->check, offset, "%s cannot be used within a type alias", what);
	else if (scope->type == SCOPE_TYPE_PARAMS)
		compile_fail(scopes->check, offset,
			"%s cannot be used within the definition of a generic", what);
}

static void push_defaults(struct scopes *scopes, const struct ast_node *arguments)
{
	compile_push_list(scopes->check, ast_arguments_defaults(arguments));
	compile_push_list(scopes->check, ast_arguments_kw_defaults(arguments));
}

static void push_generic(struct scopes *scopes, const struct ast_node *node)
{
	if (!type_params_of(node)->count)
		return;
	compile_push(scopes->check, SCOPE_STEP_TYPE_PARAMS, node, 0);
	compile_push_list(scopes->check, type_params_of(node));
}

static void see_function(struct scopes *scopes, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	const struct ast_list *decorators = FUNCTION_FIELD(node, decorator_list);

	scopes_define(scopes, *FUNCTION_FIELD(node, name), DEF_LOCAL, node->start);
	push_defaults(scopes, FUNCTION_FIELD(node, args));
	if (check->minor < 12) {
		compile_push(check, SCOPE_STEP_ANNOTATIONS, node, 0);
		compile_push_list(check, decorators);
	} else {
		compile_push_list(check, decorators);
		push_generic(scopes, node);
		compile_push(check, SCOPE_STEP_ANNOTATIONS, node, 0);
	}
	compile_push(check, SCOPE_STEP_FUNCTION, node, 0);
	if (type_params_of(node)->count)
		compile_push(check, SCOPE_STEP_LEAVE, NULL, 0);
}

static void step_annotations(struct scopes *scopes, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	const struct ast_node *arguments = FUNCTION_FIELD(node, args);
	const struct scope *around = scopes->current;
	bool apart = check->minor >= 14 || (check->minor >= 10 && check->future_annotations);

	if (apart) {
		bool sees_class = around->sees_class || around->type == SCOPE_CLASS;

		scopes_enter(scopes, SCOPE_ANNOTATION, node);
		if (check->minor >= 14)
			scopes->current->sees_class = sees_class;
	}
	compile_push_list(check, ast_arguments_posonlyargs(arguments));
	compile_push_list(check, ast_arguments_args(arguments));
	compile_push_node(check, ast_arguments_vararg(arguments));
	compile_push_node(check, ast_arguments_kwarg(arguments));
	compile_push_list(check, ast_arguments_kwonlyargs(arguments));
	compile_push_node(check, FUNCTION_FIELD(node, returns));
	if (apart)
		compile_push(check, SCOPE_STEP_LEAVE, NULL, 0);
}

static void define_arg(struct scopes *scopes, const struct ast_node *arg)
{
	if (arg)
		scopes_define(scopes, *ast_arg_arg(arg), DEF_PARAM, arg->start);
}

static void define_args(struct scopes *scopes, const struct ast_list *args)
{
	for (uint32_t i = 0; i < args->count; i++)
		define_arg(scopes, args->items[i]);
}

static void define_parameters(struct scopes *scopes, const struct ast_node *arguments)
{
	define_args(scopes, ast_arguments_posonlyargs(arguments));
	define_args(scopes, ast_arguments_args(arguments));
	define_args(scopes, ast_arguments_kwonlyargs(arguments));
	define_arg(scopes, ast_arguments_vararg(arguments));
	define_arg(scopes, ast_arguments_kwarg(arguments));
}

/* Keeps the scope of a node for the third go. */
static void remember(struct scopes *scopes, const struct ast_node *node)
{
	void **place = compile_object(scopes->check, node);

	if (place)
		*place = scopes->current;
}

static void step_function(struct scopes *scopes, const struct ast_node *node)
{
	scopes_enter(scopes, SCOPE_FUNCTION, node);
	remember(scopes, node);
	if (node->kind == AST_Lambda) {
		define_parameters(scopes, ast_Lambda_args(node));
		compile_push_node(scopes->check, ast_Lambda_body(node));
	} else {
		scopes->current->coroutine = node->kind == AST_AsyncFunctionDef;
		define_parameters(scopes, FUNCTION_FIELD(node, args));
		compile_push_list(scopes->check, FUNCTION_FIELD(node, body));
	}
	compile_push(scopes->check, SCOPE_STEP_LEAVE, NULL, 0);
}

/* 3.12 has neither of them in an annotation scope right within a class. */
static void refuse_nested(struct scopes *scopes, const char *what, const struct ast_node *node)
{
	if (scopes->check->minor == 12 && scopes->current->sees_class)
		compile_fail(scopes->check, node->start,
			"Cannot use %s in annotation scope within class scope", what);
}

static void see_lambda(struct scopes *scopes, const struct ast_node *node)
{
	refuse_nested(scopes, "lambda", node);
	push_defaults(scopes, ast_Lambda_args(node));
	compile_push(scopes->check, SCOPE_STEP_FUNCTION, node, 0);
}

static void see_class(struct scopes *scopes, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	bool generic = type_params_of(node)->count > 0;

	scopes_define(scopes, *ast_ClassDef_name(node), DEF_LOCAL, node->start);
	if (check->minor >= 12)
		compile_push_list(check, ast_ClassDef_decorator_list(node));
	push_generic(scopes, node);
	compile_push_list(check, ast_ClassDef_bases(node));
	compile_push(check, SCOPE_STEP_KEYWORDS, ast_ClassDef_keywords(node), 0);
	compile_push_list(check, ast_ClassDef_keywords(node));
	if (check->minor < 12)
		compile_push_list(check, ast_ClassDef_decorator_list(node));
	compile_push(check, SCOPE_STEP_CLASS, node, 0);
	if (generic)
		compile_push(check, SCOPE_STEP_LEAVE, NULL, 0);
	compile_push(check, SCOPE_STEP_PRIVATE, scopes->private_name, 0);
}

static void step_type_params(struct scopes *scopes, const struct ast_node *node)
{
	bool in_class = scopes->current->type == SCOPE_CLASS;
	struct scope *scope;

	scopes_enter(scopes, SCOPE_TYPE_PARAMS, node);
	scope = scopes->current;
	scope->sees_class = in_class;
	if (node->kind != AST_ClassDef)
		return;
	scopes->private_name = ast_ClassDef_name(node);
	if (scopes->check->minor >= 13)
		scope->mangle_id = scopes->check->next_id++;
}

static void step_class(struct scopes *scopes, const struct ast_node *node)
{
	scopes_enter(scopes, SCOPE_CLASS, node);
	remember(scopes, node);
	scopes->private_name = ast_ClassDef_name(node);
	compile_push_list(scopes->check, ast_ClassDef_body(node));
	compile_push(scopes->check, SCOPE_STEP_LEAVE, NULL, 0);
}

static void see_alias(struct scopes *scopes, const struct ast_node *node)
{
	bool in_class = scopes->current->type == SCOPE_CLASS;

	compile_push_node(scopes->check, ast_TypeAlias_name(node));
	push_generic(scopes, node);
	compile_push(scopes->check, SCOPE_STEP_ALIAS, node, in_class);
	if (type_params_of(node)->count)
		compile_push(scopes->check, SCOPE_STEP_LEAVE, NULL, 0);
}

static void step_alias(struct scopes *scopes, const struct ast_node *node, bool in_class)
{
	scopes_enter(scopes, SCOPE_TYPE_ALIAS, node);
	scopes->current->sees_class = in_class;
	compile_push_node(scopes->check, ast_TypeAlias_value(node));
	compile_push(scopes->check, SCOPE_STEP_LEAVE, NULL, 0);
}

static void push_bound(
	struct scopes *scopes, const struct ast_node *expression, enum bound_info which)
{
	if (!expression)
		return;
	compile_push(scopes->check, SCOPE_STEP_BOUND, expression, which);
	compile_push_node(scopes->check, expression);
	compile_push(scopes->check, SCOPE_STEP_LEAVE, NULL, 0);
}

static void step_bound(struct scopes *scopes, const struct ast_node *node, uint32_t which)
{
	bool sees_class = scopes->current->sees_class;

	scopes_enter(scopes, SCOPE_TYPE_VARIABLE, node);
	scopes->current->sees_class = sees_class;
	scopes->current->info = bound_info[which];
}

static void define_type_param(struct scopes *scopes, const struct ast_node *node, struct str name)
{
	scopes_define(scopes, name, DEF_TYPE_PARAM | DEF_LOCAL, node->start);
	if (scopes->check->minor >= 13 && str_is(name, "__classdict__"))
		compile_fail(scopes->check, node->start,
			"reserved name '__classdict__' cannot be used for type parameter");
}

static void see_type_var(struct scopes *scopes, const struct ast_node *node)
{
	const struct ast_node *bound = ast_TypeVar_bound(node);
	bool several = bound && bound->kind == AST_Tuple && scopes->check->minor >= 13;

	define_type_param(scopes, node, *ast_TypeVar_name(node));
	push_bound(scopes, bound, several ? CONSTRAINT : BOUND);
	push_bound(scopes, ast_TypeVar_default_value(node), DEFAULT);
}

/* A try statement's parts; until 3.12 `else` was seen before the handlers. */
static void push_try(struct scopes *scopes, const struct ast_list *body,
	const struct ast_list *handlers, const struct ast_list *orelse,
	const struct ast_list *finalbody)
{
	struct compile_check *check = scopes->check;

	compile_push_list(check, body);
	compile_push_list(check, check->minor < 13 ? orelse : handlers);
	compile_push_list(check, check->minor < 13 ? handlers : orelse);
	compile_push_list(check, finalbody);
}

static void see_annotated(struct scopes *scopes, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	const struct ast_node *target = ast_AnnAssign_target(node);
	uint32_t flags;

	if (target->kind == AST_Name) {
		struct str name = *ast_Name_id(target);
		bool simple = ast_AnnAssign_simple(node);

		flags = scopes_lookup(scopes, name);
		if (simple && flags & (DEF_GLOBAL | DEF_NONLOCAL) &&
			scopes->current != scopes->module)
			compile_fail(check, node->start, "annotated name '%.*s' can't be %s",
				STR_ARG(name), flags & DEF_GLOBAL ? "global" : "nonlocal");
		if (simple)
			scopes_define(scopes, name, DEF_ANNOT | DEF_LOCAL, target->start);
		else if (ast_AnnAssign_value(node))
			scopes_define(scopes, name, DEF_LOCAL, target->start);
	} else {
		compile_push_node(check, target);
	}
	compile_push(check, SCOPE_STEP_ANNOTATION, ast_AnnAssign_annotation(node), 0);
	compile_push_node(check, ast_AnnAssign_value(node));
}

/* The scope in which annotations of variables stand: from 3.14 on one for all of them. */
static void step_annotation(struct scopes *scopes, const struct ast_node *annotation)
{
	struct compile_check *check = scopes->check;
	struct scope *around = scopes->current;

	if (check->minor < 10 || (check->minor < 14 && !check->future_annotations)) {
		compile_push_node(check, annotation);
		return;
	}
	if (check->minor >= 14 && around->annotations) {
		scopes_enter_again(scopes, around->annotations);
	} else {
		scopes_enter(scopes, SCOPE_ANNOTATION, annotation);
		around->annotations = scopes->current;
		if (check->minor >= 14)
			scopes->current->sees_class =
				around->type == SCOPE_CLASS && !check->future_annotations;
	}
	scopes->current->unevaluated = check->minor >= 14 && around->type == SCOPE_FUNCTION;
	compile_push_node(check, annotation);
	compile_push(check, SCOPE_STEP_EVALUATED, NULL, 0);
}

static void see_named_expression(struct scopes *scopes, const struct ast_node *node)
{
	refuse_in_annotation(scopes, "named expression", node->start);
	if (scopes->current->iterables)
		compile_fail(scopes->check, node->start,
			"assignment expression cannot be used in a comprehension iterable "
			"expression");
	else if (scopes->current->comprehension)
		scopes_extend_target(scopes, ast_NamedExpr_target(node));
	compile_push_node(scopes->check, ast_NamedExpr_value(node));
	compile_push_node(scopes->check, ast_NamedExpr_target(node));
}

static const struct ast_list *generators_of(const struct ast_node *node)
{
	switch (node->kind) {
	case AST_ListComp:
		return ast_ListComp_generators(node);
	case AST_SetComp:
		return ast_SetComp_generators(node);
	case AST_DictComp:
		return ast_DictComp_generators(node);
	default:
		return ast_GeneratorExp_generators(node);
	}
}

static void push_in_iterable(struct scopes *scopes, const struct ast_node *iterable)
{
	compile_push(scopes->check, SCOPE_STEP_ITERABLE, NULL, 1);
	compile_push_node(scopes->check, iterable);
	compile_push(scopes->check, SCOPE_STEP_ITERABLE, NULL, 0);
}

static void push_target(struct scopes *scopes, const struct ast_node *target)
{
	compile_push(scopes->check, SCOPE_STEP_TARGET, NULL, 1);
	compile_push_node(scopes->check, target);
	compile_push(scopes->check, SCOPE_STEP_TARGET, NULL, 0);
}

static void see_comprehension(struct scopes *scopes, const struct ast_node *node)
{
	refuse_nested(scopes, "comprehension", node);
	push_in_iterable(scopes, ast_comprehension_iter(generators_of(node)->items[0]));
	compile_push(scopes->check, SCOPE_STEP_COMPREHEND, node, 0);
}

static void step_comprehend(struct scopes *scopes, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	const struct ast_list *generators = generators_of(node);
	const struct ast_node *first = generators->items[0];

	scopes_enter(scopes, SCOPE_FUNCTION, node);
	remember(scopes, node);
	scopes->current->comprehension = node->kind;
	scopes->current->coroutine = ast_comprehension_is_async(first);
	push_target(scopes, ast_comprehension_target(first));
	compile_push_list(check, ast_comprehension_ifs(first));
	compile_push(check, STEP_LIST, generators, 1);
	if (node->kind == AST_DictComp) {
		compile_push_node(check, ast_DictComp_value(node));
		compile_push_node(check, ast_DictComp_key(node));
	} else {
		compile_push_node(check, node->slots[0].node);
	}
	compile_push(check, SCOPE_STEP_COMPREHENDED, node, 0);
}

static void see_generator(struct scopes *scopes, const struct ast_node *node)
{
	push_target(scopes, ast_comprehension_target(node));
	push_in_iterable(scopes, ast_comprehension_iter(node));
	compile_push_list(scopes->check, ast_comprehension_ifs(node));
	if (ast_comprehension_is_async(node))
		compile_push(scopes->check, SCOPE_STEP_COROUTINE, NULL, 0);
}

static void refuse_yield(struct scopes *scopes, uint32_t offset)
{
	static const char *const words[AST_KIND_COUNT] = {
		[AST_ListComp] = "list comprehension",
		[AST_SetComp] = "set comprehension",
		[AST_DictComp] = "dict comprehension",
		[AST_GeneratorExp] = "generator expression",
	};

	compile_fail(
		scopes->check, offset, "'yield' inside %s", words[scopes->current->comprehension]);
}

static bool in_async_function(const struct scope *scope)
{
	return scope->type == SCOPE_FUNCTION && scope->coroutine;
}

static void step_comprehended(struct scopes *scopes, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	bool generator = node->kind == AST_GeneratorExp, waits;

	if (scopes->current->generator)
		refuse_yield(scopes, node->start);
	scopes->current->generator = generator;
	waits = scopes->current->coroutine && !generator;
	scopes_leave(scopes);
	if (!waits || check->minor < 11)
		return;
	if (check->minor >= 14 && !in_async_function(scopes->current) &&
		!scopes->current->comprehension)
		compile_fail(check, node->start,
			"asynchronous comprehension outside of an asynchronous function");
	scopes->current->coroutine = true;
}

static void see_yield(struct scopes *scopes, const struct ast_node *node)
{
	refuse_in_annotation(scopes, "yield expression", node->start);
	compile_push_children(scopes->check, node);
	compile_push(scopes->check, SCOPE_STEP_YIELD, node, 0);
}

static void step_yield(struct scopes *scopes, const struct ast_node *node)
{
	scopes->current->generator = true;
	if (scopes->check->minor >= 10 && scopes->current->comprehension)
		refuse_yield(scopes, node->start);
}

static void see_await(struct scopes *scopes, const struct ast_node *node)
{
	const struct scope *scope = scopes->current;

	refuse_in_annotation(scopes, "await expression", node->start);
	if (scopes->check->minor >= 14) {
		if (!scope_is_function_like(scope))
			compile_fail(scopes->check, node->start, "'await' outside function");
		else if (!in_async_function(scope) && !scope->comprehension)
			compile_fail(scopes->check, node->start, "'await' outside async function");
	}
	compile_push_children(scopes->check, node);
	compile_push(scopes->check, SCOPE_STEP_COROUTINE, NULL, 0);
}

static void see_async(struct scopes *scopes, const struct ast_node *node)
{
	if (scopes->check->minor >= 14 && !scopes->current->coroutine)
		compile_fail(scopes->check, node->start, "'async %s' outside async function",
			node->kind == AST_AsyncFor ? "for" : "with");
	compile_push_children(scopes->check, node);
}

static void see_alias_name(struct scopes *scopes, const struct ast_node *node)
{
	const struct str *as = ast_alias_asname(node);
	struct str name = as ? *as : *ast_alias_name(node);
	const char *dot = memchr(name.ptr, '.', name.len);
	uint32_t start = node->start;

	if (dot)
		name.len = (size_t)(dot - name.ptr);
	if (!str_is(name, "*")) {
		scopes_define(scopes, name, DEF_IMPORT, start);
		return;
	}
	if (scopes->current->type == SCOPE_MODULE)
		return;
	if (scopes->check->minor < 10)
		start = scopes->current->node->start;
	compile_fail(scopes->check, start, "import * only allowed at module level");
}

static void see_attribute(struct scopes *scopes, const struct ast_node *node)
{
	scopes_check_debug(scopes, *ast_Attribute_attr(node), ast_Attribute_ctx(node), node->start);
	compile_push_children(scopes->check, node);
}

static void see_call(struct scopes *scopes, const struct ast_node *node)
{
	compile_push_node(scopes->check, ast_Call_func(node));
	compile_push_list(scopes->check, ast_Call_args(node));
	compile_push(scopes->check, SCOPE_STEP_KEYWORDS, ast_Call_keywords(node), 0);
	compile_push_list(scopes->check, ast_Call_keywords(node));
}

static void step_keywords(struct scopes *scopes, const struct ast_list *keywords)
{
	for (uint32_t i = 0; scopes->check->minor >= 14 && i < keywords->count; i++)
		if (ast_keyword_arg(keywords->items[i]))
			scopes_check_debug(scopes, *ast_keyword_arg(keywords->items[i]), AST_STORE,
				keywords->items[i]->start);
}

static void see_class_pattern(struct scopes *scopes, const struct ast_node *node)
{
	compile_push_node(scopes->check, ast_MatchClass_cls(node));
	compile_push_list(scopes->check, ast_MatchClass_patterns(node));
	compile_push(scopes->check, SCOPE_STEP_ATTRIBUTES, node, 0);
	compile_push_list(scopes->check, ast_MatchClass_kwd_patterns(node));
}

static void step_attributes(struct scopes *scopes, const struct ast_node *node)
{
	const struct ast_names *names = ast_MatchClass_kwd_attrs(node);

	for (uint32_t i = 0; i < names->count; i++)
		scopes_check_debug(scopes, *names->items[i], AST_STORE,
			ast_MatchClass_kwd_patterns(node)->items[i]->start);
}

/* Handlers and patterns bind a name once what they hold has been seen. */
static void step_define(struct scopes *scopes, const struct ast_node *node)
{
	const struct str *name = NULL;

	switch (node->kind) {
	case AST_ExceptHandler:
		name = ast_ExceptHandler_name(node);
		break;
	case AST_MatchStar:
		name = ast_MatchStar_name(node);
		break;
	case AST_MatchAs:
		name = ast_MatchAs_name(node);
		break;
	case AST_MatchMapping:
		name = ast_MatchMapping_rest(node);
		break;
	}
	if (name)
		scopes_define(scopes, *name, DEF_LOCAL, node->start);
}

static void see_handler(struct scopes *scopes, const struct ast_node *node)
{
	compile_push_node(scopes->check, ast_ExceptHandler_type(node));
	compile_push(scopes->check, SCOPE_STEP_DEFINE, node, 0);
	compile_push_list(scopes->check, ast_ExceptHandler_body(node));
}

static void step_imported(struct scopes *scopes, const struct ast_node *node)
{
	if (scopes->check->minor >= 14 && compile_future_late(scopes->check, node))
		compile_fail(scopes->check, node->start, "%s", COMPILE_FUTURE_LATE);
}

static void see_type_variable(struct scopes *scopes, const struct ast_node *node)
{
	if (node->kind == AST_TypeVarTuple) {
		define_type_param(scopes, node, *ast_TypeVarTuple_name(node));
		push_bound(scopes, ast_TypeVarTuple_default_value(node), TUPLE_DEFAULT);
	} else {
		define_type_param(scopes, node, *ast_ParamSpec_name(node));
		push_bound(scopes, ast_ParamSpec_default_value(node), SPEC_DEFAULT);
	}
}

static void see(struct scopes *scopes, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_FunctionDef:
	case AST_AsyncFunctionDef:
		see_function(scopes, node);
		return;
	case AST_ClassDef:
		see_class(scopes, node);
		return;
	case AST_TypeAlias:
		see_alias(scopes, node);
		return;
	case AST_AnnAssign:
		see_annotated(scopes, node);
		return;
	case AST_Try:
		push_try(scopes, ast_Try_body(node), ast_Try_handlers(node), ast_Try_orelse(node),
			ast_Try_finalbody(node));
		return;
	case AST_TryStar:
		push_try(scopes, ast_TryStar_body(node), ast_TryStar_handlers(node),
			ast_TryStar_orelse(node), ast_TryStar_finalbody(node));
		return;
	case AST_ExceptHandler:
		see_handler(scopes, node);
		return;
	case AST_AsyncFor:
	case AST_AsyncWith:
		see_async(scopes, node);
		return;
	case AST_Global:
	case AST_Nonlocal:
		scopes_declare(scopes, node);
		return;
	case AST_ImportFrom:
		compile_push_children(scopes->check, node);
		compile_push(scopes->check, SCOPE_STEP_IMPORTED, node, 0);
		return;
	case AST_alias:
		see_alias_name(scopes, node);
		return;
	case AST_NamedExpr:
		see_named_expression(scopes, node);
		return;
	case AST_Lambda:
		see_lambda(scopes, node);
		return;
	case AST_ListComp:
	case AST_SetComp:
	case AST_DictComp:
	case AST_GeneratorExp:
		see_comprehension(scopes, node);
		return;
	case AST_comprehension:
		see_generator(scopes, node);
		return;
	case AST_Yield:
	case AST_YieldFrom:
		see_yield(scopes, node);
		return;
	case AST_Await:
		see_await(scopes, node);
		return;
	case AST_Call:
		see_call(scopes, node);
		return;
	case AST_Attribute:
		see_attribute(scopes, node);
		return;
	case AST_Name:
		scopes_define_name(scopes, node);
		return;
	case AST_MatchClass:
		see_class_pattern(scopes, node);
		return;
	case AST_MatchStar:
	case AST_MatchAs:
	case AST_MatchMapping:
		compile_push_children(scopes->check, node);
		compile_push(scopes->check, SCOPE_STEP_DEFINE, node, 0);
		return;
	case AST_TypeVar:
		see_type_var(scopes, node);
		return;
	case AST_TypeVarTuple:
	case AST_ParamSpec:
		see_type_variable(scopes, node);
		return;
	default:
		compile_push_children(scopes->check, node);
	}
}

static void handle(void *context, struct compile_step step)
{
	struct scopes *scopes = context;

	switch (step.kind) {
	case STEP_NODE:
		see(scopes, step.object);
		break;
	case SCOPE_STEP_LEAVE:
		scopes_leave(scopes);
		break;
	case SCOPE_STEP_PRIVATE:
		scopes->private_name = step.object;
		break;
	case SCOPE_STEP_FUNCTION:
		step_function(scopes, step.object);
		break;
	case SCOPE_STEP_ANNOTATIONS:
		step_annotations(scopes, step.object);
		break;
	case SCOPE_STEP_TYPE_PARAMS:
		step_type_params(scopes, step.object);
		break;
	case SCOPE_STEP_CLASS:
		step_class(scopes, step.object);
		break;
	case SCOPE_STEP_ALIAS:
		step_alias(scopes, step.object, step.number);
		break;
	case SCOPE_STEP_ITERABLE:
		scopes->current->iterables += step.number ? 1 : UINT32_MAX;
		break;
	case SCOPE_STEP_TARGET:
		scopes->current->in_target = step.number;
		break;
	case SCOPE_STEP_COMPREHEND:
		step_comprehend(scopes, step.object);
		break;
	case SCOPE_STEP_COMPREHENDED:
		step_comprehended(scopes, step.object);
		break;
	case SCOPE_STEP_COROUTINE:
		scopes->current->coroutine = true;
		break;
	case SCOPE_STEP_YIELD:
		step_yield(scopes, step.object);
		break;
	case SCOPE_STEP_DEFINE:
		step_define(scopes, step.object);
		break;
	case SCOPE_STEP_KEYWORDS:
		step_keywords(scopes, step.object);
		break;
	case SCOPE_STEP_ATTRIBUTES:
		step_attributes(scopes, step.object);
		break;
	case SCOPE_STEP_IMPORTED:
		step_imported(scopes, step.object);
		break;
	case SCOPE_STEP_ANNOTATION:
		step_annotation(scopes, step.object);
		break;
	case SCOPE_STEP_EVALUATED:
		scopes->current->unevaluated = false;
		scopes_leave(scopes);
		break;
	case SCOPE_STEP_BOUND:
		step_bound(scopes, step.object, step.number);
		break;
	}
}

struct scope *compile_scopes(struct compile_check *check, const struct ast_node *module)
{
	struct scopes scopes = {.check = check};

	scopes_enter(&scopes, SCOPE_MODULE, module);
	scopes.module = scopes.current;
	if (!scopes.module)
		return NULL;
	compile_push_list(check, ast_Module_body(module));
	compile_run(check, handle, &scopes);
	return scopes.module;
}
