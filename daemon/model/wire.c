#include "model/wire.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/entry.h"
#include "model/item_json.h"

/*
 * The message: HEAD, the batch's strings, the hubs, the entries; each entry is a PART and its
 * strings. A string is its length (uint32, ABSENT for NULL), its bytes, and a NUL, so that the
 * reader copies the message once into the batch's arena and points into it. Nothing is aligned;
 * numbers are moved with memcpy.
 */
#define MAGIC  0x31574454u /* "TDW1" */
#define ABSENT UINT32_MAX

enum { WELL_FORMED = 1, TRUNCATED = 2, DROPPED = 4, FLAGS = 7 };

struct head {
    uint32_t magic, flags, n_hubs, n_entries;
    int64_t ttl_ms, update_ms;
    uint32_t skip_hours, skip_days;
};

struct part {
    int64_t date_published, date_modified;
    uint64_t fingerprint;
    uint32_t id_source, n_attachments;
};

#define ENTRY_STRINGS 9 /* with the JSON */
#define ENTRY_MIN     (sizeof(struct part) + ENTRY_STRINGS * sizeof(uint32_t))
#define HUB_MIN       sizeof(uint32_t)

/* ---- writing ----------------------------------------------------------------------------- */

static void put_bytes(struct buf *out, const char *s, size_t n)
{
    uint32_t len = s && n && n < ABSENT ? (uint32_t)n : ABSENT;
    buf_add(out, &len, sizeof len);
    if (len != ABSENT)
        buf_add(out, s, len);
    if (len != ABSENT)
        buf_addc(out, 0);
}

static void put(struct buf *out, const char *s)
{
    put_bytes(out, s, s ? strlen(s) : 0);
}

static void put_entry(struct buf *out, const struct td_entry *e)
{
    struct part p = {
        .date_published = e->date_published,
        .date_modified = e->date_modified,
        .fingerprint = e->fingerprint,
        .id_source = (uint32_t)e->id_source,
        .n_attachments = e->n_attachments,
    };
    buf_add(out, &p, sizeof p);
    put(out, e->id);
    put(out, e->url);
    put(out, e->title);
    put(out, e->author);
    put(out, e->language);
    put(out, e->tags);
    put(out, e->text);
    put(out, e->original_url);
    put_bytes(out, e->json, e->json_len);
}

int td_wire_write(struct buf *out, const struct td_batch *b)
{
    struct head h = {
        .magic = MAGIC,
        .flags = (b->well_formed ? WELL_FORMED : 0) | (b->truncated ? TRUNCATED : 0) |
                 (b->dropped ? DROPPED : 0),
        .n_hubs = MIN(b->n_hubs, (uint32_t)LIMIT_HUBS),
        .n_entries = b->n_entries,
        .ttl_ms = MAX(b->hints.ttl_ms, (int64_t)0),
        .update_ms = MAX(b->hints.update_ms, (int64_t)0),
        .skip_hours = b->hints.skip_hours,
        .skip_days = b->hints.skip_days,
    };
    buf_add(out, &h, sizeof h);
    put(out, b->format);
    put(out, b->encoding);
    put(out, b->repaired);
    put(out, b->title);
    put(out, b->home_page_url);
    put(out, b->feed_url);
    put(out, b->description);
    put(out, b->language);
    put(out, b->icon);
    put(out, b->older_url);
    put_bytes(out, b->json, b->json_len);
    for (uint32_t i = 0; i < h.n_hubs; i++)
        put(out, b->hubs[i].url);
    for (uint32_t i = 0; i < b->n_entries; i++)
        put_entry(out, b->entries + i);
    return out->overflow ? -EFBIG : 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Where the reader is, and the first thing that was wrong (sticky: everything after it reads as
 * absent, so that callers look once). */
struct in {
    const char *p, *end;
    const char *wrong;
};

static void bad(struct in *in, const char *what)
{
    if (!in->wrong)
        in->wrong = what;
    in->p = in->end;
}

static void get(struct in *in, void *to, size_t n)
{
    memset(to, 0, n);
    if ((size_t)(in->end - in->p) < n) {
        bad(in, "it ends too early");
        return;
    }
    memcpy(to, in->p, n);
    in->p += n;
}

/* The bytes of a string, not yet looked at, at most MAX of them. */
static const char *get_bytes(struct in *in, size_t max, size_t *ret_len)
{
    uint32_t len;
    *ret_len = 0;
    get(in, &len, sizeof len);
    if (in->wrong || len == ABSENT)
        return NULL;
    if (len == 0 || len > max || len >= (size_t)(in->end - in->p) || in->p[len]) {
        bad(in, "a string with a wrong length");
        return NULL;
    }
    const char *s = in->p;
    in->p += (size_t)len + 1;
    *ret_len = len;
    return s;
}

static const char *get_string(struct in *in, size_t max)
{
    size_t n;
    const char *s = get_bytes(in, max, &n);
    if (s && (memchr(s, 0, n) || !utf8_valid(s, n))) {
        bad(in, "a string that is not UTF-8 text");
        return NULL;
    }
    return s;
}

static const char *get_json(struct in *in, size_t max, size_t *ret_len)
{
    const char *s = get_bytes(in, max, ret_len);
    if (s && !td_item_json_valid(s, *ret_len)) {
        bad(in, "an object that is not JSON as agreed");
        return NULL;
    }
    return s;
}

static void get_entry(struct in *in, struct td_entry *e)
{
    struct part p;
    get(in, &p, sizeof p);
    e->id_source = (enum td_id_source)p.id_source;
    e->date_published = p.date_published;
    e->date_modified = p.date_modified;
    e->fingerprint = p.fingerprint;
    e->n_attachments = p.n_attachments;
    e->id = get_string(in, LIMIT_TEXT_BYTES);
    e->url = get_string(in, LIMIT_TEXT_BYTES);
    e->title = get_string(in, LIMIT_TEXT_BYTES);
    e->author = get_string(in, LIMIT_TEXT_BYTES);
    e->language = get_string(in, LIMIT_TEXT_BYTES);
    e->tags = get_string(in, LIMIT_TEXT_BYTES);
    e->text = get_string(in, LIMIT_SEARCH_TEXT_BYTES);
    e->original_url = get_string(in, LIMIT_TEXT_BYTES);
    e->json = get_json(in, LIMIT_ITEM_JSON_BYTES, &e->json_len);
    if (p.id_source > TD_ID_HASH || !e->id || !e->json)
        bad(in, "an entry without identity or JSON");
}

static void get_head(struct in *in, struct td_batch *b)
{
    struct head h;
    get(in, &h, sizeof h);
    size_t rest = (size_t)(in->end - in->p);
    if (h.magic != MAGIC || h.flags & ~(uint32_t)FLAGS || h.ttl_ms < 0 || h.update_ms < 0 ||
        h.skip_hours >> 24 || h.skip_days >> 7)
        bad(in, "a head with impossible values");
    else if (h.n_hubs > LIMIT_HUBS || h.n_entries > LIMIT_ITEMS || h.n_hubs > rest / HUB_MIN ||
             h.n_entries > rest / ENTRY_MIN)
        bad(in, "more items or hubs than allowed");
    if (in->wrong)
        return;
    b->well_formed = h.flags & WELL_FORMED;
    b->truncated = h.flags & TRUNCATED;
    b->dropped = h.flags & DROPPED;
    b->hints = (struct td_hints){h.ttl_ms, h.update_ms, h.skip_hours, (uint8_t)h.skip_days};
    b->n_hubs = h.n_hubs;
    b->n_entries = h.n_entries;
}

static void get_batch(struct in *in, struct td_batch *b)
{
    get_head(in, b);
    b->format = get_string(in, LIMIT_NAME_BYTES);
    b->encoding = get_string(in, LIMIT_NAME_BYTES);
    b->repaired = get_string(in, LIMIT_TEXT_BYTES);
    b->title = get_string(in, LIMIT_TEXT_BYTES);
    b->home_page_url = get_string(in, LIMIT_TEXT_BYTES);
    b->feed_url = get_string(in, LIMIT_TEXT_BYTES);
    b->description = get_string(in, LIMIT_TEXT_BYTES);
    b->language = get_string(in, LIMIT_TEXT_BYTES);
    b->icon = get_string(in, LIMIT_TEXT_BYTES);
    b->older_url = get_string(in, LIMIT_TEXT_BYTES);
    b->json = get_json(in, LIMIT_WIRE_BYTES, &b->json_len);
    if (!b->format)
        bad(in, "no format");
    b->hubs = arena_zalloc(&b->arena, b->n_hubs * sizeof *b->hubs);
    for (uint32_t i = 0; i < b->n_hubs && !in->wrong; i++)
        if (!(b->hubs[i].url = get_string(in, LIMIT_TEXT_BYTES)))
            bad(in, "a hub without address");
    b->entries = arena_zalloc(&b->arena, b->n_entries * sizeof *b->entries);
    for (uint32_t i = 0; i < b->n_entries && !in->wrong; i++)
        get_entry(in, b->entries + i);
    if (!in->wrong && in->p != in->end)
        bad(in, "bytes behind the last entry");
}

int td_wire_read(const void *p, size_t n, struct td_batch **ret, struct td_err *err)
{
    if (n > LIMIT_WIRE_BYTES)
        return td_err(err, -EBADMSG, "a batch of %zu bytes; at most %u are allowed", n,
                      LIMIT_WIRE_BYTES);
    struct td_batch *b = td_batch_new();
    const char *copy = arena_strndup(&b->arena, p, n);
    struct in in = {.p = copy, .end = copy + n};
    get_batch(&in, b);
    if (in.wrong) {
        td_batch_free(b);
        return td_err(err, -EBADMSG, "a batch of %zu bytes with %s", n, in.wrong);
    }
    *ret = b;
    return 0;
}
