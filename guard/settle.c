/*
 * What depends on the whole program, settled once the walk is over: unknown names, formats and
 * paths by the text that flows to them, hooks by who runs them.
 */
#include "guard/flow.h"

/* "__" + name + "__" */
static bool is_bad_with_underscores(const struct screen *screen, struct str part)
{
	char name[48] = "__";

	memcpy(name + 2, part.ptr, part.len);
	memcpy(name + 2 + part.len, "__", 2);
	return screen_bad_name(screen, str_from(name, part.len + 4));
}

static bool puts_underscores(const struct ast_node *node)
{
	const struct ast_node *part = node;

	if (node->kind == AST_JoinedStr && ast_JoinedStr_values(node)->count)
		part = ast_JoinedStr_values(node)->items[0];
	while (part->kind == AST_BinOp)
		part = ast_BinOp_left(part);
	return part != node && ast_is_str(part) && str_starts(ast_Constant_value(part), STR("__"));
}

static bool is_bad_attribute(const struct flow *flow, struct str text)
{
	while (text.len) {
		const char *dot = memchr(text.ptr, '.', text.len);
		size_t len = dot ? (size_t)(dot - text.ptr) : text.len;
		struct str part = str_from(text.ptr, len);

		if (screen_bad_name(flow->screen, part) ||
			(flow->kind == FLOW_PARTS && len < 40 &&
				is_bad_with_underscores(flow->screen, part)))
			return true;
		if (!dot)
			break;
		text = str_from(dot + 1, text.len - len - 1);
	}
	return false;
}

/*
 * A text that is a path of the system's own files, or above the working directory: what only may
 * become a path is not judged by places that do not exist, or by comments of another language.
 */
bool screen_bad_path(struct str text)
{
	const char *slash;
	struct str root;

	if (!text.len || text.len >= 512 || memchr(text.ptr, '\n', text.len) ||
		memchr(text.ptr, ' ', text.len) || !screen_foreign_path(text, false))
		return false;
	if (text.ptr[0] != '/')
		return text.ptr[0] != '~' || text.len == 1 || text.ptr[1] == '/';
	if (text.len == 1)
		return false;
	slash = memchr(text.ptr + 1, '/', text.len - 1);
	root = str_from(text.ptr + 1, slash ? (size_t)(slash - text.ptr) - 1 : text.len - 1);
	return known_root(root) || str_is(root, "tmp") || str_is(root, ".");
}

/* "/etc/passwd", which is nothing but a file of the system, whatever road it takes. */
bool screen_system_file(struct str text)
{
	static const char *const roots[] = {"/proc/", "/etc/", "/sys/", "/root/", "/dev/"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (str_starts(text, str_of(roots[i])) && text.len > strlen(roots[i]))
			return screen_bad_path(text);
	return false;
}

static bool is_bad_path(const struct flow *flow, struct str text)
{
	(void)flow;
	return screen_bad_path(text);
}

/* What an attribute is read from is something that leads out. */
static void look_for_roads(struct flow *flow, uint32_t scope, const struct ast_node *node)
{
	struct values values = {0};

	screen_evaluate(flow->screen, scope, node, SCREEN_DEPTH, &values);
	for (uint32_t i = 0; i < values.count; i++)
		flow->found |= values.items[i].kind <= VALUE_BUILTIN ||
			       values.items[i].kind == VALUE_FUNCTION ||
			       values.items[i].kind == VALUE_TYPE;
}

static bool no_text(const struct flow *flow, struct str text)
{
	(void)flow;
	(void)text;
	return false;
}

static bool is_parameter(const struct screen *screen, const struct unknown_use *use)
{
	struct resolution found;

	if (!use->object || use->object->kind != AST_Name ||
		str_is(*ast_Name_id(use->object), "self"))
		return false;
	found = names_resolve(
		&screen->names, use->scope, ast_Name_id(use->object), use->object->start);
	for (const struct binding *b = found.count ? found.symbols[0]->bindings : NULL; b;
		b = b->next)
		if (b->kind == BIND_PARAM)
			return true;
	return false;
}

/* Whether the name of an attribute, or text put together where it cannot be followed, is bad. */
static bool is_bad_name_use(struct flow *flow, const struct unknown_use *use)
{
	bool opaque;

	/* Without such a text, only text that is made where it cannot be followed is left. */
	if (!flow->screen->names_found && !flow->screen->names_listed &&
		!puts_underscores(use->subject) && !is_parameter(flow->screen, use))
		return false;
	flow_ask(flow, puts_underscores(use->subject) ? FLOW_PARTS : FLOW_NAMES, is_bad_attribute,
		NULL);
	/* Where the steps end it is not known, and that is a finding. */
	if (flow_reaches(flow, use->scope, use->subject) || !flow->steps)
		return true;
	opaque = flow->opaque && flow->parameter;
	if (opaque && use->getter)
		return flow->screen->names_listed;
	if (!opaque || !use->object)
		return false;
	flow_ask(flow, FLOW_OBJECTS, no_text, look_for_roads);
	return flow_reaches(flow, use->scope, use->object);
}

static bool is_bad_query(const struct flow *flow, struct str text)
{
	(void)flow;
	return screen_odd_query(text);
}

static bool is_bad_code(const struct flow *flow, struct str text)
{
	(void)flow;
	return !screen_plain_code(text);
}

/* A parameter: all that it is given has been followed. */
static bool is_only_given(const struct screen *screen, const struct unknown_use *use)
{
	struct resolution found;

	if (use->subject->kind != AST_Name)
		return false;
	found = names_resolve(
		&screen->names, use->scope, ast_Name_id(use->subject), use->subject->start);
	for (const struct binding *b = found.count ? found.symbols[0]->bindings : NULL; b;
		b = b->next)
		if (b->kind != BIND_PARAM)
			return false;
	return found.count != 0;
}

static bool is_bad_use(struct flow *flow, const struct unknown_use *use)
{
	switch (use->needs) {
	case NEEDS_NOTHING:
		return false;
	case NEEDS_FORMAT:
		/* Or what such a text is put together of: "{0." and the name. */
		return flow->screen->formats_found ||
		       (flow->screen->format_begun &&
			       (flow->screen->names_found || flow->screen->names_listed));
	case NEEDS_KEYWORD:
		return flow->screen->keyword_found;
	case NEEDS_QUERY:
		flow_ask(flow, FLOW_CODE, is_bad_query, NULL);
		return flow_reaches(flow, use->scope, use->subject);
	case NEEDS_CODE:
		flow_ask(flow, FLOW_CODE, is_bad_code, NULL);
		return flow_reaches(flow, use->scope, use->subject);
	case NEEDS_PATH:
		if (!flow->screen->paths_found || !use->subject)
			return flow->screen->paths_found;
		flow_ask(flow, FLOW_PATHS, is_bad_path, NULL);
		return flow_reaches(flow, use->scope, use->subject) ||
		       (flow->screen->file_found && use->otherwise != GUARD_RULE_COUNT &&
			       !is_only_given(flow->screen, use));
	default:
		return is_bad_name_use(flow, use);
	}
}

/* Uses of one kind after the other, so that what was followed for one need not be for the next. */
static void settle_uses(struct screen *screen, struct flow *flow, int needs)
{
	for (uint32_t i = 0; i < screen->use_count; i++) {
		const struct unknown_use *use = &screen->uses[i];

		if ((int)use->needs != needs)
			continue;
		if (is_bad_use(flow, use)) {
			if (!use->subject || !flow->text.len)
				guard_find(screen->sink, use->rule, use->node,
					use->needs == NEEDS_PATH ? "a path that cannot be known "
								   "may be one not allowed"
								 : "a name that cannot be known "
								   "may be one not allowed");
			else
				guard_find(screen->sink, use->rule, use->node,
					use->needs == NEEDS_PATH ? "path '%.*s' is not allowed"
								 : "name '%.*s' is not allowed",
					STR_ARG(flow->text));
		} else if (use->otherwise != GUARD_RULE_COUNT) {
			guard_find(screen->sink, use->otherwise, use->node,
				use->needs == NEEDS_PATH ? "a path that cannot be known"
							 : "a name that cannot be known");
		}
	}
}

static bool is_key_method(struct str name)
{
	return str_is(name, "get") || str_is(name, "pop") || str_is(name, "setdefault") ||
	       str_is(name, "__getitem__");
}

/* A key of a dict that is the name of an attribute not allowed. */
static bool is_bad_key(struct flow *flow, uint32_t scope, const struct ast_node *node)
{
	const struct ast_node *key = NULL;

	if (node->kind == AST_Subscript)
		key = ast_Subscript_slice(node);
	else if (node->kind == AST_Call && ast_Call_func(node)->kind == AST_Attribute &&
		 is_key_method(*ast_Attribute_attr(ast_Call_func(node))) &&
		 ast_Call_args(node)->count)
		key = ast_Call_args(node)->items[0];
	if (!key || key->kind == AST_Slice)
		return false;
	flow_ask(flow, FLOW_NAMES, is_bad_attribute, NULL);
	return flow_reaches(flow, scope, key);
}

/*
 * vars(x) of what may be a type hands out its descriptors: __globals__ of functions by a key, or
 * any of them by __get__().
 */
static int settle_dicts(struct screen *screen, struct flow *flow)
{
	const struct names *names = &screen->names;

	if (!screen->type_dict)
		return 0;
	if (screen->bound_get)
		guard_find(screen->sink, GUARD_RULE_ATTRIBUTE, screen->type_dict,
			"what this hands out is bound by __get__()");
	for (uint32_t i = 0; i < names->visit_count; i++) {
		const struct ast_node *node = names->visits[i].node;

		if (is_bad_key(
			    flow, names_scope_at(names, names->visits[i].scope, node->start), node))
			guard_find(screen->sink, GUARD_RULE_ATTRIBUTE, node,
				"attribute '%.*s' is not allowed", STR_ARG(flow->text));
	}
	return 0;
}

int screen_settle(struct screen *screen)
{
	struct flow flow;

	screen_settle_lenders(screen);
	if (screen_settle_modules(screen) < 0)
		return -1;
	flow_init(&flow, screen);
	for (int needs = NEEDS_NOTHING; screen->use_count && needs <= NEEDS_QUERY; needs++)
		settle_uses(screen, &flow, needs);
	if (screen->type_dict && (screen->names_found || screen->bound_get) &&
		settle_dicts(screen, &flow) < 0)
		return -1;
	if (screen->changed_annotations && screen->copies)
		guard_find(screen->sink, GUARD_RULE_DEFINITION, screen->changed_annotations,
			"dataclass() makes code of the names in '__annotations__'");
	if (screen->match_text && screen->positional)
		guard_find(screen->sink, GUARD_RULE_DYNAMIC, screen->match_text,
			"__match_args__ that cannot be known");
	if (screen->reduce && (screen->copies || screen->policy->level <= GUARD_LEVEL_STRICT))
		guard_find(screen->sink, GUARD_RULE_DEFINITION, screen->reduce,
			"what __reduce__ returns is called when objects are copied");
	return 0;
}
