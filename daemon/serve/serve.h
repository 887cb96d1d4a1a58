/*
 * serve.h - the HTTP API (docs/API.md) on libmicrohttpd inside the libev loop.
 *
 * Loop thread. Queries run on the store's reader thread while the connection is suspended; a
 * follower (SSE, JSON Lines) reads the event log from its own position in bounded steps, so a slow
 * one waits by itself and holds nobody. What changes the daemon goes through serve_ops, given by
 * app.c.
 */
#ifndef TIDINGS_SERVE_SERVE_H
#define TIDINGS_SERVE_SERVE_H

#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

struct serve;
struct td_hub_request;
struct td_saved_query;

/* Answer of an operation, on the loop, also from within the call: RESULT 0 or negative errno; JSON
 * (an object, borrowed) is the body on success; with an error its members are added to the error's
 * object ("problems"), and it may be NULL. */
typedef void serve_answer_fn(void *ctx, int result, const struct td_err *err, const char *json);

/* The same with bytes (borrowed) for an answer. */
typedef void serve_bytes_fn(void *ctx, int result, const struct td_err *err, const char *p,
                            size_t n);

/* A feed to be added; all but URL may be NULL. */
struct serve_add {
    const char *url;
    const char *name;  /* NULL: made from URL */
    const char *title; /* in place of the feed's own */
    const char *tags;  /* joined by '\n' */
    bool keep;         /* also when it cannot be read now; the answer has "error" then */
};

struct serve_ops {
    /* Live numbers as one JSON object (without the store's counts, which serve adds). */
    void (*status)(void *app, struct buf *out);
    /* Prometheus text of the live counters. */
    void (*metrics)(void *app, struct buf *out);
    /* Live state of one feed that the store does not have: "waiting", "ready", "fetching",
     * "parsing"; NULL when unknown. */
    const char *(*feed_phase)(void *app, int64_t feed_id);
    /* Adds in words what the feed's server and the feeds beside it make it wait for; nothing when
     * there is nothing to tell. */
    void (*feed_pacing)(void *app, int64_t feed_id, struct buf *out);
    /* Adds in words what lets it in, without any secret; nothing when it needs nothing. */
    void (*feed_access)(void *app, int64_t feed_id, struct buf *out);
    /* Adds in words why an http feed is asked over https; nothing when it is not. */
    void (*feed_https)(void *app, int64_t feed_id, struct buf *out);
    /* `tidings add`: subscribe to a feed, or to the one that a page names. */
    void (*add)(void *app, const struct serve_add *feed, serve_answer_fn *done, void *ctx);
    void (*remove)(void *app, int64_t feed_id, serve_answer_fn *done, void *ctx);
    /* feed_id 0 = all. JSON: how many, and when they are due. */
    void (*refresh)(void *app, int64_t feed_id, serve_answer_fn *done, void *ctx);
    void (*reload)(void *app, serve_answer_fn *done, void *ctx);
    /* Makes a subscription, or with CHECK only says whether that would work. TEXT: "key = value"
     * lines; its cursor begins at SEQ. JSON: the subscription. -EEXIST: there is one. */
    void (*subscribe)(void *app, const char *name, const char *text, int64_t seq, bool check,
                      serve_answer_fn *done, void *ctx);
    /* -ENOENT, -EPERM: it stands in the config. */
    void (*unsubscribe)(void *app, const char *name, serve_answer_fn *done, void *ctx);
    /* Saves a query under its name (Q is borrowed), or removes it. -EPERM: it stands in the config;
     * -EEXIST: another query or a subscription names it, and could not be read any more. */
    void (*query_save)(void *app, const struct td_saved_query *q, serve_answer_fn *done, void *ctx);
    void (*query_remove)(void *app, const char *name, serve_answer_fn *done, void *ctx);
    /* WebSub hub: the callback is to be asked whether it wants that, and then it is done. -EAGAIN:
     * too many are being asked. */
    int (*hub)(void *app, const struct td_hub_request *r, struct td_err *err);
    /* `tidings fetch`: fetches WHAT (a feed's name or id, or an address) as a poll would, FULL:
     * without validators, stores nothing, and gives the recording (fetch/warc.h). */
    void (*fetch)(void *app, const char *what, bool full, serve_bytes_fn *done, void *ctx);
    /* `tidings backfill`: reads FEED's archives backwards, from its own document or from FROM
     * (NULL), PAST_KNOWN: also behind known items. The answer is the report, when it is over. */
    void (*backfill)(void *app, const char *feed, const char *from, bool past_known,
                     serve_answer_fn *done, void *ctx);
    /* The reports of those that go on and of the last ones, as a JSON object. */
    void (*backfills)(void *app, struct buf *out);
    /* -EAGAIN with a reason while the daemon is not ready. */
    int (*ready)(void *app, struct td_err *err);
};

struct serve_conf {
    const struct serve_ops *ops;
    void *app;
};

/* Listens nowhere yet. */
int serve_new(struct serve **ret, struct ev_loop *loop, struct store *store,
              const struct serve_conf *conf, struct td_err *err);
/* From now on offers at L (taken) what FRONTEND (borrowed) says. Any number of them. */
struct listener;
struct frontend;
void serve_listen(struct serve *s, struct listener *l, const struct frontend *frontend);
/* Ends all connections and closes the sockets; waits for the query that runs. Before store_close
 * and while APP is whole. Accepts NULL. Answers of operations that come later are ignored. */
void serve_free(struct serve *s);
/* Who may ask over TCP from now on (copied); NAMES: host names it may be asked by, joined by '\n',
 * NULL = addresses alone. Without a token nobody may. */
struct td_token;
void serve_set_access(struct serve *s, const struct td_token *tokens, size_t n, const char *names);
/* What deliveries use too. Borrowed; until serve_free. */
struct stream *serve_stream(struct serve *s);
struct asker *serve_asker(struct serve *s);
/* The deliveries, which the API shows and steers; borrowed, NULL = none (any more). */
struct outbox;
void serve_set_outbox(struct serve *s, struct outbox *o);
/* The queries that have a name, and where others reach the API (NULL = as they ask), from now on
 * (copied). */
void serve_set_queries(struct serve *s, const struct td_saved_query *queries, size_t n,
                       const char *public_url);
/* The log now ends at LAST_SEQ: wakes the followers. */
void serve_log_grew(struct serve *s, int64_t last_seq);

#endif
