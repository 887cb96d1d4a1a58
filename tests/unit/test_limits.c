/* Over each limit of base/limits.h the rest is dropped, what was within it is there, and the item
 * or the feed says so. (Depth, attributes, items, texts, tags, entities: test_repair.c.) */
#include "base/arena.h"
#include "parse_harness.h"

#define HEAD        "<rss version='2.0'" NAMESPACES "><channel>"
#define TAIL        "</channel></rss>"
#define CROWD_BYTES (5u << 20)

static void repeat(struct buf *b, const char *s, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_adds(b, s);
}

static struct doc parse_buf(const struct buf *b)
{
    return doc_parse_n(buf_str(b), b->len, NULL);
}

static void coordinates(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    for (size_t n = LIMIT_COORDINATES; n <= LIMIT_COORDINATES + 2; n += 2) {
        buf_clear(&b);
        buf_adds(&b, HEAD "<item><title>t</title><georss:line>");
        repeat(&b, "1.5 2.5 ", n / 2);
        buf_adds(&b, "</georss:line></item>" TAIL);
        struct doc d = parse_buf(&b);
        assert_int_equal(json_array_size(doc_get(&d, "items.0._tidings.geo.coordinates")),
                         LIMIT_COORDINATES / 2);
        expect(&d, "items.0._tidings.dropped", n > LIMIT_COORDINATES ? "true" : NULL);
        doc_free(&d);
    }
}

/* A long text is no date, and nothing of it becomes one. */
static void dates(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    for (size_t n = LIMIT_DATE_BYTES; n <= LIMIT_DATE_BYTES + 1; n++) {
        buf_clear(&b);
        buf_adds(&b, HEAD "<item><title>t</title><pubDate>2021-03-04");
        size_t head = b.len;
        repeat(&b, " ", n - strlen("2021-03-04") - strlen("12:00"));
        assert_true(b.len > head);
        buf_adds(&b, "12:00</pubDate></item>" TAIL);
        struct doc d = parse_buf(&b);
        expect(&d, "items.0.date_published",
               n > LIMIT_DATE_BYTES ? NULL : "\"2021-03-04T12:00:00Z\"");
        doc_free(&d);
    }
}

/* An item whose JSON would be too big loses its bodies, one after the other, not its place. */
static void item_json(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, HEAD "<item><guid>1</guid><title>t</title><description><![CDATA[<p>");
    repeat(&b, "\"", LIMIT_TEXT_BYTES - 100); /* two bytes each in JSON */
    buf_adds(&b, "]]></description><content:encoded><![CDATA[");
    repeat(&b, "\"", LIMIT_TEXT_BYTES - 100);
    buf_adds(&b, "]]></content:encoded></item>" TAIL);
    struct doc d = parse_buf(&b);
    assert_true(d.batch->entries[0].json_len <= LIMIT_ITEM_JSON_BYTES);
    expect(&d, "items.0.id", "\"1\"");
    expect(&d, "items.0.title", "\"t\"");
    expect(&d, "items.0._tidings.dropped", "true");
    expect(&d, "items.0._tidings.summary_html", NULL);
    assert_true(d.batch->dropped);
    doc_free(&d);
}

/* All entries of a document together. */
static void batch(void **state)
{
    enum { ITEMS = 20 };
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 26);
    buf_adds(&b, HEAD);
    for (int i = 0; i < ITEMS; i++) {
        buf_addf(&b, "<item><guid>%d</guid><content:encoded><![CDATA[", i);
        repeat(&b, "\"xx\"\"\"\"\"\"\"\"\"\"\"\"\"", LIMIT_TEXT_BYTES / 16 - 100);
        buf_adds(&b, "]]></content:encoded></item>");
    }
    buf_adds(&b, TAIL);
    struct doc d = parse_buf(&b);
    size_t bytes = 0;
    for (uint32_t i = 0; i < d.batch->n_entries; i++)
        bytes += d.batch->entries[i].json_len;
    assert_in_range(d.batch->n_entries, 8, ITEMS - 1);
    assert_in_range(bytes, LIMIT_BATCH_BYTES / 2, LIMIT_BATCH_BYTES + LIMIT_ITEM_JSON_BYTES);
    expect(&d, "_tidings.dropped", "true");
    doc_free(&d);
}

static void hubs(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20), link = BUF_INIT(1u << 20);
    buf_adds(&b, "<feed xmlns='http://www.w3.org/2005/Atom'>");
    for (int i = 0; i < 3 * LIMIT_HUBS; i++) {
        buf_addf(&b, "<link rel='hub' href='http://hub%d.example/'/>", i);
        buf_addf(&link, "<http://other%d.example/>; rel=hub, ", i);
    }
    buf_adds(&b, "</feed>");
    for (int with_header = 0; with_header < 2; with_header++) {
        struct parse_in in = {.bytes = b.data, .n = b.len, .link = with_header ? link.data : NULL};
        struct td_batch *batch;
        assert_int_equal(parse_feed(&in, &batch, NULL), 0);
        assert_int_equal(batch->n_hubs, LIMIT_HUBS);
        td_batch_free(batch);
    }
}

static void discovered(void **state)
{
    struct arena a = {0};
    struct discovered found[LIMIT_DISCOVERED];
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    for (int i = 0; i < 3 * LIMIT_DISCOVERED; i++)
        buf_addf(&b, "<link rel=alternate type=application/rss+xml href=/%d>", i);
    struct parse_in in = {.bytes = b.data, .n = b.len, .base_url = "http://a.example/"};
    assert_int_equal(parse_discover(&in, &a, found, LIMIT_DISCOVERED), LIMIT_DISCOVERED);
    arena_free(&a);
}

/* JSON: the same limits on another way in. */
static void json(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 25);
    buf_adds(&b, "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":\"1\","
                 "\"content_html\":\"<p>x\",\"content_text\":\"a");
    repeat(&b, "\xc3\xa9", LIMIT_TEXT_BYTES / 2 + 1);
    buf_adds(&b, "\"},{\"id\":\"2\",\"tags\":[");
    for (int i = 0; i <= LIMIT_ITEM_TAGS; i++)
        buf_addf(&b, "%s\"%d\"", i ? "," : "", i);
    buf_adds(&b, "]}");
    for (int i = 3; i <= LIMIT_ITEMS + 1; i++)
        buf_addf(&b, ",{\"id\":\"%d\"}", i);
    buf_adds(&b, "]}");
    struct doc d = parse_buf(&b);
    assert_int_equal(d.batch->n_entries, LIMIT_ITEMS);
    expect(&d, "_tidings.dropped", "true");
    const json_t *text = doc_get(&d, "items.0.content_text");
    assert_in_range(json_string_length(text), LIMIT_TEXT_BYTES - 2, LIMIT_TEXT_BYTES);
    assert_null(strstr(json_string_value(text), "\xef\xbf\xbd")); /* cut between characters */
    expect(&d, "items.0._tidings.dropped", "true");
    assert_int_equal(json_array_size(doc_get(&d, "items.1.tags")), LIMIT_ITEM_TAGS);
    expect(&d, "items.1._tidings.dropped", "true");
    doc_free(&d);
}

/* Blogs list all of their labels at the feed: more than an item may have. */
static void feed_tags(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    buf_adds(&b, "<rss version='2.0'><channel>");
    for (int i = 0; i <= LIMIT_FEED_TAGS; i++)
        buf_addf(&b, "<category>%d</category>", i);
    buf_adds(&b, "</channel></rss>");
    struct doc d = parse_buf(&b);
    assert_int_equal(json_array_size(doc_get(&d, "tags")), LIMIT_FEED_TAGS);
    expect(&d, "_tidings.dropped", "true");
    doc_free(&d);
}

/* Declarations of a broken document beyond its limits are passed over, the text stays. */
static void declarations(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    buf_adds(&b, "<!DOCTYPE r [");
    for (int i = 0; i <= LIMIT_ENTITIES; i++)
        buf_addf(&b, "<!ENTITY e%d 'text%d'>", i, i);
    buf_adds(&b, "]><rss version='2.0'");
    for (int i = 0; i <= LIMIT_NAMESPACES; i++)
        buf_addf(&b, " xmlns:n%d='http://purl.org/dc/elements/1.1/'", i);
    buf_addf(&b, "><channel><title>&e0; &e%d;</title><n0:rights>r</n0:rights><br></channel></rss>",
             LIMIT_ENTITIES);
    struct doc d = parse_buf(&b);
    CLEANUP_FREE char *want = xasprintf("\"text0 &e%d;\"", LIMIT_ENTITIES);
    expect(&d, "title", want);
    expect(&d, "_tidings.rights", "\"r\"");
    assert_false(d.batch->well_formed);
    doc_free(&d);
}

/* What would take libxml2 quadratic time is read all the same: minutes otherwise, and the test's
 * timeout is the judge. */
static void crowds(void **state)
{
    static const char *const each[] = {" a%d=''", " xmlns:n%d='u'", "<e%d/>", "<e x%d=''/>"};
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 25);
    for (size_t k = 0; k < ARRAY_SIZE(each); k++) {
        bool in_tag = each[k][0] == ' ';
        buf_clear(&b);
        buf_adds(&b, "<rss version='2.0'");
        for (int i = 0; in_tag && b.len < CROWD_BYTES; i++)
            buf_addf(&b, each[k], i);
        buf_adds(&b, "><channel><title>t</title>");
        for (int i = 0; !in_tag && b.len < CROWD_BYTES; i++)
            buf_addf(&b, each[k], i);
        buf_adds(&b, "<item><title>i</title></item>" TAIL);
        struct doc d = parse_buf(&b);
        expect(&d, "title", "\"t\"");
        expect(&d, "items.0.title", "\"i\"");
        expect(&d, "_tidings.dropped", in_tag ? "true" : NULL);
        doc_free(&d);
    }
    /* namespaces of nested elements add up */
    buf_clear(&b);
    buf_adds(&b, "<rss version='2.0'><channel><title>t</title>");
    for (int i = 0; i < 100; i++) {
        buf_adds(&b, "<x");
        for (int j = 0; j < 100; j++)
            buf_addf(&b, " xmlns:n%d='u'", 100 * i + j);
        buf_adds(&b, ">");
    }
    while (b.len < CROWD_BYTES)
        buf_adds(&b, "<a/>");
    struct doc d = parse_buf(&b);
    expect(&d, "title", "\"t\"");
    doc_free(&d);
}

/* A long tag, comment or text with many quotes is no crowd. */
static void no_crowd(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 20);
    buf_adds(&b, "<!-- ");
    repeat(&b, "\"'\" ", 2000);
    buf_adds(&b, "-->" HEAD "<title x='");
    repeat(&b, "\"", 5000);
    buf_adds(&b, "'>t</title><description>");
    repeat(&b, "\"\" = ", 2000);
    buf_adds(&b, "</description>" TAIL);
    struct doc d = parse_buf(&b);
    assert_true(d.batch->well_formed);
    doc_free(&d);
}

/* The tree of a document. Its own memory, so not where a sanitizer multiplies it. */
static void tree(void **state)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 26);
    buf_adds(&b, HEAD "<item><title>first</title></item><x>");
    repeat(&b, "<a/>", LIMIT_TREE_BYTES / 64);
    buf_adds(&b, "</x><item><title>last</title></item>" TAIL);
    struct doc d = parse_buf(&b);
    expect(&d, "items.0.title", "\"first\"");
    expect(&d, "_tidings.dropped", "true");
    doc_free(&d);

    buf_clear(&b); /* read twice, as it ends in the middle: both have the whole limit */
    buf_adds(&b, HEAD "<x>");
    repeat(&b, "<a/>", LIMIT_TREE_BYTES / 180);
    buf_adds(&b, "</x><item><title>last</title></item>");
    d = parse_buf(&b);
    expect(&d, "items.0.title", "\"last\"");
    expect(&d, "_tidings.dropped", NULL);
    assert_true(d.batch->truncated);
    doc_free(&d);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coordinates), cmocka_unit_test(dates),     cmocka_unit_test(item_json),
        cmocka_unit_test(batch),       cmocka_unit_test(hubs),      cmocka_unit_test(discovered),
        cmocka_unit_test(json),        cmocka_unit_test(feed_tags), cmocka_unit_test(declarations),
        cmocka_unit_test(tree),        cmocka_unit_test(crowds),    cmocka_unit_test(no_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
