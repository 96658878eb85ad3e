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

/*
 * Where a program has its catalogues that is not in its own bindir: beside it while it is where it
 * was built, in share/ when a whole bundle was unpacked or copied to some prefix.
 */
static bool find_beside(char *path, size_t size)
{
	static const char *const places[] = {"po/locale", "../share/locale"};
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
	if (strcmp(self, PYSBX_BINDIR) == 0)
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, size, "%s/%s", self, places[i]) < (int)size && is_ours(path))
			return true;
	}
	return false;
}

void nls_init(void)
{
	const char *locale = wanted_locale();
	char beside[PATH_MAX];

	if (is_english(locale))
		return;
	/*
	 * Where the system has no data for that locale the catalogue is still there to be read.
	 * Linked statically, where nothing else uses that category, libc takes any name for it; but
	 * of "" it would not look up the meaning.
	 */
	if (!setlocale(LC_MESSAGES, locale) &&
		(!setlocale(LC_MESSAGES, "C.UTF-8") || setenv("LANGUAGE", locale, 0) < 0))
		return;
	bindtextdomain(PACKAGE, find_beside(beside, sizeof(beside)) ? beside : PYSBX_LOCALEDIR);
	bind_textdomain_codeset(PACKAGE, "UTF-8");
	textdomain(PACKAGE);
	/*
	 * The guard may be sealed when it asks for a message, and no file can be opened then. A
	 * text that no catalogue has loads every one that may be asked; the one that each has, its
	 * header, makes libc look up once how to convert from its charset.
	 */
	(void)gettext("in no catalogue");
	(void)gettext("");
}

const char *nls_translate(const char *message)
{
	return gettext(message);
}
