/*
 * opml.h - OPML 2.0 in and out (INTERFACES 4d). Pure; libxml2 inside.
 */
#ifndef TIDINGS_CONFIG_OPML_H
#define TIDINGS_CONFIG_OPML_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct opml_feed {
    char *url;      /* xmlUrl */
    char *title;    /* title or text, one line, NULL = none, or only the address again */
    char *home_url; /* htmlUrl, NULL = none */
    char *tags; /* names of the outlines around it and `category`, joined by '\n', NULL = none */
};
struct opml {
    char *title;
    struct opml_feed *feeds; /* document order, duplicates by URL removed */
    size_t n_feeds;
    size_t n_skipped; /* outlines that name no usable feed address */
};
/* Reads tolerant of BOM, entities, attribute case, missing type. 0, or -EINVAL with the reason. */
int opml_read(const char *bytes, size_t n, struct opml **ret, struct td_err *err);
void opml_free(struct opml *o);
/* Writes a document: one outline a feed, grouped by first tag. */
void opml_write(struct buf *out, const struct opml *o);

#endif
