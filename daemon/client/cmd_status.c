/*
 * cmd_status.c - `tidings status`: what the daemon is doing, once or live.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
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
#include "client/content.h"
#include "client/items.h"
#include "client/out.h"
#include "client/source.h"
#include "model/json_text.h"

#define AT(field) offsetof(struct args, field)
#define WATCH_MS  1000

static const struct opt status_opts[] = {
    {"watch", 'w', OPT_FLAG, NULL, "show it live, with the newest items, until Ctrl-C", AT(watch)},
    {0},
};

/* What is shown, whichever way it was learned. */
struct view {
    json_t *status; /* NULL: no daemon */
    struct store_counts counts;
    bool counted;
    struct td_err no_daemon, no_store;
};

static void view_fini(struct view *v)
{
    json_decref(v->status);
}

static int look(struct client *c, struct view *v)
{
    *v = (struct view){0};
    int r = api_call(c->place.socket, "GET", "/v1/status", NULL, &v->status, &v->no_daemon);
    if (r < 0) {
        json_decref(v->status);
        v->status = NULL;
    }
    struct reader *reader = NULL;
    if (v->status) {
        source_counts_of(v->status, &v->counts);
        v->counted = true;
    } else if (c->place.store && reader_open(&reader, c->place.store, &v->no_store) == 0) {
        v->counted = reader_counts(reader, &v->counts, &v->no_store) == 0;
        reader_close(reader);
    }
    return r;
}

/* ---- for people ---------------------------------------------------------------------------- */

struct frame {
    struct client *c;
    struct buf b;
    int lines;
    int64_t now;
};

static void add_line(struct frame *f, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void add_line(struct frame *f, const char *label, const char *fmt, ...)
{
    bool colour = f->c->term.colour;
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 16), safe = BUF_INIT(1 << 18);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    str_add_printable(&safe, buf_str(&text), text.len);
    buf_addf(&f->b, "%s%-9s%s", style_on(colour, STYLE_DIM), label, style_off(colour, STYLE_DIM));
    if (f->c->term.out_tty)
        text_add_cut(&f->b, buf_str(&safe), safe.len, f->c->term.width - 9);
    else
        buf_adds(&f->b, buf_str(&safe));
    buf_addc(&f->b, '\n');
    f->lines++;
}

static int64_t number_at(const json_t *status, const char *group, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(status, group), key));
}

static double rate_at(const json_t *status, const char *key)
{
    return json_number_value(json_object_get(json_object_get(status, "per_second"), key));
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void add_daemon(struct frame *f, const json_t *s)
{
    char span[32] = "?", next[WORDS_BYTES] = "";
    int64_t at;
    const char *started = text_of(s, "started_at"), *trouble = text_of(s, "store_trouble");
    const char *due = text_of(json_object_get(s, "feeds"), "next_due_at");
    if (started && clock_parse_rfc3339(started, &at) == 0)
        str_duration(span, sizeof span, MAX(f->now - at, 0) / 1000 * 1000);
    add_line(f, "tidingsd", "%s, pid %" PRId64 ", up %s%s", text_of(s, "version"),
             (int64_t)json_integer_value(json_object_get(s, "pid")), span,
             json_is_true(json_object_get(s, "ready")) ? "" : ", starting");
    if (trouble)
        add_line(f, "TROUBLE", "the store cannot be written: %s", trouble);
    if (text_of(s, "parser_trouble"))
        add_line(f, "TROUBLE", "%s", text_of(s, "parser_trouble"));
    if (due && clock_parse_rfc3339(due, &at) == 0)
        words_relative(next, at, f->now);
    add_line(f, "feeds",
             "%" PRId64 ": %" PRId64 " due, %" PRId64 " fetching, %" PRId64 " parsing, %" PRId64
             " storing, %" PRId64 " failing%s%s",
             number_at(s, "feeds", "total"), number_at(s, "feeds", "due"),
             number_at(s, "feeds", "fetching"), number_at(s, "feeds", "parsing"),
             number_at(s, "feeds", "storing"), number_at(s, "feeds", "failing"),
             *next ? "; next " : "", next);
    int64_t round = number_at(s, "first_round", "feeds"),
            pending = number_at(s, "first_round", "pending");
    if (pending)
        add_line(f, "round",
                 "%" PRId64 " of %" PRId64 " feeds of the first round, %" PRId64 " failed",
                 round - pending, round, number_at(s, "first_round", "failed"));
    if (text_of(json_object_get(s, "push"), "callback"))
        add_line(f, "push",
                 "%" PRId64 " feeds told by a hub, %" PRId64 " asked for; since the start "
                 "%" PRId64 " pushes, %" PRId64 " hints, %" PRId64 " ignored",
                 number_at(s, "push", "live"), number_at(s, "push", "asked"),
                 number_at(s, "push", "taken"), number_at(s, "push", "hints"),
                 number_at(s, "push", "ignored"));
    if (number_at(s, "subscriptions", "total"))
        add_line(
            f, "subs",
            "%" PRId64 " in all, %" PRId64 " failing, %" PRId64 " paused, %" PRId64 " disabled",
            number_at(s, "subscriptions", "total"), number_at(s, "subscriptions", "failing"),
            number_at(s, "subscriptions", "paused"), number_at(s, "subscriptions", "disabled"));
    if (number_at(s, "subscriptions", "not_running"))
        add_line(f, "TROUBLE", "%" PRId64 " of them do not run: 'tidings subscriptions' tells why",
                 number_at(s, "subscriptions", "not_running"));
    add_line(f, "rate",
             "%.1f items/s, %.1f fetches/s; since the start %" PRId64 " new items, %" PRId64
             " changed",
             rate_at(s, "items"), rate_at(s, "fetches"), number_at(s, "since_start", "items_new"),
             number_at(s, "since_start", "items_changed"));
}

/* Where the store is: the daemon knows; of one elsewhere the path says nothing here. */
static const char *store_of(const struct client *c, const json_t *status)
{
    const char *said = status ? text_of(status, "store") : NULL;
    return !c->place.store ? c->place.socket : said ? said : c->place.store;
}

static void add_store(struct frame *f, const struct store_counts *n, const json_t *status)
{
    char size[WORDS_BYTES], feeds[48] = "", behind[64] = "", waiting[64] = "";
    if (!status)
        snprintf(feeds, sizeof feeds, "%" PRId64 " feeds, ", n->feeds);
    if (n->index_seq < n->last_seq)
        snprintf(behind, sizeof behind, "; the search index is %" PRId64 " events behind",
                 n->last_seq - n->index_seq);
    if (n->stories_waiting)
        snprintf(waiting, sizeof waiting, "; %" PRId64 " items wait for their stories",
                 n->stories_waiting);
    add_line(f, "store", "%s%" PRId64 " items, %" PRId64 " events, %s in %s%s%s", feeds, n->items,
             n->events, words_bytes(size, n->db_bytes), store_of(f->c, status), behind, waiting);
}

static void add_view(struct frame *f, const struct view *v)
{
    if (v->status)
        add_daemon(f, v->status);
    else
        add_line(f, "tidingsd", "%s", v->no_daemon.msg);
    if (v->counted)
        add_store(f, &v->counts, v->status);
    else if (v->no_store.msg[0]) /* over TCP there is none to look at */
        add_line(f, "store", "%s", v->no_store.msg);
}

/* ---- live ---------------------------------------------------------------------------------- */

static int on_newest(void *ctx, const struct item_row *it)
{
    struct frame *f = ctx;
    char when[WORDS_BYTES];
    CLEANUP_FREE char *title = content_headline(it);
    const struct term *t = &f->c->term;
    CLEANUP_BUF struct buf feed = BUF_INIT(1 << 16), safe = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    str_add_printable(&feed, it->feed, strlen(it->feed));
    str_add_printable(&safe, title, strlen(title));
    words_relative(when, it->first_seen, f->now);
    buf_adds(&f->b, style_on(t->colour, STYLE_CYAN));
    int taken = text_add_cut(&f->b, when, strlen(when), 12);
    text_add_spaces(&f->b, 13 - taken);
    buf_adds(&f->b, style_on(t->colour, STYLE_BLUE));
    taken = text_add_cut(&f->b, buf_str(&feed), feed.len, 18);
    buf_adds(&f->b, style_off(t->colour, STYLE_BLUE));
    text_add_spaces(&f->b, 19 - taken);
    text_add_cut(&f->b, buf_str(&safe), safe.len, t->width - 32);
    buf_addc(&f->b, '\n');
    f->lines++;
    return 0;
}

static void add_newest(struct frame *f)
{
    CLEANUP_SOURCE struct source *s = NULL;
    int room = f->c->term.height - f->lines - 2;
    if (room < 1 || source_open(&s, f->c, NULL) < 0)
        return;
    struct item_query q = {.since = TD_NEVER, .until = TD_NEVER, .limit = room};
    buf_addc(&f->b, '\n');
    f->lines++;
    source_items(s, &q, on_newest, f, NULL);
}

/* Draws over the frame before, on a terminal; else one frame after the other. */
static int watch(struct client *c)
{
    int drawn = 0;
    for (;;) {
        struct view v;
        struct frame f = {.c = c, .b = BUF_INIT(1 << 22), .now = clock_now_ms()};
        term_measure(&c->term);
        if (c->term.out_tty && drawn)
            buf_addf(&f.b, "\033[%dA\r\033[J", drawn);
        look(c, &v);
        add_view(&f, &v);
        if (c->term.out_tty)
            add_newest(&f);
        view_fini(&v);
        int r = out_write(STDOUT_FILENO, f.b.data, f.b.len);
        drawn = f.lines;
        buf_free(&f.b);
        if (r < 0)
            return client_written(r);
        poll(NULL, 0, WATCH_MS);
    }
}

/* ---- for programs -------------------------------------------------------------------------- */

static const struct column status_columns[] = {{"key", NULL, COL_SAFE}, {"value", NULL, 0}};

static void flatten(struct out *out, const char *prefix, json_t *o)
{
    const char *key;
    json_t *value;
    json_object_foreach (o, key, value) {
        CLEANUP_FREE char *name = xasprintf("%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value)) {
            flatten(out, name, value);
            continue;
        }
        CLEANUP_FREE char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                                        : json_text(value);
        struct cell cells[ARRAY_SIZE(status_columns)] = {{name}, {text}};
        out_row(out, cells, NULL, 0);
    }
}

/* What the store alone can tell, in the shape of the daemon's answer. */
static json_t *stored_status(const struct store_counts *n)
{
    return json_pack("{s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I}}", "counts", "feeds", (json_int_t)n->feeds,
                     "items", (json_int_t)n->items, "events", (json_int_t)n->events, "last_seq",
                     (json_int_t)n->last_seq, "index_seq", (json_int_t)n->index_seq,
                     "stories_waiting", (json_int_t)n->stories_waiting, "db_bytes",
                     (json_int_t)n->db_bytes);
}

static int write_status(struct client *c, struct view *v)
{
    if (!v->status && v->counted)
        v->status = stored_status(&v->counts);
    enum format format = (enum format)c->args.format;
    if (format == FORMAT_TSV || format == FORMAT_CSV) {
        struct out *out = out_new(STDOUT_FILENO, format, &c->term, status_columns,
                                  ARRAY_SIZE(status_columns), false);
        flatten(out, "", v->status);
        return client_written(out_end(out, true));
    }
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    CLEANUP_FREE char *text = v->status ? json_text(v->status) : NULL;
    if (!text)
        return EX_OK;
    out_add_json(&b, &c->term, text, strlen(text));
    buf_addc(&b, '\n');
    return client_written(out_write(STDOUT_FILENO, b.data, b.len));
}

static int run_status(struct client *c)
{
    struct view v;
    if (c->args.watch && c->args.format == FORMAT_TEXT)
        return watch(c);
    int r = look(c, &v), code;
    bool up = r == 0;
    if (c->args.format == FORMAT_TEXT) {
        struct frame f = {.c = c, .b = BUF_INIT(1 << 20), .now = c->now};
        add_view(&f, &v);
        code = client_written(out_write(STDOUT_FILENO, buf_str(&f.b), f.b.len));
        buf_free(&f.b);
    } else {
        code = write_status(c, &v);
        if (!up)
            client_note("%s", v.no_daemon.msg);
    }
    view_fini(&v);
    return code == EX_OK && !up ? (r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE) : code;
}

const struct command cmd_status = {
    .name = "status",
    .operands = "",
    .help = "Tells what the daemon is doing and how much is stored",
    .details = "Exit status 69: no daemon answers (what the store tells is shown then).",
    .opts = status_opts,
    .has_format = true,
    .run = run_status,
};
