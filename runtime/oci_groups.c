/* runtime/oci_internal.h: the container's control group, read from the host's side. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/oci_internal.h"

#define TOP "/sys/fs/cgroup"

static bool is_unified(void)
{
	return access(TOP "/cgroup.controllers", F_OK) == 0;
}

const char *oci_group_path(const struct oci *oci, char *path, size_t size)
{
	snprintf(path, size, "/%s", oci->id);
	return path;
}

bool oci_groups_can_limit(void)
{
	return geteuid() == 0 &&
	       access(is_unified() ? TOP "/cgroup.subtree_control" : TOP "/memory/tasks", W_OK) ==
		       0;
}

bool oci_groups_count_swap(void)
{
	return is_unified() || access(TOP "/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
}

/* A file of the group: one of version 1 below its controller, or of version 2. "" if unreadable. */
static void read_group(const struct oci *oci, const char *controller, const char *one,
	const char *two, struct buf *out)
{
	char group[80], path[256];

	oci_group_path(oci, group, sizeof(group));
	if (is_unified())
		snprintf(path, sizeof(path), TOP "%s/%s", group, two);
	else
		snprintf(path, sizeof(path), TOP "/%s%s/%s", controller, group, one);
	if (file_read(path, out, NULL) < 0)
		out->len = 0;
	if (out->data)
		out->data[out->len] = '\0';
}

/* The number that the file is, or that stands behind key in it; -1: there is none ("max" too). */
static long long read_number(const struct oci *oci, const char *controller, const char *one,
	const char *two, const char *key)
{
	cleanup_buf struct buf text = BUF_INIT(65536);
	const char *at;
	char *end;
	long long number;

	read_group(oci, controller, one, two, &text);
	at = text.data ? text.data : "";
	if (key) {
		size_t len = strlen(key);

		while (*at && (strncmp(at, key, len) != 0 || at[len] != ' ')) {
			at = strchrnul(at, '\n');
			at += *at == '\n';
		}
		at += *at ? len : 0;
	}
	number = strtoll(at, &end, 10);
	return end == at ? -1 : number;
}

static long long read_quota(const struct oci *oci)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	long long quota, period;

	if (is_unified()) {
		read_group(oci, "", "", "cpu.max", &text);
		if (!text.data || sscanf(text.data, "%lld %lld", &quota, &period) != 2)
			return -1;
	} else {
		quota = read_number(oci, "cpu", "cpu.cfs_quota_us", "", NULL);
		period = read_number(oci, "cpu", "cpu.cfs_period_us", "", NULL);
	}
	return quota > 0 && period > 0 ? quota * 1000 / period : -1;
}

/* A group of our own holds what its controllers hold. */
static void look_at_own(const struct oci *oci, struct inner_facts *facts)
{
	const struct rt_limits *limits = &oci->plan->limits;
	unsigned has = oci->group ? cgroup_controllers(oci->group) : 0;

	facts->cgroup = oci->group && cgroup_version(oci->group) == CGROUP_V2 ? 2 : 1;
	facts->memory = has & CGROUP_MEMORY ? (long long)limits->memory_bytes : -1;
	facts->swap = -1;
	facts->pids = has & CGROUP_PIDS ? (long long)limits->pids + 1 : -1;
	facts->quota = has & CGROUP_CPU ? (long long)limits->cpu_thousandths : -1;
	/* It was moved after its namespace was made, so it sees the way from there. */
	facts->namespaces[INNER_CGROUP] = 0;
}

void oci_groups_look(const struct oci *oci, struct inner_facts *facts)
{
	if (!oci->bounded) {
		look_at_own(oci, facts);
		return;
	}
	/* What the init saw of control groups, if anything, is not the container's own. */
	facts->cgroup = is_unified() ? 2 : 1;
	facts->memory = read_number(oci, "memory", "memory.limit_in_bytes", "memory.max", NULL);
	facts->swap =
		read_number(oci, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max", NULL);
	facts->pids = read_number(oci, "pids", "pids.max", "pids.max", NULL);
	facts->quota = read_quota(oci);
}

void oci_groups_remove(const struct oci *oci)
{
	char pattern[128];
	glob_t found = {0};

	snprintf(pattern, sizeof(pattern), TOP "/%s", oci->id);
	rmdir(pattern);
	/* One of each hierarchy, named ones too. */
	snprintf(pattern, sizeof(pattern), TOP "/*/%s", oci->id);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			rmdir(found.gl_pathv[i]);
	globfree(&found);
}

static uint64_t positive(long long number)
{
	return number > 0 ? (uint64_t)number : 0;
}

static void read_own(const struct oci *oci, struct contained_end *end)
{
	struct cgroup_usage usage;

	if (!oci->group || cgroup_read(oci->group, &usage, NULL) < 0)
		return;
	*end = (struct contained_end){.oom = usage.oom_kills > 0,
		.cpu_ns = usage.cpu_ns,
		.peak_bytes = usage.memory_peak_bytes,
		.pids_peak = usage.pids_peak > 1 ? usage.pids_peak - 1 : 0,
		.pids_denied = usage.pids_denied};
}

void oci_groups_read(const struct oci *oci, struct contained_end *end)
{
	if (!oci->bounded) {
		read_own(oci, end);
		return;
	}
	end->oom =
		read_number(oci, "memory", "memory.oom_control", "memory.events", "oom_kill") > 0;
	end->peak_bytes = positive(
		read_number(oci, "memory", "memory.max_usage_in_bytes", "memory.peak", NULL));
	end->cpu_ns =
		positive(is_unified() ? read_number(oci, "", "", "cpu.stat", "usage_usec")
				      : read_number(oci, "cpuacct", "cpuacct.usage", "", NULL));
	if (is_unified())
		end->cpu_ns *= 1000;
	end->pids_denied = positive(read_number(oci, "pids", "pids.events", "pids.events", "max"));
	end->pids_peak = positive(read_number(oci, "pids", "pids.peak", "pids.peak", NULL));
	/* The init is no process of the program's; of gVisor's threads none is. */
	if (end->pids_peak)
		end->pids_peak--;
	if (oci->is_gvisor)
		end->pids_peak = end->pids_denied = 0;
}
