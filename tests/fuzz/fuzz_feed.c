/* A document of any kind: what parse_feed makes of it is valid JSON with the promises of model/,
 * and comes through the wire as it was; what it refuses may be searched for links. The first byte
 * chooses the header. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/item_json.h"
#include "model/wire.h"
#include "parse/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_wire(const struct td_batch *b)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_WIRE_BYTES);
    struct td_batch *again = NULL;
    struct td_err err;
    if (td_wire_write(&out, b) < 0)
        return;
    if (td_wire_read(out.data, out.len, &again, &err) < 0 || again->n_entries != b->n_entries)
        abort();
    td_batch_free(again);
}

static void check_batch(const struct td_batch *b)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_WIRE_BYTES);
    for (uint32_t i = 0; i < b->n_entries; i++)
        if (!b->entries[i].id || !td_item_json_valid(b->entries[i].json, b->entries[i].json_len))
            abort();
    parse_print_json(b, &out);
    json_t *doc = json_loadb(buf_str(&out), out.len, JSON_REJECT_DUPLICATES, NULL);
    if (!out.overflow && (!doc || json_array_size(json_object_get(doc, "items")) != b->n_entries))
        abort();
    json_decref(doc);
    check_wire(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const types[] = {NULL, "text/xml; charset=utf-8", "application/feed+json",
                                        "text/html", "application/rss+xml; charset=iso-8859-1"};
    if (n < 1)
        return 0;
    struct parse_in in = {.bytes = (const char *)data + 1,
                          .n = n - 1,
                          .base_url = "https://base.example/feed",
                          .content_type = types[data[0] % (sizeof types / sizeof *types)]};
    struct td_batch *b = NULL;
    struct td_err err;
    int r = parse_feed(&in, &b, &err);
    if (r == 0) {
        check_batch(b);
        td_batch_free(b);
    } else if (r == -ENOMSG) {
        struct arena a = {0};
        struct discovered found[LIMIT_DISCOVERED];
        size_t k = parse_discover(&in, &a, found, LIMIT_DISCOVERED);
        for (size_t i = 0; i < k; i++)
            if (!str_casestarts(found[i].url, "http"))
                abort();
        arena_free(&a);
    }
    return 0;
}
