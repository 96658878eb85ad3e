/* import and from ... import. */
#include "parser/internal.h"

#include <string.h>

/*
 * One part of a dotted name. Where there are dots 3.8 leaves each part as it was written, for which
 * it then looks when it imports.
 */
static struct str part_of(struct parser *parser, const struct token *token)
{
	if (parser->minor == 8)
		return str_from(parser->text + token->start, token->end - token->start);
	return *name_of(parser, token);
}

/* The names of the tokens [first, last), dots between them, as one name. */
static const struct str *join_names(
	struct parser *parser, const struct token *first, const struct token *last)
{
	const struct token *token;
	size_t len = 0;
	char *joined, *to;

	for (token = first; token < last; token += 2)
		len += part_of(parser, token).len + 1;
	joined = to = parser_alloc(parser, len);
	if (!joined)
		return NULL;
	for (token = first; token < last; token += 2) {
		struct str name = part_of(parser, token);

		if (token > first)
			*to++ = '.';
		memcpy(to, name.ptr, name.len);
		to += name.len;
	}
	return name_intern(parser, str_from(joined, len - 1));
}

/* dotted_name: NAME ('.' NAME)* */
static const struct str *parse_dotted_name(struct parser *parser)
{
	const struct token *first = parser->token;

	do {
		if (!accept(parser, TOK_NAME))
			return parser_fail_here(parser);
	} while (accept(parser, TOK_DOT));
	if (parser->token == first + 1)
		return name_of(parser, first);
	return join_names(parser, first, parser->token);
}

/* ['as' NAME]; what the alias binds without it stands at `bound` */
static struct ast_node *finish_alias(
	struct parser *parser, const struct str *name, const struct token *first, bool binds)
{
	const struct str *asname = NULL;
	const struct token *bound = first;
	struct ast_node *node;

	if (accept(parser, TOK_KW_AS)) {
		bound = parser->token;
		asname = name_read(parser);
		if (!asname)
			return NULL;
	}
	if ((asname || binds) && !name_check_bind(parser, asname ? asname : name, bound))
		return NULL;
	node = node_new(parser, AST_alias, first->start, last_end(parser));
	node->slots[AST_SLOT_alias_name].name = name;
	node->slots[AST_SLOT_alias_asname].name = asname;
	return node;
}

/* dotted_as_name: dotted_name ['as' NAME] */
static struct ast_node *parse_dotted_as_name(struct parser *parser)
{
	const struct token *first = parser->token;
	const struct str *name = parse_dotted_name(parser);

	/* `import a.b` binds `a`, which whoever asks what it binds finds among the names. */
	if (name && parser->token != first + 1 && peek(parser) != TOK_KW_AS)
		name_of(parser, first);
	return name ? finish_alias(parser, name, first, parser->token == first + 1) : NULL;
}

/* import_from_as_name: NAME ['as' NAME] */
static struct ast_node *parse_import_as_name(struct parser *parser)
{
	const struct token *first = parser->token;
	const struct str *name = name_read(parser);

	return name ? finish_alias(parser, name, first, true) : NULL;
}

/* At the end of a line where names were expected. */
static bool lacks_names(struct parser *parser)
{
	if (peek(parser) != TOK_NEWLINE || parser->minor < 13)
		return false;
	parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
		"Expected one or more names after 'import'");
	return true;
}

/* import_name: 'import' dotted_as_name (',' dotted_as_name)* */
struct ast_node *parse_import(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	if (lacks_names(parser))
		return NULL;
	do {
		node = parse_dotted_as_name(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (accept(parser, TOK_COMMA));
	if (parser->minor >= 12 && peek(parser) == TOK_KW_FROM && parser->token[1].kind == TOK_NAME)
		return parser_fail(parser, DIAG_SYNTAX, start, last_end(parser),
			"Did you mean to use 'from ... import ...' instead?");
	node = node_new(parser, AST_Import, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_Import_names, scratch_list(parser, mark));
	return node;
}

/* '*' */
static const struct ast_list *parse_import_star(struct parser *parser)
{
	const struct token *token = parser->token++;
	struct ast_node *node = node_new(parser, AST_alias, token->start, token->end);

	node->slots[AST_SLOT_alias_name].name = name_intern(parser, STR("*"));
	return list_of(parser, node);
}

/* import_from_targets: '(' import_from_as_names [','] ')' | import_from_as_names !',' | '*' */
static const struct ast_list *parse_import_targets(struct parser *parser)
{
	size_t mark = parser->scratch_count;
	struct ast_node *node;
	bool paren;

	if (lacks_names(parser))
		return NULL;
	if (peek(parser) == TOK_STAR)
		return parse_import_star(parser);
	paren = accept(parser, TOK_LPAR);
	do {
		node = parse_import_as_name(parser);
		if (!node)
			return NULL;
		scratch_push(parser, node);
	} while (accept(parser, TOK_COMMA) && !(paren && peek(parser) == TOK_RPAR) &&
		 peek(parser) != TOK_NEWLINE);
	if (!paren && parser->token[-1].kind == TOK_COMMA)
		return parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"trailing comma not allowed without surrounding parentheses");
	if (paren && !parser_expect(parser, TOK_RPAR))
		return NULL;
	return scratch_list(parser, mark);
}

static bool is_future(const struct ast_node *import)
{
	return import->number == 0 && ast_ImportFrom_module(import) &&
	       str_is(*ast_ImportFrom_module(import), "__future__");
}

static bool imports_barry(const struct ast_list *names)
{
	uint32_t i;

	for (i = 0; i < names->count; i++) {
		if (str_is(*ast_alias_name(names->items[i]), "barry_as_FLUFL"))
			return true;
	}
	return false;
}

static bool is_docstring(const struct ast_node *statement)
{
	const struct ast_node *value;

	if (statement->kind != AST_Expr)
		return false;
	value = ast_Expr_value(statement);
	return value->kind == AST_Constant &&
	       (value->op == AST_CONST_STR || value->op == AST_CONST_STR_U);
}

static bool fail_feature(
	struct parser *parser, const struct ast_node *alias, const struct str *name)
{
	if (str_is(*name, "braces"))
		parser_fail_node(parser, alias, "not a chance");
	else
		parser_fail_node(parser, alias, "future feature %.*s is not defined",
			name->len < 100 ? (int)name->len : 100, name->ptr);
	return false;
}

/* import_from: 'from' ('.' | '...')* [dotted_name] 'import' import_from_targets */
struct ast_node *parse_import_from(struct parser *parser)
{
	uint32_t start = parser->token++->start;
	const struct str *module = NULL;
	const struct ast_list *names;
	struct ast_node *node;
	int32_t level = 0;

	for (;; parser->token++) {
		if (peek(parser) == TOK_DOT)
			level++;
		else if (peek(parser) == TOK_ELLIPSIS)
			level += 3;
		else
			break;
	}
	if (level == 0 || peek(parser) == TOK_NAME) {
		module = parse_dotted_name(parser);
		if (!module)
			return NULL;
	}
	if (!parser_expect(parser, TOK_KW_IMPORT))
		return NULL;
	names = parse_import_targets(parser);
	if (!names)
		return NULL;
	node = node_new(parser, AST_ImportFrom, start, last_end(parser));
	node->number = level;
	node->slots[AST_SLOT_ImportFrom_module].name = module;
	node_set_list(parser, node, AST_SLOT_ImportFrom_names, names);
	if (parser->minor >= 14 && !parser->failed && is_future(node))
		parser->barry = parser->barry || imports_barry(names);
	return node;
}

bool check_future_imports(struct parser *parser, const struct ast_list *body)
{
	static const char *const features[] = {"nested_scopes", "generators", "division",
		"absolute_import", "with_statement", "print_function", "unicode_literals",
		"barry_as_FLUFL", "generator_stop", "annotations"};
	const struct ast_node *alias;
	const struct str *name;
	uint32_t i, j, k;

	if (parser->failed)
		return false;
	for (i = body->count && is_docstring(body->items[0]); i < body->count; i++) {
		const struct ast_node *statement = body->items[i];

		if (statement->kind != AST_ImportFrom || !is_future(statement))
			break;
		for (j = 0; j < ast_ImportFrom_names(statement)->count; j++) {
			alias = ast_ImportFrom_names(statement)->items[j];
			name = ast_alias_name(alias);
			for (k = 0; k < sizeof(features) / sizeof(*features); k++) {
				if (str_is(*name, features[k]))
					break;
			}
			if (k == sizeof(features) / sizeof(*features))
				return fail_feature(parser, alias, name);
		}
	}
	return true;
}
