/*
 * Steps about what the processes inside can see: a tmpfs root with read-only binds, devices, /tmp,
 * /dev/shm, /proc, then pivot_root. From step_mount_root() on the working directory is the new root
 * and every path is relative to it, so nothing can land on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"
#include "runtime/etc.h"
#include "runtime/mounts.h"

/* Declared here: <sys/mount.h> and <linux/mount.h> of Debian 12 cannot be included together. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
int umount2(const char *target, int flags);
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static int open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static int move_tree(int tree, const char *target)
{
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

/* Flags are only ever set: clearing one that was inherited is EPERM in a user namespace. */
static int set_tree_flags(int tree, uint64_t flags)
{
	struct mount_attr attr = {.attr_set = flags};

	return (int)syscall(
		SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr));
}

int step_private_mounts(struct box *box)
{
	(void)box;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

static const char *const device_names[] = {"null", "zero", "full", "random", "urandom"};
#define DEVICE_COUNT (sizeof(device_names) / sizeof(device_names[0]))

static int open_devices(struct box *box)
{
	char path[32];
	struct stat st;
	size_t i;

	for (i = 0; i < DEVICE_COUNT; i++) {
		snprintf(path, sizeof(path), "/dev/%s", device_names[i]);
		box->devices[i] = open_tree(
			AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
		if (box->devices[i] < 0 || fstat(box->devices[i], &st) < 0)
			return box_fail_at(box, path);
		if (!S_ISCHR(st.st_mode)) {
			errno = ENODEV;
			return box_fail_at(box, path);
		}
	}
	return 0;
}

int step_open_sources(struct box *box)
{
	const struct layout_bind *bind;
	struct stat st;
	unsigned i;

	for (i = 0; i < box->layout.bind_count; i++) {
		bind = &box->layout.binds[i];
		box->trees[i] = open_tree(AT_FDCWD, bind->source,
			OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
		if (box->trees[i] < 0 || fstat(box->trees[i], &st) < 0)
			return box_fail_at(box, bind->source);
		/* Swapped for something else since the supervisor looked (CVE-2024-42472). */
		if (st.st_dev != bind->device || st.st_ino != bind->inode) {
			errno = ESTALE;
			return box_fail_at(box, bind->source);
		}
	}
	return open_devices(box);
}

int step_mount_root(struct box *box)
{
	/* Any directory will do: what it covers was opened before, and the host does not see it. */
	static const char *const places[] = {"/tmp", "/proc"};
	size_t i;

	for (i = 0; i < 2; i++)
		if (mount("tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV, box->root_options) ==
			0)
			return chdir(places[i]) < 0 ? -errno : 0;
	return box_fail_at(box, "tmpfs");
}

/* Makes the directories that lead to path ("/usr/lib/x" makes usr and usr/lib). */
static int make_parents(struct box *box, const char *path)
{
	char part[4096];
	const char *slash = path + 1;

	while ((slash = strchr(slash, '/'))) {
		size_t len = (size_t)(slash - path) - 1;

		if (len >= sizeof(part)) {
			errno = ENAMETOOLONG;
			return box_fail_at(box, path);
		}
		memcpy(part, path + 1, len);
		part[len] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return box_fail_at(box, path);
		slash++;
	}
	return 0;
}

/* Writes a file that must not exist yet; path is relative to the new root. */
static int write_file(struct box *box, const char *path, const char *bytes, size_t len)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	int code;

	if (fd < 0)
		return box_fail_at(box, path);
	code = fd_write_all(fd, bytes, len);
	if (code < 0) {
		errno = -code;
		return box_fail_at(box, path);
	}
	return 0;
}

static int make_empty_file(struct box *box, const char *path)
{
	return write_file(box, path, "", 0);
}

int step_make_tree(struct box *box)
{
	static const char *const directories[] = {
		"etc", "sandbox", "tmp", "proc", "dev", "dev/shm", "usr", "usr/lib"};
	unsigned i;
	int code;

	/* The caller's umask is not ours to keep: the modes below are meant. */
	umask(022);
	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (mkdir(directories[i], 0755) < 0)
			return box_fail_at(box, directories[i]);
	for (i = 0; i < box->layout.link_count; i++) {
		const struct layout_link *link = &box->layout.links[i];

		code = make_parents(box, link->path);
		if (code < 0)
			return code;
		if (symlink(link->text, link->path + 1) < 0)
			return box_fail_at(box, link->path);
	}
	return 0;
}

static int attach_bind(struct box *box, const struct layout_bind *bind, int *tree)
{
	const char *target = bind->target + 1;
	int code = make_parents(box, bind->target);

	if (code == 0 && bind->is_directory && mkdir(target, 0755) < 0 && errno != EEXIST)
		return box_fail_at(box, bind->target);
	if (code == 0 && !bind->is_directory)
		code = make_empty_file(box, target);
	if (code < 0)
		return code;
	if (set_tree_flags(*tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) < 0 ||
		move_tree(*tree, target) < 0)
		return box_fail_at(box, bind->target);
	fd_close(tree);
	return 0;
}

int step_binds(struct box *box)
{
	unsigned i;
	int code;

	for (i = 0; i < box->layout.bind_count; i++) {
		code = attach_bind(box, &box->layout.binds[i], &box->trees[i]);
		if (code < 0)
			return code;
	}
	if (!box->layout.venv_config)
		return 0;
	code = make_parents(box, box->layout.venv_config_path);
	if (code < 0)
		return code;
	return write_file(box, box->layout.venv_config_path + 1, box->layout.venv_config,
		strlen(box->layout.venv_config));
}

int step_devices(struct box *box)
{
	static const struct {
		const char *path;
		const char *text;
	} links[] = {{"dev/fd", "/proc/self/fd"}, {"dev/stdin", "/proc/self/fd/0"},
		{"dev/stdout", "/proc/self/fd/1"}, {"dev/stderr", "/proc/self/fd/2"}};
	char path[32];
	size_t i;
	int code;

	for (i = 0; i < DEVICE_COUNT; i++) {
		snprintf(path, sizeof(path), "dev/%s", device_names[i]);
		code = make_empty_file(box, path);
		if (code < 0)
			return code;
		/* Not nodev: that would make them unusable. Writing to a device is no write to the
		 * mount. */
		if (set_tree_flags(box->devices[i],
			    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) < 0 ||
			move_tree(box->devices[i], path) < 0)
			return box_fail_at(box, path);
		fd_close(&box->devices[i]);
	}
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i].text, links[i].path) < 0)
			return box_fail_at(box, links[i].path);
	return 0;
}

int step_write_etc(struct box *box)
{
	size_t i;
	int code;

	for (i = 0; i < etc_file_count; i++) {
		code = write_file(
			box, etc_files[i].path, etc_files[i].text, strlen(etc_files[i].text));
		if (code < 0)
			return code;
	}
	return 0;
}

/* Copies an input file that the supervisor opened; its size was checked there. */
static int copy_input(struct box *box, int source, const char *path)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	char bytes[16384];
	ssize_t n;
	int code;

	if (fd < 0)
		return box_fail_at(box, path);
	while ((n = pread(source, bytes, sizeof(bytes), lseek(fd, 0, SEEK_CUR))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return box_fail_at(box, path);
		code = fd_write_all(fd, bytes, (size_t)n);
		if (code < 0) {
			errno = -code;
			return box_fail_at(box, path);
		}
	}
	return 0;
}

int step_write_sandbox(struct box *box)
{
	char path[4096];
	unsigned i;
	int code;

	snprintf(path, sizeof(path), "/sandbox/%s", box->plan->code_name);
	code = write_file(box, path + 1, box->plan->code.ptr, box->plan->code.len);
	for (i = 0; code == 0 && i < box->file_count; i++) {
		snprintf(path, sizeof(path), "/sandbox/%s", box->plan->files[i].name);
		code = make_parents(box, path);
		if (code == 0)
			code = copy_input(box, box->file_fds[i], path + 1);
		fd_close(&box->file_fds[i]);
	}
	return code;
}

/* Input files are found in the working directory too, by their first part. */
int mounts_link_inputs(struct box *box, const char *sandbox)
{
	char name[256], text[300], path[300];
	unsigned i;

	for (i = 0; i < box->file_count; i++) {
		const char *whole = box->plan->files[i].name;
		size_t len = strcspn(whole, "/");

		if (len >= sizeof(name))
			continue;
		memcpy(name, whole, len);
		name[len] = '\0';
		snprintf(text, sizeof(text), "%s/%s", sandbox, name);
		snprintf(path, sizeof(path), "tmp/%s", name);
		if (symlink(text, path) < 0 && errno != EEXIST)
			return box_fail_at(box, path);
	}
	return 0;
}

int step_mount_tmp(struct box *box)
{
	if (mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, box->tmp_options) < 0)
		return -errno;
	return mounts_link_inputs(box, "/sandbox");
}

int step_mount_shm(struct box *box)
{
	if (mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, box->tmp_options) <
		0)
		return -errno;
	return 0;
}

int step_mount_proc(struct box *box)
{
	if (!box->want_proc)
		return 0;
	if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    "subset=pid,hidepid=invisible") < 0)
		return -errno;
	box->layers |= RT_LAYER_BIT(RT_LAYER_PROC);
	return 0;
}

int step_root_read_only(struct box *box)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;

	(void)box;
	return mount(NULL, ".", NULL, flags, NULL) < 0 ? -errno : 0;
}

int step_pivot_root(struct box *box)
{
	/* The old root ends up below the new one at the same place and is detached at once. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return box_fail_at(box, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return box_fail_at(box, "detach old root");
	if (chdir("/") < 0)
		return box_fail_at(box, "chdir");
	fd_close(&box->proc);
	return 0;
}

/* An option string for the run's tmpfs: a file needs a page and an inode, so 1 inode per 4 KiB,
 * capped. */
unsigned long long mounts_tmp_inodes(uint64_t bytes)
{
	uint64_t inodes = bytes / 4096;

	if (inodes < 16)
		inodes = 16;
	return inodes > 65536 ? 65536 : inodes;
}

int mounts_tmp_options(uint64_t bytes, size_t links, char *text, size_t size)
{
	return snprintf(text, size, "size=%llu,nr_inodes=%llu,mode=1777", (unsigned long long)bytes,
		mounts_tmp_inodes(bytes) + links);
}

int mounts_root_options(const struct rt_plan *plan, char *text, size_t size)
{
	size_t inodes = 4096, i;
	const char *at;

	for (i = 0; i < plan->file_count; i++)
		for (at = plan->files[i].name, inodes++; (at = strchr(at, '/')); at++)
			inodes++;
	return snprintf(text, size, "size=96m,nr_inodes=%zu,mode=755", inodes);
}

/* What the kernel says of the finished root; 0, or -EPROTO with the object named. */
int mounts_verify(struct box *box)
{
	static const struct {
		const char *path;
		unsigned long flags;
	} wanted[] = {{"/", ST_RDONLY | ST_NOSUID | ST_NODEV},
		{"/tmp", ST_NOSUID | ST_NODEV | ST_NOEXEC},
		{"/dev/shm", ST_NOSUID | ST_NODEV | ST_NOEXEC}};
	struct stat root, above;
	struct statvfs fs;
	unsigned i;

	errno = EPROTO;
	if (stat("/", &root) < 0 || stat("/..", &above) < 0 || root.st_ino != above.st_ino ||
		root.st_dev != above.st_dev)
		return box_fail_at(box, "root directory");
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		errno = EPROTO;
		if (statvfs(wanted[i].path, &fs) < 0 ||
			(fs.f_flag & wanted[i].flags) != wanted[i].flags)
			return box_fail_at(box, wanted[i].path);
	}
	for (i = 0; i < box->layout.bind_count; i++) {
		errno = EPROTO;
		if (statvfs(box->layout.binds[i].target, &fs) < 0 ||
			(fs.f_flag & wanted[0].flags) != wanted[0].flags)
			return box_fail_at(box, box->layout.binds[i].target);
	}
	return 0;
}
