/*
 * What is recorded over a real connection and played back without one gives the same result, byte
 * for byte; and so does what went through a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netdb.h>

#include "base/str.h"
#include "fetch/warc.h"
#include "fetch_harness.h"
#include "tiny_httpd.h"

#define FEED "<rss version='2.0'><channel><title>t</title></channel></rss>"

static struct httpd *server;
static struct fetcher *fetcher;
static char address[128];

/* Each path's whole answer; it ends with the connection. */
static const struct {
    const char *path, *answer;
    size_t n;
} answers[] = {
#define A(path, text)                \
    {                                \
        path, text, sizeof(text) - 1 \
    }
    A("/plain", "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: \"1\"\r\n"
                "Cache-Control: max-age=600\r\nContent-Length: 60\r\n\r\n" FEED),
    A("/chunked", "HTTP/1.1 103 Early Hints\r\nETag: \"0\"\r\n\r\nHTTP/1.1 200 OK\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n6;x=y\r\n</rss>\r\n0\r\nETag: "
                  "\"2\"\r\n\r\n"),
    A("/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
               "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xb3\x29\x2a\x2e\xb6\xd3\x07\x52\x00\x55"
               "\x4c\x1f\x33\x0b\x00\x00\x00"),
    A("/cut-gzip",
      "HTTP/1.1 200 OK\r\nETag: \"3\"\r\nContent-Encoding: gzip\r\nContent-Length: 15\r\n\r\n"
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xb3\x29\x2a\x2e\xb6"),
    A("/cut", "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n<rss>"),
    A("/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<rss>\r\n"),
    A("/moved",
      "HTTP/1.1 301 Moved\r\nLocation: /plain\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nno"),
    A("/busy", "HTTP/1.1 429 Slow\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "Retry-After: Sun, 06 Nov 1994 09:49:37 GMT\r\nContent-Length: 0\r\n\r\n"),
    A("/same", "HTTP/1.1 304 Not Modified\r\nETag: \"4\"\r\n\r\n"),
    A("/401", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
    A("/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    A("/garbage", "SSH-2.0-x\r\n"),
    A("/nothing", ""),
};

static bool answer(struct httpd *s, int fd, const char *request)
{
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        size_t n = strlen(answers[i].path);
        if (memcmp(request + 4, answers[i].path, n) == 0 && request[4 + n] == ' ')
            httpd_send(fd, answers[i].answer, answers[i].n);
    }
    if (str_starts(request, "GET /large ")) {
        httpd_sends(fd, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0;
             i < 40 && httpd_sends(fd, "<!-- 100 bytes --------------------------------"
                                       "---------------------------------------------->\n");
             i++)
            ;
    }
    if (str_starts(request, "GET /silent "))
        httpd_gone(fd, 5000);
    return false;
}

static int resolve(const char *host, char *text, size_t size)
{
    return EAI_NONAME;
}

static int setup(void **state)
{
    server = httpd_start(answer);
    fetcher = harness_fetcher(resolve);
    return 0;
}

static int teardown(void **state)
{
    fetcher_free(fetcher);
    httpd_stop(server);
    return 0;
}

static void assert_same_text(const char *a, const char *b)
{
    if (!str_same(a, b))
        fail_msg("\"%s\" != \"%s\"", a ? a : "(none)", b ? b : "(none)");
}

static void assert_same_result(const struct td_result *a, const struct td_result *b)
{
    if (a->outcome != b->outcome)
        fail_msg("%s (%s) != %s (%s)", td_outcome_name(a->outcome), a->error,
                 td_outcome_name(b->outcome), b->error);
    assert_int_equal(a->http_status, b->http_status);
    assert_same_text(a->error, b->error);
    assert_same_text(a->content_type, b->content_type);
    assert_same_text(a->val.etag, b->val.etag);
    assert_same_text(a->redirect_to, b->redirect_to);
    assert_int_equal(a->fresh.given, b->fresh.given);
    assert_int_equal(a->fresh.max_age_ms, b->fresh.max_age_ms);
    assert_int_equal(a->retry_after_at, b->retry_after_at);
    assert_int_equal(a->wire_bytes, b->wire_bytes);
    assert_int_equal(a->body.len, b->body.len);
    assert_memory_equal(buf_str(&a->body), buf_str(&b->body), a->body.len);
}

/* Through a file and back. */
static void assert_same_file(const struct td_recording *rec, struct td_recording *ret)
{
    CLEANUP_BUF struct buf file = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
    struct td_err err = {""};
    warc_write(&file, rec);
    assert_true(warc_is(file.data, file.len));
    if (warc_read(file.data, file.len, ret, &err) < 0)
        fail_msg("%s", err.msg);
    warc_write(&again, ret);
    assert_int_equal(file.len, again.len);
    assert_memory_equal(file.data, again.data, file.len);
}

static void check(const char *url, const struct td_access *access, int64_t timeout_ms)
{
    struct td_recording rec = {0}, back = {0};
    struct td_request req = REQUEST(url);
    td_feed_state_init(&rec.state);
    req.etag = "\"4\"";
    req.timeout_ms = timeout_ms;
    req.max_body_bytes = 2000;
    req.access = access;
    req.access_url = url;
    req.record = td_recording_add(&rec, req.max_body_bytes);
    struct td_result first = harness_get(fetcher, &req);
    assert_same_file(&rec, &back);

    int requests = httpd_requests(server);
    req.record = NULL;
    req.replay = back.hops;
    req.access = NULL;
    struct td_result second = harness_get(fetcher, &req);
    assert_int_equal(httpd_requests(server), requests); /* nothing went out */
    assert_same_result(&first, &second);
    td_result_fini(&first);
    td_result_fini(&second);
    td_recording_fini(&rec);
    td_recording_fini(&back);
}

static const char *url(const char *path)
{
    snprintf(address, sizeof address, "http://127.0.0.1:%d%s", server->port, path);
    return address;
}

static void replays_the_same(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        check(url(answers[i].path), NULL, 10000);
    check(url("/large"), NULL, 10000);
    check(url("/silent"), NULL, 200);
    struct td_access a = {.user = (char *)"u", .password = (char *)"p"};
    check(url("/401"), &a, 10000);
    check("http://nowhere.invalid/", NULL, 10000);
    check("http://127.0.0.2/", NULL, 10000);
    check("http://127.0.0.1:1/", NULL, 10000);
    check("gopher://h/", NULL, 10000);
    struct td_access proxy = {.proxy = (char *)"http://127.0.0.1:1"};
    check("http://a.example/", &proxy, 10000);
}

/* What is written down is what went over the wire, without what must not be seen. */
static void bytes(void **state)
{
    struct td_access a = {.bearer = (char *)"t0psecret"};
    struct td_recording rec = {0};
    struct td_request req = REQUEST(url("/moved"));
    req.access = &a;
    req.access_url = req.url;
    struct td_exchange *x = req.record = td_recording_add(&rec, 1000);
    struct td_result r = harness_get(fetcher, &req);
    assert_true(str_starts(buf_str(&x->request), "GET /moved HTTP/1.1\r\n"));
    assert_non_null(strstr(buf_str(&x->request), "\r\nAuthorization: xxxxxxxxxxxxxxxx\r\n"));
    assert_string_equal(buf_str(&x->answer),
                        "HTTP/1.1 301 Moved\r\nLocation: /plain\r\nSet-Cookie: xxx\r\n"
                        "Content-Length: 2\r\n\r\nno");
    assert_string_equal(x->ip, "127.0.0.1");
    assert_true(x->ended_at >= x->asked_at && x->asked_at > 0);
    td_result_fini(&r);
    td_recording_fini(&rec);
}

/* An answer over HTTP/2, as libcurl writes it down. */
static void http2(void **state)
{
    struct td_recording rec = {0};
    struct td_exchange *x = td_recording_add(&rec, 1000);
    x->url = xstrdup("https://h.example/feed?q");
    x->is_http = true;
    x->ended_at = 784111777000; /* of the Date below */
    buf_adds(&x->answer, "HTTP/2 103 \r\nlink: </x>\r\n\r\nHTTP/2 200 \r\netag: \"2\"\r\n"
                         "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "expires: Sun, 06 Nov 1994 08:50:37 GMT\r\n\r\n<rss>HTTP/2 200 </rss>");
    struct td_request req = REQUEST(x->url);
    req.replay = x;
    struct td_result r = harness_get(fetcher, &req);
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "<rss>HTTP/2 200 </rss>");
    assert_string_equal(r.val.etag, "\"2\"");
    assert_int_equal(r.fresh.max_age_ms, 60000);
    td_result_fini(&r);
    td_recording_fini(&rec);
}

/* The state that decides travels too. */
static void facts(void **state)
{
    struct td_recording rec = {.full = true, .next_due_at = 1234}, back = {0};
    td_feed_state_init(&rec.state);
    rec.feed = xstrdup("a feed");
    rec.fates = xstrdup("nck");
    rec.why = xstrdup("because\nof it");
    rec.conf.url = xstrdup("http://h/");
    rec.conf.interval_ms = 3600000;
    rec.conf.ignore_hints = true;
    rec.conf.max_body_bytes = 5000;
    rec.state.n_failures = 3;
    rec.state.hints.skip_hours = 0x800001;
    rec.state.hints.skip_days = 0x41;
    rec.state.rate_per_day = 0.1;
    rec.state.val.etag = xstrdup("W/\"x: y\"");
    rec.state.last_fetch_at = 1795000000001;
    td_feed_state_note(&rec.state, &(struct td_fetch_note){.at = 5, .outcome = TD_OUT_GONE});
    td_feed_state_note(&rec.state, &(struct td_fetch_note){.at = 7, .http_status = 410});
    struct td_exchange *x = td_recording_add(&rec, 100);
    x->url = xstrdup("file:/x");
    x->outcome = TD_OUT_OK;
    x->asked_at = x->ended_at = 1795000000000;
    buf_adds(&x->answer, "WARC/1.0\r\n\r\n<rss/>"); /* a document may hold anything */
    assert_same_file(&rec, &back);
    assert_string_equal(back.feed, "a feed");
    assert_string_equal(back.fates, "nck");
    assert_string_equal(back.why, "because of it");
    assert_true(back.full && back.conf.ignore_hints);
    assert_int_equal(back.next_due_at, 1234);
    assert_int_equal(back.state.hints.skip_hours, 0x800001);
    assert_int_equal(back.state.hints.skip_days, 0x41);
    assert_int_equal(back.state.failing_since, TD_NEVER);
    assert_true(back.state.rate_per_day == 0.1);
    assert_int_equal(back.state.n_history, 2);
    assert_int_equal(back.state.history[0].at, 7);
    assert_int_equal(back.state.history[1].outcome, TD_OUT_GONE);
    assert_string_equal(back.state.val.etag, "W/\"x: y\"");
    td_recording_fini(&rec);
    td_recording_fini(&back);
}

/* Files of others, broken ones, and every beginning of a good one. */
static void files(void **state)
{
    static const char foreign[] =
        "WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 10\r\n\r\nsoftware: w\r\n"
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://h/\r\n"
        "WARC-Date: 2026-11-25T10:00:00Z\r\nContent-Type: application/http\r\nContent-Length: "
        "25\r\n\r\n"
        "HTTP/1.1 200 OK\r\n\r\n<rss/>\r\n\r\n";
    struct td_recording rec = {0};
    struct td_err err = {""};
    assert_int_equal(warc_read(foreign, sizeof foreign - 1, &rec, &err), -EBADMSG);
    CLEANUP_FREE char *good = xstrdup(foreign);
    *strstr(good, "Content-Length: 10") = 'X'; /* a header that is none */
    assert_int_equal(warc_read(good, strlen(good), &rec, &err), -EBADMSG);
    memcpy(good, foreign, sizeof foreign);
    memcpy(strstr(good, ": 10"), ": 11", 4);
    assert_int_equal(warc_read(good, strlen(good), &rec, &err), 0);
    assert_string_equal(rec.hops->url, "http://h/");
    assert_int_equal(rec.hops->answer.len, 25);
    assert_null(rec.hops->next);
    td_recording_fini(&rec);
    for (size_t n = 0; n < strlen(good); n++)
        if (warc_read(good, n, &rec, &err) == 0) {
            assert_true(n >= strlen(good) - 4); /* but for the empty lines at the end */
            td_recording_fini(&rec);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_the_same),
        cmocka_unit_test(bytes),
        cmocka_unit_test(http2),
        cmocka_unit_test(facts),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
