#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/outcome.h"

#define NOW     1795478400000 /* Tue, 24 Nov 2026 00:00:00 GMT */
#define DATE    "Date: Tue, 24 Nov 2026 00:00:00 GMT\n"
#define SLOW    "Date: Mon, 23 Nov 2026 22:00:00 GMT\n" /* a server's clock two hours behind */
#define FOREVER 2147483648000

/* A complete answer with these header lines, each ended by \n. */
static void fill(struct head *h, int status, const char *lines)
{
    char line[4096];
    head_init(h);
    snprintf(line, sizeof line, "HTTP/1.1 %d\r\n", status);
    assert_int_equal(head_line(h, line, strlen(line)), 0);
    while (*lines) {
        size_t n = strcspn(lines, "\n") + 1;
        assert_int_equal(head_line(h, lines, n), 0);
        lines += n;
    }
    assert_int_equal(head_line(h, "\r\n", 2), 0);
    assert_true(head_is_final(h));
}

static void freshness(void **state)
{
    static const struct {
        const char *lines;
        bool given;
        int64_t ms;
    } cases[] = {
        {"", false, 0},
        {"Cache-Control: max-age=12\n", true, 12000},
        {"CACHE-control: foo=\"a, max-age=7\", Public , Max-Age=12\n", true, 12000},
        {"Cache-Control: max-age=\"12\"\n", true, 12000},
        {"Cache-Control: max-age = 12\n", true, 12000},
        {"Cache-Control: public\nCache-Control: max-age=12\n", true, 12000},
        {"Cache-Control: max-age=12, max-age=5\n", true, 5000},
        {"Cache-Control: max-age=12\nCache-Control: max-age=20\n", true, 12000},
        {"Cache-Control: max-age=99999999999999999999\n", true, FOREVER},
        {"Cache-Control: s-maxage=99\n", false, 0},
        {"Cache-Control: s-maxage=99, max-age=3\n", true, 3000},
        {"Cache-Control: x-max-age=99\n", false, 0},
        {"Cache-Control: max-age=-1\n", true, 0},
        {"Cache-Control: max-age=1.5\n", true, 0},
        {"Cache-Control: max-age=\n", true, 0},
        {"Cache-Control: max-age\n", true, 0},
        {"Cache-Control: max-age=\"12\n", true, 12000},
        {"Cache-Control: ,,;, max-age=12\n", true, 12000},
        {"Cache-Control: no-store\n", false, 0},
        {"Cache-Control: no-store, max-age=12\n", true, 0},
        {"Cache-Control: no-cache, max-age=12\n", true, 0},
        {"Cache-Control: no-cache=\"Set-Cookie\", max-age=12\n", true, 12000},
        {"Cache-Control: max-age=12\nAge: 5\n", true, 7000},
        {"Cache-Control: max-age=12\nAge: 50\n", true, 0},
        {"Cache-Control: max-age=12\nAge: soon\n", true, 12000},
        {"Cache-Control: max-age=12\nAge: 99999999999999999999\n", true, 0},
        {DATE "Expires: Tue, 24 Nov 2026 00:00:12 GMT\n", true, 12000},
        {SLOW "Expires: Mon, 23 Nov 2026 22:00:12 GMT\n", true, 12000},
        {"Expires: Tue, 24 Nov 2026 00:00:12 GMT\n", true, 12000},
        {"Date: yesterday\nExpires: Tue, 24 Nov 2026 00:00:12 GMT\n", true, 12000},
        {DATE "Expires: Tue, 24 Nov 2026 00:00:12 GMT\nAge: 2\n", true, 10000},
        {DATE "Expires: Mon, 23 Nov 2026 00:00:12 GMT\n", true, 0},
        {DATE "Expires: 0\n", false, 0},
        {DATE "Expires: 0\nExpires: Tue, 24 Nov 2026 00:00:12 GMT\n", false, 0},
        {DATE "Expires: Tue, 24 Nov 2026 01:00:00 GMT\nExpires: Tue, 24 Nov 2026 00:00:12 GMT\n",
         true, 12000},
        {DATE "Expires: Fri, 31 Dec 9999 23:59:59 GMT\n", true, FOREVER},
        {DATE "Cache-Control: max-age=12\nExpires: Sun, 06 Nov 1994 08:49:37 GMT\n", true, 12000},
        {DATE "Cache-Control: no-store\nExpires: Tue, 24 Nov 2026 00:00:12 GMT\n", true, 0},
        {"Cache-Control: public,\n max-age=12\n", true, 12000}, /* obs-fold */
        /* no guess from how old it is (FETCHING B7) */
        {DATE "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct head h;
        fill(&h, 200, cases[i].lines);
        struct td_freshness f = outcome_freshness(&h, NOW);
        if (f.given != cases[i].given || f.max_age_ms != cases[i].ms)
            fail_msg("%s: %d, %jd ms", cases[i].lines, f.given, (intmax_t)f.max_age_ms);
        assert_int_equal(f.by_expires, f.given && !strstr(cases[i].lines, "max-age"));
        head_fini(&h);
    }
}

static void retry_after(void **state)
{
    static const struct {
        const char *lines;
        int64_t wait_ms; /* -1 = TD_NEVER */
    } cases[] = {
        {"", -1},
        {"Retry-After: 12\n", 12000},
        {"retry-after:12\n", 12000},
        {"Retry-After: 0\n", 0},
        {"Retry-After: 12.000\n", 13000},
        {"Retry-After: 0.5\n", 1000},
        {"Retry-After: 12, 60 ,9\n", 60000},
        {"Retry-After: 1.2.3\n", -1},
        {"Retry-After: .\n", -1},
        {"Retry-After: 12,\n", 12000},
        {"Retry-After: 12, soon\n", -1},
        {"Retry-After: 12 s\n", -1},
        {"Retry-After: soon\n", -1},
        {"Retry-After: -5\n", -1},
        {"Retry-After:\n", -1},
        {"Retry-After: 12\nRetry-After: 60\n", 60000},
        {"Retry-After: 99999999999999999999\n", LIMIT_RETRY_AFTER_MS},
        {"Retry-After: 604801\n", LIMIT_RETRY_AFTER_MS},
        {DATE "Retry-After: Tue, 24 Nov 2026 00:00:12 GMT\n", 12000},
        {DATE "Retry-After: Tuesday, 24-Nov-26 00:00:12 GMT\n", 12000},
        {SLOW "Retry-After: Mon, 23 Nov 2026 22:00:12 GMT\n", 12000},
        {"Retry-After: Tue Nov 24 00:00:12 2026\n", 12000},
        {DATE "Retry-After: Mon, 23 Nov 2026 22:00:12 GMT\n", 0},
        {DATE "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\n", LIMIT_RETRY_AFTER_MS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct head h;
        fill(&h, 503, cases[i].lines);
        int64_t at = outcome_retry_after(&h, NOW);
        if (at != (cases[i].wait_ms < 0 ? TD_NEVER : NOW + cases[i].wait_ms))
            fail_msg("%s: %jd", cases[i].lines, (intmax_t)(at - NOW));
        head_fini(&h);
    }
}

static void locations(void **state)
{
    static const struct {
        const char *base, *location, *want;
    } cases[] = {
        {"http://h/a/b", "c", "http://h/a/c"},
        {"http://h/a/b", "./x/../c%20d#frag", "http://h/a/c%20d"},
        {"http://h/a/b?q", "?r=1", "http://h/a/b?r=1"},
        {"http://h/a/b", "/c d", "http://h/c%20d"},
        {"http://h:8080/a", "//other/x", "http://other/x"},
        {"http://h/a", "https://h/a", "https://h/a"},
        {"http://h/a", "https://h/b c", "https://h/b%20c"},
        {"http://h/a", "ftp://h/x", "ftp://h/x"},
        {"http://h/a", "file:///etc/passwd", "file:///etc/passwd"},
        {"http://u:p%40@h/a", "/b", "http://u:p%40@h/b"},
        {"http://u:p@h/a", "http://h/b", "http://u:p@h/b"},
        {"http://u:p@h/a", "http://H:80/b", "http://u:p@H:80/b"},
        {"http://u:p@h/a", "http://h:81/b", "http://h:81/b"},
        {"http://u:p@h/a", "https://h/b", "https://h/b"},
        {"http://u:p@h/a", "http://other/b", "http://other/b"},
        {"http://h/a", "http://evil:x@other/b", "http://other/b"},
        {"http://h/a", "http://evil:x@h/b", "http://h/b"},
        {"http://u:p@h/a", "http://evil:x@h/b", "http://u:p@h/b"},
        {"http://h/a", "http://", NULL},
        {"http://h/a", "http://h:99999/", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *got = outcome_location(cases[i].base, cases[i].location);
        if (!str_same(got, cases[i].want))
            fail_msg("%s + %s: %s", cases[i].base, cases[i].location, got ? got : "none");
    }
}

static void redirect_chains(void **state)
{
    struct td_err err;
    struct redirect_chain c = {0};
    assert_int_equal(outcome_redirect(&c, "http://a/", "https://b/", true, &err), 0);
    assert_true(c.all_permanent);
    assert_int_equal(outcome_redirect(&c, "https://b/", "https://c/", false, &err), 0);
    assert_false(c.all_permanent);
    assert_int_equal(outcome_redirect(&c, "https://c/", "https://d/", true, &err), 0);
    assert_false(c.all_permanent);
    assert_int_equal(c.hops, 3);
    assert_int_equal(outcome_redirect(&c, "https://d/", "http://u:secret@e/", true, &err), -EPERM);
    assert_null(strstr(err.msg, "secret"));
    assert_int_equal(outcome_redirect(&c, "https://d/", "ftp://e/", true, &err), -EPERM);
    assert_int_equal(outcome_redirect(&c, "https://d/", "file:///x", true, &err), -EPERM);
    assert_int_equal(c.hops, 3);
    for (int i = 3; i < LIMIT_REDIRECTS; i++)
        assert_int_equal(outcome_redirect(&c, "http://a/", "http://a/", true, &err), 0);
    assert_int_equal(outcome_redirect(&c, "http://a/", "http://a/", true, &err), -ELOOP);

    CLEANUP_FREE char *url = xmalloc(LIMIT_URL_BYTES + 100);
    memset(url, 'x', LIMIT_URL_BYTES + 99);
    memcpy(url, "http://h/", 9);
    url[LIMIT_URL_BYTES + 99] = 0;
    c = (struct redirect_chain){0};
    assert_int_equal(outcome_redirect(&c, "http://a/", url, true, &err), -EPERM);
}

/* What curl says where the header is not there yet, and after a 200's. */
static void curl_codes(void **state)
{
    static const struct {
        CURLcode code;
        int os_errno;
        enum td_outcome before, within;
    } cases[] = {
        {CURLE_COULDNT_RESOLVE_HOST, 0, TD_OUT_DNS_TEMP, 0},
        {CURLE_COULDNT_CONNECT, ECONNREFUSED, TD_OUT_CONNECT, 0},
        {CURLE_OPERATION_TIMEDOUT, 0, TD_OUT_TIMEOUT, TD_OUT_TIMEOUT},
        {CURLE_PEER_FAILED_VERIFICATION, 0, TD_OUT_TLS, 0},
        {CURLE_SSL_CONNECT_ERROR, 0, TD_OUT_TLS, 0},
        {CURLE_GOT_NOTHING, 0, TD_OUT_CONNECT, TD_OUT_INCOMPLETE},
        {CURLE_RECV_ERROR, ECONNRESET, TD_OUT_CONNECT, TD_OUT_INCOMPLETE},
        {CURLE_PARTIAL_FILE, 0, TD_OUT_CONNECT, TD_OUT_INCOMPLETE},
        {CURLE_HTTP2_STREAM, 0, TD_OUT_CONNECT, TD_OUT_INCOMPLETE},
        {CURLE_BAD_CONTENT_ENCODING, 0, TD_OUT_PROTOCOL, TD_OUT_PROTOCOL},
        {CURLE_UNSUPPORTED_PROTOCOL, 0, TD_OUT_PROTOCOL, TD_OUT_PROTOCOL},
        {CURLE_WEIRD_SERVER_REPLY, 0, TD_OUT_PROTOCOL, TD_OUT_PROTOCOL},
        {CURLE_URL_MALFORMAT, 0, TD_OUT_REFUSED, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct head none, ok;
        head_init(&none);
        fill(&ok, 200, "ETag: \"x\"\nCache-Control: max-age=9\n");
        struct exchange x = {.code = cases[i].code,
                             .head = &none,
                             .url = "https://u:secret@h.example/x",
                             .curl_error = "",
                             .os_errno = cases[i].os_errno,
                             .now_ms = NOW};
        struct td_result r = {.body = BUF_INIT(10)};
        outcome_judge(&r, &x);
        assert_int_equal(r.outcome, cases[i].before);
        assert_true(*r.error);
        assert_null(strstr(r.error, "secret"));
        td_result_fini(&r);
        if (cases[i].within) {
            x.head = &ok;
            r = (struct td_result){.body = BUF_INIT(10)};
            outcome_judge(&r, &x);
            assert_int_equal(r.outcome, cases[i].within);
            assert_null(r.val.etag);
            assert_false(r.fresh.given);
            td_result_fini(&r);
        }
        head_fini(&none);
        head_fini(&ok);
    }
}

/* What a person reads where curl itself has no word, or a wrong one. */
static void words(void **state)
{
    static const struct {
        CURLcode code;
        int status; /* 0 = no header came */
        const char *curl_error, *refused, *refused_ip, *expected;
    } cases[] = {
        {CURLE_ABORTED_BY_CALLBACK, 0, "operation aborted by pre-request callback", NULL, "",
         "h.example closed the connection without an answer, each time it was asked"},
        {CURLE_OK, 101, "", NULL, "", "h.example sent no answer, only HTTP 101"},
        {CURLE_COULDNT_CONNECT, 0, "", "IPv4-mapped", "::ffff:10.0.0.1",
         "h.example is at ::ffff:10.0.0.1, an IPv4-mapped address, which allow-addresses does not"
         " name"},
        {CURLE_COULDNT_CONNECT, 0, "", "private", "10.0.0.1",
         "h.example is at 10.0.0.1, a private address, which allow-addresses does not name"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct head h;
        head_init(&h);
        if (cases[i].status) {
            assert_int_equal(head_line(&h, "HTTP/1.1 101 Switching\r\n", 24), 0);
            assert_int_equal(head_line(&h, "\r\n", 2), 0);
        }
        struct exchange x = {.code = cases[i].code,
                             .head = &h,
                             .url = "http://h.example/",
                             .curl_error = cases[i].curl_error,
                             .refused = cases[i].refused,
                             .refused_ip = cases[i].refused_ip,
                             .now_ms = NOW};
        struct td_result r = {.body = BUF_INIT(10)};
        outcome_judge(&r, &x);
        assert_string_equal(r.error, cases[i].expected);
        td_result_fini(&r);
        head_fini(&h);
    }
}

/* An error's status and Retry-After stand although its body never came. */
static void error_body_does_not_matter(void **state)
{
    struct head h;
    fill(&h, 503, "Retry-After: 5\nETag: \"x\"\n");
    struct exchange x = {.code = CURLE_OPERATION_TIMEDOUT,
                         .head = &h,
                         .url = "http://h/",
                         .curl_error = "",
                         .now_ms = NOW};
    struct td_result r = {.body = BUF_INIT(10)};
    outcome_judge(&r, &x);
    assert_int_equal(r.outcome, TD_OUT_HTTP);
    assert_string_equal(r.error, "HTTP 503 Service Unavailable");
    assert_true(r.retry_after_at == NOW + 5000);
    assert_null(r.val.etag);
    td_result_fini(&r);
    head_fini(&h);
}

static void validator_limits(void **state)
{
    static char lines[LIMIT_VALIDATOR_BYTES + 100];
    struct head h;
    head_init(&h);
    head_line(&h, "HTTP/2 304 \r\n", 13);
    memset(lines, 'e', sizeof lines);
    memcpy(lines, "ETag: ", 6);
    head_line(&h, lines, sizeof lines);
    head_line(&h, "Last-Modified:  \t\r\n", 19);
    head_line(&h, "\r\n", 2);
    struct exchange x = {.head = &h, .url = "http://h/", .curl_error = "", .conditional = true};
    struct td_result r = {.body = BUF_INIT(10)};
    outcome_judge(&r, &x);
    assert_int_equal(r.outcome, TD_OUT_NOT_MODIFIED);
    assert_true(r.has_etag && r.has_last_modified); /* given, so the old ones go */
    assert_null(r.val.etag);
    assert_null(r.val.last_modified);
    td_result_fini(&r);
    head_fini(&h);
}

static void header_lines(void **state)
{
    static const char *const lines[] = {
        "HTTP/1.1 100 Continue\r\n",
        "ETag: a\r\n",
        "\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/x: not a status line\r\n",
        "Link: one\r\n",
        "X-Link: two\n",
        "link:three\n",
        "Link : four\r\n",
        " folded\r\n",
        "\tmore\r\n",
        "NoColon\r\n",
        ":\r\n",
        "\r\n",
        "HTTP/1.1 500 in a trailer\r\n",
        "Link: late\r\n",
    };
    struct head h;
    head_init(&h);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(head_line(&h, lines[i], strlen(lines[i])), 0);
        assert_int_equal(head_is_final(&h), i >= 13);
    }
    assert_int_equal(h.status, 200);
    CLEANUP_FREE char *link = head_join(&h, "LINK");
    assert_string_equal(link, "one, three");
    assert_null(head_dup(&h, "ETag"));
    assert_null(head_join(&h, "Lin"));
    head_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freshness),    cmocka_unit_test(retry_after),
        cmocka_unit_test(locations),    cmocka_unit_test(redirect_chains),
        cmocka_unit_test(curl_codes),   cmocka_unit_test(error_body_does_not_matter),
        cmocka_unit_test(words),        cmocka_unit_test(validator_limits),
        cmocka_unit_test(header_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
