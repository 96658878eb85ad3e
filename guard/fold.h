/*
 * Inside constant folding: steps from text to text. Results live in the screen's arena; what cannot
 * be worked out, or would be larger than the limits, is FOLD_NONE.
 */
#ifndef PYSBX_GUARD_FOLD_H
#define PYSBX_GUARD_FOLD_H

#include "guard/screen.h"

#define FOLD_TEXT_MAX 4096 /* bytes */
#define FOLD_LIST_MAX 512  /* items */

#define NOTHING       ((struct fold){.kind = FOLD_NONE})

/* The variable of a comprehension being unrolled. */
struct env {
	const struct str *name;
	struct fold value;
};

struct folder {
	struct screen *screen;
	uint32_t scope;
	const struct env *env;
	unsigned depth;
};

struct fold fold_node(const struct folder *folder, const struct ast_node *node);

/* The folder for what stands inside a node: one level less is left. */
static inline struct folder fold_below(const struct folder *folder)
{
	struct folder next = *folder;

	next.depth--;
	return next;
}

/* fold_method.c: a call of an attribute. */
struct fold fold_method(const struct folder *folder, const struct ast_node *call);

/* between.join(list); a text is a list of its letters. */
struct fold fold_join(const struct folder *folder, struct str between, struct fold list);
/* format(value, spec), of numbers too. */
struct fold fold_formatted(const struct folder *folder, struct fold value, struct fold spec);

/* fold_path.c: what paths are made of; NOTHING where node makes none. */
struct fold fold_path(const struct folder *folder, const struct ast_node *node);

static inline struct fold fold_text_of(enum fold_kind kind, struct str text)
{
	return (struct fold){.kind = kind, .text = text};
}

/* Memory for len bytes of text; NULL where that is too much or there is none. */
char *fold_room(struct screen *screen, size_t len);
/* UTF-8 of a code point into out[4]; its length, 0: no such code point. */
size_t fold_encode(int64_t code, char *out);
struct fold fold_concat(struct screen *screen, struct fold a, struct fold b);
struct fold fold_unhex(struct screen *screen, struct str hex);
/* base64 (bits_each 6) or base32 (5); what is no digit is passed over. */
struct fold fold_unbase(struct screen *screen, struct str coded, int bits_each);
struct fold fold_rot13(struct screen *screen, struct str plain);
/* how: 'l' lower, 'u' upper, 't' title, 'c' capitalize, 's' swapcase. */
struct fold fold_changed_case(struct screen *screen, struct fold value, char how);
/* side: 's' both, 'l', 'r'. */
struct fold fold_stripped(struct fold value, struct fold set, char side);
struct fold fold_replaced(
	struct screen *screen, struct fold value, struct fold old, struct fold by);
/* align: '<', '>', '^' as format() does, 'c' as str.center(). */
struct fold fold_aligned(
	struct screen *screen, struct fold value, int64_t width, char fill, char align);
/* format(value, spec) of text. */
struct fold fold_specified(struct screen *screen, struct fold value, struct str spec);
struct fold fold_split(struct screen *screen, struct fold value, struct fold by);

#endif
