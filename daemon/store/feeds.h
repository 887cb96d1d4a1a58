/*
 * feeds.h - the table of feeds: what was asked for and how fetching went. Any connection, its own
 * thread.
 */
#ifndef TIDINGS_STORE_FEEDS_H
#define TIDINGS_STORE_FEEDS_H

#include "model/feed.h"
#include "store/db.h"

/* Inserts or updates by name; *RET_ID is the feed_id. The state is left alone. */
int feeds_put(struct db *d, const struct td_feed_conf *conf, int64_t *ret_id, struct td_err *err);
/* What the store keeps for itself beside a feed's state. */
struct feed_poll {
    int64_t silent_at; /* quiet.h */
    int missing;
    struct td_fetch_note history[LIMIT_FEED_HISTORY];
    size_t n_history;
};
/* *RET_KNOWN false: there is no such feed (any more). */
int feeds_read_poll(struct db *d, int64_t feed_id, struct feed_poll *ret, bool *ret_known,
                    struct td_err *err);
/* All of the state but what documents say (below), and P with the state's newest note put first. */
int feeds_write_poll(struct db *d, int64_t feed_id, const struct td_feed_state *s,
                     struct feed_poll *p, struct td_err *err);
/* Gives the feed a name that no other has. */
int feeds_rename(struct db *d, int64_t feed_id, const char *name, struct td_err *err);
/* The text of a push subscription, NULL = none. */
int feeds_write_push(struct db *d, int64_t feed_id, const char *push, struct td_err *err);
/* The document's language, as written (NULL = it names none), and its page (NULL: as before). */
int feeds_write_words(struct db *d, int64_t feed_id, const char *language,
                      const char *home_page_url, struct td_err *err);
/* The document's title, ahead of its items: what they are called belongs to them, and a trigger
 * looks at each change of it. */
int feeds_write_title(struct db *d, int64_t feed_id, const char *title, struct td_err *err);
int feeds_write_rule(struct db *d, int64_t feed_id, int rule, struct td_err *err);
/* Hides a feed from every view and frees its name; maintain.c takes its rows away. -ENOENT. */
int feeds_mark_deleted(struct db *d, int64_t feed_id, struct td_err *err);

/* Columns that feeds_read_row expects, in this order, and where they are. */
#define FEEDS_TABLES "feed JOIN poll USING(feed_id)"
#define FEEDS_COLUMNS                                                                              \
    "feed_id, name, url, origin, enabled, user_title, tags, next_due_at, last_fetch_at,"           \
    " last_success_at, last_new_at, failing_since, n_failures, n_unchanged, imported, gone, etag," \
    " last_modified, max_age_ms, retry_after_at, ttl_ms, update_ms, skip_hours, skip_days,"        \
    " rate_per_day, rate_at, title, home_page_url, moved_to, moved_since, moved_seen, error, why," \
    " history, url_now, url_found, push"
#define FEEDS_N_COLUMNS 37
/* The row a statement stands on, as fresh copies for the caller (td_feed_conf_free,
 * td_feed_state_fini). Of CONF only what the table keeps is set. */
void feeds_read_row(sqlite3_stmt *s, struct td_feed_conf *conf, struct td_feed_state *state);

#endif
