/* What the timing programs share: all files of a corpus in memory, and the clock. */
#ifndef PYSBX_BENCH_CORPUS_H
#define PYSBX_BENCH_CORPUS_H

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "lexer/source.h"

#define FILES_MAX 20000

struct files {
	struct buf data[FILES_MAX];
	size_t count;
	size_t bytes;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Adds a file; one that cannot be read is passed over. */
static void read_file(struct files *files, const char *name)
{
	struct buf *buf = &files->data[files->count];
	FILE *file = fopen(name, "rb");
	size_t got;

	if (!file)
		return;
	*buf = (struct buf)BUF_INIT(SOURCE_MAX);
	while (buf_reserve(buf, 65536) && (got = fread(buf->data + buf->len, 1, 65536, file)) > 0)
		buf->len += got;
	fclose(file);
	files->bytes += buf->len;
	files->count++;
}

/* Reads the files named on standard input, one a line. */
static void read_names(struct files *files)
{
	char name[4096];

	while (files->count < FILES_MAX && fgets(name, sizeof(name), stdin)) {
		name[strcspn(name, "\n")] = '\0';
		read_file(files, name);
	}
}

static void free_files(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		buf_free(&files->data[i]);
}

#endif
