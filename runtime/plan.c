/* Checks a plan before anything is made of it: ranges, names, what cannot be. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/runtime.h"

#define KIB(n)       ((uint64_t)(n) << 10)
#define MIB(n)       ((uint64_t)(n) << 20)
#define GIB(n)       ((uint64_t)(n) << 30)
#define MILLISECOND  UINT64_C(1000000)
#define WEEK         (UINT64_C(604800) * 1000 * MILLISECOND)
#define BYTES_MAX    (UINT64_C(1) << 46)
#define NAME_LEN_MAX 200

static int check_ranges(const struct rt_limits *limits, struct err *err)
{
	const struct {
		const char *option;
		uint64_t value, least, most;
		const char *range;
	} table[] = {
		{"--memory", limits->memory_bytes, MIB(16), BYTES_MAX, "16M to 64T"},
		{"--cpus", limits->cpu_thousandths, 10, 1024000, "0.01 to 1024"},
		{"--timeout", limits->wall_ns, MILLISECOND, WEEK, "1ms to 168h"},
		{"--cpu-time", limits->cpu_ns, MILLISECOND, WEEK, "1ms to 168h"},
		{"--pids-limit", limits->pids, 1, 32768, "1 to 32768"},
		{"--nofile", limits->nofile, 16, 1048576, "16 to 1048576"},
		{"--fsize", limits->fsize_bytes, 0, BYTES_MAX, "0 to 64T"},
		{"--tmpfs-size", limits->tmpfs_bytes, KIB(64), BYTES_MAX, "64k to 64T"},
		{"--max-output", limits->output_bytes, 0, GIB(1), "0 to 1G"},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].value < table[i].least || table[i].value > table[i].most)
			return err_set(err, EINVAL, "%s: out of range, %s", table[i].option,
				table[i].range);
	return 0;
}

/* "a/b.csv": relative, no empty part, no "." or "..", nothing that a mount path cannot hold. */
static bool is_inside_name(const char *name)
{
	size_t total = strlen(name), len;

	if (total == 0 || total > NAME_LEN_MAX)
		return false;
	for (;; name += len + 1) {
		len = strcspn(name, "/");
		if (len == 0 || (len == 1 && name[0] == '.') ||
			(len == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		if (name[len] == '\0')
			return true;
	}
}

/* One name must not be another's directory, and none may take the program's place. */
static bool clashes(const char *a, const char *b)
{
	size_t len = strlen(a);

	return strncmp(a, b, len) == 0 && (b[len] == '\0' || b[len] == '/');
}

static int check_files(const struct rt_plan *plan, struct err *err)
{
	size_t i, j;

	if (plan->file_count > RT_FILES_MAX)
		return err_set(err, E2BIG, "--file: at most %d files", RT_FILES_MAX);
	for (i = 0; i < plan->file_count; i++) {
		const char *name = plan->files[i].name;

		if (!is_inside_name(name))
			return err_set(err, EINVAL,
				"--file %s: the name must be relative, without \"..\", at most %d "
				"bytes",
				name, NAME_LEN_MAX);
		if (clashes(name, plan->code_name) || clashes(plan->code_name, name))
			return err_set(
				err, EINVAL, "--file %s: that is the program's own name", name);
		for (j = 0; j < i; j++)
			if (clashes(name, plan->files[j].name) ||
				clashes(plan->files[j].name, name))
				return err_set(err, EINVAL, "--file %s: given twice", name);
	}
	return 0;
}

/* Input files are links in the working directory, and one called "out" would stand in the way. */
static int check_fetch(const struct rt_plan *plan, struct err *err)
{
	size_t i;

	for (i = 0; plan->fetch && plan->fetch[0] && i < plan->file_count; i++)
		if (clashes("out", plan->files[i].name))
			return err_set(err, EINVAL,
				"--file %s: \"out\" is where --fetch looks for files",
				plan->files[i].name);
	return 0;
}

static int check_environment(const struct rt_plan *plan, struct err *err)
{
	const char *const *entry;

	for (entry = plan->env; entry && *entry; entry++)
		if (**entry == '=' || !strchr(*entry, '='))
			return err_set(err, EINVAL, "--env %s: must be NAME=VALUE", *entry);
	return 0;
}

int rt_plan_check(const struct rt_plan *plan, struct err *err)
{
	int code = check_ranges(&plan->limits, err);

	if (code == 0 && (!plan->code_name || strchr(plan->code_name, '/') ||
				 !is_inside_name(plan->code_name)))
		code = err_set(err, EINVAL, "the program's name cannot be used as a file name");
	if (code == 0)
		code = check_files(plan, err);
	if (code == 0)
		code = check_fetch(plan, err);
	if (code == 0)
		code = check_environment(plan, err);
	if (code == 0 && plan->require == RT_TIER_NONE)
		code = err_set(err, EINVAL, "a plan must require a tier");
	return code;
}
