/*
 * Inside the guard: where a value may come from (flow.c). Memory is the screen's arena; time is
 * bounded by the steps left for the program.
 */
#ifndef PYSBX_GUARD_FLOW_H
#define PYSBX_GUARD_FLOW_H

#include "guard/screen.h"

struct flow_site;
struct flow_lambda;

struct flow;

enum flow_question {
	FLOW_NOTHING,
	FLOW_NAMES,
	FLOW_PARTS, /* names of which parts are put together: "__" + name + "__" */
	FLOW_PATHS, /* only what text begins with counts */
	FLOW_CODE,
	FLOW_OBJECTS,
};

typedef bool flow_text_test(const struct flow *flow, struct str text);
typedef void flow_node_test(struct flow *flow, uint32_t scope, const struct ast_node *node);

struct flow {
	struct screen *screen;
	struct flow_site *sites; /* calls by the last part of what is called */
	uint32_t site_count, site_capacity;
	struct flow_lambda *lambdas;
	uint32_t lambda_count, lambda_capacity;
	uint32_t steps; /* left for the program */
	bool indexed;   /* sites and lambdas are known */

	/* What is asked for: constant text, or anything else an expression may be. */
	enum flow_question kind;
	uint32_t question; /* marks the symbols that were followed for it */
	flow_text_test *bad;
	flow_node_test *each;
	bool prefix;

	bool found;
	struct str text; /* what was found */
	bool opaque;     /* constant text went through a method that was not worked out */
	bool text_made;
	bool parameter; /* it came through a parameter */
};

/* Sets what is asked for next; each may be NULL. */
void flow_ask(
	struct flow *flow, enum flow_question kind, flow_text_test *bad, flow_node_test *each);

/* Calls of the program are learned when the first parameter is met. */
void flow_init(struct flow *flow, struct screen *screen);

/* Whether text that flow->bad() tells of, or what flow->each() stops at, may become node. */
bool flow_reaches(struct flow *flow, uint32_t scope, const struct ast_node *node);

#endif
