/* pysbx rootfs make DIR: a private root from this machine's own Python, for --rootfs. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "runtime/rootfs.h"

static const char usage[] =
	"usage: pysbx rootfs make [--python PATH] DIR\n\n"
	"Copies an interpreter, its standard library and the shared objects it needs into DIR,\n"
	"which must not be there yet, or be empty. 'pysbx run --rootfs DIR' then runs from it.\n\n"
	"  --python PATH   the interpreter (default: the first python3 on PATH that is a "
	"program)\n\n"
	"Exit status: 0, 1 failed, 2 bad usage.\n";

static int make(const char *python, const char *dir)
{
	cleanup_buf struct buf out = BUF_INIT(64 << 10);
	struct rootfs_made made;
	struct err err = {0};

	if (rootfs_make(python, dir, &made, &err) < 0) {
		cli_report(&err);
		return CLI_FAILED;
	}
	if (made.missing[0])
		cli_error("not found: %s%s", made.missing,
			made.more_missing ? ", and others; modules of the library will be missing"
					  : "");
	buf_printf(&out, "%s: Python 3.%u, %" PRIu64 " files, %" PRIu64 " MiB\n", dir, made.minor,
		made.files, made.bytes >> 20);
	return cli_finish(&out, CLI_OK, CLI_FAILED);
}

/* word: what is wrong on the line; NULL: something is not there. */
static int refuse(const char *message, const char *word)
{
	struct err err = {0};

	if (word)
		err_set(&err, EINVAL, "rootfs: %s '%s'", message, word);
	else
		err_set(&err, EINVAL, "rootfs: %s", message);
	return cli_usage(CLI_USAGE, "rootfs", &err);
}

int cmd_rootfs(int argc, char **argv)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 10);
	const char *python = NULL, *dir = NULL;
	int i = 2;

	if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		buf_add_text(&out, usage);
		return cli_finish(&out, CLI_OK, CLI_FAILED);
	}
	if (argc < 2 || strcmp(argv[1], "make") != 0)
		return refuse("'make' and a directory must follow", argc < 2 ? NULL : argv[1]);
	for (; i < argc; i++) {
		if (strcmp(argv[i], "--python") == 0 && i + 1 < argc)
			python = argv[++i];
		else if (strncmp(argv[i], "--python=", 9) == 0)
			python = argv[i] + 9;
		else if (argv[i][0] == '-' || dir)
			return refuse("unexpected", argv[i]);
		else
			dir = argv[i];
	}
	return dir ? make(python, dir) : refuse("no directory is named", NULL);
}
