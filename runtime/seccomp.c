/*
 * The part of the filter that goes by the number alone, by libseccomp, and the names of calls. The
 * only file that includes <seccomp.h>.
 */
#define _GNU_SOURCE /* memfd_create */
#include <seccomp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/seccomp_internal.h"

/* The libseccomp API level with user notification; asked for by number because the machine that
 * builds may have an older kernel than the one that runs. */
#define API_NOTIFY 5

static uint32_t token_of(const struct filter_arch *arch)
{
	return seccomp_arch_resolve_name(arch->name);
}

int seccomp_call_number(const struct filter_arch *arch, const struct seccomp_row *row)
{
	int number = seccomp_syscall_resolve_name_arch(token_of(arch), row->name);

	/* Negative numbers are libseccomp's own, for calls that exist elsewhere only. */
	return number >= 0 ? number : row->number;
}

/*
 * libseccomp takes numbers as the machine it runs on has them and translates by name; what it has
 * no name for cannot be given to it for another architecture.
 */
bool seccomp_in_prologue(const struct filter_arch *arch, const struct seccomp_row *row)
{
	if (!row->name || row->by_arguments)
		return row->name;
	return row->number >= 0 && row->answer != (SECCOMP_RET_ERRNO | ENOSYS) &&
	       seccomp_syscall_resolve_name_arch(token_of(arch), row->name) < 0;
}

static int add_calls(scmp_filter_ctx context, const struct filter_arch *arch, struct err *err)
{
	for (size_t i = 0; i < seccomp_row_count; i++) {
		const struct seccomp_row *row = &seccomp_rows[i];
		int status;

		if (!row->name || seccomp_in_prologue(arch, row) ||
			seccomp_call_number(arch, row) < 0)
			continue;
		/* The default says the same, and libseccomp refuses the repetition. */
		if (row->answer == (SECCOMP_RET_ERRNO | ENOSYS))
			continue;
		status = seccomp_rule_add_exact(
			context, row->answer, seccomp_syscall_resolve_name(row->name), 0);
		if (status < 0)
			return err_set(err, -status, "libseccomp: rule for %s", row->name);
	}
	return 0;
}

static int prepare(scmp_filter_ctx context, const struct filter_arch *arch, struct err *err)
{
	uint32_t token = token_of(arch);
	int status = 0;

	if (token != seccomp_arch_native()) {
		status = seccomp_arch_add(context, token);
		if (!status)
			status = seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
	}
	if (!status)
		status = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A binary tree: kernels before 5.11 run the program for each call. */
	if (!status)
		status = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (status)
		return err_set(err, -status, "libseccomp: filter for %s", arch->name);
	return 0;
}

/* libseccomp 2.5 writes programs to descriptors only. */
static int export_program(
	scmp_filter_ctx context, struct sock_filter *code, unsigned room, struct err *err)
{
	cleanup_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	int status;
	ssize_t n;

	if (fd < 0)
		return err_errno(err, "memfd_create");
	status = seccomp_export_bpf(context, fd);
	if (status)
		return err_set(err, -status, "libseccomp: export");
	n = pread(fd, code, room * sizeof(*code), 0);
	if (n < 0)
		return err_errno(err, "reading the filter");
	if (n == 0 || (size_t)n % sizeof(*code) || (size_t)n / sizeof(*code) >= room)
		return err_set(err, E2BIG, "filter of %zd bytes", n);
	return (int)((size_t)n / sizeof(*code));
}

int seccomp_build(const struct filter_arch *arch, struct seccomp_program *program, struct err *err)
{
	scmp_filter_ctx context;
	unsigned start;
	int status;

	memset(program, 0, sizeof(*program));
	seccomp_emit_arguments(arch, program);
	start = program->count;
	if (program->overflow)
		return err_set(err, E2BIG, "filter: a call's rules do not fit");
	if (seccomp_api_get() < API_NOTIFY)
		seccomp_api_set(API_NOTIFY);
	context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!context)
		return err_set(err, ENOMEM, "libseccomp: no context");
	status = prepare(context, arch, err);
	if (!status)
		status = add_calls(context, arch, err);
	if (!status)
		status = export_program(context, program->code + program->count,
			SECCOMP_PROGRAM_MAX - program->count, err);
	seccomp_release(context);
	if (status < 0)
		return status;
	program->count += (unsigned)status;
	/* As long as it was is no error. */
	seccomp_compact(arch, program, start);
	return 0;
}

const char *seccomp_call_name(int number, char *text, unsigned size)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name) {
		snprintf(text, size, "%s", name);
		free(name);
		return text;
	}
	for (size_t i = 0; i < seccomp_row_count; i++)
		if (seccomp_rows[i].name && number >= 0 && seccomp_rows[i].number == number)
			return seccomp_rows[i].name;
	snprintf(text, size, "%d", number);
	return text;
}
