/* runtime/etc.h: a synthetic /etc. */
#include "runtime/etc.h"

const struct etc_file etc_files[] = {
	{"etc/passwd", "root:x:0:0:root:/:/sbin/nologin\n"
		       "nobody:x:65534:65534:nobody:/tmp:/sbin/nologin\n"},
	{"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
	{"etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
};

const size_t etc_file_count = sizeof(etc_files) / sizeof(etc_files[0]);
