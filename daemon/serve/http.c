/*
 * libmicrohttpd in the libev loop. It has no thread and no listening socket of its own: we accept
 * (any number of listeners) and hand connections over.
 */
#include "serve/request.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/files.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/saved_query.h"
#include "serve/message.h"

/* ---- a request's life ----------------------------------------------------------------------- */

static void hold(struct request *q, size_t bytes)
{
    atomic_fetch_add(&q->s->held, bytes);
    q->held += bytes;
}

/* libmicrohttpd has read a request line; gives the request, which is its context from now on. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *conn)
{
    struct serve *s = ctx;
    struct request *q = xcalloc(1, sizeof *q);
    const char *host;
    size_t n;
    const char *target = message_target(uri, &host, &n), *mark = strchr(target, '?');
    const struct gate *g =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    q->s = s;
    q->frontend = g->frontend;
    q->host = host ? xstrndup(host, n) : NULL;
    q->path = *target == '?' || !*target ? xstrdup("/")
              : mark                     ? xstrndup(target, (size_t)(mark - target))
                                         : xstrdup(target);
    q->query = mark ? xstrdup(mark + 1) : NULL;
    q->status = 200;
    q->type = "application/json";
    buf_init(&q->body, LIMIT_REQUEST_BYTES);
    buf_init(&q->out, LIMIT_ANSWER_BYTES);
    DL_APPEND(s->requests, q);
    return q;
}

static void request_free(struct request *q)
{
    DL_DELETE(q->s->requests, q);
    atomic_fetch_sub(&q->s->held, q->held);
    tail_free(q->tail);
    params_fini(&q->params);
    buf_free(&q->body);
    buf_free(&q->out);
    json_decref(q->json);
    if (q->work_free && q->work)
        q->work_free(q->work);
    free(q->work);
    free(q->arg);
    free(q->link);
    free(q->etag);
    free(q->path);
    free(q->host);
    free(q->query);
    free(q);
}

static void on_completed(void *ctx, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    if (*con_cls)
        request_free(TAKE(*con_cls));
}

void request_resume(struct request *q)
{
    MHD_resume_connection(q->conn);
    mhd_loop_wake(&q->s->mhd);
}

void request_done(struct request *q)
{
    q->ready = true;
    if (q->suspended) {
        q->suspended = false;
        request_resume(q);
    }
}

static void finish(struct request *q)
{
    if (q->s->closing)
        request_fail(q, 503, "the daemon is stopping");
    if (q->status < 400 && q->route->finish && q->route->finish(q) != 0)
        return;
    request_done(q);
}

static void run_route(struct ask *a, struct reader *r)
{
    struct request *q = CONTAINER_OF(a, struct request, ask);
    if (atomic_load(&q->s->held) > LIMIT_SERVE_BYTES) {
        request_fail(q, 503, "too many answers wait to be fetched: ask again");
        return;
    }
    q->route->run(q, r);
    if (q->out.overflow)
        request_fail(q, 413, "the answer would be too large: ask for less at once (limit=)");
    hold(q, q->out.len);
}

static void ran_route(struct ask *a)
{
    finish(CONTAINER_OF(a, struct request, ask));
}

static void start(struct request *q)
{
    int r = q->route->start ? q->route->start(q) : 0;
    if (r != 0)
        return;
    if (q->status >= 400 || !q->route->run) {
        finish(q);
        return;
    }
    q->ask = (struct ask){.run = run_route, .done = ran_route};
    if (asker_ask(q->s->asker, &q->ask) < 0) {
        request_fail(q, 503, "the daemon is stopping");
        request_done(q);
    }
}

/* What can be said before the body has come. */
static void open_request(struct request *q, const char *method, const char *version)
{
    struct td_err err;
    const char *reason;
    q->head = str_eq(method, MHD_HTTP_METHOD_HEAD);
    int status = message_check(q->conn, version, &reason);
    if (status) {
        request_fail(q, status, reason);
        q->ready = q->last = true;
        return;
    }
    const struct frontend *f = q->frontend;
    int r = route_find(f->routes, f->n_routes, method, q->path, &q->route, &q->arg, q->allow,
                       sizeof q->allow, &err);
    if (f->admit && f->admit(q) < 0) {
        q->ready = true;
        return;
    }
    if (r == 0)
        r = params_parse(&q->params, q->query, &err);
    if (r == 0)
        r = params_check(&q->params, q->route->params, &err);
    const char *length = MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t n = 0;
    if (r == 0 && length && (str_to_u64(length, &n) < 0 || n > LIMIT_REQUEST_BYTES))
        r = td_err(&err, -EFBIG, "the body may have at most %u bytes", LIMIT_REQUEST_BYTES);
    if (r < 0) {
        request_errno(q, r, &err, NULL);
        q->ready = true;
    }
}

static bool take_body(struct request *q, const char *data, size_t n)
{
    if (q->too_large) { /* read and dropped, so that the answer is seen; but not for ever */
        q->held += n;
        atomic_fetch_add(&q->s->held, n);
        return q->held < 4 * (size_t)LIMIT_REQUEST_BYTES;
    }
    hold(q, n);
    q->too_large = atomic_load(&q->s->held) > LIMIT_SERVE_BYTES || buf_add(&q->body, data, n) < 0;
    return true;
}

static ssize_t no_more(void *ctx, uint64_t pos, char *out, size_t size)
{
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *response(struct request *q)
{
    if (q->endless)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, no_more, NULL, NULL);
    size_t size;
    char *text = buf_take(&q->out, &size);
    return MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer(struct request *q)
{
    struct MHD_Response *resp = response(q);
    MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE, q->type);
    MHD_add_response_header(resp, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(resp, MHD_HTTP_HEADER_CACHE_CONTROL, q->cache ? q->cache : "no-store");
    if (q->last)
        MHD_add_response_header(resp, MHD_HTTP_HEADER_CONNECTION, "close");
    if (q->etag)
        MHD_add_response_header(resp, MHD_HTTP_HEADER_ETAG, q->etag);
    if (q->last_modified[0])
        MHD_add_response_header(resp, MHD_HTTP_HEADER_LAST_MODIFIED, q->last_modified);
    if (q->status == 405)
        MHD_add_response_header(resp, MHD_HTTP_HEADER_ALLOW, q->allow);
    if (q->status == 503)
        MHD_add_response_header(resp, MHD_HTTP_HEADER_RETRY_AFTER, "2");
    if (q->challenge)
        MHD_add_response_header(resp, MHD_HTTP_HEADER_WWW_AUTHENTICATE, q->challenge);
    if (q->link)
        MHD_add_response_header(resp, MHD_HTTP_HEADER_LINK, q->link);
    enum MHD_Result r = MHD_queue_response(q->conn, (unsigned)q->status, resp);
    MHD_destroy_response(resp);
    q->s->n_answers[MIN(q->status / 100, 5)]++;
    return r;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **con_cls)
{
    struct request *q = *con_cls;
    if (!q->conn) {
        q->conn = conn;
        open_request(q, method, version);
        return q->ready ? answer(q) : MHD_YES;
    }
    if (*n > 0) {
        bool go_on = take_body(q, data, *n);
        *n = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    if (!q->started) {
        q->started = true;
        if (q->too_large) {
            request_fail(q, 413, "the body is too large, or too many clients send one at once");
            q->ready = true;
        } else {
            start(q);
        }
    }
    if (q->ready && q->tail)
        return tail_run(q->tail, version) ? MHD_YES : MHD_NO;
    if (q->ready)
        return answer(q);
    q->suspended = true;
    MHD_suspend_connection(conn);
    return MHD_YES;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void accept_stop(struct serve *s)
{
    struct gate *g;
    DL_FOREACH (s->gates, g)
        ev_io_stop(s->loop, &g->accepting);
}

int serve_share(const struct serve *s, int of)
{
    return MAX((int)((int64_t)of * s->max_connections / LIMIT_CONNECTIONS), 1);
}

static bool is_full(const struct gate *gate)
{
    int n = 0;
    const struct gate *g;
    DL_FOREACH (gate->s->gates, g)
        n += g->frontend == gate->frontend ? g->n_connections : 0;
    return n >= serve_share(gate->s, gate->frontend->max_connections);
}

static void accept_start(struct serve *s)
{
    struct gate *g;
    DL_FOREACH (s->gates, g)
        if (!s->closing && !is_full(g))
            ev_io_start(s->loop, &g->accepting);
}

static void on_accept_again(struct ev_loop *loop, ev_timer *w, int revents)
{
    accept_start(w->data);
}

/* A follower over TCP may be silent for days: one that has vanished without a word is let go after
 * some minutes, whether or not there is something to send it. (No TCP_USER_TIMEOUT: it would end
 * one that is there and reads nothing for a while.) */
static void notice_absence(int fd)
{
    const int on = 1, idle_s = 120, every_s = 30, tries = 4;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

/* Takes what waits; at the limits the rest stays in the backlog until a connection closes. */
static void on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
    struct gate *g = w->data;
    struct serve *s = g->s;
    struct sockaddr_storage addr;
    while (s->n_connections < s->max_connections) {
        if (is_full(g)) {
            ev_io_stop(loop, w); /* until one of its frontend closes */
            return;
        }
        socklen_t len = sizeof addr;
        int fd = accept4(w->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
            break;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return;
        if (addr.ss_family != AF_UNIX)
            notice_absence(fd);
        s->opening = g;
        /* Closes fd by itself when it fails. */
        MHD_add_connection(s->mhd.mhd, fd, (struct sockaddr *)&addr, len);
        mhd_loop_run(&s->mhd);
        s->opening = NULL;
    }
    accept_stop(s);
    ev_timer_set(&s->accept_again, 1., 0.);
    ev_timer_start(loop, &s->accept_again);
}

/* A connection's context is its gate. It begins while on_accept hands it over, and only then. */
static void on_connection(void *ctx, struct MHD_Connection *conn, void **socket_ctx,
                          enum MHD_ConnectionNotificationCode what)
{
    struct serve *s = ctx;
    struct gate *g;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        g = *socket_ctx = s->opening;
        g->n_connections++;
        s->n_connections++;
    } else {
        g = *socket_ctx;
        g->n_connections--;
        s->n_connections--;
        accept_start(s);
    }
}

int serve_new(struct serve **ret, struct ev_loop *loop, struct store *store,
              const struct serve_conf *conf, struct td_err *err)
{
    struct serve *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->store = store;
    s->ops = conf->ops;
    s->max_connections = files_share(LIMIT_CONNECTIONS, FILES_CLIENTS);
    s->app = conf->app;
    struct MHD_Daemon *mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, mhd_loop_log,
        (void *)(uintptr_t) "api", MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)LIMIT_CLIENT_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LIMIT_CLIENT_POOL, MHD_OPTION_END);
    if (!mhd) {
        free(s);
        return td_err(err, -EIO, "libmicrohttpd cannot be started: %s", strerror(errno));
    }
    s->asker = asker_new(loop, store);
    s->stream = stream_new(store, s->asker);
    tail_init(s);
    mhd_loop_start(&s->mhd, loop, mhd);
    ev_timer_init(&s->accept_again, on_accept_again, 1., 0.);
    s->accept_again.data = s;
    *ret = s;
    return 0;
}

struct stream *serve_stream(struct serve *s)
{
    return s->stream;
}

struct asker *serve_asker(struct serve *s)
{
    return s->asker;
}

void serve_set_outbox(struct serve *s, struct outbox *o)
{
    s->outbox = o;
}

void serve_listen(struct serve *s, struct listener *l, const struct frontend *frontend)
{
    struct gate *g = xcalloc(1, sizeof *g);
    *g = (struct gate){.s = s, .listener = *l, .frontend = frontend};
    *l = (struct listener){.fd = -1};
    ev_io_init(&g->accepting, on_accept, g->listener.fd, EV_READ);
    g->accepting.data = g;
    DL_APPEND(s->gates, g);
    ev_io_start(s->loop, &g->accepting);
}

/* Suspended connections must be resumed before MHD_stop_daemon, which panics on them. */
static void end_requests(struct serve *s)
{
    struct request *q;
    struct op *op, *next;
    DL_FOREACH_SAFE(s->ops_pending, op, next)
    {
        q = TAKE(op->q); /* what comes later is for nobody */
        DL_DELETE(s->ops_pending, op);
        request_fail(q, 503, "the daemon is stopping");
        request_done(q);
    }
    tail_end_all(s);
}

void serve_free(struct serve *s)
{
    struct gate *g, *next;
    if (!s)
        return;
    s->closing = true;
    accept_stop(s);
    ev_timer_stop(s->loop, &s->accept_again);
    asker_close(s->asker);
    end_requests(s);
    mhd_loop_stop(&s->mhd);
    ev_timer_stop(s->loop, &s->tails_tick);
    DL_FOREACH_SAFE(s->gates, g, next)
    {
        listener_close(&g->listener);
        free(g);
    }
    stream_free(s->stream);
    asker_free(s->asker);
    td_tokens_free(s->tokens, s->n_tokens);
    free(s->listen_names);
    td_saved_queries_free(s->queries, s->n_queries);
    free(s->public_url);
    free(s);
}

void serve_log_grew(struct serve *s, int64_t last_seq)
{
    stream_log_grew(s->stream, last_seq);
}
