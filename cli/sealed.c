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
/* What the program itself and its libraries take beside the arena. */
#define OWN_MEMORY     ((size_t)256 << 20)
#define REPLY_MAGIC    0x50535852u /* "PSXR" */

struct reply_head {
	uint32_t magic;
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
	const struct reply_head head = {.magic = REPLY_MAGIC,
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
	if (head.magic != REPLY_MAGIC || head.verdict > GUARD_ERROR ||
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

/* Reads until the end of file; false past the time or the maximum, or where reading fails. */
static bool read_reply(int fd, struct buf *reply, unsigned seconds)
{
	uint64_t end = now_ms() + seconds * 1000u;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();
		ssize_t n;

		if (now >= end || !buf_reserve(reply, 65536))
			return false;
		if (poll(&ready, 1, (int)(end - now)) <= 0)
			continue;
		n = read(fd, reply->data + reply->len, 65536);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		reply->len += n > 0 ? (size_t)n : 0;
	}
}

/* True if it ended as answer() does. A caller that ignores SIGCHLD has it reaped unseen. */
static bool ended_well(pid_t child, char *why, size_t size)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return true;
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

void sealed_check(struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, const struct text_lines *lines, struct arena *arena,
	struct guard_report *ret)
{
	unsigned seconds = SECONDS + SECONDS_FOR_MB * (unsigned)(bytes.len >> 20);
	cleanup_buf struct buf reply = BUF_INIT(guard_arena_bytes(bytes.len));
	cleanup_fd int from_child = -1, to_parent = -1;
	char why[64] = "";
	int ends[2];
	bool whole;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return no_process(policy, ret);
	from_child = ends[0];
	to_parent = ends[1];
	child = fork();
	if (child < 0)
		return no_process(policy, ret);
	if (child == 0)
		answer(to_parent, bytes, name, minor, policy, seconds);
	fd_close(&to_parent);
	whole = read_reply(from_child, &reply, seconds);
	if (!whole)
		kill(child, SIGKILL);
	if (!ended_well(child, why, sizeof(why)) || !whole)
		return refuse(whole ? why : "gave no answer in time", policy, arena, ret);
	if (!sealed_decode(buf_str(&reply), policy, lines, arena, ret))
		refuse("gave an answer that cannot be true", policy, arena, ret);
}
