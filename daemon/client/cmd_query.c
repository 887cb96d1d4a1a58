/*
 * cmd_query.c - tidings query: queries with a name.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/out.h"
#include "model/json_text.h"

#define AT(field) offsetof(struct args, field)

enum { C_NAME, C_QUERY, C_TITLE, C_ORIGIN, C_PUBLIC, C_ERROR, N };
static const struct column columns[N] = {
    [C_NAME] = {"name", "NAME", 0},
    [C_QUERY] = {"query", "QUERY", COL_SHRINK},
    [C_TITLE] = {"title", "TITLE", COL_SHRINK},
    [C_ORIGIN] = {"origin", "ORIGIN", COL_SAFE},
    [C_PUBLIC] = {"public", NULL, COL_SAFE},
    [C_ERROR] = {"error", "ERROR", COL_SHRINK},
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int run_list(struct client *c)
{
    struct td_err err;
    json_t *answer = NULL, *q;
    size_t i;
    int r = api_call(c->place.socket, "GET", "/v1/queries", NULL, &answer, &err);
    if (r < 0) {
        json_decref(answer);
        return client_errno(r, &err);
    }
    struct out *out = out_new(1, (enum format)c->args.format, &c->term, columns, N, false);
    json_array_foreach (json_object_get(answer, "queries"), i, q) {
        bool open = json_is_true(json_object_get(q, "public"));
        struct cell cells[N] = {
            [C_NAME] = {text_of(q, "name"), NULL, STYLE_BOLD},
            [C_QUERY] = {text_of(q, "query"), NULL, 0},
            [C_TITLE] = {text_of(q, "title"), NULL, 0},
            [C_ORIGIN] = {text_of(q, "origin"), NULL, 0},
            [C_ERROR] = {text_of(q, "error"), NULL, STYLE_RED},
            [C_PUBLIC] = {open ? "yes" : "no", NULL, 0},
        };
        CLEANUP_FREE char *json = json_text(q);
        out_row(out, cells, json, json ? strlen(json) : 0);
    }
    if (out_rows(out) == 0 && c->args.format == FORMAT_TEXT)
        client_note("no query has a name: [query NAME] in the config, or tidings query save");
    json_decref(answer);
    return client_written(out_end(out, true));
}

static int run_save(struct client *c, const char *name)
{
    const struct args *a = &c->args;
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 16);
    struct td_err err;
    for (int i = 2; i < a->n_operands; i++)
        buf_addf(&text, "%s%s", i > 2 ? " " : "", a->operands[i]);
    int code = client_check_query(buf_str(&text));
    if (code)
        return code;
    json_t *body = json_pack("{s:s, s:s, s:s*}", "name", name, "query", buf_str(&text), "title",
                             a->title);
    if (!body)
        return client_fail(EX_USAGE, "the name or the title is not UTF-8");
    int r = api_call(c->place.socket, "POST", "/v1/queries", body, NULL, &err);
    json_decref(body);
    return r < 0 ? client_errno(r, &err)
                 : client_say("%s: saved; in other queries it is query:%s%s%s", name,
                              strchr(name, ' ') ? "\"" : "", name, strchr(name, ' ') ? "\"" : "");
}

static int run_remove(struct client *c, const char *name)
{
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 16);
    struct td_err err;
    buf_adds(&path, "/v1/queries");
    api_add_segment(&path, name);
    int r = api_call(c->place.socket, "DELETE", path.data, NULL, NULL, &err);
    return r < 0 ? client_errno(r, &err) : client_say("%s: removed", name);
}

static int run_query(struct client *c)
{
    static const char *const actions[] = {"list", "save", "remove"};
    const struct args *a = &c->args;
    const char *action = a->n_operands ? a->operands[0] : "list";
    if (str_eq(action, "list") && a->n_operands <= 1)
        return run_list(c);
    if (str_eq(action, "save") && a->n_operands >= 3)
        return run_save(c, a->operands[1]);
    if (str_eq(action, "remove") && a->n_operands == 2 && !*a->operands[1])
        return client_fail(EX_USAGE, "query remove NAME, which may not be empty");
    if (str_eq(action, "remove") && a->n_operands == 2)
        return run_remove(c, a->operands[1]);
    const char *near = str_suggest(action, actions, ARRAY_SIZE(actions));
    return client_fail(
        EX_USAGE, "query can list, save NAME QUERY... and remove NAME, not %s%s%s%s", action,
        near && !str_eq(near, action) ? "; did you mean " : " with these arguments",
        near && !str_eq(near, action) ? near : "", near && !str_eq(near, action) ? "?" : "");
}

static const struct opt query_opts[] = {
    {"title", 0, OPT_STRING, "TEXT", "save: the title of its feed (default: the name)", AT(title)},
    {0},
};

const struct command cmd_query = {
    .name = "query",
    .operands = "[ACTION [NAME [QUERY...]]]",
    .help = "Queries with a name: lists, saves and removes them",
    .details =
        "A query with a name can stand in every other one, as query:NAME: in items, search, "
        "follow,\n"
        "stories and subscriptions; and it is a feed for other readers. What is saved is kept in "
        "the\n"
        "store, beside [query NAME] of the config. Saving it again changes it, also for the\n"
        "subscriptions that name it; who follows at that moment goes on as before.\n"
        "  tidings query save rail '(rail* OR train) -title:sport'\n"
        "  tidings items query:rail lang:en\n"
        "  tidings subscribe trains query:rail has:enclosure\n"
        "ACTION: list (the default), save NAME QUERY..., remove NAME.",
    .opts = query_opts,
    .max_operands = -1,
    .has_format = true,
    .run = run_query,
};
