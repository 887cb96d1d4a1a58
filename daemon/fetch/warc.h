/*
 * warc.h - a recording as a file: WARC 1.1 (ISO 28500), which any web archive tool reads. Pure.
 *
 *   warcinfo   "tidings-NAME: value" lines: the feed, its settings and state, the decision
 *   request, response, metadata   for each hop: the bytes, and how it ended
 *   resource   in their place for a file or command
 *
 * The same recording gives the same bytes. WARC files of other programs can be read too: each
 * response is a hop that ended well.
 */
#ifndef TIDINGS_FETCH_WARC_H
#define TIDINGS_FETCH_WARC_H

#include <stdbool.h>
#include <stddef.h>

#include "model/exchange.h"

/* Is this the beginning of such a file? */
bool warc_is(const char *p, size_t n);
/* Appends the file. */
void warc_write(struct buf *out, const struct td_recording *rec);
/* 0 and a recording (td_recording_fini), or -EBADMSG and what is wrong; *RET must be zeroed. */
int warc_read(const char *p, size_t n, struct td_recording *ret, struct td_err *err);

#endif
