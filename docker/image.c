/* docker/run.h: a tree becomes an image, without a registry. The tree is sent as a tar (POSIX
 * ustar). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "docker/run.h"

#define BLOCK          512
#define DEPTH_MAX      40
#define IMPORT_SECONDS 600

struct level {
	DIR *dir;
	size_t name_len;
};

/* A walk over the tree that gives the archive block by block. */
struct tar {
	struct level levels[DEPTH_MAX];
	unsigned depth;
	char name[PATH_MAX]; /* of the entry at hand */
	struct buf ready;    /* made, not yet taken */
	size_t taken;
	int file;
	uint64_t left; /* of the file */
	bool ended;
	bool failed;
	struct err *err;
};

static void octal(char *field, size_t size, unsigned long long value)
{
	snprintf(field, size, "%0*llo", (int)size - 1, value);
}

/* The name in 100 bytes, or its directory in 155 and its last part in 100. */
static bool put_name(char *head, const char *name)
{
	size_t len = strlen(name);
	const char *slash = name;

	if (len <= 100) {
		memcpy(head, name, len);
		return true;
	}
	while ((slash = strchr(slash + 1, '/')) && len - (size_t)(slash - name) - 1 > 100)
		;
	if (!slash || slash - name > 155)
		return false;
	memcpy(head + 345, name, (size_t)(slash - name));
	memcpy(head, slash + 1, len - (size_t)(slash - name) - 1);
	return true;
}

static void put_head(struct tar *tar, const struct stat *st, char kind, const char *link)
{
	char head[BLOCK] = {0};
	unsigned sum = 0;

	if (!put_name(head, tar->name) || (link && strlen(link) > 100)) {
		err_set(tar->err, ENAMETOOLONG, "%s: too long for an archive", tar->name);
		tar->failed = true;
		return;
	}
	octal(head + 100, 8, st->st_mode & 07777);
	octal(head + 108, 8, 0);
	octal(head + 116, 8, 0);
	octal(head + 124, 12, kind == '0' ? (unsigned long long)st->st_size : 0);
	octal(head + 136, 12, (unsigned long long)st->st_mtime);
	memset(head + 148, ' ', 8);
	head[156] = kind;
	if (link)
		memcpy(head + 157, link, strlen(link));
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)head[i];
	snprintf(head + 148, 8, "%06o", sum);
	buf_add(&tar->ready, head, BLOCK);
}

static void enter(struct tar *tar, int parent, const char *name, size_t name_len)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 || tar->depth == DEPTH_MAX ? NULL : fdopendir(fd);

	if (!dir) {
		err_errno(tar->err, "%s", tar->name);
		fd_close(&fd);
		tar->failed = true;
		return;
	}
	tar->levels[tar->depth++] = (struct level){dir, name_len};
}

static void add_entry(struct tar *tar, const char *entry)
{
	const struct level *here = &tar->levels[tar->depth - 1];
	size_t len = here->name_len + strlen(entry);
	char link[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (len + 2 > sizeof(tar->name) ||
		fstatat(dirfd(here->dir), entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	strcpy(tar->name + here->name_len, entry);
	if (S_ISDIR(st.st_mode)) {
		strcpy(tar->name + len, "/");
		put_head(tar, &st, '5', NULL);
		enter(tar, dirfd(here->dir), entry, len + 1);
	} else if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dirfd(here->dir), entry, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		put_head(tar, &st, '2', link);
	} else if (S_ISREG(st.st_mode)) {
		put_head(tar, &st, '0', NULL);
		tar->file = openat(dirfd(here->dir), entry, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		tar->left = (uint64_t)st.st_size;
		if (tar->file < 0) {
			err_errno(tar->err, "%s", tar->name);
			tar->failed = true;
		}
	}
}

/* The next piece of the file at hand, with what fills its last block. */
static void add_content(struct tar *tar)
{
	size_t want = tar->left < 65536 ? (size_t)tar->left : 65536;
	ssize_t n = buf_reserve(&tar->ready, want + BLOCK)
			    ? read(tar->file, tar->ready.data + tar->ready.len, want)
			    : -1;

	if (n < 0 || (n == 0 && tar->left)) {
		err_set(tar->err, EIO, "%s: it changed while it was read", tar->name);
		tar->failed = true;
		return;
	}
	tar->ready.len += (size_t)n;
	tar->left -= (uint64_t)n;
	if (tar->left)
		return;
	fd_close(&tar->file);
	while (tar->ready.len % BLOCK)
		buf_add_char(&tar->ready, '\0');
}

static void make_more(struct tar *tar)
{
	static const char zeros[2 * BLOCK];
	struct dirent *entry;

	tar->ready.len = tar->taken = 0;
	while (tar->ready.len == 0 && !tar->failed && !tar->ended) {
		if (tar->file >= 0) {
			add_content(tar);
		} else if (tar->depth == 0) {
			buf_add(&tar->ready, zeros, sizeof(zeros));
			tar->ended = true;
		} else if ((entry = readdir(tar->levels[tar->depth - 1].dir))) {
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
				add_entry(tar, entry->d_name);
		} else {
			closedir(tar->levels[--tar->depth].dir);
		}
	}
}

static size_t give(char *data, size_t size, void *context)
{
	struct tar *tar = context;
	size_t n;

	if (tar->taken == tar->ready.len && !tar->ended)
		make_more(tar);
	if (tar->failed)
		return (size_t)-1;
	n = tar->ready.len - tar->taken;
	n = n < size ? n : size;
	memcpy(data, tar->ready.data + tar->taken, n);
	tar->taken += n;
	return n;
}

/* Lines "HOST ID PYTHON"; the last one for a host counts. */
static int record_image(const json_t *plan, const char *host, const char *id, struct err *err)
{
	const char *path = json_string_value(json_object_get(plan, "record"));
	const char *python = json_string_value(json_object_get(plan, "python"));
	cleanup_fd int fd =
		path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600)
		     : -1;
	char line[4096];
	int len = snprintf(line, sizeof(line), "%s %s %s\n", host, id, python ? python : "python3");

	if (fd < 0 || len >= (int)sizeof(line) || fd_write_all(fd, line, (size_t)len) < 0)
		return err_errno(err, "recording the image in %s", path ? path : "?");
	return 0;
}

bool image_recorded(const char *path, const char *host, char id[128], char python[256])
{
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	char found_host[2048], found_id[128], found_python[256];
	bool found = false;
	char *line, *save = NULL;

	if (file_read(path, &text, NULL) < 0 || !text.data)
		return false;
	for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%2047s %127s %255s", found_host, found_id, found_python) == 3 &&
			strcmp(found_host, host) == 0) {
			strcpy(id, found_id);
			strcpy(python, found_python);
			found = true;
		}
	return found;
}

/* As the daemon itself spells it. */
static int find_id(struct api *api, const char *digest, const json_t *plan, struct err *err)
{
	struct api_answer answer;
	char path[200];
	const char *id;
	int code;

	snprintf(path, sizeof(path), "/images/%s/json", digest);
	code = api_call(api, "GET", path, NULL, 60, &answer, err);
	if (code < 0)
		return code;
	id = json_string_value(json_object_get(answer.json, "Id"));
	if (answer.status != 200 || !id)
		code = api_refused(&answer, "looking at the image", err);
	else
		code = record_image(plan, api->host, id, err);
	if (code == 0)
		say("image", "%s", id);
	api_answer_free(&answer);
	return code;
}

int image_import(struct api *api, const json_t *plan, struct err *err)
{
	const char *dir = json_string_value(json_object_get(plan, "dir"));
	const char *tag = json_string_value(json_object_get(plan, "tag"));
	struct tar *tar = calloc(1, sizeof(*tar));
	struct api_upload upload = {.read = give, .context = tar};
	struct api_answer answer = {0};
	char path[400];
	int code;

	if (!tar || !dir || !tag) {
		free(tar);
		return err_set(err, EINVAL, "nothing to import");
	}
	tar->file = -1;
	tar->err = err;
	tar->ready.max = (size_t)1 << 20;
	enter(tar, AT_FDCWD, dir, 0);
	snprintf(path, sizeof(path), "/images/create?fromSrc=-&repo=localhost/pysbx&tag=%s", tag);
	code = tar->failed ? -err->code
			   : api_send(api, path, &upload, IMPORT_SECONDS, &answer, err);
	if (code == 0 && answer.status != 200)
		code = api_refused(&answer, "importing the image", err);
	if (code == 0)
		code = find_id(api, answer.digest, plan, err);
	api_answer_free(&answer);
	while (tar->depth)
		closedir(tar->levels[--tar->depth].dir);
	fd_close(&tar->file);
	buf_free(&tar->ready);
	free(tar);
	return code;
}
