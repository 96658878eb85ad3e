/*
 * One arena holds everything derived from one source and is freed as a whole.
 *
 * Ownership: memory from arena_alloc() lives until arena_free() and is never freed singly; a block
 * may be given back before.
 * Limits: an arena has a hard cap in bytes; past it, and when the system has no memory, every
 * allocation returns NULL and arena_failed() stays true, so that a parser can go on to its next
 * check and report once. Not thread-safe.
 */
#ifndef PYSBX_BASE_ARENA_H
#define PYSBX_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/* A new arena that will never hold more than max_bytes (chunk headers included); NULL: no memory.
 */
struct arena *arena_new(size_t max_bytes);

/* Frees the arena and everything in it; NULL is fine. */
void arena_free(struct arena *arena);

/* size bytes, zeroed, aligned for any object; NULL past the cap. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* count * size bytes, zeroed, the product checked; NULL past the cap or on overflow. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/*
 * Memory of its own within the cap, for what is needed only for a while: size bytes, not zeroed;
 * old is NULL or a block that is to become that large, and may move. NULL past the cap: old stays.
 */
void *arena_block(struct arena *arena, void *old, size_t size);

/* Gives a block back before the arena goes; NULL is fine. */
void arena_block_free(struct arena *arena, void *block);

/* A NUL-terminated copy of s; NULL past the cap. */
char *arena_strdup(struct arena *arena, struct str s);

/* printf into the arena; NULL past the cap. */
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* True once an allocation has been refused. */
bool arena_failed(const struct arena *arena);

/* Bytes taken from the system, and not given back. */
size_t arena_used(const struct arena *arena);

#define arena_new_object(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

void arena_cleanup(struct arena **arena);
#define cleanup_arena __attribute__((cleanup(arena_cleanup)))

#endif
