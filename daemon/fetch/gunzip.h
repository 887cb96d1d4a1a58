/*
 * gunzip.h - the gzip content coding, decoded as it arrives (RFC 1952). Loop thread, no I/O.
 *
 * libcurl 7.88 reads one member only and takes a stream that ends in the middle for a whole one
 * (FETCHING L5). Several members in a row are one document; what follows the last one and is no
 * member is ignored, as everybody does.
 */
#ifndef TIDINGS_FETCH_GUNZIP_H
#define TIDINGS_FETCH_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct gunzip;

/* Gives a decoder at the beginning of a stream. */
struct gunzip *gunzip_new(void);
/* Accepts NULL. */
void gunzip_free(struct gunzip *g);
/* Appends what DATA decodes to. -EFBIG: OUT is at its ceiling; -EBADMSG: this is no gzip. */
int gunzip_add(struct gunzip *g, const void *data, size_t n, struct buf *out);
/* Has the last member come to its end? */
bool gunzip_complete(const struct gunzip *g);

#endif
