/* runtime/rootfs.h: copies a tree, and then what the ELF files in it need, until nothing is new. */
#include "runtime/rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/elf.h"
#include "runtime/python.h"

#define ARENA_MAX   ((size_t)64 << 20)
#define DEPTH_MAX   32
#define DIRS_MAX    64
#define OBJECTS_MAX 4096

struct maker {
	struct arena *arena;
	int root;
	const char *const *host_dirs; /* where shared objects are looked for, as ld.so does */
	unsigned dir_count;
	/* ELF files on the host whose needs are still to be met, and those that were. */
	const char *objects[OBJECTS_MAX];
	unsigned object_count;
	struct rootfs_made *made;
	struct err *err;
};

static int no_memory(struct maker *m)
{
	return err_set(m->err, ENOMEM, "out of memory");
}

/* Makes the directories that lead to a path inside ("/usr/lib/x" makes usr and usr/lib). */
static int make_parents(struct maker *m, const char *path)
{
	char part[PATH_MAX];
	const char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path - 1), path + 1);
		if (mkdirat(m->root, part, 0755) < 0 && errno != EEXIST)
			return err_errno(m->err, "making %s", part);
	}
	return 0;
}

static int copy_bytes(int from, int to)
{
	char bytes[65536];
	ssize_t n;
	int code;

	while ((n = read(from, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		code = fd_write_all(to, bytes, (size_t)n);
		if (code < 0)
			return code;
	}
	return 0;
}

/* A regular file of the host at a path inside, with its time, which compiled modules go by. */
static int copy_open_file(struct maker *m, int from, const struct stat *st, const char *inside)
{
	struct timespec times[2] = {st->st_mtim, st->st_mtim};
	mode_t mode = st->st_mode & 0111 ? 0755 : 0644;
	cleanup_fd int to = -1;
	int code = make_parents(m, inside);

	if (code < 0)
		return code;
	to = openat(
		m->root, inside + 1, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (to < 0 && errno == EEXIST)
		return 0;
	if (to < 0)
		return err_errno(m->err, "making %s", inside);
	code = copy_bytes(from, to);
	if (code == 0 && (fchmod(to, mode) < 0 || futimens(to, times) < 0))
		code = -errno;
	if (code < 0) {
		errno = -code;
		return err_errno(m->err, "copying %s", inside);
	}
	m->made->bytes += (uint64_t)st->st_size;
	m->made->files++;
	return 0;
}

static int add_object(struct maker *m, const char *path)
{
	unsigned i;

	for (i = 0; i < m->object_count; i++)
		if (strcmp(m->objects[i], path) == 0)
			return 0;
	if (m->object_count == OBJECTS_MAX)
		return err_set(m->err, E2BIG, "more than %d shared objects", OBJECTS_MAX);
	m->objects[m->object_count] = arena_strdup(m->arena, str_of(path));
	return m->objects[m->object_count++] ? 0 : no_memory(m);
}

static bool is_object(const char *name)
{
	const char *so = strstr(name, ".so");

	return so && (so[3] == '\0' || so[3] == '.');
}

static int copy_file(struct maker *m, const char *path, const char *inside)
{
	cleanup_fd int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int code;

	if (from < 0 || fstat(from, &st) < 0)
		return err_errno(m->err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	code = copy_open_file(m, from, &st, inside);
	return code == 0 && is_object(path) ? add_object(m, path) : code;
}

/* The one extension module that draws windows, and would bring the libraries of a desktop along. */
static bool draws_windows(const char *name)
{
	return strncmp(name, "_tkinter.", 9) == 0;
}

/* Parts of a standard library that no program in a sandbox has a use for. */
static bool is_left_out(const char *name)
{
	static const char *const names[] = {"test", "idlelib", "tkinter", "turtledemo", "ensurepip",
		"lib2to3", "site-packages", "dist-packages", "pydoc_data"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "config-", 7) == 0;
}

/* A directory that is being copied. */
struct level {
	DIR *dir;
	const char *host;
	const char *inside;
};

static int enter(struct maker *m, const char *host, const char *inside, struct level *ret)
{
	ret->host = host;
	ret->inside = inside;
	if (!host || !inside)
		return no_memory(m);
	ret->dir = opendir(host);
	return ret->dir ? 0 : err_errno(m->err, "%s", host);
}

/* One entry of a directory. Links to files become files; links to directories are left out. */
static int copy_entry(struct maker *m, struct level *levels, unsigned *depth, const char *name)
{
	const struct level *here = &levels[*depth];
	const char *host = arena_printf(m->arena, "%s/%s", here->host, name);
	const char *inside = arena_printf(m->arena, "%s/%s", here->inside, name);
	struct stat st, itself;

	if (!host || !inside)
		return no_memory(m);
	if (lstat(host, &itself) < 0 || stat(host, &st) < 0)
		return 0; /* gone, or a link to nothing */
	if (S_ISREG(st.st_mode))
		return copy_file(m, host, inside);
	if (!S_ISDIR(itself.st_mode))
		return 0;
	if (*depth + 1 == DEPTH_MAX)
		return err_set(m->err, ELOOP, "%s: directories nested too deep", host);
	return enter(m, host, inside, &levels[++*depth]);
}

static int copy_tree(struct maker *m, const char *host, const char *inside)
{
	struct level levels[DEPTH_MAX];
	struct dirent *entry;
	unsigned depth = 0;
	bool done = false;
	int code = enter(m, host, inside, &levels[0]);

	if (code < 0)
		return code;
	while (!done && code == 0) {
		entry = readdir(levels[depth].dir);
		if (!entry) {
			closedir(levels[depth].dir);
			done = depth == 0;
			depth -= !done;
		} else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			   !(depth == 0 && is_left_out(entry->d_name)) &&
			   !draws_windows(entry->d_name)) {
			unsigned before = depth;

			code = copy_entry(m, levels, &depth, entry->d_name);
			/* What could not be entered is not there to be left. */
			if (code < 0)
				depth = before;
		}
	}
	for (; !done; depth--) {
		closedir(levels[depth].dir);
		done = depth == 0;
	}
	return code;
}

static int make_link(struct maker *m, const char *inside, const char *text)
{
	int code = make_parents(m, inside);

	if (code == 0 && symlinkat(text, m->root, inside + 1) < 0 && errno != EEXIST)
		code = err_errno(m->err, "making %s", inside);
	return code;
}

/* /lib and its like as the host has them: links where /usr is merged. */
static int copy_top_links(struct maker *m)
{
	static const char *const names[] = {"/lib", "/lib64", "/bin"};
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t len = readlink(names[i], text, sizeof(text) - 1);
		int code;

		if (len <= 0)
			continue;
		text[len] = '\0';
		code = make_link(m, names[i], text);
		/* It must not lead to nothing: the loader is looked for through it. */
		if (code == 0)
			code = make_parents(m,
				arena_printf(m->arena, "/%s/x", text[0] == '/' ? text + 1 : text));
		if (code < 0)
			return code;
	}
	return 0;
}

/* Where ld.so looks: its own directories and those that /etc/ld.so.conf adds. */
static int find_dirs(struct maker *m)
{
	static const char *const standard[] = {"/lib/" PYTHON_MULTIARCH,
		"/usr/lib/" PYTHON_MULTIARCH, "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
	const char **dirs = arena_array(m->arena, DIRS_MAX, sizeof(*dirs));
	glob_t found = {0};
	size_t i;

	if (!dirs)
		return no_memory(m);
	for (i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
		dirs[m->dir_count++] = standard[i];
	glob("/etc/ld.so.conf", 0, NULL, &found);
	glob("/etc/ld.so.conf.d/*.conf", GLOB_APPEND, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++) {
		cleanup_buf struct buf text = BUF_INIT(65536);
		char *line, *save = NULL;

		if (file_read(found.gl_pathv[i], &text, NULL) < 0 || !text.data)
			continue;
		for (line = strtok_r(text.data, " \t\r\n", &save); line && m->dir_count < DIRS_MAX;
			line = strtok_r(NULL, " \t\r\n", &save))
			if (*line == '/')
				dirs[m->dir_count++] = arena_strdup(m->arena, str_of(line));
	}
	globfree(&found);
	m->host_dirs = dirs;
	return arena_failed(m->arena) ? no_memory(m) : 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* In the directories that the object itself names; $ORIGIN is its own. */
static const char *find_by_runpath(
	struct maker *m, const char *object, const char *runpath, const char *name)
{
	const char *slash = strrchr(object, '/'), *end, *path;

	for (; runpath; runpath = *end ? end + 1 : NULL) {
		const char *rest = runpath;
		int origin = 0;

		end = strchrnul(runpath, ':');
		if (strncmp(runpath, "$ORIGIN", 7) == 0 || strncmp(runpath, "${ORIGIN}", 9) == 0) {
			origin = slash ? (int)(slash - object) : 0;
			rest += runpath[1] == '{' ? 9 : 7;
		}
		if (rest > end)
			continue;
		path = arena_printf(
			m->arena, "%.*s%.*s/%s", origin, object, (int)(end - rest), rest, name);
		if (path && *path == '/' && is_file(path))
			return path;
	}
	return NULL;
}

static const char *find_object(
	struct maker *m, const char *object, const struct elf_needs *needs, const char *name)
{
	const char *path;
	unsigned i;

	if (strchr(name, '/'))
		return is_file(name) ? name : NULL;
	path = find_by_runpath(m, object, needs->runpath, name);
	for (i = 0; !path && i < m->dir_count; i++) {
		path = arena_printf(m->arena, "%s/%s", m->host_dirs[i], name);
		path = is_file(path) ? path : NULL;
	}
	return path;
}

/*
 * Where a shared object goes: its own directory, links followed, if the sandbox shows that one from
 * a private root; else the first of ld.so's own that there is.
 */
static const char *place_for(struct maker *m, const char *path)
{
	static const char *const shown[] = {"/usr/lib/" PYTHON_MULTIARCH, "/usr/lib64", "/usr/lib",
		"/lib/" PYTHON_MULTIARCH, "/lib64", "/lib"};
	const char *name = strrchr(path, '/') + 1;
	char dir[PATH_MAX], resolved[PATH_MAX];
	size_t i;

	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path - 1), path);
	if (!realpath(dir, resolved))
		return NULL;
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcmp(resolved, shown[i]) == 0)
			return arena_printf(m->arena, "%s/%s", resolved, name);
	return arena_printf(m->arena, "%s/%s",
		access("/usr/lib/" PYTHON_MULTIARCH, F_OK) == 0 ? "/usr/lib/" PYTHON_MULTIARCH
								: "/usr/lib64",
		name);
}

static int copy_object(struct maker *m, const char *path)
{
	const char *inside = place_for(m, path);
	int code = inside ? copy_file(m, path, inside) : no_memory(m);

	return code == 0 ? add_object(m, path) : code;
}

static void note_missing(struct maker *m, const char *object, const char *name)
{
	if (m->made->missing[0])
		m->made->more_missing++;
	else
		snprintf(m->made->missing, sizeof(m->made->missing), "%s, which %s needs", name,
			strrchr(object, '/') + 1);
}

static int meet_needs(struct maker *m, const char *object)
{
	cleanup_fd int fd = open(object, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct elf_needs needs;
	size_t i;
	int code = fd < 0 ? -errno : elf_read(m->arena, fd, &needs);

	/* A linker script, a file of another machine: nothing that could be loaded. */
	if (code == -ENOEXEC)
		return 0;
	if (code < 0) {
		errno = -code;
		return err_errno(m->err, "%s", object);
	}
	code = needs.loader ? copy_object(m, needs.loader) : 0;
	for (i = 0; code == 0 && i < needs.count; i++) {
		const char *path = find_object(m, object, &needs, needs.names[i]);

		if (path)
			code = copy_object(m, path);
		else
			note_missing(m, object, needs.names[i]);
	}
	return code;
}

/* The interpreter and its names, its library. One outside /usr is put under /usr/local. */
static int copy_python(struct maker *m, const struct python *python)
{
	const char *prefix = strcmp(python->prefix, "/usr") == 0 ? "/usr" : "/usr/local";
	const char *name = arena_printf(m->arena, "python3.%u", python->minor);
	const char *host =
		arena_printf(m->arena, "%s/%s/%s", python->prefix, python->lib, name ? name : "");
	const char *library =
		arena_printf(m->arena, "%s/%s/%s", prefix, python->lib, name ? name : "");
	const char *program = arena_printf(m->arena, "%s/bin/%s", prefix, name ? name : "");
	int code;

	if (!host || !library || !program)
		return no_memory(m);
	snprintf(m->made->program, sizeof(m->made->program), "%s", program);
	code = copy_file(m, python->program, program);
	if (code == 0)
		code = make_link(m, arena_printf(m->arena, "%s/bin/python3", prefix), name);
	if (code == 0)
		code = make_link(m, arena_printf(m->arena, "%s/bin/python", prefix), name);
	if (code == 0)
		code = copy_tree(m, host, library);
	return code == 0 ? add_object(m, python->program) : code;
}

static int open_root(const char *dir, int *ret, struct err *err)
{
	struct dirent *entry;
	bool empty = true;
	DIR *listed;

	if (!*dir)
		return err_set(err, EINVAL, "the directory's name is empty");
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "%s", dir);
	*ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listed = *ret < 0 ? NULL : opendir(dir);
	if (!listed)
		return err_errno(err, "%s", dir);
	while ((entry = readdir(listed)))
		empty = empty &&
			(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
	closedir(listed);
	if (empty)
		return 0;
	err_set(err, ENOTEMPTY, "%s: is not empty", dir);
	err_remedy(err, "name a directory that is not there yet");
	return -ENOTEMPTY;
}

static int make(struct maker *m, const struct python *python)
{
	unsigned i;
	int code = find_dirs(m);

	if (code == 0)
		code = copy_top_links(m);
	if (code == 0)
		code = copy_python(m, python);
	for (i = 0; code == 0 && i < m->object_count; i++)
		code = meet_needs(m, m->objects[i]);
	if (code == 0 && access("/usr/share/zoneinfo", F_OK) == 0)
		code = copy_tree(m, "/usr/share/zoneinfo", "/usr/share/zoneinfo");
	return code;
}

int rootfs_make(const char *wanted, const char *dir, struct rootfs_made *ret, struct err *err)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_MAX);
	struct maker *m = arena ? arena_new_object(arena, struct maker) : NULL;
	cleanup_fd int root = -1;
	struct python python;
	int code;

	*ret = (struct rootfs_made){0};
	if (!m)
		return err_set(err, ENOMEM, "out of memory");
	code = python_find(arena, wanted, NULL, &python, err);
	if (code == 0)
		code = open_root(dir, &root, err);
	if (code < 0)
		return code;
	*m = (struct maker){.arena = arena, .root = root, .made = ret, .err = err};
	ret->minor = python.minor;
	return make(m, &python);
}
