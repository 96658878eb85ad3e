/* Simple statements: those that stand on one line. */
#include "parser/internal.h"

#include <string.h>

static struct ast_node *parse_leaf(struct parser *parser, enum ast_kind kind)
{
	const struct token *token = parser->token++;

	return node_new(parser, kind, token->start, token->end);
}

/* return_stmt: 'return' [star_expressions] */
static struct ast_node *parse_return(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	struct ast_node *value = NULL, *node;

	if (parser_starts_expression(peek(parser)))
		value = parse_star_expressions(parser);
	if (parser->failed)
		return NULL;
	node = node_new(parser, AST_Return, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Return_value, value);
	return node;
}

/* raise_stmt: 'raise' [expression ['from' expression]] */
static struct ast_node *parse_raise(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	struct ast_node *exc = NULL, *cause = NULL, *node;

	if (parser_starts_expression(peek(parser))) {
		exc = parse_expression(parser);
		if (exc && accept(parser, TOK_KW_FROM))
			cause = parse_expression(parser);
	}
	if (parser->failed)
		return NULL;
	node = node_new(parser, AST_Raise, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Raise_exc, exc);
	node_set(parser, node, AST_SLOT_Raise_cause, cause);
	return node;
}

/* assert_stmt: 'assert' expression [',' expression] */
static struct ast_node *parse_assert(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	struct ast_node *test = parse_expression(parser), *msg = NULL, *node;

	if (test && accept(parser, TOK_COMMA))
		msg = parse_expression(parser);
	if (parser->failed)
		return NULL;
	node = node_new(parser, AST_Assert, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Assert_test, test);
	node_set(parser, node, AST_SLOT_Assert_msg, msg);
	return node;
}

/* global_stmt: 'global' NAME (',' NAME)* ; nonlocal_stmt likewise */
static struct ast_node *parse_scope(struct parser *parser, enum ast_kind kind)
{
	uint32_t start = parser->token++->start;
	size_t mark = parser->scratch_count;
	const struct str *name;
	struct ast_node *node;

	do {
		name = name_read(parser);
		if (!name)
			return NULL;
		scratch_push(parser, name);
	} while (accept(parser, TOK_COMMA));
	node = node_new(parser, kind, start, last_end(parser));
	node->slots[AST_SLOT_Global_names].names = scratch_names(parser, mark);
	return node;
}

/* del_target: a primary that may be deleted, or a list of them in brackets */
static struct ast_node *parse_del_target(struct parser *parser)
{
	struct ast_node *node;

	if (peek(parser) == TOK_STAR)
		node = parse_starred(parser);
	else
		node = parse_bitwise_or(parser);
	return node && make_target(parser, node, TARGET_DEL) ? node : NULL;
}

/* del_stmt: 'del' del_target (',' del_target)* [','] &(';' | NEWLINE) */
static struct ast_node *parse_del(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	do {
		node = parse_del_target(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (accept(parser, TOK_COMMA) && parser_starts_expression(peek(parser)));
	node = node_new(parser, AST_Delete, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_Delete_targets, scratch_list(parser, mark));
	return node;
}

/* type_alias: "type" NAME [type_params] '=' expression (3.12) */
static struct ast_node *parse_type_alias(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	const struct token *token = parser->token;
	const struct str *name = name_read(parser);
	const struct ast_list *params;
	struct ast_node *target, *value, *node;

	if (!name)
		return NULL;
	params = parse_type_params(parser);
	if (!params || !parser_expect(parser, TOK_EQUAL))
		return NULL;
	value = parse_expression(parser);
	if (!value)
		return NULL;
	target = node_new(parser, AST_Name, token->start, token->end);
	target->slots[AST_SLOT_Name_id].name = name;
	target->op = AST_STORE;
	node = node_new(parser, AST_TypeAlias, start, last_end(parser));
	node_set(parser, node, AST_SLOT_TypeAlias_name, target);
	node_set_list(parser, node, AST_SLOT_TypeAlias_type_params, params);
	node_set(parser, node, AST_SLOT_TypeAlias_value, value);
	return node;
}

/* The AugAssign operator of a token, -1 for none. */
static int augmented_op(enum token_kind kind)
{
	switch (kind) {
	case TOK_PLUSEQUAL:
		return AST_OP_Add;
	case TOK_MINEQUAL:
		return AST_OP_Sub;
	case TOK_STAREQUAL:
		return AST_OP_Mult;
	case TOK_SLASHEQUAL:
		return AST_OP_Div;
	case TOK_DOUBLESLASHEQUAL:
		return AST_OP_FloorDiv;
	case TOK_PERCENTEQUAL:
		return AST_OP_Mod;
	case TOK_ATEQUAL:
		return AST_OP_MatMult;
	case TOK_DOUBLESTAREQUAL:
		return AST_OP_Pow;
	case TOK_VBAREQUAL:
		return AST_OP_BitOr;
	case TOK_AMPEREQUAL:
		return AST_OP_BitAnd;
	case TOK_CIRCUMFLEXEQUAL:
		return AST_OP_BitXor;
	case TOK_LEFTSHIFTEQUAL:
		return AST_OP_LShift;
	case TOK_RIGHTSHIFTEQUAL:
		return AST_OP_RShift;
	default:
		return -1;
	}
}

/* testlist: star_expressions without stars of its own; only 3.8 asks for it. */
static struct ast_node *without_stars(struct parser *parser, struct ast_node *node, uint32_t start)
{
	uint32_t i;

	if (!node || parser->minor > 8)
		return node;
	if (node->kind == AST_Starred && node->start == start)
		return parser_fail_node(parser, node, "invalid syntax");
	if (node->kind != AST_Tuple || parser->text[node->start] == '(')
		return node;
	for (i = 0; i < ast_Tuple_elts(node)->count; i++) {
		const struct ast_node *item = ast_Tuple_elts(node)->items[i];

		if (item->kind == AST_Starred)
			return parser_fail_node(parser, item, "invalid syntax");
	}
	return node;
}

/*
 * Whether a bad target is worth a message: where what follows its operator, the next token, can be
 * read. Else the parse has failed, at that token or with a message of that reading.
 */
static bool reads_on(struct parser *parser, struct ast_node *(*rule)(struct parser *))
{
	const struct token *operator= parser->token++;

	if (parser->minor < 9)
		return true;
	switch (parser_guess(parser, rule, false)) {
	case GUESS_RIGHT:
		return true;
	case GUESS_WRONG:
		parser->token = operator;
		parser_fail_here(parser);
		return false;
	default:
		return false;
	}
}

/* single_target augassign ~ annotated_rhs */
static struct ast_node *parse_aug_assign(
	struct parser *parser, struct ast_node *target, uint32_t start)
{
	int op = augmented_op(peek(parser));
	struct ast_node *value, *node;
	uint32_t value_start;

	/* 3.8 first looks whether it could be a target at all. */
	if (parser->minor == 8 && !make_target(parser, target, TARGET_STAR))
		return NULL;
	if (target->kind != AST_Name && target->kind != AST_Attribute &&
		target->kind != AST_Subscript)
		return reads_on(parser, parse_yield_or_star_expressions)
			       ? parser_fail_node(parser, target,
					 "'%s' is an illegal expression for augmented assignment",
					 expression_noun(parser, target))
			       : NULL;
	if (!make_target(parser, target, TARGET_SINGLE))
		return NULL;
	value_start = (++parser->token)->start;
	value = parse_yield_or_star_expressions(parser);
	if (!without_stars(parser, value, value_start))
		return NULL;
	node = node_new(parser, AST_AugAssign, start, last_end(parser));
	node->op = (uint8_t)op;
	node_set(parser, node, AST_SLOT_AugAssign_target, target);
	node_set(parser, node, AST_SLOT_AugAssign_value, value);
	return node;
}

/* NAME ':' expression ['=' annotated_rhs] ; '(' single_target ')' ':' ... */
static struct ast_node *parse_ann_assign(
	struct parser *parser, struct ast_node *target, const struct token *first)
{
	struct ast_node *annotation, *value = NULL, *node;

	if (target->kind == AST_List || target->kind == AST_Tuple)
		return reads_on(parser, parse_expression)
			       ? parser_fail_node(parser, target,
					 "only single target (not %s) can be annotated",
					 target->kind == AST_List ? "list" : "tuple")
			       : NULL;
	if (target->kind == AST_Starred && parser->minor > 8)
		return parser_fail_here(parser);
	if (target->kind != AST_Name && target->kind != AST_Attribute &&
		target->kind != AST_Subscript)
		return reads_on(parser, parse_expression)
			       ? parser_fail_node(parser, target, "illegal target for annotation")
			       : NULL;
	if (!make_target(parser, target, TARGET_SINGLE))
		return NULL;
	parser->token++;
	annotation = parse_expression(parser);
	if (annotation && accept(parser, TOK_EQUAL))
		value = parse_yield_or_star_expressions(parser);
	if (parser->failed)
		return NULL;
	node = node_new(parser, AST_AnnAssign, first->start, last_end(parser));
	node->number = target->kind == AST_Name && first->kind == TOK_NAME;
	node_set(parser, node, AST_SLOT_AnnAssign_target, target);
	node_set(parser, node, AST_SLOT_AnnAssign_annotation, annotation);
	node_set(parser, node, AST_SLOT_AnnAssign_value, value);
	return node;
}

/* (star_targets '=')+ annotated_rhs !'=', its first target read */
static struct ast_node *parse_assign(struct parser *parser, struct ast_node *value, uint32_t start)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	while (peek(parser) == TOK_EQUAL) {
		if (!make_target(parser, value,
			    parser->scratch_count == mark ? TARGET_STAR : TARGET_NEXT))
			return NULL;
		scratch_push(parser, value);
		parser->token++;
		value = parse_yield_or_star_expressions(parser);
		if (!value)
			return NULL;
	}
	node = node_new(parser, AST_Assign, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_Assign_targets, scratch_list(parser, mark));
	node_set(parser, node, AST_SLOT_Assign_value, value);
	return node;
}

/*
 * The statement `print x` and its like, which Python 2 had. Until 3.9 the message repeats the rest
 * of the line; from 3.10 on guess_comma() sees to it.
 */
static void fail_legacy(struct parser *parser, const struct token *first)
{
	const char *text = parser->text + first->end, *end = text + strcspn(text, ";\r\n");
	const struct token *next = parser->token;

	if (parser->minor > 9 || next != first + 1 || !parser_starts_expression(peek(parser)))
		return;
	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (parser_token_is(parser, first, "exec"))
		parser_fail(parser, DIAG_SYNTAX, next->start, next->end,
			"Missing parentheses in call to 'exec'");
	if (parser_token_is(parser, first, "print"))
		parser_fail(parser, DIAG_SYNTAX, next->start, next->end,
			"Missing parentheses in call to 'print'. Did you mean print(%.*s%s)?",
			end - text < 300 ? (int)(end - text) : 300, text,
			end > text && end[-1] == ',' ? " end=\" \"" : "");
}

/* assignment | star_expressions | yield_expr */
static struct ast_node *parse_expression_stmt(struct parser *parser)
{
	const struct token *first = parser->token;
	struct ast_node *value = parse_yield_or_star_expressions(parser), *node;

	if (!value)
		return NULL;
	if (peek(parser) == TOK_EQUAL)
		return parse_assign(parser, value, first->start);
	if (peek(parser) == TOK_COLON && first->kind != TOK_KW_YIELD)
		return parse_ann_assign(parser, value, first);
	if (augmented_op(peek(parser)) >= 0)
		return parse_aug_assign(parser, value, first->start);
	if (peek(parser) != TOK_NEWLINE && peek(parser) != TOK_SEMI)
		fail_legacy(parser, first);
	node = node_new(parser, AST_Expr, first->start, last_end(parser));
	node_set(parser, node, AST_SLOT_Expr_value, value);
	return node;
}

/* simple_stmt: assignment | type_alias | star_expressions | return_stmt | import_stmt | ... */
static struct ast_node *parse_simple_stmt(struct parser *parser)
{
	switch (peek(parser)) {
	case TOK_KW_PASS:
		return parse_leaf(parser, AST_Pass);
	case TOK_KW_BREAK:
		return parse_leaf(parser, AST_Break);
	case TOK_KW_CONTINUE:
		return parse_leaf(parser, AST_Continue);
	case TOK_KW_RETURN:
		return parse_return(parser);
	case TOK_KW_RAISE:
		return parse_raise(parser);
	case TOK_KW_ASSERT:
		return parse_assert(parser);
	case TOK_KW_DEL:
		return parse_del(parser);
	case TOK_KW_GLOBAL:
		return parse_scope(parser, AST_Global);
	case TOK_KW_NONLOCAL:
		return parse_scope(parser, AST_Nonlocal);
	case TOK_KW_IMPORT:
		return parse_import(parser);
	case TOK_KW_FROM:
		return parse_import_from(parser);
	case TOK_NAME:
		if (parser->minor >= 12 && parser->token[1].kind == TOK_NAME &&
			parser_token_is(parser, parser->token, "type"))
			return parse_type_alias(parser);
		return parse_expression_stmt(parser);
	default:
		return parse_expression_stmt(parser);
	}
}

/* simple_stmts: simple_stmt (';' simple_stmt)* [';'] NEWLINE */
bool parse_simple_stmts(struct parser *parser)
{
	struct ast_node *node;

	do {
		node = parse_simple_stmt(parser);
		if (!node || parser->failed)
			return false;
		doubt_statement(parser, node);
		scratch_push(parser, node);
		if (accept(parser, TOK_NEWLINE))
			return !parser->failed;
	} while (accept(parser, TOK_SEMI) && peek(parser) != TOK_NEWLINE);
	if (accept(parser, TOK_NEWLINE))
		return true;
	parser_fail_here(parser);
	return false;
}
