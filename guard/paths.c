/*
 * Files: which paths a program may name, and which calls take one.
 */
#include "guard/screen.h"

bool screen_foreign_path(struct str path)
{
	static const char *const schemes[] = {"http://", "https://", "ftp://", "s3://", "gs://"};
	const char *slash;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_starts(path, str_of(schemes[i])))
			return true;
	if (str_starts(path, STR("file:")))
		path = str_from(path.ptr + 5, path.len - 5);
	while (path.len > 1 && path.ptr[0] == '/' && path.ptr[1] == '/')
		path = str_from(path.ptr + 1, path.len - 1);
	if (memmem(path.ptr ? path.ptr : "", path.len, "../", 3) || str_is(path, "..") ||
		(path.len > 2 && memcmp(path.ptr + path.len - 3, "/..", 3) == 0))
		return true;
	if (path.len && path.ptr[0] == '~')
		return path.len == 1 || path.ptr[1] == '/' || path.len < 32;
	if (!path.len || path.ptr[0] != '/')
		return false;
	if (str_is(path, "/dev/null") || str_is(path, "/dev/stdin") ||
		str_is(path, "/dev/stdout") || str_is(path, "/dev/stderr"))
		return false;
	path = str_from(path.ptr + 1, path.len - 1);
	slash = memchr(path.ptr, '/', path.len);
	path = slash ? str_from(path.ptr, (size_t)(slash - path.ptr)) : path;
	/* What --file brought lies in /sandbox, read-only. */
	return !str_is(path, "tmp") && !str_is(path, "sandbox");
}

/* Calls whose arguments are files. */
static const char *const takers[] = {"bz2.", "codecs.open", "configparser.", "fileinput.", "glob.",
	"gzip.", "h5py.", "imageio.", "io.open", "joblib.", "logging.FileHandler",
	"logging.basicConfig", "logging.handlers.", "lzma.", "matplotlib.", "numpy.load",
	"numpy.save", "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap", "numpy.tofile",
	"openpyxl.", "os.", "pandas.read_", "PIL.", "pathlib.Path", "pathlib.PosixPath", "polars.",
	"pyarrow.", "scipy.io.", "sqlite3.", "tarfile.", "tempfile.", "tokenize.", "torch.load",
	"wave.", "xml.", "yaml.", "zipfile.", "cv2.", "zoneinfo.", "skimage.", "sklearn.",
	"tensorflow.", "email.", "mimetypes.", "gettext.", "locale."};

static bool pure_path_member(struct str path)
{
	static const char *const pure[] = {"os.path.join", "os.path.basename", "os.path.dirname",
		"os.path.split", "os.path.splitext", "os.path.normpath", "os.path.commonprefix",
		"os.path.commonpath", "os.path.isabs", "os.path.relpath", "os.path.splitdrive",
		"os.path.normcase", "os.fspath", "os.fsencode", "os.fsdecode", "os.getenv",
		"xml.etree.ElementTree.fromstring", "xml.etree.ElementTree.Element",
		"xml.etree.ElementTree.SubElement", "configparser.ConfigParser", "os.environ",
		"xml.dom.minidom.parseString", "yaml.safe_load", "yaml.dump", "yaml.safe_dump",
		"xml.sax.saxutils.escape"};

	for (size_t i = 0; i < sizeof(pure) / sizeof(pure[0]); i++)
		if (str_is(path, pure[i]))
			return true;
	return str_starts(path, STR("os.environ."));
}

static bool takes_path(struct str path)
{
	if (pure_path_member(path))
		return false;
	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++)
		if (str_starts(path, str_of(takers[i])))
			return true;
	return false;
}

bool screen_takes_path(const struct values *callee)
{
	for (uint32_t i = 0; i < callee->count; i++) {
		const struct value *value = &callee->items[i];

		if (value->kind == VALUE_BUILTIN && str_is(value->path, "open"))
			return true;
		if ((value->kind == VALUE_MEMBER || value->kind == VALUE_RESULT) &&
			takes_path(value->path))
			return true;
	}
	return false;
}

static void judge_path(struct screen *screen, uint32_t scope, const struct ast_node *call,
	const struct ast_node *arg, bool first)
{
	struct fold paths[64];
	uint32_t count = screen_fold_each(screen, scope, arg, paths, 64);

	for (uint32_t i = 0; i < count; i++) {
		if (paths[i].kind == FOLD_STR || paths[i].kind == FOLD_BYTES) {
			if (screen_foreign_path(paths[i].text))
				guard_find(screen->sink, GUARD_RULE_PATH, call,
					"path '%.*s' is not allowed", STR_ARG(paths[i].text));
		} else if (paths[i].kind == FOLD_INT && first && paths[i].number > 2) {
			guard_find(screen->sink, GUARD_RULE_PATH, call,
				"descriptor %lld is not allowed", (long long)paths[i].number);
		}
	}
	if (!count && first && arg->kind != AST_Constant)
		screen_unknown(screen, (struct unknown_use){.node = call,
					       .rule = GUARD_RULE_PATH,
					       .otherwise = GUARD_RULE_PATH_UNKNOWN,
					       .needs = NEEDS_PATH});
}

void screen_paths(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_list *args = ast_Call_args(call), *keywords = ast_Call_keywords(call);

	for (uint32_t i = 0; i < args->count && i < 4; i++)
		judge_path(screen, scope, call, args->items[i], i == 0);
	for (uint32_t i = 0; i < keywords->count && i < 16; i++)
		judge_path(screen, scope, call, ast_keyword_value(keywords->items[i]),
			ast_keyword_arg(keywords->items[i]) == NULL ||
				str_is(*ast_keyword_arg(keywords->items[i]), "file"));
}
