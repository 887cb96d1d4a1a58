/*
 * Several listening sockets on one server: what each offers, to whom, and how many places it has.
 */
#include "serve_harness.h"

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

/* Whoever fills the second socket waits there and takes no place from the first. */
static void places_of_its_own(void **state)
{
    struct world *w = *state;
    char api[sizeof w->socket];
    struct client c[4];
    const char *half = "GET /hello HTTP/1.1\r\nKnock: yes\r\n";
    const char *whole = "GET /hello HTTP/1.1\r\nHost: x\r\nKnock: yes\r\nConnection: close\r\n\r\n";
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(routes_of_its_own), T(places_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
