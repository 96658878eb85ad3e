/*
 * Paths worked out from the source: os.path, pathlib and the names they have for places.
 *
 * The working directory is ".", a home is "~", and the file of the program lies in the working
 * directory; what is above is written with "..", so that guard/paths.c sees that it is outside.
 */
#include "guard/fold.h"

static struct folder below(const struct folder *folder)
{
	struct folder next = *folder;

	next.depth--;
	return next;
}

static bool is_text(struct fold value)
{
	return value.kind == FOLD_STR || value.kind == FOLD_PATH;
}

static struct fold as_kind(struct fold value, enum fold_kind kind)
{
	if (value.kind != FOLD_NONE)
		value.kind = kind;
	return value;
}

static struct fold joined(const struct folder *folder, struct fold a, struct fold b)
{
	struct fold left = fold_text_of(FOLD_STR, a.text), right = fold_text_of(FOLD_STR, b.text);

	if (b.text.len && b.text.ptr[0] == '/')
		return right;
	if (!a.text.len || str_is(a.text, "."))
		return right;
	if (a.text.ptr[a.text.len - 1] != '/')
		left = fold_concat(folder->screen, left, fold_text_of(FOLD_STR, STR("/")));
	return fold_concat(folder->screen, left, right);
}

static struct fold parent_of(const struct folder *folder, struct fold path)
{
	struct str text = path.text;

	while (text.len > 1 && text.ptr[text.len - 1] == '/')
		text.len--;
	if (!text.len || str_is(text, "."))
		return fold_text_of(FOLD_PATH, STR(".."));
	if (text.ptr[text.len - 1] == '.' || str_is(text, "~"))
		return as_kind(joined(folder, fold_text_of(FOLD_PATH, text),
				       fold_text_of(FOLD_STR, STR(".."))),
			FOLD_PATH);
	while (text.len && text.ptr[text.len - 1] != '/')
		text.len--;
	if (text.len > 1)
		text.len--;
	return fold_text_of(FOLD_PATH, text.len ? text : STR("."));
}

/*
 * The arguments as one path. One that cannot be known ends it, where what stands before it says
 * already that the file is outside.
 */
static struct fold join_all(
	const struct folder *folder, struct fold all, const struct ast_list *args)
{
	struct folder next = below(folder);

	for (uint32_t i = 0; i < args->count && i < 16; i++) {
		struct fold part = fold_node(&next, args->items[i]);

		if (!is_text(part))
			return all.text.len && screen_foreign_path(all.text, false) ? all : NOTHING;
		all = i || all.text.len ? joined(folder, all, part) : part;
		if (all.kind == FOLD_NONE)
			return NOTHING;
	}
	return all;
}

static bool is_path_class(struct str path)
{
	return str_is(path, "pathlib.Path") || str_is(path, "pathlib.PosixPath") ||
	       str_is(path, "pathlib.PurePath") || str_is(path, "pathlib.PurePosixPath");
}

static struct fold call_member(
	const struct folder *folder, const struct ast_node *call, struct str path)
{
	static const char *const same[] = {"os.path.abspath", "os.path.realpath",
		"os.path.normpath", "os.path.expanduser", "os.path.expandvars", "os.fspath",
		"os.path.normcase", "os.fsdecode", "os.fsencode"};
	const struct ast_list *args = ast_Call_args(call);
	struct folder next = below(folder);
	struct fold first = NOTHING;

	if (is_path_class(path))
		return as_kind(args->count ? join_all(folder, fold_text_of(FOLD_STR, STR("")), args)
					   : fold_text_of(FOLD_PATH, STR(".")),
			FOLD_PATH);
	if (str_is(path, "pathlib.Path.home"))
		return fold_text_of(FOLD_PATH, STR("~"));
	if (str_is(path, "pathlib.Path.cwd"))
		return fold_text_of(FOLD_PATH, STR("."));
	if (str_is(path, "os.getcwd"))
		return fold_text_of(FOLD_STR, STR("."));
	if (str_is(path, "tempfile.gettempdir"))
		return fold_text_of(FOLD_STR, STR("/tmp"));
	if (str_is(path, "os.path.join"))
		return as_kind(join_all(folder, fold_text_of(FOLD_STR, STR("")), args), FOLD_STR);
	if (args->count)
		first = fold_node(&next, args->items[0]);
	if (!is_text(first))
		return NOTHING;
	if (str_is(path, "os.path.dirname"))
		return as_kind(parent_of(folder, first), FOLD_STR);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (str_is(path, same[i]))
			return as_kind(first, FOLD_STR);
	return NOTHING;
}

/* Methods of a path that give another. */
static struct fold call_method(const struct folder *folder, const struct ast_node *call)
{
	const struct ast_node *func = ast_Call_func(call);
	struct str name = *ast_Attribute_attr(func);
	struct folder next = below(folder);
	struct fold path;
	bool joins = str_is(name, "joinpath"), with = str_is(name, "with_name");

	if (!joins && !with && !str_is(name, "resolve") && !str_is(name, "absolute") &&
		!str_is(name, "expanduser") && !str_is(name, "with_suffix") &&
		!str_is(name, "with_stem") && !str_is(name, "as_posix") &&
		!str_is(name, "readlink"))
		return NOTHING;
	path = fold_node(&next, ast_Attribute_value(func));
	if (path.kind != FOLD_PATH)
		return NOTHING;
	if (joins)
		return as_kind(join_all(folder, path, ast_Call_args(call)), FOLD_PATH);
	if (with)
		return as_kind(
			join_all(folder, parent_of(folder, path), ast_Call_args(call)), FOLD_PATH);
	return str_is(name, "as_posix") ? as_kind(path, FOLD_STR) : path;
}

/* Whether an expression may name a member that makes paths: by its last part, or imported. */
static bool may_make_path(const struct folder *folder, const struct ast_node *node)
{
	static const char *const makers[] = {"Path", "PosixPath", "PurePath", "PurePosixPath",
		"home", "cwd", "getcwd", "gettempdir", "join", "dirname", "abspath", "realpath",
		"normpath", "expanduser", "expandvars", "fspath", "normcase", "fsdecode",
		"fsencode", "sep", "pardir", "curdir", "altsep"};
	struct resolution found;

	for (size_t i = 0; node->kind == AST_Attribute && i < sizeof(makers) / sizeof(makers[0]);
		i++)
		if (str_is(*ast_Attribute_attr(node), makers[i]))
			return true;
	if (node->kind == AST_Name && folder->screen->names.star_count)
		return true;
	if (node->kind != AST_Name ||
		!(screen_word(folder->screen, ast_Name_id(node)) & WORD_SPEAKS))
		return false;
	found = names_resolve(
		&folder->screen->names, folder->scope, ast_Name_id(node), node->start);
	return found.count && found.symbols[0]->bindings &&
	       (found.symbols[0]->bindings->kind == BIND_FROM ||
		       found.symbols[0]->bindings->kind == BIND_VALUE);
}

/* What a name stands for, of the members of modules. */
static bool member_of(const struct folder *folder, const struct ast_node *node, struct str *ret)
{
	struct values values;
	struct screen *screen = folder->screen;

	values_clear(&values);
	if (!may_make_path(folder, node))
		return false;

	/* Folding asks for values and values for folds: not without end. */
	if (screen->nesting >= 4 || !screen_speaks(screen, node))
		return false;
	screen->nesting++;
	screen_evaluate(screen, folder->scope, node, SCREEN_DEPTH, &values);
	screen->nesting--;
	for (uint32_t i = 0; i < values.count; i++)
		if (values.items[i].kind == VALUE_MEMBER) {
			*ret = values.items[i].path;
			return true;
		}
	return false;
}

static struct fold fold_path_attribute(const struct folder *folder, const struct ast_node *node)
{
	struct folder next = below(folder);
	struct str name = *ast_Attribute_attr(node), path;
	struct fold value;

	if (str_is(name, "parent")) {
		value = fold_node(&next, ast_Attribute_value(node));
		return value.kind == FOLD_PATH ? parent_of(folder, value) : NOTHING;
	}
	if (!str_is(name, "sep") && !str_is(name, "pardir") && !str_is(name, "curdir") &&
		!str_is(name, "altsep"))
		return NOTHING;
	if (!member_of(folder, node, &path) || !str_starts(path, STR("os.")))
		return NOTHING;
	return fold_text_of(FOLD_STR, str_is(name, "pardir")   ? STR("..")
				      : str_is(name, "curdir") ? STR(".")
							       : STR("/"));
}

/* path.parents[n] */
static struct fold fold_path_subscript(const struct folder *folder, const struct ast_node *node)
{
	const struct ast_node *base = ast_Subscript_value(node);
	struct folder next = below(folder);
	struct fold path, index;

	if (base->kind != AST_Attribute || !str_is(*ast_Attribute_attr(base), "parents"))
		return NOTHING;
	path = fold_node(&next, ast_Attribute_value(base));
	index = fold_node(&next, ast_Subscript_slice(node));
	if (path.kind != FOLD_PATH || index.kind != FOLD_INT || index.number < 0 ||
		index.number > 16)
		return NOTHING;
	for (int64_t i = 0; i <= index.number && path.kind != FOLD_NONE; i++)
		path = as_kind(parent_of(folder, path), FOLD_PATH);
	return path;
}

struct fold fold_path(const struct folder *folder, const struct ast_node *node)
{
	struct fold value = NOTHING;
	struct str path;

	switch (node->kind) {
	case AST_Call:
		if (ast_Call_func(node)->kind == AST_Attribute)
			value = call_method(folder, node);
		if (value.kind == FOLD_NONE && member_of(folder, ast_Call_func(node), &path))
			value = call_member(folder, node, path);
		return value;
	case AST_Attribute:
		return fold_path_attribute(folder, node);
	case AST_Subscript:
		return fold_path_subscript(folder, node);
	case AST_Name:
		/* from os import sep */
		if (member_of(folder, node, &path) &&
			(str_is(path, "os.sep") || str_is(path, "os.path.sep")))
			return fold_text_of(FOLD_STR, STR("/"));
		return str_is(*ast_Name_id(node), "__file__")
			       ? fold_text_of(FOLD_STR, STR("program.py"))
			       : NOTHING;
	case AST_BinOp: {
		struct folder next = below(folder);
		struct fold right;

		if (ast_BinOp_op(node) != AST_OP_Div)
			return NOTHING;
		value = fold_node(&next, ast_BinOp_left(node));
		right = is_text(value) ? fold_node(&next, ast_BinOp_right(node)) : NOTHING;
		if (value.kind == FOLD_PATH && right.kind == FOLD_NONE)
			return screen_foreign_path(value.text, false) ? value : NOTHING;
		if (!is_text(value) || !is_text(right) ||
			(value.kind != FOLD_PATH && right.kind != FOLD_PATH))
			return NOTHING;
		return as_kind(joined(folder, value, right), FOLD_PATH);
	}
	default:
		return NOTHING;
	}
}
