/*
 * wire.h - a batch as bytes, between a parser child and the daemon.
 *
 * One machine, one binary, one moment: host byte order, no versions. The reader trusts nothing:
 * every length is checked against what is there, every string must be valid UTF-8, counts are
 * bounded by limits.h. A child that was taken over can lie about a document's content and nothing
 * else.
 */
#ifndef TIDINGS_MODEL_WIRE_H
#define TIDINGS_MODEL_WIRE_H

#include <stddef.h>

#include "base/err.h"

struct buf;
struct td_batch;

/* Appends BATCH to OUT: 0 or -EFBIG (OUT's ceiling). */
int td_wire_write(struct buf *out, const struct td_batch *batch);
/* Reads exactly N bytes: 0 and a batch for the caller to free, or -EBADMSG with the reason. */
int td_wire_read(const void *p, size_t n, struct td_batch **ret, struct td_err *err);

#endif
