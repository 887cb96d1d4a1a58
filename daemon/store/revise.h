/*
 * revise.h - a stored item takes what its feed says of it now. Writer thread, inside a commit's
 * transaction, after `seen` has the entry's fingerprint.
 */
#ifndef TIDINGS_STORE_REVISE_H
#define TIDINGS_STORE_REVISE_H

#include "store/db.h"
#include "store/store.h"

/* Item ITEM_ID, whose fingerprint was OLD, says E. 1 = as a new revision, which is told unless the
 * item never was. 0 = silently: a move of the site, a text of the last day once more (some sites
 * serve two versions in turn), or the item is expired and stays so. */
int revise_item(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                const struct td_entry *e, int64_t item_id, uint64_t old, struct td_err *err);
/* The same item under another ident: its row follows, its revision stays. */
int revise_silently(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                    const struct td_entry *e, int64_t item_id, struct td_err *err);

/* Binds E's values from parameter I on: date_published, date_modified, id, url, title, author,
 * language, tags, json, text. */
void revise_bind(sqlite3_stmt *s, int i, const struct td_entry *e);

/* Takes an item's words out of the full-text index before its row changes. */
int revise_unindex(struct db *d, int64_t item_id, struct td_err *err);

#endif
