/*
 * app_private.h - what the files directly in daemon/ share. Nobody else includes it.
 */
#ifndef TIDINGS_APP_PRIVATE_H
#define TIDINGS_APP_PRIVATE_H

#include <ev.h>
#include <uthash.h>

#include "app.h"
#include "config/settings.h"
#include "fetch/fetch.h"
#include "fetch/hsts.h"
#include "fetch/outcome.h"
#include "model/feed.h"
#include "parse/pool.h"
#include "schedule/move.h"
#include "schedule/policy.h"
#include "schedule/schedule.h"
#include "serve/serve.h"
#include "store/store.h"

struct flight;
struct outbox_counts;
struct put;

/* What a node of the schedule is part of. */
enum node_kind { NODE_FEED, NODE_HUB };

/* How a feed is found beside its name: in a table of hashes (feedfind.c). */
enum way_kind { WAY_ID, WAY_CONF, WAY_MOVED, N_WAYS };
struct way {
    struct feed *feed; /* NULL = it is not in the table */
    struct way *next;
    unsigned hash;
};
struct ways {
    struct way **heads;
    size_t size, n; /* SIZE is a power of two */
};

/* One subscription, configured or added. Lives from load to removal; see also `removed`. */
struct feed {
    struct sched_node node;
    struct td_feed_conf *conf;  /* the settings' for a configured feed, else owned */
    struct td_feed_state state; /* as last committed */
    struct flight *flight;      /* the fetch under way, NULL = none */
    struct flight *pushed;      /* what a hub sent, on its way; beside a fetch. NULL = nothing */
    struct push *push;          /* its subscription at a hub, NULL = it names none */
    struct adding *adding;      /* `tidings add` waits for its first fetch, NULL = no */
    UT_hash_handle hh;          /* app.feeds, by conf->name */
    UT_hash_handle by_url;      /* app.asked, by asked_url: only feeds that are asked */
    struct way ways[N_WAYS];    /* app.ways */
    char *asked_url;            /* as scheduled; NULL = it is not asked */
    struct feed *leader; /* asked at the same address: its answers are ours too; NULL = none */
    struct feed *riders, *next_rider; /* those who share ours */
    bool owns_conf;
    bool scheduled; /* its node is in the schedule */
    bool removed;   /* out of the set while a commit holds it: freed when that ends */
    bool in_round;  /* its first fetch since the start is still to come */
    bool is_errand; /* part of a struct errand */
};

/* `tidings add` waiting for an answer. */
struct adding {
    serve_answer_fn *done;
    void *ctx;
    bool keep; /* also when that fetch fails */
};

/* Where a fetch is. TRANSFER and HOP hold a place in the schedule, the others do not. TURN waits
 * for the commit of the feed's other flight. */
enum flight_phase {
    FLIGHT_TRANSFER,
    FLIGHT_HOP,
    FLIGHT_PARSE,
    FLIGHT_PUT,
    FLIGHT_TURN,
    FLIGHT_COMMIT
};

/* One fetch, from its start to its commit. */
struct flight {
    struct app *app;
    struct feed *feed;
    enum flight_phase phase;
    struct flight *prev, *next; /* app.brisk while it counts */
    int64_t transfer_at;        /* on the monotonic clock */
    bool brisk;
    bool strange;         /* TRANSFER: its host was not known to answer (slots.c) */
    bool unasked;         /* flight_keep */
    struct td_request rq; /* TRANSFER: fetch/ borrows it */
    struct fetch *fetch;
    struct pool_job *job; /* PARSE */
    char *url;            /* of this hop */
    char *home;           /* whose scheme, host and port the access settings (NULL: none) are for */
    char *moved_to;       /* where an unbroken row of permanent redirects has led, NULL = none */
    char *found;          /* the feed that the page named, NULL = none */
    struct robots_ask *robots; /* a robots.txt is asked first, NULL = none */
    bool permitted;            /* robots.txt allows `url` */
    struct redirect_chain chain;
    struct td_result res;      /* of the last hop; its body moves on to the parser */
    struct td_batch *batch;    /* what was parsed, until the commit takes it */
    struct td_feed_conf *conf; /* shared: a reload may give the feed another meanwhile */
    struct td_hints hints;
    int64_t started_at;
    uint64_t wire_bytes; /* of all hops */
    bool pushed;         /* no fetch: a hub sent the document. Begins with PARSE */
    uint64_t call;       /* PUSHED: of the hub that waits for our answer, 0 = none */
};

/* Events per second, forgotten with a time constant of ten seconds; needs no timer. */
struct rate {
    double per_s;
    int64_t at; /* monotonic */
};

struct counters { /* of this run */
    uint64_t fetches[TD_OUT_N], bytes, items_new, items_changed, items_backlog, fetch_ms;
    struct rate items, polls;
};

struct round { /* the first fetch of every feed that was due at the start */
    size_t feeds, pending, ok, failed;
    int64_t items, started_mono;
};

struct app {
    const struct app_options *options;
    struct ev_loop *loop;
    struct settings *settings;
    struct store *store;
    struct fetcher *fetcher;
    struct pool *pool;
    struct schedule *schedule;
    struct hsts *hsts;
    struct permit *permits; /* what hosts' robots.txt said, the oldest first (permit.c) ... */
    size_t permit_bytes;    /* ... and the memory of it */
    struct serve *serve;
    struct hub *hub;
    struct deliver *deliver, *deliver_left; /* LEFT: stopped, but questions are under way */
    struct feed *feeds;                     /* by name */
    struct put *puts;                       /* feeds on their way into the store (feedload.c) */
    struct ways ways;                       /* to feeds, by number and address */
    struct feed *asked;   /* by address: one feed of each, the others ride along */
    struct flight *brisk; /* transfers that have not taken long, in order of their start */
    size_t n_strange, n_strange_brisk; /* transfers at hosts that are not known to answer */
    size_t n_brisk, n_transfers, n_parsing, n_committing, n_failing;
    ev_timer wake;     /* the next feed is due */
    ev_prepare before; /* runs start_feeds once a turn of the loop if `look` */
    bool look;
    ev_timer tick;         /* signs of life to the service manager */
    const char *failed_id; /* MESSAGE_ID of what kept us from starting, NULL = none of its own */
    const char *migration; /* what of it was last told, and when (monotonic) */
    int64_t migration_told_at, extended_at;
    bool stuck; /* and why there are none at the moment */
    ev_signal sig_term, sig_int, sig_hup;
    struct counters count;
    struct round round;
    int64_t started_at;
    bool ready;
    char *store_trouble; /* why writing fails at the moment, NULL = it works */
    char *quarantine;
    struct errand *errands;
    struct backfill *backfills;
    struct td_saved_query *queries; /* with a name: config's and saved ones (saved.c) */
    size_t n_queries;
    struct pushing *pushing; /* subscriptions at hubs */
    struct reload *reload;   /* one under way, NULL = none */
    int exit_code;
};

/* ---- app.c: builds the stages and joins them ---- */
/* Something changed: look for feeds that may start before the loop sleeps again. */
void app_look(struct app *a);
/* The schedule is loaded and every feed has its id. */
void app_ready(struct app *a);
/* What a stage takes from the settings, at the start and at a reload. */
struct fetch_conf app_fetch_conf(const struct settings *s);
struct schedule_conf app_schedule_conf(struct app *a);

/* ---- listen.c: where the daemon answers ---- */
/* Makes the server and opens its sockets, inherited or our own. */
int listen_start(struct app *a, struct td_err *err);
/* Takes over the tokens of new settings. */
void listen_configure(struct app *a);

/* ---- saved.c: queries with a name ---- */
/* Those the store has; before listen_start. */
int saved_load(struct app *a, struct td_err *err);
/* Joins them with the settings' and gives them to all who look for names. */
void saved_configure(struct app *a);
void saved_free(struct app *a);
/* serve_ops.query_save, query_remove */
void saved_put(void *app, const struct td_saved_query *q, serve_answer_fn *done, void *ctx);
void saved_remove(void *app, const char *name, serve_answer_fn *done, void *ctx);

/* ---- flight.c: a feed is due, is fetched, parsed ---- */
/* Feeds start in the loop from then on (when the daemon is ready), and until. */
void flight_watch(struct app *a);
/* 0, or -EAGAIN and why no fetch begins at present: nothing can be stored, or parsed. For those who
 * would wait for one. */
int flight_paused(const struct app *a, struct td_err *err);
void flight_unwatch(struct app *a);
/* Drops the fetch in whatever phase but COMMIT, without a result; the feed is left unscheduled. */
void flight_drop(struct feed *f);
/* Drops what a hub sent, unless it is in COMMIT. */
void flight_drop_pushed(struct feed *f);
/* `tidings add` has come to URL (NULL = to no other), and a feed is there already: it is told so.
 */
bool flight_is_known(struct flight *fl, const char *url);
/* Frees a flight that no stage knows any more; accepts NULL. */
void flight_free(struct flight *fl);
/* A fetch of F that begins NOW, in no phase yet and not yet F's. */
struct flight *flight_new(struct app *a, struct feed *f, int64_t now);
/* A hub sent a document of F, and none is on its way: parses and stores it. Takes BODY; TYPE: its
 * Content-Type or NULL. */
void flight_pushed(struct app *a, struct feed *f, struct buf *body, const char *type,
                   uint64_t call);

/* ---- pacing.c: what servers bear, between schedule, fetch and store ---- */
/* The schedule has told what a server has taught (schedule_conf.learned; CTX = the app). */
void pacing_learned(void *ctx, const struct td_learned *l);
/* Brings back what the store has kept; before the feeds are loaded. */
int pacing_load(struct app *a, struct td_err *err);
/* F's flight knows its server's address (td_request.admit; CTX = the flight). */
bool pacing_admit(void *ctx, const char *address);
/* The flight was not admitted: it waits for its server's next place. */
void pacing_wait(struct flight *fl);
/* An answer of the host where N is, or why there is none. */
void pacing_answered(struct app *a, const struct sched_node *n, const struct td_result *result,
                     int64_t now);
/* F has come into the schedule: what its last fetch, perhaps before a restart, says of its host. */
void pacing_known(struct app *a, struct feed *f, int64_t now);

/* Does somebody who asks for URL wait for long, because its host has asked to be left alone?
 * -EAGAIN and ERR. */
int pacing_patience(const struct app *a, const char *url, struct td_err *err);

/* ---- permit.c: what robots.txt allows, for feeds that mind it ---- */
/* FL is about to ask for its url. False: it may not, and its res says why. When nothing is known of
 * the host, fl->robots is there from then on: the next transfer is permit_request's. */
bool permit_look(struct flight *fl, int64_t now);
/* Makes fl->rq, which asks for url, one that asks for the robots.txt. */
void permit_request(struct flight *fl);
/* The answer to that (takes RESULT). What to ask for next, borrowed of FL: its url, or where the
 * robots.txt is. NULL: nothing, and its res says why. */
const char *permit_answered(struct flight *fl, struct td_result *result, int64_t now);
/* No robots.txt is asked for any more. */
void permit_drop(struct flight *fl);
void permit_end_all(struct app *a);

/* ---- strict.c: hosts that want https only (fetch/hsts.h), kept in the store ---- */
/* URL has answered. */
void strict_learn(struct app *a, const char *url, const struct td_sts *sts);
/* The https address to ask in URL's place (gives), NULL = URL itself. */
char *strict_upgrade(const struct app *a, const char *url);
/* URL, or the https address to ask in its place (gives). */
char *strict_url(const struct app *a, const char *url);
/* Where F is asked now (gives). */
char *strict_feed_url(const struct app *a, const struct feed *f);
/* What the store has kept under KEY of a td_learned. False: that is not one of ours. */
bool strict_recall(struct app *a, const struct td_learned *l);

/* ---- slots.c: how many transfers run at once ---- */
/* The config's concurrency, or what the files that may be open allow (base/files.h). */
int slots_max(const struct settings *s);
/* May one more transfer begin? Those that take long do not count (LIMIT_BRISK_MS). */
bool slots_free(struct app *a);
/* Are those that are left kept for hosts that are known to answer? */
bool slots_crowded(const struct app *a);
void slots_take(struct flight *fl);
void slots_give(struct flight *fl);
/* When one of those that count will have taken long, in ms; -1 = none runs. */
int64_t slots_wait_ms(const struct app *a);

/* ---- settle.c: everything is known: one commit, and the next turn ---- */
void flight_settle(struct flight *fl);
/* F, new, is stored before its host may be asked, and put into the schedule then. */
void flight_keep(struct app *a, struct feed *f);
/* F's address, or who is let in, is another than it was for what is known of it: it is asked soon.
 */
void settle_changed(struct app *a, struct feed *f, bool moved);
/* The commit of what FL brought (gives; its batch goes with it), without `done`. */
struct store_commit *settle_commit(struct flight *fl);
void rate_add(struct rate *r, double n);
double rate_now(const struct rate *r);

/* ---- errand.c: a fetch that is no poll ---- */
struct errand {
    struct feed feed; /* in no set, its own conf and state */
    struct app *app;
    struct errand *prev, *next;
    struct td_recording *rec; /* takes it down; NULL = not wanted */
    /* FL (still feed.flight) has come to its end: its res and batch are there. */
    void (*settled)(struct errand *e, struct flight *fl);
    /* The daemon ends: frees it without a word. */
    void (*drop)(struct errand *e);
};
/* Takes CONF. The rest of E is set. STATE (copied): of a known feed, NULL = nothing is known. */
void errand_start(struct errand *e, struct app *a, struct td_feed_conf *conf,
                  const struct td_feed_state *state);
/* Gives back what it holds, not E itself; not while a commit has its flight. */
void errand_fini(struct errand *e);
/* When all stages but the schedule are gone. */
void errand_end_all(struct app *a);
/* For flight.c and settle.c. */
struct td_exchange *errand_record(struct feed *f);
void errand_settle(struct flight *fl);

/* ---- look.c: `tidings fetch` ---- */
/* serve_ops.fetch */
void look_start(void *app, const char *what, bool full, serve_bytes_fn *done, void *ctx);

/* ---- backfill.c: `tidings backfill` ---- */
/* serve_ops.backfill and .backfills */
void backfill_start(void *app, const char *feed, const char *from, bool past_known,
                    serve_answer_fn *done, void *ctx);
void backfill_status(void *app, struct buf *out);
/* After errand_end_all. */
void backfill_end_all(struct app *a);

/* ---- feedlog.c ---- */
/* What the fetch that ended in F's state and in R, from the state BEFORE, is worth in the log. */
void feedlog_outcome(struct app *a, struct feed *f, const struct td_feed_state *before,
                     const struct store_commit_result *r);

/* ---- push.c: subscriptions at hubs (WebSub) ---- */
/* Before feedload_start; opens no socket. */
void push_init(struct app *a);
/* Frees all; subscriptions stay as they are at the hubs. */
void push_free(struct app *a);
/* Listens for hubs as the settings say, also after a reload. 0, or negative errno and the reason.
 */
int push_listen(struct app *a, struct td_err *err);
/* F has come from the store with a text in its state: that becomes its subscription, if there is
 * one or may be one. */
void push_load(struct app *a, struct feed *f);
/* The same for a feed that is not there any more: it is given up. */
void push_load_left(struct app *a, int64_t feed_id, const char *text);
/* Something about F that matters here has changed (enabled, gone, rides along, its config). */
void push_look(struct feed *f);
/* The same for all: at the start, and after a reload. */
void push_look_all(struct app *a);
/* F is asked at another address from now on: what was learned at the old one is given up. */
void push_moved(struct app *a, struct feed *f);
/* F goes out of the set: its subscription is given up. */
void push_remove(struct app *a, struct feed *f);
/* A fetch of F that began in the state BEFORE has ended in F's state, C and R. */
void push_polled(struct app *a, struct feed *f, const struct td_feed_state *before,
                 const struct store_commit *c, const struct store_commit_result *r);
/* A document pushed by CALL has become R, or NULL: WHY nothing of it could be used. */
void push_stored(struct app *a, struct feed *f, uint64_t call, const struct store_commit_result *r,
                 const struct td_err *why);
/* Until when F's polls only look after its hub, for td_feed_state.pushed_until. */
int64_t push_relied_until(const struct feed *f, int64_t now);
/* A node of kind NODE_HUB may start: N holds a place. */
void push_start(struct app *a, struct sched_node *n);
/* How many subscriptions are live, and how many wait for their hub. */
struct push_counts {
    size_t live, asked;
    uint64_t taken, hints, ignored; /* pushes of this run */
};
void push_count(const struct app *a, struct push_counts *ret);

/* ---- deliver.c: subscriptions ---- */
int deliver_start(struct app *a, struct td_err *err);
/* After a reload: what the new settings say of subscriptions. */
void deliver_configure(struct app *a);
/* query:NAME means something else: who names one is matched anew. */
void deliver_names_changed(struct app *a);
/* Gives up what is with consumers; before serve_free. And the rest of it, after. */
void deliver_stop(struct app *a);
void deliver_free(struct app *a);
void deliver_subscribe(void *app, const char *name, const char *text, int64_t seq, bool check,
                       serve_answer_fn *done, void *ctx);
void deliver_unsubscribe(void *app, const char *name, serve_answer_fn *done, void *ctx);
/* Another definition for one that was made at run time: it goes on where it is. -ENOENT: there is
 * none. */
int deliver_renew(struct app *a, const char *name, const char *text, struct td_err *err);
/* All of them, in turn: NULL gives the first, and is the end. */
struct sub *deliver_next(struct app *a, const struct sub *after);
/* How many there are, and in what state; false: none are delivered yet, or any more. */
bool deliver_count(const struct app *a, struct outbox_counts *ret);

/* ---- hub.c: our WebSub hub ---- */
int hub_start(struct app *a, struct td_err *err);
void hub_configure(struct app *a);
void hub_stop(struct app *a);
/* serve_ops.hub. */
struct td_hub_request;
int hub_ask(void *app, const struct td_hub_request *r, struct td_err *err);

/* ---- feedset.c: which feeds there are ---- */
struct feed *feedset_by_name(struct app *a, const char *name);
/* By name, id in digits, or address: what a person calls it. */
struct feed *feedset_named(struct app *a, const char *what);
/* A feed with CONF and nothing known, not scheduled. Its name must be new. OWN: takes CONF. */
struct feed *feedset_add(struct app *a, struct td_feed_conf *conf, bool own);
/* Tells the store its retention and puts it into the schedule at its due time, if it is enabled. */
void feedset_schedule(struct app *a, struct feed *f);
/* Out of the schedule. A feed that rode along takes its place there. */
void feedset_unschedule(struct app *a, struct feed *f);
/* After a fetch: back to where it belongs in the schedule when its address has changed, or STRAYED
 * to another host for this fetch. */
void feedset_settle(struct app *a, struct feed *f, bool strayed);
/* Its leader or itself: whose fetches are its fetches. */
struct feed *feedset_asked(struct feed *f);
/* Out of the maps, the schedule and, unless a commit holds it, out of memory. */
void feedset_remove(struct app *a, struct feed *f);
/* Frees a feed that is in no map any more. */
void feedset_release(struct feed *f);
void feedset_free(struct app *a);

/* ---- feedfind.c: feeds by number and address ---- */
struct feed *feedset_by_id(struct app *a, int64_t feed_id);
/* A feed that has URL as the address of its config, or is asked there, and FITS (NULL = any). */
typedef bool feed_test(const struct feed *f, const void *ctx);
struct feed *feedset_at(struct app *a, const char *url, feed_test *fits, const void *ctx);
/* The number of F, or an address in its conf or state, is another than before. */
void feedfind_changed(struct app *a, struct feed *f);
void feedfind_remove(struct app *a, struct feed *f);
/* Of all, which are gone already. */
void feedfind_free(struct app *a);
bool feedfind_same_address(const char *a, const char *b);

/* ---- feedload.c: the config's feeds and the store's joined ---- */
/* Gives new ones an id, schedules all, then app_ready. */
int feedload_start(struct app *a, struct td_err *err);
/* Makes the running set what NEW says (taken: becomes app.settings). */
void feedload_apply(struct app *a, struct settings *new, const struct settings_diff *d);
/* Forgets what the store was not asked for any more. */
void feedload_free(struct app *a);

/* ---- watch.c: what the service manager is told ---- */
/* The daemon in a line of words. */
void watch_status(struct app *a, char *buf, size_t size);
/* From when the stages are built until they are taken down. */
void watch_start(struct app *a);
void watch_stop(struct app *a);

/* ---- status.c: what is going on (serve_ops) ---- */
const char *status_feed_phase(void *app, int64_t feed_id);
void status_json(void *app, struct buf *out);
void status_metrics(void *app, struct buf *out);
int status_ready(void *app, struct td_err *err);
void status_pacing(void *app, int64_t feed_id, struct buf *out);
/* Why an http feed is asked over https, if it is; also serve_ops.feed_https. */
void status_https(void *app, int64_t feed_id, struct buf *out);
void status_access(void *app, int64_t feed_id, struct buf *out);

/* ---- control.c: what users ask ---- */
extern const struct serve_ops control_ops;
/* Loads the config again on a thread of its own and applies it whole or not at all. DONE may be
 * NULL (SIGHUP): the log says how it went. */
void control_reload(struct app *a, serve_answer_fn *done, void *ctx);
/* Waits for the thread of a reload under way and forgets it. */
void control_end_reload(struct app *a);
/* Answers the `tidings add` that waits for F, if one does. */
void control_added(struct feed *f, int result, const struct td_err *err, int n_items);

#endif
