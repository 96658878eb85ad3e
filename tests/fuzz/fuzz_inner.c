/*
 * Fuzz target of what a container's init says (runtime/inner.h): any bytes as its hello and as its
 * last record. A broken promise of the header aborts.
 */
#include "runtime/inner.h"

#include "tests/fuzz/target.h"

static void check_end(const struct inner_end *end)
{
	size_t total = 0;

	promise(end->file_count <= INNER_FILES_MAX, "no more files than there may be");
	promise(end->exit_code >= -1 && end->exit_code <= 255, "an exit status, or none");
	promise(end->signal >= 0 && end->signal <= 64, "a signal, or none");
	promise(memchr(end->cause, '\0', sizeof(end->cause)), "the cause is a string");
	for (size_t i = 0; i < end->file_count; i++) {
		promise(end->files[i].name_len > 0, "a file has a name");
		total += end->files[i].len;
	}
	promise(total <= INNER_BYTES_MAX, "no more bytes than there may be");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	struct inner_facts facts;
	struct inner_end end;
	struct err err = {0};
	long len = inner_read_hello(text, &facts, &err);

	promise(len <= (long)size, "a hello is no longer than what came");
	promise(len >= 0 || err.text[0], "what is wrong is told");
	err = (struct err){0};
	len = inner_read_end(text, &end, &err);
	promise(len <= (long)size, "a record is no longer than what came");
	promise(len >= 0 || err.text[0], "what is wrong is told");
	if (len > 0)
		check_end(&end);
	return 0;
}
