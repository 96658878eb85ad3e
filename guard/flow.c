/*
 * Where a value may come from: going back from a use over bindings, parameters and the calls that
 * fill them, attributes the program gives its own objects, and what its functions return.
 *
 * For uses that could not be judged where they stand: getattr(o, name), open(path), text.format().
 * Everything here happens once the walk is over, so a call further down is seen as well. Steps are
 * counted for the program as a whole; where they end, nothing more is found.
 */
#include "guard/flow.h"

#include <stdlib.h>

#include "parser/walk.h"

#define FLOW_STEPS 50000u
#define FLOW_DEPTH 24u

/* A call, or what else hands values to a function: where, and by what name. */
struct flow_site {
	struct str name;
	const struct ast_node *node; /* the Call */
	uint32_t scope;
	bool handed; /* the function is an argument of the call: its other arguments are meant */
};

struct flow_lambda {
	const struct ast_node *lambda;
	struct flow_site site;
};

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct flow_site *)a)->name, ((const struct flow_site *)b)->name);
}

static bool last_name(const struct ast_node *node, struct str *ret)
{
	if (node->kind == AST_Name)
		*ret = *ast_Name_id(node);
	else if (node->kind == AST_Attribute)
		*ret = *ast_Attribute_attr(node);
	else
		return false;
	return true;
}

static void add_site(struct flow *flow, struct flow_site site)
{
	struct flow_site *sites = screen_more(
		flow->screen, flow->sites, flow->site_count, &flow->site_capacity, sizeof(*sites));

	if (!sites)
		return;
	flow->sites = sites;
	sites[flow->site_count++] = site;
}

static void add_lambda(struct flow *flow, const struct ast_node *lambda, struct flow_site site)
{
	struct flow_lambda *lambdas = screen_more(flow->screen, flow->lambdas, flow->lambda_count,
		&flow->lambda_capacity, sizeof(*lambdas));

	if (!lambdas)
		return;
	flow->lambdas = lambdas;
	lambdas[flow->lambda_count++] = (struct flow_lambda){lambda, site};
}

static void index_call(struct flow *flow, const struct ast_node *call, uint32_t scope)
{
	struct flow_site site = {.node = call, .scope = scope};
	const struct ast_list *args = ast_Call_args(call), *keywords = ast_Call_keywords(call);

	if (last_name(ast_Call_func(call), &site.name))
		add_site(flow, site);
	else if (ast_Call_func(call)->kind == AST_Lambda)
		add_lambda(flow, ast_Call_func(call), site);
	site.handed = true;
	for (uint32_t i = 0; i < args->count + keywords->count && !flow->screen->failed; i++) {
		const struct ast_node *arg =
			i < args->count ? args->items[i]
					: ast_keyword_value(keywords->items[i - args->count]);

		if (arg->kind == AST_Lambda)
			add_lambda(flow, arg, site);
		else if (last_name(arg, &site.name))
			add_site(flow, site);
	}
}

static int index_sites(struct flow *flow)
{
	const struct names *names = &flow->screen->names;

	for (uint32_t i = 0; i < names->visit_count && !flow->screen->failed; i++) {
		const struct ast_node *node = names->visits[i].node;

		if (node->kind == AST_Call)
			index_call(flow, node,
				names_scope_at(names, names->visits[i].scope, node->start));
		if (node->kind == AST_Assign && ast_Assign_value(node)->kind == AST_Lambda) {
			struct flow_site site = {0};

			if (last_name(ast_Assign_targets(node)->items[0], &site.name))
				add_lambda(flow, ast_Assign_value(node), site);
		}
	}
	if (flow->site_count)
		qsort(flow->sites, flow->site_count, sizeof(*flow->sites), by_name);
	return flow->screen->failed ? -1 : 0;
}

void flow_init(struct flow *flow, struct screen *screen)
{
	*flow = (struct flow){.screen = screen, .steps = FLOW_STEPS};
}

static void trace(struct flow *flow, uint32_t scope, const struct ast_node *node, unsigned depth);

static void trace_list(
	struct flow *flow, uint32_t scope, const struct ast_list *list, unsigned depth)
{
	for (uint32_t i = 0; i < list->count && flow->steps && !flow->found; i++)
		if (list->items[i])
			trace(flow, scope, list->items[i], depth);
}

#define PLACE_ANY     (-1) /* *args and **kwargs */
#define PLACE_KEYWORD (-2)

/* Which place a parameter has, the self of a method left out. */
static int place_of(const struct ast_node *function, const struct ast_node *param, bool method)
{
	const struct ast_node *args = function->kind == AST_Lambda ? ast_Lambda_args(function)
				      : function->kind == AST_FunctionDef
					      ? ast_FunctionDef_args(function)
					      : ast_AsyncFunctionDef_args(function);
	const struct ast_list *first = ast_arguments_posonlyargs(args),
			      *then = ast_arguments_args(args);

	for (uint32_t i = 0; i < first->count + then->count; i++)
		if ((i < first->count ? first->items[i] : then->items[i - first->count]) == param)
			return (int)i - (method ? 1 : 0);
	for (uint32_t i = 0; i < ast_arguments_kwonlyargs(args)->count; i++)
		if (ast_arguments_kwonlyargs(args)->items[i] == param)
			return PLACE_KEYWORD;
	return PLACE_ANY;
}

/* The arguments of a call that may end up in a parameter. */
static void trace_site(struct flow *flow, const struct flow_site *site,
	const struct ast_node *param, int place, unsigned depth)
{
	const struct ast_list *args = ast_Call_args(site->node);
	const struct ast_list *keywords = ast_Call_keywords(site->node);
	bool starred = site->handed || place == PLACE_ANY;

	for (uint32_t i = 0; i < args->count && flow->steps; i++) {
		starred |= args->items[i]->kind == AST_Starred;
		if (starred || (int)i == place)
			trace(flow, site->scope, args->items[i], depth);
	}
	for (uint32_t i = 0; i < keywords->count && flow->steps; i++) {
		const struct str *name = ast_keyword_arg(keywords->items[i]);

		if (site->handed || place == PLACE_ANY || !name ||
			str_eq(*name, *ast_arg_arg(param)))
			trace(flow, site->scope, ast_keyword_value(keywords->items[i]), depth);
	}
}

static void trace_sites(
	struct flow *flow, struct str name, const struct ast_node *param, int place, unsigned depth)
{
	struct flow_site key = {.name = name};
	const struct flow_site *site =
		flow->site_count
			? bsearch(&key, flow->sites, flow->site_count, sizeof(key), by_name)
			: NULL;

	while (site && site > flow->sites && str_eq(site[-1].name, name))
		site--;
	for (; site && site < flow->sites + flow->site_count && str_eq(site->name, name) &&
		flow->steps && !flow->found;
		site++) {
		flow->steps--;
		trace_site(flow, site, param, place, depth);
	}
}

static void trace_parameter(
	struct flow *flow, uint32_t scope, const struct ast_node *param, unsigned depth)
{
	const struct scope *function = &flow->screen->names.scopes[scope];
	const struct scope *around = &flow->screen->names.scopes[function->parent];
	const struct ast_node *owner = function->owner;
	bool method = around->kind == SCOPE_CLASS && scope && owner->kind != AST_Lambda;
	struct str name = STR("");

	flow->parameter = true;
	if (!flow->indexed && index_sites(flow) < 0)
		flow->screen->failed = true;
	flow->indexed = true;
	if (owner->kind == AST_FunctionDef)
		name = *ast_FunctionDef_name(owner);
	else if (owner->kind == AST_AsyncFunctionDef)
		name = *ast_AsyncFunctionDef_name(owner);
	for (uint32_t i = 0; owner->kind == AST_Lambda && i < flow->lambda_count; i++) {
		if (flow->lambdas[i].lambda != owner)
			continue;
		if (flow->lambdas[i].site.node)
			trace_site(flow, &flow->lambdas[i].site, param,
				place_of(owner, param, false), depth);
		else
			name = flow->lambdas[i].site.name;
	}
	if (str_is(name, "__init__") && method)
		name = *ast_ClassDef_name(around->owner);
	if (name.len)
		trace_sites(flow, name, param, place_of(owner, param, method), depth);
}

static void trace_symbol(struct flow *flow, struct symbol *symbol, unsigned depth)
{
	/* Once for each question is enough: what was found there has been found. */
	if (symbol->seen == flow->question)
		return;
	symbol->seen = flow->question;
	for (const struct binding *b = symbol->bindings; b && flow->steps && !flow->found;
		b = b->next) {
		flow->steps--;
		if (b->kind == BIND_PARAM && b->statement) /* its default */
			trace(flow, flow->screen->names.scopes[symbol->scope].parent, b->statement,
				depth);
		if (b->kind == BIND_PARAM || (b->node && b->node->kind == AST_arg))
			trace_parameter(flow, symbol->scope, b->node, depth);
		else if (b->node && (b->kind == BIND_VALUE || b->kind == BIND_EACH ||
					    b->kind == BIND_WITH || b->kind == BIND_OTHER))
			trace(flow, b->scope, b->node, depth);
	}
}

static void trace_name(
	struct flow *flow, uint32_t scope, const struct ast_node *node, unsigned depth)
{
	struct resolution found =
		names_resolve(&flow->screen->names, scope, ast_Name_id(node), node->start);

	for (uint32_t i = 0; i < found.count; i++)
		trace_symbol(flow, found.symbols[i], depth);
}

/* What a function of the program returns. */
static void trace_returns(
	struct flow *flow, uint32_t scope, const struct ast_node *call, unsigned depth)
{
	struct resolution found;
	cleanup_ast_walk struct ast_walk walk = {0};
	enum ast_walk_event event;
	const struct ast_node *function = NULL;

	if (ast_Call_func(call)->kind != AST_Name)
		return;
	found = names_resolve(&flow->screen->names, scope, ast_Name_id(ast_Call_func(call)),
		ast_Call_func(call)->start);
	if (found.count && found.symbols[0]->bindings &&
		found.symbols[0]->bindings->kind == BIND_DEF)
		function = found.symbols[0]->bindings->node;
	if (!function || found.symbols[0]->returned == flow->question)
		return;
	found.symbols[0]->returned = flow->question;
	if (ast_walk_init(&walk, function) < 0)
		return;
	while ((event = ast_walk_next(&walk)) != AST_WALK_END && flow->steps && !flow->found) {
		flow->steps--;
		if (event == AST_WALK_ENTER && walk.node->kind == AST_Return &&
			ast_Return_value(walk.node)) {
			const struct ast_node *value = ast_Return_value(walk.node);
			uint32_t inner = names_scope_of(&flow->screen->names, function);

			trace(flow, inner, value, depth);
		}
	}
}

static void trace_call(
	struct flow *flow, uint32_t scope, const struct ast_node *node, unsigned depth)
{
	const struct ast_node *func = ast_Call_func(node);
	bool made = flow->text_made;

	/* Text that a method makes of constants and that could not be worked out. */
	if (func->kind == AST_Attribute) {
		flow->text_made = true;
		trace(flow, scope, ast_Attribute_value(func), depth);
		trace_list(flow, scope, ast_Call_args(node), depth);
		flow->text_made = made;
	} else {
		/* dir(x): names of any kind. */
		if (func->kind == AST_Name && str_is(*ast_Name_id(func), "dir") &&
			screen_is_builtin(flow->screen, scope, func))
			flow->opaque = flow->parameter = true;
		trace_returns(flow, scope, node, depth);
		trace_list(flow, scope, ast_Call_args(node), depth);
		for (uint32_t i = 0; i < ast_Call_keywords(node)->count && flow->steps; i++)
			trace(flow, scope, ast_keyword_value(ast_Call_keywords(node)->items[i]),
				depth);
	}
}

static void test(struct flow *flow, struct fold value)
{
	if (value.kind == FOLD_LIST) {
		for (uint32_t i = 0; i < value.count && !flow->found; i++)
			test(flow, value.items[i]);
		return;
	}
	if (value.kind != FOLD_STR && value.kind != FOLD_BYTES && value.kind != FOLD_PATH)
		return;
	if (flow->text_made)
		flow->opaque = true;
	if (flow->bad(flow, value.text)) {
		flow->found = true;
		flow->text = value.text;
	}
}

/* Where the variables of a comprehension are. */
static uint32_t inner_scope(const struct flow *flow, const struct ast_node *comprehension)
{
	return names_scope_of(&flow->screen->names, comprehension);
}

static void trace_parts(
	struct flow *flow, uint32_t scope, const struct ast_node *node, unsigned depth)
{
	switch (node->kind) {
	case AST_Attribute: {
		struct symbol *own = names_own(&flow->screen->names, ast_Attribute_attr(node));

		if (own)
			trace_symbol(flow, own, depth);
		break;
	}
	case AST_BinOp:
		trace(flow, scope, ast_BinOp_left(node), depth);
		if (!flow->prefix)
			trace(flow, scope, ast_BinOp_right(node), depth);
		break;
	case AST_JoinedStr:
		if (!flow->prefix)
			trace_list(flow, scope, ast_JoinedStr_values(node), depth);
		else if (ast_JoinedStr_values(node)->count)
			trace(flow, scope, ast_JoinedStr_values(node)->items[0], depth);
		break;
	case AST_FormattedValue:
		trace(flow, scope, ast_FormattedValue_value(node), depth);
		break;
	case AST_IfExp:
		trace(flow, scope, ast_IfExp_body(node), depth);
		trace(flow, scope, ast_IfExp_orelse(node), depth);
		break;
	case AST_BoolOp:
		trace_list(flow, scope, ast_BoolOp_values(node), depth);
		break;
	case AST_Subscript:
		trace(flow, scope, ast_Subscript_value(node), depth);
		break;
	case AST_NamedExpr:
		trace(flow, scope, ast_NamedExpr_value(node), depth);
		break;
	case AST_Starred:
		trace(flow, scope, ast_Starred_value(node), depth);
		break;
	case AST_Await:
		trace(flow, scope, ast_Await_value(node), depth);
		break;
	case AST_Tuple:
		trace_list(flow, scope, ast_Tuple_elts(node), depth);
		break;
	case AST_List:
		trace_list(flow, scope, ast_List_elts(node), depth);
		break;
	case AST_Set:
		trace_list(flow, scope, ast_Set_elts(node), depth);
		break;
	case AST_Dict:
		trace_list(flow, scope, ast_Dict_keys(node), depth);
		trace_list(flow, scope, ast_Dict_values(node), depth);
		break;
	case AST_ListComp:
		trace(flow, inner_scope(flow, node), ast_ListComp_elt(node), depth);
		break;
	case AST_SetComp:
		trace(flow, inner_scope(flow, node), ast_SetComp_elt(node), depth);
		break;
	case AST_GeneratorExp:
		trace(flow, inner_scope(flow, node), ast_GeneratorExp_elt(node), depth);
		break;
	case AST_DictComp:
		trace(flow, inner_scope(flow, node), ast_DictComp_key(node), depth);
		trace(flow, inner_scope(flow, node), ast_DictComp_value(node), depth);
		break;
	default:
		break;
	}
}

static void trace(struct flow *flow, uint32_t scope, const struct ast_node *node, unsigned depth)
{
	struct fold value;

	if (!depth || !flow->steps || flow->found)
		return;
	flow->steps--;
	flow->screen->budget = 400;
	if (flow->each)
		flow->each(flow, scope, node);
	if (node->kind == AST_Name) {
		trace_name(flow, scope, node, depth - 1);
		return;
	}
	value = screen_fold(flow->screen, scope, node);
	if (value.kind != FOLD_NONE)
		test(flow, value);
	else if (node->kind == AST_Call)
		trace_call(flow, scope, node, depth - 1);
	else
		trace_parts(flow, scope, node, depth - 1);
}

void flow_ask(struct flow *flow, enum flow_question kind, flow_text_test *bad, flow_node_test *each)
{
	/* What led to nothing for one use leads to nothing for the next, if it is asked the same.
	 */
	if (flow->kind != kind || flow->found || flow->opaque || each)
		flow->question++;
	flow->kind = kind;
	flow->bad = bad;
	flow->each = each;
	flow->prefix = kind == FLOW_PATHS;
}

bool flow_reaches(struct flow *flow, uint32_t scope, const struct ast_node *node)
{
	flow->found = flow->opaque = flow->text_made = flow->parameter = false;
	trace(flow, scope, node, FLOW_DEPTH);
	return flow->found;
}
