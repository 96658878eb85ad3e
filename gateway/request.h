/*
 * What one call of a tool asks pysbx for, and the tools there are. The table is the only place that
 * has a tool's limits: its description, its schema and the command line all follow from it.
 */
#ifndef PYSBX_GATEWAY_REQUEST_H
#define PYSBX_GATEWAY_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define REQUEST_FILES_MAX 32
#define REQUEST_TEXT_MAX  200

struct tool {
	const char *name;
	const char *title;
	bool runs;           /* false: the program is only screened */
	const char *profile; /* of pysbx run; NULL where nothing runs */
	unsigned memory_mb;
	unsigned cpu_thousandths;
	unsigned timeout_ms; /* the most that a caller may ask for */
	const char *require;
	/* What the program could do beyond its sandbox; the annotations say so to the client. */
	bool writes_outside, reaches_network;
};

extern const struct tool tools[];
extern const size_t tool_count;

const struct tool *tool_find(const char *name);

/* The answer to tools/list, less what an era adds: {"tools":[...]}. A new reference. */
json_t *tool_list(void);

struct bytes {
	char *data;
	size_t len;
};

struct request_file {
	char *name;
	struct bytes content;
};

struct request {
	const struct tool *tool;
	struct bytes code, input;
	bool has_input;
	unsigned timeout_ms; /* 0: the tool's */
	struct request_file files[REQUEST_FILES_MAX];
	size_t file_count;
	size_t size; /* bytes held */
};

/*
 * Takes a call's arguments over, copied. 0, or -1 and one sentence that says what is wrong with
 * them and what would be right: it goes to whoever wrote them.
 */
int request_make(const struct tool *tool, const json_t *arguments, struct request *ret,
	char text[REQUEST_TEXT_MAX]);

void request_free(struct request *request);

#endif
