/* Compound statements: those that hold blocks. Their nesting is bounded by the lexer's indents. */
#include "parser/internal.h"

void *fail_no_block(struct parser *parser, const struct token *head)
{
	uint32_t line = source_position(parser->source, head->start).line;
	const char *name = parser->text + head->start;
	int len = (int)(head->end - head->start);

	if (peek(parser) == TOK_ERROR)
		return parser_fail_here(parser);
	if (parser->minor < 10)
		return parser_fail_next(parser, DIAG_INDENTATION, "expected an indented block");
	if (head->kind == TOK_KW_DEF || head->kind == TOK_KW_CLASS)
		return parser_fail_next(parser, DIAG_INDENTATION,
			"expected an indented block after %s definition on line %u",
			head->kind == TOK_KW_DEF ? "function" : "class", line);
	return parser_fail_next(parser, DIAG_INDENTATION,
		"expected an indented block after '%.*s%s' statement on line %u", len, name,
		head->kind == TOK_KW_EXCEPT && head[1].kind == TOK_STAR ? "*" : "", line);
}

/* block: NEWLINE INDENT statement+ DEDENT | simple_stmts */
const struct ast_list *parse_block(struct parser *parser, const struct token *head)
{
	size_t mark = parser->scratch_count;

	doubt_head(parser, head);
	if (!accept(parser, TOK_NEWLINE))
		return parse_simple_stmts(parser) ? scratch_list(parser, mark) : NULL;
	if (!accept(parser, TOK_INDENT))
		return fail_no_block(parser, head);
	if (!parser_enter(parser))
		return NULL;
	do {
		if (!parse_statement(parser))
			return NULL;
	} while (!accept(parser, TOK_DEDENT) && peek(parser) != TOK_ENDMARKER);
	parser_leave(parser);
	return scratch_list(parser, mark);
}

const struct ast_list *parse_block_in(
	struct parser *parser, struct place place, const struct token *head)
{
	struct place around = parser->place;
	const struct ast_list *body;

	parser->place = place;
	parser->doubtful |= place.blocks > PLACE_BLOCKS_PLAIN;
	body = parse_block(parser, head);
	parser->place = around;
	return body;
}

/* The place within a statement that adds so many blocks to it. */
static struct place within(const struct parser *parser, uint32_t loops, uint32_t blocks)
{
	struct place place = parser->place;

	place.loops += loops;
	place.blocks += blocks;
	place.leading = LEADING_NO;
	return place;
}

/* ':' block, after what may lack the ':' only by an oversight (always), or anything else */
static const struct ast_list *parse_colon_block(
	struct parser *parser, const struct token *head, bool always)
{
	return parser_expect_colon(parser, always) ? parse_block(parser, head) : NULL;
}

/*
 * Where a statement that ends in a block ends: after the last token that is no layout. 3.8 takes
 * the end of the block's last statement, without a semicolon after it.
 */
uint32_t block_end(const struct parser *parser, const struct ast_list *body)
{
	const struct token *token = parser->token - 1;

	if (parser->minor == 8 && body->count)
		return body->items[body->count - 1]->end;
	while (token->kind == TOK_NEWLINE || token->kind == TOK_DEDENT || token->kind == TOK_INDENT)
		token--;
	return token->end;
}

/* else_block: 'else' ':' block; the empty list where there is none */
static const struct ast_list *parse_else(struct parser *parser)
{
	if (!accept(parser, TOK_KW_ELSE))
		return &parser_empty_list;
	return parse_colon_block(parser, parser->token - 1, true);
}

static const struct ast_list *last_of(const struct ast_list *body, const struct ast_list *orelse)
{
	return orelse->count ? orelse : body;
}

/* One `if` or `elif` with its block; its `orelse` comes later. */
static struct ast_node *parse_if_part(struct parser *parser)
{
	const struct token *head = parser->token++;
	struct ast_node *test = parse_named_expression(parser), *node;
	const struct ast_list *body;

	if (!test)
		return NULL;
	body = parse_colon_block(parser, head, false);
	if (!body)
		return NULL;
	node = node_new(parser, AST_If, head->start, 0);
	node_set(parser, node, AST_SLOT_If_test, test);
	node_set_list(parser, node, AST_SLOT_If_body, body);
	return node;
}

/* if_stmt: 'if' named_expression ':' block ('elif' named_expression ':' block)* [else_block] */
static struct ast_node *parse_if(struct parser *parser)
{
	size_t mark = parser->scratch_count, i;
	const struct ast_list *orelse;
	struct ast_node *node;
	uint32_t end;

	do {
		node = parse_if_part(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (peek(parser) == TOK_KW_ELIF);
	orelse = parse_else(parser);
	if (!orelse)
		return NULL;
	end = block_end(parser, last_of(ast_If_body(node), orelse));
	for (i = parser->scratch_count; i-- > mark && !parser->failed;) {
		node = (struct ast_node *)(uintptr_t)parser->scratch[i];
		node->end = end;
		node_set_list(parser, node, AST_SLOT_If_orelse, orelse);
		orelse = list_of(parser, node);
	}
	parser->scratch_count = mark;
	return parser->failed ? NULL : node;
}

/* while_stmt: 'while' named_expression ':' block [else_block] */
static struct ast_node *parse_while(struct parser *parser)
{
	const struct token *head = parser->token++;
	struct ast_node *test = parse_named_expression(parser), *node;
	const struct ast_list *body, *orelse;

	if (!test)
		return NULL;
	body = parser_expect_colon(parser, false)
		       ? parse_block_in(parser, within(parser, 1, 1), head)
		       : NULL;
	orelse = body ? parse_else(parser) : NULL;
	if (!orelse)
		return NULL;
	node = node_new(parser, AST_While, head->start, block_end(parser, last_of(body, orelse)));
	node_set(parser, node, AST_SLOT_While_test, test);
	node_set_list(parser, node, AST_SLOT_While_body, body);
	node_set_list(parser, node, AST_SLOT_While_orelse, orelse);
	return node;
}

/* What a `for` runs over: star_expressions; 3.8 has testlist there, without stars. */
static struct ast_node *parse_for_iter(struct parser *parser)
{
	uint32_t i;
	struct ast_node *node;

	if (parser->minor == 8 && peek(parser) == TOK_STAR)
		return parser_fail_here(parser);
	node = parse_star_expressions(parser);
	if (!node || parser->minor > 8 || node->kind != AST_Tuple ||
		parser->text[node->start] == '(')
		return node;
	for (i = 0; i < ast_Tuple_elts(node)->count; i++) {
		if (ast_Tuple_elts(node)->items[i]->kind == AST_Starred)
			return parser_fail_node(
				parser, ast_Tuple_elts(node)->items[i], "invalid syntax");
	}
	return node;
}

/* for_stmt: ['async'] 'for' star_targets 'in' ~ star_expressions ':' block [else_block] */
static struct ast_node *parse_for(struct parser *parser, uint32_t start, bool async)
{
	const struct token *head = parser->token++;
	struct ast_node *target, *iter, *node;
	const struct ast_list *body, *orelse;

	target = parse_star_targets(parser);
	if (!target || !make_target(parser, target, TARGET_STAR) ||
		!parser_expect(parser, TOK_KW_IN))
		return NULL;
	iter = parse_for_iter(parser);
	body = iter && parser_expect_colon(parser, false)
		       ? parse_block_in(parser, within(parser, 1, 1), head)
		       : NULL;
	orelse = body ? parse_else(parser) : NULL;
	if (!orelse)
		return NULL;
	node = node_new(parser, async ? AST_AsyncFor : AST_For, start,
		block_end(parser, last_of(body, orelse)));
	node_set(parser, node, AST_SLOT_For_target, target);
	node_set(parser, node, AST_SLOT_For_iter, iter);
	node_set_list(parser, node, AST_SLOT_For_body, body);
	node_set_list(parser, node, AST_SLOT_For_orelse, orelse);
	return node;
}

/* with_item: expression ['as' star_target] */
static struct ast_node *parse_with_item(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *context = parse_expression(parser), *vars = NULL, *node;

	if (!context)
		return NULL;
	if (accept(parser, TOK_KW_AS)) {
		if (parser->minor == 8 && peek(parser) == TOK_STAR)
			return parser_fail_here(parser);
		vars = parse_star_target(parser);
		if (!vars)
			return NULL;
	}
	node = node_new(parser, AST_withitem, start, last_end(parser));
	node_set(parser, node, AST_SLOT_withitem_context_expr, context);
	node_set(parser, node, AST_SLOT_withitem_optional_vars, vars);
	return node;
}

/* with_item (',' with_item)*, a comma before `close` allowed */
static const struct ast_list *parse_with_items(struct parser *parser, enum token_kind close)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	do {
		node = parse_with_item(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (accept(parser, TOK_COMMA) && peek(parser) != close);
	return scratch_list(parser, mark);
}

/* Whether the bracket at the next token closes before a ':' or where one was forgotten, in one pass
 * over the tokens. */
static bool paren_before_colon(const struct parser *parser)
{
	const struct token *token = parser->token;
	unsigned depth = 0;

	for (;; token++) {
		switch (token->kind) {
		case TOK_LPAR:
		case TOK_LSQB:
		case TOK_LBRACE:
			depth++;
			break;
		case TOK_RPAR:
		case TOK_RSQB:
		case TOK_RBRACE:
			if (--depth == 0)
				return token[1].kind == TOK_COLON || token[1].kind == TOK_NEWLINE;
			break;
		case TOK_ENDMARKER:
		case TOK_ERROR:
			return false;
		default:
			break;
		}
	}
}

/*
 * The items of a with statement. A parenthesis is tried as the one around all items first (3.9 and
 * later), then as the beginning of an expression.
 */
static const struct ast_list *parse_with_head(struct parser *parser)
{
	const struct token *told_at = NULL;
	const struct ast_list *items;
	struct parser_mark mark;
	struct diag told;

	if (parser->minor > 8 && peek(parser) == TOK_LPAR && paren_before_colon(parser)) {
		mark = parser_mark(parser);
		parser->token++;
		items = parse_with_items(parser, TOK_RPAR);
		if (items && accept(parser, TOK_RPAR) &&
			(peek(parser) == TOK_COLON || peek(parser) == TOK_NEWLINE))
			return items;
		told = parser->error;
		told_at = parser->failed && !parser->generic ? parser->token : NULL;
		if (!parser_back(parser, mark))
			return NULL;
	}
	items = parse_with_items(parser, TOK_COUNT);
	/* If neither reading holds, the one with something to say has the word. */
	if (told_at && (parser->failed ? parser->generic : peek(parser) == TOK_KW_AS)) {
		parser->failed = true;
		parser->generic = false;
		parser->error = told;
		parser->token = told_at;
		return NULL;
	}
	return items;
}

/* with_stmt: ['async'] 'with' (with_items | '(' with_items [','] ')') ':' block */
static struct ast_node *parse_with(struct parser *parser, uint32_t start, bool async)
{
	const struct token *head = parser->token++;
	const struct ast_list *items = parse_with_head(parser), *body;
	struct ast_node *node;

	body = items && parser_expect_colon(parser, false)
		       ? parse_block_in(parser, within(parser, 0, items->count), head)
		       : NULL;
	if (!body)
		return NULL;
	node = node_new(parser, async ? AST_AsyncWith : AST_With, start, block_end(parser, body));
	node_set_list(parser, node, AST_SLOT_With_items, items);
	node_set_list(parser, node, AST_SLOT_With_body, body);
	return node;
}

/* invalid_except_stmt: expression ',' expressions ['as' NAME] ':' ; from 3.14 on only with `as` */
static void *fail_bare_types(struct parser *parser, const struct token *first, bool with_as)
{
	const struct token *token = parser->token;

	if (token->kind == TOK_KW_AS && token[1].kind == TOK_NAME)
		token += 2;
	if (token->kind != TOK_COLON || parser->minor < 10)
		return parser_fail_here(parser);
	return parser_fail(parser, DIAG_SYNTAX, first->start, token->end,
		"multiple exception types must be parenthesized%s",
		with_as ? " when using 'as'" : "");
}

/* What an `except` catches: expression ['as' NAME]; from 3.14 on also a bare list of them */
static struct ast_node *parse_except_type(struct parser *parser)
{
	const struct token *token = parser->token, *comma;
	struct ast_node *first = parse_expression(parser), *node;

	if (!first || peek(parser) != TOK_COMMA)
		return first;
	comma = parser->token;
	if (parser->minor < 14 && !parser_starts_expression((enum token_kind)comma[1].kind))
		return parser_fail_here(parser);
	node = parse_tuple_after(parser, first, token->start, parse_expression);
	if (parser->minor < 14) {
		if (node && (parser->minor < 10 ||
				    (peek(parser) != TOK_COLON && peek(parser) != TOK_KW_AS)))
			parser->token = comma;
		return node ? fail_bare_types(parser, token, false)
			    : guess_instead(parser, comma, "invalid syntax");
	}
	if (node && peek(parser) == TOK_KW_AS)
		return fail_bare_types(parser, token, true);
	return node;
}

/* except_block: 'except' ['*'] [expression ['as' NAME]] ':' block */
static struct ast_node *parse_except(struct parser *parser, bool *ret_star)
{
	const struct token *head = parser->token++;
	struct ast_node *type = NULL, *node;
	const struct str *name = NULL;
	const struct ast_list *body;
	const struct token *token;

	*ret_star = parser->minor >= 11 && accept(parser, TOK_STAR);
	parser->doubtful |= *ret_star;
	if (*ret_star && (peek(parser) == TOK_COLON || peek(parser) == TOK_NEWLINE))
		return parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"expected one or more exception types");
	if (peek(parser) != TOK_COLON && peek(parser) != TOK_NEWLINE) {
		type = parse_except_type(parser);
		if (!type)
			return NULL;
	}
	if (type && accept(parser, TOK_KW_AS)) {
		token = parser->token;
		name = name_read(parser);
		if (!name || !name_check_bind(parser, name, token))
			return NULL;
	}
	body = parse_colon_block(parser, head, false);
	if (!body)
		return NULL;
	node = node_new(parser, AST_ExceptHandler, head->start, block_end(parser, body));
	node_set(parser, node, AST_SLOT_ExceptHandler_type, type);
	node->slots[AST_SLOT_ExceptHandler_name].name = name;
	node_set_list(parser, node, AST_SLOT_ExceptHandler_body, body);
	return node;
}

/* except_block+ or except_star_block+, never mixed; none is an empty list */
static const struct ast_list *parse_handlers(struct parser *parser, bool *ret_star)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;
	bool star;

	*ret_star = false;
	while (peek(parser) == TOK_KW_EXCEPT) {
		node = parse_except(parser, &star);
		if (!node)
			return NULL;
		if (parser->scratch_count > mark && star != *ret_star)
			return parser_fail_node(parser, node,
				"cannot have both 'except' and 'except*' on the same 'try'");
		*ret_star = star;
		scratch_push(parser, node);
		/* A bare one must be the last. */
		parser->doubtful |= !ast_ExceptHandler_type(node) && peek(parser) == TOK_KW_EXCEPT;
	}
	return scratch_list(parser, mark);
}

/* finally_block: 'finally' ':' block */
static const struct ast_list *parse_finally(struct parser *parser)
{
	if (!accept(parser, TOK_KW_FINALLY))
		return &parser_empty_list;
	return parse_colon_block(parser, parser->token - 1, true);
}

static void *fail_no_handler(struct parser *parser)
{
	const char *message = "expected 'except' or 'finally' block";

	if (parser->minor < 10 && parser->token->start < parser->source->text.len)
		return parser_fail_here(parser);
	if (parser->minor < 10)
		message = "unexpected EOF while parsing";
	return parser_fail_next(parser, DIAG_SYNTAX, "%s", message);
}

/* try_stmt: 'try' ':' block (except_block+ [else_block] [finally_block] | finally_block) */
static struct ast_node *parse_try_parts(struct parser *parser)
{
	const struct token *head = parser->token++;
	const struct ast_list *body = parse_colon_block(parser, head, true), *handlers, *orelse,
			      *finalbody, *last;
	struct ast_node *node;
	bool star;

	handlers = body ? parse_handlers(parser, &star) : NULL;
	if (!handlers)
		return NULL;
	orelse = handlers->count ? parse_else(parser) : &parser_empty_list;
	finalbody = orelse ? parse_finally(parser) : NULL;
	if (!finalbody)
		return NULL;
	if (!handlers->count && !finalbody->count)
		return fail_no_handler(parser);
	last = finalbody->count ? finalbody : last_of(handlers, orelse);
	node = node_new(parser, star ? AST_TryStar : AST_Try, head->start, block_end(parser, last));
	node_set_list(parser, node, AST_SLOT_Try_body, body);
	node_set_list(parser, node, AST_SLOT_Try_handlers, handlers);
	node_set_list(parser, node, AST_SLOT_Try_orelse, orelse);
	node_set_list(parser, node, AST_SLOT_Try_finalbody, finalbody);
	return node;
}

static struct ast_node *parse_try(struct parser *parser)
{
	struct place around = parser->place;
	struct ast_node *node;

	parser->place = within(parser, 0, PLACE_BLOCKS_TRY);
	parser->doubtful |= parser->place.blocks > PLACE_BLOCKS_PLAIN;
	node = parse_try_parts(parser);
	parser->place = around;
	return node;
}

/* ['async'] (def | for | with) */
static struct ast_node *parse_async(struct parser *parser, const struct ast_list *decorators)
{
	uint32_t start = parser->token->start;

	parser->doubtful |=
		parser->token[1].kind != TOK_KW_DEF && parser->place.kind != PLACE_ASYNC_FUNCTION;
	switch (parser->token[1].kind) {
	case TOK_KW_DEF:
		return parse_function(parser, decorators);
	case TOK_KW_FOR:
		parser->token++;
		return parse_for(parser, start, true);
	case TOK_KW_WITH:
		parser->token++;
		return parse_with(parser, start, true);
	default:
		parser->token++;
		return parser_fail_here(parser);
	}
}

/* compound_stmt; *ret_statement is NULL and the result true where there is none */
static bool parse_compound(struct parser *parser, struct ast_node **ret_statement)
{
	unsigned leading = parser->place.leading;
	struct ast_node *node;

	*ret_statement = NULL;
	parser->place.leading = LEADING_NO;
	switch (peek(parser)) {
	case TOK_KW_IF:
		node = parse_if(parser);
		break;
	case TOK_KW_WHILE:
		node = parse_while(parser);
		break;
	case TOK_KW_FOR:
		node = parse_for(parser, parser->token->start, false);
		break;
	case TOK_KW_WITH:
		node = parse_with(parser, parser->token->start, false);
		break;
	case TOK_KW_TRY:
		node = parse_try(parser);
		break;
	case TOK_KW_DEF:
		node = parse_function(parser, &parser_empty_list);
		break;
	case TOK_KW_CLASS:
		node = parse_class(parser, &parser_empty_list);
		break;
	case TOK_KW_ASYNC:
		node = parse_async(parser, &parser_empty_list);
		break;
	case TOK_AT:
		node = parse_decorated(parser);
		break;
	case TOK_NAME:
		return parse_match(parser, ret_statement);
	default:
		parser->place.leading = leading;
		return true;
	}
	*ret_statement = node;
	return node != NULL;
}

/* statement: compound_stmt | simple_stmts */
bool parse_statement(struct parser *parser)
{
	struct ast_node *node;

	if (!parse_compound(parser, &node) || parser->failed)
		return false;
	if (!node)
		return parse_simple_stmts(parser);
	scratch_push(parser, node);
	return !parser->failed;
}
