/*
 * syndicate.h - items as a feed document for other readers: Atom (RFC 4287), RSS 2.0, JSON
 * Feed 1.1, each with paging links (RFC 5005, section 3). Pure.
 *
 * An item's id is made from the store's instance and its item_id, so that it is unique among all
 * feeds it came from and stays the same for ever (a UUID of version 8, RFC 9562). The same items
 * give the same bytes.
 */
#ifndef TIDINGS_NOTIFY_SYNDICATE_H
#define TIDINGS_NOTIFY_SYNDICATE_H

#include <stdint.h>

#include "base/buf.h"
#include "store/reader.h"

enum syndicate_format { SYNDICATE_ATOM, SYNDICATE_RSS, SYNDICATE_JSON };

struct syndicate_conf { /* all borrowed */
    enum syndicate_format format;
    const char *instance; /* of the store */
    const char *title;
    const char *self;  /* this page's address */
    const char *first; /* that of the first page: the feed's own */
    const char *next;  /* the page with older items, NULL = there is none */
    const char *hub;   /* WebSub hub, NULL = none */
    int64_t updated;   /* when the newest change of an item came, TD_NEVER = no items */
};

/* "application/atom+xml; charset=utf-8" and the like. */
const char *syndicate_type(enum syndicate_format format);
/* Appends one item's element (JSON: its object, without commas). */
void syndicate_item(struct buf *out, const struct syndicate_conf *c, const struct item_row *row);
/* Appends the whole document around ITEMS, what syndicate_item made of all (JSON: with commas). */
void syndicate_document(struct buf *out, const struct syndicate_conf *c, const struct buf *items);

#endif
