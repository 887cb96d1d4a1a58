/*
 * dedup.h - which entries of a document are one and the same item. Pure: no SQL, no clock.
 *
 * An item is known within its feed by a 64-bit ident: a hash of its id, or of its link, or of its
 * content. A feed begins with ids; when one document shows several different entries under one id,
 * the feed falls back to links, then to content, and stays there (the rule is kept with the feed).
 *
 * Ids are compared without http/https and a trailing slash. When a feed changes host or id scheme,
 * every entry looks new at once; only then are unseen entries compared with the feed's stored items
 * by title and path (dedup_moved), so that the feed is not told again.
 */
#ifndef TIDINGS_STORE_DEDUP_H
#define TIDINGS_STORE_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/entry.h"

enum dedup_rule { DEDUP_BY_ID, DEDUP_BY_URL, DEDUP_BY_HASH };

/* The rule BATCH needs, never below RULE. */
enum dedup_rule dedup_rule_for(const struct td_batch *batch, enum dedup_rule rule);

/* Never 0. */
uint64_t dedup_ident(const struct td_entry *e, enum dedup_rule rule);

/* An entry to look up, with its ident. */
struct dedup_entry {
    const struct td_entry *entry;
    uint64_t ident;
};
/* Writes the distinct entries into RET (room for batch->n_entries) in order of publication, oldest
 * first, so that item ids grow with age; of equal idents the one that stands first in the document
 * stays. */
size_t dedup_list(const struct td_batch *batch, enum dedup_rule rule, struct dedup_entry *ret);

/* Did a known feed (IMPORTED) change all its ids? Then unseen entries are worth dedup_moved. */
bool dedup_suspicious(size_t n_unseen, size_t n_entries, bool imported);
/* Is E the stored item with this url and title under another id: same title, same path behind the
 * host? */
bool dedup_moved(const struct td_entry *e, const char *id, const char *url, const char *title);

#endif
