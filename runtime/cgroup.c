/*
 * runtime/cgroup.h: making, killing and removing a group; what is common to both versions.
 *
 * Theory of operation. A group is one directory per hierarchy (one in version 2), a child of the
 * group that this process is in, or of an ancestor it may write. Everything goes through the
 * directories' descriptors, so a path is walked once. What cannot be enforced is left out and
 * noted, and every failure on the way removes what was made.
 */
#include "runtime/cgroup_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define KILL_WAIT_MS   1000
#define REMOVE_WAIT_MS 1000
#define BURY_WAIT_MS   50 /* a leftover that will not die must not hold up every start */
#define NAMES_MAX      10000

int cgroup_write(int dir_fd, const char *file, const char *text)
{
	cleanup_fd int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fd_write_all(fd, text, strlen(text));
}

int cgroup_write_number(int dir_fd, const char *file, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return cgroup_write(dir_fd, file, text);
}

ssize_t cgroup_read_file(int dir_fd, const char *file, char *text, size_t size)
{
	cleanup_fd int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	return len;
}

uint64_t cgroup_read_number(int dir_fd, const char *file)
{
	char text[32];

	if (cgroup_read_file(dir_fd, file, text, sizeof(text)) <= 0 || text[0] < '0' ||
		text[0] > '9')
		return 0;
	return strtoull(text, NULL, 10);
}

bool cgroup_keyed(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	while (text) {
		if (strncmp(text, key, len) == 0 && text[len] == ' ') {
			*ret = strtoull(text + len + 1, NULL, 10);
			return true;
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return false;
}

struct cgroup_wait cgroup_wait_ms(unsigned milliseconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct cgroup_wait){
		.end_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec +
			  (uint64_t)milliseconds * 1000000,
		.next_ns = 30000,
	};
}

bool cgroup_wait_more(struct cgroup_wait *wait)
{
	struct timespec now, pause = {0, (long)wait->next_ns};

	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= wait->end_ns)
		return false;
	nanosleep(&pause, NULL);
	if (wait->next_ns < 4000000)
		wait->next_ns *= 2;
	return true;
}

/* Pid 0 is a process outside our pid namespace; and never our own, whatever the list says. */
static void signal_one(long pid)
{
	if (pid > 0 && pid != getpid())
		kill((pid_t)pid, SIGKILL);
}

unsigned cgroup_signal_all(int dir_fd)
{
	cleanup_fd int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	unsigned count = 0;
	char block[4096];
	ssize_t len, i;
	long pid = 0;

	if (fd < 0)
		return 0;
	while ((len = read(fd, block, sizeof(block))) > 0) {
		for (i = 0; i < len; i++) {
			if (block[i] >= '0' && block[i] <= '9') {
				pid = pid * 10 + (block[i] - '0');
				continue;
			}
			signal_one(pid);
			pid = 0;
			count++;
		}
	}
	return count;
}

void cgroup_note(struct cgroup *cgroup, unsigned controllers, int code)
{
	static const char *const words[] = {"memory", "pids", "cpu", "freezer", "cpuacct"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(cgroup->shortfall);

		if (controllers & (1U << i))
			snprintf(cgroup->shortfall + len, sizeof(cgroup->shortfall) - len,
				"%s%s: %s", len ? ", " : "", words[i], strerror(code));
	}
}

void cgroup_init(struct cgroup *cgroup, enum cgroup_version version)
{
	*cgroup = (struct cgroup){.version = version, .event_fd = -1, .oom_fd = -1};
}

/* mkdir, with the first free number for the first directory. */
static int make_child(struct cgroup *cgroup, const struct cgroup_owner *self, int parent_fd)
{
	unsigned n;

	if (cgroup->dir_count)
		return mkdirat(parent_fd, cgroup->name, 0755) < 0 ? -errno : 0;
	for (n = 0; n < NAMES_MAX; n++) {
		cgroup_owner_name(self, n, cgroup->name);
		if (mkdirat(parent_fd, cgroup->name, 0755) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int cgroup_add_dir(struct cgroup *cgroup, const struct cgroup_owner *self, int parent_fd,
	unsigned controllers, const char *attach_file)
{
	cleanup_fd int parent = parent_fd;
	cleanup_fd int fd = -1;
	int attach_fd, code;

	code = make_child(cgroup, self, parent);
	if (code < 0)
		return code;
	fd = openat(parent, cgroup->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	attach_fd = fd < 0 ? -1 : openat(fd, attach_file, O_WRONLY | O_CLOEXEC);
	if (attach_fd < 0) {
		code = -errno;
		unlinkat(parent, cgroup->name, AT_REMOVEDIR);
		return code;
	}
	cgroup->dirs[cgroup->dir_count++] = (struct cgroup_dir){
		.controllers = controllers,
		.parent_fd = take_fd(&parent),
		.fd = take_fd(&fd),
		.attach_fd = attach_fd,
	};
	cgroup->controllers |= controllers;
	return 0;
}

static void close_dir(struct cgroup_dir *dir)
{
	fd_close(&dir->attach_fd);
	fd_close(&dir->fd);
	fd_close(&dir->parent_fd);
}

/* 0, also where it is gone already. */
static int remove_dir(const struct cgroup *cgroup, const struct cgroup_dir *dir)
{
	if (unlinkat(dir->parent_fd, cgroup->name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
		errno != ENODEV)
		return -errno;
	return 0;
}

void cgroup_drop_dir(struct cgroup *cgroup)
{
	struct cgroup_dir *dir = &cgroup->dirs[--cgroup->dir_count];

	cgroup->controllers &= ~dir->controllers;
	remove_dir(cgroup, dir);
	close_dir(dir);
}

/* Stops at the first that is busy: a group is killed as a whole, so the rest must stay to be found.
 */
int cgroup_remove_dirs(struct cgroup *cgroup)
{
	while (cgroup->dir_count) {
		struct cgroup_dir *dir = &cgroup->dirs[cgroup->dir_count - 1];
		int code = remove_dir(cgroup, dir);

		if (code < 0)
			return code;
		close_dir(dir);
		cgroup->dir_count--;
	}
	return 0;
}

void cgroup_close(struct cgroup *cgroup)
{
	while (cgroup->dir_count)
		close_dir(&cgroup->dirs[--cgroup->dir_count]);
	fd_close(&cgroup->event_fd);
	fd_close(&cgroup->oom_fd);
}

static int kill_within(struct cgroup *cgroup, unsigned wait_ms)
{
	return cgroup->version == CGROUP_V2 ? cgroup_v2_kill(cgroup, wait_ms)
					    : cgroup_v1_kill(cgroup, wait_ms);
}

void cgroup_bury(struct cgroup *dead)
{
	struct cgroup_wait wait = cgroup_wait_ms(BURY_WAIT_MS);

	if (cgroup_remove_dirs(dead) == -EBUSY && kill_within(dead, BURY_WAIT_MS) == 0)
		while (cgroup_remove_dirs(dead) == -EBUSY && cgroup_wait_more(&wait))
			;
	cgroup_close(dead);
}

static int create_any(const struct cgroup_host *host, const struct cgroup_limits *limits,
	struct cgroup *ret, struct err *err)
{
	struct err v2_err = {0};

	cgroup_init(ret, CGROUP_V2);
	if (cgroup_v2_create(host, limits, ret, &v2_err) == 0)
		return 0;
	cgroup_init(ret, CGROUP_V1);
	if (cgroup_v1_create(host, limits, ret, err) == 0)
		return 0;
	/* A version without controllers has nothing to say; then the other's words stand alone. */
	if (host->v1_count && v2_err.remedy[0])
		return err_wrap(err, "%s; version 1", v2_err.text);
	if (!host->v1_count && err)
		*err = v2_err;
	return -ENOTSUP;
}

int cgroup_create(const struct cgroup_limits *limits, struct cgroup **ret, struct err *err)
{
	struct cgroup_host host;
	struct cgroup *cgroup;
	int code;

	code = cgroup_find(&host, err);
	if (code < 0)
		return err_wrap(err, "finding control groups");
	cgroup = malloc(sizeof(*cgroup));
	if (!cgroup)
		return err_set(err, ENOMEM, "control group: out of memory");
	code = create_any(&host, limits, cgroup, err);
	if (code < 0)
		free(cgroup);
	else
		*ret = cgroup;
	return code;
}

enum cgroup_version cgroup_version(const struct cgroup *cgroup)
{
	return cgroup->version;
}

unsigned cgroup_controllers(const struct cgroup *cgroup)
{
	return cgroup->controllers;
}

const char *cgroup_shortfall(const struct cgroup *cgroup)
{
	return cgroup->shortfall;
}

int cgroup_clone_fd(const struct cgroup *cgroup)
{
	return cgroup->version == CGROUP_V2 ? cgroup->dirs[0].fd : -1;
}

unsigned cgroup_enter_fds(const struct cgroup *cgroup, int fds[CGROUP_ENTER_MAX])
{
	unsigned i;

	for (i = 0; i < cgroup->dir_count && i < CGROUP_ENTER_MAX; i++)
		fds[i] = cgroup->dirs[i].attach_fd;
	return i;
}

int cgroup_enter_through(const int *fds, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (write(fds[i], "0", 1) < 0)
			return -errno;
	return 0;
}

int cgroup_enter(const struct cgroup *cgroup)
{
	int fds[CGROUP_ENTER_MAX];

	if (cgroup->version != CGROUP_V1)
		return 0;
	return cgroup_enter_through(fds, cgroup_enter_fds(cgroup, fds));
}

int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct err *err)
{
	char text[16];
	unsigned i;

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (i = 0; i < cgroup->dir_count; i++)
		if (write(cgroup->dirs[i].attach_fd, text, strlen(text)) < 0)
			return err_errno(err, "moving process %d into control group %s", (int)pid,
				cgroup->name);
	return 0;
}

int cgroup_event_fd(const struct cgroup *cgroup, short *ret_events)
{
	*ret_events = cgroup->version == CGROUP_V2 ? POLLPRI : POLLIN;
	return cgroup->event_fd;
}

int cgroup_read(struct cgroup *cgroup, struct cgroup_usage *ret, struct err *err)
{
	(void)err;
	*ret = (struct cgroup_usage){0};
	if (cgroup->version == CGROUP_V2)
		cgroup_v2_read(cgroup, ret);
	else
		cgroup_v1_read(cgroup, ret);
	return 0;
}

int cgroup_kill(struct cgroup *cgroup, struct err *err)
{
	if (kill_within(cgroup, KILL_WAIT_MS) < 0)
		return err_set(err, EBUSY, "control group %s: processes outlived SIGKILL for %d ms",
			cgroup->name, KILL_WAIT_MS);
	return 0;
}

static int destroy_failed(struct cgroup *cgroup, int code, struct err *err)
{
	char link[64], path[CGROUP_PATH_MAX] = "";
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup->dirs[cgroup->dir_count - 1].fd);
	len = readlink(link, path, sizeof(path) - 1);
	return err_set(err, -code, "removing control group %.400s: %s",
		len > 0 ? path : cgroup->name, strerror(-code));
}

void cgroup_retire(struct cgroup *cgroup)
{
	cgroup_remove_dirs(cgroup);
}

int cgroup_destroy(struct cgroup *cgroup, struct err *err)
{
	struct cgroup_wait wait = cgroup_wait_ms(REMOVE_WAIT_MS);
	int code;

	if (!cgroup)
		return 0;
	code = cgroup_remove_dirs(cgroup);
	if (code == -EBUSY) {
		kill_within(cgroup, KILL_WAIT_MS);
		do
			code = cgroup_remove_dirs(cgroup);
		while (code == -EBUSY && cgroup_wait_more(&wait));
	}
	if (code < 0)
		destroy_failed(cgroup, code, err);
	cgroup_close(cgroup);
	free(cgroup);
	return code;
}

void cgroup_sweep(void)
{
	struct cgroup_owner self;
	struct cgroup_host host;

	if (cgroup_find(&host, NULL) < 0 || cgroup_owner_self(&self) < 0)
		return;
	cgroup_v2_sweep(&host, &self);
	cgroup_v1_sweep(&host, &self);
}

int cgroup_settle(struct err *err)
{
	struct cgroup_host host;
	int code;

	code = cgroup_find(&host, err);
	return code < 0 ? code : cgroup_v2_settle(&host, err);
}
