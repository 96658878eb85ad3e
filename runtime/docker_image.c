/* runtime/docker.h: the image of this machine's own interpreter, made without a registry. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/docker_internal.h"
#include "runtime/etc.h"
#include "runtime/python.h"
#include "runtime/rootfs.h"

#define IMPORT_SECONDS 900
#define FORMAT         "1" /* of the image: another one is made anew */

static int make_dirs(char *path, struct err *err)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			err_errno(err, "%s", path);
			err_remedy(err, "name an image with --image");
			*slash = '/';
			return -err->code;
		}
		*slash = '/';
	}
	return 0;
}

static void hash(uint64_t *sum, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	/* FNV-1a: only to tell interpreters apart. */
	for (; len--; at++)
		*sum = (*sum ^ *at) * UINT64_C(1099511628211);
}

int docker_image_record(const char *wanted, char path[PATH_MAX], char tag[40], struct err *err)
{
	cleanup_arena struct arena *arena = arena_new((size_t)1 << 20);
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	uint64_t sum = UINT64_C(14695981039346656037);
	struct python python;
	struct stat st;
	int code = arena ? python_find(arena, wanted, NULL, &python, err)
			 : err_set(err, ENOMEM, "out of memory");

	if (code < 0)
		return code;
	if (stat(python.program, &st) < 0)
		return err_errno(err, "%s", python.program);
	hash(&sum, FORMAT, sizeof(FORMAT));
	hash(&sum, python.program, strlen(python.program));
	hash(&sum, &st.st_mtim, sizeof(st.st_mtim));
	hash(&sum, &st.st_size, sizeof(st.st_size));
	snprintf(tag, 40, "3.%u-%016llx", python.minor, (unsigned long long)sum);
	if (state && *state == '/')
		snprintf(path, PATH_MAX, "%s/pysbx/images/%s", state, tag);
	else if (geteuid() == 0)
		snprintf(path, PATH_MAX, "/var/lib/pysbx/images/%s", tag);
	else if (home && *home == '/')
		snprintf(path, PATH_MAX, "%s/.local/state/pysbx/images/%s", home, tag);
	else
		return err_set(
			err, ENOENT, "there is no place to record an image: HOME is not set");
	return make_dirs(path, err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st, (void)kind, (void)place;
	return remove(path);
}

static int put(const char *dir, const char *path, const char *text, struct err *err)
{
	char full[PATH_MAX];
	cleanup_fd int fd = -1;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		return err_errno(err, "%s", full);
	return 0;
}

/* What a container needs beside the interpreter: places to mount on, and /etc. */
static int complete(const char *dir, struct err *err)
{
	static const char *const places[] = {"etc", "proc", "dev", "sys", "tmp"};
	char path[PATH_MAX];
	int code = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, places[i]);
		if ((mkdir(path, 0755) < 0 && errno != EEXIST) ||
			chmod(path, strcmp(places[i], "tmp") == 0 ? 01777 : 0755) < 0)
			return err_errno(err, "%s", path);
	}
	for (size_t i = 0; code == 0 && i < etc_file_count; i++)
		code = put(dir, etc_files[i].path, etc_files[i].text, err);
	return code;
}

static int import(const char *dir, const char *program, const char *tag, const char *record,
	const struct docker_options *options, struct docker_image *ret, struct err *err)
{
	cleanup_buf struct buf plan = BUF_INIT(65536);
	struct docker_call call;
	struct json json;
	int code;

	json_init(&json, &plan);
	json_object(&json, NULL);
	json_text(&json, "act", "import");
	if (options->host)
		json_text(&json, "host", options->host);
	json_text(&json, "dir", dir);
	json_text(&json, "tag", tag);
	json_text(&json, "record", record);
	json_text(&json, "python", program);
	json_object_end(&json);
	code = docker_call_start(&call, options->program, buf_str(&plan), NULL, err);
	if (call.pid > 0)
		docker_call_finish(&call, IMPORT_SECONDS);
	if (code == 0 && call.failed.code) {
		*err = call.failed;
		code = -err->code;
	}
	if (code == 0 && !call.image[0])
		code = err_set(err, EIO, "docker: the image's id was not told");
	if (code == 0)
		snprintf(ret->id, sizeof(ret->id), "%s", call.image);
	return code;
}

int docker_image_make(const char *python, const struct docker_options *options,
	struct docker_image *ret, struct err *err)
{
	const char *place = getenv("TMPDIR");
	char dir[PATH_MAX / 2], record[PATH_MAX], tag[40];
	struct rootfs_made made;
	mode_t mask;
	int code = docker_image_record(python, record, tag, err);

	*ret = (struct docker_image){0};
	if (code < 0)
		return code;
	snprintf(
		dir, sizeof(dir), "%s/pysbx-image-XXXXXX", place && *place == '/' ? place : "/tmp");
	if (!mkdtemp(dir))
		return err_errno(err, "%s", dir);
	mask = umask(022);
	code = chmod(dir, 0755) < 0 ? err_errno(err, "%s", dir) : 0;
	if (code == 0)
		code = rootfs_make(python, dir, &made, err);
	if (code == 0)
		code = complete(dir, err);
	umask(mask);
	if (code == 0)
		code = import(dir, made.program, tag, record, options, ret, err);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	ret->minor = made.minor;
	ret->bytes = made.bytes;
	ret->files = made.files;
	return code;
}
