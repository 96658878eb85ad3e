/*
 * The third go, shared by its files: flow.c (statements), flow_expr.c (expressions), flow_pattern.c
 * (the patterns of match) and flow_block.c (units of code and the blocks within them).
 */
#ifndef PYSBX_PARSER_FLOW_H
#define PYSBX_PARSER_FLOW_H

#include "parser/compile_internal.h"

/* What becomes one code object. */
enum unit_kind {
	UNIT_MODULE,
	UNIT_CLASS,
	UNIT_FUNCTION,
	UNIT_ASYNC_FUNCTION,
	UNIT_LAMBDA,
	UNIT_COMPREHENSION,
	UNIT_ANNOTATION, /* and type parameters, type aliases */
};

enum block_kind {
	BLOCK_LOOP,
	BLOCK_TRY,
	BLOCK_FINALLY, /* a try body with a finally to run on the way out */
	BLOCK_END,     /* the finally itself, on the way of an exception */
	BLOCK_HANDLER,
	BLOCK_GROUP, /* handlers of except* */
	BLOCK_NAMED, /* the body of one handler */
	BLOCK_WITH,
	BLOCK_COMPREHENSION,
	BLOCK_STOP, /* a generator's own guard */
};

struct block {
	enum block_kind kind;
	uint32_t depth;
	const struct ast_list *finalbody; /* BLOCK_FINALLY */
	struct block *around;
};

struct unit {
	enum unit_kind kind;
	uint32_t place;            /* of the last statement or handler: see step_handler() */
	const struct scope *scope; /* may be that of the unit around, where nobody asks */
	struct unit *around;
	struct block *block;                       /* the innermost open one */
	uint32_t deepest_around;                   /* flow.deepest, to go back to */
	struct deferred *deferred, **deferred_end; /* 3.14: annotations left for the end */
};

struct pattern_stores;

struct flow {
	struct compile_check *check;
	struct unit *unit;
	uint32_t deepest; /* blocks within each other since a finally was begun */
	/* The pattern being read. */
	struct pattern_stores *stores;
	bool irrefutable; /* whether a name or wildcard may stand here */
};

enum flow_step {
	FLOW_STEP_LEAVE = STEP_OWN, /* a unit */
	FLOW_STEP_ENTER,            /* number: unit kind; object: its node or NULL */
	FLOW_STEP_DEFERRED,         /* annotations left for the end of a class or module */
	FLOW_STEP_OPEN,             /* number: block kind; object: its node */
	FLOW_STEP_CLOSE,            /* the innermost block */
	FLOW_STEP_BLOCK,            /* object: the block to go back to */
	FLOW_STEP_FINALLY,          /* object: the body of a finally */
	FLOW_STEP_FINALLY_DONE,     /* object: its record */
	FLOW_STEP_REFUSE,           /* object: a node; number: enum flow_refusal */
	FLOW_STEP_UNWIND,           /* object: a return whose value has been seen */
	FLOW_STEP_HANDLER,          /* object: the handlers; number: which */
	FLOW_STEP_HANDLE,           /* object: a handler whose type has been seen */
	FLOW_STEP_BIND,             /* object: a statement that binds its own name */
	FLOW_STEP_GUARD,            /* object: a function, just entered */
	FLOW_STEP_ANNOTATIONS,      /* object: a function */
	FLOW_STEP_TYPE_PARAMS,      /* object: a list of them */
	FLOW_STEP_NO_DEFAULT,       /* object: a type parameter after one with a default */
	FLOW_STEP_TYPE_NAME,        /* object: a type parameter */
	FLOW_STEP_ELEMENTS,         /* object: a list in which stars may stand; number: item */
	FLOW_STEP_PAIRS,            /* object: a dict; number: item */
	FLOW_STEP_ATTRIBUTE,        /* object: an attribute whose value has been seen */
	FLOW_STEP_KEYWORDS,         /* object: a call or class */
	FLOW_STEP_COMPREHEND,       /* object: a comprehension */
	FLOW_STEP_GENERATOR,        /* object: a comprehension; number: which of its loops */
	FLOW_STEP_ANNOTATED,        /* object: an annotated assignment, value and target seen */
	FLOW_STEP_ANNOTATED_SLICE,  /* object: what stands between the brackets of its target */
	FLOW_STEP_CASE,             /* object: a match statement; number: which case */
	FLOW_STEP_PATTERN,          /* object: a pattern */
	FLOW_STEP_SUBPATTERN,       /* object: a pattern that may be irrefutable */
	FLOW_STEP_IRREFUTABLE,      /* number: what flow.irrefutable goes back to */
	FLOW_STEP_STORE,            /* object: a pattern that binds a name */
	FLOW_STEP_KEYS,             /* object: a mapping pattern */
	FLOW_STEP_ALTERNATIVE,      /* object: an or-pattern's record; number: which */
	FLOW_STEP_ALTERNATIVE_DONE, /* the same */
};

enum flow_refusal { REFUSE_BREAK, REFUSE_CONTINUE, REFUSE_IN_GROUP };

/* --- flow.c --- */
void flow_see(struct flow *flow, const struct ast_node *node);
/* 3.9 to 3.13 refuse to bind __debug__ here; offset: where. */
void flow_check_debug(struct flow *flow, struct str name, uint32_t offset);

/* --- flow_block.c --- */
void flow_enter(struct flow *flow, enum unit_kind kind, const struct ast_node *node);
void flow_leave(struct flow *flow);
/* node: the statement, or the handler. */
void flow_open(struct flow *flow, enum block_kind kind, const struct ast_node *node);
bool flow_in_function(const struct flow *flow);
/* Pushes what a return, break or continue runs on its way out, and its error if there is one. */
void flow_unwind(struct flow *flow, const struct ast_node *node);
void flow_finally(struct flow *flow, const struct ast_list *body);
void flow_finally_done(struct flow *flow, void *record);
void flow_refuse(struct flow *flow, const struct ast_node *node, enum flow_refusal refusal);

/* --- flow_define.c: functions, classes, type parameters --- */
bool flow_see_definition(struct flow *flow, const struct ast_node *node);
bool flow_define_step(struct flow *flow, struct compile_step step);
void flow_check_parameters(
	struct flow *flow, const struct ast_node *arguments, const struct ast_node *owner);
void flow_push_defaults(struct flow *flow, const struct ast_node *arguments);

/* --- flow_expr.c --- */
/* Whether it has seen to the node. */
bool flow_see_expression(struct flow *flow, const struct ast_node *node);
bool flow_expression_step(struct flow *flow, struct compile_step step);

/* --- flow_pattern.c --- */
void flow_see_match(struct flow *flow, const struct ast_node *node);
bool flow_pattern_step(struct flow *flow, struct compile_step step);

#endif
