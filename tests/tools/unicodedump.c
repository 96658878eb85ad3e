/*
 * What the lexer thinks of Unicode, for tests/frontend/test_unicode.py to compare with Python.
 *
 *     unicodedump chars MINOR    one line per code point that is no surrogate: number, XID_Start,
 *                                XID_Continue, printable, NFKC form in hex bytes
 *     unicodedump names MINOR    per line of input, a name: the code point, or "-"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer/unicode.h"
#include "lexer/utf8.h"

#define CODE_POINTS   0x110000u
#define NAME_MAX_LINE 4096

static int dump_char(uint32_t c, uint8_t minor)
{
	cleanup_arena struct arena *arena = arena_new(1 << 16);
	char bytes[4];
	struct str form;
	size_t i;

	form = unicode_nfkc(str_from(bytes, utf8_encode(c, bytes)), arena);
	if (form.len == 0)
		return -1;
	printf("%x %d %d %d ", c, unicode_is_xid_start(c, minor), unicode_is_xid_continue(c, minor),
		unicode_is_printable(c));
	for (i = 0; i < form.len; i++)
		printf("%02x", (unsigned char)form.ptr[i]);
	putchar('\n');
	return 0;
}

static int dump_chars(uint8_t minor)
{
	uint32_t c;

	for (c = 0x80; c < CODE_POINTS; c++) {
		if ((c < 0xd800 || c > 0xdfff) && dump_char(c, minor))
			return 1;
	}
	return 0;
}

static int dump_names(uint8_t minor)
{
	char line[NAME_MAX_LINE];
	uint32_t c;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (unicode_by_name(str_of(line), minor, &c))
			printf("%x\n", c);
		else
			puts("-");
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t minor;

	if (argc != 3) {
		fputs("usage: unicodedump chars|names MINOR\n", stderr);
		return 2;
	}
	minor = (uint8_t)atoi(argv[2]);
	return strcmp(argv[1], "names") == 0 ? dump_names(minor) : dump_chars(minor);
}
