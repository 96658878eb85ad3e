/* base/process.h: proc(5), /proc/PID/stat. */
#include "base/process.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define START_TIME_FIELD 22

unsigned long long process_start_time(long pid)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	unsigned long long ticks = 0;
	char path[64];
	char *field;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (file_read(path, &text, NULL) < 0 || !text.data)
		return 0;
	/* The second field is a name in brackets that may hold anything: the last one ends it. */
	field = strrchr(text.data, ')');
	/* Who is dead, though nobody has waited for him yet, is no process any more. */
	if (field && strncmp(field, ") Z", 3) == 0)
		return 0;
	for (int i = 2; field && i < START_TIME_FIELD; i++)
		field = strchr(field + 1, ' ');
	return field && sscanf(field, "%llu", &ticks) == 1 ? ticks : 0;
}
