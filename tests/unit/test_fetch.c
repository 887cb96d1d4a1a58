/* The real fetcher on the real loop against a server that answers as badly as it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <netdb.h>

#include "base/str.h"
#include "fetch_harness.h"
#include "tiny_httpd.h"

#define FEED "<?xml version='1.0'?><rss version='2.0'><channel><title>t</title></channel></rss>"
#define OK   "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"

/* gzip -n | gzip -n */
static const unsigned char gzip_gzip_hello[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x93, 0xef, 0xe6, 0x60, 0x00,
    0x01, 0x26, 0xe6, 0xd3, 0x1e, 0x67, 0x4f, 0x9e, 0x7c, 0xce, 0xc4, 0xa0, 0x60, 0x60, 0x65,
    0xc6, 0x06, 0x14, 0x01, 0x00, 0xc6, 0x8f, 0xbb, 0x42, 0x1a, 0x00, 0x00, 0x00};
/* A gzip of 4 MB of zeros is made by deflate's own rules below; this is "hello\n" by gzip -n. */
static const unsigned char gzip_hello[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,
                                           0x20, 0x30, 0x3a, 0x36, 0x06, 0x00, 0x00, 0x00};

static struct httpd *server;
static struct fetcher *fetcher;
static char url_text[512];

static const char *url(const char *path)
{
    snprintf(url_text, sizeof url_text, "http://127.0.0.1:%d%s", server->port, path);
    return url_text;
}

static struct td_result get(const char *path)
{
    struct td_request req = REQUEST(url(path));
    return harness_get(fetcher, &req);
}

/* A deflate block that repeats one zero byte: 258 bytes for every pair of 5-bit codes. */
static void send_bomb(int fd, size_t decoded)
{
    static const unsigned char start[] = {0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3};
    /* Fixed Huffman: literal 0 (00110000), then length 258 (11000101) distance 1 (00000): 13 bits,
     * packed from the lowest bit on. */
    unsigned char out[4096];
    uint32_t bits = 0;
    int n_bits = 0;
    size_t n = 0;
    httpd_sends(fd, OK "Content-Encoding: gzip\r\nConnection: close\r\n\r\n");
    httpd_send(fd, start, sizeof start);
#define PUT(code, width)                         \
    for (int i_ = (width); i_-- > 0;) {          \
        bits |= (((code) >> i_) & 1u) << n_bits; \
        if (++n_bits == 8) {                     \
            out[n++] = (unsigned char)bits;      \
            bits = 0;                            \
            n_bits = 0;                          \
        }                                        \
    }
    PUT(1u, 1) /* last block */
    PUT(2u, 2) /* BTYPE 01, its low bit first */
    PUT(0x30u, 8)
    for (size_t done = 0; done < decoded; done += 258) {
        PUT(0xc5u, 8)
        PUT(0u, 5)
        if (n > sizeof out - 8) {
            if (!httpd_send(fd, out, n))
                return;
            n = 0;
        }
    }
#undef PUT
    httpd_send(fd, out, n);
}

static void reset(int fd)
{
    struct linger l = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static bool answer_limits(int fd, const char *path)
{
    static char block[65536];
    if (str_starts(path, "/endless")) {
        httpd_sends(fd, OK "\r\n");
        while (httpd_send(fd, block, sizeof block))
            ;
    } else if (str_starts(path, "/error-endless")) {
        httpd_sends(fd, "HTTP/1.1 500 No\r\n\r\n");
        while (httpd_send(fd, block, sizeof block))
            ;
    } else if (str_starts(path, "/big-length")) {
        httpd_sends(fd, OK "Content-Length: 8589934592\r\n\r\nx");
        httpd_gone(fd, 5000);
    } else if (str_starts(path, "/bomb")) {
        send_bomb(fd, 64u << 20);
    } else if (str_starts(path, "/header-lines")) {
        httpd_sends(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 400 && httpd_sends(fd, "X-Flood: x\r\n"); i++)
            ;
        httpd_sends(fd, "\r\n" FEED);
    } else if (str_starts(path, "/header-bytes")) {
        char line[4096];
        memset(line, 'x', sizeof line);
        memcpy(line, "X: ", 3);
        memcpy(line + sizeof line - 2, "\r\n", 2);
        httpd_sends(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 100 && httpd_send(fd, line, sizeof line); i++)
            ;
        httpd_sends(fd, "\r\n" FEED);
    } else if (str_starts(path, "/header-line")) {
        memset(block, 'y', sizeof block);
        httpd_sends(fd, "HTTP/1.1 200 OK\r\nX: ");
        for (int i = 0; i < 80 && httpd_send(fd, block, sizeof block); i++)
            ;
    } else if (str_starts(path, "/hints-flood")) {
        for (int i = 0; i < 1000 && httpd_sends(fd, "HTTP/1.1 103 Early\r\nA: b\r\n\r\n"); i++)
            ;
    } else {
        return false;
    }
    return true;
}

static bool answer_cuts(int fd, const char *path)
{
    if (str_starts(path, "/cut-length")) {
        httpd_sends(fd, OK "ETag: \"bad\"\r\nContent-Length: 5000\r\n\r\n" FEED);
    } else if (str_starts(path, "/cut-chunk")) {
        httpd_sends(fd, OK "ETag: \"bad\"\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n" FEED);
    } else if (str_starts(path, "/cut-reset")) {
        httpd_sends(fd, OK "ETag: \"bad\"\r\nContent-Length: 5000\r\n\r\n" FEED);
        httpd_gone(fd, 100);
        reset(fd);
    } else if (str_starts(path, "/cut-gzip")) {
        httpd_sends(fd, OK "Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n");
        httpd_send(fd, gzip_hello, 15);
    } else if (str_starts(path, "/reset")) {
        reset(fd);
    } else if (str_starts(path, "/nothing")) {
        shutdown(fd, SHUT_RDWR);
    } else if (str_starts(path, "/silent")) {
        httpd_gone(fd, 15000);
    } else if (str_starts(path, "/drip-head")) {
        httpd_sends(fd, "HTTP/1.1 200 OK\r\nX: ");
        httpd_drip(fd, "x", 50);
    } else if (str_starts(path, "/drip")) {
        httpd_sends(fd, OK "\r\n");
        httpd_drip(fd, " ", 50);
    } else {
        return false;
    }
    return true;
}

static const struct {
    const char *path, *answer;
} canned[] = {
    {"/plain", OK "ETag: W/\"a, b\"\r\nLast-Modified: three days ago\r\nLink: <h>; rel=hub\r\n"
                  "Link: <s>; rel=self\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\n"
                  "hello"},
    {"/hints", "HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\nLink: <x>\r\n\r\n" OK
               "ETag: \"real\"\r\nContent-Length: 5\r\n\r\nhello"},
    {"/trailer", OK "Transfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n5;a=b\r\nhello\r\n0\r\n"
                    "ETag: \"late\"\r\n\r\n"},
    {"/304", "HTTP/1.1 304 Not Modified\r\nETag: \"new\"\r\nCache-Control: max-age=9\r\n\r\n"},
    {"/301", "HTTP/1.1 301 Moved\r\nLocation: ../new?x=1#frag\r\nETag: \"hop\"\r\n"
             "Cache-Control: max-age=99\r\nContent-Length: 5\r\n\r\nmoved"},
    {"/302", "HTTP/1.1 302 Found\r\nLocation: //other.invalid/x\r\nContent-Length: 0\r\n\r\n"},
    {"/307", "HTTP/1.1 307 Elsewhere\r\nLocation: /new#x\r\nContent-Length: 0\r\n\r\n"},
    {"/ftp", "HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"},
    {"/nowhere", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"},
    {"/410", "HTTP/1.1 410 Gone\r\nETag: \"x\"\r\nContent-Length: 4\r\n\r\ngone"},
    {"/429", "HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nETag: \"x\"\r\nContent-Length: 4\r\n\r\n"
             "slow"},
    {"/206", "HTTP/1.1 206 Part\r\nContent-Length: 4\r\n\r\npart"},
    {"/226", "HTTP/1.1 226 IM Used\r\nContent-Length: 4\r\n\r\npart"},
    {"/204", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"/empty", OK "Content-Length: 0\r\n\r\n"},
    {"/coding", OK "Content-Encoding: rot13\r\nContent-Length: 5\r\n\r\nuryyb"},
    {"/three-layers", OK "Content-Encoding: gzip,\r\nContent-Encoding: deflate, gzip\r\n"
                         "Content-Length: 5\r\n\r\nhello"},
    {"/no-brotli", OK "Content-Encoding: br\r\nContent-Length: 23\r\n\r\n<rss version='2.0'/>   "},
    {"/layers", OK "Content-Encoding: gzip, gzip, gzip, gzip, gzip, gzip, gzip\r\n"
                   "Content-Length: 5\r\n\r\nhello"},
    {"/garbage", "SSH-2.0-OpenSSH_9.2\r\n"},
};

static bool answer(struct httpd *s, int fd, const char *request)
{
    char path[256] = "";
    sscanf(request, "%*s %255s", path);
    for (size_t i = 0; i < ARRAY_SIZE(canned); i++)
        if (str_eq(path, canned[i].path))
            return httpd_sends(fd, canned[i].answer) && !str_eq(path, "/garbage");
    if (str_eq(path, "/gzip")) {
        httpd_sends(fd, OK "Content-Encoding: gzip\r\nContent-Length: 26\r\n\r\n");
        return httpd_send(fd, gzip_hello, sizeof gzip_hello);
    }
    if (str_eq(path, "/two-layers")) {
        httpd_sends(fd, OK "Content-Encoding: x-gzip, gzip\r\nContent-Length: 43\r\n\r\n");
        return httpd_send(fd, gzip_gzip_hello, sizeof gzip_gzip_hello);
    }
    if (str_eq(path, "/gzip-twice")) {
        httpd_sends(fd, OK "Content-Encoding: gzip\r\nContent-Length: 52\r\n\r\n");
        httpd_send(fd, gzip_hello, sizeof gzip_hello);
        return httpd_send(fd, gzip_hello, sizeof gzip_hello);
    }
    if (!answer_limits(fd, path) && !answer_cuts(fd, path))
        return httpd_sends(fd, OK "Content-Length: 5\r\n\r\nhello");
    return false;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void good(void **state)
{
    struct td_result r = get("/plain");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_int_equal(r.http_status, 200);
    assert_string_equal(buf_str(&r.body), "hello");
    assert_string_equal(r.val.etag, "W/\"a, b\"");
    assert_string_equal(r.val.last_modified, "three days ago");
    assert_true(r.has_etag && r.has_last_modified);
    assert_string_equal(r.link, "<h>; rel=hub, <s>; rel=self");
    assert_string_equal(r.content_type, "application/rss+xml");
    assert_int_equal(r.fresh.max_age_ms, 60000);
    assert_true(r.wire_bytes > 100 && r.wire_bytes < 300);
    assert_null(r.redirect_to);
    assert_true(r.retry_after_at == TD_NEVER);
    td_result_fini(&r);
}

static void only_the_final_header_counts(void **state)
{
    struct td_result r = get("/hints");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(r.val.etag, "\"real\"");
    assert_null(r.link);
    td_result_fini(&r);
    r = get("/trailer");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "hello");
    assert_null(r.val.etag);
    td_result_fini(&r);
}

static const char *header(const char *name)
{
    static char value[2048];
    const char *p = httpd_last(server);
    while ((p = strstr(p, "\r\n"))) {
        p += 2;
        if (str_casestarts(p, name) && p[strlen(name)] == ':') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(p + strlen(name) + 2, "\r"),
                     p + strlen(name) + 2);
            return value;
        }
    }
    return NULL;
}

/* ---- posts: only the status counts ------------------------------------------------------------
 */

static void posts(void **state)
{
    static const struct {
        const char *path;
        int outcome, status;
    } want[] = {{"/plain", TD_OUT_OK, 200},
                {"/204", TD_OUT_OK, 204},
                {"/206", TD_OUT_OK, 206},
                {"/empty", TD_OUT_OK, 200},
                {"/302", TD_OUT_HTTP, 302},
                {"/410", TD_OUT_GONE, 410},
                {"/304", TD_OUT_HTTP, 304},
                {"/429", TD_OUT_HTTP, 429},
                {"/reset", TD_OUT_CONNECT, 0},
                {"/cut-length", TD_OUT_OK, 200},
                {"/error-endless", TD_OUT_HTTP, 500}};
    static const char *const headers[] = {"Content-Type: text/plain", "X-Two: b", "Evil: a\r\nX: y",
                                          NULL};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct td_request req = REQUEST(url(want[i].path));
        req.post = "one=1&two";
        req.post_bytes = 9;
        req.headers = headers;
        struct td_result r = harness_get(fetcher, &req);
        if (want[i].status == 0
                ? td_outcome_good(r.outcome)
                : (int)r.outcome != want[i].outcome || r.http_status != want[i].status)
            fail_msg("%s: %d %s", want[i].path, r.http_status, td_outcome_name(r.outcome));
        assert_true(r.body.len == 0 && !r.redirect_to);
        assert_true(str_starts(httpd_last(server), "POST /"));
        assert_string_equal(header("Content-Type"), "text/plain");
        assert_string_equal(header("Content-Length"), "9");
        assert_string_equal(header("X-Two"), "b");
        assert_null(header("Evil"));
        assert_null(header("Expect"));
        assert_string_equal(strstr(httpd_last(server), "\r\n\r\n") + 4, "one=1&two");
        if (want[i].status == 429)
            assert_true(r.retry_after_at > clock_now_ms() + 100000);
        td_result_fini(&r);
    }
}

/* Who wants the same POST elsewhere is understood; who says that the answer is elsewhere is not. */
static void posts_that_are_redirected(void **state)
{
    char want[128];
    struct td_request req = REQUEST(url("/307"));
    req.post = "x";
    req.post_bytes = 1;
    struct td_result r = harness_get(fetcher, &req);
    snprintf(want, sizeof want, "http://127.0.0.1:%d/new", server->port);
    assert_int_equal(r.outcome, TD_OUT_HTTP);
    assert_string_equal(r.redirect_to, want);
    td_result_fini(&r);
}

static void request_line_and_header(void **state)
{
    static const char *const never[] = {
        "Cookie", "Referer",       "Pragma",        "Cache-Control",
        "Range",  "Authorization", "If-None-Match", "If-Modified-Since"};
    struct td_result r = get("/q?b=2&a=1&&x=%2f%20+&empty=&A=~#frag");
    td_result_fini(&r);
    assert_true(str_starts(httpd_last(server), "GET /q?b=2&a=1&&x=%2f%20+&empty=&A=~ HTTP/1.1"));
    assert_string_equal(header("User-Agent"),
                        "tidings/" TIDINGS_VERSION " (+https://example.org/about)");
    assert_non_null(strstr(header("Accept"), "application/atom+xml"));
    assert_non_null(strstr(header("Accept-Encoding"), "gzip"));
    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        if (header(never[i]))
            fail_msg("%s was sent", never[i]);
}

static void conditional(void **state)
{
    struct td_request req = REQUEST(url("/304"));
    req.etag = "w/\"caf\xe9\" , x";
    req.last_modified = "Sunday, 06-Nov-94 08:49:37 +0000";
    struct td_result r = harness_get(fetcher, &req);
    assert_string_equal(header("If-None-Match"), req.etag);
    assert_string_equal(header("If-Modified-Since"), req.last_modified);
    assert_int_equal(r.outcome, TD_OUT_NOT_MODIFIED);
    assert_string_equal(r.val.etag, "\"new\"");
    assert_true(r.has_etag);
    assert_false(r.has_last_modified);
    assert_int_equal(r.fresh.max_age_ms, 9000);
    td_result_fini(&r);

    /* A stored value that would start another header line is not sent, and a 304 is then wrong. */
    req.etag = "\"a\"\r\nX-Evil: 1";
    req.last_modified = NULL;
    r = harness_get(fetcher, &req);
    assert_null(header("X-Evil"));
    assert_null(header("If-None-Match"));
    assert_int_equal(r.outcome, TD_OUT_PROTOCOL);
    td_result_fini(&r);
}

static void redirects(void **state)
{
    struct td_result r = get("/301");
    char want[128];
    snprintf(want, sizeof want, "http://127.0.0.1:%d/new?x=1", server->port);
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(r.redirect_to, want);
    assert_true(r.redirect_permanent);
    assert_null(r.val.etag);
    assert_int_equal(r.body.len, 0);
    assert_false(r.fresh.given);
    td_result_fini(&r);
    r = get("/302");
    assert_string_equal(r.redirect_to, "http://other.invalid/x");
    assert_false(r.redirect_permanent);
    td_result_fini(&r);
    r = get("/nowhere");
    assert_int_equal(r.outcome, TD_OUT_HTTP);
    assert_null(r.redirect_to);
    td_result_fini(&r);
    r = get("/ftp");
    assert_string_equal(r.redirect_to, "ftp://127.0.0.1/");

    td_result_fini(&r);
}

/* Each row: the path, what comes of it, the status, a part of the reason. */
static void failing_answers(void **state)
{
    static const struct {
        const char *path;
        enum td_outcome outcome;
        int status;
        const char *words;
    } cases[] = {
        {"/304", TD_OUT_PROTOCOL, 304, "not conditional"},
        {"/410", TD_OUT_GONE, 410, "HTTP 410 Gone"},
        {"/429", TD_OUT_HTTP, 429, "HTTP 429 Too Many Requests"},
        {"/206", TD_OUT_PROTOCOL, 206, "HTTP 206"},
        {"/226", TD_OUT_PROTOCOL, 226, "HTTP 226"},
        {"/204", TD_OUT_HTTP, 204, "HTTP 204"},
        {"/empty", TD_OUT_INCOMPLETE, 200, "body is empty"},
        {"/coding", TD_OUT_PROTOCOL, 200, "content coding"},
        {"/three-layers", TD_OUT_PROTOCOL, 200, "3 content codings over each other (limit 2)"},
        {"/no-brotli", TD_OUT_PROTOCOL, 200, "content coding cannot be read: this is not br"},
        {"/layers", TD_OUT_PROTOCOL, 0, "content coding"},
        {"/garbage", TD_OUT_PROTOCOL, 0, "HTTP"},
        {"/cut-length", TD_OUT_INCOMPLETE, 200, "cut short after 81 bytes"},
        {"/cut-chunk", TD_OUT_INCOMPLETE, 200, "cut short after 81 bytes"},
        {"/cut-reset", TD_OUT_INCOMPLETE, 200, "cut short"},
        {"/reset", TD_OUT_CONNECT, 0, "127.0.0.1"},
        {"/nothing", TD_OUT_CONNECT, 0, "without an answer"},
        {"/endless", TD_OUT_TOO_LARGE, 200, "max-body (1048576 bytes)"},
        {"/error-endless", TD_OUT_HTTP, 500, "HTTP 500"},
        {"/big-length", TD_OUT_TOO_LARGE, 200, "max-body"},
        {"/bomb", TD_OUT_TOO_LARGE, 200, "max-body"},
        {"/header-lines", TD_OUT_TOO_LARGE, 0, "too many lines"},
        {"/header-bytes", TD_OUT_TOO_LARGE, 0, "too many bytes"},
        {"/header-line", TD_OUT_TOO_LARGE, 0, "header"},
        {"/hints-flood", TD_OUT_TOO_LARGE, 0, "too many lines"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_result r = get(cases[i].path);
        if (r.outcome != cases[i].outcome || r.http_status != cases[i].status ||
            !harness_says(&r, cases[i].words))
            fail_msg("%s: outcome %s, status %d, \"%s\"", cases[i].path, td_outcome_name(r.outcome),
                     r.http_status, r.error);
        assert_null(r.val.etag);
        assert_false(r.fresh.given);
        assert_true(r.outcome == TD_OUT_INCOMPLETE || r.body.len == 0);
        assert_int_equal(r.retry_after_at != TD_NEVER, cases[i].status == 429);
        td_result_fini(&r);
    }
}

static void decoding(void **state)
{
    struct td_result r = get("/gzip");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "hello\n");
    td_result_fini(&r);
    r = get("/two-layers");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "hello\n");
    td_result_fini(&r);
    r = get("/gzip-twice");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "hello\nhello\n");
    td_result_fini(&r);
    r = get("/cut-gzip"); /* the lengths agree, the coding does not */
    assert_int_equal(r.outcome, TD_OUT_INCOMPLETE);
    assert_non_null(strstr(r.error, "compressed answer ends in the middle"));
    assert_null(r.val.etag);
    td_result_fini(&r);
}

/* RFC 3229: asked for with an ETag only, and then an answer like another. */
static void deltas(void **state)
{
    struct td_request req = REQUEST(url("/226"));
    req.last_modified = "Sunday";
    struct td_result r = harness_get(fetcher, &req);
    assert_null(header("A-IM"));
    assert_int_equal(r.outcome, TD_OUT_PROTOCOL);
    td_result_fini(&r);
    req.etag = "\"a\"";
    r = harness_get(fetcher, &req);
    assert_string_equal(header("A-IM"), "feed");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "part");
    td_result_fini(&r);
}

static void deadlines(void **state)
{
    static const char *const paths[] = {"/silent", "/drip", "/drip-head"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct td_request req = REQUEST(url(paths[i]));
        req.timeout_ms = 300;
        struct td_result r = harness_get(fetcher, &req);
        assert_int_equal(r.outcome, TD_OUT_TIMEOUT);
        assert_in_range(r.duration_ms, 250, 3000);
        assert_int_equal(r.body.len, 0);
        td_result_fini(&r);
    }
}

static void credentials(void **state)
{
    char text[256];
    snprintf(text, sizeof text, "http://user:pa%%20ss@127.0.0.1:%d/301", server->port);
    struct td_request req = REQUEST(text);
    struct td_result r = harness_get(fetcher, &req);
    assert_string_equal(header("Authorization"), "Basic dXNlcjpwYSBzcw==");
    assert_non_null(strstr(r.redirect_to, "user:pa%20ss@127.0.0.1")); /* same origin */
    td_result_fini(&r);
    snprintf(text, sizeof text, "http://user:secret@127.0.0.1:%d/302", server->port);
    r = harness_get(fetcher, &req);
    assert_string_equal(r.redirect_to, "http://other.invalid/x");
    td_result_fini(&r);
    snprintf(text, sizeof text, "http://user:secret@127.0.0.1:1/");
    r = harness_get(fetcher, &req);
    assert_int_equal(r.outcome, TD_OUT_CONNECT);
    assert_non_null(strstr(r.error, "Connection refused"));
    assert_null(strstr(r.error, "secret"));
    td_result_fini(&r);
}

/* ---- where it does not go ------------------------------------------------------------------- */

static void refused_addresses(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.2",           "2130706434", "0x7f000002", "0177.0.0.2", "127.2",
        "[::ffff:127.0.0.1]",  "[::1]",      "0.0.0.0",    "10.0.0.1",   "[fe80::1]",
        "user@169.254.169.254"};
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        char text[128];
        snprintf(text, sizeof text, "http://%s:%d/plain", hosts[i], server->port);
        struct td_request req = REQUEST(text);
        struct td_result r = harness_get(fetcher, &req);
        if (r.outcome != TD_OUT_REFUSED || !strstr(r.error, "allow-addresses"))
            fail_msg("%s: %s, \"%s\"", hosts[i], td_outcome_name(r.outcome), r.error);
        td_result_fini(&r);
    }
    static const char *const urls[] = {"ftp://127.0.0.1/", "file:///etc/passwd",
                                       "gopher://x/",      "127.0.0.1/",
                                       "http://",          "http://a b/"};
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        struct td_request req = REQUEST(urls[i]);
        struct td_result r = harness_get(fetcher, &req);
        if (r.outcome != TD_OUT_REFUSED)
            fail_msg("%s: %s, \"%s\"", urls[i], td_outcome_name(r.outcome), r.error);
        td_result_fini(&r);
    }
}

static void reused_connection_is_judged_again(void **state)
{
    struct td_result r = get("/plain");
    td_result_fini(&r);
    int before = httpd_connections(server);
    r = get("/plain");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_int_equal(httpd_connections(server), before); /* it was reused */
    td_result_fini(&r);
    fetcher_configure(fetcher, &(struct fetch_conf){.max_transfers = 4});
    int requests = httpd_requests(server);
    r = get("/plain");
    assert_int_equal(r.outcome, TD_OUT_REFUSED);
    assert_non_null(strstr(r.error, "127.0.0.1, a loopback address"));
    assert_int_equal(httpd_requests(server), requests);
    td_result_fini(&r);
}

/* ---- names ---------------------------------------------------------------------------------- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int n_rebinds;

static int resolve(const char *host, char *text, size_t size)
{
    if (str_eq(host, "nowhere.example"))
        return EAI_NONAME;
    if (str_eq(host, "broken.example"))
        return EAI_AGAIN;
    if (str_starts(host, "stalled")) {
        pthread_mutex_lock(&gate);
        pthread_mutex_unlock(&gate);
        return EAI_AGAIN;
    }
    if (str_eq(host, "inside.example"))
        snprintf(text, size, "10.1.2.3,127.0.0.2");
    else if (str_eq(host, "mixed.example") || str_eq(host, "mixed.example."))
        snprintf(text, size, "127.0.0.2,[::1],127.0.0.1");
    else if (str_eq(host,
                    "rebinds.example")) /* to the judge one thing, to the connection another */
        snprintf(text, size, "%s", n_rebinds++ ? "127.0.0.2" : "127.0.0.1");
    else if (str_eq(host, "xn--bcher-kva.example"))
        snprintf(text, size, "127.0.0.1");
    else
        return EAI_FAIL;
    return 0;
}

static struct td_result get_host(const char *host)
{
    char text[128];
    snprintf(text, sizeof text, "http://%s:%d/plain", host, server->port);
    struct td_request req = REQUEST(text);
    return harness_get(fetcher, &req);
}

static void names(void **state)
{
    static const struct {
        const char *host;
        enum td_outcome outcome;
        const char *words;
    } cases[] = {
        {"nowhere.example", TD_OUT_DNS, "there is no host nowhere.example"},
        {"broken.example", TD_OUT_DNS_TEMP, "broken.example"},
        {"inside.example", TD_OUT_REFUSED, "inside.example is at 127.0.0.2, a loopback address"},
        {"mixed.example", TD_OUT_OK, ""},
        {"MIXED.example", TD_OUT_OK, ""},
        {"mixed.example.", TD_OUT_OK, ""},
        {"b\xc3\xbc"
         "cher.example",
         TD_OUT_OK, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_result r = get_host(cases[i].host);
        if (r.outcome != cases[i].outcome || !harness_says(&r, cases[i].words))
            fail_msg("%s: %s, \"%s\"", cases[i].host, td_outcome_name(r.outcome), r.error);
        td_result_fini(&r);
    }
}

/* DNS rebinding: what a name was a moment ago says nothing; each connection is judged by the
 * address that it goes to. */
static void a_name_that_changes(void **state)
{
    n_rebinds = 0;
    struct td_result r = get_host("rebinds.example");
    assert_int_equal(r.outcome, TD_OUT_OK);
    td_result_fini(&r);
    fetcher_free(fetcher); /* forgets names and connections */
    fetcher = harness_fetcher(resolve);
    for (int i = 0; i < 2; i++) {
        r = get_host("rebinds.example");
        assert_int_equal(r.outcome, TD_OUT_REFUSED);
        assert_non_null(strstr(r.error, "127.0.0.2, a loopback address"));
        td_result_fini(&r);
    }
}

/* More stalled names than there are threads: other feeds go on, the stalled ones end in time, and
 * the fetcher can be freed while threads hang. */
static void stalled_resolver(void **state)
{
    enum { N = LIMIT_RESOLVERS + 4 };
    struct got g[N] = {0};
    struct td_request req[N];
    char text[N][64];
    struct fetch *waiting[N];
    pthread_mutex_lock(&gate);
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "http://stalled%d.example/", i);
        req[i] = REQUEST(text[i]);
        req[i].timeout_ms = 500;
        waiting[i] = fetch_start(fetcher, &req[i], harness_done, &g[i]);
    }
    struct td_result r = get("/plain");
    assert_int_equal(r.outcome, TD_OUT_OK);
    for (int i = 0; i < N; i++)
        assert_false(g[i].done); /* it did not wait for them */
    td_result_fini(&r);
    harness_wait(g, LIMIT_RESOLVERS);
    for (int i = 0; i < N; i++) {
        if (i < LIMIT_RESOLVERS) {
            assert_int_equal(g[i].result.outcome, TD_OUT_DNS_TEMP);
            assert_non_null(strstr(g[i].result.error, "no name server"));
            td_result_fini(&g[i].result);
        } else {
            assert_false(g[i].done); /* waiting for a thread is not counted */
        }
    }
    fetch_cancel(waiting[N - 1]);
    fetcher_free(fetcher);
    fetcher = NULL;
    pthread_mutex_unlock(&gate);
}

/* Name servers that do not answer, for more names than threads may be stuck at once, hold up no
 * other name: not when they are new, and even less when they are known for it. */
static void stalled_names_delay_no_other(void **state)
{
    enum { N = 3 * LIMIT_RESOLVERS };
    struct got g[2 * N] = {0};
    struct td_request req[2 * N];
    char text[2 * N][64];
    struct fetch *waiting[2 * N];
    pthread_mutex_lock(&gate);
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "http://stalled%d.example/", i);
        req[i] = REQUEST(text[i]);
        req[i].standing = TD_DOUBTFUL;
        waiting[i] = fetch_start(fetcher, &req[i], harness_done, &g[i]);
    }
    struct td_result r = get_host("mixed.example");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_true(r.duration_ms < LIMIT_BRISK_MS);
    td_result_fini(&r);
    for (int i = N; i < 2 * N; i++) {
        snprintf(text[i], sizeof text[i], "http://stalled%d.example/", i);
        req[i] = REQUEST(text[i]);
        waiting[i] = fetch_start(fetcher, &req[i], harness_done, &g[i]);
    }
    r = get_host("xn--bcher-kva.example");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_in_range(r.duration_ms, LIMIT_BRISK_MS - 100, 4 * LIMIT_BRISK_MS);
    td_result_fini(&r);
    for (int i = 0; i < 2 * N; i++)
        fetch_cancel(waiting[i]);
    pthread_mutex_unlock(&gate);
}

/* And the names of hosts that were never asked hold up none of hosts that answer, however many they
 * are. */
static void strange_names_delay_no_known_one(void **state)
{
    enum { N = LIMIT_RESOLVERS + LIMIT_RESOLVERS_STUCK + 20 };
    static struct got g[N];
    static struct td_request req[N];
    char text[N][64];
    struct fetch *waiting[N];
    pthread_mutex_lock(&gate);
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "http://stalled%d.example/", i);
        req[i] = REQUEST(text[i]);
        req[i].standing = TD_STRANGE;
        waiting[i] = fetch_start(fetcher, &req[i], harness_done, &g[i]);
    }
    for (int i = 0; i < 2; i++) {
        struct td_result r = get_host(i ? "mixed.example" : "xn--bcher-kva.example");
        assert_int_equal(r.outcome, TD_OUT_OK);
        assert_in_range(r.duration_ms, 0, 4 * LIMIT_BRISK_MS);
        td_result_fini(&r);
    }
    for (int i = 0; i < N; i++)
        fetch_cancel(waiting[i]);
    pthread_mutex_unlock(&gate);
}

/* ---- many, cancelled, freed ----------------------------------------------------------------- */

static void many_at_once(void **state)
{
    enum { N = 64 };
    struct got drips[N] = {0};
    struct fetch *slow[N];
    struct td_request drip = REQUEST("");
    CLEANUP_FREE char *drip_url = xstrdup(url("/drip"));
    drip.url = drip_url;
    for (int i = 0; i < N; i++)
        slow[i] = fetch_start(fetcher, &drip, harness_done, &drips[i]);

    struct got g[N] = {0};
    struct td_request req = REQUEST(url("/plain"));
    for (int i = 0; i < N; i++)
        fetch_start(fetcher, &req, harness_done, &g[i]);
    harness_wait(g, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(g[i].result.outcome, TD_OUT_OK);
        td_result_fini(&g[i].result);
        assert_false(drips[i].done);
    }
    for (int i = 0; i < N; i++)
        fetch_cancel(slow[i]);
}

/* Of many connections that are open none is spent on a server that hangs up on the request. */
static void a_dead_connection_is_tried_again_once(void **state)
{
    enum { N = 8 };
    struct got g[N] = {0};
    struct td_request req = REQUEST(url("/plain"));
    CLEANUP_FREE char *plain = xstrdup(req.url);
    req.url = plain;
    for (int i = 0; i < N; i++)
        fetch_start(fetcher, &req, harness_done, &g[i]);
    harness_wait(g, N);
    for (int i = 0; i < N; i++)
        td_result_fini(&g[i].result);
    int before = httpd_requests(server);
    struct td_result r = get("/nothing");
    assert_in_range(httpd_requests(server) - before, 1, 2);
    assert_int_equal(r.outcome, TD_OUT_CONNECT);
    assert_non_null(strstr(r.error, "without an answer"));
    td_result_fini(&r);
}

static void cancelled_at_any_moment(void **state)
{
    struct got g = {0};
    struct td_request req = REQUEST(url("/drip"));
    fetch_cancel(fetch_start(fetcher, &req, harness_done, &g));
    for (int turns = 1; turns < 12; turns++) {
        struct fetch *h = fetch_start(fetcher, &req, harness_done, &g);
        for (int i = 0; i < turns; i++)
            ev_run(ev_default_loop(0), EVRUN_ONCE);
        fetch_cancel(h);
    }
    assert_false(g.done);
    /* Finished, but not told yet. */
    struct td_request bad = REQUEST("ftp://x/");
    fetch_cancel(fetch_start(fetcher, &bad, harness_done, &g));
    ev_run(ev_default_loop(0), EVRUN_NOWAIT);
    assert_false(g.done);
}

static void free_fetcher(void *ctx, struct td_result *result)
{
    td_result_fini(result);
    fetcher_free(fetcher);
    fetcher = NULL;
    ev_break(ev_default_loop(0), EVBREAK_ONE);
}

static void freed_from_a_callback(void **state)
{
    struct got g = {0};
    struct td_request bad = REQUEST("ftp://x/"), slow = REQUEST(url("/silent"));
    fetch_start(fetcher, &slow, harness_done, &g);
    fetch_start(fetcher, &bad, free_fetcher, NULL);
    fetch_start(fetcher, &bad, harness_done, &g);
    ev_run(ev_default_loop(0), 0);
    assert_null(fetcher);
    assert_false(g.done);
}

static int setup(void **state)
{
    server = httpd_start(answer);
    fetcher = harness_fetcher(resolve);
    return 0;
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* No test leaves a socket behind; the loop's own files come with the first one. */
static int teardown(void **state)
{
    static int usual;
    fetcher_free(fetcher);
    httpd_stop(server);
    usual = usual ? usual : open_files();
    assert_int_equal(open_files(), usual);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(posts),
        TEST(posts_that_are_redirected),
        TEST(good),
        TEST(only_the_final_header_counts),
        TEST(request_line_and_header),
        TEST(conditional),
        TEST(redirects),
        TEST(failing_answers),
        TEST(decoding),
        TEST(deltas),
        TEST(deadlines),
        TEST(credentials),
        TEST(refused_addresses),
        TEST(reused_connection_is_judged_again),
        TEST(names),
        TEST(a_name_that_changes),
        TEST(stalled_resolver),
        TEST(stalled_names_delay_no_other),
        TEST(strange_names_delay_no_known_one),
        TEST(many_at_once),
        TEST(a_dead_connection_is_tried_again_once),
        TEST(cancelled_at_any_moment),
        TEST(freed_from_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
