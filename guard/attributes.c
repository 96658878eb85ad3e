/*
 * Attributes and members of modules, by whatever road they are read: dotted, getattr() with a known
 * name, format fields, patterns, from-imports all end in screen_attribute() or
 * screen_module_member().
 */
#include "guard/screen.h"

bool screen_owns(const struct screen *screen, struct str name)
{
	const struct str *own = ast_name_find(screen->names.tree, name);

	return own && names_own(&screen->names, own);
}

/* Attributes refused on any object. */
bool screen_bad_name(const struct screen *screen, struct str name)
{
	if (is_dunder(name))
		return !known_dunder(name) && (known_core(name) || !screen_owns(screen, name));
	return known_inner(name);
}

static const struct guard_word *word_for(
	const struct screen *screen, enum guard_word_kind kind, struct str name)
{
	const struct guard_word *found = NULL;

	for (uint32_t i = 0; i < screen->policy->word_count; i++)
		if (screen->policy->words[i].kind == kind &&
			str_eq(screen->policy->words[i].name, name))
			found = &screen->policy->words[i];
	return found;
}

/* What the policy file says of an import, by the longest name it has. */
static const struct guard_word *import_word(const struct screen *screen, struct str dotted)
{
	while (dotted.len) {
		const struct guard_word *word = word_for(screen, GUARD_WORD_IMPORT, dotted);

		if (word)
			return word;
		while (dotted.len && dotted.ptr[dotted.len - 1] != '.')
			dotted.len--;
		if (dotted.len)
			dotted.len--;
	}
	return NULL;
}

/* A submodule that has no entry of its own is a member of the nearest package that has one. */
static bool closed_member(const struct known_module *known, struct str dotted)
{
	const char *dot;
	struct str rest;

	if (!known || dotted.len <= known->name.len)
		return false;
	rest = str_from(dotted.ptr + known->name.len + 1, dotted.len - known->name.len - 1);
	dot = memchr(rest.ptr, '.', rest.len);
	if (dot)
		rest.len = (size_t)(dot - rest.ptr);
	if (known->level == MODULE_FEW || known->level == MODULE_SAFEFEW)
		return !known_module_lists(known, rest);
	return known_module_lists(known, rest);
}

static bool level_opens(const struct screen *screen, struct str dotted)
{
	const struct known_module *known = known_module(dotted);
	enum module_level level = known ? known->level : MODULE_UNKNOWN;

	if (closed_member(known, dotted) && screen->policy->level != GUARD_LEVEL_PERMISSIVE)
		return false;
	switch (screen->policy->level) {
	case GUARD_LEVEL_NONE:
		return false;
	case GUARD_LEVEL_STRICT:
		/* A submodule must be named itself, or its package must not be one of the library's
		 * that hold others. */
		return level == MODULE_SAFE || level == MODULE_SAFEFEW;
	default:
		return level != MODULE_DENIED &&
		       !(level == MODULE_UNKNOWN && dotted.len && dotted.ptr[0] == '_');
	}
}

static bool module_open(const struct screen *screen, struct str dotted)
{
	const struct guard_word *word = import_word(screen, dotted);

	return word ? word->allow : level_opens(screen, dotted);
}

static bool any_private_part(struct str dotted)
{
	for (size_t i = 0; i < dotted.len; i++)
		if (dotted.ptr[i] == '_' && (i == 0 || dotted.ptr[i - 1] == '.'))
			return true;
	return false;
}

/* A module named in an import statement. */
static bool judge_import(struct screen *screen, const struct ast_node *node, struct str dotted)
{
	bool private = any_private_part(dotted) && !str_is(dotted, "__future__") &&
		       !import_word(screen, dotted);

	if (module_open(screen, dotted) && !private) {
		screen->copies |= str_is(dotted, "copy") || str_is(dotted, "dataclasses") ||
				  str_is(dotted, "attr") || str_is(dotted, "attrs");
		return true;
	}
	guard_find(screen->sink, GUARD_RULE_IMPORT, node, "import of '%.*s' is not allowed",
		STR_ARG(dotted));
	return false;
}

void screen_import(struct screen *screen, const struct ast_node *node)
{
	for (uint32_t i = 0; i < ast_Import_names(node)->count; i++)
		judge_import(screen, node, *ast_alias_name(ast_Import_names(node)->items[i]));
}

static bool few(const struct known_module *known)
{
	return known && (known->level == MODULE_FEW || known->level == MODULE_SAFEFEW);
}

static bool harmless_module_dunder(struct str name)
{
	return str_is(name, "__name__") || str_is(name, "__doc__") || str_is(name, "__version__") ||
	       str_is(name, "__class__") || str_is(name, "__stdout__") ||
	       str_is(name, "__stderr__") || str_is(name, "__all__") || str_is(name, "__author__");
}

/* operator.__add__ is operator.add. */
static bool is_operator(struct str module, struct str name)
{
	static const char names[] =
		" __abs__ __add__ __and__ __concat__ __contains__ __eq__ __floordiv__ __ge__ "
		"__gt__ "
		"__iadd__ __iand__ __iconcat__ __ifloordiv__ __ilshift__ __imatmul__ __imod__ "
		"__imul__ "
		"__index__ __inv__ __invert__ __ior__ __ipow__ __irshift__ __isub__ __itruediv__ "
		"__ixor__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ "
		"__not__ "
		"__or__ __pos__ __pow__ __rshift__ __sub__ __truediv__ __xor__ ";

	return str_is(module, "operator") && str_listed(name, names);
}

static void find_member(struct screen *screen, enum guard_rule rule, const struct ast_node *node,
	struct str module, struct str name)
{
	guard_find(screen->sink, rule, node,
		rule == GUARD_RULE_PRIVATE ? "'%.*s.%.*s' is private"
		: rule == GUARD_RULE_ROAD  ? "'%.*s.%.*s' is another module"
					   : "'%.*s.%.*s' is not allowed",
		STR_ARG(module), STR_ARG(name));
}

/* Whether there was something to report. */
static bool judge_member(struct screen *screen, const struct ast_node *node, struct str module,
	struct str name, struct value member)
{
	const struct known_module *known = known_module(module);
	const struct guard_word *word = word_for(screen, GUARD_WORD_ATTRIBUTE, member.path);

	if (word) {
		if (!word->allow)
			find_member(screen, GUARD_RULE_MEMBER, node, module, name);
		return !word->allow;
	}
	if (member.kind == VALUE_BUILTIN) {
		if (name.ptr[0] == '_' && !harmless_module_dunder(name))
			find_member(screen, GUARD_RULE_PRIVATE, node, module, name);
		else if (known_builtin(name) == BUILTIN_DENIED)
			guard_find(screen->sink, GUARD_RULE_BUILTIN, node, "'%.*s' is not allowed",
				STR_ARG(name));
		return true;
	}
	if (is_dunder(name) ? !harmless_module_dunder(name) && !is_operator(module, name)
			    : name.len && name.ptr[0] == '_' && !known_private(name)) {
		find_member(screen, GUARD_RULE_PRIVATE, node, module, name);
		return true;
	}
	/* What an import could not bring does not need a second finding, but roads do. */
	if (known && (member.path.len == name.len || !known_module_exact(member.path)) &&
		known_reexport(module, name) && !(few(known) && known_module_lists(known, name))) {
		find_member(screen, GUARD_RULE_ROAD, node, module, name);
		return true;
	}
	if (known_road(name) && member.kind == VALUE_MEMBER) {
		find_member(screen, GUARD_RULE_ROAD, node, module, name);
		return true;
	}
	if (!is_dunder(name) && known &&
		(few(known) ? !known_module_lists(known, name) : known_module_lists(known, name))) {
		/* Only of the module itself: numpy.foo.load is not numpy.load. */
		if (known_module_exact(module) || few(known))
			find_member(screen, GUARD_RULE_MEMBER, node, module, name);
		return true;
	}
	if (member.kind != VALUE_MODULE || module_open(screen, member.path))
		return false;
	find_member(screen, GUARD_RULE_MEMBER, node, module, name);
	return true;
}

void screen_module_member(
	struct screen *screen, const struct ast_node *node, struct str module, struct str name)
{
	struct value value = screen_member(screen, module, name);
	struct member *member = value.member;

	if (member && member->plain & MEMBER_READ)
		return;
	if (!judge_member(screen, node, module, name, value) && member)
		member->plain |= MEMBER_READ;
}

void screen_import_from(struct screen *screen, const struct ast_node *node)
{
	const struct str *module = ast_ImportFrom_module(node);
	const struct ast_list *names = ast_ImportFrom_names(node);

	if (!module || ast_ImportFrom_level(node) > 0) {
		if (screen->policy->level <= GUARD_LEVEL_STRICT)
			guard_find(screen->sink, GUARD_RULE_IMPORT, node,
				"relative import is not allowed");
		return;
	}
	if (!judge_import(screen, node, *module))
		return;
	for (uint32_t i = 0; i < names->count; i++) {
		struct str name = *ast_alias_name(names->items[i]);

		if (!str_is(name, "*"))
			screen_module_member(screen, node, *module, name);
		else if (few(known_module(*module)) || str_is(*module, "builtins"))
			guard_find(screen->sink, GUARD_RULE_IMPORT, node,
				"import of all names of '%.*s' is not allowed", STR_ARG(*module));
	}
}

static void deny(struct screen *screen, const struct ast_node *node, struct str name)
{
	guard_find(screen->sink, GUARD_RULE_ATTRIBUTE, node, "attribute '%.*s' is not allowed",
		STR_ARG(name));
}

/* The first parameter of a method, by the name that all give it: an instance of the program's. */
static bool is_self(const struct screen *screen, const struct ast_node *node)
{
	const struct names *names = &screen->names;
	uint32_t scope;

	if (!node || node->kind != AST_Name || !str_is(*ast_Name_id(node), "self"))
		return false;
	scope = screen_scope_of(screen, node);
	while (scope && names->scopes[scope].kind != SCOPE_FUNCTION)
		scope = names->scopes[scope].parent;
	return scope && names->scopes[names->scopes[scope].parent].kind == SCOPE_CLASS;
}

void screen_own_dict(struct screen *screen, const struct ast_node *node,
	const struct ast_node *object, bool by_vars)
{
	if (!is_self(screen, object))
		screen->type_dict = node;
	guard_find(screen->sink, GUARD_RULE_OWN_DICT, node,
		by_vars ? "vars() hands out attributes"
			: "attribute '__dict__' hands out an object's attributes");
}

/* x.__get__(...): self.f.__get__ is how descriptors are written. */
static void note_get(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *root = node;

	while (root->kind == AST_Attribute)
		root = ast_Attribute_value(root);
	if (!is_self(screen, root))
		screen->bound_get = node;
}

/*
 * Whether a dict is only read where it stands: dataclass() makes code of the names in annotations,
 * so nothing may put other names there.
 */
bool screen_only_reads(const struct screen *screen)
{
	static const char methods[] = " items keys values get copy ",
			  takers[] =
				  " len list dict sorted print repr str set tuple iter enumerate ";
	const struct ast_node *parent = screen_parent(screen, 1), *above = screen_parent(screen, 2);

	switch (parent->kind) {
	case AST_Attribute:
		return str_listed(*ast_Attribute_attr(parent), methods) &&
		       above->kind == AST_Call && ast_Call_func(above) == parent;
	case AST_Subscript:
		return ast_Subscript_ctx(parent) == AST_LOAD;
	case AST_Call:
		return ast_Call_func(parent)->kind == AST_Name &&
		       str_listed(*ast_Name_id(ast_Call_func(parent)), takers);
	case AST_For:
	case AST_comprehension:
	case AST_Compare:
	case AST_FormattedValue:
	case AST_Expr:
	case AST_If:
	case AST_Assert:
	case AST_UnaryOp:
	case AST_Dict: /* {**x.__annotations__} */
		return true;
	default:
		return false;
	}
}

/* Names with two underscores, on any object but a module. */
static void judge_dunder(struct screen *screen, const struct ast_node *node,
	const struct values *base, struct str name, enum access access)
{
	if (str_is(name, "__dict__") && access != ACCESS_TEXT) {
		if (screen_may_be(base, VALUE_BUILTIN, NULL) ||
			screen_may_be(base, VALUE_TYPE, NULL) ||
			screen_may_be(base, VALUE_MEMBER, NULL) ||
			screen_may_be(base, VALUE_LITERAL, NULL) ||
			screen_may_be(base, VALUE_DYNAMIC, NULL))
			deny(screen, node, name);
		else
			screen_own_dict(screen, node,
				node->kind == AST_Attribute ? ast_Attribute_value(node) : NULL,
				false);
		return;
	}
	if (screen_bad_name(screen, name) || (access == ACCESS_STORE && str_is(name, "__class__")))
		deny(screen, node, name);
	if (access == ACCESS_STORE && str_is(name, "__match_args__"))
		screen_match_args(screen, node);
	if (access == ACCESS_STORE && (str_is(name, "__doc__") || str_is(name, "__test__")))
		screen_doc_store(screen, node);
	if (str_is(name, "__get__"))
		note_get(screen, node);
	if (str_is(name, "__annotations__")) {
		screen->odd_annotation = node;
		if (access == ACCESS_STORE || !screen_only_reads(screen))
			screen->changed_annotations = node;
	}
}

/* What a call of a class gives is the library's own object; other calls may hand out ours. */
static bool is_class_name(struct str path)
{
	size_t start = path.len;

	while (start && path.ptr[start - 1] != '.')
		start--;
	path = str_from(path.ptr + start, path.len - start);
	return path.len &&
	       ((path.ptr[0] >= 'A' && path.ptr[0] <= 'Z') || str_is(path, "catch_warnings"));
}

static bool leads_on(const struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *parent = screen_parent(screen, 1);

	return parent && screen_here(screen) == node && parent->kind == AST_Attribute;
}

/* What mock.patch() gave: some of its attributes are the module it patches. */
static bool is_patcher(const struct value *value)
{
	return value->kind == VALUE_RESULT && str_starts(value->path, STR("unittest.mock.patch"));
}

static bool hands_out_target(struct str name)
{
	return str_is(name, "getter") || str_is(name, "target") || str_is(name, "get_original") ||
	       str_is(name, "temp_original");
}

/* What may be an error that someone has caught: tasks and futures keep them. */
static bool may_be_error(const struct values *base)
{
	static const char *const keepers[] = {"asyncio.", "concurrent.", "contextlib.", "sys.",
		"threading.", "traceback.", "unittest."};

	for (uint32_t i = 0; i < base->count; i++)
		for (size_t k = 0; k < sizeof(keepers) / sizeof(keepers[0]); k++)
			if (base->items[i].kind == VALUE_RESULT &&
				str_starts(base->items[i].path, str_of(keepers[k])))
				return true;
	return !base->count;
}

void screen_attribute(struct screen *screen, const struct ast_node *node, const struct values *base,
	struct str name, enum access access)
{
	const struct guard_word *word = word_for(screen, GUARD_WORD_ATTRIBUTE, name);
	bool module = false;

	if (word) {
		if (!word->allow)
			deny(screen, node, name);
		return;
	}
	for (uint32_t i = 0; i < base->count; i++) {
		const struct value *value = &base->items[i];
		bool library = value->kind == VALUE_MEMBER ||
			       (value->kind == VALUE_RESULT && is_class_name(value->path));

		if (value->kind == VALUE_MODULE) {
			module = true;
			if (access == ACCESS_STORE &&
				!(str_is(value->path, "sys") &&
					(str_is(name, "stdout") || str_is(name, "stderr") ||
						str_is(name, "stdin"))))
				guard_find(screen->sink, GUARD_RULE_MODULE_STORE, node,
					"'%.*s.%.*s' is assigned to", STR_ARG(value->path),
					STR_ARG(name));
			screen_module_member(screen, node, value->path, name);
		} else if (library && name.len && name.ptr[0] == '_' && !is_dunder(name) &&
			   !known_private(name) && access != ACCESS_STORE) {
			find_member(screen, GUARD_RULE_PRIVATE, node, value->path, name);
			return;
		} else if (library && known_road(name)) {
			find_member(screen, GUARD_RULE_ROAD, node, value->path, name);
			return;
		} else if (value->kind == VALUE_RESULT && access == ACCESS_STORE &&
			   str_is(value->path, "shlex.shlex") && str_is(name, "source")) {
			guard_find(screen->sink, GUARD_RULE_PATH, node,
				"a shlex that reads the files its text names");
		} else if (is_patcher(value) && hands_out_target(name)) {
			deny(screen, node, name);
			return;
		} else if (value->kind == VALUE_EXCEPTION && str_is(name, "obj")) {
			deny(screen, node, name);
			return;
		}
	}
	if (module)
		return;
	if (access == ACCESS_STORE && str_is(name, "fromfile_prefix_chars"))
		guard_find(screen->sink, GUARD_RULE_PATH, node,
			"arguments that name files to be read are not allowed");
	if (node->kind != AST_Attribute)
		screen_note_read(screen, name);
	if (is_dunder(name))
		judge_dunder(screen, node, base, name, access);
	else if (known_inner(name))
		deny(screen, node, name);
	else if (known_lent(name) && !screen_owns(screen, name))
		deny(screen, node, name);
	else if (str_is(name, "obj") && access != ACCESS_STORE && may_be_error(base)) {
		if (!screen_owns(screen, name))
			deny(screen, node, name);
		else if (node->kind != AST_Attribute || !is_self(screen, ast_Attribute_value(node)))
			screen->error_read = node;
	} else if (str_is(name, "ctypes") && !screen_owns(screen, name))
		guard_find(screen->sink, GUARD_RULE_ROAD, node, "'.ctypes' leads to a module");
	else if (known_road(name) && leads_on(screen, node) && !screen_owns(screen, name))
		guard_find(screen->sink, GUARD_RULE_ROAD, node, "'.%.*s.' leads through a module",
			STR_ARG(name));
}
