/* Writing a BPF program: instructions, and jumps whose goal comes later. */
#include <string.h>

#include "runtime/seccomp_internal.h"

#define JUMP_MAX 255

void emit(struct seccomp_program *program, unsigned code, uint32_t k)
{
	if (program->count >= SECCOMP_PROGRAM_MAX) {
		program->overflow = true;
		return;
	}
	program->code[program->count++] =
		(struct sock_filter){.code = (unsigned short)code, .k = k};
}

unsigned emit_jump(struct seccomp_program *program, unsigned code, uint32_t k)
{
	emit(program, BPF_JMP | code | BPF_K, k);
	return program->count - 1;
}

void land(struct seccomp_program *program, unsigned jump, bool on_true)
{
	unsigned distance = program->count - jump - 1;

	if (program->overflow || distance > JUMP_MAX) {
		program->overflow = true;
		return;
	}
	if (on_true)
		program->code[jump].jt = (unsigned char)distance;
	else
		program->code[jump].jf = (unsigned char)distance;
}

void emit_answer_jump(struct seccomp_program *program, unsigned jump, bool on_true, uint32_t answer)
{
	if (program->jump_count == SECCOMP_JUMPS_MAX) {
		program->overflow = true;
		return;
	}
	program->jumps[program->jump_count++] =
		(struct seccomp_jump){.from = jump, .on_true = on_true, .answer = answer};
}

/* Lands the jumps that wait for this answer here; the others stay in line. */
static void land_waiting(struct seccomp_program *program, uint32_t answer)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < program->jump_count; i++) {
		struct seccomp_jump *jump = &program->jumps[i];

		if (jump->answer == answer)
			land(program, jump->from, jump->on_true);
		else
			program->jumps[kept++] = *jump;
	}
	program->jump_count = kept;
}

void emit_answers(struct seccomp_program *program, uint32_t first)
{
	uint32_t answer = first;

	for (;;) {
		land_waiting(program, answer);
		emit(program, BPF_RET | BPF_K, answer);
		if (!program->jump_count)
			return;
		answer = program->jumps[0].answer;
	}
}
