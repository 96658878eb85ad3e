/*
 * Definitions that others trust: classes and what stands in their bodies, names with a meaning of
 * their own, class patterns and the attributes that they read.
 */
#include "guard/screen.h"

/* An import in the body of a class makes attributes of modules. */
void screen_class_import(struct screen *screen, const struct ast_node *node,
	const struct ast_list *names, const struct str *module)
{
	if (screen->names.scopes[screen_scope_of(screen, node)].kind != SCOPE_CLASS)
		return;
	for (uint32_t i = 0; i < names->count; i++) {
		struct str name = *ast_alias_name(names->items[i]);
		struct value value = {.kind = VALUE_MODULE, .path = name};

		if (module)
			value = screen_member(screen, *module, name);
		if (value.kind == VALUE_MODULE)
			screen_module_use(screen, node, value.path);
	}
}

/* __doc__ and __test__ hold examples: constants are read wherever they stand. */
void screen_doc_store(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *parent = screen_parent(screen, 1);
	const struct ast_node *value = parent->kind == AST_Assign      ? ast_Assign_value(parent)
				       : parent->kind == AST_AnnAssign ? ast_AnnAssign_value(parent)
								       : NULL;
	bool plain = value && (value->kind == AST_Constant || value->kind == AST_Dict);

	if (screen_here(screen) != node)
		plain = false;
	for (uint32_t i = 0; plain && value->kind == AST_Dict && i < ast_Dict_values(value)->count;
		i++)
		plain = ast_Dict_values(value)->items[i]->kind == AST_Constant;
	if (!plain)
		screen->odd_doc = node;
}

void screen_definition(struct screen *screen, const struct ast_node *node, const struct str *name)
{
	if (str_is(*name, "__match_args__"))
		screen_match_args(screen, node);
	else if (str_is(*name, "__doc__") || str_is(*name, "__test__"))
		screen_doc_store(screen, node);
	else if (str_is(*name, "__annotations__"))
		screen->changed_annotations = node;
	else if (str_is(*name, "__reduce__") || str_is(*name, "__reduce_ex__"))
		screen->reduce = node;
	else if (is_dunder(*name) && known_bad_definition(*name))
		guard_find(screen->sink, GUARD_RULE_DEFINITION, node, "'%.*s' may not be defined",
			STR_ARG(*name));
}

static bool is_exception(const struct values *cls)
{
	return screen_may_be(cls, VALUE_BUILTIN, "AttributeError") ||
	       screen_may_be(cls, VALUE_BUILTIN, "NameError") ||
	       screen_may_be(cls, VALUE_BUILTIN, "Exception") ||
	       screen_may_be(cls, VALUE_BUILTIN, "BaseException");
}

void screen_pattern(struct screen *screen, const struct ast_node *node)
{
	const struct ast_names *names = ast_MatchClass_kwd_attrs(node);
	struct values base = {0}, cls = {0};

	screen_evaluate(screen, screen_scope_of(screen, node), ast_MatchClass_cls(node),
		SCREEN_DEPTH, &cls);
	screen->positional |= ast_MatchClass_patterns(node)->count != 0;
	for (uint32_t i = 0; i < names->count; i++) {
		if (str_is(*names->items[i], "obj") && is_exception(&cls))
			guard_find(screen->sink, GUARD_RULE_ATTRIBUTE, node,
				"attribute 'obj' is not allowed");
		screen_attribute(screen, node, &base, *names->items[i], ACCESS_LOAD);
	}
}

static void find_match_args(struct screen *screen, const struct ast_node *node)
{
	guard_find(screen->sink, GUARD_RULE_DYNAMIC, node, "__match_args__ that cannot be known");
}

/* __match_args__ = (...): each text is an attribute that class patterns read. */
static void judge_match_args(
	struct screen *screen, const struct ast_node *node, const struct ast_node *value)
{
	const struct values base = {0};
	struct fold list = screen_fold(screen, screen_scope_of(screen, node), value);

	if (list.kind != FOLD_LIST) {
		find_match_args(screen, node);
		return;
	}
	for (uint32_t i = 0; i < list.count; i++)
		screen_attribute(screen, node, &base, list.items[i].text, ACCESS_LOAD);
}

/* A store to __match_args__, by whatever road: only plain assignments can be read. */
void screen_match_args(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	if (screen_here(screen) == node && parent->kind == AST_Assign)
		judge_match_args(screen, parent, ast_Assign_value(parent));
	else if (screen_here(screen) == node && parent->kind == AST_AnnAssign &&
		 ast_AnnAssign_value(parent))
		judge_match_args(screen, parent, ast_AnnAssign_value(parent));
	else
		find_match_args(screen, node);
}

static bool class_binds(const struct ast_node *node, const char *name)
{
	const struct ast_list *body = ast_ClassDef_body(node);

	for (uint32_t i = 0; i < body->count; i++) {
		const struct ast_node *statement = body->items[i];

		if (statement->kind == AST_FunctionDef &&
			str_is(*ast_FunctionDef_name(statement), name))
			return true;
		if (statement->kind == AST_Assign &&
			ast_Assign_targets(statement)->items[0]->kind == AST_Name &&
			str_is(*ast_Name_id(ast_Assign_targets(statement)->items[0]), name))
			return true;
	}
	return false;
}

/* Classes of libraries that trust what is derived from them. */
void screen_class(struct screen *screen, const struct ast_node *node)
{
	const struct ast_list *bases = ast_ClassDef_bases(node);
	uint32_t scope = screen_scope_of(screen, node);

	for (uint32_t i = 0; i < bases->count; i++) {
		struct values base = {0};

		if (!screen_speaks(screen, bases->items[i]))
			continue;
		screen_evaluate(screen, scope, bases->items[i], SCREEN_DEPTH, &base);
		if (screen_may_be(&base, VALUE_MEMBER, "string.Formatter") &&
			screen_owns(screen, STR("parse")))
			guard_find(screen->sink, GUARD_RULE_FORMAT, node,
				"a Formatter whose own parse() makes its fields");
		/* class P(type(Path())): a base that has no name of its own. */
		if (bases->items[i]->kind == AST_Call &&
			(screen_may_be(&base, VALUE_MEMBER, "pathlib.Path") ||
				screen_may_be(&base, VALUE_MEMBER, "pathlib.PosixPath")))
			screen_unknown(screen, (struct unknown_use){.node = node,
						       .scope = scope,
						       .rule = GUARD_RULE_PATH,
						       .otherwise = GUARD_RULE_COUNT,
						       .needs = NEEDS_PATH});
		if (screen_may_be(&base, VALUE_MEMBER, "shlex.shlex") &&
			class_binds(node, "source"))
			guard_find(screen->sink, GUARD_RULE_PATH, node,
				"a shlex that reads the files its text names");
	}
}
