/* Fixed-size records between supervisor, init and program, over SEQPACKET sockets. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"

#define FDS_BYTES(count) ((count) * sizeof(int))

int record_send(int channel, const struct record *record, const struct record_fds *fds)
{
	struct iovec part = {.iov_base = (void *)record, .iov_len = sizeof(*record)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(FDS_BYTES(RECORD_FDS_MAX))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;
	ssize_t n;

	if (fds && fds->count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(FDS_BYTES(fds->count));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(FDS_BYTES(fds->count));
		memcpy(CMSG_DATA(header), fds->fds, FDS_BYTES(fds->count));
	}
	do
		n = sendmsg(channel, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*record) ? 0 : -EIO;
}

void record_fds_close(struct record_fds *fds)
{
	while (fds->count)
		close(fds->fds[--fds->count]);
}

static void take_fds(struct cmsghdr *header, struct record_fds *ret_fds)
{
	size_t at;
	int fd;

	for (at = 0; CMSG_LEN(at + sizeof(fd)) <= header->cmsg_len; at += sizeof(fd)) {
		memcpy(&fd, CMSG_DATA(header) + at, sizeof(fd));
		if (ret_fds && ret_fds->count < RECORD_FDS_MAX)
			ret_fds->fds[ret_fds->count++] = fd;
		else
			close(fd);
	}
}

/* Takes what came beside the record; descriptors nobody asked for are closed. */
static void take_control(struct msghdr *message, struct record_fds *ret_fds, pid_t *ret_sender)
{
	struct cmsghdr *header;
	struct ucred sender;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_CREDENTIALS && ret_sender) {
			memcpy(&sender, CMSG_DATA(header), sizeof(sender));
			*ret_sender = sender.pid;
		}
		if (header->cmsg_type == SCM_RIGHTS)
			take_fds(header, ret_fds);
	}
}

int record_receive(int channel, struct record *ret, struct record_fds *ret_fds, pid_t *ret_sender)
{
	struct iovec part = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(FDS_BYTES(RECORD_FDS_MAX)) +
			   CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	ssize_t n;

	if (ret_fds)
		ret_fds->count = 0;
	/* A peer that closed with something of ours unread: what it sent before that can still be
	 * read. */
	do
		n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	take_control(&message, ret_fds, ret_sender);
	if (n == 0)
		return -ENOTCONN;
	if (n != (ssize_t)sizeof(*ret) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (ret_fds)
			record_fds_close(ret_fds);
		return -EBADMSG;
	}
	ret->detail[RECORD_DETAIL - 1] = '\0';
	return 0;
}
