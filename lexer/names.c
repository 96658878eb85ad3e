/* Names with characters over 0x7f: which are identifiers (PEP 3131), and their NFKC form. */
#include "lexer/lexer_internal.h"
#include "lexer/unicode.h"
#include "lexer/utf8.h"

const unsigned char *lexer_wide_name(
	struct lexer *lx, const unsigned char *start, const unsigned char *p)
{
	const unsigned char *at;
	size_t len;
	uint32_t c;

	while (lexer_bytes[*p] & BYTE_ALNUM_HIGH)
		p++;
	for (at = start; at < p; at += len) {
		c = utf8_decode(at, &len);
		if (c < 0x80 || unicode_is_xid_continue(c, lx->minor)) {
			if (at > start || c < 0x80 || unicode_is_xid_start(c, lx->minor))
				continue;
		}
		if (unicode_is_printable(c))
			return lexer_error(lx, DIAG_SYNTAX, at, at + len,
				"invalid character '%.*s' (U+%04X)", (int)len, (const char *)at, c);
		return lexer_error(
			lx, DIAG_SYNTAX, at, at + len, "invalid non-printable character U+%04X", c);
	}
	return p;
}

struct str lexer_name(const struct source *source, const struct token *token, bool *ret_changed)
{
	struct str text = str_from(source->text.ptr + token->start, token->end - token->start);
	struct str name;

	*ret_changed = false;
	if (!(token->flags & TOKEN_NON_ASCII))
		return text;
	name = unicode_nfkc(text, source->arena);
	*ret_changed = !str_eq(name, text);
	return name;
}
