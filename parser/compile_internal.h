/*
 * What the files that look for compile-time errors share. Nothing else includes this.
 *
 * Each go over the tree keeps a stack of steps in place of recursion. A function that handles a
 * step pushes what is to be done after it in the order in which it is to be done; the engine,
 * compile_run(), turns it round. A body of statements is one step that feeds itself, so the stack
 * never holds more than the tree is high and wide at one place.
 */
#ifndef PYSBX_PARSER_COMPILE_INTERNAL_H
#define PYSBX_PARSER_COMPILE_INTERNAL_H

#include "parser/compile_errors.h"

enum compile_step_kind {
	STEP_NODE, /* object: a node */
	STEP_LIST, /* object: a list of nodes; number: the item to go on with */
	STEP_OWN,  /* the first kind that a go over the tree may use for itself */
};

struct compile_step {
	const void *object;
	uint32_t number;
	uint8_t kind;
};

/* A name by its text; one object for equal texts. */
struct compile_name {
	struct str text;
	uint64_t hash;
	uint32_t id;
	/* While scopes are resolved: what enclosing functions say about it. */
	bool bound;
	bool type_param;
};

enum scope_type {
	SCOPE_MODULE,
	SCOPE_CLASS,
	SCOPE_FUNCTION, /* lambdas and comprehensions too */
	SCOPE_ANNOTATION,
	SCOPE_TYPE_PARAMS,
	SCOPE_TYPE_ALIAS,
	SCOPE_TYPE_VARIABLE, /* a bound or default */
};

enum symbol_flag {
	DEF_GLOBAL = 1 << 0,
	DEF_LOCAL = 1 << 1,
	DEF_PARAM = 1 << 2,
	DEF_NONLOCAL = 1 << 3,
	DEF_USE = 1 << 4,
	DEF_IMPORT = 1 << 5,
	DEF_ANNOT = 1 << 6,
	DEF_COMP_ITER = 1 << 7, /* the variable of a comprehension */
	DEF_TYPE_PARAM = 1 << 8,
};

struct symbol {
	struct compile_name *name; /* mangled */
	struct symbol *next;       /* of the same scope, in order of first sight */
	uint32_t flags;
	uint32_t declared; /* where it was declared global or nonlocal; UINT32_MAX: nowhere */
};

struct scope {
	enum scope_type type;
	const struct ast_node *node;
	struct scope *parent;
	struct scope *first_child, *last_child, *next;
	struct symbol *first, *last;
	struct scope *annotations; /* 3.14: the one block for the annotations of variables */
	const char *info;          /* SCOPE_TYPE_VARIABLE: "a TypeVar bound" */
	uint32_t id;
	uint32_t mangle_id;    /* only names recorded under this id are mangled; 0: all */
	uint32_t iterables;    /* within how many iterables of comprehensions */
	uint8_t comprehension; /* enum ast_kind, 0: none */
	bool in_target;        /* names now seen are variables of the comprehension */
	bool unevaluated;      /* 3.14: annotations of local variables define nothing */
	bool sees_class;       /* an annotation scope right within a class */
	bool coroutine;
	bool generator;
	bool inlined;  /* PEP 709 */
	uint32_t undo; /* while scopes are resolved */
};

struct compile_slot {
	uint64_t key;
	void *value;
};

struct compile_check {
	const struct source *source;
	struct arena *arena;
	uint8_t minor;
	bool stopped; /* an error was found, or there is no memory: nothing more is looked at */
	bool no_memory;
	bool future_annotations;
	uint32_t future_line; /* of the last good future statement; 0: none */
	uint32_t future_byte; /* where that statement ends */
	struct compile_error error;

	struct compile_step *steps;
	uint32_t step_count;
	uint32_t step_capacity;

	uint64_t seed;
	uint32_t next_id;
	struct compile_name **names;
	uint32_t name_count;
	uint32_t name_capacity;
	struct compile_slot *slots;
	uint32_t slot_count;
	uint32_t slot_capacity;
};

/* --- compile_tables.c --- */

void *compile_alloc(struct compile_check *check, size_t size);
/* Records the error at a byte of the source and stops. */
void compile_fail(struct compile_check *check, uint32_t offset, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void compile_push(struct compile_check *check, unsigned kind, const void *object, uint32_t number);
/* NULL is nothing to do. */
void compile_push_node(struct compile_check *check, const struct ast_node *node);
void compile_push_list(struct compile_check *check, const struct ast_list *list);
/* All children in the order of the fields. */
void compile_push_children(struct compile_check *check, const struct ast_node *node);

typedef void (*compile_handler)(void *context, struct compile_step step);
/* Runs the steps until none is left or the check has stopped. STEP_LIST is the engine's own. */
void compile_run(struct compile_check *check, compile_handler handle, void *context);

/* NULL without memory. */
struct compile_name *compile_name(struct compile_check *check, struct str text);
/* The value kept for a pair of ids, or for an object: a place to read and to fill. NULL: no memory
 */
void **compile_pair(struct compile_check *check, uint32_t a, uint32_t b);
void **compile_object(struct compile_check *check, const void *object);

#define COMPILE_FUTURE_LATE "from __future__ imports must occur at the beginning of the file"

/* --- the goes over the tree, in order --- */

void compile_future(struct compile_check *check, const struct ast_node *module);
/* Whether a future statement at its place comes too late; known once compile_future() has run. */
bool compile_future_late(const struct compile_check *check, const struct ast_node *import);
struct scope *compile_scopes(struct compile_check *check, const struct ast_node *module);
void compile_resolve(struct compile_check *check, struct scope *module);
void compile_flow(
	struct compile_check *check, const struct ast_node *module, const struct scope *scope);

static inline bool scope_is_function_like(const struct scope *scope)
{
	return scope->type != SCOPE_MODULE && scope->type != SCOPE_CLASS;
}

#endif
