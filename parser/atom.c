/* Atoms, displays and comprehensions, and the primaries built on them. */
#include "parser/internal.h"

#include <string.h>

/*
 * star_named_expression between brackets. From 3.13 on a star must have an expression behind it
 * before anything else is said (invalid_starred_expression, which is read within comprehensions).
 */
static struct ast_node *parse_element(struct parser *parser)
{
	const struct token *star = parser->token, *failed;
	struct ast_node *node;

	if (star->kind != TOK_STAR)
		return parse_named_expression(parser);
	node = parse_starred(parser);
	parser->operand = star + 1;
	parser->behind_operand = parser->token;
	if (node || parser->minor < 13 || !parser->generic || parser->guessing ||
		peek(parser) == TOK_ERROR)
		return node;
	failed = parser->token;
	parser->failed = parser->generic = false;
	parser->token = star + 1;
	switch (parser_guess(parser, parse_expression, false)) {
	case GUESS_WRONG:
		parser->token = parser->guess_end;
		return parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"Invalid star expression");
	case GUESS_RIGHT:
		parser->token = failed;
		return parser_fail_here(parser);
	default:
		return NULL;
	}
}

/* for_if_clause: ['async'] 'for' star_targets 'in' ~ disjunction ('if' disjunction)* */
static struct ast_node *parse_for_if_clause(struct parser *parser)
{
	uint32_t start = parser->token->start;
	bool async = accept(parser, TOK_KW_ASYNC);
	struct ast_node *target, *iter, *test, *node;
	size_t mark;

	if (!parser_expect(parser, TOK_KW_FOR))
		return NULL;
	target = parse_star_targets(parser);
	if (target && parser->minor >= 13 && peek(parser) != TOK_KW_IN && peek(parser) != TOK_ERROR)
		return parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"'in' expected after for-loop variables");
	if (!target || !make_target(parser, target, TARGET_STAR) ||
		!parser_expect(parser, TOK_KW_IN))
		return NULL;
	iter = parse_disjunction(parser);
	if (!iter)
		return NULL;
	mark = parser->scratch_count;
	while (accept(parser, TOK_KW_IF)) {
		test = parser->minor == 8 ? parse_lambda_nocond(parser) : parse_disjunction(parser);
		if (!test)
			return NULL;
		scratch_push(parser, test);
	}
	node = node_new(parser, AST_comprehension, start, last_end(parser));
	node->number = async;
	parser->seen |= SEEN_SCOPE;
	parser->doubtful |= async;
	node_set(parser, node, AST_SLOT_comprehension_target, target);
	node_set(parser, node, AST_SLOT_comprehension_iter, iter);
	node_set_list(parser, node, AST_SLOT_comprehension_ifs, scratch_list(parser, mark));
	return node;
}

static bool at_comprehension(const struct parser *parser)
{
	return peek(parser) == TOK_KW_FOR ||
	       (peek(parser) == TOK_KW_ASYNC && parser->token[1].kind == TOK_KW_FOR);
}

/* for_if_clauses: for_if_clause+ */
const struct ast_list *parse_comprehension_clauses(struct parser *parser)
{
	size_t mark = parser->scratch_count;
	struct ast_node *clause;

	do {
		clause = parse_for_if_clause(parser);
		if (!clause)
			return NULL;
		scratch_push(parser, clause);
	} while (at_comprehension(parser));
	return scratch_list(parser, mark);
}

/* The rest of a list, set or generator comprehension whose element is read, up to `close`. */
static struct ast_node *finish_comprehension(struct parser *parser, enum ast_kind kind,
	struct ast_node *element, uint32_t start, enum token_kind close)
{
	const struct ast_list *clauses;
	struct ast_node *node;

	if (element->kind == AST_Starred && parser->text[element->start] == '*')
		return parser_fail_node(
			parser, element, "iterable unpacking cannot be used in comprehension");
	clauses = parse_comprehension_clauses(parser);
	if (!clauses || !parser_expect(parser, close))
		return NULL;
	node = node_new(parser, kind, start, last_end(parser));
	node_set(parser, node, AST_SLOT_ListComp_elt, element);
	node_set_list(parser, node, AST_SLOT_ListComp_generators, clauses);
	return node;
}

/* `[x, y for ...]` */
static bool fail_bare_tuple(struct parser *parser, const struct ast_node *first)
{
	uint32_t end = last_end(parser);

	if (parse_comprehension_clauses(parser))
		parser_fail(parser, DIAG_SYNTAX, first->start, end,
			"did you forget parentheses around the comprehension target?");
	return false;
}

/* The elements after the first of a tuple, list or set, up to `close`; first is on the scratch. */
static bool parse_elements(struct parser *parser, enum token_kind close, bool walrus)
{
	const struct ast_node *first = parser->scratch[parser->scratch_count - 1];
	struct ast_node *node;

	while (accept(parser, TOK_COMMA) && peek(parser) != close) {
		if (peek(parser) == TOK_STAR)
			node = parse_starred(parser);
		else
			node = walrus ? parse_named_expression(parser) : parse_expression(parser);
		if (!node)
			return false;
		scratch_push(parser, node);
	}
	if (parser->minor >= 10 && close != TOK_RPAR && close != TOK_ENDMARKER &&
		at_comprehension(parser))
		return fail_bare_tuple(parser, first);
	return parser_expect(parser, close);
}

static struct ast_node *finish_tuple(struct parser *parser, uint32_t start, size_t mark)
{
	struct ast_node *node = node_new(parser, AST_Tuple, start, last_end(parser));

	node_set_list(parser, node, AST_SLOT_Tuple_elts, scratch_list(parser, mark));
	return node;
}

/* group: '(' yield_expr ')' */
static struct ast_node *parse_yield_group(struct parser *parser, enum token_kind close)
{
	struct ast_node *node = parse_yield(parser);

	return node && parser_expect(parser, close) ? node : NULL;
}

/*
 * The inside of a parenthesis that is not empty, up to `close`: a group, a tuple or a generator
 * expression. `start` is where the parenthesis stands.
 */
struct ast_node *parse_paren_content(struct parser *parser, uint32_t start, enum token_kind close)
{
	size_t mark = parser->scratch_count;
	struct ast_node *first;

	if (peek(parser) == TOK_KW_YIELD)
		return parse_yield_group(parser, close);
	first = parse_element(parser);
	if (!first)
		return NULL;
	if (at_comprehension(parser))
		return finish_comprehension(parser, AST_GeneratorExp, first, start, close);
	if (peek(parser) == TOK_COMMA) {
		scratch_push(parser, first);
		if (!parse_elements(parser, close, true))
			return NULL;
		return finish_tuple(parser, start, mark);
	}
	if (!parser_expect(parser, close))
		return NULL;
	if (first->kind == AST_Starred && parser->minor > 8)
		return parser_fail_node(parser, first, "%s use starred expression here",
			parser->minor < 10 ? "can't" : "cannot");
	return first;
}

/*
 * tuple: '(' [star_named_expression ',' [star_named_expressions]] ')'
 * group: '(' (yield_expr | named_expression) ')'
 * genexp: '(' named_expression for_if_clauses ')'
 */
static struct ast_node *parse_paren(struct parser *parser)
{
	uint32_t start = parser->token++->start;

	if (accept(parser, TOK_RPAR))
		return finish_tuple(parser, start, parser->scratch_count);
	return parse_paren_content(parser, start, TOK_RPAR);
}

/* list: '[' [star_named_expressions] ']' ; listcomp: '[' named_expression for_if_clauses ']' */
static struct ast_node *parse_list(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	size_t mark = parser->scratch_count;
	struct ast_node *first, *node;

	if (!accept(parser, TOK_RSQB)) {
		first = parse_element(parser);
		if (!first)
			return NULL;
		if (at_comprehension(parser))
			return finish_comprehension(parser, AST_ListComp, first, start, TOK_RSQB);
		scratch_push(parser, first);
		if (!parse_elements(parser, TOK_RSQB, true))
			return NULL;
	}
	node = node_new(parser, AST_List, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_List_elts, scratch_list(parser, mark));
	return node;
}

/* set: '{' star_named_expressions '}' ; setcomp: '{' named_expression for_if_clauses '}' */
static struct ast_node *parse_set(struct parser *parser, struct ast_node *first, uint32_t start)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	if (at_comprehension(parser))
		return finish_comprehension(parser, AST_SetComp, first, start, TOK_RBRACE);
	scratch_push(parser, first);
	if (!parse_elements(parser, TOK_RBRACE, parser->minor >= 9))
		return NULL;
	node = node_new(parser, AST_Set, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_Set_elts, scratch_list(parser, mark));
	return node;
}

/* What stands behind the ':' that was just read. */
static struct ast_node *parse_dict_value(struct parser *parser)
{
	const struct token *colon = parser->token - 1;
	struct ast_node *star;

	if (parser->minor < 10)
		return parse_expression(parser);
	if (peek(parser) == TOK_RBRACE || peek(parser) == TOK_COMMA)
		return parser_fail(parser, DIAG_SYNTAX, colon->start, colon->end,
			"expression expected after dictionary key and ':'");
	if (peek(parser) != TOK_STAR)
		return parse_expression(parser);
	star = parse_starred(parser);
	return star ? parser_fail_node(
			      parser, star, "cannot use a starred expression in a dictionary value")
		    : NULL;
}

/* double_starred_kvpair: '**' bitwise_or | expression ':' expression; key and value are pushed. */
static bool parse_kvpair(struct parser *parser)
{
	struct ast_node *key = NULL, *value;

	if (accept(parser, TOK_DOUBLESTAR)) {
		value = parse_bitwise_or(parser);
	} else {
		key = parse_expression(parser);
		if (!key)
			return false;
		if (parser->minor >= 10 && peek(parser) != TOK_COLON && peek(parser) != TOK_ERROR)
			parser_fail(parser, DIAG_SYNTAX, key->end - 1, key->end,
				"':' expected after dictionary key");
		if (!parser_expect(parser, TOK_COLON))
			return false;
		value = parse_dict_value(parser);
	}
	if (!value)
		return false;
	scratch_push(parser, key);
	scratch_push(parser, value);
	return true;
}

/* The pairs on the scratch as the two lists of a Dict. */
static struct ast_node *finish_dict(struct parser *parser, uint32_t start, size_t mark)
{
	size_t count = (parser->scratch_count - mark) / 2, i;
	struct ast_node *node = node_new(parser, AST_Dict, start, last_end(parser));
	struct ast_list *keys = list_new(parser, count), *values = list_new(parser, count);

	if (!keys || !values)
		return NULL;
	for (i = 0; i < count; i++) {
		list_set(keys, i, parser->scratch[mark + 2 * i]);
		list_set(values, i, parser->scratch[mark + 2 * i + 1]);
	}
	parser->scratch_count = mark;
	node_set_list(parser, node, AST_SLOT_Dict_keys, keys);
	node_set_list(parser, node, AST_SLOT_Dict_values, values);
	return node;
}

/* dictcomp: '{' expression ':' expression for_if_clauses '}', the pair being on the scratch */
static struct ast_node *finish_dictcomp(
	struct parser *parser, const struct token *first, uint32_t start, size_t mark)
{
	const struct ast_node *key = parser->scratch[mark], *value = parser->scratch[mark + 1];
	const struct ast_list *clauses;
	struct ast_node *node;

	if (!key)
		return parser_fail(parser, DIAG_SYNTAX, first->start, first->end,
			"dict unpacking cannot be used in dict comprehension");
	clauses = parse_comprehension_clauses(parser);
	if (!clauses || !parser_expect(parser, TOK_RBRACE))
		return NULL;
	parser->scratch_count = mark;
	node = node_new(parser, AST_DictComp, start, last_end(parser));
	node_set(parser, node, AST_SLOT_DictComp_key, key);
	node_set(parser, node, AST_SLOT_DictComp_value, value);
	node_set_list(parser, node, AST_SLOT_DictComp_generators, clauses);
	return node;
}

/* dict: '{' [double_starred_kvpair (',' double_starred_kvpair)* [',']] '}', after its first pair */
static struct ast_node *parse_dict(
	struct parser *parser, const struct token *first, uint32_t start, size_t mark)
{
	if (at_comprehension(parser))
		return finish_dictcomp(parser, first, start, mark);
	while (accept(parser, TOK_COMMA) && peek(parser) != TOK_RBRACE) {
		if (!parse_kvpair(parser))
			return NULL;
	}
	if (!parser_expect(parser, TOK_RBRACE))
		return NULL;
	return finish_dict(parser, start, mark);
}

/* dict | set | dictcomp | setcomp */
static struct ast_node *parse_brace(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	const struct token *token = parser->token;
	size_t mark = parser->scratch_count;
	struct ast_node *first, *value;

	if (accept(parser, TOK_RBRACE))
		return finish_dict(parser, start, mark);
	if (peek(parser) == TOK_DOUBLESTAR)
		return parse_kvpair(parser) ? parse_dict(parser, token, start, mark) : NULL;
	if (peek(parser) == TOK_STAR) {
		first = parse_element(parser);
		return first ? parse_set(parser, first, start) : NULL;
	}
	first = parse_expression(parser);
	if (!first)
		return NULL;
	if (!accept(parser, TOK_COLON)) {
		if (peek(parser) == TOK_COLONEQUAL && parser->minor >= 9) {
			parser->token = first->kind == AST_Name ? parser->token - 1 : parser->token;
			first = parse_named_expression(parser);
		} else if (peek(parser) == TOK_EQUAL && parser->minor >= 10 && !parser->guessing) {
			first = check_equal(parser, first);
		}
		return first ? parse_set(parser, first, start) : NULL;
	}
	value = parse_dict_value(parser);
	if (!value)
		return NULL;
	scratch_push(parser, first);
	scratch_push(parser, value);
	return parse_dict(parser, token, start, mark);
}

static struct ast_node *singleton(struct parser *parser, enum ast_constant type)
{
	const struct token *token = parser->token++;
	struct ast_node *node = node_new(parser, AST_Constant, token->start, token->end);

	node->op = (uint8_t)type;
	node->slots[0].text = "";
	return node;
}

static bool has_base_prefix(const char *text, size_t len)
{
	return len > 1 && text[0] == '0' && strchr("xXoObB", text[1]) != NULL;
}

/* What a number's spelling makes it; the lexer has checked the spelling. */
static enum ast_constant number_type(const char *text, size_t len)
{
	char last = text[len - 1];

	if (has_base_prefix(text, len))
		return AST_CONST_INT;
	if (last == 'j' || last == 'J')
		return AST_CONST_COMPLEX;
	if (memchr(text, '.', len) || memchr(text, 'e', len) || memchr(text, 'E', len))
		return AST_CONST_FLOAT;
	return AST_CONST_INT;
}

/* sys.int_info.default_max_str_digits: a longer decimal literal is a SyntaxError. */
#define INT_DIGITS_MAX 4300

static bool too_many_digits(const char *text, size_t len)
{
	size_t digits = 0, i;

	if (len <= INT_DIGITS_MAX || text[0] == '0')
		return false;
	for (i = 0; i < len; i++)
		digits += text[i] != '_';
	return digits > INT_DIGITS_MAX;
}

/* NUMBER */
struct ast_node *parse_number(struct parser *parser)
{
	const struct token *token = parser->token++;
	const char *text = parser->text + token->start;
	size_t len = token->end - token->start;
	enum ast_constant type = number_type(text, len);
	struct ast_node *node;

	if (type == AST_CONST_INT && too_many_digits(text, len))
		return parser_fail(parser, DIAG_SYNTAX, token->start, token->end,
			"Exceeds the limit (%d digits) for integer string conversion - "
			"Consider hexadecimal for huge integer literals to avoid decimal "
			"conversion limits.",
			INT_DIGITS_MAX);
	node = node_new(parser, AST_Constant, token->start, token->end);
	node->op = (uint8_t)type;
	node->number = (int32_t)len;
	node->slots[0].text = text;
	return node;
}

static struct ast_node *parse_name(struct parser *parser)
{
	const struct token *token = parser->token++;
	struct ast_node *node = node_new(parser, AST_Name, token->start, token->end);

	node->slots[AST_SLOT_Name_id].name = name_of(parser, token);
	return node;
}

/* atom: NAME | 'True' | 'False' | 'None' | strings | NUMBER | tuple ... | '...' */
struct ast_node *parse_atom(struct parser *parser)
{
	switch (peek(parser)) {
	case TOK_NAME:
		return parse_name(parser);
	case TOK_NUMBER:
		return parse_number(parser);
	case TOK_STRING:
	case TOK_FSTRING_START:
		return parse_strings(parser);
	case TOK_LPAR:
		return parse_paren(parser);
	case TOK_LSQB:
		return parse_list(parser);
	case TOK_LBRACE:
		return parse_brace(parser);
	case TOK_ELLIPSIS:
		return singleton(parser, AST_CONST_ELLIPSIS);
	case TOK_KW_NONE:
		return singleton(parser, AST_CONST_NONE);
	case TOK_KW_TRUE:
		return singleton(parser, AST_CONST_TRUE);
	case TOK_KW_FALSE:
		return singleton(parser, AST_CONST_FALSE);
	default:
		return parser_fail_here(parser);
	}
}

/* primary: primary '(' [arguments] ')' */
static struct ast_node *parse_call(struct parser *parser, struct ast_node *func, uint32_t start)
{
	const struct ast_list *args, *keywords;
	uint32_t open = parser->token++->start;
	struct ast_node *node;

	if (!parse_arguments(parser, false, open, &args, &keywords) ||
		!parser_expect(parser, TOK_RPAR))
		return NULL;
	node = node_new(parser, AST_Call, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Call_func, func);
	node_set_list(parser, node, AST_SLOT_Call_args, args);
	node_set_list(parser, node, AST_SLOT_Call_keywords, keywords);
	return node;
}

/* A list behind something, `x[]`, may be one that lacks a comma before it. */
static void *guess_list(struct parser *parser, const struct token *open, uint32_t start)
{
	const struct token *token = parser->token, *operand = open;

	if (!parser->generic || parser->guessing || token->kind == TOK_ERROR)
		return NULL;
	while (operand > parser->first && operand->start > start)
		operand--;
	parser->failed = parser->generic = false;
	parser->token = parser->behind_operand = open;
	parser->operand = operand;
	if (!guess_comma(parser)) {
		parser->token = token;
		parser->behind_operand = NULL;
		parser_fail_here(parser);
	}
	return NULL;
}

/* primary: primary '[' slices ']' */
static struct ast_node *parse_subscript(
	struct parser *parser, struct ast_node *value, uint32_t start)
{
	const struct token *open;
	struct ast_node *slices, *node;

	open = parser->token++;
	slices = parse_slices(parser);
	if (!slices || !parser_expect(parser, TOK_RSQB))
		return guess_list(parser, open, start);
	node = node_new(parser, AST_Subscript, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Subscript_value, value);
	node_set(parser, node, AST_SLOT_Subscript_slice, slices);
	return node;
}

/* primary: primary '.' NAME */
static struct ast_node *parse_attribute(
	struct parser *parser, struct ast_node *value, uint32_t start)
{
	const struct str *name;
	struct ast_node *node;

	parser->token++;
	name = name_read(parser);
	if (!name)
		return NULL;
	node = node_new(parser, AST_Attribute, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Attribute_value, value);
	node->slots[AST_SLOT_Attribute_attr].name = name;
	return node;
}

/* await_primary: ['await'] primary ; primary: atom ('.' NAME | '(' ... ')' | '[' slices ']')* */
struct ast_node *parse_primary(struct parser *parser)
{
	bool await = peek(parser) == TOK_KW_AWAIT;
	uint32_t await_start = parser->token->start, start;
	struct ast_node *node, *value;

	parser->token += await;
	start = parser->token->start;
	node = parse_atom(parser);
	while (node && !parser->failed) {
		enum token_kind kind = peek(parser);

		if (kind == TOK_DOT)
			node = parse_attribute(parser, node, start);
		else if (kind == TOK_LPAR)
			node = parse_call(parser, node, start);
		else if (kind == TOK_LSQB)
			node = parse_subscript(parser, node, start);
		else
			break;
	}
	if (parser->failed || !await)
		return parser->failed ? NULL : node;
	value = node;
	parser->seen |= SEEN_OUTER;
	parser->doubtful |= parser->place.kind != PLACE_ASYNC_FUNCTION;
	node = node_new(parser, AST_Await, await_start, last_end(parser));
	node_set(parser, node, AST_SLOT_Await_value, value);
	return node;
}
