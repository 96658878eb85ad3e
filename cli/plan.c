/*
 * Making a plan (cli/plan.h).
 */
#include "cli/plan.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* Tracebacks show it; longer file names are cut. */
#define CODE_NAME_MAX 100

static int check_source(const struct command_line *line, struct err *err)
{
	bool code = line->values[OPT_CODE] != NULL;
	size_t words = line->words.count;
	const char *stray = code && words ? line->words.texts[0]
			    : words > 1   ? line->words.texts[1]
					  : NULL;

	if (stray) {
		err_set(err, EINVAL, "unexpected '%s': %s", stray,
			code ? "the program is given with -c" : "one program is run at a time");
		err_remedy(err, "arguments for the program go after '--'");
		return -EINVAL;
	}
	if (!code && words == 0) {
		err_set(err, EINVAL, "no program to run");
		err_remedy(err, line->args.count
					? "put the program before '--'; its arguments go after"
					: "name a FILE, '-' for standard input, or -c CODE");
		return -EINVAL;
	}
	return 0;
}

static bool is_dash(const char *text)
{
	return text && strcmp(text, "-") == 0;
}

static int check_stdin(const struct settings *settings, struct err *err)
{
	const struct command_line *line = settings->line;

	if (!is_dash(setting_text(settings, OPT_STDIN)) || line->words.count == 0 ||
		!is_dash(line->words.texts[0]))
		return 0;
	err_set(err, EINVAL, "the program and its input can not both come from standard input");
	err_remedy(err, "give one of them as a file");
	return -EINVAL;
}

static int check_fetch(const struct settings *settings, struct err *err)
{
	const char *dir = setting_text(settings, OPT_FETCH_DIR);
	size_t globs = settings->line->lists[OPT_FETCH].count;

	if (dir && globs == 0) {
		err_set(err, EINVAL, "--fetch-dir without --fetch: nothing would be written");
		err_remedy(err, "say which files, as in --fetch '*'");
		return -EINVAL;
	}
	if (globs && !dir && !setting_number(settings, OPT_JSON) &&
		!setting_text(settings, OPT_STATUS_FD)) {
		err_set(err, EINVAL,
			"--fetch without --fetch-dir: there is no place for the files");
		err_remedy(err, "name one with --fetch-dir DIR, or ask for --json");
		return -EINVAL;
	}
	return 0;
}

int plan_check_descriptor(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH))
		return 0;
	err_set(err, EINVAL, "--status-fd %d: %s", fd,
		flags < 0 ? "is not an open descriptor" : "is not open for writing");
	err_remedy(err, "open it in the shell, as in: pysbx run --status-fd 3 ... 3>result.json");
	return -EINVAL;
}

static int check_docker(const struct settings *settings, struct err *err)
{
	static const enum option_id ids[] = {OPT_DOCKER_HOST, OPT_DOCKER_RUNTIME, OPT_IMAGE};
	const char *backend = setting_text(settings, OPT_BACKEND);

	if (strcmp(backend, "docker") == 0 || strcmp(backend, "auto") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		/* A setting kept in a file for another day does no harm. */
		if (settings->of[ids[i]].from != FROM_COMMAND_LINE || !settings->of[ids[i]].text)
			continue;
		err_set(err, EINVAL, "--%s has no meaning with --backend %s",
			option_rows[ids[i]].name, backend);
		err_remedy(err, "leave it out, or use --backend docker");
		return -EINVAL;
	}
	return 0;
}

/* Other backends have filters of their own, which answer and do not kill. */
static int check_seccomp(const struct settings *settings, struct err *err)
{
	const char *backend = setting_text(settings, OPT_BACKEND);

	if (setting_number(settings, OPT_SECCOMP) == 0 || strcmp(backend, "auto") == 0 ||
		strcmp(backend, "native") == 0)
		return 0;
	err_set(err, EINVAL, "--seccomp strict cannot be had with --backend %s", backend);
	err_remedy(err, "leave it out, or use --backend native");
	return -EINVAL;
}

static bool is_variable(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	while (isalnum((unsigned char)*text) || *text == '_')
		text++;
	return *text == '=';
}

static int check_environment(const struct option_list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		if (is_variable(list->texts[i]))
			continue;
		err_set(err, EINVAL, "--env %s: is not NAME=VALUE", list->texts[i]);
		err_remedy(err, "NAME is of letters, digits and '_' and starts with no digit");
		return -EINVAL;
	}
	return 0;
}

int plan_check_usage(const struct settings *settings, struct err *err)
{
	int code = check_source(settings->line, err);

	if (code == 0)
		code = check_stdin(settings, err);
	if (code == 0)
		code = check_fetch(settings, err);
	if (code == 0 && setting_text(settings, OPT_STATUS_FD))
		code = plan_check_descriptor((int)setting_number(settings, OPT_STATUS_FD), err);
	if (code == 0)
		code = check_docker(settings, err);
	if (code == 0)
		code = check_seccomp(settings, err);
	if (code == 0)
		code = check_environment(&settings->line->lists[OPT_ENV], err);
	return code;
}

/* NAME=PATH, NAME up to the first '='. The runtime judges the names. */
static int make_files(const struct settings *settings, struct rt_plan *plan, struct err *err)
{
	const struct option_list *list = &settings->line->lists[OPT_FILE];
	struct rt_file *files = arena_array(settings->arena, list->count + 1, sizeof(*files));

	if (!files)
		return err_set(err, ENOMEM, "no memory");
	for (size_t i = 0; i < list->count; i++) {
		const char *text = list->texts[i], *equals = strchr(text, '=');

		if (!equals || equals == text || !equals[1]) {
			err_set(err, EINVAL, "--file %s: is not NAME=PATH", text);
			err_remedy(err, "as in --file data.csv=/srv/data/march.csv");
			return -EINVAL;
		}
		files[i].name =
			arena_strdup(settings->arena, str_from(text, (size_t)(equals - text)));
		files[i].path = equals + 1;
		if (!files[i].name)
			return err_set(err, ENOMEM, "no memory");
	}
	plan->files = files;
	plan->file_count = list->count;
	return 0;
}

/* "prog.py" of "dir/prog.py"; "<string>" and "<stdin>" are names too. */
static const char *code_name(const struct settings *settings, const char *name)
{
	const char *slash = strrchr(name, '/');
	struct str base = str_of(slash ? slash + 1 : name);

	if (base.len > CODE_NAME_MAX)
		base.len = CODE_NAME_MAX;
	return base.len ? arena_strdup(settings->arena, base) : "main.py";
}

static struct rt_limits limits_of(const struct settings *settings)
{
	return (struct rt_limits){
		.memory_bytes = setting_number(settings, OPT_MEMORY),
		.cpu_thousandths = setting_number(settings, OPT_CPUS),
		.wall_ns = setting_number(settings, OPT_TIMEOUT),
		.cpu_ns = setting_number(settings, OPT_CPU_TIME),
		.pids = setting_number(settings, OPT_PIDS_LIMIT),
		.nofile = setting_number(settings, OPT_NOFILE),
		.fsize_bytes = setting_number(settings, OPT_FSIZE),
		.tmpfs_bytes = setting_number(settings, OPT_TMPFS_SIZE),
		.output_bytes = setting_number(settings, OPT_MAX_OUTPUT),
	};
}

static enum rt_tier required_tier(const struct settings *settings)
{
	/* In the order of the option's words. */
	static const enum rt_tier tiers[] = {RT_TIER_FULL, RT_TIER_REDUCED, RT_TIER_MINIMAL};

	return tiers[setting_number(settings, OPT_REQUIRE)];
}

int plan_make(const struct settings *settings, const struct input *input, struct rt_plan *ret,
	struct err *err)
{
	const struct command_line *line = settings->line;

	*ret = (struct rt_plan){
		.code = input_bytes(input),
		.code_name = code_name(settings, input->name),
		.args = line->args.texts,
		.env = line->lists[OPT_ENV].texts,
		.fetch = line->lists[OPT_FETCH].texts,
		.python = setting_text(settings, OPT_PYTHON),
		.rootfs = setting_text(settings, OPT_ROOTFS),
		.stdin_fd = -1,
		.limits = limits_of(settings),
		.require = required_tier(settings),
		.strict_seccomp = setting_number(settings, OPT_SECCOMP) != 0,
		.trace_steps = setting_number(settings, OPT_VERBOSE) != 0,
	};
	if (!ret->code_name)
		return err_set(err, ENOMEM, "no memory");
	return make_files(settings, ret, err);
}

/*
 * Somebody else may read the same pipe or terminal, between poll(2) and our own read: that must not
 * wait then, for the clock and every limit would wait with it. So it is opened once more; the flags
 * of the caller's own description stay as they are. Who may not open it waits.
 */
static int opened_again(int fd)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && isatty(fd) != 1))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void stop_waiting(int *fd)
{
	int again = opened_again(*fd);

	if (again < 0)
		return;
	if (*fd != STDIN_FILENO)
		close(*fd);
	*fd = again;
}

int plan_open_stdin(const struct settings *settings, int *ret_fd, struct err *err)
{
	const char *path = setting_text(settings, OPT_STDIN);
	struct stat st;

	*ret_fd = -1;
	if (!path)
		return 0;
	if (strcmp(path, "-") == 0) {
		*ret_fd = STDIN_FILENO;
		stop_waiting(ret_fd);
		return 0;
	}
	if (!*path)
		return err_set(err, EINVAL, "--stdin: the file name is empty");
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*ret_fd < 0)
		return err_errno(err, "--stdin %s", path);
	if (fstat(*ret_fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		fd_close(ret_fd);
		return err_set(err, EISDIR, "--stdin %s: is a directory", path);
	}
	stop_waiting(ret_fd);
	return 0;
}
