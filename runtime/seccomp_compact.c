/*
 * Shortens the part of the filter that goes by the number. libseccomp writes an instruction or two
 * for each call; the kernel takes a quarter of a microsecond to compile each of them, in every run.
 * Neighbouring numbers mostly have the same answer, so a search over the places where the answer
 * changes is a third as long. What is answered stays libseccomp's; that nothing has changed is
 * checked number by number, here and again by the tests.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "runtime/seccomp_internal.h"

#define RUNS_MAX    512
#define DECIDED_MAX 64

/* Numbers first[i] and up, below first[i + 1], have answer[i]. */
struct runs {
	uint32_t first[RUNS_MAX];
	uint32_t answer[RUNS_MAX];
	unsigned count;
	uint32_t decided[DECIDED_MAX]; /* by the prologue: such a number never comes here */
	unsigned decided_count;
};

static int holds(const struct sock_filter *at, uint32_t value)
{
	switch (at->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return value == at->k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return value > at->k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return value >= at->k;
	default:
		return -1;
	}
}

/* What the code answers to a number, from its start on; false if it needs anything else. */
static bool ask(const struct filter_arch *arch, const struct sock_filter *code, unsigned count,
	uint32_t number, uint32_t *ret_answer)
{
	uint32_t value = number;
	int taken;

	for (unsigned i = 0; i < count; i++)
		switch (code[i].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (code[i].k == offsetof(struct seccomp_data, nr))
				value = number;
			else if (code[i].k == offsetof(struct seccomp_data, arch))
				value = arch->audit;
			else
				return false;
			break;
		case BPF_JMP | BPF_JA:
			i += code[i].k;
			break;
		case BPF_RET | BPF_K:
			*ret_answer = code[i].k;
			return true;
		default:
			taken = holds(&code[i], value);
			if (taken < 0)
				return false;
			i += taken ? code[i].jt : code[i].jf;
		}
	return false;
}

/* Beyond the highest number that it compares with, all numbers are alike. */
static uint32_t highest_number(
	const struct filter_arch *arch, const struct sock_filter *code, unsigned count)
{
	uint32_t limit = arch->x32_bit ? arch->x32_bit : UINT32_MAX, highest = 0;

	for (unsigned i = 0; i < count; i++)
		if (BPF_CLASS(code[i].code) == BPF_JMP && BPF_OP(code[i].code) != BPF_JA &&
			code[i].k < limit && code[i].k != arch->audit && code[i].k > highest)
			highest = code[i].k;
	return highest;
}

/* False where there is no room for all of them. */
static bool find_decided(const struct filter_arch *arch, struct runs *ret)
{
	int number = -1;

	ret->decided_count = 0;
	for (size_t i = 0; i < seccomp_row_count; i++) {
		if (!seccomp_in_prologue(arch, &seccomp_rows[i]))
			continue;
		number = seccomp_call_number(arch, &seccomp_rows[i]);
		if (number < 0 || (ret->decided_count &&
					  ret->decided[ret->decided_count - 1] == (uint32_t)number))
			continue;
		if (ret->decided_count == DECIDED_MAX)
			return false;
		ret->decided[ret->decided_count++] = (uint32_t)number;
	}
	return true;
}

static bool is_decided(const struct runs *runs, uint32_t number)
{
	for (unsigned i = 0; i < runs->decided_count; i++)
		if (runs->decided[i] == number)
			return true;
	return false;
}

static bool find_runs(const struct filter_arch *arch, const struct sock_filter *code,
	unsigned count, uint32_t highest, struct runs *ret)
{
	uint32_t answer;

	ret->count = 0;
	if (!find_decided(arch, ret))
		return false;
	for (uint32_t number = 0; number <= highest + 1; number++) {
		if (!ask(arch, code, count, number, &answer) || ret->count == RUNS_MAX)
			return false;
		if (is_decided(ret, number) ||
			(ret->count && answer == ret->answer[ret->count - 1]))
			continue;
		ret->first[ret->count] = number;
		ret->answer[ret->count++] = answer;
	}
	ret->first[0] = 0;
	return true;
}

/* Runs low to high - 1, two at least; as deep as the logarithm of their number. */
static void emit_search(
	struct seccomp_program *program, const struct runs *runs, unsigned low, unsigned high)
{
	unsigned middle = low + (high - low) / 2;
	unsigned jump = emit_jump(program, BPF_JGE, runs->first[middle]);

	if (middle - low > 1)
		emit_search(program, runs, low, middle);
	else
		emit_answer_jump(program, jump, false, runs->answer[low]);
	if (high - middle > 1) {
		land(program, jump, true);
		emit_search(program, runs, middle, high);
	} else {
		emit_answer_jump(program, jump, true, runs->answer[middle]);
	}
}

static bool is_the_same(const struct filter_arch *arch, const struct seccomp_program *program,
	unsigned start, const struct sock_filter *code, unsigned count, uint32_t highest,
	const struct runs *runs)
{
	uint32_t a, b;

	/* -1 is number UINT32_MAX: the one high number that may come here. */
	for (uint32_t number = 0; number <= highest + 2; number++) {
		uint32_t asked = number == highest + 2 ? UINT32_MAX : number;

		if (number <= highest && is_decided(runs, number))
			continue;
		if (!ask(arch, code, count, asked, &a) ||
			!ask(arch, program->code + start, program->count - start, asked, &b) ||
			a != b)
			return false;
	}
	return true;
}

int seccomp_compact(const struct filter_arch *arch, struct seccomp_program *program, unsigned start)
{
	struct sock_filter code[SECCOMP_PROGRAM_MAX];
	unsigned count = program->count - start;
	struct runs runs;
	uint32_t highest;

	memcpy(code, program->code + start, count * sizeof(*code));
	highest = highest_number(arch, code, count);
	if (highest >= UINT16_MAX || !find_runs(arch, code, count, highest, &runs) ||
		runs.count < 2)
		return -ENOTSUP;
	program->count = start;
	emit_search(program, &runs, 0, runs.count);
	emit_answers(program, runs.answer[0]);
	if (!program->overflow && is_the_same(arch, program, start, code, count, highest, &runs))
		return 0;
	memcpy(program->code + start, code, count * sizeof(*code));
	program->count = start + count;
	program->jump_count = 0;
	program->overflow = false;
	return -ENOTSUP;
}
