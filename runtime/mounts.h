/* What the supervisor and the verification need of the mount steps. */
#ifndef PYSBX_RUNTIME_MOUNTS_H
#define PYSBX_RUNTIME_MOUNTS_H

#include <stddef.h>
#include <stdint.h>

struct box;
struct rt_plan;

/* How many inodes a tmpfs of that many bytes gets. */
unsigned long long mounts_tmp_inodes(uint64_t bytes);

/*
 * Mount options of a tmpfs of that many bytes, inodes limited too, with room for that many links to
 * input files beside what the program is given; returns like snprintf.
 */
int mounts_tmp_options(uint64_t bytes, size_t links, char *text, size_t size);

/* The same of the root: room for what we put in ourselves, each input file with its directories. */
int mounts_root_options(const struct rt_plan *plan, char *text, size_t size);

/* Inside, after pivot_root: every mount has the flags it was meant to have. 0 or -errno, detail
 * set. */
int mounts_verify(struct box *box);

/*
 * Links to the input files in the directory "tmp" of the working directory, by their first parts;
 * sandbox: what leads from there to the directory that holds them. 0 or -errno, detail set.
 */
int mounts_link_inputs(struct box *box, const char *sandbox);

#endif
