/*
 * pool.h - the sandboxed parser processes, seen from the loop.
 *
 * N children (tidings-parser, launch.h), one document at a time each, talked to over a socketpair.
 * A child that dies, lies (wire.h) or takes longer than LIMIT_PARSE_MS is killed and replaced; its
 * document costs the feed one TD_OUT_PARSER and is kept in the quarantine folder. Loop thread only.
 * Never blocks, but for the file written after a crash (quarantine.h) and the vfork of a start.
 *
 * A child keeps nothing between documents, but it is one process: whoever takes it over can also
 * spoil the documents that the same child reads later, until it is replaced
 * (LIMIT_PARSER_JOBS). It cannot reach files, network, other processes or the daemon's memory.
 *
 * When three children in a row die before they are ready, the environment is broken, and no feed is
 * to blame: that is said once in the log, jobs wait (urgent ones fail with the reason), there is no
 * room for more, and another start is tried after 1 s, 2 s, ... 60 s.
 */
#ifndef TIDINGS_PARSE_POOL_H
#define TIDINGS_PARSE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/entry.h"

struct pool;
struct pool_job;

struct pool_conf {
    int children;
    const char *exe;        /* the parser's program; NULL = launch_path() of launch.h */
    const char *quarantine; /* folder, made when first needed; NULL = keep nothing */
    int64_t deadline_ms;    /* of one document; 0 = LIMIT_PARSE_MS */
    int max_jobs;           /* documents before a child is replaced; 0 = LIMIT_PARSER_JOBS */
};

struct pool_request {
    struct buf body;                            /* taken */
    const char *base_url, *content_type, *link; /* copied; may be NULL */
    const char *feed;    /* name, for the log and the quarantined file; copied */
    bool want_discovery; /* not a feed? then list the feeds the page links to */
    bool urgent;         /* somebody waits: fails when no parser can be started */
};

enum pool_status {
    POOL_OK,         /* batch */
    POOL_NOT_A_FEED, /* err; with want_discovery: links */
    POOL_TOO_LARGE,  /* err: a limit leaves nothing usable */
    POOL_DIED, /* err: crash, deadline, memory (the document is quarantined, err says where), or
                  urgent and no parser can be started */
};

struct pool_answer {
    enum pool_status status;
    struct td_batch *batch; /* owned by the callee */
    struct td_err err;
    char **links; /* discovery: NULL-terminated "URL\tTYPE\tTITLE", borrowed; NULL = none */
};

/* Called from the loop; may submit and cancel, must not free the pool. */
typedef void pool_done_fn(void *ctx, struct pool_answer *answer);

/* LOOP is libev's default loop (it alone reaps children). NULL and the reason: another loop, or the
 * parser's program is missing. No child is started before the first job, no more than jobs need. */
struct pool *pool_new(struct ev_loop *loop, const struct pool_conf *conf, struct td_err *err);
/* Kills the children; jobs are dropped without callbacks. */
void pool_free(struct pool *p);
/* Queues one document. Never calls DONE from within. */
struct pool_job *pool_submit(struct pool *p, struct pool_request *req, pool_done_fn *done,
                             void *ctx);
/* The caller is not interested any more. */
void pool_cancel(struct pool_job *j);
/* False when LIMIT_POOL_BYTES wait, or jobs wait for a parser that can be started: start no more
 * fetches. */
bool pool_has_room(const struct pool *p);
/* Milliseconds of the monotonic clock at which a job was last answered, a child became ready, or
 * the pool got a job after having none (watchdog: look at it only while pool_busy). */
long long pool_progress_at(const struct pool *p);
/* Why no parser can be started; NULL = they can. */
const char *pool_trouble(const struct pool *p);
/* Is any job unanswered that could be answered? */
bool pool_busy(const struct pool *p);
/* Jobs that no child has in hand yet. */
size_t pool_waiting(const struct pool *p);

#endif
