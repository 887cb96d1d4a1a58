/* A parser child's answer. The first byte chooses: even, the rest is the message itself; odd, the
 * rest is a list of changes (offset: 2 bytes, value: 1 byte) to a good message. What is accepted
 * must come out the same when written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/entry.h"
#include "model/item_json.h"
#include "model/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void good_message(struct buf *out)
{
    struct td_hub hub = {"https://hub.example/"};
    struct td_entry entries[2] = {
        {.id = "urn:1", .title = "Ein \xc3\xa4", .text = "text", .json = "{\"id\":\"urn:1\"}"},
        {.id = "2", .url = "http://x/", .json = "{\"id\":\"2\",\"_tidings\":{\"a\":[{}]}}"},
    };
    struct td_batch b = {
        .format = "atom10",
        .title = "T",
        .hubs = &hub,
        .n_hubs = 1,
        .json = "{\"title\":\"T\"}",
        .json_len = 13,
        .entries = entries,
        .n_entries = 2,
    };
    for (int i = 0; i < 2; i++)
        entries[i].json_len = strlen(entries[i].json);
    if (td_wire_write(out, &b) < 0)
        abort();
}

static void change(struct buf *b, const uint8_t *data, size_t n)
{
    for (; n >= 3; data += 3, n -= 3)
        b->data[(size_t)(data[0] | data[1] << 8) % b->len] = (char)data[2];
}

static void check(const char *p, size_t n)
{
    struct td_batch *a = NULL, *b = NULL;
    CLEANUP_BUF struct buf first = BUF_INIT(LIMIT_WIRE_BYTES), second = BUF_INIT(LIMIT_WIRE_BYTES);
    struct td_err err = {""};
    if (td_wire_read(p, n, &a, &err) < 0) {
        if (a || !err.msg[0])
            abort();
        return;
    }
    if (td_batch_bytes(a) > 4 * n + (64u << 10)) /* what a message can make us hold */
        abort();
    if (td_wire_write(&first, a) < 0 || td_wire_read(first.data, first.len, &b, &err) < 0 ||
        td_wire_write(&second, b) < 0 || first.len != second.len ||
        memcmp(first.data, second.data, first.len) != 0)
        abort();
    for (uint32_t i = 0; i < a->n_entries; i++) {
        const struct td_entry *e = a->entries + i;
        if (strlen(e->json) != e->json_len || strchr(e->json, '\n') || !*e->id ||
            (e->title && !utf8_valid(e->title, strlen(e->title))))
            abort();
    }
    td_batch_free(a);
    td_batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    if (data[0] % 2 == 0) {
        check((const char *)data + 1, n - 1);
        return 0;
    }
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    good_message(&b);
    change(&b, data + 1, n - 1);
    check(b.data, b.len);
    return 0;
}
