/*
 * dedup.h - which entries of a document are one and the same item. Pure: no SQL, no clock.
 *
 * An item is known within its feed by a 64-bit ident: a hash of its id, or of its link, or of its
 * content. A feed begins with ids; when one document shows several different entries under one id,
 * the feed falls back to links, then to content, and stays there (the rule is kept with the feed).
 *
 * Ids are compared without http/https and a trailing slash. When a feed changes host or id scheme,
 * every entry looks new at once; only then are unseen entries compared with what the feed has shown
 * by title, path and date (dedup_moved_key), so that the feed is not told again.
 */
#ifndef TIDINGS_STORE_DEDUP_H
#define TIDINGS_STORE_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/entry.h"

enum dedup_rule { DEDUP_BY_ID, DEDUP_BY_URL, DEDUP_BY_HASH };

/* The rule BATCH needs, never below RULE. Entries with one id but different links (without links:
 * titles) are different entries; with one id and one link, two titles may be two versions of one
 * entry (RFC 4287 4.1.1), DEDUP_VERSIONS titles are not. */
#define DEDUP_VERSIONS 3
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

/* Did a known feed (IMPORTED) change all its ids? Then unseen entries are worth a look by moved
 * key.
 */
bool dedup_suspicious(size_t n_unseen, size_t n_entries, bool imported);
/* Equal for an entry before and after its feed changed host or id scheme: over the title, what
 * stands behind the host of the link (without a link: of the id), and the date, or without one the
 * text. The last keeps apart what is told anew under one title and link (an hourly bulletin). 0 =
 * there is too little to go by. */
uint64_t dedup_moved_key(const struct td_entry *e);
/* Do the links differ in nothing but scheme, host and a trailing slash, and do they differ? Then a
 * changed fingerprint of an entry with the same title is a move of the site and no news. */
bool dedup_url_moved(const char *old, const char *now);

#endif
