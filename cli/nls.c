/* Messages in the reader's language (cli/nls.h). */
#include "cli/nls.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

static const char *wanted_locale(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	const char *value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = getenv(names[i]);
		if (value && *value)
			return value;
	}
	return "C";
}

static bool is_english(const char *locale)
{
	return strcmp(locale, "C") == 0 || strncmp(locale, "C.", 2) == 0 ||
	       strcmp(locale, "POSIX") == 0 || strncmp(locale, "en", 2) == 0;
}

/* Nobody else's file may put words into our mouth. */
static bool is_ours(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* A program that runs where it was built has its catalogues beside it. */
static bool find_beside(char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len <= 0)
		return false;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return strcmp(self, PYSBX_BINDIR) != 0 &&
	       snprintf(path, size, "%s/po/locale", self) < (int)size && is_ours(path);
}

void nls_init(void)
{
	const char *locale = wanted_locale();
	char beside[PATH_MAX];

	if (is_english(locale))
		return;
	/* Where the system has no data for that locale the catalogue is still there to be read. */
	if (!setlocale(LC_MESSAGES, "") &&
		(!setlocale(LC_MESSAGES, "C.UTF-8") || setenv("LANGUAGE", locale, 0) < 0))
		return;
	bindtextdomain(PACKAGE, find_beside(beside, sizeof(beside)) ? beside : PYSBX_LOCALEDIR);
	bind_textdomain_codeset(PACKAGE, "UTF-8");
	textdomain(PACKAGE);
	/*
	 * Loads every catalogue that may be asked, which only a text that none has does: the guard
	 * may be sealed when it asks for one, and no file can be opened then.
	 */
	(void)gettext("in no catalogue");
}

const char *nls_translate(const char *message)
{
	return gettext(message);
}
