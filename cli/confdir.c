/*
 * The system's configuration: one file, and the folder conf.d beside it, where packages and
 * administrators put pieces of their own.
 *
 * The files NAME.conf of the folder are read in the order of their names in bytes, hidden ones left
 * out. What a later one sets stands in for what an earlier one or the first file set, ceilings too.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cli/conffile.h"

#define FOLDER "conf.d"
#define SUFFIX ".conf"

static int is_piece(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > strlen(SUFFIX) &&
	       strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The later entries first, where they are found first. */
static int put_before(
	struct config *config, const struct config *later, struct arena *arena, struct err *err)
{
	struct config_entry *entries =
		arena_array(arena, config->count + later->count, sizeof(*entries));

	if (!later->count)
		return 0;
	if (!entries)
		return err_set(err, ENOMEM, "%s: no memory", later->path);
	memcpy(entries, later->entries, later->count * sizeof(*entries));
	if (config->count)
		memcpy(entries + later->count, config->entries, config->count * sizeof(*entries));
	config->entries = entries;
	config->count += later->count;
	return 0;
}

/* One file; its not being there is fine. */
static int read_piece(struct config *config, const char *path, struct arena *arena, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(CONFIG_MAX);
	struct config piece;
	int code = file_read(path, &text, err);

	if (code == -ENOENT || code == -ENOTDIR)
		return 0;
	if (code == 0)
		code = config_parse(buf_str(&text), path, true, arena, &piece, err);
	return code == 0 ? put_before(config, &piece, arena, err) : code;
}

static int read_folder(
	struct config *config, const char *folder, struct arena *arena, struct err *err)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, is_piece, by_name), code = 0;

	if (count < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set(err, errno, "%s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *path =
			code ? NULL : arena_printf(arena, "%s/%s", folder, names[i]->d_name);

		if (path)
			code = read_piece(config, path, arena, err);
		else if (code == 0)
			code = err_set(err, ENOMEM, "%s: no memory", folder);
		free(names[i]);
	}
	free(names);
	return code;
}

int config_read_system(const char *path, struct arena *arena, struct config *ret, struct err *err)
{
	const char *slash = strrchr(path, '/'), *folder;
	int code;

	*ret = (struct config){.path = path};
	code = read_piece(ret, path, arena, err);
	if (code < 0 || !slash)
		return code;
	folder = arena_printf(arena, "%.*s/" FOLDER, (int)(slash - path), path);
	return folder ? read_folder(ret, folder, arena, err)
		      : err_set(err, ENOMEM, "%s: no memory", path);
}
