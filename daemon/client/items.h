/*
 * items.h - an item as a row of output, the same in `items`, `search` and `follow`.
 */
#ifndef TIDINGS_CLIENT_ITEMS_H
#define TIDINGS_CLIENT_ITEMS_H

#include "client/client.h"
#include "client/out.h"
#include "client/words.h"
#include "store/reader.h"

#define ITEM_COLUMNS 9
/* item_id, date_published, first_seen, feed, title, url, author, revision, id. */
extern const struct column item_columns[ITEM_COLUMNS];
/* IT->json is the whole object (source.h). */
void items_row(struct out *out, const struct term *term, const struct item_row *it, int64_t now);

/* An item_row_fn that shows its rows. */
struct listing {
    const struct client *c;
    struct out *out;
};
int items_on_row(void *listing, const struct item_row *it);

#endif
