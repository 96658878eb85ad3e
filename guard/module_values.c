/*
 * Modules that stand as values: `rng=random`, `xp = np` on an object, `for mod in (gzip, bz2)`.
 *
 * Where a module goes from there is not followed. It is refused where anything that the program
 * reads of values, anywhere, would be refused of this module: then the two may meet. What is read
 * of names that only imports bind cannot be it and does not count. Modules of which only single
 * members are open are never values.
 */
#include "guard/screen.h"

#define MODULES_MAX 32

struct module_use {
	const struct ast_node *node;
	struct str path;
	bool found;
};

static void find_use(struct screen *screen, struct module_use *use, struct str why)
{
	if (use->found)
		return;
	use->found = true;
	if (why.len)
		guard_find(screen->sink, GUARD_RULE_MODULE_VALUE, use->node,
			"module '%.*s' is used as a value, and '.%.*s' is read of values",
			STR_ARG(use->path), STR_ARG(why));
	else
		guard_find(screen->sink, GUARD_RULE_MODULE_VALUE, use->node,
			"module '%.*s' is used as a value", STR_ARG(use->path));
}

/* Whether a policy lets a module be a value at all. */
static bool may_be_value(const struct screen *screen, struct str path)
{
	const struct known_module *known = known_module(path);

	if (screen->policy->level < GUARD_LEVEL_STANDARD)
		return false;
	return !known || known->level == MODULE_SAFE || known->level == MODULE_PLAIN;
}

void screen_module_use(struct screen *screen, const struct ast_node *node, struct str path)
{
	struct module_use use = {.node = node, .path = path};

	/* Of an annotation that is evaluated nobody knows who reads it. */
	if (!may_be_value(screen, path) || screen->sink->nested) {
		find_use(screen, &use, STR(""));
		return;
	}
	for (uint32_t i = 0; i < screen->module_count; i++)
		if (str_eq(screen->modules[i].path, path))
			return;
	if (screen->module_count == MODULES_MAX) {
		find_use(screen, &use, STR(""));
		return;
	}
	if (!screen->modules) {
		screen->modules = arena_array(screen->arena, MODULES_MAX, sizeof(use));
		if (!screen->modules) {
			screen->failed = true;
			return;
		}
	}
	screen->modules[screen->module_count++] = use;
}

void screen_note_read(struct screen *screen, struct str name)
{
	struct str *reads = screen_more(
		screen, screen->reads, screen->read_count, &screen->read_capacity, sizeof(*reads));

	if (!reads)
		return;
	screen->reads = reads;
	reads[screen->read_count++] = name;
}

void screen_note_locals(struct screen *screen, const struct ast_node *node)
{
	screen->locals = node;
}

/* All modules that the names of any function hold, once locals() is called somewhere. */
static void use_locals(struct screen *screen)
{
	for (uint32_t i = 0; i < screen->names.table_size; i++) {
		const struct symbol *symbol = screen->names.table[i];

		if (!symbol || symbol->scope >= screen->names.scope_count ||
			screen->names.scopes[symbol->scope].kind != SCOPE_FUNCTION)
			continue;
		for (const struct binding *b = symbol->bindings; b; b = b->next) {
			struct values values = {0};

			screen->budget = 400;
			screen_binding_values(screen, b, &values);
			for (uint32_t k = 0; k < values.count; k++)
				if (values.items[k].kind == VALUE_MODULE)
					screen_module_use(
						screen, screen->locals, values.items[k].path);
		}
	}
}

static bool is_private(struct str name)
{
	return name.len && name.ptr[0] == '_';
}

/* Whether an attribute of this name would be refused of the module. */
static bool leads(const struct screen *screen, const struct module_use *use, struct str name)
{
	const struct known_module *known = known_module(use->path);

	if (known_reexport(use->path, name))
		return !known_module(name) || !may_be_value(screen, name);
	if ((known_road(name) && !known_is_standard(use->path)) ||
		(known && known_module_lists(known, name)))
		return true;
	if (str_is(name, "__dict__"))
		return !known_whole(use->path);
	/* Of the standard library's modules all private members that lead on are known. */
	return is_private(name) && !is_dunder(name) && !known_private(name) &&
	       !screen_owns(screen, name) && (!known || !known_is_standard(use->path));
}

static void read_name(struct screen *screen, struct str name)
{
	for (uint32_t i = 0; i < screen->module_count; i++) {
		struct module_use *use = &screen->modules[i];
		struct value member = screen_member(screen, use->path, name);

		if (leads(screen, use, name) || screen_only_called(&(struct value){
							.kind = VALUE_MEMBER, .path = member.path}))
			find_use(screen, use, name);
		else if (member.kind == VALUE_MODULE)
			screen_module_use(screen, use->node, member.path);
	}
}

/* Whether an expression is a name that only imports bind, or part of one. */
static bool is_imported(const struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct resolution found;

	while (node->kind == AST_Attribute)
		node = ast_Attribute_value(node);
	if (node->kind != AST_Name)
		return false;
	found = names_resolve(&screen->names, scope, ast_Name_id(node), node->start);
	for (uint32_t i = 0; i < found.count; i++)
		for (const struct binding *b = found.symbols[i]->bindings; b; b = b->next)
			if (b->kind != BIND_IMPORT && b->kind != BIND_FROM)
				return false;
	return found.count != 0;
}

/* Whether an attribute of this name is more than plain to any of the modules. */
static bool is_telling(struct screen *screen, const struct str *name)
{
	if (screen_word(screen, name) & WORD_CLEAN)
		return false;
	for (uint32_t i = 0; i < screen->module_count; i++) {
		const struct module_use *use = &screen->modules[i];
		struct value member = screen_member(screen, use->path, *name);

		if (leads(screen, use, *name) || member.kind == VALUE_MODULE ||
			screen_is_taker(member.path) || screen_is_judged(member.path))
			return true;
	}
	names_facts(&screen->names, name)->flags |= WORD_CLEAN;
	return false;
}

static void visit(struct screen *screen)
{
	const struct ast_node *node = screen_here(screen), *parent;
	uint32_t scope;
	struct str name;

	if (node->kind != AST_Attribute || ast_Attribute_ctx(node) == AST_STORE ||
		!is_telling(screen, ast_Attribute_attr(node)))
		return;
	scope = screen_scope_of(screen, node);
	parent = screen_parent(screen, 1);
	if (is_imported(screen, scope, ast_Attribute_value(node)))
		return;
	name = *ast_Attribute_attr(node);
	if (str_is(name, "__dict__") && ast_Attribute_value(node)->kind == AST_Name &&
		str_is(*ast_Name_id(ast_Attribute_value(node)), "self"))
		return;
	read_name(screen, name);
	if (parent->kind != AST_Call || ast_Call_func(parent) != node)
		return;
	for (uint32_t i = 0; i < screen->module_count; i++) {
		struct value member = screen_member(screen, screen->modules[i].path, name);

		screen->budget = 400;
		if (member.kind == VALUE_MEMBER && !screen->modules[i].found)
			screen_call_member(screen, parent, scope, member.path);
	}
}

static bool is_self(const struct screen *screen, const struct unknown_use *use)
{
	const struct scope *scope = &screen->names.scopes[use->scope];
	struct resolution found;

	if (!use->object || use->object->kind != AST_Name)
		return false;
	found = names_resolve(
		&screen->names, use->scope, ast_Name_id(use->object), use->object->start);
	return found.count == 1 && found.symbols[0]->count == 1 &&
	       found.symbols[0]->bindings->kind == BIND_PARAM &&
	       screen->names.scopes[scope->parent].kind == SCOPE_CLASS &&
	       str_is(*ast_Name_id(use->object), "self");
}

int screen_settle_modules(struct screen *screen)
{
	if (screen->locals)
		use_locals(screen);
	if (!screen->module_count)
		return 0;
	for (uint32_t i = 0; i < screen->use_count; i++)
		if (screen->uses[i].needs == NEEDS_NAME && screen->uses[i].object &&
			!is_self(screen, &screen->uses[i]))
			for (uint32_t k = 0; k < screen->module_count; k++)
				if (!known_whole(screen->modules[k].path))
					find_use(screen, &screen->modules[k], STR("?"));
	for (uint32_t i = 0; i < screen->read_count; i++)
		read_name(screen, screen->reads[i]);
	for (screen->at = 0; screen->at < screen->names.visit_count; screen->at++)
		visit(screen);
	screen->at = 0;
	return 0;
}
