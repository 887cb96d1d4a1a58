/*
 * cmd_show.c - `tidings show`: one item to read, its revisions, what changed between them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/client.h"
#include "client/content.h"
#include "client/diff.h"
#include "client/doc.h"
#include "client/items.h"
#include "client/out.h"
#include "client/source.h"

#define READ_COLUMNS 88 /* longer lines are hard to read */
#define DIFF_CONTEXT 12 /* unchanged words shown around a change */
#define AT(field)    offsetof(struct args, field)

static const struct opt show_opts[] = {
    {"revisions", 'r', OPT_FLAG, NULL, "every kept revision, newest first", AT(revisions)},
    {"diff", 'd', OPT_FLAG, NULL, "what changed from each revision to the next", AT(diff)},
    {0},
};

/* One revision, copied out of the row. */
struct revision {
    int64_t number, seen_at;
    json_t *item;
};
struct revisions {
    struct revision *r;
    size_t n;
};

static int keep(void *ctx, const struct item_row *it)
{
    struct revisions *all = ctx;
    json_t *item = json_loadb(it->json, it->json_len, 0, NULL);
    if (!item)
        item = json_object();
    all->r = xreallocarray(all->r, all->n + 1, sizeof *all->r);
    all->r[all->n++] = (struct revision){it->revision, it->first_seen, item};
    return 0;
}

static void revisions_free(struct revisions *all)
{
    for (size_t i = 0; i < all->n; i++)
        json_decref(all->r[i].item);
    free(all->r);
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* ---- reading ------------------------------------------------------------------------------- */

struct page {
    const struct client *c;
    struct buf b;
    int width;
};

static void add_safe(struct page *p, const char *s)
{
    str_add_printable(&p->b, s, strlen(s));
}

/* "Label     value" if there is a value. */
static void add_field(struct page *p, const char *label, const char *value)
{
    if (str_empty(value))
        return;
    buf_addf(&p->b, "%s%-10s%s ", style_on(p->c->term.colour, STYLE_DIM), label,
             style_off(p->c->term.colour, STYLE_DIM));
    add_safe(p, value);
    buf_addc(&p->b, '\n');
}

static void add_time(struct page *p, const char *label, const char *rfc3339)
{
    int64_t at;
    char local[WORDS_BYTES], ago[WORDS_BYTES], text[2 * WORDS_BYTES + 8];
    if (!rfc3339 || clock_parse_rfc3339(rfc3339, &at) < 0)
        return;
    snprintf(text, sizeof text, "%s (%s)", words_local(local, at),
             words_relative(ago, at, p->c->now));
    add_field(p, label, p->c->term.out_tty ? text : rfc3339);
}

static char *names_of(const json_t *authors)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    size_t i;
    json_t *a;
    json_array_foreach (authors, i, a) {
        const char *name = text_of(a, "name");
        if (name)
            buf_addf(&b, "%s%s", b.len ? ", " : "", name);
    }
    return buf_take(&b, NULL);
}

static void add_tags(struct page *p, const json_t *tags)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    size_t i;
    json_t *t;
    json_array_foreach (tags, i, t)
        if (json_is_string(t))
            buf_addf(&b, "%s%s", b.len ? ", " : "", json_string_value(t));
    add_field(p, "Tags", buf_str(&b));
}

static void add_attachments(struct page *p, const json_t *list)
{
    size_t i;
    json_t *a;
    json_array_foreach (list, i, a) {
        CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
        char size[WORDS_BYTES];
        const char *url = text_of(a, "url"), *type = text_of(a, "mime_type");
        json_int_t bytes = json_integer_value(json_object_get(a, "size_in_bytes"));
        buf_addf(&b, "%s", url ? url : "");
        if (type || bytes)
            buf_addf(&b, " (%s%s%s)", type ? type : "", type && bytes ? ", " : "",
                     bytes ? words_bytes(size, bytes) : "");
        add_field(p, "Attached", buf_str(&b));
    }
}

static void add_page(struct page *p, const struct revision *r, bool tell_revision)
{
    const json_t *item = r->item, *facts = json_object_get(item, "_tidings");
    const char *title = text_of(item, "title");
    bool colour = p->c->term.colour;
    CLEANUP_FREE char *authors = names_of(json_object_get(item, "authors"));
    CLEANUP_BUF struct buf safe = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    str_add_printable(&safe, title ? title : "(no title)", strlen(title ? title : "(no title)"));
    buf_adds(&p->b, style_on(colour, STYLE_BOLD));
    text_add_wrapped(&p->b, safe.data, p->width, 0, 0);
    buf_addf(&p->b, "%s\n", style_off(colour, STYLE_BOLD));
    const char *feed_title = text_of(facts, "feed_title");
    add_field(p, "Feed", feed_title ? feed_title : text_of(facts, "feed"));
    add_field(p, "By", authors);
    add_time(p, "Published", text_of(item, "date_published"));
    add_time(p, "Seen", text_of(facts, "first_seen"));
    if (tell_revision || r->number > 1) {
        char n[24];
        snprintf(n, sizeof n, "%" PRId64, r->number);
        add_field(p, "Revision", n);
    }
    add_field(p, "Link", text_of(item, "url"));
    add_tags(p, json_object_get(item, "tags"));
    add_attachments(p, json_object_get(item, "attachments"));
    struct doc *d = content_of(item);
    if (d->n)
        buf_addc(&p->b, '\n');
    doc_add_wrapped(&p->b, d, p->width, colour);
    doc_free(d);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void add_difference(struct page *p, const char *label, const char *old, const char *new)
{
    struct diff *d = diff_words(old ? old : "", new ? new : "");
    if (!diff_is_empty(d)) {
        bool colour = p->c->term.colour;
        buf_addf(&p->b, "%s%s:%s\n", style_on(colour, STYLE_DIM), label,
                 style_off(colour, STYLE_DIM));
        diff_add(&p->b, d, p->width, DIFF_CONTEXT, colour);
    }
    diff_free(d);
}

static char *printable(const char *s)
{
    struct buf b = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    str_add_printable(&b, s ? s : "", s ? strlen(s) : 0);
    return buf_take(&b, NULL);
}

static void add_field_difference(struct page *p, const char *label, const char *key,
                                 const json_t *old, const json_t *new)
{
    CLEANUP_FREE char *a = printable(text_of(old, key)), *b = printable(text_of(new, key));
    add_difference(p, label, a, b);
}

static void add_changes(struct page *p, const struct revision *old, const struct revision *new)
{
    char when[WORDS_BYTES], rfc[CLOCK_TEXT];
    bool colour = p->c->term.colour;
    buf_addf(&p->b, "%srevision %" PRId64 " to %" PRId64 ", seen %s%s\n",
             style_on(colour, STYLE_BOLD), old->number, new->number,
             p->c->term.out_tty ? words_relative(when, new->seen_at, p->c->now)
                                : clock_rfc3339(rfc, new->seen_at),
             style_off(colour, STYLE_BOLD));
    size_t before = p->b.len;
    add_field_difference(p, "title", "title", old->item, new->item);
    add_field_difference(p, "link", "url", old->item, new->item);
    CLEANUP_BUF struct buf a = BUF_INIT(LIMIT_TEXT_BYTES * 8), b = BUF_INIT(LIMIT_TEXT_BYTES * 8);
    struct doc *da = content_of(old->item), *db = content_of(new->item);
    doc_add_plain(&a, da);
    doc_add_plain(&b, db);
    doc_free(da);
    doc_free(db);
    add_difference(p, "text", buf_str(&a), buf_str(&b));
    if (p->b.len == before)
        buf_adds(&p->b, "(only in markup, attachments or what is not shown)\n");
}

/* ---- the command --------------------------------------------------------------------------- */

static void add_text(struct page *p, const struct revisions *all)
{
    const struct args *a = &p->c->args;
    if (a->diff) {
        if (all->n < 2)
            buf_adds(&p->b, "this item was never changed\n");
        for (size_t i = 0; i + 1 < all->n; i++) {
            if (i)
                buf_addc(&p->b, '\n');
            add_changes(p, &all->r[i + 1], &all->r[i]);
        }
        return;
    }
    size_t n = a->revisions ? all->n : 1;
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_adds(&p->b, "\n----\n\n");
        add_page(p, &all->r[i], a->revisions);
    }
}

static int read_rows(struct client *c, struct source *s, item_row_fn *cb, void *ctx,
                     struct td_err *err)
{
    const char *name = c->args.operands[0];
    int64_t id;
    if (str_to_i64(name, &id) < 0 || id < 1)
        return td_err(err, -EINVAL, "%s is no item number: give the ID that `tidings items` shows",
                      name);
    int r = c->args.revisions || c->args.diff ? source_revisions(s, id, cb, ctx, err)
                                              : source_item(s, id, cb, ctx, err);
    return r == -ENOENT ? td_err(err, r, "there is no item %s", name) : r;
}

static int show_text(struct client *c, struct source *s)
{
    struct td_err err;
    struct revisions all = {0};
    int r = read_rows(c, s, keep, &all, &err);
    if (r < 0)
        return client_errno(r, &err);
    struct page p = {c, BUF_INIT(LIMIT_WIRE_BYTES), MIN(c->term.width, READ_COLUMNS)};
    add_text(&p, &all);
    r = out_write(STDOUT_FILENO, buf_str(&p.b), p.b.len);
    buf_free(&p.b);
    revisions_free(&all);
    return client_written(r);
}

static int run_show(struct client *c)
{
    CLEANUP_SOURCE struct source *s = NULL;
    struct td_err err;
    int r = source_open(&s, c, &err);
    if (r < 0)
        return client_errno(r, &err);
    if (c->args.format == FORMAT_TEXT)
        return show_text(c, s);
    bool many = c->args.revisions || c->args.diff; /* one item is one object, not an array */
    enum format format = c->args.format == FORMAT_JSON && !many ? FORMAT_JSONL
                                                                : (enum format)c->args.format;
    struct listing l = {
        c, out_new(STDOUT_FILENO, format, &c->term, item_columns, ITEM_COLUMNS, false)};
    r = read_rows(c, s, items_on_row, &l, &err);
    int written = out_end(l.out, r >= 0);
    return r < 0 ? client_errno(r, &err) : client_written(written);
}

const struct command cmd_show = {
    .name = "show",
    .operands = "ITEM",
    .help = "Shows one item to read; ITEM is the ID that `tidings items` shows",
    .opts = show_opts,
    .min_operands = 1,
    .max_operands = 1,
    .has_format = true,
    .run = run_show,
};
