/*
 * Files: which paths a program may name, and which calls take one (guard/paths.def).
 *
 * Read may be what lies under /tmp, in the working directory, and in /sandbox, where --file brings
 * things read-only; written, what lies under /tmp or in the working directory. Names are judged as
 * written: links are the sandbox's business.
 */
#include "guard/screen.h"

#include <stdio.h>
#include <stdlib.h>

enum path_kind { PATH_READS, PATH_WRITES, PATH_MODE, PATH_OPENS, PATH_COPIES, PATH_MAKES };

struct path_taker {
	struct str callee;
	enum path_kind kind;
	unsigned positions;
	const char *keywords;
};

static const struct path_taker takers[] = {
#define PATH(callee, kind, positions, keywords)                                                    \
	{STR_INIT(callee), PATH_##kind, positions, keywords},
#include "guard/paths.def"
};

static const struct path_taker patterns[] = {
#define PATHS(callee, kind, positions, keywords)                                                   \
	{STR_INIT(callee), PATH_##kind, positions, keywords},
#include "guard/paths.def"
};

/* The next component of a path, *path left at what follows it. */
static struct str next_part(struct str *path)
{
	size_t len = 0;
	struct str part;

	while (path->len && path->ptr[0] == '/')
		*path = str_from(path->ptr + 1, path->len - 1);
	while (len < path->len && path->ptr[len] != '/')
		len++;
	part = str_from(path->ptr, len);
	*path = str_from(path->ptr + len, path->len - len);
	return part;
}

static bool is_remote(struct str path)
{
	static const char *const schemes[] = {"http://", "https://", "ftp://", "s3://", "gs://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_starts(path, str_of(schemes[i])))
			return true;
	return false;
}

bool screen_foreign_path(struct str path, bool writes)
{
	bool absolute;
	struct str part, top = STR("");
	int depth = 0;

	if (is_remote(path))
		return true;
	if (str_starts(path, STR("file:")))
		path = str_from(path.ptr + 5, path.len - 5);
	if (!path.len)
		return false;
	if (path.ptr[0] == '~')
		return path.len == 1 || path.ptr[1] == '/' || path.len < 32;
	if (str_is(path, "/dev/null") || str_is(path, "/dev/stdin") ||
		str_is(path, "/dev/stdout") || str_is(path, "/dev/stderr"))
		return false;
	absolute = path.ptr[0] == '/';
	while ((part = next_part(&path)).len) {
		if (str_is(part, "."))
			continue;
		depth += str_is(part, "..") ? -1 : 1;
		if (depth < 0 && !absolute)
			return true;
		depth = depth < 0 ? 0 : depth;
		if (depth == 1 && !str_is(part, ".."))
			top = part;
		else if (depth == 0)
			top = STR("");
	}
	return absolute && !str_is(top, "tmp") && (writes || !str_is(top, "sandbox"));
}

/* Whether a dotted name is the row's, in which one "*" stands for anything. */
static bool fits(const struct path_taker *taker, struct str path, bool unknown)
{
	struct str callee = taker->callee, tail;
	size_t head = (size_t)((const char *)memchr(callee.ptr, '*', callee.len) - callee.ptr);

	/* Of an object nothing is known of, only names that no other object has. */
	if (unknown && !str_starts(callee, STR("*.to_")) && !str_is(callee, "*.savefig"))
		return false;
	tail = str_from(callee.ptr + head + 1, callee.len - head - 1);
	return path.len >= head + tail.len && memcmp(path.ptr, callee.ptr, head) == 0 &&
	       memcmp(path.ptr + path.len - tail.len, tail.ptr, tail.len) == 0;
}

static int by_callee(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static const struct path_taker *taker_of(struct str path, bool unknown)
{
	const struct path_taker *exact = NULL;

	if (!path.len)
		return NULL;
	exact = bsearch(
		&path, takers, sizeof(takers) / sizeof(takers[0]), sizeof(takers[0]), by_callee);
	for (size_t i = 0; !exact && i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		char first = patterns[i].callee.ptr[0];

		if ((first == '*' || first == path.ptr[0]) && fits(&patterns[i], path, unknown))
			exact = &patterns[i];
	}
	return exact;
}

bool screen_is_taker(struct str path)
{
	return taker_of(path, false) != NULL;
}

/* Whether methods of what a class gives take files: what is derived from it has them too. */
bool screen_has_takers(struct str class)
{
	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++)
		if (takers[i].callee.len > class.len && str_starts(takers[i].callee, class) &&
			takers[i].callee.ptr[class.len] == '.')
			return true;
	return false;
}

/*
 * What takes a file, where it stands as a value: map(os.listdir, folders) calls it with what stands
 * beside it; from elsewhere it is called with what is not seen here, and any text counts.
 */
void screen_taker_value(
	struct screen *screen, const struct ast_node *node, uint32_t scope, struct str path)
{
	const struct path_taker *taker = taker_of(path, false);
	const struct ast_node *call = screen_parent(screen, 1);
	struct unknown_use use = {.node = node,
		.scope = scope,
		.rule = GUARD_RULE_PATH,
		.otherwise = GUARD_RULE_PATH_UNKNOWN,
		.needs = NEEDS_PATH};

	if (!taker && !(call->kind == AST_ClassDef && screen_has_takers(path)))
		return;
	if (!taker || taker->kind == PATH_MAKES)
		use.otherwise = GUARD_RULE_COUNT;
	if (taker && taker->kind == PATH_MAKES && call->kind != AST_Call &&
		call->kind != AST_ClassDef)
		return;
	if (call->kind == AST_keyword)
		call = screen_parent(screen, 2);
	if (call->kind != AST_Call || ast_Call_func(call)->kind != AST_Name ||
		!str_listed(*ast_Name_id(ast_Call_func(call)), " map filter sorted min max ") ||
		!screen_is_builtin(screen, scope, ast_Call_func(call))) {
		screen_unknown(screen, use);
		return;
	}
	for (uint32_t i = 0; i < ast_Call_args(call)->count && i < 8; i++) {
		use.subject = ast_Call_args(call)->items[i];
		if (use.subject != node)
			screen_unknown(screen, use);
	}
}

/* Whether a mode writes: what cannot be known is taken for reading. */
static bool mode_writes(struct screen *screen, uint32_t scope, const struct ast_node *mode)
{
	struct fold text = {.kind = FOLD_NONE};

	if (mode)
		text = screen_fold(screen, scope, mode);
	for (size_t i = 0; text.kind == FOLD_STR && i < text.text.len; i++)
		if (strchr("wax+", text.text.ptr[i]))
			return true;
	return false;
}

struct path_use {
	struct screen *screen;
	const struct ast_node *call;
	uint32_t scope;
	enum path_kind kind;
	bool writes;
};

static void judge_fold(const struct path_use *use, struct fold path)
{
	if (path.kind == FOLD_LIST)
		for (uint32_t i = 0; i < path.count; i++)
			judge_fold(use, path.items[i]);
	else if (path.kind == FOLD_INT && use->kind == PATH_OPENS && path.number > 2)
		guard_find(use->screen->sink, GUARD_RULE_PATH, use->call,
			"descriptor %lld is not allowed", (long long)path.number);
	else if (path.kind != FOLD_INT && screen_foreign_path(path.text, use->writes))
		guard_find(use->screen->sink, GUARD_RULE_PATH, use->call,
			use->writes ? "path '%.*s' is not allowed for writing"
				    : "path '%.*s' is not allowed",
			STR_ARG(path.text));
}

static void judge_path(const struct path_use *use, const struct ast_node *arg)
{
	struct fold paths[64];
	uint32_t count = screen_fold_each(use->screen, use->scope, arg, paths, 64);

	/* A path object is judged where it is used. */
	for (uint32_t i = 0; i < count && use->kind != PATH_MAKES; i++)
		judge_fold(use, paths[i]);
	if (!count && arg->kind != AST_Constant)
		screen_unknown(use->screen, (struct unknown_use){.node = use->call,
						    .subject = arg,
						    .scope = use->scope,
						    .rule = GUARD_RULE_PATH,
						    .otherwise = GUARD_RULE_PATH_UNKNOWN,
						    .needs = NEEDS_PATH});
}

/* **{"file": ...} */
static void judge_spread(
	const struct path_use *use, const struct ast_node *value, const char *keywords)
{
	struct path_use inner = *use;
	const struct ast_node *dict = screen_dict(use->screen, use->scope, value, &inner.scope);

	if (!dict) {
		judge_path(use, value);
		return;
	}
	for (uint32_t i = 0; i < ast_Dict_keys(dict)->count && i < 32; i++) {
		struct fold key = {.kind = FOLD_NONE};

		if (ast_Dict_keys(dict)->items[i])
			key = screen_fold(use->screen, inner.scope, ast_Dict_keys(dict)->items[i]);
		if (key.kind != FOLD_STR || str_listed(key.text, keywords))
			judge_path(&inner, ast_Dict_values(dict)->items[i]);
	}
}

static void judge_taker(struct screen *screen, const struct ast_node *call, uint32_t scope,
	const struct path_taker *taker)
{
	const struct ast_list *args = ast_Call_args(call), *keywords = ast_Call_keywords(call);
	struct path_use use = {screen, call, scope, taker->kind, taker->kind == PATH_WRITES};

	if (taker->kind == PATH_MODE || taker->kind == PATH_OPENS)
		use.writes = mode_writes(screen, scope, screen_argument(call, 1, "mode"));
	for (uint32_t i = 0; i < args->count && i < 4; i++) {
		if (taker->kind == PATH_COPIES)
			use.writes = i == 1;
		if (taker->positions & 1u << i)
			judge_path(&use, args->items[i]);
		if (args->items[i]->kind == AST_Starred)
			break;
	}
	for (uint32_t i = 0; i < keywords->count && i < 16; i++) {
		const struct str *name = ast_keyword_arg(keywords->items[i]);

		if (taker->kind == PATH_COPIES)
			use.writes = !name || str_is(*name, "dst");
		if (!name)
			judge_spread(&use, ast_keyword_value(keywords->items[i]), taker->keywords);
		else if (str_listed(*name, taker->keywords))
			judge_path(&use, ast_keyword_value(keywords->items[i]));
	}
}

void screen_paths(struct screen *screen, const struct ast_node *call, uint32_t scope,
	const struct values *callee)
{
	const struct ast_node *func = ast_Call_func(call);

	for (uint32_t i = 0; i < callee->count; i++) {
		const struct value *value = &callee->items[i];
		const struct path_taker *taker = NULL;

		if (value->kind == VALUE_BUILTIN || value->kind == VALUE_MEMBER ||
			value->kind == VALUE_RESULT)
			taker = taker_of(value->path, false);
		if (taker) {
			judge_taker(screen, call, scope, taker);
			return;
		}
	}
	if (!callee->count && func->kind == AST_Attribute &&
		!screen_owns(screen, *ast_Attribute_attr(func))) {
		char name[64];
		int len =
			snprintf(name, sizeof(name), "?.%.*s", STR_ARG(*ast_Attribute_attr(func)));
		const struct path_taker *taker =
			len < (int)sizeof(name) ? taker_of(str_from(name, (size_t)len), true)
						: NULL;

		if (taker)
			judge_taker(screen, call, scope, taker);
	}
}

static const char pure_members[] =
	" name stem suffix suffixes parts parent parents anchor root drive as_posix as_uri "
	"is_absolute "
	"relative_to is_relative_to match full_match with_name with_stem with_suffix with_segments "
	"joinpath is_reserved expanduser absolute resolve __class__ __str__ ";
static const char writing_members[] = " write_text write_bytes mkdir touch unlink rmdir rename "
				      "replace chmod symlink_to hardlink_to ";
static const char pure_callees[] =
	" print str repr len isinstance type bool hash id format sorted Path PurePath PosixPath "
	"PurePosixPath join basename dirname split splitext normpath fspath relpath commonpath "
	"isabs "
	"joinpath relative_to is_relative_to with_name fsencode fsdecode append ";

/* Whether a path may stand where it does without its file being touched. */
static bool is_only_named(const struct screen *screen)
{
	const struct ast_node *parent = screen_parent(screen, 1), *func;

	switch (parent->kind) {
	case AST_Attribute:
		return str_listed(*ast_Attribute_attr(parent), pure_members);
	case AST_Assign:
		return ast_Assign_targets(parent)->items[0]->kind == AST_Name;
	case AST_AnnAssign:
	case AST_BinOp:
	case AST_Compare:
	case AST_FormattedValue:
	case AST_Expr:
	case AST_IfExp:
		return true;
	case AST_Call:
		func = ast_Call_func(parent);
		if (func->kind == AST_Attribute)
			return str_listed(*ast_Attribute_attr(func), pure_callees);
		return func->kind == AST_Name && str_listed(*ast_Name_id(func), pure_callees);
	default:
		return false;
	}
}

/* Whether the look of an expression lets it be a path; other calls give none that is known. */
static bool may_be_path(struct screen *screen, const struct ast_node *node)
{
	static const char makers[] =
		" Path PosixPath PurePath PurePosixPath home cwd joinpath with_name with_suffix "
		"with_stem resolve absolute expanduser readlink ";
	const struct ast_node *func;

	if (screen->names.star_count)
		return true;
	switch (node->kind) {
	case AST_Name:
		return screen_word(screen, ast_Name_id(node)) & WORD_SPEAKS;
	case AST_Attribute:
		return str_is(*ast_Attribute_attr(node), "parent");
	case AST_Subscript:
		return ast_Subscript_value(node)->kind == AST_Attribute &&
		       str_is(*ast_Attribute_attr(ast_Subscript_value(node)), "parents");
	case AST_Call:
		func = ast_Call_func(node);
		if (func->kind == AST_Attribute)
			return str_listed(*ast_Attribute_attr(func), makers);
		return func->kind == AST_Name &&
		       screen_word(screen, ast_Name_id(func)) & WORD_SPEAKS;
	default:
		return node->kind == AST_BinOp && ast_BinOp_op(node) == AST_OP_Div;
	}
}

/* A path of pathlib wherever it stands: fine as a name, not as a file. */
void screen_path_value(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_node *parent = screen_parent(screen, 1);
	bool writes = false;
	struct fold path;

	if (!screen->names.has_pathlib || !parent || !may_be_path(screen, node) ||
		is_only_named(screen))
		return;
	path = screen_fold(screen, scope, node);
	if (path.kind != FOLD_PATH)
		return;
	if (parent->kind == AST_Attribute) {
		const struct ast_node *call = screen_parent(screen, 2);

		writes = str_listed(*ast_Attribute_attr(parent), writing_members);
		if (str_is(*ast_Attribute_attr(parent), "open") && call->kind == AST_Call)
			writes = mode_writes(screen, scope, screen_argument(call, 0, "mode"));
	}
	if (screen_foreign_path(path.text, writes))
		guard_find(screen->sink, GUARD_RULE_PATH, node, "path '%.*s' is not allowed",
			STR_ARG(path.text));
}
