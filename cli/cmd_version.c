/* pysbx version: what this program is and was built with. */
#include <errno.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "base/json.h"
#include "base/pyversion.h"
#include "cli/cli.h"
#include "cli/values.h"
#include "guard/guard.h"

/* What ./configure decided; "+name" built in, "-name" left out. */
static const char *const features[] = {
#ifdef __SANITIZE_ADDRESS__
	"+asan",
#else
	"-asan",
#endif
#ifdef __PIE__
	"+pie",
#else
	"-pie",
#endif
#if defined(PYSBX_STATIC) && PYSBX_STATIC
	"+static",
#else
	"-static",
#endif
};

#define FEATURE_COUNT (sizeof(features) / sizeof(features[0]))

static void version_text(struct buf *out)
{
	char oldest[8], newest[8];

	buf_printf(out,
		"pysbx %s\nPython %s to %s; default policy %s\nbuilt with:", PACKAGE_VERSION,
		value_version_text(PYTHON_MINOR_OLDEST, oldest),
		value_version_text(PYTHON_MINOR_NEWEST, newest), GUARD_POLICY_DEFAULT);
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		buf_printf(out, " %s", features[i]);
	buf_add_char(out, '\n');
}

static void version_json(struct buf *out)
{
	struct json json;
	char text[8];

	json_init(&json, out);
	json_object(&json, NULL);
	json_int(&json, "schema", 1);
	json_text(&json, "name", PACKAGE_NAME);
	json_text(&json, "version", PACKAGE_VERSION);
	json_array(&json, "python");
	for (unsigned minor = PYTHON_MINOR_OLDEST; minor <= PYTHON_MINOR_NEWEST; minor++)
		json_text(&json, NULL, value_version_text(minor, text));
	json_array_end(&json);
	json_array(&json, "policies");
	for (size_t i = 0; guard_policy_names[i]; i++)
		json_text(&json, NULL, guard_policy_names[i]);
	json_array_end(&json);
	json_text(&json, "default_policy", GUARD_POLICY_DEFAULT);
	json_object(&json, "features");
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		json_bool(&json, features[i] + 1, features[i][0] == '+');
	json_object_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}

int cmd_version(int argc, char **argv)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 10);
	const char *option = argc > 1 ? argv[1] : NULL;
	struct err err = {0};

	if (argc > 2 || (option && strcmp(option, "--json") != 0 && strcmp(option, "--help") != 0 &&
				strcmp(option, "-h") != 0)) {
		err_set(&err, EINVAL, "version: unexpected '%s'", argc > 2 ? argv[2] : option);
		err_remedy(&err, "only --json is known");
		return cli_usage(CLI_USAGE, "version", &err);
	}
	if (!option)
		version_text(&out);
	else if (strcmp(option, "--json") == 0)
		version_json(&out);
	else
		buf_add_text(&out,
			"usage: pysbx version [--json]\n\n"
			"Prints the version, the Pythons it parses and how it was built.\n");
	return cli_finish(&out, CLI_OK, CLI_FAILED);
}
