/*
 * The options of `run` and `check` as a table, and a command line read by it.
 *
 * Nothing here prints, and nothing here judges a value: settings.h does, once it is known which of
 * several sources a value comes from.
 */
#ifndef PYSBX_CLI_OPTIONS_H
#define PYSBX_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum option_id {
#define SECTION(title)
#define OPTION(enumerator, ...) OPT_##enumerator,
#include "cli/options.def"
#undef OPTION
#undef SECTION
	OPT_COUNT
};

/* How a value is written; values.h reads them. */
enum option_kind {
	OPTION_FLAG,     /* yes or no; no argument needed on the command line */
	OPTION_TEXT,     /* as it is */
	OPTION_LIST,     /* as it is, may be given again */
	OPTION_SIZE,     /* bytes */
	OPTION_DURATION, /* nanoseconds */
	OPTION_COUNT,
	OPTION_CPUS,  /* thousandths */
	OPTION_WORD,  /* one of row.words; the number is its index */
	OPTION_COLOR, /* a word; on the command line alone: always */
	OPTION_BACKEND,
	OPTION_POLICY,
	OPTION_VERSION, /* 3.X; the number is X */
};

/* Commands that know an option, and places besides the command line it may be set in. */
enum option_where {
	ON_RUN = 1 << 0,
	ON_CHECK = 1 << 1,
	IN_ENV = 1 << 2,
	IN_FILE = 1 << 3,
	SETTING = IN_ENV | IN_FILE,
};

struct option_row {
	const char *name;     /* without the dashes: also the key in configuration files */
	const char *argument; /* as the help shows it; NULL: a flag */
	const char *standard; /* built-in value; NULL: none */
	const char *tight;    /* value in the profile `tight`; NULL: not a matter of profiles */
	const char *words;
	const char *help;
	uint64_t least;
	uint64_t most;
	uint8_t kind;  /* enum option_kind */
	uint8_t where; /* enum option_where, bits */
	char letter;   /* 0: none */
};

extern const struct option_row option_rows[OPT_COUNT];

/* True for the kinds that have a range, and so may have a ceiling. */
bool option_is_limit(const struct option_row *row);

/* The row of that name known in `where` (any bit of it); OPT_COUNT: none. */
enum option_id option_find(const char *name, unsigned where);

/* The nearest name known in `where`; NULL: none is near. */
const char *option_nearest(const char *name, unsigned where);

/* Texts in the order given; the array is NULL-terminated. */
struct option_list {
	const char **texts; /* NULL when count is 0 */
	size_t count;
};

struct command_line {
	const char *values[OPT_COUNT];       /* the last one given; NULL: not given; flags: "yes" */
	struct option_list lists[OPT_COUNT]; /* of kind OPTION_LIST */
	struct option_list words;            /* what is no option, before "--" */
	struct option_list args;             /* what comes after "--" */
	bool has_args;                       /* there was a "--" */
};

/*
 * Reads argv[1..] for the command `on` (ON_RUN or ON_CHECK). 0, or -EINVAL with the first thing
 * that is wrong; the rest of the line is read all the same, so that --json is known. The texts are
 * argv's, the arrays the arena's.
 */
int options_parse(int argc, char **argv, unsigned on, struct arena *arena, struct command_line *ret,
	struct err *err);

/* The options of a command for its help text. */
void options_help(struct buf *out, unsigned on);

#endif
