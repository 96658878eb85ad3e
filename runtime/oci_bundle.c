/* runtime/oci_internal.h: config.json from the plan, and the places that things are mounted on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/etc.h"
#include "runtime/mounts.h"
#include "runtime/oci_internal.h"
#include "runtime/profile.h"

#define CONFIG_MAX ((size_t)4 << 20)
#define CPU_PERIOD 100000 /* microseconds */
#define NOBODY     65534
#define SANDBOX_TOP                                                                                \
	((uint64_t)96 << 20) /* files that go in are 64 MiB at the most, and the program */

static void texts(struct json *json, const char *key, const char *const *list, size_t count)
{
	json_array(json, key);
	for (size_t i = 0; i < count; i++)
		json_text(json, NULL, list[i]);
	json_array_end(json);
}

#define TEXTS(json, key, ...)                                                                      \
	do {                                                                                       \
		static const char *const list_[] = {__VA_ARGS__};                                  \
		texts(json, key, list_, sizeof(list_) / sizeof(list_[0]));                         \
	} while (0)

static void write_rlimit(struct json *json, const char *type, uint64_t value)
{
	json_object(json, NULL);
	json_text(json, "type", type);
	json_uint(json, "hard", value);
	json_uint(json, "soft", value);
	json_object_end(json);
}

static void write_process(struct json *json, const struct oci *oci)
{
	static const char *const sets[] = {
		"bounding", "effective", "inheritable", "permitted", "ambient"};
	char text[PATH_MAX + 32];

	json_object(json, "process");
	json_bool(json, "terminal", false);
	json_object(json, "user");
	json_uint(json, "uid", NOBODY);
	json_uint(json, "gid", NOBODY);
	json_object_end(json);
	json_array(json, "args");
	json_text(json, NULL, oci->layout.python);
	json_text(json, NULL, "-I");
	json_text(json, NULL, "-S");
	json_text(json, NULL, "-B");
	json_text(json, NULL, "-c");
	json_text(json, NULL, inner_source);
	json_array_end(json);
	json_array(json, "env");
	snprintf(text, sizeof(text), "PATH=%s", oci->layout.bin);
	json_text(json, NULL, text);
	if (oci->layout.library_path) {
		snprintf(text, sizeof(text), "LD_LIBRARY_PATH=%s", oci->layout.library_path);
		json_text(json, NULL, text);
	}
	json_array_end(json);
	json_text(json, "cwd", "/");
	json_object(json, "capabilities");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		texts(json, sets[i], NULL, 0);
	json_object_end(json);
	json_array(json, "rlimits");
	/* 1, not 0: with 0 a core_pattern that is a pipe is run all the same (core(5)). */
	write_rlimit(json, "RLIMIT_CORE", 1);
	write_rlimit(json, "RLIMIT_NOFILE", oci->plan->limits.nofile);
	json_array_end(json);
	json_bool(json, "noNewPrivileges", true);
	/* Of all processes of the host it is the first to go; so it cannot lower its score. */
	json_int(json, "oomScoreAdj", 1000);
	json_object_end(json);
}

static void begin_mount(struct json *json, const char *target, const char *type, const char *source)
{
	json_object(json, NULL);
	json_text(json, "destination", target);
	json_text(json, "type", type);
	json_text(json, "source", source);
	json_array(json, "options");
}

static void end_mount(struct json *json)
{
	json_array_end(json);
	json_object_end(json);
}

static void write_tmpfs(struct json *json, const char *target, uint64_t bytes, const char *mode)
{
	char text[64];

	begin_mount(json, target, "tmpfs", "tmpfs");
	json_text(json, NULL, "nosuid");
	json_text(json, NULL, "nodev");
	json_text(json, NULL, "noexec");
	snprintf(text, sizeof(text), "size=%llu", (unsigned long long)bytes);
	json_text(json, NULL, text);
	json_text(json, NULL, mode);
	snprintf(text, sizeof(text), "nr_inodes=%llu", mounts_tmp_inodes(bytes));
	json_text(json, NULL, text);
	end_mount(json);
}

/* Linux 5.8: options of one mount of /proc, no longer of the whole pid namespace. */
static bool knows_proc_options(void)
{
	unsigned major = 0, minor = 0;
	struct utsname kernel;

	return uname(&kernel) == 0 && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 5 || (major == 5 && minor >= 8));
}

static void write_mounts(struct json *json, const struct oci *oci)
{
	const struct layout *layout = &oci->layout;

	json_array(json, "mounts");
	for (unsigned i = 0; i < layout->bind_count; i++) {
		begin_mount(json, layout->binds[i].target, "bind", layout->binds[i].source);
		json_text(json, NULL, "rbind");
		json_text(json, NULL, "ro");
		json_text(json, NULL, "nosuid");
		json_text(json, NULL, "nodev");
		end_mount(json);
	}
	begin_mount(json, "/proc", "proc", "proc");
	json_text(json, NULL, "nosuid");
	json_text(json, NULL, "noexec");
	json_text(json, NULL, "nodev");
	if (!oci->is_gvisor && knows_proc_options()) {
		json_text(json, NULL, "hidepid=invisible");
		json_text(json, NULL, "subset=pid");
	}
	end_mount(json);
	begin_mount(json, "/dev", "tmpfs", "tmpfs");
	json_text(json, NULL, "nosuid");
	json_text(json, NULL, "noexec");
	json_text(json, NULL, "strictatime");
	json_text(json, NULL, "mode=755");
	json_text(json, NULL, "size=65536k");
	end_mount(json);
	write_tmpfs(json, "/dev/shm", oci->plan->limits.tmpfs_bytes, "mode=1777");
	write_tmpfs(json, "/tmp", oci->plan->limits.tmpfs_bytes, "mode=1777");
	write_tmpfs(json, "/sandbox", SANDBOX_TOP + oci->plan->code.len, "mode=1777");
	json_array_end(json);
}

static void write_map(struct json *json, const char *key, const struct oci_map *map)
{
	json_array(json, key);
	for (int i = 0; i < 2; i++) {
		json_object(json, NULL);
		json_uint(json, "containerID", i ? NOBODY : 0);
		json_uint(json, "hostID", i ? map->nobody : map->root);
		json_uint(json, "size", 1);
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_resources(struct json *json, const struct oci *oci)
{
	const struct rt_limits *limits = &oci->plan->limits;

	json_object(json, "resources");
	json_array(json, "devices");
	json_object(json, NULL);
	json_bool(json, "allow", false);
	json_text(json, "access", "rwm");
	json_object_end(json);
	json_array_end(json);
	if (oci->bounded) {
		json_object(json, "memory");
		json_uint(json, "limit", limits->memory_bytes);
		if (oci_groups_count_swap())
			json_uint(json, "swap", limits->memory_bytes);
		json_object_end(json);
		json_object(json, "cpu");
		json_uint(json, "quota", limits->cpu_thousandths * CPU_PERIOD / 1000);
		json_uint(json, "period", CPU_PERIOD);
		json_object_end(json);
		json_object(json, "pids");
		/*
		 * The init is one more. gVisor's own threads, and two for each of the program's,
		 * are counted too: there the group only keeps the host from being flooded.
		 */
		json_uint(
			json, "limit", oci->is_gvisor ? 2 * limits->pids + 256 : limits->pids + 1);
		json_object_end(json);
	}
	json_object_end(json);
}

static void write_linux(struct json *json, const struct oci *oci)
{
	static const char *const namespaces[] = {
		"pid", "network", "ipc", "uts", "mount", "cgroup", "user"};
	char path[80];

	json_object(json, "linux");
	if (oci->maps_ids) {
		write_map(json, "uidMappings", &oci->uids);
		write_map(json, "gidMappings", &oci->gids);
	}
	write_resources(json, oci);
	if (oci->bounded)
		json_text(json, "cgroupsPath", oci_group_path(oci, path, sizeof(path)));
	json_array(json, "namespaces");
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) - !oci->maps_ids; i++) {
		json_object(json, NULL);
		json_text(json, "type", namespaces[i]);
		json_object_end(json);
	}
	json_array_end(json);
	/* What a /proc shows of the whole kernel; paths that are not there are passed over. */
	TEXTS(json, "maskedPaths", "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/kallsyms", "/proc/kpagecount", "/proc/kpageflags",
		"/proc/kpagecgroup", "/proc/interrupts", "/proc/modules", "/proc/slabinfo",
		"/proc/vmallocinfo", "/proc/iomem", "/proc/ioports", "/proc/sysvipc", "/sys");
	TEXTS(json, "readonlyPaths", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger");
	profile_write(json, "seccomp", oci->is_gvisor);
	json_object_end(json);
}

static int write_config(const struct oci *oci, int dir, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(CONFIG_MAX);
	cleanup_fd int fd =
		openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct json json;
	int code;

	json_init(&json, &out);
	json_object(&json, NULL);
	json_text(&json, "ociVersion", "1.0.2");
	write_process(&json, oci);
	json_object(&json, "root");
	json_text(&json, "path", "rootfs");
	json_bool(&json, "readonly", true);
	json_object_end(&json);
	json_text(&json, "hostname", "sandbox");
	write_mounts(&json, oci);
	write_linux(&json, oci);
	json_object_end(&json);
	buf_add_char(&out, '\n');
	if (fd < 0)
		return err_errno(err, "config.json");
	if (out.failed)
		return err_set(err, ENOMEM, "config.json: out of memory");
	code = fd_write_all(fd, out.data, out.len);
	return code < 0 ? err_set(err, -code, "config.json: %s", strerror(-code)) : 0;
}

/* Directories that lead to a path inside. */
static int make_parents(int root, const char *path, struct err *err)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path - 1), path + 1);
		if (mkdirat(root, part, 0755) < 0 && errno != EEXIST)
			return err_errno(err, "rootfs/%s", part);
	}
	return 0;
}

static int make_file(int root, const char *path, struct str text, struct err *err)
{
	int code = make_parents(root, path, err);
	cleanup_fd int fd = code < 0 ? -1
				     : openat(root, path + 1,
					       O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (code < 0)
		return code;
	if (fd < 0)
		return err_errno(err, "rootfs%s", path);
	code = text.len ? fd_write_all(fd, text.ptr, text.len) : 0;
	return code < 0 ? err_set(err, -code, "rootfs%s: %s", path, strerror(-code)) : 0;
}

static int make_directory(int root, const char *path, struct err *err)
{
	int code = make_parents(root, path, err);

	if (code == 0 && mkdirat(root, path + 1, 0755) < 0 && errno != EEXIST)
		code = err_errno(err, "rootfs%s", path);
	return code;
}

/* A runtime in a user namespace could not make them: the directory is not its root's. */
static int make_places(const struct oci *oci, int root, struct err *err)
{
	static const char *const directories[] = {
		"/etc", "/proc", "/dev", "/dev/shm", "/tmp", "/sandbox", "/usr", "/usr/lib"};
	static const char *const open_to_all[] = {"/tmp", "/dev/shm", "/sandbox"};
	const struct layout *layout = &oci->layout;
	int code = 0;

	for (size_t i = 0; code == 0 && i < sizeof(directories) / sizeof(directories[0]); i++)
		code = make_directory(root, directories[i], err);
	/* Runtimes give what they mount there the mode of the place. */
	for (size_t i = 0; code == 0 && i < sizeof(open_to_all) / sizeof(open_to_all[0]); i++)
		if (fchmodat(root, open_to_all[i] + 1, 01777, 0) < 0)
			code = err_errno(err, "rootfs%s", open_to_all[i]);
	for (unsigned i = 0; code == 0 && i < layout->link_count; i++) {
		code = make_parents(root, layout->links[i].path, err);
		if (code == 0 &&
			symlinkat(layout->links[i].text, root, layout->links[i].path + 1) < 0)
			code = err_errno(err, "rootfs%s", layout->links[i].path);
	}
	for (unsigned i = 0; code == 0 && i < layout->bind_count; i++)
		code = layout->binds[i].is_directory
			       ? make_directory(root, layout->binds[i].target, err)
			       : make_file(root, layout->binds[i].target, str_from("", 0), err);
	for (size_t i = 0; code == 0 && i < etc_file_count; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/%s", etc_files[i].path);
		code = make_file(root, path, str_of(etc_files[i].text), err);
	}
	if (code == 0 && layout->venv_config)
		code = make_file(root, layout->venv_config_path, str_of(layout->venv_config), err);
	return code;
}

int oci_bundle_write(const struct oci *oci, struct err *err)
{
	cleanup_fd int dir = open(oci->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int root = -1;
	mode_t mask = umask(022);
	int code;

	if (dir < 0 || mkdirat(dir, "rootfs", 0755) < 0)
		code = err_errno(err, "%s/rootfs", oci->dir);
	else
		code = 0;
	if (code == 0) {
		root = openat(dir, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		code = root < 0 ? err_errno(err, "%s/rootfs", oci->dir)
				: make_places(oci, root, err);
	}
	umask(mask);
	return code == 0 ? write_config(oci, dir, err) : code;
}
