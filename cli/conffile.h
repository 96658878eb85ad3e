/*
 * One configuration file, read into entries.
 *
 * The format, line by line (UTF-8, at most CONFIG_MAX bytes):
 *
 *	# a comment, also after white space at the end of a line
 *	key = value              a setting: the long name of an option
 *	ceiling.memory = 512M    system file only: what nobody may exceed
 *	[profile NAME]           the settings below it belong to this profile
 *
 * The system's may be in several files: see confdir.c.
 *
 * Everything is checked when it is read, also what another place overrides later: an unknown key, a
 * value that is not legal, a key set twice are errors that name file, line and column (bytes from
 * 1).
 */
#ifndef PYSBX_CLI_CONFFILE_H
#define PYSBX_CLI_CONFFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/options.h"

#define CONFIG_MAX ((size_t)256 << 10) /* bytes */

struct config_entry {
	const char *path;    /* of the file that has it */
	const char *profile; /* NULL: a plain setting */
	const char *value;
	uint64_t number; /* value_read()'s */
	uint32_t line;
	uint32_t column; /* of the key, bytes from 1 */
	uint16_t option; /* enum option_id */
	bool is_ceiling;
};

struct config {
	const char *path; /* as errors name it */
	struct config_entry *entries;
	size_t count;
};

/*
 * Reads the text of a file. 0, or -EINVAL (-ENOMEM) with err. Everything lives in the arena; path
 * is borrowed.
 */
int config_parse(struct str text, const char *path, bool is_system, struct arena *arena,
	struct config *ret, struct err *err);

/*
 * confdir.c: the system's file and its conf.d, all as one. What is not there is fine. 0, or a
 * negative errno with err.
 */
int config_read_system(const char *path, struct arena *arena, struct config *ret, struct err *err);

/* The entry that sets an option in a profile (NULL: plainly); NULL: none does. */
const struct config_entry *config_find(
	const struct config *config, enum option_id option, const char *profile);

/* The ceiling of an option; NULL: none. */
const struct config_entry *config_ceiling(const struct config *config, enum option_id option);

/* True if the file has a section for this profile. */
bool config_has_profile(const struct config *config, const char *profile);

#endif
