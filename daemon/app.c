/*
 * app.c - builds the stages and joins them: start, loop, stop. The feeds' way through them is
 * flight.c and settle.c.
 */
#include "app_private.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

#include "base/files.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"
#include "serve/service.h"

/* A migration that tells of itself once in this time is alive. The sync of a large copy to a slow
 * disk is one step. */
#define START_EXTEND_MS 300000

void app_look(struct app *a)
{
    a->look = true;
}

/* ---- what the stages tell ----------------------------------------------------------------- */

static void on_log_grew(void *ctx, int64_t last_seq)
{
    struct app *a = ctx;
    if (a->serve)
        serve_log_grew(a->serve, last_seq);
}

static void on_store_trouble(void *ctx, const struct td_err *err)
{
    struct app *a = ctx;
    if (err)
        log_alert(LOG_ERR, MSG_STORE_TROUBLE,
                  "store: %s; fetching pauses until it can be written again, nothing is lost",
                  err->msg);
    else
        log_alert(LOG_NOTICE, MSG_STORE_WORKS, "store: can be written again, going on");
    xreplace(&a->store_trouble, err ? err->msg : NULL);
    app_look(a);
}

/* ---- start and stop ----------------------------------------------------------------------- */

void app_ready(struct app *a)
{
    a->ready = true;
    malloc_trim(0); /* what reading the config and the store left behind */
    a->round.started_mono = clock_mono_ms();
    char status[512];
    log_alert(LOG_NOTICE, MSG_READY, "ready: %u feeds, %zu due now; API on %s, store %s",
              HASH_COUNT(a->feeds), a->round.feeds, a->settings->socket, a->settings->store);
    watch_status(a, status, sizeof status);
    service_ready(status);
    app_look(a);
}

static void on_stop(struct ev_loop *loop, ev_signal *w, int revents)
{
    log_notice("%s: stopping", w->signum == SIGTERM ? "SIGTERM" : "SIGINT");
    service_stopping();
    ev_break(loop, EVBREAK_ALL);
}

static void on_hup(struct ev_loop *loop, ev_signal *w, int revents)
{
    control_reload(w->data, NULL, NULL);
}

static void watch_signals(struct app *a)
{
    ev_signal_init(&a->sig_term, on_stop, SIGTERM);
    ev_signal_init(&a->sig_int, on_stop, SIGINT);
    ev_signal_init(&a->sig_hup, on_hup, SIGHUP);
    a->sig_hup.data = a;
    ev_signal_start(a->loop, &a->sig_term);
    ev_signal_start(a->loop, &a->sig_int);
    ev_signal_start(a->loop, &a->sig_hup);
}

/* Called often while the store is opened: each call buys time from the service manager. */
static void on_migration(void *ctx, const char *what, double done)
{
    struct app *a = ctx;
    char status[256];
    int64_t now = clock_mono_ms();
    snprintf(status, sizeof status, "store: %s, %.0f %%", what, 100 * done);
    if (now - a->extended_at >= 1000)
        service_extend(START_EXTEND_MS, status);
    if (now - a->migration_told_at >= 5000 || !str_same(what, a->migration)) {
        log_alert(LOG_NOTICE, MSG_STORE_MIGRATING, "%s", status);
        a->migration_told_at = now;
    }
    if (now - a->extended_at >= 1000)
        a->extended_at = now;
    a->migration = what;
}

struct fetch_conf app_fetch_conf(const struct settings *s)
{
    int per_host = s->per_host; /* a backstop: the schedule decides */
    for (size_t i = 0; i < s->n_sites; i++)
        per_host = MAX(per_host, s->sites[i].per_host);
    return (struct fetch_conf){.contact = s->contact,
                               .allow = s->allow,
                               .n_allow = s->n_allow,
                               .max_transfers = s->concurrency,
                               .per_host = per_host};
}

struct schedule_conf app_schedule_conf(struct app *a)
{
    const struct settings *s = a->settings;
    return (struct schedule_conf){.sites = s->sites,
                                  .n_sites = s->n_sites,
                                  .doubtful_max = MAX(slots_max(s) / 2, 1),
                                  .learned = pacing_learned,
                                  .learned_ctx = a,
                                  .per_host = s->per_host,
                                  .host_spacing_ms = s->host_spacing_ms,
                                  .starts_per_s = s->starts_per_s};
}

/* Builds the stages from the far end: whoever hands something on finds the next one there. */
static int build(struct app *a, struct td_err *err)
{
    const struct settings *s = a->settings;
    struct store_conf sc = {.path = s->store,
                            .progress = on_migration,
                            .progress_ctx = a,
                            .log_grew = on_log_grew,
                            .trouble = on_store_trouble,
                            .stories = &s->stories,
                            .ctx = a};
    int r = store_open(&a->store, a->loop, &sc, err);
    if (r == -EPROTO || r == -EUCLEAN)
        a->failed_id = MSG_STORE_UNUSABLE;
    if (r < 0)
        return r == -EBUSY                     ? EX_TEMPFAIL
               : r == -EPROTO || r == -EUCLEAN ? EX_DATAERR
                                               : EX_CANTCREAT;
    a->quarantine = xasprintf("%s/quarantine", s->state_dir);
    struct pool_conf pc = {.children = s->parsers, .quarantine = a->quarantine};
    if (!(a->pool = pool_new(a->loop, &pc, err)))
        return EX_OSERR;
    struct fetch_conf fc = app_fetch_conf(s);
    if (!(a->fetcher = fetcher_new(a->loop, &fc, err)))
        return EX_OSERR;
    struct schedule_conf hc = app_schedule_conf(a);
    a->schedule = schedule_new(&hc);
    a->hsts = hsts_new();
    push_init(a);
    if (saved_load(a, err) < 0)
        return EX_DATAERR;
    if (push_listen(a, err) < 0 || listen_start(a, err) < 0)
        return EX_CANTCREAT;
    if (deliver_start(a, err) < 0 || hub_start(a, err) < 0)
        return EX_OSERR;
    watch_start(a);
    return pacing_load(a, err) < 0 || feedload_start(a, err) < 0 ? EX_DATAERR : EX_OK;
}

/* From the near end: nothing new starts, what is queued for the writer is written. A transfer or a
 * parse under way is dropped: its feed keeps its old validators and due time, so the next start
 * asks again. */
static void take_down(struct app *a)
{
    control_end_reload(a);
    watch_stop(a);
    hub_stop(a);
    deliver_stop(a);
    serve_free(a->serve);
    push_free(a);
    deliver_free(a);
    fetcher_free(a->fetcher);
    pool_free(a->pool);
    if (a->store)
        store_close(a->store, 3000);
    errand_end_all(a);
    backfill_end_all(a);
    feedload_free(a);
    feedset_free(a);
    schedule_free(a->schedule);
    hsts_free(a->hsts);
    permit_end_all(a);
    saved_free(a);
    settings_free(a->settings);
    free(a->quarantine);
    free(a->store_trouble);
    flight_unwatch(a);
    ev_signal_stop(a->loop, &a->sig_term);
    ev_signal_stop(a->loop, &a->sig_int);
    ev_signal_stop(a->loop, &a->sig_hup);
}

static int load_settings(struct app *a)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 20);
    int r = settings_load(a->options->config, &a->settings, &problems);
    if (r == 0)
        return EX_OK;
    char *save = NULL;
    for (char *p = strtok_r(problems.data, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
        log_error("%s", p);
    log_alert(LOG_ERR, MSG_CONFIG_REFUSED, "%s: not usable; nothing was started",
              a->options->config);
    return EX_CONFIG;
}

int app_run(const struct app_options *o)
{
    struct app a = {.options = o, .loop = ev_default_loop(0), .started_at = clock_now_ms()};
    struct td_err err = {""};
    int code = load_settings(&a);
    if (code != EX_OK)
        return code;
    log_set_level(o->log_level >= 0 ? o->log_level : a.settings->log_level);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* at a limit on files a write fails, as on a full disk */
    log_notice("tidingsd " TIDINGS_VERSION " with %s: %zu feed%s configured", o->config,
               a.settings->n_feeds, a.settings->n_feeds == 1 ? "" : "s");
    if (slots_max(a.settings) < a.settings->concurrency)
        log_warning(
            "so few files may be open that %d transfers run at once, not %d: raise the limit "
            "(LimitNOFILE=, ulimit -n)",
            slots_max(a.settings), a.settings->concurrency);
    watch_signals(&a);
    flight_watch(&a);
    code = build(&a, &err);
    if (code == EX_OK)
        ev_run(a.loop, 0);
    else
        log_alert(LOG_ERR, a.failed_id, "%s", err.msg);
    take_down(&a);
    log_alert(LOG_NOTICE, MSG_STOPPED, "stopped");
    return code;
}
