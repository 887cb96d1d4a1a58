/*
 * story_text.h - how stories are shown, for the commands about them.
 */
#ifndef TIDINGS_CLIENT_STORY_TEXT_H
#define TIDINGS_CLIENT_STORY_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Adds a small chart of the numbers in array GROWTH, one column each. */
void story_add_chart(struct buf *out, const json_t *growth);
/* A string member, "" when it is missing; a number; a time as ms, TD_NEVER. */
const char *story_text(const json_t *o, const char *key);
/* Its title, else its address. */
const char *story_headline(const json_t *o);
int64_t story_number(const json_t *o, const char *key);
int64_t story_time(const json_t *o, const char *key);
/* "now", "5 min", "3 h", "2 d" since AT. */
const char *story_age(char buf[24], int64_t at, int64_t now);

#endif
