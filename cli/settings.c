/*
 * The order of settings, profiles and ceilings.
 */
#include "cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/values.h"

#define VARIABLE_PREFIX "PYSBX_"
#define PROFILES_MAX    64

/* PYSBX_PIDS_LIMIT for pids-limit. */
static void variable_name(enum option_id id, char *name, size_t size)
{
	size_t len = (size_t)snprintf(name, size, VARIABLE_PREFIX "%s", option_rows[id].name);

	for (size_t i = sizeof(VARIABLE_PREFIX) - 1; i < len && i < size; i++)
		name[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
}

static const char *variable_value(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

/* "--memory", "PYSBX_MEMORY", "FILE:LINE:COLUMN: memory" and "profile NAME": for messages. */
static void describe(const struct setting *setting, enum option_id id, char *text, size_t size)
{
	const char *name = option_rows[id].name;

	if (setting->entry)
		snprintf(text, size, "%s:%u:%u: %s", setting->entry->path, setting->entry->line,
			setting->entry->column, name);
	else if (setting->profile)
		snprintf(text, size, "profile %s: %s", setting->profile, name);
	else if (setting->from == FROM_ENVIRONMENT)
		variable_name(id, text, size);
	else
		snprintf(text, size, "--%s", name);
}

static int read_value(struct setting *setting, enum option_id id, struct err *err)
{
	char where[512];
	int code = value_read(id, setting->text, &setting->number, err);

	if (code == 0)
		return 0;
	describe(setting, id, where, sizeof(where));
	return err_wrap(err, "%s", where);
}

static struct setting from_entry(const struct config_entry *entry, enum setting_from from)
{
	return (struct setting){.text = entry->value,
		.number = entry->number,
		.from = from,
		.profile = entry->profile,
		.entry = entry};
}

/* What one place sets by itself. An empty variable counts as not set. */
static struct setting look_up(const struct settings *settings, enum option_id id,
	enum setting_from from, char *const *environment)
{
	struct setting none = {.from = from};
	const struct config_entry *entry;
	const char *text;
	char name[64];

	switch (from) {
	case FROM_COMMAND_LINE:
		none.text = settings->line->values[id];
		return none;
	case FROM_ENVIRONMENT:
		if (!(option_rows[id].where & IN_ENV))
			return none;
		variable_name(id, name, sizeof(name));
		text = variable_value(environment, name);
		none.text = text && *text ? text : NULL;
		return none;
	case FROM_BUILT_IN:
		none.text = option_rows[id].standard;
		return none;
	default:
		entry = config_find(&settings->files[from], id, NULL);
		return entry ? from_entry(entry, from) : none;
	}
}

static const char *built_in_profile_value(enum option_id id, const char *profile)
{
	if (!option_rows[id].tight)
		return NULL;
	if (strcmp(profile, "default") == 0)
		return option_rows[id].standard;
	return strcmp(profile, "tight") == 0 ? option_rows[id].tight : NULL;
}

static bool profile_exists(const struct settings *settings, const char *profile)
{
	if (strcmp(profile, "default") == 0 || strcmp(profile, "tight") == 0)
		return true;
	for (int from = FROM_CONFIG_FILE; from <= FROM_SYSTEM_FILE; from++)
		if (config_has_profile(&settings->files[from], profile))
			return true;
	return false;
}

static int unknown_profile(
	const struct settings *settings, const struct setting *setting, struct err *err)
{
	const char *names[PROFILES_MAX] = {"default", "tight"};
	size_t count = 2;
	const char *nearest;
	char where[512];

	for (int from = FROM_CONFIG_FILE; from <= FROM_SYSTEM_FILE; from++)
		for (size_t i = 0; i < settings->files[from].count && count < PROFILES_MAX; i++)
			if (settings->files[from].entries[i].profile)
				names[count++] = settings->files[from].entries[i].profile;
	nearest = cli_nearest(setting->text, names, count);
	describe(setting, OPT_PROFILE, where, sizeof(where));
	err_set(err, EINVAL, "%s: there is no profile '%s'", where, setting->text);
	if (nearest)
		err_remedy(err, "did you mean '%s'?", nearest);
	else
		err_remedy(err, "built in: default, tight; others are [profile NAME] sections of a "
				"configuration file");
	return -EINVAL;
}

/* One option of a profile that was named at `from`. */
static int apply_profile_value(struct settings *settings, enum option_id id, const char *profile,
	enum setting_from from, struct err *err)
{
	struct setting *setting = &settings->of[id];
	const struct config_entry *entry = NULL;

	for (int at = FROM_CONFIG_FILE; at <= FROM_SYSTEM_FILE && !entry; at++) {
		entry = config_find(&settings->files[at], id, profile);
		if (entry)
			*setting = from_entry(entry, from);
	}
	if (entry)
		return 0;
	*setting = (struct setting){
		.text = built_in_profile_value(id, profile), .from = from, .profile = profile};
	return setting->text ? read_value(setting, id, err) : 0;
}

static int apply_profile(struct settings *settings, unsigned on, const char *profile,
	enum setting_from from, struct err *err)
{
	int code = 0;

	settings->profile = profile;
	for (int i = 0; i < OPT_COUNT && code == 0; i++)
		if ((option_rows[i].where & on) && !settings->of[i].text)
			code = apply_profile_value(settings, (enum option_id)i, profile, from, err);
	return code;
}

static int apply_place(struct settings *settings, unsigned on, enum setting_from from,
	char *const *environment, struct err *err)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		enum option_id id = (enum option_id)i;
		struct setting setting;

		if (!(option_rows[i].where & on) || option_rows[i].kind == OPTION_LIST)
			continue;
		setting = look_up(settings, id, from, environment);
		if (!setting.text)
			continue;
		/* Checked also where a higher place has its say already. */
		if (read_value(&setting, id, err) < 0)
			return -EINVAL;
		if (!settings->of[id].text)
			settings->of[id] = setting;
	}
	if (settings->profile || !settings->of[OPT_PROFILE].text)
		return 0;
	if (!profile_exists(settings, settings->of[OPT_PROFILE].text))
		return unknown_profile(settings, &settings->of[OPT_PROFILE], err);
	return apply_profile(settings, on, settings->of[OPT_PROFILE].text, from, err);
}

static int over_ceiling(const struct setting *setting, enum option_id id,
	const struct config_entry *ceiling, struct err *err)
{
	char where[512];

	describe(setting, id, where, sizeof(where));
	err_set(err, EINVAL, "%s: %s is over the ceiling %s set at %s:%u", where, setting->text,
		ceiling->value, ceiling->path, ceiling->line);
	err_remedy(err, "ask for %s at the most, or have the ceiling raised", ceiling->value);
	return -EINVAL;
}

static int keep_under_ceiling(struct settings *settings, enum option_id id, struct err *err)
{
	const struct config *system = &settings->files[FROM_SYSTEM_FILE];
	const struct config_entry *ceiling = config_ceiling(system, id);
	struct setting *setting = &settings->of[id];

	if (!ceiling || !setting->text || setting->number <= ceiling->number)
		return 0;
	if (setting->from != FROM_BUILT_IN || setting->entry)
		return over_ceiling(setting, id, ceiling, err);
	/* Nobody asked for the built-in value: it gives way. */
	*setting = from_entry(ceiling, FROM_SYSTEM_FILE);
	return 0;
}

/* CPU time is the wall clock's where nobody says otherwise. */
static void derive_cpu_time(struct settings *settings)
{
	struct setting *cpu_time = &settings->of[OPT_CPU_TIME];

	if (cpu_time->text)
		return;
	*cpu_time = settings->of[OPT_TIMEOUT];
	cpu_time->from = FROM_BUILT_IN;
	cpu_time->entry = NULL;
}

static int check_ceilings(struct settings *settings, unsigned on, struct err *err)
{
	int code = 0;

	for (int i = 0; i < OPT_COUNT && code == 0; i++)
		if (option_is_limit(&option_rows[i]) && (option_rows[i].where & on))
			code = keep_under_ceiling(settings, (enum option_id)i, err);
	return code;
}

/* A file that is not there is fine unless it was asked for by name. */
static int read_file(
	struct settings *settings, const char *path, enum setting_from from, struct err *err)
{
	struct buf *text = arena_new_object(settings->arena, struct buf);
	int code;

	if (!path)
		return 0;
	if (!text)
		return err_set(err, ENOMEM, "%s: no memory", path);
	text->max = CONFIG_MAX;
	code = file_read(path, text, err);
	if ((code == -ENOENT || code == -ENOTDIR) && from != FROM_CONFIG_FILE)
		code = 0;
	else if (code == 0)
		code = config_parse(
			buf_str(text), path, false, settings->arena, &settings->files[from], err);
	else if (code == -ENOENT)
		err_set(err, ENOENT, "--config %s: file not found", path);
	buf_free(text);
	return code;
}

static const char *config_option(const struct command_line *line, char *const *environment)
{
	const char *path = line->values[OPT_CONFIG];

	if (!path)
		path = variable_value(environment, VARIABLE_PREFIX "CONFIG");
	return path && *path ? path : NULL;
}

#define VARIABLE_MAX 48

/* The setting whose variable is nearest to `name`; OPT_COUNT: none, or one is exactly that. */
static enum option_id nearly_variable(const char *name)
{
	const size_t skip = sizeof(VARIABLE_PREFIX) - 1;
	char names[OPT_COUNT][VARIABLE_MAX];
	const char *list[OPT_COUNT];
	const char *near;

	for (int i = 0; i < OPT_COUNT; i++) {
		names[i][0] = names[i][skip] = '\0';
		if (option_rows[i].where & IN_ENV)
			variable_name((enum option_id)i, names[i], VARIABLE_MAX);
		if (strcmp(names[i], name) == 0)
			return OPT_COUNT;
		list[i] = names[i] + skip;
	}
	near = cli_nearest(name + skip, list, OPT_COUNT);
	for (int i = 0; i < OPT_COUNT; i++)
		if (near && *near && list[i] == near)
			return (enum option_id)i;
	return OPT_COUNT;
}

/* A misspelt PYSBX_MEMROY must not pass in silence; what is near no setting is another's. */
static void find_stray(struct settings *settings, char *const *environment)
{
	static const struct str prefix = STR_INIT(VARIABLE_PREFIX);
	char near_name[VARIABLE_MAX];

	for (; environment && *environment; environment++) {
		struct str name = str_from(*environment, strcspn(*environment, "="));
		enum option_id near;
		char *copy;

		if (!str_starts(name, prefix))
			continue;
		copy = arena_strdup(settings->arena, name);
		near = copy ? nearly_variable(copy) : OPT_COUNT;
		if (near == OPT_COUNT)
			continue;
		variable_name(near, near_name, sizeof(near_name));
		settings->stray_variable = copy;
		settings->stray_near = arena_strdup(settings->arena, str_of(near_name));
		return;
	}
}

int settings_resolve(const struct command_line *line, unsigned on, char *const *environment,
	const struct settings_places *places, struct arena *arena, struct settings *ret,
	struct err *err)
{
	int code;

	*ret = (struct settings){.line = line, .arena = arena};
	code = read_file(ret, config_option(line, environment), FROM_CONFIG_FILE, err);
	if (code == 0)
		code = read_file(ret, places->user, FROM_USER_FILE, err);
	if (code == 0)
		code = places->system ? config_read_system(places->system, arena,
						&ret->files[FROM_SYSTEM_FILE], err)
				      : 0;
	for (int from = 0; from < FROM_BUILT_IN && code == 0; from++)
		code = apply_place(ret, on, (enum setting_from)from, environment, err);
	if (code == 0 && !ret->profile)
		code = apply_profile(ret, on, "default", FROM_BUILT_IN, err);
	if (code == 0)
		code = apply_place(ret, on, FROM_BUILT_IN, environment, err);
	if (code < 0)
		return code;
	derive_cpu_time(ret);
	find_stray(ret, environment);
	return check_ceilings(ret, on, err);
}

/*
 * A variable's directory, NULL where it is not absolute (the XDG base directory specification: to
 * be ignored) or belongs to somebody else: under `sudo` and `su` HOME may still be another user's,
 * whose settings must neither steer this one's runs nor, being unreadable, forbid them.
 */
static const char *own_directory(const char *variable)
{
	const char *path = getenv(variable);
	struct stat st;

	if (!path || path[0] != '/')
		return NULL;
	return stat(path, &st) == 0 && st.st_uid != geteuid() ? NULL : path;
}

int settings_places(struct arena *arena, struct settings_places *ret)
{
	const char *config_home = own_directory("XDG_CONFIG_HOME");
	const char *home = own_directory("HOME");

	*ret = (struct settings_places){.system = settings_system_path()};
	if (config_home)
		ret->user = arena_printf(arena, "%s/pysbx/pysbx.conf", config_home);
	else if (home)
		ret->user = arena_printf(arena, "%s/.config/pysbx/pysbx.conf", home);
	else
		return 0;
	return ret->user ? 0 : -ENOMEM;
}
