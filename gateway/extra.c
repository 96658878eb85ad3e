/* No more tools than those of tools.c (gateway/extra.h). */
#include "gateway/extra.h"

void extra_list(json_t *list)
{
	(void)list;
}

bool extra_answer(
	struct mcp_peer *peer, const struct rpc_message *message, const char *name, bool modern)
{
	(void)peer;
	(void)message;
	(void)name;
	(void)modern;
	return false;
}
