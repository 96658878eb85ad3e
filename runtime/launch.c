/* runtime/launch.h: the command line and the environment of a program, and its input files. */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define INPUT_FILES_BYTES_MAX ((uint64_t)64 << 20)
#define OWN_FILES             128 /* what a run needs beside them, and a caller may have open */

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory");
}

static int open_input_file(const struct rt_file *file, uint64_t *left, int *ret_fd, struct err *err)
{
	struct stat st;

	*ret_fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
		return err_errno(err, "--file %s=%s", file->name, file->path);
	if (!S_ISREG(st.st_mode))
		return err_set(
			err, EINVAL, "--file %s=%s: not a regular file", file->name, file->path);
	if ((uint64_t)st.st_size > *left)
		return err_set(err, EFBIG, "--file %s=%s: input files together are larger than 64M",
			file->name, file->path);
	*left -= (uint64_t)st.st_size;
	return 0;
}

static void raise_file_limit(size_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int launch_open_files(const struct rt_plan *plan, int *fds, unsigned *ret_count, struct err *err)
{
	uint64_t left = INPUT_FILES_BYTES_MAX;
	size_t i;
	int code = 0;

	raise_file_limit(OWN_FILES + plan->file_count);
	for (i = 0; code == 0 && i < plan->file_count; i++) {
		code = open_input_file(&plan->files[i], &left, &fds[i], err);
		*ret_count = (unsigned)i + 1;
	}
	return code;
}

/* True if an input file is a module, so that the program's directory must be on sys.path. */
static bool brings_module(const struct rt_plan *plan)
{
	size_t i, len;

	for (i = 0; i < plan->file_count; i++) {
		len = strlen(plan->files[i].name);
		if (len > 3 && strcmp(plan->files[i].name + len - 3, ".py") == 0)
			return true;
	}
	return false;
}

int launch_argv(struct arena *arena, const struct rt_plan *plan, const char *python,
	const char *place, const char ***ret, struct err *err)
{
	size_t count = 0, at = 0;
	const char **argv;

	while (plan->args && plan->args[count])
		count++;
	argv = arena_array(arena, count + 10, sizeof(*argv));
	if (!argv)
		return no_memory(err);
	argv[at++] = python;
	/* -I leaves the program's directory out of sys.path; without it -E and -s do the rest. */
	if (brings_module(plan)) {
		argv[at++] = "-E";
		argv[at++] = "-s";
	} else {
		argv[at++] = "-I";
	}
	argv[at++] = "-B";
	argv[at++] = "-X";
	argv[at++] = "utf8";
	argv[at] = arena_printf(arena, "%s/sandbox/%s", place, plan->code_name);
	if (!argv[at++])
		return no_memory(err);
	if (count)
		memcpy(&argv[at], plan->args, count * sizeof(*argv));
	*ret = argv;
	return 0;
}

/* The value of a variable that bounds a thread pool: one thread per CPU of the run's share. */
static const char *thread_count(struct arena *arena, const struct rt_plan *plan)
{
	return arena_printf(
		arena, "%llu", (unsigned long long)(plan->limits.cpu_thousandths + 999) / 1000);
}

/* Sets "NAME=VALUE"; what was said of NAME before is gone. NULL, for want of memory, sets nothing.
 */
static void set_variable(const char **envp, size_t *count, const char *text)
{
	size_t name = text ? strcspn(text, "=") + 1 : 0, i;

	if (!text)
		return;
	for (i = 0; i < *count; i++)
		if (strncmp(envp[i], text, name) == 0)
			break;
	envp[i] = text;
	if (i == *count)
		++*count;
}

int launch_environment(struct arena *arena, const struct rt_plan *plan, const char *bin,
	const char *library_path, const char *place, const char ***ret, struct err *err)
{
	static const char *const fixed[] = {
		"LANG=C.UTF-8", "PYTHONUTF8=1", "PYTHONDONTWRITEBYTECODE=1"};
	static const char *const places[] = {"HOME", "TMPDIR", "MPLCONFIGDIR"};
	static const char *const pools[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
		"MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"};
	const char *threads = thread_count(arena, plan);
	size_t count = 0, at = 0, i;
	const char **envp;

	while (plan->env && plan->env[count])
		count++;
	envp = arena_array(arena, count + 20, sizeof(*envp));
	if (!envp || !threads)
		return no_memory(err);
	set_variable(envp, &at, arena_printf(arena, "PATH=%s", bin));
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		set_variable(envp, &at, arena_printf(arena, "%s=%s/tmp", places[i], place));
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		set_variable(envp, &at, fixed[i]);
	for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		set_variable(envp, &at, arena_printf(arena, "%s=%s", pools[i], threads));
	if (library_path)
		set_variable(envp, &at, arena_printf(arena, "LD_LIBRARY_PATH=%s", library_path));
	for (i = 0; i < count; i++)
		set_variable(envp, &at, plan->env[i]);
	*ret = envp;
	return arena_failed(arena) ? no_memory(err) : 0;
}
