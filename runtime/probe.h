/*
 * What this host can isolate, found out by doing it: each check really makes the namespace, mounts
 * the file system, loads the filter, in a child that is thrown away. Nothing of the host is changed
 * and nothing stays behind.
 */
#ifndef PYSBX_RUNTIME_PROBE_H
#define PYSBX_RUNTIME_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/runtime.h"

enum probe_id {
#define PROBE(id, name, title, need, function) PROBE_##id,
#include "runtime/probe.def"
#undef PROBE
	PROBE_COUNT
};

/* What a check that fails costs. */
enum probe_need {
	PROBE_FOR_ALL,     /* without it nothing runs */
	PROBE_FOR_REDUCED, /* without it the tier is minimal at most, which --require must allow */
	PROBE_FOR_FULL,    /* without it the tier is reduced */
	PROBE_EXTRA,       /* good to have; no tier asks for it */
};

#define PROBE_DETAIL_MAX 256

struct probe_check {
	const char *name;  /* the word in JSON */
	const char *title; /* for a person */
	enum probe_need need;
	bool ok;
	bool tried;                    /* false: not tried, and detail says why */
	int error;                     /* errno of what failed, or 0 */
	char detail[PROBE_DETAIL_MAX]; /* what was found, or what went wrong */
	char remedy[ERR_REMEDY_MAX];   /* what to do about it; empty where ok or nothing helps */
};

struct probe {
	struct probe_check checks[PROBE_COUNT];
	bool available;      /* a run with the defaults works: it was done, or a daemon does it */
	enum rt_tier tier;   /* what a run reaches; RT_TIER_NONE if none is possible */
	const char *backend; /* "native", "docker" or NULL */
};

/* Tries everything; takes some tens of milliseconds. -errno only when it could not try at all. */
int rt_probe(struct probe *ret, struct err *err);

/*
 * After it: asks the Docker daemon that a run would take, by the program that speaks to daemons
 * (cli/libexec.h; -1: absent says why there is none). Where nothing else isolates it is what a run
 * takes, in tier reduced at the least; each run looks at its container anew.
 */
void rt_probe_docker(struct probe *probe, int program, const struct err *absent);

#endif
