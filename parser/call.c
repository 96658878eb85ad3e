/* What stands between the brackets of calls, subscripts, definitions and type parameters. */
#include "parser/internal.h"

/* Which arguments may still follow. */
struct argument_state {
	bool keyword; /* name=value was seen */
	bool unpack;  /* **value was seen */
	bool base;    /* the next one is the first of a class, which is no generator expression */
	const char *late; /* what a positional one came after: then all is refused */
	const struct token *first, *late_token;
};

static struct ast_node *new_keyword(
	struct parser *parser, const struct str *name, struct ast_node *value, uint32_t start)
{
	struct ast_node *node;

	if (!value)
		return NULL;
	node = node_new(parser, AST_keyword, start, last_end(parser));
	node->slots[AST_SLOT_keyword_arg].name = name;
	node_set(parser, node, AST_SLOT_keyword_value, value);
	return node;
}

/* starred_expression: '*' expression */
static struct ast_node *parse_starred_argument(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	struct ast_node *value = parse_expression(parser), *node;

	if (!value && parser->minor >= 13)
		guess_instead(parser, parser->token, "Invalid star expression");
	if (!value)
		return NULL;
	if (parser->minor >= 12 && peek(parser) == TOK_EQUAL)
		return parser_fail(parser, DIAG_SYNTAX, start, parser->token->end,
			"cannot assign to iterable argument unpacking");
	/* 3.8 ends it with the value, inside the value's parentheses. */
	node = node_new(
		parser, AST_Starred, start, parser->minor == 8 ? value->end : last_end(parser));
	node_set(parser, node, AST_SLOT_Starred_value, value);
	return node;
}

/* kwarg: NAME '=' expression | '**' expression */
static struct ast_node *parse_keyword(struct parser *parser)
{
	const struct token *first = parser->token;
	const struct str *name = NULL;
	struct ast_node *value;

	if (!accept(parser, TOK_DOUBLESTAR)) {
		name = name_read(parser);
		if (!name || !name_check_member(parser, name, first->start, first->end) ||
			!parser_expect(parser, TOK_EQUAL))
			return NULL;
		if (parser->minor >= 12 && (peek(parser) == TOK_COMMA || peek(parser) == TOK_RPAR))
			return parser_fail(parser, DIAG_SYNTAX, first->start, last_end(parser),
				"expected argument value expression");
	}
	value = parse_expression(parser);
	if (value && !name && parser->minor >= 12 && peek(parser) == TOK_EQUAL)
		return parser_fail(parser, DIAG_SYNTAX, first->start, parser->token->end,
			"cannot assign to keyword argument unpacking");
	return new_keyword(parser, name, value, first->start);
}

/*
 * genexp as the only argument: its parentheses are those of the call at `open`, so it ends with
 * the ')' that is next.
 */
static struct ast_node *parse_genexp_argument(
	struct parser *parser, struct ast_node *element, uint32_t open, bool allowed)
{
	const struct ast_list *clauses = parse_comprehension_clauses(parser);
	struct ast_node *node;

	if (!clauses)
		return NULL;
	/* 3.8 knows no `f(x := 1 for ...)`. */
	if (parser->minor == 8 && element->kind == AST_NamedExpr)
		allowed = allowed && parser->text[element->start - 1] == '(' &&
			  element->start - 1 != open;
	if (!allowed || peek(parser) != TOK_RPAR)
		return parser_fail(parser, DIAG_SYNTAX, element->start, last_end(parser),
			"Generator expression must be parenthesized");
	node = node_new(parser, AST_GeneratorExp, open, parser->token->end);
	node_set(parser, node, AST_SLOT_GeneratorExp_elt, element);
	node_set_list(parser, node, AST_SLOT_GeneratorExp_generators, clauses);
	return node;
}

/* Something without name= or stars: named_expression, or a generator expression. */
static struct ast_node *parse_positional(
	struct parser *parser, struct argument_state *state, uint32_t open, bool only)
{
	const struct token *token = parser->token;
	struct ast_node *node = parse_plain_named_expression(parser, true);

	if (!node)
		return NULL;
	if (state->base && peek(parser) == TOK_KW_FOR)
		return parser_fail_here(parser);
	if (peek(parser) == TOK_KW_FOR || peek(parser) == TOK_KW_ASYNC)
		return parse_genexp_argument(parser, node, open, only);
	if (peek(parser) == TOK_EQUAL && node->kind == AST_Constant && node->op <= AST_CONST_TRUE &&
		parser->token[-1].start == node->start && parser->minor != 9)
		return parser_fail(parser, DIAG_SYNTAX, node->start, parser->token->end,
			"cannot assign to %s", expression_noun(parser, node));
	if (peek(parser) == TOK_EQUAL)
		return parser_fail_node(parser, node,
			"expression cannot contain assignment, perhaps you meant \"==\"?");
	if (state->unpack)
		state->late = "keyword argument unpacking";
	else if (state->keyword)
		state->late = "keyword argument";
	if (state->late && !state->late_token)
		state->late_token = token;
	return node;
}

/* invalid_arguments: args ',' '*' ; which place is told differs */
static void *fail_late_star(struct parser *parser, const struct argument_state *state)
{
	const struct token *star = parser->token, *place = star;

	if (parser->minor == 10)
		place = state->first;
	else if (parser->minor >= 13)
		place = star - 1;
	if (parser->minor >= 13 && !parse_starred_argument(parser))
		return NULL;
	return parser_fail(parser, DIAG_SYNTAX, place->start, place->end,
		"iterable argument unpacking follows keyword argument unpacking");
}

/* args ',' args, told where the second of them ends; by 3.8 where it begins */
static bool fail_late(struct parser *parser, const struct argument_state *state)
{
	const struct token *place = parser->minor == 8 ? state->late_token : parser->token;

	parser_fail(parser, DIAG_SYNTAX, place->start, place->end, "positional argument follows %s",
		state->late);
	return false;
}

static bool at_genexp(const struct parser *parser)
{
	return peek(parser) == TOK_KW_FOR || peek(parser) == TOK_KW_ASYNC;
}

static struct ast_node *parse_argument(
	struct parser *parser, struct argument_state *state, uint32_t open, bool only)
{
	const struct token *token = parser->token;
	struct ast_node *node;

	if (token->kind == TOK_STAR) {
		if (state->unpack)
			return fail_late_star(parser, state);
		node = parse_starred_argument(parser);
		if (node && at_genexp(parser) && parser->minor >= 9)
			return parser_fail_node(parser, node, "%s",
				only ? "iterable unpacking cannot be used in comprehension"
				     : "Generator expression must be parenthesized");
		return node;
	}
	if (token->kind == TOK_DOUBLESTAR) {
		state->unpack = true;
		return parse_keyword(parser);
	}
	if (token->kind == TOK_NAME && token[1].kind == TOK_EQUAL) {
		state->keyword = true;
		return parse_keyword(parser);
	}
	return parse_positional(parser, state, open, only);
}

/* 3.8 refuses a repeated keyword in the parser, later versions in the compiler. */
static bool check_repeated(struct parser *parser, const struct ast_list *keywords)
{
	uint32_t i;

	if (keywords->count < 2)
		return true;
	names_begin(parser);
	for (i = 0; i < keywords->count; i++) {
		const struct str *name = ast_keyword_arg(keywords->items[i]);

		if (name && name_seen(parser, name)) {
			parser->doubtful = true;
			if (parser->minor > 8)
				return true;
			parser_fail_node(parser, keywords->items[i], "keyword argument repeated");
			return false;
		}
	}
	return true;
}

/* Puts the arguments on the scratch into the two lists, each in the order written. */
static bool split_arguments(struct parser *parser, size_t mark, const struct ast_list **ret_args,
	const struct ast_list **ret_keywords)
{
	size_t count = parser->scratch_count - mark, i, named = 0;
	/* The scratch is NULL until something was put on it, and NULL + 0 is undefined in C. */
	const struct ast_node *const *items =
		count ? (const struct ast_node *const *)parser->scratch + mark : NULL;
	struct ast_list *args, *keywords;

	for (i = 0; i < count; i++)
		named += items[i]->kind == AST_keyword;
	*ret_keywords = &parser_empty_list;
	if (named == 0) {
		*ret_args = scratch_list(parser, mark);
		return !parser->failed;
	}
	args = list_new(parser, count - named);
	keywords = list_new(parser, named);
	if (!args || !keywords)
		return false;
	*ret_args = args;
	*ret_keywords = keywords;
	for (i = 0, named = 0; i < count; i++) {
		if (items[i]->kind == AST_keyword)
			list_set(keywords, named++, items[i]);
		else
			list_set(args, i - named, items[i]);
	}
	parser->scratch_count = mark;
	return check_repeated(parser, keywords);
}

/*
 * arguments: args [','] &')'
 * args: ','.(starred_expression | named_expression)+ [',' kwargs] | kwargs
 * kwargs: name= and starred first, then name= and double starred
 */
bool parse_arguments(struct parser *parser, bool is_class, uint32_t open,
	const struct ast_list **ret_args, const struct ast_list **ret_keywords)
{
	struct argument_state state = {.base = is_class, .first = parser->token};
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	while (peek(parser) != TOK_RPAR) {
		bool only = !is_class && parser->scratch_count == mark;

		node = parse_argument(parser, &state, open, only);
		if (!node)
			return false;
		scratch_push(parser, node);
		state.base = false;
		if (!accept(parser, TOK_COMMA))
			break;
	}
	if (state.late)
		return guess_comma(parser) ? false : fail_late(parser, &state);
	if (peek(parser) != TOK_RPAR) {
		parser_fail_here(parser);
		return false;
	}
	return split_arguments(parser, mark, ret_args, ret_keywords);
}

/* The bounds of a slice from its first ':' on: ':' [expression] [':' [expression]] */
static struct ast_node *parse_slice_rest(
	struct parser *parser, struct ast_node *lower, uint32_t start)
{
	struct ast_node *upper = NULL, *step = NULL, *node;

	parser->token++;
	if (parser_starts_expression(peek(parser)) && peek(parser) != TOK_STAR) {
		upper = parse_expression(parser);
		if (!upper)
			return NULL;
	}
	if (accept(parser, TOK_COLON) && parser_starts_expression(peek(parser)) &&
		peek(parser) != TOK_STAR) {
		step = parse_expression(parser);
		if (!step)
			return NULL;
	}
	node = node_new(parser, AST_Slice, start, last_end(parser));
	node_set(parser, node, AST_SLOT_Slice_lower, lower);
	node_set(parser, node, AST_SLOT_Slice_upper, upper);
	node_set(parser, node, AST_SLOT_Slice_step, step);
	return node;
}

/* slice: [expression] ':' [expression] [':' [expression]] | named_expression (3.10) */
static struct ast_node *parse_slice(struct parser *parser)
{
	const struct token *first = parser->token;
	struct ast_node *node;

	if (first->kind == TOK_STAR && parser->minor >= 11) {
		parser->doubtful = true;
		return parse_starred_argument(parser);
	}
	if (first->kind == TOK_COLON)
		return parse_slice_rest(parser, NULL, first->start);
	if (parser->minor >= 10 && first->kind == TOK_NAME && first[1].kind == TOK_COLONEQUAL)
		return parse_named_expression(parser);
	node = parse_expression(parser);
	if (node && peek(parser) == TOK_COLON)
		return parse_slice_rest(parser, node, first->start);
	return node;
}

/* slices: slice !',' | ','.(slice | starred_expression)+ [','] */
struct ast_node *parse_slices(struct parser *parser)
{
	const struct token *token = parser->token;
	struct ast_node *first = parse_slice(parser), *node;
	size_t mark = parser->scratch_count;

	if (!first || (peek(parser) != TOK_COMMA && token->kind != TOK_STAR))
		return first;
	scratch_push(parser, first);
	while (accept(parser, TOK_COMMA) && peek(parser) != TOK_RSQB) {
		node = parse_slice(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	}
	node = node_new(parser, AST_Tuple, token->start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_Tuple_elts, scratch_list(parser, mark));
	return node;
}

/* ['=' default] for a type parameter (3.13) */
static struct ast_node *parse_type_default(struct parser *parser, bool star)
{
	if (parser->minor < 13 || !accept(parser, TOK_EQUAL))
		return NULL;
	return star && peek(parser) == TOK_STAR ? parse_starred(parser) : parse_expression(parser);
}

/* invalid_type_param: '*' NAME ':' expression */
static void *fail_bound(struct parser *parser, const char *kind)
{
	const struct token *colon = parser->token++;
	struct ast_node *bound = parse_expression(parser);

	if (!bound)
		return NULL;
	return parser_fail(parser, DIAG_SYNTAX, colon->start, colon->end, "cannot use %s with %s",
		bound->kind == AST_Tuple ? "constraints" : "bound", kind);
}

/* type_param: NAME [':' expression] [default] | '*' NAME [default] | '**' NAME [default] */
static struct ast_node *parse_type_param(struct parser *parser)
{
	uint32_t start = parser->token->start;
	bool star = accept(parser, TOK_STAR);
	bool pair = !star && accept(parser, TOK_DOUBLESTAR);
	const struct str *name = name_read(parser);
	struct ast_node *bound = NULL, *value, *node;

	if (!name)
		return NULL;
	if (!star && !pair && accept(parser, TOK_COLON)) {
		bound = parse_expression(parser);
		if (!bound)
			return NULL;
	}
	if ((star || pair) && peek(parser) == TOK_COLON)
		return fail_bound(parser, star ? "TypeVarTuple" : "ParamSpec");
	value = parse_type_default(parser, star);
	if (parser->failed)
		return NULL;
	node = node_new(parser,
		star   ? AST_TypeVarTuple
		: pair ? AST_ParamSpec
		       : AST_TypeVar,
		start, last_end(parser));
	node->slots[0].name = name;
	if (!star && !pair)
		node_set(parser, node, AST_SLOT_TypeVar_bound, bound);
	node_set(parser, node,
		star || pair ? AST_SLOT_ParamSpec_default_value : AST_SLOT_TypeVar_default_value,
		value);
	return node;
}

/* type_params: '[' type_param (',' type_param)* [','] ']' (3.12); the empty list where none */
const struct ast_list *parse_type_params(struct parser *parser)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	if (parser->minor < 12 || !accept(parser, TOK_LSQB))
		return &parser_empty_list;
	parser->doubtful = true;
	if (parser->minor >= 13 && peek(parser) == TOK_RSQB)
		return parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"Type parameter list cannot be empty");
	do {
		node = parse_type_param(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (accept(parser, TOK_COMMA) && peek(parser) != TOK_RSQB);
	if (!parser_expect(parser, TOK_RSQB))
		return NULL;
	return scratch_list(parser, mark);
}
