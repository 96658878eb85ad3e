/* Options of `pysbx mcp` (gateway/options.h). */
#include "gateway/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define TOKEN_MIN     16
#define JOBS_MAX      1024
#define QUEUE_MAX     100000
#define QUEUE_DEFAULT 256

enum option_id {
#define OPTION(id, letter, name, argument, help) OPT_##id,
#include "gateway/options.def"
#undef OPTION
	OPT_COUNT,
	OPT_PYSBX_FD /* between pysbx and us; nobody else's business */
};

/* Values above any letter's. */
#define VALUE_OF(id) (1000 + (id))

static const struct row {
	char letter;
	const char *name, *argument, *help;
} rows[] = {
#define OPTION(id, letter, name, argument, help) {letter, name, argument, help},
#include "gateway/options.def"
#undef OPTION
};

void options_help(struct buf *out)
{
	buf_add_text(out,
		"usage: pysbx mcp [options]\n\n"
		"Serves the Model Context Protocol: the tools run_code, secure_sandbox and "
		"check_code,\non standard input and output or over HTTP.\n\n");
	for (size_t i = 0; i < OPT_COUNT; i++) {
		char words[64];

		snprintf(words, sizeof(words), "--%s%s%s", rows[i].name,
			rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		if (rows[i].letter)
			buf_printf(out, "  -%c, %-22s %s\n", rows[i].letter, words, rows[i].help);
		else
			buf_printf(out, "      %-22s %s\n", words, rows[i].help);
	}
	buf_add_text(out, "\nSettings of runs are read as `pysbx run` reads them (PYSBX_* and "
			  "configuration files),\nbut for the limits, which the tools name. Exit "
			  "status: 0 at the end of input, 1 failed,\n2 bad usage.\n");
}

static int read_number(const char *name, const char *text, unsigned long least, unsigned long most,
	unsigned *ret, struct err *err)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < least || number > most)
		return err_set(err, EINVAL, "--%s %s: is not a number from %lu to %lu", name, text,
			least, most);
	*ret = (unsigned)number;
	return 0;
}

static int add_name(const char **names, const char *name, struct err *err)
{
	size_t count = 0;

	while (names[count])
		count++;
	if (count == HTTP_NAMES_MAX)
		return err_set(err, E2BIG, "more than %d names", HTTP_NAMES_MAX);
	names[count] = name;
	return 0;
}

/* What is readable by others is no secret. */
static int check_secret(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "--token-file %s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return 0;
	err_set(err, EPERM, "--token-file %s: others may read it", path);
	err_remedy(err, "chmod 600 %s", path);
	return -EPERM;
}

static int read_token(const char *path, char token[TOKEN_MAX], struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_buf struct buf text = BUF_INIT(TOKEN_MAX);
	size_t len;
	int code;

	if (fd < 0)
		return err_errno(err, "--token-file %s", path);
	code = check_secret(fd, path, err);
	if (code < 0)
		return code;
	code = fd_read_all(fd, &text);
	if (code < 0)
		return err_set(err, -code, "--token-file %s: %s", path, strerror(-code));
	for (len = text.len; len && strchr(" \t\r\n", text.data[len - 1]); len--)
		;
	for (size_t i = 0; i < len; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return err_set(
				err, EINVAL, "--token-file %s: a token is of visible ASCII", path);
	if (len < TOKEN_MIN || len >= TOKEN_MAX)
		return err_set(err, EINVAL, "--token-file %s: a token has %d to %d characters",
			path, TOKEN_MIN, TOKEN_MAX - 1);
	memcpy(token, text.data, len);
	token[len] = '\0';
	return 0;
}

static int take_log(const char *value, struct log *log, struct err *err)
{
	log->json = strcmp(value, "json") == 0;
	if (log->json || strcmp(value, "text") == 0)
		return 0;
	return err_set(err, EINVAL, "--log %s: is neither text nor json", value);
}

static int take_path(const char *value, struct options *options, struct err *err)
{
	options->http.path = value;
	return *value == '/' ? 0 : err_set(err, EINVAL, "--path %s: must begin with '/'", value);
}

static int take(int id, const char *value, struct options *options, struct err *err)
{
	switch (id) {
	case OPT_PYSBX_FD:
		return read_number("pysbx-fd", value, 3, 1000000, (unsigned *)&options->pysbx, err);
	case OPT_HTTP:
		options->http.address = value;
		return 0;
	case OPT_PATH:
		return take_path(value, options, err);
	case OPT_TOKEN_FILE:
		options->http.token = options->token;
		return read_token(value, options->token, err);
	case OPT_ALLOW_HOST:
		return add_name(options->http.hosts, value, err);
	case OPT_ALLOW_ORIGIN:
		return add_name(options->http.origins, value, err);
	case OPT_JOBS:
		return read_number("jobs", value, 1, JOBS_MAX, &options->jobs, err);
	case OPT_QUEUE:
		return read_number("queue", value, 0, QUEUE_MAX, &options->queue, err);
	case OPT_JSON_TEXT:
		options->json_text = true;
		return 0;
	case OPT_LOG:
		return take_log(value, &options->log, err);
	case OPT_QUIET:
		options->log.most = LOG_ERROR;
		return 0;
	case OPT_VERBOSE:
		options->log.most = LOG_DEBUG;
		return 0;
	default:
		options->help = true;
		return 0;
	}
}

static unsigned cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static void fill(struct option longs[OPT_COUNT + 2], char letters[2 * OPT_COUNT + 2])
{
	*letters++ = ':';
	for (int i = 0; i < OPT_COUNT; i++) {
		longs[i] = (struct option){.name = rows[i].name,
			.has_arg = rows[i].argument ? required_argument : no_argument,
			.val = rows[i].letter ? rows[i].letter : VALUE_OF(i)};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
		if (rows[i].letter && rows[i].argument)
			*letters++ = ':';
	}
	longs[OPT_COUNT] = (struct option){
		.name = "pysbx-fd", .has_arg = required_argument, .val = VALUE_OF(OPT_PYSBX_FD)};
	longs[OPT_COUNT + 1] = (struct option){0};
	*letters = '\0';
}

static int id_of(int value)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if (rows[i].letter == value)
			return i;
	return value - VALUE_OF(0);
}

/* --http's own options do nothing without it. */
static int check(const struct options *options, struct err *err)
{
	if (options->http.address ||
		(!options->http.token && !options->http.hosts[0] && !options->http.origins[0]))
		return 0;
	err_set(err, EINVAL, "--token-file, --allow-host and --allow-origin are for --http");
	return -EINVAL;
}

int options_read(int argc, char **argv, struct options *ret, struct err *err)
{
	struct option longs[OPT_COUNT + 2];
	char letters[2 * OPT_COUNT + 2];
	int value, code = 0;

	*ret = (struct options){.pysbx = -1,
		.http = {.path = "/mcp"},
		.jobs = cpus(),
		.queue = QUEUE_DEFAULT,
		.log = {.most = LOG_INFO}};
	fill(longs, letters);
	opterr = 0;
	while (code == 0 && (value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (value == '?')
			code = err_set(err, EINVAL, "unknown option '%s'", argv[optind - 1]);
		else if (value == ':')
			code = err_set(err, EINVAL, "option '%s' needs a value", argv[optind - 1]);
		else
			code = take(id_of(value), optarg, ret, err);
	}
	if (code == 0 && optind < argc)
		code = err_set(err, EINVAL, "unexpected '%s'", argv[optind]);
	return code == 0 ? check(ret, err) : code;
}
