/* pysbx image make: a Docker image of this machine's own Python, for --backend docker. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/libexec.h"
#include "runtime/docker.h"

static const char usage[] =
	"usage: pysbx image make [--python PATH] [--docker-host URL]\n\n"
	"Makes a minimal image of an interpreter, its standard library and the shared objects it "
	"needs,\n"
	"hands it to the Docker daemon and records its digest: no registry is asked. 'pysbx run\n"
	"--backend docker' uses it, and makes it at first use.\n\n"
	"  --python PATH      the interpreter (default: the first python3 on PATH that is a "
	"program)\n"
	"  --docker-host URL  the daemon's socket (default: DOCKER_HOST, then the usual ones)\n\n"
	"Exit status: 0, 1 failed, 2 bad usage.\n";

static int make(const char *python, const char *host)
{
	cleanup_buf struct buf out = BUF_INIT(64 << 10);
	struct err err = {0};
	cleanup_fd int program = libexec_open("docker", "pysbx-docker", &err);
	const struct docker_options options = {.program = program, .host = host};
	struct docker_image made;

	if (program < 0 || docker_image_make(python, &options, &made, &err) < 0) {
		cli_report(&err);
		return CLI_FAILED;
	}
	buf_printf(&out, "%s: Python 3.%u, %" PRIu64 " files, %" PRIu64 " MiB\n", made.id,
		made.minor, made.files, made.bytes >> 20);
	return cli_finish(&out, CLI_OK, CLI_FAILED);
}

/* word: what is wrong on the line; NULL: something is not there. */
static int refuse(const char *message, const char *word)
{
	struct err err = {0};

	if (word)
		err_set(&err, EINVAL, "image: %s '%s'", message, word);
	else
		err_set(&err, EINVAL, "image: %s", message);
	return cli_usage(CLI_USAGE, "image", &err);
}

/* The value of an option written in either way; NULL: it is another one. */
static const char *value_of(const char *name, int argc, char **argv, int *at)
{
	size_t len = strlen(name);

	if (strncmp(argv[*at], name, len) != 0)
		return NULL;
	if (argv[*at][len] == '=')
		return argv[*at] + len + 1;
	return argv[*at][len] == '\0' && *at + 1 < argc ? argv[++*at] : NULL;
}

int cmd_image(int argc, char **argv)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 10);
	const char *python = NULL, *host = NULL, *value;

	if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		buf_add_text(&out, usage);
		return cli_finish(&out, CLI_OK, CLI_FAILED);
	}
	if (argc < 2 || strcmp(argv[1], "make") != 0)
		return refuse("'make' must follow", argc < 2 ? NULL : argv[1]);
	for (int i = 2; i < argc; i++) {
		if ((value = value_of("--python", argc, argv, &i)))
			python = value;
		else if ((value = value_of("--docker-host", argc, argv, &i)))
			host = value;
		else
			return refuse("unexpected", argv[i]);
	}
	return make(python, host);
}
