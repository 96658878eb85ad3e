/*
 * docker/run.h: the attached stream. What the daemon sends is frames: a kind (1 standard output, 2
 * standard error), three zero bytes, a length (four bytes, the highest first), the payload (Engine
 * API, "Attach to a container"). Anything else ends the run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "docker/run.h"

#define FRAME_HEAD 8
#define FRAME_MAX  (16u << 20) /* daemons send 32 KiB */
#define CHUNK      65536

struct pump {
	struct api *api;
	CURL *stream;
	curl_socket_t socket;
	void (*on_kill)(void *context);
	void *context;
	bool killed;
	bool in_open;
	bool control_open;
	char *up; /* from FD_IN, not yet sent */
	size_t up_len;
	size_t up_at;
	unsigned char head[FRAME_HEAD];
	size_t head_len;
	int target;  /* of the frame at hand */
	size_t left; /* of its payload */
	bool ended;
};

/* pysbx has closed its end: nobody wants it any more, and the control socket says the rest. */
static void pass_on(int target, const char *bytes, size_t len)
{
	(void)!fd_write_all(target, bytes, len);
}

static int malformed(struct err *err, const char *what)
{
	return err_set(err, EPROTO, "the attached stream is malformed: %s", what);
}

static int begin_frame(struct pump *pump, struct err *err)
{
	const unsigned char *head = pump->head;
	size_t len = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];

	pump->head_len = 0;
	if (head[0] != 1 && head[0] != 2)
		return malformed(err, "a frame of an unknown kind");
	if (head[1] || head[2] || head[3])
		return malformed(err, "a frame's reserved bytes are set");
	if (len > FRAME_MAX)
		return malformed(err, "a frame of more than 16 MiB");
	pump->target = head[0] == 1 ? FD_OUT : FD_ERR;
	pump->left = len;
	return 0;
}

static int take(struct pump *pump, const char *bytes, size_t len, struct err *err)
{
	while (len) {
		size_t part;

		if (pump->left == 0) {
			pump->head[pump->head_len++] = (unsigned char)*bytes++;
			len--;
			if (pump->head_len == FRAME_HEAD && begin_frame(pump, err) < 0)
				return -EPROTO;
			continue;
		}
		part = len < pump->left ? len : pump->left;
		pass_on(pump->target, bytes, part);
		pump->left -= part;
		bytes += part;
		len -= part;
	}
	return 0;
}

static int end_of_stream(struct pump *pump, struct err *err)
{
	pump->ended = true;
	if (pump->left || pump->head_len)
		return malformed(err, "it ends within a frame");
	return 0;
}

/* All that is there: with TLS some of it may wait behind a socket that is not readable. */
static int receive(struct pump *pump, struct err *err)
{
	char bytes[CHUNK];
	size_t n;
	CURLcode code;
	int result;

	for (;;) {
		n = 0;
		code = curl_easy_recv(pump->stream, bytes, sizeof(bytes), &n);
		if (code == CURLE_AGAIN)
			return 0;
		if (code != CURLE_OK || n == 0)
			return end_of_stream(pump, err);
		result = take(pump, bytes, n, err);
		if (result < 0)
			return result;
	}
}

static void send_up(struct pump *pump)
{
	size_t n = 0;
	CURLcode code = curl_easy_send(
		pump->stream, pump->up + pump->up_at, pump->up_len - pump->up_at, &n);

	if (code == CURLE_AGAIN)
		return;
	/* The other direction tells that it is over. */
	if (code != CURLE_OK)
		pump->in_open = false;
	pump->up_at += n;
	if (pump->up_at == pump->up_len || code != CURLE_OK)
		pump->up_at = pump->up_len = 0;
}

static void read_up(struct pump *pump)
{
	ssize_t n = read(FD_IN, pump->up, CHUNK);

	if (n > 0)
		pump->up_len = (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		pump->in_open = false;
}

static void on_control(struct pump *pump)
{
	char byte;

	if (read(FD_CONTROL, &byte, 1) <= 0)
		pump->control_open = false;
	if (!pump->killed)
		pump->on_kill(pump->context);
	pump->killed = true;
}

static int pump_once(struct pump *pump, struct err *err)
{
	bool sending = pump->up_len > pump->up_at;
	struct pollfd fds[3] = {
		{.fd = pump->socket, .events = (short)(POLLIN | (sending ? POLLOUT : 0))},
		{.fd = pump->in_open && !sending ? FD_IN : -1, .events = POLLIN},
		{.fd = pump->control_open ? FD_CONTROL : -1, .events = POLLIN}};
	int code = 0;

	if (poll(fds, 3, -1) < 0)
		return errno == EINTR ? 0 : err_errno(err, "poll");
	if (fds[2].revents)
		on_control(pump);
	if (fds[0].revents & ~POLLOUT)
		code = receive(pump, err);
	if (fds[1].revents)
		read_up(pump);
	if (code == 0 && !pump->ended && pump->up_len > pump->up_at)
		send_up(pump);
	return code;
}

int attach_pump(struct api *api, CURL *stream, struct buf *first, void (*on_kill)(void *context),
	void *context, struct err *err)
{
	struct pump pump = {.api = api,
		.stream = stream,
		.on_kill = on_kill,
		.context = context,
		.in_open = true,
		.control_open = true,
		.up = malloc(CHUNK)};
	int code;

	if (!pump.up)
		return err_set(err, ENOMEM, "out of memory");
	curl_easy_getinfo(stream, CURLINFO_ACTIVESOCKET, &pump.socket);
	code = take(&pump, first->data, first->len, err);
	if (code == 0)
		code = receive(&pump, err);
	while (code == 0 && !pump.ended)
		code = pump_once(&pump, err);
	free(pump.up);
	return code;
}
