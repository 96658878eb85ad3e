/*
 * Tools that answer by themselves, without a run. What is shipped has none (gateway/extra.c); the
 * build that the conformance suite is put before has those that it asks for by name
 * (tests/tools/mcp_fixtures.c).
 */
#ifndef PYSBX_GATEWAY_EXTRA_H
#define PYSBX_GATEWAY_EXTRA_H

#include "gateway/mcp.h"

/* Adds their descriptions to an array. */
void extra_list(json_t *list);

/* Answers the call of the tool with that name. False: it is none of them. */
bool extra_answer(
	struct mcp_peer *peer, const struct rpc_message *message, const char *name, bool modern);

#endif
