/*
 * What a name is known for, whatever it stands for: most names of a program need no look at all,
 * and this is how they are told.
 */
#include "guard/screen.h"

static uint32_t describe_word(struct screen *screen, struct str name)
{
	struct known_word known = known_word(name);
	uint32_t flags = WORD_SEEN;

	if (known.level > BUILTIN_SAFE || str_is(name, "hasattr") || str_is(name, "type") ||
		(known.level != BUILTIN_NONE &&
			(screen->policy->level == GUARD_LEVEL_NONE || screen->policy->word_count)))
		flags |= WORD_RISKY;
	if (name.len && name.ptr[0] == '_')
		flags |= WORD_READ | WORD_RISKY;
	if (known.flags & (KNOWN_INNER | KNOWN_LENT | KNOWN_ROAD) || str_is(name, "obj") ||
		str_is(name, "format") || str_is(name, "format_map") || screen->policy->word_count)
		flags |= WORD_READ;
	if (known.flags & KNOWN_METHOD || str_starts(name, STR("to_")))
		flags |= WORD_METHOD;
	if (known.flags & KNOWN_COSTS)
		flags |= WORD_COSTS;
	if (known.flags & KNOWN_TEXT)
		flags |= WORD_TEXT;
	return flags;
}

uint32_t screen_word(struct screen *screen, const struct str *name)
{
	struct name_facts *facts = names_facts(&screen->names, name);

	if (!facts->flags)
		facts->flags = (uint16_t)describe_word(screen, *name);
	return facts->flags | (facts->speaks ? WORD_SPEAKS : 0);
}

bool screen_speaks(struct screen *screen, const struct ast_node *node)
{
	while (node->kind == AST_Attribute || node->kind == AST_Call)
		node = node->kind == AST_Call ? ast_Call_func(node) : ast_Attribute_value(node);
	return node->kind != AST_Name || screen->names.star_count ||
	       screen_word(screen, ast_Name_id(node)) & (WORD_SPEAKS | WORD_RISKY);
}
