#include "store/dedup.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"

#define IDENT_BYTES \
    2048 /* of a longer id only the hash of the whole matters: it is hashed as it is */

/* http(s)://Host/path/ -> //host/path ; everything else as it is. */
static size_t normal(const char *s, char *out, size_t size)
{
    size_t n = strlen(s);
    size_t scheme = str_casestarts(s, "https://") ? 8 : str_casestarts(s, "http://") ? 7 : 0;
    if (n >= size)
        return 0;
    if (!scheme) {
        memcpy(out, s, n);
        return n;
    }
    s += scheme - 2;
    n -= scheme - 2;
    memcpy(out, s, n);
    size_t host = 2 + strcspn(s + 2, "/?#");
    for (size_t i = 2; i < host && i < n; i++)
        out[i] = (char)tolower((unsigned char)out[i]);
    if (n > host && out[n - 1] == '/' && !memchr(out, '?', n))
        n--;
    return n;
}

static uint64_t hash(char kind, const char *s)
{
    char buf[IDENT_BYTES + 1];
    size_t n = normal(s, buf + 1, sizeof buf - 1);
    buf[0] = kind;
    uint64_t h = n ? crypto_hash64(buf, n + 1) : crypto_hash64(s, strlen(s)) ^ (unsigned char)kind;
    return h ? h : 1;
}

static uint64_t content_hash(const struct td_entry *e)
{
    struct {
        uint64_t title, text, url;
    } parts = {
        .title = e->title ? crypto_hash64(e->title, strlen(e->title)) : 0,
        .text = e->text ? crypto_hash64(e->text, strlen(e->text)) : 0,
        .url = e->url ? crypto_hash64(e->url, strlen(e->url)) : 0,
    };
    uint64_t h = crypto_hash64(&parts, sizeof parts);
    return h ? h : 1;
}

uint64_t dedup_ident(const struct td_entry *e, enum dedup_rule rule)
{
    if (rule == DEDUP_BY_ID || (rule == DEDUP_BY_URL && e->id_source == TD_ID_HASH))
        return hash('i', e->id);
    if (rule == DEDUP_BY_URL && e->url)
        return hash('u', e->url);
    return content_hash(e);
}

struct slot {
    uint64_t ident;
    uint32_t at;
};

static int by_ident(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;
    if (x->ident != y->ident)
        return x->ident < y->ident ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static struct slot *sorted(const struct td_batch *batch, enum dedup_rule rule)
{
    struct slot *s = xcalloc(batch->n_entries, sizeof *s);
    for (uint32_t i = 0; i < batch->n_entries; i++)
        s[i] = (struct slot){.ident = dedup_ident(&batch->entries[i], rule), .at = i};
    qsort(s, batch->n_entries, sizeof *s, by_ident);
    return s;
}

/* Entries under one id that have different places in the world. */
static bool differ(const struct td_entry *a, const struct td_entry *b)
{
    if (a->fingerprint == b->fingerprint)
        return false;
    if (a->url && b->url)
        return hash('u', a->url) != hash('u', b->url);
    return !str_same(a->title, b->title);
}

/* Is one ident used for entries that a reader would tell apart? */
static bool repeats(const struct td_batch *batch, enum dedup_rule rule)
{
    CLEANUP_FREE struct slot *s = sorted(batch, rule);
    int titles = 1;
    for (uint32_t i = 1; i < batch->n_entries; i++) {
        const struct td_entry *e = &batch->entries[s[i].at], *f = &batch->entries[s[i - 1].at];
        if (s[i].ident != s[i - 1].ident) {
            titles = 1;
            continue;
        }
        titles += !str_same(e->title, f->title);
        if (rule == DEDUP_BY_ID ? differ(e, f) || titles >= DEDUP_VERSIONS : titles > 1)
            return true;
    }
    return false;
}

enum dedup_rule dedup_rule_for(const struct td_batch *batch, enum dedup_rule rule)
{
    while (rule < DEDUP_BY_HASH && repeats(batch, rule))
        rule++;
    return rule;
}

static int64_t date_of(const struct td_entry *e)
{
    return e->date_published != TD_NEVER ? e->date_published : e->date_modified;
}

/* Most feeds put the newest entry first. */
static bool newest_first(const struct td_batch *batch)
{
    if (batch->n_entries < 2)
        return true;
    int64_t first = date_of(&batch->entries[0]),
            last = date_of(&batch->entries[batch->n_entries - 1]);
    return first == TD_NEVER || last == TD_NEVER || first >= last;
}

size_t dedup_list(const struct td_batch *batch, enum dedup_rule rule, struct dedup_entry *ret)
{
    uint32_t n = batch->n_entries;
    CLEANUP_FREE struct slot *s = sorted(batch, rule);
    CLEANUP_FREE uint64_t *keep = xcalloc(n, sizeof *keep); /* ident of entries that stay, else 0 */
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || s[i].ident != s[i - 1].ident)
            keep[s[i].at] = s[i].ident;
    bool backwards = newest_first(batch);
    size_t count = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = backwards ? n - 1 - k : k;
        if (keep[i])
            ret[count++] = (struct dedup_entry){.entry = &batch->entries[i], .ident = keep[i]};
    }
    return count;
}

bool dedup_suspicious(size_t n_unseen, size_t n_entries, bool imported)
{
    return imported && n_unseen > 0 && n_unseen * 2 >= n_entries;
}

/* What stands behind the host, without a trailing slash; the whole of what is not a web address. */
static const char *path_of(const char *url, size_t *ret_n)
{
    size_t scheme = str_casestarts(url, "https://") ? 8 : str_casestarts(url, "http://") ? 7 : 0;
    const char *p = scheme ? url + scheme + strcspn(url + scheme, "/?#") : url;
    size_t n = strlen(p);
    if (n && p[n - 1] == '/')
        n--;
    *ret_n = n;
    return p;
}

/* FNV-1a, not SHA-256 as for idents: who can forge it can as well repeat an ident of his own feed.
 */
static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ c[i]) * 1099511628211u;
    return (h ^ 0xff) * 1099511628211u; /* ends the field: no byte of UTF-8 */
}

uint64_t dedup_moved_key(const struct td_entry *e)
{
    size_t n;
    const char *path = path_of(e->url ? e->url : e->id, &n);
    int64_t date = date_of(e);
    if (date == TD_NEVER && !e->text && !e->title)
        return 0;
    uint64_t h = mix(14695981039346656037u, path, n);
    if (e->title)
        h = mix(h, e->title, strlen(e->title));
    if (date != TD_NEVER)
        h = mix(h, &date, sizeof date);
    else if (e->text)
        h = mix(h, e->text, strlen(e->text));
    return h ? h : 1;
}

bool dedup_url_moved(const char *old, const char *now)
{
    size_t n, m;
    const char *p = path_of(old, &n), *q = path_of(now, &m);
    return !str_eq(old, now) && n == m && memcmp(p, q, n) == 0;
}
