/* runtime/docker.h: starting the program that speaks the API, and the driver around it. */
#include "runtime/docker_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/contained.h"
#include "runtime/mounts.h"
#include "runtime/profile.h"

#define PLAN_MAX    ((size_t)4 << 20)
#define END_SECONDS 100 /* waiting, inspecting and removing have their own limits within it */
#define SANDBOX_TOP ((uint64_t)96 << 20)

struct docker {
	const struct rt_plan *plan;
	const struct docker_options *options;
	struct contained_driver driver;
	struct docker_call call;
	char record[PATH_MAX];
};

/* The program */

static _Noreturn void become(int program, const int fds[5])
{
	static char name[] = "pysbx-docker";
	char *argv[] = {name, NULL};
	sigset_t none;
	int high[5];

	/* Out of the way of the numbers they get. */
	for (int i = 0; i < 5; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 5; i++)
		if (high[i] < 0 || dup2(high[i], i) < 0)
			_exit(126);
	syscall(SYS_close_range, 5, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

static int plan_file(struct str plan, struct err *err)
{
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC);
	int code = fd < 0 ? -errno : fd_write_all(fd, plan.ptr, plan.len);

	if (code == 0 && lseek(fd, 0, SEEK_SET) < 0)
		code = -errno;
	return code < 0 ? err_set(err, -code, "the plan: %s", strerror(-code)) : take_fd(&fd);
}

int docker_call_start(
	struct docker_call *call, int program, struct str plan, const int *inside, struct err *err)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_fd int file = plan_file(plan, err), far = -1;
	int ends[2], fds[5];

	*call = (struct docker_call){.control = -1, .pid = -1, .said = BUF_INIT(65536)};
	if (file < 0)
		return file;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, "socketpair");
	call->control = ends[0];
	far = ends[1];
	for (int i = 0; i < 3; i++)
		fds[i] = inside ? inside[i] : null;
	fds[3] = file;
	fds[4] = far;
	call->pid = fork();
	if (call->pid < 0)
		return err_errno(err, "fork");
	if (call->pid == 0)
		become(program, fds);
	fcntl(call->control, F_SETFL, O_NONBLOCK);
	return 0;
}

static void take_line(struct docker_call *call, char *line)
{
	char *text = strchr(line, ' ');
	int oom = 0;

	if (!text)
		return;
	*text++ = '\0';
	if (strcmp(line, "server") == 0) {
		call->podman = strncmp(text, "podman ", 7) == 0;
		call->remote = strstr(text, " https://") != NULL;
		snprintf(call->server, sizeof(call->server), "%.199s", text);
	} else if (strcmp(line, "done") == 0) {
		call->done = true;
	} else if (strcmp(line, "ended") == 0) {
		call->oom = sscanf(text, "%*d %d", &oom) == 1 && oom;
	} else if (strcmp(line, "image") == 0) {
		snprintf(call->image, sizeof(call->image), "%s", text);
	} else if (strcmp(line, "no-image") == 0) {
		call->no_image = true;
	} else if (strcmp(line, "failed") == 0 || strcmp(line, "broken") == 0) {
		if (!call->failed.code)
			err_set(&call->failed, ENOTSUP, "docker: %s", text);
	} else if (strcmp(line, "left") == 0) {
		err_set(&call->failed, EBUSY, "docker: a container is left: %s", text);
		err_remedy(&call->failed, "the next run removes it; or: docker rm -f ID");
	} else if (strcmp(line, "remedy") == 0 && call->failed.code) {
		err_remedy(&call->failed, "%s", text);
	}
}

void docker_call_listen(struct docker_call *call)
{
	char bytes[4096], *line, *end;
	ssize_t n;

	while (call->control >= 0 && (n = read(call->control, bytes, sizeof(bytes))) != -1) {
		if (n == 0) {
			fd_close(&call->control);
			break;
		}
		buf_add(&call->said, bytes, (size_t)n);
	}
	line = call->said.data;
	while (line &&
		(end = memchr(line, '\n', call->said.len - (size_t)(line - call->said.data)))) {
		*end = '\0';
		take_line(call, line);
		line = end + 1;
	}
	if (line && line != call->said.data) {
		call->said.len -= (size_t)(line - call->said.data);
		memmove(call->said.data, line, call->said.len);
	}
}

void docker_call_finish(struct docker_call *call, int seconds)
{
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + seconds;
	while (call->control >= 0 && !call->done && now.tv_sec < end) {
		struct pollfd fd = {.fd = call->control, .events = POLLIN};

		poll(&fd, 1, 1000);
		docker_call_listen(call);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	fd_close(&call->control);
	/* It ends at once now; if it cannot, it is of no more use. */
	if (call->pid > 0 && !call->done)
		kill(call->pid, SIGKILL);
	while (call->pid > 0 && waitpid(call->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!call->done && !call->failed.code)
		err_set(&call->failed, EIO,
			"docker: the program that speaks the API ended too early");
	buf_free(&call->said);
}

/* The driver */

static void write_plan(struct docker *docker, struct buf *out)
{
	const struct rt_limits *limits = &docker->plan->limits;
	struct json json;

	json_init(&json, out);
	json_object(&json, NULL);
	json_text(&json, "act", "run");
	if (docker->options->host)
		json_text(&json, "host", docker->options->host);
	if (docker->options->runtime)
		json_text(&json, "runtime", docker->options->runtime);
	if (docker->options->image)
		json_text(&json, "image", docker->options->image);
	else
		json_text(&json, "record", docker->record);
	json_text(&json, "python", "python3");
	json_text(&json, "init", inner_source);
	json_uint(&json, "memory", limits->memory_bytes);
	json_uint(&json, "cpus", limits->cpu_thousandths);
	/* The init is one more; a second kernel's own threads are counted too. */
	json_uint(&json, "pids",
		docker->driver.own_kernel ? 2 * limits->pids + 256 : limits->pids + 1);
	json_uint(&json, "nofile", limits->nofile);
	json_uint(&json, "tmpfs", limits->tmpfs_bytes);
	json_uint(&json, "inodes", mounts_tmp_inodes(limits->tmpfs_bytes));
	json_uint(&json, "sandbox", SANDBOX_TOP + docker->plan->code.len);
	profile_write(&json, "seccomp", docker->driver.own_kernel);
	json_object_end(&json);
}

static int docker_start(void *self, const int inside[3], struct err *err)
{
	cleanup_buf struct buf plan = BUF_INIT(PLAN_MAX);
	struct docker *docker = self;

	write_plan(docker, &plan);
	if (plan.failed)
		return err_set(err, ENOMEM, "out of memory");
	return docker_call_start(
		&docker->call, docker->options->program, buf_str(&plan), inside, err);
}

static void docker_look(void *self, struct inner_facts *facts)
{
	struct docker *docker = self;

	(void)facts;
	docker_call_listen(&docker->call);
	docker->driver.remote = docker->call.remote;
}

static void docker_kill(void *self)
{
	struct docker *docker = self;

	(void)send(docker->call.control, "K", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int docker_finish(void *self, struct contained_end *ret, struct err *err)
{
	struct docker *docker = self;

	if (docker->call.pid <= 0)
		return 0;
	docker_call_finish(&docker->call, END_SECONDS);
	ret->oom = docker->call.oom;
	if (!docker->call.failed.code)
		return 0;
	*err = docker->call.failed;
	return -err->code;
}

bool docker_image_is_fixed(const char *image)
{
	const char *digest = strstr(image, "sha256:");
	const char *hex = digest ? digest + 7 : image;
	size_t len = strlen(hex);

	if (digest && digest != image && digest[-1] != '@')
		return false;
	for (const char *at = hex; *at; at++)
		if (!isxdigit((unsigned char)*at) || isupper((unsigned char)*at))
			return false;
	return digest ? len == 64 : len >= 12 && len <= 64;
}

/* Runtimes of containers that have a kernel of their own, by the names that they go by. */
static bool has_own_kernel(const char *runtime)
{
	return runtime &&
	       (strstr(runtime, "runsc") || strstr(runtime, "gvisor") || strstr(runtime, "kata"));
}

static int run_once(const struct rt_plan *plan, const struct docker_options *options,
	struct docker *docker, struct rt_result *ret)
{
	int code;

	docker->driver = (struct contained_driver){.backend = "docker",
		.self = docker,
		.start = docker_start,
		.look = docker_look,
		.kill = docker_kill,
		.finish = docker_finish,
		.python = "",
		.bin = "",
		.own_kernel = has_own_kernel(options->runtime),
		.remedy = "a daemon that is rootless or has userns-remap gives containers a user "
			  "namespace of their own; --require reduced accepts less"};
	docker->plan = plan;
	docker->options = options;
	docker->call = (struct docker_call){.pid = -1, .control = -1};
	code = contained_run(plan, &docker->driver, ret);
	return code;
}

static int refuse(struct rt_result *ret, enum rt_status status, const struct err *err)
{
	ret->status = status;
	ret->error = err->code;
	snprintf(ret->message, sizeof(ret->message), "%s", err->text);
	snprintf(ret->remedy, sizeof(ret->remedy), "%s", err->remedy);
	return -1;
}

int docker_run(
	const struct rt_plan *plan, const struct docker_options *options, struct rt_result *ret)
{
	struct docker *docker = calloc(1, sizeof(*docker));
	struct docker_image made;
	struct err err = {0};
	char tag[40];
	int code = docker ? rt_plan_check(plan, &err) : err_set(&err, ENOMEM, "out of memory");

	*ret = (struct rt_result){.exit_code = -1, .status = RT_ERROR, .backend = "docker"};
	if (code == 0 && plan->rootfs) {
		code = err_set(&err, EINVAL, "--rootfs has no meaning with the Docker backend");
		err_remedy(&err, "its root is an image; name one with --image");
	}
	if (code == 0 && options->image && !docker_image_is_fixed(options->image)) {
		code = err_set(
			&err, EINVAL, "--image %s: is neither an id nor a digest", options->image);
		err_remedy(&err, "a tag can come to mean another image; `docker images --no-trunc` "
				 "shows ids");
	}
	/* Nowhere to keep what image there is: nothing that runs could be asked for again. */
	if (code == 0 && !options->image &&
		docker_image_record(plan->python, docker->record, tag, &err) < 0) {
		refuse(ret, RT_UNAVAILABLE, &err);
		free(docker);
		return -1;
	}
	if (code == 0) {
		code = run_once(plan, options, docker, ret);
		if (docker->call.no_image) {
			rt_result_free(ret);
			code = docker_image_make(plan->python, options, &made, &err);
			if (code == 0)
				code = run_once(plan, options, docker, ret);
			else
				refuse(ret, RT_UNAVAILABLE, &err);
		}
	} else {
		refuse(ret, RT_ERROR, &err);
	}
	free(docker);
	return code < 0 ? -1 : 0;
}
