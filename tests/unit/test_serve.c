/*
 * The API over a unix socket: answers, and clients that behave badly (streams:
 * test_serve_events.c).
 */
#include "serve_harness.h"

/* ---- tests ---------------------------------------------------------------------------------- */

static void reads(void **state)
{
    struct world *w = *state;
    int status;
    fake_store_append(w->store, 120, 10);
    json_t *j = call(w, "GET", "/v1/status", "", NULL, &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_integer_value(json_object_get(j, "pid")), 7);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "counts"), "last_seq")),
                     120);
    json_decref(j);

    j = call(w, "GET", "/v1/feeds", "", NULL, &status);
    json_t *feeds = json_object_get(j, "feeds");
    assert_int_equal(json_array_size(feeds), 2);
    json_t *a = json_array_get(feeds, 0), *b = json_array_get(feeds, 1);
    assert_string_equal(json_string_value(json_object_get(a, "name")), "alpha");
    assert_string_equal(json_string_value(json_object_get(a, "phase")), "waiting");
    assert_int_equal(json_array_size(json_object_get(a, "tags")), 2);
    assert_string_equal(json_string_value(json_object_get(b, "outcome")), "http");
    assert_null(json_object_get(b, "phase"));
    json_decref(j);
    j = call(w, "GET", "/v1/feeds?problems=1", "", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(j, "feeds")), 1);
    json_decref(j);
    j = call(w, "GET", "/v1/feeds?tag=tech&limit=1", "", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(j, "feeds")), 1);
    json_decref(j);
    j = call(w, "GET", "/v1/feeds?limit=1", "", NULL, &status);
    assert_string_equal(json_string_value(json_object_get(j, "next")), "alpha");
    json_decref(j);
    j = call(w, "GET", "/v1/feeds?limit=1&after=alpha", "", NULL, &status);
    assert_null(json_object_get(j, "next"));
    assert_int_equal(json_array_size(json_object_get(j, "feeds")), 1);
    json_decref(j);
    static const char *const names[] = {"beta", "2", "http:%2F%2Fb.example%2Ffeed"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char target[100];
        snprintf(target, sizeof target, "/v1/feeds/%s", names[i]);
        j = call(w, "GET", target, "", NULL, &status);
        assert_int_equal(status, 200);
        assert_int_equal(json_integer_value(json_object_get(j, "feed_id")), 2);
        json_t *h = json_array_get(json_object_get(j, "history"), 0);
        assert_int_equal(json_integer_value(json_object_get(h, "http_status")), 404);
        json_decref(j);
    }
    j = call(w, "GET", "/v1/feeds/alpha", "", NULL, &status);
    assert_string_equal(json_string_value(json_object_get(j, "access")), "basic");
    assert_string_equal(json_string_value(json_object_get(j, "https")), "asked over https");
    assert_string_equal(json_string_value(json_object_get(j, "pacing")),
                        "[site \"x\"]: one a minute");
    json_decref(j);
    assert_int_equal(get_status(w, "HEAD", "/v1/feeds", NULL), 200);
    assert_int_equal(get_status(w, "GET", "/healthz", NULL), 200);
    assert_int_equal(get_status(w, "GET", "/readyz", NULL), 200);
    w->not_ready = true;
    assert_int_equal(get_status(w, "GET", "/readyz", NULL), 503);
    assert_int_equal(get_status(w, "GET", "/healthz", NULL), 200);
    j = call(w, "GET", "/", "", NULL, &status);
    assert_true(json_array_size(json_object_get(j, "routes")) > 10);
    json_decref(j);
}

static void items(void **state)
{
    struct world *w = *state;
    int status, seen = 0, pages = 0;
    char target[200] = "/v1/items?feed=a%20b&limit=50";
    fake_store_append(w->store, 120, 10);
    while (*target) {
        json_t *j = call(w, "GET", target, "", NULL, &status), *item;
        size_t i;
        assert_int_equal(status, 200);
        assert_string_equal(json_string_value(json_object_get(j, "version")),
                            "https://jsonfeed.org/version/1.1");
        json_array_foreach (json_object_get(j, "items"), i, item)
            assert_int_equal(
                json_integer_value(json_object_get(json_object_get(item, "_tidings"), "item_id")),
                120 - seen++);
        const char *next = json_string_value(json_object_get(j, "next_url"));
        snprintf(target, sizeof target, "%s", next ? next : "");
        if (next)
            assert_non_null(strstr(next, "/v1/items?feed=a%20b&limit=50&before="));
        json_decref(j);
        pages++;
    }
    assert_int_equal(seen, 120);
    assert_int_equal(pages, 3);

    struct client c;
    open_stream(w, &c, "/v1/items?limit=7", "Accept: application/jsonl\r\nConnection: close\r\n");
    UNTIL(w, c.eof);
    assert_int_equal(count(&c, "\n"), 7);
    assert_non_null(strstr(c.got.data, "Content-Type: application/jsonl"));
    assert_non_null(strstr(c.got.data, "rel=\"next\""));
    client_end(&c);

    json_t *j = call(w, "GET", "/v1/items/7", "", NULL, &status);
    assert_string_equal(json_string_value(json_object_get(j, "title")), "Item 7");
    json_decref(j);
    j = call(w, "GET", "/v1/items/7?revisions=1", "", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(j, "revisions")), 2);
    json_decref(j);
}

/* A page of huge items ends early and goes on where it ended. */
static void huge_items(void **state)
{
    struct world *w = *state;
    int status, seen = 0;
    char target[200] = "/v1/items?limit=20";
    fake_store_append(w->store, 12, 3u << 20);
    while (*target) {
        json_t *j = call(w, "GET", target, "", NULL, &status);
        assert_int_equal(status, 200);
        seen += (int)json_array_size(json_object_get(j, "items"));
        const char *next = json_string_value(json_object_get(j, "next_url"));
        snprintf(target, sizeof target, "%s", next ? next : "");
        json_decref(j);
    }
    assert_int_equal(seen, 12);
}

/* Clients that ask for much and fetch nothing hold a bounded amount; then others are put off. */
static void hoarders(void **state)
{
    enum { N = 6 };
    struct world *w = *state;
    struct client c[N];
    int refused = 0;
    fake_store_append(w->store, 12, 3u << 20);
    static const char get[] = "GET /v1/items HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < N; i++) {
        client_begin(w, &c[i], get, sizeof get - 1);
        UNTIL(w, c[i].got.len > 0);
        ev_io_stop(w->loop, &c[i].in);
        refused += status_of(&c[i]) == 503;
    }
    assert_in_range(refused, 1, N - 3);
    assert_int_equal(get_status(w, "GET", "/v1/status", NULL), 503);
    for (int i = 0; i < N; i++)
        client_end(&c[i]);
    int status = 503;
    while (status == 503)
        status = get_status(w, "GET", "/v1/status", NULL);
    assert_int_equal(status, 200);
}

static void errors(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *method, *target, *body;
        int status;
        const char *reason; /* part of it */
    } cases[] = {
        {"GET", "/nothing", NULL, 404, "GET / lists"},
        {"GET", "/v1/items/77", NULL, 404, "no item 77"},
        {"GET", "/v1/items/x", NULL, 400, "whole number"},
        {"GET", "/v1/feeds/nobody", NULL, 404, "nobody"},
        {"PUT", "/v1/feeds", "{}", 405, "GET, HEAD, POST"},
        {"GET", "/v1/items?lmit=3", NULL, 400, "allowed are feed tag since"},
        {"GET", "/v1/items?limit=0", NULL, 400, "from 1 to 1000"},
        {"GET", "/v1/items?since=soon", NULL, 400, "since=soon"},
        {"GET", "/v1/items?since=90", NULL, 400, "since=90"},
        {"GET", "/v1/items?q=a+%22", NULL, 400, "q: a phrase is not closed (character 3)"},
        {"GET", "/v1/items?format=xml", NULL, 400, "jsonl"},
        {"GET", "/v1/items?q=%ff", NULL, 400, "UTF-8"},
        {"GET", "/v1/status?x=1", NULL, 400, "none is allowed"},
        {"GET", "/v1/events?after=-1", NULL, 400, "neither seq nor id"},
        {"GET", "/v1/events?after=9", NULL, 410, "after=now"},
        {"GET", "/v1/events?format=atom", NULL, 400, "sse or jsonl"},
        {"GET", "/v1/events?as=a%2Fb", NULL, 400, "cursor"},
        {"POST", "/v1/feeds", "{", 400, "not JSON"},
        {"POST", "/v1/feeds", "[]", 400, "object"},
        {"POST", "/v1/feeds", "{}", 400, "needs a \"url\""},
        {"POST", "/v1/feeds", "{\"url\":7}", 400, "must be a string"},
        {"POST", "/v1/feeds", "{\"url\":\"http://x/\",\"title\":7}", 400, "must be a string"},
        {"POST", "/v1/feeds", "{\"url\":\"http://x/\",\"tag\":\"y\"}", 400, "unknown member"},
        {"POST", "/v1/feeds", "{\"url\":\"http://x/\",\"tags\":[3]}", 400, "tags must be"},
        {"POST", "/v1/feeds", "{\"url\":\"http://x/dup\"}", 409, "already"},
        {"POST", "/v1/feeds", "{\"feeds\":{}}", 400, "array"},
        {"DELETE", "/v1/feeds/alpha", NULL, 403, "feeds.conf"},
        {"DELETE", "/v1/feeds/nobody", NULL, 404, "nobody"},
        {"POST", "/v1/refresh", "{\"feed\":\"nobody\"}", 404, "nobody"},
        {"POST", "/v1/refresh", "{\"feed\":1}", 400, "must be a string"},
        {"POST", "/v1/reload", "", 400, "1 problem"},
        {"POST", "/v1/reload", "{\"x\":1}", 400, "unknown member"},
        {"POST", "/v1/cursors/me", "{\"seq\":5}", 400, "end of the log, 0"},
        {"POST", "/v1/cursors/me", "{}", 400, "seq"},
        {"DELETE", "/v1/cursors/me", NULL, 404, "no consumer me"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int status;
        json_t *j = call(w, cases[i].method, cases[i].target, "", cases[i].body, &status);
        const json_t *e = json_object_get(j, "error");
        const char *reason = json_string_value(json_object_get(e, "reason"));
        assert_non_null(reason);
        if (!strstr(reason, cases[i].reason))
            fail_msg("%s %s: %s", cases[i].method, cases[i].target, reason);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(json_integer_value(json_object_get(e, "status")), status);
        json_decref(j);
    }
    int status;
    json_t *at = call(w, "GET", "/v1/items?q=a+%22", "", NULL, &status),
           *e = json_object_get(at, "error");
    assert_int_equal(json_integer_value(json_object_get(e, "position")), 3);
    assert_int_equal(json_integer_value(json_object_get(e, "length")), 1);
    assert_string_equal(json_string_value(json_object_get(e, "caret")), "a \"\n  ^\n");
    json_decref(at);
    fake_store_break(w->store, 1);
    assert_int_equal(get_status(w, "GET", "/v1/status", NULL), 500);
    json_t *j = call(w, "POST", "/v1/reload", "", "", &status);
    assert_int_equal(json_array_size(json_object_get(json_object_get(j, "error"), "problems")), 1);
    json_decref(j);
}

static void changes(void **state)
{
    struct world *w = *state;
    int status;
    json_t *j = call(w, "POST", "/v1/feeds", "",
                     "{\"url\":\"http://x/\",\"name\":\"n\",\"tags\":[\"a\",\"b\"]}", &status);
    assert_int_equal(status, 201);
    assert_string_equal(json_string_value(json_object_get(j, "name")), "n");
    assert_string_equal(json_string_value(json_object_get(j, "got_tags")), "several");
    json_decref(j);
    assert_int_equal(get_status(w, "DELETE", "/v1/feeds/beta", NULL), 200);
    j = call(w, "POST", "/v1/refresh", "", "{\"feed\":\"beta\"}", &status);
    assert_int_equal(json_integer_value(json_object_get(j, "feeds")), 1);
    json_decref(j);
    j = call(w, "POST", "/v1/refresh", "", NULL, &status);
    assert_int_equal(json_integer_value(json_object_get(j, "feeds")), 2);
    json_decref(j);
    assert_int_equal(get_status(w, "POST", "/v1/vacuum", NULL), 200);

    CLEANUP_BUF struct buf many = BUF_INIT(1 << 20);
    buf_adds(&many, "{\"feeds\":[{\"url\":\"http://x/dup\"},{\"name\":\"no url\"},7");
    for (int i = 0; i < 500; i++)
        buf_addf(&many, ",{\"url\":\"http://x/%d\"}", i);
    buf_adds(&many, "]}");
    j = call(w, "POST", "/v1/feeds", "", many.data, &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_integer_value(json_object_get(j, "added")), 500);
    assert_int_equal(json_integer_value(json_object_get(j, "failed")), 3);
    json_t *results = json_object_get(j, "results");
    assert_int_equal(json_array_size(results), 503);
    json_t *e = json_object_get(json_array_get(results, 0), "error");
    assert_int_equal(json_integer_value(json_object_get(e, "status")), 409);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(results, 10), "asked_url")), "http://x/7");
    json_decref(j);
}

static void bodies_too_large(void **state)
{
    struct world *w = *state;
    struct client c;
    static const char head[] =
        "POST /v1/feeds HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\n\r\n";
    client_begin(w, &c, head, sizeof head - 1);
    UNTIL(w, c.eof);
    assert_int_equal(status_of(&c), 413);
    client_end(&c);

    CLEANUP_BUF struct buf b = BUF_INIT(32u << 20);
    char chunk[65536 + 1];
    memset(chunk, ' ', 65536);
    chunk[65536] = 0;
    buf_adds(&b, "POST /v1/feeds HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "10000\r\n%s\r\n", chunk);
    buf_adds(&b, "0\r\n\r\n");
    client_begin(w, &c, b.data, b.len);
    UNTIL(w, c.eof || strstr(buf_str(&c.got), "\r\n\r\n"));
    assert_int_equal(status_of(&c), 413);
    client_end(&c);
    assert_int_equal(get_status(w, "GET", "/healthz", NULL), 200);
}

static void garbage(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n",
        "GET /v1/events HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/feeds HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /\xff\xfe?\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct client c;
        client_begin(w, &c, bad[i], strlen(bad[i]));
        UNTIL(w, c.request.len == 0);
        shutdown(c.fd, SHUT_WR);
        UNTIL(w, c.eof);
        if (c.got.len)
            assert_true(status_of(&c) >= 400);
        client_end(&c);
    }
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    buf_adds(&b, "GET /");
    for (int i = 0; i < 100000; i++)
        buf_addc(&b, 'a');
    buf_adds(&b, " HTTP/1.1\r\nHost: x\r\n\r\n");
    struct client c;
    client_begin(w, &c, b.data, b.len);
    UNTIL(w, c.eof);
    assert_true(status_of(&c) >= 400);
    client_end(&c);
    assert_int_equal(get_status(w, "GET", "/healthz", NULL), 200);
}

/* Many questions over one connection, one after the other. */
static void keep_alive(void **state)
{
    struct world *w = *state;
    struct client c;
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 50; i++)
        buf_addf(&b, "GET /v1/status HTTP/1.1\r\nHost: x\r\n%s\r\n",
                 i == 49 ? "Connection: close\r\n" : "");
    client_begin(w, &c, b.data, b.len);
    UNTIL(w, c.eof);
    int n = 0;
    for (const char *p = c.got.data; (p = strstr(p, "HTTP/1.1 200")); p++)
        n++;
    assert_int_equal(n, 50);
    client_end(&c);
}

/* Everything is under way when the daemon stops: teardown frees the server. */
static void stopped_in_the_middle(void **state)
{
    struct world *w = *state;
    struct client sse_c, query, add, half;
    fake_store_append(w->store, 10, 5);
    open_stream(w, &sse_c, "/v1/events", "Accept: text/event-stream\r\n");
    static const char later[] = "POST /v1/feeds HTTP/1.1\r\nHost: x\r\nContent-Length: 23\r\n\r\n"
                                "{\"url\":\"http://later/\"}";
    client_begin(w, &add, later, sizeof later - 1);
    UNTIL(w, w->later);
    client_begin(w, &half, "GET /v1", 7);
    fake_store_hold(w->store, 1);
    static const char get[] = "GET /v1/items HTTP/1.1\r\nHost: x\r\n\r\n";
    client_begin(w, &query, get, sizeof get - 1);
    UNTIL(w, query.request.len == 0);
    for (int i = 0; i < 5; i++)
        ev_run(w->loop, EVRUN_NOWAIT);
    fake_store_hold(w->store, 0);
    serve_free(TAKE(w->serve));
    w->later(w->later_ctx, 0, NULL, "{}"); /* too late: for nobody */
    UNTIL(w, sse_c.eof && query.eof && add.eof && half.eof);
    assert_int_equal(status_of(&add), 503);
    assert_true(status_of(&query) == 503 || status_of(&query) == 200);
    client_end(&sse_c);
    client_end(&query);
    client_end(&add);
    client_end(&half);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reads),
        T(items),
        T(huge_items),
        T(hoarders),
        T(errors),
        T(changes),
        T(bodies_too_large),
        T(garbage),
        T(keep_alive),
        T(stopped_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
