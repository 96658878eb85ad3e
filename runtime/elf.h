/*
 * What an ELF file needs to be loaded: its loader, the shared objects it names, where it says they
 * are. Source: elf(5), ld.so(8). Only files of this machine's class and byte order are read, and
 * nothing of them is trusted: offsets and counts are checked against the file.
 */
#ifndef PYSBX_RUNTIME_ELF_H
#define PYSBX_RUNTIME_ELF_H

#include <stddef.h>

#include "base/arena.h"

#define ELF_NEEDED_MAX 64 /* shared objects that one file may name; the rest is not read */

struct elf_needs {
	const char *loader; /* PT_INTERP; NULL: none */
	const char *names[ELF_NEEDED_MAX];
	size_t count;
	const char *runpath; /* DT_RUNPATH, else DT_RPATH: directories between ':'; NULL: none */
};

/* Reads them into the arena. 0; -ENOEXEC for anything that is no such file; else -errno. */
int elf_read(struct arena *arena, int fd, struct elf_needs *ret);

#endif
