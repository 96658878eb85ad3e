/*
 * What of the host appears inside: the interpreter, its library, shared libraries, zone data, as a
 * list of read-only binds and symbolic links, worked out without running anything.
 *
 * Places: an interpreter under /usr or /opt keeps its path; any other prefix (a home directory, a
 * build tree) appears as /opt/python, a virtual environment as /opt/venv, so that nothing inside
 * tells where it lives on the host. With a private root every source lies beneath that directory.
 * Sources: PEP 405 (pyvenv.cfg), CPython's Modules/getpath.py, elf(5), file-hierarchy(7).
 */
#ifndef PYSBX_RUNTIME_LAYOUT_H
#define PYSBX_RUNTIME_LAYOUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

#define LAYOUT_BINDS_MAX 32
#define LAYOUT_LINKS_MAX 32

struct rt_plan;

struct layout_bind {
	const char *source; /* on the host, resolved; no symbolic link on the way */
	const char *target; /* inside, absolute */
	dev_t device;       /* what the supervisor saw; the init must find the same */
	ino_t inode;
	bool is_directory;
};

struct layout_link {
	const char *path; /* inside, absolute */
	const char *text; /* what the link says */
};

struct layout {
	struct arena *arena; /* borrowed; holds every string */
	struct layout_bind binds[LAYOUT_BINDS_MAX];
	unsigned bind_count;
	struct layout_link links[LAYOUT_LINKS_MAX];
	unsigned link_count;
	const char *host_python;  /* the program that runs, as on the host */
	const char *python;       /* the same inside: what is executed */
	const char *bin;          /* its directory inside, for PATH */
	const char *library_path; /* LD_LIBRARY_PATH inside, or NULL */
	const char *venv_config;  /* text of a pyvenv.cfg to write, or NULL */
	const char *venv_config_path;
	unsigned minor; /* of Python 3 */

	/* For runs without a root of their own. */
	const char *host_start;       /* what is executed: of a venv its own name of it */
	const char *host_bin;         /* its directory, for PATH */
	const char *host_venv_config; /* the venv's pyvenv.cfg, or NULL */
};

/*
 * Works the layout out of the plan's interpreter, which is looked for unless the plan has it.
 * -ENOENT where there is no such interpreter, -ENOEXEC where it is a script or shim; err says what
 * to do. Strings may be the plan's.
 */
int layout_make(
	struct arena *arena, const struct rt_plan *plan, struct layout *ret, struct err *err);

#endif
