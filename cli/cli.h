/*
 * What every subcommand shares: exit statuses, how to speak to a person, how to write to stdout.
 *
 * A subcommand is `int cmd_NAME(int argc, char **argv)` with argv[0] its own name; it returns
 * pysbx's exit status, prints its own errors and understands --help. cli/commands.def lists them.
 *
 * Only cli/ prints. Whatever may hold bytes of the user's (file names, source, values) goes through
 * text_visible() or these functions, which call it, so that nothing reaches a terminal as a
 * control.
 */
#ifndef PYSBX_CLI_CLI_H
#define PYSBX_CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"

#define COMMAND(name, function, summary) int function(int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

enum {
	/* check, ast, doctor, version */
	CLI_OK = 0,
	CLI_FAILED = 1, /* findings, does not parse, failed */
	CLI_USAGE = 2,  /* bad usage or unreadable input */
	/* run */
	CLI_RUN_TIME_LIMIT = 124,
	CLI_RUN_FAILED = 125, /* pysbx itself, isolation unavailable, bad usage */
	CLI_RUN_REFUSED = 126,
	CLI_RUN_NOT_FOUND = 127,
	CLI_RUN_SIGNAL = 128, /* plus the signal */
};

/* "pysbx: MESSAGE" on stderr, control characters made visible. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for err, with its remedy on a line "  help: ..." where there is one. */
void cli_report(const struct err *err);

/* cli_report(), then where help is to be had; returns status, for `return cli_usage(...)`. */
int cli_usage(int status, const char *command, const struct err *err);

/*
 * Writes all of bytes to a descriptor, through EINTR, short writes and EAGAIN. 0 or -errno.
 */
int cli_write(int fd, struct str bytes);

/*
 * Writes out to stdout. Returns status; when the bytes cannot be written (closed, full) or out has
 * failed (no memory), says so on stderr and returns on_failure instead.
 */
int cli_finish(const struct buf *out, int status, int on_failure);

/* True if messages on stderr or stdout (fd) should be coloured: when is "always|never|auto". */
bool cli_wants_color(const char *when, int fd);

/* The nearest of count words to a misspelt one, NULL if none is near. */
const char *cli_nearest(const char *word, const char *const *words, size_t count);

#endif
