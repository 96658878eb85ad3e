/* Making nodes, lists and interned names in the source's arena. No grammar here. */
#include "parser/internal.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEAST   ((size_t)2 << 10)
#define BLOCK_LARGEST ((size_t)64 << 10)

const struct ast_list parser_empty_list;
static const struct ast_names empty_names;

void *parser_alloc(struct parser *parser, size_t size)
{
	char *object;

	size = (size + 7) & ~(size_t)7;
	if ((size_t)(parser->block_end - parser->block) < size) {
		/* A tree takes some six times the source: little of the last block is unused. */
		size_t block = parser->source->text.len / 2 & ~(size_t)7;

		if (block < BLOCK_LEAST)
			block = BLOCK_LEAST;
		if (block > BLOCK_LARGEST)
			block = BLOCK_LARGEST;
		if (size > block / 4) { /* too long for a block: its own memory */
			object = arena_alloc(parser->arena, size);
			return object ? object : parser_fail_memory(parser);
		}
		parser->block = arena_alloc(parser->arena, block);
		if (!parser->block) {
			parser->block_end = NULL;
			return parser_fail_memory(parser);
		}
		parser->block_end = parser->block + block;
	}
	object = parser->block;
	parser->block += size;
	return object;
}

struct ast_node *node_new(struct parser *parser, enum ast_kind kind, uint32_t start, uint32_t end)
{
	struct ast_node *node = parser_alloc(
		parser, sizeof(*node) + ast_classes[kind].slot_count * sizeof(union ast_slot));

	if (!node)
		node = &parser->spare.node;
	parser->node_count++;
	node->start = start;
	node->end = end;
	node->kind = (uint8_t)kind;
	node->height = 1;
	return node;
}

static void raise_height(struct parser *parser, struct ast_node *node, uint16_t below)
{
	if (below < node->height)
		return;
	if (below >= AST_MAX_HEIGHT)
		parser_fail_limit(parser);
	else
		node->height = (uint16_t)(below + 1);
}

void node_set(
	struct parser *parser, struct ast_node *node, unsigned slot, const struct ast_node *child)
{
	node->slots[slot].node = child;
	if (child)
		raise_height(parser, node, child->height);
}

void node_set_list(
	struct parser *parser, struct ast_node *node, unsigned slot, const struct ast_list *list)
{
	node->slots[slot].list = list;
	raise_height(parser, node, list->height);
}

void scratch_push(struct parser *parser, const void *item)
{
	if (parser->scratch_count == parser->scratch_capacity) {
		size_t capacity = parser->scratch_capacity ? parser->scratch_capacity * 2 : 256;
		const void **bigger = reallocarray(parser->scratch, capacity, sizeof(*bigger));

		if (!bigger) {
			parser_fail_memory(parser);
			return;
		}
		parser->scratch = bigger;
		parser->scratch_capacity = capacity;
	}
	parser->scratch[parser->scratch_count++] = item;
}

struct ast_list *list_new(struct parser *parser, size_t count)
{
	struct ast_list *list;

	list = parser_alloc(parser, sizeof(*list) + count * sizeof(list->items[0]));
	if (!list)
		return NULL;
	list->count = (uint32_t)count;
	return list;
}

void list_set(struct ast_list *list, size_t index, const struct ast_node *item)
{
	list->items[index] = item;
	if (item && item->height > list->height)
		list->height = item->height;
}

const struct ast_list *list_of(struct parser *parser, const struct ast_node *item)
{
	struct ast_list *list = list_new(parser, 1);

	if (!list)
		return &parser_empty_list;
	list_set(list, 0, item);
	return list;
}

const struct ast_list *scratch_list(struct parser *parser, size_t mark)
{
	size_t count = parser->scratch_count - mark;
	struct ast_list *list;
	size_t i;

	parser->scratch_count = mark;
	if (count == 0)
		return &parser_empty_list;
	list = list_new(parser, count);
	if (!list)
		return &parser_empty_list;
	for (i = 0; i < count; i++)
		list_set(list, i, parser->scratch[mark + i]);
	return list;
}

const struct ast_names *scratch_names(struct parser *parser, size_t mark)
{
	size_t count = parser->scratch_count - mark;
	struct ast_names *names;
	size_t i;

	parser->scratch_count = mark;
	if (count == 0)
		return &empty_names;
	names = parser_alloc(parser, sizeof(*names) + count * sizeof(names->items[0]));
	if (!names)
		return &empty_names;
	names->count = (uint32_t)count;
	for (i = 0; i < count; i++)
		names->items[i] = parser->scratch[mark + i];
	return names;
}

static uint64_t hash_name(uint64_t seed, struct str text)
{
	uint64_t hash = seed ^ 0x9e3779b97f4a7c15u ^ text.len;
	size_t at = 0;

	do {
		uint64_t word = 0;
		size_t len = text.len - at < 8 ? text.len - at : 8;
		__uint128_t product;

		memcpy(&word, text.ptr + at, len);
		product = (__uint128_t)(hash ^ word) * (seed | 0xd6e8feb86659fd93u);
		hash = (uint64_t)product ^ (uint64_t)(product >> 64);
		at += len;
	} while (at < text.len);
	return hash;
}

static bool grow_names(struct parser *parser)
{
	struct ast_name_table *table = &parser->names;
	uint32_t capacity = table->capacity ? table->capacity * 2 : 128, i;
	struct ast_name **bigger =
		arena_block(parser->arena, NULL, capacity * sizeof(struct ast_name *));
	uint64_t at;

	if (!bigger) {
		parser_fail_memory(parser);
		return false;
	}
	memset(bigger, 0, capacity * sizeof(struct ast_name *));
	for (i = 0; i < table->capacity; i++) {
		if (!table->slots[i])
			continue;
		at = table->slots[i]->hash & (capacity - 1);
		while (bigger[at])
			at = (at + 1) & (capacity - 1);
		bigger[at] = table->slots[i];
	}
	arena_block_free(parser->arena, table->slots);
	table->slots = bigger;
	table->capacity = capacity;
	return true;
}

/* Where a name stands in the table, or would stand. */
static struct ast_name **name_place(
	const struct ast_name_table *table, struct str text, uint64_t hash)
{
	uint64_t at = hash & (table->capacity - 1);

	while (table->slots[at] &&
		(table->slots[at]->hash != hash || !str_eq(table->slots[at]->text, text)))
		at = (at + 1) & (table->capacity - 1);
	return &table->slots[at];
}

const struct str *ast_name_find(const struct ast_name_table *table, struct str text)
{
	struct ast_name *name =
		table->capacity ? *name_place(table, text, hash_name(table->seed, text)) : NULL;

	return name ? &name->text : NULL;
}

const struct str *name_intern(struct parser *parser, struct str text)
{
	static const struct ast_name none = {.text = STR_INIT("")};
	struct ast_name_table *table = &parser->names;
	uint64_t hash = hash_name(table->seed, text);
	struct ast_name **place, *name;

	if (table->count * 2 >= table->capacity && !grow_names(parser))
		return &none.text;
	place = name_place(table, text, hash);
	if (*place)
		return &(*place)->text;
	name = parser_alloc(parser, sizeof(*name));
	if (!name)
		return &none.text;
	*name = (struct ast_name){.text = text, .hash = hash, .number = table->count++};
	*place = name;
	return &name->text;
}

static void remember_changed(struct parser *parser, const struct token *token)
{
	struct parse_span *spans = parser->changed;

	/* A second reading of the same name, after a wrong guess, is not another name. */
	if (parser->changed_count && spans[parser->changed_count - 1].start >= token->start)
		return;
	if (parser->changed_count == parser->changed_capacity) {
		uint32_t capacity = parser->changed_capacity ? parser->changed_capacity * 2 : 64;

		spans = reallocarray(spans, capacity, sizeof(*spans));
		if (!spans) {
			parser_fail_memory(parser);
			return;
		}
		parser->changed = spans;
		parser->changed_capacity = capacity;
	}
	spans[parser->changed_count++] = (struct parse_span){token->start, token->end};
}

bool name_is_constant(struct str text)
{
	return str_is(text, "None") || str_is(text, "True") || str_is(text, "False");
}

const struct str *name_of(struct parser *parser, const struct token *token)
{
	struct str text = {parser->text + token->start, token->end - token->start};
	bool changed;

	if (token->flags & TOKEN_NON_ASCII) {
		text = lexer_name(parser->source, token, &changed);
		if (!text.len)
			parser_fail_memory(parser);
		else if (changed)
			remember_changed(parser, token);
		/* There ast.parse() raises ValueError. */
		if (parser->minor >= 14 && name_is_constant(text))
			parser_fail(parser, DIAG_SYNTAX, token->start, token->end,
				"identifier field can't represent '%s' constant",
				arena_strdup(parser->arena, text));
	}
	return name_intern(parser, text);
}

const struct str *name_read(struct parser *parser)
{
	const struct token *token = parser->token;

	if (!accept(parser, TOK_NAME))
		return parser_fail_here(parser);
	return name_of(parser, token);
}

void names_begin(struct parser *parser)
{
	parser->stamp++;
}

bool name_seen(struct parser *parser, const struct str *name)
{
	struct ast_name *entry = (struct ast_name *)(uintptr_t)name; /* text is its first member */
	bool seen = entry->stamp == parser->stamp;

	if (parser->no_memory) /* then it may be no entry */
		return false;
	entry->stamp = parser->stamp;
	return seen;
}

bool name_check_bind(struct parser *parser, const struct str *name, const struct token *token)
{
	if (parser->minor > 8 || !str_is(*name, "__debug__"))
		return true;
	parser_fail(parser, DIAG_SYNTAX, token->start, token->end, "cannot assign to __debug__");
	return false;
}

bool name_check_member(struct parser *parser, const struct str *name, uint32_t start, uint32_t end)
{
	if (parser->minor > 8 || (!name_is_constant(*name) && !str_is(*name, "__debug__")))
		return true;
	parser_fail(parser, DIAG_SYNTAX, start, end, "cannot assign to %.*s", STR_ARG(*name));
	return false;
}
