/*
 * cmd_change.c - what changes the running daemon: add, remove, refresh, reload.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/progress.h"
#include "client/words.h"

#define AT(field) offsetof(struct args, field)

static const struct opt no_opts[] = {{0}};
static const struct opt add_opts[] = {
    {"name", 0, OPT_STRING, "NAME", "what the feed is called here (default: from the URL)",
     AT(name)},
    {"title", 0, OPT_STRING, "TEXT", "its title, in place of the feed's own", AT(title)},
    {"tag", 't', OPT_TAGS, "TAG", "give it this tag; may be repeated", AT(tags)},
    {0},
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void on_tick(void *ctx)
{
    progress_at(ctx, -1);
}

/* A POST that may take as long as a fetch. */
static int post(struct client *c, const char *what, const char *method, const char *path,
                const json_t *body, json_t **ret, struct td_err *err)
{
    struct progress p;
    progress_begin(&p, &c->term, what);
    int r = api_call_long(c->place.socket, method, path, body, on_tick, &p, ret, err);
    progress_end(&p);
    return r;
}

/* ---- add ----------------------------------------------------------------------------------- */

static int run_add(struct client *c)
{
    const struct args *a = &c->args;
    struct td_err err;
    json_t *answer = NULL, *body = json_pack("{s:s}", "url", a->operands[0]);
    if (!body)
        return client_fail(EX_USAGE, "the URL is not UTF-8");
    if (a->name)
        json_object_set_new(body, "name", json_string(a->name));
    if (a->title)
        json_object_set_new(body, "title", json_string(a->title));
    json_t *tags = json_array();
    for (size_t i = 0; i < a->n_tags; i++)
        json_array_append_new(tags, json_string(a->tags[i]));
    json_object_set_new(body, "tags", tags);
    int r = post(c, "fetching", "POST", "/v1/feeds", body, &answer, &err);
    json_decref(body);
    int code;
    if (r < 0)
        code = client_errno(r, &err);
    else
        code = client_say("%s: %s, %" PRId64 " items%s%s", text_of(answer, "name"),
                          text_of(answer, "url"), number_of(answer, "items"),
                          *text_of(answer, "title") ? ", " : "", text_of(answer, "title"));
    json_decref(answer);
    return code;
}

const struct command cmd_add = {
    .name = "add",
    .operands = "URL",
    .help = "Subscribes to a feed, or to the feed that a web page names",
    .details =
        "Fetches it once before answering. The subscription is kept in the store, beside those\n"
        "of the config file.",
    .opts = add_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_add,
};

/* ---- remove -------------------------------------------------------------------------------- */

static int run_remove(struct client *c)
{
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 16);
    struct td_err err;
    buf_adds(&path, "/v1/feeds");
    api_add_segment(&path, c->args.operands[0]);
    int r = post(c, "removing", "DELETE", path.data, NULL, NULL, &err);
    return r < 0 ? client_errno(r, &err) : client_say("%s is removed", c->args.operands[0]);
}

const struct command cmd_remove = {
    .name = "remove",
    .operands = "FEED",
    .help = "Ends a subscription and forgets its items; FEED is a name, number or URL",
    .details = "For feeds of `tidings add`. A feed of the config file is taken out there.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_remove,
};

/* ---- refresh ------------------------------------------------------------------------------- */

static int run_refresh(struct client *c)
{
    const char *feed = c->args.n_operands ? c->args.operands[0] : NULL;
    struct td_err err;
    json_t *answer = NULL, *body = feed ? json_pack("{s:s}", "feed", feed) : json_object();
    if (!body)
        return client_fail(EX_USAGE, "the name is not UTF-8");
    int r = post(c, "refresh", "POST", "/v1/refresh", body, &answer, &err);
    json_decref(body);
    if (r < 0) {
        json_decref(answer);
        return client_errno(r, &err);
    }
    char when[WORDS_BYTES];
    int64_t n = number_of(answer, "feeds"), now = number_of(answer, "due_now"), last;
    int code;
    if (n == now || clock_parse_rfc3339(text_of(answer, "last_due_at"), &last) < 0)
        code = client_say("%" PRId64 " feed%s due now", n, n == 1 ? "" : "s");
    else if (n == 1)
        code = client_say("due %s: a server is not asked more often than is polite",
                          words_relative(when, last, clock_now_ms()));
    else
        code = client_say("%" PRId64 " of %" PRId64 " feeds due now, the last %s: a server is not "
                          "asked more often than is polite",
                          now, n, words_relative(when, last, clock_now_ms()));
    json_decref(answer);
    return code;
}

const struct command cmd_refresh = {
    .name = "refresh",
    .operands = "[FEED]",
    .help = "Asks a feed, or all, as soon as politeness allows",
    .details =
        "Never sooner than the feed's min-interval after its last fetch, nor before a time that\n"
        "the server named.",
    .opts = no_opts,
    .max_operands = 1,
    .run = run_refresh,
};

/* ---- reload -------------------------------------------------------------------------------- */

static int run_reload(struct client *c)
{
    struct td_err err;
    json_t *answer = NULL, *line;
    size_t i;
    int r = post(c, "reload", "POST", "/v1/reload", NULL, &answer, &err);
    const json_t *error = json_object_get(answer, "error");
    json_array_foreach (json_object_get(error, "problems"), i, line)
        client_note("%s", json_string_value(line) ? json_string_value(line) : "");
    int code;
    if (r == -EINVAL)
        code = client_fail(EX_CONFIG, "%s", err.msg);
    else if (r < 0)
        code = client_errno(r, &err);
    else
        code = client_say("%" PRId64 " feed%s added, %" PRId64 " changed, %" PRId64 " removed%s%s",
                          number_of(answer, "added"), number_of(answer, "added") == 1 ? "" : "s",
                          number_of(answer, "changed"), number_of(answer, "removed"),
                          *text_of(answer, "restart_needed") ? "; at the next start: " : "",
                          text_of(answer, "restart_needed"));
    json_decref(answer);
    return code;
}

const struct command cmd_reload = {
    .name = "reload",
    .operands = "",
    .help = "Has the daemon read its config again",
    .details =
        "A config with problems is refused as a whole: they are listed, the exit status is 78,\n"
        "and the daemon goes on with what it has.",
    .opts = no_opts,
    .run = run_reload,
};
