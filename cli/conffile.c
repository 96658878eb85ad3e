/*
 * The reader of configuration files (cli/conffile.h has the format).
 */
#include "cli/conffile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/values.h"

#define CEILING    "ceiling."
#define NAME_BYTES 64

struct reader {
	struct str text;
	size_t at;   /* of the next line */
	size_t line; /* number of the current one, from 1 */
	const char *path;
	bool is_system;
	const char *profile; /* of the section the line is in */
	struct arena *arena;
	struct config *config;
	size_t capacity;
	struct err *err;
};

/* "FILE:LINE:COLUMN: ..." in front of what is already in err. */
static int at_place(struct reader *reader, size_t column)
{
	return err_wrap(reader->err, "%s:%zu:%zu", reader->path, reader->line, column + 1);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct str trim(struct str s)
{
	while (s.len && is_space(s.ptr[0]))
		s = str_from(s.ptr + 1, s.len - 1);
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* A comment starts a line or follows white space, so that a value may hold a '#'. */
static struct str without_comment(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' && (i == 0 || is_space(line.ptr[i - 1])))
			return str_from(line.ptr, i);
	return line;
}

static bool next_line(struct reader *reader, struct str *ret)
{
	const char *start = reader->text.ptr + reader->at;
	size_t rest = reader->text.len - reader->at;
	const char *end;

	if (rest == 0)
		return false;
	end = memchr(start, '\n', rest);
	*ret = str_from(start, end ? (size_t)(end - start) : rest);
	reader->at += ret->len + (end ? 1 : 0);
	reader->line++;
	if (ret->len && ret->ptr[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static int check_bytes(struct reader *reader, struct str line)
{
	for (size_t i = 0, step; i < line.len; i += step) {
		step = utf8_sequence(line.ptr + i, line.len - i);
		if (step && ((unsigned char)line.ptr[i] >= 0x20 || line.ptr[i] == '\t') &&
			line.ptr[i] != 0x7f)
			continue;
		err_set(reader->err, EINVAL, "byte 0x%02x is not text", (unsigned char)line.ptr[i]);
		err_remedy(reader->err, "a configuration file is UTF-8 without control characters");
		return at_place(reader, i);
	}
	return 0;
}

static bool is_name(struct str name)
{
	static const char legal[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (name.len == 0 || name.len >= NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!name.ptr[i] || !strchr(legal, name.ptr[i]))
			return false;
	return true;
}

static int no_memory(struct reader *reader)
{
	return err_set(reader->err, ENOMEM, "%s: no memory", reader->path);
}

/* [profile NAME] */
static int read_section(struct reader *reader, struct str line, size_t column)
{
	static const struct str word = STR_INIT("profile");
	struct str inner, name;

	if (line.ptr[line.len - 1] != ']') {
		err_set(reader->err, EINVAL, "this section has no ']'");
		err_remedy(reader->err, "write [profile NAME]");
		return at_place(reader, column);
	}
	inner = trim(str_from(line.ptr + 1, line.len - 2));
	name = str_from(inner.ptr, 0);
	if (str_starts(inner, word) && inner.len > word.len && is_space(inner.ptr[word.len]))
		name = trim(str_from(inner.ptr + word.len, inner.len - word.len));
	if (!is_name(name)) {
		err_set(reader->err, EINVAL, "not a section");
		err_remedy(reader->err,
			"write [profile NAME], the name of letters, digits, '-', '_' and '.'");
		return at_place(reader, column);
	}
	reader->profile = arena_strdup(reader->arena, name);
	return reader->profile ? 0 : no_memory(reader);
}

static int unknown_key(struct reader *reader, const char *name, size_t column)
{
	const char *nearest = option_nearest(name, IN_FILE);

	if (option_find(name, ON_RUN | ON_CHECK) != OPT_COUNT) {
		err_set(reader->err, EINVAL, "'%s' can not be set in a file", name);
		err_remedy(reader->err, "give --%s on the command line", name);
		return at_place(reader, column);
	}
	err_set(reader->err, EINVAL, "unknown key '%s'", name);
	if (nearest)
		err_remedy(reader->err, "did you mean '%s'?", nearest);
	else
		err_remedy(reader->err, "keys are the long names of options, as in: memory = 256M");
	return at_place(reader, column);
}

/* Finds the option a key names and whether it is a ceiling. */
static int read_key(
	struct reader *reader, struct str key, size_t column, struct config_entry *entry)
{
	static const struct str prefix = STR_INIT(CEILING);
	char name[NAME_BYTES];
	enum option_id option;

	entry->is_ceiling = str_starts(key, prefix);
	if (entry->is_ceiling)
		key = str_from(key.ptr + prefix.len, key.len - prefix.len);
	if (!is_name(key)) {
		err_set(reader->err, EINVAL, "not a key");
		err_remedy(reader->err, "keys are the long names of options, as in: memory = 256M");
		return at_place(reader, column);
	}
	memcpy(name, key.ptr, key.len);
	name[key.len] = '\0';
	option = option_find(name, IN_FILE);
	if (option == OPT_COUNT)
		return unknown_key(reader, name, column);
	entry->option = (uint16_t)option;
	if (entry->is_ceiling && !option_is_limit(&option_rows[option])) {
		err_set(reader->err, EINVAL, "'%s' can have no ceiling", name);
		err_remedy(reader->err, "only limits have one, as in: " CEILING "memory = 512M");
		return at_place(reader, column);
	}
	return 0;
}

static int check_place(struct reader *reader, const struct config_entry *entry, size_t column)
{
	const char *name = option_rows[entry->option].name;

	if (entry->is_ceiling && !reader->is_system) {
		err_set(reader->err, EINVAL, "a ceiling can be set in the system's file only");
		err_remedy(reader->err, "to lower a limit for yourself write: %s = ...", name);
		return at_place(reader, column);
	}
	if (entry->is_ceiling && reader->profile) {
		err_set(reader->err, EINVAL, "a ceiling does not belong to a profile");
		err_remedy(reader->err, "move the line above the first [profile ...]");
		return at_place(reader, column);
	}
	if (reader->profile && entry->option == OPT_PROFILE) {
		err_set(reader->err, EINVAL, "a profile can not choose another profile");
		err_remedy(reader->err, "list its settings here");
		return at_place(reader, column);
	}
	return 0;
}

static bool same_profile(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static int check_twice(struct reader *reader, const struct config_entry *entry, size_t column)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->count; i++) {
		const struct config_entry *before = &config->entries[i];

		if (before->option != entry->option || before->is_ceiling != entry->is_ceiling ||
			!same_profile(before->profile, entry->profile))
			continue;
		err_set(reader->err, EINVAL, "'%s%s' is set twice",
			entry->is_ceiling ? CEILING : "", option_rows[entry->option].name);
		err_remedy(reader->err, "it is set before at %s:%u:%u", reader->path, before->line,
			before->column);
		return at_place(reader, column);
	}
	return 0;
}

static int add_entry(struct reader *reader, const struct config_entry *entry)
{
	struct config *config = reader->config;
	size_t capacity = reader->capacity ? reader->capacity * 2 : 32;

	if (config->count == reader->capacity) {
		struct config_entry *grown = arena_array(reader->arena, capacity, sizeof(*grown));

		if (!grown)
			return no_memory(reader);
		if (config->count)
			memcpy(grown, config->entries, config->count * sizeof(*grown));
		config->entries = grown;
		reader->capacity = capacity;
	}
	config->entries[config->count++] = *entry;
	return 0;
}

static int read_setting(struct reader *reader, struct str line, size_t column)
{
	const char *equals = memchr(line.ptr, '=', line.len);
	struct config_entry entry = {.path = reader->path,
		.profile = reader->profile,
		.line = (uint32_t)reader->line,
		.column = (uint32_t)column + 1};
	struct str value;
	size_t value_column;
	int code;

	if (!equals) {
		err_set(reader->err, EINVAL, "this line has no '='");
		err_remedy(reader->err, "write: key = value");
		return at_place(reader, column);
	}
	code = read_key(
		reader, trim(str_from(line.ptr, (size_t)(equals - line.ptr))), column, &entry);
	if (code == 0)
		code = check_place(reader, &entry, column);
	if (code == 0)
		code = check_twice(reader, &entry, column);
	if (code < 0)
		return code;
	value = trim(str_from(equals + 1, (size_t)(line.ptr + line.len - equals - 1)));
	value_column = column + (size_t)(value.ptr - line.ptr);
	entry.value = arena_strdup(reader->arena, value);
	if (!entry.value)
		return no_memory(reader);
	if (value_read((enum option_id)entry.option, entry.value, &entry.number, reader->err) < 0) {
		err_wrap(reader->err, "%s", option_rows[entry.option].name);
		return at_place(reader, value_column);
	}
	return add_entry(reader, &entry);
}

static int read_line(struct reader *reader, struct str raw)
{
	int code = check_bytes(reader, raw);
	struct str line = trim(without_comment(raw));
	size_t column = (size_t)(line.ptr - raw.ptr);

	if (code < 0 || line.len == 0)
		return code;
	if (line.ptr[0] == '[')
		return read_section(reader, line, column);
	return read_setting(reader, line, column);
}

int config_parse(struct str text, const char *path, bool is_system, struct arena *arena,
	struct config *ret, struct err *err)
{
	struct reader reader = {.text = text,
		.path = path,
		.is_system = is_system,
		.arena = arena,
		.config = ret,
		.err = err};
	struct str line;
	int code = 0;

	*ret = (struct config){.path = path};
	while (code == 0 && next_line(&reader, &line))
		code = read_line(&reader, line);
	return code;
}

const struct config_entry *config_find(
	const struct config *config, enum option_id option, const char *profile)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct config_entry *entry = &config->entries[i];

		if (entry->option == option && !entry->is_ceiling &&
			same_profile(entry->profile, profile))
			return entry;
	}
	return NULL;
}

const struct config_entry *config_ceiling(const struct config *config, enum option_id option)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->entries[i].is_ceiling && config->entries[i].option == option)
			return &config->entries[i];
	return NULL;
}

bool config_has_profile(const struct config *config, const char *profile)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->entries[i].profile && strcmp(config->entries[i].profile, profile) == 0)
			return true;
	return false;
}
