/*
 * Streams of the API: frames, positions, consumers with a name, and followers in great number.
 */
#include "serve_harness.h"

#include <sys/ioctl.h>

#include "base/files.h"
#include "serve/request.h"

static void sse(void **state)
{
    struct world *w = *state;
    struct client c;
    fake_store_append(w->store, 10, 5);
    open_stream(w, &c, "/v1/events?after=7", "Accept: text/event-stream\r\n");
    assert_int_equal(status_of(&c), 200);
    assert_non_null(strstr(c.got.data, "Content-Type: text/event-stream"));
    UNTIL(w, count(&c, "\n\n") == 4);
    assert_non_null(
        strstr(body_of(&c), "retry: 3000\n\nid: 8\nevent: item.new\ndata: {\"seq\":8,"));
    fake_store_append(w->store, 1, 5);
    UNTIL(w, strstr(body_of(&c), "id: 11\n"));
    client_end(&c);
    /* The client comes back and says what it had. */
    fake_store_append(w->store, 3, 5);
    open_stream(w, &c, "/v1/events?after=now",
                "Accept: text/event-stream\r\nLast-Event-ID: 11\r\n");
    UNTIL(w, strstr(body_of(&c), "id: 14\n"));
    assert_int_equal(count(&c, "id: "), 3);
    client_end(&c);
    fake_store_drop(w->store, 12);
    open_stream(w, &c, "/v1/events", "Accept: text/event-stream\r\nLast-Event-ID: 3\r\n");
    assert_int_equal(status_of(&c), 410);
    client_end(&c);
    open_stream(w, &c, "/v1/events", "Last-Event-ID: 3x\r\n");
    assert_int_equal(status_of(&c), 400);
    client_end(&c);
}

static void json_lines(void **state)
{
    struct world *w = *state;
    struct client c;
    open_stream(w, &c, "/v1/events?follow=0&after=0", "");
    UNTIL(w, c.eof && strstr(c.got.data, "0\r\n\r\n")); /* an empty log has an end, too */
    client_end(&c);
    fake_store_append(w->store, 1000, 5);
    open_stream(w, &c, "/v1/events?follow=0&after=0", "");
    UNTIL(w, count(&c, "\n") == 1000 && strstr(c.got.data, "\r\n0\r\n\r\n"));
    json_t *j = json_loads(body_of(&c), JSON_DISABLE_EOF_CHECK, NULL);
    assert_int_equal(json_integer_value(json_object_get(j, "seq")), 1);
    assert_string_equal(json_string_value(json_object_get(j, "event")), "item.new");
    assert_string_equal(json_string_value(json_object_get(j, "at")), "1970-01-01T00:00:01Z");
    assert_non_null(json_object_get(json_object_get(j, "item"), "_tidings"));
    json_decref(j);
    client_end(&c);
    open_stream(w, &c, "/v1/events?after=5&limit=3", "");
    UNTIL(w, strstr(c.got.data, "\r\n0\r\n\r\n"));
    assert_int_equal(count(&c, "\n"), 3);
    client_end(&c);
    open_stream(w, &c, "/v1/events", ""); /* the header comes before the first event */
    fake_store_append(w->store, 1, 5);
    UNTIL(w, count(&c, "\n") == 1);
    client_end(&c);
}

/* Reads HOW much at a time, the server in between, until N bytes came or the end. */
static void sip(struct world *w, struct client *c, size_t how, size_t n)
{
    char p[8192];
    while (c->got.len < n) {
        ssize_t got = read(c->fd, p, MIN(how, sizeof p));
        if (got == 0)
            return;
        if (got > 0)
            buf_add(&c->got, p, (size_t)got);
        else
            assert_int_equal(errno, EAGAIN);
        ev_run(w->loop, got > 0 ? EVRUN_NOWAIT : EVRUN_ONCE);
    }
}

/* Every chunk is as long as it says, and the last one is the end: the body. */
static void unchunk(const struct client *c, struct buf *out)
{
    const char *p = strstr(c->got.data, "\r\n\r\n") + 4, *end = c->got.data + c->got.len;
    for (size_t n = 1; n > 0;) {
        char *data;
        assert_true(p < end);
        n = strtoul(p, &data, 16);
        assert_memory_equal(data, "\r\n", 2);
        data += 2;
        assert_true(data + n + 2 <= end);
        buf_add(out, data, n);
        assert_memory_equal(data + n, "\r\n", 2);
        p = data + n + 2;
    }
    assert_ptr_equal(p, end);
}

/* However little the socket takes at once, frames come whole, and the same with chunks and without.
 */
static void frames_in_sips(void **state)
{
    static const char head[] = "GET /v1/events?after=0&follow=0 HTTP/1.%d\r\nHost: x\r\n%s\r\n";
    struct world *w = *state;
    CLEANUP_BUF struct buf body = BUF_INIT(64u << 20), first = BUF_INIT(64u << 20);
    for (int i = 0; i < 150; i++)
        fake_store_append(w->store, 1, i % 50 == 7 ? 60000 : (size_t)(i * i) % 3000);
    static const size_t sips[] = {1000, 8192, 333, 8192};
    for (int i = 0; i < 4; i++) {
        struct client c;
        char request[200];
        int n = snprintf(request, sizeof request, head, i < 3,
                         i == 1 ? "Accept: text/event-stream\r\n" : "");
        client_begin(w, &c, request, (size_t)n);
        ev_io_stop(w->loop, &c.in);
        int small = 4096;
        setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        UNTIL(w, c.request.len == 0);
        sip(w, &c, sips[i], SIZE_MAX);
        buf_clear(&body);
        if (i < 3)
            unchunk(&c, &body);
        else
            buf_adds(&body, strstr(buf_str(&c.got), "\r\n\r\n") + 4);
        assert_int_equal(strcasestr(c.got.data, "chunked") != NULL, i < 3);
        if (i == 0)
            buf_add(&first, body.data, body.len);
        if (i == 1)
            assert_non_null(strstr(buf_str(&body), "id: 150\n"));
        else
            assert_true(body.len == first.len && memcmp(body.data, first.data, body.len) == 0);
        client_end(&c);
    }
}

/* The daemon stops while a client is in the middle of a frame. */
static void stopped_in_a_frame(void **state)
{
    struct world *w = *state;
    struct client c;
    int waiting = 0;
    fake_store_append(w->store, 1, 1 << 20); /* more than a socket holds */
    open_stream(w, &c, "/v1/events?after=0", "");
    ev_io_stop(w->loop, &c.in);
    while (c.got.len < 10000 && waiting < 10000) {
        ev_run(w->loop, EVRUN_NOWAIT);
        ioctl(c.fd, FIONREAD, &waiting);
    }
    serve_free(TAKE(w->serve));
    sip(w, &c, 8192, SIZE_MAX);
    assert_null(strstr(buf_str(&c.got), "\r\n0\r\n\r\n")); /* this was not the end */
    client_end(&c);
}

/* Kinds between commas, also none: what is there is compared, and nothing in front of it. */
static void kinds(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *kinds;
        size_t events;
    } rows[] = {{",item.*", 3}, {",", 0}, {"feed.*,,item.new", 3}, {"*", 3}, {"feed.gone,", 0}};
    fake_store_append(w->store, 3, 5);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct client c;
        char target[100];
        snprintf(target, sizeof target, "/v1/events?follow=0&after=0&kinds=%s", rows[i].kinds);
        open_stream(w, &c, target, "");
        UNTIL(w, c.eof);
        assert_int_equal(status_of(&c), 200);
        assert_int_equal((size_t)count(&c, "\n"), rows[i].events);
        client_end(&c);
    }
}

static void named_cursor(void **state)
{
    struct world *w = *state;
    struct client c;
    int status;
    fake_store_append(w->store, 10, 5);
    open_stream(w, &c, "/v1/events?as=me&after=4&follow=0", "");
    UNTIL(w, count(&c, "\n") == 6);
    client_end(&c);
    /* Nothing was acknowledged: all comes again, whatever `after` says. */
    open_stream(w, &c, "/v1/events?as=me&after=9&follow=0", "");
    UNTIL(w, count(&c, "\n") == 6);
    client_end(&c);
    assert_int_equal(get_status(w, "POST", "/v1/cursors/me", "{\"seq\":8}"), 200);
    open_stream(w, &c, "/v1/events?as=me&follow=0", "");
    UNTIL(w, count(&c, "\n") == 2);
    client_end(&c);
    json_t *j = call(w, "GET", "/v1/cursors", "", NULL, &status);
    json_t *one = json_array_get(json_object_get(j, "cursors"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "name")), "me");
    assert_int_equal(json_integer_value(json_object_get(one, "seq")), 8);
    json_decref(j);
    open_stream(w, &c, "/metrics", "Connection: close\r\n");
    UNTIL(w, c.eof);
    assert_non_null(strstr(body_of(&c), "tidings_subscription_lag_events{sub=\"me\"} 2\n"));
    assert_non_null(strstr(body_of(&c), "tidings_subscription_oldest_unacked_seconds{sub=\"me\"}"));
    assert_non_null(strstr(body_of(&c), "tidings_build_info{version=\"1\"} 1\n"));
    assert_non_null(strstr(body_of(&c), "tidings_db_size_bytes 16384\n"));
    client_end(&c);
    assert_int_equal(get_status(w, "DELETE", "/v1/cursors/me", NULL), 200);
    assert_int_equal(get_status(w, "DELETE", "/v1/cursors/me", NULL), 404);
}

/* One name is one consumer: who comes later goes on, the other is told. */
static void one_consumer_a_name(void **state)
{
    struct world *w = *state;
    struct client a, b, sse, other, look;
    fake_store_append(w->store, 3, 5);
    open_stream(w, &other, "/v1/events?as=other&after=0", "");
    open_stream(w, &a, "/v1/events?as=me&after=0", "");
    UNTIL(w, count(&a, "\n") == 3 && count(&other, "\n") == 3);
    open_stream(w, &look, "/v1/events?as=me&follow=0", ""); /* this is no consumer */
    UNTIL(w, look.eof);
    client_end(&look);
    open_stream(w, &sse, "/v1/events?as=me", "Accept: text/event-stream\r\n");
    UNTIL(w, a.eof && count(&sse, "\n\n") == 4);
    assert_non_null(strstr(body_of(&a),
                           "{\"error\":{\"status\":409,\"reason\":\"another client follows as me"));
    open_stream(w, &b, "/v1/events?as=me", "");
    UNTIL(w, sse.eof && count(&b, "\n") == 3);
    assert_non_null(strstr(body_of(&sse), "event: error\ndata: {\"error\":{\"status\":409"));
    fake_store_append(w->store, 1, 5);
    UNTIL(w, count(&b, "\n") == 4 && count(&other, "\n") == 4);
    client_end(&a);
    client_end(&b);
    client_end(&sse);
    client_end(&other);
}

static int64_t followers(struct world *w)
{
    int status;
    json_t *j = call(w, "GET", "/v1/status", "", NULL, &status);
    int64_t n = json_integer_value(json_object_get(json_object_get(j, "api"), "followers"));
    json_decref(j);
    return n;
}

/* HEAD says what GET would, and that is all (RFC 9110 9.3.2): no consumer, no position. */
static void head_only(void **state)
{
    static const struct {
        const char *target, *headers, *type;
        int status;
    } rows[] = {{"/v1/events", "", "application/jsonl", 200},
                {"/v1/events?as=new", "", "application/jsonl", 200},
                {"/v1/events?as=new&follow=0", "", "application/jsonl", 200},
                {"/v1/events?as=me", "Accept: text/event-stream\r\n", "text/event-stream", 200},
                {"/v1/events?after=9", "", "application/json", 410},
                {"/v1/events?as=a%2Fb", "", "application/json", 400}};
    struct world *w = *state;
    struct client me;
    int status;
    fake_store_append(w->store, 3, 5);
    open_stream(w, &me, "/v1/events?as=me&after=0", "");
    UNTIL(w, count(&me, "\n") == 3);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1000);
        CLEANUP_FREE char *type = xasprintf("Content-Type: %s\r\n", rows[i].type);
        struct client c;
        buf_addf(&b, "HEAD %s HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n", rows[i].target,
                 rows[i].headers);
        client_begin(w, &c, b.data, b.len);
        UNTIL(w, c.eof);
        assert_int_equal(status_of(&c), rows[i].status);
        assert_non_null(strstr(buf_str(&c.got), type));
        assert_true(str_ends(c.got.data, "\r\n\r\n"));
        if (rows[i].status == 200) { /* it would have no end */
            assert_null(strcasestr(c.got.data, "Content-Length"));
            assert_non_null(strcasestr(c.got.data, "Transfer-Encoding: chunked\r\n"));
        }
        client_end(&c);
    }
    json_t *j = call(w, "GET", "/v1/cursors", "", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(j, "cursors")), 1);
    json_decref(j);
    assert_int_equal(followers(w), 1);
    fake_store_append(w->store, 1, 5); /* the consumer that there was is still the one */
    UNTIL(w, me.eof || count(&me, "\n") == 4);
    assert_null(strstr(body_of(&me), "error"));
    client_end(&me);
}

/* An event's id tells which store it is of; its seq alone does not. */
static void a_position_of_another_store(void **state)
{
    struct world *w = *state;
    struct client c;
    char own[80];
    int status;
    fake_store_append(w->store, 10, 5);
    snprintf(own, sizeof own, "/v1/events?follow=0&after=%s-7", store_instance(w->store));
    open_stream(w, &c, own, "");
    UNTIL(w, count(&c, "\n") == 3);
    client_end(&c);
    snprintf(own, sizeof own, "Last-Event-ID: %s-8\r\n", store_instance(w->store));
    open_stream(w, &c, "/v1/events?follow=0", own);
    UNTIL(w, count(&c, "\n") == 2);
    client_end(&c);
    json_decref(call(w, "GET", "/v1/events?follow=0&after=ffffffffffffffff-7", "", NULL, &status));
    assert_int_equal(status, 410);
    json_decref(call(w, "GET", "/v1/events?follow=0", "Last-Event-ID: abc-8\r\n", NULL, &status));
    assert_int_equal(status, 410);
    json_decref(call(w, "GET", "/v1/events?after=abc-x", "", NULL, &status));
    assert_int_equal(status, 400);
}

/* One follower does not read, one vanishes in the middle: the third gets everything. */
static void bad_company(void **state)
{
    enum { EVENTS = 200, BYTES = 50000 };
    struct world *w = *state;
    struct client slow, gone, good;
    open_stream(w, &slow, "/v1/events?after=0", "");
    open_stream(w, &gone, "/v1/events?after=0", "");
    open_stream(w, &good, "/v1/events?after=0", "");
    ev_io_stop(w->loop, &slow.in);
    for (int i = 0; i < EVENTS; i++) {
        fake_store_append(w->store, 1, BYTES);
        if (i == 20) {
            UNTIL(w, gone.got.len > 5 * BYTES);
            client_end(&gone);
        }
    }
    UNTIL(w, good.got.len > EVENTS * BYTES && count(&good, "\n") == EVENTS);
    assert_true(slow.got.len < BYTES);
    ev_io_start(w->loop, &slow.in);
    UNTIL(w, slow.got.len > EVENTS * BYTES && count(&slow, "\n") == EVENTS);
    client_end(&slow);
    client_end(&good);
    UNTIL(w, followers(w) == 0); /* the idle one was found to be gone, too */
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* From the commit to the client, and what a thousand cost. */
static void latency(struct world *w, int n)
{
    struct client *c = xcalloc((size_t)n, sizeof *c);
    int64_t *us = xcalloc((size_t)n, sizeof *us);
    enum { ROUNDS = 5 };
    int64_t best_median = INT64_MAX, best_max = INT64_MAX;
    for (int i = 0; i < n; i++)
        open_stream(w, &c[i], "/v1/events", "Accept: text/event-stream\r\n");
    for (int k = 0; k < ROUNDS; k++) {
        for (int i = 0; i < n; i++)
            buf_clear(&c[i].got);
        int64_t start = now_us();
        fake_store_append(w->store, 1, 1000);
        for (int i = 0; i < n; i++)
            UNTIL(w, c[i].got.len > 1000);
        for (int i = 0; i < n; i++) {
            us[i] = c[i].at - start;
            assert_non_null(strstr(c[i].got.data, "event: item.new"));
        }
        qsort(us, (size_t)n, sizeof *us, compare);
        best_median = MIN(best_median, us[n / 2]);
        best_max = MIN(best_max, us[n - 1]);
    }
    print_message("           %d followers: commit to client, median %lld us, last %lld us\n", n,
                  (long long)best_median, (long long)best_max);
    for (int i = 0; i < n; i++)
        client_end(&c[i]);
    free(c);
    free(us);
}

static void thousand_followers(void **state)
{
    struct world *w = *state;
    latency(w, 1);
    /* Where files are few: as many as there are places, the first may still be in its. */
    latency(w, MIN(1000, serve_share(w->serve, LIMIT_FOLLOWERS) - 1));
}

/* Above the limits: followers are refused with words, and questions still have room. */
static void too_many_followers(void **state)
{
    struct world *w = *state;
    int most = serve_share(w->serve, LIMIT_FOLLOWERS); /* all of them where files are many */
    struct client *c = xcalloc((size_t)most, sizeof *c), last;
    for (int i = 0; i < most; i++)
        open_stream(w, &c[i], "/v1/events", "");
    open_stream(w, &last, "/v1/events", "");
    assert_int_equal(status_of(&last), 503);
    client_end(&last);
    assert_int_equal(get_status(w, "GET", "/v1/status", NULL), 200);
    for (int i = 0; i < most; i++)
        client_end(&c[i]);
    free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    files_raise(); /* as the daemon does: a shell gives 1,024 */
    const struct CMUnitTest tests[] = {
        T(sse),
        T(json_lines),
        T(frames_in_sips),
        T(stopped_in_a_frame),
        T(kinds),
        T(named_cursor),
        T(one_consumer_a_name),
        T(head_only),
        T(a_position_of_another_store),
        T(bad_company),
        T(thousand_followers),
        T(too_many_followers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
