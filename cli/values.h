/*
 * One value of an option, read and checked against what is legal for it.
 */
#ifndef PYSBX_CLI_VALUES_H
#define PYSBX_CLI_VALUES_H

#include <stdint.h>

#include "base/err.h"
#include "cli/options.h"

/*
 * Reads text as a value of the option. *ret_number is the size, time, count, index of the word, 0
 * or 1 for a flag, X for 3.X; else 0. -EINVAL with err: what is wrong, and as the remedy what would
 * be legal; the caller puts in front where the text stands.
 */
int value_read(enum option_id id, const char *text, uint64_t *ret_number, struct err *err);

/* A number as people write it for this option ("256M", "10s", "0.5"); at least UNITS_TEXT bytes. */
const char *value_text(enum option_id id, uint64_t number, char *text);

/* "3.11"; text of at least 8 bytes. */
const char *value_version_text(unsigned minor, char *text);

#endif
