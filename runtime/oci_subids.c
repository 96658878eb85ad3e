/* runtime/oci_internal.h: a plain user's subordinate ids. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/oci_internal.h"

#define FILE_MAX ((size_t)1 << 20)
#define ID_LIMIT UINT64_C(0xfffffffe)

/* A line "NAME:FIRST:COUNT", NAME being a user's name or number. */
static bool take_line(const char *line, const char *name, uint64_t *ret_first, uint64_t *ret_count)
{
	unsigned long long first, count;
	size_t len = strlen(name);

	if (strncmp(line, name, len) != 0 || line[len] != ':' ||
		sscanf(line + len + 1, "%llu:%llu", &first, &count) != 2)
		return false;
	if (first == 0 || count == 0 || first >= ID_LIMIT || count > ID_LIMIT - first)
		return false;
	*ret_first = first;
	*ret_count = count;
	return true;
}

/* The caller's name by /etc/passwd (passwd(5)), else his number: those are what the files have. */
static void user_name(char *name, size_t size)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
	unsigned id;

	snprintf(name, size, "%u", getuid());
	if (file_read("/etc/passwd", &text, NULL) < 0 || !text.len || !buf_add_char(&text, '\0'))
		return;
	for (const char *line = text.data; *line; line += *line == '\n') {
		if (sscanf(line, "%*[^:\n]:%*[^:\n]:%u", &id) == 1 && id == getuid()) {
			snprintf(name, size, "%.*s", (int)strcspn(line, ":"), line);
			return;
		}
		line = strchrnul(line, '\n');
	}
}

/* One id of the first range that is the user's; 0: there is none. */
static uint64_t pick(const char *path, const char *name, const char *number, unsigned salt)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
	uint64_t first, count;

	if (file_read(path, &text, NULL) < 0 || !text.len || !buf_add_char(&text, '\0'))
		return 0;
	for (const char *line = text.data; *line; line += *line == '\n') {
		if (take_line(line, name, &first, &count) ||
			take_line(line, number, &first, &count))
			return first + salt % count;
		line = strchrnul(line, '\n');
	}
	return 0;
}

int oci_subordinate_ids(struct oci *oci, unsigned salt, struct err *err)
{
	char number[16], name[256];

	snprintf(number, sizeof(number), "%u", getuid());
	user_name(name, sizeof(name));
	oci->maps_ids = true;
	oci->uids = (struct oci_map){
		.root = geteuid(), .nobody = pick("/etc/subuid", name, number, salt)};
	oci->gids = (struct oci_map){
		.root = getegid(), .nobody = pick("/etc/subgid", name, number, salt)};
	if (!oci->uids.nobody || !oci->gids.nobody) {
		err_set(err, ENOTSUP, "user %s has no subordinate ids for the container in %s",
			name, oci->uids.nobody ? "/etc/subgid" : "/etc/subuid");
		err_remedy(err,
			"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
			"%s; or use --backend native",
			name);
		return -ENOTSUP;
	}
	if (access("/usr/bin/newuidmap", X_OK) < 0 || access("/usr/bin/newgidmap", X_OK) < 0) {
		err_set(err, ENOTSUP,
			"newuidmap and newgidmap, which map subordinate ids, are "
			"not installed");
		err_remedy(err, "install them (Debian: apt-get install uidmap), or use --backend "
				"native");
		return -ENOTSUP;
	}
	return 0;
}
