/*
 * Whether compile() may refuse a source that parses. To know that, three more goes over the tree
 * are needed (parser/compile_errors.h), and they take as long as the parser. So the parser notes
 * on its way what could be refused at all, always on the safe side; where it notes nothing, as in
 * most programs, compile_errors_find() has nothing to look for:
 *
 *	return, break, continue, yield, import *, stars, __debug__	by where they stand
 *	global					but of names not seen in the function before
 *	parameters and keywords			named twice
 *	from __future__				but at the very beginning
 *	:=, await				beside comprehensions, lambdas, annotations
 *	await, async for, async with		but in an async function
 *	nonlocal, match, except*, a bare except before others, type parameters,
 *	blocks nested deep			always
 *
 * The last line's are noted where they are read.
 */
#include "parser/internal.h"

static bool in_function(const struct parser *parser)
{
	return parser->place.kind >= PLACE_FUNCTION;
}

static bool is_private(struct str name)
{
	return name.len > 2 && name.ptr[0] == '_' && name.ptr[1] == '_';
}

/* Whether a string's prefix makes it one with fields. */
static bool has_fields(struct str text)
{
	return memchr(text.ptr, 'f', 2) || memchr(text.ptr, 'F', 2);
}

/* Nothing was done to a name before the statement if it does not stand before it. */
static bool doubt_global(struct parser *parser, const struct ast_node *node)
{
	const struct ast_names *names = ast_Global_names(node);
	const struct token *token = parser->place.head;

	parser->place.declares = true;
	if (!in_function(parser) || parser->in_fragment)
		return true;
	for (uint32_t i = 0; i < names->count; i++)
		if (is_private(*names->items[i]))
			return true;
	for (; token->start < node->start; token++) {
		struct str text = {parser->text + token->start, token->end - token->start};

		if (parser->doubt_budget < names->count)
			return true;
		parser->doubt_budget -= names->count;
		/* Before 3.12 the fields of an f-string are tokens of their own, and elsewhere. */
		if (token->flags & TOKEN_NON_ASCII ||
			(token->kind == TOK_STRING && parser->minor < 12 && text.len > 2 &&
				has_fields(text)))
			return true;
		if (token->kind != TOK_NAME)
			continue;
		for (uint32_t i = 0; i < names->count; i++)
			if (str_eq(text, *names->items[i]))
				return true;
	}
	return false;
}

static bool doubt_import(struct parser *parser, const struct ast_node *node, unsigned leading)
{
	const struct str *module = ast_ImportFrom_module(node);
	const struct ast_list *names = ast_ImportFrom_names(node);

	if (module && str_is(*module, "__future__")) {
		/* Which of these count as one is a matter of versions. */
		if (ast_ImportFrom_level(node))
			return true;
		parser->place.leading = leading ? LEADING : LEADING_NO;
		return !leading || parser->place.kind != PLACE_MODULE;
	}
	return parser->place.kind != PLACE_MODULE && names->count &&
	       str_is(*ast_alias_name(names->items[0]), "*");
}

void doubt_statement(struct parser *parser, const struct ast_node *node)
{
	struct place *place = &parser->place;
	unsigned leading = place->leading;
	uint8_t seen = parser->seen;
	bool doubt = seen & SEEN_OUTER && seen & SEEN_SCOPE;

	parser->seen = 0;
	place->leading = LEADING_NO;
	switch (node->kind) {
	case AST_Return:
		doubt |= !in_function(parser);
		break;
	case AST_Break:
	case AST_Continue:
		doubt |= !place->loops;
		break;
	case AST_Global:
		doubt = doubt_global(parser, node);
		break;
	case AST_Nonlocal:
	case AST_TypeAlias:
		doubt = true;
		break;
	case AST_AnnAssign:
		doubt = place->declares || seen & (SEEN_OUTER | SEEN_STAR);
		break;
	case AST_ImportFrom:
		doubt = doubt_import(parser, node, leading);
		break;
	case AST_Expr:
		if (leading == LEADING_FIRST && ast_is_str(ast_Expr_value(node)))
			place->leading = LEADING;
		break;
	default:
		break;
	}
	parser->doubtful |= doubt;
}

void doubt_head(struct parser *parser, const struct token *head)
{
	parser->doubtful |= parser->seen & SEEN_OUTER &&
			    (parser->seen & SEEN_SCOPE || head->kind == TOK_KW_DEF ||
				    head->kind == TOK_KW_CLASS);
	parser->seen = 0;
}

/* A statement of its own or the value of an assignment, in a plain function, is never refused. */
void doubt_yield(struct parser *parser)
{
	bool plain = false;

	if (!parser->in_fragment && parser->token > parser->first &&
		parser->place.kind == PLACE_FUNCTION)
		switch (parser->token[-1].kind) {
		case TOK_NEWLINE:
		case TOK_INDENT:
		case TOK_DEDENT:
		case TOK_SEMI:
		case TOK_EQUAL:
			plain = true;
			break;
		default:
			break;
		}
	parser->doubtful |= !plain;
}

/* Within a display or a bare tuple it is as good as an argument, if it is no target. */
void doubt_star(struct parser *parser, const struct token *first)
{
	parser->seen |= SEEN_STAR;
	parser->doubtful |= parser->in_fragment || first == parser->first ||
			    (peek(parser) != TOK_COMMA && first[-1].kind != TOK_COMMA &&
				    first[-1].kind != TOK_LSQB);
}

/* Right behind these words it is read, and nothing else. */
void doubt_debug(struct parser *parser)
{
	parser->doubtful |= parser->fragments;
	for (const struct token *token = parser->first; token->kind != TOK_ENDMARKER; token++) {
		enum token_kind before;

		if (token->kind == TOK_ERROR)
			return;
		if (token->kind != TOK_NAME || !parser_token_is(parser, token, "__debug__"))
			continue;
		before = token > parser->first ? (enum token_kind)token[-1].kind : TOK_NEWLINE;
		parser->doubtful |=
			token[1].kind == TOK_COLONEQUAL ||
			(before != TOK_KW_IF && before != TOK_KW_ELIF && before != TOK_KW_NOT &&
				before != TOK_KW_AND && before != TOK_KW_OR);
	}
}

/* Two of one name; private ones may come to be two of one name within a class. */
void doubt_parameters(struct parser *parser, const struct ast_node *args)
{
	const struct ast_list *lists[] = {ast_arguments_posonlyargs(args), ast_arguments_args(args),
		ast_arguments_kwonlyargs(args)};
	const struct ast_node *singles[] = {ast_arguments_vararg(args), ast_arguments_kwarg(args)};
	bool doubt = false;

	names_begin(parser);
	for (size_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < lists[i]->count; k++) {
			const struct str *name = ast_arg_arg(lists[i]->items[k]);

			doubt |= name_seen(parser, name) || is_private(*name);
		}
	for (size_t i = 0; i < 2; i++)
		if (singles[i])
			doubt |= name_seen(parser, ast_arg_arg(singles[i])) ||
				 is_private(*ast_arg_arg(singles[i]));
	parser->doubtful |= doubt;
}
