/*
 * Inside the guard: where a value may come from (flow.c). Memory is the screen's arena; time is
 * bounded by the steps left for the program.
 */
#ifndef PYSBX_GUARD_FLOW_H
#define PYSBX_GUARD_FLOW_H

#include "guard/screen.h"

struct flow_site;
struct flow_lambda;

struct flow {
	struct screen *screen;
	struct flow_site *sites; /* calls by the last part of what is called */
	uint32_t site_count, site_capacity;
	struct flow_lambda *lambdas;
	uint32_t lambda_count, lambda_capacity;
	uint32_t steps; /* left for the program */

	/* What is looked for: constant text, or anything else an expression may be. */
	bool (*bad)(const struct flow *flow, struct str text);
	void (*each)(struct flow *flow, uint32_t scope, const struct ast_node *node);
	bool prefix; /* only what text put together begins with counts */
	bool whole;  /* for bad: parts of a dunder name are put together */

	bool found;
	struct str text; /* what was found */
	bool opaque;     /* constant text went through a method that was not worked out */
	bool text_made;
	bool parameter; /* it came through a parameter */
};

/* Learns all calls of the program. 0, or -1 without memory. */
int flow_init(struct flow *flow, struct screen *screen);

/* Whether text that flow->bad() tells of, or what flow->each() stops at, may become node. */
bool flow_reaches(struct flow *flow, uint32_t scope, const struct ast_node *node);

#endif
