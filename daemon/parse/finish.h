/*
 * finish.h - from a record to what leaves the parser: derived fields, sanitised bodies, identity,
 * fingerprint, JSON.
 */
#ifndef TIDINGS_PARSE_FINISH_H
#define TIDINGS_PARSE_FINISH_H

#include "parse/read.h"

void reader_init(struct reader *r, struct td_batch *b, struct arena *work);
void reader_fini(struct reader *r);

/* item_begin and item_end are declared in read.h. */

/* Ends the feed: r->feed into the batch, hints and hubs included. LINK: the HTTP header's values or
 * NULL. */
void feed_finish(struct reader *r, const char *link);

/* fingerprint.c: see td_entry.fingerprint. TEXT is plain text with white space collapsed, HTML
 * sanitised HTML. */
struct fingerprint_in {
    const char *title, *url; /* may be NULL */
    const char *text, *html; /* with their lengths; not NULL */
    size_t text_n, html_n;
    const struct list *attachments;
};
uint64_t fingerprint(const struct fingerprint_in *in);

/* json_out.c: the object of a feed or an item. */
enum json_kind { JSON_FEED, JSON_ITEM };
void json_write_record(struct buf *out, const struct record *rec, enum json_kind kind);

#endif
