/*
 * cmd_backfill.c - backfill: a feed's archives, read by the daemon.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/progress.h"

#define AT(field) offsetof(struct args, field)

static const struct opt backfill_opts[] = {
    {"all", 0, OPT_FLAG, NULL, "go on behind items that are known already", AT(all)},
    {"from", 0, OPT_STRING, "URL", "begin with this document, and not with the feed's own",
     AT(from)},
    {0},
};

/* How far it is: asked beside the request that waits for the end. */
struct watch {
    struct client *c;
    struct progress p;
    char what[96];
};

static int64_t number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void on_tick(void *ctx)
{
    struct watch *w = ctx;
    json_t *answer = NULL, *one;
    size_t i;
    int64_t documents = 0;
    if (api_call(w->c->place.socket, "GET", "/v1/backfill", NULL, &answer, NULL) == 0)
        json_array_foreach (json_object_get(answer, "backfills"), i, one)
            if (str_eq(text_of(one, "state"), "running")) {
                documents = number_of(one, "documents");
                snprintf(w->what, sizeof w->what, "%" PRId64 " documents, %" PRId64 " new items",
                         documents, number_of(one, "new"));
            }
    json_decref(answer);
    progress_at(&w->p, (double)documents / LIMIT_ARCHIVES);
}

static int report(const struct client *c, const json_t *a)
{
    bool failed = str_eq(text_of(a, "stopped"), "failed");
    const char *next = text_of(a, "next_url");
    int code = client_say("%s: %" PRId64 " document%s, %" PRId64 " items, %" PRId64 " new; %s%s",
                          text_of(a, "feed"), number_of(a, "documents"),
                          number_of(a, "documents") == 1 ? "" : "s", number_of(a, "items"),
                          number_of(a, "new"), failed ? "failed: " : "", text_of(a, "reason"));
    if (code == EX_OK && *next)
        code = client_say("to go on: tidings backfill %s --from %s", c->args.operands[0], next);
    return code == EX_OK && failed ? 1 : code;
}

static int run_backfill(struct client *c)
{
    struct watch w = {.c = c, .what = "the feed's own document"};
    struct td_err err = {""};
    json_t *answer = NULL,
           *body = json_pack("{s:s, s:b}", "feed", c->args.operands[0], "all", c->args.all);
    json_t *from = c->args.from ? json_string(c->args.from) : NULL;
    if (!body || (c->args.from && !from)) {
        json_decref(body);
        return client_fail(EX_USAGE, "the name or address is not UTF-8");
    }
    if (from)
        json_object_set_new(body, "from", from);
    progress_begin(&w.p, &c->term, w.what);
    int r = api_call_long(c->place.socket, "POST", "/v1/backfill", body, on_tick, &w, &answer,
                          &err);
    progress_end(&w.p);
    json_decref(body);
    int code = r < 0 ? client_errno(r, &err) : report(c, answer);
    json_decref(answer);
    return code;
}

const struct command cmd_backfill = {
    .name = "backfill",
    .operands = "FEED",
    .help = "Reads the archives of a feed, where it has any (RFC 5005)",
    .details =
        "The daemon follows the links to older documents, one at a time at the pace of the host,\n"
        "until it meets an item that was known before or has read 20. New items are stored as\n"
        "backlog: nobody is told. Interrupting the command does not stop the daemon.\n"
        "Exit status 1: a document could not be read.",
    .opts = backfill_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_backfill,
};
