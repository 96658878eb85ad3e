/*
 * What can be said of the text itself: characters that hide or reorder, names that look like
 * others. Unicode's own lists: UAX #9 (bidirectional controls), UTS #39 (confusables; only the
 * Cyrillic and Greek letters that pass for Latin ones are kept here).
 */
#include "guard/screen.h"

#include "parser/walk.h"

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

/* The property Bidi_Control, but for the marks: embeddings, overrides and isolates. */
static bool reorders(uint32_t code)
{
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* LRM, RLM, ALM: at home in text that runs from right to left. */
static bool is_mark(uint32_t code)
{
	return code == 0x200e || code == 0x200f || code == 0x61c;
}

/* Letters that run from right to left: Hebrew, Arabic and their neighbours. */
static bool runs_left(uint32_t code)
{
	return (code >= 0x5d0 && code <= 0x8ff && code != 0x61c) ||
	       (code >= 0xfb1d && code <= 0xfefc) || (code >= 0x10800 && code <= 0x10fff);
}

static bool is_selector(uint32_t code)
{
	return (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xe0100 && code <= 0xe01ef);
}

/* Tags spell the flags of regions, after a black flag; elsewhere they hide text. */
static bool is_tag(uint32_t code)
{
	return code >= 0xe0000 && code <= 0xe007f;
}

/* Joiners and variation selectors belong to honest text and are left out. */
static bool is_invisible(uint32_t code)
{
	return code == 0x34f || code == 0x17b4 || code == 0x17b5 ||
	       (code >= 0xfff9 && code <= 0xfffb) || code == 0x200b ||
	       (code >= 0x2060 && code <= 0x2064) || code == 0xfeff || code == 0xad ||
	       code == 0x180e || code == 0x115f || code == 0x1160 || code == 0x3164 ||
	       code == 0xffa0 || (code >= 0x206a && code <= 0x206f);
}

/* What stands around a character, as far as it matters. */
struct surroundings {
	bool leftward;   /* its line has letters that run from right to left */
	bool in_flag;    /* it follows a black flag, with nothing but tags between */
	bool after_word; /* an ASCII letter or digit stands before it */
	uint32_t selectors;
};

static bool line_runs_left(struct str text, size_t at)
{
	size_t from = at;

	while (from && text.ptr[from - 1] != '\n' && at - from < 1024)
		from--;
	while (from && ((unsigned char)text.ptr[from] & 0xc0) == 0x80)
		from--;
	while (from < text.len && text.ptr[from] != '\n' && from < at + 1024) {
		struct character c = decode(text.ptr + from);

		if (runs_left(c.code))
			return true;
		from += c.len;
	}
	return false;
}

/* How many bytes of ASCII the text begins with. */
static size_t plain_bytes(struct str text)
{
	size_t at = 0;
	uint64_t word;

	for (; at + sizeof(word) <= text.len; at += sizeof(word)) {
		memcpy(&word, text.ptr + at, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	while (at < text.len && (unsigned char)text.ptr[at] < 0x80)
		at++;
	return at;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool hides(struct str text, size_t at, struct character c, const struct surroundings *around)
{
	if (is_tag(c.code))
		return !around->in_flag;
	if (is_selector(c.code))
		return around->selectors > 2;
	/* A joiner joins letters of scripts that join, and pictures. */
	if (c.code == 0x200c || c.code == 0x200d)
		return around->after_word && at + c.len < text.len && is_word(text.ptr[at + c.len]);
	return is_invisible(c.code) || (is_mark(c.code) && around->leftward);
}

static void scan(struct guard_sink *sink)
{
	struct str text = sink->source->text;
	struct surroundings around = {0};

	for (size_t i = 0; i < text.len;) {
		struct character c;

		if ((unsigned char)text.ptr[i] < 0x80) {
			i += plain_bytes(str_from(text.ptr + i, text.len - i));
			around = (struct surroundings){.after_word = is_word(text.ptr[i - 1])};
			continue;
		}
		c = decode(text.ptr + i);
		around.selectors = is_selector(c.code) ? around.selectors + 1 : 0;
		around.leftward = is_mark(c.code) && line_runs_left(text, i);
		if (reorders(c.code) || (is_mark(c.code) && !around.leftward))
			guard_find_at(sink, GUARD_RULE_BIDI, (uint32_t)i, (uint32_t)i + c.len,
				"U+%04X changes the order in which text is shown", c.code);
		else if (hides(text, i, c, &around))
			guard_find_at(sink, GUARD_RULE_INVISIBLE, (uint32_t)i, (uint32_t)i + c.len,
				"U+%04X cannot be seen", c.code);
		around.in_flag = c.code == 0x1f3f4 || (around.in_flag && is_tag(c.code));
		around.after_word = false;
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
	{0x578, 'n'}, {0x585, 'o'}, {0x566, 'q'}, {0x57d, 'u'}, {0x570, 'h'}, {0x4cf, 'l'},
	{0x4bb, 'h'}, {0x251, 'a'}, {0x261, 'g'}, {0x131, 'i'}, {0x3f2, 'c'}, {0x3f3, 'j'},
	{0x13a0, 'D'}, {0x13a1, 'R'}, {0x13a2, 'T'}, {0x13aa, 'A'}, {0x13ab, 'J'}, {0x13ac, 'E'},
	{0x13b3, 'W'}, {0x13b7, 'M'}, {0x13bb, 'H'}, {0x13c0, 'G'}, {0x13c3, 'Z'}, {0x13da, 'S'},
	{0x13de, 'L'}, {0x13df, 'C'}, {0x13e2, 'P'}, {0x13e6, 'K'}};

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

/*
 * Letters of other scripts that nobody tells from Latin ones. Most of Greek's small letters are
 * read as what they are, and science mixes them with Latin: they count in no mixture.
 */
static bool passes_for_latin(uint32_t code)
{
	bool greek = code >= 0x370 && code < 0x400;

	if (!latin_for(code) || code < 0x370)
		return false;
	return !greek || code == 0x3bf || code == 0x3f2 || code == 0x3f3 || code < 0x3aa;
}

/* A name that would pass for a builtin, or a word that mixes Latin letters with others like them.
 */
static void judge_name(struct guard_sink *sink, const struct ast_node *node, struct str name)
{
	char plain[64];
	size_t len = 0;
	bool latin = false, other = false, all = true, mixed = false;

	for (size_t i = 0; i < name.len;) {
		struct character c = decode(name.ptr + i);
		char as = c.code < 0x80 ? (char)c.code : latin_for(c.code);

		if (c.code < 0x80 && !is_latin(c.code))
			latin = other = false;
		latin |= is_latin(c.code);
		other |= passes_for_latin(c.code);
		mixed |= latin && other;
		all &= as != '\0';
		if (len < sizeof(plain))
			plain[len++] = as;
		i += c.len;
	}
	if (mixed || (all && known_builtin(str_from(plain, len)) != BUILTIN_NONE))
		guard_find(sink, GUARD_RULE_LOOKALIKE, node,
			"'%.*s' is made of letters that look like others", STR_ARG(name));
}

static bool has_high_byte(struct str text)
{
	return plain_bytes(text) < text.len;
}

static bool any_high_name(const struct ast_name_table *names)
{
	for (uint32_t i = 0; i < names->capacity; i++)
		if (names->slots[i] && has_high_byte(names->slots[i]->text))
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
	return any_high_name(&tree->names) ? judge_names(sink, module) : 0;
}

#define LITERAL_MAX ((size_t)64 << 10) /* bytes: more than the longest text that is read */
#define OPAQUE_MIN  ((size_t)4096)     /* of coded text, without a blank */
#define BINARY_MIN  ((size_t)2048)     /* of bytes, a third of them no text */

static bool is_coded(char c)
{
	return is_word(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

/* Sequences of nucleotides and amino acids, and digits: long without a blank, and honest. */
static bool is_sequence(char c)
{
	return c && strchr("ABCDEFGHIKLMNPQRSTVWXYZabcdefghiklmnpqrstvwxyz", c);
}

/* Whether a text has a stretch that is coded; lines of 60 and more are one stretch. */
static bool is_opaque_text(struct str text)
{
	size_t run = 0, line = 0, letters = 0, digits = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (is_coded(c)) {
			run++;
			line++;
			letters += is_sequence(c);
			digits += c >= '0' && c <= '9';
		} else if (c == '\n' && line >= 60) {
			line = 0;
		} else {
			run = line = letters = digits = 0;
		}
		if (run >= OPAQUE_MIN && letters < run && digits < run)
			return true;
	}
	return false;
}

static bool is_binary(struct str text, bool bytes)
{
	size_t odd = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		odd += c < 0x20 ? c != '\n' && c != '\t' && c != '\r' : c >= 0x7f && bytes;
	}
	return odd * 3 > text.len;
}

void screen_literal(struct screen *screen, const struct ast_node *node)
{
	bool bytes = ast_Constant_type(node) == AST_CONST_BYTES;
	struct str text;

	if (!bytes && !ast_is_str(node))
		return;
	text = ast_Constant_value(node);
	if (text.len > LITERAL_MAX)
		guard_find(
			screen->sink, GUARD_RULE_OPAQUE, node, "a literal of %zu bytes", text.len);
	else if (text.len >= BINARY_MIN && (is_opaque_text(text) || is_binary(text, bytes)))
		guard_find(screen->sink, GUARD_RULE_OPAQUE, node,
			"a literal of %zu bytes that nobody can read", text.len);
}
