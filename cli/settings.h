/*
 * What holds for one call: the command line, PYSBX_* variables, the --config file, the user's file,
 * the system's file and the built-in values, in this order, and the system's ceilings over all.
 *
 * A profile counts as set where it is named: `-p tight` stands above PYSBX_MEMORY, `profile =
 * tight` in the system's file stands below it. What the same place sets by itself comes before its
 * profile. A profile of the files is laid over the built-in one of the same name.
 */
#ifndef PYSBX_CLI_SETTINGS_H
#define PYSBX_CLI_SETTINGS_H

#include "cli/conffile.h"
#include "cli/options.h"

enum setting_from {
	FROM_COMMAND_LINE,
	FROM_ENVIRONMENT,
	FROM_CONFIG_FILE, /* --config */
	FROM_USER_FILE,
	FROM_SYSTEM_FILE,
	FROM_BUILT_IN,
	FROM_COUNT
};

struct setting {
	const char *text; /* NULL: set nowhere */
	uint64_t number;  /* value_read()'s */
	enum setting_from from;
	const char *profile;              /* the profile that brought it; NULL: set by itself */
	const struct config_entry *entry; /* its line there */
};

/* Where the files are; NULL: there is no such file. Made by settings_places(). */
struct settings_places {
	const char *user;
	const char *system;
};

struct settings {
	const struct command_line *line;
	struct setting of[OPT_COUNT];
	const char *profile; /* the one that holds */
	struct config files[FROM_COUNT];
	const char *stray_variable; /* a PYSBX_* variable that is no setting but nearly one */
	const char *stray_near;     /* which one */
	struct arena *arena;        /* borrowed */
};

/* The user's file by XDG_CONFIG_HOME or HOME, and the system's. Texts live in the arena. */
int settings_places(struct arena *arena, struct settings_places *ret);

/* The system's file; a function of its own so that tests can have another one. */
const char *settings_system_path(void);

/*
 * Puts everything together for the command `on`. environment is environ's form. 0, or a negative
 * errno with an err that names the option, the variable or file:line:column.
 */
int settings_resolve(const struct command_line *line, unsigned on, char *const *environment,
	const struct settings_places *places, struct arena *arena, struct settings *ret,
	struct err *err);

static inline const char *setting_text(const struct settings *settings, enum option_id id)
{
	return settings->of[id].text;
}

static inline uint64_t setting_number(const struct settings *settings, enum option_id id)
{
	return settings->of[id].number;
}

#endif
