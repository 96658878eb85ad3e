/* The parameters of functions and lambdas. */
#include "parser/internal.h"

/* Parameters being read: on the scratch lie pairs (arg, its default or NULL) in the order written.
 */
struct params {
	size_t mark;
	enum token_kind end; /* RPAR or, for a lambda, COLON */
	size_t positional;   /* how many pairs stood before '/' */
	size_t regular;      /* how many more before '*' */
	bool slash;
	bool star;
	bool has_default; /* a parameter before '*' had one */
	struct ast_node *vararg;
	struct ast_node *kwarg;
};

static size_t pair_count(const struct parser *parser, const struct params *params)
{
	return (parser->scratch_count - params->mark) / 2;
}

/* param: NAME [':' expression]; a lambda's has no annotation */
static struct ast_node *parse_param(struct parser *parser, const struct params *params, bool star)
{
	const struct token *first = parser->token;
	const struct str *name = name_read(parser);
	struct ast_node *annotation = NULL, *node;

	if (!name || !name_check_bind(parser, name, first))
		return NULL;
	if (params->end == TOK_RPAR && accept(parser, TOK_COLON)) {
		/* star_annotation: ':' star_expression (3.11) */
		if (star && peek(parser) == TOK_STAR && parser->minor >= 11)
			annotation = parse_starred(parser);
		else
			annotation = parse_expression(parser);
		if (!annotation)
			return NULL;
	}
	node = node_new(parser, AST_arg, first->start, last_end(parser));
	node->slots[AST_SLOT_arg_arg].name = name;
	node_set(parser, node, AST_SLOT_arg_annotation, annotation);
	return node;
}

static bool fail_token(struct parser *parser, const struct token *token, const char *text)
{
	parser_fail(parser, DIAG_SYNTAX, token->start, token->end, "%s", text);
	return false;
}

/* A plain "invalid syntax" at that token, which may be one that is read. */
static bool fail_plainly(struct parser *parser, const struct token *token)
{
	parser->token = token;
	parser_fail_here(parser);
	return false;
}

/* '/' after at least one parameter, before any '*'; 3.11 and later say what is wrong with it */
static bool parse_slash(struct parser *parser, struct params *params)
{
	const struct token *token = parser->token++;
	const bool refused = params->slash || params->star || pair_count(parser, params) == 0;

	if (refused && parser->minor < 11)
		return fail_plainly(parser, token);
	if (params->slash)
		return fail_token(parser, token, "/ may appear only once");
	if (params->star)
		return fail_token(parser, token, "/ must be ahead of *");
	if (refused && peek(parser) != TOK_COMMA)
		return fail_plainly(parser, token);
	if (refused)
		return fail_token(parser, token, "at least one argument must precede /");
	if (parser->minor >= 11 && peek(parser) == TOK_STAR)
		return fail_token(parser, parser->token, "expected comma between / and *");
	params->slash = true;
	params->positional = pair_count(parser, params);
	return true;
}

/* No '=' behind `*args` or `**kwargs`. */
static bool check_no_default(struct parser *parser, const char *which)
{
	if (peek(parser) != TOK_EQUAL)
		return true;
	if (parser->minor < 11)
		return fail_plainly(parser, parser->token);
	parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
		"%s argument cannot have default value", which);
	return false;
}

/*
 * A parameter must follow a bare star. invalid_star_etc: '*' (')' | ',' (')' | '**')), told at the
 * star; of a lambda at the last of these.
 */
static bool check_bare_star(
	struct parser *parser, const struct params *params, const struct token *star)
{
	const bool comma = star[1].kind == TOK_COMMA;
	const struct token *last = comma ? star + 2 : star + 1;

	if ((enum token_kind)last->kind != params->end && !(comma && last->kind == TOK_DOUBLESTAR))
		return true;
	return fail_token(parser, params->end == TOK_COLON && parser->minor > 8 ? last : star,
		"named arguments must follow bare *");
}

/* '*' param | '*' ',' &(param) */
static bool parse_star(struct parser *parser, struct params *params)
{
	const struct token *token = parser->token++;

	if (params->star && (parser->minor < 11 || (peek(parser) != TOK_COMMA &&
							   (peek(parser) != TOK_NAME ||
								   token[2].kind == TOK_EQUAL))))
		return fail_plainly(parser, token);
	if (params->star)
		return fail_token(parser, token, "* argument may appear only once");
	params->star = true;
	params->regular = pair_count(parser, params) - params->positional;
	if (!check_bare_star(parser, params, token))
		return false;
	if (peek(parser) == TOK_COMMA)
		return true;
	params->vararg = parse_param(parser, params, true);
	return params->vararg && check_no_default(parser, "var-positional");
}

/* '**' param, the last of all */
static bool parse_double_star(struct parser *parser, struct params *params)
{
	bool comma;

	parser->token++;
	params->kwarg = parse_param(parser, params, false);
	if (!params->kwarg || !check_no_default(parser, "var-keyword"))
		return false;
	comma = accept(parser, TOK_COMMA);
	if (peek(parser) == params->end)
		return true;
	if (comma && parser->minor >= 11 &&
		(peek(parser) == TOK_NAME || peek(parser) == TOK_STAR ||
			peek(parser) == TOK_DOUBLESTAR || peek(parser) == TOK_SLASH))
		return fail_token(
			parser, parser->token, "arguments cannot follow var-keyword argument");
	return fail_plainly(parser, parser->token);
}

/* param ['=' expression] */
static bool parse_plain(struct parser *parser, struct params *params)
{
	const struct token *first = parser->token;
	struct ast_node *arg = parse_param(parser, params, false), *value = NULL;

	if (!arg)
		return false;
	/* 3.8 ends a keyword-only parameter with its name. */
	if (parser->minor == 8 && params->star)
		arg->end = first->end;
	if (accept(parser, TOK_EQUAL)) {
		if (parser->minor >= 11 && (peek(parser) == TOK_RPAR || peek(parser) == TOK_COMMA))
			return fail_token(
				parser, parser->token - 1, "expected default value expression");
		value = parse_expression(parser);
		if (!value)
			return false;
		params->has_default |= !params->star;
	} else if (params->has_default && !params->star) {
		return fail_token(parser, first,
			parser->minor < 12
				? "non-default argument follows default argument"
				: "parameter without a default follows parameter with a default");
	}
	scratch_push(parser, arg);
	scratch_push(parser, value);
	return !parser->failed;
}

/* What Python 2 had: names in brackets. Anything else is no parameter. */
static bool fail_paren(struct parser *parser, const struct params *params)
{
	const struct token *token = parser->token;

	do {
		if ((++token)->kind != TOK_NAME)
			break;
		token++;
	} while (token->kind == TOK_COMMA);
	if (parser->minor >= 11 && !params->has_default && !params->star &&
		token->kind == TOK_RPAR && token[-1].kind != TOK_LPAR)
		parser_fail(parser, DIAG_SYNTAX, parser->token->start, token->end,
			"%s parameters cannot be parenthesized",
			params->end == TOK_RPAR ? "Function" : "Lambda expression");
	parser_fail_here(parser);
	return false;
}

static bool parse_one(struct parser *parser, struct params *params)
{
	switch (peek(parser)) {
	case TOK_LPAR:
		return fail_paren(parser, params);
	case TOK_SLASH:
		return parse_slash(parser, params);
	case TOK_STAR:
		return parse_star(parser, params);
	case TOK_DOUBLESTAR:
		return parse_double_star(parser, params);
	default:
		return parse_plain(parser, params);
	}
}

/* The args (which 0) or defaults (which 1) of pairs [from, from + count) as a list. */
static const struct ast_list *pairs_list(
	struct parser *parser, const struct params *params, size_t from, size_t count, size_t which)
{
	struct ast_list *list;
	size_t i;

	if (count == 0)
		return &parser_empty_list;
	list = list_new(parser, count);
	if (!list)
		return &parser_empty_list;
	for (i = 0; i < count; i++)
		list_set(list, i, parser->scratch[params->mark + 2 * (from + i) + which]);
	return list;
}

static struct ast_node *finish_params(struct parser *parser, struct params *params, uint32_t start)
{
	size_t total = pair_count(parser, params), before, bare = 0;
	size_t positional = params->positional;
	uint32_t end = parser->token->start;
	struct ast_node *node = node_new(parser, AST_arguments, start, end);

	if (!params->star)
		params->regular = total - positional;
	before = positional + params->regular;
	while (bare < before && !parser->scratch[params->mark + 2 * bare + 1])
		bare++;
	node_set_list(parser, node, AST_SLOT_arguments_posonlyargs,
		pairs_list(parser, params, 0, positional, 0));
	node_set_list(parser, node, AST_SLOT_arguments_args,
		pairs_list(parser, params, positional, params->regular, 0));
	node_set(parser, node, AST_SLOT_arguments_vararg, params->vararg);
	node_set_list(parser, node, AST_SLOT_arguments_kwonlyargs,
		pairs_list(parser, params, before, total - before, 0));
	node_set_list(parser, node, AST_SLOT_arguments_kw_defaults,
		pairs_list(parser, params, before, total - before, 1));
	node_set(parser, node, AST_SLOT_arguments_kwarg, params->kwarg);
	node_set_list(parser, node, AST_SLOT_arguments_defaults,
		pairs_list(parser, params, bare, before - bare, 1));
	parser->scratch_count = params->mark;
	if (parser->failed)
		return NULL;
	doubt_parameters(parser, node);
	return node;
}

/*
 * parameters: slash_no_default param_no_default* param_with_default* [star_etc] | ...
 * star_etc: '*' (param_no_default | ',') param_maybe_default* [kwds] | kwds
 */
struct ast_node *parse_parameters(struct parser *parser, enum token_kind end)
{
	struct params params = {.mark = parser->scratch_count, .end = end};
	uint32_t start = parser->token->start;

	while (peek(parser) != end) {
		if (!parse_one(parser, &params))
			return NULL;
		if (params.kwarg || !accept(parser, TOK_COMMA))
			break;
	}
	if (peek(parser) != end)
		return parser_fail_here(parser);
	return finish_params(parser, &params, start);
}
