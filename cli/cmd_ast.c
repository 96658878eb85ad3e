/*
 * pysbx ast: prints syntax trees, or says only whether each file parses. Runs nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/pyversion.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/values.h"
#include "parser/compile_errors.h"
#include "parser/dump.h"
#include "parser/parser.h"
#include "runtime/python.h"

#define PROGRESS_FILES 20                /* with fewer nobody waits */
#define LINE_MAX_BYTES ((size_t)4 << 20) /* what stands around a tree: names and messages */
/* Tokens and nodes of the densest source take some 50 bytes for each of its own, its scopes and
 * names as much again, in tables that double. */
#define ARENA_FACTOR   256
#define ARENA_LEAST    ((size_t)1 << 20)

struct ast_options {
	const char *code; /* -c; NULL: files */
	unsigned minor;   /* 0: not chosen yet */
	bool json;
	bool check;
	bool help;
};

static int usage(const char *text)
{
	struct err err = {0};

	err_set(&err, EINVAL, "%s", text);
	return cli_usage(CLI_USAGE, "ast", &err);
}

static int help(void)
{
	cleanup_buf struct buf out = BUF_INIT(LINE_MAX_BYTES);

	buf_add_text(&out,
		"usage: pysbx ast [options] FILE...|-|-c CODE\n\n"
		"Prints the syntax tree of Python programs, without running them.\n\n"
		"      --json                one line of JSON per program\n"
		"      --check               only say whether each program parses\n"
		"      --target-version 3.X  the Python whose grammar holds\n"
		"  -c CODE                   the program itself\n"
		"  -h, --help\n\n"
		"Exit status: 0 all parse, 1 some do not, 2 bad usage or unreadable input.\n");
	return cli_finish(&out, CLI_OK, CLI_USAGE);
}

static int read_options(int argc, char **argv, struct ast_options *ret)
{
	static const struct option longs[] = {
		{"check", no_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"target-version", required_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	struct err err = {0};
	uint64_t minor;
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", longs, NULL)) != -1) {
		switch (option) {
		case 'C':
			ret->check = true;
			break;
		case 'c':
			ret->code = optarg;
			break;
		case 'h':
			ret->help = true;
			return 0;
		case 'j':
			ret->json = true;
			break;
		case 'v':
			if (value_read(OPT_TARGET_VERSION, optarg, &minor, &err) < 0) {
				err_wrap(&err, "--target-version");
				return cli_usage(CLI_USAGE, "ast", &err);
			}
			ret->minor = (unsigned)minor;
			break;
		case ':':
			return usage("an option lacks its argument");
		default:
			return usage("unknown option");
		}
	}
	if (ret->code ? optind < argc : optind == argc)
		return usage(ret->code ? "-c and files can not be read together"
				       : "nothing to read: name files, '-' or -c CODE");
	return 0;
}

/* Without a version given: that of the interpreter that would run the code, else the newest. */
static unsigned default_minor(void)
{
	struct arena *arena = arena_new((size_t)8 << 20);
	struct python python = {0};
	unsigned minor = PYTHON_MINOR_NEWEST;
	struct err err;

	if (arena && python_find(arena, NULL, NULL, &python, &err) == 0 &&
		python.minor >= PYTHON_MINOR_OLDEST && python.minor <= PYTHON_MINOR_NEWEST)
		minor = python.minor;
	arena_free(arena);
	return minor;
}

static int write_stdout(void *context, struct str bytes)
{
	(void)context;
	return cli_write(STDOUT_FILENO, bytes);
}

static const struct dump_sink stdout_sink = {write_stdout, NULL};

static int write_buf(const struct buf *out)
{
	return out->failed ? -ENOMEM : cli_write(STDOUT_FILENO, buf_str(out));
}

/* {"file":F,"ok":false,"error":{...}} */
static int json_failure(const char *file, const struct diag *error)
{
	cleanup_buf struct buf out = BUF_INIT(LINE_MAX_BYTES);
	struct json json;

	json_init(&json, &out);
	json_object(&json, NULL);
	json_text(&json, "file", file);
	json_bool(&json, "ok", false);
	json_object(&json, "error");
	json_uint(&json, "line", error->line);
	json_uint(&json, "column", error->column);
	json_text(&json, "message", error->message);
	json_object_end(&json);
	json_object_end(&json);
	buf_add_char(&out, '\n');
	return write_buf(&out);
}

/* What only compile() refuses: "compile_errors":[{...}], left out where there is nothing. */
static void json_compile_errors(struct buf *out, const struct compile_error_list *errors)
{
	struct json json;
	uint32_t i;

	if (!errors->count)
		return;
	buf_add_text(out, ",\"compile_errors\":");
	json_init(&json, out);
	json_array(&json, NULL);
	for (i = 0; i < errors->count; i++) {
		json_object(&json, NULL);
		json_uint(&json, "line", errors->items[i].line);
		json_uint(&json, "column", errors->items[i].column);
		json_text(&json, "message", errors->items[i].message);
		json_object_end(&json);
	}
	json_array_end(&json);
}

/* {"file":F,"ok":true,"ast":{...}}, the tree written as it is walked */
static int json_success(const struct ast_options *options, const char *file,
	const struct source *source, const struct ast_node *module,
	const struct compile_error_list *errors)
{
	cleanup_buf struct buf out = BUF_INIT(LINE_MAX_BYTES);
	int status;

	buf_add_text(&out, "{\"file\":");
	json_quote(&out, str_of(file));
	buf_add_text(&out, ",\"ok\":true");
	json_compile_errors(&out, errors);
	if (!options->check) {
		buf_add_text(&out, ",\"ast\":");
		status = write_buf(&out);
		if (status == 0)
			status = dump_json(source, module, &stdout_sink);
		if (status < 0)
			return status;
		out.len = 0;
	}
	buf_add_text(&out, "}\n");
	return write_buf(&out);
}

static int report_failure(
	const struct ast_options *options, const char *file, const struct diag *error)
{
	if (options->json)
		return json_failure(file, error);
	if (error->line)
		cli_error("%s:%u:%u: %s", file, error->line, error->column + 1, error->message);
	else
		cli_error("%s: %s", file, error->message);
	return 0;
}

/* For people: they are errors of another step than those that are reported as they are. */
static void tell_compile_errors(const char *file, const struct compile_error_list *errors)
{
	uint32_t i;

	for (i = 0; i < errors->count; i++)
		cli_error("%s:%u:%u: compile() error: %s", file, errors->items[i].line,
			errors->items[i].column + 1, errors->items[i].message);
}

static int report_success(const struct ast_options *options, const char *file,
	const struct source *source, const struct ast_node *module,
	const struct compile_error_list *errors)
{
	if (options->json)
		return json_success(options, file, source, module, errors);
	tell_compile_errors(file, errors);
	return options->check ? 0 : dump_text(source, module, &stdout_sink);
}

/* The exit status for one program; *ret_write is the failure of stdout, if any. */
static int parse_bytes(
	const struct ast_options *options, const char *file, struct str bytes, int *ret_write)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_LEAST + ARENA_FACTOR * bytes.len);
	struct diag error = {.message = NULL};
	struct parse_result result = {.module = NULL};
	struct compile_error_list errors = {.count = 0};
	struct source source;

	if (!arena)
		error.message = "no memory";
	else if (source_init(
			 &source, arena, str_of(file), bytes, (uint8_t)options->minor, &error) == 0)
		error = parser_parse(&source, &result) < 0
				? (struct diag){.message = "not enough memory to parse it"}
				: result.error;
	if (result.module && compile_errors_find(&source, &result, &errors) < 0) {
		error.message = "not enough memory to check it";
		result.module = NULL;
	}
	if (!result.module) {
		*ret_write = report_failure(options, file, &error);
		return error.line ? CLI_FAILED : CLI_USAGE;
	}
	*ret_write = report_success(options, file, &source, result.module, &errors);
	return CLI_OK;
}

static int parse_operand(const struct ast_options *options, const char *operand, int *ret_write)
{
	cleanup_input struct input input;
	struct err err = {0};

	if (input_read(operand, options->code, &input, &err) == 0)
		return parse_bytes(options, input.name, input_bytes(&input), ret_write);
	*ret_write = 0;
	if (options->json)
		*ret_write = json_failure(input.name, &(struct diag){.message = err.text});
	else
		cli_report(&err);
	return CLI_USAGE;
}

/* A line on a terminal for the one who waits: how many of the files are done. */
struct progress {
	bool shown;
	int count;
	int step; /* files between two lines */
};

/* Shown where the answers go elsewhere, or where only complaints are expected. */
static struct progress progress_start(const struct ast_options *options, int count)
{
	struct progress progress = {.count = count, .step = count / 100 + 1};

	progress.shown = count >= PROGRESS_FILES && isatty(STDERR_FILENO) == 1 &&
			 (isatty(STDOUT_FILENO) != 1 || (options->check && !options->json));
	return progress;
}

static void progress_clear(const struct progress *progress)
{
	if (progress->shown)
		cli_write(STDERR_FILENO, STR("\r\033[K"));
}

static void progress_show(const struct progress *progress, int done)
{
	char line[64];

	if (!progress->shown || done % progress->step)
		return;
	snprintf(line, sizeof(line), "\r%d/%d\033[K", done, progress->count);
	cli_write(STDERR_FILENO, str_of(line));
}

static int parse_all(const struct ast_options *options, int count, char **operands)
{
	struct progress progress = progress_start(options, count);
	int status = CLI_OK, one, failure, i;

	for (i = 0; i < count; i++) {
		progress_show(&progress, i);
		one = parse_operand(options, operands[i], &failure);
		if (failure < 0) {
			progress_clear(&progress);
			cli_error("writing to standard output: %s", strerror(-failure));
			return CLI_USAGE;
		}
		status = one > status ? one : status;
	}
	progress_clear(&progress);
	return status;
}

int cmd_ast(int argc, char **argv)
{
	struct ast_options options = {.code = NULL};
	static char *no_operand[] = {NULL};
	int status = read_options(argc, argv, &options);

	if (status || options.help)
		return status ? status : help();
	if (!options.minor)
		options.minor = default_minor();
	if (options.code)
		return parse_all(&options, 1, no_operand);
	return parse_all(&options, argc - optind, argv + optind);
}
