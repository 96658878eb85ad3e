/*
 * Objects of libraries that hold a module: catch_warnings()._module, main().module of unittest, the
 * getter of mock.patch(), the obj of an AttributeError. Where such an object goes is not followed.
 * If one is handed on, and the attribute by which it lends the module is read of anything, the
 * module counts as one that stands as a value (module_values.c).
 */
#include "guard/screen.h"

enum {
	LENDS_WARNINGS,
	LENDS_TESTS,
	LENDS_PATCHED,
	LENDS_PATCHINGS, /* what patch() decorates */
	LENDS_DEFAULT,   /* a function with a module for a default */
	LENDS_PARSER,    /* paths: the module that takes them apart */
	LENDS_ERROR,
	LENDS_COUNT
};

static const char *const lending[] = {
	[LENDS_WARNINGS] = " _module ",
	[LENDS_TESTS] = " module ",
	[LENDS_PATCHED] = " getter get_original target temp_original ",
	[LENDS_PATCHINGS] = " patchings ",
	[LENDS_DEFAULT] = " default defaults __defaults__ __kwdefaults__ kwonlydefaults ",
	[LENDS_PARSER] = " parser _flavour _accessor ",
	[LENDS_ERROR] = " obj ",
};

static_assert(sizeof(lending) / sizeof(lending[0]) == LENDS_COUNT, "one list for each kind");

static bool decorates(const struct screen *screen)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	return parent->kind == AST_FunctionDef || parent->kind == AST_AsyncFunctionDef ||
	       parent->kind == AST_ClassDef;
}

/* Whether what a call gives is used where it is made, or read from where it is followed. */
static bool stays(const struct screen *screen)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	switch (parent->kind) {
	case AST_withitem:
	case AST_Expr:
	case AST_Attribute:
		return true;
	case AST_Call:
		return ast_Call_func(parent)->kind == AST_Attribute &&
		       str_listed(*ast_Attribute_attr(ast_Call_func(parent)),
			       " enter_context enterContext enter_async_context ");
	default:
		return false;
	}
}

static void lend(struct screen *screen, const struct ast_node *node, int kind, struct str module)
{
	if (screen->lent_count == LENT_MAX) {
		guard_find(screen->sink, GUARD_RULE_MODULE_VALUE, node,
			"more objects that hold modules than can be followed");
		return;
	}
	screen->lent[screen->lent_count++] = (struct lent){node, kind, module};
}

bool screen_is_lender(struct str path)
{
	return str_is(path, "warnings.catch_warnings") || str_is(path, "unittest.main") ||
	       str_is(path, "unittest.TestProgram") || str_starts(path, STR("unittest.mock.patch"));
}

/* A call of such a class; handed_on: the class itself, as a value or a base. */
void screen_lender(
	struct screen *screen, const struct ast_node *node, struct str path, bool handed_on)
{
	const struct ast_node *target;

	if (!screen_is_lender(path) || (!handed_on && stays(screen)))
		return;
	if (str_is(path, "warnings.catch_warnings"))
		lend(screen, node, LENDS_WARNINGS, STR("warnings"));
	else if (str_is(path, "unittest.main") || str_is(path, "unittest.TestProgram"))
		lend(screen, node, LENDS_TESTS, STR(""));
	if (!str_starts(path, STR("unittest.mock.patch")) || node->kind != AST_Call)
		return;
	target = screen_argument(node, 0, "target");
	if (target && ast_is_str(target))
		lend(screen, node, decorates(screen) ? LENDS_PATCHINGS : LENDS_PATCHED,
			ast_Constant_value(target));
}

/* A module for a default: of the parameter it is followed, by the function's own record it is not.
 */
void screen_lend_default(struct screen *screen, const struct ast_node *node, struct str module)
{
	lend(screen, node, LENDS_DEFAULT, module);
}

/* The module of a dotted name: as much of it as is known to be one. */
static struct str module_part(struct str dotted)
{
	while (dotted.len && !known_module_exact(dotted)) {
		while (dotted.len && dotted.ptr[dotted.len - 1] != '.')
			dotted.len--;
		dotted.len -= dotted.len ? 1 : 0;
	}
	return dotted;
}

static void use_imported(
	struct screen *screen, const struct ast_node *node, const struct ast_node *import)
{
	const struct ast_list *names = import->kind == AST_Import ? ast_Import_names(import)
								  : ast_ImportFrom_names(import);

	for (uint32_t i = 0; i < names->count; i++) {
		struct str name = *ast_alias_name(names->items[i]);
		struct value value = {.kind = VALUE_MODULE, .path = name};

		if (import->kind == AST_ImportFrom) {
			if (!ast_ImportFrom_module(import))
				continue;
			value = screen_member(screen, *ast_ImportFrom_module(import), name);
		}
		if (value.kind == VALUE_MODULE)
			screen_module_use(screen, node, value.path);
	}
}

#define CAUGHT_MAX 16

/* What a look over the whole program is for. */
struct look {
	struct screen *screen;
	bool reads[LENDS_COUNT];       /* what lends is read of something */
	bool errors;                   /* an error is handed on */
	const struct ast_node *reader; /* of the module behind a path */
	struct str caught[CAUGHT_MAX]; /* names of errors */
	uint32_t caught_count;
};

static void note_read(struct look *look, struct str name)
{
	for (size_t i = 0; i < LENDS_COUNT; i++)
		look->reads[i] |= str_listed(name, lending[i]);
}

/* Whether an error that was caught is only told: printed, put in a text, raised again. */
static bool is_told(const struct ast_node *node, const struct ast_node *parent)
{
	static const char tellers[] =
		" print str repr type isinstance format bool debug info warning error exception "
		"critical log write fail ";
	const struct ast_node *func;

	switch (parent->kind) {
	case AST_Attribute:
	case AST_FormattedValue:
	case AST_Raise:
	case AST_Compare:
	case AST_BinOp:
	case AST_Expr:
	case AST_If:
	case AST_UnaryOp:
		return true;
	case AST_Call:
		func = ast_Call_func(parent);
		return func != node &&
		       ((func->kind == AST_Name && str_listed(*ast_Name_id(func), tellers)) ||
			       (func->kind == AST_Attribute &&
				       str_listed(*ast_Attribute_attr(func), tellers)));
	default:
		return false;
	}
}

static void look_at(struct look *look, const struct ast_node *node, const struct ast_node *parent)
{
	static const char givers[] = " exc_info exception exceptions exc_value excepthook "
				     "last_value __context__ __cause__ "
				     "push ";

	if (node->kind == AST_Attribute) {
		note_read(look, *ast_Attribute_attr(node));
		if (str_listed(*ast_Attribute_attr(node), lending[LENDS_PARSER]))
			look->reader = node;
		look->errors |= str_listed(*ast_Attribute_attr(node), givers);
	} else if (node->kind == AST_MatchClass) {
		for (uint32_t i = 0; i < ast_MatchClass_kwd_attrs(node)->count; i++)
			note_read(look, *ast_MatchClass_kwd_attrs(node)->items[i]);
	} else if (node->kind == AST_keyword && ast_keyword_arg(node)) {
		/* asyncio.gather(return_exceptions=True) */
		look->errors |= str_is(*ast_keyword_arg(node), "return_exceptions");
	} else if (node->kind == AST_FunctionDef || node->kind == AST_AsyncFunctionDef) {
		struct str name = node->kind == AST_FunctionDef ? *ast_FunctionDef_name(node)
								: *ast_AsyncFunctionDef_name(node);

		look->errors |= str_is(name, "__exit__") || str_is(name, "__aexit__");
	} else if (node->kind == AST_ExceptHandler && ast_ExceptHandler_name(node)) {
		if (look->caught_count < CAUGHT_MAX)
			look->caught[look->caught_count++] = *ast_ExceptHandler_name(node);
		else
			look->errors = true;
	} else if (node->kind == AST_Name && ast_Name_ctx(node) == AST_LOAD) {
		for (uint32_t i = 0; i < look->caught_count; i++)
			look->errors |= str_eq(*ast_Name_id(node), look->caught[i]) &&
					!is_told(node, parent);
	}
}

/* Names of attributes that cannot be known may be any of them. */
static void look_at_text(struct look *look)
{
	const struct screen *screen = look->screen;

	for (uint32_t i = 0; i < screen->read_count; i++)
		note_read(look, screen->reads[i]);
	for (uint32_t i = 0; i < screen->use_count; i++)
		for (size_t k = 0; k < LENDS_ERROR && screen->uses[i].needs == NEEDS_NAME &&
				   screen->uses[i].object;
			k++)
			look->reads[k] = true;
}

/* All that the program imports: any of it may be what an attribute was missing of. */
static void lend_imported(struct screen *screen, const struct ast_node *node)
{
	const struct names *names = &screen->names;

	for (uint32_t i = 0; i < names->visit_count; i++)
		if (names->visits[i].node->kind == AST_Import ||
			names->visits[i].node->kind == AST_ImportFrom)
			use_imported(screen, node, names->visits[i].node);
}

void screen_settle_lenders(struct screen *screen)
{
	const struct names *names = &screen->names;
	struct look look = {.screen = screen};

	if (!screen->lent_count && !screen->error_read && !names->has_pathlib)
		return;
	look_at_text(&look);
	for (uint32_t i = 0; i < names->visit_count; i++)
		look_at(&look, names->visits[i].node, names_parent(names, i, 1));
	for (uint32_t i = 0; i < screen->lent_count; i++) {
		const struct lent *lent = &screen->lent[i];
		struct str module = module_part(lent->module);

		if (!look.reads[lent->kind])
			continue;
		if (lent->kind == LENDS_TESTS)
			lend_imported(screen, lent->node);
		else
			screen_module_use(screen, lent->node, module.len ? module : lent->module);
	}
	if (names->has_pathlib && look.reader)
		screen_module_use(screen, look.reader, STR("posixpath"));
	if (screen->error_read && look.errors)
		lend_imported(screen, screen->error_read);
}
