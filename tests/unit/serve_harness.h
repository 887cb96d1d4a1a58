/*
 * serve_harness.h - the real server on a unix socket with a fake store and a fake daemon behind it,
 * and clients on non-blocking sockets in the same loop.
 */
#ifndef TIDINGS_TESTS_SERVE_HARNESS_H
#define TIDINGS_TESTS_SERVE_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "fake_store.h"
#include "serve/frontend.h"
#include "serve/listener.h"
#include "serve/serve.h"

struct world {
    struct ev_loop *loop;
    struct store *store;
    struct serve *serve;
    char dir[32], socket[64];
    bool not_ready;
    int n_adds;
    serve_answer_fn *later; /* an answer that is held back */
    void *later_ctx;
};

/* ---- the daemon's side ---------------------------------------------------------------------- */

static inline void op_status(void *app, struct buf *out)
{
    buf_adds(out, "{\"version\":\"1\",\"pid\":7}");
}

static inline void op_metrics(void *app, struct buf *out)
{
    buf_adds(out, "# TYPE tidings_build_info gauge\ntidings_build_info{version=\"1\"} 1\n");
}

static inline const char *op_feed_phase(void *app, int64_t feed_id)
{
    return feed_id == 1 ? "waiting" : NULL;
}

static inline void op_add(void *app, const struct serve_add *add, serve_answer_fn *done, void *ctx)
{
    struct world *w = app;
    struct td_err err = {"it is there already"};
    w->n_adds++;
    if (str_eq(add->url, "http://later/")) {
        w->later = done;
        w->later_ctx = ctx;
        return;
    }
    if (str_ends(add->url, "/dup")) {
        done(ctx, -EEXIST, &err, NULL);
        return;
    }
    char json[200];
    const char *tags = add->tags ? add->tags : "";
    snprintf(json, sizeof json, "{\"feed_id\":%d,\"name\":\"%s\",\"got_tags\":\"%s\"}", w->n_adds,
             add->name ? add->name : "made-up", strchr(tags, '\n') ? "several" : tags);
    done(ctx, 0, NULL, json);
}

static inline void op_remove(void *app, int64_t feed_id, serve_answer_fn *done, void *ctx)
{
    struct td_err err = {"it is in feeds.conf"};
    if (feed_id == 1)
        done(ctx, -EPERM, &err, NULL);
    else
        done(ctx, 0, NULL, "{}");
}

static inline void op_refresh(void *app, int64_t feed_id, serve_answer_fn *done, void *ctx)
{
    done(ctx, 0, NULL, feed_id ? "{\"feeds\":1}" : "{\"feeds\":2}");
}

static inline void op_reload(void *app, serve_answer_fn *done, void *ctx)
{
    struct td_err err = {"feeds.conf has 1 problem"};
    done(ctx, -EINVAL, &err, "{\"problems\":[\"feeds.conf:3: intervall\"]}");
}

static inline int op_ready(void *app, struct td_err *err)
{
    struct world *w = app;
    return w->not_ready ? td_err(err, -EAGAIN, "starting") : 0;
}

static void op_feed_access(void *app, int64_t feed_id, struct buf *out)
{
    buf_adds(out, "basic");
}

static void op_feed_https(void *app, int64_t feed_id, struct buf *out)
{
    buf_adds(out, "asked over https");
}

static void op_feed_pacing(void *app, int64_t feed_id, struct buf *out)
{
    if (feed_id == 1)
        buf_adds(out, "[site \"x\"]: one a minute");
}

static const struct serve_ops ops = {.status = op_status,
                                     .metrics = op_metrics,
                                     .feed_phase = op_feed_phase,
                                     .feed_pacing = op_feed_pacing,
                                     .feed_access = op_feed_access,
                                     .feed_https = op_feed_https,
                                     .add = op_add,
                                     .remove = op_remove,
                                     .refresh = op_refresh,
                                     .reload = op_reload,
                                     .ready = op_ready};

static inline void log_grew(void *ctx, int64_t last)
{
    struct world *w = ctx;
    if (w->serve)
        serve_log_grew(w->serve, last);
}

static inline int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct td_err err;
    strcpy(w->dir, "/tmp/tidings-serve-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->socket, sizeof w->socket, "%s/run/s", w->dir);
    w->loop = ev_loop_new(0);
    w->store = fake_store_new(w->loop, log_grew, w);
    struct serve_conf c = {.ops = &ops, .app = w};
    struct listener l;
    assert_int_equal(serve_new(&w->serve, w->loop, w->store, &c, &err), 0);
    assert_int_equal(listener_unix(&l, w->socket, &err), 0);
    serve_listen(w->serve, &l, &frontend_api);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    struct stat st;
    serve_free(w->serve);
    assert_int_equal(lstat(w->socket, &st), -1);
    *strrchr(w->socket, '/') = 0;
    rmdir(w->socket);
    assert_int_equal(rmdir(w->dir), 0);
    fake_store_free(w->store);
    ev_loop_destroy(w->loop);
    free(w);
    return 0;
}

/* ---- a client ------------------------------------------------------------------------------- */

struct client {
    struct ev_loop *loop;
    int fd;
    ev_io in, out;
    struct buf request, got, body; /* got: raw; body: without header and chunks */
    bool eof;
    int64_t at; /* when it last got something, in microseconds */
};

static inline int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static inline void on_in(struct ev_loop *loop, ev_io *w, int revents)
{
    struct client *c = w->data;
    char p[65536];
    ssize_t n = read(c->fd, p, sizeof p);
    c->at = now_us();
    if (n > 0)
        buf_add(&c->got, p, (size_t)n);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        c->eof = true;
        ev_io_stop(loop, w);
    }
}

static inline void on_out(struct ev_loop *loop, ev_io *w, int revents)
{
    struct client *c = w->data;
    ssize_t n = send(c->fd, c->request.data, c->request.len, MSG_NOSIGNAL);
    if (n > 0)
        buf_consume(&c->request, (size_t)n);
    if (c->request.len == 0 || (n < 0 && errno != EAGAIN))
        ev_io_stop(loop, w);
}

static inline void client_begin(struct world *w, struct client *c, const char *request, size_t n)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", w->socket);
    *c = (struct client){.loop = w->loop};
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    buf_init(&c->request, 64u << 20);
    buf_init(&c->got, 64u << 20);
    buf_init(&c->body, 64u << 20);
    /* The server accepts in this very loop, so the backlog must not fill up: connect blocks then.
     */
    assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    buf_add(&c->request, request, n);
    ev_io_init(&c->in, on_in, c->fd, EV_READ);
    ev_io_init(&c->out, on_out, c->fd, EV_WRITE);
    c->in.data = c->out.data = c;
    ev_io_start(w->loop, &c->in);
    ev_io_start(w->loop, &c->out);
}

static inline void client_end(struct client *c)
{
    ev_io_stop(c->loop, &c->in);
    ev_io_stop(c->loop, &c->out);
    close(c->fd);
    buf_free(&c->request);
    buf_free(&c->got);
    buf_free(&c->body);
}

static inline void on_guard(struct ev_loop *loop, ev_timer *t, int revents)
{
    *(bool *)t->data = true;
}

static bool give_up; /* the guard has run out */

#define UNTIL(w, condition)                                 \
    do {                                                    \
        ev_timer guard_;                                    \
        give_up = false;                                    \
        ev_timer_init(&guard_, on_guard, 30., 0.);          \
        guard_.data = &give_up;                             \
        ev_timer_start((w)->loop, &guard_);                 \
        while (!(condition) && !give_up)                    \
            ev_run((w)->loop, EVRUN_ONCE);                  \
        ev_timer_stop((w)->loop, &guard_);                  \
        if (give_up)                                        \
            fail_msg("30 s and still not: %s", #condition); \
    } while (0)

static inline int status_of(const struct client *c)
{
    return c->got.len > 12 ? atoi(c->got.data + 9) : 0;
}

/* The body so far: header and chunk sizes taken out. */
static inline const char *body_of(struct client *c)
{
    buf_clear(&c->body);
    const char *p = strstr(buf_str(&c->got), "\r\n\r\n"), *end = c->got.data + c->got.len;
    if (!p)
        return "";
    bool chunked = strcasestr(c->got.data, "transfer-encoding: chunked") != NULL;
    for (p += 4; chunked && p < end;) {
        char *data;
        size_t n = strtoul(p, &data, 16);
        data += 2;
        if (n == 0 || data >= end)
            break;
        buf_add(&c->body, data, MIN(n, (size_t)(end - data)));
        p = data + n + 2;
    }
    if (!chunked)
        buf_add(&c->body, p, (size_t)(end - p));
    return buf_str(&c->body);
}

/* One whole exchange; the answer's body is JSON unless it is not (NULL). */
static inline json_t *call(struct world *w, const char *method, const char *target,
                           const char *headers, const char *body, int *ret_status)
{
    struct client c;
    CLEANUP_BUF struct buf b = BUF_INIT(64u << 20);
    buf_addf(&b, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, target, headers);
    if (body)
        buf_addf(&b, "Content-Length: %zu\r\n", strlen(body));
    buf_adds(&b, "\r\n");
    if (body)
        buf_adds(&b, body);
    client_begin(w, &c, b.data, b.len);
    UNTIL(w, c.eof);
    *ret_status = status_of(&c);
    assert_non_null(strstr(buf_str(&c.got), "X-Content-Type-Options: nosniff"));
    json_t *j = json_loads(body_of(&c), 0, NULL);
    client_end(&c);
    return j;
}

static inline int get_status(struct world *w, const char *method, const char *target,
                             const char *body)
{
    int status;
    json_decref(call(w, method, target, "", body, &status));
    return status;
}

static inline void open_stream(struct world *w, struct client *c, const char *target,
                               const char *headers)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    buf_addf(&b, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, headers);
    client_begin(w, c, b.data, b.len);
    UNTIL(w, c->eof || strstr(buf_str(&c->got), "\r\n\r\n"));
}

static inline int count(struct client *c, const char *what)
{
    int n = 0;
    for (const char *p = body_of(c); (p = strstr(p, what)); p++)
        n++;
    return n;
}

#endif
