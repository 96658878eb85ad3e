/* runtime/probe.h: the checks in order, and what they add up to. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/probe_internal.h"

static const struct {
	const char *name;
	const char *title;
	enum probe_need need;
	probe_function *function;
} probes[] = {
#define PROBE(id, name, title, need, function) {name, title, PROBE_##need, function},
#include "runtime/probe.def"
#undef PROBE
};

_Static_assert(sizeof(probes) / sizeof(probes[0]) == PROBE_COUNT, "a line per check");

static void __attribute__((format(printf, 2, 0)))
say(struct probe_check *check, const char *format, va_list args)
{
	vsnprintf(check->detail, sizeof(check->detail), format, args);
}

void probe_ok(struct probe_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(check, format, args);
	va_end(args);
	check->tried = check->ok = true;
}

void probe_failed(struct probe_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(check, format, args);
	va_end(args);
	check->tried = true;
	check->ok = false;
}

void probe_untried(struct probe_check *check, const char *why)
{
	check->tried = check->ok = false;
	if (why)
		snprintf(check->detail, sizeof(check->detail), "not tried: needs %s", why);
}

void probe_remedy(struct probe_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->remedy, sizeof(check->remedy), format, args);
	va_end(args);
}

/* The tier that the single checks allow, for when the whole run fails for another reason. */
static enum rt_tier tier_of_checks(const struct probe *probe)
{
	enum rt_tier tier = RT_TIER_FULL;

	for (size_t i = 0; i < PROBE_COUNT; i++) {
		const struct probe_check *check = &probe->checks[i];

		if (check->ok || i == PROBE_RUN || i == PROBE_PYTHON)
			continue;
		if (check->need == PROBE_FOR_ALL)
			return RT_TIER_NONE;
		/* A run there was done, or there is none to be had. */
		if (check->need == PROBE_FOR_REDUCED)
			return probe->checks[PROBE_MINIMAL].ok ? RT_TIER_MINIMAL : RT_TIER_NONE;
		if (check->need == PROBE_FOR_FULL)
			tier = RT_TIER_REDUCED;
	}
	return tier;
}

static void probe_all(struct probe *probe)
{
	for (size_t i = 0; i < PROBE_COUNT; i++) {
		probe->checks[i].name = probes[i].name;
		probe->checks[i].title = probes[i].title;
		probe->checks[i].need = probes[i].need;
	}
	for (size_t i = 0; i < PROBE_COUNT; i++)
		if (probes[i].function)
			probes[i].function(probe, &probe->checks[i]);
	probe->available = probe->checks[PROBE_RUN].ok;
	if (!probe->available)
		probe->tier = tier_of_checks(probe);
}

int rt_probe(struct probe *ret, struct err *err)
{
	/* Shared, so that what children find out is seen here. */
	struct probe *probe = mmap(
		NULL, sizeof(*probe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (probe == MAP_FAILED)
		return err_errno(err, "mmap");
	probe_all(probe);
	*ret = *probe;
	munmap(probe, sizeof(*probe));
	return 0;
}
