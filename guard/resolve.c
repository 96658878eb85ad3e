/*
 * Looking a name up, and when a name of the program's own is certain to stand where a builtin's
 * stood (guard/names.h).
 *
 * A function runs when it is called, and that may be before a later statement binds a name; but
 * from one statement to the next nothing may have been called at all: definitions, imports and
 * plain constants call nothing. How far that reaches from each statement is its horizon.
 */
#include "guard/names.h"

#define INERT_HEIGHT 8

/* A name, or a chain of attributes of one, that only imports bind, or that is a builtin. */
static bool is_foreign(const struct names *names, const struct ast_node *node)
{
	const struct symbol *symbol;

	while (node->kind == AST_Attribute)
		node = ast_Attribute_value(node);
	if (node->kind != AST_Name)
		return false;
	symbol = names_symbol(names, 0, ast_Name_id(node));
	for (const struct binding *b = symbol ? symbol->bindings : NULL; b; b = b->next)
		if (b->kind != BIND_IMPORT && b->kind != BIND_FROM)
			return false;
	return true;
}

static bool calls_nothing(const struct names *names, const struct ast_node *node);

static bool all_call_nothing(const struct names *names, const struct ast_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->items[i] && !calls_nothing(names, list->items[i]))
			return false;
	return true;
}

/* Operators and subscripts call methods, so their operands must not be the program's objects. */
static bool is_plain_operand(const struct names *names, const struct ast_node *node)
{
	if (node->kind == AST_Name || node->kind == AST_Attribute)
		return is_foreign(names, node);
	return (node->kind == AST_Constant || node->kind == AST_BinOp ||
		       node->kind == AST_Subscript) &&
	       calls_nothing(names, node);
}

static bool calls_nothing(const struct names *names, const struct ast_node *node)
{
	if (node->height > INERT_HEIGHT)
		return false;
	switch (node->kind) {
	case AST_Constant:
	case AST_Name:
		return true;
	case AST_Attribute:
		return is_foreign(names, node);
	case AST_Subscript:
		return is_foreign(names, ast_Subscript_value(node)) &&
		       calls_nothing(names, ast_Subscript_slice(node));
	case AST_BinOp:
		return is_plain_operand(names, ast_BinOp_left(node)) &&
		       is_plain_operand(names, ast_BinOp_right(node));
	case AST_UnaryOp:
		return ast_UnaryOp_operand(node)->kind == AST_Constant;
	case AST_List:
		return all_call_nothing(names, ast_List_elts(node));
	case AST_Tuple:
		return all_call_nothing(names, ast_Tuple_elts(node));
	case AST_Dict:
		for (uint32_t i = 0; i < ast_Dict_keys(node)->count; i++)
			if (!ast_Dict_keys(node)->items[i] ||
				ast_Dict_keys(node)->items[i]->kind != AST_Constant)
				return false;
		return all_call_nothing(names, ast_Dict_values(node));
	default:
		return false;
	}
}

/* Defaults and annotations of a definition are evaluated where it stands, decorators called. */
static bool signature_is_inert(const struct names *names, const struct ast_node *args,
	const struct ast_list *decorators, const struct ast_node *returns)
{
	const struct ast_list *lists[] = {ast_arguments_posonlyargs(args), ast_arguments_args(args),
		ast_arguments_kwonlyargs(args)};
	const struct ast_node *singles[] = {ast_arguments_vararg(args), ast_arguments_kwarg(args)};

	for (size_t k = 0; k < 3; k++)
		for (uint32_t i = 0; i < lists[k]->count; i++)
			if (ast_arg_annotation(lists[k]->items[i]) &&
				!calls_nothing(names, ast_arg_annotation(lists[k]->items[i])))
				return false;
	for (size_t k = 0; k < 2; k++)
		if (singles[k] && ast_arg_annotation(singles[k]) &&
			!calls_nothing(names, ast_arg_annotation(singles[k])))
			return false;
	for (uint32_t i = 0; i < decorators->count; i++) {
		const struct ast_node *decorator = decorators->items[i];

		if (decorator->kind != AST_Name || !is_foreign(names, decorator) ||
			(!str_is(*ast_Name_id(decorator), "staticmethod") &&
				!str_is(*ast_Name_id(decorator), "classmethod") &&
				!str_is(*ast_Name_id(decorator), "property")))
			return false;
	}
	return all_call_nothing(names, ast_arguments_defaults(args)) &&
	       all_call_nothing(names, ast_arguments_kw_defaults(args)) &&
	       (!returns || calls_nothing(names, returns));
}

static bool is_inert(const struct names *names, const struct ast_node *node);

/* A class calls its bases' hooks: the builtins have none, the program's own are looked for. */
static bool class_is_inert(const struct names *names, const struct ast_node *node)
{
	static const char *const hooks[] = {"__init_subclass__", "__set_name__", "__mro_entries__"};
	const struct ast_list *body = ast_ClassDef_body(node), *bases = ast_ClassDef_bases(node);
	bool hooked = names->has_metaclass;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		const struct str *hook = ast_name_find(names->tree, str_of(hooks[i]));

		hooked |= hook && names_own(names, hook);
	}
	if (ast_ClassDef_decorator_list(node)->count || ast_ClassDef_keywords(node)->count)
		return false;
	for (uint32_t i = 0; i < bases->count; i++) {
		const struct ast_node *base = bases->items[i];
		const struct symbol *symbol;

		if (base->kind != AST_Name)
			return false;
		symbol = names_symbol(names, 0, ast_Name_id(base));
		for (const struct binding *b = symbol ? symbol->bindings : NULL; b; b = b->next)
			if ((b->kind != BIND_CLASS || hooked) &&
				!(b->kind == BIND_FROM && str_is(*ast_Name_id(base), "ABC")))
				return false;
	}
	for (uint32_t i = 0; i < body->count; i++)
		if (body->items[i]->kind == AST_ClassDef || !is_inert(names, body->items[i]))
			return false;
	return true;
}

/* Statements that call nothing of the program's: what stands after them is as good as before. */
static bool is_inert(const struct names *names, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_FunctionDef:
		return signature_is_inert(names, ast_FunctionDef_args(node),
			ast_FunctionDef_decorator_list(node), ast_FunctionDef_returns(node));
	case AST_AsyncFunctionDef:
		return signature_is_inert(names, ast_AsyncFunctionDef_args(node),
			ast_AsyncFunctionDef_decorator_list(node),
			ast_AsyncFunctionDef_returns(node));
	case AST_Import:
	case AST_ImportFrom:
	case AST_Pass:
		return true;
	case AST_Expr:
		return ast_Expr_value(node)->kind == AST_Constant;
	case AST_Assign:
		for (uint32_t i = 0; i < ast_Assign_targets(node)->count; i++)
			if (ast_Assign_targets(node)->items[i]->kind != AST_Name)
				return false;
		return calls_nothing(names, ast_Assign_value(node));
	case AST_AnnAssign:
		return ast_AnnAssign_target(node)->kind == AST_Name &&
		       calls_nothing(names, ast_AnnAssign_annotation(node)) &&
		       (!ast_AnnAssign_value(node) ||
			       calls_nothing(names, ast_AnnAssign_value(node)));
	case AST_ClassDef:
		return class_is_inert(names, node);
	default:
		return false;
	}
}

int names_find_horizons(struct names *names)
{
	const struct ast_list *body = ast_Module_body(names->module);
	uint32_t *horizons = arena_array(names->arena, body->count + 1u, sizeof(*horizons));

	if (!horizons)
		return -1;
	horizons[body->count] = UINT32_MAX;
	for (uint32_t i = body->count; i-- > 0;)
		horizons[i] =
			is_inert(names, body->items[i]) ? horizons[i + 1] : body->items[i]->start;
	names->horizons = horizons;
	return 0;
}

uint32_t names_scope_of(const struct names *names, const struct ast_node *owner)
{
	for (uint32_t i = 0; i < names->scope_count; i++)
		if (names->scopes[i].owner == owner)
			return i;
	return 0;
}

/* Up to where nothing can have been called that was not before `at`, for code within a function. */
static uint32_t horizon_of(const struct names *names, uint32_t at)
{
	const struct ast_list *body = ast_Module_body(names->module);
	uint32_t low = 0, high = body->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (body->items[middle]->end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low >= body->count)
		return at;
	return names->horizons[low] > at ? names->horizons[low] : at;
}

/* Whether a symbol of a module or class is bound for certain before a byte offset. */
static bool is_certain(const struct symbol *symbol, uint32_t at)
{
	return !symbol->deleted && symbol->certain_from <= at;
}

static struct symbol *declared_as(const struct names *names, struct symbol *symbol, uint32_t *scope)
{
	if (symbol->global) {
		*scope = 0;
		return names_symbol(names, 0, symbol->name);
	}
	return symbol->nonlocal ? NULL : symbol;
}

struct resolution names_resolve(
	const struct names *names, uint32_t scope, const struct str *name, uint32_t at)
{
	struct resolution ret = {.builtin = true};
	bool first = true, within_function = false;

	for (;; first = false) {
		const struct scope *here = &names->scopes[scope];
		struct symbol *symbol = NULL;
		uint32_t found = scope;

		if (here->kind != SCOPE_CLASS || first)
			symbol = names_symbol(names, scope, name);
		if (symbol && scope)
			symbol = declared_as(names, symbol, &found);
		if (here->kind == SCOPE_FUNCTION)
			within_function = true;
		if (symbol && (symbol->bindings || symbol->deleted)) {
			enum scope_kind kind = (enum scope_kind)names->scopes[found].kind;

			ret.symbols[ret.count++] = symbol;
			if (kind == SCOPE_FUNCTION || kind == SCOPE_COMPREHENSION ||
				is_certain(symbol, kind == SCOPE_MODULE && within_function
							   ? horizon_of(names, at)
							   : at)) {
				ret.builtin = false;
				return ret;
			}
		}
		if (found == 0 || ret.count == 2)
			return ret;
		/* A class that binds the name looks among its own, then in the module (LOAD_NAME).
		 */
		scope = here->kind == SCOPE_CLASS && symbol ? 0 : here->parent;
	}
}
