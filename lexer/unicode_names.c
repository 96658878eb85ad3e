/*
 * Characters by name, for \N{...} in string literals.
 *
 * unicode_names.inc holds the words of all names once, and the names as references to words, in
 * buckets by the hash of the name. One entry: three bytes, little endian, with the code point in
 * the low 21 bits and above it the first Python that knows the name, counted from
 * NAME_OLDEST_MINOR; the number of words; then each word's number times two, plus one if a hyphen
 * stands before it instead of a space, in one byte below NAME_SHORT_REFS and in two from there on.
 * Looking up a name is thus a walk through about nine entries. Ideographs and Hangul syllables are
 * named by rule.
 */
#include <stddef.h>
#include <string.h>

#include "lexer/unicode.h"

struct cjk_range {
	uint32_t first;
	uint32_t last;
	uint8_t minor;
};

#include "lexer/unicode_names.inc"

#define COUNT(table)            (sizeof(table) / sizeof(*(table)))
#define CJK_PREFIX              STR("CJK UNIFIED IDEOGRAPH-")
#define HANGUL_PREFIX           STR("HANGUL SYLLABLE ")
#define HANGUL_FIRST            0xac00u
#define HANGUL_SYLLABLE_LONGEST 3

static uint32_t read_reference(const unsigned char **p)
{
	uint32_t first = *(*p)++;

	if (first < NAME_SHORT_REFS)
		return first;
	return NAME_SHORT_REFS + ((first - NAME_SHORT_REFS) << 8) + *(*p)++;
}

/* Whether the entry's words, at *p, spell name; *p is left behind them. */
static bool words_spell(const unsigned char **p, struct str name)
{
	uint32_t count = *(*p)++, i, reference, word;
	bool same = true;
	size_t len;

	for (i = 0; i < count; i++) {
		reference = read_reference(p);
		word = reference >> 1;
		len = word_starts[word + 1] - word_starts[word];
		if (i > 0) {
			same = same && name.len && *name.ptr == (reference & 1 ? '-' : ' ');
			name = same ? str_from(name.ptr + 1, name.len - 1) : name;
		}
		same = same && len <= name.len &&
		       memcmp(words + word_starts[word], name.ptr, len) == 0;
		name = same ? str_from(name.ptr + len, name.len - len) : name;
	}
	return same && name.len == 0;
}

static bool find_in_table(struct str name, uint8_t minor, uint32_t *ret_value)
{
	const unsigned char *p, *end;
	uint32_t hash = 0x811c9dc5, packed;
	size_t i;

	for (i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.ptr[i]) * 0x01000193; /* FNV-1a */
	hash %= NAME_BUCKETS;
	p = names + bucket_starts[hash];
	end = names + bucket_starts[hash + 1];
	while (p < end) {
		packed = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
		p += 3;
		if (words_spell(&p, name)) {
			*ret_value = packed & 0x1fffff;
			return NAME_OLDEST_MINOR + (packed >> 21) <= minor;
		}
	}
	return false;
}

/* Four or five upper-case hex digits of a character that has no other name. */
static bool find_ideograph(struct str digits, uint8_t minor, uint32_t *ret_value)
{
	uint32_t value = 0;
	size_t i;

	if (digits.len != 4 && digits.len != 5)
		return false;
	for (i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	for (i = 0; i < COUNT(cjk_ranges); i++) {
		if (value >= cjk_ranges[i].first && value <= cjk_ranges[i].last) {
			*ret_value = value;
			return cjk_ranges[i].minor <= minor;
		}
	}
	return false;
}

/* Takes the longest of the syllables off the front of text; its index, -1: none fits. */
static int take_syllable(
	struct str *text, const char (*table)[HANGUL_SYLLABLE_LONGEST + 1], size_t count)
{
	size_t i, len, best_len = 0;
	int best = -1;

	for (i = 0; i < count; i++) {
		len = strlen(table[i]);
		if ((best < 0 || len > best_len) && str_starts(*text, str_from(table[i], len))) {
			best = (int)i;
			best_len = len;
		}
	}
	*text = str_from(text->ptr + best_len, text->len - best_len);
	return best;
}

/* The short names of the parts (Jamo.txt), in the order of their arithmetic. */
static bool find_hangul(struct str text, uint32_t *ret_value)
{
	static const char leads[][HANGUL_SYLLABLE_LONGEST + 1] = {"G", "GG", "N", "D", "DD", "R",
		"M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T", "P", "H"};
	static const char vowels[][HANGUL_SYLLABLE_LONGEST + 1] = {"A", "AE", "YA", "YAE", "EO",
		"E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU",
		"YI", "I"};
	static const char tails[][HANGUL_SYLLABLE_LONGEST + 1] = {"", "G", "GG", "GS", "N", "NJ",
		"NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH", "M", "B", "BS", "S", "SS",
		"NG", "J", "C", "K", "T", "P", "H"};
	int lead = take_syllable(&text, leads, COUNT(leads));
	int vowel = take_syllable(&text, vowels, COUNT(vowels));
	int tail = take_syllable(&text, tails, COUNT(tails));

	if (lead < 0 || vowel < 0 || tail < 0 || text.len)
		return false;
	*ret_value = HANGUL_FIRST +
		     (uint32_t)((lead * (int)COUNT(vowels) + vowel) * (int)COUNT(tails) + tail);
	return true;
}

bool unicode_by_name(struct str name, uint8_t minor, uint32_t *ret_value)
{
	char upper[NAME_LONGEST];
	size_t i;

	/* CPython compares these two prefixes, and what follows them, with case. */
	if (str_starts(name, HANGUL_PREFIX) &&
		find_hangul(str_from(name.ptr + HANGUL_PREFIX.len, name.len - HANGUL_PREFIX.len),
			ret_value))
		return true;
	if (str_starts(name, CJK_PREFIX))
		return find_ideograph(
			str_from(name.ptr + CJK_PREFIX.len, name.len - CJK_PREFIX.len), minor,
			ret_value);
	if (name.len > sizeof(upper))
		return false;
	for (i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	return find_in_table(str_from(upper, name.len), minor, ret_value);
}
