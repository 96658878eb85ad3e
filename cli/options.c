/*
 * getopt_long(3) driven by cli/options.def.
 */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "guard/guard.h"

const struct option_row option_rows[OPT_COUNT] = {
#define SECTION(title)
#define OPTION(id, letter_, name_, argument_, kind_, where_, standard_, tight_, least_, most_,     \
	words_, help_)                                                                             \
	[OPT_##id] = {.name = name_,                                                               \
		.argument = argument_,                                                             \
		.standard = standard_,                                                             \
		.tight = tight_,                                                                   \
		.words = words_,                                                                   \
		.help = help_,                                                                     \
		.least = least_,                                                                   \
		.most = most_,                                                                     \
		.kind = OPTION_##kind_,                                                            \
		.where = where_,                                                                   \
		.letter = letter_},
#include "cli/options.def"
#undef OPTION
#undef SECTION
};

/* getopt's value of a long option: past every character. */
#define LONG_VALUE 1000

bool option_is_limit(const struct option_row *row)
{
	return row->kind == OPTION_SIZE || row->kind == OPTION_DURATION ||
	       row->kind == OPTION_CPUS || (row->kind == OPTION_COUNT && (row->where & IN_FILE));
}

enum option_id option_find(const char *name, unsigned where)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if ((option_rows[i].where & where) && strcmp(option_rows[i].name, name) == 0)
			return (enum option_id)i;
	return OPT_COUNT;
}

const char *option_nearest(const char *name, unsigned where)
{
	const char *names[OPT_COUNT];
	size_t count = 0;

	for (int i = 0; i < OPT_COUNT; i++)
		if (option_rows[i].where & where)
			names[count++] = option_rows[i].name;
	return cli_nearest(name, names, count);
}

static enum option_id by_letter(int letter, unsigned where)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if (letter && (option_rows[i].where & where) && option_rows[i].letter == letter)
			return (enum option_id)i;
	return OPT_COUNT;
}

static bool argument_is_optional(const struct option_row *row)
{
	return row->kind == OPTION_FLAG || row->kind == OPTION_COLOR;
}

/* In front of the letters: "-" returns words in their order, ":" tells a missing argument apart. */
struct tables {
	struct option longs[OPT_COUNT + 1];
	char shorts[3 * OPT_COUNT + 3];
};

static void make_tables(struct tables *tables, unsigned on)
{
	struct option *next = tables->longs;
	char *letter = tables->shorts;

	*letter++ = '-';
	*letter++ = ':';
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = &option_rows[i];

		if (!(row->where & on))
			continue;
		*next++ = (struct option){.name = row->name,
			.has_arg =
				argument_is_optional(row) ? optional_argument : required_argument,
			.val = LONG_VALUE + i};
		if (!row->letter)
			continue;
		*letter++ = row->letter;
		if (!argument_is_optional(row))
			*letter++ = ':';
	}
	*letter = '\0';
	*next = (struct option){0};
}

static int push(struct option_list *list, const char *text, size_t most, struct arena *arena)
{
	if (!list->texts)
		list->texts = arena_array(arena, most + 1, sizeof(char *));
	if (!list->texts)
		return -ENOMEM;
	list->texts[list->count++] = text;
	return 0;
}

static const char *value_without_argument(const struct option_row *row)
{
	return row->kind == OPTION_COLOR ? "always" : "yes";
}

static int take_option(struct command_line *line, enum option_id id, const char *text, size_t most,
	struct arena *arena, struct err *err)
{
	const struct option_row *row = &option_rows[id];

	if (row->kind == OPTION_LIST)
		return push(&line->lists[id], text, most, arena);
	if (id == OPT_CODE && line->values[id]) {
		err_set(err, EINVAL, "--code is given twice");
		err_remedy(err, "put the whole program into one --code");
		return -EINVAL;
	}
	line->values[id] = text ? text : value_without_argument(row);
	return 0;
}

static int unknown_long(const char *word, unsigned on, struct err *err)
{
	char name[64];
	const char *nearest;
	size_t len = strcspn(word + 2, "=");

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, word + 2, len);
	name[len] = '\0';
	nearest = option_nearest(name, on);
	err_set(err, EINVAL, "unknown option --%s", name);
	if (nearest)
		err_remedy(err, "did you mean --%s?", nearest);
	return -EINVAL;
}

/* What getopt found no use for. `word` is the argument it was in. */
static int refuse_option(int value, const char *word, unsigned on, struct err *err)
{
	bool is_long = strncmp(word, "--", 2) == 0;

	if (value == ':') {
		enum option_id id = optopt >= LONG_VALUE ? (enum option_id)(optopt - LONG_VALUE)
							 : by_letter(optopt, on);

		err_set(err, EINVAL, "--%s needs an argument", option_rows[id].name);
		err_remedy(err, "write --%s %s", option_rows[id].name, option_rows[id].argument);
		return -EINVAL;
	}
	if (!is_long)
		return err_set(err, EINVAL, "unknown option -%c", optopt);
	return unknown_long(word, on, err);
}

static int take_rest(struct command_line *line, int argc, char **argv, struct arena *arena)
{
	int code = 0;

	for (int i = optind; i < argc && code == 0; i++)
		code = push(&line->args, argv[i], (size_t)argc, arena);
	return code;
}

int options_parse(int argc, char **argv, unsigned on, struct arena *arena, struct command_line *ret,
	struct err *err)
{
	size_t most = (size_t)argc;
	struct tables tables;
	int first = 0;

	*ret = (struct command_line){0};
	make_tables(&tables, on);
	optind = 0; /* glibc: start afresh */
	opterr = 0;
	for (;;) {
		struct err ignored;
		struct err *use = first ? &ignored : err;
		int code, at = optind ? optind : 1;
		int value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);

		if (value == -1)
			break;
		if (value == 1)
			code = push(&ret->words, optarg, most, arena);
		else if (value == '?' || value == ':')
			code = refuse_option(value, argv[at < argc ? at : argc - 1], on, use);
		else
			code = take_option(ret,
				value >= LONG_VALUE ? (enum option_id)(value - LONG_VALUE)
						    : by_letter(value, on),
				optarg, most, arena, use);
		if (code == -ENOMEM)
			err_set(use, ENOMEM, "no memory for the command line");
		if (code < 0 && first == 0)
			first = code;
	}
	/* getopt stops before the end only at "--". */
	ret->has_args = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
	if (take_rest(ret, argc, argv, arena) < 0 && first == 0)
		first = err_set(err, ENOMEM, "no memory for the command line");
	return first;
}

/* "  -m, --memory SIZE", and how wide that is. */
static size_t help_head(struct buf *out, const struct option_row *row)
{
	size_t start = out->len;

	if (row->letter)
		buf_printf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(out, "      --%s", row->name);
	if (row->argument && argument_is_optional(row))
		buf_printf(out, "[=%s]", row->argument);
	else if (row->argument)
		buf_printf(out, " %s", row->argument);
	return out->len - start;
}

static void help_defaults(struct buf *out, const struct option_row *row)
{
	if (row->tight)
		buf_printf(out, " (default %s; tight %s)", row->standard, row->tight);
	else if (row->standard)
		buf_printf(out, " (default %s)", row->standard);
}

static void help_row(struct buf *out, const struct option_row *row)
{
	const size_t column = 30;
	size_t width = help_head(out, row);

	if (width + 2 > column) {
		buf_add_char(out, '\n');
		width = 0;
	}
	buf_printf(out, "%*s%s", (int)(column - width), "", row->help);
	help_defaults(out, row);
	buf_add_char(out, '\n');
}

void options_help(struct buf *out, unsigned on)
{
	/* A heading is printed once one of its options is. */
	const char *heading = NULL;

#define SECTION(title) heading = title;
#define OPTION(id, ...)                                                                            \
	if (option_rows[OPT_##id].where & on) {                                                    \
		if (heading)                                                                       \
			buf_printf(out, "\n%s:\n", heading);                                       \
		heading = NULL;                                                                    \
		help_row(out, &option_rows[OPT_##id]);                                             \
	}
#include "cli/options.def"
#undef OPTION
#undef SECTION
}
