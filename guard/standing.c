/*
 * Where builtins, modules and members of modules may stand: called, read from, or assigned to names
 * that are followed. Everywhere else they are values that go where the guard does not see them.
 */
#include "guard/screen.h"

/* Whether a name is the builtin of that name, whatever else it could be. */
bool screen_is_builtin(const struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct resolution found =
		names_resolve(&screen->names, scope, ast_Name_id(node), node->start);

	return found.builtin && !found.count;
}

/* What is assigned to names alone is followed from there; those of a class are attributes. */
static bool is_followed(
	const struct screen *screen, const struct ast_node *statement, uint32_t scope)
{
	if (screen->names.scopes[scope].kind == SCOPE_CLASS)
		return false;
	if (statement->kind == AST_AnnAssign)
		return ast_AnnAssign_target(statement)->kind == AST_Name;
	if (statement->kind != AST_Assign)
		return false;
	for (uint32_t i = 0; i < ast_Assign_targets(statement)->count; i++)
		if (ast_Assign_targets(statement)->items[i]->kind != AST_Name)
			return false;
	return true;
}

/* (a, b) as what a loop goes over, by a name of its own. */
static bool is_looped_over(const struct screen *screen)
{
	const struct ast_node *loop = screen_parent(screen, 2);
	const struct ast_node *parent = screen_parent(screen, 1);

	if (loop && loop->kind == AST_For)
		return ast_For_iter(loop) == parent && ast_For_target(loop)->kind == AST_Name;
	return loop && loop->kind == AST_comprehension && ast_comprehension_iter(loop) == parent &&
	       ast_comprehension_target(loop)->kind == AST_Name;
}

static bool takes_harmlessly(
	const struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	static const char *const harmless[] = {
		"hasattr", "getattr", "dir", "type", "print", "repr", "str", "id", "bool"};
	const struct ast_node *func = ast_Call_func(call);

	if (func->kind != AST_Name || !screen_is_builtin(screen, scope, func))
		return false;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (str_is(*ast_Name_id(func), harmless[i]))
			return true;
	return false;
}

static bool compares_identity(const struct ast_node *node)
{
	for (uint32_t i = 0; i < ast_Compare_ops(node)->count; i++)
		if (ast_Compare_ops(node)->items[i] != AST_OP_Is &&
			ast_Compare_ops(node)->items[i] != AST_OP_IsNot)
			return false;
	return true;
}

/* mock.patch.object(module, "name"): the name is judged as the module's; patch.dict() sets some. */
static bool is_patched(struct screen *screen, const struct ast_node *call,
	const struct ast_node *node, uint32_t scope)
{
	struct values callee = {0};

	if (ast_Call_func(call)->kind != AST_Attribute || !ast_Call_args(call)->count ||
		ast_Call_args(call)->items[0] != node)
		return false;
	screen_evaluate(screen, scope, ast_Call_func(call), SCREEN_DEPTH, &callee);
	return screen_may_be(&callee, VALUE_MEMBER, "unittest.mock.patch.object") ||
	       screen_may_be(&callee, VALUE_MEMBER, "unittest.mock.patch.dict");
}

/* Where a module may stand as it is: it is called nothing, and what is bound is followed. */
static bool module_may_stand(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	switch (parent->kind) {
	case AST_Attribute:
	case AST_Expr:
	case AST_Assert:
	case AST_If:
	case AST_UnaryOp:
	case AST_FormattedValue:
	case AST_arguments:
		return true;
	case AST_Compare:
		return compares_identity(parent);
	case AST_Assign:
	case AST_AnnAssign:
		return is_followed(screen, parent, scope);
	case AST_Tuple:
	case AST_List:
		return is_looped_over(screen);
	case AST_BoolOp:
		return is_followed(screen, screen_parent(screen, 2), scope);
	case AST_IfExp:
		return node == ast_IfExp_test(parent) ||
		       is_followed(screen, screen_parent(screen, 2), scope);
	case AST_Call:
		return ast_Call_func(parent) == node || takes_harmlessly(screen, parent, scope) ||
		       is_patched(screen, parent, node, scope);
	default:
		return false;
	}
}

/* Whether what the walk stands at is assigned to names alone, as it is or by a choice. */
static bool stands_followed(const struct screen *screen, uint32_t scope)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	return is_followed(screen, parent, scope) ||
	       ((parent->kind == AST_IfExp || parent->kind == AST_BoolOp) &&
		       is_followed(screen, screen_parent(screen, 2), scope));
}

bool screen_is_called(const struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	return parent->kind == AST_Call && ast_Call_func(parent) == node;
}

static bool word_allows(const struct screen *screen, struct str name, bool called)
{
	bool allowed = false;

	for (uint32_t i = 0; i < screen->policy->word_count; i++) {
		const struct guard_word *word = &screen->policy->words[i];

		if ((word->kind == GUARD_WORD_NAME || (word->kind == GUARD_WORD_CALL && called)) &&
			str_eq(word->name, name))
			allowed = word->allow;
	}
	return allowed;
}

static bool word_denies(const struct screen *screen, struct str name)
{
	bool denied = false;

	for (uint32_t i = 0; i < screen->policy->word_count; i++) {
		const struct guard_word *word = &screen->policy->words[i];

		if ((word->kind == GUARD_WORD_NAME || word->kind == GUARD_WORD_CALL) &&
			str_eq(word->name, name))
			denied = !word->allow;
	}
	return denied;
}

/* `name in globals()`: whether it is bound, and nothing of what it is bound to. */
bool screen_asks_bound(const struct ast_node *call, const struct ast_node *parent)
{
	return call->kind == AST_Call && !ast_Call_args(call)->count &&
	       !ast_Call_keywords(call)->count && parent && parent->kind == AST_Compare &&
	       ast_Compare_ops(parent)->count == 1 &&
	       (ast_Compare_ops(parent)->items[0] == AST_OP_In ||
		       ast_Compare_ops(parent)->items[0] == AST_OP_NotIn) &&
	       ast_Compare_comparators(parent)->items[0] == call;
}

void screen_judge_builtin(
	struct screen *screen, const struct ast_node *node, uint32_t scope, struct str name)
{
	enum builtin_level level = known_builtin(name);
	bool called = screen_is_called(screen, node), open;

	switch (screen->policy->level) {
	case GUARD_LEVEL_NONE:
		open = level == BUILTIN_NONE;
		break;
	case GUARD_LEVEL_STRICT:
		open = level <= BUILTIN_SAFE || (level == BUILTIN_CALLED && called);
		break;
	default:
		open = level <= BUILTIN_PLAIN || (level == BUILTIN_CALLED && called);
		break;
	}
	/* opener = gzip.open if packed else open: what is called later is followed. */
	if (!open && level == BUILTIN_CALLED && str_is(name, "open") &&
		screen->policy->level == GUARD_LEVEL_STANDARD)
		open = stands_followed(screen, scope);
	if (called && str_is(name, "globals") && screen->policy->level == GUARD_LEVEL_STANDARD)
		open = screen_asks_bound(screen_parent(screen, 1), screen_parent(screen, 2));
	if (word_denies(screen, name))
		open = false;
	else if (word_allows(screen, name, called))
		open = true;
	if (!open)
		guard_find(screen->sink, GUARD_RULE_BUILTIN, node,
			level == BUILTIN_CALLED ? "'%.*s' may only be called"
						: "'%.*s' is not allowed",
			STR_ARG(name));
}

/* environ.get(...), environ[...] and `in environ`, by whatever name. */
static bool reads_one(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	static const char *const methods[] = {"get", "setdefault", "pop", "update"};
	const struct ast_node *parent = screen_parent(screen, 1);

	if (parent->kind == AST_Attribute)
		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
			if (str_is(*ast_Attribute_attr(parent), methods[i]))
				return true;
	return (parent->kind == AST_Subscript && ast_Subscript_value(parent) == node) ||
	       parent->kind == AST_Compare || is_followed(screen, parent, scope) ||
	       (parent->kind == AST_Call && is_patched(screen, parent, node, scope));
}

/* What functions are made by: a name for comparing, and nothing to hand on. */
static bool makes_functions(const struct value *value)
{
	return value->kind == VALUE_MEMBER && (str_is(value->path, "types.FunctionType") ||
						      str_is(value->path, "types.LambdaType") ||
						      str_is(value->path, "types.CodeType"));
}

static bool stands_as_type(const struct screen *screen, uint32_t scope)
{
	uint32_t up = 1;
	const struct ast_node *parent = screen_parent(screen, up);

	while (parent->kind == AST_Tuple || parent->kind == AST_BinOp ||
		parent->kind == AST_Subscript)
		parent = screen_parent(screen, ++up);
	if (parent->kind == AST_Call && ast_Call_func(parent)->kind == AST_Name)
		return screen_is_builtin(screen, scope, ast_Call_func(parent)) &&
		       (str_is(*ast_Name_id(ast_Call_func(parent)), "isinstance") ||
			       str_is(*ast_Name_id(ast_Call_func(parent)), "issubclass"));
	return parent->kind == AST_Compare || parent->kind == AST_arg ||
	       parent->kind == AST_FunctionDef || parent->kind == AST_Attribute ||
	       parent->kind == AST_MatchClass || (up == 1 && stands_followed(screen, scope));
}

static bool is_opener(struct str path)
{
	return str_is(path, "open") || str_is(path, "io.open") || str_is(path, "codecs.open");
}

/* As an argument, a base, an item: called elsewhere, with what is not seen here. */
static bool is_handed_on(const struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_node *parent = screen_parent(screen, 1), *func;

	switch (parent->kind) {
	case AST_Call:
		func = ast_Call_func(parent);
		return func != node &&
		       !(func->kind == AST_Name && screen_is_builtin(screen, scope, func) &&
			       (str_is(*ast_Name_id(func), "isinstance") ||
				       str_is(*ast_Name_id(func), "issubclass") ||
				       takes_harmlessly(screen, parent, scope)));
	case AST_Assign:
		return !is_followed(screen, parent, scope);
	case AST_keyword:
	case AST_Starred:
	case AST_Return:
	case AST_Yield:
	case AST_Dict:
	case AST_List:
	case AST_Tuple:
	case AST_Lambda:
	case AST_ClassDef:
		return true;
	default:
		return false;
	}
}

/* Members that may stand anywhere. */
static bool is_plain(struct screen *screen, const struct value *value)
{
	(void)screen;
	return !str_starts(value->path, STR("typing")) &&
	       !str_starts(value->path, STR("functools.")) &&
	       !str_starts(value->path, STR("attr")) && !str_is(value->path, "os.environ") &&
	       !makes_functions(value) && !screen_only_called(value) &&
	       !screen_is_taker(value->path) && !screen_is_lender(value->path) &&
	       !screen_has_takers(value->path);
}

/* What holds of a name or a dotted name as a value, whatever it is used for. */
void screen_judge_value(
	struct screen *screen, const struct ast_node *node, uint32_t scope, struct values *values)
{
	for (uint32_t i = 0; i < values->count; i++) {
		struct value value = values->items[i];

		if (value.kind == VALUE_MEMBER &&
			screen_member_plain(screen, &value, MEMBER_STANDS, is_plain))
			continue;
		if (value.kind == VALUE_MEMBER)
			screen_sink_value(screen, node, value.path);
		if (value.kind == VALUE_MODULE && !module_may_stand(screen, node, scope))
			screen_module_use(screen, node, value.path);
		else if (value.kind == VALUE_MODULE &&
			 screen_parent(screen, 1)->kind == AST_arguments)
			screen_lend_default(screen, node, value.path);
		else if (value.kind == VALUE_MEMBER && str_is(value.path, "os.environ") &&
			 !reads_one(screen, node, scope))
			guard_find(screen->sink, GUARD_RULE_MEMBER, node,
				"'os.environ' is open for single variables only");
		else if (makes_functions(&value) && !screen_is_called(screen, node) &&
			 !stands_as_type(screen, scope))
			guard_find(screen->sink, GUARD_RULE_SINK, node, "'%.*s' may only be called",
				STR_ARG(value.path));
		else if ((value.kind == VALUE_MEMBER || value.kind == VALUE_BUILTIN) &&
			 !screen_is_called(screen, node) && screen_only_called(&value) &&
			 !(is_opener(value.path) && stands_followed(screen, scope)))
			guard_find(screen->sink, GUARD_RULE_SINK, node, "'%.*s' may only be called",
				STR_ARG(value.path));
		else if (value.kind == VALUE_MEMBER && is_handed_on(screen, node, scope)) {
			screen_taker_value(screen, node, scope, value.path);
			screen_lender(screen, node, value.path, true);
		}
	}
}
