/*
 * cmd_fetch.c - fetch: one fetch shown whole, recorded, or played back.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/fetching.h"
#include "client/file.h"
#include "client/out.h"
#include "client/progress.h"
#include "client/words.h"
#include "fetch/warc.h"

#define AT(field) offsetof(struct args, field)

static const struct opt fetch_opts[] = {
    {"full", 0, OPT_FLAG, NULL, "ask for the whole document, whatever is known of it", AT(full)},
    {"record", 0, OPT_STRING, "FILE", "write what went over the wire there, as WARC", AT(record)},
    {"replay", 0, OPT_STRING, "FILE", "show a recording; nothing is fetched", AT(replay)},
    {"config", 0, OPT_STRING, "FILE", "fetch without the daemon, with the settings of this file",
     AT(config)},
    {0},
};

/* ---- what is shown -------------------------------------------------------------------------- */

static void add_text(struct buf *b, const char *s)
{
    str_add_printable(b, s, strlen(s));
}

/* The header lines at P with MARK in front. */
static void add_header(struct buf *b, const struct buf *bytes, const char *mark)
{
    const char *p = buf_str(bytes), *end = p + bytes->len;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl ? nl : end) - p);
        n -= n && p[n - 1] == '\r';
        if (!n && !(nl && end - nl > 6 && memcmp(nl + 1, "HTTP/", 5) == 0))
            break; /* the end, unless this was an interim answer */
        buf_addf(b, "   %s ", mark);
        str_add_printable(b, p, n);
        buf_addc(b, '\n');
        if (!nl)
            break;
        p = nl + 1;
    }
}

static void add_hop(struct buf *b, const struct td_exchange *x, int number)
{
    buf_addf(b, "%d. ", number);
    add_text(b, x->url);
    buf_adds(b, "\n   ");
    if (x->ip)
        buf_addf(b, "%s %s, ", x->proxy ? "by the proxy at" : "at", x->ip);
    buf_addf(b, "%.2f s\n", (double)MAX(x->ended_at - x->asked_at, (int64_t)0) / 1000);
    add_header(b, &x->request, ">");
    if (x->is_http)
        add_header(b, &x->answer, "<");
    if (x->reason) {
        buf_adds(b, "   ! ");
        add_text(b, x->reason);
        buf_addc(b, '\n');
    }
}

static void add_outcome(struct buf *b, const struct fetching *g)
{
    char wire[WORDS_BYTES], body[WORDS_BYTES];
    buf_addf(b, "\nanswer   %s", td_outcome_name(g->res.outcome));
    if (!td_outcome_good(g->res.outcome)) {
        buf_adds(b, ": ");
        add_text(b, g->res.error ? g->res.error : "");
    }
    buf_addf(b, "; %s on the wire", words_bytes(wire, (int64_t)g->wire_bytes));
    if (g->res.body.len)
        buf_addf(b, ", a document of %s", words_bytes(body, (int64_t)g->res.body.len));
    if (g->res.content_type) {
        buf_adds(b, ", ");
        add_text(b, g->res.content_type);
    }
    buf_addc(b, '\n');
    if (g->found) {
        buf_adds(b, "page     names the feed ");
        add_text(b, g->found);
        buf_addc(b, '\n');
    }
    if (g->moved_to) {
        buf_adds(b, "moved    for good to ");
        add_text(b, g->moved_to);
        buf_addf(b, "%s\n",
                 g->state.url && str_eq(g->state.url, g->moved_to)
                     ? "; that is asked from now on"
                     : "; taken over when three polls have seen it");
    }
}

static int count(const char *fates, char fate)
{
    int n = 0;
    for (; fates && *fates; fates++)
        n += *fates == fate;
    return n;
}

static void add_feed(struct buf *b, const struct fetching *g)
{
    const char *fates = g->rec->fates;
    if (!g->batch)
        return;
    buf_addf(b, "feed     %s, %u item%s", g->batch->format, g->batch->n_entries,
             g->batch->n_entries == 1 ? "" : "s");
    if (fates)
        buf_addf(b, ": %d new, %d changed, %d known",
                 count(fates, TD_FATE_NEW) + count(fates, TD_FATE_BACKLOG),
                 count(fates, TD_FATE_CHANGED), count(fates, TD_FATE_KNOWN));
    buf_adds(b, g->batch->title ? ": " : "");
    add_text(b, g->batch->title ? g->batch->title : "");
    buf_addc(b, '\n');
    if (!g->batch->well_formed && g->batch->repaired) {
        buf_adds(b, "repaired ");
        add_text(b, g->batch->repaired);
        buf_addc(b, '\n');
    }
}

static void add_decision(struct buf *b, const struct fetching *g)
{
    char when[WORDS_BYTES];
    if (g->state.gone)
        buf_adds(b, "next     never: gone");
    else
        buf_addf(b, "next     %s", words_local(when, g->state.next_due_at));
    if (g->state.why) {
        buf_adds(b, ": ");
        add_text(b, g->state.why);
    }
    buf_addc(b, '\n');
    if (g->rec->why &&
        (g->rec->next_due_at != g->state.next_due_at || !str_same(g->rec->why, g->state.why))) {
        buf_addf(b, "         decided at that time: %s: ", words_local(when, g->rec->next_due_at));
        add_text(b, g->rec->why);
        buf_addc(b, '\n');
    }
}

static const char *fate_word(const char *fates, uint32_t i, uint32_t n)
{
    if (!fates || strlen(fates) != n)
        return "item";
    switch ((enum td_fate)fates[i]) {
    case TD_FATE_NEW:
        return "new";
    case TD_FATE_BACKLOG:
        return "backlog";
    case TD_FATE_CHANGED:
        return "changed";
    case TD_FATE_KNOWN:
        return "known";
    case TD_FATE_DOUBLE:
        return "double";
    }
    return "item";
}

static void add_items(struct buf *b, const struct fetching *g)
{
    uint32_t n = g->batch ? g->batch->n_entries : 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct td_entry *e = &g->batch->entries[i];
        char date[WORDS_BYTES] = "";
        buf_addf(b, "%s%-8s %-16.16s  ", i ? "" : "\n", fate_word(g->rec->fates, i, n),
                 e->date_published != TD_NEVER ? words_local(date, e->date_published) : "");
        add_text(b, e->title ? e->title : e->url ? e->url : e->id);
        buf_addc(b, '\n');
    }
}

static int show(const struct fetching *g)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_FETCH_TEXT_BYTES);
    const struct td_exchange *x;
    int number = 0;
    LL_FOREACH (g->rec->hops, x)
        add_hop(&b, x, ++number);
    add_outcome(&b, g);
    add_feed(&b, g);
    add_decision(&b, g);
    add_items(&b, g);
    int code = client_written(out_write(STDOUT_FILENO, buf_str(&b), b.len));
    return code != EX_OK || td_outcome_good(g->res.outcome) ? code : 1;
}

/* ---- where it comes from -------------------------------------------------------------------- */

static int play(const char *name, const struct buf *file, const struct settings *s)
{
    struct td_recording rec = {0};
    struct fetching g = {.rec = &rec};
    struct td_err err = {""};
    int r = warc_read(buf_str(file), file->len, &rec, &err);
    if (r == 0)
        r = fetching_run(&g, s, &err);
    int code = r < 0 ? client_fail(EX_DATAERR, "%s: %s", name, err.msg) : show(&g);
    fetching_fini(&g);
    td_recording_fini(&rec);
    return code;
}

/* Nobody but its owner reads it: a feed may be private. */
static int keep(const char *path, const struct buf *file)
{
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : out_write(fd, buf_str(file), file->len);
    return r < 0 ? client_fail(EX_CANTCREAT, "%s: %s", path, strerror(-r)) : EX_OK;
}

static void on_tick(void *ctx)
{
    progress_at(ctx, -1);
}

static int by_daemon(struct client *c, struct buf *file)
{
    struct td_err err = {""};
    struct progress p;
    json_t *body = json_pack("{s:s, s:b}", "feed", c->args.operands[0], "full", c->args.full);
    if (!body)
        return client_fail(EX_USAGE, "the name or address is not UTF-8");
    progress_begin(&p, &c->term, "fetching");
    int r = api_call_bytes(c->place.socket, "POST", "/v1/fetch", body, on_tick, &p, file, &err);
    progress_end(&p);
    json_decref(body);
    if (r == -ECONNREFUSED)
        return client_fail(EX_UNAVAILABLE, "%s\nOr fetch without it: --config FILE.", err.msg);
    return r < 0 ? client_errno(r, &err) : EX_OK;
}

/* The feed that S names so, else a feed at that address (gives). */
static struct td_feed_conf *conf_of(const struct settings *s, const char *what, struct td_err *err)
{
    for (size_t i = 0; i < s->n_feeds; i++)
        if (str_eq(s->feeds[i]->name, what) || str_eq(s->feeds[i]->url, what))
            return td_feed_conf_copy(s->feeds[i]);
    if (strstr(what, "://"))
        return settings_api_feed(s, what, NULL, NULL, NULL, err);
    td_err(err, 0, "%s has no feed %s, and that is no address", s->path, what);
    return NULL;
}

static int by_itself(struct client *c, const struct settings *s, struct buf *file)
{
    struct td_err err = {""};
    struct td_feed_conf *conf = conf_of(s, c->args.operands[0], &err);
    if (!conf)
        return client_fail(EX_USAGE, "%s", err.msg);
    struct td_recording rec = {.software = xstrdup("tidings/" TIDINGS_VERSION),
                               .full = true,
                               .next_due_at = TD_NEVER,
                               .conf = *conf};
    struct fetching g = {.rec = &rec, .live = true, .access = conf->access};
    td_feed_state_init(&rec.state);
    rec.conf.name = xstrdup(conf->name);
    rec.conf.url = xstrdup(conf->url);
    int r = fetching_run(&g, s, &err);
    if (r == 0)
        warc_write(file, &rec);
    fetching_fini(&g);
    td_recording_fini(&rec);
    td_feed_conf_free(conf);
    return r < 0 ? client_errno(r, &err) : EX_OK;
}

static int load(const char *path, struct settings **ret)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 20);
    if (settings_load(path, ret, &problems) == 0)
        return EX_OK;
    return client_fail(EX_CONFIG, "%s", problems.len ? buf_str(&problems) : path);
}

static int run_fetch(struct client *c)
{
    const struct args *a = &c->args;
    CLEANUP_BUF struct buf file = BUF_INIT(LIMIT_RECORDING_BYTES);
    struct settings *s = NULL;
    struct td_err err = {""};
    if (!a->replay == !a->n_operands)
        return client_fail(EX_USAGE, "either FEED or --replay FILE");
    if (a->replay && (a->record || a->config || a->full))
        return client_fail(EX_USAGE, "--replay fetches nothing: no other option goes with it");
    int code = a->config ? load(a->config, &s) : EX_OK;
    if (code == EX_OK && a->replay) {
        int r = file_read(a->replay, &file, &err);
        code = r < 0 ? client_errno(r, &err) : EX_OK;
    } else if (code == EX_OK) {
        code = s ? by_itself(c, s, &file) : by_daemon(c, &file);
    }
    if (code == EX_OK && a->record)
        code = keep(a->record, &file);
    if (code == EX_OK)
        code = play(a->replay ? a->replay : a->operands[0], &file, s);
    settings_free(s);
    return code;
}

const struct command cmd_fetch = {
    .name = "fetch",
    .operands = "FEED|URL",
    .help = "Fetches once as the daemon would, and shows all of it; nothing is stored",
    .details =
        "Shows each request and answer, what became of it, when the daemon would ask next and "
        "why,\n"
        "and the items: what would be new or changed in the store. The daemon does it, with the\n"
        "feed's validators and access settings, in the queue of its host; --config does it here,\n"
        "without a store to compare with.\n"
        "--record keeps the bytes of every hop for a bug report, without passwords, tokens and\n"
        "cookies; what stands in the address or the document stays. --replay and 'tidings parse'\n"
        "read them again, by the same code, with the clock at that time.\n"
        "Exit status 1: the fetch failed.",
    .opts = fetch_opts,
    .max_operands = 1,
    .run = run_fetch,
};
