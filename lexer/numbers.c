/*
 * Numbers: where they end, and everything that may be wrong with them. Their value is the parser's
 * business. The grammar is that of the language reference, "Numeric literals"; what may follow a
 * number directly is CPython's verify_end_of_number().
 */
#include <string.h>

#include "lexer/lexer_internal.h"

static bool is_digit(unsigned char c)
{
	return lexer_bytes[c] & BYTE_DIGIT;
}

/* Errors of numbers point at the last byte read that still belonged to the number. */
static const unsigned char *bad_number(
	struct lexer *lx, const unsigned char *next, const char *kind)
{
	return lexer_error(lx, DIAG_SYNTAX, next - 1, next, "invalid %s literal", kind);
}

/* Whether the word at p is `word` and ends there. */
static bool word_is(const unsigned char *p, const char *word)
{
	size_t len = strlen(word);

	return strncmp((const char *)p, word, len) == 0 && !(lexer_bytes[p[len]] & BYTE_ALNUM_HIGH);
}

/* The keywords that may stand right behind a number: 1if x else 2. */
static bool keyword_follows(const unsigned char *p)
{
	static const char *const words[] = {"and", "else", "for", "or", "not"};
	size_t i;

	if (p[0] == 'i')
		return p[1] == 'f' || p[1] == 'n' || p[1] == 's';
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (word_is(p, words[i]))
			return true;
	}
	return false;
}

/* p stands past a number: NULL where a letter follows that may not. 3.8 and 3.9 let all pass. */
static const unsigned char *check_end(struct lexer *lx, const unsigned char *p, const char *kind)
{
	if (!(lexer_bytes[*p] & BYTE_NAME) || lx->minor < 10 || keyword_follows(p))
		return p;
	return bad_number(lx, p, kind);
}

/* Digits in groups joined by single underscores; p stands at the first digit. */
static const unsigned char *decimal_digits(struct lexer *lx, const unsigned char *p)
{
	for (;;) {
		while (is_digit(*p))
			p++;
		if (*p != '_')
			return p;
		p++;
		if (!is_digit(*p))
			return bad_number(lx, p, "decimal");
	}
}

/* A base other than ten, written 0x, 0o or 0b. */
struct radix {
	const char *kind;
	unsigned char above; /* the first digit that is too high; 0: all hex digits are right */
};

static bool in_radix(const struct radix *radix, unsigned char c)
{
	return radix->above ? c >= '0' && c < radix->above : (lexer_bytes[c] & BYTE_HEX) != 0;
}

static const unsigned char *radix_number(
	struct lexer *lx, const unsigned char *p, const struct radix *radix)
{
	p += 2;
	do {
		if (*p == '_')
			p++;
		if (!in_radix(radix, *p) && is_digit(*p))
			break;
		if (!in_radix(radix, *p))
			return bad_number(lx, p, radix->kind);
		while (in_radix(radix, *p))
			p++;
	} while (*p == '_');
	if (is_digit(*p))
		return lexer_error(lx, DIAG_SYNTAX, p, p + 1, "invalid digit '%c' in %s literal",
			*p, radix->kind);
	return check_end(lx, p, radix->kind);
}

/* p stands past the digits and the fraction: exponent, imaginary unit, end. */
static const unsigned char *number_tail(struct lexer *lx, const unsigned char *p)
{
	const unsigned char *digits;

	if (*p == 'e' || *p == 'E') {
		digits = p[1] == '+' || p[1] == '-' ? p + 2 : p + 1;
		if (!is_digit(*digits) && digits == p + 2)
			return bad_number(lx, digits, "decimal");
		if (!is_digit(*digits))
			return check_end(lx, p, "decimal");
		p = decimal_digits(lx, digits);
		if (!p)
			return NULL;
	}
	if (*p == 'j' || *p == 'J')
		return check_end(lx, p + 1, "imaginary");
	return check_end(lx, p, "decimal");
}

/* p stands past a dot. */
static const unsigned char *fraction(struct lexer *lx, const unsigned char *p)
{
	if (is_digit(*p)) {
		p = decimal_digits(lx, p);
		if (!p)
			return NULL;
	}
	return number_tail(lx, p);
}

/* A number that begins with 0 and is neither 0x, 0o nor 0b: zero, or not an integer. */
static const unsigned char *zero_number(struct lexer *lx, const unsigned char *start)
{
	const unsigned char *p = start, *zeros_end;

	for (;;) {
		if (*p == '_' && !is_digit(*++p))
			return bad_number(lx, p, "decimal");
		if (*p != '0')
			break;
		p++;
	}
	zeros_end = p;
	if (is_digit(*p)) {
		p = decimal_digits(lx, p);
		if (!p)
			return NULL;
	}
	if (*p == '.')
		return fraction(lx, p + 1);
	if (*p != 'e' && *p != 'E' && *p != 'j' && *p != 'J' && p != zeros_end)
		return lexer_error(lx, DIAG_SYNTAX, start, zeros_end,
			"leading zeros in decimal integer literals are not permitted; "
			"use an 0o prefix for octal integers");
	return number_tail(lx, p);
}

const unsigned char *lexer_number(struct lexer *lx, const unsigned char *p)
{
	static const struct radix hex = {"hexadecimal", 0}, octal = {"octal", '8'},
				  binary = {"binary", '2'};

	if (*p == '.')
		return fraction(lx, p + 1);
	if (*p == '0') {
		switch (p[1] | 0x20) {
		case 'x':
			return radix_number(lx, p, &hex);
		case 'o':
			return radix_number(lx, p, &octal);
		case 'b':
			return radix_number(lx, p, &binary);
		default:
			return zero_number(lx, p);
		}
	}
	p = decimal_digits(lx, p);
	if (!p)
		return NULL;
	return *p == '.' ? fraction(lx, p + 1) : number_tail(lx, p);
}
