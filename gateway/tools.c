/* The tools, and how a client is told of them (gateway/request.h). */
#include <stdio.h>
#include <string.h>

#include "gateway/request.h"

static const char run_schema[] =
#include "gateway/run_schema.inc"
	;
static const char check_schema[] =
#include "gateway/check_schema.inc"
	;

const struct tool tools[] = {
	{.name = "run_code",
		.title = "Run Python",
		.runs = true,
		.profile = "default",
		.memory_mb = 256,
		.cpu_thousandths = 500,
		.timeout_ms = 10000,
		.require = "reduced"},
	{.name = "secure_sandbox",
		.title = "Run Python, tight limits",
		.runs = true,
		.profile = "tight",
		.memory_mb = 128,
		.cpu_thousandths = 500,
		.timeout_ms = 5000,
		.require = "full"},
	{.name = "check_code", .title = "Check Python without running it"},
};

const size_t tool_count = sizeof(tools) / sizeof(tools[0]);

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; i < tool_count; i++)
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	return NULL;
}

static json_t *description(const struct tool *tool)
{
	if (!tool->runs)
		return json_string("Screens a Python program with the rules that run_code enforces "
				   "and never runs it. Answers with the findings: line, rule, "
				   "what is wrong and what to do instead.");
	return json_sprintf("Screens a Python program, then runs it once in a fresh sandbox: no "
			    "network, no files of the host, nothing kept between calls. "
			    "Limits: %u MB of memory, %g CPU, %g s. Print what you want to see. "
			    "Images (png, jpeg, svg) saved in /tmp/out come back as images; create "
			    "that folder first.%s",
		tool->memory_mb, tool->cpu_thousandths / 1000.0, tool->timeout_ms / 1000.0,
		strcmp(tool->require, "full") == 0 ? " Refuses to run unless every layer of the "
						     "isolation is in force."
						   : "");
}

static json_t *text_property(const char *about)
{
	return json_pack("{s:s, s:s}", "type", "string", "description", about);
}

static json_t *files_property(void)
{
	json_t *encoding = json_pack("{s:s, s:[s,s], s:s}", "type", "string", "enum", "utf-8",
		"base64", "description", "how content is written; utf-8 unless given");

	return json_pack("{s:s, s:s, s:i, s:{s:s, s:{s:o, s:o, s:o}, s:[s,s], s:b}}", "type",
		"array", "description",
		"files that the program finds, read-only, in its working directory", "maxItems",
		REQUEST_FILES_MAX, "items", "type", "object", "properties", "name",
		text_property("a relative path, as in data.csv"), "content",
		text_property("the file's content"), "encoding", encoding, "required", "name",
		"content", "additionalProperties", 0);
}

static json_t *input_schema(const struct tool *tool)
{
	json_t *properties = json_object(), *timeout;

	json_object_set_new(properties, "code", text_property("the Python program"));
	if (tool->runs) {
		timeout = json_pack("{s:s, s:i, s:i, s:s}", "type", "integer", "minimum", 1,
			"maximum", (int)tool->timeout_ms, "description",
			"wall clock time in milliseconds, less than the tool's own limit");
		json_object_set_new(properties, "stdin",
			text_property("the program's standard input; empty unless given"));
		json_object_set_new(properties, "timeout_ms", timeout);
		json_object_set_new(properties, "files", files_property());
	}
	return json_pack("{s:s, s:o, s:[s], s:b}", "type", "object", "properties", properties,
		"required", "code", "additionalProperties", 0);
}

static json_t *annotations(const struct tool *tool)
{
	bool harmless = !tool->writes_outside && !tool->reaches_network;

	return json_pack("{s:s, s:b, s:b, s:b, s:b}", "title", tool->title, "readOnlyHint",
		harmless, "destructiveHint", tool->writes_outside, "idempotentHint", harmless,
		"openWorldHint", tool->reaches_network);
}

static json_t *describe(const struct tool *tool)
{
	json_t *schema = json_loads(tool->runs ? run_schema : check_schema, 0, NULL);

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "name", tool->name, "title", tool->title,
		"description", description(tool), "inputSchema", input_schema(tool), "outputSchema",
		schema, "annotations", annotations(tool));
}

json_t *tool_list(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tool_count; i++)
		json_array_append_new(list, describe(&tools[i]));
	return json_pack("{s:o}", "tools", list);
}
