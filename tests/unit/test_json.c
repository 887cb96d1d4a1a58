#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

static void structure(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    struct jw w = {.b = &b};
    jw_begin_object(&w, NULL);
    jw_str(&w, "a", "x");
    jw_str(&w, "empty", "");
    jw_str(&w, "null", NULL);
    jw_begin_array(&w, "b");
    jw_int(&w, NULL, INT64_MIN);
    jw_bool(&w, NULL, true);
    jw_begin_object(&w, NULL);
    jw_end_object(&w);
    jw_begin_array(&w, NULL);
    jw_end_array(&w);
    jw_end_array(&w);
    jw_time(&w, "t", 0);
    jw_time(&w, "never", TD_NEVER);
    jw_raw(&w, "r", "[1]", 3);
    jw_strn(&w, "n", "abc", 2);
    jw_end_object(&w);
    assert_string_equal(b.data, "{\"a\":\"x\",\"b\":[-9223372036854775808,true,{},[]],"
                                "\"t\":\"1970-01-01T00:00:00Z\",\"r\":[1],\"n\":\"ab\"}");
}

/* Any bytes become a JSON string that an independent reader takes, and valid text comes back. */
static void strings(void **state)
{
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    CLEANUP_BUF struct buf b = BUF_INIT(4000);
    json_add_quoted(&b, all, sizeof all);
    json_t *j = json_loadb(b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(j);
    assert_int_equal(json_string_length(j), 128 + 128 * 3); /* each bad byte: U+FFFD */
    assert_memory_equal(json_string_value(j), all, 128);
    json_decref(j);

    static const char text[] = "\"\\/\b\f\n\r\t\x7f \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    buf_clear(&b);
    json_add_quoted(&b, text, sizeof text - 1);
    j = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    assert_string_equal(json_string_value(j), text);
    json_decref(j);

    buf_clear(&b);
    json_add_quoted(&b, "\xe2\x82", 2); /* a cut sequence */
    assert_string_equal(b.data, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_clear(&b);
    json_add_quoted(&b, NULL, 0);
    assert_string_equal(b.data, "\"\"");
}

static void doubles(void **state)
{
    static const double values[] = {0, 1, -1.5, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789.123, 1e15};
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    struct jw w = {.b = &b};
    jw_begin_array(&w, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        jw_double(&w, NULL, values[i]);
    jw_double(&w, NULL, NAN);
    jw_double(&w, NULL, INFINITY);
    jw_end_array(&w);
    json_t *j = json_loads(b.data, 0, NULL);
    assert_non_null(j);
    assert_int_equal(json_array_size(j), sizeof values / sizeof *values);
    for (size_t i = 0; i < json_array_size(j); i++)
        assert_true(json_number_value(json_array_get(j, i)) == values[i]);
    json_decref(j);
    assert_non_null(strstr(b.data, ",0.1,"));
}

static void overflow_is_seen(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10);
    struct jw w = {.b = &b};
    jw_begin_object(&w, NULL);
    jw_str(&w, "key", "a long value");
    jw_end_object(&w);
    assert_true(b.overflow);
    assert_true(b.len <= 10);
}

/* What stands for a byte does not depend on where it stands (eight are looked at together). */
static void quoted_anywhere(void **state)
{
    for (int c = 1; c < 0x80; c++)
        for (size_t at = 0; at < 17; at++) {
            char text[] = "abcdefghijklmnopq", one[1] = {(char)c};
            CLEANUP_BUF struct buf whole = BUF_INIT(200), alone = BUF_INIT(20),
                                   want = BUF_INIT(200);
            text[at] = (char)c;
            json_add_quoted(&alone, one, 1);
            buf_addf(&want, "\"%.*s%.*s%s\"", (int)at, text, (int)alone.len - 2, alone.data + 1,
                     text + at + 1);
            json_add_quoted(&whole, text, sizeof text - 1);
            assert_string_equal(buf_str(&whole), buf_str(&want));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_anywhere),  cmocka_unit_test(structure),
        cmocka_unit_test(strings),          cmocka_unit_test(doubles),
        cmocka_unit_test(overflow_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
