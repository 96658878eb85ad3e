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

#include "base/buf.h"
#include "cli/text.h"
#include "guard/guard.h"

/*
 * As guard_check(), in a sealed child; findings go into arena. A child that crashes, is killed,
 * runs out of time or answers wrongly is GUARD_REJECT with one finding PSX003; GUARD_ERROR only
 * where the guard itself could not decide or there is no process to be had. lines are of the same
 * bytes.
 */
void sealed_check(struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, const struct text_lines *lines, struct arena *arena,
	struct guard_report *ret);

/* The answer a child sends, made and read; for sealed_check() and the tests. */
void sealed_encode(const struct guard_report *report, struct buf *out);

/* False, and *ret not to be used, for anything but a report that guard_check() could have made. */
bool sealed_decode(struct str reply, const struct guard_policy *policy,
	const struct text_lines *lines, struct arena *arena, struct guard_report *ret);

#endif
