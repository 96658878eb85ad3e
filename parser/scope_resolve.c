/*
 * Once all names are known: whether each nonlocal declaration finds a binding in a function around
 * (the second half of Python/symtable.c). One go down the tree of scopes, with what a scope changes
 * about names written down and taken back when it is left.
 */
#include "parser/compile_internal.h"

struct change {
	struct compile_name *name;
	bool bound;
	bool type_param;
};

struct resolve {
	struct compile_check *check;
	struct change *changes;
	uint32_t count;
	uint32_t capacity;
};

static bool grow(struct resolve *resolve)
{
	uint32_t capacity = resolve->capacity ? resolve->capacity * 2 : 64;
	struct change *grown = compile_alloc(resolve->check, capacity * sizeof(*grown));

	if (!grown)
		return false;
	if (resolve->count)
		memcpy(grown, resolve->changes, resolve->count * sizeof(*grown));
	resolve->changes = grown;
	resolve->capacity = capacity;
	return true;
}

static void change(struct resolve *resolve, struct compile_name *name, bool bound, bool type_param)
{
	if (name->bound == bound && name->type_param == type_param)
		return;
	if (resolve->count == resolve->capacity && !grow(resolve))
		return;
	resolve->changes[resolve->count++] = (struct change){name, name->bound, name->type_param};
	name->bound = bound;
	name->type_param = type_param;
}

static void take_back(struct resolve *resolve, uint32_t mark)
{
	while (resolve->count > mark) {
		const struct change *old = &resolve->changes[--resolve->count];

		old->name->bound = old->bound;
		old->name->type_param = old->type_param;
	}
}

/* What the functions around say of the name decides; those within follow later. */
static void check_symbol(
	struct resolve *resolve, const struct scope *scope, const struct symbol *symbol)
{
	struct str name = symbol->name->text;

	if (!(symbol->flags & DEF_NONLOCAL))
		return;
	if (symbol->flags & DEF_GLOBAL)
		compile_fail(resolve->check, symbol->declared, "name '%.*s' is nonlocal and global",
			STR_ARG(name));
	else if (scope->type == SCOPE_MODULE)
		compile_fail(resolve->check, symbol->declared,
			"nonlocal declaration not allowed at module level");
	else if (!symbol->name->bound)
		compile_fail(resolve->check, symbol->declared,
			"no binding for nonlocal '%.*s' found", STR_ARG(name));
	else if (symbol->name->type_param)
		compile_fail(resolve->check, symbol->declared,
			"nonlocal binding not allowed for type parameter '%.*s'", STR_ARG(name));
}

static void apply_symbol(
	struct resolve *resolve, const struct scope *scope, const struct symbol *symbol)
{
	struct compile_name *name = symbol->name;

	if (symbol->flags & DEF_GLOBAL) {
		/* Names of a class are not seen by the functions within. */
		if (scope->type != SCOPE_CLASS)
			change(resolve, name, false, name->type_param);
		return;
	}
	if (symbol->flags & DEF_NONLOCAL)
		return;
	if (!(symbol->flags & (DEF_LOCAL | DEF_PARAM | DEF_IMPORT | DEF_TYPE_PARAM)))
		return;
	change(resolve, name, name->bound || scope_is_function_like(scope),
		symbol->flags & DEF_TYPE_PARAM);
}

static void bind_in_class(struct resolve *resolve, const char *text)
{
	struct compile_name *name = compile_name(resolve->check, str_of(text));

	if (name)
		change(resolve, name, true, name->type_param);
}

static void enter(struct resolve *resolve, struct scope *scope)
{
	const struct symbol *symbol;
	uint8_t minor = resolve->check->minor;

	scope->undo = resolve->count;
	for (symbol = scope->first; symbol && !resolve->check->stopped; symbol = symbol->next)
		check_symbol(resolve, scope, symbol);
	for (symbol = scope->first; symbol; symbol = symbol->next)
		apply_symbol(resolve, scope, symbol);
	if (scope->type == SCOPE_CLASS) {
		bind_in_class(resolve, "__class__");
		if (minor >= 12)
			bind_in_class(resolve, "__classdict__");
		if (minor >= 14)
			bind_in_class(resolve, "__conditional_annotations__");
	}
	scope->inlined = minor >= 12 && scope->comprehension &&
			 scope->comprehension != AST_GeneratorExp && !scope->parent->sees_class;
}

/* The scope after this one, leaving all that end here; NULL at the end. */
static struct scope *next_scope(struct resolve *resolve, struct scope *scope)
{
	if (scope->first_child)
		return scope->first_child;
	while (scope) {
		take_back(resolve, scope->undo);
		if (scope->next)
			return scope->next;
		scope = scope->parent;
	}
	return NULL;
}

void compile_resolve(struct compile_check *check, struct scope *module)
{
	struct resolve resolve = {.check = check};
	struct scope *scope = module;

	while (scope && !check->stopped) {
		enter(&resolve, scope);
		scope = next_scope(&resolve, scope);
	}
}
