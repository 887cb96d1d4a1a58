/*
 * parse.h - bytes in, batch out. Runs in a parser child (pool.h) and in `tidings parse`.
 *
 * Pure: no network, no file, no clock. Formats and fields as in docs/item-json.md. Damaged
 * documents are repaired, not refused.
 */
#ifndef TIDINGS_PARSE_PARSE_H
#define TIDINGS_PARSE_PARSE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/entry.h"

struct parse_in {
    const char *bytes; /* borrowed, not NUL-terminated */
    size_t n;
    const char *base_url;     /* where it was fetched from, NULL = unknown */
    const char *content_type; /* header value, NULL = unknown */
    const char *link;         /* Link header values (hubs), NULL = none */
};

/* Lets libraries fetch what they need from the system (random seeds). Once per process, before a
 * sandbox closes; parse_feed does it by itself otherwise. */
void parse_init(void);

/* 0 and a batch to free; -ENOMSG: not a feed (ERR says what it is instead); -EFBIG: a limit that
 * leaves nothing usable. */
int parse_feed(const struct parse_in *in, struct td_batch **ret, struct td_err *err);

/* The whole document as `tidings parse --json` prints it, one line. */
void parse_print_json(const struct td_batch *b, struct buf *out);

/* Feeds that an HTML page links to (FETCHING i), best first; 0 = none. URLs absolute, in ARENA. */
struct discovered {
    const char *url, *title, *type;
};
size_t parse_discover(const struct parse_in *in, struct arena *arena, struct discovered *ret,
                      size_t max);

#endif
