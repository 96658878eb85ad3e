/* String literals as lexemes: prefixes, and where the literal ends. Values: string_value.c. */
#include "lexer/lexer_internal.h"

#define PREFIX_LONGEST 2

static uint8_t prefix_flag(unsigned char c, uint8_t minor)
{
	switch (c | 0x20) {
	case 'b':
		return TOKEN_BYTES;
	case 'r':
		return TOKEN_RAW;
	case 'u':
		return TOKEN_UNICODE;
	case 'f':
		return TOKEN_FORMAT;
	case 't':
		return minor >= 14 ? TOKEN_TEMPLATE : 0;
	default:
		return 0;
	}
}

/* The pair of letters of a prefix that excludes itself (ur, bf, ft ...); NULL if it is a prefix. */
static const char *incompatible(uint8_t flags)
{
	static const struct {
		uint8_t flags;
		const char *text;
	} pairs[] = {
		{TOKEN_UNICODE | TOKEN_BYTES, "'u' and 'b'"},
		{TOKEN_UNICODE | TOKEN_RAW, "'u' and 'r'"},
		{TOKEN_UNICODE | TOKEN_FORMAT, "'u' and 'f'"},
		{TOKEN_UNICODE | TOKEN_TEMPLATE, "'u' and 't'"},
		{TOKEN_BYTES | TOKEN_FORMAT, "'b' and 'f'"},
		{TOKEN_BYTES | TOKEN_TEMPLATE, "'b' and 't'"},
		{TOKEN_FORMAT | TOKEN_TEMPLATE, "'f' and 't'"},
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if ((flags & pairs[i].flags) == pairs[i].flags)
			return pairs[i].text;
	}
	return NULL;
}

int lexer_prefix(struct lexer *lx, const unsigned char *p, uint8_t *ret_flags)
{
	const unsigned char *end = p;
	const char *clash;
	uint8_t flags = 0, flag;

	for (;; end++) {
		flag = prefix_flag(*end, lx->minor);
		if (!flag || (flags & flag))
			break;
		flags |= flag;
	}
	if (end == p || lexer_class[*end] != CHAR_QUOTE)
		return 0;
	clash = incompatible(flags);
	if (clash && lx->minor < 14)
		return 0; /* a name, then a string: the parser's error */
	if (clash) {
		lexer_error(lx, DIAG_SYNTAX, p, end, "%s prefixes are incompatible", clash);
		return -1;
	}
	*ret_flags = flags;
	return (int)(end - p);
}

/* start and quote: of the literal; stop: where reading ended (a line end, or the end of the text).
 */
static const unsigned char *unterminated(struct lexer *lx, const unsigned char *start,
	const unsigned char *stop, uint8_t flags, bool escaped_quote, unsigned char quote)
{
	const struct fstring *fstring = lexer_fstring(lx);
	uint32_t line = lexer_line(lx, stop);

	if (*stop == '\0' && stop > lx->text && (stop[-1] == '\n' || stop[-1] == '\r'))
		line--;
	if (fstring && fstring->quote == quote &&
		fstring->quote_len == (flags & TOKEN_TRIPLE ? 3 : 1))
		return lexer_error(lx, DIAG_SYNTAX, start, start + 1, "%s-string: expecting '}'",
			fstring->flags & TOKEN_TEMPLATE ? "t" : "f");
	if (flags & TOKEN_TRIPLE)
		return lexer_error(lx, DIAG_SYNTAX, start, start + 1,
			"unterminated triple-quoted string literal (detected at line %u)", line);
	return lexer_error(lx, DIAG_SYNTAX, start, start + 1,
		"unterminated string literal (detected at line %u)%s", line,
		escaped_quote ? "; perhaps you escaped the end quote?" : "");
}

/* p stands at a backslash within a literal: past what it escapes, a whole line end at once. */
static const unsigned char *skip_escape(const unsigned char *p)
{
	if (p[1] == '\0')
		return p + 1;
	return p + (p[1] == '\r' && p[2] == '\n' ? 3 : 2);
}

/* A literal that is one token; p stands behind its opening quotes. */
static const unsigned char *plain_string(struct lexer *lx, const unsigned char *start,
	const unsigned char *p, uint8_t flags, unsigned char quote)
{
	const uint8_t stop = flags & TOKEN_TRIPLE ? BYTE_TRIPLE_STOP : BYTE_STRING_STOP;
	const unsigned opening = (unsigned)(p - start);
	bool escaped_quote = false;

	for (;;) {
		while (!(lexer_bytes[*p] & stop))
			p++;
		if (*p == '\\') {
			escaped_quote |= p[1] == quote;
			p = skip_escape(p);
		} else if (lexer_class[*p] != CHAR_QUOTE) {
			return unterminated(lx, start, p, flags, escaped_quote, quote);
		} else if (*p == quote && !(flags & TOKEN_TRIPLE)) {
			p++;
			break;
		} else if (*p == quote && p[1] == quote && p[2] == quote) {
			p += 3;
			break;
		} else {
			p++;
		}
	}
	lexer_emit(lx, TOK_STRING, flags, opening, start, p);
	return p;
}

static const unsigned char *open_fstring(struct lexer *lx, const unsigned char *start,
	const unsigned char *p, uint8_t flags, unsigned char quote)
{
	if (lx->fstring_count + 1 >= LEXER_MAX_FSTRINGS)
		return lexer_error(lx, DIAG_SYNTAX, p - 1, p, "too many nested f-strings");
	lx->fstrings[lx->fstring_count++] = (struct fstring){
		.start = lexer_offset(lx, start),
		.flags = flags,
		.quote = quote,
		.quote_len = flags & TOKEN_TRIPLE ? 3 : 1,
	};
	lx->in_text = true;
	lexer_emit(lx, TOK_FSTRING_START, flags, (unsigned)(p - start), start, p);
	return p;
}

const unsigned char *lexer_string(
	struct lexer *lx, const unsigned char *p, int prefix, uint8_t flags)
{
	const unsigned char *start = p;
	unsigned char quote;

	p += prefix;
	quote = *p++;
	if (*p == quote && p[1] == quote) {
		flags |= TOKEN_TRIPLE;
		p += 2;
	}
	if (lx->minor >= 12 && (flags & (TOKEN_FORMAT | TOKEN_TEMPLATE)))
		return open_fstring(lx, start, p, flags, quote);
	return plain_string(lx, start, p, flags, quote);
}
