/*
 * Reading the program to be screened (cli/input.h).
 */
#include "cli/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "lexer/source.h"

static int too_large(const char *name, struct err *err)
{
	err_set(err, EFBIG, "%s: larger than %zu MiB, the most that is read", name,
		SOURCE_MAX >> 20);
	err_remedy(err, "give data to the program with --stdin or --file, not inside it");
	return -EFBIG;
}

static int read_standard_input(struct input *input, struct err *err)
{
	int code;

	if (isatty(STDIN_FILENO) == 1) {
		static const char note[] = "pysbx: reading the program from the terminal; end it "
					   "with Ctrl-D\n";

		(void)!write(STDERR_FILENO, note, sizeof(note) - 1);
	}
	code = fd_read_all(STDIN_FILENO, &input->bytes);
	if (code == 0 || code == -EFBIG)
		return code;
	errno = -code;
	return err_errno(err, "standard input");
}

static int read_file(const char *path, struct input *input, struct err *err)
{
	int code = *path ? file_read(path, &input->bytes, err)
			 : err_set(err, ENOENT, "the program's file name is empty");

	if (code == -ENOENT && *path) {
		err_set(err, ENOENT, "%s: file not found", path);
		err_remedy(err, "to give the program itself use -c, to pipe it in use -");
	} else if (code == -EISDIR) {
		err_set(err, EISDIR, "%s: is a directory, not a program", path);
	}
	return code;
}

int input_read(const char *operand, const char *code, struct input *ret, struct err *err)
{
	int result = 0;

	*ret = (struct input){.name = operand, .bytes = BUF_INIT(SOURCE_MAX)};
	if (code) {
		ret->name = "<string>";
		if (!buf_add_text(&ret->bytes, code))
			result = err_set(err, strlen(code) > SOURCE_MAX ? EFBIG : ENOMEM,
				"<string>: no memory");
	} else if (strcmp(operand, "-") == 0) {
		ret->name = "<stdin>";
		result = read_standard_input(ret, err);
	} else {
		result = read_file(operand, ret, err);
	}
	return result == -EFBIG ? too_large(ret->name, err) : result;
}

void input_free(struct input *input)
{
	buf_free(&input->bytes);
}
