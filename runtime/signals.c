/* runtime/signals.h: a signalfd while a run goes on. */
#include "runtime/signals.h"

#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Blocked, it would be read all the same. */
static bool is_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int signals_take(sigset_t *ret_mask, struct err *err)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t watched;
	size_t i;
	int fd;

	sigemptyset(&watched);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!is_ignored(ends[i]))
			sigaddset(&watched, ends[i]);
	sigaddset(&watched, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &watched, ret_mask) < 0)
		return err_errno(err, "sigprocmask");
	fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(err, "signalfd") : fd;
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

int signals_give_back(int fd, const sigset_t *mask)
{
	int number, last = 0;

	if (fd < 0)
		return 0;
	/* A SIGPIPE from a program that stopped reading is ours, not the caller's. */
	while ((number = signals_next(fd)))
		if (number != SIGPIPE)
			last = number;
	sigprocmask(SIG_SETMASK, mask, NULL);
	return last;
}
