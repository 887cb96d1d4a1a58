/*
 * cmd_subs.c - tidings subscriptions: lists, shows and steers them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/client.h"
#include "client/out.h"
#include "client/subs.h"
#include "client/words.h"
#include "model/json_text.h"

#define AT(field) offsetof(struct args, field)

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* The time KEY of O as a person at a terminal reads it, in BUF; NULL: as it stands. */
static const char *when_of(const struct client *c, const json_t *o, const char *key,
                           char buf[WORDS_BYTES])
{
    int64_t at;
    if (!c->term.out_tty || clock_parse_rfc3339(text_of(o, key), &at) < 0)
        return NULL;
    return words_relative(buf, at, clock_now_ms());
}

/* ---- list ----------------------------------------------------------------------------------- */

enum { C_NAME, C_SINK, C_STATE, C_LAG, C_SEQ, C_DELIVERED, C_DEAD, C_NEXT, C_ERROR, C_QUERY, N };
static const struct column columns[N] = {
    [C_NAME] = {"name", "NAME", 0},
    [C_SINK] = {"sink", "SINK", COL_SAFE},
    [C_STATE] = {"state", "STATE", COL_SAFE},
    [C_LAG] = {"lag", "LAG", COL_RIGHT | COL_SAFE},
    [C_SEQ] = {"seq", NULL, COL_RIGHT | COL_SAFE},
    [C_DELIVERED] = {"delivered", "DELIVERED", COL_RIGHT | COL_SAFE},
    [C_DEAD] = {"dead_letters", "DEAD", COL_RIGHT | COL_SAFE},
    [C_NEXT] = {"next_try_at", "NEXT TRY", COL_SAFE},
    [C_ERROR] = {"error", "ERROR", COL_SHRINK},
    [C_QUERY] = {"query", NULL, 0},
};

static void add_row(const struct client *c, struct out *out, const json_t *s)
{
    char numbers[4][24], next[WORDS_BYTES];
    static const char *const keys[] = {"lag", "seq", "delivered", "dead_letters"};
    const char *state = text_of(s, "state");
    bool failing = str_eq(state, "failing") || str_eq(state, "disabled") ||
                   str_eq(state, "not running");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        snprintf(numbers[i], sizeof numbers[i], "%" PRId64, number_of(s, keys[i]));
    struct cell cells[N] = {
        [C_NAME] = {text_of(s, "name"), NULL, STYLE_BOLD},
        [C_SINK] = {text_of(s, "sink"), NULL, 0},
        [C_STATE] = {state, NULL, failing ? STYLE_RED : 0},
        [C_LAG] = {numbers[0], NULL, 0},
        [C_SEQ] = {numbers[1], NULL, 0},
        [C_DELIVERED] = {numbers[2], NULL, 0},
        [C_DEAD] = {numbers[3], NULL, number_of(s, "dead_letters") ? STYLE_RED : 0},
        [C_NEXT] = {text_of(s, "next_try_at"), when_of(c, s, "next_try_at", next), 0},
        [C_ERROR] = {text_of(s, "error"), NULL, 0},
        [C_QUERY] = {text_of(s, "query"), NULL, 0},
    };
    CLEANUP_FREE char *json = json_text(s);
    out_row(out, cells, json, json ? strlen(json) : 0);
}

static int run_list(struct client *c)
{
    struct td_err err;
    json_t *answer = NULL, *one;
    size_t i;
    int r = subs_call(c, "GET", NULL, NULL, NULL, &answer, &err);
    if (r < 0) {
        json_decref(answer);
        return client_errno(r, &err);
    }
    struct out *out = out_new(1, (enum format)c->args.format, &c->term, columns, N, false);
    json_array_foreach (json_object_get(answer, "subscriptions"), i, one)
        add_row(c, out, one);
    if (out_rows(out) == 0 && c->args.format == FORMAT_TEXT)
        client_note("there are no subscriptions: [subscription NAME] in the config, or tidings "
                    "subscribe");
    json_decref(answer);
    return client_written(out_end(out, true));
}

/* ---- show one ------------------------------------------------------------------------------- */

static void add_value(struct buf *b, const char *label, const json_t *v)
{
    CLEANUP_FREE char *text = NULL;
    const json_t *one;
    size_t i;
    int64_t at;
    char when[WORDS_BYTES];
    if (!v)
        return;
    buf_addf(b, "%-18s ", label);
    if (json_is_string(v) && str_ends(label, "at") &&
        clock_parse_rfc3339(json_string_value(v), &at) == 0) {
        buf_addf(b, "%s (%s)\n", json_string_value(v), words_relative(when, at, clock_now_ms()));
        return;
    }
    if (json_is_array(v)) {
        json_array_foreach (v, i, one)
            buf_addf(b, "%s%s", i ? ", " : "", json_string_value(one));
        buf_addc(b, '\n');
        return;
    }
    if (!json_is_string(v))
        text = json_text(v);
    buf_addf(b, "%s\n", json_is_string(v) ? json_string_value(v) : text ? text : "");
}

static int run_show(struct client *c, const char *name)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20), safe = BUF_INIT(1 << 22);
    struct td_err err;
    json_t *answer = NULL, *v;
    const char *key;
    int r = subs_call(c, "GET", name, NULL, NULL, &answer, &err);
    if (r < 0) {
        json_decref(answer);
        return client_errno(r, &err);
    }
    if (c->args.format == FORMAT_TEXT) {
        json_object_foreach (answer, key, v)
            add_value(&b, key, v);
        for (char *save = NULL, *line = strtok_r(b.data, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save)) {
            str_add_printable(&safe, line, strlen(line));
            buf_addc(&safe, '\n');
        }
    } else {
        CLEANUP_FREE char *json = json_text(answer);
        out_add_json(&safe, &c->term, json, strlen(json));
    }
    json_decref(answer);
    return client_written(out_write(1, buf_str(&safe), safe.len));
}

/* ---- dead letters --------------------------------------------------------------------------- */

enum { D_ID, D_AT, D_SEQ, D_ATTEMPTS, D_TITLE, D_ERROR, D_N };
static const struct column letter_columns[D_N] = {
    [D_ID] = {"id", "ID", COL_RIGHT | COL_SAFE},
    [D_AT] = {"at", "WHEN", COL_SAFE},
    [D_SEQ] = {"seq", "EVENT", COL_RIGHT | COL_SAFE},
    [D_ATTEMPTS] = {"attempts", "ATTEMPTS", COL_RIGHT | COL_SAFE},
    [D_TITLE] = {"title", "TITLE", COL_SHRINK},
    [D_ERROR] = {"error", "ERROR", COL_SHRINK},
};

static void add_letter(const struct client *c, struct out *out, const json_t *l)
{
    char id[24], seq[24], attempts[24], when[WORDS_BYTES];
    const json_t *event = json_object_get(l, "event");
    snprintf(id, sizeof id, "%" PRId64, number_of(l, "id"));
    snprintf(seq, sizeof seq, "%" PRId64, number_of(event, "seq"));
    snprintf(attempts, sizeof attempts, "%" PRId64, number_of(l, "attempts"));
    struct cell cells[D_N] = {
        [D_ID] = {id, NULL, 0},
        [D_AT] = {text_of(l, "at"), when_of(c, l, "at", when), 0},
        [D_SEQ] = {seq, NULL, 0},
        [D_ATTEMPTS] = {attempts, NULL, 0},
        [D_TITLE] = {text_of(json_object_get(event, "item"), "title"), NULL, 0},
        [D_ERROR] = {text_of(l, "error"), NULL, 0},
    };
    CLEANUP_FREE char *json = json_text(l);
    out_row(out, cells, json, json ? strlen(json) : 0);
}

static int run_letters(struct client *c, const char *name)
{
    struct td_err err;
    int64_t after = 0;
    int r = 0;
    size_t n = 1;
    struct out *out = out_new(1, (enum format)c->args.format, &c->term, letter_columns, D_N, false);
    while (r == 0 && n > 0) {
        char what[64];
        json_t *answer = NULL, *one;
        size_t i;
        snprintf(what, sizeof what, "dead-letters?after=%" PRId64, after);
        r = subs_call(c, "GET", name, what, NULL, &answer, &err);
        n = 0;
        json_array_foreach (json_object_get(answer, "dead_letters"), i, one) {
            add_letter(c, out, one);
            after = number_of(one, "id");
            n++;
        }
        json_decref(answer);
    }
    if (r == 0 && out_rows(out) == 0 && c->args.format == FORMAT_TEXT)
        client_note("%s has no dead letters", name);
    int written = out_end(out, r == 0);
    return r < 0 ? client_errno(r, &err) : client_written(written);
}

/* ---- steering ------------------------------------------------------------------------------- */

static int run_action(struct client *c, const char *action, const char *name)
{
    const struct args *a = &c->args;
    struct td_err err;
    json_t *answer = NULL, *body = NULL;
    int64_t at;
    if (str_eq(action, "rewind")) {
        char when[CLOCK_TEXT];
        uint64_t seq;
        if (!a->to)
            return client_fail(EX_USAGE, "rewind needs --to SEQ, TIME or now");
        if (str_eq(a->to, "now") || str_to_u64(a->to, &seq) == 0)
            body = json_pack("{s:s}", "to", a->to);
        else if (words_parse_time(a->to, c->now, &at) == 0)
            body = json_pack("{s:s}", "to", clock_rfc3339(when, at));
        else
            return client_fail(EX_USAGE,
                               "--to is an event number or " WORDS_TIME_ALLOWED ", not %s", a->to);
    } else if (str_eq(action, "replay") && a->id) {
        body = json_pack("{s:I}", "id", (json_int_t)a->id);
    }
    int r = subs_call(c, "POST", name, action, body, &answer, &err);
    json_decref(body);
    int code = r < 0 ? client_errno(r, &err) : EX_OK;
    if (r == 0 && str_eq(action, "rewind"))
        code = client_say("%s: goes on after event %" PRId64, name, number_of(answer, "seq"));
    else if (r == 0 && str_eq(action, "skip"))
        code = client_say("%s: %" PRId64 " event%s skipped, kept as dead letters", name,
                          number_of(answer, "skipped"),
                          number_of(answer, "skipped") == 1 ? "" : "s");
    else if (r == 0 && str_eq(action, "replay"))
        code = client_say("%s: %" PRId64 " dead letter%s in line", name,
                          number_of(answer, "replaying"),
                          number_of(answer, "replaying") == 1 ? "" : "s");
    else if (r == 0 && str_eq(action, "pause"))
        code = client_say("%s: paused", name);
    else if (r == 0 && str_eq(action, "resume"))
        code = client_say("%s: goes on", name);
    else if (r == 0 && str_eq(action, "test"))
        code = client_say("%s: the consumer has acknowledged the test", name);
    json_decref(answer);
    return code;
}

static const char *const actions[] = {"show", "pause", "resume",       "rewind",
                                      "skip", "test",  "dead-letters", "replay"};

static int run_subscriptions(struct client *c)
{
    const struct args *a = &c->args;
    if (a->n_operands == 0)
        return run_list(c);
    const char *first = a->operands[0];
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        known = known || str_eq(first, actions[i]);
    if (a->n_operands == 1) {
        if (known)
            return client_fail(EX_USAGE, "%s which subscription?", first);
        return run_show(c, first);
    }
    if (!known) {
        const char *near = str_suggest(first, actions, ARRAY_SIZE(actions));
        return client_fail(
            EX_USAGE,
            "subscriptions can show, pause, resume, rewind, skip, test, dead-letters "
            "and replay, not %s%s%s%s",
            first, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (str_eq(first, "show"))
        return run_show(c, a->operands[1]);
    if (str_eq(first, "dead-letters"))
        return run_letters(c, a->operands[1]);
    return run_action(c, first, a->operands[1]);
}

static const struct opt subscriptions_opts[] = {
    {"to", 0, OPT_STRING, "PLACE", "rewind: an event number, a time, or now", AT(to)},
    {"id", 0, OPT_NUMBER, "ID", "replay: this dead letter alone", AT(id), INT64_MAX},
    {0},
};

const struct command cmd_subscriptions = {
    .name = "subscriptions",
    .operands = "[[ACTION] NAME]",
    .help = "Shows subscriptions: how far they are, what fails; and steers them",
    .details =
        "Without a name: all of them. LAG is how many events of the log are still ahead, matching\n"
        "or not.\n\n"
        "ACTION NAME: show (the default), pause, resume (also after a 410, and tries at once what\n"
        "fails), rewind --to PLACE (backwards or forwards), skip (what fails becomes dead "
        "letters),\n"
        "test (sends a made-up event and says what the consumer answered), dead-letters (events\n"
        "that were given up), replay [--id ID] (sends those again).",
    .opts = subscriptions_opts,
    .max_operands = 2,
    .has_format = true,
    .run = run_subscriptions,
};
