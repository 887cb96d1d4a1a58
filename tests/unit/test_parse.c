/* Formats and the fields that all of them share. Modules: test_modules. Damage: test_repair. */
#include <errno.h>

#include "parse_harness.h"

#include "base/clock.h"

#define RDF(ns, inside)                                                                       \
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='" ns "'>" inside \
    "</rdf:RDF>"

static void formats(void **state)
{
    static const struct {
        const char *doc, *format;
    } docs[] = {
        {"<rss version='0.91'><channel><item><title>x</title></item></channel></rss>", "rss091"},
        {"<rss version='0.92'><channel><item/></channel></rss>", "rss092"},
        {"<rss version='0.93'><channel><item/></channel></rss>", "rss093"},
        {"<rss version='0.94'><channel><item/></channel></rss>", "rss094"},
        {"<rss version='2.0'><channel><item/></channel></rss>", "rss20"},
        {"<rss version='2.0.1'><channel><item/></channel></rss>", "rss20"},
        {"<rss><channel><item/></channel></rss>", "rss"},
        {"<RSS VERSION='2.0'><CHANNEL><ITEM/></CHANNEL></RSS>", "rss20"},
        {"<rss xmlns='http://backend.userland.com/rss2' version='2.0'><channel><item/></channel>"
         "</rss>",
         "rss20"},
        {"<rss xmlns='http://www.w3.org/2005/Atom' version='2.0'><channel><item/></channel></rss>",
         "rss20"},
        {RDF("http://my.netscape.com/rdf/simple/0.9/", "<channel/><item/>"), "rss090"},
        {RDF("http://purl.org/rss/1.0/", "<channel/><item/>"), "rss10"},
        {RDF("http://purl.org/rss/1.0/", "<channel><item/></channel>"), "rss10"},
        {"<Channel xmlns='http://purl.org/net/rss1.1#'><title>x</title><items><item/></items>"
         "</Channel>",
         "rss11"},
        {"<feed xmlns='http://www.w3.org/2005/Atom'><entry/></feed>", "atom10"},
        {"<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry/></feed>", "atom03"},
        {"<feed><entry/></feed>", "atom"},
        {"<entry xmlns='http://www.w3.org/2005/Atom'/>", "atom10"},
        {"<CHANNEL HREF='http://a.example/'><ITEM HREF='x'/></CHANNEL>", "cdf"},
        {"{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{}]}", "jsonfeed"},
        {"\xef\xbb\xbf {\"items\":[{\"id\":1}]}", "jsonfeed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
        struct doc d = doc_parse(docs[i].doc);
        if (!str_eq(d.batch->format, docs[i].format) || d.batch->n_entries != 1)
            fail_msg("%s: %s, %u items", docs[i].doc, d.batch->format, d.batch->n_entries);
        assert_true(d.batch->well_formed);
        doc_free(&d);
    }
}

static void not_feeds(void **state)
{
    static const char *const docs[] = {
        "",
        "   ",
        "plain text",
        "<html><head><title>x</title></head><body><p>no feed</p></body></html>",
        "<!DOCTYPE html><html><body><channel>shopping</channel><entry>no</entry></body></html>",
        "<opml version='2.0'><body><outline/></body></opml>",
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>",
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
        "xmlns:f='http://xmlns.com/foaf/0.1/'><f:Person/></rdf:RDF>",
        "{\"hello\": 1}",
        "{\"items\": [",
        "[1,2]",
        "<?xml version='1.0'?>",
        "<",
    };
    for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
        struct parse_in in = {.bytes = docs[i], .n = strlen(docs[i])};
        struct td_batch *b = NULL;
        struct td_err err = {""};
        assert_int_equal(parse_feed(&in, &b, &err), -ENOMSG);
        assert_null(b);
        assert_true(str_starts(err.msg, "not a feed"));
    }
}

static void rss_feed(void **state)
{
    struct doc d = doc_parse(CHANNEL(
        "<title>A &amp;amp; B</title><link> http://a.example/ </link>"
        "<description>&lt;b>bold&lt;/b> words</description><language>de-AT</language>"
        "<managingEditor>ed@a.example (Ed Itor)</managingEditor>"
        "<webMaster>Web Master &lt;web@a.example></webMaster>"
        "<copyright>(c) 2024</copyright><generator>Gen 1</generator><ttl>90</ttl>"
        "<docs>/docs</docs><pubDate>Tue, 02 Jan 2024 03:04:05 +0100</pubDate>"
        "<lastBuildDate>2024-01-03</lastBuildDate>"
        "<cloud domain='c.example' port='80' path='/RPC' registerProcedure='ping' "
        "protocol='soap'/>"
        "<image><url>/i.png</url><title>Image</title><link>/</link><width>88</width></image>"
        "<textInput><title>Find</title><name>q</name><link>/find</link></textInput>"
        "<skipHours><hour>1</hour><hour>24</hour></skipHours>"
        "<skipDays><day>Sunday</day><day>Friday</day></skipDays>"
        "<category domain='d'>News</category><category>News</category>"));
    static const char *const wanted[][2] = {
        {"title", "\"A & B\""},
        {"home_page_url", "\"http://a.example/\""},
        {"description", "\"bold words\""},
        {"language", "\"de-AT\""},
        {"authors", "[{\"_tidings\":{\"email\":\"ed@a.example\"},\"name\":\"Ed Itor\"}]"},
        {"_tidings.publisher",
         "{\"_tidings\":{\"email\":\"web@a.example\"},\"name\":\"Web Master\"}"},
        {"_tidings.rights", "\"(c) 2024\""},
        {"_tidings.generator", "{\"name\":\"Gen 1\"}"},
        {"_tidings.ttl_seconds", "5400"},
        {"_tidings.docs", "\"http://a.example/docs\""},
        {"_tidings.date_published", "\"2024-01-02T02:04:05Z\""},
        {"_tidings.date_modified", "\"2024-01-03T00:00:00Z\""},
        {"_tidings.cloud", "{\"domain\":\"c.example\",\"path\":\"/RPC\",\"port\":80,\"protocol\":"
                           "\"soap\",\"register_procedure\":\"ping\"}"},
        {"hubs", "[{\"type\":\"rssCloud\",\"url\":\"http://c.example:80/RPC\"}]"},
        {"_tidings.image", "{\"link\":\"http://a.example/\",\"title\":\"Image\",\"url\":"
                           "\"http://a.example/i.png\",\"width\":88}"},
        {"icon", "\"http://a.example/i.png\""},
        {"_tidings.text_input",
         "{\"link\":\"http://a.example/find\",\"name\":\"q\",\"title\":\"Find\"}"},
        {"_tidings.skip_hours", "[1,24]"},
        {"_tidings.skip_days", "[\"Sunday\",\"Friday\"]"},
        {"_tidings.categories", "[{\"scheme\":\"d\",\"term\":\"News\"},{\"term\":\"News\"}]"},
        {"tags", "[\"News\"]"},
        {"items", "[]"},
        {"_tidings.format", "\"rss20\""},
        {"_tidings.well_formed", "true"},
        {"_tidings.encoding", "\"utf-8\""},
        {"_tidings.dropped", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        expect(&d, wanted[i][0], wanted[i][1]);
    assert_int_equal(d.batch->hints.ttl_ms, 5400000);
    assert_int_equal(d.batch->hints.skip_hours, 3);
    assert_int_equal(d.batch->hints.skip_days, 1 | 1 << 5);
    assert_int_equal(d.batch->n_hubs, 0); /* rssCloud is no WebSub */
    assert_string_equal(d.batch->title, "A & B");
    doc_free(&d);
}

/* One that is too large for a number means: very long (RFC 9111 1.2.2 says so of max-age). */
static void rss_ttl(void **state)
{
    static const struct {
        const char *text;
        int64_t minutes;
    } cases[] = {{CHANNEL("<ttl>90</ttl>"), 90},
                 {CHANNEL("<ttl> 90.0\n</ttl>"), 90},
                 {CHANNEL("<ttl>2147483647</ttl>"), INT32_MAX},
                 {CHANNEL("<ttl>2147483648</ttl>"), INT32_MAX},
                 {CHANNEL("<ttl>99999999999999999</ttl>"), INT32_MAX},
                 {CHANNEL("<ttl>99999999999999999999999999</ttl>"), INT32_MAX},
                 {CHANNEL("<ttl>-1</ttl>"), 0},
                 {CHANNEL("<ttl>-99999999999999999999999999</ttl>"), 0},
                 {CHANNEL("<ttl>99999999999999999999999999 years</ttl>"), 0},
                 {CHANNEL("<ttl></ttl>"), 0},
                 {CHANNEL("<ttl>soon</ttl>"), 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct doc d = doc_parse(cases[i].text);
        if (d.batch->hints.ttl_ms != cases[i].minutes * 60000)
            fail_msg("%s: %lld ms", strstr(cases[i].text, "<ttl>"),
                     (long long)d.batch->hints.ttl_ms);
        doc_free(&d);
    }
}

static void rss_item(void **state)
{
    struct doc d = doc_parse(CHANNEL(
        "<link>http://a.example/</link><item><title>T</title><link>/1</link>"
        "<guid isPermaLink='FALSE'>id 1</guid><description>&lt;p>See &lt;a href='x'>x&lt;/a>&lt;/p>"
        "</description><author>me@a.example</author><category>One</category>"
        "<comments>/1#c</comments><enclosure url='a.mp3' type='audio/mpeg' length='0'/>"
        "<enclosure url='b.mp3' length='12'/><enclosure type='none'/>"
        "<pubDate>Mon, 01 Jan 2024 00:00:00 GMT</pubDate>"
        "<source url='http://o.example/rss'>Other</source></item>"));
    static const char *const wanted[][2] = {
        {"items.0.id", "\"id 1\""},
        {"items.0.url", "\"http://a.example/1\""},
        {"items.0.content_html", "\"<p>See <a href=\\\"http://a.example/x\\\">x</a></p>\""},
        {"items.0.summary", "\"See x\""},
        {"items.0.authors", "[{\"_tidings\":{\"email\":\"me@a.example\"}}]"},
        {"items.0.tags", "[\"One\"]"},
        {"items.0.attachments",
         "[{\"mime_type\":\"audio/mpeg\",\"url\":\"http://a.example/a.mp3\"},"
         "{\"size_in_bytes\":12,\"url\":\"http://a.example/b.mp3\"}]"},
        {"items.0._tidings.comments_url", "\"http://a.example/1#c\""},
        {"items.0._tidings.guid_is_permalink", "false"},
        {"items.0._tidings.source", "{\"title\":\"Other\",\"url\":\"http://o.example/rss\"}"},
        {"items.0._tidings.summary_html", NULL},
        {"items.0.date_published", "\"2024-01-01T00:00:00Z\""},
        {"items.0.date_modified", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        expect(&d, wanted[i][0], wanted[i][1]);
    const struct td_entry *e = d.batch->entries;
    assert_string_equal(e->id, "id 1");
    assert_int_equal(e->id_source, TD_ID_GUID);
    assert_string_equal(e->url, "http://a.example/1");
    assert_string_equal(e->text, "See x");
    assert_string_equal(e->tags, "One");
    assert_null(e->author);
    assert_int_equal(e->n_attachments, 2);
    assert_int_equal(e->date_published, 1704067200000);
    assert_true(e->date_modified == TD_NEVER);
    assert_memory_equal(e->json + e->json_len - 2, "}}", 2);
    doc_free(&d);
}

static void identity(void **state)
{
    check_item(ITEM("<guid>http://a.example/g</guid>"), "url", "\"http://a.example/g\"");
    check_item(ITEM("<guid>urn:x</guid>"), "url", NULL);
    check_item("<feed xmlns='http://www.w3.org/2005/Atom' xml:base='http://a.example/b/'>"
               "<entry xml:base='mailto:who@a.example'><link href='p'/></entry></feed>",
               "url", "\"http://a.example/b/p\"");
    check_item(ITEM("<guid isPermaLink='false'>http://a.example/g</guid>"), "url", NULL);
    check_item(ITEM("<link>http://a.example/l</link>"), "id", "\"http://a.example/l\"");
    check_item(ITEM("<dc:identifier>doi</dc:identifier><link>http://a.example/l</link>"), "id",
               "\"doi\"");
    check_item(ITEM("<enclosure url='http://a.example/e'/>"), "id", "\"http://a.example/e\"");
    check_item(ITEM("<enclosure url='http://a.example/e'/>"), "url", NULL);
    check_item(ITEM("<title>a b</title><link>not a url</link>"), "url", NULL);
    struct doc a = doc_parse(ITEM("<title>x</title><description>y</description>"));
    struct doc b = doc_parse(ITEM("<title>x</title><description>z</description>"));
    assert_int_equal(a.batch->entries[0].id_source, TD_ID_HASH);
    assert_true(str_starts(a.batch->entries[0].id, "sha256:"));
    assert_string_not_equal(a.batch->entries[0].id, b.batch->entries[0].id);
    doc_free(&a);
    doc_free(&b);
}

static uint64_t print_of(const char *inside)
{
    CLEANUP_FREE char *xml = xasprintf(
        "<rss version='2.0'><channel><item>%s</item></channel></rss>", inside);
    struct doc d = doc_parse(xml);
    uint64_t h = d.batch->entries[0].fingerprint;
    doc_free(&d);
    return h;
}

static void fingerprints(void **state)
{
    uint64_t first = print_of(
        "<title>T</title><link>http://a.example/1?utm_source=x</link>"
        "<description>&lt;p>a &lt;img src='http://a.example/i' alt='b'>&lt;/p></description>"
        "<pubDate>2024-01-01</pubDate>");
    assert_true(first ==
                print_of("<title> T</title><link>https://www.a.example/1</link>"
                         "<description>&lt;p>a\n  &lt;img alt='b' src='http://a.example/i'>"
                         "&lt;/p></description><pubDate>2025-01-01</pubDate>"));
    static const char *const other[] = {
        "<title>U</title><link>http://a.example/1</link><description>&lt;p>a &lt;img "
        "src='http://a.example/i' alt='b'>&lt;/p></description>",
        "<title>T</title><link>http://a.example/2</link><description>&lt;p>a &lt;img "
        "src='http://a.example/i' alt='b'>&lt;/p></description>",
        "<title>T</title><link>http://a.example/1</link><description>&lt;p>b &lt;img "
        "src='http://a.example/i' alt='b'>&lt;/p></description>",
        "<title>T</title><link>http://a.example/1</link><description>&lt;p>a &lt;img "
        "src='http://a.example/j' alt='b'>&lt;/p></description>",
        "<title>T</title><link>http://a.example/1</link><description>&lt;p>a &lt;img "
        "src='http://a.example/i' alt='b'>&lt;/p></description><enclosure "
        "url='http://a.example/e'/>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(other); i++)
        assert_true(first != print_of(other[i]));
}

static void atom_feed(void **state)
{
    struct doc d = doc_parse(FEED(
        "<id>urn:f</id><title type='html'>&lt;i>T&lt;/i></title><subtitle>S &lt;b></subtitle>"
        "<link href='http://a.example/' hreflang='en' title='Home'/>"
        "<link rel='self' href='http://a.example/atom' type='application/atom+xml' length='3'/>"
        "<link rel='hub' href='http://hub.example/'/><link rel='license' href='http://l.example/'/>"
        "<logo>logo.png</logo><icon>/icon.ico</icon><rights>R</rights>"
        "<updated>2024-01-02T03:04:05.678+01:00</updated>"
        "<generator uri='http://g.example/' version='1'>G</generator>"
        "<author><name>A</name><uri>/a</uri><email>a@a.example</email></author>"
        "<author><name>B</name></author><contributor><name>C</name></contributor>"
        "<category term='t' scheme='s' label='L'/>"));
    static const char *const wanted[][2] = {
        {"_tidings.id", "\"urn:f\""},
        {"title", "\"T\""},
        {"description", "\"S <b>\""},
        {"home_page_url", "\"http://a.example/\""},
        {"feed_url", "\"http://a.example/atom\""},
        {"hubs", "[{\"type\":\"WebSub\",\"url\":\"http://hub.example/\"}]"},
        {"_tidings.license", "\"http://l.example/\""},
        {"icon", "\"http://a.example/logo.png\""},
        {"favicon", "\"http://a.example/icon.ico\""},
        {"_tidings.rights", "\"R\""},
        {"_tidings.date_modified", "\"2024-01-02T02:04:05Z\""},
        {"_tidings.generator", "{\"name\":\"G\",\"url\":\"http://g.example/\",\"version\":\"1\"}"},
        {"authors.0", "{\"_tidings\":{\"email\":\"a@a.example\"},\"name\":\"A\",\"url\":"
                      "\"http://a.example/a\"}"},
        {"authors.1", "{\"name\":\"B\"}"},
        {"_tidings.contributors", "[{\"name\":\"C\"}]"},
        {"tags", "[\"L\"]"},
        {"_tidings.categories", "[{\"label\":\"L\",\"scheme\":\"s\",\"term\":\"t\"}]"},
        {"_tidings.links.0", "{\"href\":\"http://a.example/\",\"hreflang\":\"en\",\"rel\":"
                             "\"alternate\",\"title\":\"Home\"}"},
        {"_tidings.links.1", "{\"href\":\"http://a.example/atom\",\"length\":3,\"rel\":\"self\","
                             "\"type\":\"application/atom+xml\"}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        expect(&d, wanted[i][0], wanted[i][1]);
    assert_int_equal(d.batch->n_hubs, 1);
    assert_string_equal(d.batch->hubs[0].url, "http://hub.example/");
    doc_free(&d);
}

static void atom_entry(void **state)
{
    struct doc d = doc_parse(
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='http://a.example/b/' xml:lang='en'>"
        "<entry xml:lang='fr'><id>urn:e</id><title>&lt;b></title>"
        "<link href='page.json' type='application/json'/><link href='page' type='text/html'/>"
        "<link rel='related' href='/r'/><link rel='enclosure' href='e.ogg' type='audio/ogg' "
        "length='7' title='E'/><link rel='http://www.iana.org/assignments/relation/replies' "
        "type='text/html' href='c'/><link rel='replies' type='application/atom+xml' href='cf'/>"
        "<published>2024-01-01T00:00:00Z</published><updated>2024-01-02T00:00:00Z</updated>"
        "<summary type='html'>&lt;i>sum&lt;/i></summary>"
        "<content type='xhtml' xml:base='sub/'><div xmlns='http://www.w3.org/1999/xhtml'>"
        "<p xml:base='deep/'>a &lt; b <img src='i.png' alt='i'/></p></div></content>"
        "<source><id>urn:s</id><title>Source</title><link href='http://s.example/'/>"
        "<link rel='self' href='http://s.example/feed'/><author><name>SA</name></author></source>"
        "</entry><entry><id>http://a.example/2</id><summary>plain &lt;i></summary></entry></feed>");
    static const char *const wanted[][2] = {
        {"language", "\"en\""},
        {"items.0.language", "\"fr\""},
        {"items.1.language", NULL},
        {"items.0.title", "\"<b>\""},
        {"items.0.url", "\"http://a.example/b/page\""},
        {"items.0.external_url", "\"http://a.example/r\""},
        {"items.0.attachments", "[{\"mime_type\":\"audio/ogg\",\"size_in_bytes\":7,\"title\":\"E\","
                                "\"url\":\"http://a.example/b/e.ogg\"}]"},
        {"items.0._tidings.comments_url", "\"http://a.example/b/c\""},
        {"items.0._tidings.comments_feed_url", "\"http://a.example/b/cf\""},
        {"items.0.content_html",
         "\"<p>a &lt; b <img src=\\\"http://a.example/b/sub/deep/i.png\\\" alt=\\\"i\\\"/></p>\""},
        {"items.0.summary", "\"sum\""},
        {"items.0._tidings.summary_html", "\"<i>sum</i>\""},
        {"items.0.date_published", "\"2024-01-01T00:00:00Z\""},
        {"items.0.date_modified", "\"2024-01-02T00:00:00Z\""},
        {"items.0.authors", NULL},
        {"items.0._tidings.source.id", "\"urn:s\""},
        {"items.0._tidings.source.title", "\"Source\""},
        {"items.0._tidings.source.url", "\"http://s.example/\""},
        {"items.0._tidings.source.feed_url", "\"http://s.example/feed\""},
        {"items.0._tidings.source.authors", "[{\"name\":\"SA\"}]"},
        {"items.1.content_text", "\"plain <i>\""},
        {"items.1.content_html", NULL},
        {"items.1.summary", "\"plain <i>\""},
        {"items.1.url", "\"http://a.example/2\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        expect(&d, wanted[i][0], wanted[i][1]);
    doc_free(&d);
}

static void atom_content_types(void **state)
{
    static const struct {
        const char *content, *path, *json;
    } cases[] = {
        {"<content>a &lt;b> c</content>", "content_text", "\"a <b> c\""},
        {"<content type='text/plain'>x</content>", "content_text", "\"x\""},
        {"<content type='html'>&lt;b>x&lt;/b></content>", "content_html", "\"<b>x</b>\""},
        {"<content type='text/html'>&lt;b>x&lt;/b></content>", "content_html", "\"<b>x</b>\""},
        {"<content type='application/octet-stream'>PGI+eDwvYj4=</content>", "content_html",
         "\"<b>x</b>\""},
        {"<content type='image/png'>iVBORw0KGgo=</content>", "content_html", NULL},
        {"<content src='http://a.example/v' type='video/mp4'/><summary>s</summary>",
         "_tidings.content_src", "\"http://a.example/v\""},
        {"<content src='http://a.example/v'/><summary>s</summary>", "content_text", "\"s\""},
        {"<content type='html'/><summary type='html'>&lt;b>s&lt;/b></summary>", "content_html",
         "\"<b>s</b>\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *xml = xasprintf(
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry>%s</entry></feed>", cases[i].content);
        check_item(xml, cases[i].path, cases[i].json);
    }
}

static void atom03(void **state)
{
    static const struct {
        const char *inside, *path, *json;
    } cases[] = {
        {"<title type='text/html' mode='escaped'>&lt;b>x&lt;/b></title>", "title", "\"x\""},
        {"<title mode='escaped'>&lt;b>x&lt;/b></title>", "title", "\"<b>x</b>\""},
        {"<title type='text/html' mode='base64'>PGI+eDwvYj4=</title>", "title", "\"x\""},
        {"<issued>2003-12-13T08:29:29-04:00</issued>", "date_published",
         "\"2003-12-13T12:29:29Z\""},
        {"<modified>2003-12-13T18:30:02Z</modified><created>2001-01-01</created>", "date_published",
         "\"2001-01-01T00:00:00Z\""},
        {"<modified>2003-12-13T18:30:02Z</modified>", "date_published", "\"2003-12-13T18:30:02Z\""},
        {"<author><name>N</name><url>http://n.example/</url></author>", "authors",
         "[{\"name\":\"N\",\"url\":\"http://n.example/\"}]"},
        {"<content type='application/xhtml+xml' mode='xml'><p xmlns='http://www.w3.org/1999/xhtml'>"
         "x</p></content>",
         "content_html", "\"<p>x</p>\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *xml = xasprintf(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry>%s</entry></feed>",
            cases[i].inside);
        check_item(xml, cases[i].path, cases[i].json);
    }
}

static void rdf(void **state)
{
    struct doc d = doc_parse(RDF(
        "http://purl.org/rss/1.0/",
        "<channel rdf:about='http://a.example/rss'><title>C</title><link>http://a.example/</link>"
        "<image rdf:resource='http://a.example/i'/></channel>"
        "<image><title>I</title><url>http://a.example/i.gif</url></image>"
        "<textinput><name>s</name></textinput>"
        "<item rdf:about='urn:1'><title>One</title><link>http://a.example/1</link></item>"
        "<item rdf:about='urn:2'><title>Two</title></item>"));
    expect(&d, "title", "\"C\"");
    expect(&d, "_tidings.image", "{\"title\":\"I\",\"url\":\"http://a.example/i.gif\"}");
    expect(&d, "_tidings.text_input", "{\"name\":\"s\"}");
    expect(&d, "items.0.id", "\"urn:1\"");
    expect(&d, "items.0.url", "\"http://a.example/1\"");
    expect(&d, "items.1.title", "\"Two\"");
    doc_free(&d);
}

static void cdf(void **state)
{
    struct doc d = doc_parse(
        "<CHANNEL HREF='http://a.example/' LASTMOD='1998-11-05T22:12' xml:lang=' de '>"
        "<TITLE>C</TITLE><ABSTRACT>About</ABSTRACT>"
        "<ITEM HREF='/1' LASTMOD='1998-11-06'><TITLE>One</TITLE>"
        "<ABSTRACT>First</ABSTRACT></ITEM>"
        "<CHANNEL HREF='/sub/'><ITEM HREF='2'/></CHANNEL></CHANNEL>");
    static const char *const wanted[][2] = {
        {"title", "\"C\""},
        {"home_page_url", "\"http://a.example/\""},
        {"description", "\"About\""},
        {"_tidings.date_modified", "\"1998-11-05T22:12:00Z\""},
        {"items.0.title", "\"One\""},
        {"items.0.url", "\"http://a.example/1\""},
        {"items.0.summary", "\"First\""},
        {"items.0.content_html", "\"First\""},
        {"items.0.date_modified", "\"1998-11-06T00:00:00Z\""},
        {"items.1.url", "\"http://a.example/2\""},
        {"language", "\"de\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        expect(&d, wanted[i][0], wanted[i][1]);
    doc_free(&d);
}

static void json_feed(void **state)
{
    struct doc d = doc_parse(
        "{\"version\":\"https://jsonfeed.org/version/1\",\"title\":\"J\",\"feed_url\":"
        "\"http://a.example/f.json\",\"icon\":\"/i.png\",\"author\":{\"name\":\"A\",\"avatar\":"
        "\"a.png\"},\"hubs\":[{\"type\":\"WebSub\",\"url\":\"http://h.example/\"},{\"type\":"
        "\"rssCloud\",\"url\":\"http://c.example/\"}],\"_own\":{\"x\":1},\"items\":[{\"id\":17,"
        "\"url\":\"/1\",\"title\":null,\"content_html\":\"<p "
        "onclick='x()'>y</p>\",\"content_text\":"
        "\"y\",\"summary\":\"s\",\"date_published\":\"2024-01-01T01:00:00+01:00\",\"tags\":[\"a\","
        "\"a\",5],\"attachments\":[{\"url\":\"e.mp3\",\"mime_type\":\"audio/mpeg\","
        "\"size_in_bytes\":9,\"duration_in_seconds\":1.5},{}],\"banner_image\":\"/b\",\"_x\":{}},"
        "{\"id\":\"2\",\"content_text\":\"a <b>\",\"authors\":[{\"name\":\"B\"}]},7]}");
    static const char *const wanted[][2] = {
        {"title", "\"J\""},
        {"icon", "\"http://a.example/i.png\""},
        {"authors", "[{\"avatar\":\"http://a.example/a.png\",\"name\":\"A\"}]"},
        {"_own", NULL},
        {"items.0.id", "\"17\""},
        {"items.0.url", "\"http://a.example/1\""},
        {"items.0.title", NULL},
        {"items.0.content_html", "\"<p>y</p>\""},
        {"items.0.content_text", "\"y\""},
        {"items.0.summary", "\"s\""},
        {"items.0.date_published", "\"2024-01-01T00:00:00Z\""},
        {"items.0.tags", "[\"a\"]"},
        {"items.0.attachments", "[{\"duration_in_seconds\":1.5,\"mime_type\":\"audio/mpeg\","
                                "\"size_in_bytes\":9,\"url\":\"http://a.example/e.mp3\"}]"},
        {"items.0.banner_image", "\"http://a.example/b\""},
        {"items.0._x", NULL},
        {"items.1.content_text", "\"a <b>\""},
        {"items.1.authors", "[{\"name\":\"B\"}]"},
        {"_tidings.format", "\"jsonfeed\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        expect(&d, wanted[i][0], wanted[i][1]);
    assert_int_equal(d.batch->n_entries, 2);
    assert_int_equal(d.batch->n_hubs, 1);
    doc_free(&d);
}

static void persons(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"a@b.example (Ann)", "[{\"_tidings\":{\"email\":\"a@b.example\"},\"name\":\"Ann\"}]"},
        {"Ann (a@b.example)", "[{\"_tidings\":{\"email\":\"a@b.example\"},\"name\":\"Ann\"}]"},
        {"Ann &lt;a@b.example>", "[{\"_tidings\":{\"email\":\"a@b.example\"},\"name\":\"Ann\"}]"},
        {"mailto:a@b.example", "[{\"_tidings\":{\"email\":\"a@b.example\"}}]"},
        {"Ann (of Bonn)", "[{\"name\":\"Ann (of Bonn)\"}]"},
        {"Ann", "[{\"name\":\"Ann\"}]"},
        {"()", "[{\"name\":\"()\"}]"},
        {" ", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *xml = xasprintf(
            "<rss version='2.0'><channel><item><author>%s</author></item></channel></rss>",
            cases[i].text);
        check_item(xml, "authors", cases[i].json);
    }
}

static void bases(void **state)
{
    static const char doc[] = FEED("<link href='http://home.example/x/'/><entry><link href='p'/>"
                                   "</entry>");
    struct doc d = doc_parse_n(doc, sizeof doc - 1, "http://fetched.example/dir/feed");
    expect(&d, "items.0.url", "\"http://fetched.example/dir/p\"");
    doc_free(&d);
    check_item(doc, "url", "\"http://home.example/x/p\"");
    check_item(FEED("<link rel='self' href='http://self.example/f/a'/><link "
                    "href='http://home.example/'/><entry><link href='p'/></entry>"),
               "url", "\"http://self.example/f/p\"");
    check_item(ITEM("<link>javascript:alert(1)</link><guid>urn:1</guid>"), "url", NULL);
}

static void hub_header(void **state)
{
    static const char doc[] = FEED("<link rel='hub' href='http://doc.example/'/>");
    struct parse_in in = {
        .bytes = doc,
        .n = sizeof doc - 1,
        .link = "<http://one.example/>; rel=\"hub\", </two>; rel=hub, <http://t.example/>; "
                "rel=\"alternate self\"",
        .base_url = "http://b.example/",
    };
    struct td_batch *b;
    assert_int_equal(parse_feed(&in, &b, NULL), 0);
    assert_int_equal(b->n_hubs, 2);
    assert_string_equal(b->hubs[0].url, "http://one.example/");
    assert_string_equal(b->hubs[1].url, "http://b.example/two");
    assert_string_equal(b->feed_url, "http://t.example/");
    td_batch_free(b);
}

/* The way to older items: an archive before a page, absolute, of the feed alone (RFC 5005). */
static void older_documents(void **state)
{
    static const struct {
        const char *doc, *older;
    } cases[] = {
        {FEED("<link rel='next' href='p2'/><link rel='prev-archive' href='/a1'/>"),
         "http://b.example/a1"},
        {FEED("<link rel='next' href='?page=2'/>"), "http://b.example/f/?page=2"},
        {FEED("<link rel='previous' href='p0'/><link rel='current' href='c'/>"), NULL},
        {FEED("<entry><id>i</id><link rel='next' href='n'/></entry>"), NULL},
        {"<rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom'><channel><title>t</title>"
         "<a:link rel='next' href='http://o.example/2'/></channel></rss>",
         "http://o.example/2"},
        {"{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"items\":[],"
         "\"next_url\":\"2.json\"}",
         "http://b.example/f/2.json"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct parse_in in = {
            .bytes = cases[i].doc, .n = strlen(cases[i].doc), .base_url = "http://b.example/f/"};
        struct td_batch *b;
        assert_int_equal(parse_feed(&in, &b, NULL), 0);
        if (!str_same(b->older_url, cases[i].older))
            fail_msg("case %zu: %s", i, b->older_url ? b->older_url : "none");
        td_batch_free(b);
    }
}

static void precedence(void **state)
{
    check_item(ITEM("<dc:title>dc</dc:title><title>own</title>"), "title", "\"own\"");
    check_item(ITEM("<title/><title>a</title><title>b</title>"), "title", "\"a\"");
    check_item(ITEM("<media:group><media:title>g</media:title></media:group>"), "title", NULL);
    check_item(ITEM("<media:title>m</media:title>"), "title", "\"m\"");
    /* Atom's names without its namespace: only where nothing else is there */
    check_item(ITEM("<content>&lt;i>c&lt;/i></content>"), "content_html", "\"<i>c</i>\"");
    check_item(ITEM("<content>c</content><summary>s</summary>"), "content_html", "\"s\"");
    check_item(ITEM("<description>d</description><content>c</content>"), "content_html", "\"d\"");
    check_item(ITEM("<fullitem>f</fullitem>"), "content_html", "\"f\"");
    check_item(ITEM("<content>c</content><content:encoded>e</content:encoded>"), "content_html",
               "\"e\"");
    check_item(ITEM("<content url='http://a.example/v'/><description>d</description>"),
               "content_html", "\"d\"");
    check_item(ITEM("<published>2024-01-01</published><updated>2024-01-02</updated>"),
               "date_published", "\"2024-01-01T00:00:00Z\"");
    check_item(ITEM("<updated>2024-01-02</updated><dcterms:modified>2024-01-03</dcterms:modified>"),
               "date_modified", "\"2024-01-03T00:00:00Z\"");
    check(CHANNEL("<subtitle>s</subtitle>"), "description", "\"s\"");
    check(CHANNEL("<subtitle>s</subtitle><itunes:summary>i</itunes:summary>"), "description",
          "\"i\"");
    check(CHANNEL("<rights>r</rights>"), "_tidings.rights", "\"r\"");
    check_item(ITEM("<dc:creator>D</dc:creator><author>A</author>"), "authors",
               "[{\"name\":\"A\"}]");
    check_item(ITEM("<dc:creator>D</dc:creator><dc:creator>E</dc:creator>"), "authors",
               "[{\"name\":\"D\"},{\"name\":\"E\"}]");
    check(CHANNEL("<image><title>I</title><link>http://i.example/</link></image>"), "title", NULL);
    check_item(ITEM("<description>d</description><content:encoded>c</content:encoded>"),
               "content_html", "\"c\"");
    check_item(ITEM("<description>d</description><content:encoded/>"), "content_html", "\"d\"");
    check_item(ITEM("<pubDate>nonsense</pubDate><dc:date>2024-01-01</dc:date>"), "date_published",
               "\"2024-01-01T00:00:00Z\"");
    check(CHANNEL("<atom:link rel='hub' href='http://h.example/'/><cloud domain='c'/>"), "hubs",
          "[{\"type\":\"WebSub\",\"url\":\"http://h.example/\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(not_feeds),
        cmocka_unit_test(rss_feed),
        cmocka_unit_test(rss_ttl),
        cmocka_unit_test(rss_item),
        cmocka_unit_test(identity),
        cmocka_unit_test(fingerprints),
        cmocka_unit_test(atom_feed),
        cmocka_unit_test(atom_entry),
        cmocka_unit_test(atom03),
        cmocka_unit_test(atom_content_types),
        cmocka_unit_test(rdf),
        cmocka_unit_test(cdf),
        cmocka_unit_test(json_feed),
        cmocka_unit_test(persons),
        cmocka_unit_test(bases),
        cmocka_unit_test(hub_header),
        cmocka_unit_test(older_documents),
        cmocka_unit_test(precedence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
