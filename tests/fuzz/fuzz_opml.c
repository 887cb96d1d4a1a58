/* OPML of any bytes: the feeds that are read are written again and read again as the same feeds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "config/opml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int by_url(const void *a, const void *b)
{
    return strcmp(((const struct opml_feed *)a)->url, ((const struct opml_feed *)b)->url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct opml *o = NULL, *again = NULL;
    struct td_err err;
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_OPML_BYTES);
    if (opml_read((const char *)data, n, &o, &err) < 0)
        return 0;
    opml_write(&out, o);
    if (opml_read(buf_str(&out), out.len, &again, &err) < 0 || again->n_feeds != o->n_feeds)
        abort();
    if (o->n_feeds) { /* written in groups by tag */
        qsort(o->feeds, o->n_feeds, sizeof *o->feeds, by_url);
        qsort(again->feeds, again->n_feeds, sizeof *again->feeds, by_url);
    }
    for (size_t i = 0; i < o->n_feeds; i++)
        if (strcmp(o->feeds[i].url, again->feeds[i].url) != 0)
            abort();
    opml_free(o);
    opml_free(again);
    return 0;
}
