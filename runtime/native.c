/*
 * The native backend. Theory of operation:
 *
 * Three processes. The *supervisor* (this process, in the host's namespaces, with the caller's
 * rights) checks the plan, finds the interpreter, makes the control group, the filter, pipes and
 * channels, and clones the *init* into new user, mount, pid, IPC and UTS namespaces. The init is
 * PID 1 inside: it takes the steps of steps.def in order, with full capabilities over its own
 * namespaces only. It forks the *program* almost at once. While the init builds the root, the
 * program makes the network namespace, enters the control group, takes its ids, makes the cgroup
 * namespace and gives up its capabilities; then the init joins that network namespace and gives up
 * its own, and the program, which has waited for the root, loads the filter, is looked at from
 * outside by the supervisor, and only then execs python. From there on the init does nothing but
 * reap and tell, on a channel the program never had, how it ended.
 *
 * Rights: inside there is one id, 65534. Started by root it is an id of its own per run outside;
 * else it is the caller's. The program has no capability, no descriptor but pipes, no path to the
 * host.
 *
 * Ends: whatever ends the run, the supervisor kills PID 1 and the kernel ends the rest. If the
 * supervisor dies, the init dies with it (PDEATHSIG, set before anything of the program runs).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "runtime/caps.h"
#include "runtime/fetch.h"
#include "runtime/landlock.h"
#include "runtime/minimal.h"
#include "runtime/run.h"
#include "runtime/signals.h"
#include "runtime/touched.h"
#include "runtime/verdict.h"

#define ARENA_MAX ((size_t)8 << 20)

static const uint32_t namespace_layers = RT_LAYER_BIT(RT_LAYER_USER) |
					 RT_LAYER_BIT(RT_LAYER_MOUNT) | RT_LAYER_BIT(RT_LAYER_PID) |
					 RT_LAYER_BIT(RT_LAYER_NET) | RT_LAYER_BIT(RT_LAYER_IPC) |
					 RT_LAYER_BIT(RT_LAYER_UTS) | RT_LAYER_BIT(RT_LAYER_CGROUP);

static void set_error(struct rt_result *result, enum rt_status status, const struct err *err)
{
	result->status = status;
	result->error = err->code;
	snprintf(result->message, sizeof(result->message), "%s", err->text);
	snprintf(result->remedy, sizeof(result->remedy), "%s", err->remedy);
}

/* Made ready so that everything can be closed and freed at any point from here on. */
static void run_init(struct run *run, const struct rt_plan *plan, struct rt_result *result)
{
	struct box *box = &run->box;
	size_t i;

	*run = (struct run){.plan = plan, .result = result};
	run->init_fd = run->channel = run->exec_channel = run->stdin_write = run->stdout_read =
		run->stderr_read = run->signals = run->listener = run->tmp = run->shm = box->place =
			-1;
	run->init = -1;
	box->plan = plan;
	box->channel = box->exec_channel = box->stdin_read = box->stdout_write = box->stderr_write =
		box->proc = -1;
	for (i = 0; i < LAYOUT_BINDS_MAX; i++)
		box->trees[i] = -1;
	for (i = 0; i < sizeof(box->devices) / sizeof(box->devices[0]); i++)
		box->devices[i] = -1;
	output_init(&run->out, plan->limits.output_bytes);
	output_init(&run->err, plan->limits.output_bytes);
}

static void run_free(struct run *run)
{
	struct err ignored;

	run_close_inside(&run->box);
	fd_close(&run->init_fd);
	fd_close(&run->channel);
	fd_close(&run->exec_channel);
	fd_close(&run->stdin_write);
	fd_close(&run->stdout_read);
	fd_close(&run->stderr_read);
	fd_close(&run->signals);
	fd_close(&run->listener);
	fd_close(&run->tmp);
	fd_close(&run->shm);
	output_free(&run->out);
	output_free(&run->err);
	seccomp_filter_free(&run->box.filter);
	caps_free(run->box.no_caps);
	if (run->box.clock)
		munmap(run->box.clock, sizeof(*run->box.clock));
	cgroup_destroy(run->box.cgroup, &ignored);
	if (run->box.place >= 0)
		place_remove(run->box.place, run->box.place_path);
	fd_close(&run->box.place);
	free(run->input);
	arena_free(run->arena);
}

static void give_back_signals(struct run *run)
{
	int last = signals_give_back(run->signals, &run->caller_mask);

	if (last && !run->result->ran)
		run_interrupted(run, last);
	else if (last)
		run->result->interrupted = last;
}

/* The cgroup, as far as one can be had; *ret_err says what was tried. */
static void make_cgroup(struct run *run, bool before_clone, struct err *ret_err)
{
	const struct rt_limits *limits = &run->plan->limits;
	struct cgroup_limits group = {.memory_bytes = limits->memory_bytes,
		.pids = limits->pids +
			(before_clone ? 1 : 0), /* the init, if it is cloned into it */
		.cpu_thousandths = limits->cpu_thousandths};

	ret_err->text[0] = ret_err->remedy[0] = '\0';
	if (cgroup_create(&group, &run->box.cgroup, ret_err) < 0)
		run->box.cgroup = NULL;
}

static uint32_t limit_layers(const struct run *run)
{
	unsigned controllers = run->box.cgroup ? cgroup_controllers(run->box.cgroup) : 0;
	uint32_t layers = 0;

	if (run->box.cgroup)
		layers |= RT_LAYER_BIT(cgroup_version(run->box.cgroup) == CGROUP_V2
					       ? RT_LAYER_CGROUP2
					       : RT_LAYER_CGROUP1);
	if (controllers & CGROUP_MEMORY)
		layers |= RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT);
	if (controllers & CGROUP_CPU)
		layers |= RT_LAYER_BIT(RT_LAYER_CPU_SHARE);
	/* Else the program tells, once it has a resource limit that holds. */
	if (controllers & CGROUP_PIDS)
		layers |= RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT);
	if (!run->box.minimal)
		layers |= RT_LAYER_BIT(RT_LAYER_TMP_LIMIT);
	return layers;
}

static enum rt_tier tier_of(const struct run *run, uint32_t layers)
{
	const uint32_t limits =
		RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT) | RT_LAYER_BIT(RT_LAYER_CPU_SHARE);
	unsigned controllers = run->box.cgroup ? cgroup_controllers(run->box.cgroup) : 0;

	if (run->box.minimal)
		return RT_TIER_MINIMAL;
	if ((layers & limits) == limits && (controllers & CGROUP_PIDS) && run->box.want_proc)
		return RT_TIER_FULL;
	return RT_TIER_REDUCED;
}

/* Refuses before anything is started what cannot reach the tier the plan asks for. */
static int check_tier(struct run *run, const struct err *cgroup_err, struct err *err)
{
	enum rt_tier tier = tier_of(run, limit_layers(run));

	if (tier >= run->plan->require)
		return 0;
	err_set(err, ENOTSUP, "isolation tier \"%s\" cannot be reached here, only \"%s\": %s",
		rt_tier_word(run->plan->require), rt_tier_word(tier),
		!run->box.want_proc   ? "mount /proc is refused"
		: cgroup_err->text[0] ? cgroup_err->text
				      : "not every limit can be enforced by a control group");
	err_remedy(err, "%s",
		cgroup_err->remedy[0]
			? cgroup_err->remedy
			: "`pysbx doctor` tells what is missing; --require reduced accepts less");
	return -ENOTSUP;
}

static int prepare(struct run *run, bool want_listener, enum rt_status *ret_status, struct err *err)
{
	const bool strict = run->plan->strict_seccomp;
	struct seccomp_options options = {
		.notify = want_listener && !strict && seccomp_may_notify(), .strict = strict};
	int code;

	*ret_status = RT_ERROR;
	/* Nobody may lend this program rights of somebody else's. */
	if (getauxval(AT_SECURE)) {
		err_set(err, EPERM,
			"pysbx is installed set-user-ID or with file capabilities: refused");
		err_remedy(err, "remove them (chmod u-s,g-s; setcap -r): pysbx needs no privilege");
		return -EPERM;
	}
	run->arena = arena_new(ARENA_MAX);
	run->input = malloc(RUN_INPUT_SIZE);
	if (!run->arena || !run->input)
		return err_set(err, ENOMEM, "out of memory");
	code = rt_plan_check(run->plan, err);
	if (code == 0)
		code = layout_make(run->arena, run->plan, &run->box.layout, err);
	if (code < 0)
		return code;
	snprintf(run->result->python, sizeof(run->result->python), "%s",
		run->box.layout.host_python);
	*ret_status = RT_UNAVAILABLE;
	code = seccomp_compile(&options, &run->box.filter, err);
	if (code == 0) {
		run->signals = signals_take(&run->caller_mask, err);
		code = run->signals < 0 ? run->signals : 0;
	}
	if (code == 0)
		code = run_prepare(run, err);
	/* Input that cannot be opened is no matter of isolation. */
	if (code < 0 && strncmp(err->text, "--file", 6) == 0)
		*ret_status = RT_ERROR;
	return code;
}

/* The last word before anything is started. */
static int ask(struct run *run, struct err *err)
{
	if (!run->plan->may_run || run->plan->may_run(run->plan->may_run_context))
		return 0;
	return err_set(err, EPERM, "the program may not run");
}

/* The control group as far as one can be had; then the tier is known, and may be too low. */
static int make_group(struct run *run, bool before_clone, struct err *err)
{
	struct err cgroup_err;

	make_cgroup(run, before_clone, &cgroup_err);
	return check_tier(run, &cgroup_err, err);
}

/* A v2 group must be there before the clone (CLONE_INTO_CGROUP). */
static bool is_unified(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool is_into_group(const struct run *run)
{
	return !run->box.minimal && is_unified();
}

/*
 * Version 2 groups are there before the clone, for it is into them. Version 1 groups take as long
 * to make as the init takes to set up, and are made meanwhile: the program waits for its group
 * before it goes on, and nothing of it runs where the tier then turns out too low.
 */
static int make_first_group(struct run *run, struct err *err)
{
	return is_into_group(run) ? make_group(run, true, err) : 0;
}

/* From the word to go to a running init with its control group. */
static int start(struct run *run, struct err *err)
{
	int code = run_start(run, err);

	if (code == 0 && !is_into_group(run))
		code = make_group(run, false, err);
	if (code == 0)
		run_start_group(run);
	return code;
}

/* How the program ended by itself. */
static void classify_end(struct run *run, const struct cgroup_usage *usage)
{
	struct rt_result *result = run->result;
	int status = run->end.status;

	if (WIFEXITED(status)) {
		result->exit_code = WEXITSTATUS(status);
		result->status = result->exit_code ? RT_NONZERO : RT_OK;
		if (run->died_of_pids)
			result->status = RT_PIDS_LIMIT;
		return;
	}
	result->signal = WTERMSIG(status);
	result->status = RT_SIGNAL;
	if (result->signal == SIGSYS)
		result->status = RT_SECCOMP;
	else if (result->signal == SIGKILL && usage->oom_kills)
		result->status = RT_OOM;
	/* RLIMIT_CPU kills, or sends SIGXCPU where an inherited limit is lower; so can anybody. */
	else if ((result->signal == SIGKILL || result->signal == SIGXCPU) &&
		 run->end.cpu_ns >= run->plan->limits.cpu_ns)
		result->status = RT_CPU_TIMEOUT;
}

static void classify(struct run *run, const struct cgroup_usage *usage)
{
	struct rt_result *result = run->result;

	if (run->has_cause) {
		result->status = run->cause;
		if (!run->setup_failed && !result->interrupted)
			result->signal = SIGKILL;
	} else if (run->has_end) {
		classify_end(run, usage);
	} else if (usage->oom_kills) {
		result->status = RT_OOM;
		result->signal = SIGKILL;
	} else {
		result->status = RT_ERROR;
		snprintf(result->message, sizeof(result->message),
			"the sandbox was killed from outside");
	}
}

static void note_usage(struct run *run, const struct cgroup_usage *usage)
{
	struct rt_result *result = run->result;
	uint64_t init = run->cloned_into_group ? 1 : 0;

	result->ran = true;
	result->wall_ns = run->ended_ns > run->started_ns ? run->ended_ns - run->started_ns : 0;
	result->cpu_ns = usage->cpu_ns > run->cpu_base_ns ? usage->cpu_ns - run->cpu_base_ns
							  : run->end.cpu_ns;
	/* What nobody waited for is not in the init's figure. */
	if (!usage->cpu_ns && run->polled_cpu_ns > run->cpu_base_ns + result->cpu_ns)
		result->cpu_ns = run->polled_cpu_ns - run->cpu_base_ns;
	result->memory_peak_bytes =
		usage->memory_peak_bytes ? usage->memory_peak_bytes : run->polled_peak_bytes;
	if (!result->memory_peak_bytes)
		result->memory_peak_bytes = run->end.peak_rss_bytes;
	result->pids_peak =
		usage->pids_peak > init ? usage->pids_peak - init : run->polled_pids_peak;
	result->usage_source = !run->box.cgroup || !usage->cpu_ns             ? "rusage"
			       : cgroup_version(run->box.cgroup) == CGROUP_V2 ? "cgroup2"
									      : "cgroup1";
}

static void note_isolation(struct run *run)
{
	struct rt_result *result = run->result;
	uint32_t limits = limit_layers(run);
	const uint32_t wanted =
		namespace_layers | RT_LAYER_BIT(RT_LAYER_PROC) | RT_LAYER_BIT(RT_LAYER_CAPS) |
		RT_LAYER_BIT(RT_LAYER_NNP) | RT_LAYER_BIT(RT_LAYER_SECCOMP) |
		RT_LAYER_BIT(RT_LAYER_MEMORY_LIMIT) | RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT) |
		RT_LAYER_BIT(RT_LAYER_CPU_SHARE) | RT_LAYER_BIT(RT_LAYER_TMP_LIMIT);

	/* run_check_program() has seen capabilities and filter from outside. */
	result->layers = run->box.layers | limits | RT_LAYER_BIT(RT_LAYER_SECCOMP);
	if (!run->box.minimal)
		result->layers |= RT_LAYER_BIT(RT_LAYER_CAPS);
	if (run->box.filter.notify)
		result->layers |= RT_LAYER_BIT(RT_LAYER_LISTENER);
	result->missing = wanted & ~result->layers;
	result->tier = tier_of(run, limits);
}

static void note_denials(struct run *run)
{
	struct rt_result *result = run->result;
	unsigned i;

	for (i = 0; i < run->denials.kinds && i < RT_DENIED_MAX; i++) {
		struct rt_denied *denied = &result->denied[result->denied_count++];
		char text[32];

		snprintf(denied->name, sizeof(denied->name), "%s",
			seccomp_call_name(run->denials.calls[i].number, text, sizeof(text)));
		denied->count = run->denials.calls[i].count;
		memcpy(denied->args, run->denials.calls[i].args, sizeof(denied->args));
	}
}

static void note_phase(struct run *run, const char *name, uint64_t from, uint64_t to)
{
	if (run->result->step_count < RT_STEPS_MAX)
		run->result->steps[run->result->step_count++] =
			(struct rt_step_time){name, from && to > from ? to - from : 0};
}

/* Where the time went: the init's steps by its own clock, the rest by the supervisor's. */
static void note_steps(struct run *run)
{
	unsigned i = run->box.minimal ? STEP_COUNT + 1 : 0;
	unsigned end = run->box.minimal ? MINIMAL_COUNT : STEP_COUNT;

	if (!run->box.clock)
		return;
	note_phase(run, "prepare (supervisor)", run->called_ns, run->ready_ns);
	note_phase(run, "wait for the guard", run->ready_ns, run->asked_ns);
	note_phase(run, "clone the init", run->asked_ns, run->cloned_ns);
	for (; i < end && run->result->step_count < RT_STEPS_MAX; i++)
		run->result->steps[run->result->step_count++] =
			(struct rt_step_time){step_name((enum step)i), run->box.clock->ns[i]};
	note_phase(run, "all steps, up to the exec", run->cloned_ns, run->started_ns);
	note_phase(run, "the program", run->started_ns, run->ended_ns);
	note_phase(run, "end of the last process", run->ended_ns, run->gone_ns);
}

static void finish(struct run *run)
{
	struct rt_result *result = run->result;
	struct cgroup_usage usage = run->usage;
	struct err ignored;

	if (run->box.cgroup && !run->has_end)
		cgroup_read(run->box.cgroup, &usage, &ignored);
	if (!output_finish(&run->out, &result->out) || !output_finish(&run->err, &result->err))
		run_fail(run, RT_ERROR, "out of memory for the output");
	touched_note(run, &usage);
	classify(run, &usage);
	note_steps(run);
	if (run->setup_failed)
		return;
	verdict_say(&run->plan->limits, run->place_full, result);
	note_usage(run, &usage);
	note_isolation(run);
	note_denials(run);
	fetch_files(run->tmp, run->plan, result);
}

static void explain_setup(struct run *run)
{
	struct rt_result *result = run->result;

	if (result->remedy[0] || result->status != RT_UNAVAILABLE)
		return;
	snprintf(result->remedy, sizeof(result->remedy),
		"`pysbx doctor` tells what this host can isolate and how to mend what it cannot");
}

/* What a second attempt goes without, because the first could not have it. */
struct attempt {
	bool want_proc;
	bool want_listener;
	bool minimal;
};

/* A step that needs what a host may refuse: a namespace, a mount in it. */
static bool refuses_namespaces(const struct run *run, enum step failed)
{
	if (run->result->status != RT_UNAVAILABLE)
		return false;
	/* A fresh /proc can be gone without, which is tried first. */
	return failed == STEP_NET || failed == STEP_PROGRAM_KEYS ||
	       (failed != STEP_ID_MAPS && failed < STEP_FIRST_OF_PROGRAM && failed != STEP_PROC);
}

/* Less can be had; whether that is enough is for the caller to say. */
static void offer_minimal(struct run *run)
{
	char *remedy = run->result->remedy;
	size_t len = strlen(remedy);

	if (run->plan->require > RT_TIER_MINIMAL && landlock_abi() >= MINIMAL_LANDLOCK_ABI)
		snprintf(remedy + len, sizeof(run->result->remedy) - len,
			"%s--require minimal accepts isolation without namespaces",
			len ? "; or " : "");
}

/* Runs it once; *ret_failed is the set-up step that failed, or STEP_COUNT. */
static void run_once(const struct rt_plan *plan, struct rt_result *result,
	const struct attempt *attempt, enum step *ret_failed, bool *ret_no_namespaces)
{
	enum rt_status failure;
	struct run run;
	struct err err;
	int code;

	*result = (struct rt_result){.exit_code = -1, .backend = "native", .status = RT_ERROR};
	run_init(&run, plan, result);
	run.called_ns = run_now();
	run.box.want_proc = attempt->want_proc;
	run.box.minimal = attempt->minimal;
	code = prepare(&run, attempt->want_listener, &failure, &err);
	if (code == 0)
		code = make_first_group(&run, &err);
	if (code == 0)
		run.ready_ns = run_now();
	if (code == 0)
		code = ask(&run, &err);
	run.asked_ns = run_now();
	if (code == 0)
		code = start(&run, &err);
	if (run.init > 0) {
		if (code < 0 && run_last_words(&run))
			code = 0;
		if (code < 0) {
			run.setup_failed = true;
			run_end(&run, failure);
		}
		run_watch(&run);
		finish(&run);
	}
	if (code < 0)
		set_error(result, failure, &err);
	explain_setup(&run);
	*ret_failed = run.setup_failed && code == 0 ? run.failed_step : STEP_COUNT;
	*ret_no_namespaces = run.no_namespaces || refuses_namespaces(&run, *ret_failed);
	if (*ret_no_namespaces)
		offer_minimal(&run);
	give_back_signals(&run);
	run_free(&run);
}

/* Changes what to try next; false when a failed step is final. */
static bool can_go_without(
	const struct rt_plan *plan, enum step failed, bool no_namespaces, struct attempt *attempt)
{
	if (no_namespaces && !attempt->minimal && plan->require <= RT_TIER_MINIMAL) {
		attempt->minimal = true;
		return true;
	}
	switch ((unsigned)failed) {
	case STEP_PROC:
		/* In a container whose own /proc is masked no new one may be mounted. */
		if (!attempt->want_proc || plan->require > RT_TIER_REDUCED)
			return false;
		attempt->want_proc = false;
		return true;
	case STEP_SECCOMP:
	case MINIMAL_SECCOMP:
		/* Another listener above us, or a kernel without: hostile calls then kill. */
		if (!attempt->want_listener)
			return false;
		attempt->want_listener = false;
		return true;
	default:
		return false;
	}
}

int rt_run(const struct rt_plan *plan, struct rt_result *ret)
{
	struct attempt attempt = {.want_proc = true, .want_listener = true};
	bool no_namespaces;
	enum step failed;

	run_once(plan, ret, &attempt, &failed, &no_namespaces);
	while (can_go_without(plan, failed, no_namespaces, &attempt)) {
		rt_result_free(ret);
		run_once(plan, ret, &attempt, &failed, &no_namespaces);
	}
	return ret->status == RT_ERROR || ret->status == RT_UNAVAILABLE ? -1 : 0;
}
