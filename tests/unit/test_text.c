#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/text.h"

static void check_field(enum text_kind kind, const char *in, const char *want)
{
    struct arena a = {0};
    const char *got = text_field(&a, kind, in, strlen(in));
    if ((got && want) ? strcmp(got, want) != 0 : got != want)
        fail_msg("%d \"%s\": got \"%s\", want \"%s\"", kind, in, got ? got : "none",
                 want ? want : "none");
    arena_free(&a);
}

static void from_html(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"plain", "plain"},
        {"", NULL},
        {" \n<p> </p>", NULL},
        {"a <b>b</b>c", "a bc"},
        {"if a <b", "if a <b"},
        {"if a <b href=", "if a"},
        {"<p>one</p><p>two</p>", "one two"},
        {"one<br>two<br/>three", "one two three"},
        {"<ul><li>a<li>b</ul>c", "a b c"},
        {"<td>1</td><td>2</td>", "1 2"},
        {"  a \r\n\t b  ", "a b"},
        {"a&nbsp; &nbsp;b", "a\xc2\xa0 \xc2\xa0"
                            "b"},
        {"x<script>alert('<b>')</script>y", "xy"},
        {"x<SCRIPT\n>1</sCript >y", "xy"},
        {"x<style>p{}</style>y", "xy"},
        {"x<script>never closed", "x"},
        {"x<title>T</title>y", "xy"},
        {"x<noscript><img></noscript>y", "xy"},
        {"x<object><param><b>z</b><object>in</object></object>y", "xy"},
        {"x<object>cut <b>here</b>", "xcut here"},
        {"x<iframe src=a>f</iframe>y", "xfy"},
        {"x<!-- c > <b> -->y", "xy"},
        {"x<!-->y", "xy"},
        {"x<!--->y", "xy"},
        {"x<!-- a --!>y", "xy"},
        {"x<!-- never >closed", "xclosed"},
        {"x<!DOCTYPE html>y", "xy"},
        {"x<?php echo 1 ?>y", "xy"},
        {"x</>y", "xy"},
        {"x</ a>y", "xy"},
        {"1 < 2 and 3 <4", "1 < 2 and 3 <4"},
        {"a<", "a<"},
        {"a</", "a</"},
        {"a<!", "a"},
        {"I <3 you", "I <3 you"},
        {"x<a title='>'>y", "xy"},
        {"x<a title=\">\" b=c>y", "xy"},
        {"x<a title=\"unclosed>y", "x"},
        {"x<unknown>y</unknown>z", "xyz"},
        {"x<o:p>y</o:p>z", "xyz"},
        {"<textarea><b>&amp;</textarea>", "<b>&"},
        {"AT&T", "AT&T"},
        {"AT&amp;T", "AT&T"},
        {"&lt;b&gt;", "<b>"},
        {"&amp;lt;", "&lt;"},
        {"&#65;&#x42;&#X43;", "ABC"},
        {"&#65&#x42", "AB"},
        {"&#150;&#146;", "\xe2\x80\x93\xe2\x80\x99"},
        {"&#0;&#xD800;&#x110000;&#99999999999;",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"a&#1;b&#12;c", "ab c"},
        {"&eacute;&Eacute;&euro;&hearts;", "\xc3\xa9\xc3\x89\xe2\x82\xac\xe2\x99\xa5"},
        {"&eacute&copy2", "\xc3\xa9\xc2\xa9"
                          "2"},
        {"&notit; &notin;", "\xc2\xacit; \xe2\x88\x89"},
        {"&euro no", "&euro no"},
        {"&unknown;", "&unknown;"},
        {"&", "&"},
        {"&;", "&;"},
        {"&#;&#x;", "&#;&#x;"},
        {"&NotEqualTilde;", "\xe2\x89\x82\xcc\xb8"},
        {"&CounterClockwiseContourIntegral;", "\xe2\x88\xb3"},
        {"&zwnj;&zwj;", "\xe2\x80\x8c\xe2\x80\x8d"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_field(TEXT_HTML, rows[i].in, rows[i].want);
}

static void is_it_html(void **state)
{
    static const char *const yes[] = {
        "<b>x</b>", "a</p>b", "x<br/>",    "<IMG src=x>", "a &amp; b", "&#8217;s", "&#x27;",
        "&nbsp;",   "<a\nb>", "<font\tx>", "<td>",        "<svg>",     "<math >",
    };
    static const char *const no[] = {
        "",
        "plain",
        "AT&T",
        "1 < 2 > 0",
        "<notatag>",
        "<b",
        "a <3 b",
        "&nope;",
        "&eacute",
        "&#;",
        "<>",
        "<!-- c -->",
        "<?xml?>",
        "</>",
        "<b:c>",
        "&amp",
        "List<Int>",
        "x<y>z",
        "a < b && b > c",
        "<blockquotes>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (!text_is_html(yes[i], strlen(yes[i])))
            fail_msg("should be HTML: %s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (text_is_html(no[i], strlen(no[i])))
            fail_msg("should not be HTML: %s", no[i]);
}

static void kinds(void **state)
{
    check_field(TEXT_LITERAL, " <b>x</b>\n&amp; ", "<b>x</b> &amp;");
    check_field(TEXT_MAYBE, "AT&amp;T", "AT&T");
    check_field(TEXT_MAYBE, "1 < 2", "1 < 2");
    check_field(TEXT_MAYBE, "x <em>y</em> z", "x y z");
    check_field(TEXT_MAYBE, "List<Int> &c", "List<Int> &c");
    check_field(TEXT_LITERAL, " \n", NULL);
}

static void attribute_references(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"a?b=1&copy=2", "a?b=1&copy=2"},
        {"a?b=1&copy;=2", "a?b=1\xc2\xa9=2"},
        {"a&copy", "a\xc2\xa9"},
        {"a&copyx", "a&copyx"},
        {"a&amp;b", "a&b"},
        {"&#106&#97;", "ja"},
        {"&Tab;&NewLine;", "\t\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(100);
        assert_int_equal(text_add_decoded(&b, rows[i].in, strlen(rows[i].in), true), 0);
        assert_string_equal(buf_str(&b), rows[i].want);
    }
}

static void entities(void **state)
{
    assert_string_equal(text_entity("nbsp", 4), "\xc2\xa0");
    assert_string_equal(text_entity("AElig", 5), "\xc3\x86");
    assert_string_equal(text_entity("zwnj", 4), "\xe2\x80\x8c");
    assert_null(text_entity("nbs", 3));
    assert_null(text_entity("nbspx", 5));
    assert_null(text_entity("", 0));
}

static void sink_over_seams(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(100);
    struct text_sink t;
    buf_adds(&b, "before:");
    text_sink_init(&t, &b);
    text_sink_add(&t, "  a ", 4);
    text_sink_add(&t, " ", 1);
    text_sink_add(&t, "b", 1);
    text_sink_brk(&t);
    text_sink_add(&t, "c\n", 2);
    assert_string_equal(b.data, "before:a b c");
}

static void ceiling(void **state)
{
    for (size_t max = 0; max < 12; max++) {
        CLEANUP_BUF struct buf b = BUF_INIT(max);
        static const char in[] = "<p>a \xe2\x82\xac</p>&euro; b";
        int r = text_add_html(&b, in, sizeof in - 1);
        assert_true(b.len <= max);
        assert_true(utf8_valid(buf_str(&b), b.len));
        assert_int_equal(r == 0, max >= 11);
    }
}

static char random_char(uint64_t *seed)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz!! \n\t<>&\"#\xc3";
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    unsigned r = (unsigned)(*seed >> 40);
    return r % 5 ? alphabet[r / 5 % 26] : r % 3 ? ' ' : alphabet[r / 15 % (sizeof alphabet - 1)];
}

/* What is done in blocks is what is done byte by byte. */
static void in_blocks(void **state)
{
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        char in[150], plain[150];
        size_t n = 1 + (size_t)round % 149, len = 0;
        CLEANUP_BUF struct buf out = BUF_INIT(1000), want = BUF_INIT(1000);
        for (size_t i = 0; i < n; i++)
            in[i] = random_char(&seed);
        for (size_t i = 0; i < n; i++) {
            bool space = strchr(" \n\t", in[i]);
            if (!space || (len && plain[len - 1] != ' '))
                plain[len++] = space ? ' ' : in[i];
            bool quote = in[i] == '"';
            buf_adds(&want, in[i] == '&'   ? "&amp;"
                            : in[i] == '<' ? "&lt;"
                            : in[i] == '>' ? "&gt;"
                            : quote        ? "&quot;"
                                           : (char[]){in[i], 0});
        }
        len -= len && plain[len - 1] == ' ';
        text_add_plain(&out, in, n);
        assert_int_equal(out.len, len);
        assert_memory_equal(buf_str(&out), plain, len);
        buf_clear(&out);
        text_add_escaped(&out, in, n, true);
        assert_string_equal(buf_str(&out), buf_str(&want));
    }
}

static void linear_time(void **state)
{
    static const char *const pieces[] = {"<b ",  "&",    "<",          "<!--",     "<!",
                                         "</",   "&#",   "<title>",    "<object>", "<b a=\"",
                                         "<a<b", "&amp", "<textarea>", "<?"};
    CLEANUP_BUF struct buf in = BUF_INIT(4u << 20), out = BUF_INIT(8u << 20);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        buf_clear(&in);
        buf_clear(&out);
        while (in.len < 1u << 20)
            buf_adds(&in, pieces[i]);
        text_is_html(in.data, in.len);
        text_add_html(&out, in.data, in.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_html), cmocka_unit_test(is_it_html),
        cmocka_unit_test(kinds),     cmocka_unit_test(attribute_references),
        cmocka_unit_test(entities),  cmocka_unit_test(sink_over_seams),
        cmocka_unit_test(ceiling),   cmocka_unit_test(linear_time),
        cmocka_unit_test(in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
