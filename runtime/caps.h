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

/* True if every set of the calling thread is empty and the securebits are the locked ones. */
bool caps_are_empty(void);

#endif
