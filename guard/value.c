/*
 * What an expression may be worth, as far as it matters: modules, their members, builtins.
 */
#include "guard/screen.h"

static void add_value(struct values *values, struct value value)
{
	for (uint32_t i = 0; i < values->count; i++)
		if (values->items[i].kind == value.kind &&
			str_eq(values->items[i].path, value.path))
			return;
	if (values->count < VALUES_MAX) {
		values->items[values->count++] = value;
		return;
	}
	/* Modules and builtins push out what tells less; past all places they are lost. */
	for (uint32_t i = 0; i < VALUES_MAX && value.kind <= VALUE_BUILTIN; i++)
		if (values->items[i].kind > VALUE_BUILTIN) {
			values->items[i] = value;
			return;
		}
	values->lost |= value.kind <= VALUE_BUILTIN;
}

static void add(struct values *values, enum value_kind kind, struct str path)
{
	add_value(values, (struct value){.kind = kind, .path = path});
}

bool screen_may_be(const struct values *values, enum value_kind kind, const char *path)
{
	for (uint32_t i = 0; i < values->count; i++)
		if (values->items[i].kind == kind && (!path || str_is(values->items[i].path, path)))
			return true;
	return false;
}

static struct str joined(struct screen *screen, struct str a, struct str b)
{
	char *text = arena_alloc(screen->arena, a.len + b.len + 2);

	if (!text) {
		screen->failed = true;
		return STR("");
	}
	memcpy(text, a.ptr, a.len);
	text[a.len] = '.';
	memcpy(text + a.len + 1, b.ptr, b.len);
	return str_from(text, a.len + b.len + 1);
}

#define MEMBERS_LEAST 16
#define MEMBERS_MOST  2048
#define MEMBER_STEPS  6

int screen_members_init(struct screen *screen)
{
	uint32_t size = MEMBERS_LEAST;

	while (size < MEMBERS_MOST && size < screen->names.tree->count)
		size *= 2;
	screen->members = arena_array(screen->arena, size, sizeof(struct member *));
	screen->member_mask = size - 1;
	return screen->members ? 0 : -1;
}

/* Where a member is remembered, or can be; NULL: there is no room for it. */
static struct member **member_place(struct screen *screen, struct str module, struct str name)
{
	/* By where the texts lie: most are those of the tree. Others are found less often. */
	uint64_t hash = ((uintptr_t)module.ptr * 0x9e3779b97f4a7c15u ^ (uintptr_t)name.ptr) *
			0xd6e8feb86659fd93u;

	for (uint32_t i = 0; i < MEMBER_STEPS; i++) {
		struct member **place = &screen->members[((hash >> 40) + i) & screen->member_mask];

		if (!*place || ((*place)->module_bytes == module.len &&
				       (*place)->key.len == module.len + 1 + name.len &&
				       memcmp((*place)->key.ptr, module.ptr, module.len) == 0 &&
				       memcmp((*place)->key.ptr + module.len + 1, name.ptr,
					       name.len) == 0))
			return place;
	}
	return NULL;
}

static struct value find_member(struct str module, struct str name, struct str path)
{
	const struct known_module *known;

	if (known_module_exact(path))
		return (struct value){.kind = VALUE_MODULE, .path = path};
	known = known_module(module);
	if (known && known_reexport(module, name))
		return (struct value){.kind = VALUE_MODULE, .path = name};
	return (struct value){.kind = VALUE_MEMBER, .path = path};
}

struct value screen_member(struct screen *screen, struct str module, struct str name)
{
	struct member **place, *member;
	struct str path;

	if (str_is(module, "builtins"))
		return (struct value){.kind = VALUE_BUILTIN, .path = name};
	/* Past such a length nothing known begins with it, and paths must not grow with chains. */
	if (module.len > 200 || name.len > 200)
		return (struct value){.kind = VALUE_MEMBER, .path = module};
	place = module.len && name.len ? member_place(screen, module, name) : NULL;
	if (place && *place)
		return (*place)->value;
	path = joined(screen, module, name);
	member = place && path.len ? arena_new_object(screen->arena, struct member) : NULL;
	if (!member)
		return find_member(module, name, path);
	/* Its own text, for that of the caller may not last. */
	*member = (struct member){.key = path, .module_bytes = module.len};
	member->value = find_member(
		module, str_from(path.ptr + module.len + 1, path.len - module.len - 1), path);
	member->value.member = member;
	*place = member;
	return member->value;
}

bool screen_member_plain(struct screen *screen, const struct value *value, uint8_t question,
	bool (*is_plain)(struct screen *screen, const struct value *value))
{
	struct member *member = value->member;

	if (!member)
		return is_plain(screen, value);
	if (!(member->asked & question)) {
		member->asked |= question;
		if (is_plain(screen, value))
			member->plain |= question;
	}
	return member->plain & question;
}

static void add_import(struct screen *screen, const struct binding *binding, struct values *values)
{
	struct str name = *ast_alias_name(binding->node);
	const struct str *module;
	const char *dot;

	if (binding->kind == BIND_FROM) {
		struct value value;

		module = ast_ImportFrom_module(binding->statement);
		if (!module || ast_ImportFrom_level(binding->statement) > 0)
			return;
		value = screen_member(screen, *module, name);
		add_value(values, value);
		return;
	}
	dot = memchr(name.ptr, '.', name.len);
	if (dot && !ast_alias_asname(binding->node))
		name.len = (size_t)(dot - name.ptr);
	add(values, VALUE_MODULE, name);
}

static void add_items(
	struct screen *screen, const struct binding *binding, unsigned depth, struct values *values)
{
	const struct ast_list *elts = binding->node->kind == AST_Tuple
					      ? ast_Tuple_elts(binding->node)
					      : ast_List_elts(binding->node);

	for (uint32_t i = 0; i < elts->count && i < VALUES_MAX; i++)
		screen_evaluate(screen, binding->scope, elts->items[i], depth - 1, values);
}

static void add_binding(
	struct screen *screen, const struct binding *binding, unsigned depth, struct values *values)
{
	switch (binding->kind) {
	case BIND_IMPORT:
	case BIND_FROM:
		add_import(screen, binding, values);
		break;
	case BIND_VALUE:
		screen_evaluate(screen, binding->scope, binding->node, depth - 1, values);
		break;
	case BIND_WITH:
		if (binding->node->kind == AST_Call)
			screen_evaluate(screen, binding->scope, binding->node, depth - 1, values);
		break;
	case BIND_EACH:
		/* for mod in (gzip, bz2) */
		if (binding->node->kind == AST_Tuple || binding->node->kind == AST_List)
			add_items(screen, binding, depth, values);
		break;
	case BIND_PARAM:
		if (binding->statement)
			screen_evaluate(
				screen, binding->scope, binding->statement, depth - 1, values);
		break;
	case BIND_DEF:
		add(values, VALUE_FUNCTION, STR(""));
		break;
	case BIND_CLASS:
		add(values, VALUE_CLASS, STR(""));
		break;
	case BIND_EXCEPT:
		add(values, VALUE_EXCEPTION, STR(""));
		break;
	default:
		break;
	}
}

void screen_binding_values(
	struct screen *screen, const struct binding *binding, struct values *values)
{
	add_binding(screen, binding, SCREEN_DEPTH, values);
}

/* What imports of all names may bind, those after what is certain to have been bound before. */
static void add_stars(struct screen *screen, struct str name, uint32_t from, struct values *values)
{
	for (uint32_t i = 0; i < screen->names.star_count && screen->budget; i++) {
		const struct str *module = ast_ImportFrom_module(screen->names.stars[i]);
		struct value value;

		screen->budget--;
		if (screen->names.stars[i]->start < from || !module || !known_module(*module))
			continue;
		value = screen_member(screen, *module, name);
		add_value(values, value);
	}
}

uint32_t screen_star_from(const struct resolution *found)
{
	for (uint32_t i = 0; i < found->count; i++)
		if (found->symbols[i]->scope)
			return UINT32_MAX;
	return !found->count || found->symbols[0]->certain_from == UINT32_MAX
		       ? 0
		       : found->symbols[0]->certain_from;
}

static void evaluate_name(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values)
{
	const struct str *name = ast_Name_id(node);
	struct resolution found = names_resolve(&screen->names, scope, name, node->start);

	for (uint32_t i = 0; i < found.count; i++) {
		const struct binding *binding = found.symbols[i]->bindings;

		if (found.symbols[i]->busy)
			continue;
		found.symbols[i]->busy = true;
		for (; binding && screen->budget; binding = binding->next) {
			screen->budget--;
			add_binding(screen, binding, depth, values);
		}
		found.symbols[i]->busy = false;
	}
	if (found.builtin && known_builtin(*name) != BUILTIN_NONE)
		add(values, VALUE_BUILTIN, *name);
	if (screen->names.star_count && known_builtin(*name) == BUILTIN_NONE)
		add_stars(screen, *name, screen_star_from(&found), values);
}

/* Objects whose type is a road: files open others, functions are made of code. */
static void add_type(const struct values *base, struct values *values)
{
	for (uint32_t i = 0; i < base->count; i++) {
		const struct value *value = &base->items[i];

		if (value->kind == VALUE_FUNCTION)
			add(values, VALUE_MEMBER, STR("types.FunctionType"));
		else if ((value->kind == VALUE_MEMBER && str_starts(value->path, STR("sys.std"))) ||
			 (value->kind == VALUE_RESULT && str_starts(value->path, STR("open"))))
			add(values, VALUE_MEMBER, STR("io.FileIO"));
		else if (value->kind == VALUE_RESULT &&
			 (str_is(value->path, "pathlib.Path") ||
				 str_is(value->path, "pathlib.PosixPath")))
			add(values, VALUE_MEMBER, value->path);
	}
	add(values, VALUE_TYPE, STR(""));
}

static void evaluate_attribute(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values)
{
	struct values base;
	struct str name = *ast_Attribute_attr(node);

	values_clear(&base);
	screen_evaluate(screen, scope, ast_Attribute_value(node), depth - 1, &base);
	for (uint32_t i = 0; i < base.count; i++) {
		struct value value = base.items[i];

		if (value.kind == VALUE_MODULE || value.kind == VALUE_MEMBER) {
			value = screen_member(screen, value.path, name);
			add_value(values, value);
		} else if (value.kind == VALUE_DYNAMIC || value.kind == VALUE_TYPE) {
			add_value(values, value);
		} else if (value.kind == VALUE_RESULT) {
			value = screen_member(screen, value.path, name);
			value.kind = VALUE_RESULT;
			add_value(values, value);
		}
	}
	if (str_is(name, "__class__"))
		add_type(&base, values);
}

static void evaluate_getattr(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values)
{
	const struct ast_list *args = ast_Call_args(node);
	struct values base;
	struct fold name;

	values_clear(&base);
	if (args->count < 2) {
		add(values, VALUE_DYNAMIC, STR(""));
		return;
	}
	name = screen_fold(screen, scope, args->items[1]);
	screen_evaluate(screen, scope, args->items[0], depth - 1, &base);
	if (name.kind != FOLD_STR) {
		add(values, VALUE_DYNAMIC, STR(""));
		return;
	}
	for (uint32_t i = 0; i < base.count; i++) {
		struct value value = base.items[i];

		if (value.kind == VALUE_MODULE || value.kind == VALUE_MEMBER) {
			value = screen_member(screen, value.path, name.text);
			add_value(values, value);
		}
	}
}

static void evaluate_type(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values)
{
	struct values base;

	values_clear(&base);
	if (ast_Call_args(node)->count == 1)
		screen_evaluate(screen, scope, ast_Call_args(node)->items[0], depth - 1, &base);
	add_type(&base, values);
}

static void evaluate_call(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values)
{
	struct values callee;

	values_clear(&callee);
	screen_evaluate(screen, scope, ast_Call_func(node), depth - 1, &callee);
	for (uint32_t i = 0; i < callee.count; i++) {
		const struct value *value = &callee.items[i];

		if (value->kind == VALUE_BUILTIN && str_is(value->path, "getattr"))
			evaluate_getattr(screen, scope, node, depth, values);
		else if (value->kind == VALUE_BUILTIN && str_is(value->path, "type"))
			evaluate_type(screen, scope, node, depth, values);
		else if (value->kind == VALUE_BUILTIN && str_is(value->path, "open"))
			add(values, VALUE_RESULT, STR("open"));
		else if (value->kind == VALUE_MEMBER || value->kind == VALUE_RESULT)
			add_value(values, (struct value){VALUE_RESULT, value->path, value->member});
	}
}

void screen_evaluate(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values)
{
	/* The rest of a long chain of calls tells nothing; names, and choices of them, do. */
	if (depth == 0 && node->kind != AST_Call && node->kind != AST_Attribute)
		screen->lost = true;
	if (depth == 0 || !screen->budget)
		return;
	screen->budget--;
	switch (node->kind) {
	case AST_Name:
		evaluate_name(screen, scope, node, depth, values);
		break;
	case AST_Attribute:
		evaluate_attribute(screen, scope, node, depth, values);
		break;
	case AST_Call:
		evaluate_call(screen, scope, node, depth, values);
		break;
	case AST_NamedExpr:
		screen_evaluate(screen, scope, ast_NamedExpr_value(node), depth - 1, values);
		break;
	case AST_IfExp:
		screen_evaluate(screen, scope, ast_IfExp_body(node), depth - 1, values);
		screen_evaluate(screen, scope, ast_IfExp_orelse(node), depth - 1, values);
		break;
	case AST_BoolOp:
		for (uint32_t i = 0; i < ast_BoolOp_values(node)->count; i++)
			screen_evaluate(screen, scope, ast_BoolOp_values(node)->items[i], depth - 1,
				values);
		break;
	case AST_Lambda:
	case AST_GeneratorExp:
		add(values, VALUE_FUNCTION, STR(""));
		break;
	case AST_Constant:
		/* None is a start value, not a road. */
		if (ast_Constant_type(node) == AST_CONST_NONE)
			break;
		add(values, VALUE_LITERAL, STR(""));
		break;
	case AST_JoinedStr:
	case AST_Tuple:
	case AST_List:
	case AST_Dict:
	case AST_Set:
		add(values, VALUE_LITERAL, STR(""));
		break;
	default:
		break;
	}
	screen->lost |= values->lost;
}
