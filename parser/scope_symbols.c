/* What is known of names in each scope, and the conflicts that show as soon as one is noted. */
#include "parser/scope_symbols.h"

#include <stdio.h>

void scopes_enter_again(struct scopes *scopes, struct scope *scope)
{
	struct scope *around = scopes->current;

	scope->iterables = around ? around->iterables : 0;
	scopes->current = scope;
}

void scopes_enter(struct scopes *scopes, enum scope_type type, const struct ast_node *node)
{
	struct compile_check *check = scopes->check;
	struct scope *scope = compile_alloc(check, sizeof(*scope)), *around = scopes->current;

	if (!scope)
		return;
	*scope = (struct scope){
		.type = type, .node = node, .parent = around, .id = check->next_id++};
	scopes_enter_again(scopes, scope);
	if (!around)
		return;
	if (type != SCOPE_CLASS)
		scope->mangle_id = around->mangle_id;
	/* Such annotations become strings: their scopes are looked into, never resolved. */
	if (check->future_annotations && type == SCOPE_ANNOTATION)
		return;
	if (around->last_child)
		around->last_child->next = scope;
	else
		around->first_child = scope;
	around->last_child = scope;
}

void scopes_leave(struct scopes *scopes)
{
	scopes->current = scopes->current->parent;
}

/* Private names of classes: __x within class C is _C__x. */
static struct str mangle(struct scopes *scopes, const struct scope *scope, struct str name)
{
	struct compile_check *check = scopes->check;
	struct compile_name *plain;
	struct str class;
	char *text;

	if (!scopes->private_name || name.len < 3 || name.ptr[0] != '_' || name.ptr[1] != '_')
		return name;
	if (name.ptr[name.len - 1] == '_' && name.ptr[name.len - 2] == '_')
		return name;
	if (memchr(name.ptr, '.', name.len))
		return name;
	if (scope->mangle_id) {
		plain = compile_name(check, name);
		if (!plain || !*compile_pair(check, scope->mangle_id, plain->id))
			return name;
	}
	class = *scopes->private_name;
	while (class.len && class.ptr[0] == '_')
		class = str_from(class.ptr + 1, class.len - 1);
	if (!class.len)
		return name;
	text = compile_alloc(check, class.len + name.len + 1);
	if (!text)
		return name;
	text[0] = '_';
	memcpy(text + 1, class.ptr, class.len);
	memcpy(text + 1 + class.len, name.ptr, name.len);
	return str_from(text, class.len + name.len + 1);
}

/* The symbol of a mangled name, made where there is none yet; NULL without memory. */
static struct symbol *symbol_in(
	struct compile_check *check, struct scope *scope, struct compile_name *name)
{
	void **place = compile_pair(check, scope->id, name->id);
	struct symbol *symbol;

	if (!place || *place)
		return place ? *place : NULL;
	symbol = compile_alloc(check, sizeof(*symbol));
	if (!symbol)
		return NULL;
	*symbol = (struct symbol){.name = name, .declared = UINT32_MAX};
	*place = symbol;
	if (scope->last)
		scope->last->next = symbol;
	else
		scope->first = symbol;
	scope->last = symbol;
	return symbol;
}

static uint32_t flags_of(struct compile_check *check, const struct scope *scope, struct str name)
{
	struct compile_name *known = compile_name(check, name);
	void **place = known ? compile_pair(check, scope->id, known->id) : NULL;

	return place && *place ? ((struct symbol *)*place)->flags : 0;
}

uint32_t scopes_lookup(struct scopes *scopes, struct str name)
{
	return flags_of(scopes->check, scopes->current, mangle(scopes, scopes->current, name));
}

/* Until 3.9 an error about a name pointed at the scope. */
static uint32_t place_of(
	const struct compile_check *check, const struct scope *scope, uint32_t offset)
{
	return check->minor < 10 ? scope->node->start : offset;
}

static void define_in(
	struct scopes *scopes, struct scope *scope, struct str name, uint32_t flag, uint32_t offset)
{
	struct compile_check *check = scopes->check;
	struct compile_name *known = compile_name(check, mangle(scopes, scopes->current, name));
	struct symbol *symbol = known ? symbol_in(check, scope, known) : NULL;

	if (!symbol)
		return;
	if (flag & symbol->flags & DEF_PARAM)
		compile_fail(check, place_of(check, scope, offset),
			"duplicate argument '%.*s' in function definition", STR_ARG(name));
	if (flag & symbol->flags & DEF_TYPE_PARAM)
		compile_fail(check, offset, "duplicate type parameter '%.*s'", STR_ARG(name));
	symbol->flags |= flag;
	if (scope->in_target) {
		if (symbol->flags & (DEF_GLOBAL | DEF_NONLOCAL))
			compile_fail(check, place_of(check, scope, offset),
				"comprehension inner loop cannot rebind assignment expression "
				"target '%.*s'",
				STR_ARG(name));
		symbol->flags |= DEF_COMP_ITER;
	}
	if (!(flag & DEF_GLOBAL) || flag & DEF_PARAM)
		return;
	symbol = symbol_in(check, scopes->module, known);
	if (symbol)
		symbol->flags |= DEF_GLOBAL;
}

void scopes_check_debug(
	struct scopes *scopes, struct str name, enum ast_context context, uint32_t offset)
{
	if (scopes->check->minor < 14 || context == AST_LOAD || !str_is(name, "__debug__"))
		return;
	compile_fail(scopes->check, offset,
		context == AST_DEL ? "cannot delete __debug__" : "cannot assign to __debug__");
}

static void define_as(struct scopes *scopes, struct str name, uint32_t flag, uint32_t offset,
	enum ast_context context)
{
	uint32_t mangle_id = scopes->current->mangle_id;
	struct compile_name *plain;
	void **place;

	if (flag & (DEF_PARAM | DEF_LOCAL | DEF_IMPORT))
		scopes_check_debug(scopes, name, context, offset);
	if (flag & DEF_TYPE_PARAM && mangle_id) {
		plain = compile_name(scopes->check, name);
		place = plain ? compile_pair(scopes->check, mangle_id, plain->id) : NULL;
		if (place)
			*place = scopes;
	}
	define_in(scopes, scopes->current, name, flag, offset);
}

void scopes_define(struct scopes *scopes, struct str name, uint32_t flag, uint32_t offset)
{
	define_as(scopes, name, flag, offset, AST_STORE);
}

void scopes_define_name(struct scopes *scopes, const struct ast_node *node)
{
	enum ast_context context = ast_Name_ctx(node);
	struct str name = *ast_Name_id(node);
	bool in_function = scopes->check->minor < 13 ? scopes->current->type == SCOPE_FUNCTION
						     : scope_is_function_like(scopes->current);

	if (scopes->current->unevaluated)
		return;
	define_as(scopes, name, context == AST_LOAD ? DEF_USE : DEF_LOCAL, node->start, context);
	/* super() finds its class in a variable of that name. */
	if (context == AST_LOAD && in_function && str_is(name, "super"))
		scopes_define(scopes, STR("__class__"), DEF_USE, node->start);
}

static void refuse_declaration(
	struct scopes *scopes, const struct ast_node *node, struct str name, uint32_t flags)
{
	const char *kind = node->kind == AST_Global ? "global" : "nonlocal";
	const char *what = "", *verb = "is assigned to before", *rest = " declaration";

	if (flags & DEF_PARAM) {
		verb = "is parameter and";
		rest = "";
	} else if (flags & DEF_USE) {
		verb = "is used prior to";
	} else if (flags & DEF_ANNOT) {
		what = "annotated ";
		verb = "can't be";
		rest = "";
	}
	compile_fail(scopes->check, node->start, "%sname '%.*s' %s %s%s", what, STR_ARG(name), verb,
		kind, rest);
}

/* Remembers the first place where the scope at hand declares the name. */
static void record_declaration(struct scopes *scopes, struct str name, uint32_t offset)
{
	struct compile_name *known =
		compile_name(scopes->check, mangle(scopes, scopes->current, name));
	struct symbol *symbol = known ? symbol_in(scopes->check, scopes->current, known) : NULL;

	if (symbol && symbol->declared == UINT32_MAX)
		symbol->declared = offset;
}

void scopes_declare(struct scopes *scopes, const struct ast_node *node)
{
	bool global = node->kind == AST_Global;
	const struct ast_names *names = global ? ast_Global_names(node) : ast_Nonlocal_names(node);
	uint32_t flags, i;

	for (i = 0; i < names->count && !scopes->check->stopped; i++) {
		struct str name = *names->items[i];

		flags = scopes_lookup(scopes, name);
		if (flags & (DEF_PARAM | DEF_LOCAL | DEF_USE | DEF_ANNOT)) {
			refuse_declaration(scopes, node, name, flags);
			return;
		}
		scopes_define(scopes, name, global ? DEF_GLOBAL : DEF_NONLOCAL, node->start);
		record_declaration(scopes, name, node->start);
	}
}

/* Whether the target is the variable of this comprehension. */
static bool rebinds_variable(struct scopes *scopes, const struct scope *scope, struct str name)
{
	struct compile_check *check = scopes->check;
	uint32_t flags =
		flags_of(check, scope, check->minor < 13 ? name : mangle(scopes, scope, name));

	return flags & DEF_COMP_ITER && (check->minor < 12 || flags & DEF_LOCAL);
}

static const char *where_not(enum scope_type type)
{
	switch (type) {
	case SCOPE_CLASS:
		return "in a class body";
	case SCOPE_TYPE_PARAMS:
		return "within the definition of a generic";
	case SCOPE_TYPE_ALIAS:
		return "in a type alias";
	case SCOPE_TYPE_VARIABLE:
		return "in a TypeVar bound";
	default:
		return NULL;
	}
}

static void bind_in_function(
	struct scopes *scopes, struct scope *scope, struct str name, uint32_t offset)
{
	struct compile_check *check = scopes->check;
	uint32_t flags =
		flags_of(check, scope, check->minor < 13 ? name : mangle(scopes, scope, name));

	scopes_define(scopes, name, flags & DEF_GLOBAL ? DEF_GLOBAL : DEF_NONLOCAL, offset);
	record_declaration(scopes, name, offset);
	define_in(scopes, scope, name, DEF_LOCAL, offset);
}

void scopes_extend_target(struct scopes *scopes, const struct ast_node *target)
{
	struct compile_check *check = scopes->check;
	struct str name = *ast_Name_id(target);
	struct scope *scope;

	for (scope = scopes->current; scope; scope = scope->parent) {
		if (scope->comprehension) {
			if (!rebinds_variable(scopes, scope, name))
				continue;
			compile_fail(check, target->start,
				"assignment expression cannot rebind comprehension iteration "
				"variable '%.*s'",
				STR_ARG(name));
			return;
		}
		if (scope->type == SCOPE_FUNCTION) {
			bind_in_function(scopes, scope, name, target->start);
			return;
		}
		if (scope->type == SCOPE_MODULE) {
			scopes_define(scopes, name, DEF_GLOBAL, target->start);
			record_declaration(scopes, name, target->start);
			define_in(scopes, scope, name, DEF_GLOBAL, target->start);
			return;
		}
		if (where_not(scope->type)) {
			compile_fail(check, target->start,
				"assignment expression within a comprehension cannot be used "
				"%s",
				where_not(scope->type));
			return;
		}
	}
}
