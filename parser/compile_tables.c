/* The stack of steps, the tables and the memory of compile_internal.h. Knows no rule of Python. */
#include "parser/compile_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX 512

static void no_memory(struct compile_check *check)
{
	check->no_memory = true;
	check->stopped = true;
}

void *compile_alloc(struct compile_check *check, size_t size)
{
	void *memory = arena_alloc(check->arena, size);

	if (!memory)
		no_memory(check);
	return memory;
}

void compile_fail(struct compile_check *check, uint32_t offset, const char *format, ...)
{
	struct position position = source_position(check->source, offset);
	char text[MESSAGE_MAX];
	va_list args;

	if (check->stopped)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->stopped = true;
	check->error = (struct compile_error){
		.message = arena_strdup(check->arena, str_of(text)),
		.line = position.line,
		.column = position.column,
	};
	if (!check->error.message)
		no_memory(check);
}

static bool grow_steps(struct compile_check *check)
{
	uint32_t capacity = check->step_capacity ? check->step_capacity * 2 : 256;
	struct compile_step *grown = arena_array(check->arena, capacity, sizeof(*grown));

	if (!grown) {
		no_memory(check);
		return false;
	}
	if (check->step_count)
		memcpy(grown, check->steps, check->step_count * sizeof(*grown));
	check->steps = grown;
	check->step_capacity = capacity;
	return true;
}

void compile_push(struct compile_check *check, unsigned kind, const void *object, uint32_t number)
{
	if (check->step_count == check->step_capacity && !grow_steps(check))
		return;
	check->steps[check->step_count++] = (struct compile_step){object, number, (uint8_t)kind};
}

void compile_push_node(struct compile_check *check, const struct ast_node *node)
{
	if (node)
		compile_push(check, STEP_NODE, node, 0);
}

void compile_push_list(struct compile_check *check, const struct ast_list *list)
{
	if (list->count)
		compile_push(check, STEP_LIST, list, 0);
}

void compile_push_children(struct compile_check *check, const struct ast_node *node)
{
	const struct ast_class *class = &ast_classes[node->kind];
	unsigned i;

	for (i = 0; i < class->field_count; i++) {
		const struct ast_field *field = &class->fields[i];

		if (field->type == AST_FIELD_LIST)
			compile_push_list(check, node->slots[field->slot].list);
		else if (field->type <= AST_FIELD_OPT)
			compile_push_node(check, node->slots[field->slot].node);
	}
}

/* One item of a list, and the rest of it for later. */
static void feed_list(struct compile_check *check, struct compile_step step)
{
	const struct ast_list *list = step.object;

	while (step.number < list->count && !list->items[step.number])
		step.number++;
	if (step.number == list->count)
		return;
	if (step.number + 1 < list->count)
		compile_push(check, STEP_LIST, list, step.number + 1);
	compile_push(check, STEP_NODE, list->items[step.number], 0);
}

static void turn_round(struct compile_step *first, struct compile_step *last)
{
	while (first < last) {
		struct compile_step step = *first;

		*first++ = *last;
		*last-- = step;
	}
}

void compile_run(struct compile_check *check, compile_handler handle, void *context)
{
	while (check->step_count && !check->stopped) {
		struct compile_step step = check->steps[--check->step_count];
		uint32_t mark = check->step_count;

		if (step.kind == STEP_LIST) {
			feed_list(check, step);
			continue;
		}
		handle(context, step);
		if (check->step_count > mark)
			turn_round(check->steps + mark, check->steps + check->step_count - 1);
	}
	check->step_count = 0;
}

/* The author of a source must not be able to aim at collisions: the seed is of this run. */
static uint64_t mix(const struct compile_check *check, uint64_t hash, uint64_t word)
{
	__uint128_t product = (__uint128_t)(hash ^ word) * (check->seed | 0xd6e8feb86659fd93u);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_text(const struct compile_check *check, struct str text)
{
	uint64_t hash = check->seed ^ 0x9e3779b97f4a7c15u ^ text.len, word;
	size_t at, left;

	for (at = 0; at < text.len; at += sizeof(word)) {
		left = text.len - at;
		word = 0;
		memcpy(&word, text.ptr + at, left < sizeof(word) ? left : sizeof(word));
		hash = mix(check, hash, word);
	}
	return mix(check, hash, text.len);
}

static bool grow_names(struct compile_check *check)
{
	uint32_t capacity = check->name_capacity ? check->name_capacity * 2 : 256, i;
	struct compile_name **grown = arena_array(check->arena, capacity, sizeof(*grown));
	uint64_t at;

	if (!grown) {
		no_memory(check);
		return false;
	}
	for (i = 0; i < check->name_capacity; i++) {
		if (!check->names[i])
			continue;
		at = check->names[i]->hash & (capacity - 1);
		while (grown[at])
			at = (at + 1) & (capacity - 1);
		grown[at] = check->names[i];
	}
	check->names = grown;
	check->name_capacity = capacity;
	return true;
}

struct compile_name *compile_name(struct compile_check *check, struct str text)
{
	uint64_t hash = hash_text(check, text), at;
	struct compile_name *name;

	if (check->name_count * 2 >= check->name_capacity && !grow_names(check))
		return NULL;
	at = hash & (check->name_capacity - 1);
	for (; (name = check->names[at]) != NULL; at = (at + 1) & (check->name_capacity - 1)) {
		if (name->hash == hash && str_eq(name->text, text))
			return name;
	}
	name = compile_alloc(check, sizeof(*name));
	if (!name)
		return NULL;
	*name = (struct compile_name){.text = text, .hash = hash, .id = check->next_id++};
	check->names[at] = name;
	check->name_count++;
	return name;
}

static struct compile_slot *find_slot(const struct compile_check *check, struct compile_slot *slots,
	uint32_t capacity, uint64_t key)
{
	uint64_t at = mix(check, check->seed, key) & (capacity - 1);

	while (slots[at].key && slots[at].key != key)
		at = (at + 1) & (capacity - 1);
	return &slots[at];
}

static bool grow_slots(struct compile_check *check)
{
	uint32_t capacity = check->slot_capacity ? check->slot_capacity * 2 : 256, i;
	struct compile_slot *grown = arena_array(check->arena, capacity, sizeof(*grown));

	if (!grown) {
		no_memory(check);
		return false;
	}
	for (i = 0; i < check->slot_capacity; i++)
		if (check->slots[i].key)
			*find_slot(check, grown, capacity, check->slots[i].key) = check->slots[i];
	check->slots = grown;
	check->slot_capacity = capacity;
	return true;
}

static void **slot_value(struct compile_check *check, uint64_t key)
{
	struct compile_slot *slot;

	if (check->slot_count * 2 >= check->slot_capacity && !grow_slots(check))
		return NULL;
	slot = find_slot(check, check->slots, check->slot_capacity, key);
	if (!slot->key) {
		slot->key = key;
		check->slot_count++;
	}
	return &slot->value;
}

/* Ids begin at 1, and an id is far below 2^31: no pair is 0, and none is an address. */
void **compile_pair(struct compile_check *check, uint32_t a, uint32_t b)
{
	return slot_value(check, UINT64_C(1) << 63 | (uint64_t)a << 32 | b);
}

void **compile_object(struct compile_check *check, const void *object)
{
	return slot_value(check, (uint64_t)(uintptr_t)object);
}
