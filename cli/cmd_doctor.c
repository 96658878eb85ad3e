/* pysbx doctor: what this host can isolate, and the remedy for what it cannot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/libexec.h"
#include "runtime/probe.h"

static const char usage[] =
	"usage: pysbx doctor [--json]\n"
	"\n"
	"Tries everything that a run is isolated with and says what works here, what does not, "
	"and\n"
	"what to do about it. Nothing of the host is changed.\n"
	"\n"
	"      --json   one JSON object on one line\n"
	"  -h, --help   this text\n"
	"\n"
	"Exit status: 0 if `pysbx run` works here, 1 if it would refuse, 2 on wrong usage.\n";

static const char *verdict(const struct probe_check *check)
{
	if (check->ok)
		return "ok";
	if (!check->tried)
		return "-";
	if (check->need == PROBE_FOR_ALL || check->need == PROBE_FOR_REDUCED)
		return "no";
	return check->need == PROBE_FOR_FULL ? "weak" : "-";
}

/* One remedy that is good for several checks in a row is said once. */
static void print_check(
	struct buf *out, const struct probe_check *check, const struct probe_check *before)
{
	buf_printf(out, "%-5s %s: %s\n", verdict(check), check->title, check->detail);
	if (check->remedy[0] && (!before || strcmp(before->remedy, check->remedy) != 0))
		buf_printf(out, "        help: %s\n", check->remedy);
}

static void print_text(struct buf *out, const struct probe *probe)
{
	for (size_t i = 0; i < PROBE_COUNT; i++)
		print_check(out, &probe->checks[i], i ? &probe->checks[i - 1] : NULL);
	if (probe->available)
		buf_printf(out, "\npysbx run works here: backend %s, isolation tier %s.\n",
			probe->backend, rt_tier_word(probe->tier));
	else if (probe->tier == RT_TIER_MINIMAL)
		buf_printf(out, "\npysbx run would refuse here; with --require minimal it works, "
				"isolation tier minimal.\n");
	else
		buf_printf(out, "\npysbx run would refuse here.\n");
}

static void print_json(struct buf *out, const struct probe *probe)
{
	struct json json;

	json_init(&json, out);
	json_object(&json, NULL);
	json_int(&json, "schema", 1);
	json_bool(&json, "available", probe->available);
	json_text(&json, "tier", rt_tier_word(probe->tier));
	json_text(&json, "backend", probe->backend);
	json_array(&json, "checks");
	for (size_t i = 0; i < PROBE_COUNT; i++) {
		const struct probe_check *check = &probe->checks[i];

		json_object(&json, NULL);
		json_text(&json, "name", check->name);
		json_bool(&json, "ok", check->ok);
		json_text(&json, "detail", check->detail);
		json_text(&json, "remedy", check->remedy);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}

/* The host and the sockets are those that `pysbx run` takes without an option. */
static void ask_docker(struct probe *probe)
{
	struct err absent = {0};
	cleanup_fd int program = libexec_open("docker", "pysbx-docker", &absent);

	rt_probe_docker(probe, program, &absent);
}

static int examine(bool as_json)
{
	cleanup_buf struct buf out = BUF_INIT(256 << 10);
	struct err err = {0};
	struct probe probe;

	if (rt_probe(&probe, &err) < 0) {
		cli_report(&err);
		return CLI_FAILED;
	}
	ask_docker(&probe);
	if (as_json)
		print_json(&out, &probe);
	else
		print_text(&out, &probe);
	return cli_finish(&out, probe.available ? CLI_OK : CLI_FAILED, CLI_FAILED);
}

int cmd_doctor(int argc, char **argv)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 10);
	bool as_json = false;
	struct err err = {0};

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json")) {
			as_json = true;
		} else if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			buf_add_text(&out, usage);
			return cli_finish(&out, CLI_OK, CLI_FAILED);
		} else {
			err_set(&err, EINVAL, "doctor: unexpected '%s'", argv[i]);
			err_remedy(&err, "only --json is known");
			return cli_usage(CLI_USAGE, "doctor", &err);
		}
	return examine(as_json);
}
