/*
 * Messages in the reader's language, from the catalogue of gettext(3).
 *
 * Which one: LC_ALL, LC_MESSAGES or LANG, the first that is set. Without a language in it (C,
 * POSIX) or with an English one nothing is loaded. Numbers, dates and JSON never depend on it.
 */
#ifndef PYSBX_CLI_NLS_H
#define PYSBX_CLI_NLS_H

#include <libintl.h>

#define _(text)  gettext(text)
#define N_(text) text

/* Once, at the start. After it no file is opened for a message any more. */
void nls_init(void);

/* gettext(3), for guard_check_in(). */
const char *nls_translate(const char *message) __attribute__((format_arg(1)));

#endif
