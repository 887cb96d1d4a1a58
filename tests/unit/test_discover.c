#include "parse_harness.h"

#define MAX_FOUND 8

static size_t find(struct arena *a, const char *html, const char *link, struct discovered *ret)
{
    struct parse_in in = {
        .bytes = html, .n = strlen(html), .link = link, .base_url = "https://site.example/dir/"};
    return parse_discover(&in, a, ret, MAX_FOUND);
}

static void one(const char *html, const char *url)
{
    CLEANUP(arena_free) struct arena a = {0};
    struct discovered found[MAX_FOUND];
    size_t n = find(&a, html, NULL, found);
    if (!url) {
        if (n)
            fail_msg("%s: found %s", html, found[0].url);
        return;
    }
    if (!n)
        fail_msg("%s: nothing found", html);
    assert_string_equal(found[0].url, url);
}

static void links(void **state)
{
    one("<head><link rel=alternate type=application/rss+xml href=f.xml>",
        "https://site.example/dir/f.xml");
    one("<HEAD><LINK HREF='/f' TYPE='Application/Atom+XML; charset=x' REL='x ALTERNATE'/>",
        "https://site.example/f");
    one("<link rel='feed' href='//o.example/f?a=1&amp;b=2'>", "https://o.example/f?a=1&b=2");
    one("<base href='https://b.example/x/'><link rel='alternate' type='application/feed+json' "
        "href='j'>",
        "https://b.example/x/j");
    one("<link rel='alternate' type='text/html' href='f'>", NULL);
    one("<link rel='alternate stylesheet' type='application/rss+xml' href='f'>", NULL);
    one("<link rel='stylesheet' type='application/rss+xml' href='f'>", NULL);
    one("<!-- <link rel='alternate' type='application/rss+xml' href='f'> -->", NULL);
    one("<script>'<link rel=alternate type=application/rss+xml href=f>'</script>", NULL);
    one("<body><link rel=alternate type=application/rss+xml href=f>", NULL);
    one("<link rel=alternate type=application/rss+xml href='javascript:x'>", NULL);
    one("<link rel=alternate type=application/rss+xml href='ftp://o.example/f'>", NULL);
    one("<link rel=alternate type=application/rss+xml>", NULL);
    one("<link rel=alternate type=application/rss+xml href='", NULL);
    one("", NULL);
}

static void order(void **state)
{
    static const char html[] =
        "<link rel=alternate type=application/rss+xml title='All &amp; Comments' href=c>"
        "<link rel=alternate type=application/feed+json href=j>"
        "<link rel=alternate type=application/rss+xml title='Main' href=r>"
        "<link rel=alternate type=application/atom+xml href=a>"
        "<link rel=alternate type=application/atom+xml href=a>";
    static const char *const wanted[] = {"a", "r", "j", "c"};
    CLEANUP(arena_free) struct arena a = {0};
    struct discovered found[MAX_FOUND];
    assert_int_equal(find(&a, html, NULL, found), ARRAY_SIZE(wanted));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_string_equal(found[i].url + strlen("https://site.example/dir/"), wanted[i]);
    assert_string_equal(found[1].title, "Main");
    assert_string_equal(found[3].title, "All & Comments");
    assert_string_equal(found[0].type, "application/atom+xml");
}

static void header(void **state)
{
    CLEANUP(arena_free) struct arena a = {0};
    struct discovered found[MAX_FOUND];
    size_t n = find(
        &a, "<title>no head</title>",
        "</style.css>; rel=preload, </f>; rel=\"alternate\"; type=\"application/rss+xml\"; "
        "title=\"a, b; c\"",
        found);
    assert_int_equal(n, 1);
    assert_string_equal(found[0].url, "https://site.example/f");
    assert_string_equal(found[0].title, "a, b; c");
}

static void bounded(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "<link rel=feed href=%d>", i);
    CLEANUP(arena_free) struct arena a = {0};
    struct discovered found[MAX_FOUND];
    assert_int_equal(find(&a, buf_str(&b), NULL, found), MAX_FOUND);
    assert_string_equal(found[0].url, "https://site.example/dir/0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),
        cmocka_unit_test(order),
        cmocka_unit_test(header),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
