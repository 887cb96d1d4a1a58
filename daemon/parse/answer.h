/*
 * answer.h - a parser child's answer, read by the daemon. The child may be a stranger's by now: all
 * it says is checked here and in wire.h, and what does not hold is no answer.
 */
#ifndef TIDINGS_PARSE_ANSWER_H
#define TIDINGS_PARSE_ANSWER_H

#include <stdbool.h>

#include "base/buf.h"
#include "parse/frame.h"
#include "parse/pool.h"

/* Reads PAYLOAD into RET (zeroed before), whose links then point into PAYLOAD and stand in LINKS,
 * which has room for LIMIT_DISCOVERED and a NULL. False: damaged, RET->err may say how. */
bool answer_read(enum frame_kind kind, struct buf *payload, struct pool_answer *ret, char **links);

#endif
