/* runtime/ids.h: choosing ids from what the caller's user namespace maps (user_namespaces(7)). */
#include "runtime/ids.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/caps.h"

#define RANGES_MAX 340 /* lines of a map: UID_GID_MAP_MAX_EXTENTS of Linux 4.15 on */

struct range {
	uint64_t first; /* as seen here */
	uint64_t outside;
	uint64_t count;
};

static unsigned read_ranges(const char *path, struct range ranges[RANGES_MAX])
{
	struct buf text = BUF_INIT(65536);
	unsigned count = 0;
	char *line;

	if (file_read(path, &text, NULL) < 0)
		text.len = 0;
	for (line = text.len ? text.data : NULL; line && count < RANGES_MAX;
		line = strchr(line, '\n')) {
		struct range *range = &ranges[count];
		unsigned long long first, outside, length;

		line += *line == '\n';
		if (sscanf(line, "%llu %llu %llu", &first, &outside, &length) != 3)
			break;
		*range = (struct range){first, outside, length};
		count++;
	}
	buf_free(&text);
	return count;
}

static bool has(const struct range *range, uint64_t id)
{
	return id >= range->first && id - range->first < range->count;
}

/* An id that is neither root's nor the caller's; 0 where there is none. */
static unsigned pick(const struct range *ranges, unsigned count, unsigned salt, unsigned own)
{
	const struct range *largest = NULL;
	uint64_t wanted = (uint64_t)IDS_BASE + salt, half;
	unsigned i, id;

	for (i = 0; i < count; i++) {
		if (has(&ranges[i], wanted))
			return (unsigned)wanted;
		if (!largest || ranges[i].count > largest->count)
			largest = &ranges[i];
	}
	if (!largest || largest->count < 4)
		return 0;
	half = largest->count / 2;
	id = (unsigned)(largest->first + largest->count - 1 - salt % half);
	return id == own ? id - 1 : id;
}

/* What an id of ours is outside of our user namespace; itself where that cannot be told. */
static uint64_t outside_of(const struct range *ranges, unsigned count, unsigned id)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (has(&ranges[i], id))
			return ranges[i].outside + (id - ranges[i].first);
	return id;
}

int ids_choose(unsigned salt, struct ids *ret, struct err *err)
{
	struct range uids[RANGES_MAX], gids[RANGES_MAX];
	unsigned uid_count = read_ranges("/proc/self/uid_map", uids);
	unsigned gid_count = read_ranges("/proc/self/gid_map", gids);

	if (caps_has_setuid()) {
		ret->uid = pick(uids, uid_count, salt, geteuid());
		ret->gid = pick(gids, gid_count, salt, getegid());
		ret->own = true;
		if (ret->uid && ret->gid)
			return 0;
	}
	*ret = (struct ids){.uid = geteuid(), .gid = getegid(), .own = false};
	/* Root of a namespace is somebody else outside; the host's root is nobody's to lend. */
	if (ret->uid != 0 || outside_of(uids, uid_count, 0) != 0)
		return 0;
	err_set(err, EPERM,
		"root without CAP_SETUID and CAP_SETGID, or without any other id to map: the "
		"program "
		"would be root outside");
	err_remedy(err, "run pysbx as a plain user, or give it both capabilities");
	return -EPERM;
}
