/* Lines on stderr (gateway/log.h). */
#include "gateway/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "gateway/rpc.h"

/* As much as a pipe takes at once: where poll(2) says that there is room, there is room for it. */
#define TEXT_BYTES 3000
#define LINE_BYTES 4096

/* A reader who sleeps must not stop the gateway: what has no room is lost. */
static void put(const struct buf *line)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (!line->failed && poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT))
		(void)!write(STDERR_FILENO, line->data, line->len);
}

static void now_text(char *text, size_t size)
{
	struct timespec now;
	struct tm utc;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + len, size - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static void add_json(struct buf *line, const char *now, const char *level, const struct buf *text)
{
	json_t *object = json_pack("{s:s, s:s, s:o}", "time", now, "level", level, "message",
		rpc_string(text->data ? text->data : "", text->len));
	char *dumped = json_dumps(object, RPC_DUMP);

	if (dumped)
		buf_add_text(line, dumped);
	free(dumped);
	json_decref(object);
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES), line = BUF_INIT(LINE_BYTES);
	char now[40];
	va_list args;

	if (level > log->most)
		return;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (log->json) {
		now_text(now, sizeof(now));
		add_json(&line, now, words[level], &text);
	} else {
		/* Controls in it are somebody else's and not for a terminal. */
		for (size_t i = 0; i < text.len; i++)
			if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
				text.data[i] = '?';
		buf_printf(&line, "pysbx mcp: %s: ", words[level]);
		buf_add_str(&line, buf_str(&text));
	}
	buf_add_char(&line, '\n');
	put(&line);
}
