/*
 * Indentation: what stands before the first lexeme of a line, counted twice as CPython does, with
 * tabs to the next multiple of eight and with tabs as one. Where the two disagree about the order
 * of two lines, the source mixes tabs and spaces in a way that nobody can read.
 */
#include "lexer/lexer_internal.h"

#define TAB_WIDTH 8

/* The width of a line's leading blanks, counted twice. */
struct indentation {
	uint32_t column;
	uint32_t alt_column;
	bool joined; /* a backslash among the blanks joined the next line */
};

/*
 * p stands at the first byte of a line outside brackets: past its blanks. A backslash among them
 * joins the next line, and the first one that stands behind blanks fixes the column. In 3.8 it is a
 * lexeme like any other, in 3.9 a joined line keeps the indentation there is.
 */
static const unsigned char *measure(
	struct lexer *lx, const unsigned char *p, struct indentation *ret)
{
	uint32_t column = 0, alt_column = 0, joined = 0;
	bool was_joined = false;

	for (;; p++) {
		if (*p == ' ') {
			column++;
			alt_column++;
		} else if (*p == '\t') {
			column = (column / TAB_WIDTH + 1) * TAB_WIDTH;
			alt_column++;
		} else if (*p == '\f') {
			column = alt_column = 0;
		} else if (*p == '\\' && lx->minor >= 9) {
			joined = joined ? joined : column;
			was_joined = true;
			p = lexer_continuation(lx, p);
			if (!p)
				return NULL;
			p--;
		} else {
			break;
		}
	}
	ret->column = joined ? joined : column;
	ret->alt_column = joined ? joined : alt_column;
	ret->joined = was_joined;
	return p;
}

static const unsigned char *tab_error(struct lexer *lx, const unsigned char *line)
{
	return lexer_error(
		lx, DIAG_TAB, line, line, "inconsistent use of tabs and spaces in indentation");
}

static const unsigned char *emit_indent(struct lexer *lx, const unsigned char *line,
	const unsigned char *p, struct indentation width)
{
	if (lx->indent + 1 >= LEXER_MAX_INDENTS)
		return lexer_error(
			lx, DIAG_INDENTATION, line, line, "too many levels of indentation");
	if (width.alt_column <= lx->alt_columns[lx->indent])
		return tab_error(lx, line);
	lx->indent++;
	lx->columns[lx->indent] = width.column;
	lx->alt_columns[lx->indent] = width.alt_column;
	lexer_emit(lx, TOK_INDENT, 0, 0, line, p);
	return p;
}

static const unsigned char *emit_dedents(struct lexer *lx, const unsigned char *line,
	const unsigned char *p, struct indentation width)
{
	uint32_t indent = lx->indent;

	while (indent > 0 && width.column < lx->columns[indent])
		indent--;
	if (width.column != lx->columns[indent])
		return lexer_error(lx, DIAG_INDENTATION, lexer_skip_comment(p),
			lexer_skip_comment(p),
			"unindent does not match any outer indentation level");
	if (width.alt_column != lx->alt_columns[indent])
		return tab_error(lx, line);
	for (; lx->indent > indent; lx->indent--)
		lexer_emit(lx, TOK_DEDENT, 0, 0, p, p);
	return p;
}

const unsigned char *lexer_line_start(struct lexer *lx, const unsigned char *p)
{
	struct indentation width = {0};
	const unsigned char *line;

	for (;;) {
		line = p;
		p = measure(lx, p, &width);
		if (!p)
			return NULL;
		if (*p == '#')
			p = lexer_skip_comment(p);
		if (lexer_class[*p] != CHAR_NEWLINE)
			break;
		p = lexer_skip_newline(p);
	}
	if (*p == '\0')
		width = (struct indentation){0};
	else if (width.joined && lx->minor == 9)
		return p;
	if (width.column > lx->columns[lx->indent])
		return emit_indent(lx, line, p, width);
	if (width.column < lx->columns[lx->indent])
		return emit_dedents(lx, line, p, width);
	return width.alt_column == lx->alt_columns[lx->indent] ? p : tab_error(lx, line);
}
