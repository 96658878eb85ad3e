/*
 * Control groups, version 2: one directory, once there is a place for it.
 *
 * The place is the nearest of our own group and its ancestors that we may write and whose
 * controllers are handed down (cgroup.subtree_control). Where they are not, they are enabled, but
 * only in a group that is ours to manage: our own, one delegated to us, or the root. A group that
 * holds processes cannot hand controllers down ("no internal processes"), so if we are the only
 * one in it we first move into a leaf below it. Others' processes are never moved.
 * Sources: Documentation/admin-guide/cgroup-v2.rst; systemd's CGROUP_DELEGATION.md for the
 * attributes that mark a delegated group.
 */
#include "runtime/cgroup_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"

#define PERIOD_US 100000
#define DEAD_MAX  32
#define LEAF      "pysbx-self"

static const struct {
	unsigned bit;
	const char *word;
	const char *enable;
	unsigned weight; /* which of two partial places is the better one */
} known[] = {
	{CGROUP_MEMORY, "memory", "+memory", 4},
	{CGROUP_PIDS, "pids", "+pids", 2},
	{CGROUP_CPU, "cpu", "+cpu", 1},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static const char remedy[] = "start it in a group of its own: systemd-run --user --scope -p "
			     "\"Delegate=cpu memory pids\" "
			     "pysbx ...; in a service: Delegate=cpu memory pids and "
			     "DelegateSubgroup=main in its unit; in a "
			     "container: as its first process; or run pysbx as root";

/* A group looked at as a parent for ours. */
struct place {
	int fd;
	bool root;         /* of the whole hierarchy: may hold processes and children */
	bool own;          /* the group we are in, leaf aside */
	unsigned children; /* at the time of opening */
	unsigned offered;  /* controllers that it has */
	unsigned enabled;  /* and hands down */
};

static unsigned read_controllers(int fd, const char *file)
{
	char text[512];
	char *word, *rest = text;
	unsigned found = 0;
	size_t i;

	if (cgroup_read_file(fd, file, text, sizeof(text)) <= 0)
		return 0;
	while ((word = strsep(&rest, " \n")))
		for (i = 0; i < KNOWN; i++)
			if (strcmp(word, known[i].word) == 0)
				found |= known[i].bit;
	return found;
}

static unsigned weight(unsigned controllers)
{
	unsigned sum = 0;
	size_t i;

	for (i = 0; i < KNOWN; i++)
		if (controllers & known[i].bit)
			sum += known[i].weight;
	return sum;
}

/* The own group; from within the leaf that an earlier call moved us to, the group around it. */
static void own_path(const struct cgroup_hierarchy *hierarchy, char path[CGROUP_PATH_MAX])
{
	size_t len = strlen(hierarchy->path), leaf = sizeof("/" LEAF) - 1;

	memcpy(path, hierarchy->path, len + 1);
	if (len >= hierarchy->mount_len + leaf && strcmp(path + len - leaf, "/" LEAF) == 0)
		path[len - leaf] = '\0';
}

static bool parent_path(const struct cgroup_hierarchy *hierarchy, char path[CGROUP_PATH_MAX])
{
	char *slash = strlen(path) > hierarchy->mount_len ? strrchr(path, '/') : NULL;

	if (!slash || (size_t)(slash - path) < hierarchy->mount_len)
		return false;
	*slash = '\0';
	return true;
}

/* Opens a group and reads what counts; -errno if it cannot be a parent for ours. */
static int look_at(const struct cgroup_hierarchy *hierarchy, const char *path, struct place *ret)
{
	cleanup_fd int fd = cgroup_open(hierarchy, path, &ret->children);
	char type[32];
	ssize_t len;

	if (fd < 0)
		return fd;
	ret->offered = read_controllers(fd, "cgroup.controllers");
	/* Both are needed: to make the group, and to start a process in it from within this one. */
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ||
		faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) < 0)
		return -errno;
	len = cgroup_read_file(fd, "cgroup.type", type, sizeof(type));
	if (len >= 0 && strcmp(type, "domain\n") != 0)
		return -EOPNOTSUPP; /* threaded: cannot have memory or whole processes below it */
	ret->root = len == -ENOENT;
	ret->enabled = read_controllers(fd, "cgroup.subtree_control") & ret->offered;
	ret->fd = take_fd(&fd);
	return 0;
}

/*
 * May its subtree_control be written? Root can write every one, and yet those of systemd's slices
 * are systemd's; a plain user can write only what was handed over to it.
 */
static bool may_enable(const struct place *place, const char *path)
{
	char mark = '0';

	if (place->own || place->root || geteuid() != 0)
		return true;
	return (getxattr(path, "trusted.delegate", &mark, 1) == 1 ||
		       getxattr(path, "user.delegate", &mark, 1) == 1) &&
	       mark == '1';
}

/* Each on its own: one that is refused (cpu with real-time processes about) stops no other. */
static int enable_missing(struct place *place)
{
	int code = 0, first = 0;
	size_t i;

	for (i = 0; i < KNOWN; i++) {
		if (!(place->offered & ~place->enabled & known[i].bit))
			continue;
		code = cgroup_write(place->fd, "cgroup.subtree_control", known[i].enable);
		if (code == 0)
			place->enabled |= known[i].bit;
		else if (!first)
			first = code;
	}
	return first;
}

enum company { EMPTY, ALONE, SHARED };

static enum company company_in(int fd)
{
	char text[64], own[32];
	ssize_t len = cgroup_read_file(fd, "cgroup.procs", text, sizeof(text));

	if (len == 0)
		return EMPTY;
	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	return len > 0 && strcmp(text, own) == 0 ? ALONE : SHARED;
}

static int move_to_leaf(int fd)
{
	if (mkdirat(fd, LEAF, 0755) < 0 && errno != EEXIST)
		return -errno;
	return cgroup_write(fd, LEAF "/cgroup.procs", "0");
}

/*
 * The processes are looked for before anything is written: with some inside, the kernel refuses
 * memory, but takes cpu and pids and turns the group into a threaded one, which is of no use to us
 * and, as it stays that way, to nobody else.
 */
static int open_up(struct place *place, const char *path)
{
	enum company company;
	int code;

	if (!(place->offered & ~place->enabled) || !may_enable(place, path))
		return 0;
	company = place->root ? EMPTY : company_in(place->fd);
	if (company == EMPTY)
		return enable_missing(place);
	if (company == SHARED || !place->own)
		return -EBUSY;
	code = move_to_leaf(place->fd);
	if (code < 0)
		return code;
	code = enable_missing(place);
	/* Nothing gained: back where we were found. */
	if (!place->enabled && cgroup_write(place->fd, "cgroup.procs", "0") == 0)
		unlinkat(place->fd, LEAF, AT_REMOVEDIR);
	return code;
}

/* Why no place was found. */
struct why {
	int code;         /* of the first failure, mostly that of the own group */
	unsigned offered; /* any controllers met: none in the version 2 part of a version 1 host */
};

/* The nearest place with every controller, else the best of them all. */
static int find_place(
	const struct cgroup_hierarchy *hierarchy, struct place *best, struct why *ret_why)
{
	char path[CGROUP_PATH_MAX];
	bool own = true;

	*best = (struct place){.fd = -1};
	own_path(hierarchy, path);
	do {
		struct place place = {.fd = -1, .own = own};
		int code = look_at(hierarchy, path, &place);

		if (code == 0)
			code = open_up(&place, path);
		ret_why->offered |= place.offered;
		if (code < 0 && !ret_why->code)
			ret_why->code = code;
		own = false;
		if (weight(place.enabled) <= weight(best->enabled)) {
			fd_close(&place.fd);
			continue;
		}
		fd_close(&best->fd);
		*best = place;
	} while (best->enabled != CGROUP_LIMITED && parent_path(hierarchy, path));
	return best->fd >= 0 ? 0 : -ENOTSUP;
}

/* Absent where the kernel has no swap (or zswap) at all. */
static int write_if_there(int fd, const char *file, const char *text)
{
	int code = cgroup_write(fd, file, text);

	return code == -ENOENT ? 0 : code;
}

static int limit_memory(int fd, uint64_t bytes)
{
	int code = cgroup_write_number(fd, "memory.max", bytes);

	if (code == 0)
		code = write_if_there(fd, "memory.swap.max", "0");
	if (code == 0)
		code = write_if_there(fd, "memory.zswap.max", "0");
	/* All or nothing: a program that lost one process of several gives no honest result. */
	if (code == 0)
		code = write_if_there(fd, "memory.oom.group", "1");
	return code;
}

static int limit_cpu(int fd, uint64_t thousandths)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " %d", PERIOD_US * thousandths / 1000, PERIOD_US);
	return cgroup_write(fd, "cpu.max", text);
}

static int limit_one(int fd, unsigned controller, const struct cgroup_limits *limits)
{
	switch (controller) {
	case CGROUP_MEMORY:
		return limit_memory(fd, limits->memory_bytes);
	case CGROUP_PIDS:
		return cgroup_write_number(fd, "pids.max", limits->pids);
	default:
		return limit_cpu(fd, limits->cpu_thousandths);
	}
}

static void limit_all(
	struct cgroup *cgroup, const struct cgroup_limits *limits, unsigned enabled, int why)
{
	struct cgroup_dir *dir = &cgroup->dirs[0];
	size_t i;

	for (i = 0; i < KNOWN; i++) {
		int code = enabled & known[i].bit ? limit_one(dir->fd, known[i].bit, limits)
			   : why                  ? why
						  : -EOPNOTSUPP;

		if (code == 0)
			dir->controllers |= known[i].bit;
		else
			cgroup_note(cgroup, known[i].bit, -code);
	}
	cgroup->controllers = dir->controllers;
}

/*
 * A first read arms poll(2) on the file (before it, every poll returns at once) and every later one
 * arms it again: so all reads of memory.events go through this descriptor.
 */
static void watch_oom(struct cgroup *cgroup)
{
	char text[512];

	cgroup->event_fd = openat(cgroup->dirs[0].fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (cgroup->event_fd >= 0 && pread(cgroup->event_fd, text, sizeof(text), 0) < 0)
		fd_close(&cgroup->event_fd);
}

static void sweep_parent(int parent_fd, const struct cgroup_owner *self)
{
	char names[DEAD_MAX][CGROUP_NAME_MAX];
	unsigned count = cgroup_dead_names(parent_fd, self, names, DEAD_MAX);
	unsigned i;

	for (i = 0; i < count; i++) {
		struct cgroup dead;
		struct cgroup_dir *dir = &dead.dirs[0];

		cgroup_init(&dead, CGROUP_V2);
		strcpy(dead.name, names[i]);
		*dir = (struct cgroup_dir){.attach_fd = -1};
		dir->parent_fd = openat(parent_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		dir->fd =
			openat(parent_fd, names[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		dead.dir_count = 1;
		if (dir->fd >= 0)
			cgroup_bury(&dead);
		cgroup_close(&dead);
	}
}

static int no_place(const char *path, const struct why *why, struct err *err)
{
	if (!why->offered)
		return err_set(err, ENOTSUP, "cgroup version 2 has no controllers here");
	switch (why->code) {
	case -EBUSY:
		err_set(err, ENOTSUP,
			"control group %.300s holds other processes, so it cannot "
			"hand its controllers down",
			path);
		break;
	case 0:
		err_set(err, ENOTSUP, "no controllers are handed down to control group %.300s",
			path);
		break;
	default:
		err_set(err, ENOTSUP, "control group %.300s: %s", path, strerror(-why->code));
	}
	err_remedy(err, "%s", remedy);
	return -ENOTSUP;
}

int cgroup_v2_create(const struct cgroup_host *host, const struct cgroup_limits *limits,
	struct cgroup *ret, struct err *err)
{
	struct cgroup_owner self;
	struct why why = {0};
	struct place place;
	int code;

	if (!host->v2.path[0])
		return err_set(err, ENOTSUP, "cgroup version 2 is not mounted where we can see it");
	if (find_place(&host->v2, &place, &why) < 0)
		return no_place(host->v2.path, &why, err);
	code = cgroup_owner_self(&self);
	if (code < 0) {
		fd_close(&place.fd);
		return err_set(err, -code, "no control group without /proc");
	}
	if (place.children)
		sweep_parent(place.fd, &self);
	code = cgroup_add_dir(ret, &self, place.fd, 0, "cgroup.procs");
	if (code < 0) {
		why.code = code;
		return no_place(host->v2.path, &why, err);
	}
	limit_all(ret, limits, place.enabled, why.code);
	if (!(ret->controllers & CGROUP_LIMITED)) {
		cgroup_remove_dirs(ret);
		cgroup_close(ret);
		return err_set(
			err, ENOTSUP, "control group in %.300s: %s", host->v2.path, ret->shortfall);
	}
	/* These two need no controller: cgroup.freeze and cpu.stat are in every group. */
	ret->controllers |= CGROUP_FREEZER | CGROUP_CPUACCT;
	if (ret->controllers & CGROUP_MEMORY)
		watch_oom(ret);
	return 0;
}

void cgroup_v2_read(struct cgroup *cgroup, struct cgroup_usage *ret)
{
	int fd = cgroup->dirs[0].fd;
	char text[1024];
	ssize_t len = -1;

	ret->memory_peak_bytes = cgroup_read_number(fd, "memory.peak");
	ret->pids_peak = cgroup_read_number(fd, "pids.peak");
	if (cgroup->event_fd >= 0)
		len = pread(cgroup->event_fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	cgroup_keyed(text, "oom_kill", &ret->oom_kills);
	if (cgroup_read_file(fd, "cpu.stat", text, sizeof(text)) > 0 &&
		cgroup_keyed(text, "usage_usec", &ret->cpu_ns))
		ret->cpu_ns *= 1000;
	if (cgroup_read_file(fd, "pids.events", text, sizeof(text)) > 0)
		cgroup_keyed(text, "max", &ret->pids_denied);
}

static bool populated(int fd)
{
	uint64_t any = 1;
	char text[256];

	if (cgroup_read_file(fd, "cgroup.events", text, sizeof(text)) <= 0)
		return false;
	return cgroup_keyed(text, "populated", &any) && any;
}

/* Before cgroup.kill (Linux 5.14): frozen, none can fork away, and SIGKILL goes through the ice. */
int cgroup_v2_kill(struct cgroup *cgroup, unsigned wait_ms)
{
	struct cgroup_wait wait = cgroup_wait_ms(wait_ms);
	int fd = cgroup->dirs[0].fd;
	bool by_hand = cgroup_write(fd, "cgroup.kill", "1") < 0;

	if (by_hand)
		write_if_there(fd, "cgroup.freeze", "1");
	do {
		if (by_hand)
			cgroup_signal_all(fd);
		if (!populated(fd))
			return 0;
	} while (cgroup_wait_more(&wait));
	return -EBUSY;
}

void cgroup_v2_sweep(const struct cgroup_host *host, const struct cgroup_owner *self)
{
	char path[CGROUP_PATH_MAX];
	unsigned children;

	if (!host->v2.path[0])
		return;
	own_path(&host->v2, path);
	do {
		cleanup_fd int fd = cgroup_open(&host->v2, path, &children);

		if (fd >= 0 && children && faccessat(fd, ".", W_OK, AT_EACCESS) == 0)
			sweep_parent(fd, self);
	} while (parent_path(&host->v2, path));
}

int cgroup_v2_settle(const struct cgroup_host *host, struct err *err)
{
	struct why why = {0};
	struct place place;

	if (!host->v2.path[0])
		return 0;
	if (find_place(&host->v2, &place, &why) < 0)
		return why.offered ? no_place(host->v2.path, &why, err) : 0;
	fd_close(&place.fd);
	return 0;
}
