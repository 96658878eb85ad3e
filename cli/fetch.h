/*
 * Files that came out of the sandbox, written below a directory of the caller's.
 *
 * Their names were chosen by the program inside. No name leads out of the directory, no link is
 * followed, each file appears whole or not at all and replaces one of the same name.
 */
#ifndef PYSBX_CLI_FETCH_H
#define PYSBX_CLI_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * True for a relative name without "." or ".." parts, empty parts, control characters or bytes that
 * are no UTF-8, each part at most 255 bytes, all of it at most 1024.
 */
bool fetch_name_is_safe(const char *name);

/* Opens the directory, making it (mode 0777 less the umask) where it is missing. fd or -errno. */
int fetch_open_dir(const char *path, struct err *err);

/* Writes one file, mode 0666 less the umask, and the directories on its way. 0 or -errno. */
int fetch_write(int dir, const char *name, struct str content, struct err *err);

#endif
