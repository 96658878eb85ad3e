/*
 * What the lexer must know of Unicode: identifiers, normalisation, names of characters.
 *
 * The data come from gen_unicode.py (unicode_tables.inc). `minor` is the target version 3.minor:
 * each Python has the Unicode of its day, and a character counts only from the version on that
 * knows it; the newest tables are those of 3.14 (Unicode 16.0). Sources: UAX #31 (XID), UAX #15
 * (NFKC), PEP 3131. Private to lexer/.
 */
#ifndef PYSBX_LEXER_UNICODE_H
#define PYSBX_LEXER_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Whether c may begin an identifier, or stand within one. */
bool unicode_is_xid_start(uint32_t c, uint8_t minor);
bool unicode_is_xid_continue(uint32_t c, uint8_t minor);

/* Whether str.isprintable() holds; only the wording of errors and of dump_text() depends on it. */
bool unicode_is_printable(uint32_t c);

/*
 * The NFKC form of text, which is UTF-8: text itself where it is that already, else in the arena.
 * An empty str: no memory. Linear in the text.
 */
struct str unicode_nfkc(struct str text, struct arena *arena);

/* The character of a name as in \N{name}, any case; aliases too, no sequences. */
bool unicode_by_name(struct str name, uint8_t minor, uint32_t *ret_value);

#endif
