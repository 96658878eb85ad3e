/* The two tables of byte classes of lexer_internal.h. */
#include "lexer/lexer_internal.h"

#define LETTERS(X)                                                                                 \
	X('a')                                                                                     \
	X('c')                                                                                     \
	X('d')                                                                                     \
	X('e')                                                                                     \
	X('g')                                                                                     \
	X('h')                                                                                     \
	X('i')                                                                                     \
	X('j') X('k') X('l') X('m') X('n') X('o') X('p') X('q') X('s') X('v') X('w') X('x') X('y') \
		X('z') X('A') X('C') X('D') X('E') X('G') X('H') X('I') X('J') X('K') X('L')       \
			X('M') X('N') X('O') X('P') X('Q') X('S') X('V') X('W') X('X') X('Y')      \
				X('Z') X('_')

#define NAMED(c) [c] = CHAR_NAME,

/* clang-format off */
const uint8_t lexer_class[256] = {
	[0] = CHAR_END,
	[' '] = CHAR_SPACE, ['\t'] = CHAR_SPACE, ['\f'] = CHAR_SPACE,
	['\n'] = CHAR_NEWLINE, ['\r'] = CHAR_NEWLINE,
	LETTERS(NAMED)
	['b'] = CHAR_PREFIX, ['B'] = CHAR_PREFIX, ['r'] = CHAR_PREFIX, ['R'] = CHAR_PREFIX,
	['u'] = CHAR_PREFIX, ['U'] = CHAR_PREFIX, ['f'] = CHAR_PREFIX, ['F'] = CHAR_PREFIX,
	['t'] = CHAR_PREFIX, ['T'] = CHAR_PREFIX,
	['0' ... '9'] = CHAR_DIGIT,
	['\''] = CHAR_QUOTE, ['"'] = CHAR_QUOTE,
	['#'] = CHAR_HASH, ['\\'] = CHAR_BACKSLASH,
	['('] = CHAR_OPEN, ['['] = CHAR_OPEN, ['{'] = CHAR_OPEN,
	[')'] = CHAR_CLOSE, [']'] = CHAR_CLOSE, ['}'] = CHAR_CLOSE,
	[':'] = CHAR_OPERATOR, [','] = CHAR_OPERATOR, [';'] = CHAR_OPERATOR, ['.'] = CHAR_OPERATOR,
	['@'] = CHAR_OPERATOR, ['+'] = CHAR_OPERATOR, ['-'] = CHAR_OPERATOR, ['*'] = CHAR_OPERATOR,
	['/'] = CHAR_OPERATOR, ['%'] = CHAR_OPERATOR, ['|'] = CHAR_OPERATOR, ['&'] = CHAR_OPERATOR,
	['^'] = CHAR_OPERATOR, ['~'] = CHAR_OPERATOR, ['<'] = CHAR_OPERATOR, ['>'] = CHAR_OPERATOR,
	['='] = CHAR_OPERATOR, ['!'] = CHAR_OPERATOR,
	[0x80 ... 0xff] = CHAR_HIGH,
};

#define WORD (BYTE_NAME | BYTE_ALNUM_HIGH)

const uint8_t lexer_bytes[256] = {
	[0] = BYTE_STRING_STOP | BYTE_TRIPLE_STOP | BYTE_LINE_STOP,
	['\n'] = BYTE_STRING_STOP | BYTE_LINE_STOP, ['\r'] = BYTE_STRING_STOP | BYTE_LINE_STOP,
	['\''] = BYTE_STRING_STOP | BYTE_TRIPLE_STOP, ['"'] = BYTE_STRING_STOP | BYTE_TRIPLE_STOP,
	['\\'] = BYTE_STRING_STOP | BYTE_TRIPLE_STOP,
	['{'] = BYTE_FIELD_STOP, ['}'] = BYTE_FIELD_STOP,
	['0' ... '9'] = WORD | BYTE_DIGIT | BYTE_HEX,
	['a' ... 'f'] = WORD | BYTE_HEX, ['A' ... 'F'] = WORD | BYTE_HEX,
	['g' ... 'z'] = WORD, ['G' ... 'Z'] = WORD, ['_'] = WORD,
	[0x80 ... 0xff] = BYTE_ALNUM_HIGH,
};
/* clang-format on */
