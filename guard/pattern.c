/*
 * Regular expressions whose matching may take time without end: a group that is repeated and is
 * itself nothing but a repetition, `(a+)+`, or a choice between the same things, `(x|x)*`.
 *
 * Only what is plain: with anything between the repetitions, as in `(\d+,)*`, a pattern is fine.
 */
#include "guard/screen.h"

#define GROUPS_MAX 32

/* The length of the atom at the start of a pattern: a character, an escape, a class. */
static size_t atom_length(struct str text)
{
	size_t i = 1;

	if (!text.len)
		return 0;
	if (text.ptr[0] == '\\')
		return text.len > 1 ? 2 : 1;
	if (text.ptr[0] != '[')
		return 1;
	if (i < text.len && text.ptr[i] == '^')
		i++;
	if (i < text.len && text.ptr[i] == ']')
		i++;
	for (; i < text.len && text.ptr[i] != ']'; i++)
		i += text.ptr[i] == '\\' ? 1 : 0;
	return i < text.len ? i + 1 : text.len;
}

/* `+`, `*`, `{n,}`: its length; 0: nothing without end stands here. */
static size_t repetition_length(struct str text)
{
	size_t i = 1;

	if (!text.len)
		return 0;
	if (text.ptr[0] == '+' || text.ptr[0] == '*')
		return text.len > 1 && text.ptr[1] == '?' ? 2 : 1;
	if (text.ptr[0] != '{')
		return 0;
	while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
		i++;
	return i + 1 < text.len && text.ptr[i] == ',' && text.ptr[i + 1] == '}' ? i + 2 : 0;
}

static struct str after(struct str text, size_t count)
{
	count = count > text.len ? text.len : count;
	return str_from(text.ptr + count, text.len - count);
}

/* One atom and a repetition, and nothing else. */
static bool only_repeats(struct str inner)
{
	size_t atom = atom_length(inner), repetition;

	if (!atom || strchr("(|)^$", inner.ptr[0]))
		return false;
	repetition = repetition_length(after(inner, atom));
	return repetition && atom + repetition == inner.len;
}

/* Two of the choices are the same, as far as they hold no groups. */
static bool has_twins(struct str inner)
{
	struct str choices[8];
	size_t count = 0, start = 0;

	for (size_t i = 0; i <= inner.len; i++) {
		if (i < inner.len && (inner.ptr[i] == '(' || inner.ptr[i] == '['))
			return false;
		if (i < inner.len && inner.ptr[i] == '\\') {
			i++;
			continue;
		}
		if (i < inner.len && inner.ptr[i] != '|')
			continue;
		if (count == 8)
			return false;
		choices[count] = str_from(inner.ptr + start, i - start);
		for (size_t k = 0; k < count; k++)
			if (choices[count].len && str_eq(choices[k], choices[count]))
				return true;
		count++;
		start = i + 1;
	}
	return false;
}

bool screen_repeats_nested(struct str text)
{
	size_t starts[GROUPS_MAX], depth = 0;

	for (size_t i = 0; i < text.len;) {
		struct str rest = after(text, i);
		struct str inner;

		if (text.ptr[i] == '(') {
			size_t skip = str_starts(rest, STR("(?:")) ? 3 : 1;

			if (depth == GROUPS_MAX)
				return false;
			if (str_starts(rest, STR("(?P<"))) {
				const char *end = memchr(rest.ptr, '>', rest.len);

				skip = end ? (size_t)(end - rest.ptr) + 1 : 1;
			}
			starts[depth++] = i + skip;
			i += skip;
			continue;
		}
		if (text.ptr[i] != ')' || !depth) {
			i += atom_length(rest);
			continue;
		}
		depth--;
		inner = str_from(text.ptr + starts[depth], i - starts[depth]);
		i++;
		if (repetition_length(after(text, i)) && (only_repeats(inner) || has_twins(inner)))
			return true;
	}
	return false;
}
