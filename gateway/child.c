/* Running pysbx (gateway/child.h). */
#include "gateway/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "gateway/rpc.h"

/* Two streams of 1 MiB, each byte escaped, and 64 MiB of files in base64. */
#define RESULT_MAX    ((size_t)128 << 20)
#define RESULT_VALUES 1000000
#define COMPLAINT_MAX ((size_t)64 << 10)
/* What pysbx may take beyond the program's own time before something must be wrong with it. */
#define GRACE_MS      60000
#define INSIST_MS     1000
#define WORDS_MAX     (32 + 2 * REQUEST_FILES_MAX)
#define WORD_BYTES    64

struct child {
	struct loop *loop;
	pid_t pid;
	struct loop_watch end, out, err; /* a pidfd and two pipes */
	struct buf result, complaint;
	struct loop_timer timer;
	bool overdue;
	child_ended *ended;
	void *context;
};

/* What the new process is made of; the descriptors that it keeps, by their own numbers. */
struct start {
	int pysbx, in, out, err;
	int kept[REQUEST_FILES_MAX + 1];
	size_t kept_count;
	char *words[WORDS_MAX];
	size_t word_count;
	char *owned[WORDS_MAX]; /* those words that were made here */
	size_t owned_count;
	bool failed;
};

static void add_word(struct start *start, const char *word)
{
	if (start->word_count + 1 < WORDS_MAX)
		start->words[start->word_count++] = (char *)word;
	else
		start->failed = true;
}

static void add_made(struct start *start, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_made(struct start *start, const char *format, ...)
{
	char *word = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&word, format, args) < 0)
		word = NULL;
	va_end(args);
	if (!word || start->owned_count == WORDS_MAX) {
		free(word);
		start->failed = true;
		return;
	}
	start->owned[start->owned_count++] = word;
	add_word(start, word);
}

/* A file in memory that holds bytes, its position at the beginning. */
static int memory_file(const struct bytes *bytes)
{
	cleanup_fd int fd = memfd_create("pysbx", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < bytes->len) {
		ssize_t n = pwrite(fd, bytes->data + done, bytes->len - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return take_fd(&fd);
}

static int keep(struct start *start, const struct bytes *bytes)
{
	int fd = memory_file(bytes);

	if (fd < 0)
		start->failed = true;
	else
		start->kept[start->kept_count++] = fd;
	return fd;
}

/* The limits are those that the tool's description names, whatever the caller's settings say. */
static void add_run(struct start *start, const struct request *request)
{
	static const char *const images[] = {"*.png", "*.jpg", "*.jpeg", "*.svg"};
	const struct tool *tool = request->tool;

	add_word(start, "run");
	add_word(start, "--json");
	add_word(start, "--quiet");
	add_made(start, "--profile=%s", tool->profile);
	add_made(start, "--memory=%uM", tool->memory_mb);
	add_made(start, "--cpus=%g", tool->cpu_thousandths / 1000.0);
	add_made(start, "--timeout=%ums",
		request->timeout_ms ? request->timeout_ms : tool->timeout_ms);
	add_made(start, "--require=%s", tool->require);
	add_word(start, "--guard=enforce");
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
		add_made(start, "--fetch=%s", images[i]);
	if (request->has_input)
		add_made(start, "--stdin=/proc/self/fd/%d", keep(start, &request->input));
	for (size_t i = 0; i < request->file_count; i++)
		add_made(start, "--file=%s=/proc/self/fd/%d", request->files[i].name,
			keep(start, &request->files[i].content));
}

static void add_words(struct start *start, const struct request *request)
{
	add_word(start, "pysbx");
	if (request->tool->runs) {
		add_run(start, request);
	} else {
		add_word(start, "check");
		add_word(start, "--format=json");
	}
	add_word(start, "-");
	start->words[start->word_count] = NULL;
}

/*
 * The new process borrows our memory until it becomes pysbx (vfork): it may change nothing here but
 * what is its own, descriptors and signals.
 */
static _Noreturn void become(const struct start *start, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
		dup2(start->in, 0) == 0 && dup2(start->out, 1) == 1 && dup2(start->err, 2) == 2) {
		for (size_t i = 0; i < start->kept_count; i++)
			fcntl(start->kept[i], F_SETFD, 0);
		sigprocmask(SIG_SETMASK, &none, NULL);
		syscall(SYS_execveat, start->pysbx, "", start->words, environ, AT_EMPTY_PATH);
	}
	_exit(127);
}

static pid_t launch(const struct start *start)
{
	pid_t parent = getpid(), pid;

	pid = vfork();
	if (pid == 0)
		become(start, parent);
	return pid;
}

static void fail_text(char text[REQUEST_TEXT_MAX], const char *what)
{
	snprintf(text, REQUEST_TEXT_MAX, "%s: %s", what, strerror(errno));
}

static void close_all(struct child *child)
{
	loop_timer_clear(child->loop, &child->timer);
	loop_remove(child->loop, &child->end);
	loop_remove(child->loop, &child->out);
	loop_remove(child->loop, &child->err);
	fd_close(&child->end.fd);
	fd_close(&child->out.fd);
	fd_close(&child->err.fd);
}

static void forget(struct child *child)
{
	close_all(child);
	buf_free(&child->result);
	buf_free(&child->complaint);
	free(child);
}

/* Takes what is there. What has no room is read and lost, so that the writer goes on. */
static void drain(struct loop *loop, struct loop_watch *watch, struct buf *into)
{
	char lost[4096];

	for (;;) {
		bool room = buf_reserve(into, sizeof(lost));
		size_t most = room ? into->capacity - into->len - 1 : sizeof(lost);
		ssize_t n = read(watch->fd, room ? into->data + into->len : lost, most);

		if (n > 0 && room) {
			into->len += (size_t)n;
			into->data[into->len] = '\0';
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				loop_remove(loop, watch);
			return;
		}
	}
}

static void out_ready(void *context, short events)
{
	struct child *child = context;

	(void)events;
	drain(child->loop, &child->out, &child->result);
}

static void err_ready(void *context, short events)
{
	struct child *child = context;

	(void)events;
	drain(child->loop, &child->err, &child->complaint);
}

/* The last line of what it said on stderr, for a result that never came. */
static const char *last_words(struct child *child)
{
	struct buf *said = &child->complaint;
	char *line;

	while (said->len && (said->data[said->len - 1] == '\n' || said->failed))
		said->data[--said->len] = '\0';
	if (!said->len)
		return "pysbx ended without a result";
	line = memrchr(said->data, '\n', said->len);
	return line ? line + 1 : said->data;
}

static void has_ended(void *context, short events)
{
	struct child *child = context;
	char text[RPC_TEXT_MAX] = "pysbx did not end in time";
	json_t *result = NULL;
	const char *why = text;

	(void)events;
	drain(child->loop, &child->out, &child->result);
	drain(child->loop, &child->err, &child->complaint);
	waitpid(child->pid, NULL, 0);
	close_all(child);
	if (child->result.failed)
		why = "the result is too large";
	else if (!child->overdue && child->result.len)
		result =
			rpc_parse(child->result.data, child->result.len, RESULT_VALUES, NULL, text);
	else if (!child->overdue)
		why = last_words(child);
	child->ended(child->context, result, why);
	json_decref(result);
	forget(child);
}

static void insist(void *context)
{
	struct child *child = context;

	child->overdue = true;
	kill(child->pid, SIGKILL);
}

static struct loop_watch watch_of(
	struct child *child, int fd, void (*ready)(void *context, short events))
{
	return (struct loop_watch){.fd = fd, .events = POLLIN, .ready = ready, .context = child};
}

/* From here on the process and the pipes are the child's: whatever fails ends it. */
static struct child *adopt(struct child *child, int out, int err, unsigned timeout_ms)
{
	int end = (int)syscall(SYS_pidfd_open, child->pid, 0);

	child->timer = (struct loop_timer){.fire = insist, .context = child};
	child->end = watch_of(child, end, has_ended);
	child->out = watch_of(child, out, out_ready);
	child->err = watch_of(child, err, err_ready);
	if (end < 0 || loop_add(child->loop, &child->end) < 0 ||
		loop_add(child->loop, &child->out) < 0 || loop_add(child->loop, &child->err) < 0) {
		child_kill(child);
		return NULL;
	}
	loop_timer_set(child->loop, &child->timer,
		loop_now() + (uint64_t)(timeout_ms + GRACE_MS) * LOOP_MS);
	return child;
}

static struct child *start_child(struct child *child, struct start *start,
	const struct request *request, char text[REQUEST_TEXT_MAX])
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};

	start->in = memory_file(&request->code);
	add_words(start, request);
	if (start->in < 0 || start->failed || pipe2(out, O_CLOEXEC) < 0 ||
		pipe2(err, O_CLOEXEC) < 0) {
		fail_text(text, "starting pysbx");
		goto failed;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	start->out = out[1];
	start->err = err[1];
	child->pid = launch(start);
	if (child->pid < 0) {
		fail_text(text, "starting pysbx");
		goto failed;
	}
	fd_close(&out[1]);
	fd_close(&err[1]);
	snprintf(text, REQUEST_TEXT_MAX, "starting pysbx: out of memory or descriptors");
	return adopt(child, out[0], err[0], request->tool->timeout_ms);
failed:
	for (int i = 0; i < 2; i++) {
		fd_close(&out[i]);
		fd_close(&err[i]);
	}
	free(child);
	return NULL;
}

struct child *child_start(struct loop *loop, int pysbx, const struct request *request,
	child_ended *ended, void *context, char text[REQUEST_TEXT_MAX])
{
	struct child *child = calloc(1, sizeof(*child));
	struct start start = {.pysbx = pysbx, .in = -1};

	if (!child) {
		fail_text(text, "starting pysbx");
		return NULL;
	}
	*child = (struct child){.loop = loop,
		.result = BUF_INIT(RESULT_MAX),
		.complaint = BUF_INIT(COMPLAINT_MAX),
		.ended = ended,
		.context = context};
	child = start_child(child, &start, request, text);
	fd_close(&start.in);
	for (size_t i = 0; i < start.kept_count; i++)
		fd_close(&start.kept[i]);
	for (size_t i = 0; i < start.owned_count; i++)
		free(start.owned[i]);
	return child;
}

void child_stop(struct child *child)
{
	kill(child->pid, SIGTERM);
	loop_timer_set(child->loop, &child->timer, loop_now() + INSIST_MS * LOOP_MS);
}

void child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	forget(child);
}
