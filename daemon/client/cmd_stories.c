/*
 * cmd_stories.c - tidings stories: the front page.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/out.h"
#include "client/source.h"
#include "client/story_text.h"
#include "model/json_text.h"
#include "store/reader_stories.h"

#define AT(field)     offsetof(struct args, field)
#define DEFAULT_LIMIT 20

static const char *const orders[] = {"heat", "new", "size", NULL};
static const struct opt stories_opts[] = {
    {"since", 's', OPT_TIME, "TIME", "only stories with an item since TIME", AT(since)},
    {"outlets", 0, OPT_NUMBER, "N", "only stories that N outlets or more tell", AT(outlets),
     INT32_MAX},
    {"order", 0, OPT_CHOICE, "ORDER", "heat (outlets of the last hours), new or size", AT(order), 0,
     orders},
    {"limit", 'n', OPT_NUMBER, "N", "at most N stories (default 20)", AT(limit), 1000},
    {0},
};

enum {
    C_ID,
    C_FIRST,
    C_LAST,
    C_AGE,
    C_OUTLETS,
    C_ITEMS,
    C_HEAT,
    C_GROWTH,
    C_TITLE,
    C_URL,
    COLUMNS
};
static const struct column columns[COLUMNS] = {
    [C_ID] = {"story_id", "STORY", COL_RIGHT | COL_SAFE},
    [C_FIRST] = {"first", NULL, COL_SAFE},
    [C_LAST] = {"last", NULL, COL_SAFE},
    [C_AGE] = {NULL, "AGE", COL_RIGHT | COL_SAFE},
    [C_OUTLETS] = {"outlets", "OUTLETS", COL_RIGHT | COL_SAFE},
    [C_ITEMS] = {"items", NULL, COL_RIGHT | COL_SAFE},
    [C_HEAT] = {"heat", NULL, COL_RIGHT | COL_SAFE},
    [C_GROWTH] = {NULL, "GROWTH", COL_SAFE},
    [C_TITLE] = {"title", "HEADLINE", COL_SHRINK},
    [C_URL] = {"url", NULL, 0},
};

static int read_stories(struct reader *r, const void *q, struct buf *out, struct td_err *err)
{
    buf_adds(out, "{\"stories\":[");
    int n = reader_stories(r, q, out, err);
    buf_adds(out, "]}");
    return MIN(n, 0);
}

static void show_story(struct client *c, struct out *out, const json_t *s)
{
    char id[24], outlets[24], items[24], age[24], heat[24];
    CLEANUP_BUF struct buf chart = BUF_INIT(256);
    CLEANUP_FREE char *json = json_text(s);
    snprintf(id, sizeof id, "%" PRId64, story_number(s, "story_id"));
    snprintf(outlets, sizeof outlets, "%" PRId64, story_number(s, "outlets"));
    snprintf(items, sizeof items, "%" PRId64, story_number(s, "items"));
    snprintf(heat, sizeof heat, "%.2f", json_number_value(json_object_get(s, "heat")));
    story_add_chart(&chart, json_object_get(s, "growth"));
    struct cell cells[COLUMNS] = {
        [C_ID] = {id, NULL, STYLE_DIM},
        [C_FIRST] = {story_text(s, "first")},
        [C_LAST] = {story_text(s, "last")},
        [C_AGE] = {NULL, story_age(age, story_time(s, "first"), c->now), STYLE_CYAN},
        [C_OUTLETS] = {outlets, NULL, story_number(s, "outlets") > 1 ? STYLE_GREEN : STYLE_NONE},
        [C_ITEMS] = {items},
        [C_HEAT] = {heat},
        [C_GROWTH] = {NULL, buf_str(&chart), STYLE_BLUE},
        [C_TITLE] = {story_text(s, "title"), story_headline(s), STYLE_BOLD},
        [C_URL] = {story_text(s, "url")},
    };
    out_row(out, cells, json, strlen(json));
}

static int run_stories(struct client *c)
{
    const struct args *a = &c->args;
    CLEANUP_SOURCE struct source *s = NULL;
    CLEANUP_FREE char *query = NULL;
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 16);
    struct td_err err;
    json_t *answer = NULL, *story;
    size_t i;
    char since[CLOCK_TEXT], number[24];
    if (client_query(c, &query) != 0)
        return EX_USAGE;
    struct story_query q = {.since = a->since,
                            .outlets = a->outlets,
                            .query = query,
                            .order = (enum story_order)a->order,
                            .now = c->now,
                            .limit = a->limit ? (int)a->limit : DEFAULT_LIMIT};
    buf_addf(&path, "/v1/stories?limit=%d&order=%s", q.limit, orders[q.order]);
    if (a->since != TD_NEVER)
        api_add_param(&path, "since", clock_rfc3339(since, a->since));
    snprintf(number, sizeof number, "%" PRId64, a->outlets);
    api_add_param(&path, "outlets", a->outlets ? number : NULL);
    api_add_param(&path, "q", query);
    int r = source_open(&s, c, &err);
    if (r == 0)
        r = source_json(s, path.data, read_stories, &q, &answer, &err);
    if (r < 0)
        return client_errno(r, &err);
    struct out *out = out_new(STDOUT_FILENO, (enum format)a->format, &c->term, columns, COLUMNS,
                              false);
    json_array_foreach (json_object_get(answer, "stories"), i, story)
        show_story(c, out, story);
    bool none = out_rows(out) == 0;
    int written = out_end(out, true);
    json_decref(answer);
    if (none)
        client_note(query || a->outlets || a->since != TD_NEVER ? "no story matches"
                                                                : "no stories yet");
    return client_written(written);
}

const struct command cmd_stories = {
    .name = "stories",
    .operands = "[QUERY...]",
    .help = "The front page: what several outlets tell, the hottest first",
    .details =
        "Heat is how many outlets an hour came with the story in the last six hours. GROWTH shows\n"
        "how many items came in each twelfth of its life. With QUERY only stories with an item\n"
        "that matches it (tidings-query(7)).",
    .opts = stories_opts,
    .max_operands = -1,
    .has_format = true,
    .run = run_stories,
};
