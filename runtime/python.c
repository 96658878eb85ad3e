/*
 * Finding an interpreter without running it: a Python that starts costs as much as the whole run.
 * The version is read from names (python3.N, lib/python3.N/os.py), as getpath.py itself does.
 */
#include "runtime/python.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pyversion.h"
#include "runtime/elf.h"
#include "runtime/processes.h"
#include "runtime/runtime.h"

/* Where path leads as seen from root; links cannot lead out of it. Opens nothing. */
static int find_inside(const char *root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	cleanup_fd int dir = -1;

	if (!*root)
		return open(path, (int)how.flags);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* Opens it, if it is a regular file or a directory: to open a device may have effects. */
static int open_inside(const char *root, const char *path)
{
	cleanup_fd int found = find_inside(root, path);
	char link[64];
	struct stat st;

	if (found < 0 || fstat(found, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		errno = ENOEXEC;
		return -1;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	return open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* The resolved path of something open, relative to root; NULL when it cannot be told. */
static const char *resolved_path(struct arena *arena, const char *root, int fd)
{
	char link[64], path[PATH_MAX];
	size_t root_len = strlen(root);
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || (size_t)len >= sizeof(path) - 1 || path[0] != '/')
		return NULL;
	path[len] = '\0';
	if (strncmp(path, root, root_len) != 0 || (path[root_len] != '/' && root_len))
		return NULL;
	return arena_strdup(arena, str_of(path + root_len));
}

static bool exists_inside(const char *root, const char *path)
{
	cleanup_fd int fd = open_inside(root, path);

	return fd >= 0;
}

enum program_kind {
	PROGRAM_MISSING,
	PROGRAM_UNREADABLE,
	PROGRAM_DIRECTORY,
	PROGRAM_SCRIPT,
	PROGRAM_OTHER, /* an ELF file, but no python */
	PROGRAM_ELF
};

static enum program_kind inspect_program(
	struct arena *arena, const char *root, const char *path, struct python *python)
{
	cleanup_fd int fd = open_inside(root, path);
	struct elf_needs needs;
	char magic[SELFMAG] = "";
	struct stat st;

	if (fd < 0)
		return errno == EACCES || errno == EPERM ? PROGRAM_UNREADABLE
		       : errno == ENOEXEC                ? PROGRAM_SCRIPT
							 : PROGRAM_MISSING;
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return PROGRAM_DIRECTORY;
	if (!S_ISREG(st.st_mode) || pread(fd, magic, SELFMAG, 0) != SELFMAG ||
		memcmp(magic, ELFMAG, SELFMAG) != 0)
		return PROGRAM_SCRIPT;
	python->path = path;
	python->program = resolved_path(arena, root, fd);
	if (!python->program)
		return PROGRAM_MISSING;
	if (strncmp(strrchr(python->program, '/') + 1, "python", 6) != 0)
		return PROGRAM_OTHER;
	/* A file without one is static: fine. */
	if (elf_read(arena, fd, &needs) == 0)
		python->loader = needs.loader;
	return PROGRAM_ELF;
}

/* path made absolute, "." and ".." left alone (a venv is recognised by the path as it was given).
 */
static const char *absolute(struct arena *arena, const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/')
		return path;
	if (!getcwd(cwd, sizeof(cwd)))
		return NULL;
	return arena_printf(arena, "%s/%s", cwd, path);
}

/* The first python3 on the search path that is a program; scripts and shims are passed over. */
static bool search(struct arena *arena, const char *dirs, const char *name, const char *root,
	struct python *ret)
{
	const char *end, *candidate;

	for (; dirs; dirs = *end ? end + 1 : NULL) {
		end = strchrnul(dirs, ':');
		if (*dirs != '/')
			continue;
		candidate = arena_printf(arena, "%.*s/%s", (int)(end - dirs), dirs, name);
		if (candidate && inspect_program(arena, root, candidate, ret) == PROGRAM_ELF)
			return true;
	}
	return false;
}

static int find_default(struct arena *arena, const char *root, struct python *ret, struct err *err)
{
	const char *dirs = *root ? "/usr/local/bin:/usr/bin:/bin" : getenv("PATH");

	if (dirs && search(arena, dirs, "python3", root, ret))
		return 0;
	if (inspect_program(arena, root, "/usr/bin/python3", ret) == PROGRAM_ELF)
		return 0;
	err_set(err, ENOENT, "no Python interpreter: no python3 on PATH is a program%s%s",
		*root ? ", looked in " : "", root);
	err_remedy(err, "install python3 (Debian, Ubuntu: apt-get install python3-minimal; Fedora: "
			"dnf install python3), or name one with --python PATH");
	return -ENOENT;
}

static int find_wanted(struct arena *arena, const char *wanted, const char *root,
	struct python *ret, struct err *err)
{
	const char *path;

	if (!*wanted)
		return err_set(err, EINVAL, "--python: the name is empty");
	if (!strchr(wanted, '/')) {
		if (search(arena, *root ? "/usr/local/bin:/usr/bin:/bin" : getenv("PATH"), wanted,
			    root, ret))
			return 0;
		return err_set(err, ENOENT, "--python %s: not found on PATH", wanted);
	}
	path = absolute(arena, wanted);
	switch (path ? inspect_program(arena, root, path, ret) : PROGRAM_MISSING) {
	case PROGRAM_ELF:
		return 0;
	case PROGRAM_SCRIPT:
		err_set(err, ENOEXEC, "--python %s: is a script or shim, not a program", wanted);
		err_remedy(err,
			"name the interpreter itself; `%s -c 'import sys; print(sys.executable)'` "
			"tells where it is",
			wanted);
		return -ENOEXEC;
	case PROGRAM_OTHER:
		err_set(err, ENOEXEC, "--python %s: is %s, not a Python interpreter", wanted,
			ret->program);
		err_remedy(err, "name a file that is called python, python3 or python3.X");
		return -ENOEXEC;
	case PROGRAM_DIRECTORY:
		return err_set(err, ENOENT, "--python %s: is a directory", wanted);
	case PROGRAM_UNREADABLE:
		return err_set(err, EACCES, "--python %s: permission denied", wanted);
	default:
		return err_set(err, ENOENT, "--python %s: not found", wanted);
	}
}

static const char *parent(struct arena *arena, const char *path, unsigned levels)
{
	size_t len = strlen(path);

	while (levels-- && len) {
		while (len && path[len - 1] != '/')
			len--;
		while (len > 1 && path[len - 1] == '/')
			len--;
	}
	return arena_strdup(arena, str_from(path, len ? len : 1));
}

/* True if prefix/lib/python3.minor is a standard library: os.py is CPython's own landmark. */
static bool has_library(struct arena *arena, const char *root, struct python *python)
{
	static const char *const libs[] = {"lib", "lib64"};
	const char *landmark;
	size_t i;

	for (i = 0; i < 2; i++) {
		landmark = arena_printf(
			arena, "%s/%s/python3.%u/os.py", python->prefix, libs[i], python->minor);
		if (landmark && exists_inside(root, landmark)) {
			python->lib = libs[i];
			return true;
		}
	}
	return false;
}

/* The minor version in "python3.11" or "python3.13t"; 0 when the name has none. */
static unsigned minor_of_name(const char *program)
{
	const char *name = strrchr(program, '/');
	unsigned minor = 0;

	name = name ? name + 1 : program;
	if (sscanf(name, "python3.%u", &minor) != 1)
		return 0;
	return minor;
}

/* Sets prefix, lib and minor from a program that lies in PREFIX/bin. */
static bool find_library(
	struct arena *arena, const char *root, const char *prefix, struct python *python)
{
	python->prefix = prefix;
	python->minor = minor_of_name(python->program);
	if (python->minor)
		return has_library(arena, root, python);
	for (python->minor = PYTHON_MINOR_NEWEST; python->minor >= PYTHON_MINOR_OLDEST;
		python->minor--)
		if (has_library(arena, root, python))
			return true;
	return false;
}

/* The value of a line "key = value" for this key, as site.py splits it; NULL for other lines. */
static char *config_value(char *line, const char *key)
{
	size_t len = strlen(key);
	char *value, *end;

	line += strspn(line, " \t");
	if (strncasecmp(line, key, len) != 0)
		return NULL;
	value = line + len + strspn(line + len, " \t");
	if (*value != '=')
		return NULL;
	value += 1 + strspn(value + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	return value;
}

/* What pyvenv.cfg says (PEP 405); *ret_home is NULL where it names none. */
static void read_venv_config(struct arena *arena, const char *root, const char *config,
	struct python *python, const char **ret_home)
{
	cleanup_fd int fd = open_inside(root, config);
	cleanup_buf struct buf text = BUF_INIT(65536);
	char *line, *save = NULL, *value;

	*ret_home = NULL;
	python->venv_sees_system = true; /* site.py: unless it says otherwise */
	if (fd < 0 || fd_read_all(fd, &text) < 0 || !text.data)
		return;
	for (line = strtok_r(text.data, "\r\n", &save); line;
		line = strtok_r(NULL, "\r\n", &save)) {
		value = config_value(line, "home");
		if (value && !*ret_home)
			*ret_home = arena_strdup(arena, str_of(value));
		value = config_value(line, "include-system-site-packages");
		if (value)
			python->venv_sees_system = strcasecmp(value, "true") == 0;
	}
}

/* A virtual environment is a directory with pyvenv.cfg above the bin that was named (PEP 405). */
static int find_venv(struct arena *arena, const char *root, struct python *python, struct err *err)
{
	const char *dir = parent(arena, python->path, 2);
	const char *config = dir ? arena_printf(arena, "%s/pyvenv.cfg", dir) : NULL;
	const char *home;
	cleanup_fd int fd = -1;

	if (!config)
		return err_set(err, ENOMEM, "out of memory");
	if (!exists_inside(root, config))
		return 0;
	read_venv_config(arena, root, config, python, &home);
	if (!home || *home != '/')
		return err_set(err, EINVAL, "%s: no line \"home = DIR\"", config);
	fd = open_inside(root, dir);
	python->venv = fd < 0 ? NULL : resolved_path(arena, root, fd);
	if (!python->venv)
		return err_set(err, ENOENT, "%s: cannot be opened", dir);
	/* With --copies the program lies in the environment; the library is always the base's. */
	python->prefix = parent(arena, home, 1);
	return 0;
}

/* A private root by its own path, so that what is found in it can be told from what is beside it.
 */
static int resolve_root(struct arena *arena, const char *rootfs, const char **ret, struct err *err)
{
	char resolved[PATH_MAX];
	struct stat st;

	*ret = "";
	if (!rootfs)
		return 0;
	if (!*rootfs)
		return err_set(err, EINVAL, "--rootfs: the name is empty");
	if (!realpath(rootfs, resolved) || stat(resolved, &st) < 0)
		return err_errno(err, "--rootfs %s", rootfs);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "--rootfs %s: is not a directory", rootfs);
	if (strcmp(resolved, "/") == 0) {
		err_set(err, EINVAL, "--rootfs %s: is the host's own root", rootfs);
		err_remedy(err, "leave it out to use the host's interpreter");
		return -EINVAL;
	}
	*ret = arena_strdup(arena, str_of(resolved));
	return *ret ? 0 : err_set(err, ENOMEM, "out of memory");
}

int python_find(struct arena *arena, const char *wanted, const char *rootfs, struct python *ret,
	struct err *err)
{
	const char *prefix, *root = "";
	int code;

	*ret = (struct python){0};
	code = processes_check_proc(err);
	if (code == 0)
		code = resolve_root(arena, rootfs, &root, err);
	ret->root = root;
	if (code == 0)
		code = wanted ? find_wanted(arena, wanted, root, ret, err)
			      : find_default(arena, root, ret, err);
	if (code < 0)
		return code;
	code = find_venv(arena, root, ret, err);
	if (code < 0)
		return code;
	prefix = ret->venv && strncmp(ret->program, ret->venv, strlen(ret->venv)) == 0
			 ? ret->prefix
			 : parent(arena, ret->program, 2);
	if (!prefix || !find_library(arena, root, prefix, ret)) {
		err_set(err, ENOENT, "%s: no standard library of Python 3 below %s", ret->program,
			prefix ? prefix : "?");
		err_remedy(err, "name a complete CPython 3.%d to 3.%d with --python",
			PYTHON_MINOR_OLDEST, PYTHON_MINOR_NEWEST);
		return -ENOENT;
	}
	return 0;
}

int rt_find_python(
	const char *wanted, char *path, size_t size, unsigned *ret_minor, struct err *err)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct python python;
	int code;

	if (!arena)
		return err_set(err, ENOMEM, "out of memory");
	code = python_find(arena, wanted, NULL, &python, err);
	if (code < 0)
		return code;
	if (strlen(python.path) >= size)
		return err_set(err, ENAMETOOLONG, "%s: path too long", python.path);
	strcpy(path, python.path);
	*ret_minor = python.minor;
	return 0;
}
