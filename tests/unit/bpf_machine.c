/* tests/unit/bpf_machine.h */
#include "tests/unit/bpf_machine.h"

#include <stddef.h>
#include <string.h>

static int jump_holds(const struct sock_filter *at, uint32_t a, uint32_t operand)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
		return a == operand;
	case BPF_JGT:
		return a > operand;
	case BPF_JGE:
		return a >= operand;
	case BPF_JSET:
		return (a & operand) != 0;
	default:
		return -1;
	}
}

static int compute(const struct sock_filter *at, uint32_t *a)
{
	switch (BPF_OP(at->code)) {
	case BPF_AND:
		*a &= at->k;
		return 0;
	case BPF_OR:
		*a |= at->k;
		return 0;
	case BPF_RSH:
		*a >>= at->k;
		return 0;
	default:
		return -1;
	}
}

static int load(const struct sock_filter *at, const struct seccomp_data *data,
	const uint32_t *memory, uint32_t *a)
{
	if (at->code == (BPF_LD | BPF_W | BPF_ABS)) {
		if (at->k % 4 || at->k > sizeof(*data) - 4)
			return -1;
		memcpy(a, (const char *)data + at->k, 4);
		return 0;
	}
	if (at->code == (BPF_LD | BPF_MEM) && at->k < BPF_MEMWORDS) {
		*a = memory[at->k];
		return 0;
	}
	return -1;
}

uint32_t bpf_machine_run(const struct sock_filter *code, unsigned count,
	const struct seccomp_data *data, unsigned *steps)
{
	uint32_t a = 0, memory[BPF_MEMWORDS] = {0};
	unsigned ran = 0;
	int holds;

	for (unsigned pc = 0; pc < count; pc++) {
		const struct sock_filter *at = &code[pc];

		ran++;
		if (steps)
			*steps = ran;
		switch (BPF_CLASS(at->code)) {
		case BPF_LD:
			if (load(at, data, memory, &a))
				return BPF_MACHINE_INVALID;
			break;
		case BPF_ST:
			if (at->k >= BPF_MEMWORDS)
				return BPF_MACHINE_INVALID;
			memory[at->k] = a;
			break;
		case BPF_ALU:
			if (BPF_SRC(at->code) != BPF_K || compute(at, &a))
				return BPF_MACHINE_INVALID;
			break;
		case BPF_JMP:
			if (BPF_OP(at->code) == BPF_JA) {
				pc += at->k;
				break;
			}
			holds = BPF_SRC(at->code) == BPF_K ? jump_holds(at, a, at->k) : -1;
			if (holds < 0)
				return BPF_MACHINE_INVALID;
			pc += holds ? at->jt : at->jf;
			break;
		case BPF_RET:
			return at->code == (BPF_RET | BPF_K) ? at->k : BPF_MACHINE_INVALID;
		default:
			return BPF_MACHINE_INVALID;
		}
	}
	return BPF_MACHINE_INVALID;
}
