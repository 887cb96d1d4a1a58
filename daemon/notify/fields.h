/*
 * fields.h - an event's object taken apart for those sinks that do not pass it on as it is: mail,
 * commands' environments, chat messages. Pure.
 */
#ifndef TIDINGS_NOTIFY_FIELDS_H
#define TIDINGS_NOTIFY_FIELDS_H

#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

struct fields {
    json_t *root; /* owns the strings */
    const char *kind;
    int64_t seq, item_id, revision; /* 0 = none */
    /* NULL = the event has none. An event of a feed has a title in our words and the feed's URL. */
    const char *title, *url, *author, *date, *feed, *feed_title;
    const char *html, *text; /* the item's content, or summary */
    char *own_title;
};

/* Reads the object of JSON: 0, or -EINVAL (nothing to free). */
int fields_read(struct fields *ret, const char *json, size_t n);
void fields_fini(struct fields *f);
#define CLEANUP_FIELDS __attribute__((cleanup(fields_fini)))

/* "Title", or the beginning of the text, or the address: something to show. At most MAX bytes, on
 * one line; appended to OUT. */
void fields_headline(struct buf *out, const struct fields *f, size_t max);
/* The item's text without markup, appended to OUT; at most MAX bytes, cut at a word with "...". */
void fields_plain(struct buf *out, const struct fields *f, size_t max);

/* HTML (sanitised) as text: blocks on lines of their own, links as "text <URL>" if LINKS. */
void plain_of_html(struct buf *out, const char *html, bool links);

#endif
