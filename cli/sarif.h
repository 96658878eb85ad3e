/*
 * Findings in the Static Analysis Results Interchange Format.
 * Source: OASIS SARIF Version 2.1.0 Plus Errata 01, sections 3.13 to 3.58.
 *
 * One log with one run, whatever the number of files. Lines count from 1, columns characters
 * (code points) from 1; places in lines over 64 KiB have no columns, which would have to be counted
 * for each of them.
 */
#ifndef PYSBX_CLI_SARIF_H
#define PYSBX_CLI_SARIF_H

#include "base/arena.h"
#include "base/json.h"
#include "cli/input.h"
#include "cli/screen.h"

struct sarif_note;

struct sarif {
	struct json json;
	struct arena *arena;
	struct sarif_note *first_note; /* what could not be judged: it comes after all results */
	struct sarif_note **last_note;
};

/* Everything up to the first result; out and arena are borrowed until sarif_end(). */
void sarif_start(struct sarif *sarif, struct buf *out, struct arena *arena);

void sarif_findings(
	struct sarif *sarif, const struct input *input, const struct screening *screening);

/* A file that could not be judged. -1 without memory. */
int sarif_error(struct sarif *sarif, const char *name, const char *message);

/* successful: no file was without a judgement. */
void sarif_end(struct sarif *sarif, bool successful);

#endif
