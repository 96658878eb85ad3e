/*
 * The guard in a process of its own, which can do nothing but compute and answer. The parser is
 * code of ours that reads bytes of somebody else's; should it have a hole, what comes out of it is
 * a wrong verdict at the worst, and that counts as isolation nowhere.
 *
 * The answer travels on a pipe: struct reply_head, the message, then for each finding struct
 * reply_finding and its message. It is re-checked in full: its length, every number, every place
 * against the lines of the source, every severity against the policy, the order, the verdict
 * against the findings. What does not hold is refused as a whole (PSX003).
 */
#ifndef PYSBX_CLI_SEALED_H
#define PYSBX_CLI_SEALED_H

#include <sys/types.h>

#include "base/buf.h"
#include "cli/text.h"
#include "guard/guard.h"

/* A sealed child at work. */
struct sealed {
	pid_t child; /* 0: none could be had */
	int fd;      /* of its answer */
	unsigned seconds;
	size_t bytes_len;
	const struct guard_policy *policy;
};

/* Starts one; the bytes, name and policy must stay until sealed_finish(), which must be called. */
struct sealed sealed_start(
	struct str bytes, struct str name, unsigned minor, const struct guard_policy *policy);

/*
 * Waits for the answer: as guard_check() would have filled ret, findings in arena. A child that
 * crashes, is killed, runs out of time or answers wrongly is GUARD_REJECT with one finding PSX003;
 * GUARD_ERROR only where the guard itself could not decide or there is no process to be had. lines
 * are of the same bytes.
 */
void sealed_finish(struct sealed *sealed, const struct text_lines *lines, struct arena *arena,
	struct guard_report *ret);

/* Waits for the child's end, which is near once sealed_finish() returns. */
void sealed_reap(struct sealed *sealed);

/* The answer a child sends, made and read; for sealed_start(), sealed_finish() and the tests. */
void sealed_encode(const struct guard_report *report, struct buf *out);

/* False, and *ret not to be used, for anything but a report that guard_check() could have made. */
bool sealed_decode(struct str reply, const struct guard_policy *policy,
	const struct text_lines *lines, struct arena *arena, struct guard_report *ret);

#endif
