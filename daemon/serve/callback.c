#include "serve/callback.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/push.h"
#include "serve/listener.h"
#include "serve/message.h"
#include "serve/mhd_loop.h"

#define SWEEP_S 5.0
#define LATE_S  0.5

/* A connection: it serves one request, and has LIMIT_CALLBACK_MS for all of it. */
struct visit {
    struct callback *c;
    int fd;
    int64_t began_at; /* monotonic */
    struct visit *prev, *next;
};

/* A request. */
struct call {
    struct callback *c;
    char *key;
    bool is_push, answered;
    struct buf body;
    uint64_t id; /* while it waits for callback_answer */
    int status;  /* that it gave; 0 = not yet */
    struct MHD_Connection *conn;
    int64_t waits_since; /* monotonic */
    struct call *prev, *next;
};

struct callback {
    struct mhd_loop mhd;
    struct callback_conf conf;
    char *prefix;
    ev_timer sweep;
    ev_timer late; /* runs while calls wait */
    struct visit *visits;
    struct call *waiting; /* the longest first */
    uint64_t last_id;
    size_t held; /* bytes of bodies under way */
};

/* ---- answers -------------------------------------------------------------------------------- */

static enum MHD_Result reply(struct MHD_Connection *conn, int status, const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                             MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == 405)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, POST");
    if (status == 415) /* RFC 9110 15.5.16 */
        MHD_add_response_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING, "gzip");
    if (status == 503)
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "30");
    enum MHD_Result done = MHD_queue_response(conn, (unsigned)status, r);
    MHD_destroy_response(r);
    return done;
}

static const char *words(int status)
{
    switch (status) {
    case 400:
    case 501:
        return "not understood\n";
    case 404:
        return "no such subscription\n";
    case 405:
        return "GET or POST\n";
    case 410:
        return "this subscription is over\n";
    case 413:
        return "too large\n";
    case 415:
        return "of content codings only gzip is understood\n";
    case 503:
        return "busy: again later\n";
    default:
        return "";
    }
}

static enum MHD_Result answer(struct call *q, struct MHD_Connection *conn, int status)
{
    q->answered = true;
    return reply(conn, status, words(status));
}

/* ---- a request ------------------------------------------------------------------------------ */

static bool is_key(const char *s)
{
    return strspn(s, "0123456789abcdef") == TD_PUSH_KEY_BYTES && !s[TD_PUSH_KEY_BYTES];
}

/* The key at the end of PATH, NULL = it is another path. Borrowed. */
static const char *key_of(const struct callback *c, const char *path)
{
    size_t n = strlen(c->prefix);
    if (n && strncmp(path, c->prefix, n) == 0 && path[n] == '/')
        path += n;
    return *path == '/' && is_key(path + 1) ? path + 1 : NULL;
}

static const char *param(struct MHD_Connection *conn, const char *name)
{
    return MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result take_question(struct call *q, struct MHD_Connection *conn)
{
    const struct callback *c = q->c;
    const char *lease = param(conn, "hub.lease_seconds"), *challenge = param(conn, "hub.challenge");
    uint64_t n;
    struct callback_question ask = {
        .key = q->key,
        .mode = param(conn, "hub.mode"),
        .topic = param(conn, "hub.topic"),
        .reason = param(conn, "hub.reason"),
        .lease_s = lease && str_to_u64(lease, &n) == 0 && n <= INT64_MAX ? (int64_t)n : -1,
    };
    bool asks = ask.mode && (challenge || str_eq(ask.mode, "denied"));
    if (!asks || !c->conf.ops->asked(c->conf.app, &ask))
        return answer(q, conn, 404);
    q->answered = true;
    return reply(conn, 200, challenge ? challenge : "");
}

/* The first look at a request: its header is there, no byte of its body. */
static enum MHD_Result begin(struct call *q, struct MHD_Connection *conn, const char *path,
                             const char *method, const char *version)
{
    struct callback *c = q->c;
    const char *reason, *host;
    size_t host_len;
    int status = message_check(conn, version, &reason);
    if (status)
        return answer(q, conn, status);
    const char *key = key_of(c, message_target(path, &host, &host_len));
    size_t max = key ? c->conf.ops->max_body(c->conf.app, key) : 0;
    uint64_t announced = 0;
    if (!max)
        return answer(q, conn, 404);
    q->key = xstrdup(key);
    q->is_push = str_eq(method, "POST");
    if (!q->is_push)
        return str_eq(method, "GET") ? MHD_YES : answer(q, conn, 405);
    const char *length = MHD_lookup_connection_value(conn, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length && (str_to_u64(length, &announced) < 0 || announced > max))
        return answer(q, conn, 413);
    if (c->held + announced > LIMIT_PUSH_BYTES)
        return answer(q, conn, 503);
    buf_init(&q->body, max);
    return MHD_YES;
}

static enum MHD_Result add_body(struct call *q, struct MHD_Connection *conn, const char *data,
                                size_t *n)
{
    struct callback *c = q->c;
    size_t got = *n;
    *n = 0;
    if (q->answered || !q->is_push)
        return MHD_YES;
    if (c->held + got > LIMIT_PUSH_BYTES || buf_add(&q->body, data, got) < 0)
        return MHD_NO; /* in the middle of a body there is no way to say why */
    c->held += got;
    return MHD_YES;
}

static const char *header(struct MHD_Connection *conn, const char *name)
{
    return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

static enum MHD_Result finish(struct call *q, struct MHD_Connection *conn)
{
    struct callback *c = q->c;
    if (!q->is_push)
        return take_question(q, conn);
    const struct callback_push push = {.key = q->key,
                                       .signature = header(conn, "X-Hub-Signature"),
                                       .type = header(conn, MHD_HTTP_HEADER_CONTENT_TYPE),
                                       .coding = header(conn, MHD_HTTP_HEADER_CONTENT_ENCODING),
                                       .body = &q->body,
                                       .call = ++c->last_id};
    c->held -= q->body.len;
    int status = c->conf.ops->pushed(c->conf.app, &push);
    buf_free(&q->body);
    if (status)
        return answer(q, conn, status);
    q->id = c->last_id;
    q->conn = conn;
    q->waits_since = clock_mono_ms();
    DL_APPEND(c->waiting, q);
    ev_timer_start(c->mhd.loop, &c->late);
    MHD_suspend_connection(conn);
    return MHD_YES;
}

static void resume(struct call *q, int status)
{
    struct callback *c = q->c;
    DL_DELETE(c->waiting, q);
    q->id = 0;
    q->status = status;
    MHD_resume_connection(q->conn);
    mhd_loop_wake(&c->mhd);
}

void callback_answer(struct callback *c, uint64_t call, int status)
{
    struct call *q;
    if (!c || !call)
        return;
    DL_SEARCH_SCALAR(c->waiting, q, id, call);
    if (q)
        resume(q, status);
}

/* The queue is long, or the document slow: received is what it is. */
static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct callback *c = w->data;
    int64_t now = clock_mono_ms();
    while (c->waiting && now - c->waiting->waits_since >= LIMIT_CALLBACK_ANSWER_MS)
        resume(c->waiting, 202);
    if (!c->waiting)
        ev_timer_stop(loop, w);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **con_cls)
{
    struct call *q = *con_cls;
    if (!q) {
        *con_cls = q = xcalloc(1, sizeof *q);
        q->c = ctx;
        return begin(q, conn, url, method, version);
    }
    if (*n > 0)
        return add_body(q, conn, data, n);
    if (q->status)
        return answer(q, conn, q->status);
    return q->answered ? MHD_YES : finish(q, conn);
}

static void on_completed(void *ctx, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct call *q = *con_cls;
    if (!q)
        return;
    q->c->held -= q->body.len;
    buf_free(&q->body);
    free(q->key);
    free(q);
    *con_cls = NULL;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void on_connection(void *ctx, struct MHD_Connection *conn, void **socket_ctx,
                          enum MHD_ConnectionNotificationCode what)
{
    struct callback *c = ctx;
    struct visit *v = *socket_ctx;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_ctx = v = xcalloc(1, sizeof *v);
        v->c = c;
        v->fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        v->began_at = clock_mono_ms();
        DL_APPEND(c->visits, v);
    } else if (v) {
        DL_DELETE(c->visits, v);
        free(v);
    }
}

/* libmicrohttpd's own timeout begins again with every byte; a drip would keep its place for ever.
 */
static void on_sweep(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct callback *c = w->data;
    int64_t now = clock_mono_ms();
    for (struct visit *v = c->visits; v && now - v->began_at > LIMIT_CALLBACK_MS; v = v->next)
        shutdown(v->fd, SHUT_RDWR);
}

static struct MHD_Daemon *start(struct callback *c, int fd)
{
    unsigned per_ip = c->conf.local ? 0 : LIMIT_CALLBACK_PER_IP;
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, c,
        MHD_OPTION_EXTERNAL_LOGGER, mhd_loop_log, (void *)(uintptr_t) "websub",
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, c,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, c, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LIMIT_CALLBACKS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_ip,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_CALLBACK_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_CALLBACK_HEAD_BYTES, MHD_OPTION_END);
}

int callback_new(struct callback **ret, struct ev_loop *loop, struct listener *l,
                 const struct callback_conf *conf, struct td_err *err)
{
    struct callback *c = xcalloc(1, sizeof *c);
    c->conf = *conf;
    c->prefix = xstrdup(conf->prefix);
    c->last_id = (uint64_t)clock_mono_ms() << 20; /* none that a server before this one gave */
    struct MHD_Daemon *mhd = start(c, l->fd);
    if (!mhd) {
        int r = errno ? -errno : -EIO;
        free(c->prefix);
        free(c);
        return td_err(err, r, "libmicrohttpd cannot be started: %s", strerror(-r));
    }
    l->fd = -1; /* libmicrohttpd closes it */
    mhd_loop_start(&c->mhd, loop, mhd);
    ev_timer_init(&c->sweep, on_sweep, SWEEP_S, SWEEP_S);
    ev_timer_init(&c->late, on_late, LATE_S, LATE_S);
    c->sweep.data = c->late.data = c;
    ev_timer_start(loop, &c->sweep);
    *ret = c;
    return 0;
}

void callback_free(struct callback *c)
{
    if (!c)
        return;
    while (c->waiting) /* libmicrohttpd may not be stopped while one is suspended */
        resume(c->waiting, 503);
    mhd_loop_stop(&c->mhd);
    ev_timer_stop(c->mhd.loop, &c->sweep);
    ev_timer_stop(c->mhd.loop, &c->late);
    free(c->prefix);
    free(c);
}
