/*
 * The system call filter against an independent model, without a kernel: every number, every
 * architecture, and arguments with the bits that the kernel does not read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/seccomp_internal.h"
#include "tests/unit/bpf_machine.h"

typedef uint32_t model_function(const struct seccomp_data *data);
model_function seccomp_model_x86_64, seccomp_model_aarch64;

/* One architecture's filter, as it is built for it. */
struct subject {
	const struct filter_arch *arch;
	model_function *model;
	struct seccomp_program program;
};

static struct subject subjects[] = {
#ifdef __x86_64__
	{.model = seccomp_model_x86_64},
#endif
	{.model = seccomp_model_aarch64},
};
static const char *const names[] = {
#ifdef __x86_64__
	"x86_64",
#endif
	"aarch64",
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static int set_up(void **state)
{
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < SUBJECTS; i++) {
		subjects[i].arch = filter_arch_find(names[i]);
		if (!subjects[i].arch ||
			seccomp_build(subjects[i].arch, &subjects[i].program, &err)) {
			print_error("%s: %s\n", names[i], err.text);
			return -1;
		}
	}
	return 0;
}

static void compare(const struct subject *subject, const struct seccomp_data *data)
{
	uint32_t got = bpf_machine_run(subject->program.code, subject->program.count, data, NULL);
	uint32_t wanted = subject->model(data);

	if (got != wanted)
		fail_msg("%s nr %d (%#x) arch %#x args %#llx %#llx %#llx %#llx: %#x, not %#x",
			subject->arch->name, data->nr, (unsigned)data->nr, data->arch,
			(unsigned long long)data->args[0], (unsigned long long)data->args[1],
			(unsigned long long)data->args[2], (unsigned long long)data->args[3], got,
			wanted);
}

static struct seccomp_data call(const struct subject *subject, int number)
{
	return (struct seccomp_data){.nr = number, .arch = subject->arch->audit};
}

static void test_every_number(void **state)
{
	static const int high[] = {1023, 1024, 4095, 65535, 0x3fffffff, 0x7fffffff, -2, -1};

	(void)state;
	for (size_t s = 0; s < SUBJECTS; s++) {
		for (int number = 0; number <= 1000; number++) {
			struct seccomp_data data = call(&subjects[s], number);

			compare(&subjects[s], &data);
			memset(data.args, 0xff, sizeof(data.args));
			compare(&subjects[s], &data);
		}
		for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
			struct seccomp_data data = call(&subjects[s], high[i]);

			compare(&subjects[s], &data);
		}
	}
}

static void test_other_architectures_are_killed(void **state)
{
	static const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64,
		AUDIT_ARCH_AARCH64, AUDIT_ARCH_RISCV64, 0, UINT32_MAX};

	(void)state;
	for (size_t s = 0; s < SUBJECTS; s++)
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			for (int number = -1; number <= 600; number++) {
				struct seccomp_data data = call(&subjects[s], number);

				data.arch = others[i];
				if (others[i] != subjects[s].arch->audit)
					assert_int_equal(
						bpf_machine_run(subjects[s].program.code,
							subjects[s].program.count, &data, NULL),
						SECCOMP_RET_KILL_PROCESS);
			}
}

static void test_x32_is_killed(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUBJECTS; s++) {
		if (!subjects[s].arch->x32_bit)
			continue;
		for (int number = 0; number <= 600; number++) {
			struct seccomp_data data = call(&subjects[s], 0x40000000 | number);

			assert_int_equal(bpf_machine_run(subjects[s].program.code,
						 subjects[s].program.count, &data, NULL),
				SECCOMP_RET_KILL_PROCESS);
		}
	}
}

/* xorshift64: the same cases in each run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const uint32_t interesting[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 20, 21, 22, 23,
	24, 28, 26, 36, 37, 38, 39, 40, 47, 50, 51, 52, 53, 66, 1024, 1025, 1026, 1030, 1031, 1032,
	1033, 1034, 1035, 0x1001, 0x1002, 0x1003, 0x3001, 0x5401, 0x5402, 0x540e, 0x5412, 0x5413,
	0x541b, 0x541c, 0x5421, 0x5422, 0x5423, 0x5450, 0x5451, 0x5452, 0x40049409, 0x53564d41,
	0x80800, 0x80801, 0x80802, 0x80005, 0100, 0101, 020000, 040000, 0200000, 0400000, 01000000,
	020000000, 020200000, 0644, 0755, 02755, 04755, 06000, 01777, 0010644, 0014644, 0020666,
	0060666, 0100644, 0102755, 0120777, 0140666, 0x40000, 0x22, 0x40022, 0x003d0f00, 0x01200011,
	0x4111, 0x10000000, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x20000000, 0x40000000,
	0x80000000, 0x2000, 0x800000, 0x7fffffff, 0xffffffff, 0xfffffffe};

static uint64_t pick_argument(uint64_t *seed)
{
	uint64_t random = next_random(seed);
	uint64_t value = interesting[(random >> 8) % ARRAY_LENGTH(interesting)];

	if (random & 1)
		value |= (uint64_t)interesting[(random >> 24) % ARRAY_LENGTH(interesting)] << 32;
	if ((random & 14) == 0)
		value |= interesting[(random >> 40) % ARRAY_LENGTH(interesting)];
	if ((random & 0xf0) == 0)
		value ^= UINT64_C(1) << ((random >> 56) % 64);
	return value;
}

/* Calls that look at their arguments get most of the cases, the others some. */
static void test_arguments_of_every_width(void **state)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

	(void)state;
	for (size_t s = 0; s < SUBJECTS; s++)
		for (size_t i = 0; i < seccomp_row_count; i++) {
			const struct seccomp_row *row = &seccomp_rows[i];
			int rounds = row->name && row->by_arguments ? 20000 : 20;
			struct seccomp_data data;

			if (!row->name || seccomp_call_number(subjects[s].arch, row) < 0)
				continue;
			data = call(&subjects[s], seccomp_call_number(subjects[s].arch, row));
			while (rounds--) {
				for (int arg = 0; arg < 6; arg++)
					data.args[arg] = pick_argument(&seed);
				compare(&subjects[s], &data);
			}
		}
}

/* Each single bit of each argument, from all clear and from all set. */
static void test_every_single_bit(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUBJECTS; s++)
		for (int number = 0; number < 480; number++)
			for (int bit = 0; bit < 6 * 64; bit++) {
				struct seccomp_data data = call(&subjects[s], number);

				data.args[bit / 64] = UINT64_C(1) << (bit % 64);
				compare(&subjects[s], &data);
				data.args[0] |= 1; /* AF_UNIX, F_GETFD and the like */
				data.args[1] |= 1;
				compare(&subjects[s], &data);
			}
}

/* The forms that other sandboxes let through. */
static void test_known_tricks(void **state)
{
	const struct subject *native = &subjects[0];
	static const struct {
		const char *name;
		uint64_t args[4];
		uint32_t wanted;
	} tricks[] = {
		{"socket", {UINT64_C(0x100000028), 1}, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
		{"socket", {UINT64_C(0x100000026), 5}, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
		{"socket", {UINT64_C(0x100000001), 1}, SECCOMP_RET_ALLOW},
		{"ioctl", {0, UINT64_C(0x100005412)}, SECCOMP_RET_USER_NOTIF},
		{"ioctl", {0, UINT64_C(0xffffffff0000541c)}, SECCOMP_RET_USER_NOTIF},
		{"clone", {UINT64_C(0x110000011)}, SECCOMP_RET_ERRNO | EPERM},
		{"prctl", {UINT64_C(0x10000001c)}, SECCOMP_RET_ERRNO | EPERM},
		{"prlimit64", {0, UINT64_C(0x100000004), 1}, SECCOMP_RET_ERRNO | EPERM},
		{"prlimit64", {0, 4, UINT64_C(0x100000000)}, SECCOMP_RET_ERRNO | EPERM},
		{"fchmodat", {0, 0, UINT64_C(0x100000800)}, SECCOMP_RET_ERRNO | EPERM},
		{"mknodat", {0, 0, UINT64_C(0x100002000)}, SECCOMP_RET_ERRNO | EPERM},
		{"openat", {0, 0, 0101, 04755}, SECCOMP_RET_ERRNO | EPERM},
		{"openat", {0, 0, 020200002, 02755}, SECCOMP_RET_ERRNO | EPERM},
		{"personality", {0x40000}, SECCOMP_RET_ERRNO | EPERM},
		{"clone3", {0}, SECCOMP_RET_ERRNO | ENOSYS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		const struct seccomp_row row = {.name = tricks[i].name, .number = -1};
		struct seccomp_data data = call(native, seccomp_call_number(native->arch, &row));

		memcpy(data.args, tricks[i].args, sizeof(tricks[i].args));
		if (bpf_machine_run(native->program.code, native->program.count, &data, NULL) !=
			tricks[i].wanted)
			fail_msg("trick %zu (%s) is answered otherwise", i, tricks[i].name);
	}
}

/* What is compiled in is what the table says now. */
static void test_builtin_is_the_table(void **state)
{
	const struct filter_arch *native = filter_arch_native();

	(void)state;
	if (!native) {
		print_message("# no filter is made for this architecture\n");
		skip();
	}
	for (size_t s = 0; s < SUBJECTS; s++)
		if (subjects[s].arch == native) {
			assert_int_equal(seccomp_builtin_count, subjects[s].program.count);
			assert_memory_equal(seccomp_builtin, subjects[s].program.code,
				seccomp_builtin_count * sizeof(struct sock_filter));
		}
}

/* Each instruction is a quarter of a microsecond of every run. */
static void test_program_is_short(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUBJECTS; s++)
		assert_true(subjects[s].program.count < 400);
}

static uint32_t answer_with(const struct seccomp_options *options, int number)
{
	struct seccomp_data data = {.nr = number, .arch = filter_arch_native()->audit};
	struct seccomp_filter filter;
	struct err err;
	uint32_t answer;

	assert_int_equal(seccomp_compile(options, &filter, &err), 0);
	assert_int_equal(filter.notify, options->notify);
	answer = bpf_machine_run(filter.instructions, filter.count, &data, NULL);
	seccomp_filter_free(&filter);
	assert_null(filter.instructions);
	return answer;
}

static int number_of(const char *name)
{
	const struct seccomp_row row = {.name = name, .number = -1};

	return seccomp_call_number(filter_arch_native(), &row);
}

static void test_options(void **state)
{
	const struct seccomp_options plain = {0}, notify = {.notify = true},
				     strict = {.strict = true},
				     both = {.notify = true, .strict = true};

	(void)state;
	assert_int_equal(answer_with(&notify, number_of("ptrace")), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(answer_with(&both, number_of("ptrace")), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(answer_with(&plain, number_of("ptrace")), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(answer_with(&strict, number_of("ptrace")), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(answer_with(&plain, number_of("splice")), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(answer_with(&strict, number_of("splice")), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(answer_with(&strict, number_of("clone3")), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(
		answer_with(&strict, number_of("getxattr")), SECCOMP_RET_ERRNO | EOPNOTSUPP);
	assert_int_equal(answer_with(&strict, number_of("read")), SECCOMP_RET_ALLOW);
	assert_int_equal(answer_with(&strict, 10000), SECCOMP_RET_ERRNO | ENOSYS);
}

static void test_names(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(seccomp_call_name(number_of("ptrace"), text, sizeof(text)), "ptrace");
	assert_string_equal(seccomp_call_name(467, text, sizeof(text)), "open_tree_attr");
	assert_string_equal(seccomp_call_name(99999, text, sizeof(text)), "99999");
	assert_string_equal(seccomp_call_name(-7, text, sizeof(text)), "-7");
}

/* Every call that a libseccomp knows has a line of its own, or is newer than the table. */
static void test_table_is_complete_and_clean(void **state)
{
	char text[32];
	bool in_group = false;

	(void)state;
	for (int number = 0; number <= 470; number++) {
		bool found = false;

		seccomp_call_name(number, text, sizeof(text));
		if (text[0] >= '0' && text[0] <= '9')
			continue;
		for (size_t i = 0; i < seccomp_row_count && !found; i++)
			found = seccomp_rows[i].name && !strcmp(seccomp_rows[i].name, text);
		/* x86's own probes of its debuggers: a kernel calls them, no program does. */
		if (!found && strcmp(text, "uretprobe") != 0 && strcmp(text, "uprobe") != 0)
			fail_msg("%s (%d) is not in the table", text, number);
	}
	for (size_t i = 0; i < seccomp_row_count; i++) {
		const struct seccomp_row *row = &seccomp_rows[i];

		in_group |= row->group != NULL;
		assert_true(in_group);
		assert_true(!row->group || (row->reason && strlen(row->reason) > 10));
		for (size_t j = 0; row->name && j < i; j++)
			if (seccomp_rows[j].name && !strcmp(seccomp_rows[j].name, row->name))
				assert_true(row->by_arguments && seccomp_rows[j].by_arguments);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number),
		cmocka_unit_test(test_other_architectures_are_killed),
		cmocka_unit_test(test_x32_is_killed),
		cmocka_unit_test(test_arguments_of_every_width),
		cmocka_unit_test(test_every_single_bit),
		cmocka_unit_test(test_known_tricks),
		cmocka_unit_test(test_builtin_is_the_table),
		cmocka_unit_test(test_program_is_short),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_table_is_complete_and_clean),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
