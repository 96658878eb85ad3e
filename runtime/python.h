/*
 * Finding an interpreter: which file, which version, which prefix. Reads files, runs nothing.
 */
#ifndef PYSBX_RUNTIME_PYTHON_H
#define PYSBX_RUNTIME_PYTHON_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/* The directory of shared objects of this architecture on multiarch systems. */
#if defined(__x86_64__)
#define PYTHON_MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define PYTHON_MULTIARCH "aarch64-linux-gnu"
#else
#error "pysbx knows the library directories of x86_64 and aarch64 only"
#endif

struct python {
	const char *path;    /* as found or given, absolute, links unresolved (tells a venv) */
	const char *program; /* the ELF file itself */
	const char *prefix;  /* of the base installation: holds lib/python3.N */
	const char *lib;     /* "lib" or "lib64": where python3.N lies below prefix */
	const char *venv;    /* the virtual environment's directory, or NULL */
	const char *loader;  /* PT_INTERP of program, or NULL */
	unsigned minor;
	bool venv_sees_system; /* its pyvenv.cfg: include-system-site-packages */
	const char *root;      /* "", or the private root's own path, without a slash at its end */
};

/*
 * wanted: as --python, NULL for the default. rootfs: as --rootfs, NULL for none; with one, paths in
 * *ret begin at that root, and links are followed inside it only. Strings live in the arena.
 * -ENOENT where there is no such file, interpreter or root.
 */
int python_find(struct arena *arena, const char *wanted, const char *rootfs, struct python *ret,
	struct err *err);

#endif
