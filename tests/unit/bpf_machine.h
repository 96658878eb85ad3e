/*
 * The kernel's classic BPF machine for seccomp programs, as a plain function (Linux kernel,
 * Documentation/networking/filter.rst): what a filter answers, without loading it.
 */
#ifndef PYSBX_TESTS_UNIT_BPF_MACHINE_H
#define PYSBX_TESTS_UNIT_BPF_MACHINE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

#define BPF_MACHINE_INVALID UINT32_C(0xdeadbeef) /* no SECCOMP_RET_ looks like this */

/* Runs it; BPF_MACHINE_INVALID for an instruction that the kernel would not have loaded. steps, if
 * not NULL, gets the number of instructions that ran. */
uint32_t bpf_machine_run(const struct sock_filter *code, unsigned count,
	const struct seccomp_data *data, unsigned *steps);

#endif
