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
#include "parser/parser.h"

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

/* What holds of a name wherever it stands: one for each entry of the tree's name table. */
struct name_facts {
	struct symbol *own;       /* as an attribute that the program gives its own objects */
	const struct lead *leads; /* what is bound to an expression that begins with it */
	uint16_t flags;           /* of guard/words.c */
	bool speaks;              /* may be bound to something worth following */
	bool visited;
};

/* A name that gets its value from another. */
struct lead {
	const struct lead *next;
	const struct str *to;
};

/* One node of the tree, as the one walk over it came by. */
struct visit {
	const struct ast_node *node;
	uint32_t parent; /* its number; UINT32_MAX: the module */
	uint32_t
		scope; /* the innermost one around it, whether or not the node is evaluated in it */
};

struct names {
	struct arena *arena;
	struct visit *visits; /* every node, children behind their parents, in CPython's order */
	uint32_t visit_count;
	const struct ast_name_table *tree;
	struct name_facts *facts; /* by number */
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

/* The scope of attributes that the program gives its own objects: no program has it. */
#define NAMES_OWN (UINT32_MAX - 2)

/* Goes over the tree once. 0, or -1 without memory. */
int names_collect(struct names *names, struct arena *arena, const struct parse_result *tree);

/* Gives the visits back. */
void names_done(struct names *names);

/* What is known of a name of the tree. */
static inline struct name_facts *names_facts(const struct names *names, const struct str *name)
{
	return &names->facts[ast_name_of(name)->number];
}

/* The attributes of this name that the program gives its own objects; NULL: it gives none. */
static inline struct symbol *names_own(const struct names *names, const struct str *name)
{
	return names_facts(names, name)->own;
}

/* speaking.c: notes that a name may become what an expression is. 0, or -1 without memory. */
int names_note_value(struct names *names, const struct str *name, const struct ast_node *value);

/* Once all names are known: fills names->horizons. 0, or -1 without memory. */
int names_find_horizons(struct names *names);

/* The scope that a node has of its own; 0: none. */
uint32_t names_scope_of(const struct names *names, const struct ast_node *owner);

/* A symbol of just this scope, by a name of the tree; NULL: the scope does not bind the name. */
struct symbol *names_symbol(const struct names *names, uint32_t scope, const struct str *name);

struct resolution {
	struct symbol *symbols[2];
	uint32_t count;
	bool builtin; /* none of them is certain: it may be a builtin, or come from a star import */
};

/* What a name read in scope at a byte offset may be. */
struct resolution names_resolve(
	const struct names *names, uint32_t scope, const struct str *name, uint32_t at);

/* The scope in which what begins at an offset is evaluated, given the innermost one around it. */
uint32_t names_scope_at(const struct names *names, uint32_t scope, uint32_t offset);
/* The ancestor `up` levels above a visit (1: its parent); NULL above the module. */
const struct ast_node *names_parent(const struct names *names, uint32_t visit, uint32_t up);

/* True for the nodes that have a scope of their own. */
bool names_opens_scope(const struct ast_node *node);

#endif
