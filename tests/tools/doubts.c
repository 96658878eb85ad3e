/*
 * Reads programs from standard input, each the version's minor number, a line end and its text,
 * with a NUL behind it. Looks in each for errors of compile() twice: as the parser says whether
 * there can be any, and whatever it says. Prints how many programs parsed, how many compile()
 * refuses, and how many of those the parser had no doubt about, which are printed as well.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "parser/compile_errors.h"

#define INPUT_MAX ((size_t)256 << 20)
#define ARENA_MAX ((size_t)64 << 20)

struct counts {
	unsigned parsed, refused, missed, plain;
};

static void check(struct counts *counts, unsigned minor, struct str text)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_MAX);
	struct compile_error_list errors;
	struct parse_result tree;
	struct source source;
	struct diag diag = {0};
	bool doubtful;

	if (!arena || source_init(&source, arena, STR("doubts"), text, (uint8_t)minor, &diag) < 0 ||
		parser_parse(&source, &tree) < 0 || !tree.module)
		return;
	counts->parsed++;
	doubtful = tree.doubtful;
	counts->plain += !doubtful;
	tree.doubtful = true;
	if (compile_errors_find(&source, &tree, &errors) < 0 || !errors.count)
		return;
	counts->refused++;
	tree.doubtful = doubtful;
	if (compile_errors_find(&source, &tree, &errors) == 0 && errors.count)
		return;
	counts->missed++;
	printf("missed, 3.%u:\n%.*s\n", minor, STR_ARG(text));
}

int main(void)
{
	struct buf input = BUF_INIT(INPUT_MAX);
	struct counts counts = {0};
	size_t got, at = 0;

	while (buf_reserve(&input, 65536) &&
		(got = fread(input.data + input.len, 1, 65536, stdin)) > 0)
		input.len += got;
	while (at < input.len) {
		const char *text = input.data + at, *end = memchr(text, '\0', input.len - at);
		char *program;
		unsigned minor = (unsigned)strtoul(text, &program, 10);

		if (!end)
			break;
		program++;
		check(&counts, minor, str_from(program, (size_t)(end - program)));
		at += (size_t)(end - text) + 1;
	}
	printf("parsed %u, plain %u, refused %u, missed %u\n", counts.parsed, counts.plain,
		counts.refused, counts.missed);
	buf_free(&input);
	return 0;
}
