/*
 * json_text.h - parsed JSON as text again, as base/json.h writes it. Pure.
 *
 * An item that was read and is passed on is the same text everywhere; jansson's own json_dumps
 * writes 0.1 as 0.10000000000000001.
 */
#ifndef TIDINGS_MODEL_JSON_TEXT_H
#define TIDINGS_MODEL_JSON_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Adds V (NULL: null) without blanks, members in their order. */
void json_text_add(struct buf *out, const json_t *v);
/* The same as a string, to be freed. */
char *json_text(const json_t *v);

#endif
