#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

static void durations(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t ms;
    } cases[] = {
        {"90", 0, 90000},
        {"90s", 0, 90000},
        {"1h 30min", 0, 5400000},
        {"500ms", 0, 500},
        {"2d", 0, 172800000},
        {" 1 week ", 0, 604800000},
        {"", -EINVAL, 0},
        {"1 fortnight", -EINVAL, 0},
        {"-5", -EINVAL, 0},
        {"99999999999999999999", -ERANGE, 0},
        {"9223372036854775807d", -ERANGE, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ms = -1;
        assert_int_equal(str_to_duration_ms(cases[i].text, &ms), cases[i].result);
        assert_int_equal(ms, cases[i].result ? -1 : cases[i].ms);
    }
}

static void durations_in_words(void **state)
{
    static const struct {
        int64_t ms;
        const char *words;
    } cases[] = {
        {0, "0 ms"},
        {-999, "-999 ms"},
        {1000, "1 s"},
        {-2000, "2 s"},
        {59999, "59 s"},
        {60000, "1 min"},
        {3600000, "1 h"},
        {3600000 + 59999, "1 h"},
        {7500000, "2 h 5 min"},
        {86400000, "1 d"},
        {86400000 + 3599999, "1 d"},
        {187200000, "2 d 4 h"},
        {INT64_MAX, "106751991167 d 7 h"},
    };
    char buf[32], narrow[6], number[STR_INT_BYTES];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(str_duration(buf, sizeof buf, cases[i].ms), cases[i].words);
    assert_string_equal(str_duration(narrow, sizeof narrow, 7500000), "2 h 5");
    assert_string_equal(str_int(number, 0), "0");
    assert_string_equal(str_int(number, INT64_MAX), "9223372036854775807");
    assert_string_equal(str_int(number, INT64_MIN), "-9223372036854775808");
}

static void sizes(void **state)
{
    uint64_t v;
    assert_int_equal(str_to_bytes("10M", &v), 0);
    assert_int_equal(v, 10u << 20);
    assert_int_equal(str_to_bytes("512KiB", &v), 0);
    assert_int_equal(v, 512u << 10);
    assert_int_equal(str_to_bytes("17", &v), 0);
    assert_int_equal(v, 17);
    assert_int_equal(str_to_bytes("10 M", &v), -EINVAL);
    assert_int_equal(str_to_bytes("M", &v), -EINVAL);
    assert_int_equal(str_to_bytes("20000000000T", &v), -ERANGE);
}

static void utf8(void **state)
{
    assert_true(utf8_valid("\xe2\x82\xac", 3));
    assert_false(utf8_valid("\xe2\x82", 2));
    assert_false(utf8_valid("\xc0\x80", 2));         /* overlong */
    assert_false(utf8_valid("\xed\xa0\x80", 3));     /* surrogate */
    assert_false(utf8_valid("\xf4\x90\x80\x80", 4)); /* above U+10FFFF */
    char text[40] = "thirty-two bytes of plain text ..";
    assert_true(utf8_valid(text, 33));
    for (size_t i = 0; i < 33; i++) { /* wherever the bad byte stands */
        char good = text[i];
        text[i] = (char)0xff;
        assert_false(utf8_valid(text, 33));
        assert_true(utf8_valid(text, i));
        text[i] = good;
    }
    assert_int_equal(utf8_cut("ab\xe2\x82\xac", 5), 5);
    assert_int_equal(utf8_cut("ab\xe2\x82\xac", 4), 2);
    assert_int_equal(utf8_cut("ab\xe2\x82\xac", 2), 2);
    char out[4];
    uint32_t cp;
    for (uint32_t c = 1; c <= 0x10ffff; c += 97) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        size_t n = utf8_encode(c, out);
        assert_int_equal(utf8_decode(out, n, &cp), n);
        assert_int_equal(cp, c);
    }
}

/* Blocks, words and the shortcuts of common characters say what one character at a time says. */
static void utf8_at_every_place(void **state)
{
    static const char *const pieces[] = {"a",
                                         "bcdefgh",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xed\x95\x9c",
                                         "\xf0\x9f\x98\x80",
                                         "\xe0\xa4\x85",
                                         "\xc3",
                                         "\xe2\x82",
                                         "\xed\xa0\x80",
                                         "\xe0\x9f\xbf",
                                         "\x80",
                                         "\xf4\x90\x80\x80",
                                         "\xf0\x8f\xbf\xbf"};
    enum { GOOD = 7 }; /* of the pieces */
    uint64_t seed = 7;
    for (int round = 0; round < 50000; round++) {
        char s[200];
        size_t n = 0;
        for (int k = 0; k < 12; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            unsigned r = (unsigned)(seed >> 40);
            const char *piece =
                pieces[r % 32 ? r % GOOD : r / 32 % (sizeof pieces / sizeof *pieces)];
            n = (size_t)(stpcpy(s + n, piece) - s);
        }
        size_t at = 0, step = 1;
        while (at < n && (step = utf8_decode(s + at, n - at, NULL)))
            at += step;
        assert_int_equal(utf8_valid(s, n), at == n);
    }
}

static void printable(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    static const char evil[] = "a\x1b[31mb\x07\nc\xe2\x80\xae"
                               "d\xff";
    str_add_printable(&b, evil, sizeof evil - 1);
    assert_null(strchr(b.data, 0x1b));
    assert_null(strchr(b.data, 7));
    assert_null(strstr(b.data, "\xe2\x80\xae"));
    assert_non_null(strstr(b.data, "b\xef\xbf\xbd c"));
    assert_true(utf8_valid(b.data, b.len));
}

static void suggestions(void **state)
{
    static const char *const keys[] = {"interval", "url", "tags", "retention"};
    assert_string_equal(str_suggest("intervall", keys, 4), "interval");
    assert_string_equal(str_suggest("tag", keys, 4), "tags");
    assert_null(str_suggest("colour", keys, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),   cmocka_unit_test(durations_in_words),
        cmocka_unit_test(sizes),       cmocka_unit_test(utf8),
        cmocka_unit_test(printable),   cmocka_unit_test(utf8_at_every_place),
        cmocka_unit_test(suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
