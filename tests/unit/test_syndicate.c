#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/syndicate.h"

static const char json[] =
    "{\"id\":\"x\",\"title\":\"a\",\"content_text\":\"1 < 2\",\"tags\":[\"\",\"t&u\"],"
    "\"attachments\":[{\"mime_type\":\"x\"}]}";
static const struct item_row row = {.item_id = 7,
                                    .feed = "f",
                                    .feed_url = "http://f.example/?a&b",
                                    .id = "x",
                                    .title = "a\x01<b>\"&\xef\xbf\xbf\xff\r\n",
                                    .json = json,
                                    .json_len = sizeof json - 1,
                                    .date_published = TD_NEVER,
                                    .first_seen = 1795420800000LL};

static struct syndicate_conf conf(enum syndicate_format format)
{
    return (struct syndicate_conf){.format = format,
                                   .instance = "0011",
                                   .title = "t",
                                   .self = "http://s/?p=2",
                                   .first = "http://s/",
                                   .updated = TD_NEVER};
}

static char *item(enum syndicate_format format)
{
    struct buf b = BUF_INIT(1 << 16);
    struct syndicate_conf c = conf(format);
    syndicate_item(&b, &c, &row);
    return buf_take(&b, NULL);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no %s in: %s", part, text);
}

/* What XML cannot hold is replaced, what it reads as markup is escaped. */
static void text_is_safe(void **state)
{
    static const char title[] =
        "<title>a\xef\xbf\xbd&lt;b&gt;&quot;&amp;\xef\xbf\xbd\xef\xbf\xbd&#13;\n</title>";
    CLEANUP_FREE char *atom = item(SYNDICATE_ATOM);
    CLEANUP_FREE char *rss = item(SYNDICATE_RSS);
    has(atom, title);
    has(rss, title);
    has(atom, "<content>1 &lt; 2</content>");            /* text stays text */
    has(rss, "<description>1 &amp;lt; 2</description>"); /* there it is HTML */
    has(atom, "<category term=\"t&amp;u\"/>");
    has(atom, "<source>\n<id>urn:uuid:");
    has(atom, "<title>f</title>");
    has(atom, "<published>2026-11-23T08:00:00Z</published>"); /* first seen: it has no date */
    has(rss, "<pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate>");
    has(atom, "<author><name>f</name>");
    assert_null(strstr(atom, "enclosure")); /* it has no address */
    assert_null(strstr(rss, "enclosure"));
    assert_null(strstr(atom, "f.example")); /* a feed's address may be a secret */
    assert_null(strstr(rss, "f.example"));
}

/* The work grows with the text, not with its square: two million bytes took minutes. */
static void a_large_item_takes_no_time(void **state)
{
    size_t n = 2 << 20;
    CLEANUP_FREE char *large = xmalloc(n + 100);
    int k = sprintf(large, "{\"content_html\":\"");
    memset(large + k, 'w', n);
    strcpy(large + k + n, "\"}");
    struct item_row r = row;
    r.json = large;
    r.json_len = strlen(large);
    for (int i = 0; i < 2; i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(16 << 20);
        struct syndicate_conf c = conf(i ? SYNDICATE_RSS : SYNDICATE_ATOM);
        clock_t begun = clock();
        syndicate_item(&b, &c, &r);
        assert_true(b.len > n);
        assert_true(clock() - begun < 20 * CLOCKS_PER_SEC); /* of our own: whatever else runs */
    }
}

static void an_id_is_the_stores_and_the_items(void **state)
{
    CLEANUP_FREE char *a = item(SYNDICATE_ATOM);
    CLEANUP_FREE char *b = item(SYNDICATE_JSON);
    char urn[46] = "";
    memcpy(urn, strstr(a, "urn:uuid:"), 45);
    has(b, urn);
    assert_int_equal(urn[23], '8'); /* version and variant */
    assert_non_null(strchr("89ab", urn[28]));
    assert_string_equal(urn, "urn:uuid:f95f98fa-901c-8e11-9963-963a5a90de5b");
}

static void documents_are_whole_without_items(void **state)
{
    static const char *const ends[] = {"</feed>\n", "</rss>\n", "\"items\":[]}\n"};
    for (int f = SYNDICATE_ATOM; f <= SYNDICATE_JSON; f++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
        struct buf none = BUF_INIT(16);
        struct syndicate_conf c = conf((enum syndicate_format)f);
        syndicate_document(&b, &c, &none);
        assert_true(str_ends(b.data, ends[f]));
        assert_null(strstr(b.data, "next"));
        has(b.data, "http://s/");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_safe),
        cmocka_unit_test(a_large_item_takes_no_time),
        cmocka_unit_test(an_id_is_the_stores_and_the_items),
        cmocka_unit_test(documents_are_whole_without_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
