/* The match statement and its patterns (PEP 634, 3.10 and later). */
#include "parser/internal.h"

static struct ast_node *parse_pattern(struct parser *parser);
static struct ast_node *parse_maybe_star(struct parser *parser);

static bool is_wildcard(const struct parser *parser, const struct token *token)
{
	return token->kind == TOK_NAME && token->end - token->start == 1 &&
	       parser->text[token->start] == '_';
}

static bool ends_capture(enum token_kind kind)
{
	return kind != TOK_DOT && kind != TOK_LPAR && kind != TOK_EQUAL;
}

/* pattern_capture_target: !"_" NAME !('.' | '(' | '=') */
static const struct str *parse_capture_target(struct parser *parser)
{
	const struct token *token = parser->token;

	if (is_wildcard(parser, token))
		return parser_fail(parser, DIAG_SYNTAX, token->start, token->end,
			"cannot use '_' as a target");
	if (token->kind != TOK_NAME || !ends_capture((enum token_kind)token[1].kind))
		return parser_fail_here(parser);
	return name_read(parser);
}

static struct ast_node *new_value(struct parser *parser, struct ast_node *value, uint32_t start)
{
	struct ast_node *node;

	if (!value)
		return NULL;
	node = node_new(parser, AST_MatchValue, start, last_end(parser));
	node_set(parser, node, AST_SLOT_MatchValue_value, value);
	return node;
}

/* signed_number: ['-'] NUMBER */
static struct ast_node *parse_signed_number(struct parser *parser)
{
	uint32_t start = parser->token->start;
	bool minus = accept(parser, TOK_MINUS);
	struct ast_node *number, *node;

	if (peek(parser) != TOK_NUMBER)
		return parser_fail_here(parser);
	number = parse_number(parser);
	if (!number || !minus)
		return number;
	node = node_new(parser, AST_UnaryOp, start, last_end(parser));
	node->op = AST_OP_USub;
	node_set(parser, node, AST_SLOT_UnaryOp_operand, number);
	return node;
}

static bool is_complex(const struct ast_node *node)
{
	if (node->kind == AST_UnaryOp)
		node = ast_UnaryOp_operand(node);
	return node->op == AST_CONST_COMPLEX;
}

/* signed_number | complex_number: signed_real_number ('+' | '-') imaginary_number */
static struct ast_node *parse_pattern_number(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *left = parse_signed_number(parser), *right, *node;
	enum token_kind kind = peek(parser);

	if (!left || (kind != TOK_PLUS && kind != TOK_MINUS))
		return left;
	if (is_complex(left))
		return parser_fail_node(parser, left, "real number required in complex literal");
	parser->token++;
	if (peek(parser) != TOK_NUMBER)
		return parser_fail_here(parser);
	right = parse_number(parser);
	if (!right)
		return NULL;
	if (!is_complex(right))
		return parser_fail_node(
			parser, right, "imaginary number required in complex literal");
	node = node_new(parser, AST_BinOp, start, last_end(parser));
	node->op = kind == TOK_PLUS ? AST_OP_Add : AST_OP_Sub;
	node_set(parser, node, AST_SLOT_BinOp_left, left);
	node_set(parser, node, AST_SLOT_BinOp_right, right);
	return node;
}

/* name_or_attr: NAME ('.' NAME)* */
static struct ast_node *parse_name_or_attr(struct parser *parser)
{
	const struct token *first = parser->token;
	const struct str *name = name_read(parser);
	struct ast_node *node, *value;

	if (!name)
		return NULL;
	node = node_new(parser, AST_Name, first->start, first->end);
	node->slots[AST_SLOT_Name_id].name = name;
	while (accept(parser, TOK_DOT)) {
		value = node;
		name = name_read(parser);
		if (!name)
			return NULL;
		node = node_new(parser, AST_Attribute, first->start, last_end(parser));
		node_set(parser, node, AST_SLOT_Attribute_value, value);
		node->slots[AST_SLOT_Attribute_attr].name = name;
	}
	return node;
}

/* keyword_pattern: NAME '=' pattern; pushes the name, then the pattern */
static bool parse_keyword_pattern(struct parser *parser)
{
	const struct str *name = name_read(parser);
	struct ast_node *node;

	if (!name || !parser_expect(parser, TOK_EQUAL))
		return false;
	node = parse_pattern(parser);
	if (!node)
		return false;
	scratch_push(parser, name);
	scratch_push(parser, node);
	return true;
}

/* One argument of a class pattern; *named counts those with a name. */
static bool parse_class_argument(struct parser *parser, size_t *named)
{
	struct ast_node *node;

	if (peek(parser) == TOK_NAME && parser->token[1].kind == TOK_EQUAL) {
		++*named;
		return parse_keyword_pattern(parser);
	}
	node = parse_pattern(parser);
	if (!node)
		return false;
	if (*named) {
		parser_fail_node(parser, node, "positional patterns follow keyword patterns");
		return false;
	}
	scratch_push(parser, node);
	return true;
}

/* The names and patterns that lie in turn on the scratch from `mark` on, as two lists. */
static void set_keyword_patterns(
	struct parser *parser, struct ast_node *node, size_t mark, size_t count)
{
	struct ast_list *list = list_new(parser, count);
	size_t end = parser->scratch_count, i;

	if (!list)
		return;
	for (i = 0; i < count; i++)
		list_set(list, i, parser->scratch[mark + 2 * i + 1]);
	for (i = 0; i < count; i++)
		scratch_push(parser, parser->scratch[mark + 2 * i]);
	if (parser->failed)
		return;
	node->slots[AST_SLOT_MatchClass_kwd_attrs].names = scratch_names(parser, end);
	node_set_list(parser, node, AST_SLOT_MatchClass_kwd_patterns, list);
}

/* class_pattern: name_or_attr '(' [patterns] [',' keyword_patterns] [','] ')' */
static struct ast_node *parse_class_pattern(
	struct parser *parser, struct ast_node *class, uint32_t start)
{
	size_t mark = parser->scratch_count, named = 0, positional;
	struct ast_node *node;

	parser->token++;
	while (peek(parser) != TOK_RPAR) {
		if (!parse_class_argument(parser, &named))
			return NULL;
		if (!accept(parser, TOK_COMMA))
			break;
	}
	if (!parser_expect(parser, TOK_RPAR))
		return NULL;
	node = node_new(parser, AST_MatchClass, start, last_end(parser));
	node_set(parser, node, AST_SLOT_MatchClass_cls, class);
	positional = parser->scratch_count - mark - 2 * named;
	set_keyword_patterns(parser, node, mark + positional, named);
	parser->scratch_count = mark + positional;
	node_set_list(parser, node, AST_SLOT_MatchClass_patterns, scratch_list(parser, mark));
	return parser->failed ? NULL : node;
}

/* capture_pattern | wildcard_pattern | value_pattern | class_pattern */
static struct ast_node *parse_name_pattern(struct parser *parser)
{
	const struct token *first = parser->token;
	struct ast_node *node;

	if (is_wildcard(parser, first)) {
		parser->token++;
		return node_new(parser, AST_MatchAs, first->start, first->end);
	}
	if (ends_capture((enum token_kind)first[1].kind)) {
		node = node_new(parser, AST_MatchAs, first->start, first->end);
		node->slots[AST_SLOT_MatchAs_name].name = name_read(parser);
		return node;
	}
	node = parse_name_or_attr(parser);
	if (!node)
		return NULL;
	if (peek(parser) == TOK_LPAR)
		return parse_class_pattern(parser, node, first->start);
	if (node->kind == AST_Name || peek(parser) == TOK_EQUAL)
		return parser_fail_here(parser);
	return new_value(parser, node, first->start);
}

/* The rest of a sequence pattern up to `close`; what was read of it is on the scratch from mark. */
static struct ast_node *finish_sequence(
	struct parser *parser, size_t mark, uint32_t start, enum token_kind close)
{
	struct ast_node *node;

	while (accept(parser, TOK_COMMA) && peek(parser) != close) {
		node = parse_maybe_star(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	}
	if (!parser_expect(parser, close))
		return NULL;
	node = node_new(parser, AST_MatchSequence, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_MatchSequence_patterns, scratch_list(parser, mark));
	return node;
}

/* group_pattern: '(' pattern ')' ; sequence_pattern: '[' ... ']' | '(' [open_sequence] ')' */
static struct ast_node *parse_bracket_pattern(struct parser *parser)
{
	const struct token *first = parser->token++;
	enum token_kind close = first->kind == TOK_LPAR ? TOK_RPAR : TOK_RSQB;
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	if (peek(parser) == close)
		return finish_sequence(parser, mark, first->start, close);
	node = parse_maybe_star(parser);
	if (!node)
		return NULL;
	if (close == TOK_RPAR && node->kind != AST_MatchStar && accept(parser, TOK_RPAR))
		return node;
	if (close == TOK_RPAR && peek(parser) != TOK_COMMA)
		return parser_fail_here(parser);
	scratch_push(parser, node);
	return finish_sequence(parser, mark, first->start, close);
}

static enum ast_constant singleton_type(enum token_kind kind)
{
	return kind == TOK_KW_NONE   ? AST_CONST_NONE
	       : kind == TOK_KW_TRUE ? AST_CONST_TRUE
				     : AST_CONST_FALSE;
}

/* key of a mapping pattern: literal_expr | attr */
static struct ast_node *parse_mapping_key(struct parser *parser)
{
	struct ast_node *node;

	switch (peek(parser)) {
	case TOK_NUMBER:
	case TOK_MINUS:
		return parse_pattern_number(parser);
	case TOK_STRING:
	case TOK_FSTRING_START:
		return parse_strings(parser);
	case TOK_KW_NONE:
	case TOK_KW_TRUE:
	case TOK_KW_FALSE:
		return parse_atom(parser);
	case TOK_NAME:
		node = parse_name_or_attr(parser);
		if (node && node->kind == AST_Name)
			return parser_fail_here(parser);
		return node;
	default:
		return parser_fail_here(parser);
	}
}

/* key_value_pattern: (literal_expr | attr) ':' pattern; pushes both */
static bool parse_mapping_item(struct parser *parser)
{
	struct ast_node *key = parse_mapping_key(parser), *value;

	if (!key || !parser_expect(parser, TOK_COLON))
		return false;
	value = parse_pattern(parser);
	if (!value)
		return false;
	scratch_push(parser, key);
	scratch_push(parser, value);
	return true;
}

static struct ast_node *finish_mapping(
	struct parser *parser, size_t mark, uint32_t start, const struct str *rest)
{
	size_t count = (parser->scratch_count - mark) / 2, i;
	struct ast_node *node = node_new(parser, AST_MatchMapping, start, last_end(parser));
	struct ast_list *keys = list_new(parser, count), *patterns = list_new(parser, count);

	if (!keys || !patterns)
		return NULL;
	for (i = 0; i < count; i++) {
		list_set(keys, i, parser->scratch[mark + 2 * i]);
		list_set(patterns, i, parser->scratch[mark + 2 * i + 1]);
	}
	parser->scratch_count = mark;
	node_set_list(parser, node, AST_SLOT_MatchMapping_keys, keys);
	node_set_list(parser, node, AST_SLOT_MatchMapping_patterns, patterns);
	node->slots[AST_SLOT_MatchMapping_rest].name = rest;
	return node;
}

/* mapping_pattern: '{' [items] [',' '**' pattern_capture_target] [','] '}' */
static struct ast_node *parse_mapping(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	size_t mark = parser->scratch_count;
	const struct str *rest = NULL;

	while (peek(parser) != TOK_RBRACE && !rest) {
		if (accept(parser, TOK_DOUBLESTAR)) {
			if (is_wildcard(parser, parser->token))
				return parser_fail_here(parser);
			rest = parse_capture_target(parser);
			if (!rest)
				return NULL;
		} else if (!parse_mapping_item(parser)) {
			return NULL;
		}
		if (!accept(parser, TOK_COMMA))
			break;
	}
	if (!parser_expect(parser, TOK_RBRACE))
		return NULL;
	return finish_mapping(parser, mark, start, rest);
}

/* closed_pattern: literal | capture | wildcard | value | group | sequence | mapping | class */
static struct ast_node *parse_closed_pattern(struct parser *parser)
{
	const struct token *first = parser->token;
	struct ast_node *node;

	switch (peek(parser)) {
	case TOK_NAME:
		return parse_name_pattern(parser);
	case TOK_NUMBER:
	case TOK_MINUS:
		return new_value(parser, parse_pattern_number(parser), first->start);
	case TOK_STRING:
	case TOK_FSTRING_START:
		return new_value(parser, parse_strings(parser), first->start);
	case TOK_KW_NONE:
	case TOK_KW_TRUE:
	case TOK_KW_FALSE:
		parser->token++;
		node = node_new(parser, AST_MatchSingleton, first->start, first->end);
		node->op = (uint8_t)singleton_type((enum token_kind)first->kind);
		return node;
	case TOK_LPAR:
	case TOK_LSQB:
		return parse_bracket_pattern(parser);
	case TOK_LBRACE:
		return parse_mapping(parser);
	default:
		return parser_fail_here(parser);
	}
}

/* or_pattern: closed_pattern ('|' closed_pattern)* */
static struct ast_node *parse_or_pattern(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *first = parse_closed_pattern(parser), *node;
	size_t mark = parser->scratch_count;

	if (!first || peek(parser) != TOK_VBAR)
		return first;
	scratch_push(parser, first);
	while (accept(parser, TOK_VBAR)) {
		node = parse_closed_pattern(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	}
	node = node_new(parser, AST_MatchOr, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_MatchOr_patterns, scratch_list(parser, mark));
	return node;
}

/* What a pattern is bound to; invalid_as_pattern: or_pattern 'as' expression */
static const struct str *parse_as_target(struct parser *parser)
{
	const struct token *token = parser->token;
	const struct str *name = parse_capture_target(parser);
	struct ast_node *node;

	if (name || !parser->generic || parser->guessing || peek(parser) == TOK_ERROR)
		return name;
	parser->failed = parser->generic = false;
	parser->token = token;
	if (token->kind == TOK_NAME && parser->minor < 14) {
		parser->token++;
		return parser_fail_here(parser);
	}
	node = parse_expression(parser);
	if (node && parser->minor < 14)
		parser_fail_node(parser, node, "invalid pattern target");
	else if (node)
		parser_fail_node(parser, node, "cannot use %s as pattern target",
			expression_noun(parser, node));
	return NULL;
}

/* pattern: or_pattern ['as' pattern_capture_target] */
static struct ast_node *parse_pattern(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *inner, *node;
	const struct str *name;

	if (!parser_enter(parser))
		return NULL;
	inner = parse_or_pattern(parser);
	parser_leave(parser);
	if (!inner || !accept(parser, TOK_KW_AS))
		return inner;
	name = parse_as_target(parser);
	if (!name)
		return NULL;
	node = node_new(parser, AST_MatchAs, start, last_end(parser));
	node_set(parser, node, AST_SLOT_MatchAs_pattern, inner);
	node->slots[AST_SLOT_MatchAs_name].name = name;
	return node;
}

/* maybe_star_pattern: '*' (pattern_capture_target | "_") | pattern */
static struct ast_node *parse_maybe_star(struct parser *parser)
{
	uint32_t start = parser->token->start;
	const struct str *name = NULL;
	struct ast_node *node;

	if (!accept(parser, TOK_STAR))
		return parse_pattern(parser);
	if (is_wildcard(parser, parser->token))
		parser->token++;
	else
		name = parse_capture_target(parser);
	if (parser->failed)
		return NULL;
	node = node_new(parser, AST_MatchStar, start, last_end(parser));
	node->slots[AST_SLOT_MatchStar_name].name = name;
	return node;
}

/* patterns: open_sequence_pattern | pattern */
static struct ast_node *parse_patterns(struct parser *parser)
{
	uint32_t start = parser->token->start;
	size_t mark = parser->scratch_count;
	struct ast_node *node = parse_maybe_star(parser);

	if (!node || (peek(parser) != TOK_COMMA && node->kind != AST_MatchStar))
		return node;
	if (peek(parser) != TOK_COMMA)
		return parser_fail_here(parser);
	scratch_push(parser, node);
	while (accept(parser, TOK_COMMA) && peek(parser) != TOK_COLON &&
		peek(parser) != TOK_KW_IF) {
		node = parse_maybe_star(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	}
	node = node_new(parser, AST_MatchSequence, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_MatchSequence_patterns, scratch_list(parser, mark));
	return node;
}

/* case_block: "case" patterns ['if' named_expression] ':' block */
static struct ast_node *parse_case(struct parser *parser)
{
	const struct token *head = parser->token;
	struct ast_node *pattern, *guard = NULL, *node;
	const struct ast_list *body;

	if (!parser_token_is(parser, parser->token, "case"))
		return parser_fail_here(parser);
	parser->token++;
	pattern = parse_patterns(parser);
	if (pattern && accept(parser, TOK_KW_IF))
		guard = parse_named_expression(parser);
	if (parser->failed || !parser_expect_colon(parser, false))
		return NULL;
	body = parse_block(parser, head);
	if (!body)
		return NULL;
	node = node_new(parser, AST_match_case, head->start, block_end(parser, body));
	node_set(parser, node, AST_SLOT_match_case_pattern, pattern);
	node_set(parser, node, AST_SLOT_match_case_guard, guard);
	node_set_list(parser, node, AST_SLOT_match_case_body, body);
	return node;
}

/* subject_expr: star_named_expression ',' [star_named_expressions] | named_expression */
static struct ast_node *parse_subject(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *first = parse_star_named_expression(parser);

	if (!first || peek(parser) != TOK_COMMA) {
		if (first && parser->text[start] == '*')
			return parser_fail_here(parser);
		return first;
	}
	return parse_tuple_after(parser, first, start, parse_star_named_expression);
}

/* The cases of a match statement whose head is read. */
static struct ast_node *parse_cases(
	struct parser *parser, struct ast_node *subject, const struct token *head)
{
	size_t mark = parser->scratch_count;
	const struct ast_list *cases;
	struct ast_node *node;

	if (!accept(parser, TOK_INDENT))
		return fail_no_block(parser, head);
	if (!parser_enter(parser))
		return NULL;
	do {
		node = parse_case(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (!accept(parser, TOK_DEDENT));
	parser_leave(parser);
	cases = scratch_list(parser, mark);
	parser->doubtful = true;
	node = node_new(parser, AST_Match, head->start, block_end(parser, cases));
	node_set(parser, node, AST_SLOT_Match_subject, subject);
	node_set_list(parser, node, AST_SLOT_Match_cases, cases);
	return node;
}

/* Whether such a token cannot follow `match` where that is an ordinary name. */
static bool is_no_operand(const struct token *token)
{
	switch (token->kind) {
	case TOK_NAME:
	case TOK_NUMBER:
	case TOK_STRING:
	case TOK_FSTRING_START:
	case TOK_LBRACE:
	case TOK_TILDE:
	case TOK_ELLIPSIS:
	case TOK_KW_NONE:
	case TOK_KW_TRUE:
	case TOK_KW_FALSE:
	case TOK_KW_AWAIT:
	case TOK_KW_LAMBDA:
		return true;
	default:
		return false;
	}
}

/*
 * match_stmt: "match" subject_expr ':' NEWLINE INDENT case_block+ DEDENT
 * `match` may also be an ordinary name at the start of an expression: then *ret_match is NULL,
 * nothing is read and the result is true. The guess costs at most one more reading of the line.
 */
bool parse_match(struct parser *parser, struct ast_node **ret_match)
{
	const struct token *first = parser->token;
	const struct token *behind;
	struct parser_mark mark = parser_mark(parser);
	struct ast_node *subject;

	*ret_match = NULL;
	if (parser->minor < 10 || !parser_starts_expression((enum token_kind)first[1].kind) ||
		!parser_token_is(parser, first, "match"))
		return true;
	parser->token++;
	subject = parse_subject(parser);
	if (!subject && is_no_operand(first + 1) && !parser->generic)
		return false;
	if (subject && peek(parser) != TOK_COLON && is_no_operand(first + 1)) {
		parser_expect_colon(parser, false);
		return false;
	}
	if (!subject || peek(parser) != TOK_COLON || parser->token[1].kind != TOK_NEWLINE) {
		behind = subject && peek(parser) == TOK_COLON ? parser->token + 1 : NULL;
		if (!parser_back(parser, mark))
			return false;
		parser->furthest = behind ? behind : parser->furthest;
		return true;
	}
	parser->token += 2;
	*ret_match = parse_cases(parser, subject, first);
	return *ret_match != NULL;
}
