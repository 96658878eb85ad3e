/* The bump allocator behind base/arena.h. It must not do anything but hand out and free memory. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The least chunk suits a snippet of a few hundred bytes. A later one has the given share of what
 * the arena holds by then, so that no more than about that share is ever unused.
 */
#define CHUNK_LEAST   ((size_t)16 << 10)
#define CHUNK_LARGEST ((size_t)1 << 20)
#define CHUNK_SHARE   8

struct chunk {
	struct chunk *next;
	alignas(max_align_t) char bytes[];
};

/* What stands before the bytes of an arena_block(). */
struct block {
	struct block *next;
	struct block *before;
	size_t size; /* this head included */
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *chunks; /* newest first */
	struct block *blocks; /* newest first */
	char *free;           /* next free byte of the newest chunk */
	char *end;
	size_t used;
	size_t max;
	bool failed;
};

struct arena *arena_new(size_t max_bytes)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->max = max_bytes;
	return arena;
}

void arena_free(struct arena *arena)
{
	struct chunk *chunk, *next;

	if (!arena)
		return;
	while (arena->blocks)
		arena_block_free(arena, arena->blocks->bytes);
	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

static void *fail(struct arena *arena)
{
	arena->failed = true;
	return NULL;
}

/* A chunk with room for size bytes becomes the newest; false past the cap. */
static bool grow(struct arena *arena, size_t size)
{
	size_t bytes = arena->used / CHUNK_SHARE;
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return false;
	if (bytes < CHUNK_LEAST)
		bytes = CHUNK_LEAST;
	if (bytes > CHUNK_LARGEST)
		bytes = CHUNK_LARGEST;
	if (bytes < size + sizeof(*chunk))
		bytes = size + sizeof(*chunk);
	if (bytes > arena->max - arena->used)
		return false;
	chunk = malloc(bytes);
	if (!chunk)
		return false;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->free = chunk->bytes;
	arena->end = (char *)chunk + bytes;
	arena->used += bytes;
	return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	void *object;

	if (size > SIZE_MAX - align)
		return fail(arena);
	size = (size + align - 1) & ~(align - 1);
	if (size == 0)
		size = align;
	if ((size_t)(arena->end - arena->free) < size && !grow(arena, size))
		return fail(arena);
	object = arena->free;
	arena->free += size;
	return memset(object, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return fail(arena);
	return arena_alloc(arena, bytes);
}

static struct block *block_of(void *bytes)
{
	return (struct block *)(void *)((char *)bytes - offsetof(struct block, bytes));
}

void *arena_block(struct arena *arena, void *old, size_t size)
{
	struct block *block = old ? block_of(old) : NULL;
	const size_t had = block ? block->size : 0;

	if (size > SIZE_MAX - sizeof(*block))
		return fail(arena);
	size += sizeof(*block);
	if (size > had && size - had > arena->max - arena->used)
		return fail(arena);
	block = realloc(block, size);
	if (!block)
		return fail(arena);
	if (!had) {
		block->before = NULL;
		block->next = arena->blocks;
	}
	block->size = size;
	if (block->before)
		block->before->next = block;
	else
		arena->blocks = block;
	if (block->next)
		block->next->before = block;
	arena->used = arena->used - had + size;
	return block->bytes;
}

void arena_block_free(struct arena *arena, void *bytes)
{
	struct block *block = bytes ? block_of(bytes) : NULL;

	if (!block)
		return;
	if (block->before)
		block->before->next = block->next;
	else
		arena->blocks = block->next;
	if (block->next)
		block->next->before = block->before;
	arena->used -= block->size;
	free(block);
}

char *arena_strdup(struct arena *arena, struct str s)
{
	char *copy = s.len == SIZE_MAX ? fail(arena) : arena_alloc(arena, s.len + 1);

	if (copy && s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = len < 0 ? fail(arena) : arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

bool arena_failed(const struct arena *arena)
{
	return arena->failed;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

void arena_cleanup(struct arena **arena)
{
	arena_free(*arena);
}
