/* String literals side by side become one node: values joined, pieces of f-strings folded. */
#include "parser/internal.h"

#include <string.h>

struct ast_node *constant_str(struct parser *parser, enum ast_constant type, struct str value,
	uint32_t start, uint32_t end)
{
	struct ast_node *node = node_new(parser, AST_Constant, start, end);

	node->op = (uint8_t)type;
	node->number = (int32_t)value.len;
	node->slots[0].text = value.len ? value.ptr : "";
	return node;
}

const struct token *string_place(const struct parser *parser, const struct token *token)
{
	unsigned depth = 0;

	if (parser->minor == 8 || (parser->minor >= 12 && token->kind == TOK_STRING))
		return token;
	if (parser->minor < 12) {
		while (token->kind == TOK_STRING)
			token++;
		return token;
	}
	for (; token->kind != TOK_ERROR; token++) {
		if (token->kind == TOK_FSTRING_START)
			depth++;
		else if (token->kind == TOK_FSTRING_END && depth-- == 0)
			break;
	}
	return token;
}

/* What is wrong with the value of a literal. Non-ASCII in bytes 3.11 finds before anything else. */
static void fail_value(struct parser *parser, const struct diag *diag, uint8_t flags)
{
	const bool ascii = parser->minor >= 11 && (flags & TOKEN_BYTES) &&
			   strncmp(diag->message, "bytes can", 9) == 0;
	const struct token *token = parser->token - 1;
	const struct token *place = ascii ? token : string_place(parser, token);

	if (place->kind == TOK_ERROR)
		parser->token = place;
	parser_fail(parser, DIAG_SYNTAX, place->start, place->end, "%s", diag->message);
}

bool string_value(struct parser *parser, uint32_t start, uint32_t end, uint8_t flags, bool format,
	struct str *ret_value)
{
	struct diag diag = {.message = NULL};

	if (lexer_string_value(parser->source, start, end, flags, format, ret_value, &diag) == 0)
		return true;
	if (!diag.message)
		parser_fail_memory(parser);
	else if (diag.kind != DIAG_SYNTAX)
		parser_fail(parser, diag.kind, start, end, "%s", diag.message);
	else
		fail_value(parser, &diag, flags);
	return false;
}

/* Only the small letter counts: U"" has no kind. */
static bool has_kind(const struct parser *parser, const struct token *token)
{
	return (token->flags & TOKEN_UNICODE) && parser->text[token->start] == 'u';
}

/* STRING: its value as a Constant */
static struct ast_node *parse_string(struct parser *parser)
{
	const struct token *token = parser->token++;
	uint32_t quotes = token->flags & TOKEN_TRIPLE ? 3 : 1;
	enum ast_constant type = token->flags & TOKEN_BYTES ? AST_CONST_BYTES
				 : has_kind(parser, token)  ? AST_CONST_STR_U
							    : AST_CONST_STR;
	struct str value;

	if (!string_value(parser, token->start + token->extra, token->end - quotes, token->flags,
		    false, &value))
		return NULL;
	return constant_str(parser, type, value, token->start, token->end);
}

/* The constants items[0..count) as one, from the start of the first to the end of the last. */
const struct ast_node *join_constants(struct parser *parser, const void *const *items, size_t count)
{
	const struct ast_node *first = items[0], *last = items[count - 1];
	size_t len = 0, i;
	char *joined, *to;

	if (count == 1)
		return first;
	for (i = 0; i < count; i++)
		len += ast_Constant_value(items[i]).len;
	joined = to = parser_alloc(parser, len);
	if (!joined)
		return first;
	for (i = 0; i < count; i++) {
		struct str value = ast_Constant_value(items[i]);

		memcpy(to, value.ptr, value.len);
		to += value.len;
	}
	return constant_str(
		parser, ast_Constant_type(first), str_from(joined, len), first->start, last->end);
}

/* The pieces on the scratch with neighbouring constants joined and empty ones dropped. */
const struct ast_list *fold_pieces(struct parser *parser, size_t mark)
{
	size_t count = parser->scratch_count, from, to, kept = mark;

	for (from = mark; from < count; from = to) {
		const struct ast_node *piece = parser->scratch[from];

		to = from + 1;
		if (piece->kind == AST_Constant) {
			while (to < count && ((const struct ast_node *)parser->scratch[to])->kind ==
						     AST_Constant)
				to++;
			piece = join_constants(parser, parser->scratch + from, to - from);
			if (piece->number == 0)
				continue;
		}
		parser->scratch[kept++] = piece;
	}
	parser->scratch_count = kept;
	return scratch_list(parser, mark);
}

/* What the literals of one strings rule are. */
struct string_mix {
	bool bytes;
	bool text;
	bool format;
	bool template;
};

/* One literal: its pieces are pushed. */
static bool parse_one_string(struct parser *parser, struct string_mix *mix)
{
	const struct token *token = parser->token;
	struct ast_node *node;

	mix->bytes |= (token->flags & TOKEN_BYTES) != 0;
	mix->text |= (token->flags & (TOKEN_BYTES | TOKEN_TEMPLATE)) == 0;
	mix->template |= (token->flags & TOKEN_TEMPLATE) != 0;
	mix->format |= (token->flags & TOKEN_FORMAT) != 0;
	if (token->kind == TOK_FSTRING_START)
		return parse_fstring(parser);
	if (token->flags & TOKEN_FORMAT) {
		parser->token++;
		return parse_fstring_old(parser, token);
	}
	node = parse_string(parser);
	if (!node)
		return false;
	scratch_push(parser, node);
	return !parser->failed;
}

static bool check_mix(struct parser *parser, const struct string_mix *mix, uint32_t start)
{
	const char *problem = NULL;

	if (mix->bytes && (mix->text || mix->format))
		problem = "cannot mix bytes and nonbytes literals";
	else if (mix->template && (mix->text || mix->bytes))
		problem = "cannot mix t-string literals with string or bytes literals";
	if (problem && (parser->minor == 8 || mix->template))
		parser_fail(parser, DIAG_SYNTAX, start, last_end(parser), "%s", problem);
	else if (problem)
		parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end, "%s",
			problem);
	return !problem;
}

/*
 * Gives the constants of a format spec, and those of the specs within it, the kind 'u'. From 3.9 on
 * the text at the end of a spec has none.
 */
static void mark_spec(const struct parser *parser, const struct ast_node *spec)
{
	const struct ast_list *values = ast_JoinedStr_values(spec);
	uint32_t i;

	for (i = 0; i < values->count; i++) {
		struct ast_node *piece = (struct ast_node *)(uintptr_t)values->items[i];

		if (piece->kind == AST_FormattedValue && ast_FormattedValue_format_spec(piece))
			mark_spec(parser, ast_FormattedValue_format_spec(piece)); /* 2 deep */
		else if (piece->kind == AST_Constant &&
			 (parser->minor == 8 || i + 1 < values->count))
			piece->op = AST_CONST_STR_U;
	}
}

/* Before 3.12 the first literal's prefix is the kind of every piece. */
static void spread_kind(struct parser *parser, const struct token *first, size_t mark)
{
	const enum ast_constant type = has_kind(parser, first) ? AST_CONST_STR_U : AST_CONST_STR;
	size_t i;

	for (i = mark; i < parser->scratch_count; i++) {
		struct ast_node *piece = (struct ast_node *)(uintptr_t)parser->scratch[i];

		if (piece->kind == AST_Constant && piece->op != AST_CONST_BYTES)
			piece->op = (uint8_t)type;
		else if (piece->kind == AST_FormattedValue && type == AST_CONST_STR_U &&
			 ast_FormattedValue_format_spec(piece))
			mark_spec(parser, ast_FormattedValue_format_spec(piece));
	}
}

/* strings: (fstring | STRING)+ | tstring+ */
struct ast_node *parse_strings(struct parser *parser)
{
	const struct token *first = parser->token;
	struct string_mix mix = {false, false, false, false};
	size_t mark = parser->scratch_count;
	struct ast_node *node;

	do {
		if (!parse_one_string(parser, &mix))
			return NULL;
	} while (peek(parser) == TOK_STRING || peek(parser) == TOK_FSTRING_START);
	if (!check_mix(parser, &mix, first->start))
		return NULL;
	if (parser->minor < 12)
		spread_kind(parser, first, mark);
	if (!mix.format && !mix.template) {
		const struct ast_node *constant = join_constants(
			parser, parser->scratch + mark, parser->scratch_count - mark);

		parser->scratch_count = mark;
		return (struct ast_node *)(uintptr_t)constant;
	}
	node = node_new(parser, mix.template ? AST_TemplateStr : AST_JoinedStr, first->start,
		last_end(parser));
	node_set_list(parser, node, AST_SLOT_JoinedStr_values, fold_pieces(parser, mark));
	return parser->failed ? NULL : node;
}
