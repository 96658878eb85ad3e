/*
 * The gateway: MCP in front, one `pysbx run` of its own for each call behind. Started by pysbx mcp,
 * which hands over its own program file; it is never linked with what runs or judges a program.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "gateway/options.h"
#include "gateway/stdio.h"

enum { OK, FAILED, USAGE };

/* From the end of input to our own end, with what is left to say and to stop. */
#define LAST_WORDS (20 * LOOP_MS)
#define PATIENCE   (50 * LOOP_MS)

struct gateway {
	struct options options;
	struct loop loop;
	struct jobs jobs;
	struct mcp_server server;
	struct stdio stdio;
	struct http *http;
	struct loop_watch signals;
	int caught;
};

static void report(const struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(4096);

	buf_printf(&out, "pysbx: mcp: %s\n", err->text);
	if (err->remedy[0])
		buf_printf(&out, "  help: %s\n", err->remedy);
	fd_write_all(STDERR_FILENO, out.data, out.len);
}

static int help(void)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 10);

	options_help(&out);
	return fd_write_all(STDOUT_FILENO, out.data, out.len) == 0 ? OK : FAILED;
}

static void signalled(void *context, short events)
{
	struct gateway *gateway = context;
	struct signalfd_siginfo info;

	(void)events;
	if (read(gateway->signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	gateway->caught = (int)info.ssi_signo;
	gateway->loop.stop = true;
}

static int watch_signals(struct gateway *gateway, struct err *err)
{
	sigset_t ending;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	/* Whoever started us may have it ignored, and then nobody is told of a child's end. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	gateway->signals = (struct loop_watch){
		.fd = fd, .events = POLLIN, .ready = signalled, .context = gateway};
	if (fd < 0 || loop_add(&gateway->loop, &gateway->signals) < 0)
		return err_errno(err, "signals");
	return 0;
}

/* The descriptor must be what pysbx made it, and go to no child but as its program. */
static int check_pysbx(int fd, struct err *err)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_PATH) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return 0;
	err_set(err, EINVAL, "this program is a part of pysbx");
	err_remedy(err, "start it with 'pysbx mcp'");
	return -EINVAL;
}

static int open_front(struct gateway *gateway, struct err *err)
{
	if (!gateway->options.http.address)
		return stdio_open(&gateway->stdio, &gateway->server) < 0
			       ? err_set(err, ENOMEM, "out of memory")
			       : 0;
	gateway->http = http_open(&gateway->options.http, &gateway->server, err);
	if (!gateway->http)
		return -err->code;
	log_line(&gateway->options.log, LOG_INFO, "listening at %s", http_url(gateway->http));
	return 0;
}

static int open_gateway(struct gateway *gateway, struct err *err)
{
	struct options *options = &gateway->options;
	int code = check_pysbx(options->pysbx, err);

	if (code == 0)
		code = watch_signals(gateway, err);
	if (code < 0)
		return code;
	jobs_init(&gateway->jobs, &gateway->loop, options->pysbx, options->jobs, options->queue);
	gateway->server = (struct mcp_server){.loop = &gateway->loop,
		.jobs = &gateway->jobs,
		.log = &options->log,
		.json_text = options->json_text};
	if (mcp_init(&gateway->server) < 0)
		return err_set(err, ENOMEM, "out of memory");
	return open_front(gateway, err);
}

static int serve(struct gateway *gateway)
{
	int code = 0;

	while (!gateway->loop.stop && code == 0) {
		if (gateway->http)
			http_prepare(gateway->http);
		code = loop_turn(&gateway->loop);
	}
	if (code < 0)
		log_line(&gateway->options.log, LOG_ERROR, "poll: %s", strerror(-code));
	return code < 0 ? FAILED : OK;
}

static void close_gateway(struct gateway *gateway)
{
	uint64_t now = loop_now();

	loop_remove(&gateway->loop, &gateway->signals);
	if (gateway->http)
		http_close(gateway->http);
	else
		stdio_end(&gateway->stdio, now + LAST_WORDS);
	jobs_end(&gateway->jobs, now + PATIENCE);
	if (!gateway->http)
		stdio_free(&gateway->stdio);
	mcp_free(&gateway->server);
	loop_free(&gateway->loop);
}

int main(int argc, char **argv)
{
	static struct gateway gateway;
	struct err err = {0};
	int status;

	if (options_read(argc, argv, &gateway.options, &err) < 0) {
		report(&err);
		return USAGE;
	}
	if (gateway.options.help)
		return help();
	if (open_gateway(&gateway, &err) < 0) {
		report(&err);
		return FAILED;
	}
	status = serve(&gateway);
	close_gateway(&gateway);
	if (gateway.caught) {
		/* The end that it would have been without us. */
		sigset_t none;

		sigemptyset(&none);
		signal(gateway.caught, SIG_DFL);
		sigprocmask(SIG_SETMASK, &none, NULL);
		raise(gateway.caught);
	}
	return status;
}
