/*
 * The program to be screened: from a file, from standard input, or from the command line.
 *
 * Ownership: input_free() frees the bytes; name is borrowed from the operand or a literal.
 * Limit: SOURCE_MAX bytes.
 */
#ifndef PYSBX_CLI_INPUT_H
#define PYSBX_CLI_INPUT_H

#include "base/buf.h"
#include "base/err.h"

struct input {
	const char *name; /* as given; "<stdin>" for "-", "<string>" for -c */
	struct buf bytes; /* as they came */
};

/*
 * Reads operand (a path, or "-"), or takes code when it is not NULL. 0, or a negative errno with
 * err filled: -ENOENT ("file not found"), -EISDIR, -EFBIG, -EACCES ... The name is set in every
 * case.
 */
int input_read(const char *operand, const char *code, struct input *ret, struct err *err);

static inline struct str input_bytes(const struct input *input)
{
	return buf_str(&input->bytes);
}

void input_free(struct input *input);
#define cleanup_input __attribute__((cleanup(input_free)))

#endif
