/* docker/run.h: what the container is asked to be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "docker/run.h"

#define NPROC_MAX 32768

/* Docker's own list, and what else tells of the whole machine; the groups of /sys/fs stay. */
static const char *const masked[] = {"/proc/acpi", "/proc/asound", "/proc/interrupts",
	"/proc/iomem", "/proc/ioports", "/proc/kallsyms", "/proc/kcore", "/proc/keys",
	"/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags", "/proc/latency_stats",
	"/proc/modules", "/proc/sched_debug", "/proc/scsi", "/proc/slabinfo", "/proc/timer_list",
	"/proc/timer_stats", "/proc/vmallocinfo", "/sys/block", "/sys/bus", "/sys/class",
	"/sys/dev", "/sys/devices", "/sys/firmware", "/sys/hypervisor", "/sys/kernel",
	"/sys/module", "/sys/power"};
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static json_t *texts(const char *const *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static const char *text_of(const json_t *plan, const char *key)
{
	return json_string_value(json_object_get(plan, key));
}

static json_int_t number_of(const json_t *plan, const char *key)
{
	return json_integer_value(json_object_get(plan, key));
}

static json_t *ulimit(const char *name, json_int_t value)
{
	return json_pack("{s:s, s:I, s:I}", "Name", name, "Soft", value, "Hard", value);
}

/* The size of a file and the processor's time are the init's to limit: they would bind it too. */
static json_t *ulimits(const json_t *plan)
{
	json_t *array = json_array();
	struct rlimit own;

	/* podman would ask for more than a confined service may have. */
	if (text_of(plan, "seccomp_file") && getrlimit(RLIMIT_NPROC, &own) == 0)
		json_array_append_new(array,
			ulimit("nproc",
				own.rlim_max < NPROC_MAX ? (json_int_t)own.rlim_max : NPROC_MAX));
	json_array_append_new(array, ulimit("core", 1));
	json_array_append_new(array, ulimit("memlock", 0));
	json_array_append_new(array, ulimit("msgqueue", 0));
	json_array_append_new(array, ulimit("nofile", number_of(plan, "nofile")));
	return array;
}

/* podman knows no limit of inodes; what they take is memory of the container's. */
static json_t *tmpfs(const json_t *plan)
{
	char tmp[160], sandbox[160], inodes[40] = "";

	if (!text_of(plan, "seccomp_file"))
		snprintf(inodes, sizeof(inodes), ",nr_inodes=%lld",
			(long long)number_of(plan, "inodes"));
	snprintf(tmp, sizeof(tmp), "rw,noexec,nosuid,nodev,size=%lld%s,mode=1777",
		(long long)number_of(plan, "tmpfs"), inodes);
	snprintf(sandbox, sizeof(sandbox), "rw,noexec,nosuid,nodev,size=%lld,mode=1777",
		(long long)number_of(plan, "sandbox"));
	return json_pack("{s:s, s:s}", "/tmp", tmp, "/sandbox", sandbox);
}

/* The filter travels as text; podman's service takes the name of a file. */
static json_t *security(const json_t *plan)
{
	char *profile = json_dumps(json_object_get(plan, "seccomp"), JSON_COMPACT);
	const char *path = text_of(plan, "seccomp_file");
	json_t *array = json_array();

	json_array_append_new(array, json_string("no-new-privileges"));
	json_array_append_new(array, json_sprintf("seccomp=%s", path      ? path
								: profile ? profile
									  : ""));
	free(profile);
	return array;
}

static json_t *host_config(const json_t *plan)
{
	json_int_t memory = number_of(plan, "memory"), cpus = number_of(plan, "cpus");
	json_t *host =
		json_pack("{s:s, s:[s], s:o, s:b, s:o, s:I, s:I, s:I, s:o, s:s, s:s, s:{s:s}, "
			  "s:{s:s}, s:b, s:b, s:i, s:I, s:o, s:o}",
			"NetworkMode", "none", "CapDrop", "ALL", "SecurityOpt", security(plan),
			"ReadonlyRootfs", 1, "Tmpfs", tmpfs(plan), "Memory", memory, "MemorySwap",
			memory, "PidsLimit", number_of(plan, "pids"), "Ulimits", ulimits(plan),
			"IpcMode", "private", "CgroupnsMode", "private", "LogConfig", "Type",
			"none", "RestartPolicy", "Name", "no", "AutoRemove", 0, "Init", 0,
			"OomScoreAdj", 1000, "ShmSize", number_of(plan, "tmpfs"), "MaskedPaths",
			texts(masked, sizeof(masked) / sizeof(masked[0])), "ReadonlyPaths",
			texts(read_only, sizeof(read_only) / sizeof(read_only[0])));

	/* More than the machine has is refused as NanoCpus, and means no limit that would be felt.
	 */
	if (cpus <= sysconf(_SC_NPROCESSORS_ONLN) * 1000) {
		json_object_set_new(host, "NanoCpus", json_integer(cpus * 1000000));
	} else {
		json_object_set_new(host, "CpuPeriod", json_integer(100000));
		json_object_set_new(host, "CpuQuota", json_integer(cpus * 100));
	}
	if (text_of(plan, "runtime"))
		json_object_set_new(host, "Runtime", json_string(text_of(plan, "runtime")));
	return host;
}

/*
 * NetworkDisabled says the same as NetworkMode none, and spares the daemon the network it would
 * make for that: a program of its own that it starts within each container, a third of the whole
 * time. The runtime makes the empty namespace alone. That it did is looked at before the program is
 * sent.
 */
json_t *container_config(const json_t *plan, struct err *err)
{
	char owner[160];
	json_t *config = json_pack(
		"{s:s, s:[s], s:[s, s, s, s, s], s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, "
		"s:{s:s}, s:o}",
		"Image", text_of(plan, "image"), "Entrypoint", text_of(plan, "python"), "Cmd", "-I",
		"-S", "-B", "-c", text_of(plan, "init"), "User", "65534:65534", "WorkingDir", "/",
		"Hostname", "sandbox", "AttachStdin", 1, "AttachStdout", 1, "AttachStderr", 1,
		"OpenStdin", 1, "StdinOnce", 1, "Tty", 0, "NetworkDisabled", 1, "Labels", LABEL_RUN,
		owner_text(owner, sizeof(owner)), "HostConfig", host_config(plan));

	if (!config)
		err_set(err, EINVAL, "the plan cannot be made a container of");
	return config;
}
