/*
 * What names may mean: the scopes of a program, every binding in them, and Python's way of looking
 * a name up.
 *
 * Flow is not followed. A name has all the values that any of its bindings gives it; whether it may
 * still be the builtin of that name is decided on the safe side: parameters and locals of functions
 * never are, names of modules and classes are unless an unconditional binding stands before the use
 * and nothing ever deletes it.
 *
 * Ownership: everything lives in the arena. Time is linear in the tree.
 */
#ifndef PYSBX_GUARD_NAMES_H
#define PYSBX_GUARD_NAMES_H

#include "base/arena.h"
#include "parser/ast.h"
#include "parser/walk.h"

/* The positions in which a name can be bound, as far as they differ in what they tell of it. */
enum bind_kind {
	BIND_OTHER,  /* something nothing is known of; node, if any: what it is a part of */
	BIND_VALUE,  /* node: the expression assigned (=, :=, annotated, tuples in step) */
	BIND_EACH,   /* node: the expression whose items it takes; statement: the comprehension */
	BIND_WITH,   /* node: the context expression */
	BIND_IMPORT, /* node: the alias */
	BIND_FROM,   /* node: the alias; statement: the ImportFrom */
	BIND_DEF,    /* node: the function */
	BIND_CLASS,  /* node: the class */
	BIND_PARAM,  /* node: the arg; statement: its default, if any */
	BIND_EXCEPT, /* node: the handler */
};

struct binding {
	const struct binding *next;
	const struct ast_node *node;
	const struct ast_node *statement;
	uint32_t start; /* byte offset from which it holds */
	uint32_t scope; /* where node is to be evaluated */
	uint8_t kind;   /* enum bind_kind */
	bool certain;   /* happens whenever its scope's body runs to there */
};

struct symbol {
	const struct str *name;
	uint32_t scope;
	uint32_t count;        /* of bindings */
	uint32_t certain_from; /* where the first certain one holds; UINT32_MAX: none does */
	const struct binding *bindings;
	bool deleted; /* by del or by the end of an except clause, somewhere */
	bool global;  /* declared so: the module's symbol is meant */
	bool nonlocal;
	bool busy; /* being followed: it is not followed again from within itself */
	/* The last questions of guard/flow.h for which it was followed, and what it returns. */
	uint32_t seen;
	uint32_t returned;
};

enum scope_kind { SCOPE_MODULE, SCOPE_FUNCTION, SCOPE_CLASS, SCOPE_COMPREHENSION };

struct scope {
	const struct ast_node *owner;
	uint32_t parent;
	uint32_t start, end;           /* what is evaluated in it, as byte offsets */
	uint32_t hole_start, hole_end; /* less the first iterable of a comprehension */
	uint8_t kind;                  /* enum scope_kind */
};

struct names {
	struct arena *arena;
	struct scope *scopes;
	uint32_t scope_count, scope_capacity;
	struct symbol **table; /* open addressing by scope and name */
	uint32_t symbol_count, table_size;
	const struct ast_node **stars; /* from M import * */
	uint32_t star_count, star_capacity;
	const uint32_t *horizons; /* for each statement of the module: how far nothing is called */
	const struct ast_node *module;
	bool has_metaclass; /* a class has keywords, by which it may have one */
	bool has_paths;     /* imports os, pathlib or another module that makes paths */
	bool has_pathlib;
};

/* A scope of no program: names that some binding, anywhere, gives a value worth following. */
#define NAMES_SPEAKING (UINT32_MAX - 1)
/* Another: attributes that the program gives its own objects. */
#define NAMES_OWN      (UINT32_MAX - 2)

/* Goes over the tree once. 0, or -1 without memory. */
int names_collect(struct names *names, struct arena *arena, const struct ast_node *module);

/* Once all names are known: fills names->horizons. 0, or -1 without memory. */
int names_find_horizons(struct names *names);

/* The scope that a node has of its own; 0: none. */
uint32_t names_scope_of(const struct names *names, const struct ast_node *owner);

/* A symbol of just this scope; NULL: the scope does not bind the name. */
struct symbol *names_symbol(const struct names *names, uint32_t scope, const struct str *name);

struct resolution {
	struct symbol *symbols[2];
	uint32_t count;
	bool builtin; /* none of them is certain: it may be a builtin, or come from a star import */
};

/* What a name read in scope at a byte offset may be. */
struct resolution names_resolve(
	const struct names *names, uint32_t scope, const struct str *name, uint32_t at);

/* The scope of what stands at an offset, given the scopes open there, innermost last. */
struct scope_stack {
	uint32_t *open; /* scope numbers */
	uint32_t *depths;
	uint32_t count;
	uint32_t next; /* the number of the scope to be opened next */
};

int scope_stack_init(struct scope_stack *stack, const struct names *names);
/* To be told of every event of a walk from the module down. */
void scope_stack_step(struct scope_stack *stack, const struct ast_walk *walk, bool enter);
uint32_t scope_stack_at(
	const struct scope_stack *stack, const struct names *names, uint32_t offset);

/* True for the nodes that have a scope of their own. */
bool names_opens_scope(const struct ast_node *node);

#endif
