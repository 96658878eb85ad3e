/*
 * A finding for a person: where, what, the line with carets under the place, and what to do.
 *
 *	prog.py:3:8: error[PSX101]: import of 'os' is not allowed
 *	    import os
 *	           ^^
 *	  help: do without this module: ...
 *
 * Columns count characters from 1 here, as compilers and editors do; the JSON counts UTF-8 bytes
 * from 0.
 */
#ifndef PYSBX_CLI_SHOW_H
#define PYSBX_CLI_SHOW_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/input.h"
#include "cli/screen.h"

#define SHOW_FINDINGS_MAX 50 /* of one program; the JSON has more */

/* Up to SHOW_FINDINGS_MAX findings of a report, and how many there are beyond. */
void show_report(
	struct buf *out, const struct input *input, const struct screening *screening, bool color);

/*
 * Only the line and the carets under the bytes [column, end) of it, each indented by four. Tabs are
 * expanded, what must not reach a terminal is spelled out, a long line is clipped around the place.
 */
void show_line(struct buf *out, struct str line, size_t column, size_t end, bool color);

#endif
