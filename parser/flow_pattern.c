/*
 * The patterns of match: names bound twice, alternatives that bind different names, patterns that
 * nothing behind them can reach, keys and attributes given twice (PEP 634).
 */
#include "parser/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* See UNPACK_BEFORE in flow_expr.c; sequence patterns unpack alike. */
#define UNPACK_BEFORE 256

struct stored {
	struct compile_name *name;
	struct stored *next;
};

/* The names bound so far by a pattern, or by one alternative of an or-pattern. */
struct pattern_stores {
	uint32_t id;
	uint32_t count;
	struct stored *first, **end;
};

struct alternatives {
	const struct ast_node *node;
	struct pattern_stores *around;  /* those of the pattern that holds this one */
	struct pattern_stores *control; /* those of the first alternative */
	bool irrefutable;               /* whether the last may be */
};

static struct pattern_stores *new_stores(struct flow *flow)
{
	struct pattern_stores *stores = compile_alloc(flow->check, sizeof(*stores));

	if (stores) {
		*stores = (struct pattern_stores){.id = flow->check->next_id++};
		stores->end = &stores->first;
	}
	return stores;
}

static bool holds(
	struct flow *flow, const struct pattern_stores *stores, const struct compile_name *name)
{
	void **place = compile_pair(flow->check, stores->id, name->id);

	return place && *place;
}

static void store(struct flow *flow, const struct ast_node *node, struct compile_name *name)
{
	struct pattern_stores *stores = flow->stores;
	struct stored *stored;
	void **place;

	if (holds(flow, stores, name)) {
		compile_fail(flow->check, node->start,
			"multiple assignments to name '%.*s' in pattern", STR_ARG(name->text));
		return;
	}
	stored = compile_alloc(flow->check, sizeof(*stored));
	place = compile_pair(flow->check, stores->id, name->id);
	if (!stored || !place)
		return;
	*place = stored;
	stored->name = name;
	*stores->end = stored;
	stores->end = &stored->next;
	stores->count++;
}

static void store_name(struct flow *flow, const struct ast_node *node, const struct str *name)
{
	struct compile_name *known;

	if (!name)
		return;
	flow_check_debug(flow, *name, node->start);
	known = compile_name(flow->check, *name);
	if (known)
		store(flow, node, known);
}

static void step_store(struct flow *flow, const struct ast_node *node)
{
	if (node->kind == AST_MatchMapping)
		store_name(flow, node, ast_MatchMapping_rest(node));
	else if (node->kind == AST_MatchStar)
		store_name(flow, node, ast_MatchStar_name(node));
	else
		store_name(flow, node, ast_MatchAs_name(node));
}

static void see_as(struct flow *flow, const struct ast_node *node)
{
	const struct str *name = ast_MatchAs_name(node);

	if (ast_MatchAs_pattern(node)) {
		compile_push(flow->check, FLOW_STEP_PATTERN, ast_MatchAs_pattern(node), 0);
		compile_push(flow->check, FLOW_STEP_STORE, node, 0);
		return;
	}
	if (!flow->irrefutable && name)
		compile_fail(flow->check, node->start,
			"name capture '%.*s' makes remaining patterns unreachable", STR_ARG(*name));
	else if (!flow->irrefutable)
		compile_fail(
			flow->check, node->start, "wildcard makes remaining patterns unreachable");
	store_name(flow, node, name);
}

static void push_subpatterns(struct flow *flow, const struct ast_list *patterns)
{
	for (uint32_t i = 0; i < patterns->count; i++)
		compile_push(flow->check, FLOW_STEP_SUBPATTERN, patterns->items[i], 0);
}

static void see_sequence(struct flow *flow, const struct ast_node *node)
{
	const struct ast_list *patterns = ast_MatchSequence_patterns(node);
	uint32_t stars = 0, star = 0, i;

	for (i = 0; i < patterns->count; i++) {
		if (patterns->items[i]->kind != AST_MatchStar)
			continue;
		star = i;
		stars++;
	}
	if (stars > 1)
		compile_fail(
			flow->check, node->start, "multiple starred names in sequence pattern");
	else if (stars && star >= UNPACK_BEFORE && ast_MatchStar_name(patterns->items[star]))
		compile_fail(flow->check, node->start,
			"too many expressions in star-unpacking sequence pattern");
	push_subpatterns(flow, patterns);
}

/* CPython tells of the first attribute that comes again, and of its first return. */
static void check_attributes(struct flow *flow, const struct ast_node *node)
{
	struct compile_check *check = flow->check;
	const struct ast_names *names = ast_MatchClass_kwd_attrs(node);
	const struct ast_list *patterns = ast_MatchClass_kwd_patterns(node);
	uint32_t id = check->next_id++, first = UINT32_MAX, again = 0, i;

	for (i = 0; i < names->count; i++) {
		struct compile_name *name = compile_name(check, *names->items[i]);
		void **place = name ? compile_pair(check, id, name->id) : NULL;

		flow_check_debug(flow, *names->items[i], patterns->items[i]->start);
		if (!place)
			return;
		if (*place && (uintptr_t)*place - 1 < first) {
			first = (uint32_t)((uintptr_t)*place - 1);
			again = i;
		} else if (!*place) {
			*place = (void *)(uintptr_t)(i + 1);
		}
	}
	if (first != UINT32_MAX)
		compile_fail(check, patterns->items[again]->start,
			"attribute name repeated in class pattern: %.*s",
			STR_ARG(*names->items[first]));
}

static void see_class(struct flow *flow, const struct ast_node *node)
{
	check_attributes(flow, node);
	compile_push_node(flow->check, ast_MatchClass_cls(node));
	push_subpatterns(flow, ast_MatchClass_patterns(node));
	push_subpatterns(flow, ast_MatchClass_kwd_patterns(node));
}

static bool is_number(const struct ast_node *node)
{
	return node->op == AST_CONST_INT || node->op == AST_CONST_FLOAT ||
	       node->op == AST_CONST_COMPLEX;
}

/* A number as written, without underscores; NULL without memory. */
static char *digits_of(struct flow *flow, const struct ast_node *node)
{
	struct str text = ast_Constant_value(node);
	char *digits = compile_alloc(flow->check, text.len + 1), *end = digits;
	size_t i;

	for (i = 0; digits && i < text.len; i++)
		if (text.ptr[i] != '_')
			*end++ = text.ptr[i];
	return digits;
}

static double binary_value(const char *digits, int base)
{
	double value = 0;

	for (digits += 2; *digits; digits++)
		value = value * base + (*digits - '0');
	return value;
}

/* The double a number is; *ret_exact is false where integers beyond 2^53 may share one. */
static double number_of(struct flow *flow, const struct ast_node *node, bool *ret_exact)
{
	char *digits = digits_of(flow, node);
	double value;

	if (!digits)
		return 0;
	if (digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'O'))
		value = binary_value(digits, 8);
	else if (digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B'))
		value = binary_value(digits, 2);
	else
		value = strtod(digits, NULL);
	*ret_exact = node->op != AST_CONST_INT || value <= 9007199254740992.0;
	return value;
}

/* The text two numbers share when they are equal: 1, 1.0, 0x1 and True are one key. */
static char *number_key(struct flow *flow, const struct ast_node *node, bool negative)
{
	bool exact;
	double value = number_of(flow, node, &exact);

	if (!exact)
		return arena_printf(
			flow->check->arena, "n%s%s", negative ? "-" : "", digits_of(flow, node));
	if (node->op == AST_CONST_COMPLEX && value != 0)
		return arena_printf(flow->check->arena, "c0,%a", negative ? -value : value);
	if (value == 0)
		return arena_printf(flow->check->arena, "n0");
	return arena_printf(flow->check->arena, "n%a", negative ? -value : value);
}

static const struct ast_node *unsigned_number(const struct ast_node *node, bool *ret_negative)
{
	*ret_negative = node->kind == AST_UnaryOp;
	return *ret_negative ? ast_UnaryOp_operand(node) : node;
}

/* -1 + 2j: a sum or difference of a real and an imaginary number. */
static char *complex_key(struct flow *flow, const struct ast_node *node)
{
	bool negative, exact;
	const struct ast_node *left = unsigned_number(ast_BinOp_left(node), &negative);
	double real = number_of(flow, left, &exact), imaginary;

	imaginary = number_of(flow, ast_BinOp_right(node), &exact);
	if (ast_BinOp_op(node) == AST_OP_Sub)
		imaginary = -imaginary;
	if (negative)
		real = -real;
	if (imaginary == 0)
		return arena_printf(flow->check->arena, real == 0 ? "n0" : "n%a", real);
	return arena_printf(flow->check->arena, "c%a,%a", real == 0 ? 0.0 : real, imaginary);
}

static char *constant_key(struct flow *flow, const struct ast_node *node)
{
	struct arena *arena = flow->check->arena;

	if (is_number(node))
		return number_key(flow, node, false);
	switch (ast_Constant_type(node)) {
	case AST_CONST_TRUE:
		return arena_printf(arena, "n%a", 1.0);
	case AST_CONST_FALSE:
		return arena_printf(arena, "n0");
	case AST_CONST_NONE:
		return arena_printf(arena, "N");
	default:
		return arena_printf(arena, "E");
	}
}

/* What tells a literal key from another: equal for keys that are equal in Python. */
static struct compile_name *literal_key(struct flow *flow, const struct ast_node *node)
{
	bool negative, is_bytes = node->kind == AST_Constant && node->op == AST_CONST_BYTES;
	const struct ast_node *number;
	char *text;
	struct str value;

	if (is_bytes || ast_is_str(node)) {
		value = ast_Constant_value(node);
		text = compile_alloc(flow->check, value.len + 1);
		if (!text)
			return NULL;
		text[0] = is_bytes ? 'b' : 's';
		if (value.len)
			memcpy(text + 1, value.ptr, value.len);
		return compile_name(flow->check, str_from(text, value.len + 1));
	}
	if (node->kind == AST_BinOp) {
		text = complex_key(flow, node);
	} else {
		number = unsigned_number(node, &negative);
		text = negative ? number_key(flow, number, true) : constant_key(flow, number);
	}
	if (!text) {
		flow->check->no_memory = true;
		return NULL;
	}
	return compile_name(flow->check, str_of(text));
}

static bool is_literal(const struct ast_node *node)
{
	return node->kind == AST_Constant || node->kind == AST_UnaryOp || node->kind == AST_BinOp;
}

static void check_key(
	struct flow *flow, const struct ast_node *node, const struct ast_node *key, uint32_t id)
{
	struct compile_check *check = flow->check;
	struct compile_name *name;
	void **place;

	if (key->kind == AST_Attribute)
		return;
	if (!is_literal(key)) {
		compile_fail(check, node->start,
			"mapping pattern keys may only match literals and attribute lookups");
		return;
	}
	name = literal_key(flow, key);
	place = name ? compile_pair(check, id, name->id) : NULL;
	if (place && *place)
		compile_fail(check, node->start, "mapping pattern checks duplicate key (%.*s)",
			(int)(key->end - key->start), check->source->text.ptr + key->start);
	if (place)
		*place = name;
}

static void see_mapping(struct flow *flow, const struct ast_node *node)
{
	const struct ast_list *keys = ast_MatchMapping_keys(node);
	uint32_t id = flow->check->next_id++, i;

	for (i = 0; i < keys->count && !flow->check->stopped; i++)
		check_key(flow, node, keys->items[i], id);
	push_subpatterns(flow, ast_MatchMapping_patterns(node));
	if (ast_MatchMapping_rest(node))
		compile_push(flow->check, FLOW_STEP_STORE, node, 0);
}

static void see_or(struct flow *flow, const struct ast_node *node)
{
	struct alternatives *alternatives = compile_alloc(flow->check, sizeof(*alternatives));

	if (!alternatives)
		return;
	*alternatives = (struct alternatives){
		.node = node, .around = flow->stores, .irrefutable = flow->irrefutable};
	compile_push(flow->check, FLOW_STEP_ALTERNATIVE, alternatives, 0);
}

static void bind_alternatives(struct flow *flow, const struct alternatives *alternatives)
{
	const struct stored *stored;

	flow->stores = alternatives->around;
	flow->irrefutable = alternatives->irrefutable;
	for (stored = alternatives->control->first; stored && !flow->check->stopped;
		stored = stored->next)
		store(flow, alternatives->node, stored->name);
}

static void step_alternative(struct flow *flow, struct alternatives *alternatives, uint32_t at)
{
	const struct ast_list *patterns = ast_MatchOr_patterns(alternatives->node);

	if (at == patterns->count) {
		bind_alternatives(flow, alternatives);
		return;
	}
	flow->stores = new_stores(flow);
	if (!flow->stores)
		return;
	if (at == 0)
		alternatives->control = flow->stores;
	flow->irrefutable = at + 1 == patterns->count && alternatives->irrefutable;
	compile_push(flow->check, FLOW_STEP_PATTERN, patterns->items[at], 0);
	compile_push(flow->check, FLOW_STEP_ALTERNATIVE_DONE, alternatives, at);
}

static void step_alternative_done(struct flow *flow, struct alternatives *alternatives, uint32_t at)
{
	const struct stored *stored = alternatives->control->first;
	bool same = flow->stores->count == alternatives->control->count;

	for (; same && stored; stored = stored->next)
		same = holds(flow, flow->stores, stored->name);
	if (!same)
		compile_fail(flow->check, alternatives->node->start,
			"alternative patterns bind different names");
	compile_push(flow->check, FLOW_STEP_ALTERNATIVE, alternatives, at + 1);
}

static void see_value(struct flow *flow, const struct ast_node *node)
{
	const struct ast_node *value = ast_MatchValue_value(node);

	if (value->kind != AST_Attribute && !is_literal(value))
		compile_fail(flow->check, node->start,
			"patterns may only match literals and attribute lookups");
	compile_push_node(flow->check, value);
}

static void see_pattern(struct flow *flow, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_MatchValue:
		see_value(flow, node);
		break;
	case AST_MatchSequence:
		see_sequence(flow, node);
		break;
	case AST_MatchMapping:
		see_mapping(flow, node);
		break;
	case AST_MatchClass:
		see_class(flow, node);
		break;
	case AST_MatchStar:
		step_store(flow, node);
		break;
	case AST_MatchAs:
		see_as(flow, node);
		break;
	case AST_MatchOr:
		see_or(flow, node);
		break;
	}
}

static void step_subpattern(struct flow *flow, const struct ast_node *node)
{
	compile_push(flow->check, FLOW_STEP_PATTERN, node, 0);
	compile_push(flow->check, FLOW_STEP_IRREFUTABLE, NULL, flow->irrefutable);
	flow->irrefutable = true;
}

static void step_case(struct flow *flow, const struct ast_node *match, uint32_t at)
{
	struct compile_check *check = flow->check;
	const struct ast_list *cases = ast_Match_cases(match);
	const struct ast_node *branch = cases->items[at];

	flow->stores = new_stores(flow);
	flow->irrefutable = ast_match_case_guard(branch) || at + 1 == cases->count;
	compile_push(check, FLOW_STEP_PATTERN, ast_match_case_pattern(branch), 0);
	compile_push_node(check, ast_match_case_guard(branch));
	compile_push_list(check, ast_match_case_body(branch));
	if (at + 1 < cases->count)
		compile_push(check, FLOW_STEP_CASE, match, at + 1);
}

void flow_see_match(struct flow *flow, const struct ast_node *node)
{
	compile_push_node(flow->check, ast_Match_subject(node));
	compile_push(flow->check, FLOW_STEP_CASE, node, 0);
}

bool flow_pattern_step(struct flow *flow, struct compile_step step)
{
	switch (step.kind) {
	case FLOW_STEP_CASE:
		step_case(flow, step.object, step.number);
		return true;
	case FLOW_STEP_PATTERN:
		see_pattern(flow, step.object);
		return true;
	case FLOW_STEP_SUBPATTERN:
		step_subpattern(flow, step.object);
		return true;
	case FLOW_STEP_IRREFUTABLE:
		flow->irrefutable = step.number;
		return true;
	case FLOW_STEP_STORE:
		step_store(flow, step.object);
		return true;
	case FLOW_STEP_ALTERNATIVE:
		step_alternative(flow, (struct alternatives *)(uintptr_t)step.object, step.number);
		return true;
	case FLOW_STEP_ALTERNATIVE_DONE:
		step_alternative_done(
			flow, (struct alternatives *)(uintptr_t)step.object, step.number);
		return true;
	default:
		return false;
	}
}
