/*
 * Screening in a sealed child (cli/sealed.h).
 */
#include "cli/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "cli/nls.h"
#include "runtime/seal.h"

/* The guard reads megabytes a second; this is for a machine in trouble, not for a slow source. */
#define SECONDS        10
#define SECONDS_FOR_MB 2
#define SIGNALS_MS     50 /* between two looks for a signal */
/* What the program itself and its libraries take beside the arena. */
#define OWN_MEMORY     ((size_t)256 << 20)
#define REPLY_MAGIC    0x50535852u /* "PSXR" */

struct reply_head {
	uint32_t magic;
	uint32_t len; /* of the whole answer, this included */
	uint32_t verdict;
	uint32_t count;
	uint32_t more;
	uint32_t message_len;
};

struct reply_finding {
	uint32_t rule;
	uint32_t severity;
	uint32_t line;
	uint32_t column;
	uint32_t end_line;
	uint32_t end_column;
	uint32_t message_len;
};

void sealed_encode(const struct guard_report *report, struct buf *out)
{
	struct str message = str_of(report->message);
	size_t begin = out->len;
	struct reply_head head = {.magic = REPLY_MAGIC,
		.verdict = report->verdict,
		.count = report->count,
		.more = report->more,
		.message_len = (uint32_t)message.len};

	buf_add(out, &head, sizeof(head));
	buf_add_str(out, message);
	for (uint32_t i = 0; i < report->count; i++) {
		const struct guard_finding *from = &report->findings[i];
		struct str text = str_of(from->message);
		const struct reply_finding finding = {.rule = from->rule,
			.severity = from->severity,
			.line = from->line,
			.column = from->column,
			.end_line = from->end_line,
			.end_column = from->end_column,
			.message_len = (uint32_t)text.len};

		buf_add(out, &finding, sizeof(finding));
		buf_add_str(out, text);
	}
	head.len = (uint32_t)(out->len - begin);
	if (!out->failed)
		memcpy(out->data + begin, &head, sizeof(head));
}

/* What is left of an answer to be read. */
struct reader {
	struct str rest;
	bool failed;
};

static void take(struct reader *reader, void *ret, size_t len)
{
	if (reader->failed || reader->rest.len < len) {
		reader->failed = true;
		memset(ret, 0, len);
		return;
	}
	memcpy(ret, reader->rest.ptr, len);
	reader->rest = str_from(reader->rest.ptr + len, reader->rest.len - len);
}

/* A copy in the arena; text only, and no NUL in it. */
static const char *take_text(struct reader *reader, uint32_t len, struct arena *arena)
{
	struct str text = str_from(reader->rest.ptr, len);
	char *copy = NULL;

	if (!reader->failed && len <= reader->rest.len && utf8_valid(text) &&
		!memchr(text.ptr, '\0', len))
		copy = arena_strdup(arena, text);
	if (!copy) {
		reader->failed = true;
		return "";
	}
	reader->rest = str_from(reader->rest.ptr + len, reader->rest.len - len);
	return copy;
}

/* Errors may stand just past the end of their line, or on a line after the last. */
static bool is_place(const struct text_lines *lines, uint32_t line, uint32_t column)
{
	return line >= 1 && line <= lines->count + 1 &&
	       column <= text_lines_at(lines, line).len + 1;
}

static bool holds(const struct guard_finding *finding, const struct guard_policy *policy,
	const struct text_lines *lines)
{
	return (unsigned)finding->rule < GUARD_RULE_COUNT &&
	       finding->severity != GUARD_SEVERITY_OFF &&
	       (finding->severity == guard_policy_severity(policy, finding->rule) ||
		       (finding->rule == GUARD_RULE_SYNTAX &&
			       finding->severity == GUARD_SEVERITY_ERROR)) &&
	       is_place(lines, finding->line, finding->column) &&
	       is_place(lines, finding->end_line, finding->end_column) && finding->message[0];
}

static bool is_before(const struct guard_finding *left, const struct guard_finding *right)
{
	return left->line < right->line ||
	       (left->line == right->line && left->column <= right->column);
}

static struct guard_finding take_finding(struct reader *reader, struct arena *arena)
{
	struct reply_finding from;

	take(reader, &from, sizeof(from));
	return (struct guard_finding){.rule = (enum guard_rule)from.rule,
		.severity = (enum guard_severity)from.severity,
		.line = from.line,
		.column = from.column,
		.end_line = from.end_line,
		.end_column = from.end_column,
		.message = take_text(reader, from.message_len, arena)};
}

/* The findings into *ret; the verdict that they make, GUARD_ERROR where they do not hold. */
static enum guard_verdict take_findings(struct reader *reader, uint32_t count,
	const struct guard_policy *policy, const struct text_lines *lines, struct arena *arena,
	struct guard_report *ret)
{
	struct guard_finding *findings = arena_array(arena, count, sizeof(*findings));
	enum guard_verdict verdict = GUARD_ALLOW;

	if (!findings)
		return GUARD_ERROR;
	for (uint32_t i = 0; i < count; i++) {
		findings[i] = take_finding(reader, arena);
		if (reader->failed || !holds(&findings[i], policy, lines) ||
			(i && !is_before(&findings[i - 1], &findings[i])))
			return GUARD_ERROR;
		if (findings[i].severity == GUARD_SEVERITY_ERROR)
			verdict = GUARD_REJECT;
	}
	ret->findings = findings;
	ret->count = count;
	return verdict;
}

bool sealed_decode(struct str reply, const struct guard_policy *policy,
	const struct text_lines *lines, struct arena *arena, struct guard_report *ret)
{
	struct reader reader = {.rest = reply};
	enum guard_verdict verdict;
	struct reply_head head;

	take(&reader, &head, sizeof(head));
	if (head.magic != REPLY_MAGIC || head.len != reply.len || head.verdict > GUARD_ERROR ||
		head.count > GUARD_FINDINGS_MAX || head.more > 1)
		return false;
	*ret = (struct guard_report){
		.verdict = (enum guard_verdict)head.verdict,
		.policy = guard_policy_name(policy),
		.more = head.more,
	};
	if (head.message_len)
		ret->message = take_text(&reader, head.message_len, arena);
	if (head.verdict == GUARD_ERROR)
		return ret->message && head.count == 0 && !head.more && !reader.failed &&
		       reader.rest.len == 0;
	verdict = take_findings(&reader, head.count, policy, lines, arena, ret);
	return verdict == ret->verdict && !ret->message && !reader.failed && reader.rest.len == 0;
}

static int never_less(const void *left, const void *right)
{
	(void)left;
	(void)right;
	return 0;
}

/* glibc's qsort(3) asks once how much memory the machine has; sealed it could not. */
static void let_qsort_ask(void)
{
	char many[2048] = "";

	qsort(many, sizeof(many) / 2, 2, never_less);
}

/* The child: never returns, and writes nothing but its answer. */
static _Noreturn void answer(int fd, struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, unsigned seconds)
{
	size_t memory = guard_arena_bytes(bytes.len);
	struct buf reply = BUF_INIT(memory);
	struct guard_report report;
	struct arena *arena;

	let_qsort_ask();
	if (seal_process(fd, OWN_MEMORY + bytes.len + 2 * memory, seconds) < 0)
		_exit(1);
	arena = arena_new(memory);
	if (!arena)
		_exit(1);
	guard_check_in(bytes, name, minor, policy, nls_translate, arena, &report);
	sealed_encode(&report, &reply);
	if (reply.failed || fd_write_all(fd, reply.data, reply.len) < 0)
		_exit(1);
	_exit(0);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The answer tells its length, so nobody waits for the end of the child's exit. */
static bool is_whole(const struct buf *reply)
{
	struct reply_head head;

	if (reply->len < sizeof(head))
		return false;
	memcpy(&head, reply->data, sizeof(head));
	return reply->len >= head.len;
}

/* The caller may have blocked what asks for an end, to act on it later; then we must not hold it
 * up. */
static bool is_end_asked_for(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigismember(&pending, numbers[i]) == 1)
			return true;
	return false;
}

/*
 * Reads a whole answer, or what there is of one up to the end of file; false past the time or the
 * maximum, where reading fails, or where a signal waits.
 */
static bool read_reply(int fd, struct buf *reply, unsigned seconds)
{
	uint64_t end = now_ms() + seconds * 1000u;

	while (!is_whole(reply)) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now_ms() >= end || is_end_asked_for() || !buf_reserve(reply, 65536))
			return false;
		if (poll(&ready, 1, SIGNALS_MS) <= 0)
			continue;
		n = read(fd, reply->data + reply->len, 65536);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		reply->len += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Its status as wait(2) gives it; 0 where a caller that ignores SIGCHLD has it reaped unseen. */
static int reap(struct sealed *sealed)
{
	int status = 0;

	while (waitpid(sealed->child, &status, 0) < 0 && errno == EINTR)
		;
	sealed->child = 0;
	return status;
}

/* True if it ended as answer() does. */
static bool ended_well(struct sealed *sealed, char *why, size_t size)
{
	int status = reap(sealed);

	if (WIFSIGNALED(status))
		snprintf(why, size, "ended by SIG%s",
			sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		snprintf(why, size, "ended with status %d", WEXITSTATUS(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void refuse(const char *why, const struct guard_policy *policy, struct arena *arena,
	struct guard_report *ret)
{
	struct guard_finding *finding = arena_new_object(arena, struct guard_finding);

	*ret = (struct guard_report){.verdict = GUARD_ERROR,
		.policy = guard_policy_name(policy),
		.message = "no memory for the guard"};
	if (!finding)
		return;
	*finding = (struct guard_finding){.rule = GUARD_RULE_UNREADABLE,
		.severity = GUARD_SEVERITY_ERROR,
		.message = arena_printf(
			arena, _("this source could not be screened: the guard's process %s"), why),
		.line = 1,
		.end_line = 1};
	if (!finding->message)
		return;
	*ret = (struct guard_report){.verdict = GUARD_REJECT,
		.policy = guard_policy_name(policy),
		.findings = finding,
		.count = 1};
}

static void no_process(const struct guard_policy *policy, struct guard_report *ret)
{
	*ret = (struct guard_report){.verdict = GUARD_ERROR,
		.policy = guard_policy_name(policy),
		.message = "no process for the guard can be had"};
}

struct sealed sealed_start(
	struct str bytes, struct str name, unsigned minor, const struct guard_policy *policy)
{
	struct sealed sealed = {.fd = -1,
		.seconds = SECONDS + SECONDS_FOR_MB * (unsigned)(bytes.len >> 20),
		.bytes_len = bytes.len,
		.policy = policy};
	cleanup_fd int from_child = -1, to_parent = -1;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return sealed;
	from_child = ends[0];
	to_parent = ends[1];
	child = fork();
	if (child < 0)
		return sealed;
	if (child == 0)
		answer(to_parent, bytes, name, minor, policy, sealed.seconds);
	sealed.child = child;
	sealed.fd = take_fd(&from_child);
	return sealed;
}

void sealed_finish(struct sealed *sealed, const struct text_lines *lines, struct arena *arena,
	struct guard_report *ret)
{
	cleanup_buf struct buf reply = BUF_INIT(guard_arena_bytes(sealed->bytes_len));
	char why[64] = "";
	bool in_time;

	if (!sealed->child)
		return no_process(sealed->policy, ret);
	in_time = read_reply(sealed->fd, &reply, sealed->seconds);
	fd_close(&sealed->fd);
	/* It has said all there is, or will never: what it would do from here on is nothing to us.
	 */
	if (is_whole(&reply) || !in_time)
		kill(sealed->child, SIGKILL);
	if (!in_time) {
		reap(sealed);
		return refuse("gave no answer in time", sealed->policy, arena, ret);
	}
	if (!is_whole(&reply) && !ended_well(sealed, why, sizeof(why)))
		return refuse(why, sealed->policy, arena, ret);
	if (!sealed_decode(buf_str(&reply), sealed->policy, lines, arena, ret))
		refuse("gave an answer that cannot be true", sealed->policy, arena, ret);
}

void sealed_reap(struct sealed *sealed)
{
	if (sealed->child)
		reap(sealed);
}
