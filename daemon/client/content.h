/*
 * content.h - what an item says, for people: its content, and a line that stands for it. Pure.
 */
#ifndef TIDINGS_CLIENT_CONTENT_H
#define TIDINGS_CLIENT_CONTENT_H

#include <jansson.h>

#include "client/doc.h"
#include "store/reader.h"

/* The content of ITEM, an item object, else its summary. To be freed with doc_free. */
struct doc *content_of(const json_t *item);
/* The title of IT, else the beginning of its content, else its address or id. To be freed. */
char *content_headline(const struct item_row *it);

#endif
