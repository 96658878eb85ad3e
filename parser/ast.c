/* The tables behind parser/ast.h: node.def and op.def as data. */
#include "parser/ast.h"

/* One array of fields per class; the first entry keeps the array of a class without any legal. */
#define NODE(class, category, since, positions)                                                    \
	static const struct ast_field fields_##class[] = {{NULL, 0, 0, 0},
#define FIELD(class, field, type, since)                                                           \
	{#field, AST_FIELD_##type, since, AST_SLOT_##class##_##field},
#define SMALL(class, field, type, since) {#field, AST_FIELD_##type, since, 0},
#define END(class)                                                                                 \
	}                                                                                          \
	;
#include "parser/node.def"
#undef NODE
#undef FIELD
#undef SMALL
#undef END

/* PARENT_<class>: whether a field holds nodes. */
#define NODE(class, category, since, positions) enum { PARENT_##class = 0
#define FIELD(class, field, type, since)        || AST_FIELD_##type <= AST_FIELD_LIST
#define SMALL(class, field, type, since)
#define END(class)                                                                                 \
	}                                                                                          \
	;
#include "parser/node.def"
#undef NODE
#undef FIELD
#undef SMALL
#undef END

const struct ast_class ast_classes[AST_KIND_COUNT] = {
#define NODE(class, category, since, positions)                                                    \
	{#class, AST_CATEGORY_##category, since, positions,                                        \
		sizeof(fields_##class) / sizeof(fields_##class[0]) - 1, AST_SLOTS_##class,         \
		!PARENT_##class, fields_##class + 1},
#define FIELD(class, field, type, since)
#define SMALL(class, field, type, since)
#define END(class)
#include "parser/node.def"
#undef NODE
#undef FIELD
#undef SMALL
#undef END
};

static const char *const op_names[AST_OP_COUNT] = {
#define OP(name, text) #name,
#include "parser/op.def"
#undef OP
};

static const char *const op_texts[AST_OP_COUNT] = {
#define OP(name, text) text,
#include "parser/op.def"
#undef OP
};

const char *ast_op_name(enum ast_op op)
{
	return op_names[op];
}

const char *ast_op_text(enum ast_op op)
{
	return op_texts[op];
}

const char *ast_context_name(enum ast_context context)
{
	static const char *const names[] = {"Load", "Store", "Del"};

	return names[context];
}
