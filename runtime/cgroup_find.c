/*
 * Where the control group hierarchies are and where this process stands in them. Reads two files
 * of /proc and changes nothing.
 * Sources: proc_pid_mountinfo(5), cgroups(7) for /proc/PID/cgroup, cgroup_namespaces(7) for paths
 * that begin with "/..".
 */
#include "runtime/cgroup_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/fd.h"

#define MOUNTINFO_MAX  (16 * 1024 * 1024)
#define MEMBERSHIP_MAX (256 * 1024)

/* Field of a mountinfo line before the optional ones. */
enum { MOUNT_DEVICE = 2, MOUNT_ROOT, MOUNT_POINT, MOUNT_OPTIONS, MOUNT_FIELDS };

struct mount {
	struct str field[MOUNT_FIELDS];
	struct str type;
	struct str super_options;
};

/* Takes the text up to the next mark, or all of it, off the front. */
static struct str take_until(struct str *rest, char mark)
{
	const char *end = rest->len ? memchr(rest->ptr, mark, rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct str taken = str_from(rest->ptr, len);
	size_t step = end ? len + 1 : len;

	if (step)
		*rest = str_from(rest->ptr + step, rest->len - step);
	return taken;
}

static bool list_has(struct str list, const char *word)
{
	while (list.len)
		if (str_is(take_until(&list, ','), word))
			return true;
	return false;
}

static unsigned list_controllers(struct str list)
{
	static const struct {
		const char *word;
		unsigned bit;
	} known[] = {
		{"memory", CGROUP_MEMORY},
		{"pids", CGROUP_PIDS},
		{"cpu", CGROUP_CPU},
		{"freezer", CGROUP_FREEZER},
		{"cpuacct", CGROUP_CPUACCT},
	};
	unsigned found = 0;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (list_has(list, known[i].word))
			found |= known[i].bit;
	return found;
}

static bool parse_mount(struct str line, struct mount *ret)
{
	struct str word;
	int i;

	for (i = 0; i < MOUNT_FIELDS; i++)
		ret->field[i] = take_until(&line, ' ');
	do
		word = take_until(&line, ' ');
	while (line.len && !str_is(word, "-"));
	ret->type = take_until(&line, ' ');
	take_until(&line, ' ');
	ret->super_options = take_until(&line, ' ');
	return ret->type.len != 0;
}

static bool is_octal(const char *digits)
{
	int i;

	for (i = 0; i < 3; i++)
		if (digits[i] < '0' || digits[i] > '7')
			return false;
	return true;
}

/* Undoes the kernel's \ooo for space, tab, newline and backslash; false if it does not fit. */
static bool unescape(struct str s, char *text, size_t size)
{
	size_t i, out = 0;

	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (out + 1 >= size)
			return false;
		if (c == '\\' && i + 3 < s.len && is_octal(s.ptr + i + 1)) {
			c = (char)((s.ptr[i + 1] - '0') * 64 + (s.ptr[i + 2] - '0') * 8 +
				   (s.ptr[i + 3] - '0'));
			i += 3;
		}
		text[out++] = c;
	}
	text[out] = '\0';
	return true;
}

static bool has_dot_dot(struct str path)
{
	while (path.len)
		if (str_is(take_until(&path, '/'), ".."))
			return true;
	return false;
}

/*
 * What is left of the own path below the mount's root. A mount may show only a part of the
 * hierarchy (a container's), and that part need not hold our group.
 */
static bool below_root(struct str own, struct str root, struct str *ret)
{
	if (str_is(root, "/"))
		root.len = 0;
	if (!str_starts(own, root))
		return false;
	*ret = str_from(own.ptr + root.len, own.len - root.len);
	if (ret->len && ret->ptr[0] != '/')
		return false;
	if (str_is(*ret, "/"))
		ret->len = 0;
	return !has_dot_dot(*ret);
}

/* Fills hierarchy if the mount shows our group. */
static bool place(const struct mount *mount, struct str own, struct cgroup_hierarchy *ret)
{
	struct str device = mount->field[MOUNT_DEVICE];
	char root[CGROUP_PATH_MAX];
	unsigned major, minor;
	struct str rest;
	char number[32];
	size_t len;

	if (device.len >= sizeof(number) || !unescape(mount->field[MOUNT_ROOT], root, sizeof(root)))
		return false;
	memcpy(number, device.ptr, device.len);
	number[device.len] = '\0';
	if (sscanf(number, "%u:%u", &major, &minor) != 2)
		return false;
	if (!below_root(own, str_of(root), &rest) ||
		!unescape(mount->field[MOUNT_POINT], ret->path, sizeof(ret->path)))
		return false;
	len = strlen(ret->path);
	if (len + rest.len >= sizeof(ret->path)) {
		ret->path[0] = '\0';
		return false;
	}
	if (rest.len)
		memcpy(ret->path + len, rest.ptr, rest.len);
	ret->path[len + rest.len] = '\0';
	ret->mount_len = len;
	ret->device = makedev(major, minor);
	return true;
}

/* The own path in the hierarchy that has these controllers; none: version 2 ("0::/path"). */
static bool own_path(struct str membership, unsigned controllers, struct str *ret)
{
	while (membership.len) {
		struct str line = take_until(&membership, '\n');
		struct str number = take_until(&line, ':');
		struct str list = take_until(&line, ':');
		bool is_v2 = str_is(number, "0") && list.len == 0;

		if (controllers ? (list_controllers(list) & controllers) != 0 : is_v2) {
			*ret = line;
			return line.len != 0;
		}
	}
	return false;
}

static void add_v1(const struct mount *mount, struct str membership, struct cgroup_host *host)
{
	unsigned controllers = list_controllers(mount->super_options);
	struct cgroup_hierarchy *next = &host->v1[host->v1_count];
	struct str own;
	unsigned i;

	for (i = 0; i < host->v1_count; i++)
		controllers &= ~host->v1[i].controllers;
	if (!controllers || host->v1_count == CGROUP_HIERARCHIES)
		return;
	if (!own_path(membership, controllers, &own) || !place(mount, own, next))
		return;
	next->controllers = controllers;
	next->cpuset = list_has(mount->super_options, "cpuset");
	host->v1_count++;
}

void cgroup_parse(struct str mountinfo, struct str membership, struct cgroup_host *ret)
{
	struct str own;

	ret->v1_count = 0;
	ret->v2 = (struct cgroup_hierarchy){0};
	while (mountinfo.len) {
		struct mount mount;

		if (!parse_mount(take_until(&mountinfo, '\n'), &mount))
			continue;
		if (str_is(mount.type, "cgroup"))
			add_v1(&mount, membership, ret);
		else if (str_is(mount.type, "cgroup2") && !ret->v2.path[0] &&
			 own_path(membership, 0, &own))
			place(&mount, own, &ret->v2);
	}
}

int cgroup_find(struct cgroup_host *ret, struct err *err)
{
	cleanup_buf struct buf mounts = BUF_INIT(MOUNTINFO_MAX);
	cleanup_buf struct buf membership = BUF_INIT(MEMBERSHIP_MAX);
	int code;

	code = file_read("/proc/self/mountinfo", &mounts, err);
	if (code < 0)
		return code;
	code = file_read("/proc/self/cgroup", &membership, err);
	if (code < 0)
		return code;
	cgroup_parse(buf_str(&mounts), buf_str(&membership), ret);
	return 0;
}

int cgroup_open(const struct cgroup_hierarchy *hierarchy, const char *path, unsigned *ret_children)
{
	cleanup_fd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != hierarchy->device)
		return -EXDEV;
	/* kernfs keeps the link count of directories exact. */
	if (ret_children)
		*ret_children = st.st_nlink > 2 ? (unsigned)st.st_nlink - 2 : 0;
	return take_fd(&fd);
}
