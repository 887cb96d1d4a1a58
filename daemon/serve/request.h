/*
 * request.h - one API request inside serve/: what was asked, where its answer is made.
 *
 * A request belongs to the loop; while its `run` is under way the connection is suspended and the
 * reader thread may use it (params, arg, work, out, status), nobody else. The functions here that
 * fill in an answer may be called on either side.
 */
#ifndef TIDINGS_SERVE_REQUEST_H
#define TIDINGS_SERVE_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ev.h>
#include <jansson.h>
#include <microhttpd.h>

#include "base/buf.h"
#include "base/err.h"
#include "notify/ask.h"
#include "notify/filter.h"
#include "notify/outbox.h"
#include "model/token.h"
#include "notify/stream.h"
#include "query/query.h"
#include "serve/frontend.h"
#include "serve/listener.h"
#include "serve/mhd_loop.h"
#include "serve/param.h"
#include "serve/route.h"
#include "serve/serve.h"

struct tail;
struct op;

/* A listening socket at work. */
struct gate {
    struct serve *s;
    struct listener listener;
    const struct frontend *frontend;
    ev_io accepting;
    int n_connections;
    struct gate *prev, *next;
};

struct serve {
    struct ev_loop *loop;
    struct store *store;
    const struct serve_ops *ops;
    void *app;
    struct asker *asker;
    struct stream *stream;
    struct outbox *outbox; /* borrowed; NULL = none */
    struct mhd_loop mhd;
    bool closing;

    struct gate *gates;
    struct gate *opening;  /* whose connection is being handed to libmicrohttpd */
    ev_timer accept_again; /* after running out of descriptors */
    int n_connections, max_connections;

    struct request *requests;
    struct op *ops_pending;
    struct tail *tails;
    ev_timer tails_tick;

    struct td_token *tokens; /* owned, as listen_names */
    size_t n_tokens;
    char *listen_names;
    struct td_saved_query *queries; /* owned, as public_url */
    size_t n_queries;
    char *public_url;        /* where others reach the API, NULL = as they ask */
    uint64_t n_refused;      /* for want of a token */
    int64_t refused_told_at; /* monotonic; how many of them the log knows of */
    uint64_t n_refused_told;

    atomic_size_t held;   /* bytes of answers and request bodies */
    int64_t n_answers[6]; /* by the first digit of the status */
};

struct request {
    struct serve *s;
    struct MHD_Connection *conn; /* NULL until the request line and header are complete */
    struct request *prev, *next;
    const struct frontend *frontend; /* of the socket it came in by */

    char *path; /* raw */
    char *query;
    char *host; /* of a target in absolute form, NULL = it is not */
    struct params params;
    const struct route *route;
    char *arg;
    bool stranger; /* passed without the token that the others need */
    struct buf body;

    bool started, ready, suspended, too_large;
    bool last;    /* the connection is closed behind the answer */
    bool head;    /* the method is HEAD: nothing may come of it but the header */
    bool endless; /* it is the header of a stream */
    struct ask ask;
    struct op *op;
    void *work; /* the handler's, freed with the request after WORK_FREE (may be NULL) had it */
    void (*work_free)(void *work);
    json_t *json;
    size_t held; /* its part of serve.held */

    int status;
    const char *type; /* Content-Type */
    struct buf out;
    char *link; /* Link header */
    char *etag; /* and Last-Modified, "" = none */
    char last_modified[40];
    const char *cache;     /* Cache-Control; NULL = no-store */
    const char *challenge; /* WWW-Authenticate header */
    char allow[64];
    struct tail *tail; /* the answer is a stream */
};

/* OF, a number of connections of LIMIT_CONNECTIONS, in proportion to those that there can be here;
 * at least 1. */
int serve_share(const struct serve *s, int of);

/* Which host the request is for: that of its target, else the Host field; NULL = none. */
const char *request_host(const struct request *q);
/* The answer is complete (loop). */
void request_done(struct request *q);
/* Goes on with a suspended connection, in this turn of the loop. */
void request_resume(struct request *q);
/* Makes the answer an error: {"error":{"status":...,"reason":"..."}}. Returns 0. */
int request_fail(struct request *q, int status, const char *reason);
/* The same for a negative errno of ours; DETAILS, a JSON object or NULL, adds its members. */
int request_errno(struct request *q, int result, const struct td_err *err, const char *details);
/* Reads parameter NAME as a query (query/query.h): 0 and *RET (NULL when it is not given), or the
 * answer is an error that also says where the mistake is, and -EINVAL. */
int request_query(struct request *q, const char *name, struct query **ret);
/* The HTTP status for a negative errno. Pure. */
int request_status(int result);
/* The body as a JSON object in q->json, {} when there is none: 0, or the answer is an error and
 * -EINVAL. Members that are not in ALLOWED (separated by spaces) are refused. */
int request_json(struct request *q, const char *allowed);
/* A string member: NULL when it is missing; *OK becomes false when it is something else. */
const char *request_member(struct request *q, const char *name, bool *ok);

/* A change that app.c or the store makes, whose answer may come after the request is gone. */
struct op {
    struct request *q; /* NULL: the connection is gone */
    struct serve *s;
    struct op *prev, *next;
    /* Loop: makes the answer from the result; NULL = JSON is the body. */
    void (*answer)(struct request *q, int result, const struct td_err *err, const char *json);
};
struct op *op_new(struct request *q);
/* serve_answer_fn and store_done_fn, with an op (taken) as the context. */
void op_answered(void *op, int result, const struct td_err *err, const char *json);
void op_stored(void *op, int result, const struct td_err *err);

/* ---- admit.c: who comes in over TCP --------------------------------------------------------- */

/* The `admit` of frontend_http. */
int admit_token(struct request *q);

/* ---- tail.c: the answer that follows the log ------------------------------------------------ */

struct tail_conf {
    struct follower_conf where; /* wake and ctx are set by tail_new */
    struct filter *filter;      /* taken; NULL = all */
    const char *as;             /* the consumer; NULL = nobody by name */
    bool position_follows;      /* it is a subscription whose position may follow (below) */
    bool sse;
};
/* The request's answer becomes the stream. A name is one consumer: another client that follows
 * under it is told so, and its stream ends (it may be the same one, whose old connection broke
 * without a word). */
void tail_new(struct request *q, const struct tail_conf *conf);
/* The answer is the header that it would have (RFC 9110 9.3.2), and no tail. */
void tail_head_only(struct request *q, const struct tail_conf *conf);
/* Consumer NAME has had everything up to SEQ. With a filter its position would stay behind while
 * nothing matches, until the log is not kept for it any more: so when all that a tail was given is
 * acknowledged, the position follows to where the tail is; not after it was set back (rewind),
 * until something is acknowledged again. */
void tail_acknowledged(struct serve *s, const char *name, int64_t seq);
/* Its position was set to another place by a user. */
void tail_rewound(struct serve *s, const char *name);
/* From on_request: the answer in VERSION begins, and the connection is the tail's until it is over.
 * False: it is, libmicrohttpd shall close it. */
bool tail_run(struct tail *t, const char *version);
/* When the connection is over. Accepts NULL. */
void tail_free(struct tail *t);
/* Ends all of them (serve_free). */
void tail_end_all(struct serve *s);
void tail_init(struct serve *s);

/* ---- handlers (routes.c) -------------------------------------------------------------------- */

int api_index(struct request *q);
void api_status(struct request *q, struct reader *r);
int api_status_finish(struct request *q);
int api_healthz(struct request *q);
int api_readyz(struct request *q);
void api_metrics(struct request *q, struct reader *r);
int api_metrics_finish(struct request *q);
int api_reload(struct request *q);

int api_feeds_start(struct request *q);
void api_feeds(struct request *q, struct reader *r);
int api_feeds_finish(struct request *q);
void api_feed(struct request *q, struct reader *r);
int api_feeds_add(struct request *q);
int api_vacuum(struct request *q);
void api_feed_find(struct request *q, struct reader *r);
int api_feed_remove(struct request *q);
int api_refresh_start(struct request *q);
int api_refresh(struct request *q);
int api_fetch(struct request *q);
int api_backfill(struct request *q);
int api_backfills(struct request *q);

int api_items_start(struct request *q);
void api_items(struct request *q, struct reader *r);
int api_stories_start(struct request *q);
void api_stories(struct request *q, struct reader *r);
int api_story_start(struct request *q);
void api_story(struct request *q, struct reader *r);
void api_story_of(struct request *q, struct reader *r);
int api_story_fix(struct request *q);
int api_atom_start(struct request *q);
int api_rss_start(struct request *q);
int api_jsonfeed_start(struct request *q);
void api_syndicate(struct request *q, struct reader *r);
int api_queries(struct request *q);
int api_query_save(struct request *q);
int api_query_remove(struct request *q);
int api_hub(struct request *q);
int api_item_start(struct request *q);
void api_item(struct request *q, struct reader *r);

void api_subs(struct request *q, struct reader *r);
int api_subs_finish(struct request *q);
int api_sub_add(struct request *q);
void api_sub_add_at(struct request *q, struct reader *r);
int api_sub_add_finish(struct request *q);
int api_sub_remove(struct request *q);
int api_sub_pause(struct request *q);
int api_sub_resume(struct request *q);
int api_sub_rewind(struct request *q);
void api_sub_rewind_at(struct request *q, struct reader *r);
int api_sub_rewind_finish(struct request *q);
int api_sub_skip(struct request *q);
int api_sub_test(struct request *q);
void api_sub_letters(struct request *q, struct reader *r);
int api_sub_replay(struct request *q);
int api_sub_forget(struct request *q);

int api_events_start(struct request *q);
void api_events(struct request *q, struct reader *r);
int api_events_finish(struct request *q);
void api_cursors(struct request *q, struct reader *r);
int api_cursor_set(struct request *q);
void api_cursor_find(struct request *q, struct reader *r);
int api_cursor_delete(struct request *q);

#endif
