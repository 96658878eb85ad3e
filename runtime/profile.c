/* runtime/profile.h: syscalls.def as an OCI filter. */
#include "runtime/profile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "runtime/seccomp_internal.h"

#define RESOURCES       16 /* RLIM_NLIMITS */
#define PR_SET_DUMPABLE 4

struct writer {
	struct json *json;
	const char *hostile; /* the action */
	bool by_trap;
};

static const char *action_of(const struct writer *writer, uint32_t answer)
{
	if (answer == SECCOMP_RET_ALLOW)
		return "SCMP_ACT_ALLOW";
	return answer == SECCOMP_RET_USER_NOTIF ? writer->hostile : "SCMP_ACT_ERRNO";
}

/* gVisor has EPERM for every errno. A call that is to do nothing reaches its kernel only, not the
 * host's: there it may be made. */
static uint32_t answer_in(const struct writer *writer, uint32_t answer)
{
	return writer->by_trap && answer == SECCOMP_RET_ERRNO ? SECCOMP_RET_ALLOW : answer;
}

static void begin_rule(const struct writer *writer, const char *name, uint32_t answer)
{
	struct json *json = writer->json;

	answer = answer_in(writer, answer);

	json_object(json, NULL);
	json_array(json, "names");
	json_text(json, NULL, name);
	json_array_end(json);
	json_text(json, "action", action_of(writer, answer));
	if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		json_uint(json, "errnoRet", answer & SECCOMP_RET_DATA);
}

/* On the low 32 bits, which is all that the kernel reads of an int. */
static void write_masked(struct json *json, unsigned arg, uint32_t mask, uint32_t value)
{
	json_object(json, NULL);
	json_uint(json, "index", arg);
	json_uint(json, "value", mask);
	json_uint(json, "valueTwo", value);
	json_text(json, "op", "SCMP_CMP_MASKED_EQ");
	json_object_end(json);
}

static void write_test(struct json *json, const struct seccomp_test *test)
{
	const struct filter_arch *arch = filter_arch_native();
	uint32_t mask = test->mask;

	if (test->o_direct && arch)
		mask |= arch->o_direct;
	if (!test->nil) {
		write_masked(json, test->arg, mask, test->value);
		return;
	}
	json_object(json, NULL);
	json_uint(json, "index", test->arg);
	json_uint(json, "value", 0);
	json_text(json, "op", "SCMP_CMP_EQ");
	json_object_end(json);
}

static bool has_test(const struct seccomp_row *row, unsigned arg)
{
	for (unsigned i = 0; i < SECCOMP_TESTS; i++)
		if (row->tests[i].used && row->tests[i].arg == arg)
			return true;
	return false;
}

/* No call can match both: they want different values of the same bits of an argument. */
static bool are_apart(const struct seccomp_row *a, const struct seccomp_row *b)
{
	for (unsigned i = 0; i < SECCOMP_TESTS; i++)
		for (unsigned j = 0; j < SECCOMP_TESTS; j++) {
			const struct seccomp_test *x = &a->tests[i], *y = &b->tests[j];

			if (x->used && y->used && !x->nil && !y->nil && x->arg == y->arg &&
				x->mask == y->mask && x->value != y->value)
				return true;
		}
	return false;
}

/*
 * A refusal that overlaps with what stands before it cannot be said where the order means nothing;
 * the default refuses too.
 */
static bool can_be_said(const struct seccomp_row *row)
{
	const struct seccomp_row *before = row;

	if (row->answer == SECCOMP_RET_ALLOW)
		return true;
	while (before > seccomp_rows && before[-1].name && strcmp(before[-1].name, row->name) == 0)
		if (!are_apart(row, --before))
			return false;
	return true;
}

/*
 * The earlier rule of the same call that refuses some of what this one allows: the order of rules
 * means nothing in this form, so what it refuses must be left out of this one. NULL: there is none.
 */
static const struct seccomp_test *refused_before(const struct seccomp_row *row)
{
	const struct seccomp_row *before = row;

	if (row->answer != SECCOMP_RET_ALLOW)
		return NULL;
	while (before > seccomp_rows && before[-1].name && strcmp(before[-1].name, row->name) == 0)
		if ((--before)->answer != SECCOMP_RET_ALLOW && !has_test(row, before->tests[0].arg))
			return &before->tests[0];
	return NULL;
}

/* except: a value from 0 to RESOURCES - 1 that one argument must not have; NULL: no matter. */
static void write_rule(const struct writer *writer, const struct seccomp_row *row,
	const struct seccomp_test *except, uint32_t value)
{
	struct json *json = writer->json;

	begin_rule(writer, row->name, row->answer);
	json_array(json, "args");
	for (unsigned i = 0; i < SECCOMP_TESTS; i++)
		if (row->tests[i].used)
			write_test(json, &row->tests[i]);
	if (except)
		write_masked(json, except->arg, UINT32_MAX, value);
	json_array_end(json);
	json_object_end(json);
}

static void write_arguments(const struct writer *writer, const struct seccomp_row *row)
{
	const struct seccomp_test *except;

	/* What no rule matches is what the filter answers by default. */
	if (!row->by_arguments || !row->tests[0].used || !can_be_said(row))
		return;
	except = refused_before(row);
	if (!except) {
		write_rule(writer, row, NULL, 0);
		return;
	}
	for (uint32_t value = 0; value < RESOURCES; value++)
		if (value != except->value)
			write_rule(writer, row, except, value);
}

/*
 * Calls whose number decides. What the default says too is left out, and calls with one answer are
 * one rule: a runtime reads and compiles them for every container.
 */
static bool goes_by_number(const struct writer *writer, const struct seccomp_row *row)
{
	/* Who cannot answer ENOSYS leaves libc without the fall-back it has for it. */
	if (writer->by_trap && row->name && strcmp(row->name, "clone3") == 0)
		return false;
	return row->name && !row->by_arguments && row->answer != (SECCOMP_RET_ERRNO | EPERM);
}

static bool was_before(const struct writer *writer, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (goes_by_number(writer, &seccomp_rows[i]) &&
			seccomp_rows[i].answer == seccomp_rows[at].answer)
			return true;
	return false;
}

static void write_answer(const struct writer *writer, size_t first)
{
	uint32_t answer = seccomp_rows[first].answer, said = answer_in(writer, answer);
	struct json *json = writer->json;

	json_object(json, NULL);
	json_array(json, "names");
	for (size_t i = first; i < seccomp_row_count; i++)
		if (goes_by_number(writer, &seccomp_rows[i]) && seccomp_rows[i].answer == answer)
			json_text(json, NULL, seccomp_rows[i].name);
	json_array_end(json);
	json_text(json, "action", action_of(writer, said));
	if ((said & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		json_uint(json, "errnoRet", said & SECCOMP_RET_DATA);
	json_object_end(json);
}

void profile_write(struct json *json, const char *key, bool by_trap)
{
	const struct writer writer = {
		json, by_trap ? "SCMP_ACT_TRAP" : "SCMP_ACT_KILL_PROCESS", by_trap};

	json_object(json, key);
	json_text(json, "defaultAction", "SCMP_ACT_ERRNO");
	json_array(json, "architectures");
#if defined(__x86_64__)
	json_text(json, NULL, "SCMP_ARCH_X86_64");
#elif defined(__aarch64__)
	json_text(json, NULL, "SCMP_ARCH_AARCH64");
#endif
	json_array_end(json);
	json_array(json, "syscalls");
	for (size_t i = 0; i < seccomp_row_count; i++)
		if (goes_by_number(&writer, &seccomp_rows[i]) && !was_before(&writer, i))
			write_answer(&writer, i);
		else if (seccomp_rows[i].name)
			write_arguments(&writer, &seccomp_rows[i]);
	if (by_trap) {
		begin_rule(&writer, "clone3", SECCOMP_RET_ALLOW);
		json_object_end(json);
	}
	begin_rule(&writer, "prctl", SECCOMP_RET_ALLOW);
	json_array(json, "args");
	write_masked(json, 0, UINT32_MAX, PR_SET_DUMPABLE);
	json_array_end(json);
	json_object_end(json);
	json_array_end(json);
	json_object_end(json);
}
