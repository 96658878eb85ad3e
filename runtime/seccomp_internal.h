/*
 * Inside the filter: the table as data, and the two halves that make a program of it.
 *
 * libseccomp generates the part that goes by the number alone. Which arguments a call may have, and
 * what it answers otherwise, stands in front of it as a prologue of our own: libseccomp has one
 * answer for everything that no rule matches, and its inequality compares all 64 bits, where the
 * kernel reads 32. A call that the prologue decides never reaches libseccomp's part.
 */
#ifndef PYSBX_RUNTIME_SECCOMP_INTERNAL_H
#define PYSBX_RUNTIME_SECCOMP_INTERNAL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/seccomp.h"

/* (argument & mask) == value on the low 32 bits, or the whole argument is 0. */
struct seccomp_test {
	bool used;
	bool nil;
	bool o_direct; /* the mask has the architecture's O_DIRECT too */
	uint8_t arg;
	uint32_t mask;
	uint32_t value;
};

#define SECCOMP_TESTS 2

/* A line of syscalls.def: a group's heading, a call, or one rule of a call. */
struct seccomp_row {
	const char *group;  /* a heading, with its reason; else NULL */
	const char *reason; /* of a heading */
	const char *name;   /* of a call */
	int number;         /* where the name is new and numbers are the same everywhere; else -1 */
	bool by_arguments;
	uint32_t answer; /* SECCOMP_RET_*; USER_NOTIF is "hostile" */
	struct seccomp_test tests[SECCOMP_TESTS];
};

extern const struct seccomp_row seccomp_rows[];
extern const size_t seccomp_row_count;

/* What differs between the architectures that pysbx knows. */
struct filter_arch {
	const char *name;  /* as configure's host_cpu */
	uint32_t audit;    /* AUDIT_ARCH_* */
	uint32_t x32_bit;  /* numbers with it are another ABI, 0: there is none */
	uint32_t o_direct; /* the one flag in the table whose value differs */
};

/* NULL for an architecture that is not known. */
const struct filter_arch *filter_arch_find(const char *name);
const struct filter_arch *filter_arch_native(void);

#define SECCOMP_PROGRAM_MAX 4096 /* BPF_MAXINSNS */
#define SECCOMP_JUMPS_MAX   256

/* A jump to where an answer is returned; the return is placed by emit_answers(). */
struct seccomp_jump {
	unsigned from;
	bool on_true;
	uint32_t answer;
};

struct seccomp_program {
	struct sock_filter code[SECCOMP_PROGRAM_MAX];
	unsigned count;
	struct seccomp_jump jumps[SECCOMP_JUMPS_MAX];
	unsigned jump_count;
	bool overflow; /* an instruction, or a jump of more than 255, did not fit */
};

void emit(struct seccomp_program *program, unsigned code, uint32_t k);

/* A conditional jump (BPF_JEQ, ...) that for now goes on in either case; returns its place. */
unsigned emit_jump(struct seccomp_program *program, unsigned code, uint32_t k);

/* The jump at that place goes to the next instruction to come, when its condition (fails) holds. */
void land(struct seccomp_program *program, unsigned jump, bool on_true);

/* The jump at that place leads to the answer. */
void emit_answer_jump(
	struct seccomp_program *program, unsigned jump, bool on_true, uint32_t answer);

/* Returns `first` here, and after it whatever jumps have been waiting for. */
void emit_answers(struct seccomp_program *program, uint32_t first);

/* The call's number there, or -1. */
int seccomp_call_number(const struct filter_arch *arch, const struct seccomp_row *row);

/* True if the prologue has a block for it, false if libseccomp's part answers. */
bool seccomp_in_prologue(const struct filter_arch *arch, const struct seccomp_row *row);

/* The prologue: other architectures and ABIs killed, calls by their arguments. */
void seccomp_emit_arguments(const struct filter_arch *arch, struct seccomp_program *program);

/*
 * Makes what libseccomp wrote from code[start] on as short as it can be: its answers by number are
 * asked for, and a binary search over the runs of equal ones takes its place. Loading a filter
 * costs by the instruction. 0; -ENOTSUP, and all as it was, if it looks at more than the number.
 */
int seccomp_compact(
	const struct filter_arch *arch, struct seccomp_program *program, unsigned start);

/* The whole, with hostile calls to the listener. Slow (a millisecond): done when pysbx is built. */
int seccomp_build(const struct filter_arch *arch, struct seccomp_program *program, struct err *err);

/* What was built in; count 0 where the build could not make one. */
extern const struct sock_filter seccomp_builtin[];
extern const unsigned seccomp_builtin_count;

#endif
