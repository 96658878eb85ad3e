/* cli/: visible text, carets, near misses, values, safe names, and the report of a result. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/report.h"
#include "cli/sealed.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/values.h"

static void visible(struct str bytes, enum text_keep keep, const char *expected)
{
	cleanup_buf struct buf out = BUF_INIT(1000);

	text_visible(&out, bytes, keep);
	buf_add_char(&out, '|');
	assert_string_equal(out.data, expected);
}

static void test_visible(void **state)
{
	(void)state;
	visible(STR("plain \xc3\xa9 \xf0\x9f\x98\x80"), TEXT_ONE_LINE,
		"plain \xc3\xa9 \xf0\x9f\x98\x80|");
	visible(STR("\0\x1b\x7f"), TEXT_KEEP_LINES, "\\x00\\x1b\\x7f|");
	visible(STR("a\tb\n"), TEXT_KEEP_LINES, "a\tb\n|");
	visible(STR("a\tb\n"), TEXT_ONE_LINE, "a\\x09b\\x0a|");
	visible(STR("\r"), TEXT_KEEP_LINES, "\\x0d|");
	visible(STR("\xc2\x9b"), TEXT_KEEP_LINES, "\\x9b|");
	visible(STR("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8"), TEXT_KEEP_LINES,
		"\\u202e\\u2066\\u2028|");
	visible(STR("\xf3\xa0\x81\x81"), TEXT_KEEP_LINES, "\\U000e0041|");
	visible(STR("\xff\xc3(\xed\xa0\x80"), TEXT_KEEP_LINES, "\\xff\\xc3(\\xed\\xa0\\x80|");
}

/* However a text is cut into pieces, it comes out the same. */
static void test_stream_cuts(void **state)
{
	static const struct str text = STR_INIT(
		"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xff\xe2\x82(\xf0\x9f\xc3\x80\x80\xe2\x82");
	cleanup_buf struct buf whole = BUF_INIT(1000);

	(void)state;
	text_visible(&whole, text, TEXT_KEEP_LINES);
	for (size_t first = 0; first <= text.len; first++) {
		for (size_t second = first; second <= text.len; second++) {
			cleanup_buf struct buf out = BUF_INIT(1000);
			struct text_stream stream = {0};

			text_stream_add(&stream, &out, str_from(text.ptr, first), false);
			text_stream_add(
				&stream, &out, str_from(text.ptr + first, second - first), false);
			text_stream_add(&stream, &out,
				str_from(text.ptr + second, text.len - second), true);
			assert_string_equal(out.data, whole.data);
		}
	}
}

static void test_lines(void **state)
{
	cleanup_arena struct arena *arena = arena_new(1 << 20);
	struct text_lines lines;

	(void)state;
	assert_int_equal(text_lines_find(STR("\xef\xbb\xbfone\rtwo\r\n\nfour"), arena, &lines), 0);
	assert_int_equal(lines.count, 4);
	assert_true(str_is(text_lines_at(&lines, 1), "one"));
	assert_true(str_is(text_lines_at(&lines, 2), "two"));
	assert_true(str_is(text_lines_at(&lines, 3), ""));
	assert_true(str_is(text_lines_at(&lines, 4), "four"));
	assert_int_equal(text_lines_at(&lines, 5).len, 0);
	assert_int_equal(text_lines_at(&lines, 0).len, 0);
	assert_int_equal(text_lines_find(STR(""), arena, &lines), 0);
	assert_int_equal(lines.count, 1);
	assert_int_equal(text_lines_at(&lines, 1).len, 0);
	assert_int_equal(text_lines_find(STR("a\r"), arena, &lines), 0);
	assert_int_equal(lines.count, 2);
	assert_true(str_is(text_lines_at(&lines, 1), "a"));
	assert_int_equal(text_lines_at(&lines, 2).len, 0);
	assert_int_equal(text_characters(STR("\xc3\xa9\xe4\xb8\xad\xffx"), 7), 4);
	assert_int_equal(text_characters(STR("ab"), 100), 2);
}

/* One answer of the guard to a source with findings of several kinds. */
static const char several[] = "import os\nx = 9**9**9\nos.system('id')\n\xe5\x90\x8d = eval\n";

struct answered {
	struct arena *arena;
	struct text_lines lines;
	const struct guard_policy *policy;
	struct guard_report report;
	struct buf reply;
};

static void answer(struct answered *ret, struct str source)
{
	*ret = (struct answered){.arena = arena_new(64 << 20),
		.policy = guard_policy_find("standard"),
		.reply = BUF_INIT(1 << 20)};
	assert_int_equal(text_lines_find(source, ret->arena, &ret->lines), 0);
	guard_check(source, STR("x.py"), 11, ret->policy, ret->arena, &ret->report);
	sealed_encode(&ret->report, &ret->reply);
}

static void answer_free(struct answered *answered)
{
	buf_free(&answered->reply);
	arena_free(answered->arena);
}

static bool decode(const struct answered *from, struct str reply, struct guard_report *ret)
{
	return sealed_decode(reply, from->policy, &from->lines, from->arena, ret);
}

static void test_answer_there_and_back(void **state)
{
	static const char *const sources[] = {
		several, "print(1)\n", "", "x = (", "\xff", "x = 1 if\n"};
	struct guard_report got;
	struct answered made;

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		answer(&made, str_of(sources[i]));
		assert_true(decode(&made, buf_str(&made.reply), &got));
		assert_int_equal(got.verdict, made.report.verdict);
		assert_int_equal(got.count, made.report.count);
		assert_string_equal(got.policy, "standard");
		for (uint32_t n = 0; n < got.count; n++) {
			const struct guard_finding *a = &got.findings[n],
						   *b = &made.report.findings[n];

			assert_string_equal(a->message, b->message);
			assert_true(a->rule == b->rule && a->severity == b->severity &&
				    a->line == b->line && a->column == b->column &&
				    a->end_line == b->end_line && a->end_column == b->end_column);
		}
		answer_free(&made);
	}
}

/* Nothing that is not a whole, sound answer is one; and no damage makes an allowance of a refusal.
 */
static void test_answer_damaged(void **state)
{
	static const unsigned char values[] = {0, 1, 2, 3, 0x7f, 0x80, 0xff};
	struct guard_report got;
	struct answered made;
	size_t taken = 0;

	(void)state;
	answer(&made, str_of(several));
	assert_int_equal(made.report.verdict, GUARD_REJECT);
	for (size_t len = 0; len < made.reply.len; len++)
		assert_false(decode(&made, str_from(made.reply.data, len), &got));
	for (size_t i = 0; i < made.reply.len; i++) {
		char kept = made.reply.data[i];

		for (size_t v = 0; v < sizeof(values); v++) {
			made.reply.data[i] = (char)values[v];
			if (!decode(&made, buf_str(&made.reply), &got))
				continue;
			taken++;
			assert_int_equal(got.verdict, GUARD_REJECT);
			assert_in_range(got.count, 1, 100);
			for (uint32_t n = 0; n < got.count; n++)
				assert_in_range(got.findings[n].line, 1, made.lines.count + 1);
		}
		made.reply.data[i] = kept;
	}
	/* Other letters in a message, another rule of the same severity: that cannot be known. */
	assert_true(taken > 0);
	buf_add_char(&made.reply, 0);
	assert_false(decode(&made, buf_str(&made.reply), &got));
	answer_free(&made);
}

static void carets(struct str line, size_t column, size_t end, const char *expected)
{
	cleanup_buf struct buf out = BUF_INIT(100000);

	show_line(&out, line, column, end, false);
	assert_string_equal(out.data, expected);
}

static void test_carets(void **state)
{
	(void)state;
	carets(STR("abc"), 1, 2, "    abc\n     ^\n");
	carets(STR("abc"), 3, 3, "    abc\n       ^\n");
	carets(STR("abc"), 1, 1, "    abc\n     ^\n");
	carets(STR("\tx"), 1, 2, "            x\n            ^\n");
	carets(STR("ab\tx"), 3, 4, "    ab      x\n            ^\n");
	carets(STR("\xe4\xb8\xadx"), 0, 3, "    \xe4\xb8\xadx\n    ^^\n");
	carets(STR("e\xcc\x81x"), 3, 4, "    e\xcc\x81x\n     ^\n");
	carets(STR("\x1bx"), 1, 2, "    \\x1bx\n        ^\n");
	carets(STR("\xffx"), 1, 2, "    \\xffx\n        ^\n");
}

static void test_long_line(void **state)
{
	cleanup_buf struct buf line = BUF_INIT(64 << 20), out = BUF_INIT(100000);

	(void)state;
	for (int i = 0; i < 4000000; i++)
		buf_add_text(&line, "ab ");
	memcpy(line.data + 3000000, "HERE", 4);
	show_line(&out, buf_str(&line), 3000000, 3000004, false);
	assert_in_range(out.len, 100, 300);
	assert_non_null(strstr(out.data, "HERE"));
	assert_int_equal(strstr(out.data, "HERE") - out.data,
		strchr(strchr(out.data, '\n'), '^') - strchr(out.data, '\n') - 1);
	/* A span as long as the line, and a line of combining characters, stay bounded. */
	out.len = 0;
	show_line(&out, buf_str(&line), 0, line.len, false);
	assert_in_range(out.len, 100, 400);
	for (size_t i = 0; i + 2 <= line.len; i += 2)
		memcpy(line.data + i, "\xcc\x81", 2);
	out.len = 0;
	show_line(&out, buf_str(&line), line.len, line.len, false);
	assert_in_range(out.len, 100, 10000);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"memory", "timeout", "cpus", "cpu-time", "env"};

	(void)state;
	assert_string_equal(cli_nearest("memroy", words, 5), "memory");
	assert_string_equal(cli_nearest("time-out", words, 5), "timeout");
	assert_string_equal(cli_nearest("cpu", words, 5), "cpus");
	assert_string_equal(cli_nearest("evn", words, 5), "env");
	assert_null(cli_nearest("zzz", words, 5));
	assert_null(cli_nearest("", words, 5));
	assert_null(cli_nearest("memorymemorymemorymemorymemorymemory", words, 5));
}

/* Every built-in value must be legal, and read back as what it was. */
static void test_built_in_values(void **state)
{
	(void)state;
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		const char *texts[] = {row->standard, row->tight};

		for (int k = 0; k < 2; k++) {
			struct err err = {0};
			uint64_t number;

			if (texts[k] && value_read((enum option_id)i, texts[k], &number, &err) < 0)
				fail_msg("--%s %s: %s", row->name, texts[k], err.text);
		}
		if (option_is_limit(row))
			assert_true(row->least < row->most);
	}
}

static void test_ranges(void **state)
{
	(void)state;
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		char text[32];
		uint64_t number = 0;
		struct err err;

		if (!option_is_limit(row))
			continue;
		assert_int_equal(
			value_read((enum option_id)i,
				value_text((enum option_id)i, row->least, text), &number, &err),
			0);
		assert_int_equal(number, row->least);
		assert_int_equal(
			value_read((enum option_id)i,
				value_text((enum option_id)i, row->most, text), &number, &err),
			0);
		assert_int_equal(number, row->most);
		assert_int_equal(
			value_read((enum option_id)i,
				value_text((enum option_id)i, row->most + 1, text), &number, &err),
			-EINVAL);
	}
}

static void test_fetch_names(void **state)
{
	static const char *const good[] = {
		"a", "a/b.png", "a b", "..a", "a..", "\xc3\xa9", ".hidden"};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b",
		"a/.", "a\nb", "\x1b", "a\x7f", "\xff", "\xc2\x9b", "a\xe2\x80\xae",
		"\xef\xbb\xbf"};
	char long_name[1100];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(fetch_name_is_safe(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fetch_name_is_safe(bad[i]));
	memset(long_name, 'a', sizeof(long_name));
	long_name[255] = '\0';
	assert_true(fetch_name_is_safe(long_name));
	long_name[255] = 'a';
	long_name[256] = '\0';
	assert_false(fetch_name_is_safe(long_name));
}

static void remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

/* Links in the directory, planted before, lead nowhere: neither files nor folders are followed. */
static void test_fetch_write(void **state)
{
	char top[] = "/tmp/pysbx-test-XXXXXX";
	cleanup_fd int dir = -1;
	cleanup_buf struct buf back = BUF_INIT(100);
	struct err err = {0};
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(top));
	dir = fetch_open_dir(top, &err);
	assert_true(dir >= 0);
	assert_int_equal(mkdirat(dir, "outside", 0755), 0);
	assert_int_equal(symlinkat("outside", dir, "link"), 0);
	assert_int_equal(symlinkat("outside/target", dir, "file"), 0);

	assert_int_equal(fetch_write(dir, "a/b/c.txt", STR("deep"), &err), 0);
	assert_int_equal(fetch_write(dir, "a/b/c.txt", STR("again"), &err), 0);
	assert_int_equal(fetch_write(dir, "link/x", STR("no"), &err), -ENOTDIR);
	assert_int_equal(fetch_write(dir, "file", STR("mine"), &err), 0);
	assert_int_equal(fetch_write(dir, "outside", STR("no"), &err), -EISDIR);
	assert_int_equal(fetch_write(dir, "../x", STR("no"), &err), -EINVAL);

	assert_int_equal(fstatat(dir, "outside/target", &st, 0), -1);
	assert_int_equal(fstatat(dir, "outside/x", &st, 0), -1);
	assert_int_equal(fstatat(dir, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	{
		cleanup_fd int fd = openat(dir, "a/b/c.txt", O_RDONLY | O_CLOEXEC);

		assert_int_equal(fd_read_all(fd, &back), 0);
		assert_string_equal(back.data, "again");
	}
	remove_tree(top);
}

static void test_exit_statuses(void **state)
{
	struct rt_result result = {.exit_code = -1};

	(void)state;
	result.status = RT_OK;
	result.exit_code = 0;
	assert_int_equal(report_exit_status(&result), 0);
	result.status = RT_NONZERO;
	result.exit_code = 42;
	assert_int_equal(report_exit_status(&result), 42);
	result.exit_code = -1;
	result.signal = 11;
	result.status = RT_SIGNAL;
	assert_int_equal(report_exit_status(&result), 139);
	result.status = RT_OOM;
	assert_int_equal(report_exit_status(&result), 137);
	result.status = RT_TIMEOUT;
	assert_int_equal(report_exit_status(&result), 124);
	result.status = RT_SECCOMP;
	assert_int_equal(report_exit_status(&result), 159);
	result.status = RT_REJECTED;
	assert_int_equal(report_exit_status(&result), 126);
	/* An end that nobody can name is a failure of pysbx, not a success. */
	result = (struct rt_result){.status = RT_OK, .exit_code = -1};
	assert_int_equal(report_exit_status(&result), 125);
}

static void test_signal_names(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal(report_signal_name(9, text), "SIGKILL");
	assert_string_equal(report_signal_name(40, text), "SIGRTMIN+6");
	assert_string_equal(report_signal_name(33, text), "SIG33");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_stream_cuts),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_answer_there_and_back),
		cmocka_unit_test(test_answer_damaged),
		cmocka_unit_test(test_carets),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_built_in_values),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_fetch_names),
		cmocka_unit_test(test_fetch_write),
		cmocka_unit_test(test_exit_statuses),
		cmocka_unit_test(test_signal_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
