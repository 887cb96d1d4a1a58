/*
 * reader.h - questions to the store, read-only. Used by the reader thread, and by `tidings`
 * directly on the file when no daemon runs (WAL: works while one does).
 *
 * Not thread-safe; one reader per thread. Row structs are borrowed for the callback. A callback
 * that returns non-zero stops the query.
 */
#ifndef TIDINGS_STORE_READER_H
#define TIDINGS_STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/feed.h"
#include "model/sub.h"
#include "model/site.h"
#include "query/query.h"

struct reader;

/* -ENOENT no such store, -EPROTO another format version, -EACCES, -EUCLEAN. */
int reader_open(struct reader **ret, const char *path, struct td_err *err);
void reader_close(struct reader *r);

struct item_row {
    int64_t item_id, feed_id, first_seen, revision;
    int64_t date_published; /* TD_NEVER = none */
    int64_t revised_at;     /* when the current revision came */
    bool backlog;
    const char *feed, *feed_title; /* name; the user's or the feed's own title */
    const char *id, *url, *title, *author, *language;
    const char *json; /* the parser's object; td_item_json adds the rest */
    size_t json_len;
    const char *tags;                                 /* the item's own, joined by '\n' */
    const char *feed_url, *feed_tags, *feed_language; /* the config's; joined by '\n'; the feed's */
    struct reader *reader; /* where the row comes from; NULL = not from a store */
};
/* The plain text as of that revision, NULL when there is none: a question of its own. Borrowed
 * until the next one. */
const char *item_row_text(const struct item_row *row);
/* The item as a query sees it (query/query.h); NEEDS: query_needs of all the queries that will ask.
 * Borrowed from ROW. */
void item_row_doc(const struct item_row *row, unsigned needs, struct query_doc *ret);

struct item_query {
    const char *feed;      /* as for reader_feeds, NULL = all */
    const char *tag;       /* of the feed or of the item, NULL = all */
    int64_t since, until;  /* by date_published (else first_seen), TD_NEVER = open */
    const char *query;     /* query/query.h, NULL = all */
    const char *unread_by; /* only items whose event is after this cursor */
    int64_t before_id;     /* paging: only item_id below this; 0 = from the newest */
    int limit;             /* 1 .. LIMIT_PAGE_ITEMS */
    int64_t max_ms;        /* stop looking after so long; 0 = when it is done */
    int64_t *ret_next;     /* set when max_ms were over: go on with this before_id; may be NULL */
};
typedef int item_row_fn(void *ctx, const struct item_row *row);
/* Newest first (by item_id: order of arrival). Items that the full-text index does not have yet are
 * found too (the newest SCAN_UNINDEXED of them). -EINVAL with the reason and position for a mistake
 * in the query, -ENOENT when there is no such feed or cursor. */
#define SCAN_UNINDEXED 5000
int reader_items(struct reader *r, const struct item_query *q, item_row_fn *cb, void *ctx,
                 struct td_err *err);
/* One item by item_id: 0, -ENOENT. */
int reader_item(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx, struct td_err *err);
/* Its revisions, newest first, the current one included; row->revision and row->first_seen (when
 * that revision was seen) vary. */
int reader_revisions(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx,
                     struct td_err *err);

struct event_row {
    int64_t seq, at, feed_id, item_id, revision;
    const char *kind;     /* "item.new", "item.changed", "feed.moved", "story.new", ... */
    struct item_row item; /* as of that revision; of a feed's event only feed and feed_title */
    const char *feed_url, *feed_asked_url; /* the config's, and the one that is asked now */
    const char *detail;                    /* what else it tells, a JSON object; NULL = nothing */
    const char *instance;                  /* of the store */
    /* The story that the item is in, or that the event is about; 0 = none. */
    struct {
        int64_t story_id, n_items, first_at, last_at;
        int64_t n_outlets; /* of an event of a story: as it was then */
        const char *title;
        const char *note; /* of an event of a story: "probable", "headline" ...; NULL = none */
        int p;            /* thousandths: how probably the item is in it */
        bool sighting;    /* the item is the same article as an earlier one */
        bool judged; /* it is in it because that was probable, not because it is the same article
                        or opened it, or because somebody said so */
        bool waits;  /* the item waits for its story: nothing of this is known yet */
    } story;
};
typedef int event_row_fn(void *ctx, const struct event_row *row);
/* Events with seq > AFTER, in order, at most LIMIT. */
int reader_events(struct reader *r, int64_t after, int limit, event_row_fn *cb, void *ctx,
                  struct td_err *err);
/* First and last seq still in the log (0, 0 when empty). */
int reader_log_bounds(struct reader *r, int64_t *ret_first, int64_t *ret_last, struct td_err *err);

struct feed_row {
    const struct td_feed_conf *conf; /* name, url, title, tags, origin, enabled */
    const struct td_feed_state *state;
    int64_t n_items;
};
typedef int feed_row_fn(void *ctx, const struct feed_row *row);
/* By name. NAME NULL = all; else name, feed_id in digits, or URL. -ENOENT when NAME matches none.
 */
int reader_feeds(struct reader *r, const char *name, feed_row_fn *cb, void *ctx,
                 struct td_err *err);

/* All feeds as store_load_feeds gives them. CB takes what it wants out of both structs (and leaves
 * NULL). */
int reader_load_feeds(struct reader *r,
                      void (*cb)(void *ctx, struct td_feed_conf *conf, struct td_feed_state *state),
                      void *ctx, struct td_err *err);

/* All that was kept by store_learned. */
int reader_load_learned(struct reader *r, void (*cb)(void *ctx, const struct td_learned *l),
                        void *ctx, struct td_err *err);

struct cursor_row {
    const char *name;
    int64_t seq, updated_at;
};
typedef int cursor_row_fn(void *ctx, const struct cursor_row *row);
/* 1 when there is one of that NAME, else 0. */
int reader_has_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err);
/* The same for one that should be there: 0, or -ENOENT with those that may be meant. */
int reader_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err);
/* All of them, by name. */
int reader_cursors(struct reader *r, cursor_row_fn *cb, void *ctx, struct td_err *err);

/* The last event that was committed before AT; 0 = none that is kept. */
int reader_seq_before(struct reader *r, int64_t at, int64_t *ret_seq, struct td_err *err);

struct sub_row {
    const char *name, *conf; /* conf: NULL = it stands in the config */
    struct td_sub_state state;
    const char *error;
    int64_t created_at, n_delivered, last_delivered_at, n_dead;
};
typedef int sub_row_fn(void *ctx, const struct sub_row *row);
/* By name. */
int reader_subs(struct reader *r, sub_row_fn *cb, void *ctx, struct td_err *err);
/* Is there a subscription NAME? 0 or -ENOENT. */
int reader_has_sub(struct reader *r, const char *name, struct td_err *err);

/* Queries with a name, the config's too, by name. Q is borrowed. */
struct td_saved_query;
typedef int query_row_fn(void *ctx, const struct td_saved_query *q);
int reader_queries(struct reader *r, query_row_fn *cb, void *ctx, struct td_err *err);

struct dead_row {
    int64_t id, seq, at;
    int attempts;
    const char *error, *event; /* event: the JSON object */
};
typedef int dead_row_fn(void *ctx, const struct dead_row *row);
/* Dead letters of subscription NAME with an id above AFTER, in order, at most LIMIT. */
int reader_dead_letters(struct reader *r, const char *name, int64_t after, int limit,
                        dead_row_fn *cb, void *ctx, struct td_err *err);
/* meta.instance as store_instance gives it, into RET. */
#define STORE_INSTANCE 17
int reader_instance(struct reader *r, char ret[STORE_INSTANCE], struct td_err *err);

struct store_counts {
    int64_t feeds, items, events, last_seq,
        index_seq;           /* index_seq: search covers events up to it */
    int64_t stories_waiting; /* items that wait for their story, about */
    int64_t db_bytes;
};
int reader_counts(struct reader *r, struct store_counts *ret, struct td_err *err);

/* A consistent copy into PATH while others write (online backup API; PATH must not exist; written
 * beside and renamed). PROGRESS gets 0..1, non-zero return cancels. */
int reader_backup(struct reader *r, const char *path, int (*progress)(void *ctx, double done),
                  void *ctx, struct td_err *err);

#endif
