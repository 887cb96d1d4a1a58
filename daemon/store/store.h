/*
 * store.h - everything tidings remembers, behind one narrow interface. All SQL is inside store/.
 *
 * One writer thread owns the writing connection: it takes what is queued (group commit), runs one
 * transaction with synchronous=FULL and hands the finished operations back to the loop by ev_async,
 * in order. One reader thread runs queries on a read-only connection (reader.h). Loop thread calls
 * only.
 */
#ifndef TIDINGS_STORE_STORE_H
#define TIDINGS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "base/err.h"
#include "model/entry.h"
#include "model/exchange.h"
#include "model/feed.h"
#include "model/story.h"
#include "model/sub.h"
#include "model/site.h"

struct store;
struct reader;

struct store_conf {
    const char *path;
    /* Progress of a long migration, 0..1; may be NULL. Called during store_open. */
    void (*progress)(void *ctx, const char *what, double done);
    void *progress_ctx;
    /* Borrowed during store_open; NULL = td_story_default. */
    const struct td_story_rules *stories;
    bool no_upkeep; /* only what is asked for: no index, no expiry, no stories */
    /* Called on the loop whenever events were committed: the log now ends at LAST_SEQ. Also when
     * items were given their stories without an event. */
    void (*log_grew)(void *ctx, int64_t last_seq);
    /* Called on the loop when writing starts to fail (disk full, I/O) and when it works again (err
     * NULL). Operations wait meanwhile and nothing is lost. */
    void (*trouble)(void *ctx, const struct td_err *err);
    void *ctx;
};

/* Opens or creates the store, migrates it, starts the threads. 0, or negative errno and the reason:
 * -EBUSY another daemon has it, -EPROTO made by a newer version, -EUCLEAN damaged, others from the
 * file system. Blocks: call before the loop runs. */
int store_open(struct store **ret, struct ev_loop *loop, const struct store_conf *conf,
               struct td_err *err);
/* Writes what is queued (at most WAIT_MS, then gives up), stops the threads, closes. No callbacks.
 */
void store_close(struct store *s, int64_t wait_ms);

/* All feeds of the store, at start. Gives CONF (for origin config: name and url as last seen; for
 * the API: all) and STATE to CB, which takes their contents. Blocks. */
typedef void store_feed_fn(void *ctx, struct td_feed_conf *conf, struct td_feed_state *state);
int store_load_feeds(struct store *s, store_feed_fn *cb, void *ctx, struct td_err *err);

/* What servers have taught (store_learned), at start. Blocks. */
typedef void store_learned_fn(void *ctx, const struct td_learned *l);
int store_load_learned(struct store *s, store_learned_fn *cb, void *ctx, struct td_err *err);

/* False when LIMIT_WRITER_BYTES are queued: hand over no more. */
bool store_has_room(const struct store *s);
/* Since when (monotonic ms) the writer has been at one turn of its work; 0 = it sleeps, waits for a
 * disk that refuses, or is at a vacuum, which takes what it takes (watchdog). */
int64_t store_busy_since(const struct store *s);

/* ---- one fetch's result -------------------------------------------------------------------- */

struct store_commit_result {
    int n_new, n_changed, n_backlog; /* n_backlog of n_new raised no event */
    int64_t first_seq, last_seq;     /* of its events; 0 = none */
};

struct store_commit {
    int64_t feed_id;
    int64_t now;
    int64_t backlog_ms; /* of the feed's conf: with !state.imported, older items raise no event */
    struct td_batch *batch;     /* taken; NULL = no document (304, failure) */
    bool whole;                 /* BATCH is all that the feed shows now: no push, no 226 */
    bool unchanged;             /* it shows what it showed when it was last asked (304) */
    struct td_feed_state state; /* taken; the whole new state, completed by `finish`. Its title and
                                   home_page_url are BATCH's, NULL leaves the stored one; of the
                                   history the newest note is added to what is stored */
    enum td_feed_event event;   /* of the feed itself, also set by `finish` */
    /* Writer thread, inside the transaction: completes STATE now that the counts are known (pure:
     * policy_apply). May be NULL. */
    void (*finish)(struct store_commit *c, const struct store_commit_result *r);
    /* Loop, after the transaction is durable. STATE is the stored one; the callee may take its
     * strings. C is freed by the store after it. R is NULL when the feed was removed meanwhile. */
    void (*done)(struct store_commit *c, const struct store_commit_result *r);
    void *ctx;
    /* Tells what would become of it and leaves the store as it is. */
    bool dry;
    /* An archive (RFC 5005), no poll: what is new in it is stored and not announced, what is known
     * stays as it is, STATE is neither asked for nor written. */
    bool items_only;
    /* Room for batch->n_entries: gets what became of each (enum td_fate). Borrowed until `done`;
     * NULL = not wanted. */
    char *fates;
    /* The store's own: they outlive an attempt that is rolled back. */
    bool first_import;
    bool finished; /* `finish` has run: not twice */
};
/* Takes C (malloc'd). */
void store_commit(struct store *s, struct store_commit *c);

/* ---- the rest of what is written ------------------------------------------------------------ */

typedef void store_done_fn(void *ctx, int result, const struct td_err *err);

/* Inserts or updates a feed by name (conf is copied). DONE gets the feed_id or a negative errno;
 * -EEXIST: one of the API has the name of a feed at another address. */
void store_feed_put(struct store *s, const struct td_feed_conf *conf, store_done_fn *done,
                    void *ctx);
/* The same for many, in one transaction (start, reload, import): ids[i] for confs[i], written
 * before DONE. */
void store_feed_put_many(struct store *s, const struct td_feed_conf *const *confs, size_t n,
                         int64_t *ids, store_done_fn *done, void *ctx);
/* Gives a feed another name; nothing happens if another feed has it. */
void store_feed_rename(struct store *s, int64_t feed_id, const char *name);
/* Keeps PUSH (copied; NULL = none) as the feed's td_feed_state.push for the next start. */
void store_feed_push(struct store *s, int64_t feed_id, const char *push);
/* Keeps L (copied) for the next start; forgets it when its spacing_ms is 0. */
void store_learned(struct store *s, const struct td_learned *l);
/* Forgets a feed with its items, in small steps (the items vanish from the views at once). */
void store_feed_delete(struct store *s, int64_t feed_id, store_done_fn *done, void *ctx);
/* Named consumer cursors: SEQ is the last event the consumer has had. Created on first use. */
void store_cursor_set(struct store *s, const char *name, int64_t seq, store_done_fn *done,
                      void *ctx);
void store_cursor_delete(struct store *s, const char *name, store_done_fn *done, void *ctx);

/* ---- subscriptions -------------------------------------------------------------------------- */

/* Makes the subscription, with its cursor at SEQ (a cursor that has its name already stays where it
 * is), or changes its definition. CONF: as text, of one that was made at run time; NULL: it stands
 * in the config. */
void store_sub_put(struct store *s, const char *name, const char *conf, int64_t seq,
                   store_done_fn *done, void *ctx);
struct store_dead {
    int64_t seq;
    char *event; /* its JSON object */
};
/* One step of a delivery: all of it in one transaction. */
struct store_sub_save {
    struct td_sub_state state; /* its seq is the cursor */
    char *error;               /* why it fails; NULL = it does not */
    int64_t n_delivered;       /* events acknowledged since the last save */
    struct store_dead *dead;   /* become dead letters */
    size_t n_dead;
    int attempts;     /* that these have had */
    int64_t replayed; /* this dead letter goes; 0 = none */
};
/* Takes what SAVE points to. DONE: -ENOENT when the subscription was deleted meanwhile. */
void store_sub_save(struct store *s, const char *name, struct store_sub_save *save,
                    store_done_fn *done, void *ctx);
/* With its cursor and dead letters. */
void store_sub_delete(struct store *s, const char *name, store_done_fn *done, void *ctx);
/* Forgets dead letter ID, or with 0 all of the subscription. */
void store_dead_forget(struct store *s, const char *name, int64_t id, store_done_fn *done,
                       void *ctx);
/* All subscriptions, at start; as reader_subs. Blocks. */
struct sub_row;
int store_load_subs(struct store *s, int (*cb)(void *ctx, const struct sub_row *row), void *ctx,
                    struct td_err *err);
/* Keeps a query with a name, or forgets it (-ENOENT). Its strings have no line breaks. */
struct td_saved_query;
void store_query_put(struct store *s, const struct td_saved_query *q, store_done_fn *done,
                     void *ctx);
void store_query_delete(struct store *s, const char *name, store_done_fn *done, void *ctx);
/* All of them, at start; as reader_queries. Blocks. */
int store_load_queries(struct store *s, int (*cb)(void *ctx, const struct td_saved_query *q),
                       void *ctx, struct td_err *err);
/* The cursor of that name, at start, as reader_has_cursor. Blocks. */
int store_load_cursor(struct store *s, const char *name, int64_t *ret_seq, struct td_err *err);
/* Which store this is: 16 hex digits, the same for its whole life. */
const char *store_instance(const struct store *s);

/* ---- upkeep --------------------------------------------------------------------------------- */

/* Expiry: what each feed's retention lets go, in steps of LIMIT_RETENTION_STEP rows, when idle.
 * Feeds' rules are told here (by feed_id) and on change. */
void store_set_retention(struct store *s, int64_t feed_id, int64_t age_ms, int64_t count);
/* The event log: what is older goes, and what is more (0 = no limit), but not what a named cursor
 * has not had yet, within LIMIT_CURSOR_HOLD_MS and LIMIT_CURSOR_HOLD_LOGS; beyond them the cursor
 * loses its place, which is an event of its own (log.cut). */
void store_set_log(struct store *s, int64_t age_ms, int64_t count);
/* Full VACUUM; long. PROGRESS may be NULL. */
void store_vacuum(struct store *s, store_done_fn *done, void *ctx);

/* ---- stories -------------------------------------------------------------------------------- */

/* From the next transaction on (feeds.conf: stories, strictness, story-steps). */
void store_set_story_rules(struct store *s, const struct td_story_rules *rules);

/* How many items wait for their story, about: loop thread. They get theirs in the order in which
 * they were stored; in normal life with them, of a first round's thousands later. */
int64_t store_stories_waiting(const struct store *s);
/* The item up to which all have had their turn. */
int64_t store_stories_placed(const struct store *s);

enum store_story_fix { STORY_FIX_SPLIT, STORY_FIX_MERGE, STORY_FIX_PIN };
/* A correction by a person. Split: item A leaves its story (for story B; 0 = a new one). Merge: all
 * of story B goes to story A. Pin: item A belongs to story B (0 = to the one it is in) for good.
 * DONE gets the story that A is, or is in, now, or -ENOENT and the reason. */
void store_story_fix(struct store *s, enum store_story_fix what, int64_t a, int64_t b,
                     store_done_fn *done, void *ctx);

/* ---- reading -------------------------------------------------------------------------------- */

/* Runs RUN on the reader thread, then DONE on the loop (DONE may be NULL). */
typedef void store_run_fn(struct reader *r, void *ctx);
typedef void store_ran_fn(void *ctx);
void store_read(struct store *s, store_run_fn *run, store_ran_fn *done, void *ctx);
/* The last committed seq, without asking the database. Any thread. */
int64_t store_last_seq(const struct store *s);

#endif
