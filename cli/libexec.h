/*
 * Programs of ours that are no part of pysbx itself (gateway/, docker/): found, and started by
 * exec.
 *
 * Where they are looked for: LIBEXECDIR/pysbx/NAME, as configured. A pysbx that does not run from
 * its bindir (a build tree) looks beside itself first, for ROOM/NAME, and takes it only if the file
 * and its directory belong to the caller or to root and nobody else may write to them: whoever
 * could put a program there is trusted already. Never by PATH or any other variable.
 *
 * What was checked is what runs: the program is held by a descriptor and executed by it.
 */
#ifndef PYSBX_CLI_LIBEXEC_H
#define PYSBX_CLI_LIBEXEC_H

#include <sys/types.h>

#include "base/err.h"

/* Where to look. libexec_open() fills it from the configuration; tests have others. */
struct libexec_places {
	const char *self;       /* the path of pysbx itself */
	const char *bindir;     /* where pysbx is installed */
	const char *libexecdir; /* where its programs are */
	uid_t uid;              /* whose files are trusted, beside root's */
};

/*
 * Opens the program NAME of the room ROOM. A descriptor for libexec_exec() alone (O_PATH,
 * close-on-exec), or a negative errno with an err that says what was looked for and what to do.
 */
int libexec_open(const char *room, const char *name, struct err *err);

int libexec_find(
	const struct libexec_places *places, const char *room, const char *name, struct err *err);

/* Opens the program that is running, as a descriptor for libexec_exec(). Negative errno and err. */
int libexec_open_self(struct err *err);

/* Becomes the program fd holds, with the present environment. Returns only on failure: -errno. */
int libexec_exec(int fd, char *const argv[]);

#endif
