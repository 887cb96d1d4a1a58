#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "fetch/robots.h"

struct row {
    const char *text, *path;
    int line; /* of the rule that forbids, 0 = allowed */
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *url = xasprintf("https://example.org%s", rows[i].path);
        /* Exactly as long as it is: nothing may look beyond the end. */
        size_t len = strlen(rows[i].text);
        CLEANUP_FREE char *text = memcpy(xmalloc(len + !len), rows[i].text, len);
        struct robots *r = robots_parse(text, len);
        struct robots_rule rule = {.line = 0};
        bool allowed = robots_allows(r, url, &rule);
        if (allowed != !rows[i].line || rule.line != rows[i].line)
            fail_msg("row %zu (%s): line %d", i, rows[i].path, rule.line);
        robots_free(r);
    }
}

static void groups(void **state)
{
    static const struct row rows[] = {
        {"", "/a", 0},
        {"User-agent: *\nDisallow: /a\n", "/a", 2},
        {"User-agent: *\nDisallow: /a", "/b", 0},
        {"User-agent: *\nDisallow: /", "", 2},
        {"User-agent: *\nDisallow: /", "?q", 2},
        {"User-agent: *\nDisallow:", "/", 0},
        {"User-agent: other\nDisallow: /", "/", 0},
        {"User-agent: *\nDisallow: /\nUser-agent: tidings\nDisallow: /x\n", "/a", 0},
        {"User-agent: *\nDisallow: /\nUser-agent: tidings\nDisallow:\n", "/a", 0},
        {"User-agent: *\nDisallow: /\nUser-agent: tidings\n", "/a", 0},
        {"USER-AGENT: TIDINGS/1.0 (x)\nDISALLOW: /a", "/a", 2},
        {"User-agent: tidingsd\nDisallow: /a", "/a", 0},
        {"User-agent: tiding\nDisallow: /a", "/a", 0},
        {"User-agent: tidings-news\nDisallow: /a", "/a", 0},
        {"User-agent: tidings\nUser-agent: b\nDisallow: /a", "/a", 3},
        {"User-agent: tidings\n\n# x\nUser-agent: b\nDisallow: /a", "/a", 5},
        {"User-agent: tidings\nSitemap: /s\nUser-agent: b\nDisallow: /a", "/a", 4},
        {"User-agent: *\nCrawl-delay: 9\n\nUser-agent: b\nDisallow: /", "/a", 0},
        {"User-agent: b\nDisallow: /a\nUser-agent: *\nDisallow: /b", "/a", 0},
        {"User-agent: tidings\nDisallow: /a\nUser-agent: b\nDisallow: /\n"
         "User-agent: tidings\nDisallow: /c",
         "/c", 6},
        {"User-agent: tidings\nDisallow: /a\nUser-agent: b\nDisallow: /\n"
         "User-agent: tidings\nDisallow: /c",
         "/d", 0},
        {"Disallow: /a\nUser-agent: *\nDisallow: /b", "/a", 0}, /* before any group */
        {"User-agent: *\nDisallow: /", "/robots.txt", 0},
        {"User-agent: *\nDisallow: /", "/robots.txt?x", 2},
    };
    check(rows, ARRAY_SIZE(rows));
}

static void lines(void **state)
{
    static const struct row rows[] = {
        {"\xef\xbb\xbfUser-agent: *\nDisallow: /a", "/a", 2},
        {"User-agent: *\rDisallow: /a\r", "/a", 2},
        {"User-agent: *\r\n\r\nDisallow: /a\r\n", "/a", 3},
        {"User-agent: *\n\rDisallow: /a\r\n", "/a", 3},
        {" User-agent\t:\t* # all\n\tDisallow :  /a\t# this", "/a", 2},
        {"User-agent: *\nDisallow: /a#b", "/a", 2},
        {"User-agent: *\n# Disallow: /a", "/a", 0},
        {"User-agent: *\nDisallow /a\nDisallow", "/a", 0},
        {"User-agent: *\nnonsense\n: /a\nDisallow: /a", "/a", 4},
        {"<html>User-agent: *\nDisallow: /a", "/a", 0},
    };
    check(rows, ARRAY_SIZE(rows));
}

#define RULES "User-agent: *\n"

static void paths(void **state)
{
    static const struct row rows[] = {
        {RULES "Disallow: /p\nAllow: /page", "/page", 0}, /* the longest */
        {RULES "Allow: /p\nDisallow: /page", "/page", 3},
        {RULES "Disallow: /page\nAllow: /page", "/page", 0}, /* a tie */
        {RULES "Allow: /page\nDisallow: /page", "/page", 0},
        {RULES "Allow: /example/page/\nDisallow: /example/page/disallowed.gif",
         "/example/page/disallowed.gif", 3}, /* RFC 9309 5.2 */
        {RULES "Disallow: *.gif$\nAllow: /publications/", "/publications/x.gif", 0},
        {RULES "Disallow: *.gif$", "/x.gif", 2},
        {RULES "Disallow: *.gif$", "/x.gif?1", 0},
        {RULES "Disallow: *.gif", "/x.gif?1", 2},
        {RULES "Disallow: /*/b*c$", "/a/b/x/c/c", 2},
        {RULES "Disallow: /*/b*c$", "/a/b/x/c/d", 0},
        {RULES "Disallow: /a*$", "/abc", 2},
        {RULES "Disallow: /aa*aa$", "/aaa", 0}, /* no octet counts twice */
        {RULES "Disallow: /aa*aa$", "/aaaa", 2},
        {RULES "Disallow: /$", "/", 2},
        {RULES "Disallow: /$", "/a", 0},
        {RULES "Disallow: /a$b", "/a$bc", 2},
        {RULES "Disallow: a", "/a", 0},
        {RULES "Disallow: /A", "/a", 0},
        {RULES "Disallow: /f?a=1", "/f?a=12", 2},
        {RULES "Disallow: /f?a=1", "/f#?a=1", 0},
        {RULES "Disallow: /*a=1", "/f?a=1", 2},
        {RULES "Disallow: /longer-than-that", "/l", 0},
        /* RFC 9309 2.2.2 */
        {RULES "Disallow: /foo/bar?baz=http://foo.bar", "/foo/bar?baz=http%3A%2F%2Ffoo.bar", 2},
        {RULES "Disallow: /foo/bar/\xe3\x83\x84", "/foo/bar/%E3%83%84", 2},
        {RULES "Disallow: /foo/bar/%e3%83%84", "/foo/bar/\xe3\x83\x84", 2},
        {RULES "Disallow: /foo/bar/%62%61%7A", "/foo/bar/baz", 2},
        {RULES "Disallow: /baz", "/%62az", 2},
        {RULES "Disallow: /%6", "/%6", 2},
        {RULES "Disallow: /%zz", "/%zz", 2},
        /* 2.2.3 */
        {RULES "Disallow: /with-a-%2A.html", "/with-a-*.html", 2},
        {RULES "Disallow: /with-a-%2A.html", "/with-a-b.html", 0},
        {RULES "Disallow: /foo-%24", "/foo-$", 2},
        {RULES "Disallow: /foo-%24", "/foo-", 0},
        /* Octets, not letters of the line, decide what is longest. */
        {RULES "Disallow: /%61%61\nAllow: /aaa", "/aaa", 0},
    };
    check(rows, ARRAY_SIZE(rows));
}

static void crawl_delay(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {RULES "Crawl-delay: 10\nDisallow: /a", 10000},
        {RULES "crawl-delay: 0.5", 500},
        {RULES "Crawl-delay: 1.23456789", 1234},
        {RULES "Crawl-delay: 2\nCrawl-delay: 3\nCrawl-delay: 1", 3000},
        {RULES "Crawl-delay: 99999999999999999999999", LIMIT_CRAWL_DELAY_MS},
        {RULES "Crawl-delay: -1", 0},
        {RULES "Crawl-delay: .", 0},
        {RULES "Crawl-delay: 1.2.3", 0},
        {RULES "Crawl-delay: soon", 0},
        {RULES "Crawl-delay:", 0},
        {RULES "Crawl-delay: 9\n\nUser-agent: tidings\nDisallow: /a", 0},
        {RULES "Disallow: /\nCrawl-delay: 9\nUser-agent: tidings\nDisallow: /a", 0},
        {"Crawl-delay: 9", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct robots *r = robots_parse(rows[i].text, strlen(rows[i].text));
        int64_t ms = robots_crawl_delay_ms(r);
        if (ms != rows[i].ms)
            fail_msg("row %zu: %lld", i, (long long)ms);
        robots_free(r);
    }
}

static void too_long(void **state)
{
    static const char head[] = RULES "Disallow: /a\n", tail[] = "\nDisallow: /b\n";
    size_t n = LIMIT_ROBOTS_BYTES + sizeof tail;
    char *text = memset(xmalloc(n), '#', n);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + LIMIT_ROBOTS_BYTES, tail, sizeof tail);
    struct robots *r = robots_parse(text, n);
    struct robots_rule rule;
    assert_false(robots_allows(r, "http://h/a", &rule));
    assert_true(robots_allows(r, "http://h/b", &rule));
    assert_true(robots_bytes(r) < 4096);
    robots_free(r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),      cmocka_unit_test(lines),    cmocka_unit_test(paths),
        cmocka_unit_test(crawl_delay), cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
