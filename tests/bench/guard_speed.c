/*
 * Reads the files named on standard input (one a line) and times two things over all of them in
 * turn, ROUNDS times: lexing and parsing alone, and all of guard_check(), which lexes and parses
 * too. One line of JSON. Measures, asserts nothing; tests/bench/guard runs it.
 *
 *     guard_speed MINOR ROUNDS POLICY <names
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/guard.h"
#include "parser/compile_errors.h"
#include "parser/parser.h"
#include "tests/bench/corpus.h"

/* Whether it is a program at all; with the errors of compile() looked for, if asked. */
static bool parse(struct str bytes, uint8_t minor, bool compile)
{
	cleanup_arena struct arena *arena = arena_new(guard_arena_bytes(bytes.len));
	struct parse_result result = {.module = NULL};
	struct compile_error_list list;
	struct source source;
	struct diag diag;

	if (!arena || source_init(&source, arena, STR("bench"), bytes, minor, &diag) < 0 ||
		parser_parse(&source, &result) < 0 || !result.module)
		return false;
	return !compile || compile_errors_find(&source, &result, &list) == 0;
}

static enum guard_verdict judge(
	struct str bytes, uint8_t minor, const struct guard_policy *policy, size_t *findings)
{
	cleanup_arena struct arena *arena = arena_new(guard_arena_bytes(bytes.len));
	struct guard_report report;

	if (!arena)
		return GUARD_ERROR;
	guard_check(bytes, STR("bench"), minor, policy, arena, &report);
	*findings += report.count;
	return report.verdict;
}

static double least(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

int main(int argc, char **argv)
{
	static struct files files;
	double start, parsed = 0, compiled = 0, judged = 0;
	size_t verdicts[3] = {0}, findings = 0;
	uint8_t minor = argc > 1 ? (uint8_t)atoi(argv[1]) : PYTHON_MINOR_NEWEST;
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	const struct guard_policy *policy = guard_policy_find(argc > 3 ? argv[3] : "standard");

	read_names(&files);
	if (!policy)
		return 2;
	for (int round = 0; round < rounds; round++) {
		start = now();
		for (size_t i = 0; i < files.count; i++)
			parse(buf_str(&files.data[i]), minor, false);
		parsed = least(parsed, now() - start);
		start = now();
		for (size_t i = 0; i < files.count; i++)
			parse(buf_str(&files.data[i]), minor, true);
		compiled = least(compiled, now() - start);
		start = now();
		memset(verdicts, 0, sizeof(verdicts));
		findings = 0;
		for (size_t i = 0; i < files.count; i++)
			verdicts[judge(buf_str(&files.data[i]), minor, policy, &findings)]++;
		judged = least(judged, now() - start);
	}
	printf("{\"files\":%zu,\"bytes\":%zu,\"parse_s\":%.5f,\"compile_s\":%.5f,\"check_s\":%.5f,"
	       "\"guard_share\":%.3f,\"allow\":%zu,\"reject\":%zu,\"error\":%zu,\"findings\":%zu}"
	       "\n",
		files.count, files.bytes, parsed, compiled, judged, judged / parsed - 1,
		verdicts[GUARD_ALLOW], verdicts[GUARD_REJECT], verdicts[GUARD_ERROR], findings);
	free_files(&files);
	return 0;
}
