/* document.h - what both targets of whole documents promise: the batch is valid JSON with the
 * promises of model/, and comes through the wire as it was. */
#ifndef TIDINGS_FUZZ_DOCUMENT_H
#define TIDINGS_FUZZ_DOCUMENT_H

#include <stdlib.h>

#include <jansson.h>

#include "base/limits.h"
#include "model/item_json.h"
#include "model/wire.h"
#include "parse/parse.h"

static inline void check_wire(const struct td_batch *b)
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

static inline void check_batch(const struct td_batch *b)
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

#endif
