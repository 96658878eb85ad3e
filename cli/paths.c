/*
 * Where the system's configuration is: alone in its file, so that a test program can be linked with
 * another place.
 */
#include "cli/settings.h"

const char *settings_system_path(void)
{
	return PYSBX_SYSCONFDIR "/pysbx/pysbx.conf";
}
