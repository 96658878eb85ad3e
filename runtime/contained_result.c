/* runtime/contained_internal.h: what a container holds, judged before the program, and its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "runtime/contained_internal.h"
#include "runtime/verdict.h"

#define NOBODY 65534

static const enum rt_layer namespace_layers[INNER_NAMESPACES] = {
	[INNER_USER] = RT_LAYER_USER,
	[INNER_MOUNT] = RT_LAYER_MOUNT,
	[INNER_PID] = RT_LAYER_PID,
	[INNER_NET] = RT_LAYER_NET,
	[INNER_IPC] = RT_LAYER_IPC,
	[INNER_UTS] = RT_LAYER_UTS,
	[INNER_CGROUP] = RT_LAYER_CGROUP,
};

/* True if it is another one than pysbx's own; on another machine or kernel it always is. */
static bool is_another(const struct contained *run, const struct inner_facts *facts, int which)
{
	static const char *const files[INNER_NAMESPACES] = {
		"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};
	char path[64];
	struct stat st;

	if (run->driver->own_kernel)
		return true;
	if (which == INNER_USER && facts->user_is_whole)
		return false;
	if (run->driver->remote)
		return facts->namespaces[which] != 0;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", files[which]);
	return facts->namespaces[which] && stat(path, &st) == 0 &&
	       st.st_ino != facts->namespaces[which];
}

/* A limit is rounded down to pages by the kernel. */
static bool is_memory_limit(const struct inner_facts *facts, uint64_t wanted)
{
	uint64_t seen = (uint64_t)facts->memory;

	return facts->memory > 0 && seen <= wanted && seen + 65536 > wanted;
}

/* Version 1 counts memory and swap together, version 2 swap alone; without swap there is no file.
 */
static bool is_without_swap(const struct inner_facts *facts)
{
	return facts->swap < 0 ||
	       (facts->cgroup == 2 ? facts->swap == 0 : facts->swap == facts->memory);
}

/* gVisor runs no set-user-ID program and has no device to open, and shows neither option. */
static bool is_safe_place(const struct contained *run, unsigned long flags)
{
	unsigned long wanted = ST_NOEXEC;

	if (!run->driver->own_kernel)
		wanted |= ST_NOSUID | ST_NODEV;
	return (flags & wanted) == wanted;
}

static uint32_t layers_of(struct contained *run, const struct inner_facts *facts)
{
	const struct rt_limits *limits = &run->plan->limits;
	uint32_t layers = 0;

	for (int i = 0; i < INNER_NAMESPACES; i++)
		if (is_another(run, facts, i))
			layers |= RT_LAYER_BIT(namespace_layers[i]);
	if (facts->pid != 1 || !facts->alone)
		layers &= ~RT_LAYER_BIT(RT_LAYER_PID);
	else
		layers |= RT_LAYER_BIT(RT_LAYER_PROC);
	if (!facts->only_loopback)
		layers &= ~RT_LAYER_BIT(RT_LAYER_NET);
	if (facts->no_caps)
		layers |= RT_LAYER_BIT(RT_LAYER_CAPS);
	if (facts->no_new_privs)
		layers |= RT_LAYER_BIT(RT_LAYER_NNP);
	if (facts->seccomp)
		layers |= RT_LAYER_BIT(RT_LAYER_SECCOMP);
	if (run->driver->own_kernel)
		layers |= RT_LAYER_BIT(RT_LAYER_KERNEL);
	if (is_safe_place(run, facts->tmp) && is_safe_place(run, facts->shm))
		layers |= RT_LAYER_BIT(RT_LAYER_TMP_LIMIT);
	if (is_memory_limit(facts, limits->memory_bytes) && is_without_swap(facts))
		layers |= RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT);
	/* The init is one more. */
	if (facts->pids > 0 && (uint64_t)facts->pids <= limits->pids + 1)
		layers |= RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT);
	if (facts->quota > 0 && (uint64_t)facts->quota <= limits->cpu_thousandths + 1)
		layers |= RT_LAYER_BIT(RT_LAYER_CPU_SHARE);
	if (layers & (RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT) | RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT)))
		layers |= RT_LAYER_BIT(facts->cgroup == 2 ? RT_LAYER_CGROUP2 : RT_LAYER_CGROUP1);
	return layers;
}

/* What no run goes without, whoever isolates it; NULL: it is all there. */
static const char *what_is_wrong(const struct contained *run, const struct inner_facts *facts)
{
	uint32_t layers = run->result->layers;
	bool filtered = layers & (RT_LAYER_BIT(RT_LAYER_SECCOMP) | RT_LAYER_BIT(RT_LAYER_KERNEL));

	for (int i = 0; i < 6; i++)
		if (facts->ids[i] != NOBODY)
			return "it does not run as 65534";
	if (facts->foreign_groups)
		return "it has supplementary groups";
	if (!(layers & RT_LAYER_BIT(RT_LAYER_PID)))
		return "it has no pid namespace of its own";
	if (!(layers & RT_LAYER_BIT(RT_LAYER_MOUNT)) || !facts->root_read_only)
		return "its root is not read-only and its own";
	if (!(layers & RT_LAYER_BIT(RT_LAYER_NET)))
		return "it has a network";
	if (!facts->no_caps)
		return "it has capabilities";
	if (!facts->no_new_privs && !run->driver->own_kernel)
		return "no_new_privs is not set";
	if (!filtered)
		return "no system call filter is in force";
	if (!(layers & RT_LAYER_BIT(RT_LAYER_TMP_LIMIT)))
		return "/tmp or /dev/shm has no limit, or may hold programs";
	return NULL;
}

static enum rt_tier tier_of(uint32_t missing)
{
	return missing ? RT_TIER_REDUCED : RT_TIER_FULL;
}

static int judge_version(
	const struct contained *run, const struct inner_facts *facts, struct err *err)
{
	if (!run->plan->minor || facts->python == run->plan->minor)
		return 0;
	err_set(err, EINVAL, "the container has Python 3.%u, but the program was screened as 3.%u",
		facts->python, run->plan->minor);
	err_remedy(err, "name it with --target-version 3.%u", facts->python);
	return -EINVAL;
}

int contained_judge(struct contained *run, const struct inner_facts *facts, struct err *err)
{
	const uint32_t wanted = RT_LAYER_BIT(RT_LAYER_USER) | RT_LAYER_BIT(RT_LAYER_MOUNT) |
				RT_LAYER_BIT(RT_LAYER_PID) | RT_LAYER_BIT(RT_LAYER_NET) |
				RT_LAYER_BIT(RT_LAYER_IPC) | RT_LAYER_BIT(RT_LAYER_UTS) |
				RT_LAYER_BIT(RT_LAYER_CGROUP) | RT_LAYER_BIT(RT_LAYER_PROC) |
				RT_LAYER_BIT(RT_LAYER_CAPS) | RT_LAYER_BIT(RT_LAYER_NNP) |
				RT_LAYER_BIT(RT_LAYER_SECCOMP) |
				RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT) |
				RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT) |
				RT_LAYER_BIT(RT_LAYER_CPU_SHARE) | RT_LAYER_BIT(RT_LAYER_TMP_LIMIT);
	struct rt_result *result = run->result;
	const char *wrong;

	result->layers = layers_of(run, facts);
	run->pids_by_rlimit = !(result->layers & RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT));
	result->missing = wanted & ~result->layers;
	result->tier = tier_of(result->missing);
	wrong = what_is_wrong(run, facts);
	if (wrong) {
		err_set(err, EPROTO, "verify: the container is not as it was asked for: %s", wrong);
		return -EPROTO;
	}
	if (result->tier < run->plan->require) {
		size_t len;

		err_set(err, ENOTSUP, "isolation tier \"%s\" cannot be reached here, only \"%s\":",
			rt_tier_word(run->plan->require), rt_tier_word(result->tier));
		for (int i = 0; i < RT_LAYER_COUNT; i++) {
			len = strlen(err->text);
			if (result->missing & RT_LAYER_BIT(i))
				snprintf(err->text + len, sizeof(err->text) - len, " no %s;",
					rt_layer_text((enum rt_layer)i));
		}
		err->text[strlen(err->text) - 1] = '\0';
		err_remedy(err, "%s", run->driver->remedy);
		return -ENOTSUP;
	}
	return judge_version(run, facts, err);
}

/* The init's own causes; "stopped" is ours, and known already. */
static void take_cause(struct contained *run)
{
	static const struct {
		const char *word;
		enum rt_status status;
	} causes[] = {{"wall", RT_TIMEOUT}, {"cpu", RT_CPU_TIMEOUT}, {"memory", RT_OOM}};
	struct rt_result *result = run->result;

	if (run->has_cause)
		return;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strcmp(run->end.cause, causes[i].word) == 0) {
			run->has_cause = true;
			run->cause = causes[i].status;
			return;
		}
	run->has_cause = run->failed = true;
	run->cause = RT_ERROR;
	snprintf(result->message, sizeof(result->message), "the container could not run it: %s",
		strncmp(run->end.cause, "setup ", 6) == 0 ? run->end.cause + 6 : run->end.cause);
}

static void classify_end(struct contained *run)
{
	struct rt_result *result = run->result;
	const struct inner_end *end = &run->end;

	if (end->signal == 0) {
		result->exit_code = end->exit_code;
		result->status = end->exit_code < 0   ? RT_ERROR
				 : end->exit_code > 0 ? RT_NONZERO
						      : RT_OK;
		return;
	}
	result->signal = end->signal;
	result->status = RT_SIGNAL;
	if (end->signal == SIGSYS)
		result->status = RT_SECCOMP;
	else if (end->signal == SIGKILL && (end->oom_kills || run->oom_seen))
		result->status = RT_OOM;
	else if ((end->signal == SIGKILL || end->signal == SIGXCPU) &&
		 end->cpu_ns >= run->plan->limits.cpu_ns)
		result->status = RT_CPU_TIMEOUT;
}

static void classify(struct contained *run, const struct contained_end *end)
{
	struct rt_result *result = run->result;

	if (run->has_end && run->end.cause[0])
		take_cause(run);
	if (run->has_cause) {
		result->status = run->cause;
		if (!run->failed && !result->interrupted)
			result->signal = SIGKILL;
	} else if (run->has_end) {
		classify_end(run);
	} else if (end->oom) {
		result->status = RT_OOM;
		result->signal = SIGKILL;
	} else {
		result->status = RT_ERROR;
		run->failed = true;
		snprintf(result->message, sizeof(result->message),
			"the container ended without a word: it was killed from outside, or its "
			"daemon is gone");
	}
}

static void note_usage(struct contained *run, const struct contained_end *end)
{
	struct rt_result *result = run->result;
	const struct inner_end *inner = &run->end;
	uint64_t ended = run->ended_ns;

	if (!ended) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		ended = (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
	}
	result->ran = true;
	result->wall_ns = ended > run->started_ns ? ended - run->started_ns : 0;
	result->cpu_ns = inner->cpu_ns ? inner->cpu_ns : end->cpu_ns;
	result->memory_peak_bytes = end->peak_bytes ? end->peak_bytes : inner->peak_bytes;
	result->pids_peak = end->pids_peak ? end->pids_peak : inner->pids_peak;
	result->usage_source = !inner->cpu_by_cgroup                             ? "rusage"
			       : result->layers & RT_LAYER_BIT(RT_LAYER_CGROUP2) ? "cgroup2"
										 : "cgroup1";
}

static void note_limits(struct contained *run, const struct contained_end *end)
{
	struct rt_result *result = run->result;
	bool counted = result->layers & RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT);

	result->limits_hit |= run->end.touched;
	if (run->end.pids_denied || end->pids_denied)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_PIDS);
	if (result->out.truncated || result->err.truncated)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_OUTPUT);
	if (result->signal == SIGXFSZ)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_FSIZE);
	if (result->status == RT_NONZERO && verdict_last_words(result, counted))
		result->status = RT_PIDS_LIMIT;
}

/* As fetch.c takes names from the file system: relative, no part of them leads anywhere. */
static bool is_plain_name(const char *name, size_t len)
{
	if (memchr(name, '\0', len))
		return false;
	for (size_t at = 0; at <= len;) {
		const char *slash = memchr(name + at, '/', len - at);
		size_t part = slash ? (size_t)(slash - name) - at : len - at;

		if (part == 0 || (part == 1 && name[at] == '.') ||
			(part == 2 && name[at] == '.' && name[at + 1] == '.'))
			return false;
		at += part + 1;
	}
	return true;
}

static bool keep_file(
	struct rt_result *result, const char *name, size_t name_len, struct str content)
{
	struct rt_fetched *files =
		realloc(result->files, (result->file_count + 1) * sizeof(*result->files));
	struct rt_fetched *file;

	if (!files)
		return false;
	result->files = files;
	file = &files[result->file_count];
	*file = (struct rt_fetched){.name = strndup(name, name_len)};
	file->content.max = content.len;
	if (!file->name || (content.len && !buf_add_str(&file->content, content))) {
		free(file->name);
		buf_free(&file->content);
		return false;
	}
	result->file_count++;
	return true;
}

static void take_files(struct contained *run)
{
	struct rt_result *result = run->result;
	struct str rest = buf_str(&run->last);
	size_t at = run->files_at;

	if (!run->plan->fetch || !*run->plan->fetch || !run->has_end)
		return;
	result->files_skipped = run->end.skipped < SIZE_MAX ? (size_t)run->end.skipped : 0;
	for (size_t i = 0; i < run->end.file_count; i++) {
		size_t name_len = run->end.files[i].name_len, len = run->end.files[i].len;

		if (rest.len - at < name_len + len || !is_plain_name(rest.ptr + at, name_len) ||
			!keep_file(result, rest.ptr + at, name_len,
				str_from(rest.ptr + at + name_len, len)))
			result->files_skipped++;
		/* What did not come whole has nothing behind it either. */
		at = rest.len - at < name_len + len ? rest.len : at + name_len + len;
	}
}

/* What was said on standard error before there was a program: whoever makes the container, or
 * python. */
static void add_early_words(struct contained *run, char *message, size_t size)
{
	size_t len = strlen(message), end = run->early.len, start;
	const char *text = run->early.data;

	while (end && text[end - 1] == '\n')
		end--;
	for (start = end; start && text[start - 1] != '\n'; start--)
		;
	if (end > start && len < size)
		snprintf(message + len, size - len, ": %.*s", (int)(end - start), text + start);
}

static void copy_err(struct rt_result *result, const struct err *err, enum rt_status status)
{
	result->status = status;
	result->error = err->code;
	snprintf(result->message, sizeof(result->message), "%s", err->text);
	snprintf(result->remedy, sizeof(result->remedy), "%s", err->remedy);
}

/* Before a byte of the program ran. */
static void conclude_failed_start(
	struct contained *run, const struct err *started, const struct err *finished)
{
	struct rt_result *result = run->result;

	if (run->has_cause) {
		result->status = run->cause;
	} else if (started) {
		copy_err(result, started, RT_UNAVAILABLE);
		add_early_words(run, result->message, sizeof(result->message));
	} else if (finished) {
		copy_err(result, finished, RT_UNAVAILABLE);
	} else {
		result->status = RT_UNAVAILABLE;
		snprintf(result->message, sizeof(result->message),
			"the container ended before the program");
		add_early_words(run, result->message, sizeof(result->message));
		snprintf(result->remedy, sizeof(result->remedy),
			"its image must have a python3 with ctypes, as that of `pysbx image make` "
			"has");
	}
}

void contained_conclude(struct contained *run, const struct contained_end *end,
	const struct err *started, const struct err *finished, bool prepared)
{
	struct rt_result *result = run->result;

	if (!prepared) {
		copy_err(result, started, RT_ERROR);
		return;
	}
	if (!output_finish(&run->output[RT_STDOUT], &result->out) ||
		!output_finish(&run->output[RT_STDERR], &result->err)) {
		run->has_cause = run->failed = true;
		run->cause = RT_ERROR;
		snprintf(result->message, sizeof(result->message), "out of memory for the output");
	}
	if (run->phase < CONTAINED_RUNNING) {
		conclude_failed_start(run, started, finished);
		return;
	}
	run->oom_seen = end->oom;
	classify(run, end);
	note_limits(run, end);
	if (!run->failed)
		verdict_say(&run->plan->limits, false, result);
	else
		result->signal = 0;
	note_usage(run, end);
	take_files(run);
	/* Whatever the program did, that something is left behind is what the caller must know. */
	if (finished) {
		copy_err(result, finished, RT_ERROR);
		result->signal = 0;
		result->exit_code = -1;
	}
}
