/*
 * The abstract syntax tree: CPython's node classes and fields (ast.parse() of Python 3.8 to 3.14).
 *
 * A node is a 16-byte header and one 8-byte slot per field; which fields a class has stands in
 * node.def. Read fields through the accessors made from it, ast_<class>_<field>(node), for example
 *
 *	if (node->kind == AST_Call && ast_Call_func(node)->kind == AST_Name)
 *		name = ast_Name_id(ast_Call_func(node));
 *
 * The tree has the shape of 3.9 and later whatever the target: no Index, ExtSlice, Num or Str.
 * Ownership: nodes, lists and names live in the arena of the source and are never changed once
 * parser_parse() has returned. Lists are never NULL: an empty one has count 0.
 *
 * Identifiers are interned: within one tree two equal names are one `const struct str *`, so they
 * may be compared as pointers. They hold the NFKC form, as CPython compares names.
 *
 * Limits: no path from the root down is longer than AST_MAX_HEIGHT nodes; parser_parse() refuses
 * what would be deeper. A walk therefore needs at most AST_MAX_HEIGHT frames of its own stack.
 */
#ifndef PYSBX_PARSER_AST_H
#define PYSBX_PARSER_AST_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define AST_MAX_HEIGHT 10000
#define AST_NEVER      255 /* a minor version that never comes */

enum ast_kind {
#define NODE(class, category, since, positions) AST_##class,
#define FIELD(class, field, type, since)
#define SMALL(class, field, type, since)
#define END(class)
#include "parser/node.def"
#undef NODE
#undef FIELD
#undef SMALL
#undef END
	AST_KIND_COUNT
};

enum ast_category {
	AST_CATEGORY_MOD,
	AST_CATEGORY_STMT,
	AST_CATEGORY_EXPR,
	AST_CATEGORY_PATTERN,
	AST_CATEGORY_TYPE_PARAM,
	AST_CATEGORY_OTHER, /* arguments, keyword, alias, ... */
};

/* Boolean, binary, unary and comparison operators, AST_OP_Add and so on. */
enum ast_op {
#define OP(name, text) AST_OP_##name,
#include "parser/op.def"
#undef OP
	AST_OP_COUNT
};

enum ast_context { AST_LOAD, AST_STORE, AST_DEL };

/* What a Constant (or a MatchSingleton) is. */
enum ast_constant {
	AST_CONST_NONE,
	AST_CONST_FALSE,
	AST_CONST_TRUE,
	AST_CONST_ELLIPSIS,
	AST_CONST_INT,     /* text: as written in the source: 0x1F, 1_000 */
	AST_CONST_FLOAT,   /* text: as written */
	AST_CONST_COMPLEX, /* text: as written, its j included */
	AST_CONST_STR,     /* text: the value in UTF-8, lone surrogates as three bytes */
	AST_CONST_STR_U,   /* the same, written with the prefix u */
	AST_CONST_BYTES,   /* text: the bytes themselves */
};

struct ast_node;

/* What stands behind every `const struct str *` of a tree: an interned identifier. */
struct ast_name {
	struct str text; /* first: the tree points at it */
	/*
	 * One that the author of a source cannot aim at: every step folds a 128-bit product that
	 * depends on a seed, which comes from the addresses of this run.
	 */
	uint64_t hash;
	uint32_t number; /* names of a tree count from 0; all are below ast_name_table.count */
	uint32_t stamp;  /* of the parser: the last set the name was put in */
};

/* All identifiers of one tree, and a few that the parser read and dropped; in its arena. */
struct ast_name_table {
	struct ast_name **slots; /* open addressing */
	uint32_t capacity;       /* a power of two, or 0 */
	uint32_t count;
	uint64_t seed;
};

/* An identifier of the tree by its text; NULL: the tree has none. */
const struct str *ast_name_find(const struct ast_name_table *table, struct str text);

/* The entry behind a name of a tree. */
static inline const struct ast_name *ast_name_of(const struct str *name)
{
	return (const struct ast_name *)(const void *)name;
}

struct ast_list {
	uint32_t count;
	uint16_t height; /* of the highest item */
	const struct ast_node *items[];
};

struct ast_names {
	uint32_t count;
	const struct str *items[];
};

struct ast_ops {
	uint32_t count;
	uint8_t items[]; /* enum ast_op */
};

union ast_slot {
	const struct ast_node *node;
	const struct ast_list *list;
	const struct str *name;
	const struct ast_names *names;
	const struct ast_ops *ops;
	const char *text;
};

struct ast_node {
	uint32_t start;  /* byte offset of the first byte in source.text */
	uint32_t end;    /* one past the last byte */
	uint8_t kind;    /* enum ast_kind */
	uint8_t op;      /* enum ast_op, ast_context or ast_constant, as the class has it */
	uint16_t height; /* 1 for a leaf, else one more than the highest child */
	int32_t number;  /* the class's INT field; Constant: length of its text */
	union ast_slot slots[];
};

/* AST_SLOT_<class>_<field>: where a field stands in node->slots; AST_SLOTS_<class>: how many. */
#define NODE(class, category, since, positions) enum {
#define FIELD(class, field, type, since)        AST_SLOT_##class##_##field,
#define SMALL(class, field, type, since)
#define END(class)                                                                                 \
	AST_SLOTS_##class                                                                          \
	}                                                                                          \
	;
#include "parser/node.def"
#undef NODE
#undef FIELD
#undef SMALL
#undef END

/* The accessors, ast_<class>_<field>(node). */
#define AST_TYPE_NODE                     const struct ast_node *
#define AST_TYPE_OPT                      const struct ast_node *
#define AST_TYPE_LIST                     const struct ast_list *
#define AST_TYPE_NAME                     const struct str *
#define AST_TYPE_NAMEOPT                  const struct str *
#define AST_TYPE_NAMES                    const struct ast_names *
#define AST_TYPE_OPS                      const struct ast_ops *
#define AST_MEMBER_NODE                   node
#define AST_MEMBER_OPT                    node
#define AST_MEMBER_LIST                   list
#define AST_MEMBER_NAME                   name
#define AST_MEMBER_NAMEOPT                name
#define AST_MEMBER_NAMES                  names
#define AST_MEMBER_OPS                    ops
#define AST_TYPE_VALUE                    struct str
#define AST_TYPE_OP                       enum ast_op
#define AST_TYPE_CTX                      enum ast_context
#define AST_TYPE_INT                      int32_t
#define AST_TYPE_SINGLETON                enum ast_constant
#define AST_TYPE_KIND                     bool
#define AST_TYPE_EMPTY                    bool

#define AST_READ_SLOT(type, class, field) node->slots[AST_SLOT_##class##_##field].AST_MEMBER_##type
#define AST_READ_NODE(class, field)       AST_READ_SLOT(NODE, class, field)
#define AST_READ_OPT(class, field)        AST_READ_SLOT(OPT, class, field)
#define AST_READ_LIST(class, field)       AST_READ_SLOT(LIST, class, field)
#define AST_READ_NAME(class, field)       AST_READ_SLOT(NAME, class, field)
#define AST_READ_NAMEOPT(class, field)    AST_READ_SLOT(NAMEOPT, class, field)
#define AST_READ_NAMES(class, field)      AST_READ_SLOT(NAMES, class, field)
#define AST_READ_OPS(class, field)        AST_READ_SLOT(OPS, class, field)
#define AST_READ_VALUE(class, field)      str_from(node->slots[0].text, (size_t)node->number)
#define AST_READ_OP(class, field)         (enum ast_op) node->op
#define AST_READ_CTX(class, field)        (enum ast_context) node->op
#define AST_READ_INT(class, field)        node->number
#define AST_READ_SINGLETON(class, field)  (enum ast_constant) node->op
#define AST_READ_KIND(class, field)       node->op == AST_CONST_STR_U
#define AST_READ_EMPTY(class, field)      true

#define NODE(class, category, since, positions)
#define FIELD(class, field, type, since)                                                           \
	static inline AST_TYPE_##type ast_##class##_##field(const struct ast_node *node)           \
	{                                                                                          \
		assert(node->kind == AST_##class);                                                 \
		return AST_READ_##type(class, field);                                              \
	}
#define SMALL(class, field, type, since) FIELD(class, field, type, since)
#define END(class)
#include "parser/node.def"
#undef NODE
#undef FIELD
#undef SMALL
#undef END

/* Whether node is a Constant holding a str (whatever its prefix). */
static inline bool ast_is_str(const struct ast_node *node)
{
	return node->kind == AST_Constant &&
	       (node->op == AST_CONST_STR || node->op == AST_CONST_STR_U);
}

/* What a Constant is. */
static inline enum ast_constant ast_Constant_type(const struct ast_node *node)
{
	assert(node->kind == AST_Constant);
	return (enum ast_constant)node->op;
}

/* How a field is stored: the type column of node.def. */
enum ast_field_type {
	AST_FIELD_NODE,
	AST_FIELD_OPT,
	AST_FIELD_LIST,
	AST_FIELD_NAME,
	AST_FIELD_NAMEOPT,
	AST_FIELD_NAMES,
	AST_FIELD_OPS,
	AST_FIELD_VALUE,
	AST_FIELD_OP,
	AST_FIELD_CTX,
	AST_FIELD_INT,
	AST_FIELD_SINGLETON,
	AST_FIELD_KIND,
	AST_FIELD_EMPTY,
};

struct ast_field {
	const char *name;
	uint8_t type;  /* enum ast_field_type */
	uint8_t since; /* the first minor version with this field */
	uint8_t slot;  /* index into node->slots; of no meaning for fields kept in the header */
};

/* What node.def says of a class: for code that treats all classes alike. */
struct ast_class {
	const char *name;
	uint8_t category;  /* enum ast_category */
	uint8_t since;     /* the first minor version with this class */
	uint8_t positions; /* the first one in which it has positions; AST_NEVER */
	uint8_t field_count;
	uint8_t slot_count;             /* of node->slots */
	bool leaf;                      /* none of its fields holds nodes */
	const struct ast_field *fields; /* in CPython's order */
};

extern const struct ast_class ast_classes[AST_KIND_COUNT];

static inline enum ast_category ast_category(const struct ast_node *node)
{
	return (enum ast_category)ast_classes[node->kind].category;
}

/* "Add", "NotIn": the class name of an operator; "+", "not in": its spelling. */
const char *ast_op_name(enum ast_op op);
const char *ast_op_text(enum ast_op op);

/* "Load", "Store", "Del". */
const char *ast_context_name(enum ast_context context);

#endif
