/*
 * pysbx selftest: the containment probes on this host. They are a Python program (selftest/), which
 * this one carries in itself and hands to the interpreter; it runs pysbx for the inside, and itself
 * for the control.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "runtime/runtime.h"

static const char script[] =
#include "cli/selftest.inc"
	;

static const char usage[] =
	"usage: pysbx selftest [--json] [--require TIER] [--python PATH]\n\n"
	"Runs the probes of what the sandbox must hold, inside and as a control outside, and\n"
	"prints what came of each: held, failed, not applicable here, or vacuous (it came to\n"
	"nothing outside either). Nothing of the host is changed.\n\n"
	"      --json           one JSON object on one line\n"
	"      --require TIER   full, reduced or minimal: fail below it (default: whatever is\n"
	"                       to be had)\n"
	"      --python PATH    the interpreter (default: as for 'pysbx run')\n"
	"  -h, --help           this text\n\n"
	"Exit status: 0 if nothing failed, 1 if something did or nothing could be run, 2 on wrong\n"
	"usage.\n";

struct request {
	const char *form;
	const char *require;
	const char *python; /* or NULL */
};

static bool is_tier(const char *word)
{
	static const char *const tiers[] = {"full", "reduced", "minimal"};

	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
		if (strcmp(tiers[i], word) == 0)
			return true;
	return false;
}

/* "--name VALUE" or "--name=VALUE"; NULL if it is not that option. */
static const char *value_of(char **argv, int *at, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(argv[*at], name, len) != 0)
		return NULL;
	if (argv[*at][len] == '=')
		return argv[*at] + len + 1;
	return argv[*at][len] == '\0' && argv[*at + 1] ? argv[++*at] : NULL;
}

static int read_line(char **argv, struct request *ret, struct err *err)
{
	const char *value;
	int i;

	*ret = (struct request){.form = "text", .require = "minimal"};
	for (i = 1; argv[i]; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--json") == 0)
			ret->form = "json";
		else if ((value = value_of(argv, &i, "--require")))
			ret->require = value;
		else if ((value = value_of(argv, &i, "--python")))
			ret->python = value;
		else
			return err_set(err, EINVAL, "selftest: unexpected '%s'", word);
	}
	if (!is_tier(ret->require))
		return err_set(err, EINVAL,
			"selftest: --require '%s': not full, reduced or minimal", ret->require);
	return 0;
}

/* The script as a file that the interpreter can open by name. */
static int open_script(struct err *err)
{
	int fd = memfd_create("selftest", 0);
	int code;

	if (fd < 0)
		return err_errno(err, "selftest: memfd_create");
	code = fd_write_all(fd, script, sizeof(script) - 1);
	if (code == 0)
		return fd;
	close(fd);
	return err_set(err, -code, "selftest: its probes cannot be written: %s", strerror(-code));
}

static int start(const struct request *request, struct err *err)
{
	char python[PATH_MAX], self[PATH_MAX], name[32];
	/* What the probes expect is what the native backend does; others refuse in other ways. */
	const char *argv[13] = {"python3", "-I", "-B", name, self, request->form, "--backend",
		"native", "--require", request->require};
	unsigned minor;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd;

	if (len < 0)
		return err_errno(err, "selftest: /proc/self/exe");
	self[len] = '\0';
	if (rt_find_python(request->python, python, sizeof(python), &minor, err) < 0)
		return -err->code;
	if (request->python) {
		argv[10] = "--python";
		argv[11] = request->python;
	}
	fd = open_script(err);
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	execv(python, (char *const *)argv);
	return err_errno(err, "selftest: %s", python);
}

int cmd_selftest(int argc, char **argv)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 10);
	struct request request;
	struct err err = {0};

	if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		buf_add_text(&out, usage);
		return cli_finish(&out, CLI_OK, CLI_FAILED);
	}
	if (read_line(argv, &request, &err) < 0)
		return cli_usage(CLI_USAGE, "selftest", &err);
	start(&request, &err);
	cli_report(&err);
	return CLI_FAILED;
}
