/* Damaged and hostile documents: what is repaired, what is bounded. */
#include <errno.h>

#include "parse_harness.h"

#define HEAD "<rss version='2.0'><channel>"
#define TAIL "</channel></rss>"

static void repairs(void **state)
{
    static const struct {
        const char *doc, *path, *json, *words;
        bool truncated;
    } cases[] = {
        {"\n<?xml version='1.0'?>" HEAD "<title>t</title>" TAIL, "title", "\"t\"", "text before",
         false},
        {"Warning: junk <?xml version='1.0'?>" HEAD "<title>t</title>" TAIL, "title", "\"t\"",
         "text before", false},
        {HEAD "<title>a & b &c= &; d</title>" TAIL, "title", "\"a & b &c= &; d\"", "bare &", false},
        {HEAD "<title>a < b</title>" TAIL, "title", "\"a < b\"", "bare &", false},
        {HEAD "<title>caf&eacute;&nbsp;x</title>" TAIL, "title", "\"caf\xc3\xa9\xc2\xa0x\"",
         "HTML entities", false},
        {HEAD "<link>http://a.example/?a=1&copy=2</link>" TAIL, "home_page_url",
         "\"http://a.example/?a=1&copy=2\"", "bare &", false},
        {HEAD "<title>a\x01z</title>" TAIL, "title", "\"az\"", "control", false},
        {HEAD "<title>a&#1;z</title>" TAIL, "title", NULL, "", false},
        {HEAD "<item><dc:creator>c</dc:creator></item>" TAIL, "items.0.authors",
         "[{\"name\":\"c\"}]", "prefixes", false},
        {HEAD "<title>a <b>c</title><link>http://a.example/</link>" TAIL, "home_page_url",
         "\"http://a.example/\"", "tags", false},
        {HEAD "<title>a<link>http://a.example/</link>" TAIL, "title", "\"a\"", "tags", false},
        {HEAD "<title>a</titel><link>http://a.example/</link>" TAIL, "home_page_url",
         "\"http://a.example/\"", "tags", false},
        {HEAD "<dc:title>a</title><link>http://a.example/</link>" TAIL, "home_page_url",
         "\"http://a.example/\"", "tags", false},
        {HEAD "<item><title>1</title><item><title>2</title></item>" TAIL, "items.1.title", "\"2\"",
         "tags", false},
        {HEAD "<item><description><b><i>x</b></i><br>y</description><link>http://a.example/</link>"
              "</item>" TAIL,
         "items.0.url", "\"http://a.example/\"", "tags", false},
        {HEAD "<item><enclosure url=http://a.example/e length='3 type='x'></item>" TAIL,
         "items.0.attachments.0.url", "\"http://a.example/e\"", "tags", false},
        {HEAD "<title>t</title><item><title>1</title></item><item><title>2</ti", "items.1.title",
         "\"2\"", "middle", true},
        {HEAD "<title>t</title><item><title>1</title></item><item><title>2 &am", "items.0.title",
         "\"1\"", "middle", true},
        {HEAD "<item><description><![CDATA[cut", "items.0.summary", "\"cut\"", "middle", true},
        {HEAD "<item><title>1</title></item><!-- cut", "items.0.title", "\"1\"", "middle", true},
        {HEAD "<item><title>1</title></item><item a='", "items.0.title", "\"1\"", "middle", true},
        {HEAD "<item><title>1</title></item>" TAIL HEAD "<item/>" TAIL, "items.0.title", "\"1\"",
         "several roots", false},
        {HEAD "<title>t</title><item><title>1</title></item>" TAIL HEAD
              "<title>u</title><item><title>2</title></item>" TAIL,
         "items.1.title", "\"2\"", "several roots", false},
        {FEED("<title>t</title>") FEED("<entry><title>1</title></entry>"), "items.0.title", "\"1\"",
         "several roots", false},
        {HEAD "<title>t</title>" TAIL "<item><title>1</title></item>", "items.0.title", "\"1\"",
         "several roots", false},
        {"<html><head></head><body><pre style='x'>&lt;?xml version='1.0'?&gt;&lt;rss "
         "version='2.0'&gt;&lt;channel&gt;&lt;title&gt;a &amp;amp; b&lt;/title&gt;"
         "&lt;/channel&gt;&lt;/rss&gt;</pre></body></html>",
         "title", "\"a & b\"", "HTML page", false},
        {"<?xml version='1.0' encoding='utf-8'?>" HEAD "<title>\xff\xfe\xfa</title>" TAIL, "title",
         NULL, "bytes", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct doc d = doc_parse(cases[i].doc);
        if (cases[i].json)
            expect(&d, cases[i].path, cases[i].json);
        if (d.batch->well_formed)
            fail_msg("%s: well-formed", cases[i].doc);
        expect(&d, "_tidings.well_formed", "false");
        if (!strstr(d.batch->repaired ? d.batch->repaired : "", cases[i].words))
            fail_msg("%s: repaired: %s", cases[i].doc, d.batch->repaired);
        if (d.batch->truncated != cases[i].truncated)
            fail_msg("%s: truncated", cases[i].doc);
        doc_free(&d);
    }
}

/* What is odd but no damage. */
static void well_formed(void **state)
{
    static const struct {
        const char *doc, *title;
    } cases[] = {
        {"<!DOCTYPE rss [<!ENTITY me 'My <b>own</b> &#38;amp; more'>]>" HEAD
         "<title>&me;</title>" TAIL,
         "\"My own & more\""},
        {"<!DOCTYPE rss PUBLIC '-//Netscape Communications//DTD RSS 0.91//EN' "
         "'http://my.netscape.com/publish/formats/rss-0.91.dtd'>" HEAD
         "<title>caf&eacute;</title>" TAIL,
         "\"caf\xc3\xa9\""},
        {"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" HEAD "<title>a&x;b</title>" TAIL,
         "\"ab\""},
        {"<!DOCTYPE r [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x'> %p;]>" HEAD
         "<title>ab</title>" TAIL,
         "\"ab\""},
        {HEAD "<title>don&#146;t</title>" TAIL, "\"don\xe2\x80\x99t\""},
        {HEAD "<title><![CDATA[a]]> <!-- c --><?p i?>b</title>" TAIL, "\"a b\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct doc d = doc_parse(cases[i].doc);
        if (!d.batch->well_formed)
            fail_msg("%s: %s", cases[i].doc, d.batch->repaired);
        expect(&d, "title", cases[i].title);
        doc_free(&d);
    }
}

static void repeat(struct buf *b, const char *s, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_adds(b, s);
}

static struct doc parse_buf(const struct buf *b)
{
    return doc_parse_n(buf_str(b), b->len, NULL);
}

/* Documents go to libxml2 in pieces of 1 MB; CDATA comes as it stands, so its line ends are ours to
 * read (XML 1.0, 2.11). Everything around every place where a piece can end stays together. */
static void pieces(void **state)
{
    static const char line[] = "0123456789 \xe2\x82\xac &amp; <b>x</b> \r\n\r \n";
    static const char read[] = "0123456789 \xe2\x82\xac &amp; <b>x</b> \n\n \n";
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24), want = BUF_INIT(1u << 24);
    for (size_t shift = 0; shift < sizeof line; shift++) {
        buf_clear(&b);
        buf_clear(&want);
        buf_adds(&b, HEAD "<item><guid>1</guid><description><![CDATA[");
        repeat(&b, "x", shift);
        repeat(&want, "x", shift);
        repeat(&b, line, ((1u << 20) + 4096) / sizeof line);
        repeat(&want, read, ((1u << 20) + 4096) / sizeof line);
        buf_adds(&b, "]]></description></item>" TAIL);
        struct doc d = parse_buf(&b);
        assert_true(d.batch->well_formed);
        const char *got = json_string_value(doc_get(&d, "items.0.content_html"));
        want.data[--want.len] = 0; /* trimmed */
        while (want.data[want.len - 1] == '\n' || want.data[want.len - 1] == ' ')
            want.data[--want.len] = 0;
        assert_non_null(got);
        assert_true(str_eq(got, want.data));
        doc_free(&d);
    }
}

/* What is damaged elsewhere has the same line ends as the sound document. */
static void line_ends(void **state)
{
    struct doc d = doc_parse(HEAD
                             "<item><description>a\r\nb\rc\r&amp;\r<![CDATA[\r\n\rd&#13;]]>e&#13;f"
                             "</description></item><b>&</b>" TAIL);
    assert_false(d.batch->well_formed);
    expect(&d, "items.0.content_html", "\"a\\nb\\nc\\n&amp;\\n\\n\\nd\\re\\rf\"");
    doc_free(&d);
}

static void many_items(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, HEAD);
    repeat(&b, "<item><title>x</title></item>", LIMIT_ITEMS + 1);
    buf_adds(&b, TAIL);
    struct doc d = parse_buf(&b);
    assert_int_equal(d.batch->n_entries, LIMIT_ITEMS);
    assert_true(d.batch->dropped);
    expect(&d, "_tidings.dropped", "true");
    assert_true(d.batch->well_formed);
    doc_free(&d);
}

static void deep(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, HEAD "<item><title>t</title><description>");
    repeat(&b, "<b>", LIMIT_DEPTH * 10);
    buf_adds(&b, "in");
    repeat(&b, "</b>", LIMIT_DEPTH * 10);
    buf_adds(&b, "</description></item>" TAIL);
    struct doc d = parse_buf(&b);
    expect(&d, "items.0.title", "\"t\"");
    expect(&d, "items.0._tidings.dropped", "true");
    assert_true(d.batch->dropped);
    doc_free(&d);
}

static void many_attributes(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, HEAD "<item><title>t</title><enclosure url='http://a.example/'");
    for (int i = 0; i < LIMIT_ATTRIBUTES; i++)
        buf_addf(&b, " a%d=''", i);
    buf_adds(&b, "/></item>" TAIL);
    struct doc d = parse_buf(&b);
    expect(&d, "items.0.attachments.0.url", "\"http://a.example/\"");
    expect(&d, "items.0._tidings.dropped", "true");
    doc_free(&d);
}

static void long_text(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, HEAD "<item><title>t</title><description>");
    repeat(&b, "0123456789 \xc3\xa9", LIMIT_TEXT_BYTES / 13 + 1);
    buf_adds(&b, "</description></item>" TAIL);
    struct doc d = parse_buf(&b);
    expect(&d, "items.0._tidings.dropped", "true");
    assert_true(json_string_length(doc_get(&d, "items.0.content_html")) <= LIMIT_TEXT_BYTES);
    assert_true(strlen(d.batch->entries[0].text) <= LIMIT_SEARCH_TEXT_BYTES);
    doc_free(&d);
    buf_clear(&b);
    buf_adds(&b, "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"title\":\"");
    repeat(&b, "0123456789 \xc3\xa9", LIMIT_TEXT_BYTES / 13 + 1);
    buf_adds(&b, "\"}]}");
    d = parse_buf(&b);
    expect(&d, "items.0._tidings.dropped", "true");
    assert_true(json_string_length(doc_get(&d, "items.0.title")) <= LIMIT_TEXT_BYTES);
    doc_free(&d);
}

static void many_tags(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, HEAD "<item>");
    for (int i = 0; i <= LIMIT_ITEM_TAGS; i++)
        buf_addf(&b, "<category>%d</category>", i);
    buf_adds(&b, "</item>" TAIL);
    struct doc d = parse_buf(&b);
    assert_int_equal(json_array_size(doc_get(&d, "items.0.tags")), LIMIT_ITEM_TAGS);
    expect(&d, "items.0._tidings.dropped", "true");
    doc_free(&d);
}

/* Billion laughs, and one long entity used often: the strict reader gives up, the other one cuts.
 */
static void entity_bombs(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, "<!DOCTYPE r [<!ENTITY a0 'ha'>");
    for (int i = 1; i < 30; i++)
        buf_addf(&b, "<!ENTITY a%d '&a%d;&a%d;&a%d;'>", i, i - 1, i - 1, i - 1);
    buf_adds(&b, "]>" HEAD "<title>&a29;</title><item><title>t</title></item>" TAIL);
    struct doc d = parse_buf(&b);
    expect(&d, "items.0.title", "\"t\"");
    assert_true(d.batch->dropped);
    assert_true(td_batch_bytes(d.batch) < 8u << 20);
    doc_free(&d);

    buf_clear(&b);
    buf_adds(&b, "<!DOCTYPE r [<!ENTITY a '");
    repeat(&b, "0123456789", 10000);
    buf_adds(&b, "'>]>" HEAD "<item><title>t</title><description>");
    repeat(&b, "&a;", 1000);
    buf_adds(&b, "</description></item>" TAIL);
    d = parse_buf(&b);
    expect(&d, "items.0.title", "\"t\"");
    assert_true(d.batch->dropped);
    assert_true(td_batch_bytes(d.batch) < 16u << 20);
    doc_free(&d);
}

/* Inputs on which a careless reader takes quadratic time; the test's timeout is the judge. */
static void no_quadratic_time(void **state)
{
    static const char *const pieces[] = {
        "<",          "<a",
        "<a ",        "</",
        "<a b='",     "<!DOCTYPE a[>",
        "<![CDATA[",  "<!--",
        "&",          "&#",
        "&a",         "<?",
        "<!",         "<a><!ENTITY",
        "<geo:lat/>", "<item>",
        "</x>",       "<x:y xmlns:x='u'>",
        "<title>",    "<geo:lat>x</geo:lat><geo:Point/>",
    };
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        buf_clear(&b);
        buf_adds(&b, "<rss version='2.0' xmlns:geo='http://www.w3.org/2003/01/geo/wgs84_pos#'>"
                     "<channel><item>");
        repeat(&b, pieces[i], (1u << 20) / strlen(pieces[i]));
        struct doc d = parse_buf(&b);
        assert_false(d.batch->well_formed);
        doc_free(&d);
    }
}

/* A base is looked at once, and what is over a limit is not gone on with. */
static void many_bases(void **state)
{
    static const char *const pieces[] = {"<xhtml:a href='c'/>", "<xhtml:a href='c' xml:base='b'/>"};
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
        buf_adds(&b, "<rss version='2.0'><channel xml:base='http://a.example/");
        repeat(&b, "a/", i ? LIMIT_URL_BYTES / 2 - 100 : 1u << 19);
        buf_adds(&b, "'><item><xhtml:body xmlns:xhtml='http://www.w3.org/1999/xhtml'>");
        repeat(&b, pieces[i], 1u << 16);
        buf_adds(&b, "</xhtml:body></item></channel></rss>");
        struct doc d = doc_parse(buf_str(&b));
        expect(&d, "items.0._tidings.dropped", i ? "true" : NULL);
        doc_free(&d);
    }
}

/* Every prefix of a document parses or is refused; nothing else happens. */
static void every_prefix(void **state)
{
    static const char doc[] =
        "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY e 'x'>]>" HEAD
        "<title>a &amp; &e; &eacute;</title><!-- c --><item><title><![CDATA[x]]></title><?pi x?>"
        "<enclosure url='http://a.example/' length=\"5\"/><content:encoded>&lt;b></content:encoded>"
        "</item>" TAIL;
    for (size_t n = 0; n < sizeof doc; n++) {
        CLEANUP_FREE char *copy = xstrndup(doc, n);
        struct parse_in in = {.bytes = copy, .n = n};
        struct td_batch *b = NULL;
        int r = parse_feed(&in, &b, NULL);
        assert_true(r == 0 || r == -ENOMSG);
        td_batch_free(b);
    }
}

/* JSON that jansson refuses; WORDS NULL: it is correct all the same. */
static void json(void **state)
{
    static const struct {
        const char *items, *path, *json, *words;
    } cases[] = {
        {"{\"id\":12345678901234567890}]}", "items.0.id", "\"12345678901234567890\"", NULL},
        {"{\"id\":\"1\",\"x\":-1e999,\"y\":1.5e-3}]}", "items.0.id", "\"1\"", NULL},
        {"{\"title\":\"a\\u0000b\"}]}", "items.0.title",
         "\"a\xef\xbf\xbd"
         "b\"",
         NULL},
        {"{\"title\":\"a\\ud83d\"}]}", "items.0.title", "\"a\xef\xbf\xbd\"", NULL},
        {"{\"title\":\"\\udc00\\ud83d\\ude00\"}]}", "items.0.title",
         "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"", NULL},
        {"{\"title\":\"a\nb\\'c\\q\\u12\"}]}", "items.0.title", "\"a b'cqu12\"", "well-formed"},
        {"{\"title\":\"a\",},]}", "items.0.title", "\"a\"", "well-formed"},
        {"{\"id\":\"1\" /* \"x\": */, // \"title\": \"b\"\n \"title\":\"a//\"}]}", "items.0.title",
         "\"a//\"", "well-formed"},
        {"{\"title\":\"a\"}, /* cut", "items.0.title", "\"a\"", "middle"},
        {"{\"title\":\"a\"} {\"title\":\"b\"}]}", "items.1.title", "\"b\"", "well-formed"},
        {"{\"x\":NaN,y:undefined,\"title\":\"a\"}]}", "items.0.title", "\"a\"", "well-formed"},
        {"{\"id\":007,\"x\":+1,\"title\" \"a\"}]}", "items.0.id", "\"007\"", "well-formed"},
        {"{\"title\":\"a\"}]]", "items.0.title", "\"a\"", "well-formed"},
        {"{\"title\":\"a\"},{\"title\":\"b", "items.1.title", "\"b\"", "middle"},
        {"{\"title\":\"a\"},{\"title\":\"b\\", "items.1.title", "\"b\"", "middle"},
        {"{\"title\":\"a\"},{\"title\":\"b\\ud83d\\u", "items.0.title", "\"a\"", "middle"},
        {"{\"title\":\"a\"},{\"ti", "items.0.title", "\"a\"", "middle"},
        {"{\"title\":\"a\"},{\"title\":", "items.0.title", "\"a\"", "middle"},
        {"{\"title\":\"a\",\"x\":tru", "items.0.title", "\"a\"", "middle"},
        {"{\"title\":\"a\"},", "items.0.title", "\"a\"", "middle"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_BUF struct buf doc = BUF_INIT(1000);
        buf_addf(&doc, "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[%s",
                 cases[i].items);
        struct doc d = doc_parse(buf_str(&doc));
        const char *words = cases[i].words;
        expect(&d, cases[i].path, cases[i].json);
        if (d.batch->well_formed != !words)
            fail_msg("%s: %s", cases[i].items, d.batch->repaired);
        if (words && !strstr(d.batch->repaired, words))
            fail_msg("%s: repaired: %s", cases[i].items, d.batch->repaired);
        assert_int_equal(d.batch->truncated, words && str_eq(words, "middle"));
        doc_free(&d);
    }
}

static void json_behind_comments(void **state)
{
    struct doc d = doc_parse("// made by hand\n/* twice */ {\"title\":\"t\",\"version\":"
                             "\"https://jsonfeed.org/version/1.1\",\"items\":[]}");
    expect(&d, "title", "\"t\"");
    assert_false(d.batch->well_formed);
    doc_free(&d);
}

static void many_json_values(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1u << 24);
    buf_adds(&b, "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[");
    repeat(&b, "{},", LIMIT_JSON_VALUES / 5 + 1);
    buf_adds(&b, "{}]}");
    struct parse_in in = {.bytes = b.data, .n = b.len};
    struct td_batch *batch;
    struct td_err err;
    assert_int_equal(parse_feed(&in, &batch, &err), -ENOMSG);
    assert_non_null(strstr(err.msg, "too many values"));
}

static void no_json(void **state)
{
    static const char *const cases[] = {
        "{", "[", "{}", "/", "/*", "//{", "/*/{", "[1,2", "{{}}", "{\"items\":3}", "{]"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct parse_in in = {.bytes = cases[i], .n = strlen(cases[i])};
        struct td_batch *b;
        assert_int_equal(parse_feed(&in, &b, NULL), -ENOMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repairs),
        cmocka_unit_test(json),
        cmocka_unit_test(json_behind_comments),
        cmocka_unit_test(no_json),
        cmocka_unit_test(well_formed),
        cmocka_unit_test(many_items),
        cmocka_unit_test(deep),
        cmocka_unit_test(many_attributes),
        cmocka_unit_test(long_text),
        cmocka_unit_test(many_tags),
        cmocka_unit_test(entity_bombs),
        cmocka_unit_test(no_quadratic_time),
        cmocka_unit_test(many_bases),
        cmocka_unit_test(many_json_values),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(pieces),
        cmocka_unit_test(line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
