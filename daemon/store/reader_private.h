/*
 * reader_private.h - what the files of reader.h share; nobody else includes it.
 */
#ifndef TIDINGS_STORE_READER_PRIVATE_H
#define TIDINGS_STORE_READER_PRIVATE_H

#include "base/buf.h"
#include "query/query.h"
#include "store/db.h"
#include "store/reader.h"

struct reader {
    struct db *d;
    struct matcher *matcher; /* NULL until a question needs it */
    struct buf text;         /* item_row_text's answer */
    char instance[STORE_INSTANCE];
};

/* The columns of an item_row, in the order of reader_row. */
#define ITEM_FACTS                                                                         \
    "i.item_id, i.feed_id, i.first_seen, i.revision, i.date_published, i.backlog, f.name," \
    " coalesce(f.user_title, f.title), i.id, i.url, i.title, i.author, i.language, i.tags"
#define FEED_FACTS     "f.url, f.tags, f.language, i.revised_at"
#define ITEM_COLUMNS   ITEM_FACTS ", i.json, " FEED_FACTS
#define N_ITEM_COLUMNS 19

/* ROW from the columns of S, of which the first is 0. */
void reader_row(struct reader *r, sqlite3_stmt *s, struct item_row *row);
/* The feed of that name, id in digits, or URL: 0, -ENOENT. */
int reader_feed_id(struct reader *r, const char *name, int64_t *ret, struct td_err *err);
/* Steps S to its end, giving each row to CB; resets or finalizes it. */
int reader_each(struct reader *r, sqlite3_stmt *s, bool finalize, item_row_fn *cb, void *ctx,
                int64_t *ret_n, struct td_err *err);

#endif
