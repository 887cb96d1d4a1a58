/* callback: the real server on loopback, asked as hubs and strangers ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/endpoint.h"
#include "serve/callback.h"
#include "serve/listener.h"

#define KEY   "0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef"

static struct ev_loop *loop;
static struct callback *server;
static int port;
static char asked[1024], pushed[1024];
static int n_asked, n_pushed, push_status;
static size_t push_bytes;
static uint64_t last_call;

static size_t op_max_body(void *app, const char *key)
{
    return str_eq(key, KEY) ? 1u << 20 : 0;
}

static bool op_asked(void *app, const struct callback_question *q)
{
    n_asked++;
    snprintf(asked, sizeof asked, "%s|%s|%s|%s|%lld", q->key, q->mode, q->topic ? q->topic : "-",
             q->reason ? q->reason : "-", (long long)q->lease_s);
    return q->topic && str_eq(q->topic, "http://a/?x=1 2");
}

static int op_pushed(void *app, const struct callback_push *p)
{
    last_call = p->call;
    n_pushed++;
    push_bytes = p->body->len;
    snprintf(pushed, sizeof pushed, "%s|%s|%s|%s|%.*s", p->key, p->signature ? p->signature : "-",
             p->type ? p->type : "-", p->coding ? p->coding : "-",
             (int)MIN(p->body->len, (size_t)100), buf_str(p->body));
    return push_status;
}

static const struct callback_ops ops = {
    .max_body = op_max_body, .asked = op_asked, .pushed = op_pushed};

static int setup(void **state)
{
    struct listener l;
    struct endpoint e;
    struct td_err err = {""};
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    loop = ev_default_loop(0);
    assert_int_equal(endpoint_parse("127.0.0.1:0", true, &e), 0);
    assert_int_equal(listener_tcp(&l, &e, &err), 0);
    getsockname(l.fd, (struct sockaddr *)&a, &n);
    port = ntohs(a.sin_port);
    struct callback_conf conf = {.prefix = "/websub", .local = true, .ops = &ops};
    assert_int_equal(callback_new(&server, loop, &l, &conf, &err), 0);
    n_asked = n_pushed = 0;
    push_status = 202;
    asked[0] = pushed[0] = 0;
    return 0;
}

static int teardown(void **state)
{
    callback_free(server);
    return 0;
}

static int connect_to(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Sends as the server reads, then what it answers until it closes. */
static const char *talk(int fd, const char *text, size_t n)
{
    static char answer[1 << 17];
    size_t sent = 0, got = 0;
    for (int64_t end = clock_mono_ms() + 10000; clock_mono_ms() < end;) {
        if (sent < n) {
            ssize_t k = send(fd, text + sent, n - sent, MSG_NOSIGNAL);
            sent += k > 0 ? (size_t)k : 0;
        }
        ev_run(loop, EVRUN_NOWAIT);
        ssize_t k = recv(fd, answer + got, sizeof answer - 1 - got, 0);
        if (k == 0 || (k < 0 && errno != EAGAIN))
            break;
        got += k > 0 ? (size_t)k : 0;
    }
    close(fd);
    answer[got] = 0;
    return answer;
}

static const char *say(const char *fmt, ...)
{
    va_list ap;
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    return talk(connect_to(), b.data, b.len);
}

static int status_of(const char *answer)
{
    int status = 0;
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

static void a_verification_is_answered_with_the_challenge_alone(void **state)
{
    const char *a = say("GET /websub/" KEY "?hub.mode=subscribe&hub.topic=http%%3A%%2F%%2Fa%%2F%%3F"
                        "x%%3D1%%202&hub.challenge=ch4l%%3D%%26x%%3Cb%%3E&hub.lease_seconds=12 "
                        "HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(a), 200);
    assert_string_equal(strstr(a, "\r\n\r\n") + 4, "ch4l=&x<b>");
    assert_non_null(strcasestr(a, "Content-Type: text/plain\r\n"));
    assert_non_null(strcasestr(a, "X-Content-Type-Options: nosniff\r\n"));
    assert_string_equal(asked, KEY "|subscribe|http://a/?x=1 2|-|12");
}

static void what_the_daemon_refuses_is_404(void **state)
{
    const char *a = say("GET /websub/" KEY "?hub.mode=subscribe&hub.topic=b&hub.challenge=evil "
                        "HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(a), 404);
    assert_null(strstr(a, "evil"));
    assert_string_equal(asked, KEY "|subscribe|b|-|-1");
    assert_int_equal(status_of(say("GET /websub/" KEY " HTTP/1.1\r\nHost: x\r\n\r\n")), 404);
    a = say("GET /websub/" KEY "?hub.mode=subscribe&hub.topic=a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(a), 404);
    assert_int_equal(n_asked, 1); /* no mode, or no challenge: not even asked */
}

static void denied_has_a_reason(void **state)
{
    assert_int_equal(status_of(say("GET /websub/" KEY "?hub.mode=denied&hub.topic=http://a/?x=1+2&"
                                   "hub.reason=no+way HTTP/1.1\r\nHost: x\r\n\r\n")),
                     200);
    assert_string_equal(asked, KEY "|denied|http://a/?x=1 2|no way|-1");
}

static void only_the_callback_path_is_there(void **state)
{
    static const char *const paths[] = {"/",
                                        "/v1/status",
                                        "/websub",
                                        "/websub/",
                                        "/websub/" OTHER,
                                        "/websub/" KEY "0",
                                        "/websub/" KEY "/",
                                        "/websub/x/" KEY,
                                        "/websub//" KEY,
                                        "/other/" KEY,
                                        "/websub/../" KEY,
                                        "/metrics"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        int status = status_of(
            say("GET %s?hub.mode=subscribe&hub.challenge=c HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]));
        if (status != 404)
            fail_msg("%s: %d", paths[i], status);
        status = status_of(
            say("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", paths[i]));
        if (status != 404)
            fail_msg("POST %s: %d", paths[i], status);
    }
    assert_int_equal(n_asked + n_pushed, 0);
    /* a reverse proxy that cuts the prefix off */
    say("GET /" KEY "?hub.mode=subscribe&hub.challenge=c HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(n_asked, 1);
}

/* RFC 9112 3.2.2, 6.1 */
static void the_form_of_a_request(void **state)
{
    say("GET http://me.example/websub/" KEY
        "?hub.mode=subscribe&hub.challenge=c HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(n_asked, 1);
    const char *a = say("POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_int_equal(status_of(a), 400);
    assert_int_equal(n_pushed, 0);
}

static void other_methods(void **state)
{
    const char *a = say("DELETE /websub/" KEY " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(a), 405);
    assert_non_null(strcasestr(a, "Allow: GET, POST\r\n"));
    assert_int_equal(status_of(say("PUT /websub/" OTHER " HTTP/1.1\r\nHost: x\r\n\r\n")), 404);
}

static void a_push(void **state)
{
    static const int statuses[] = {202, 410, 404, 413, 415, 503};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        push_status = statuses[i];
        const char *a = say("POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                            "Content-Type: application/rss+xml\r\nX-Hub-Signature: sha256=00\r\n"
                            "Content-Encoding: br\r\n\r\nbody");
        assert_int_equal(status_of(a), statuses[i]);
        assert_int_equal(strcasestr(a, "Accept-Encoding: gzip\r\n") != NULL, statuses[i] == 415);
        assert_int_equal(strcasestr(a, "Retry-After:") != NULL, statuses[i] == 503);
        assert_string_equal(pushed, KEY "|sha256=00|application/rss+xml|br|body");
    }
    say("POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n");
    assert_string_equal(pushed, KEY "|-|-|-|body");
}

static void an_empty_push(void **state)
{
    assert_int_equal(
        status_of(say("POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")),
        202);
    assert_int_equal(push_bytes, 0);
}

static void a_push_that_is_too_large(void **state)
{
    const char *a = say("POST /websub/" KEY
                        " HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n");
    assert_int_equal(status_of(a), 413);
    static char body[3 << 20];
    int n = snprintf(body, sizeof body,
                     "POST /websub/" KEY
                     " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "200000\r\n");
    memset(body + n, 'x', 2 << 20);
    talk(connect_to(), body, (size_t)n + (2 << 20));
    assert_int_equal(n_pushed, 0);
    n = snprintf(body, sizeof body,
                 "POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
    memset(body + n, 'x', 1 << 20);
    assert_int_equal(status_of(talk(connect_to(), body, (size_t)n + (1 << 20))), 202);
    assert_int_equal(push_bytes, 1 << 20);
}

/* Half received bodies of many hubs together do not pass LIMIT_PUSH_BYTES. */
static void bodies_are_bounded_together(void **state)
{
    enum { N = LIMIT_PUSH_BYTES / (1 << 20) };
    static char half[1 << 20];
    int fds[N + 2];
    memset(half, 'x', sizeof half);
    int n = snprintf(half, sizeof half,
                     "POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
    half[n] = 'x';
    for (int i = 0; i < N; i++) {
        fds[i] = connect_to();
        for (size_t sent = 0; sent < sizeof half - 1;) {
            ssize_t k = send(fds[i], half + sent, sizeof half - 1 - sent, MSG_NOSIGNAL);
            sent += k > 0 ? (size_t)k : 0;
            ev_run(loop, EVRUN_NOWAIT);
        }
    }
    for (int i = 0; i < 1000; i++) /* 64 KB of each at most in one turn */
        ev_run(loop, EVRUN_NOWAIT);
    const char *a = say("POST /websub/" KEY
                        " HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    assert_int_equal(status_of(a), 503);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    for (int i = 0; i < 100; i++)
        ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(n_pushed, 0);
    assert_int_equal(
        status_of(say("POST /websub/" KEY " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")),
        202);
}

/* Talks until the request has been pushed, then gives the socket. */
static int begin_push(void)
{
    static const char text[] = "POST /websub/" KEY
                               " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
                               "body";
    int fd = connect_to(), before = n_pushed;
    assert_int_equal(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
    for (int i = 0; i < 10000 && n_pushed == before; i++)
        ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(n_pushed, before + 1);
    return fd;
}

static void answered_when_it_is_stored(void **state)
{
    char c;
    push_status = 0;
    int one = begin_push();
    uint64_t first = last_call;
    int two = begin_push();
    assert_true(first && last_call != first);
    for (int i = 0; i < 100; i++)
        ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(recv(one, &c, 1, 0), -1);
    callback_answer(server, last_call, 410);
    callback_answer(server, 999, 404); /* over, or never was */
    callback_answer(server, 0, 404);
    callback_answer(NULL, first, 404);
    assert_int_equal(status_of(talk(two, "", 0)), 410);
    assert_int_equal(recv(one, &c, 1, 0), -1);
    callback_answer(server, first, 202);
    assert_int_equal(status_of(talk(one, "", 0)), 202);
    /* who waits when the server ends is told, and who has gone is no matter */
    one = begin_push();
    close(begin_push());
    callback_free(server);
    char answer[64] = "";
    assert_true(recv(one, answer, sizeof answer - 1, 0) > 0);
    assert_int_equal(status_of(answer), 503);
    close(one);
    server = NULL;
}

static void a_long_topic(void **state)
{
    char topic[8001];
    memset(topic, 'a', sizeof topic - 1);
    topic[sizeof topic - 1] = 0;
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 17);
    for (const char *t = topic; *t; t++)
        buf_adds(&b, "%61");
    assert_int_equal(status_of(say("GET /websub/" KEY
                                   "?hub.mode=subscribe&hub.challenge=c&hub.topic=%s HTTP/1.1\r\n"
                                   "Host: x\r\n\r\n",
                                   b.data)),
                     404); /* read, and refused by the daemon: it is not the topic of op_asked */
    assert_int_equal(n_asked, 1);
}

static void garbage_and_hang_ups(void **state)
{
    static const char *const texts[] = {
        "\r\n\r\n", "GET", "POST /websub/" KEY " HTTP/1.1\r\n", "GET / HTTP/9.9\r\n\r\n",
        "POST /websub/" KEY " HTTP/1.1\r\nContent-Length: 10\r\n\r\nx"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        int fd = connect_to();
        send(fd, texts[i], strlen(texts[i]), MSG_NOSIGNAL);
        for (int k = 0; k < 20; k++)
            ev_run(loop, EVRUN_NOWAIT);
        close(fd);
    }
    for (int k = 0; k < 20; k++)
        ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(n_pushed, 0);
    a_verification_is_answered_with_the_challenge_alone(state);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_verification_is_answered_with_the_challenge_alone),
        TEST(what_the_daemon_refuses_is_404),
        TEST(denied_has_a_reason),
        TEST(only_the_callback_path_is_there),
        TEST(the_form_of_a_request),
        TEST(other_methods),
        TEST(a_push),
        TEST(an_empty_push),
        TEST(a_push_that_is_too_large),
        TEST(bodies_are_bounded_together),
        TEST(answered_when_it_is_stored),
        TEST(a_long_topic),
        TEST(garbage_and_hang_ups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
