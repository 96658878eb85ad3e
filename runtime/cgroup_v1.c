/*
 * Control groups, version 1: one directory in each of the hierarchies of memory, pids, cpu, cpuacct
 * and freezer, which may share mounts in any way. A hierarchy that does not let us is left out.
 * Source: Documentation/admin-guide/cgroup-v1/ (memory.rst for memsw, oom_control and
 * event_control, freezer-subsystem.rst, pids.rst, cpuacct.rst), scheduler/sched-bwc.rst.
 */
#include "runtime/cgroup_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PERIOD_US      100000 /* of cpu.cfs_period_us in a new group */
#define FREEZE_WAIT_MS 50
#define DEAD_MAX       32

static const char top_name[] = "pysbx";

static const char remedy[] =
	"run pysbx as root; or, as root, for each C of memory pids cpu cpuacct freezer: mkdir "
	"/sys/fs/cgroup/C/pysbx && chown -R USER /sys/fs/cgroup/C/pysbx; or boot with cgroup "
	"version 2 (systemd.unified_cgroup_hierarchy=1)";

static void top_path(const struct cgroup_hierarchy *hierarchy, char path[CGROUP_PATH_MAX])
{
	snprintf(path, CGROUP_PATH_MAX, "%.*s/%s", (int)hierarchy->mount_len, hierarchy->path,
		top_name);
}

/*
 * Swap 0. With swap accounting the sum of both is limited; without it (swapaccount=0) a group with
 * swappiness 0 is never swapped out.
 */
static int forbid_swap(int fd, uint64_t bytes)
{
	int code = cgroup_write_number(fd, "memory.memsw.limit_in_bytes", bytes);

	return code == -ENOENT ? cgroup_write(fd, "memory.swappiness", "0") : code;
}

/* Without notification the figures at the end still tell, so its failure is none of the group's. */
static void watch_oom(struct cgroup *cgroup, int fd)
{
	cleanup_fd int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];

	if (event < 0)
		return;
	snprintf(text, sizeof(text), "%d %d", event, cgroup->oom_fd);
	if (cgroup_write(fd, "cgroup.event_control", text) == 0)
		cgroup->event_fd = take_fd(&event);
}

static int limit_memory(struct cgroup *cgroup, int fd, uint64_t bytes)
{
	char text[256];
	uint64_t off;
	ssize_t len;
	int code;

	code = cgroup_write_number(fd, "memory.limit_in_bytes", bytes);
	if (code == 0)
		code = forbid_swap(fd, bytes);
	if (code < 0)
		return code;
	cgroup->oom_fd = openat(fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (cgroup->oom_fd < 0)
		return -errno;
	/* Inherited: with the killer disabled the program would hang at its limit. */
	len = pread(cgroup->oom_fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	if (cgroup_keyed(text, "oom_kill_disable", &off) && off)
		code = cgroup_write(fd, "memory.oom_control", "0");
	watch_oom(cgroup, fd);
	return code;
}

static int limit_cpu(int fd, uint64_t thousandths)
{
	int code = cgroup_write_number(fd, "cpu.cfs_quota_us", PERIOD_US * thousandths / 1000);

	/* A group above us has less than that already: then that is what is in force. */
	return code == -EINVAL && thousandths >= 10 ? 0 : code;
}

/* A new group of a cpuset hierarchy takes no process until its sets are filled. */
static int copy_cpuset(const struct cgroup_dir *dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	char text[4096];
	int code = 0;
	size_t i;

	for (i = 0; i < 2 && code == 0; i++) {
		ssize_t len = cgroup_read_file(dir->parent_fd, files[i], text, sizeof(text));

		if (len > 1)
			code = cgroup_write(dir->fd, files[i], text);
		else
			code = len < 0 ? (int)len : -ENOSPC; /* what entering would say */
	}
	return code;
}

static int limit_dir(struct cgroup *cgroup, const struct cgroup_limits *limits, bool cpuset)
{
	const struct cgroup_dir *dir = &cgroup->dirs[cgroup->dir_count - 1];
	int code = cpuset ? copy_cpuset(dir) : 0;

	if (code == 0 && (dir->controllers & CGROUP_MEMORY))
		code = limit_memory(cgroup, dir->fd, limits->memory_bytes);
	if (code == 0 && (dir->controllers & CGROUP_PIDS))
		code = cgroup_write_number(dir->fd, "pids.max", limits->pids);
	if (code == 0 && (dir->controllers & CGROUP_CPU))
		code = limit_cpu(dir->fd, limits->cpu_thousandths);
	return code;
}

/*
 * Below our own group; else, for a plain user, below a group at the top of the hierarchy that an
 * administrator has made and handed over. Asking first is cheaper than a mkdir(2) that fails.
 */
static int open_parent(const struct cgroup_hierarchy *hierarchy)
{
	char path[CGROUP_PATH_MAX];
	int refused;

	if (faccessat(AT_FDCWD, hierarchy->path, W_OK | X_OK, AT_EACCESS) == 0)
		return cgroup_open(hierarchy, hierarchy->path, NULL);
	refused = -errno;
	top_path(hierarchy, path);
	if (refused != -EACCES || faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0)
		return refused;
	return cgroup_open(hierarchy, path, NULL);
}

static void forget_memory(struct cgroup *cgroup)
{
	fd_close(&cgroup->event_fd);
	fd_close(&cgroup->oom_fd);
}

/* parent_fd is taken, or a negative errno that says why there is none. */
static int add_hierarchy(struct cgroup *cgroup, const struct cgroup_hierarchy *hierarchy,
	const struct cgroup_limits *limits, const struct cgroup_owner *self, int parent_fd)
{
	int code = parent_fd;

	if (parent_fd >= 0)
		code = cgroup_add_dir(cgroup, self, parent_fd, hierarchy->controllers, "tasks");
	if (code < 0)
		return code;
	code = limit_dir(cgroup, limits, hierarchy->cpuset);
	if (code == 0)
		return 0;
	if (hierarchy->controllers & CGROUP_MEMORY)
		forget_memory(cgroup);
	cgroup_drop_dir(cgroup);
	return code;
}

static int no_group(const struct cgroup_host *host, const struct cgroup *cgroup, struct err *err)
{
	if (!host->v1_count)
		return err_set(err, ENOTSUP, "no control group hierarchy is mounted");
	err_set(err, ENOTSUP, "no control group of version 1 (%s)", cgroup->shortfall);
	err_remedy(err, "%s", remedy);
	return -ENOTSUP;
}

/* All parents are opened first: where there is none to be had, that is found out for little. */
int cgroup_v1_create(const struct cgroup_host *host, const struct cgroup_limits *limits,
	struct cgroup *ret, struct err *err)
{
	int parents[CGROUP_HIERARCHIES];
	struct cgroup_owner self;
	unsigned i, open = 0;
	int code;

	for (i = 0; i < host->v1_count; i++) {
		parents[i] = open_parent(&host->v1[i]);
		open += parents[i] >= 0;
	}
	code = open ? cgroup_owner_self(&self) : 0;
	if (open && code == 0)
		cgroup_v1_sweep(host, &self);
	for (i = 0; i < host->v1_count; i++) {
		int added = code;

		if (code == 0)
			added = add_hierarchy(ret, &host->v1[i], limits, &self, parents[i]);
		else
			fd_close(&parents[i]);
		if (added < 0)
			cgroup_note(ret, host->v1[i].controllers, -added);
	}
	if (ret->controllers & CGROUP_LIMITED)
		return 0;
	cgroup_remove_dirs(ret);
	cgroup_close(ret);
	return no_group(host, ret, err);
}

/* The counter of refused forks: "max N". */
static uint64_t read_denied(int fd)
{
	uint64_t denied = 0;
	char text[256];

	if (cgroup_read_file(fd, "pids.events", text, sizeof(text)) > 0)
		cgroup_keyed(text, "max", &denied);
	return denied;
}

/* oom_kill is there from Linux 4.13 on; before, a notification is the best that can be known. */
static uint64_t read_oom(struct cgroup *cgroup)
{
	uint64_t events, kills;
	char text[256];
	ssize_t len;

	if (cgroup->event_fd >= 0 && read(cgroup->event_fd, &events, sizeof(events)) > 0)
		cgroup->oom_events += events;
	len = cgroup->oom_fd < 0 ? -1 : pread(cgroup->oom_fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	return cgroup_keyed(text, "oom_kill", &kills) ? kills : cgroup->oom_events;
}

void cgroup_v1_read(struct cgroup *cgroup, struct cgroup_usage *ret)
{
	unsigned i;

	for (i = 0; i < cgroup->dir_count; i++) {
		const struct cgroup_dir *dir = &cgroup->dirs[i];

		if (dir->controllers & CGROUP_MEMORY) {
			ret->memory_peak_bytes =
				cgroup_read_number(dir->fd, "memory.max_usage_in_bytes");
			ret->oom_kills = read_oom(cgroup);
		}
		if (dir->controllers & CGROUP_CPUACCT)
			ret->cpu_ns = cgroup_read_number(dir->fd, "cpuacct.usage");
		if (dir->controllers & CGROUP_PIDS) {
			ret->pids_peak = cgroup_read_number(dir->fd, "pids.peak");
			ret->pids_denied = read_denied(dir->fd);
		}
	}
}

static int dir_with(const struct cgroup *cgroup, unsigned controller)
{
	unsigned i;

	for (i = 0; i < cgroup->dir_count; i++)
		if (cgroup->dirs[i].controllers & controller)
			return cgroup->dirs[i].fd;
	return -1;
}

/* Frozen, nothing can fork away from under the list. Where that takes too long we go on without. */
static void freeze(int fd)
{
	struct cgroup_wait wait = cgroup_wait_ms(FREEZE_WAIT_MS);
	char text[32];

	if (cgroup_write(fd, "freezer.state", "FROZEN") < 0)
		return;
	do {
		if (cgroup_read_file(fd, "freezer.state", text, sizeof(text)) <= 0 ||
			strcmp(text, "FROZEN\n") == 0)
			return;
		/* A task that was just about to fork may need to be told again. */
		cgroup_write(fd, "freezer.state", "FROZEN");
	} while (cgroup_wait_more(&wait));
}

static unsigned signal_everywhere(const struct cgroup *cgroup)
{
	unsigned i, most = 0;

	for (i = 0; i < cgroup->dir_count; i++) {
		unsigned count = cgroup_signal_all(cgroup->dirs[i].fd);

		if (count > most)
			most = count;
	}
	return most;
}

static bool empty_within(const struct cgroup *cgroup, unsigned wait_ms)
{
	struct cgroup_wait wait = cgroup_wait_ms(wait_ms);

	do {
		if (signal_everywhere(cgroup) == 0)
			return true;
	} while (cgroup_wait_more(&wait));
	return false;
}

/* Every hierarchy is asked: a process that died half-way through cgroup_enter() is in some only. */
int cgroup_v1_kill(struct cgroup *cgroup, unsigned wait_ms)
{
	struct cgroup_wait wait = cgroup_wait_ms(wait_ms);
	int freezer = dir_with(cgroup, CGROUP_FREEZER);

	do {
		if (freezer >= 0)
			freeze(freezer);
		signal_everywhere(cgroup);
		if (freezer >= 0)
			cgroup_write(freezer, "freezer.state", "THAWED");
		if (empty_within(cgroup, wait_ms / 8 + 1))
			return 0;
	} while (cgroup_wait_more(&wait));
	return -EBUSY;
}

/* Opens what there is of a dead maker's group, so that it can be killed as a whole. */
static void open_dead(
	const struct cgroup_host *host, const char *name, bool top, struct cgroup *ret)
{
	char path[CGROUP_PATH_MAX];
	unsigned i;

	cgroup_init(ret, CGROUP_V1);
	strcpy(ret->name, name);
	for (i = 0; i < host->v1_count; i++) {
		const struct cgroup_hierarchy *hierarchy = &host->v1[i];
		struct cgroup_dir dir = {.controllers = hierarchy->controllers, .attach_fd = -1};

		if (top)
			top_path(hierarchy, path);
		dir.parent_fd = cgroup_open(hierarchy, top ? path : hierarchy->path, NULL);
		dir.fd = dir.parent_fd < 0 ? -1
					   : openat(dir.parent_fd, name,
						     O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir.fd >= 0)
			ret->dirs[ret->dir_count++] = dir;
		else
			fd_close(&dir.parent_fd);
	}
}

/* Lists one parent in one hierarchy, and that only if it has children. */
static void sweep_parent(const struct cgroup_host *host, const struct cgroup_hierarchy *listed,
	const char *path, bool top, const struct cgroup_owner *self)
{
	char names[DEAD_MAX][CGROUP_NAME_MAX];
	unsigned children, count, i;
	cleanup_fd int parent = cgroup_open(listed, path, &children);
	struct cgroup dead;

	if (parent < 0 || children == 0)
		return;
	count = cgroup_dead_names(parent, self, names, DEAD_MAX);
	for (i = 0; i < count; i++) {
		open_dead(host, names[i], top, &dead);
		cgroup_bury(&dead);
	}
}

/*
 * Every hierarchy is listed, not one for all: another sweeper may stand elsewhere in some of them
 * (each service has its own memory group, but they share the root of the others), and then has
 * removed what it could see and no more.
 */
void cgroup_v1_sweep(const struct cgroup_host *host, const struct cgroup_owner *self)
{
	char path[CGROUP_PATH_MAX];
	unsigned i;

	for (i = 0; i < host->v1_count; i++) {
		sweep_parent(host, &host->v1[i], host->v1[i].path, false, self);
		top_path(&host->v1[i], path);
		sweep_parent(host, &host->v1[i], path, true, self);
	}
}
