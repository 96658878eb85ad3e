/*
 * Messages, output and near misses (cli/cli.h).
 */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/text.h"

#define MESSAGE_MAX ((size_t)16 << 10)

int cli_write(int fd, struct str bytes)
{
	while (bytes.len) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n >= 0)
			bytes = str_from(bytes.ptr + n, bytes.len - (size_t)n);
		else if (errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* One line on stderr; there is nobody left to tell where that fails. */
static void say(const char *prefix, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT(MESSAGE_MAX);

	buf_add_text(&out, prefix);
	text_visible(&out, str_of(text), TEXT_ONE_LINE);
	buf_add_char(&out, '\n');
	cli_write(STDERR_FILENO, buf_str(&out));
}

void cli_error(const char *format, ...)
{
	cleanup_buf struct buf text = BUF_INIT(MESSAGE_MAX);
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	say("pysbx: ", text.failed ? "message too long" : text.data);
}

void cli_report(const struct err *err)
{
	say("pysbx: ", err->text);
	if (err->remedy[0])
		say("  help: ", err->remedy);
}

int cli_usage(int status, const char *command, const struct err *err)
{
	cli_report(err);
	cli_error("see 'pysbx help %s'", command);
	return status;
}

int cli_finish(const struct buf *out, int status, int on_failure)
{
	int code = out->failed ? -ENOMEM : cli_write(STDOUT_FILENO, buf_str(out));

	if (code == 0)
		return status;
	cli_error("standard output: %s", strerror(-code));
	return on_failure;
}

bool cli_wants_color(const char *when, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (when && strcmp(when, "always") == 0)
		return true;
	if (when && strcmp(when, "never") == 0)
		return false;
	if ((no_color && *no_color) || (terminal && strcmp(terminal, "dumb") == 0))
		return false;
	return isatty(fd) == 1;
}

#define WORD_MAX 32

static size_t least_of(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Edits between two words: insert, delete, replace, swap two neighbours. Both at most WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t len_a = strlen(a), len_b = strlen(b);

	for (size_t j = 0; j <= len_b; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
		       *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			size_t change = above[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = least_of(above[j] + 1, row[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[len_a % 3][len_b];
}

const char *cli_nearest(const char *word, const char *const *words, size_t count)
{
	const char *nearest = NULL;
	size_t len = strlen(word), best = len < 4 ? 2 : len < 8 ? 3 : 4;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t found;

		if (strlen(words[i]) > WORD_MAX)
			continue;
		found = distance(word, words[i]);
		if (found < best) {
			best = found;
			nearest = words[i];
		}
	}
	return nearest;
}
