/*
 * The few files of /etc that a program finds inside: nobody's names but its own, no servers' ones.
 */
#ifndef PYSBX_RUNTIME_ETC_H
#define PYSBX_RUNTIME_ETC_H

#include <stddef.h>

struct etc_file {
	const char *path; /* "etc/passwd" */
	const char *text;
};

extern const struct etc_file etc_files[];
extern const size_t etc_file_count;

#endif
