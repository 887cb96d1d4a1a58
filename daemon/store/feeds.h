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
/* All but the title, which feeds_write_title knows: a trigger looks at each change of it, and to be
 * looked at costs a poll that found nothing as much as all the rest of its commit. */
int feeds_write_state(struct db *d, int64_t feed_id, const struct td_feed_state *s,
                      struct td_err *err);
/* Gives the feed a name that no other has. */
int feeds_rename(struct db *d, int64_t feed_id, const char *name, struct td_err *err);
/* The text of a push subscription, NULL = none. */
int feeds_write_push(struct db *d, int64_t feed_id, const char *push, struct td_err *err);
/* The document's language, as written; NULL = it names none. */
int feeds_write_language(struct db *d, int64_t feed_id, const char *language, struct td_err *err);
/* The document's title, ahead of its items: what they are called belongs to them. */
int feeds_write_title(struct db *d, int64_t feed_id, const char *title, struct td_err *err);
int feeds_write_rule(struct db *d, int64_t feed_id, int rule, struct td_err *err);
/* Hides a feed from every view and frees its name; maintain.c takes its rows away. -ENOENT. */
int feeds_mark_deleted(struct db *d, int64_t feed_id, struct td_err *err);

/* Columns that feeds_read_row expects, in this order. */
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
