/*
 * Scopes and bindings (guard/names.h). The rules of scoping: the Python language reference, "Naming
 * and binding"; PEP 572 (walrus), PEP 695 (type parameters: taken as names of what they belong to).
 */
#include "guard/names.h"

#include "parser/walk.h"

#define NO_SCOPE UINT32_MAX

bool names_opens_scope(const struct ast_node *node)
{
	switch (node->kind) {
	case AST_Module:
	case AST_FunctionDef:
	case AST_AsyncFunctionDef:
	case AST_Lambda:
	case AST_ClassDef:
	case AST_ListComp:
	case AST_SetComp:
	case AST_DictComp:
	case AST_GeneratorExp:
		return true;
	default:
		return false;
	}
}

/* The next larger array with the old items in it; NULL without memory. */
static void *grown(
	struct arena *arena, const void *items, uint32_t *capacity, uint32_t least, size_t size)
{
	uint32_t more = *capacity ? *capacity * 2 : least;
	void *array = arena_array(arena, more, size);

	if (array && *capacity)
		memcpy(array, items, *capacity * size);
	if (array)
		*capacity = more;
	return array;
}

static struct symbol **slot_of(const struct names *names, uint32_t scope, const struct str *name)
{
	uint64_t hash = (ast_name_of(name)->hash + scope) * 0x9e3779b97f4a7c15u;
	uint32_t at = (uint32_t)(hash >> 32) & (names->table_size - 1);

	while (names->table[at] &&
		(names->table[at]->scope != scope || names->table[at]->name != name))
		at = (at + 1) & (names->table_size - 1);
	return &names->table[at];
}

struct symbol *names_symbol(const struct names *names, uint32_t scope, const struct str *name)
{
	return *slot_of(names, scope, name);
}

static int widen_table(struct names *names)
{
	struct symbol **old = names->table;
	uint32_t old_size = names->table_size;

	names->table_size = old_size ? old_size * 2 : 64;
	names->table = arena_array(names->arena, names->table_size, sizeof(*names->table));
	if (!names->table)
		return -1;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i])
			*slot_of(names, old[i]->scope, old[i]->name) = old[i];
	return 0;
}

/* The symbol of a name in just this scope, made where there is none; NULL without memory. */
static struct symbol *own_symbol(struct names *names, uint32_t scope, const struct str *name)
{
	struct symbol **slot;

	if (names->symbol_count * 2 >= names->table_size && widen_table(names) < 0)
		return NULL;
	slot = slot_of(names, scope, name);
	if (!*slot) {
		struct symbol *symbol = arena_new_object(names->arena, struct symbol);

		if (!symbol)
			return NULL;
		*symbol = (struct symbol){.name = name, .scope = scope, .certain_from = UINT32_MAX};
		*slot = symbol;
		names->symbol_count++;
	}
	return *slot;
}

/* What global and nonlocal make of a name: the symbol that is bound in fact. */
static struct symbol *bound_symbol(struct names *names, uint32_t scope, const struct str *name)
{
	struct symbol *symbol = own_symbol(names, scope, name);

	if (!symbol || scope == 0 || (!symbol->global && !symbol->nonlocal))
		return symbol;
	if (symbol->global)
		return own_symbol(names, 0, name);
	do
		scope = names->scopes[scope].parent;
	while (scope && names->scopes[scope].kind != SCOPE_FUNCTION);
	return own_symbol(names, scope, name);
}

struct bind {
	enum bind_kind kind;
	uint32_t scope;
	const struct str *name;
	const struct ast_node *node;
	const struct ast_node *statement;
	uint32_t start;
	bool certain;
};

/* What a binding may make of a name, as far as that is a module, a member of one or a builtin. */
static int note_speaker(struct names *names, const struct bind *what)
{
	const struct ast_list *items;

	switch (what->kind) {
	case BIND_IMPORT:
	case BIND_FROM:
		names_facts(names, what->name)->speaks = true;
		return 0;
	case BIND_VALUE:
		return names_note_value(names, what->name, what->node);
	case BIND_WITH:
		return what->node->kind == AST_Call
			       ? names_note_value(names, what->name, what->node)
			       : 0;
	case BIND_PARAM:
		return what->statement ? names_note_value(names, what->name, what->statement) : 0;
	case BIND_EACH: /* for module in (gzip, bz2) */
		if (what->node->kind != AST_Tuple && what->node->kind != AST_List)
			return 0;
		items = what->node->kind == AST_Tuple ? ast_Tuple_elts(what->node)
						      : ast_List_elts(what->node);
		for (uint32_t i = 0; i < items->count && i < 16; i++)
			if (names_note_value(names, what->name, items->items[i]) < 0)
				return -1;
		return 0;
	default:
		return 0;
	}
}

static int bind(struct names *names, struct bind what)
{
	struct symbol *symbol;
	struct binding *binding;

	if (note_speaker(names, &what) < 0)
		return -1;
	symbol = bound_symbol(names, what.scope, what.name);
	binding = arena_new_object(names->arena, struct binding);
	if (!symbol || !binding)
		return -1;
	*binding = (struct binding){.next = symbol->bindings,
		.node = what.node,
		.statement = what.statement,
		.start = what.start,
		.scope = what.scope,
		.kind = (uint8_t)what.kind,
		.certain = what.certain && symbol->scope == what.scope};
	if (binding->certain && what.start < symbol->certain_from)
		symbol->certain_from = what.start;
	symbol->bindings = binding;
	symbol->count++;
	return 0;
}

static void set_span(struct scope *scope, const struct ast_list *body)
{
	if (body->count) {
		scope->start = body->items[0]->start;
		scope->end = body->items[body->count - 1]->end;
		/* Decorators of the first statement stand before it. */
		if (body->items[0]->kind == AST_FunctionDef ||
			body->items[0]->kind == AST_AsyncFunctionDef ||
			body->items[0]->kind == AST_ClassDef) {
			const struct ast_node *first = body->items[0];
			const struct ast_list *decorators =
				first->kind == AST_FunctionDef
					? ast_FunctionDef_decorator_list(first)
				: first->kind == AST_ClassDef
					? ast_ClassDef_decorator_list(first)
					: ast_AsyncFunctionDef_decorator_list(first);

			if (decorators->count && decorators->items[0]->start < scope->start)
				scope->start = decorators->items[0]->start;
		}
	}
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

static void describe_scope(struct scope *scope, const struct ast_node *node)
{
	scope->owner = node;
	scope->start = node->start;
	scope->end = node->end;
	switch (node->kind) {
	case AST_Module:
		scope->kind = SCOPE_MODULE;
		scope->start = 0;
		scope->end = UINT32_MAX;
		break;
	case AST_FunctionDef:
		scope->kind = SCOPE_FUNCTION;
		set_span(scope, ast_FunctionDef_body(node));
		break;
	case AST_AsyncFunctionDef:
		scope->kind = SCOPE_FUNCTION;
		set_span(scope, ast_AsyncFunctionDef_body(node));
		break;
	case AST_ClassDef:
		scope->kind = SCOPE_CLASS;
		set_span(scope, ast_ClassDef_body(node));
		break;
	case AST_Lambda:
		scope->kind = SCOPE_FUNCTION;
		scope->start = ast_Lambda_body(node)->start;
		scope->end = ast_Lambda_body(node)->end;
		break;
	default: {
		const struct ast_node *first =
			ast_comprehension_iter(generators_of(node)->items[0]);

		scope->kind = SCOPE_COMPREHENSION;
		scope->hole_start = first->start;
		scope->hole_end = first->end;
		break;
	}
	}
}

static int add_scope(struct names *names, const struct ast_node *node, uint32_t parent)
{
	if (names->scope_count == names->scope_capacity) {
		names->scopes = grown(names->arena, names->scopes, &names->scope_capacity, 32,
			sizeof(*names->scopes));
		if (!names->scopes)
			return -1;
	}
	names->scopes[names->scope_count] = (struct scope){.parent = parent};
	describe_scope(&names->scopes[names->scope_count++], node);
	return 0;
}

uint32_t names_scope_at(const struct names *names, uint32_t scope, uint32_t offset)
{
	while (scope) {
		const struct scope *here = &names->scopes[scope];

		if (offset >= here->start && offset < here->end &&
			(offset < here->hole_start || offset >= here->hole_end))
			break;
		scope = here->parent;
	}
	return scope;
}

const struct ast_node *names_parent(const struct names *names, uint32_t visit, uint32_t up)
{
	while (up-- && visit != UINT32_MAX)
		visit = names->visits[visit].parent;
	return visit == UINT32_MAX ? NULL : names->visits[visit].node;
}

/* The default of a parameter, by which of the three lists it is in; NULL: none. */
static const struct ast_node *default_of(const struct ast_node *args, size_t which, uint32_t index)
{
	const struct ast_list *defaults = ast_arguments_defaults(args);
	uint32_t count = ast_arguments_posonlyargs(args)->count + ast_arguments_args(args)->count;

	if (which == 2)
		return ast_arguments_kw_defaults(args)->items[index];
	if (which == 1)
		index += ast_arguments_posonlyargs(args)->count;
	return index + defaults->count >= count ? defaults->items[index + defaults->count - count]
						: NULL;
}

static int bind_parameters(struct names *names, uint32_t scope, const struct ast_node *args)
{
	const struct ast_list *lists[] = {ast_arguments_posonlyargs(args), ast_arguments_args(args),
		ast_arguments_kwonlyargs(args)};
	const struct ast_node *singles[] = {ast_arguments_vararg(args), ast_arguments_kwarg(args)};
	struct bind what = {.kind = BIND_PARAM, .scope = scope, .certain = true};

	for (size_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < lists[i]->count; k++) {
			what.node = lists[i]->items[k];
			what.name = ast_arg_arg(what.node);
			what.statement = default_of(args, i, k);
			if (bind(names, what) < 0)
				return -1;
		}
	for (size_t i = 0; i < 2; i++) {
		if (!singles[i])
			continue;
		what.node = singles[i];
		what.statement = NULL;
		what.kind = BIND_OTHER;
		what.name = ast_arg_arg(what.node);
		if (bind(names, what) < 0)
			return -1;
	}
	return 0;
}

/* Where the walk stands. */
struct collector {
	struct names *names;
	const struct ast_walk *walk;
	uint32_t *numbers; /* of the visits on the way down to where it stands */
	uint32_t scope;    /* the innermost one open */
};

static uint32_t scope_here(const struct collector *collector, uint32_t offset)
{
	return names_scope_at(collector->names, collector->scope, offset);
}

/* Whether the statement around walk.node (up levels above it) always runs when its scope does. */
static bool always_runs(const struct collector *collector, uint32_t up)
{
	const struct ast_node *parent = ast_walk_parent(collector->walk, up + 1);

	return parent &&
	       (parent->kind == AST_Module || parent->kind == AST_ClassDef ||
		       parent->kind == AST_FunctionDef || parent->kind == AST_AsyncFunctionDef);
}

/* A Name that is stored to: what it gets depends on what it stands in. */
static struct bind describe_store(const struct collector *collector, const struct ast_node *node)
{
	const struct ast_node *parent = ast_walk_parent(collector->walk, 1);
	const struct ast_node *above = ast_walk_parent(collector->walk, 2);
	struct bind what = {.kind = BIND_OTHER, .name = ast_Name_id(node), .start = node->end};
	uint32_t index = 0;

	what.scope = scope_here(collector, node->start);
	ast_walk_field(collector->walk, &index);
	switch (parent->kind) {
	case AST_Assign:
		what.kind = BIND_VALUE;
		what.node = ast_Assign_value(parent);
		what.start = parent->end;
		what.certain = always_runs(collector, 1);
		break;
	case AST_AnnAssign:
		what.kind = BIND_VALUE;
		what.node = ast_AnnAssign_value(parent);
		what.start = parent->end;
		what.certain = what.node && always_runs(collector, 1);
		break;
	case AST_NamedExpr:
		what.kind = BIND_VALUE;
		what.node = ast_NamedExpr_value(parent);
		break;
	case AST_Tuple:
	case AST_List: {
		const struct ast_list *elts =
			parent->kind == AST_Tuple ? ast_Tuple_elts(parent) : ast_List_elts(parent);

		if (above && (above->kind == AST_For || above->kind == AST_comprehension))
			what.node = above->kind == AST_For ? ast_For_iter(above)
							   : ast_comprehension_iter(above);
		if (!above || above->kind != AST_Assign)
			break;
		what.start = above->end;
		what.certain = always_runs(collector, 2);
		parent = ast_Assign_value(above);
		what.node = parent;
		if (parent->kind == AST_Tuple && ast_Tuple_elts(parent)->count == elts->count) {
			what.kind = BIND_VALUE;
			what.node = ast_Tuple_elts(parent)->items[index];
			for (uint32_t i = 0; i < elts->count; i++)
				if (elts->items[i]->kind == AST_Starred ||
					ast_Tuple_elts(parent)->items[i]->kind == AST_Starred)
					what.kind = BIND_OTHER;
		}
		break;
	}
	case AST_AugAssign:
		what.node = ast_AugAssign_value(parent);
		break;
	case AST_For:
		what.kind = BIND_EACH;
		what.node = ast_For_iter(parent);
		break;
	case AST_comprehension:
		what.kind = BIND_EACH;
		what.node = ast_comprehension_iter(parent);
		what.statement = parent;
		break;
	case AST_withitem:
		what.kind = BIND_WITH;
		what.node = ast_withitem_context_expr(parent);
		break;
	default:
		break;
	}
	return what;
}

static int collect_name(struct collector *collector, const struct ast_node *node)
{
	struct names *names = collector->names;
	struct bind what;
	struct symbol *symbol;

	switch (ast_Name_ctx(node)) {
	case AST_LOAD:
		return 0;
	case AST_DEL:
		symbol = bound_symbol(names, scope_here(collector, node->start), ast_Name_id(node));
		if (!symbol)
			return -1;
		symbol->deleted = true;
		return 0;
	default:
		break;
	}
	what = describe_store(collector, node);
	if (ast_walk_parent(collector->walk, 1)->kind == AST_NamedExpr)
		while (names->scopes[what.scope].kind == SCOPE_COMPREHENSION)
			what.scope = names->scopes[what.scope].parent;
	/* An annotation alone binds nothing, but makes a local of the name in a function. */
	if (what.kind == BIND_VALUE && !what.node) {
		if (names->scopes[what.scope].kind != SCOPE_FUNCTION)
			return 0;
		what.kind = BIND_OTHER;
	}
	return bind(names, what);
}

static const struct str *first_part(struct names *names, const struct str *dotted, bool *ret_dotted)
{
	const char *dot = memchr(dotted->ptr, '.', dotted->len);

	*ret_dotted = dot != NULL;
	return dot ? ast_name_find(names->tree, str_from(dotted->ptr, (size_t)(dot - dotted->ptr)))
		   : dotted;
}

static void note_module(struct names *names, struct str module)
{
	static const char *const holders[] = {"os", "os.path", "pathlib", "posixpath", "tempfile"};

	names->has_pathlib |= str_is(module, "pathlib");
	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
		names->has_paths |= str_is(module, holders[i]);
}

/* `import a.b` binds `a`. */
static int collect_import(struct collector *collector, const struct ast_node *node)
{
	struct bind what = {.kind = BIND_IMPORT,
		.scope = scope_here(collector, node->start),
		.start = node->end,
		.certain = always_runs(collector, 0)};
	const struct ast_list *list = ast_Import_names(node);

	for (uint32_t i = 0; i < list->count; i++) {
		bool dotted = false;

		what.node = list->items[i];
		note_module(collector->names, *ast_alias_name(what.node));
		what.name = ast_alias_asname(what.node);
		if (!what.name)
			what.name =
				first_part(collector->names, ast_alias_name(what.node), &dotted);
		if (!what.name)
			return -1;
		/* A statement tells that only the first part is bound. */
		what.statement = dotted ? node : NULL;
		if (bind(collector->names, what) < 0)
			return -1;
	}
	return 0;
}

static int add_star(struct names *names, const struct ast_node *node)
{
	if (names->star_count == names->star_capacity) {
		names->stars = grown(names->arena, names->stars, &names->star_capacity, 8,
			sizeof(*names->stars));
		if (!names->stars)
			return -1;
	}
	names->stars[names->star_count++] = node;
	return 0;
}

static int collect_import_from(struct collector *collector, const struct ast_node *node)
{
	struct bind what = {.kind = BIND_FROM,
		.statement = node,
		.scope = scope_here(collector, node->start),
		.start = node->end,
		.certain = always_runs(collector, 0)};
	const struct ast_list *list = ast_ImportFrom_names(node);

	if (ast_ImportFrom_module(node))
		note_module(collector->names, *ast_ImportFrom_module(node));
	for (uint32_t i = 0; i < list->count; i++) {
		what.node = list->items[i];
		what.name = ast_alias_asname(what.node) ? ast_alias_asname(what.node)
							: ast_alias_name(what.node);
		if (str_is(*what.name, "*")) {
			if (add_star(collector->names, node) < 0)
				return -1;
			continue;
		}
		if (bind(collector->names, what) < 0)
			return -1;
	}
	return 0;
}

static int declare(struct collector *collector, const struct ast_node *node)
{
	bool global = node->kind == AST_Global;
	const struct ast_names *list = global ? ast_Global_names(node) : ast_Nonlocal_names(node);
	uint32_t scope = scope_here(collector, node->start);

	for (uint32_t i = 0; i < list->count && scope; i++) {
		struct symbol *symbol = own_symbol(collector->names, scope, list->items[i]);

		if (!symbol)
			return -1;
		symbol->global = global;
		symbol->nonlocal = !global;
	}
	return 0;
}

static int collect_plain(struct collector *collector, const struct ast_node *node,
	const struct str *name, enum bind_kind kind)
{
	struct bind what = {.kind = kind,
		.node = node,
		.name = name,
		.scope = scope_here(collector, node->start),
		.start = node->end};

	if (kind == BIND_DEF || kind == BIND_CLASS)
		what.certain = always_runs(collector, 0);
	return name ? bind(collector->names, what) : 0;
}

static int collect_handler(struct collector *collector, const struct ast_node *node)
{
	const struct str *name = ast_ExceptHandler_name(node);
	struct symbol *symbol;

	if (!name)
		return 0;
	symbol = bound_symbol(collector->names, scope_here(collector, node->start), name);
	if (!symbol)
		return -1;
	symbol->deleted = true;
	return collect_plain(collector, node, name, BIND_EXCEPT);
}

static int bind_type_parameter(struct collector *collector, const struct str *name)
{
	struct bind what = {.kind = BIND_OTHER, .name = name, .certain = true};

	what.scope = collector->scope;
	return bind(collector->names, what);
}

static int open_scope(struct collector *collector, const struct ast_node *node)
{
	uint32_t scope = collector->names->scope_count;
	uint32_t parent = node->kind == AST_Module ? 0 : scope_here(collector, node->start);

	/* Names of a function are looked up from its body on, whatever stands before it. */
	if (node->kind != AST_Module && parent == scope)
		parent = 0;
	if (add_scope(collector->names, node, parent) < 0)
		return -1;
	collector->scope = scope;
	switch (node->kind) {
	case AST_FunctionDef:
		return bind_parameters(collector->names, scope, ast_FunctionDef_args(node));
	case AST_AsyncFunctionDef:
		return bind_parameters(collector->names, scope, ast_AsyncFunctionDef_args(node));
	case AST_Lambda:
		return bind_parameters(collector->names, scope, ast_Lambda_args(node));
	default:
		return 0;
	}
}

/* A binding that no lookup of a name finds: of an attribute of the program's own objects. */
static int bind_own(struct collector *collector, struct bind what, uint32_t scope)
{
	struct name_facts *facts = names_facts(collector->names, what.name);
	struct symbol *symbol = facts->own;
	struct binding *binding = arena_new_object(collector->names->arena, struct binding);

	if (!symbol) {
		facts->own = symbol = arena_new_object(collector->names->arena, struct symbol);
		if (!symbol)
			return -1;
		*symbol = (struct symbol){
			.name = what.name, .scope = NAMES_OWN, .certain_from = UINT32_MAX};
	}
	if (!binding)
		return -1;
	*binding = (struct binding){.next = symbol->bindings,
		.node = what.node,
		.start = what.start,
		.scope = scope,
		.kind = BIND_OTHER};
	symbol->bindings = binding;
	symbol->count++;
	return 0;
}

/* Attributes that the program gives its own objects: methods, class variables, self.x = ... */
static int collect_own(struct collector *collector, const struct ast_node *node)
{
	const struct ast_node *parent = ast_walk_parent(collector->walk, 1);
	struct bind what = {.kind = BIND_OTHER, .scope = NAMES_OWN, .start = node->end};

	if (node->kind == AST_Attribute && ast_Attribute_ctx(node) == AST_STORE)
		what.name = ast_Attribute_attr(node);
	else if (node->kind == AST_FunctionDef && parent->kind == AST_ClassDef)
		what.name = ast_FunctionDef_name(node);
	else if (node->kind == AST_AsyncFunctionDef && parent->kind == AST_ClassDef)
		what.name = ast_AsyncFunctionDef_name(node);
	else if (node->kind == AST_Name && ast_Name_ctx(node) == AST_STORE &&
		 (parent->kind == AST_AnnAssign || parent->kind == AST_Assign) &&
		 ast_walk_parent(collector->walk, 2)->kind == AST_ClassDef)
		what.name = ast_Name_id(node);
	if (!what.name)
		return 0;
	if (parent->kind == AST_Assign)
		what.node = ast_Assign_value(parent);
	else if (parent->kind == AST_AnnAssign)
		what.node = ast_AnnAssign_value(parent);
	return bind_own(collector, what, scope_here(collector, node->start));
}

static int collect(struct collector *collector, const struct ast_node *node)
{
	if ((node->kind == AST_Attribute || node->kind == AST_FunctionDef ||
		    node->kind == AST_AsyncFunctionDef || node->kind == AST_Name) &&
		collect_own(collector, node) < 0)
		return -1;
	switch (node->kind) {
	case AST_Name:
		return collect_name(collector, node);
	case AST_Import:
		return collect_import(collector, node);
	case AST_ImportFrom:
		return collect_import_from(collector, node);
	case AST_FunctionDef:
		return collect_plain(collector, node, ast_FunctionDef_name(node), BIND_DEF);
	case AST_AsyncFunctionDef:
		return collect_plain(collector, node, ast_AsyncFunctionDef_name(node), BIND_DEF);
	case AST_ClassDef:
		collector->names->has_metaclass |= ast_ClassDef_keywords(node)->count != 0;
		return collect_plain(collector, node, ast_ClassDef_name(node), BIND_CLASS);
	case AST_Global:
	case AST_Nonlocal:
		return declare(collector, node);
	case AST_ExceptHandler:
		return collect_handler(collector, node);
	case AST_MatchAs:
		return collect_plain(collector, node, ast_MatchAs_name(node), BIND_OTHER);
	case AST_MatchStar:
		return collect_plain(collector, node, ast_MatchStar_name(node), BIND_OTHER);
	case AST_MatchMapping:
		return collect_plain(collector, node, ast_MatchMapping_rest(node), BIND_OTHER);
	case AST_TypeVar:
		return bind_type_parameter(collector, ast_TypeVar_name(node));
	case AST_ParamSpec:
		return bind_type_parameter(collector, ast_ParamSpec_name(node));
	case AST_TypeVarTuple:
		return bind_type_parameter(collector, ast_TypeVarTuple_name(node));
	default:
		return 0;
	}
}

/* Where the walk has entered a node: it gets its number. */
static void add_visit(struct collector *collector)
{
	struct names *names = collector->names;
	uint32_t depth = collector->walk->depth - 1;

	collector->numbers[depth] = names->visit_count;
	names->visits[names->visit_count++] = (struct visit){
		.node = collector->walk->node,
		.parent = depth ? collector->numbers[depth - 1] : UINT32_MAX,
		.scope = collector->scope,
	};
}

static int walk_over(struct collector *collector, struct ast_walk *walk)
{
	enum ast_walk_event event;

	while ((event = ast_walk_next(walk)) != AST_WALK_END) {
		if (event == AST_WALK_LEAVE) {
			if (names_opens_scope(walk->node))
				collector->scope =
					collector->names->visits[collector->numbers[walk->depth]]
						.scope;
			continue;
		}
		add_visit(collector);
		if (collect(collector, walk->node) < 0)
			return -1;
		if (names_opens_scope(walk->node) && open_scope(collector, walk->node) < 0)
			return -1;
	}
	return 0;
}

int names_collect(struct names *names, struct arena *arena, const struct parse_result *tree)
{
	cleanup_ast_walk struct ast_walk walk = {0};
	struct collector collector = {.names = names, .walk = &walk};
	int code;

	*names = (struct names){.arena = arena,
		.tree = &tree->names,
		.facts = arena_array(arena, tree->names.count + 1u, sizeof(*names->facts)),
		.visits = arena_block(arena, NULL, tree->node_count * sizeof(struct visit)),
		.module = tree->module};
	if (!names->facts || !names->visits || widen_table(names) < 0 ||
		ast_walk_init(&walk, tree->module) < 0)
		return -1;
	walk.quick = true;
	collector.numbers = arena_block(
		arena, NULL, ((size_t)tree->module->height + 1) * sizeof(*collector.numbers));
	code = collector.numbers ? walk_over(&collector, &walk) : -1;
	arena_block_free(arena, collector.numbers);
	return code < 0 ? code : names_find_horizons(names);
}

void names_done(struct names *names)
{
	arena_block_free(names->arena, names->visits);
	names->visits = NULL;
}
