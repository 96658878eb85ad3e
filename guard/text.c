/*
 * What can be said of the text itself: characters that hide or reorder, names that look like
 * others. Unicode's own lists: UAX #9 (bidirectional controls), UTS #39 (confusables; only the
 * Cyrillic and Greek letters that pass for Latin ones are kept here).
 */
#include "guard/screen.h"

struct character {
	uint32_t code;
	uint32_t len;
};

static struct character decode(const char *at)
{
	const unsigned char *s = (const unsigned char *)at;

	if (s[0] < 0x80)
		return (struct character){s[0], 1};
	if (s[0] < 0xe0)
		return (struct character){(s[0] & 0x1fu) << 6 | (s[1] & 0x3fu), 2};
	if (s[0] < 0xf0)
		return (struct character){
			(s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu), 3};
	return (struct character){
		(s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu), 4};
}

/* Embeddings, overrides and isolates. */
static bool reorders(uint32_t code)
{
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Joiners and variation selectors belong to honest text and are left out. */
static bool is_invisible(uint32_t code)
{
	return code == 0x200b || (code >= 0x2060 && code <= 0x2064) || code == 0xfeff ||
	       code == 0xad || code == 0x180e || code == 0x115f || code == 0x1160 ||
	       code == 0x3164 || code == 0xffa0 || (code >= 0x206a && code <= 0x206f);
}

static void scan(struct guard_sink *sink)
{
	struct str text = sink->source->text;

	for (size_t i = 0; i < text.len;) {
		struct character c;

		if ((unsigned char)text.ptr[i] < 0x80) {
			i++;
			continue;
		}
		c = decode(text.ptr + i);
		if (reorders(c.code))
			guard_find_at(sink, GUARD_RULE_BIDI, (uint32_t)i, (uint32_t)i + c.len,
				"U+%04X changes the order in which text is shown", c.code);
		else if (is_invisible(c.code))
			guard_find_at(sink, GUARD_RULE_INVISIBLE, (uint32_t)i, (uint32_t)i + c.len,
				"U+%04X cannot be seen", c.code);
		i += c.len;
	}
}

static const struct {
	uint16_t code;
	char latin;
} lookalikes[] = {{0x391, 'A'}, {0x392, 'B'}, {0x395, 'E'}, {0x396, 'Z'}, {0x397, 'H'},
	{0x399, 'I'}, {0x39a, 'K'}, {0x39c, 'M'}, {0x39d, 'N'}, {0x39f, 'O'}, {0x3a1, 'P'},
	{0x3a4, 'T'}, {0x3a5, 'Y'}, {0x3a7, 'X'}, {0x3b1, 'a'}, {0x3b9, 'i'}, {0x3bd, 'v'},
	{0x3bf, 'o'}, {0x3c1, 'p'}, {0x3c5, 'u'}, {0x405, 'S'}, {0x406, 'I'}, {0x408, 'J'},
	{0x410, 'A'}, {0x412, 'B'}, {0x415, 'E'}, {0x41a, 'K'}, {0x41c, 'M'}, {0x41d, 'H'},
	{0x41e, 'O'}, {0x420, 'P'}, {0x421, 'C'}, {0x422, 'T'}, {0x425, 'X'}, {0x430, 'a'},
	{0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'}, {0x445, 'x'},
	{0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'},
	{0x578, 'n'}, {0x585, 'o'}, {0x566, 'q'}};

static char latin_for(uint32_t code)
{
	for (size_t i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++)
		if (lookalikes[i].code == code)
			return lookalikes[i].latin;
	return '\0';
}

static bool is_latin(uint32_t code)
{
	return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

/* A name that would pass for a builtin, or that mixes Latin with Cyrillic letters alike to it. */
static void judge_name(struct guard_sink *sink, const struct ast_node *node, struct str name)
{
	char plain[64];
	size_t len = 0;
	bool latin = false, cyrillic = false, all = true;

	for (size_t i = 0; i < name.len;) {
		struct character c = decode(name.ptr + i);
		char as = c.code < 0x80 ? (char)c.code : latin_for(c.code);

		latin |= is_latin(c.code);
		cyrillic |= c.code >= 0x400 && c.code < 0x530 && as;
		all &= as != '\0';
		if (len < sizeof(plain))
			plain[len++] = as;
		i += c.len;
	}
	if ((latin && cyrillic) || (all && known_builtin(str_from(plain, len)) != BUILTIN_NONE))
		guard_find(sink, GUARD_RULE_LOOKALIKE, node,
			"'%.*s' is made of letters that look like others", STR_ARG(name));
}

static bool has_high_byte(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
	return false;
}

static int judge_names(struct guard_sink *sink, const struct ast_node *module)
{
	cleanup_ast_walk struct ast_walk walk;
	enum ast_walk_event event;

	if (ast_walk_init(&walk, module) < 0)
		return -1;
	while ((event = ast_walk_next(&walk)) != AST_WALK_END) {
		const struct ast_class *class = &ast_classes[walk.node->kind];

		if (event != AST_WALK_ENTER)
			continue;
		for (uint8_t i = 0; i < class->field_count; i++) {
			const struct ast_field *field = &class->fields[i];
			const struct str *name = NULL;

			if (field->type == AST_FIELD_NAME || field->type == AST_FIELD_NAMEOPT)
				name = walk.node->slots[field->slot].name;
			if (name && has_high_byte(*name) && walk.node->kind != AST_Interpolation)
				judge_name(sink, walk.node, *name);
		}
	}
	return 0;
}

int screen_text(struct guard_sink *sink, const struct ast_node *module)
{
	const struct parse_result *tree = sink->tree;

	if (!has_high_byte(sink->source->text))
		return 0;
	scan(sink);
	for (uint32_t i = 0; i < tree->changed_count; i++)
		guard_find_at(sink, GUARD_RULE_NOT_NFKC, tree->changed_names[i].start,
			tree->changed_names[i].end, "this name is read as other characters");
	return judge_names(sink, module);
}
