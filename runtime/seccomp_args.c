/*
 * The filter's prologue: foreign architectures, and the calls that their arguments decide.
 *
 * One block per call, its rules in the order of the table; a rule that does not hold jumps to the
 * next, the last one has no test. The number is loaded again after each block only where a block's
 * argument has taken its place, which never happens on the way past it. A kernel that caches
 * answers by number (5.11 on) runs all this only for the calls that have a block.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "runtime/seccomp_internal.h"

/* Both architectures are little endian: the low half comes first. */
static size_t low_half(unsigned arg)
{
	return offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t);
}

static void load(struct seccomp_program *program, size_t offset)
{
	emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* Which argument, through which mask, the accumulator holds. */
struct accumulator {
	bool known;
	uint8_t arg;
	uint32_t mask;
};

static void load_masked(
	struct seccomp_program *program, struct accumulator *held, uint8_t arg, uint32_t mask)
{
	if (held->known && held->arg == arg && held->mask == mask)
		return;
	load(program, low_half(arg));
	if (mask != UINT32_MAX)
		emit(program, BPF_ALU | BPF_AND | BPF_K, mask);
	*held = (struct accumulator){true, arg, mask};
}

static uint32_t mask_of(const struct filter_arch *arch, const struct seccomp_test *test)
{
	return test->o_direct ? test->mask | arch->o_direct : test->mask;
}

/*
 * A rule: to its answer if all its tests hold, else on to what follows. Without a test it ends the
 * block.
 */
static void emit_rule(const struct filter_arch *arch, struct seccomp_program *program,
	const struct seccomp_row *row, struct accumulator *held)
{
	unsigned jumps[SECCOMP_TESTS * 2];
	unsigned count = 0;

	for (size_t i = 0; i < SECCOMP_TESTS; i++) {
		const struct seccomp_test *test = &row->tests[i];

		if (!test->used)
			continue;
		if (test->nil) {
			load(program, low_half(test->arg));
			jumps[count++] = emit_jump(program, BPF_JEQ, 0);
			load(program, low_half(test->arg) + sizeof(uint32_t));
			jumps[count++] = emit_jump(program, BPF_JEQ, 0);
			held->known = false;
			continue;
		}
		load_masked(program, held, test->arg, mask_of(arch, test));
		jumps[count++] = emit_jump(program, BPF_JEQ, test->value);
	}
	if (!count) {
		emit_answers(program, row->answer);
		return;
	}
	emit_answer_jump(program, jumps[count - 1], true, row->answer);
	for (unsigned i = 0; i < count; i++)
		land(program, jumps[i], false);
	/* After more than one test it depends on which of them failed. */
	if (count > 1)
		held->known = false;
}

/* The block of the call at rows[i]; returns the index of the row after its last rule. */
static size_t emit_block(const struct filter_arch *arch, struct seccomp_program *program, size_t i)
{
	const struct seccomp_row *first = &seccomp_rows[i];
	int number = seccomp_call_number(arch, first);
	struct accumulator held = {.known = false};
	unsigned skip = 0;

	if (number >= 0)
		skip = emit_jump(program, BPF_JEQ, (uint32_t)number);
	for (; i < seccomp_row_count; i++) {
		const struct seccomp_row *row = &seccomp_rows[i];

		if (!row->name || strcmp(row->name, first->name) != 0)
			break;
		if (number >= 0)
			emit_rule(arch, program, row, &held);
	}
	if (number >= 0)
		land(program, skip, false);
	return i;
}

static void emit_abi_check(const struct filter_arch *arch, struct seccomp_program *program)
{
	unsigned ours, low, traced;

	load(program, offsetof(struct seccomp_data, arch));
	ours = emit_jump(program, BPF_JEQ, arch->audit);
	emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	land(program, ours, true);
	load(program, offsetof(struct seccomp_data, nr));
	if (!arch->x32_bit)
		return;
	/* Number -1 has the bit too, but is what a tracer writes to skip a call; it is ENOSYS. */
	low = emit_jump(program, BPF_JGE, arch->x32_bit);
	traced = emit_jump(program, BPF_JEQ, UINT32_MAX);
	emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	land(program, low, false);
	land(program, traced, true);
}

void seccomp_emit_arguments(const struct filter_arch *arch, struct seccomp_program *program)
{
	size_t i = 0;

	emit_abi_check(arch, program);
	while (i < seccomp_row_count)
		if (seccomp_in_prologue(arch, &seccomp_rows[i]))
			i = emit_block(arch, program, i);
		else
			i++;
}
