/* The fetcher itself: requests in flight, and curl's sockets and timer on the loop. */
#include "fetch/fetcher.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <utlist.h>

#include "base/files.h"
#include "base/mem.h"
#include "fetch/hop.h"
#include "fetch/record.h"

/* ---- curl's sockets and timer (FETCHING L9, L10) -------------------------------------------- */

struct watch {
    ev_io io;
    struct fetcher *fetcher;
};

/* After each call into curl: takes every finished transfer out of it. */
static void drain(struct fetcher *f)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(f->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURL *easy = m->easy_handle;
        CURLcode code = m->data.result;
        hop_done(easy, code); /* removes the handle: M is gone */
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct watch *w = io->data;
    struct fetcher *f = w->fetcher;
    int running, what = (revents & EV_READ ? CURL_CSELECT_IN : 0) |
                        (revents & EV_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(f->multi, io->fd, what, &running); /* may free W */
    drain(f);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_data)
{
    struct fetcher *f = ctx;
    struct watch *w = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            ev_io_stop(f->loop, &w->io);
        free(w);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    if (!w) {
        w = xcalloc(1, sizeof *w);
        w->fetcher = f;
        ev_io_init(&w->io, on_io, fd, events);
        w->io.data = w;
        curl_multi_assign(f->multi, fd, w);
    } else {
        ev_io_stop(f->loop, &w->io);
        ev_io_set(&w->io, fd, events);
    }
    ev_io_start(f->loop, &w->io);
    return 0;
}

static void on_curl_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct fetcher *f = t->data;
    int running;
    curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain(f);
}

/* Only sets the timer, also for 0: curl must not be called from its own callback. */
static int on_timer_change(CURLM *multi, long timeout_ms, void *ctx)
{
    struct fetcher *f = ctx;
    ev_timer_stop(f->loop, &f->curl_timer);
    if (timeout_ms >= 0) {
        ev_timer_set(&f->curl_timer, (double)timeout_ms / 1000., 0.);
        ev_timer_start(f->loop, &f->curl_timer);
    }
    return 0;
}

/* ---- easy handles (FETCHING L12) ------------------------------------------------------------ */

CURL *fetcher_take_easy(struct fetcher *f)
{
    if (f->n_idle)
        return f->idle[--f->n_idle];
    CURL *easy = curl_easy_init();
    if (!easy)
        abort(); /* out of memory, as in mem.h */
    hop_dress(easy);
    return easy;
}

void fetcher_give_easy(struct fetcher *f, CURL *easy, bool altered)
{
    if (f->n_idle >= f->max_transfers) {
        curl_easy_cleanup(easy);
        return;
    }
    if (altered) {
        curl_easy_reset(easy);
        hop_dress(easy);
    }
    f->idle[f->n_idle++] = easy;
}

/* ---- TLS sessions --------------------------------------------------------------------------- */

/* All on the loop's thread: no locks. */
static void sessions_init(struct fetcher *f)
{
    for (size_t i = 0; i < LIMIT_SESSION_SHARES; i++) {
        f->sessions[i] = curl_share_init();
        if (!f->sessions[i])
            abort(); /* out of memory, as in mem.h */
        curl_share_setopt(f->sessions[i], CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    }
}

static void sessions_fini(struct fetcher *f)
{
    for (size_t i = 0; i < LIMIT_SESSION_SHARES; i++)
        curl_share_cleanup(f->sessions[i]);
}

CURLSH *fetcher_sessions(struct fetcher *f, const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end ? scheme_end + 3 : url;
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t n = strcspn(host, "/?#"); n > 0; n--, host++)
        h = (h ^ (unsigned char)*host) * 16777619u;
    return f->sessions[h % LIMIT_SESSION_SHARES];
}

/* ---- requests ------------------------------------------------------------------------------- */

static void fetch_free(struct fetch *h)
{
    td_result_fini(&h->result);
    free(h);
}

static void on_deliver(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct fetcher *f = w->data;
    bool freed = false;
    f->freed = &freed;
    struct fetch *h;
    while (!freed && (h = f->finished)) {
        DL_DELETE(f->finished, h);
        struct td_result result = h->result;
        h->result = (struct td_result){0};
        fetch_done_fn *done = h->done;
        void *ctx = h->ctx;
        fetch_free(h);
        done(ctx, &result);
    }
    if (!freed)
        f->freed = NULL;
}

void fetch_finish(struct fetch *h)
{
    struct fetcher *f = h->fetcher;
    h->stop(h);
    h->finished = true;
    h->result.duration_ms = (int32_t)MIN(clock_mono_ms() - h->started_ms, (int64_t)INT32_MAX);
    if (h->req->record)
        record_finish(h->req->record, h->req, &h->result);
    DL_DELETE(f->running, h);
    DL_APPEND(f->finished, h);
    ev_feed_event(f->loop, &f->deliver, EV_CUSTOM);
}

void fetch_fail(struct fetch *h, enum td_outcome outcome, const char *fmt, ...)
{
    va_list ap;
    struct td_err err;
    va_start(ap, fmt);
    vsnprintf(err.msg, sizeof err.msg, fmt, ap);
    va_end(ap);
    h->result.outcome = outcome;
    td_result_say(&h->result, "%s", err.msg);
    fetch_finish(h);
}

/* A recorded hop that no answer came to, or that was no HTTP. */
static void play_without_bytes(struct fetch *h)
{
    const struct td_exchange *x = h->req->replay;
    h->result.outcome = x->outcome;
    if (x->reason)
        td_result_say(&h->result, "%s", x->reason);
    if (x->outcome == TD_OUT_OK && buf_add(&h->result.body, buf_str(&x->answer), x->answer.len) < 0)
        fetch_fail(h, TD_OUT_TOO_LARGE, "the document is larger than max-body");
    else
        fetch_finish(h);
}

struct fetch *fetch_start(struct fetcher *f, const struct td_request *req, fetch_done_fn *done,
                          void *ctx)
{
    static const struct {
        struct fetch *(*new)(void);
        void (*start)(struct fetch *);
    } kinds[] = {
        [TD_SOURCE_HTTP] = {hop_new, hop_start},
        [TD_SOURCE_FILE] = {file_new, file_start},
        [TD_SOURCE_EXEC] = {exec_new, exec_start},
    };
    struct fetch *h = kinds[req->source].new();
    h->fetcher = f;
    h->req = req;
    h->done = done;
    h->ctx = ctx;
    h->started_ms = clock_mono_ms();
    h->result.retry_after_at = TD_NEVER;
    h->result.body = BUF_INIT(req->max_body_bytes);
    DL_APPEND(f->running, h);
    if (req->replay && !(req->replay->is_http && req->replay->answer.len))
        play_without_bytes(h);
    else
        kinds[req->source].start(h);
    return h;
}

void fetch_cancel(struct fetch *h)
{
    struct fetcher *f = h->fetcher;
    if (h->finished) {
        DL_DELETE(f->finished, h);
    } else {
        DL_DELETE(f->running, h);
        h->stop(h);
    }
    fetch_free(h);
}

/* ---- the fetcher ---------------------------------------------------------------------------- */

/* What this build of curl can decode, in a fixed order: the same header on every request. */
static char *accept_encoding(void)
{
    int can = curl_version_info(CURLVERSION_NOW)->features;
    return xasprintf("Accept-Encoding: gzip, deflate%s%s", can & CURL_VERSION_BROTLI ? ", br" : "",
                     can & CURL_VERSION_ZSTD ? ", zstd" : "");
}

/* A request that is under way still points to the old one: it stays. */
static void set_user_agent(struct fetcher *f, const char *contact)
{
    CLEANUP_FREE char *line = xasprintf("User-Agent: tidings/" TIDINGS_VERSION " (%s%s)",
                                        contact && !strchr(contact, '@') ? "+" : "",
                                        contact ? contact : FETCH_PROJECT);
    if (f->user_agents && strcmp(line, f->user_agents->data) == 0)
        return;
    struct curl_slist *first = curl_slist_append(NULL, line);
    if (!first)
        abort(); /* out of memory, as in mem.h */
    first->next = f->user_agents;
    f->user_agents = first;
}

void fetcher_configure(struct fetcher *f, const struct fetch_conf *conf)
{
    set_user_agent(f, conf->contact);
    free(f->allow);
    f->n_allow = conf->n_allow;
    f->allow = xcalloc(MAX(conf->n_allow, (size_t)1), sizeof *f->allow);
    if (conf->n_allow)
        memcpy(f->allow, conf->allow, conf->n_allow * sizeof *f->allow);
    xreplace(&f->ca_file, conf->ca_file);
    while (f->n_idle > conf->max_transfers)
        curl_easy_cleanup(f->idle[--f->n_idle]);
    f->max_transfers = conf->max_transfers;
    f->idle = xreallocarray(f->idle, (size_t)MAX(conf->max_transfers, 1), sizeof *f->idle);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)conf->per_host);
}

struct fetcher *fetcher_new(struct ev_loop *loop, const struct fetch_conf *conf, struct td_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        td_err(err, -ENOMEM, "libcurl cannot be set up");
        return NULL;
    }
    CURLM *multi = curl_multi_init();
    if (!multi) {
        td_err(err, -ENOMEM, "libcurl gives no multi handle");
        curl_global_cleanup();
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    setlocale(LC_CTYPE, "C.UTF-8"); /* libidn2 reads a host name in the locale's encoding */
    struct fetcher *f = xcalloc(1, sizeof *f);
    f->loop = loop;
    f->multi = multi;
    f->resolver = resolver_new(loop, conf->resolve);
    f->accept_encoding = accept_encoding();
    sessions_init(f);
    ev_timer_init(&f->curl_timer, on_curl_timer, 0., 0.);
    f->curl_timer.data = f;
    ev_prepare_init(&f->deliver, on_deliver);
    f->deliver.data = f;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                      (long)files_share(LIMIT_CONNECTIONS_KEPT, FILES_KEPT));
    fetcher_configure(f, conf);
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    struct fetch *h, *tmp;
    DL_FOREACH_SAFE(f->running, h, tmp)
    {
        fetch_cancel(h);
    }
    DL_FOREACH_SAFE(f->finished, h, tmp)
    {
        fetch_cancel(h);
    }
    resolver_free(f->resolver);
    while (f->n_idle)
        curl_easy_cleanup(f->idle[--f->n_idle]);
    curl_multi_cleanup(f->multi);
    sessions_fini(f);
    ev_timer_stop(f->loop, &f->curl_timer);
    ev_clear_pending(f->loop, &f->deliver);
    curl_global_cleanup();
    if (f->freed)
        *f->freed = true;
    free(f->idle);
    curl_slist_free_all(f->user_agents);
    free(f->ca_file);
    free(f->accept_encoding);
    free(f->allow);
    free(f);
}
