/*
 * pysbx completion: what a shell needs to complete command lines, made from the tables of commands
 * and options.
 *
 * bash: a function for `complete -F`; zsh: a function of the completion system (_arguments); fish:
 * `complete` commands. The first two are described in bash(1), "Programmable Completion", and
 * zshcompsys(1).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/pyversion.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "guard/guard.h"

#define OUTPUT_MAX ((size_t)256 << 10)
#define WORDS_MAX  256

/* What follows an option, or stands for itself. */
enum follows { NOTHING, PERHAPS, WORDS, FILES, FOLDERS, WORDS_OR_FILES, ANYTHING };

/* One option, or a word that comes first. */
struct entry {
	const char *command;
	const char *word; /* NULL: an option */
	const char *name; /* long, without the dashes; NULL: only a letter */
	const char *argument;
	const char *help;
	char letter; /* 0: none */
	enum follows follows;
	char words[WORDS_MAX]; /* with blanks between them */
};

static const struct {
	const char *name;
	const char *summary;
} commands[] = {
#define COMMAND(name, function, summary) {name, summary},
#include "cli/commands.def"
#undef COMMAND
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct row {
	const char *command;
	const char *word;
	char letter;
	const char *name;
	const char *argument;
	const char *help;
} rows[] = {
#define WORD(command, word, help)                   {command, word, 0, NULL, NULL, help},
#define FLAG(command, letter, name, argument, help) {command, NULL, letter, name, argument, help},
#include "cli/words.def"
};

static void add_word(struct entry *entry, const char *word)
{
	size_t len = strlen(entry->words);

	if (len + strlen(word) + 2 > sizeof(entry->words))
		return;
	if (len)
		entry->words[len++] = ' ';
	strcpy(entry->words + len, word);
}

static void add_versions(struct entry *entry)
{
	char version[8] = "3.";

	for (unsigned minor = PYTHON_MINOR_OLDEST; minor <= PYTHON_MINOR_NEWEST; minor++) {
		size_t at = 2;

		if (minor >= 10)
			version[at++] = (char)('0' + minor / 10);
		version[at++] = (char)('0' + minor % 10);
		version[at] = '\0';
		add_word(entry, version);
	}
}

/* By how the help shows the argument. */
static enum follows follows_argument(const char *argument)
{
	if (!argument)
		return NOTHING;
	if (strstr(argument, "DIR"))
		return FOLDERS;
	if (strstr(argument, "FILE") || strstr(argument, "PATH"))
		return FILES;
	return ANYTHING;
}

static void describe_option(struct entry *entry, enum option_id id)
{
	const struct option_row *row = &option_rows[id];

	entry->name = row->name;
	entry->argument = row->argument;
	entry->help = row->help;
	entry->letter = row->letter;
	entry->follows = follows_argument(row->argument);
	for (const char *at = row->words ? row->words : ""; *at;) {
		size_t len = strcspn(at, "|");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		add_word(entry, word);
		entry->follows = row->kind == OPTION_COLOR ? PERHAPS : WORDS;
		at += len + (at[len] == '|');
	}
	if (row->kind == OPTION_POLICY) {
		entry->follows = WORDS_OR_FILES;
		for (size_t i = 0; guard_policy_names[i]; i++)
			add_word(entry, guard_policy_names[i]);
	} else if (row->kind == OPTION_VERSION) {
		entry->follows = WORDS;
		add_versions(entry);
	} else if (row->kind == OPTION_BACKEND) {
		entry->follows = WORDS;
		strcpy(entry->words, "auto native docker oci:runc oci:crun oci:runsc");
	} else if (id == OPT_PROFILE) {
		entry->follows = WORDS;
		strcpy(entry->words, "default tight");
	}
}

static void describe_row(struct entry *entry, const struct row *row)
{
	entry->word = row->word;
	entry->name = row->name;
	entry->argument = row->argument;
	entry->help = row->help;
	entry->letter = row->letter;
	entry->follows = follows_argument(row->argument);
	if (row->argument && strcmp(row->argument, "3.X") == 0) {
		entry->follows = WORDS;
		add_versions(entry);
	}
}

typedef void write_entry(struct buf *out, const struct entry *entry);

/* Every option, or every first word, of a command, in the order of the help. */
static void each_entry(struct buf *out, const char *command, bool words, write_entry *write)
{
	unsigned on = strcmp(command, "run") == 0     ? ON_RUN
		      : strcmp(command, "check") == 0 ? ON_CHECK
						      : 0;

	for (int id = 0; id < OPT_COUNT && !words; id++) {
		struct entry entry = {.command = command};

		if (!(option_rows[id].where & on))
			continue;
		describe_option(&entry, (enum option_id)id);
		write(out, &entry);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct entry entry = {.command = command};

		if (strcmp(rows[i].command, command) != 0 || words != !!rows[i].word)
			continue;
		describe_row(&entry, &rows[i]);
		write(out, &entry);
	}
}

static bool has_words(const char *command)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].word && strcmp(rows[i].command, command) == 0)
			return true;
	return false;
}

/* --- bash --- */

static void bash_name(struct buf *out, const struct entry *entry)
{
	if (entry->word)
		buf_printf(out, " %s", entry->word);
	if (entry->name)
		buf_printf(out, " --%s", entry->name);
	if (entry->letter)
		buf_printf(out, " -%c", entry->letter);
}

/* The case of an option whose argument is being typed. */
static void bash_argument(struct buf *out, const struct entry *entry)
{
	if (entry->follows == NOTHING || entry->follows == PERHAPS)
		return;
	buf_printf(out, "\t%s:", entry->command);
	if (entry->name)
		buf_printf(out, "--%s%s", entry->name, entry->letter ? "|" : "");
	if (entry->name && entry->letter)
		buf_printf(out, "%s:", entry->command);
	if (entry->letter)
		buf_printf(out, "-%c", entry->letter);
	buf_add_text(out, ") ");
	if (entry->follows == WORDS)
		buf_printf(out, "words='%s'", entry->words);
	else if (entry->follows == WORDS_OR_FILES)
		buf_printf(out, "words='%s' files=-f", entry->words);
	else
		buf_add_text(out, entry->follows == FILES     ? "files=-f"
				  : entry->follows == FOLDERS ? "files=-d"
							      : ":");
	buf_add_text(out, " ;;\n");
}

static void complete_bash(struct buf *out)
{
	buf_add_text(out,
		"# bash completion for pysbx: eval \"$(pysbx completion bash)\"\n"
		"_pysbx()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tlocal command='' words='' files='' i\n"
		"\t# --name=value comes in three words.\n"
		"\tif [[ $cur == '=' ]]; then cur=''; "
		"elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tif [[ ${COMP_WORDS[i]} != -* ]]; then command=${COMP_WORDS[i]}; break; fi\n"
		"\tdone\n"
		"\tcase $command:$prev in\n"
		"\t:*) words='");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		buf_printf(out, "%s ", commands[i].name);
	buf_add_text(out, "help --help --version' ;;\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		each_entry(out, commands[i].name, false, bash_argument);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (!has_words(commands[i].name))
			continue;
		buf_printf(out, "\t%s:%s) words='", commands[i].name, commands[i].name);
		each_entry(out, commands[i].name, true, bash_name);
		buf_add_text(out, "' ;;\n");
	}
	buf_add_text(out, "\t*) if [[ $cur == -* ]]; then case $command in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		buf_printf(out, "\t\t%s) words='", commands[i].name);
		each_entry(out, commands[i].name, false, bash_name);
		buf_add_text(out, "' ;;\n");
	}
	buf_add_text(out,
		"\t\tesac; else files=-f; fi ;;\n"
		"\tesac\n"
		"\tCOMPREPLY=()\n"
		"\tif [[ $words ]]; then "
		"mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"); fi\n"
		"\tif [[ $files ]]; then compopt -o filenames 2>/dev/null; "
		"mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen $files -- \"$cur\"); fi\n"
		"}\n"
		"complete -F _pysbx pysbx\n");
}

/* --- zsh --- */

/* A text within single quotes and a [] or :...: of _arguments. */
static void zsh_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_text(out, "'\\'");
		else if (strchr("[]:\\", *text))
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void zsh_words(struct buf *out, const char *words)
{
	buf_add_char(out, '(');
	zsh_text(out, words);
	buf_add_char(out, ')');
}

static void zsh_spec(struct buf *out, const struct entry *entry, const char *dashes,
	const char *name, size_t len)
{
	buf_printf(out, "\t\t\t'*%s%.*s", dashes, (int)len, name);
	if (entry->follows != NOTHING && len > 1)
		buf_add_text(out, entry->follows == PERHAPS ? "=-" : "=");
	buf_add_char(out, '[');
	zsh_text(out, entry->help);
	buf_add_char(out, ']');
	if (entry->follows != NOTHING) {
		buf_add_text(out, entry->follows == PERHAPS ? "::" : ":");
		zsh_text(out, entry->argument);
		buf_add_char(out, ':');
		if (entry->follows == FILES)
			buf_add_text(out, "_files");
		else if (entry->follows == FOLDERS)
			buf_add_text(out, "_files -/");
		else if (entry->follows == WORDS_OR_FILES)
			buf_printf(out, "{compadd %s; _files}", entry->words);
		else if (entry->words[0])
			zsh_words(out, entry->words);
	}
	buf_add_text(out, "' \\\n");
}

static void zsh_option(struct buf *out, const struct entry *entry)
{
	if (entry->name)
		zsh_spec(out, entry, "--", entry->name, strlen(entry->name));
	if (entry->letter)
		zsh_spec(out, entry, "-", &entry->letter, 1);
}

static void zsh_word(struct buf *out, const struct entry *entry)
{
	buf_printf(out, "'%s:", entry->word);
	zsh_text(out, entry->help);
	buf_add_text(out, "' ");
}

static void complete_zsh(struct buf *out)
{
	buf_add_text(out, "#compdef pysbx\n"
			  "# zsh completion for pysbx: save it as _pysbx in a folder of $fpath\n"
			  "_pysbx()\n{\n"
			  "\tlocal curcontext=$curcontext state\n"
			  "\tlocal -a words_here\n"
			  "\tif (( CURRENT == 2 )); then\n"
			  "\t\twords_here=(");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		buf_printf(out, "'%s:", commands[i].name);
		zsh_text(out, commands[i].summary);
		buf_add_text(out, "' ");
	}
	buf_add_text(out, "'help:the options of a command')\n"
			  "\t\t_describe 'command' words_here\n"
			  "\t\treturn\n"
			  "\tfi\n"
			  "\tcase $words[2] in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		buf_printf(out, "\t%s)\n", commands[i].name);
		if (has_words(commands[i].name)) {
			buf_add_text(out, "\t\tif (( CURRENT == 3 )); then\n\t\t\twords_here=(");
			each_entry(out, commands[i].name, true, zsh_word);
			buf_add_text(out, ")\n\t\t\t_describe 'word' words_here\n"
					  "\t\t\treturn\n\t\tfi\n");
		}
		buf_add_text(out, "\t\tshift words; (( CURRENT-- ))\n\t\t_arguments -s \\\n");
		each_entry(out, commands[i].name, false, zsh_option);
		buf_add_text(out, "\t\t\t'*:file:_files' ;;\n");
	}
	buf_add_text(out, "\tesac\n}\n"
			  "if [[ $funcstack[1] == _pysbx ]]; then _pysbx \"$@\"; "
			  "else compdef _pysbx pysbx; fi\n");
}

/* --- fish --- */

static void fish_text(struct buf *out, const char *text)
{
	buf_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\'');
}

static void fish_entry(struct buf *out, const struct entry *entry)
{
	buf_printf(out, "complete -c pysbx -n '__fish_seen_subcommand_from %s'", entry->command);
	if (entry->name)
		buf_printf(out, " -l %s", entry->name);
	if (entry->letter)
		buf_printf(out, " -s %c", entry->letter);
	if (entry->word)
		buf_printf(out, " -a %s", entry->word);
	if (entry->follows == FILES || entry->follows == WORDS_OR_FILES)
		buf_add_text(out, " -r -F");
	else if (entry->follows == FOLDERS)
		buf_add_text(out, " -x -a '(__fish_complete_directories)'");
	else if (entry->follows == WORDS || entry->follows == ANYTHING)
		buf_add_text(out, " -x");
	if (entry->words[0])
		buf_printf(out, " -a '%s'", entry->words);
	buf_add_text(out, " -d ");
	fish_text(out, entry->help);
	buf_add_char(out, '\n');
}

static void complete_fish(struct buf *out)
{
	buf_add_text(out, "# fish completion for pysbx: pysbx completion fish | source\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		buf_printf(out, "complete -c pysbx -f -n __fish_use_subcommand -a %s -d ",
			commands[i].name);
		fish_text(out, commands[i].summary);
		buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		each_entry(out, commands[i].name, true, fish_entry);
		each_entry(out, commands[i].name, false, fish_entry);
	}
}

static const char usage[] = "usage: pysbx completion bash|zsh|fish\n\n"
			    "Prints what the shell needs to complete pysbx's command lines:\n\n"
			    "  bash   eval \"$(pysbx completion bash)\"\n"
			    "  zsh    pysbx completion zsh >FOLDER/_pysbx, a FOLDER of $fpath\n"
			    "  fish   pysbx completion fish | source\n\n"
			    "Exit status: 0, 1 failed, 2 bad usage.\n";

int cmd_completion(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*complete)(struct buf *out);
	} shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};
	cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
	struct err err = {0};

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		buf_add_text(&out, usage);
		return cli_finish(&out, CLI_OK, CLI_FAILED);
	}
	for (size_t i = 0; argc == 2 && i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(argv[1], shells[i].name) != 0)
			continue;
		shells[i].complete(&out);
		return cli_finish(&out, CLI_OK, CLI_FAILED);
	}
	if (argc < 2)
		err_set(&err, EINVAL, "completion: for which shell?");
	else
		err_set(&err, EINVAL, "completion: unexpected '%s'", argv[argc > 2 ? 2 : 1]);
	err_remedy(&err, "one of bash, zsh and fish is known");
	return cli_usage(CLI_USAGE, "completion", &err);
}
