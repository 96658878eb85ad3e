/* pysbx with a system file of the test's choosing: linked in place of cli/paths.c. */
#include <stdlib.h>

#include "cli/settings.h"

const char *settings_system_path(void)
{
	return getenv("PYSBX_TEST_SYSTEM_FILE");
}
