/*
 * What every fuzz target has: promise(), which aborts where a promise of the headers is broken, and
 * a main() for builds without libFuzzer.
 *
 *     clang -fsanitize=fuzzer,address,undefined ...     libFuzzer
 *     cc -DFUZZ_STANDALONE ...                           runs the files named as arguments
 */
#ifndef PYSBX_TESTS_FUZZ_TARGET_H
#define PYSBX_TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void promise(bool kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "broken promise: %s\n", what);
	abort();
}

#ifdef FUZZ_STANDALONE
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		cleanup_buf struct buf bytes = BUF_INIT((size_t)64 << 20);
		struct err err;

		if (file_read(argv[i], &bytes, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 2;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)bytes.data, bytes.len);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
#endif

#endif
