/*
 * Landlock as the second opinion: should a mount be wrong, writes outside the writable places are
 * still refused. Never needed for a tier; reported when held.
 * Source: Documentation/userspace-api/landlock.rst, ABI 1 to 7.
 */
#ifndef PYSBX_RUNTIME_LANDLOCK_H
#define PYSBX_RUNTIME_LANDLOCK_H

/* The highest ABI of the running kernel, 0 without Landlock. */
int landlock_abi(void);

struct landlock_rules {
	const char *const *read_execute; /* NULL-terminated paths: read files, list, execute */
	const char *const
		*read_write; /* NULL-terminated paths: all but devices, sockets as given */
	int abi;             /* from landlock_abi() */
};

/*
 * Restricts the calling thread (which has no_new_privs): files as given, no TCP bind or connect
 * (ABI 4), no abstract sockets or signals out of the domain (ABI 6), no ioctl on devices (ABI 5).
 * A path that does not exist or cannot be reached is skipped. Async-signal-safe. Returns 0 or
 * -errno.
 */
int landlock_restrict(const struct landlock_rules *rules);

#endif
