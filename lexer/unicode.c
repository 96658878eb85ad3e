/*
 * lexer/unicode.h: identifiers and normalisation, over the generated tables.
 *
 * A character that is newer than the target's Unicode is no identifier there, so normalisation may
 * use the newest tables: the forms of assigned characters never change (Unicode's stability
 * policy).
 */
#include "lexer/unicode.h"

#include <stddef.h>
#include <string.h>

#include "lexer/utf8.h"

struct value_range {
	uint32_t first;
	uint32_t last;
	uint8_t value;
};

struct decomposition {
	uint32_t c;
	uint16_t start; /* in decomposed[] */
	uint8_t len;
};

struct composition {
	uint32_t first;
	uint32_t second;
	uint32_t composed;
};

#include "lexer/unicode_tables.inc"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define XID_CONTINUE 2
#define XID_START    3

/* Hangul by arithmetic: The Unicode Standard, section 3.12. */
#define HANGUL_FIRST 0xac00u
#define HANGUL_COUNT 11172u
#define LEAD_FIRST   0x1100u
#define LEAD_COUNT   19u
#define VOWEL_FIRST  0x1161u
#define VOWEL_COUNT  21u
#define TAIL_BASE    0x11a7u /* one before the first tail: tail 0 means none */
#define TAIL_COUNT   28u

/* The value of c in a sorted table of ranges, 0 where it has none. */
static uint8_t lookup(const struct value_range *table, size_t count, uint32_t c)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (c > table[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && c >= table[low].first ? table[low].value : 0;
}

static bool is_known_identifier(uint32_t c, uint8_t minor)
{
	return lookup(xid_since, COUNT(xid_since), c) <= minor;
}

bool unicode_is_xid_start(uint32_t c, uint8_t minor)
{
	return lookup(xid_ranges, COUNT(xid_ranges), c) == XID_START &&
	       is_known_identifier(c, minor);
}

bool unicode_is_xid_continue(uint32_t c, uint8_t minor)
{
	return lookup(xid_ranges, COUNT(xid_ranges), c) >= XID_CONTINUE &&
	       is_known_identifier(c, minor);
}

bool unicode_is_printable(uint32_t c)
{
	return lookup(printable_ranges, COUNT(printable_ranges), c) != 0;
}

static uint8_t combining_class(uint32_t c)
{
	return lookup(ccc_ranges, COUNT(ccc_ranges), c);
}

static const struct decomposition *find_decomposition(uint32_t c)
{
	size_t low = 0, high = COUNT(decompositions), middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (c > decompositions[middle].c)
			low = middle + 1;
		else
			high = middle;
	}
	return low < COUNT(decompositions) && decompositions[low].c == c ? &decompositions[low]
									 : NULL;
}

/* One character of the text under normalisation. */
struct unit {
	uint32_t c;
	uint8_t ccc;
};

/* Appends the full decomposition of c to out (NULL: only counts); the number of characters. */
static size_t decompose(uint32_t c, struct unit *out)
{
	const struct decomposition *found;
	uint32_t index = c - HANGUL_FIRST, parts[3];
	const uint32_t *to = parts;
	size_t len = 1, i;

	parts[0] = c;
	if (index < HANGUL_COUNT) {
		parts[0] = LEAD_FIRST + index / (VOWEL_COUNT * TAIL_COUNT);
		parts[1] = VOWEL_FIRST + index / TAIL_COUNT % VOWEL_COUNT;
		parts[2] = TAIL_BASE + index % TAIL_COUNT;
		len = parts[2] == TAIL_BASE ? 2 : 3;
	} else if (c >= 0x80 && (found = find_decomposition(c))) {
		to = decomposed + found->start;
		len = found->len;
	}
	for (i = 0; out && i < len; i++)
		out[i] = (struct unit){to[i], to[i] < 0x80 ? 0 : combining_class(to[i])};
	return len;
}

/* The character that two make, 0 if they make none. */
static uint32_t compose(uint32_t first, uint32_t second)
{
	size_t low = 0, high = COUNT(compositions), middle;
	const struct composition *at;

	if (first - LEAD_FIRST < LEAD_COUNT && second - VOWEL_FIRST < VOWEL_COUNT)
		return HANGUL_FIRST +
		       ((first - LEAD_FIRST) * VOWEL_COUNT + second - VOWEL_FIRST) * TAIL_COUNT;
	if (first - HANGUL_FIRST < HANGUL_COUNT && (first - HANGUL_FIRST) % TAIL_COUNT == 0 &&
		second - TAIL_BASE - 1 < TAIL_COUNT - 1)
		return first + second - TAIL_BASE;
	while (low < high) {
		middle = low + (high - low) / 2;
		at = &compositions[middle];
		if (first > at->first || (first == at->first && second > at->second))
			low = middle + 1;
		else
			high = middle;
	}
	at = &compositions[low];
	return low < COUNT(compositions) && at->first == first && at->second == second
		       ? at->composed
		       : 0;
}

/*
 * Canonical ordering of one run of combining characters: a counting sort by class, because it is
 * stable and stays linear for the run of a million marks that an attacker would send.
 */
static void order_run(struct unit *run, size_t len, struct unit *spare)
{
	size_t starts[257] = {0}, i;

	for (i = 0; i < len; i++)
		starts[run[i].ccc + 1]++;
	for (i = 1; i < COUNT(starts); i++)
		starts[i] += starts[i - 1];
	for (i = 0; i < len; i++)
		spare[starts[run[i].ccc]++] = run[i];
	memcpy(run, spare, len * sizeof(*run));
}

static void order(struct unit *units, size_t len, struct unit *spare)
{
	size_t start, end;
	bool sorted;

	for (start = 0; start < len; start = end + 1) {
		sorted = true;
		for (end = start; end < len && units[end].ccc; end++)
			sorted &= end == start || units[end - 1].ccc <= units[end].ccc;
		if (!sorted)
			order_run(units + start, end - start, spare);
	}
}

/* Canonical composition in place (The Unicode Standard, section 3.11); the new length. */
static size_t compose_all(struct unit *units, size_t len)
{
	size_t starter = SIZE_MAX, out = 0, i;
	uint32_t composed;
	bool blocked;

	for (i = 0; i < len; i++) {
		/* Blocked: something between it and the starter has no lower class. */
		blocked = starter == SIZE_MAX ||
			  (out - 1 != starter && units[out - 1].ccc >= units[i].ccc);
		composed = blocked ? 0 : compose(units[starter].c, units[i].c);
		if (composed) {
			units[starter].c = composed;
			continue;
		}
		if (units[i].ccc == 0)
			starter = out;
		units[out++] = units[i];
	}
	return out;
}

/* The characters of text, decomposed; NULL without memory. */
static struct unit *decompose_all(struct str text, struct arena *arena, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;
	struct unit *units;
	size_t count = 0, len;

	for (; p < end; p += len)
		count += decompose(utf8_decode(p, &len), NULL);
	units = arena_array(arena, count, 2 * sizeof(*units)); /* the second half is for sorting */
	*ret_len = count;
	count = 0;
	for (p = (const unsigned char *)text.ptr; units && p < end; p += len)
		count += decompose(utf8_decode(p, &len), units + count);
	return units;
}

struct str unicode_nfkc(struct str text, struct arena *arena)
{
	size_t len, i, used = 0;
	struct unit *units = decompose_all(text, arena, &len);
	char *out;

	if (!units)
		return (struct str){0};
	order(units, len, units + len);
	len = compose_all(units, len);
	out = arena_array(arena, len, 4);
	if (!out)
		return (struct str){0};
	for (i = 0; i < len; i++)
		used += utf8_encode(units[i].c, out + used);
	return str_eq(text, str_from(out, used)) ? text : str_from(out, used);
}
