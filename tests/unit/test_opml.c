#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/opml.h"

static struct opml *read_text(const char *text)
{
    struct opml *o = NULL;
    struct td_err err;
    if (opml_read(text, strlen(text), &o, &err) < 0)
        fail_msg("%s", err.msg);
    return o;
}

static void reading(void **state)
{
    struct opml *o = read_text(
        "\xef\xbb\xbf<?xml version='1.0'?><opml version='1.1'><head><title> Mine </title></head>"
        "<body><outline text='News'><outline text='World &amp; more'>"
        "<outline TYPE='RSS' text='t' Title='A &#252;' XMLURL=' http://a/f ' htmlurl='http://a'/>"
        "</outline><outline xmlUrl='http://b/f' text='b' category='x,/News/y'/></outline>"
        "<outline xmlUrl='http://a/f' text='again'/>"
        "<outline title='http://d/' xmlUrl='http://d/'/><outline title='a&#10; b' "
        "xmlUrl='http://e/'/>"
        "<outline xmlUrl='feed://a/f'/><outline xmlUrl='javascript:x'/>"
        "<outline xmlUrl='ftp://c/f'/><outline type='rss' text='no address'/>"
        "<outline text='a folder only'/></body></opml>");
    assert_string_equal(o->title, "Mine");
    assert_int_equal(o->n_feeds, 4); /* feed: is the first one again */
    assert_int_equal(o->n_skipped, 3);
    assert_string_equal(o->feeds[0].url, "http://a/f");
    assert_string_equal(o->feeds[0].title, "A \xc3\xbc");
    assert_string_equal(o->feeds[0].home_url, "http://a");
    assert_string_equal(o->feeds[0].tags, "News\nWorld & more");
    assert_string_equal(o->feeds[1].title, "b");
    assert_null(o->feeds[1].home_url);
    assert_string_equal(o->feeds[1].tags, "News\nx\ny");
    assert_null(o->feeds[2].title); /* an address is no title */
    assert_string_equal(o->feeds[3].title, "a b");
    opml_free(o);
}

static void broken_documents_give_what_they_hold(void **state)
{
    struct opml *o = read_text("\n <opml><body><outline text='a&nbsp;b' xmlUrl='http://a/?x=1&y=2'>"
                               "<outline text='c' xmlUrl='http://c/'>");
    assert_int_equal(o->n_feeds, 2);
    assert_true(str_starts(o->feeds[0].url, "http://a/?x=1"));
    assert_string_equal(o->feeds[1].url, "http://c/");
    opml_free(o);
}

static void refused(void **state)
{
    static const char *const cases[] = {"",    "   ", "text", "<rss/>", "<html><body/></html>",
                                        "\xff"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct opml *o = NULL;
        struct td_err err;
        assert_int_equal(opml_read(cases[i], strlen(cases[i]), &o, &err), -EINVAL);
        assert_non_null(strstr(err.msg, "; allowed: "));
        assert_null(o);
    }
    struct opml *o;
    assert_int_equal(opml_read("", (size_t)LIMIT_OPML_BYTES + 1, &o, NULL), -EINVAL);
}

/* Entities that multiply, in an attribute and in text, and one that would read a file. */
static void hostile_entities(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    buf_adds(&b, "<!DOCTYPE opml [<!ENTITY f SYSTEM 'file:///etc/hostname'><!ENTITY e0 'lol'>");
    for (int i = 1; i < 12; i++) {
        buf_addf(&b, "<!ENTITY e%d '", i);
        for (int j = 0; j < 10; j++)
            buf_addf(&b, "&e%d;", i - 1);
        buf_adds(&b, "'>");
    }
    buf_adds(&b, "]><opml><head><title>&e11;&f;</title></head><body>"
                 "<outline xmlUrl='http://a/' text='x&e11;'/><outline xmlUrl='http://b/'/>"
                 "</body></opml>");
    struct opml *o = NULL;
    int r = opml_read(b.data, b.len, &o, NULL);
    if (r == 0) {
        assert_true(str_empty(o->title));
        for (size_t i = 0; i < o->n_feeds; i++)
            assert_true(!o->feeds[i].title || strlen(o->feeds[i].title) < 10);
    }
    opml_free(o);
}

static void writing_reads_back(void **state)
{
    char url_a[] = "http://a/?x=1&y=<\">", url_b[] = "http://b/", url_c[] = "http://c/";
    char title[] = "Tom & \"Jerry\"\n<\x01>", tags_a[] = "z\none/two", tags_c[] = "z";
    struct opml_feed feeds[] = {
        {.url = url_a, .title = title, .tags = tags_a},
        {.url = url_b},
        {.url = url_c, .home_url = url_b, .tags = tags_c},
    };
    struct opml o = {.feeds = feeds, .n_feeds = 3};
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    opml_write(&b, &o);
    struct opml *back = read_text(buf_str(&b));
    assert_int_equal(back->n_feeds, 3);
    assert_int_equal(back->n_skipped, 0);
    assert_string_equal(back->feeds[0].url, url_b); /* without a tag: before the folders */
    assert_null(back->feeds[0].tags);
    assert_null(back->feeds[0].title); /* the address stood there */
    assert_string_equal(back->feeds[1].url, url_a);
    assert_string_equal(back->feeds[1].title, "Tom & \"Jerry\" <\xef\xbf\xbd>");
    assert_string_equal(back->feeds[1].tags, "z\none two");
    assert_string_equal(back->feeds[2].home_url, url_b);
    opml_free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(broken_documents_give_what_they_hold),
        cmocka_unit_test(refused),
        cmocka_unit_test(hostile_entities),
        cmocka_unit_test(writing_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
