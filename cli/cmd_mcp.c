/* pysbx mcp: becomes the gateway, a program of its own (gateway/), and tells it who started it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/libexec.h"

#define ROOM    "gateway"
#define PROGRAM "pysbx-mcp"

/* The gateway runs pysbx by this descriptor, so by the very file that runs here. */
static int become(int program, int self, int argc, char **argv, struct err *err)
{
	cleanup_free char **words = calloc((size_t)argc + 2, sizeof(*words));
	char name[] = PROGRAM, option[32];

	if (!words)
		return err_set(err, ENOMEM, "no memory");
	if (fcntl(self, F_SETFD, 0) < 0)
		return err_errno(err, "descriptor of pysbx");
	snprintf(option, sizeof(option), "--pysbx-fd=%d", self);
	words[0] = name;
	words[1] = option;
	for (int i = 1; i < argc; i++)
		words[i + 1] = argv[i];
	errno = -libexec_exec(program, words);
	return err_errno(err, "%s", PROGRAM);
}

int cmd_mcp(int argc, char **argv)
{
	struct err err = {0};
	cleanup_fd int program = libexec_open(ROOM, PROGRAM, &err);
	cleanup_fd int self = program < 0 ? -1 : libexec_open_self(&err);

	if (program >= 0 && self >= 0)
		become(program, self, argc, argv, &err);
	else if (err.code == ENOENT)
		err_remedy(&err, "the gateway is built where jansson and libmicrohttpd are found "
				 "(./configure says so); of packages it is pysbx-gateway");
	err_wrap(&err, "mcp");
	cli_report(&err);
	return CLI_FAILED;
}
