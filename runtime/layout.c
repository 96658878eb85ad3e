/*
 * The layout of the inside: which places of the host are bound where. One pass of small rules, each
 * of which adds binds or links; nothing is mounted here.
 */
#include "runtime/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/python.h"
#include "runtime/runtime.h"

struct maker {
	struct layout *layout;
	struct arena *arena;
	const char *root; /* "" or the private root, without a slash at its end */
	struct err *err;
	int code; /* the first failure; later rules do nothing */
};

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

/* "/usr/lib": no empty part, no "." or "..", so that it stays below whatever it is put below. */
static bool is_plain_path(const char *path)
{
	size_t len;

	do {
		if (*path++ != '/')
			return false;
		len = strcspn(path, "/");
		if (len == 0 || (path[0] == '.' && (len == 1 || (len == 2 && path[1] == '.'))))
			return false;
		path += len;
	} while (*path);
	return true;
}

static void fail(struct maker *m, int code)
{
	if (m->code == 0)
		m->code = code;
}

/*
 * A place inside. Some are made of what a file says (home in pyvenv.cfg, an ELF file's loader), and
 * what is made there must not land beside the root.
 */
static bool is_place(struct maker *m, const char *path)
{
	if (m->code)
		return false;
	if (!path) {
		fail(m, err_set(m->err, ENOMEM, "out of memory"));
		return false;
	}
	if (is_plain_path(path))
		return true;
	fail(m, err_set(m->err, EINVAL, "the interpreter wants a place \"%s\" in the sandbox",
			path));
	err_remedy(m->err, "name a complete CPython, or a venv made by one, with --python");
	return false;
}

static const char *source_of(struct maker *m, const char *path)
{
	const char *source = *m->root ? arena_printf(m->arena, "%s%s", m->root, path) : path;

	if (!source)
		fail(m, err_set(m->err, ENOMEM, "out of memory"));
	return source;
}

/* True if target lies in a directory that is bound already from the matching place. */
static bool is_covered(const struct layout *layout, const char *target)
{
	unsigned i;

	for (i = 0; i < layout->bind_count; i++) {
		size_t len = strlen(layout->binds[i].target);

		if (strncmp(target, layout->binds[i].target, len) == 0 &&
			(target[len] == '\0' ||
				(layout->binds[i].is_directory && target[len] == '/')))
			return true;
	}
	return false;
}

/*
 * Binds path (as the root sees it) at target, if it is there and is of the kind wanted. The source
 * is resolved now; the init refuses it if it is another file by then.
 */
static bool add_bind(struct maker *m, const char *path, const char *target, mode_t kind)
{
	struct layout_bind *bind = &m->layout->binds[m->layout->bind_count];
	const char *source = is_place(m, target) && path ? source_of(m, path) : NULL;
	char resolved[PATH_MAX];
	struct stat st;

	if (!source || is_covered(m->layout, target) || !realpath(source, resolved))
		return false;
	/* A private root must not lead out of itself through a link. */
	if (*m->root && !is_below(resolved, m->root))
		return false;
	if (lstat(resolved, &st) < 0 || (st.st_mode & S_IFMT) != kind)
		return false;
	if (m->layout->bind_count == LAYOUT_BINDS_MAX) {
		fail(m, err_set(m->err, E2BIG, "more than %d places to bind", LAYOUT_BINDS_MAX));
		return false;
	}
	*bind = (struct layout_bind){.source = arena_strdup(m->arena, str_of(resolved)),
		.target = target,
		.device = st.st_dev,
		.inode = st.st_ino,
		.is_directory = kind == S_IFDIR};
	if (!bind->source || !bind->target) {
		fail(m, err_set(m->err, ENOMEM, "out of memory"));
		return false;
	}
	m->layout->bind_count++;
	return true;
}

static void add_link(struct maker *m, const char *path, const char *text)
{
	struct layout_link *link = &m->layout->links[m->layout->link_count];

	if (!is_place(m, path) || is_covered(m->layout, path))
		return;
	if (!text)
		return fail(m, err_set(m->err, ENOMEM, "out of memory"));
	if (m->layout->link_count == LAYOUT_LINKS_MAX)
		return fail(m, err_set(m->err, E2BIG, "more than %d links", LAYOUT_LINKS_MAX));
	*link = (struct layout_link){path, text};
	m->layout->link_count++;
}

static bool is_directory(struct maker *m, const char *path)
{
	const char *source = source_of(m, path);
	struct stat st;

	return source && lstat(source, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * A directory of shared libraries. Where the system is multiarch only that part is bound, so that
 * the rest of /usr/lib (other programs' own directories) stays out.
 */
static void add_library_dir(struct maker *m, const char *dir)
{
	const char *multiarch;

	if (!is_directory(m, dir))
		return;
	multiarch = arena_printf(m->arena, "%s/" PYTHON_MULTIARCH, dir);
	if (multiarch && is_directory(m, multiarch))
		add_bind(m, multiarch, multiarch, S_IFDIR);
	else
		add_bind(m, dir, dir, S_IFDIR);
}

/* /lib and /lib64: links where /usr is merged (only into /usr), directories of libraries elsewhere.
 */
static void add_top_library(struct maker *m, const char *path)
{
	const char *source = source_of(m, path);
	char text[64];
	ssize_t len = source ? readlink(source, text, sizeof(text) - 1) : -1;

	if (len < 0)
		return add_library_dir(m, path);
	text[len] = '\0';
	if (strncmp(text, "usr/", 4) == 0 || strncmp(text, "/usr/", 5) == 0)
		add_link(m, path, arena_strdup(m->arena, str_of(text)));
}

static void add_shared_libraries(struct maker *m)
{
	add_library_dir(m, "/usr/lib");
	add_library_dir(m, "/usr/lib64");
	add_top_library(m, "/lib");
	add_top_library(m, "/lib64");
	/* Debian's BLAS and LAPACK are chosen by links in here; it holds links only. */
	add_bind(m, "/etc/alternatives", "/etc/alternatives", S_IFDIR);
}

/* A loader elsewhere than in the library directories (another libc, another store). */
static void add_loader(struct maker *m, const struct python *python)
{
	const char *dir = python->loader ? strrchr(python->loader, '/') : NULL;
	size_t len = dir ? (size_t)(dir - python->loader) : 0;
	static const char *const known[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64",
		"/lib/" PYTHON_MULTIARCH, "/usr/lib/" PYTHON_MULTIARCH};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len == strlen(known[i]) && strncmp(python->loader, known[i], len) == 0)
			return;
	if (dir)
		add_bind(m, python->loader, python->loader, S_IFREG);
}

/* Only these keep their path inside; a home directory or build tree is not shown. */
static bool keeps_path(const char *path)
{
	return strcmp(path, "/usr") == 0 || is_below(path, "/usr") || is_below(path, "/opt");
}

/*
 * A prefix that moved has its own libpython, which its program looks for where it was built. The
 * system's library directories must not be asked first: they may hold another build of that
 * version.
 */
static bool has_libpython(struct maker *m, const char *lib)
{
	const char *pattern = source_of(m, arena_printf(m->arena, "%s/libpython3*.so*", lib));
	glob_t found = {0};
	bool has = pattern && glob(pattern, GLOB_NOSORT, NULL, &found) == 0;

	globfree(&found);
	return has;
}

/* The base installation: program and library; returns its prefix inside. */
static const char *add_base(struct maker *m, const struct python *python)
{
	const char *inside = keeps_path(python->prefix) ? python->prefix : "/opt/python";
	const char *lib = arena_printf(m->arena, "%s/%s", python->prefix, python->lib);
	const char *inside_lib = arena_printf(m->arena, "%s/%s", inside, python->lib);
	const char *library = arena_printf(m->arena, "/%s/python3.%u", python->lib, python->minor);

	if (!lib || !inside_lib || !library) {
		fail(m, err_set(m->err, ENOMEM, "out of memory"));
		return inside;
	}
	if (strcmp(python->prefix, "/usr") != 0) {
		add_bind(m, lib, inside_lib, S_IFDIR);
		if (inside != python->prefix && has_libpython(m, lib))
			m->layout->library_path = inside_lib;
		return inside;
	}
	add_bind(m, arena_printf(m->arena, "/usr%s", library),
		arena_printf(m->arena, "/usr%s", library), S_IFDIR);
	/* Debian's site directory for all versions, and what an administrator installed by pip. */
	add_bind(m, "/usr/lib/python3", "/usr/lib/python3", S_IFDIR);
	add_bind(m, arena_printf(m->arena, "/usr/local%s", library),
		arena_printf(m->arena, "/usr/local%s", library), S_IFDIR);
	return inside;
}

/* The base program at PREFIX/bin inside, beside the names by which programs call it. */
static const char *add_program(struct maker *m, const struct python *python, const char *prefix)
{
	const char *name = arena_printf(m->arena, "python3.%u", python->minor);
	const char *program = arena_printf(m->arena, "%s/bin/%s", prefix, name ? name : "");

	add_bind(m, python->program, program, S_IFREG);
	add_link(m, arena_printf(m->arena, "%s/bin/python3", prefix), name);
	add_link(m, arena_printf(m->arena, "%s/bin/python", prefix), name);
	return program;
}

/* A virtual environment: its library, its own pyvenv.cfg with the base's place inside. */
static void add_venv(struct maker *m, const struct python *python, const char *base)
{
	const char *venv = keeps_path(python->venv) ? python->venv : "/opt/venv";
	const char *bin = arena_printf(m->arena, "%s/bin", venv);
	const char *name = arena_printf(m->arena, "%s/python3", bin ? bin : "");

	add_bind(m, arena_printf(m->arena, "%s/lib", python->venv),
		arena_printf(m->arena, "%s/lib", venv), S_IFDIR);
	add_link(m, name, m->layout->python);
	add_link(m, arena_printf(m->arena, "%s/python", bin), "python3");
	m->layout->venv_config_path = arena_printf(m->arena, "%s/pyvenv.cfg", venv);
	m->layout->venv_config = arena_printf(m->arena,
		"home = %s/bin\ninclude-system-site-packages = %s\nversion = 3.%u\n", base,
		python->venv_sees_system ? "true" : "false", python->minor);
	if (!m->layout->venv_config || !m->layout->venv_config_path)
		fail(m, err_set(m->err, ENOMEM, "out of memory"));
	m->layout->python = name;
	m->layout->bin = bin;
}

/* Data that the standard library and packages from the system's own packages read. */
static void add_data(struct maker *m)
{
	add_bind(m, "/usr/share/zoneinfo", "/usr/share/zoneinfo", S_IFDIR);
	if (add_bind(m, "/usr/share/matplotlib", "/usr/share/matplotlib", S_IFDIR)) {
		add_bind(m, "/etc/matplotlibrc", "/etc/matplotlibrc", S_IFREG);
		add_bind(m, "/usr/share/fonts", "/usr/share/fonts", S_IFDIR);
	}
}

/* /etc/localtime as the host has it, when it is a link into the zone data. */
static void add_localtime(struct maker *m)
{
	static const char zones[] = "/usr/share/zoneinfo/";
	const char *source = source_of(m, "/etc/localtime");
	char resolved[PATH_MAX];

	if (!source || !realpath(source, resolved))
		return;
	if (*m->root || strncmp(resolved, zones, sizeof(zones) - 1) != 0)
		return;
	add_link(m, "/etc/localtime", arena_strdup(m->arena, str_of(resolved)));
}

int layout_make(
	struct arena *arena, const struct rt_plan *plan, struct layout *ret, struct err *err)
{
	struct maker m = {.layout = ret, .arena = arena, .err = err};
	struct python python;
	const char *base;
	int code = 0;

	*ret = (struct layout){.arena = arena};
	if (plan->interpreter)
		python = *plan->interpreter;
	else
		code = python_find(arena, plan->python, plan->rootfs, &python, err);
	if (code < 0)
		return code;
	m.root = python.root;
	ret->host_python = python.program;
	ret->minor = python.minor;
	add_shared_libraries(&m);
	add_loader(&m, &python);
	base = add_base(&m, &python);
	ret->python = add_program(&m, &python, base);
	ret->bin = arena_printf(arena, "%s/bin", base);
	ret->host_start = python.program;
	if (python.venv) {
		add_venv(&m, &python, base);
		ret->host_start = arena_printf(arena, "%s/bin/python3", python.venv);
		ret->host_venv_config = arena_printf(arena, "%s/pyvenv.cfg", python.venv);
	}
	if (ret->host_start)
		ret->host_bin = arena_printf(arena, "%.*s",
			(int)(strrchr(ret->host_start, '/') - ret->host_start), ret->host_start);
	add_data(&m);
	add_localtime(&m);
	if (m.code == 0 && (!ret->python || !ret->bin || !ret->host_bin))
		return err_set(err, ENOMEM, "out of memory");
	return m.code;
}
