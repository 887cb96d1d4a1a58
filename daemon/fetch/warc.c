#include "fetch/warc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"
#include "fetch/head.h"

#define MAGIC      "WARC/1."
#define NUMBER_MAX (1LL << 50) /* ms: far from where sums overflow */
#define RATE_MAX   1e6         /* items a day */

/* ---- numbers by name ------------------------------------------------------------------------ */

struct number {
    const char *name;
    size_t offset;
    size_t size;
};
#define CONF(name, field)                                  \
    {                                                      \
        name, offsetof(struct td_recording, conf.field),   \
            sizeof(((struct td_recording *)0)->conf.field) \
    }
#define STATE(name, field)                                  \
    {                                                       \
        name, offsetof(struct td_recording, state.field),   \
            sizeof(((struct td_recording *)0)->state.field) \
    }
/* What decides when a feed is asked next, as policy.h and move.h take it. */
static const struct number numbers[] = {
    CONF("interval-ms", interval_ms),
    CONF("min-interval-ms", min_interval_ms),
    CONF("move-after-ms", move_after_ms),
    CONF("timeout-ms", timeout_ms),
    CONF("max-body-bytes", max_body_bytes),
    CONF("ignore-hints", ignore_hints),
    STATE("next-due-at", next_due_at),
    STATE("last-fetch-at", last_fetch_at),
    STATE("last-success-at", last_success_at),
    STATE("last-new-at", last_new_at),
    STATE("failing-since", failing_since),
    STATE("failures", n_failures),
    STATE("unchanged", n_unchanged),
    STATE("imported", imported),
    STATE("max-age-ms", max_age_ms),
    STATE("by-expires", by_expires),
    STATE("retry-after-at", retry_after_at),
    STATE("ttl-ms", hints.ttl_ms),
    STATE("update-ms", hints.update_ms),
    STATE("skip-hours", hints.skip_hours),
    STATE("skip-days", hints.skip_days),
    STATE("rate-at", rate_at),
    STATE("moved-since", moved_since),
    STATE("moved-seen", moved_seen),
    STATE("url-found", url_found),
    STATE("pushed-until", pushed_until),
};

struct string {
    const char *name;
    size_t offset;
};
static const struct string strings[] = {
    {"feed", offsetof(struct td_recording, feed)},
    {"url", offsetof(struct td_recording, conf.url)},
    {"name", offsetof(struct td_recording, conf.name)},
    {"etag", offsetof(struct td_recording, state.val.etag)},
    {"last-modified", offsetof(struct td_recording, state.val.last_modified)},
    {"asked-url", offsetof(struct td_recording, state.url)},
    {"moved-to", offsetof(struct td_recording, state.moved_to)},
    {"entries", offsetof(struct td_recording, fates)},
    {"why", offsetof(struct td_recording, why)},
};

static int64_t get_number(const void *p, size_t size)
{
    int64_t v = 0;
    if (size == 8)
        memcpy(&v, p, 8);
    else if (size == 4) {
        int32_t small;
        memcpy(&small, p, 4);
        v = small;
    } else
        v = *(const uint8_t *)p;
    return v;
}

static void set_number(void *p, size_t size, int64_t v)
{
    int32_t small = (int32_t)v;
    uint8_t byte = (uint8_t)v;
    memcpy(p, size == 8 ? (const void *)&v : size == 4 ? (const void *)&small : &byte, size);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void add_line(struct buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(b, "tidings-%s: ", name);
    for (; *value; value++) /* a line is a line, whatever a server put into a validator */
        buf_addc(b, *value == '\n' || *value == '\r' ? ' ' : *value);
    buf_adds(b, "\r\n");
}

static void add_number(struct buf *b, const char *name, int64_t v)
{
    if (v == TD_NEVER)
        buf_addf(b, "tidings-%s: never\r\n", name);
    else
        buf_addf(b, "tidings-%s: %lld\r\n", name, (long long)v);
}

/* One record; the id is a hash of all that is in it (a UUID of RFC 9562's version 8). */
static void add_record(struct buf *out, const char *type, const char *url, const char *ip,
                       int64_t at, const char *content, const char *p, size_t n)
{
    char when[CLOCK_TEXT], id[2 * SHA256_BYTES + 1];
    unsigned char hash[2 * SHA256_BYTES];
    clock_rfc3339(when, at);
    CLEANUP_FREE char *named = xasprintf("%s %s %s", type, when, url ? url : "");
    crypto_sha256(named, strlen(named), hash);
    crypto_sha256(p, n, hash + SHA256_BYTES);
    crypto_sha256(hash, sizeof hash, hash);
    hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x80);
    hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
    crypto_hex(hash, 16, id);
    buf_addf(out, "WARC/1.1\r\nWARC-Type: %s\r\n", type);
    if (url)
        buf_addf(out, "WARC-Target-URI: %s\r\n", url);
    buf_addf(out, "WARC-Date: %s\r\nWARC-Record-ID: <urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s>\r\n", when,
             id, id + 8, id + 12, id + 16, id + 20);
    if (ip)
        buf_addf(out, "WARC-IP-Address: %s\r\n", ip);
    buf_addf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", content, n);
    buf_add(out, p, n);
    buf_adds(out, "\r\n\r\n");
}

/* Newest first: "AT OUTCOME STATUS NEW". */
static void add_history(struct buf *b, const struct td_feed_state *s)
{
    for (int32_t i = 0; i < s->n_history; i++)
        buf_addf(b, "tidings-poll: %lld %d %d %d\r\n", (long long)s->history[i].at,
                 s->history[i].outcome, s->history[i].http_status, s->history[i].n_new);
}

static void add_info(struct buf *out, const struct td_recording *rec)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    buf_addf(&b, "software: %s\r\nformat: WARC File Format 1.1\r\n",
             rec->software ? rec->software : "tidings");
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        add_line(&b, strings[i].name,
                 *(char *const *)(const void *)((const char *)rec + strings[i].offset));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        add_number(&b, numbers[i].name,
                   get_number((const char *)rec + numbers[i].offset, numbers[i].size));
    buf_addf(&b, "tidings-rate-per-day: %.17g\r\n", rec->state.rate_per_day);
    add_number(&b, "full", rec->full);
    add_number(&b, "source", (int64_t)rec->conf.source);
    add_number(&b, "decided-at", rec->decided_at);
    add_number(&b, "decided-due-at", rec->next_due_at);
    add_history(&b, &rec->state);
    add_record(out, "warcinfo", NULL, NULL, rec->hops ? rec->hops->asked_at : 0,
               "application/warc-fields", buf_str(&b), b.len);
}

static void add_hop(struct buf *out, const struct td_exchange *x)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    if (x->request.len)
        add_record(out, "request", x->url, x->ip, x->asked_at, "application/http;msgtype=request",
                   x->request.data, x->request.len);
    if (x->answer.len)
        add_record(out, x->is_http ? "response" : "resource", x->url, x->ip, x->asked_at,
                   x->is_http ? "application/http;msgtype=response" : "application/octet-stream",
                   x->answer.data, x->answer.len);
    add_line(&b, "outcome", td_outcome_name(x->outcome));
    add_line(&b, "reason", x->reason);
    add_number(&b, "asked-at", x->asked_at);
    add_number(&b, "ended-at", x->ended_at);
    add_number(&b, "http", x->is_http);
    add_number(&b, "curl-code", x->code);
    add_line(&b, "curl-words", x->words);
    add_number(&b, "os-errno", x->os_errno);
    add_line(&b, "proxy", x->proxy);
    add_line(&b, "bound-to", x->bound_to);
    add_number(&b, "let-in", x->let_in);
    add_number(&b, "cut", x->cut);
    add_record(out, "metadata", x->url, NULL, x->asked_at, "application/warc-fields", buf_str(&b),
               b.len);
}

void warc_write(struct buf *out, const struct td_recording *rec)
{
    const struct td_exchange *x;
    add_info(out, rec);
    LL_FOREACH (rec->hops, x)
        add_hop(out, x);
}

/* ---- reading -------------------------------------------------------------------------------- */

bool warc_is(const char *p, size_t n)
{
    return n > sizeof MAGIC && memcmp(p, MAGIC, sizeof MAGIC - 1) == 0;
}

/* Header lines of N bytes at P, without the line that begins them. */
static int read_head(struct head *h, const char *p, size_t n)
{
    head_init(h);
    int r = 0;
    for (const char *end = p + n; p < end && r == 0;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl + 1 : end) - p);
        r = head_line(h, p, len);
        p += len;
    }
    return r;
}

static char *field(const struct head *h, const char *name)
{
    CLEANUP_FREE char *full = xasprintf("tidings-%s", name);
    return head_dup(h, full);
}

static int64_t number_field(const struct head *h, const char *name, int64_t otherwise)
{
    CLEANUP_FREE char *text = field(h, name);
    int64_t v;
    if (text && str_eq(text, "never"))
        return TD_NEVER;
    if (!text || str_to_i64(text, &v) < 0)
        return otherwise;
    return v > NUMBER_MAX ? NUMBER_MAX : v < -NUMBER_MAX ? -NUMBER_MAX : v;
}

static void take_string(char **to, char *value)
{
    free(*to);
    *to = value;
}

static void read_history(struct td_feed_state *s, const struct head *h)
{
    size_t pos = 0, n;
    const char *v;
    while (s->n_history < LIMIT_FEED_HISTORY && (v = head_next(h, "tidings-poll", &pos, &n))) {
        CLEANUP_FREE char *text = xstrndup(v, n);
        long long at;
        int outcome, status, n_new;
        if (sscanf(text, "%lld %d %d %d", &at, &outcome, &status, &n_new) != 4)
            continue;
        s->history = xreallocarray(s->history, (size_t)s->n_history + 1, sizeof *s->history);
        s->history[s->n_history++] = (struct td_fetch_note){
            .at = at, .outcome = (uint8_t)outcome, .http_status = (int16_t)status, .n_new = n_new};
    }
}

static void read_info(struct td_recording *rec, const struct head *h)
{
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        take_string((char **)(void *)((char *)rec + strings[i].offset), field(h, strings[i].name));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        char *to = (char *)rec + numbers[i].offset;
        set_number(to, numbers[i].size,
                   number_field(h, numbers[i].name, get_number(to, numbers[i].size)));
    }
    take_string(&rec->software, head_dup(h, "software"));
    CLEANUP_FREE char *rate = field(h, "rate-per-day");
    rec->state.rate_per_day = rate ? strtod(rate, NULL) : -1;
    if (!(rec->state.rate_per_day >= 0 && rec->state.rate_per_day < RATE_MAX))
        rec->state.rate_per_day = -1;
    rec->full = number_field(h, "full", 0);
    rec->conf.source = number_field(h, "source", 0) == TD_SOURCE_HTTP ? TD_SOURCE_HTTP
                                                                      : TD_SOURCE_FILE;
    rec->decided_at = number_field(h, "decided-at", 0);
    rec->next_due_at = number_field(h, "decided-due-at", TD_NEVER);
    read_history(&rec->state, h);
}

static enum td_outcome outcome_named(const char *name)
{
    for (int i = 0; name && i < TD_OUT_N; i++)
        if (str_eq(name, td_outcome_name((enum td_outcome)i)))
            return (enum td_outcome)i;
    return TD_OUT_OK;
}

static void read_end(struct td_exchange *x, const struct head *h)
{
    CLEANUP_FREE char *outcome = field(h, "outcome");
    x->outcome = outcome_named(outcome);
    take_string(&x->reason, field(h, "reason"));
    take_string(&x->words, field(h, "curl-words"));
    take_string(&x->proxy, field(h, "proxy"));
    take_string(&x->bound_to, field(h, "bound-to"));
    x->asked_at = number_field(h, "asked-at", x->asked_at);
    x->ended_at = number_field(h, "ended-at", x->ended_at);
    x->is_http = number_field(h, "http", x->is_http);
    x->code = (int)number_field(h, "curl-code", 0);
    x->os_errno = (int)number_field(h, "os-errno", 0);
    x->let_in = number_field(h, "let-in", 0);
    x->cut = number_field(h, "cut", 0);
}

struct record {
    char *type, *url, *date, *ip;
    const char *block;
    size_t n;
};

static void record_fini(struct record *r)
{
    free(r->type);
    free(r->url);
    free(r->date);
    free(r->ip);
}

/* The hop that R belongs to: the last one unless R begins another. */
static struct td_exchange *hop_of(struct td_recording *rec, const struct record *r,
                                  struct td_exchange *last)
{
    bool request = str_eq(r->type, "request"), end = str_eq(r->type, "metadata");
    bool begins = !last || request || (!end && (last->answer.len || !last->request.len)) ||
                  !str_same(last->url, r->url) || (end && last->ended_at);
    if (!begins)
        return last;
    struct td_exchange *x = td_recording_add(rec, r->n);
    x->url = xstrdup_or_null(r->url);
    x->outcome = TD_OUT_OK;
    return x;
}

static void take_record(struct td_recording *rec, const struct record *r, struct td_exchange **last)
{
    struct head h;
    bool info = str_eq(r->type, "warcinfo"), end = str_eq(r->type, "metadata");
    bool answer = str_eq(r->type, "response") || str_eq(r->type, "resource");
    if (info || end) {
        bool ours = read_head(&h, r->block, r->n) == 0 && memmem(r->block, r->n, "tidings-", 8);
        if (ours && info)
            read_info(rec, &h);
        else if (ours)
            read_end(*last = hop_of(rec, r, *last), &h);
        head_fini(&h);
    } else if (answer || str_eq(r->type, "request")) {
        struct td_exchange *x = *last = hop_of(rec, r, *last);
        struct buf *to = answer ? &x->answer : &x->request;
        *to = BUF_INIT(r->n);
        buf_add(to, r->block, r->n);
        x->is_http = !str_eq(r->type, "resource");
        xreplace(&x->ip, r->ip);
        if (r->date && clock_parse_rfc3339(r->date, &x->asked_at) < 0)
            x->asked_at = 0;
    }
}

/* The record at *P: its parts, and *P behind it. */
static int read_record(const char **p, const char *end, struct record *ret, struct td_err *err)
{
    struct head h;
    const char *head_end = memmem(*p, (size_t)(end - *p), "\r\n\r\n", 4);
    if (!warc_is(*p, (size_t)(end - *p)) || !head_end)
        return td_err(err, -EBADMSG, "what follows a record is none");
    const char *block = head_end + 4;
    int r = read_head(&h, *p, (size_t)(block - *p));
    CLEANUP_FREE char *length = head_dup(&h, "Content-Length");
    uint64_t n = 0;
    if (r < 0 || !length || str_to_u64(length, &n) < 0 || n > (uint64_t)(end - block)) {
        r = td_err(err, -EBADMSG, "a record ends in the middle");
    } else {
        *ret = (struct record){.type = head_dup(&h, "WARC-Type"),
                               .url = head_dup(&h, "WARC-Target-URI"),
                               .date = head_dup(&h, "WARC-Date"),
                               .ip = head_dup(&h, "WARC-IP-Address"),
                               .block = block,
                               .n = n};
        *p = block + n;
        while (*p < end && (**p == '\r' || **p == '\n'))
            (*p)++;
    }
    head_fini(&h);
    return r;
}

int warc_read(const char *p, size_t n, struct td_recording *ret, struct td_err *err)
{
    const char *end = p + n;
    struct td_exchange *last = NULL, *x;
    int r = 0;
    td_feed_state_init(&ret->state);
    ret->next_due_at = TD_NEVER;
    while (r == 0 && p < end) {
        struct record record = {0};
        r = read_record(&p, end, &record, err);
        if (r == 0 && record.type)
            take_record(ret, &record, &last);
        record_fini(&record);
    }
    if (r == 0 && !ret->hops)
        r = td_err(err, -EBADMSG, "no exchange is recorded here");
    LL_FOREACH (ret->hops, x)
        if (r == 0 && !x->url)
            r = td_err(err, -EBADMSG, "an exchange without WARC-Target-URI");
    if (r < 0)
        td_recording_fini(ret);
    return r;
}
