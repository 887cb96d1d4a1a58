/*
 * cmd_opml.c - subscriptions from and to other readers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/file.h"
#include "client/out.h"
#include "client/progress.h"
#include "client/source.h"
#include "config/opml.h"

#define AT(field) offsetof(struct args, field)

static const struct opt opml_opts[] = {
    {"tag", 't', OPT_TAGS, "TAG", "import: give every feed this tag too; may be repeated",
     AT(tags)},
    {0},
};

/* ---- import -------------------------------------------------------------------------------- */

struct import {
    const struct opml *opml;
    struct progress progress;
    size_t n_done, n_added, n_unread, n_known, n_failed; /* unread: of those added */
};

/* Tags joined by newlines as a JSON array with MORE. */
static json_t *tag_array(const char *joined, const char *const *more, size_t n_more)
{
    json_t *tags = json_array();
    CLEANUP_FREE char *copy = xstrdup(joined ? joined : "");
    char *save = NULL;
    for (char *t = strtok_r(copy, "\n", &save); t; t = strtok_r(NULL, "\n", &save))
        json_array_append_new(tags, json_string(t));
    for (size_t i = 0; i < n_more; i++)
        json_array_append_new(tags, json_string(more[i]));
    return tags;
}

static int on_imported(void *ctx, size_t i, int r, const struct td_err *err, json_t *answer)
{
    struct import *im = ctx;
    const char *url = im->opml->feeds[i].url;
    const char *why = json_string_value(json_object_get(answer, "error"));
    im->n_done++;
    if (r == 0) {
        im->n_added++;
        if (why) {
            im->n_unread++;
            progress_end(&im->progress);
            client_note("%s: added, but not read yet: %s", url, why);
        }
    } else if (r == -EEXIST) {
        im->n_known++;
    } else if (r == -ECONNREFUSED || r == -EACCES || r == -ECONNRESET) {
        progress_end(&im->progress);
        return r; /* nobody is there to take the rest */
    } else {
        im->n_failed++;
        progress_end(&im->progress);
        client_note("%s: %s", url, err->msg);
    }
    progress_at(&im->progress, (double)im->n_done / (double)im->opml->n_feeds);
    return 0;
}

static int import_feeds(struct client *c, const struct opml *o)
{
    struct import im = {.opml = o};
    struct td_err err;
    json_t **bodies = xcalloc(o->n_feeds + 1, sizeof(json_t *));
    for (size_t i = 0; i < o->n_feeds; i++) {
        const struct opml_feed *f = &o->feeds[i];
        bodies[i] = json_pack("{s:s, s:b, s:o}", "url", f->url, "keep", 1, "tags",
                              tag_array(f->tags, c->args.tags, c->args.n_tags));
        size_t len = f->title ? strlen(f->title) : 0;
        len = len > LIMIT_TITLE ? utf8_cut(f->title, LIMIT_TITLE) : len;
        if (len)
            json_object_set_new(bodies[i], "title", json_stringn(f->title, len));
    }
    progress_begin(&im.progress, &c->term, "import");
    int r = api_post_many(c->place.socket, "/v1/feeds", bodies, o->n_feeds, on_imported, &im, &err);
    progress_end(&im.progress);
    for (size_t i = 0; i < o->n_feeds; i++)
        json_decref(bodies[i]);
    free(bodies);
    if (r < 0)
        return client_errno(r, &err);
    r = client_say("%zu feed%s added (%zu could not be read yet), %zu there already, %zu failed%s",
                   im.n_added, im.n_added == 1 ? "" : "s", im.n_unread, im.n_known, im.n_failed,
                   o->n_skipped ? "; outlines without a feed address were left out" : "");
    return im.n_failed ? EX_DATAERR : r;
}

static int run_import(struct client *c, const char *path)
{
    CLEANUP_BUF struct buf bytes = BUF_INIT(LIMIT_OPML_BYTES);
    struct opml *o = NULL;
    struct td_err err;
    int r = file_read(path, &bytes, &err);
    if (r == 0 && (r = opml_read(buf_str(&bytes), bytes.len, &o, &err)) < 0)
        return client_fail(EX_DATAERR, "%s: %s", path, err.msg);
    if (r < 0)
        return client_errno(r, &err);
    int code = import_feeds(c, o);
    opml_free(o);
    return code;
}

/* ---- export -------------------------------------------------------------------------------- */

static char *copy_of(const json_t *o, const char *key)
{
    return xstrdup_or_null(json_string_value(json_object_get(o, key)));
}

static int on_exported(void *ctx, json_t *feed)
{
    struct opml *o = ctx;
    CLEANUP_BUF struct buf tags = BUF_INIT(1 << 20);
    size_t i;
    json_t *t;
    json_array_foreach (json_object_get(feed, "tags"), i, t)
        buf_addf(&tags, "%s%s", tags.len ? "\n" : "", json_string_value(t));
    CLEANUP_FREE char *url = copy_of(feed, "url");
    if (!url || (!str_casestarts(url, "http:") && !str_casestarts(url, "https:")))
        return 0; /* files and commands of this machine mean nothing elsewhere */
    o->feeds = xreallocarray(o->feeds, o->n_feeds + 1, sizeof *o->feeds);
    o->feeds[o->n_feeds++] = (struct opml_feed){
        .url = TAKE(url),
        .title = copy_of(feed, json_object_get(feed, "title") ? "title" : "name"),
        .home_url = copy_of(feed, "home_page_url"),
        .tags = tags.len ? buf_take(&tags, NULL) : NULL};
    return 0;
}

static int run_export(struct client *c)
{
    CLEANUP_SOURCE struct source *s = NULL;
    CLEANUP_BUF struct buf out = BUF_INIT(SIZE_MAX / 2);
    struct td_err err;
    int r = source_open(&s, c, &err);
    if (r < 0)
        return client_errno(r, &err);
    struct opml *o = xcalloc(1, sizeof *o);
    o->title = xstrdup("tidings");
    r = source_feeds(s, NULL, on_exported, o, &err);
    opml_write(&out, o);
    opml_free(o);
    return r < 0 ? client_errno(r, &err)
                 : client_written(out_write(STDOUT_FILENO, buf_str(&out), out.len));
}

static int run_opml(struct client *c)
{
    const char *what = c->args.operands[0];
    if (str_eq(what, "export") && c->args.n_operands == 1)
        return run_export(c);
    if (str_eq(what, "import") && c->args.n_operands == 2)
        return run_import(c, c->args.operands[1]);
    return client_fail(EX_USAGE, "opml import FILE, or opml export\nTry 'tidings opml --help'.");
}

const struct command cmd_opml = {
    .name = "opml",
    .operands = "import FILE | export",
    .help = "Subscribes to the feeds of an OPML file, or prints all feeds as OPML",
    .details =
        "import adds each feed through the daemon, as `tidings add` does; FILE may be -, which\n"
        "is stdin; folders become tags, and titles are kept. A feed that cannot be read now is\n"
        "added all the same and named on stderr; one that cannot be added, such as an address\n"
        "with a password, too, and the exit status is 65. export prints http and https feeds.",
    .opts = opml_opts,
    .min_operands = 1,
    .max_operands = 2,
    .run = run_opml,
};
