/*
 * answer.h - what a parser child answered, checked. Pure.
 */
#ifndef TIDINGS_PARSE_ANSWER_H
#define TIDINGS_PARSE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "parse/pool.h"

/* Reads the PAYLOAD of an answer of KIND (enum frame_kind, any number) into A, whose links point
 * into LINKS and those into PAYLOAD. False: damaged; a->err may say how. */
bool answer_read(uint32_t kind, struct buf *payload, struct pool_answer *a,
                 char *links[LIMIT_DISCOVERED + 1]);

#endif
