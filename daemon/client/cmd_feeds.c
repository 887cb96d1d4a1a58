/*
 * cmd_feeds.c - `tidings feeds` and `tidings why`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/doc.h"
#include "client/out.h"
#include "client/source.h"
#include "client/words.h"
#include "model/json_text.h"

#define AT(field) offsetof(struct args, field)

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int64_t number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static int64_t time_of(const json_t *o, const char *key)
{
    int64_t at;
    const char *s = text_of(o, key);
    return s && clock_parse_rfc3339(s, &at) == 0 ? at : TD_NEVER;
}

/* In one word; the order says what matters most. */
static const char *state_of(const json_t *feed)
{
    if (json_is_false(json_object_get(feed, "enabled")))
        return "disabled";
    if (json_is_true(json_object_get(feed, "gone")))
        return "gone";
    if (number_of(feed, "failures") > 0)
        return "failing";
    return text_of(feed, "last_fetch_at") ? "ok" : "new";
}

static bool has_problem(const json_t *feed)
{
    return number_of(feed, "failures") > 0 || json_is_true(json_object_get(feed, "gone")) ||
           text_of(feed, "error") || text_of(feed, "moved_to") || text_of(feed, "moved_url");
}

/* The feed is asked at the same address as FIRST: two that became one. */
static char *same_as(const json_t *feed, const char *first)
{
    bool config = str_same(text_of(feed, "origin"), "config");
    return xasprintf("is the same feed as %s by now, both get all that is new: %s one of them",
                     first, config ? "take out" : "tidings remove");
}

/* Failing for LIMIT_DEAD_MS; WHY is the last failure. */
static char *is_dead(const json_t *feed, const char *why, int64_t now)
{
    char since[32];
    bool config = str_same(text_of(feed, "origin"), "config");
    str_duration(since, sizeof since, now - time_of(feed, "failing_since"));
    return xasprintf("dead, has failed for %s (%s) and is asked weekly: %s", since, why,
                     config ? "correct its url or take it out of the config"
                            : "tidings remove it, and add it again at another address");
}

/* What is wrong and what to do about it, NULL = nothing is. FIRST: another feed that is asked at
 * the same address, NULL = none. To be freed. */
static char *advice(const json_t *feed, const char *first, int64_t now)
{
    bool config = str_same(text_of(feed, "origin"), "config");
    const char *moved = text_of(feed, "moved_url"), *seen = text_of(feed, "moved_to");
    const char *error = text_of(feed, "error");
    int64_t failing_since = time_of(feed, "failing_since");
    if (json_is_true(json_object_get(feed, "gone")))
        return xasprintf("gone for good: %s",
                         config ? "take it out of the config" : "tidings remove it");
    if (error && failing_since != TD_NEVER && now - failing_since >= LIMIT_DEAD_MS)
        return is_dead(feed, error, now);
    if (error)
        return xstrdup(error);
    if (first)
        return same_as(feed, first);
    if (moved)
        return config ? xasprintf("has moved: write url = %s", moved)
                      : xasprintf("has moved to %s; nothing to do", moved);
    return seen ? xasprintf("may be moving to %s; nothing to do yet", seen) : NULL;
}

static enum style state_style(const char *state)
{
    if (str_same(state, "failing") || str_same(state, "gone"))
        return STYLE_RED;
    if (str_same(state, "new"))
        return STYLE_YELLOW;
    return str_same(state, "disabled") ? STYLE_DIM : STYLE_GREEN;
}

/* ---- feeds --------------------------------------------------------------------------------- */

static const struct opt feeds_opts[] = {
    {"tag", 't', OPT_STRING, "TAG", "only feeds with this tag", AT(tag)},
    {"problems", 'p', OPT_FLAG, NULL, "only feeds that fail, are gone or have moved", AT(problems)},
    {0},
};

static const struct column feed_columns[] = {
    {"feed_id", NULL, COL_SAFE},
    {"name", "NAME", COL_SHRINK},
    {"state", "STATE", COL_SAFE},
    {"last_fetch_at", "LAST", COL_SAFE},
    {"next_due_at", "NEXT", COL_SAFE},
    {"items", "ITEMS", COL_RIGHT | COL_SAFE},
    {"failures", NULL, COL_SAFE},
    {"origin", "ORIGIN", COL_SAFE},
    {"url", NULL, 0},
    {"title", NULL, 0},
    {"tags", NULL, 0},
    {"error", "ERROR", COL_SHRINK},
    {"push", NULL, COL_SAFE},
};

struct feed_listing {
    const struct client *c;
    struct out *out;
    json_t *asked; /* by the address that is asked: the first feed there. NULL = not kept */
};

/* Another feed before this one that is asked at the same address: borrowed, NULL = none. */
static const char *first_there(struct feed_listing *l, const json_t *feed)
{
    const char *at = text_of(feed, "moved_url");
    at = at ? at : text_of(feed, "url");
    if (!l->asked || !at || json_is_false(json_object_get(feed, "enabled")))
        return NULL;
    const char *first = text_of(l->asked, at);
    if (!first)
        json_object_set(l->asked, at, json_object_get(feed, "name"));
    return first;
}

static bool has_tag(const json_t *feed, const char *tag)
{
    size_t i;
    json_t *t;
    json_array_foreach (json_object_get(feed, "tags"), i, t)
        if (str_same(json_string_value(t), tag))
            return true;
    return false;
}

static void show_feed(struct feed_listing *l, const json_t *feed, const char *first)
{
    char id[24], items[24], failures[24], last[WORDS_BYTES], next[WORDS_BYTES];
    const char *state = state_of(feed), *phase = text_of(feed, "phase");
    bool tty = l->c->term.out_tty;
    CLEANUP_BUF struct buf tags = BUF_INIT(1 << 18);
    size_t i;
    json_t *t;
    json_array_foreach (json_object_get(feed, "tags"), i, t)
        buf_addf(&tags, "%s%s", tags.len ? "," : "", json_string_value(t));
    snprintf(id, sizeof id, "%" PRId64, number_of(feed, "feed_id"));
    snprintf(items, sizeof items, "%" PRId64, number_of(feed, "items"));
    snprintf(failures, sizeof failures, "%" PRId64, number_of(feed, "failures"));
    words_relative(last, time_of(feed, "last_fetch_at"), l->c->now);
    words_relative(next, time_of(feed, "next_due_at"), l->c->now);
    if (time_of(feed, "next_due_at") <= l->c->now)
        snprintf(next, sizeof next, "now");
    CLEANUP_FREE char *problem = advice(feed, first, l->c->now);
    const char *push = text_of(json_object_get(feed, "push"), "state");
    bool idle = str_same(state, "gone") || str_same(state, "disabled");
    bool busy = phase && !str_eq(phase, "waiting") && !idle;
    struct cell cells[ARRAY_SIZE(feed_columns)] = {
        {id},
        {text_of(feed, "name")},
        {state,
         busy                                            ? phase
         : str_same(push, "live") && str_eq(state, "ok") ? "ok, push"
                                                         : NULL,
         state_style(state)},
        {text_of(feed, "last_fetch_at"), tty ? last : NULL},
        {text_of(feed, "next_due_at"), idle  ? "-"
                                       : tty ? next
                                             : NULL},
        {items},
        {failures},
        {text_of(feed, "origin")},
        {text_of(feed, "url")},
        {text_of(feed, "title")},
        {buf_str(&tags)},
        {text_of(feed, "error"), problem, STYLE_RED},
        {push},
    };
    CLEANUP_FREE char *json = json_text(feed);
    out_row(l->out, cells, json ? json : "{}", json ? strlen(json) : 2);
}

static int on_feed(void *ctx, json_t *feed)
{
    struct feed_listing *l = ctx;
    const struct args *a = &l->c->args;
    const char *first = first_there(l, feed);
    if ((!a->problems || first || has_problem(feed)) && (!a->tag || has_tag(feed, a->tag)))
        show_feed(l, feed, first);
    return out_error(l->out) != 0;
}

static int run_feeds(struct client *c)
{
    CLEANUP_SOURCE struct source *s = NULL;
    struct td_err err;
    int r = source_open(&s, c, &err);
    if (r < 0)
        return client_errno(r, &err);
    struct feed_listing l = {c, out_new(STDOUT_FILENO, (enum format)c->args.format, &c->term,
                                        feed_columns, ARRAY_SIZE(feed_columns), false)};
    l.asked = json_object();
    r = source_feeds(s, c->args.n_operands ? c->args.operands[0] : NULL, on_feed, &l, &err);
    json_decref(l.asked);
    size_t n = out_rows(l.out);
    int written = out_end(l.out, r >= 0);
    if (r < 0)
        return client_errno(r, &err);
    if (n == 0)
        client_note(c->args.problems ? "no feed has problems"
                    : c->args.tag    ? "no feed has that tag"
                                     : "no feeds: put some into feeds.conf, or `tidings add URL`");
    return client_written(written);
}

const struct command cmd_feeds = {
    .name = "feeds",
    .operands = "[FEED]",
    .help = "Lists feeds: state, last and next fetch, items, error",
    .details =
        "STATE is ok, failing, new (not fetched yet), gone (410) or disabled; while a feed is\n"
        "being fetched, how far it is. With \"push\" its hub tells what is new.\n"
        "ORIGIN is config (feeds.conf) or api (`tidings add`).",
    .opts = feeds_opts,
    .max_operands = 1,
    .has_format = true,
    .run = run_feeds,
};

/* ---- why ----------------------------------------------------------------------------------- */

static const char *outcome_words(const char *name)
{
    static const struct {
        const char *name, *words;
    } all[] = {
        {"ok", "read"},
        {"not-modified", "not modified"},
        {"http", "HTTP status"},
        {"dns", "the host name does not exist"},
        {"dns-temporary", "the resolver gave no answer"},
        {"connect", "no connection"},
        {"tls", "TLS failed"},
        {"timeout", "timed out"},
        {"too-large", "too large"},
        {"incomplete", "cut off in the middle"},
        {"refused", "address not allowed"},
        {"redirect", "bad redirect"},
        {"protocol", "not understood as HTTP"},
        {"not-a-feed", "not a feed"},
        {"parser", "the parser gave up on it"},
        {"source", "file or command failed"},
        {"gone", "gone for good (410)"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (str_same(all[i].name, name))
            return all[i].words;
    return name ? name : "?";
}

/* `why` puts a page together in a buf. */
struct answer {
    const struct client *c;
    struct buf b;
};

static void add_line(struct answer *a, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void add_line(struct answer *a, const char *label, const char *fmt, ...)
{
    bool colour = a->c->term.colour;
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 18), safe = BUF_INIT(1 << 20);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    str_add_printable(&safe, buf_str(&text), text.len);
    buf_addf(&a->b, "%s%-11s%s", style_on(colour, STYLE_DIM), label, style_off(colour, STYLE_DIM));
    text_add_wrapped(&a->b, buf_str(&safe), a->c->term.out_tty ? a->c->term.width : 1 << 20, 11,
                     11);
    buf_addc(&a->b, '\n');
}

static void add_time(struct answer *a, const char *label, const json_t *feed, const char *key)
{
    char relative[WORDS_BYTES], local[WORDS_BYTES];
    int64_t at = time_of(feed, key);
    if (at != TD_NEVER)
        add_line(a, label, "%s (%s)", words_relative(relative, at, a->c->now),
                 words_local(local, at));
}

static void add_next(struct answer *a, const json_t *feed)
{
    const char *state = state_of(feed), *phase = text_of(feed, "phase");
    char relative[WORDS_BYTES], local[WORDS_BYTES];
    int64_t at = time_of(feed, "next_due_at");
    if (str_same(state, "disabled"))
        add_line(a, "Next", "never: it is disabled in the config");
    else if (str_same(state, "gone"))
        add_line(a, "Next", "never: the server says that it is gone for good (410)");
    else if (phase && !str_eq(phase, "waiting"))
        add_line(a, "Next", "now: it is %s", phase);
    else if (at == TD_NEVER || at <= a->c->now)
        add_line(a, "Next", "due now");
    else
        add_line(a, "Next", "%s (%s)", words_relative(relative, at, a->c->now),
                 words_local(local, at));
    if (text_of(feed, "why"))
        add_line(a, "Because", "%s", text_of(feed, "why"));
    if (text_of(feed, "pacing"))
        add_line(a, "Pacing", "%s", text_of(feed, "pacing"));
    if (text_of(feed, "access"))
        add_line(a, "Access", "%s", text_of(feed, "access"));
    if (text_of(feed, "https"))
        add_line(a, "Asked over", "https: %s", text_of(feed, "https"));
}

/* " TEXT WHEN": an instant in words behind other words, nothing when there is none. */
static void add_when(struct buf *b, const struct answer *a, const char *text, const json_t *push,
                     const char *key)
{
    char relative[WORDS_BYTES];
    int64_t at = time_of(push, key);
    if (at != TD_NEVER)
        buf_addf(b, "%s%s", text, words_relative(relative, at, a->c->now));
}

static void add_push(struct answer *a, const json_t *push)
{
    const char *state = text_of(push, "state"), *hub = text_of(push, "hub");
    const char *error = text_of(push, "error");
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    if (!state || !hub)
        return;
    if (str_eq(state, "live")) {
        buf_addf(&b, "%s tells what is new", hub);
        if (json_is_false(json_object_get(push, "signed")))
            buf_adds(&b, " (without a signature: each push is a fetch)");
        add_when(&b, a, ", since ", push, "since");
        add_when(&b, a, "; last push ", push, "last_push_at");
        add_when(&b, a, "; renewed ", push, "renew_at");
    } else if (str_eq(state, "asked")) {
        buf_addf(&b, "%s was asked and has not asked back yet", hub);
    } else if (str_eq(state, "offered")) {
        buf_addf(&b, "%s is offered and not used (websub-callback, push)", hub);
    } else {
        buf_addf(&b, "none from %s", hub);
        add_when(&b, a, "; asked again ", push,
                 str_eq(state, "distrusted") ? "distrusted_until" : "retry_at");
    }
    if (error)
        buf_addf(&b, ": %s", error);
    add_line(a, "Push", "%s", buf_str(&b));
}

static void add_history(struct answer *a, const json_t *history)
{
    size_t i;
    json_t *h;
    json_array_foreach (history, i, h) {
        char when[WORDS_BYTES], size[WORDS_BYTES], took[32], status[24] = "", gained[32] = "";
        int64_t http = number_of(h, "http_status"), n_new = number_of(h, "new");
        bool is_http = str_same(text_of(h, "outcome"), "http");
        if (is_http)
            snprintf(status, sizeof status, " %" PRId64, http);
        if (n_new)
            snprintf(gained, sizeof gained, ", %" PRId64 " new", n_new);
        add_line(a, i ? "" : "Fetches", "%s: %s%s%s, %s in %s",
                 words_relative(when, time_of(h, "at"), a->c->now),
                 outcome_words(text_of(h, "outcome")), status, gained,
                 words_bytes(size, number_of(h, "bytes")),
                 str_duration(took, sizeof took, number_of(h, "duration_ms")));
    }
    if (!json_array_size(history))
        add_line(a, "Fetches", "none yet");
}

/* What the store cannot know: is it being fetched right now? */
static void ask_phase(const struct client *c, json_t *feed)
{
    char path[64];
    json_t *live = NULL;
    snprintf(path, sizeof path, "/v1/feeds/%" PRId64, number_of(feed, "feed_id"));
    if (api_call(c->place.socket, "GET", path, NULL, &live, NULL) == 0 && text_of(live, "phase")) {
        json_object_set(feed, "phase", json_object_get(live, "phase"));
        json_object_set(feed, "pacing", json_object_get(live, "pacing"));
        json_object_set(feed, "access", json_object_get(live, "access"));
        json_object_set(feed, "https", json_object_get(live, "https"));
    }
    json_decref(live);
}

static int on_why(void *ctx, json_t *feed)
{
    struct answer *a = ctx;
    if (!text_of(feed, "phase"))
        ask_phase(a->c, feed);
    const char *title = text_of(feed, "title"), *state = state_of(feed);
    int64_t failures = number_of(feed, "failures");
    char since[WORDS_BYTES];
    add_line(a, "Feed", "%s%s%s%s", text_of(feed, "name"), title ? " (" : "", title ? title : "",
             title ? ")" : "");
    add_line(a, "URL", "%s", text_of(feed, "url"));
    if (text_of(feed, "moved_url") || text_of(feed, "found_url"))
        add_line(a, "Asked at", "%s",
                 text_of(feed, text_of(feed, "moved_url") ? "moved_url" : "found_url"));
    if (text_of(feed, "moved_to"))
        add_line(a, "Moving to", "%s", text_of(feed, "moved_to"));
    if (failures)
        add_line(a, "State", "%s: %" PRId64 " failure%s in a row, since %s", state, failures,
                 failures == 1 ? "" : "s",
                 words_relative(since, time_of(feed, "failing_since"), a->c->now));
    else
        add_line(a, "State", "%s", state);
    if (text_of(feed, "error"))
        add_line(a, "Error", "%s", text_of(feed, "error"));
    add_next(a, feed);
    add_push(a, json_object_get(feed, "push"));
    add_time(a, "Last fetch", feed, "last_fetch_at");
    add_time(a, "Last good", feed, "last_success_at");
    add_time(a, "Last new", feed, "last_new_at");
    add_line(a, "Items", "%" PRId64, number_of(feed, "items"));
    add_history(a, json_object_get(feed, "history"));
    return 1;
}

static int run_why(struct client *c)
{
    CLEANUP_SOURCE struct source *s = NULL;
    struct td_err err;
    int r = source_open(&s, c, &err);
    if (r < 0)
        return client_errno(r, &err);
    const char *feed = c->args.operands[0];
    if (c->args.format != FORMAT_TEXT) {
        struct feed_listing l = {c, out_new(STDOUT_FILENO, (enum format)c->args.format, &c->term,
                                            feed_columns, ARRAY_SIZE(feed_columns), false)};
        r = source_feeds(s, feed, on_feed, &l, &err);
        int written = out_end(l.out, r >= 0);
        return r < 0 ? client_errno(r, &err) : client_written(written);
    }
    struct answer a = {c, BUF_INIT(LIMIT_TEXT_BYTES)};
    r = source_feeds(s, feed, on_why, &a, &err);
    int code = r < 0 ? client_errno(r, &err)
                     : client_written(out_write(STDOUT_FILENO, buf_str(&a.b), a.b.len));
    buf_free(&a.b);
    return code;
}

static const struct opt no_opts[] = {{0}};

const struct command cmd_why = {
    .name = "why",
    .operands = "FEED",
    .help = "Tells what decided a feed's next fetch, and how the last ones went",
    .details = "FEED is a name, number or URL.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 1,
    .has_format = true,
    .run = run_why,
};
