/*
 * cmd_story.c - tidings story: one story's timeline, and corrections; tidings why-story.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
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
#include "client/out.h"
#include "client/source.h"
#include "client/story_text.h"
#include "client/words.h"
#include "model/json_text.h"
#include "store/reader_stories.h"
#include "story/cluster.h"

static const struct opt no_opts[] = {{0}};

/* Adds text of a feed in STYLE. */
static void add(struct buf *b, const struct client *c, enum style style, const char *s)
{
    buf_adds(b, style_on(c->term.colour, style));
    str_add_printable(b, s, strlen(s));
    buf_adds(b, style_off(c->term.colour, style));
}

static int read_number(const char *s, const char *what, int64_t *ret)
{
    return str_to_i64(s, ret) < 0 || *ret < 1
               ? client_fail(EX_USAGE, "%s is no number of %s", s, what)
               : 0;
}

static int print(const struct client *c, const json_t *answer, const struct buf *text)
{
    CLEANUP_BUF struct buf out = BUF_INIT(SIZE_MAX / 2);
    if (c->args.format == FORMAT_TEXT)
        return client_written(out_write(STDOUT_FILENO, buf_str(text), text->len));
    CLEANUP_FREE char *json = json_text(answer);
    out_add_json(&out, &c->term, json, strlen(json));
    if (!out.len || out.data[out.len - 1] != '\n')
        buf_addc(&out, '\n');
    return client_written(out_write(STDOUT_FILENO, out.data, out.len));
}

/* ---- the timeline ---------------------------------------------------------------------------- */

static int read_story(struct reader *r, const void *q, struct buf *out, struct td_err *err)
{
    return reader_story(r, *(const int64_t *)q, clock_now_ms(), out, err);
}

static void add_event(struct buf *b, const struct client *c, const json_t *i)
{
    char when[WORDS_BYTES];
    double p = json_number_value(json_object_get(i, "p"));
    const json_t *title;
    size_t k;
    buf_addf(b, "%8" PRId64 "  ", story_number(i, "item_id"));
    int64_t at = story_time(i, "at");
    add(b, c, STYLE_CYAN, c->term.out_tty ? words_relative(when, at, c->now) : story_text(i, "at"));
    buf_adds(b, "  ");
    add(b, c, STYLE_BLUE, story_text(i, "outlet"));
    buf_adds(b, "  ");
    add(b, c, STYLE_NONE, story_headline(i));
    buf_addf(b, "  (%s", story_text(i, "how"));
    if (str_eq(story_text(i, "how"), "joined"))
        buf_addf(b, ", %.2f%s", p, p < STORY_SURE / 1000.0 ? ", probable" : "");
    if (json_object_get(i, "article_id"))
        buf_addf(b, " as item %" PRId64, story_number(i, "article_id"));
    buf_adds(b, ")\n");
    json_array_foreach (json_object_get(i, "earlier_titles"), k, title) {
        buf_adds(b, "          before: ");
        add(b, c, STYLE_DIM, json_string_value(title));
        buf_addc(b, '\n');
    }
}

static int show_story(struct client *c, const char *id)
{
    CLEANUP_SOURCE struct source *s = NULL;
    CLEANUP_BUF struct buf path = BUF_INIT(4096), b = BUF_INIT(LIMIT_ANSWER_BYTES);
    struct td_err err;
    json_t *answer = NULL, *item;
    int64_t story_id;
    size_t i;
    char first[WORDS_BYTES], last[WORDS_BYTES];
    int r = read_number(id, "a story (tidings stories)", &story_id);
    if (r)
        return r;
    buf_addf(&path, "/v1/stories/%" PRId64, story_id);
    r = source_open(&s, c, &err);
    if (r == 0)
        r = source_json(s, path.data, read_story, &story_id, &answer, &err);
    if (r < 0)
        return client_errno(r, &err);
    add(&b, c, STYLE_BOLD, story_headline(answer));
    buf_addf(&b,
             "\nstory %" PRId64 ": %" PRId64 " outlet%s, %" PRId64 " item%s, began %s, last %s  ",
             story_number(answer, "story_id"), story_number(answer, "outlets"),
             story_number(answer, "outlets") == 1 ? "" : "s", story_number(answer, "items"),
             story_number(answer, "items") == 1 ? "" : "s",
             words_relative(first, story_time(answer, "first"), c->now),
             words_relative(last, story_time(answer, "last"), c->now));
    story_add_chart(&b, json_object_get(answer, "growth"));
    buf_adds(&b, "\n\n");
    json_array_foreach (json_object_get(answer, "timeline"), i, item)
        add_event(&b, c, item);
    r = print(c, answer, &b);
    json_decref(answer);
    return r;
}

/* ---- corrections ----------------------------------------------------------------------------- */

static int fix(struct client *c, const char *what, int64_t a, int64_t into)
{
    json_t *answer = NULL, *body = json_object();
    struct td_err err;
    json_object_set_new(body, what, json_integer(a));
    if (into)
        json_object_set_new(body, "into", json_integer(into));
    int r = api_call(c->place.socket, "POST", "/v1/stories", body, &answer, &err);
    json_decref(body);
    int64_t story = story_number(answer, "story_id");
    json_decref(answer);
    return r < 0 ? client_errno(r, &err)
                 : client_say("%s %" PRId64 " is in story %" PRId64 " now",
                              str_eq(what, "merge") ? "story" : "item", a, story);
}

static int run_story(struct client *c)
{
    static const char *const actions[] = {"split", "merge", "pin"};
    char **operands = c->args.operands;
    int n = c->args.n_operands, r;
    int64_t a, into = 0;
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        bool merge = i == 1;
        if (!str_eq(operands[0], actions[i]))
            continue;
        if (n < 2 || (merge && n < 3))
            return client_fail(EX_USAGE,
                               merge ? "story merge STORY STORY: the first joins the second"
                                     : "story %s ITEM [STORY]",
                               actions[i]);
        if ((r = read_number(operands[1], merge ? "a story" : "an item", &a)) ||
            (n > 2 && (r = read_number(operands[2], "a story", &into))))
            return r;
        return fix(c, actions[i], a, into);
    }
    return n > 1 ? client_fail(EX_USAGE, "story takes one STORY, or split, merge or pin; not %s",
                               operands[0])
                 : show_story(c, operands[0]);
}

const struct command cmd_story = {
    .name = "story",
    .operands = "STORY | split ITEM [STORY] | merge STORY STORY | pin ITEM [STORY]",
    .help = "Who told a story, and when; or corrects it",
    .details =
        "split takes an item out into a story of its own, or into STORY; merge puts the first "
        "story\n"
        "into the second; pin says that an item belongs where it is (or to STORY), for good.\n"
        "Items that come later follow the correction. STORY is the number that `tidings stories`\n"
        "shows, ITEM that of `tidings items`.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 3,
    .has_object_format = true,
    .run = run_story,
};

/* ---- why-story ------------------------------------------------------------------------------- */

static int read_why(struct reader *r, const void *q, struct buf *out, struct td_err *err)
{
    return reader_story_of(r, *(const int64_t *)q, out, err);
}

static void add_list(struct buf *b, const char *what, const json_t *words)
{
    const json_t *word;
    size_t i;
    if (!json_array_size(words))
        return;
    buf_addf(b, "  %s: ", what);
    json_array_foreach (words, i, word) {
        const char *s = json_string_value(word);
        buf_adds(b, i ? ", " : "");
        str_add_printable(b, s, strlen(s));
    }
    buf_addc(b, '\n');
}

static const char *words_of(const char *name)
{
    for (int i = 0; i < STORY_FEATURES; i++)
        if (name && str_eq(story_feature_name((enum story_feature)i), name))
            return story_feature_words((enum story_feature)i);
    return name ? name : "";
}

static void add_decision(struct buf *b, const json_t *answer)
{
    const json_t *why = json_object_get(answer, "why"), *part;
    const char *how = story_text(answer, "how");
    double p = json_number_value(json_object_get(why, "p"));
    size_t i;
    if (str_eq(how, "same article"))
        buf_addf(b,
                 "It is the same article as item %" PRId64
                 ": an equal address, or equal title and lead.\n",
                 story_number(answer, "article_id"));
    if (str_eq(how, "moved") || str_eq(how, "pinned"))
        buf_addf(b, "Somebody has %s it there.\n", str_eq(how, "moved") ? "moved" : "pinned");
    if (!why) {
        if (str_eq(how, "opened"))
            buf_adds(b, "It opened the story: no other came near.\n");
        return;
    }
    buf_addf(b,
             str_eq(how, "opened") ? "It opened the story. The nearest other was story %" PRId64
                                     ", with a probability of %.2f:\n"
                                   : "The nearest was story %" PRId64
                                     ", with a probability of %.2f:\n",
             story_number(why, "best"), p);
    add_list(b, "words in common", json_object_get(why, "words"));
    add_list(b, "words the story lacks", json_object_get(why, "missing"));
    json_array_foreach (json_object_get(why, "features"), i, part) {
        double value = json_number_value(json_array_get(part, 1));
        double weight = json_number_value(json_array_get(part, 2));
        buf_addf(b, "  %s %5.2f  %s (%.2f)\n", weight < 0 ? "against" : "    for", fabs(weight),
                 words_of(json_string_value(json_array_get(part, 0))), value);
    }
}

static int run_why_story(struct client *c)
{
    CLEANUP_SOURCE struct source *s = NULL;
    CLEANUP_BUF struct buf path = BUF_INIT(4096), b = BUF_INIT(1 << 20);
    struct td_err err;
    json_t *answer = NULL;
    int64_t item_id;
    int r = read_number(c->args.operands[0], "an item (tidings items)", &item_id);
    if (r)
        return r;
    buf_addf(&path, "/v1/items/%" PRId64 "/story", item_id);
    r = source_open(&s, c, &err);
    if (r == 0)
        r = source_json(s, path.data, read_why, &item_id, &answer, &err);
    if (r < 0)
        return client_errno(r, &err);
    add(&b, c, STYLE_BOLD, story_headline(answer));
    buf_addf(&b, "\nis in story %" PRId64 ", which %" PRId64 " outlet%s: ",
             story_number(answer, "story_id"), story_number(answer, "outlets"),
             story_number(answer, "outlets") == 1 ? " tells" : "s tell");
    add(&b, c, STYLE_NONE, story_text(answer, "story_title"));
    buf_addc(&b, '\n');
    add_decision(&b, answer);
    r = print(c, answer, &b);
    json_decref(answer);
    return r;
}

const struct command cmd_why_story = {
    .name = "why-story",
    .operands = "ITEM",
    .help = "What decided which story an item is in",
    .details = "The telling words that it has in common with the nearest story, those that the "
               "story lacks,\n"
               "and what spoke for and against it, with its weight.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 1,
    .has_object_format = true,
    .run = run_why_story,
};
