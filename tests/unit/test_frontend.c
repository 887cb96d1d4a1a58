/*
 * Several listening sockets on one server: what each offers, to whom, and how many places it has.
 */
#include "serve_harness.h"

#include <sys/resource.h>

#include "base/files.h"
#include "serve/request.h"

static int say_hello(struct request *q)
{
    buf_adds(&q->out, "hello\n");
    return 0;
}

static int knock(struct request *q)
{
    if (MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, "Knock"))
        return 0;
    request_fail(q, 403, "knock first");
    return -EACCES;
}

static const struct route hello[] = {{"GET", "/hello", NULL, say_hello, NULL, NULL, "hello"}};
static const struct frontend with_knock = {
    .name = "other", .routes = hello, .n_routes = 1, .max_connections = 2, .admit = knock};

/* W's clients come in at a second socket from now on. */
static void second_socket(struct world *w, const struct frontend *f)
{
    struct listener l;
    struct td_err err;
    snprintf(w->socket, sizeof w->socket, "%s/run/other", w->dir);
    assert_int_equal(listener_unix(&l, w->socket, &err), 0);
    serve_listen(w->serve, &l, f);
}

static int status(struct world *w, const char *target, const char *headers)
{
    int s;
    json_decref(call(w, "GET", target, headers, NULL, &s));
    return s;
}

static void routes_of_its_own(void **state)
{
    struct world *w = *state;
    assert_int_equal(status(w, "/hello", ""), 404);
    assert_int_equal(status(w, "/v1/status", ""), 200);
    second_socket(w, &with_knock);
    assert_int_equal(status(w, "/hello", ""), 403);
    assert_int_equal(status(w, "/v1/status", ""), 403); /* not even that it is not there */
    assert_int_equal(status(w, "/hello", "Knock: yes\r\n"), 200);
    assert_int_equal(status(w, "/v1/status", "Knock: yes\r\n"), 404);
}

static int few_files_setup(void **state)
{
    struct rlimit old, few;
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){256, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    setup(state);
    return setrlimit(RLIMIT_NOFILE, &old);
}

/* A third of 256 files, and of that two parts in LIMIT_CONNECTIONS: still one. */
static void one_place_where_files_are_few(void **state)
{
    struct world *w = *state;
    second_socket(w, &with_knock);
    assert_int_equal(status(w, "/hello", "Knock: yes\r\n"), 200);
}

/* Whoever fills the second socket waits there and takes no place from the first. */
static void places_of_its_own(void **state)
{
    struct world *w = *state;
    char api[sizeof w->socket];
    struct client c[4];
    const char *half = "GET /hello HTTP/1.1\r\nKnock: yes\r\n";
    const char *whole = "GET /hello HTTP/1.1\r\nHost: x\r\nKnock: yes\r\nConnection: close\r\n\r\n";
    if (serve_share(w->serve, with_knock.max_connections) < 2)
        skip(); /* the hard limit of files is that low */
    strcpy(api, w->socket);
    second_socket(w, &with_knock);
    client_begin(w, &c[0], half, strlen(half));
    client_begin(w, &c[1], half, strlen(half));
    UNTIL(w, c[0].request.len == 0 && c[1].request.len == 0);
    client_begin(w, &c[2], whole, strlen(whole));
    client_begin(w, &c[3], whole, strlen(whole));
    char second[sizeof w->socket];
    strcpy(second, w->socket);
    strcpy(w->socket, api);
    for (int i = 0; i < 5; i++)
        assert_int_equal(status(w, "/healthz", ""), 200);
    assert_int_equal(c[2].got.len + c[3].got.len, 0);
    client_end(&c[0]);
    UNTIL(w, c[2].eof && c[3].eof);
    assert_int_equal(status_of(&c[2]), 200);
    assert_int_equal(status_of(&c[3]), 200);
    for (int i = 1; i < 4; i++)
        client_end(&c[i]);
}

/* Over TCP: who has no token learns nothing, who may read changes nothing. The checks are the same
 * whatever socket it is, so that the harness's can be used. */
static void with_tokens(void **state)
{
    struct world *w = *state;
    struct td_token t[2] = {{.name = (char *)"r"}, {.name = (char *)"w", .write = true}};
    crypto_sha256("reader-secret", 13, t[0].sha256);
    crypto_sha256("writer-secret", 13, t[1].sha256);
    second_socket(w, &frontend_http);
    const char *reader = "Authorization: Bearer reader-secret\r\n";
    assert_int_equal(status(w, "/v1/status", reader), 421); /* the harness says Host: x */
    serve_set_access(w->serve, NULL, 0, "x");
    assert_int_equal(status(w, "/v1/status", reader), 401);
    serve_set_access(w->serve, t, 2, "x");
    assert_int_equal(status(w, "/v1/status", reader), 200);
    assert_int_equal(status(w, "/v1/status", ""), 401);
    assert_int_equal(status(w, "/v1/status", "Authorization: Bearer other-secret\r\n"), 401);
    assert_int_equal(status(w, "/nothing", ""), 401);
    assert_int_equal(status(w, "/nothing", reader), 404);
    assert_int_equal(status(w, "/metrics", ""), 401);
    assert_int_equal(status(w, "/metrics", reader), 200);
    assert_int_equal(status(w, "/healthz", ""), 200);
    assert_int_equal(status(w, "/v1/status", "Origin: http://evil.example\r\n"), 403);
    assert_int_equal(status(w, "/healthz", "Origin: http://evil.example\r\n"), 403);
    assert_int_equal(status(w, "/healthz", "Origin: http://x\r\n"), 200);
    static const struct {
        const char *method, *target, *body, *header;
        int status;
    } deeds[] = {
        {"POST", "/v1/refresh", "{}", "Authorization: Bearer reader-secret\r\n", 403},
        {"POST", "/v1/refresh", "{}", "Authorization: Bearer writer-secret\r\n", 200},
        {"POST", "/v1/feeds", "{\"url\":\"http://a/\"}", "", 401},
        {"DELETE", "/v1/feeds/1", NULL, "Authorization: Bearer reader-secret\r\n", 403},
        {"POST", "/v1/cursors/c", "{\"seq\":0}", "Authorization: Bearer reader-secret\r\n", 200},
        {"DELETE", "/v1/cursors/c", NULL, "Authorization: Bearer reader-secret\r\n", 403},
        {"HEAD", "/v1/feeds", NULL, "Authorization: Bearer reader-secret\r\n", 200},
        {"DELETE", "/v1/status", NULL, "Authorization: Bearer reader-secret\r\n", 405},
    };
    for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
        int s;
        json_decref(call(w, deeds[i].method, deeds[i].target, deeds[i].header, deeds[i].body, &s));
        assert_int_equal(s, deeds[i].status);
    }
    assert_int_equal(w->n_adds, 0);
}

/* What is asked of a stranger, and what a stranger is told. */
static void challenges(void **state)
{
    struct world *w = *state;
    struct td_token t = {.name = (char *)"r"};
    struct client c;
    crypto_sha256("reader-secret", 13, t.sha256);
    second_socket(w, &frontend_http);
    serve_set_access(w->serve, &t, 1, "x");
    static const char *const pairs[][2] = {
        {"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
         "WWW-Authenticate: Bearer realm=\"tidings\"\r\n"},
        {"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n\r\n",
         "error=\"invalid_token\""},
        {"POST /v1/reload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
         "reader-secret\r\nContent-Length: 0\r\n\r\n",
         "error=\"insufficient_scope\", scope=\"write\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        client_begin(w, &c, pairs[i][0], strlen(pairs[i][0]));
        UNTIL(w, strstr(buf_str(&c.got), "\r\n\r\n"));
        assert_non_null(strstr(c.got.data, pairs[i][1]));
        client_end(&c);
    }
    w->not_ready = true;
    int s;
    json_t *j = call(w, "GET", "/readyz", "", NULL, &s);
    assert_int_equal(s, 503);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "error"), "reason")),
                        "not ready");
    json_decref(j);
    j = call(w, "GET", "/readyz", "Authorization: Bearer reader-secret\r\n", NULL, &s);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "error"), "reason")),
                        "starting");
    json_decref(j);
}

/* A request that a proxy on the way may have read in another way is not read at all, and nothing
 * behind it either. */
static void smuggling(void **state)
{
    struct world *w = *state;
#define POST(fields) "POST /v1/refresh HTTP/1.1\r\n" fields "\r\n"
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {POST("Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n") "2\r\n{}"
                                                                                "\r\n0\r\n\r\n",
         400},
        {POST("Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n") "{}", 400},
        {POST("Host: x\r\nContent-Length: 2\r\nContent-Length: 4\r\n") "{}  ", 400},
        {POST("Host: x\r\nContent-Length: 2, 2\r\n") "{}", 400},
        {POST("Host: x\r\nContent-Length: +2\r\n") "{}", 400},
        {POST("Host: x\r\nContent-Length : 2\r\n") "{}", 400},
        {POST("Host: x\r\nTransfer-Encoding : chunked\r\n") "2\r\n{}\r\n0\r\n\r\n", 400},
        {POST("Host: x\r\nTransfer-Encoding: gzip, chunked\r\n") "2\r\n{}\r\n0\r\n\r\n", 501},
        {POST("Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n") "0\r\n\r\n",
         501},
        {POST("Host: x\r\nHost: y\r\nContent-Length: 2\r\n") "{}", 400},
        {POST("Content-Length: 2\r\n") "{}", 400},
        {"POST /v1/refresh HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: "
         "chunked\r\n\r\n"
         "2\r\n{}\r\n0\r\n\r\n",
         400},
        {"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         400},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client c;
        CLEANUP_FREE char *text = xasprintf("%sGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                                            cases[i].text);
        client_begin(w, &c, text, strlen(text));
        UNTIL(w, c.eof);
        if (status_of(&c) != cases[i].status || strstr(c.got.data, "ok\n"))
            fail_msg("%s: %s", cases[i].text, c.got.data);
        client_end(&c);
    }
}

/* RFC 9112 3.2.2: a target in absolute form, whose host goes before the Host field. */
static void absolute_form(void **state)
{
    struct world *w = *state;
    assert_int_equal(status(w, "http://anywhere.example/healthz", ""), 200);
    assert_int_equal(status(w, "HTTPS://anywhere.example:8/v1/items?limit=1", ""), 200);
    assert_int_equal(status(w, "http://anywhere.example", ""), 200); /* as "/" */
    assert_int_equal(status(w, "http://anywhere.example?x=1", ""), 400);
    assert_int_equal(status(w, "ftp://anywhere.example/healthz", ""), 404);
    second_socket(w, &frontend_http);
    serve_set_access(w->serve, NULL, 0, "x");
    assert_int_equal(status(w, "http://x/healthz", ""), 200);
    assert_int_equal(status(w, "http://evil.example/healthz", ""), 421); /* though Host is x */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    files_raise(); /* as the daemon does: a shell gives 1,024 */
    const struct CMUnitTest tests[] = {
        T(routes_of_its_own),
        T(places_of_its_own),
        T(with_tokens),
        cmocka_unit_test_setup_teardown(one_place_where_files_are_few, few_files_setup, teardown),
        T(challenges),
        T(smuggling),
        T(absolute_form)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
