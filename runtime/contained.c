/*
 * runtime/contained.h: one poll loop from the container's hello to the end of its streams, then the
 * result. Every way out ends the container.
 */
#include "runtime/contained.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/contained_internal.h"
#include "runtime/launch.h"
#include "runtime/signals.h"

#define ORDER_MAX      ((size_t)192 << 20) /* the program, its files, and what goes with them */
#define CARRY_MAX      (INNER_TEXT_MAX + 4096)
#define READ_SIZE      65536
#define HELLO_PATIENCE (60 * SECOND)
#define ORDER_PATIENCE (60 * SECOND)
#define WALL_SLACK     (SECOND / 2) /* the init has the same clock and ends the run itself */
#define STOP_PATIENCE  (2 * SECOND) /* for the init to tell the end */
#define KILL_PATIENCE  (10 * SECOND)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* The first cause stays. */
static void set_cause(struct contained *run, enum rt_status status)
{
	if (run->has_cause)
		return;
	run->has_cause = true;
	run->cause = status;
}

static void fail(struct contained *run, enum rt_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct contained *run, enum rt_status status, const char *format, ...)
{
	va_list args;

	if (run->has_cause)
		return;
	set_cause(run, status);
	run->failed = true;
	va_start(args, format);
	vsnprintf(run->result->message, sizeof(run->result->message), format, args);
	va_end(args);
}

static void kill_container(struct contained *run)
{
	if (run->killed)
		return;
	run->killed = true;
	run->deadline_ns = now_ns() + KILL_PATIENCE;
	run->driver->kill(run->driver->self);
}

/* Asks the init to end the program and to tell about it; before there is a program, kills. */
static void stop(struct contained *run)
{
	if (run->stopping || run->killed)
		return;
	run->stopping = true;
	if (run->phase < CONTAINED_RUNNING) {
		kill_container(run);
		return;
	}
	run->deadline_ns = now_ns() + STOP_PATIENCE;
	/* What it has not been sent of the program's input yet, it need not be sent any more. */
	if (run->sent == run->to_send.len) {
		run->to_send.len = run->sent = 0;
		inner_message(&run->to_send, 'X', NULL, 0);
	}
}

/* Output, up to the key. */

static void take_program_output(
	struct contained *run, enum rt_stream_id id, const char *bytes, size_t len)
{
	struct output *output = &run->output[id];
	struct str head;

	output_add(output, bytes, len, &head);
	if (run->plan->on_output && head.len)
		run->plan->on_output(run->plan->context, id, head);
	if (output->bytes <= output_flood(output->cap))
		return;
	set_cause(run, RT_OUTPUT_LIMIT);
	stop(run);
}

/* How much of the end of text could be the beginning of the key. */
static size_t key_begun(const struct contained *run, struct str text)
{
	size_t len = text.len < INNER_KEY - 1 ? text.len : INNER_KEY - 1;

	while (len && memcmp(text.ptr + text.len - len, run->key, len) != 0)
		len--;
	return len;
}

static void drop_front(struct buf *buf, size_t len)
{
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

/* What has come and is not the program's: the last record, perhaps in pieces. */
static void take_last(struct contained *run, const char *bytes, size_t len)
{
	struct err err;
	long size;

	if (!buf_add(&run->last, bytes, len)) {
		fail(run, RT_ERROR, "out of memory for the files that the program left");
		return;
	}
	if (run->has_end)
		return;
	size = inner_read_end(buf_str(&run->last), &run->end, &err);
	if (size < 0)
		fail(run, RT_ERROR, "%s", err.text);
	run->has_end = size > 0;
	run->ended_ns = now_ns();
	if (size > 0)
		run->files_at = (size_t)size;
}

/* Standard output while it runs: the program's, until the key says that the rest is the init's. */
static void take_stdout(struct contained *run)
{
	struct buf *carry = &run->carry;
	char *key = carry->len ? memmem(carry->data, carry->len, run->key, INNER_KEY) : NULL;
	size_t program =
		key ? (size_t)(key - carry->data) : carry->len - key_begun(run, buf_str(carry));

	if (program)
		take_program_output(run, RT_STDOUT, carry->data, program);
	if (key) {
		run->key_seen = true;
		take_last(run, key + INNER_KEY, carry->len - program - INNER_KEY);
		carry->len = 0;
	} else if (program) {
		drop_front(carry, program);
	}
}

static int send_order(struct contained *run, struct err *err)
{
	struct inner_order order = {.plan = run->plan,
		.key = run->key,
		.argv = run->argv,
		.envp = run->envp,
		.file_fds = run->file_fds,
		.poll_memory = !(run->result->layers & RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT)),
		.limit_pids = run->pids_by_rlimit};

	return inner_write_order(&order, &run->to_send, err);
}

static void take_hello(struct contained *run)
{
	struct inner_facts facts;
	struct err err = {0};
	long len = inner_read_hello(buf_str(&run->carry), &facts, &err);

	if (len == 0)
		return;
	if (len > 0 && run->driver->look)
		run->driver->look(run->driver->self, &facts);
	if (len < 0 || contained_judge(run, &facts, &err) < 0) {
		fail(run, RT_UNAVAILABLE, "%s", err.text);
		snprintf(run->result->remedy, sizeof(run->result->remedy), "%s", err.remedy);
		stop(run);
		return;
	}
	/* The init says nothing more before it is told to run. */
	if ((size_t)len != run->carry.len || send_order(run, &err) < 0) {
		fail(run, RT_ERROR, "%s", err.text[0] ? err.text : "the container says too much");
		stop(run);
		return;
	}
	run->carry.len = 0;
	run->phase = CONTAINED_ORDER;
	run->deadline_ns = now_ns() + ORDER_PATIENCE;
}

static void on_output(struct contained *run)
{
	struct buf *carry = run->key_seen ? &run->piece : &run->carry;
	ssize_t n = buf_reserve(carry, READ_SIZE)
			    ? read(run->out, carry->data + carry->len, READ_SIZE)
			    : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fd_close(&run->out);
		return;
	}
	carry->len += (size_t)n;
	if (run->key_seen) {
		take_last(run, carry->data, carry->len);
		carry->len = 0;
	} else if (run->phase == CONTAINED_HELLO) {
		take_hello(run);
	} else {
		take_stdout(run);
	}
}

static void on_error(struct contained *run)
{
	char bytes[READ_SIZE];
	ssize_t n = read(run->err, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		fd_close(&run->err);
	else if (run->phase < CONTAINED_RUNNING)
		/* Of whoever makes the container, or of an interpreter that cannot start. */
		buf_add(&run->early, bytes, (size_t)n);
	else
		take_program_output(run, RT_STDERR, bytes, (size_t)n);
}

/* Input: the order, then what the program's standard input is to be, piece by piece. */

static void on_sendable(struct contained *run)
{
	size_t left = run->to_send.len - run->sent;
	ssize_t n = write(run->in, run->to_send.data + run->sent, left);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		/* It is gone; its streams say so too. */
		fd_close(&run->in);
		return;
	}
	run->sent += (size_t)n;
	if (run->sent < run->to_send.len)
		return;
	run->to_send.len = run->sent = 0;
	if (run->phase != CONTAINED_ORDER)
		return;
	run->phase = CONTAINED_RUNNING;
	run->started_ns = now_ns();
	run->deadline_ns = run->started_ns + run->plan->limits.wall_ns + WALL_SLACK;
	if (run->has_cause)
		stop(run);
}

static void on_source(struct contained *run)
{
	ssize_t n = fd_read_now(run->plan->stdin_fd, run->input, CONTAINED_INPUT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		inner_message(&run->to_send, 'D', run->input, (size_t)n);
		return;
	}
	run->input_ended = true;
	inner_message(&run->to_send, 'Z', NULL, 0);
}

static void on_signal(struct contained *run)
{
	int number = signals_next(run->signals);

	if (number == 0 || number == SIGPIPE)
		return;
	if (!run->has_cause) {
		run->result->interrupted = number;
		snprintf(run->result->message, sizeof(run->result->message), "interrupted by SIG%s",
			sigabbrev_np(number));
	}
	set_cause(run, RT_ERROR);
	stop(run);
	/* A second one does not wait for the init. */
	if (run->result->interrupted && ++run->signal_count > 1)
		kill_container(run);
}

static void on_deadline(struct contained *run)
{
	if (run->killed) {
		run->abandoned = true;
		return;
	}
	if (run->stopping) {
		kill_container(run);
		return;
	}
	if (run->phase == CONTAINED_HELLO)
		fail(run, RT_UNAVAILABLE, "the container did not start within 60 s");
	else if (run->phase == CONTAINED_ORDER)
		fail(run, RT_ERROR, "the container did not take the program within 60 s");
	else
		set_cause(run, RT_TIMEOUT);
	stop(run);
}

enum watched { W_OUT, W_ERR, W_IN, W_SOURCE, W_SIGNALS, W_COUNT };

static void choose(const struct contained *run, struct pollfd *fds)
{
	bool sending = run->to_send.len > run->sent;
	bool wants_source = run->phase == CONTAINED_RUNNING && !sending && !run->input_ended &&
			    !run->stopping && run->in >= 0;

	fds[W_OUT] = (struct pollfd){.fd = run->out, .events = POLLIN};
	fds[W_ERR] = (struct pollfd){.fd = run->err, .events = POLLIN};
	fds[W_IN] = (struct pollfd){.fd = sending ? run->in : -1, .events = POLLOUT};
	fds[W_SOURCE] =
		(struct pollfd){.fd = wants_source ? run->plan->stdin_fd : -1, .events = POLLIN};
	fds[W_SIGNALS] = (struct pollfd){.fd = run->signals, .events = POLLIN};
}

static void watch(struct contained *run)
{
	struct pollfd fds[W_COUNT];

	run->deadline_ns = now_ns() + HELLO_PATIENCE;
	while ((run->out >= 0 || run->err >= 0) && !run->abandoned) {
		uint64_t now = now_ns();
		int wait = run->deadline_ns > now
				   ? (int)((run->deadline_ns - now) / 1000000 % 3600000) + 1
				   : 0;

		choose(run, fds);
		if (poll(fds, W_COUNT, wait) < 0 && errno != EINTR) {
			fail(run, RT_ERROR, "poll: %s", strerror(errno));
			kill_container(run);
			return;
		}
		if (fds[W_SIGNALS].revents)
			on_signal(run);
		if (fds[W_OUT].revents)
			on_output(run);
		if (fds[W_ERR].revents && run->err >= 0)
			on_error(run);
		if (fds[W_IN].revents && run->in >= 0)
			on_sendable(run);
		if (fds[W_SOURCE].revents)
			on_source(run);
		if (now_ns() >= run->deadline_ns)
			on_deadline(run);
	}
}

/* Making and freeing. */

static int make_pipes(struct contained *run, int inside[3], struct err *err)
{
	int ends[2];

	for (int i = 0; i < 3; i++) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return err_errno(err, "pipe");
		inside[i] = i == 0 ? ends[0] : ends[1];
		*(i == 0 ? &run->in : i == 1 ? &run->out : &run->err) = i == 0 ? ends[1] : ends[0];
		if (fcntl(i == 0 ? ends[1] : ends[0], F_SETFL, O_NONBLOCK) < 0)
			return err_errno(err, "fcntl");
	}
	return 0;
}

static int prepare(struct contained *run, struct err *err)
{
	const struct contained_driver *driver = run->driver;
	int code;

	run->arena = arena_new((size_t)8 << 20);
	run->input = malloc(CONTAINED_INPUT);
	if (!run->arena || !run->input)
		return err_set(err, ENOMEM, "out of memory");
	code = inner_make_key(run->key, err);
	if (code == 0)
		code = launch_open_files(run->plan, run->file_fds, &run->file_count, err);
	if (code == 0)
		code = launch_argv(run->arena, run->plan, driver->python, "", &run->argv, err);
	if (code == 0)
		code = launch_environment(run->arena, run->plan, driver->bin, driver->library_path,
			"", &run->envp, err);
	return code;
}

static void release(struct contained *run)
{
	fd_close(&run->in);
	fd_close(&run->out);
	fd_close(&run->err);
	for (unsigned i = 0; i < run->file_count; i++)
		fd_close(&run->file_fds[i]);
	buf_free(&run->to_send);
	buf_free(&run->carry);
	buf_free(&run->piece);
	buf_free(&run->early);
	buf_free(&run->last);
	output_free(&run->output[RT_STDOUT]);
	output_free(&run->output[RT_STDERR]);
	free(run->input);
	arena_free(run->arena);
	if (run->signals >= 0) {
		int last = signals_give_back(run->signals, &run->caller_mask);

		if (last)
			run->result->interrupted = last;
		fd_close(&run->signals);
	}
}

/* From the pipes to the end of the streams. 0, or -errno where the container never began. */
static int carry_out(struct contained *run, struct err *err)
{
	int inside[3] = {-1, -1, -1};
	int code = make_pipes(run, inside, err);

	if (code == 0) {
		run->signals = signals_take(&run->caller_mask, err);
		code = run->signals < 0 ? run->signals : 0;
	}
	if (code == 0)
		code = run->driver->start(run->driver->self, inside, err);
	for (int i = 0; i < 3; i++)
		fd_close(&inside[i]);
	if (code == 0)
		watch(run);
	else if (run->err >= 0)
		on_error(run); /* why it could not be made */
	return code;
}

int contained_run(
	const struct rt_plan *plan, const struct contained_driver *driver, struct rt_result *ret)
{
	struct contained_end end = {0};
	struct err err = {0}, finish_err = {0};
	struct contained run = {.plan = plan, .driver = driver, .result = ret};
	bool prepared;
	int code, finished = 0;

	*ret = (struct rt_result){.exit_code = -1, .backend = driver->backend, .status = RT_ERROR};
	run.in = run.out = run.err = run.signals = -1;
	memset(run.file_fds, -1, sizeof(run.file_fds));
	run.to_send.max = ORDER_MAX;
	run.carry.max = run.piece.max = CARRY_MAX + READ_SIZE;
	run.early.max = 65536;
	run.last.max = INNER_BYTES_MAX + INNER_FILES_MAX * 1024 + CARRY_MAX;
	run.input_ended = plan->stdin_fd < 0;
	output_init(&run.output[RT_STDOUT], plan->limits.output_bytes);
	output_init(&run.output[RT_STDERR], plan->limits.output_bytes);
	code = plan->strict_seccomp
		       ? err_set(&err, ENOTSUP, "--seccomp strict is the native backend's only")
		       : prepare(&run, &err);
	/* It asks again what its caller has answered before: nothing may get past that. */
	if (code == 0 && plan->may_run && !plan->may_run(plan->may_run_context))
		code = err_set(&err, EPERM, "the program may not run");
	prepared = code == 0;
	if (prepared) {
		code = carry_out(&run, &err);
		finished = driver->finish(driver->self, &end, &finish_err);
	}
	contained_conclude(
		&run, &end, code < 0 ? &err : NULL, finished < 0 ? &finish_err : NULL, prepared);
	release(&run);
	return ret->status == RT_ERROR || ret->status == RT_UNAVAILABLE ? -1 : 0;
}
