/* base/: the writer of JSON, sizes and durations, buffers and arenas at their limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/units.h"

static void quoted(const char *bytes, size_t len, const char *expected)
{
	cleanup_buf struct buf out = BUF_INIT(1000);

	json_quote(&out, str_from(bytes, len));
	assert_string_equal(out.data, expected);
}

static void test_json_quote(void **state)
{
	(void)state;
	quoted("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	quoted("\n\t\r\x1b\x7f", 5, "\"\\n\\t\\r\\u001b\\u007f\"");
	quoted("\0", 1, "\"\\u0000\"");
	quoted("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9", 8, "\"\\u0085\\u2028\\u2029\"");
	quoted("\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	quoted("\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	quoted("\xed\xb2\x80", 3, "\"\\udc80\"");
	quoted("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	quoted("\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_json_structure(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(1000);
	struct json json;

	(void)state;
	json_init(&json, &out);
	json_object(&json, NULL);
	json_int(&json, "a", -1);
	json_array(&json, "b");
	json_bool(&json, NULL, true);
	json_text(&json, NULL, NULL);
	json_array_end(&json);
	json_millis(&json, "t", 1234567);
	json_base64(&json, "d", STR("any carnal pleas"));
	json_object_end(&json);
	assert_string_equal(out.data,
		"{\"a\":-1,\"b\":[true,null],\"t\":1.235,\"d\":\"YW55IGNhcm5hbCBwbGVhcw==\"}");
}

static void test_units(void **state)
{
	static const char *const bad[] = {
		"", "-1", "+1", "1e3", "nan", "1k2", " 1", "1 ", "0x10", "1.5M"};
	uint64_t value = 7;
	char text[UNITS_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_size(bad[i], &value), -EINVAL);
	assert_int_equal(value, 7);
	assert_int_equal(units_size("18446744073709551616", &value), -ERANGE);
	assert_int_equal(units_size("17179869184G", &value), -ERANGE);
	assert_int_equal(units_size("64k", &value), 0);
	assert_int_equal(value, 65536);
	assert_int_equal(units_duration("1.5", &value), 0);
	assert_int_equal(value, 1500000000);
	assert_int_equal(units_duration("0.25h", &value), 0);
	assert_int_equal(value, 900000000000);
	assert_int_equal(units_duration("500ms", &value), 0);
	assert_int_equal(value, 500000000);
	assert_int_equal(units_duration("0.0000001ms", &value), -EINVAL);
	assert_int_equal(units_thousandths("0.5", &value), 0);
	assert_int_equal(value, 500);
	assert_int_equal(units_thousandths("0.0005", &value), -EINVAL);
	assert_string_equal(units_size_text(256 << 20, text), "256M");
	assert_string_equal(units_size_text(1025, text), "1025B");
	assert_string_equal(units_duration_text(1500000000, text), "1500ms");
}

static void test_limits(void **state)
{
	cleanup_buf struct buf buf = BUF_INIT(4);
	cleanup_arena struct arena *arena = arena_new(100000);

	(void)state;
	assert_true(buf_add_text(&buf, "1234"));
	assert_false(buf_add_char(&buf, '5'));
	assert_true(buf.failed);
	assert_int_equal(buf.len, 4);
	assert_non_null(arena_alloc(arena, 50000));
	assert_null(arena_alloc(arena, 60000));
	assert_true(arena_failed(arena));
	assert_null(arena_array(arena, SIZE_MAX / 2, 3));
	assert_true(arena_used(arena) <= 100000);
}

static void test_blocks(void **state)
{
	cleanup_arena struct arena *arena = arena_new(100000);
	size_t before;
	char *one, *two, *three;

	(void)state;
	assert_non_null(arena_alloc(arena, 1));
	before = arena_used(arena);
	one = arena_block(arena, NULL, 1000);
	two = arena_block(arena, NULL, 1000);
	three = arena_block(arena, NULL, 1000);
	assert_true(one && two && three);
	memset(two, 'x', 1000);
	two = arena_block(arena, two, 30000);
	assert_non_null(two);
	assert_int_equal(two[999], 'x');
	assert_true(arena_used(arena) >= before + 32000);
	arena_block_free(arena, one);
	arena_block_free(arena, three);
	arena_block_free(arena, NULL);
	assert_null(arena_block(arena, two, 100000));
	assert_true(arena_failed(arena));
	two[29999] = 'y'; /* still there */
	arena_block_free(arena, two);
	assert_int_equal(arena_used(arena), before);
	assert_non_null(arena_block(arena, NULL, 10)); /* goes with the arena */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_quote),
		cmocka_unit_test(test_json_structure),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
