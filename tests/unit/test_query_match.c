#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "query/query.h"

#define NOW 1795600800000LL /* 2026-11-25T10:00:00Z */
#define DAY 86400000LL

static const struct query_doc doc = {
    .title = "The Army calls: Caf\xc3\xa9 d\xc3\xa9j\xc3\xa0 vu",
    .author = "M. Linde, Jo\xc3\xa3o",
    .text = "A ferry full of C++ programmers left the old town of "
            "\xce\x91\xce\xb8\xce\xae\xce\xbd\xce\xb1 "
            "one two three four five six seven",
    .url = "https://user@News.Example.org:8443/a/path?x=1",
    .language = "en_GB",
    .tags = "C++\nLong Reads\n\xc3\x89tat",
    .date_published = NOW - 3 * DAY,
    .first_seen = NOW - 2 * DAY,
    .enclosure = true,
    .feed_id = 17,
    .feed = "Army-News",
    .feed_url = "https://example.org/feed.xml",
    .feed_tags = "news",
    .feed_language = "de",
};

static bool matches(const char *text, const struct query_doc *d)
{
    CLEANUP_QUERY struct query *q = NULL;
    struct query_error e;
    if (query_parse(&q, text, &e) < 0)
        fail_msg("%s: %s", text, e.reason);
    struct matcher *m = matcher_new();
    matcher_set(m, d);
    bool yes = matcher_matches(m, q, NOW);
    matcher_free(m);
    return yes;
}

static void each_form_says_yes_and_no(void **state)
{
    static const char *const yes[] = {
        "",
        "army",
        "ARMY ferry",
        "cafe",
        "CAF\xc3\x89 deja",
        "\"deja vu\"",
        "joao",
        "\xce\x91\xce\x98\xce\x89\xce\x9d\xce\x91",
        "title:army",
        "author:linde",
        "text:ferry",
        "title:(army cafe)",
        "-title:ferry",
        "nothere OR ferry",
        "arm*",
        "\"old to\"*",
        "(army OR x) (y OR town)",
        "-(army nothere)",
        "c++",
        "ferry NEAR/3 programmers",
        "one NEAR/5 seven",
        "seven NEAR/5 one",
        "one NEAR/5 four NEAR/5 seven",
        "feed:army-news",
        "feed:17",
        "feed:https://example.org/feed.xml",
        "feed:army*",
        "-feed:other",
        "tag:c++",
        "tag:\"long reads\"",
        "tag:etat",
        "tag:news",
        "tag:lon*",
        "tag:\"long r\"*",
        "lang:en",
        "lang:en-gb",
        "-lang:de",
        "site:example.org",
        "site:news.example.org",
        "site:org",
        "before:2d",
        "before:today",
        "after:3d",
        "after:2026-11-22T10:00:00Z",
        "before:2026-11-23",
        "after:2026",
        "has:enclosure",
        "has:title",
        "has:tag",
        "has:date",
        "title:/Army\\s+calls/",
        "title:/army/i",
        "url:/path\\?x=\\d$/",
        "tag:/^Long/",
        "text:/\\bC\\+\\+/",
        "feed:/News$/",
        "author:/Jo\xc3\xa3o/",
        "title:/caf\xc3\x89/i",
        "url:/org:8443\\/a/",
    };
    static const char *const no[] = {
        "nothere",
        "army nothere",
        "\"army cafe\"",
        "\"vu m\"" /* title, then author */,
        "author:army",
        "text:army",
        "title:(army ferry)",
        "-ferry",
        "nothere OR neither",
        "army -ferry",
        "arm",
        "\"old tow\"",
        "ferry NEAR/2 programmers",
        "one NEAR/4 seven",
        "army NEAR/100 ferry",
        "feed:army",
        "feed:18",
        "feed:017",
        "-feed:army*",
        "tag:c",
        "tag:long",
        "tag:reads",
        "lang:e",
        "lang:de",
        "lang:en-us",
        "site:xample.org",
        "site:example",
        "site:user",
        "before:3d",
        "after:2d",
        "before:2026",
        "after:2026-11-23",
        "-has:enclosure",
        "title:/army/",
        "title:/ferry/",
        "url:/^path/",
        "tag:/x/",
    };
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (!matches(yes[i], &doc))
            fail_msg("should match: %s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (matches(no[i], &doc))
            fail_msg("should not match: %s", no[i]);
}

static void what_is_absent_matches_nothing(void **state)
{
    static const struct query_doc empty = {.date_published = TD_NEVER, .first_seen = NOW};
    static const char *const no[] = {
        "a",       "title:/.*/", "tag:a",         "lang:en",    "site:a",   "has:title",
        "has:tag", "has:author", "has:link",      "has:date",   "has:text", "feed:x",
        "feed:x*", "tag:/.*/",   "has:enclosure", "after:2027", "a*",       "feed:/x/"};
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (matches(no[i], &empty))
            fail_msg("should not match: %s", no[i]);
    assert_true(matches("-a", &empty));
    assert_true(matches("after:1min", &empty)); /* first seen stands for the date */
    struct query_doc d = {.feed_language = "pt-BR", .first_seen = NOW, .date_published = NOW + DAY};
    assert_true(matches("lang:pt", &d));                                         /* the feed's */
    assert_true(matches("before:1ms", &d) == false && matches("after:now", &d)); /* no date ahead */
}

/* A pattern that would take for ever ends, and soon. */
static void patterns_end(void **state)
{
    CLEANUP_FREE char *text = xcalloc(1, 65537);
    memset(text, 'a', 65536);
    struct query_doc d = {.title = text, .first_seen = NOW, .date_published = TD_NEVER};
    static const char *const evil[] = {
        "title:/(a+)+$/",
        "title:/(a|aa)+$/",
        "title:/(a*)*$/",
        "title:/^(([a-z])+.)+[A-Z]([a-z])+$/",
        "title:/(.*)(.*)(.*)(.*)(.*)[0-9]/",
        "title:/(?=(a+))\\1{2,}[b-z]/",
        "title:/(*LIMIT_MATCH=99999999)(a+)+$/",
        "title:/(?:a?){3000}[b-z]/",
        "title:/(?R)?a+$/",
    };
    text[65535] = '!';
    clock_t begin = clock();
    for (size_t i = 0; i < ARRAY_SIZE(evil); i++)
        assert_false(matches(evil[i], &d));
    /* 20 ms each; a minute, or for ever, without the limit */
    assert_true((clock() - begin) / CLOCKS_PER_SEC < 10);
    assert_true(matches("title:/a{1000}/", &d));
}

static void attachments_are_seen_in_the_json(void **state)
{
    static const char yes[] = "{\"id\":\"1\",\"attachments\":[{\"url\":\"x\"}]}";
    static const char no[] = "{\"id\":\"1\",\"title\":\"\\\"attachments\\\":[{\"}";
    assert_true(query_json_has_enclosure(yes, sizeof yes - 1));
    assert_false(query_json_has_enclosure(no, sizeof no - 1));
    assert_false(query_json_has_enclosure(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_says_yes_and_no),
        cmocka_unit_test(what_is_absent_matches_nothing),
        cmocka_unit_test(patterns_end),
        cmocka_unit_test(attachments_are_seen_in_the_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
