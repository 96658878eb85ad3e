/*
 * Reads the files named on standard input (one a line), then lexes, parses and walks them all,
 * ROUNDS times, and says how fast: one line of JSON. Measures, asserts nothing;
 * tests/bench/frontend runs it next to other parsers.
 *
 *     frontend_speed MINOR ROUNDS <names
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "parser/parser.h"
#include "parser/walk.h"
#include "tests/bench/corpus.h"

static size_t walk(const struct ast_node *root)
{
	cleanup_ast_walk struct ast_walk walk;
	size_t nodes = 0;

	if (ast_walk_init(&walk, root) < 0)
		return 0;
	while (ast_walk_next(&walk) != AST_WALK_END)
		nodes++;
	return nodes;
}

/* The nodes entered and left; *ret_share: bytes of the arena for each of the source. */
static size_t parse_one(struct str bytes, uint8_t minor, double *ret_share)
{
	cleanup_arena struct arena *arena = arena_new((size_t)1 << 32);
	struct parse_result result = {.module = NULL};
	struct source source;
	struct diag diag;

	if (!arena || source_init(&source, arena, STR("bench"), bytes, minor, &diag) < 0 ||
		parser_parse(&source, &result) < 0 || !result.module)
		return 0;
	*ret_share = bytes.len ? (double)arena_used(arena) / (double)bytes.len : 0;
	return walk(result.module);
}

int main(int argc, char **argv)
{
	static struct files files;
	struct rusage before, after;
	double start, best = 0, share = 0, total = 0, seconds;
	size_t nodes = 0, i;
	int round, rounds = argc > 2 ? atoi(argv[2]) : 5;
	uint8_t minor = argc > 1 ? (uint8_t)atoi(argv[1]) : PYTHON_MINOR_NEWEST;

	read_names(&files);
	getrusage(RUSAGE_SELF, &before);
	for (round = 0; round < rounds; round++) {
		start = now();
		total = 0;
		for (i = 0, nodes = 0; i < files.count; i++) {
			nodes += parse_one(buf_str(&files.data[i]), minor, &share);
			total += share * (double)files.data[i].len;
		}
		seconds = now() - start;
		best = best == 0 || seconds < best ? seconds : best;
	}
	getrusage(RUSAGE_SELF, &after);
	printf("{\"files\":%zu,\"bytes\":%zu,\"events\":%zu,\"seconds\":%.4f,\"mb_per_s\":%.2f,"
	       "\"tree_bytes_per_byte\":%.2f,\"rss_growth_kb\":%ld}\n",
		files.count, files.bytes, nodes, best, (double)files.bytes / 1e6 / best,
		total / (double)files.bytes, after.ru_maxrss - before.ru_maxrss);
	free_files(&files);
	return 0;
}
