/* Expressions from the comma down to the unary operators. atom.c has what binds tighter. */
#include "parser/internal.h"

/*
 * How tightly a token binds as a binary operator; 0: it is none. `not` stands for `not in`. The
 * power operator is not here: it belongs to parse_power().
 */
enum {
	BIND_OR = 1,
	BIND_AND,
	BIND_NOT,
	BIND_COMPARE,
	BIND_BITOR,
	BIND_BITXOR,
	BIND_BITAND,
	BIND_SHIFT,
	BIND_SUM,
	BIND_TERM,
	BIND_FACTOR,
};

static const struct {
	uint8_t bind;
	uint8_t op;
} operators[TOK_COUNT] = {
	[TOK_KW_OR] = {BIND_OR, AST_OP_Or},
	[TOK_KW_AND] = {BIND_AND, AST_OP_And},
	[TOK_KW_NOT] = {BIND_COMPARE, AST_OP_NotIn},
	[TOK_KW_IN] = {BIND_COMPARE, AST_OP_In},
	[TOK_KW_IS] = {BIND_COMPARE, AST_OP_Is},
	[TOK_EQEQUAL] = {BIND_COMPARE, AST_OP_Eq},
	[TOK_NOTEQUAL] = {BIND_COMPARE, AST_OP_NotEq},
	[TOK_LESS] = {BIND_COMPARE, AST_OP_Lt},
	[TOK_LESSEQUAL] = {BIND_COMPARE, AST_OP_LtE},
	[TOK_GREATER] = {BIND_COMPARE, AST_OP_Gt},
	[TOK_GREATEREQUAL] = {BIND_COMPARE, AST_OP_GtE},
	[TOK_VBAR] = {BIND_BITOR, AST_OP_BitOr},
	[TOK_CIRCUMFLEX] = {BIND_BITXOR, AST_OP_BitXor},
	[TOK_AMPER] = {BIND_BITAND, AST_OP_BitAnd},
	[TOK_LEFTSHIFT] = {BIND_SHIFT, AST_OP_LShift},
	[TOK_RIGHTSHIFT] = {BIND_SHIFT, AST_OP_RShift},
	[TOK_PLUS] = {BIND_SUM, AST_OP_Add},
	[TOK_MINUS] = {BIND_SUM, AST_OP_Sub},
	[TOK_STAR] = {BIND_TERM, AST_OP_Mult},
	[TOK_AT] = {BIND_TERM, AST_OP_MatMult},
	[TOK_SLASH] = {BIND_TERM, AST_OP_Div},
	[TOK_DOUBLESLASH] = {BIND_TERM, AST_OP_FloorDiv},
	[TOK_PERCENT] = {BIND_TERM, AST_OP_Mod},
};

static struct ast_node *parse_binary(struct parser *parser, uint8_t bind);
static struct ast_node *parse_factor(struct parser *parser);

/* Wraps operand in the prefix operators of the tokens [first, last), the last one innermost. */
static struct ast_node *wrap_prefixes(struct parser *parser, const struct token *first,
	const struct token *last, struct ast_node *operand)
{
	uint32_t end = last_end(parser);

	while (operand && last > first) {
		struct ast_node *node = node_new(parser, AST_UnaryOp, (--last)->start, end);

		node->op = last->kind == TOK_PLUS    ? AST_OP_UAdd
			   : last->kind == TOK_MINUS ? AST_OP_USub
			   : last->kind == TOK_TILDE ? AST_OP_Invert
						     : AST_OP_Not;
		node_set(parser, node, AST_SLOT_UnaryOp_operand, operand);
		operand = node;
	}
	return parser->failed ? NULL : operand;
}

/* power: await_primary ['**' factor] */
static struct ast_node *parse_power(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *left = parse_primary(parser);
	struct ast_node *right, *node;

	if (!left || !accept(parser, TOK_DOUBLESTAR))
		return left;
	if (!parser_enter(parser))
		return NULL;
	right = parse_factor(parser);
	parser_leave(parser);
	if (!right)
		return NULL;
	node = node_new(parser, AST_BinOp, start, last_end(parser));
	node->op = AST_OP_Pow;
	node_set(parser, node, AST_SLOT_BinOp_left, left);
	node_set(parser, node, AST_SLOT_BinOp_right, right);
	return node;
}

static struct ast_node *parse_inversion(struct parser *parser);

/* invalid_arithmetic, invalid_factor: `a + not b`, `- not a` */
static struct ast_node *fail_bare_not(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *node;

	if (parser->minor < 13 || !parser_enter(parser))
		return parser_fail_here(parser);
	node = parse_inversion(parser);
	parser_leave(parser);
	return node ? parser_fail(parser, DIAG_SYNTAX, start, last_end(parser),
			      "'not' after an operator must be parenthesized")
		    : NULL;
}

/* factor: ('+' | '-' | '~') factor | power */
static struct ast_node *parse_factor(struct parser *parser)
{
	const struct token *first = parser->token, *last;
	struct ast_node *operand;

	if (first->kind != TOK_PLUS && first->kind != TOK_MINUS && first->kind != TOK_TILDE)
		return parse_power(parser);
	while (accept(parser, TOK_PLUS) || accept(parser, TOK_MINUS) || accept(parser, TOK_TILDE))
		;
	last = parser->token;
	if (peek(parser) == TOK_KW_NOT)
		return fail_bare_not(parser);
	operand = parse_power(parser);
	return wrap_prefixes(parser, first, last, operand);
}

/* inversion: 'not' inversion | comparison */
static struct ast_node *parse_inversion(struct parser *parser)
{
	const struct token *first = parser->token, *last;
	struct ast_node *operand;

	while (accept(parser, TOK_KW_NOT))
		;
	last = parser->token;
	operand = parse_binary(parser, BIND_COMPARE);
	return wrap_prefixes(parser, first, last, operand);
}

/* disjunction: conjunction ('or' conjunction)+ ; conjunction: inversion ('and' inversion)+ */
static struct ast_node *parse_bool(struct parser *parser, struct ast_node *first, uint32_t start)
{
	enum token_kind kind = peek(parser);
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	scratch_push(parser, first);
	while (accept(parser, kind)) {
		node = parse_binary(parser, operators[kind].bind + 1);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	}
	node = node_new(parser, AST_BoolOp, start, last_end(parser));
	node->op = operators[kind].op;
	node_set_list(parser, node, AST_SLOT_BoolOp_values, scratch_list(parser, mark));
	return node;
}

/*
 * Reads a comparison operator: '==' '!=' '<' '<=' '>' '>=' 'in' 'not' 'in' 'is' ['not'].
 * Returns an enum ast_op, -1 where there is none.
 */
static int read_comparison_op(struct parser *parser)
{
	const struct token *token = parser->token;

	if (operators[token->kind].bind != BIND_COMPARE)
		return -1;
	if (token->kind == TOK_KW_NOT) {
		if (token[1].kind != TOK_KW_IN)
			return -1;
		parser->token += 2;
		return AST_OP_NotIn;
	}
	if (token->kind == TOK_NOTEQUAL && (parser->text[token->start] == '<') != parser->barry) {
		if (parser->barry)
			parser_fail(parser, DIAG_SYNTAX, token->start, token->end,
				"with Barry as BDFL, use '<>' instead of '!='");
		return -1;
	}
	parser->token++;
	if (token->kind == TOK_KW_IS && accept(parser, TOK_KW_NOT))
		return AST_OP_IsNot;
	return operators[token->kind].op;
}

/* The operators and comparators collected in turn on the scratch, as the two lists of Compare. */
static void finish_compare(struct parser *parser, struct ast_node *node, size_t mark)
{
	size_t count = (parser->scratch_count - mark) / 2, i;
	struct ast_list *list = list_new(parser, count);
	struct ast_ops *ops = parser_alloc(parser, sizeof(*ops) + count);

	if (!list || !ops)
		return;
	ops->count = (uint32_t)count;
	for (i = 0; i < count; i++) {
		ops->items[i] = (uint8_t)(uintptr_t)parser->scratch[mark + 2 * i];
		list_set(list, i, parser->scratch[mark + 2 * i + 1]);
	}
	node->slots[AST_SLOT_Compare_ops].ops = ops;
	node_set_list(parser, node, AST_SLOT_Compare_comparators, list);
}

/* comparison: bitwise_or (comparison_op bitwise_or)* */
static struct ast_node *parse_comparison(
	struct parser *parser, struct ast_node *left, uint32_t start)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;
	int op;

	while ((op = read_comparison_op(parser)) >= 0) {
		node = parse_binary(parser, BIND_BITOR);
		if (!node)
			return NULL;
		scratch_push(parser, (const void *)(uintptr_t)op);
		scratch_push(parser, node);
	}
	if (parser->scratch_count == mark)
		return left;
	node = node_new(parser, AST_Compare, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Compare_left, left);
	finish_compare(parser, node, mark);
	parser->scratch_count = mark;
	return node;
}

/* One step of a left-associative operator: left is what stands before it. */
static struct ast_node *parse_binop(
	struct parser *parser, struct ast_node *left, uint32_t start, uint8_t bind)
{
	uint8_t op = operators[peek(parser)].op;
	struct ast_node *right, *node;

	parser->token++;
	if (peek(parser) == TOK_KW_NOT && bind >= BIND_SUM)
		return fail_bare_not(parser);
	right = parse_binary(parser, bind + 1);
	if (!right)
		return NULL;
	node = node_new(parser, AST_BinOp, start, last_end(parser));
	node->op = op;
	node_set(parser, node, AST_SLOT_BinOp_left, left);
	node_set(parser, node, AST_SLOT_BinOp_right, right);
	return node;
}

/* All binary operators that bind at least as tightly as `bind`, by precedence climbing. */
static struct ast_node *parse_binary(struct parser *parser, uint8_t bind)
{
	uint32_t start = parser->token->start;
	struct ast_node *left, *node;

	if (peek(parser) == TOK_KW_NOT && bind <= BIND_NOT)
		left = parse_inversion(parser);
	else
		left = parse_factor(parser);
	while (left && !parser->failed) {
		uint8_t here = operators[peek(parser)].bind;

		if (here == 0 || here < bind)
			return left;
		if (here <= BIND_AND) {
			left = parse_bool(parser, left, start);
		} else if (here == BIND_COMPARE) {
			node = parse_comparison(parser, left, start);
			if (node == left)
				return left;
			left = node;
		} else {
			left = parse_binop(parser, left, start, here);
		}
	}
	return NULL;
}

struct ast_node *parse_disjunction(struct parser *parser)
{
	return parse_binary(parser, BIND_OR);
}

struct ast_node *parse_bitwise_or(struct parser *parser)
{
	return parse_binary(parser, BIND_BITOR);
}

/* lambdef: 'lambda' [lambda_params] ':' expression ; nocond (3.8): a body without a condition */
static struct ast_node *parse_lambda(struct parser *parser, bool nocond)
{
	uint32_t start = parser->token->start;
	struct ast_node *args, *body, *node;

	parser->seen |= SEEN_SCOPE;
	parser->token++;
	args = parse_parameters(parser, TOK_COLON);
	if (!args || !parser_expect_colon(parser, true))
		return NULL;
	if (peek(parser) == TOK_FSTRING_MIDDLE && !parser->guessing)
		return parser_fail(parser, DIAG_SYNTAX, start, last_end(parser),
			"%c-string: lambda expressions are not allowed without parentheses",
			parser->token->flags & TOKEN_TEMPLATE ? 't' : 'f');
	if (!nocond)
		body = parse_expression(parser);
	else
		body = parse_lambda_nocond(parser);
	if (!body)
		return NULL;
	node = node_new(parser, AST_Lambda, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Lambda_args, args);
	node_set(parser, node, AST_SLOT_Lambda_body, body);
	return node;
}

/* test_nocond (3.8): or_test | lambdef_nocond */
struct ast_node *parse_lambda_nocond(struct parser *parser)
{
	struct ast_node *node;

	if (!parser_enter(parser))
		return NULL;
	if (peek(parser) == TOK_KW_LAMBDA)
		node = parse_lambda(parser, true);
	else
		node = parse_disjunction(parser);
	parser_leave(parser);
	return node;
}

/* 'if' disjunction 'else', for the conditional expression that began at start */
static struct ast_node *parse_condition(struct parser *parser, uint32_t start)
{
	struct ast_node *test;

	parser->token++;
	test = parse_disjunction(parser);
	if (!test)
		return NULL;
	if (accept(parser, TOK_KW_ELSE))
		return test;
	if (peek(parser) == TOK_COLON || parser->minor < 10)
		return parser_fail_here(parser);
	return parser_fail(parser, DIAG_SYNTAX, start, last_end(parser),
		"expected 'else' after 'if' expression");
}

/*
 * The rest of a conditional expression, from its `if` on. What stands behind the `else` may be one
 * more of them: all are read in turn, then made from the last one up.
 */
static struct ast_node *parse_conditional(
	struct parser *parser, struct ast_node *body, uint32_t start)
{
	size_t mark = parser->scratch_count;
	struct ast_node *test, *node = body;
	const struct token *first;

	do {
		test = parse_condition(parser, start);
		if (!test)
			return NULL;
		scratch_push(parser, (const void *)(uintptr_t)start);
		scratch_push(parser, node);
		scratch_push(parser, test);
		first = parser->token;
		start = first->start;
		node = peek(parser) == TOK_KW_LAMBDA ? parse_lambda(parser, false)
						     : parse_disjunction(parser);
		parser->operand = first;
		parser->behind_operand = parser->token;
	} while (node && peek(parser) == TOK_KW_IF);
	while (node && !parser->failed && parser->scratch_count > mark) {
		const void *const *part = parser->scratch + (parser->scratch_count -= 3);
		struct ast_node *orelse = node;

		node = node_new(parser, AST_IfExp, (uint32_t)(uintptr_t)part[0], last_end(parser));
		node_set(parser, node, AST_SLOT_IfExp_test, part[2]);
		node_set(parser, node, AST_SLOT_IfExp_body, part[1]);
		node_set(parser, node, AST_SLOT_IfExp_orelse, orelse);
	}
	return node;
}

/* expression: disjunction ['if' disjunction 'else' expression] | lambdef */
struct ast_node *parse_expression(struct parser *parser)
{
	const struct token *first = parser->token;
	struct ast_node *node;

	if (!parser_enter(parser))
		return NULL;
	if (first->kind == TOK_KW_LAMBDA) {
		node = parse_lambda(parser, false);
	} else {
		node = parse_disjunction(parser);
		parser->operand = first;
		parser->behind_operand = parser->token;
		if (node && peek(parser) == TOK_KW_IF)
			node = parse_conditional(parser, node, first->start);
	}
	parser_leave(parser);
	return parser->failed ? NULL : node;
}

/* The rest of an assignment expression, from its `:=` on. */
static struct ast_node *parse_walrus(struct parser *parser, struct ast_node *target, uint32_t start)
{
	struct ast_node *value, *node;

	parser->token++;
	value = parse_expression(parser);
	if (!value)
		return NULL;
	parser->seen |= SEEN_OUTER;
	parser->doubtful |= parser->in_fragment;
	node = node_new(parser, AST_NamedExpr, start, last_end(parser));
	node_set(parser, node, AST_SLOT_NamedExpr_target, target);
	node_set(parser, node, AST_SLOT_NamedExpr_value, value);
	return node;
}

/*
 * invalid_named_expression: an expression with a single '=' behind it, where '==' or ':=' was
 * meant. What does not look like that is left to the caller.
 */
struct ast_node *check_equal(struct parser *parser, struct ast_node *node)
{
	const struct token *equal = parser->token;
	enum guess guess;

	if (node->kind == AST_Tuple || node->kind == AST_List || node->kind == AST_GeneratorExp ||
		(node->kind == AST_Constant && node->op <= AST_CONST_TRUE) ||
		node->kind == AST_IfExp || node->kind == AST_Compare || node->kind == AST_BoolOp ||
		node->kind == AST_Lambda)
		return node;
	parser->token++;
	guess = parser_guess(parser, parse_bitwise_or, false);
	if (guess == GUESS_TOLD)
		return NULL;
	if (guess == GUESS_WRONG || peek(parser) == TOK_EQUAL || peek(parser) == TOK_COLONEQUAL) {
		parser->token = equal;
		return node;
	}
	if (node->kind == AST_Name && equal[-1].kind == TOK_NAME)
		return parser_fail(parser, DIAG_SYNTAX, node->start, last_end(parser),
			"invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
	return parser_fail_node(parser, node,
		"cannot assign to %s here. Maybe you meant '==' instead of '='?",
		expression_noun(parser, node));
}

struct ast_node *parse_named_expression(struct parser *parser)
{
	struct ast_node *node = parse_plain_named_expression(parser, false);

	if (node && peek(parser) == TOK_EQUAL && parser->minor >= 10 && !parser->in_fragment &&
		!parser->guessing)
		return check_equal(parser, node);
	return node;
}

struct ast_node *parse_plain_named_expression(struct parser *parser, bool argument)
{
	const struct token *first = parser->token;
	struct ast_node *node = parse_expression(parser);

	if (!node || peek(parser) != TOK_COLONEQUAL)
		return node;
	if (node->kind != AST_Name && argument && parser->minor > 9)
		return parser_fail_here(parser);
	if (node->kind != AST_Name)
		return parser_fail_node(parser, node, "cannot use assignment expressions with %s",
			expression_noun(parser, node));
	/* 3.8 looks at the tree, where parentheses are gone; later versions at the tokens. */
	if (first->kind != TOK_NAME && parser->minor > 8)
		return parser_fail_here(parser);
	if (!make_target(parser, node, TARGET_SINGLE))
		return NULL;
	return parse_walrus(parser, node, first->start);
}

/* star_expression: '*' bitwise_or */
struct ast_node *parse_starred(struct parser *parser)
{
	const struct token *first = parser->token;
	uint32_t start = first->start;
	struct ast_node *value, *node;

	parser->token++;
	value = parse_bitwise_or(parser);
	if (!value)
		return NULL;
	doubt_star(parser, first);
	node = node_new(parser, AST_Starred, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Starred_value, value);
	return node;
}

static struct ast_node *parse_star_expression(struct parser *parser)
{
	return peek(parser) == TOK_STAR ? parse_starred(parser) : parse_expression(parser);
}

/* star_named_expression: '*' bitwise_or | named_expression */
struct ast_node *parse_star_named_expression(struct parser *parser)
{
	return peek(parser) == TOK_STAR ? parse_starred(parser) : parse_named_expression(parser);
}

/* (',' item)* [','] behind the first item, which began at start: the tuple of them. */
struct ast_node *parse_tuple_after(struct parser *parser, struct ast_node *first, uint32_t start,
	struct ast_node *(*parse_item)(struct parser *parser))
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	scratch_push(parser, first);
	while (accept(parser, TOK_COMMA) && parser_starts_expression(peek(parser))) {
		node = parse_item(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	}
	node = node_new(parser, AST_Tuple, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_Tuple_elts, scratch_list(parser, mark));
	return node;
}

/* star_expressions: star_expression (',' star_expression)* [','] */
struct ast_node *parse_star_expressions(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *first = parse_star_expression(parser);

	if (!first || peek(parser) != TOK_COMMA)
		return first;
	return parse_tuple_after(parser, first, start, parse_star_expression);
}

/* yield_expr: 'yield' 'from' expression | 'yield' [star_expressions] */
struct ast_node *parse_yield(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *value = NULL, *node;
	bool from;

	doubt_yield(parser);
	parser->token++;
	from = accept(parser, TOK_KW_FROM);
	if (from)
		value = parse_expression(parser);
	else if (parser_starts_expression(peek(parser)))
		value = parse_star_expressions(parser);
	if (parser->failed)
		return NULL;
	node = node_new(parser, from ? AST_YieldFrom : AST_Yield, start, last_end(parser));
	node_set(parser, node, from ? AST_SLOT_YieldFrom_value : AST_SLOT_Yield_value, value);
	return node;
}

/* annotated_rhs: yield_expr | star_expressions */
struct ast_node *parse_yield_or_star_expressions(struct parser *parser)
{
	if (peek(parser) == TOK_KW_YIELD)
		return parse_yield(parser);
	return parse_star_expressions(parser);
}
