/*
 * Runs a program under the system call filter and nothing else, to see what the filter alone does.
 *
 *   underfilter [-k] [-r FILE] PROGRAM ARGS...
 *
 * -k: hostile calls kill, no listener. -r FILE: when the program has ended, one line "NAME COUNT"
 * per hostile call. The exit status is the program's, 128+N for signal N, 125 for our own failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/seccomp.h"

#define FAILED 125

static int send_descriptor(int channel, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec byte = {.iov_base = (char[]){'l'}, .iov_len = 1};
	struct msghdr message = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return sendmsg(channel, &message, 0) == 1 ? 0 : -errno;
}

static int receive_descriptor(int channel)
{
	char room[CMSG_SPACE(sizeof(int))] = {0};
	char byte;
	struct iovec vector = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room)};
	int fd = -1;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void become_program(const struct seccomp_filter *filter, int channel, char **argv)
{
	int listener;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(FAILED);
	listener = seccomp_filter_load(filter);
	if (listener < 0 || (filter->notify && send_descriptor(channel, listener)))
		_exit(FAILED);
	if (filter->notify)
		close(listener);
	close(channel);
	execvp(argv[0], argv);
	_exit(127);
}

/* Answers until the program is gone; its status. */
static int supervise(pid_t child, int listener, struct seccomp_denials *denials)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd watched[2] = {
		{.fd = pidfd, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
	int status = 0;

	while (poll(watched, 2, -1) >= 0 || errno == EINTR) {
		if (watched[1].revents & POLLIN)
			seccomp_answer(listener, denials);
		else if (watched[1].revents)
			watched[1].fd = -1;
		if (watched[0].revents)
			break;
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void report(const char *path, const struct seccomp_denials *denials)
{
	FILE *out = path ? fopen(path, "w") : NULL;
	char text[32];

	if (!out)
		return;
	for (unsigned i = 0; i < denials->kinds; i++)
		fprintf(out, "%s %llu\n",
			seccomp_call_name(denials->calls[i].number, text, sizeof(text)),
			(unsigned long long)denials->calls[i].count);
	fclose(out);
}

int main(int argc, char **argv)
{
	struct seccomp_options options = {.notify = true};
	struct seccomp_denials denials = {0};
	struct seccomp_filter filter;
	const char *path = NULL;
	struct err err = {0};
	int option, channel[2], listener = -1, status;
	pid_t child;

	while ((option = getopt(argc, argv, "+kr:")) >= 0)
		switch (option) {
		case 'k':
			options.notify = false;
			break;
		case 'r':
			path = optarg;
			break;
		default:
			return FAILED;
		}
	if (optind == argc || seccomp_compile(&options, &filter, &err) ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel)) {
		fprintf(stderr, "underfilter: %s\n", err.text);
		return FAILED;
	}
	child = fork();
	if (child == 0)
		become_program(&filter, channel[1], argv + optind);
	close(channel[1]);
	if (options.notify)
		listener = receive_descriptor(channel[0]);
	status = supervise(child, listener, &denials);
	report(path, &denials);
	seccomp_filter_free(&filter);
	return status;
}
