/*
 * Policy files (pysbx-policy(5)): lines of words into a policy.
 *
 *	extends standard|strict|permissive
 *	allow|deny import|name|call|attribute WORD
 *	rule PSXnnn error|warn|off
 *
 * Nothing is guessed: a word that is not known, or a thing said twice, is an error, and without
 * `extends` nothing at all is open. So taking out an `allow`, a `warn` or an `off` never opens
 * anything.
 */
#include <stdio.h>

#include "guard/policy.h"
#include "guard/screen.h"

#define WORDS_MAX  4096
#define LINE_WORDS 4

/* Where each thing was said first. */
struct said {
	uint32_t line;
	uint32_t column;
};

struct reader {
	struct arena *arena;
	struct guard_policy *policy;
	struct guard_word *words;
	struct said *word_places;
	uint8_t *severities;
	struct said rules[GUARD_RULE_COUNT];
	struct said extends;
	struct guard_policy_error *error;
	uint32_t line;
	struct str text; /* of the line */
	struct str parts[LINE_WORDS + 1];
	uint32_t count;
};

static int fail(struct reader *reader, struct str at, const struct said *before, const char *what)
{
	*reader->error = (struct guard_policy_error){
		.line = reader->line,
		.column = (uint32_t)(at.ptr - reader->text.ptr) + 1,
		.previous_line = before ? before->line : 0,
		.previous_column = before ? before->column : 0,
		.text = arena_printf(reader->arena, "%s '%.*s'", what, STR_ARG(at)),
	};
	if (!reader->error->text)
		reader->error->text = "no memory";
	return -1;
}

static struct said here(const struct reader *reader, struct str at)
{
	return (struct said){reader->line, (uint32_t)(at.ptr - reader->text.ptr) + 1};
}

static void split(struct reader *reader)
{
	struct str rest = reader->text;

	reader->count = 0;
	while (reader->count <= LINE_WORDS) {
		size_t len = 0;

		while (rest.len && (*rest.ptr == ' ' || *rest.ptr == '\t' || *rest.ptr == '\r'))
			rest = str_from(rest.ptr + 1, rest.len - 1);
		if (!rest.len || *rest.ptr == '#')
			return;
		while (len < rest.len && !strchr(" \t\r", rest.ptr[len]))
			len++;
		reader->parts[reader->count++] = str_from(rest.ptr, len);
		rest = str_from(rest.ptr + len, rest.len - len);
	}
}

static int read_extends(struct reader *reader)
{
	static const struct guard_policy *const bases[] = {
		&guard_policy_standard, &guard_policy_strict, &guard_policy_permissive};

	if (reader->extends.line)
		return fail(reader, reader->parts[0], &reader->extends, "a second");
	if (reader->count != 2)
		return fail(reader, reader->parts[0], NULL, "one policy must follow");
	reader->extends = here(reader, reader->parts[0]);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (!str_is(reader->parts[1], bases[i]->name))
			continue;
		reader->policy->level = bases[i]->level;
		for (int rule = 0; rule < GUARD_RULE_COUNT; rule++)
			if (!reader->rules[rule].line)
				reader->severities[rule] = bases[i]->severities[rule];
		return 0;
	}
	return fail(reader, reader->parts[1], NULL, "unknown policy");
}

static int read_word(struct reader *reader)
{
	static const char *const kinds[] = {"import", "name", "call", "attribute"};
	struct guard_word word = {.allow = str_is(reader->parts[0], "allow")};
	size_t kind = 0;

	if (reader->count != 3)
		return fail(reader, reader->parts[0], NULL, "a kind and a name must follow");
	while (kind < 4 && !str_is(reader->parts[1], kinds[kind]))
		kind++;
	if (kind == 4)
		return fail(reader, reader->parts[1], NULL, "unknown kind");
	word.kind = (enum guard_word_kind)kind;
	word.name = reader->parts[2];
	for (uint32_t i = 0; i < reader->policy->word_count; i++)
		if (reader->words[i].kind == word.kind && str_eq(reader->words[i].name, word.name))
			return fail(
				reader, reader->parts[2], &reader->word_places[i], "said before:");
	if (reader->policy->word_count == WORDS_MAX)
		return fail(reader, reader->parts[0], NULL, "too many lines with");
	reader->words[reader->policy->word_count] = word;
	reader->word_places[reader->policy->word_count++] = here(reader, reader->parts[2]);
	return 0;
}

static int read_rule(struct reader *reader)
{
	static const char *const severities[] = {"off", "warn", "error"};
	int rule = 0, severity = 0;

	if (reader->count != 3)
		return fail(reader, reader->parts[0], NULL, "an id and a severity must follow");
	while (rule < GUARD_RULE_COUNT && !str_is(reader->parts[1], guard_rules[rule].id))
		rule++;
	if (rule == GUARD_RULE_COUNT)
		return fail(reader, reader->parts[1], NULL, "unknown rule");
	while (severity < 3 && !str_is(reader->parts[2], severities[severity]))
		severity++;
	if (severity == 3)
		return fail(reader, reader->parts[2], NULL, "unknown severity");
	if (reader->rules[rule].line)
		return fail(reader, reader->parts[1], &reader->rules[rule], "said before:");
	if ((rule == GUARD_RULE_SYNTAX || rule == GUARD_RULE_COMPILE ||
		    rule == GUARD_RULE_UNREADABLE) &&
		severity != 2)
		return fail(reader, reader->parts[2], NULL, "this rule is always an error, not");
	reader->rules[rule] = here(reader, reader->parts[1]);
	reader->severities[rule] = (uint8_t)severity;
	return 0;
}

static int read_line(struct reader *reader)
{
	split(reader);
	if (!reader->count)
		return 0;
	if (str_is(reader->parts[0], "extends"))
		return read_extends(reader);
	if (str_is(reader->parts[0], "allow") || str_is(reader->parts[0], "deny"))
		return read_word(reader);
	if (str_is(reader->parts[0], "rule"))
		return read_rule(reader);
	return fail(reader, reader->parts[0], NULL, "unknown word");
}

const struct guard_policy *guard_policy_read(struct str bytes, struct str name, struct arena *arena,
	struct guard_policy_error *ret_error)
{
	struct reader reader = {.arena = arena,
		.policy = arena_new_object(arena, struct guard_policy),
		.words = arena_array(arena, WORDS_MAX, sizeof(struct guard_word)),
		.word_places = arena_array(arena, WORDS_MAX, sizeof(struct said)),
		.severities = arena_array(arena, GUARD_RULE_COUNT, 1),
		.error = ret_error};
	char *own = arena_strdup(arena, bytes);

	*ret_error = (struct guard_policy_error){.text = "no memory"};
	if (!reader.policy || !reader.words || !reader.word_places || !reader.severities || !own)
		return NULL;
	memset(reader.severities, GUARD_SEVERITY_ERROR, GUARD_RULE_COUNT);
	*reader.policy = (struct guard_policy){.name = arena_strdup(arena, name),
		.level = GUARD_LEVEL_NONE,
		.severities = reader.severities,
		.words = reader.words,
		.judge = screen_judge};
	if (!reader.policy->name)
		return NULL;
	for (size_t at = 0; at < bytes.len;) {
		const char *end = memchr(own + at, '\n', bytes.len - at);
		size_t len = end ? (size_t)(end - own) - at : bytes.len - at;

		reader.line++;
		reader.text = str_from(own + at, len);
		if (memchr(own + at, '\0', len)) {
			fail(&reader, str_from(own + at, 0), NULL, "a NUL in the line");
			return NULL;
		}
		if (read_line(&reader) < 0)
			return NULL;
		at += len + 1;
	}
	return reader.policy;
}
