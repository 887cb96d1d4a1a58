/*
 * cmd_subscribe.c - subscribe, with its dry run, and unsubscribe.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/items.h"
#include "client/out.h"
#include "client/source.h"
#include "client/subs.h"
#include "client/words.h"
#include "config/sub.h"

#define AT(field) offsetof(struct args, field)

static void no_tick(void *ctx)
{
}

int subs_call(struct client *c, const char *method, const char *name, const char *what,
              const json_t *body, json_t **ret, struct td_err *err)
{
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 16);
    buf_adds(&path, "/v1/subscriptions");
    if (name)
        api_add_segment(&path, name);
    if (what)
        buf_addf(&path, "/%s", what);
    return api_call_long(c->place.socket, method, path.data, body, no_tick, NULL, ret, err);
}

/* ---- unsubscribe ---------------------------------------------------------------------------- */

static int run_unsubscribe(struct client *c)
{
    struct td_err err;
    int r = subs_call(c, "DELETE", c->args.operands[0], NULL, NULL, NULL, &err);
    return r < 0 ? client_errno(r, &err)
                 : client_say("%s: forgotten, with its position and dead letters",
                              c->args.operands[0]);
}

static const struct opt no_opts[] = {{0}};

const struct command cmd_unsubscribe = {
    .name = "unsubscribe",
    .operands = "NAME",
    .help = "Forgets a subscription, its position and its dead letters",
    .details = "One that stands in the config is taken out there first.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_unsubscribe,
};

/* ---- subscribe ------------------------------------------------------------------------------ */

/* The operands behind the name are the query. */
static char *query_of(const struct args *a)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    for (int i = 1; i < a->n_operands; i++)
        buf_addf(&b, "%s%s", i > 1 ? " " : "", a->operands[i]);
    return b.len ? buf_take(&b, NULL) : NULL;
}

static json_t *definition(struct client *c, const char *query, int *code)
{
    const struct args *a = &c->args;
    json_t *body = json_pack("{s:s, s:s}", "name", a->operands[0], "sink",
                             a->sink ? a->sink : "stream");
    char when[CLOCK_TEXT];
    struct td_err err;
    int64_t at;
    uint64_t seq;
    *code = EX_USAGE;
    for (size_t i = 0; body && i < a->n_tags; i++) {
        const char *equals = strchr(a->tags[i], '=');
        if (!equals || equals == a->tags[i]) {
            client_fail(EX_USAGE, "--set is KEY=VALUE, not %s", a->tags[i]);
            json_decref(body);
            return NULL;
        }
        CLEANUP_FREE char *key = xstrndup(a->tags[i], (size_t)(equals - a->tags[i]));
        if (sub_key_check(key, &err) < 0) {
            client_fail(EX_USAGE, "--set: %s", err.msg);
            json_decref(body);
            return NULL;
        }
        json_object_set_new(body, key, json_string(equals + 1));
    }
    if (body && query)
        json_object_set_new(body, "query", json_string(query));
    if (body && a->from) {
        bool plain = str_eq(a->from, "now") || str_to_u64(a->from, &seq) == 0;
        if (!plain && words_parse_time(a->from, c->now, &at) < 0) {
            client_fail(EX_USAGE, "--from is an event number or " WORDS_TIME_ALLOWED ", not %s",
                        a->from);
            json_decref(body);
            return NULL;
        }
        json_object_set_new(body, "from", json_string(plain ? a->from : clock_rfc3339(when, at)));
    }
    if (!body)
        client_fail(EX_USAGE, "the name is not UTF-8");
    return body;
}

struct preview {
    struct client *c;
    struct out *out;
    int64_t n;
    int code;
};

static int show_item(void *ctx, const struct item_row *it)
{
    struct preview *p = ctx;
    items_row(p->out, &p->c->term, it, clock_now_ms());
    return 0;
}

static int on_event(void *ctx, const char *line, size_t n)
{
    struct preview *p = ctx;
    json_t *event = json_loadb(line, n, 0, NULL), *item = json_object_get(event, "item");
    const char *reason = json_string_value(
        json_object_get(json_object_get(event, "error"), "reason"));
    if (reason)
        p->code = client_fail(EX_DATAERR, "%s", reason);
    else
        p->n++;
    if (item)
        source_item_object(item, show_item, p);
    json_decref(event);
    return p->code ? p->code : out_error(p->out) < 0;
}

/* What it would have been sent since then, from the log. */
static int preview(struct client *c, const json_t *body, const char *query)
{
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 17);
    const char *kinds = json_string_value(json_object_get(body, "events"));
    char when[CLOCK_TEXT];
    struct td_err err;
    struct preview p = {.c = c};
    buf_adds(&path, "/v1/events");
    api_add_param(&path, "format", "jsonl");
    api_add_param(&path, "follow", "0");
    api_add_param(&path, "q", query);
    CLEANUP_FREE char *list = xstrdup(kinds ? kinds : "item.new");
    for (char *s = list; *s; s++)
        if (*s == ' ')
            *s = ',';
    api_add_param(&path, "kinds", str_eq(list, "all") ? NULL : list);
    if (c->args.since != TD_NEVER)
        api_add_param(&path, "since", clock_rfc3339(when, c->args.since));
    else
        api_add_param(&path, "after", "0");
    enum format format = (enum format)c->args.format;
    p.out = out_new(1, format == FORMAT_JSON ? FORMAT_JSONL : format, &c->term, item_columns,
                    ITEM_COLUMNS, false);
    int r = api_stream(c->place.socket, path.data, on_event, no_tick, &p, &err);
    int written = out_end(p.out, r == 0);
    if (p.code)
        return p.code;
    if (r < 0)
        return client_errno(r, &err);
    client_note("%s would have been sent %" PRId64 " event%s", c->args.operands[0], p.n,
                p.n == 1 ? "" : "s");
    return client_written(written);
}

static int run_subscribe(struct client *c)
{
    const struct args *a = &c->args;
    CLEANUP_FREE char *query = query_of(a);
    struct td_err err;
    json_t *answer = NULL;
    int code;
    if (query && (code = client_check_query(query)) != 0)
        return code;
    if (!a->dry_run && a->since != TD_NEVER)
        return client_fail(EX_USAGE, "--since goes with --dry-run; --from says where to begin");
    json_t *body = definition(c, query, &code);
    if (!body)
        return code;
    if (a->dry_run)
        json_object_set_new(body, "check", json_true());
    int r = subs_call(c, "POST", NULL, NULL, body, &answer, &err);
    if (r < 0)
        code = client_errno(r, &err);
    else if (a->dry_run)
        code = preview(c, body, query);
    else
        code = client_say("%s: subscribed, begins after event %lld", a->operands[0],
                          (long long)json_integer_value(json_object_get(answer, "seq")));
    json_decref(answer);
    json_decref(body);
    return code;
}

static const struct opt subscribe_opts[] = {
    {"sink", 0, OPT_STRING, "SINK", "where to: stream (the default) or \"webhook URL\"", AT(sink)},
    {"set", 0, OPT_TAGS, "KEY=VALUE", "a key of [subscription], feeds.conf(5); may be repeated",
     AT(tags)},
    {"from", 0, OPT_STRING, "PLACE", "begin here: an event number, a time, or now (the default)",
     AT(from)},
    {"dry-run", 'n', OPT_FLAG, NULL, "make nothing; show what it would have been sent",
     AT(dry_run)},
    {"since", 0, OPT_TIME, "TIME", "with --dry-run: since then (default: all that is kept)",
     AT(since)},
    {0},
};

const struct command cmd_subscribe = {
    .name = "subscribe",
    .operands = "NAME [QUERY...]",
    .help = "Makes a subscription: a named place in the log, with a query and a sink",
    .details =
        "It is kept in the store, beside those of the config file; sinks that run commands, write\n"
        "files or send mail stand in the config only. Examples:\n"
        "  tidings subscribe linux 'title:linux' tag:tech\n"
        "  tidings follow --as linux\n"
        "  tidings subscribe phone --sink 'webhook https://ntfy.sh/my-topic' --set format=ntfy\n"
        "  tidings subscribe linux title:linux --dry-run --since 30d",
    .opts = subscribe_opts,
    .min_operands = 1,
    .max_operands = -1,
    .has_format = true,
    .run = run_subscribe,
};
