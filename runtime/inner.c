/* runtime/inner.h: the order as bytes, and the two records read with suspicion. */
#include "runtime/inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>

#include "base/fd.h"

#define HELLO "pysbx-inner 1 "

const char inner_source[] =
#include "runtime/inner_source.inc"
	;

int inner_make_key(char key[INNER_KEY + 1], struct err *err)
{
	unsigned char bytes[INNER_KEY / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, "getrandom");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(key + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

void inner_message(struct buf *out, char kind, const void *payload, size_t len)
{
	char head[5] = {kind, (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};

	buf_add(out, head, sizeof(head));
	if (len)
		buf_add(out, payload, len);
}

static void add_texts(struct buf *out, char kind, const char *const *texts)
{
	for (; texts && *texts; texts++)
		inner_message(out, kind, *texts, strlen(*texts));
}

static void add_file(struct buf *out, const char *name, struct str content)
{
	size_t len = strlen(name) + 1 + content.len;
	char head[5] = {'F', (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};

	buf_add(out, head, sizeof(head));
	buf_add(out, name, strlen(name) + 1);
	buf_add_str(out, content);
}

static int add_input_file(
	struct buf *out, const struct rt_file *file, int fd, size_t left, struct err *err)
{
	cleanup_buf struct buf content = BUF_INIT(left);
	int code = fd_read_all(fd, &content);

	if (code < 0) {
		errno = -code;
		return err_errno(err, "--file %s=%s", file->name, file->path);
	}
	add_file(out, file->name, buf_str(&content));
	return 0;
}

static void add_limits(const struct inner_order *order, struct buf *out)
{
	const struct rt_limits *limits = &order->plan->limits;
	char text[512];
	int len = snprintf(text, sizeof(text),
		"nofile=%" PRIu64 " fsize=%" PRIu64 " cpu_us=%" PRIu64 " wall_us=%" PRIu64
		" memory=%" PRIu64 " poll=%d nproc=%" PRIu64,
		limits->nofile, limits->fsize_bytes, limits->cpu_ns / 1000, limits->wall_ns / 1000,
		limits->memory_bytes, order->poll_memory, order->limit_pids ? limits->pids + 1 : 0);

	inner_message(out, 'L', text, (size_t)len);
}

int inner_write_order(const struct inner_order *order, struct buf *out, struct err *err)
{
	const struct rt_plan *plan = order->plan;
	int code = 0;

	inner_message(out, 'K', order->key, INNER_KEY);
	add_texts(out, 'A', order->argv);
	add_texts(out, 'E', order->envp);
	add_texts(out, 'G', plan->fetch);
	add_limits(order, out);
	add_file(out, plan->code_name, plan->code);
	for (size_t i = 0; code == 0 && i < plan->file_count; i++)
		code = add_input_file(
			out, &plan->files[i], order->file_fds[i], INNER_BYTES_MAX, err);
	if (plan->stdin_fd >= 0)
		inner_message(out, 'I', NULL, 0);
	inner_message(out, 'R', NULL, 0);
	if (code == 0 && out->failed)
		return err_set(err, ENOMEM, "out of memory for the program and its files");
	return code;
}

/* Exactly eight hexadecimal digits; -1: they are none. */
static long read_length(const char *digits)
{
	long value = 0;

	for (int i = 0; i < 8; i++) {
		char c = digits[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static long not_a_record(const char *what, struct err *err)
{
	return err_set(err, EPROTO, "%s", what);
}

static bool all_zero(const char *text)
{
	return *text && strspn(text, "0") == strlen(text);
}

static void take_groups(struct inner_facts *facts, char *value)
{
	char *save = NULL;

	for (char *word = strtok_r(value, " ", &save); word; word = strtok_r(NULL, " ", &save))
		facts->foreign_groups += strcmp(word, "65534") != 0;
}

/* "FLAGS BYTES" of statvfs; without a size it has no flag that counts. */
static unsigned long place_flags(const char *value)
{
	unsigned long flags = 0;
	unsigned long long bytes = 0;

	return sscanf(value, "%lu %llu", &flags, &bytes) == 2 && bytes ? flags : 0;
}

static bool take_namespace(struct inner_facts *facts, const char *key, const char *value)
{
	static const char *const names[INNER_NAMESPACES] = {
		"ns_user", "ns_mnt", "ns_pid", "ns_net", "ns_ipc", "ns_uts", "ns_cgroup"};

	for (int i = 0; i < INNER_NAMESPACES; i++)
		if (strcmp(key, names[i]) == 0) {
			facts->namespaces[i] = strtoull(value, NULL, 10);
			return true;
		}
	return false;
}

static bool take_number(struct inner_facts *facts, const char *key, const char *value)
{
	const struct {
		const char *key;
		long long *number;
	} numbers[] = {{"memory", &facts->memory}, {"swap", &facts->swap}, {"pids", &facts->pids},
		{"quota", &facts->quota}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i].key) == 0) {
			*numbers[i].number = strtoll(value, NULL, 10);
			return true;
		}
	return false;
}

struct hello {
	struct inner_facts *facts;
	unsigned empty_sets; /* of capabilities */
	unsigned other_sets;
};

static void take_fact(void *context, char *key, char *value)
{
	struct hello *hello = context;
	struct inner_facts *facts = hello->facts;
	unsigned long *ids = facts->ids;

	if (take_namespace(facts, key, value) || take_number(facts, key, value))
		return;
	if (strncmp(key, "Cap", 3) == 0)
		*(all_zero(value) ? &hello->empty_sets : &hello->other_sets) += 1;
	else if (strcmp(key, "NoNewPrivs") == 0)
		facts->no_new_privs = strcmp(value, "1") == 0;
	else if (strcmp(key, "Seccomp") == 0)
		facts->seccomp = strcmp(value, "2") == 0;
	else if (strcmp(key, "pid") == 0)
		facts->pid = strtol(value, NULL, 10);
	else if (strcmp(key, "python") == 0)
		facts->python = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "ids") == 0)
		sscanf(value, "%lu %lu %lu %lu %lu %lu", &ids[0], &ids[1], &ids[2], &ids[3],
			&ids[4], &ids[5]);
	else if (strcmp(key, "groups") == 0)
		take_groups(facts, value);
	else if (strcmp(key, "uid_map") == 0)
		facts->user_is_whole = strcmp(value, "0 0 4294967295") == 0;
	else if (strcmp(key, "interfaces") == 0)
		facts->only_loopback = strcmp(value, "lo") == 0 || !*value;
	else if (strcmp(key, "processes") == 0)
		facts->alone = strcmp(value, "1") == 0;
	else if (strcmp(key, "fs_root") == 0)
		facts->root_read_only = place_flags(value) & ST_RDONLY;
	else if (strcmp(key, "fs_tmp") == 0)
		facts->tmp = place_flags(value);
	else if (strcmp(key, "fs_shm") == 0)
		facts->shm = place_flags(value);
	else if (strcmp(key, "cgroup") == 0)
		facts->cgroup = strcmp(value, "2") == 0 ? 2 : 1;
}

/* Lines "key value"; a key alone has the value "". -EPROTO for a NUL or a line without an end. */
static int each_line(
	struct str text, void (*take)(void *context, char *key, char *value), void *context)
{
	cleanup_free char *copy = strndup(text.ptr, text.len);
	char *line = copy, *end;

	if (!copy)
		return -ENOMEM;
	if (memchr(text.ptr, '\0', text.len) || text.len == 0 || text.ptr[text.len - 1] != '\n')
		return -EPROTO;
	for (; (end = strchr(line, '\n')); line = end + 1) {
		char *space;

		*end = '\0';
		space = strchr(line, ' ');
		if (space)
			*space = '\0';
		take(context, line, space ? space + 1 : end);
	}
	return 0;
}

/* The record that text begins with: LENGTH, then (after gap) as many bytes. 0: more must come. */
static long measure(struct str text, size_t digits_at, size_t gap, struct str *ret_lines)
{
	size_t head = digits_at + 8 + gap;
	long len;

	if (text.len < head)
		return 0;
	len = read_length(text.ptr + digits_at);
	if (len < 0 || len > INNER_TEXT_MAX)
		return -EPROTO;
	if (text.len < head + (size_t)len)
		return 0;
	*ret_lines = str_from(text.ptr + head, (size_t)len);
	return (long)head + len;
}

long inner_read_hello(struct str text, struct inner_facts *ret, struct err *err)
{
	size_t known = sizeof(HELLO) - 1;
	struct hello hello = {.facts = ret};
	struct str lines;
	long len;

	if (memcmp(text.ptr, HELLO, text.len < known ? text.len : known) != 0)
		return not_a_record("the container says something else than hello", err);
	len = measure(text, known, 1, &lines);
	if (len == 0)
		return 0;
	*ret = (struct inner_facts){.memory = -1, .swap = -1, .pids = -1, .quota = -1, .shm = ~0UL};
	if (len < 0 || each_line(lines, take_fact, &hello) < 0)
		return not_a_record("the container's hello is malformed", err);
	/* gVisor does not tell of the fifth, the ambient one. */
	ret->no_caps = hello.empty_sets >= 4 && hello.other_sets == 0;
	return len;
}

struct ending {
	struct inner_end *end;
	size_t bytes;
	bool bad;
};

static void take_file(struct ending *ending, const char *value)
{
	struct inner_end *end = ending->end;
	unsigned long long name_len, len;

	if (sscanf(value, "%llu %llu", &name_len, &len) != 2 || name_len == 0 || name_len > 1024 ||
		len > INNER_BYTES_MAX - ending->bytes || end->file_count == INNER_FILES_MAX) {
		ending->bad = true;
		return;
	}
	ending->bytes += len;
	end->files[end->file_count].name_len = (uint32_t)name_len;
	end->files[end->file_count++].len = (uint32_t)len;
}

static void take_end(void *context, char *key, char *value)
{
	struct ending *ending = context;
	struct inner_end *end = ending->end;
	uint64_t number = strtoull(value, NULL, 10);

	if (strcmp(key, "cause") == 0)
		snprintf(end->cause, sizeof(end->cause), "%s", value);
	else if (strcmp(key, "exit") == 0)
		end->exit_code = (int)(number & 0xff);
	else if (strcmp(key, "signal") == 0)
		end->signal = number >= 1 && number <= 64 ? (int)number : 0;
	else if (strcmp(key, "cpu_us") == 0)
		end->cpu_ns = number < UINT64_MAX / 1000 ? number * 1000 : 0;
	else if (strcmp(key, "cpu_from") == 0)
		end->cpu_by_cgroup = strcmp(value, "cgroup") == 0;
	else if (strcmp(key, "peak") == 0)
		end->peak_bytes = number;
	else if (strcmp(key, "pids") == 0)
		end->pids_peak = number;
	else if (strcmp(key, "pids_denied") == 0)
		end->pids_denied = number;
	else if (strcmp(key, "oom") == 0)
		end->oom_kills = number;
	else if (strcmp(key, "skipped") == 0)
		end->skipped = number;
	else if (strcmp(key, "touched") == 0)
		end->touched |= strcmp(value, "fsize") == 0 ? RT_LIMIT_BIT(RT_LIMIT_FSIZE)
							    : RT_LIMIT_BIT(RT_LIMIT_TMPFS);
	else if (strcmp(key, "file") == 0)
		take_file(ending, value);
}

long inner_read_end(struct str text, struct inner_end *ret, struct err *err)
{
	struct ending ending = {.end = ret};
	struct str lines;
	long len = measure(text, 0, 0, &lines);

	if (len == 0)
		return 0;
	*ret = (struct inner_end){.exit_code = -1};
	if (len < 0 || each_line(lines, take_end, &ending) < 0 || ending.bad)
		return not_a_record("the container's last record is malformed", err);
	return len;
}
