/* pysbx: picks the subcommand. It must not know what any of them does. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/nls.h"

static const struct command {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *summary;
} commands[] = {
#define COMMAND(name, function, summary) {name, function, summary},
#include "cli/commands.def"
#undef COMMAND
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int help(void)
{
	cleanup_buf struct buf out = BUF_INIT(64 << 10);

	buf_add_text(&out, "usage: pysbx COMMAND [options] ...\n\n"
			   "Screens untrusted Python, runs it once in a sandbox, and says how it "
			   "ended.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		buf_printf(&out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	buf_add_text(&out, "\n'pysbx help COMMAND' has the options of a command; "
			   "'pysbx --version' prints the version.\n");
	return cli_finish(&out, CLI_OK, CLI_FAILED);
}

static int unknown(const char *name)
{
	const char *names[COMMAND_COUNT];
	struct err err = {0};
	const char *nearest;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i].name;
	nearest = cli_nearest(name, names, COMMAND_COUNT);
	err_set(&err, EINVAL, "unknown %s '%s'", name[0] == '-' ? "option" : "command", name);
	if (nearest)
		err_remedy(&err, "did you mean 'pysbx %s'?", nearest);
	else
		err_remedy(&err, "'pysbx --help' lists the commands");
	cli_report(&err);
	return CLI_USAGE;
}

static int help_of(const char *name)
{
	const struct command *command = find(name);
	char option[] = "--help";
	char *argv[] = {NULL, option, NULL};

	if (!command)
		return unknown(name);
	argv[0] = (char *)command->name;
	return command->function(2, argv);
}

/*
 * Keeps 0, 1 and 2 from being taken by files opened later. What was closed is opened the wrong way
 * round, so that using it is still the error it was.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	hold_standard_descriptors();
	nls_init();
	/* Files named on the command line would be read with rights that the caller does not have.
	 */
	if (getauxval(AT_SECURE)) {
		struct err err = {0};

		err_set(&err, EPERM,
			"pysbx is installed set-user-ID or with file capabilities: refused");
		err_remedy(
			&err, "remove them (chmod u-s,g-s; setcap -r): pysbx needs no privilege");
		cli_report(&err);
		return CLI_RUN_FAILED;
	}
	if (!name) {
		struct err err = {0};

		err_set(&err, EINVAL, "a command is missing");
		err_remedy(&err, "'pysbx run FILE' screens and runs a program; 'pysbx --help' "
				 "lists the commands");
		cli_report(&err);
		return CLI_USAGE;
	}
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0)
		return help();
	if (strcmp(name, "help") == 0)
		return argc > 2 ? help_of(argv[2]) : help();
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	command = find(name);
	if (!command)
		return unknown(name);
	return command->function(argc - 1, argv + 1);
}
