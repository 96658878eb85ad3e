/* MCP on stdin and stdout (gateway/stdio.h). */
#include "gateway/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define CHUNK      ((size_t)64 << 10)
#define OUTPUT_MAX ((size_t)512 << 20)

static void stop(struct stdio *stdio)
{
	stdio->over = true;
	stdio->server->loop->stop = true;
}

static size_t pending(const struct stdio *stdio)
{
	return stdio->output.len - stdio->written;
}

static ssize_t put(const struct stdio *stdio, const char *bytes, size_t len)
{
	if (stdio->is_socket)
		return send(stdio->out.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(stdio->out.fd, bytes, len);
}

/* Writes what the reader takes now. */
static void flush(struct stdio *stdio)
{
	while (pending(stdio)) {
		ssize_t n = put(stdio, stdio->output.data + stdio->written, pending(stdio));

		if (n > 0)
			stdio->written += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			break;
		else if (errno != EINTR) {
			stop(stdio);
			return;
		}
	}
	if (!pending(stdio)) {
		stdio->output.len = stdio->written = 0;
		/* One large answer must not be paid for ever after. */
		if (stdio->output.capacity > STDIO_PENDING_MAX)
			buf_free(&stdio->output);
	}
	stdio->out.events = pending(stdio) ? POLLOUT : 0;
	stdio->in.events = pending(stdio) > STDIO_PENDING_MAX ? 0 : POLLIN;
}

static int add_text(const char *text, size_t len, void *output)
{
	return buf_add(output, text, len) ? 0 : -1;
}

static void send_message(struct mcp_peer *peer, json_t *message, bool final, unsigned http)
{
	struct stdio *stdio = (struct stdio *)peer;

	(void) final;
	(void)http;
	if (stdio->over)
		return;
	if (json_dump_callback(message, add_text, &stdio->output, RPC_DUMP) < 0 ||
		!buf_add_char(&stdio->output, '\n'))
		stop(stdio); /* half a message is none */
	else
		flush(stdio);
}

static void take_line(struct stdio *stdio, char *line, size_t len)
{
	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (len)
		mcp_receive(stdio->server, &stdio->session, &stdio->peer, NULL, line, len);
}

/* Where the line's end is not there yet, the rest of it is still to be passed over. */
static void refuse_line(struct stdio *stdio, bool has_end)
{
	json_t *message =
		rpc_error(NULL, RPC_INVALID_REQUEST, "a message of more than 16 MiB", NULL);

	log_line(stdio->server->log, LOG_WARNING, "a message of more than 16 MiB was passed over");
	send_message(&stdio->peer, message, true, 413);
	json_decref(message);
	stdio->skipping = !has_end;
}

/* Every whole line of what was read; then what is left moves to the front. */
static void take_lines(struct stdio *stdio)
{
	struct buf *input = &stdio->input;
	size_t start = 0;

	while (!stdio->over) {
		char *line = input->data + start, *from = line + stdio->searched;
		char *end = memchr(from, '\n', (size_t)(input->data + input->len - from));

		if (!end)
			break;
		if (!stdio->skipping && end - line > (ptrdiff_t)RPC_MESSAGE_MAX)
			refuse_line(stdio, true);
		else if (!stdio->skipping)
			take_line(stdio, line, (size_t)(end - line));
		stdio->skipping = false;
		start = (size_t)(end - input->data) + 1;
		stdio->searched = 0;
	}
	memmove(input->data, input->data + start, input->len - start);
	input->len -= start;
	if (!stdio->skipping && input->len > RPC_MESSAGE_MAX)
		refuse_line(stdio, false);
	if (stdio->skipping)
		input->len = 0;
	stdio->searched = input->len;
	if (!input->len && input->capacity > 4 * CHUNK)
		buf_free(input);
}

static void in_ready(void *context, short events)
{
	struct stdio *stdio = context;
	struct buf *input = &stdio->input;
	ssize_t n;

	/* Too much waits for a reader who has closed his end: there is nobody. */
	if (!stdio->in.events && (events & (POLLHUP | POLLERR))) {
		stop(stdio);
		return;
	}
	if (!buf_reserve(input, CHUNK)) {
		log_line(stdio->server->log, LOG_ERROR, "out of memory");
		stop(stdio);
		return;
	}
	n = read(stdio->in.fd, input->data + input->len, CHUNK);
	if (n > 0) {
		input->len += (size_t)n;
		take_lines(stdio);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		if (input->len || stdio->skipping)
			log_line(stdio->server->log, LOG_WARNING,
				"the input ends within a message, which is dropped");
		stop(stdio);
	}
}

static void out_ready(void *context, short events)
{
	struct stdio *stdio = context;

	if (events & (POLLERR | POLLNVAL))
		stop(stdio);
	else
		flush(stdio);
}

/*
 * Writing must not block, and the caller's description of stdout must stay as it is: a pipe or a
 * terminal is opened once more, a socket is told each time.
 */
static int open_output(struct stdio *stdio)
{
	struct stat st;
	int fd;

	if (fstat(STDOUT_FILENO, &st) < 0)
		return STDOUT_FILENO;
	stdio->is_socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return STDOUT_FILENO;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	stdio->is_own = fd >= 0;
	return fd >= 0 ? fd : STDOUT_FILENO;
}

int stdio_open(struct stdio *stdio, struct mcp_server *server)
{
	*stdio = (struct stdio){.peer = {.send = send_message, .notifications = true},
		.server = server,
		.session = {.version = MCP_VERSION_COUNT},
		.in = {.fd = STDIN_FILENO, .events = POLLIN, .ready = in_ready, .context = stdio},
		.out = {.ready = out_ready, .context = stdio},
		.input = BUF_INIT(RPC_MESSAGE_MAX + 4 * CHUNK),
		.output = BUF_INIT(OUTPUT_MAX)};
	stdio->out.fd = open_output(stdio);
	if (loop_add(server->loop, &stdio->in) < 0 || loop_add(server->loop, &stdio->out) < 0)
		return -1;
	return 0;
}

void stdio_end(struct stdio *stdio, uint64_t until)
{
	struct pollfd ready = {.fd = stdio->out.fd, .events = POLLOUT};

	stdio->over = true;
	loop_remove(stdio->server->loop, &stdio->in);
	loop_remove(stdio->server->loop, &stdio->out);
	mcp_peer_gone(stdio->server, &stdio->peer);
	while (pending(stdio) && loop_now() < until &&
		poll(&ready, 1, (int)((until - loop_now()) / LOOP_MS)) > 0 &&
		!(ready.revents & (POLLERR | POLLNVAL))) {
		size_t before = stdio->written;

		flush(stdio);
		if (stdio->written == before && pending(stdio))
			break;
	}
}

void stdio_free(struct stdio *stdio)
{
	buf_free(&stdio->input);
	buf_free(&stdio->output);
	if (stdio->is_own)
		fd_close(&stdio->out.fd);
}
