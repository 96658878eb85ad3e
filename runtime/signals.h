/*
 * Signals to pysbx while a run goes on: they end the run and are then the caller's to act on. They
 * are blocked and read from a descriptor, so that nothing of the caller's dispositions changes.
 */
#ifndef PYSBX_RUNTIME_SIGNALS_H
#define PYSBX_RUNTIME_SIGNALS_H

#include <signal.h>

#include "base/err.h"

/*
 * A signalfd of SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE, and the mask as it was. -errno. Of
 * the first four not those that the caller ignores, as nohup(1) has SIGHUP ignored.
 */
int signals_take(sigset_t *ret_mask, struct err *err);

/* The next one that came, 0 if none did; SIGPIPE is told like the others. */
int signals_next(int fd);

/* Restores the mask. Returns the last signal that came and was not read, SIGPIPE aside; else 0. */
int signals_give_back(int fd, const sigset_t *mask);

#endif
