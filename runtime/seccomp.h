/*
 * The system call filter: an allow-list compiled from runtime/syscalls.def, loaded last, and the
 * listener through which the supervisor learns of hostile calls. The only file that includes
 * <seccomp.h> is runtime/seccomp.c.
 *
 * Sources of the rules: the table's own reasons; seccomp(2), seccomp_unotify(2).
 */
#ifndef PYSBX_RUNTIME_SECCOMP_H
#define PYSBX_RUNTIME_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct seccomp_options {
	bool notify; /* hostile calls go to a listener; else they kill the whole process */
	bool strict; /* what would be EPERM kills too; the answers that libraries expect stay */
};

/* A compiled filter; owned, freed by seccomp_filter_free(). */
struct seccomp_filter {
	struct sock_filter *instructions;
	unsigned short count;
	bool notify;
};

/*
 * The table for this machine's architecture: compiled when pysbx was built, copied here (a
 * microsecond), or compiled now where the build had none. Allocates: call it before clone.
 */
int seccomp_compile(
	const struct seccomp_options *options, struct seccomp_filter *ret, struct err *err);
void seccomp_filter_free(struct seccomp_filter *filter);

/*
 * (Not seccomp_load: that is libseccomp's.) Loads it into the calling thread, which must have
 * no_new_privs. Async-signal-safe. Returns the listener's descriptor (close-on-exec) with notify, 0
 * without, or -errno.
 */
int seccomp_filter_load(const struct seccomp_filter *filter);

/* Counts of hostile calls, by number; bounded. */
#define SECCOMP_DENIED_MAX 64
struct seccomp_denials {
	struct {
		int number;
		uint64_t count;
		uint64_t args[6]; /* of the first one */
	} calls[SECCOMP_DENIED_MAX];
	unsigned kinds;
	uint64_t total;
};

/*
 * Takes one notification from the listener (poll said readable), counts it and answers EPERM (or
 * the table's errno), never CONTINUE. 0; -EAGAIN when it was gone already; else -errno.
 */
int seccomp_answer(int listener, struct seccomp_denials *denials);

/* "ptrace"; into text, the number where there is no name. */
const char *seccomp_call_name(int number, char *text, unsigned size);

/* True if the kernel knows notifications; whether it grants one here, only loading it shows. */
bool seccomp_may_notify(void);

/* True if the kernel can do what `notify` needs. Tried in a child, so it costs a fork. */
bool seccomp_can_notify(void);

#endif
