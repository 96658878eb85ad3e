/*
 * Passing the program's output on (cli/relay.h).
 */
#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

/* One byte of a program can take ten when it is spelled out. */
#define SPELLED_MAX    10
/* No more is kept waiting than the runtime keeps of a stream: 1 GiB at the most. */
#define WAITING_MAX    ((size_t)SPELLED_MAX << 30)
/* Where only poll(2) tells what can be written: a pipe that is writable takes this much (pipe(7)).
 */
#define PIPE_CHUNK     PIPE_BUF
#define TERMINAL_CHUNK 1

static int descriptor(enum rt_stream_id stream)
{
	return stream == RT_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
}

/*
 * While the program runs nothing may wait for whoever reads its output: a write that sleeps (a
 * terminal that was stopped takes fewer bytes than poll(2) says) would hold up the clock and every
 * limit. So terminals and pipes are opened once more, without blocking: the flags of the caller's
 * own description, which it shares with others, stay as they are.
 */
static void open_again(struct relay_stream *stream, int fd)
{
	char path[32];
	struct stat st;

	stream->fd = fd;
	stream->is_terminal = isatty(fd) == 1;
	if (fstat(fd, &st) < 0)
		return;
	stream->is_socket = S_ISSOCK(st.st_mode);
	if (!stream->is_terminal && !S_ISFIFO(st.st_mode))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	stream->fd = fd;
	stream->is_own = true;
}

void relay_start(struct relay *relay)
{
	*relay = (struct relay){0};
	for (int i = 0; i < 2; i++) {
		relay->streams[i].waiting.max = WAITING_MAX;
		open_again(&relay->streams[i], descriptor((enum rt_stream_id)i));
	}
}

static void fail(struct relay *relay, enum rt_stream_id stream, int code)
{
	if (relay->error)
		return;
	relay->error = code;
	relay->error_stream = stream;
}

/* Adds a piece to what waits to be written, spelled out for a terminal. */
static void add(struct relay *relay, enum rt_stream_id id, struct str piece, bool last)
{
	struct relay_stream *stream = &relay->streams[id];

	stream->passed += piece.len;
	if (stream->is_terminal)
		text_stream_add(&stream->text, &stream->waiting, piece, last);
	else
		buf_add_str(&stream->waiting, piece);
	if (stream->waiting.failed)
		fail(relay, id, ENOMEM);
}

static ssize_t write_now(const struct relay_stream *stream, struct str rest)
{
	struct pollfd ready = {.fd = stream->fd, .events = POLLOUT};
	size_t chunk = stream->is_terminal ? TERMINAL_CHUNK : PIPE_CHUNK;

	if (stream->is_socket)
		return send(stream->fd, rest.ptr, rest.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (stream->is_own)
		return write(stream->fd, rest.ptr, rest.len);
	if (poll(&ready, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(stream->fd, rest.ptr, rest.len < chunk ? rest.len : chunk);
}

/* Returns true if there may be more room. */
static bool write_some(struct relay *relay, enum rt_stream_id id, struct str *rest)
{
	ssize_t n = write_now(&relay->streams[id], *rest);

	if (n < 0 && errno != EINTR && errno != EAGAIN)
		fail(relay, id, errno);
	if (n < 0)
		return errno == EINTR;
	*rest = str_from(rest->ptr + n, rest->len - (size_t)n);
	return true;
}

static void write_waiting(struct relay *relay, enum rt_stream_id id)
{
	struct buf *waiting = &relay->streams[id].waiting;
	struct str rest = buf_str(waiting);

	while (rest.len && !relay->error && write_some(relay, id, &rest))
		;
	if (rest.len && rest.ptr != waiting->data)
		memmove(waiting->data, rest.ptr, rest.len);
	waiting->len = rest.len;
}

void relay_piece(void *context, enum rt_stream_id stream, struct str piece)
{
	struct relay *relay = context;
	bool was_good = relay->error == 0;

	add(relay, stream, piece, false);
	write_waiting(relay, stream);
	if (was_good && relay->error)
		kill(getpid(), SIGTERM);
}

/* After the run nothing is hurt by waiting for the reader. */
static void flush(struct relay *relay, enum rt_stream_id id)
{
	struct buf *waiting = &relay->streams[id].waiting;
	int code = relay->error ? 0 : cli_write(descriptor(id), buf_str(waiting));

	if (code < 0)
		fail(relay, id, -code);
	waiting->len = 0;
}

static void say_dropped(
	enum rt_stream_id id, const struct rt_stream *stream, const struct rt_limits *limits)
{
	char text[RT_LIMIT_TEXT];

	cli_error("%s: %" PRIu64 " of %" PRIu64 " bytes dropped here: %s reached; raise it with %s",
		id == RT_STDOUT ? "stdout" : "stderr", stream->bytes - stream->kept.len,
		stream->bytes, rt_limit_text(limits, RT_LIMIT_OUTPUT, text),
		rt_limit_option(RT_LIMIT_OUTPUT));
}

/* With limits the gap is announced. */
static void end_stream(struct relay *relay, enum rt_stream_id id, const struct rt_stream *stream,
	const struct rt_limits *limits)
{
	struct str kept = buf_str(&stream->kept);
	uint64_t passed = relay->streams[id].passed;
	size_t head =
		stream->truncated && stream->head_len < kept.len ? stream->head_len : kept.len;
	size_t from = passed < head ? (size_t)passed : head;

	add(relay, id, str_from(kept.ptr + from, head - from), true);
	flush(relay, id);
	if (!stream->truncated)
		return;
	if (limits)
		say_dropped(id, stream, limits);
	add(relay, id, str_from(kept.ptr + head, kept.len - head), true);
	flush(relay, id);
}

void relay_end(struct relay *relay, const struct rt_result *result, const struct rt_limits *limits,
	bool quiet)
{
	end_stream(relay, RT_STDOUT, &result->out, quiet ? NULL : limits);
	end_stream(relay, RT_STDERR, &result->err, quiet ? NULL : limits);
}

void relay_free(struct relay *relay)
{
	for (int i = 0; i < 2; i++) {
		buf_free(&relay->streams[i].waiting);
		if (relay->streams[i].is_own)
			fd_close(&relay->streams[i].fd);
	}
}
