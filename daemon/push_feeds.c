/*
 * push_feeds.c - what becomes of a feed, and what that means for its subscription: it is loaded,
 * polled, moved, taken out.
 */
#include "push_private.h"

#include <string.h>

#include <utlist.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

void push_look(struct feed *f)
{
    if (f->push)
        push_plan(f->push);
}

static void forget_feed(struct push *p, int64_t now)
{
    enum websub_change change;
    websub_discovered(&p->st, NULL, NULL, now, &change);
    if (!p->feed && p->st.left.key) /* not for the whole lease */
        p->st.left_until = MIN(p->st.left_until, now + LIMIT_PUSH_LEAVE_MS);
    push_drop_waiting(p);
    push_end_request(p);
    push_leave_schedule(p);
    push_changed(p, change);
}

void push_moved(struct app *a, struct feed *f)
{
    flight_drop_pushed(f);
    if (f->push)
        forget_feed(f->push, clock_now_ms());
    if (f->state.push)
        store_feed_push(a->store, f->state.feed_id, NULL);
    xreplace(&f->state.push, NULL);
}

/* Without subscriptions what the feeds name is only kept as text, beside their other state. */
static void remember(struct app *a, struct feed *f, const char *hubs, const char *topic)
{
    CLEANUP_BUF struct buf text = BUF_INIT(TEXT_BYTES);
    struct td_push st;
    td_push_init(&st);
    st.hubs = xstrdup_or_null(topic ? hubs : NULL);
    st.topic = xstrdup_or_null(hubs ? topic : NULL);
    td_push_write(&st, &text);
    td_push_fini(&st);
    const char *now = text.len ? text.data : NULL;
    if (str_same(now, f->state.push))
        return;
    xreplace(&f->state.push, now);
    store_feed_push(a->store, f->state.feed_id, now);
}

void push_remove(struct app *a, struct feed *f)
{
    struct push *p = f->push;
    int64_t now = clock_now_ms();
    if (!p)
        return;
    /* What the feed names stays with it in the store: it may come back with a 304. */
    xreplace(&f->state.push, ""); /* the store has more */
    if (f->state.feed_id)
        remember(a, f, p->st.hubs, p->st.topic);
    f->push = NULL;
    p->feed = NULL;
    push_end_request(p);
    push_keep_conf(p, f->conf);
    forget_feed(p, now);
}

/* Does TEXT hold more than what the feed names? */
static bool has_subscription(const char *text)
{
    struct td_push st;
    td_push_read(&st, text);
    bool has = st.live.key || st.asked.key || st.left.key;
    td_push_fini(&st);
    return has;
}

struct push *push_of(struct app *a, struct feed *f)
{
    CLEANUP_FREE char *text = TAKE(f->state.push);
    if (f->push)
        return f->push;
    struct push *p = push_new(a, f);
    if (!text)
        return p;
    td_push_read(&p->st, text);
    p->saved = crypto_hash64(text, strlen(text));
    websub_woke(&p->st, a->started_at);
    f->state.pushed_until = push_relied_until(f, clock_now_ms());
    if (f->state.pushed_until == TD_NEVER && f->state.last_fetch_at != TD_NEVER &&
        !f->state.gone) { /* it lapsed while nobody was there */
        policy_replan(&f->state, f->conf);
        td_feed_state_slim(&f->state);
    }
    push_set_keys(p);
    return p;
}

void push_load(struct app *a, struct feed *f)
{
    if (f->state.push && (a->pushing->callback || has_subscription(f->state.push)))
        push_of(a, f);
}

void push_look_all(struct app *a)
{
    struct push *p, *next;
    for (struct feed *f = a->feeds; f; f = f->hh.next)
        push_load(a, f);
    DL_FOREACH_SAFE(a->pushing->all, p, next)
    {
        push_plan(p);
    }
}

void push_load_left(struct app *a, int64_t feed_id, const char *text)
{
    struct td_push st;
    td_push_read(&st, text);
    if (!st.live.key) {
        td_push_fini(&st);
        return;
    }
    struct push *p = push_new(a, NULL);
    p->st = st;
    store_feed_push(a->store, feed_id, NULL);
    forget_feed(p, clock_now_ms());
}

/* The hubs of a document that were tried, as the subscription has them: http or https, of bearable
 * length, LIMIT_PUSH_HUBS at most. */
static char *hubs_of(const struct td_batch *b)
{
    CLEANUP_BUF struct buf hubs = BUF_INIT(LIMIT_PUSH_HUBS * (LIMIT_URL_BYTES + 1));
    char host[300];
    int n = 0;
    for (uint32_t i = 0; i < b->n_hubs && n < LIMIT_PUSH_HUBS; i++) {
        const char *url = b->hubs[i].url;
        if (strlen(url) > LIMIT_URL_BYTES || strchr(url, '\n') ||
            schedule_host_key(url, host, sizeof host) < 0)
            continue;
        buf_addf(&hubs, "%s%s", n++ ? "\n" : "", url);
    }
    return n ? buf_take(&hubs, NULL) : NULL;
}

static void rediscover(struct app *a, struct feed *f, const struct td_batch *b, int64_t now)
{
    enum websub_change change;
    CLEANUP_FREE char *hubs = hubs_of(b);
    bool has_topic = b->feed_url && strlen(b->feed_url) <= LIMIT_URL_BYTES &&
                     !strchr(b->feed_url, '\n');
    const char *topic = has_topic ? b->feed_url : NULL;
    if (!f->push && !a->pushing->callback) {
        remember(a, f, hubs, topic);
        return;
    }
    if (!f->push && !f->state.push && (!hubs || !topic))
        return;
    struct push *p = push_of(a, f);
    if (websub_discovered(&p->st, hubs, topic, now, &change)) {
        push_end_request(p); /* what was being asked is not what we want now */
        push_leave_schedule(p);
        push_tell(p, change);
    }
}

void push_polled(struct app *a, struct feed *f, const struct td_feed_state *before,
                 const struct store_commit *c, const struct store_commit_result *r)
{
    int64_t now = clock_now_ms();
    const struct td_fetch_note *note = td_feed_state_last(&f->state);
    bool whole = note->outcome == TD_OUT_OK && note->http_status != 226;
    if (c->batch && (whole || c->batch->n_hubs))
        rediscover(a, f, c->batch, now);
    struct push *p = f->push;
    if (!p)
        return;
    if (td_outcome_good(note->outcome)) {
        bool watched = websub_listened(&p->st, before->last_success_at, now);
        websub_polled(&p->st, r->n_new, watched, now);
    }
    p->fetched = p->fetch_until != TD_NEVER;
    push_changed(p, WEBSUB_SAME);
}
