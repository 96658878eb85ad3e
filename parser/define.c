/* Functions, classes and their decorators. */
#include "parser/internal.h"

/* ['->' expression]; a ':' must follow, so what is no expression is none of the arrow either */
static struct ast_node *parse_returns(struct parser *parser)
{
	const struct token *arrow = parser->token;
	struct ast_node *node;

	if (!accept(parser, TOK_RARROW))
		return NULL;
	node = parse_expression(parser);
	if (!node && parser->minor >= 10)
		guess_instead(parser, arrow, "expected ':'");
	return node;
}

/* The name that a definition binds. */
static const struct str *parse_bound_name(struct parser *parser)
{
	const struct token *token = parser->token;
	const struct str *name = name_read(parser);

	return name && name_check_bind(parser, name, token) ? name : NULL;
}

/* function_def_raw: ['async'] 'def' NAME [type_params] '(' [params] ')' ['->' expression] ':' block
 */
struct ast_node *parse_function(struct parser *parser, const struct ast_list *decorators)
{
	uint32_t start = parser->token->start;
	bool async = accept(parser, TOK_KW_ASYNC);
	const struct token *head = parser->token++, *bracket;
	const struct ast_list *type_params, *body;
	struct ast_node *args, *returns, *node;
	const struct str *name;

	name = parse_bound_name(parser);
	bracket = parser->token;
	type_params = name ? parse_type_params(parser) : NULL;
	if (!type_params)
		return name ? guess_instead(parser, bracket, "expected '('") : NULL;
	if (!accept(parser, TOK_LPAR)) {
		if (peek(parser) == TOK_ERROR || parser->minor < 11)
			return parser_fail_here(parser);
		return parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"expected '('");
	}
	args = parse_parameters(parser, TOK_RPAR);
	if (!args || !parser_expect(parser, TOK_RPAR))
		return NULL;
	returns = parse_returns(parser);
	if (parser->failed || !parser_expect_colon(parser, true))
		return NULL;
	body = parse_block_in(parser,
		(struct place){.kind = async ? PLACE_ASYNC_FUNCTION : PLACE_FUNCTION,
			.head = bracket,
			.blocks = 1},
		head);
	if (!body)
		return NULL;
	node = node_new(parser, async ? AST_AsyncFunctionDef : AST_FunctionDef, start,
		block_end(parser, body));
	node->slots[AST_SLOT_FunctionDef_name].name = name;
	node_set(parser, node, AST_SLOT_FunctionDef_args, args);
	node_set_list(parser, node, AST_SLOT_FunctionDef_body, body);
	node_set_list(parser, node, AST_SLOT_FunctionDef_decorator_list, decorators);
	node_set(parser, node, AST_SLOT_FunctionDef_returns, returns);
	node_set_list(parser, node, AST_SLOT_FunctionDef_type_params, type_params);
	return node;
}

/* class_def_raw: 'class' NAME [type_params] ['(' [arguments] ')'] ':' block */
struct ast_node *parse_class(struct parser *parser, const struct ast_list *decorators)
{
	const struct token *head = parser->token++;
	const uint32_t start = head->start;
	const struct str *name = parse_bound_name(parser);
	const struct ast_list *type_params = name ? parse_type_params(parser) : NULL;
	const struct ast_list *bases = &parser_empty_list, *keywords = &parser_empty_list, *body;
	struct ast_node *node;

	if (!type_params)
		return NULL;
	if (accept(parser, TOK_LPAR) &&
		(!parse_arguments(parser, true, last_end(parser) - 1, &bases, &keywords) ||
			!parser_expect(parser, TOK_RPAR)))
		return NULL;
	if (!parser_expect_colon(parser, false))
		return NULL;
	body = parse_block_in(parser, (struct place){.kind = PLACE_CLASS}, head);
	if (!body)
		return NULL;
	node = node_new(parser, AST_ClassDef, start, block_end(parser, body));
	node->slots[AST_SLOT_ClassDef_name].name = name;
	node_set_list(parser, node, AST_SLOT_ClassDef_bases, bases);
	node_set_list(parser, node, AST_SLOT_ClassDef_keywords, keywords);
	node_set_list(parser, node, AST_SLOT_ClassDef_body, body);
	node_set_list(parser, node, AST_SLOT_ClassDef_decorator_list, decorators);
	node_set_list(parser, node, AST_SLOT_ClassDef_type_params, type_params);
	return node;
}

/* decorator of 3.8: dotted_name ['(' [arglist] ')']. What was read as an expression is judged. */
static bool is_old_decorator(const struct parser *parser, const struct token *first)
{
	const struct token *token = first;
	unsigned depth = 0;

	if (token++->kind != TOK_NAME)
		return false;
	while (token[0].kind == TOK_DOT && token[1].kind == TOK_NAME)
		token += 2;
	if (token->kind != TOK_LPAR)
		return token == parser->token;
	do {
		if (token->kind == TOK_LPAR || token->kind == TOK_LSQB || token->kind == TOK_LBRACE)
			depth++;
		if (token->kind == TOK_RPAR || token->kind == TOK_RSQB || token->kind == TOK_RBRACE)
			depth--;
		token++;
	} while (depth);
	return token == parser->token;
}

/* decorators: ('@' named_expression NEWLINE)+ */
static const struct ast_list *parse_decorators(struct parser *parser)
{
	size_t mark = parser->scratch_count;
	const struct token *first;
	struct ast_node *node;

	while (accept(parser, TOK_AT)) {
		first = parser->token;
		node = parse_named_expression(parser);
		if (!node)
			return NULL;
		if (parser->minor == 8 && !is_old_decorator(parser, first))
			return parser_fail_node(parser, node, "invalid syntax");
		if (!parser_expect(parser, TOK_NEWLINE))
			return NULL;
		scratch_push(parser, node);
	}
	return scratch_list(parser, mark);
}

/* decorators (class_def_raw | function_def_raw) */
struct ast_node *parse_decorated(struct parser *parser)
{
	const struct ast_list *decorators = parse_decorators(parser);

	if (!decorators)
		return NULL;
	if (peek(parser) == TOK_KW_CLASS)
		return parse_class(parser, decorators);
	if (peek(parser) == TOK_KW_DEF ||
		(peek(parser) == TOK_KW_ASYNC && parser->token[1].kind == TOK_KW_DEF))
		return parse_function(parser, decorators);
	return parser_fail_here(parser);
}
