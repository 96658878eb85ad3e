/* A call's arguments (gateway/request.h). */
#include "gateway/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base64.h"
#include "gateway/rpc.h"

static int refuse(char text[REQUEST_TEXT_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(char text[REQUEST_TEXT_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, REQUEST_TEXT_MAX, format, args);
	va_end(args);
	return -1;
}

static int copy(const json_t *string, struct bytes *ret, char text[REQUEST_TEXT_MAX])
{
	size_t len = json_string_length(string);

	ret->data = malloc(len + 1);
	if (!ret->data)
		return refuse(text, "out of memory");
	memcpy(ret->data, json_string_value(string), len + 1);
	ret->len = len;
	return 0;
}

/* An unknown name is told with those that are known: it is most often a misspelt one. */
static int check_names(
	const struct tool *tool, const json_t *arguments, char text[REQUEST_TEXT_MAX])
{
	static const char *const known[] = {"code", "stdin", "timeout_ms", "files"};
	size_t count = tool->runs ? sizeof(known) / sizeof(known[0]) : 1, i;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)arguments, name, value)
	{
		for (i = 0; i < count && strcmp(name, known[i]) != 0; i++)
			;
		if (i == count)
			return refuse(text, "unknown argument '%.60s'; %s takes %s", name,
				tool->name,
				tool->runs ? "code, stdin, timeout_ms and files" : "code");
	}
	return 0;
}

static int take_text(const json_t *arguments, const char *name, struct bytes *ret, bool *ret_given,
	char text[REQUEST_TEXT_MAX])
{
	const json_t *value = json_object_get(arguments, name);

	*ret_given = value != NULL;
	if (!value)
		return 0;
	if (!json_is_string(value))
		return refuse(text, "'%s' must be a string", name);
	return copy(value, ret, text);
}

static int take_timeout(const struct tool *tool, const json_t *arguments, unsigned *ret,
	char text[REQUEST_TEXT_MAX])
{
	const json_t *value = json_object_get(arguments, "timeout_ms");
	json_int_t number = json_is_real(value) ? (json_int_t)-1 : json_integer_value(value);

	if (json_is_real(value) && json_real_value(value) >= 1 &&
		json_real_value(value) <= tool->timeout_ms &&
		json_real_value(value) == (unsigned)json_real_value(value))
		number = (json_int_t)json_real_value(value);
	if (value && (!json_is_number(value) || number < 1 || number > tool->timeout_ms))
		return refuse(
			text, "'timeout_ms' must be an integer from 1 to %u", tool->timeout_ms);
	*ret = (unsigned)number;
	return 0;
}

/* pysbx judges the name; what it could not even be told is refused here. */
static int take_file(const json_t *value, struct request_file *ret, char text[REQUEST_TEXT_MAX])
{
	const json_t *name = json_object_get(value, "name"),
		     *content = json_object_get(value, "content"),
		     *encoding = json_object_get(value, "encoding");
	const char *word = encoding ? rpc_word(encoding) : "utf-8";
	struct bytes copied = {0};

	if (!json_is_string(name) || !json_is_string(content))
		return refuse(text, "each of 'files' must be an object with 'name' and 'content'");
	if (!json_string_length(name) || !rpc_word(name) || strchr(rpc_word(name), '='))
		return refuse(text, "a file's name must not be empty nor have '=' or NUL in it");
	if (!word || (strcmp(word, "utf-8") != 0 && strcmp(word, "base64") != 0))
		return refuse(text, "a file's 'encoding' must be utf-8 or base64");
	if (copy(name, &copied, text) < 0)
		return -1;
	ret->name = copied.data;
	if (copy(content, &ret->content, text) < 0)
		return -1;
	if (strcmp(word, "base64") == 0 && !base64_decode(ret->content.data, &ret->content.len))
		return refuse(text, "the content of file '%.60s' is not base64", ret->name);
	return 0;
}

static int take_files(const json_t *arguments, struct request *request, char text[REQUEST_TEXT_MAX])
{
	const json_t *list = json_object_get(arguments, "files");
	size_t count = json_array_size(list);

	if (list && !json_is_array(list))
		return refuse(text, "'files' must be an array");
	if (count > REQUEST_FILES_MAX)
		return refuse(text, "'files' may have %d entries at most", REQUEST_FILES_MAX);
	for (size_t i = 0; i < count; i++) {
		int code = take_file(json_array_get(list, i), &request->files[i], text);

		request->file_count++;
		if (code < 0)
			return code;
		request->size += request->files[i].content.len;
	}
	return 0;
}

int request_make(const struct tool *tool, const json_t *arguments, struct request *ret,
	char text[REQUEST_TEXT_MAX])
{
	bool has_code = false;
	int code;

	*ret = (struct request){.tool = tool};
	code = check_names(tool, arguments, text);
	if (code == 0)
		code = take_text(arguments, "code", &ret->code, &has_code, text);
	if (code == 0 && !has_code)
		code = refuse(text, "'code' is missing: the Python program, as a string");
	if (code == 0)
		code = take_text(arguments, "stdin", &ret->input, &ret->has_input, text);
	if (code == 0)
		code = take_timeout(tool, arguments, &ret->timeout_ms, text);
	if (code == 0)
		code = take_files(arguments, ret, text);
	ret->size += ret->code.len + ret->input.len;
	if (code < 0)
		request_free(ret);
	return code;
}

void request_free(struct request *request)
{
	free(request->code.data);
	free(request->input.data);
	for (size_t i = 0; i < request->file_count; i++) {
		free(request->files[i].name);
		free(request->files[i].content.data);
	}
	*request = (struct request){0};
}
