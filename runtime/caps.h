/*
 * Capabilities without libcap's types, so that its header stays in one file.
 */
#ifndef PYSBX_RUNTIME_CAPS_H
#define PYSBX_RUNTIME_CAPS_H

#include <stdbool.h>

/* An empty capability set, made before clone; freed by caps_free(). NULL without memory. */
void *caps_make_empty(void);
void caps_free(void *caps);

/* True if this process may choose ids for a namespace: CAP_SETUID and CAP_SETGID are effective. */
bool caps_has_setuid(void);

/*
 * Drops what the calling thread holds: as the step "drop capabilities" where CAP_SETPCAP is among
 * it, else without the bounding set and the securebits, which only that one may change. 0 or
 * -errno.
 */
struct box;
int caps_drop_held(struct box *box);

/* True if none is effective, permitted, inheritable or ambient. */
bool caps_hold_none(void);

/* True if every set of the calling thread is empty and the securebits are the locked ones. */
bool caps_are_empty(void);

#endif
