/*
 * cmd_items.c - `tidings items` and `tidings search`.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/content.h"
#include "client/items.h"
#include "client/out.h"
#include "client/source.h"

#define DEFAULT_LIMIT 50
#define AT(field)     offsetof(struct args, field)

static const struct opt item_opts[] = {
    {"feed", 'f', OPT_STRING, "FEED", "only of this feed (name, id or URL)", AT(feed)},
    {"tag", 't', OPT_STRING, "TAG", "only with this tag, of the feed or of the item", AT(tag)},
    {"since", 's', OPT_TIME, "TIME", "only published (else first seen) from then on", AT(since)},
    {"until", 'u', OPT_TIME, "TIME", "only published (else first seen) before then", AT(until)},
    {"limit", 'n', OPT_NUMBER, "N", "at most N items (default 50)", AT(limit), INT32_MAX},
    {"unread-by", 0, OPT_STRING, "NAME", "only what the consumer NAME has not had", AT(unread_by)},
    {0},
};

#define QUERY_WORDS                                                                        \
    "QUERY is words that must all be there, \"a phrase\", A OR B, -without, (groups),\n"   \
    "prefix*, A NEAR/5 B, title: author: text: before a word, feed: tag: lang: site:\n"    \
    "before: after: has:enclosure, and title:/pattern/i. All of it: tidings-query(7).\n\n" \
    "TIME is a duration (2d, 90min: that long ago), now, today, yesterday, YYYY-MM-DD,\n"  \
    "YYYY-MM, YYYY, \"YYYY-MM-DD HH:MM\" or an RFC 3339 time."

/* ---- the rows (items.h) -------------------------------------------------------------------- */

const struct column item_columns[ITEM_COLUMNS] = {
    {"item_id", "ID", COL_RIGHT | COL_SAFE},
    {"date_published", "WHEN", COL_SAFE},
    {"first_seen", NULL, COL_SAFE},
    {"feed", "FEED", COL_SHRINK},
    {"title", "TITLE", COL_SHRINK},
    {"url", NULL, 0},
    {"author", NULL, 0},
    {"revision", NULL, COL_SAFE},
    {"id", NULL, 0},
};

void items_row(struct out *out, const struct term *term, const struct item_row *it, int64_t now)
{
    char id[24], published[CLOCK_TEXT], seen[CLOCK_TEXT], revision[24], when[WORDS_BYTES];
    int64_t at = it->date_published == TD_NEVER ? it->first_seen : it->date_published;
    snprintf(id, sizeof id, "%" PRId64, it->item_id);
    snprintf(revision, sizeof revision, "%" PRId64, it->revision);
    clock_rfc3339(published, it->date_published);
    clock_rfc3339(seen, it->first_seen);
    if (term->out_tty)
        words_relative(when, at, now);
    else
        clock_rfc3339(when, at);
    CLEANUP_FREE char *title = content_headline(it);
    struct cell cells[ITEM_COLUMNS] = {
        {id, NULL, STYLE_DIM},
        {published, when, STYLE_CYAN},
        {seen},
        {it->feed, NULL, STYLE_BLUE},
        {it->title, title},
        {it->url},
        {it->author},
        {revision},
        {it->id},
    };
    out_row(out, cells, it->json, it->json_len);
}

int items_on_row(void *listing, const struct item_row *it)
{
    struct listing *l = listing;
    items_row(l->out, &l->c->term, it, l->c->now);
    return out_error(l->out) != 0;
}

/* ---- the commands -------------------------------------------------------------------------- */

/* Why nothing is shown, for a person who wonders. */
static void say_nothing_found(const struct client *c, struct source *s, bool filtered)
{
    struct store_counts n = {0};
    struct td_err err;
    if (source_counts(s, &n, &err) < 0)
        return;
    if (n.items > 0)
        client_note(filtered ? "nothing matches" : "no items");
    else if (api_answers(c->place.socket))
        client_note("no items yet: the daemon has %" PRId64 " feed%s and is at work "
                    "(tidings status --watch shows it)",
                    n.feeds, n.feeds == 1 ? "" : "s");
    else
        client_note("no items yet, and no daemon runs at %s: start tidingsd", c->place.socket);
}

static void say_index_lag(struct source *s)
{
    struct store_counts n = {0};
    struct td_err err;
    /* the newest are searched without it */
    if (source_counts(s, &n, &err) == 0 && n.index_seq + SCAN_UNINDEXED < n.last_seq)
        client_note("the search index is %" PRId64
                    " changes behind: of those only the newest %d are searched yet",
                    n.last_seq - n.index_seq, SCAN_UNINDEXED);
}

static int run_items(struct client *c)
{
    const struct args *a = &c->args;
    CLEANUP_SOURCE struct source *s = NULL;
    CLEANUP_FREE char *query = NULL;
    struct td_err err;
    if (client_query(c, &query) != 0)
        return EX_USAGE;
    int r = source_open(&s, c, &err);
    if (r < 0)
        return client_errno(r, &err);
    struct item_query q = {.feed = a->feed,
                           .tag = a->tag,
                           .since = a->since,
                           .until = a->until,
                           .query = query,
                           .unread_by = a->unread_by,
                           .limit = a->limit ? (int)a->limit : DEFAULT_LIMIT};
    struct listing l = {c, out_new(STDOUT_FILENO, (enum format)a->format, &c->term, item_columns,
                                   ITEM_COLUMNS, false)};
    r = source_items(s, &q, items_on_row, &l, &err);
    size_t n = out_rows(l.out);
    int written = out_end(l.out, r >= 0);
    if (r < 0)
        return client_errno(r, &err);
    if (query)
        say_index_lag(s);
    if (n == 0)
        say_nothing_found(c, s,
                          query || a->feed || a->tag || a->unread_by || a->since != TD_NEVER ||
                              a->until != TD_NEVER);
    return client_written(written);
}

const struct command cmd_items = {
    .name = "items",
    .operands = "[QUERY...]",
    .help = "Lists items, newest first",
    .details = QUERY_WORDS,
    .opts = item_opts,
    .max_operands = -1,
    .has_format = true,
    .run = run_items,
};

const struct command cmd_search = {
    .name = "search",
    .operands = "QUERY...",
    .help = "Finds items by their words, newest first",
    .details = QUERY_WORDS,
    .opts = item_opts,
    .min_operands = 1,
    .max_operands = -1,
    .has_format = true,
    .run = run_items,
};
