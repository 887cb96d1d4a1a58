#include "model/push.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/feed.h"

enum kind { TEXT, TIME, COUNT };

static const struct field {
    const char *name;
    size_t offset;
    enum kind kind;
} fields[] = {
#define FIELD(kind, name, member)                    \
    {                                                \
        name, offsetof(struct td_push, member), kind \
    }
#define SUB(name, member)                                                                     \
    FIELD(TEXT, name "-hub", member.hub), FIELD(TEXT, name "-topic", member.topic),           \
        FIELD(TEXT, name "-callback", member.callback), FIELD(TEXT, name "-key", member.key), \
        FIELD(TEXT, name "-secret", member.secret)
    FIELD(TEXT, "topic", topic),
    SUB("live", live),
    SUB("asked", asked),
    SUB("left", left),
    FIELD(TIME, "lease-until", lease_until),
    FIELD(TIME, "lease-ms", lease_ms),
    FIELD(TIME, "live-since", live_since),
    FIELD(TIME, "renew-at", renew_at),
    FIELD(TIME, "asked-at", asked_at),
    FIELD(TIME, "verified-at", verified_at),
    FIELD(TIME, "left-until", left_until),
    FIELD(TIME, "left-at", left_at),
    FIELD(TIME, "retry-at", retry_at),
    FIELD(TIME, "distrusted-until", distrusted_until),
    FIELD(TIME, "last-push-at", last_push_at),
    FIELD(TIME, "suspect-at", suspect_at),
    FIELD(TIME, "heard-until", heard_until),
    FIELD(COUNT, "failures", n_failures),
    FIELD(COUNT, "short", n_short),
    FIELD(COUNT, "misses", n_misses),
    FIELD(COUNT, "told", n_told),
    FIELD(COUNT, "deaf-s", deaf_s),
    FIELD(COUNT, "left-tries", left_tries),
    FIELD(TEXT, "error", error),
};

static char **text_at(const struct td_push *p, const struct field *f)
{
    return (char **)(void *)((char *)(uintptr_t)p + f->offset);
}

static int64_t *time_at(const struct td_push *p, const struct field *f)
{
    return (int64_t *)(void *)((char *)(uintptr_t)p + f->offset);
}

static int32_t *count_at(const struct td_push *p, const struct field *f)
{
    return (int32_t *)(void *)((char *)(uintptr_t)p + f->offset);
}

void td_push_init(struct td_push *p)
{
    *p = (struct td_push){0};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (fields[i].kind == TIME)
            *time_at(p, &fields[i]) = TD_NEVER;
}

void td_push_fini(struct td_push *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (fields[i].kind == TEXT)
            free(*text_at(p, &fields[i]));
    free(p->hubs);
    td_push_init(p);
}

void td_push_sub_fini(struct td_push_sub *s)
{
    free(s->hub);
    free(s->topic);
    free(s->callback);
    free(s->key);
    free(s->secret);
    *s = (struct td_push_sub){0};
}

/* ---- as text -------------------------------------------------------------------------------- */

/* A value may hold no line end: what comes from strangers has lost it on the way in. */
static void add(struct buf *out, const char *name, const char *value, size_t n)
{
    if (n && !memchr(value, '\n', n))
        buf_addf(out, "%s %.*s\n", name, (int)n, value);
}

void td_push_write(const struct td_push *p, struct buf *out)
{
    for (const char *h = p->hubs ? p->hubs : ""; *h;) {
        size_t n = strcspn(h, "\n");
        add(out, "hub", h, n);
        h += n + (h[n] != 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct field *f = &fields[i];
        const char *s = f->kind == TEXT ? *text_at(p, f) : NULL;
        if (s)
            add(out, f->name, s, strlen(s));
        else if (f->kind == TIME && *time_at(p, f) != TD_NEVER)
            buf_addf(out, "%s %lld\n", f->name, (long long)*time_at(p, f));
        else if (f->kind == COUNT && *count_at(p, f))
            buf_addf(out, "%s %d\n", f->name, (int)*count_at(p, f));
    }
}

static void add_hub(struct td_push *p, const char *hub)
{
    char *all = p->hubs ? xasprintf("%s\n%s", p->hubs, hub) : xstrdup(hub);
    free(p->hubs);
    p->hubs = all;
}

static void read_field(struct td_push *p, const char *name, const char *value)
{
    int64_t n;
    if (str_eq(name, "hub"))
        add_hub(p, value);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct field *f = &fields[i];
        if (!str_eq(f->name, name))
            continue;
        if (f->kind == TEXT)
            xreplace(text_at(p, f), value);
        else if (str_to_i64(value, &n) < 0)
            return;
        else if (f->kind == TIME)
            *time_at(p, f) = n;
        else
            *count_at(p, f) = n < 0 ? 0 : (int32_t)MIN(n, (int64_t)INT32_MAX);
    }
}

static void drop_half(struct td_push_sub *s)
{
    if (!s->hub || !s->topic || !s->callback || !s->key || strlen(s->key) != TD_PUSH_KEY_BYTES)
        td_push_sub_fini(s);
}

void td_push_read(struct td_push *p, const char *text)
{
    td_push_init(p);
    size_t len = text ? strlen(text) : 0;
    if (len > LIMIT_PUSH_TEXT_BYTES)
        return;
    CLEANUP_FREE char *copy = xstrndup(text ? text : "", len);
    char *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *space = strchr(line, ' ');
        if (!space)
            continue;
        *space = 0;
        read_field(p, line, space + 1);
    }
    drop_half(&p->live);
    drop_half(&p->asked);
    drop_half(&p->left);
    if (!p->topic)
        xreplace(&p->hubs, NULL);
}

/* ---- for people ----------------------------------------------------------------------------- */

const char *td_push_state(const struct td_push *p)
{
    if (p->live.key)
        return "live";
    if (!p->hubs)
        return "none";
    if (p->distrusted_until != TD_NEVER)
        return "distrusted";
    if (p->asked.key)
        return "asked";
    return p->error ? "failed" : "offered";
}

void td_push_json(struct jw *w, const struct td_push *p)
{
    const char *state = td_push_state(p);
    if (str_eq(state, "none"))
        return;
    bool live = str_eq(state, "live");
    const struct td_push_sub *sub = live ? &p->live : p->asked.key ? &p->asked : NULL;
    CLEANUP_FREE char *first = p->hubs ? xstrndup(p->hubs, strcspn(p->hubs, "\n")) : NULL;
    CLEANUP_FREE char *hub = td_url_public(sub ? sub->hub : first);
    jw_begin_object(w, "push");
    jw_str(w, "state", state);
    jw_str(w, "hub", hub);
    jw_str(w, "topic", sub ? sub->topic : p->topic);
    jw_time(w, "since", live ? p->live_since : TD_NEVER);
    jw_time(w, "lease_until", live ? p->lease_until : TD_NEVER);
    jw_time(w, "renew_at", live ? p->renew_at : TD_NEVER);
    jw_time(w, "retry_at", live || p->asked.key ? TD_NEVER : p->retry_at);
    jw_time(w, "distrusted_until", str_eq(state, "distrusted") ? p->distrusted_until : TD_NEVER);
    jw_time(w, "last_push_at", p->last_push_at);
    if (live)
        jw_bool(w, "signed", p->live.secret);
    if (p->n_misses)
        jw_int(w, "misses", p->n_misses);
    jw_str(w, "error", p->error);
    jw_end_object(w);
}
