#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/mem.h"
#include "client/content.h"

static void reads(const char *html, int width, const char *want)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    struct doc *d = doc_from_html(html, strlen(html));
    doc_add_wrapped(&b, d, width, false);
    doc_free(d);
    assert_string_equal(buf_str(&b), want);
}

static void paragraphs(void **state)
{
    reads("<p>One  two\n three</p><p>Four<br/>five</p>", 80, "One two three\n\nFour\nfive\n");
    reads("plain &amp; &lt;simple&gt; &eacute;", 80, "plain & <simple> é\n");
    reads("<h2>Head</h2><div>text</div>", 80, "Head\n\ntext\n");
    reads("a < b <3 c<", 80, "a < b <3 c<\n");
    reads("<p>aaa bbb ccc ddd</p>", 7, "aaa bbb\nccc ddd\n");
    reads("", 80, "");
}

static void lists_quotes_code(void **state)
{
    reads("<p>x</p><ul><li>one</li><li>two<ul><li>deep</li></ul></li></ul>", 80,
          "x\n\n• one\n• two\n  • deep\n");
    reads("<ol><li>aaa bbb</li><li>c</li></ol>", 8, "1. aaa\n   bbb\n2. c\n");
    reads("<blockquote><p>said he</p></blockquote>", 80, "    said he\n");
    reads("<pre>a\n  b</pre>", 80, "    a\n      b\n");
    reads("<table><tr><td>1</td><td>2</td></tr></table>", 80, "1 | 2 |\n");
}

static void links_become_references(void **state)
{
    reads("<p>See <a href=\"https://e.org/?a=1&amp;b=2\">this</a>.</p>", 80,
          "See this [1].\n\n[1] https://e.org/?a=1&b=2\n");
    reads("<a href='https://e.org/'>https://e.org/</a>", 80, "https://e.org/\n");
    reads("<a href=\"javascript:x\">no</a> <a>no</a></a>", 80, "no no\n");
    reads("<img src=\"x.png\" alt=\"a cat\"/>", 80, "[a cat]\n");
    reads("<script>evil()</script>ok<style>p{}</style><!-- <p>no</p> -->", 80, "ok\n");
}

static void cannot_steer_a_terminal(void **state)
{
    reads("a\033[31mb&#27;]0;x&#7;c", 80, "a\xef\xbf\xbd[31mb]0;xc\n");
    reads("<a href=\"https://e.org/&#155;31m\">x</a>", 80,
          "x [1]\n\n[1] https://e.org/\xe2\x80\xba"
          "31m\n"); /* HTML reads 155 as U+203A */
    reads("<a href=\"https://e.org/\xc2\x9b\">x</a>", 80,
          "x [1]\n\n[1] https://e.org/\xef\xbf\xbd\n");
}

static void survives_broken_html(void **state)
{
    static const char *const broken[] = {"<",
                                         "</",
                                         "<a",
                                         "<a href=\"",
                                         "<a href=x",
                                         "</ul></ol></li></p>",
                                         "<!--",
                                         "<ul><ul><li>",
                                         "<pre>",
                                         "<p",
                                         "&",
                                         "&#",
                                         "<li>x",
                                         "<a href=>",
                                         "<a =x>",
                                         "<script>",
                                         "<blockquote",
                                         "\xff\xfe<p>\xc3",
                                         "<a href>x</a>"};
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
        struct doc *d = doc_from_html(broken[i], strlen(broken[i]));
        doc_add_wrapped(&b, d, 10, true);
        doc_free(d);
    }
    CLEANUP_BUF struct buf deep = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_adds(&deep, "<blockquote><ul><li>");
    buf_adds(&deep, "x");
    struct doc *d = doc_from_html(deep.data, deep.len);
    doc_add_wrapped(&out, d, 80, false);
    assert_in_range(out.len, 1, 200);
    doc_free(d);
}

static void text_keeps_its_lines(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    const char *text = "first line\nsecond  line\n\nnext <b>para</b>\n";
    struct doc *d = doc_from_text(text, strlen(text));
    doc_add_wrapped(&b, d, 80, false);
    doc_free(d);
    assert_string_equal(b.data, "first line\nsecond line\n\nnext <b>para</b>\n");
}

static void wraps_by_width(void **state)
{
    static const struct {
        const char *text;
        int width, indent;
        const char *want;
    } cases[] = {
        {"aa bb cc", 5, 0, "aa bb\ncc"},
        {"aa bb cc", 5, 2, "aa bb\n  cc"},
        {"a verylongword b", 6, 0, "a\nverylongword\nb"},
        {"世界世界", 4, 0, "世界\n世界"}, /* two columns each, broken anywhere */
        {"ab世界", 4, 0, "ab世\n界"},
        {"e\xcc\x81 e\xcc\x81", 3, 0, "e\xcc\x81 e\xcc\x81"}, /* combining marks take none */
        {"", 5, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(4096);
        text_add_wrapped(&b, cases[i].text, cases[i].width, cases[i].indent, 0);
        assert_string_equal(buf_str(&b), cases[i].want);
    }
}

/* An item without a title is shown by its first words. */
static void stands_for_a_title(void **state)
{
    CLEANUP_BUF struct buf wide = BUF_INIT(8192);
    buf_adds(&wide, "{\"content_text\":\"");
    for (int i = 0; i < 200; i++)
        buf_adds(&wide, "世");
    buf_adds(&wide, "\"}");
    const struct {
        const char *title, *url, *json, *want;
    } cases[] = {
        {"T", "u", "{\"content_text\":\"x\"}", "T"},
        {NULL, "u", "{\"content_html\":\"<p>One <b>two</b></p><p>three</p>\"}", "One two three"},
        {NULL, "u", "{\"content_text\":\" a\\n\\n b \"}", "a b"},
        {NULL, "u", "{\"summary\":\"s\"}", "s"},
        {NULL, "u", "{\"content_html\":\"<img src='x'>\"}", "u"},
        {NULL, NULL, "{}", "id"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct item_row it = {.title = cases[i].title,
                              .url = cases[i].url,
                              .id = "id",
                              .json = cases[i].json,
                              .json_len = strlen(cases[i].json)};
        CLEANUP_FREE char *got = content_headline(&it);
        assert_string_equal(got, cases[i].want);
    }
    struct item_row it = {.id = "id", .json = buf_str(&wide), .json_len = wide.len};
    CLEANUP_FREE char *got = content_headline(&it);
    assert_int_equal(strlen(got), 120); /* whole characters */
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paragraphs),
        cmocka_unit_test(lists_quotes_code),
        cmocka_unit_test(links_become_references),
        cmocka_unit_test(cannot_steer_a_terminal),
        cmocka_unit_test(survives_broken_html),
        cmocka_unit_test(text_keeps_its_lines),
        cmocka_unit_test(wraps_by_width),
        cmocka_unit_test(stands_for_a_title),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
