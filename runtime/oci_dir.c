/* runtime/oci_internal.h: the directory of a run, and what dead ones left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/oci_internal.h"

#define TREE_DEPTH_MAX 24

/* Follows no link. What cannot be removed stays. */
static void remove_tree(int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		fd_close(&fd);
		unlinkat(parent, name, 0);
		return;
	}
	while (depth < TREE_DEPTH_MAX && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_tree(dirfd(dir), entry->d_name, depth + 1);
	closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static int base_dir(char *path, size_t size, struct err *err)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (geteuid() == 0)
		snprintf(path, size, "/run/pysbx-oci");
	else if (own && *own == '/')
		snprintf(path, size, "%s/pysbx-oci", own);
	else
		snprintf(path, size, "/tmp/pysbx-oci-%u", geteuid());
	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return err_errno(err, "%s", path);
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 022)) {
		err_set(err, EPERM, "%s: is not a directory of this user's alone", path);
		err_remedy(err, "remove it");
		return -EPERM;
	}
	return 0;
}

/* Ends and deletes what a run left whose pysbx is dead. Its own file says which runtime it had. */
static void bury(const struct oci *oci, int base, const char *base_path, const char *name)
{
	cleanup_buf struct buf runtime = BUF_INIT(PATH_MAX);
	struct oci dead = *oci;
	char path[PATH_MAX + 300];

	snprintf(dead.dir, sizeof(dead.dir), "%s/%s", base_path, name);
	snprintf(path, sizeof(path), "%s/runtime", dead.dir);
	if (file_read(path, &runtime, NULL) == 0 && runtime.len) {
		dead.runtime = runtime.data;
		dead.is_gvisor = strstr(runtime.data, "runsc") != NULL;
		snprintf(dead.id, sizeof(dead.id), "pysbx-oci-%.*s", (int)strcspn(name, "."), name);
		oci_delete(&dead);
		oci_groups_remove(&dead);
	}
	remove_tree(base, name, 0);
}

static void sweep(const struct oci *oci, const char *base_path)
{
	cleanup_fd int base = open(base_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = base < 0 ? NULL : opendir(base_path);
	struct dirent *entry;
	long pid;
	unsigned long long ticks;

	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "%ld.%llu", &pid, &ticks) == 2 &&
			process_start_time(pid) != ticks)
			bury(oci, base, base_path, entry->d_name);
	if (dir)
		closedir(dir);
}

int oci_dir_make(struct oci *oci, struct err *err)
{
	cleanup_fd int file = -1;
	char base[PATH_MAX / 2], path[PATH_MAX + 16];
	int code = base_dir(base, sizeof(base), err);

	if (code < 0)
		return code;
	sweep(oci, base);
	snprintf(oci->dir, sizeof(oci->dir), "%s/%ld.%llu", base, (long)getpid(),
		process_start_time(getpid()));
	/* The container's root, who is nobody here, must be able to pass; whatever the umask is. */
	if (mkdir(oci->dir, 0711) < 0)
		return err_errno(err, "%s", oci->dir);
	oci->made_dir = true;
	if (chmod(base, 0711) < 0 || chmod(oci->dir, 0711) < 0)
		return err_errno(err, "%s", oci->dir);
	snprintf(path, sizeof(path), "%s/runtime", oci->dir);
	file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0 || fd_write_all(file, oci->runtime, strlen(oci->runtime)) < 0)
		return err_errno(err, "%s", path);
	return 0;
}

void oci_dir_remove(struct oci *oci)
{
	if (oci->made_dir)
		remove_tree(AT_FDCWD, oci->dir, 0);
}
