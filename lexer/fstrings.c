/*
 * The literal text of f-strings and t-strings, 3.12 and later (PEP 701, PEP 750): everything
 * between the quotes that is not a replacement field. The fields themselves are ordinary tokens and
 * come from the main loop, which hands back here at the end of a field and at the start of a spec.
 */
#include "lexer/lexer_internal.h"

/* Text that is being gathered into one FSTRING_MIDDLE. */
struct middle {
	const unsigned char *start;
	bool forced; /* emitted even if empty, as CPython does before a brace of a format spec */
};

static const char *letter(const struct fstring *fstring)
{
	return fstring->flags & TOKEN_TEMPLATE ? "t" : "f";
}

static void emit_middle(struct lexer *lx, const struct fstring *fstring,
	const struct middle *middle, const unsigned char *end)
{
	uint8_t spec = fstring->fields > 0 ? TOKEN_IN_SPEC : 0;

	if (end > middle->start || middle->forced)
		lexer_emit(lx, TOK_FSTRING_MIDDLE, fstring->flags | spec, 0, middle->start, end);
}

/* The text stops without its closing quotes: at a line end, or at the end of the source. */
static const unsigned char *unterminated(
	struct lexer *lx, const struct fstring *fstring, const unsigned char *p)
{
	const unsigned char *start = lx->text + (fstring->start - lx->base);
	uint32_t line = lexer_line(lx, p);

	if (*p == '\0' && p > lx->text && (p[-1] == '\n' || p[-1] == '\r'))
		line--;
	return lexer_error(lx, DIAG_SYNTAX, start, start + 1,
		"unterminated %s%s-string literal (detected at line %u)",
		fstring->quote_len == 3 ? "triple-quoted " : "", letter(fstring), line);
}

/*
 * p: a line end, or the end of the text, in the format spec of a single-quoted string. 3.12 ends
 * the spec there and goes on with the field; later versions refuse it (CPython gh-129958).
 */
static const unsigned char *spec_newline(
	struct lexer *lx, struct fstring *fstring, struct middle *middle, const unsigned char *p)
{
	if (lx->minor >= 13)
		return lexer_error(lx, DIAG_SYNTAX, p, *p ? p + 1 : p,
			"%s-string: newlines are not allowed in format specifiers for single "
			"quoted %s-strings",
			letter(fstring), letter(fstring));
	middle->forced = true;
	emit_middle(lx, fstring, middle, p);
	fstring->in_spec = false;
	lx->in_text = false;
	return p;
}

static bool at_closing_quote(const struct fstring *fstring, const unsigned char *p)
{
	return *p == fstring->quote &&
	       (fstring->quote_len == 1 || (p[1] == fstring->quote && p[2] == fstring->quote));
}

static const unsigned char *close_fstring(struct lexer *lx, const struct fstring *fstring,
	const struct middle *middle, const unsigned char *p)
{
	emit_middle(lx, fstring, middle, p);
	lexer_emit(
		lx, TOK_FSTRING_END, fstring->flags, fstring->quote_len, p, p + fstring->quote_len);
	p += fstring->quote_len;
	lx->fstring_count--;
	lx->in_text = false; /* an enclosing string is within a field of its own */
	return p;
}

/* p stands at a '{' that opens a replacement field; the main loop reads the brace itself. */
static const unsigned char *open_field(
	struct lexer *lx, struct fstring *fstring, struct middle *middle, const unsigned char *p)
{
	middle->forced = fstring->in_spec && p[1] == '{';
	emit_middle(lx, fstring, middle, p);
	if (fstring->fields >= MAX_FIELD_NESTING)
		return lexer_error(lx, DIAG_SYNTAX, p - 1, p,
			"%s-string: expressions nested too deeply", letter(fstring));
	fstring->fields++;
	fstring->in_spec = false;
	lx->in_text = false;
	return p;
}

/*
 * p stands at a backslash: past it and what it escapes. A brace is never escaped; \N{NAME} in a
 * string that is not raw is no field.
 */
static const unsigned char *skip_escape(const struct fstring *fstring, const unsigned char *p)
{
	if (p[1] == '{' || p[1] == '}' || p[1] == '\0')
		return p + 1;
	if (p[1] == '\r' && p[2] == '\n')
		return p + 3;
	if (p[1] != 'N' || p[2] != '{' || (fstring->flags & TOKEN_RAW))
		return p + 2;
	return p + 3;
}

/* p stands behind "\N{": at the '}' that ends the name, or where the text goes on by its own rules.
 */
static const unsigned char *skip_character_name(const unsigned char *p)
{
	while (!(lexer_bytes[*p] & (BYTE_STRING_STOP | BYTE_FIELD_STOP)))
		p++;
	return *p == '}' ? p + 1 : p;
}

/* p stands at a '}' that is not doubled: the end of a format spec, or an error of the main loop's.
 */
static const unsigned char *close_field(
	struct lexer *lx, struct fstring *fstring, struct middle *middle, const unsigned char *p)
{
	middle->forced = fstring->depth > 0;
	emit_middle(lx, fstring, middle, p);
	fstring->in_spec = false;
	lx->in_text = false;
	return p;
}

/* Braces are doubled to stand for themselves, but never in a format spec. */
static bool is_doubled(const struct fstring *fstring, const unsigned char *p)
{
	return p[1] == p[0] && !fstring->in_spec && (*p == '{' || fstring->depth == 0);
}

/* p stands at a line end, or at the end of the text, in a string with single quotes. */
static const unsigned char *stop_at_line_end(
	struct lexer *lx, struct fstring *fstring, struct middle *middle, const unsigned char *p)
{
	return fstring->in_spec ? spec_newline(lx, fstring, middle, p)
				: unterminated(lx, fstring, p);
}

const unsigned char *lexer_fstring_text(struct lexer *lx, const unsigned char *p)
{
	const uint8_t stop = BYTE_STRING_STOP | BYTE_FIELD_STOP;
	struct fstring *fstring = lexer_fstring(lx);
	struct middle middle = {.start = p};

	for (;;) {
		while (!(lexer_bytes[*p] & stop))
			p++;
		switch (*p) {
		case '{':
		case '}':
			if (is_doubled(fstring, p)) {
				p += 2;
				break;
			}
			return *p == '{' ? open_field(lx, fstring, &middle, p)
					 : close_field(lx, fstring, &middle, p);
		case '\\':
			p = skip_escape(fstring, p);
			if (p[-1] == '{')
				p = skip_character_name(p);
			/* The name of a character ends a token; in a format spec that shows. */
			if (p[-1] == '}' && fstring->in_spec) {
				emit_middle(lx, fstring, &middle, p);
				middle.start = p;
			}
			break;
		case '\0': /* CPython adds a line end to a source that lacks one */
			if (fstring->quote_len == 3)
				return unterminated(lx, fstring, p);
			return stop_at_line_end(lx, fstring, &middle, p);
		case '\n':
		case '\r':
			if (fstring->quote_len == 1)
				return stop_at_line_end(lx, fstring, &middle, p);
			p++;
			break;
		default:
			if (at_closing_quote(fstring, p))
				return close_fstring(lx, fstring, &middle, p);
			p++;
		}
	}
}
