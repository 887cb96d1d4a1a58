#include "config/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"
#include "config/queries.h"
#include "config/sites.h"

#define SECTIONS                                                                     \
    "[daemon], [defaults], [feed NAME], [query NAME], [site NAME], [token NAME] or " \
    "[subscription NAME]"

void load_problem(struct loader *l, int file, int line, const char *fmt, ...)
{
    l->n_problems++;
    if (!l->problems)
        return;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_adds(l->problems, l->files[file]);
    if (line)
        buf_addf(l->problems, ":%d", line);
    buf_addf(l->problems, ": %s\n", text);
}

static int this_file(const struct loader *l)
{
    return l->n_files - 1;
}

uint64_t load_interval_keys(void)
{
    return 1ull << key_find("interval") | 1ull << key_find("min-interval");
}

static void open_feed(struct loader *l, const struct ini_line *in)
{
    struct td_err err;
    if (feed_name_check(in->arg, &err) < 0) {
        load_problem(l, this_file(l), in->line, "%s", err.msg);
        return;
    }
    if (l->n_drafts == l->cap_drafts) {
        l->cap_drafts = l->cap_drafts ? 2 * l->cap_drafts : 64;
        l->drafts = xreallocarray(l->drafts, l->cap_drafts, sizeof *l->drafts);
    }
    struct td_feed_conf *c = xcalloc(1, sizeof *c);
    c->name = xstrdup(in->arg);
    c->origin = TD_ORIGIN_CONFIG;
    l->drafts[l->n_drafts++] = (struct draft){.conf = c, .file = this_file(l), .line = in->line};
    l->section = IN_FEED;
}

static void open_token(struct loader *l, const struct ini_line *in)
{
    struct settings *s = l->s;
    struct td_err err;
    if (feed_name_check(in->arg, &err) < 0) {
        load_problem(l, this_file(l), in->line,
                     "[token] without a usable name; allowed: [token NAME], 1 to %d bytes",
                     LIMIT_NAME_BYTES);
        return;
    }
    if (s->n_tokens == LIMIT_TOKENS) {
        load_problem(l, this_file(l), in->line, "more than %d tokens; allowed: %d", LIMIT_TOKENS,
                     LIMIT_TOKENS);
        return;
    }
    s->tokens = xreallocarray(s->tokens, s->n_tokens + 1, sizeof *s->tokens);
    l->token_at[s->n_tokens] = (struct place){this_file(l), in->line};
    s->tokens[s->n_tokens++] = (struct td_token){.name = xstrdup(in->arg)};
    l->section = IN_TOKEN;
}

static void open_sub(struct loader *l, const struct ini_line *in)
{
    struct td_err err;
    int r = sub_name_check(in->arg, &err);
    if (r == 0 && l->n_subs == LIMIT_SUBSCRIPTIONS)
        r = td_err(&err, -EINVAL, "more than %d subscriptions; allowed: %d", LIMIT_SUBSCRIPTIONS,
                   LIMIT_SUBSCRIPTIONS);
    if (r < 0) {
        load_problem(l, this_file(l), in->line, "%s", err.msg);
        return;
    }
    l->subs = xreallocarray(l->subs, l->n_subs + 1, sizeof *l->subs);
    struct sub_section *s = &l->subs[l->n_subs++];
    *s = (struct sub_section){.name = xstrdup(in->arg), .file = this_file(l), .line = in->line};
    sub_draft_init(&s->draft, in->arg, false);
    l->section = IN_SUB;
}

static void open_query(struct loader *l, const struct ini_line *in)
{
    struct td_err err;
    if (queries_open(l->s, in->arg, &err) < 0) {
        load_problem(l, this_file(l), in->line, "%s", err.msg);
        return;
    }
    l->query_at[l->s->n_queries - 1] = (struct place){this_file(l), in->line};
    l->section = IN_QUERY;
}

static void open_section(struct loader *l, const struct ini_line *in)
{
    static const char *const names[] = {"daemon", "defaults", "feed",        "query",
                                        "site",   "token",    "subscription"};
    char shown[KEY_SHOWN];
    l->section = 0;
    l->in_wrong = true;
    memset(l->lines, 0, sizeof l->lines);
    if (str_eq(in->name, "feed")) {
        if (*in->arg)
            open_feed(l, in);
        else
            load_problem(l, this_file(l), in->line, "[feed] without a name; allowed: [feed NAME]");
        return;
    }
    if (str_eq(in->name, "token")) {
        open_token(l, in);
        return;
    }
    if (str_eq(in->name, "query")) {
        open_query(l, in);
        return;
    }
    if (str_eq(in->name, "site")) {
        struct td_err err;
        if (sites_open(l->s, in->arg, &err) < 0)
            load_problem(l, this_file(l), in->line, "%s", err.msg);
        else
            l->section = IN_SITE;
        return;
    }
    if (str_eq(in->name, "subscription")) {
        open_sub(l, in);
        return;
    }
    bool daemon = str_eq(in->name, "daemon");
    if (!daemon && !str_eq(in->name, "defaults")) {
        const char *near = str_suggest(in->name, names, ARRAY_SIZE(names));
        load_problem(l, this_file(l), in->line, "unknown section %s%s%s%s; allowed: " SECTIONS,
                     key_shown(shown, in->name), near ? " (did you mean [" : "", near ? near : "",
                     near ? "]?)" : "");
        return;
    }
    if (*in->arg) {
        load_problem(l, this_file(l), in->line, "[%s] with a name: %s; allowed: [%s]", in->name,
                     key_shown(shown, in->arg), in->name);
        return;
    }
    l->section = daemon ? IN_DAEMON : IN_DEFAULTS;
}

static void unknown_key(struct loader *l, const struct ini_line *in)
{
    const char *names[KEYS_MAX];
    size_t n = 0;
    char shown[KEY_SHOWN];
    CLEANUP_BUF struct buf all = BUF_INIT(1024);
    for (size_t i = 0; i < n_config_keys; i++)
        if (config_keys[i].sections & l->section) {
            buf_addf(&all, "%s%s", n ? ", " : "", config_keys[i].name);
            names[n++] = config_keys[i].name;
        }
    const char *near = str_suggest(in->name, names, n);
    load_problem(l, this_file(l), in->line, "unknown key %s%s%s%s; allowed here: %s",
                 key_shown(shown, in->name), near ? " (did you mean " : "", near ? near : "",
                 near ? "?)" : "", buf_str(&all));
}

/* K's value into TARGET; the content of a credential is not repeated in what is wrong with it. */
static int set_text(const struct loader *l, const struct key *k, void *target, const char *value,
                    struct td_err *err)
{
    if (!k->is_string)
        return k->set(k, target, value, err);
    char *text = key_resolve(k, value, l->folder, getenv("CREDENTIALS_DIRECTORY"), err);
    if (!text)
        return td_err_prefix(err, -EINVAL, "%s", k->name);
    bool hide = credential_is(value) && !k->is_file && !k->is_secret;
    int r = k->set(k, target, text, hide ? NULL : err);
    td_secret_replace(&text, NULL);
    if (r < 0 && hide)
        return td_err(err, -EINVAL, "%s = the content of %s, which is not usable; allowed: %s",
                      k->name, value, k->type);
    return r;
}

/* Who names a proxy for a feed has nothing of the proxy of [defaults]. */
static uint64_t implied(const struct key *k)
{
    return str_eq(k->name, "proxy")
               ? 1ull << key_find("proxy-user") | 1ull << key_find("proxy-password")
               : 0;
}

/* WHY; who writes a comment behind a value is told that it is taken for a part of it. */
static void wrong_value(struct loader *l, const struct ini_line *in, const struct td_err *why)
{
    bool comment = strstr(in->arg, " #") || strstr(in->arg, "\t#");
    load_problem(l, this_file(l), in->line, "%s%s", why->msg,
                 comment ? " (a comment has a line of its own)" : "");
}

static void set_sub_value(struct loader *l, const struct ini_line *in)
{
    struct td_err err;
    if (sub_draft_set(&l->subs[l->n_subs - 1].draft, in->name, in->arg, l->folder, &err) < 0)
        wrong_value(l, in, &err);
}

static void set_value(struct loader *l, const struct ini_line *in)
{
    int i = key_find_in(in->name, l->section);
    if (i < 0) {
        unknown_key(l, in);
        return;
    }
    const struct key *k = &config_keys[i];
    if (!(k->sections & l->section)) {
        load_problem(l, this_file(l), in->line, "%s does not stand in this section; allowed in: %s",
                     k->name, key_sections(k->sections));
        return;
    }
    if (l->lines[i] && !k->repeats) {
        load_problem(l, this_file(l), in->line, "%s a second time, first in line %d; allowed: once",
                     k->name, l->lines[i]);
        return;
    }
    l->lines[i] = in->line;

    struct draft *d = l->section == IN_FEED ? &l->drafts[l->n_drafts - 1] : NULL;
    if (l->section == IN_DAEMON && str_eq(k->name, "listen"))
        l->listen_at = (struct place){this_file(l), in->line};
    void *target = d                         ? (void *)d->conf
                   : l->section == IN_TOKEN  ? (void *)&l->s->tokens[l->s->n_tokens - 1]
                   : l->section == IN_QUERY  ? (void *)&l->s->queries[l->s->n_queries - 1]
                   : l->section == IN_SITE   ? (void *)&l->s->sites[l->s->n_sites - 1]
                   : !key_is_feeds(k)        ? (void *)l->s
                   : l->section == IN_DAEMON ? (void *)&l->base
                                             : (void *)&l->s->defaults;
    uint64_t *given = d ? &d->given : l->section == IN_DAEMON ? &l->given_base : &l->given_defaults;
    if (l->section == IN_DEFAULTS && (load_interval_keys() >> i & 1)) {
        l->defaults_file = this_file(l);
        l->defaults_line = in->line;
    }
    struct td_err err;
    *given |= 1ull << i | implied(k);
    if (set_text(l, k, target, in->arg, &err) < 0) {
        wrong_value(l, in, &err);
        if (l->section == IN_TOKEN)
            l->token_at[l->s->n_tokens - 1].said = true;
        if (l->section == IN_QUERY)
            l->query_at[l->s->n_queries - 1].said = true;
    }
}

void load_line(void *ctx, const struct ini_line *in)
{
    struct loader *l = ctx;
    switch (in->kind) {
    case INI_BROKEN:
        load_problem(l, this_file(l), in->line, "%s", in->arg);
        break;
    case INI_SECTION:
        open_section(l, in);
        break;
    case INI_VALUE:
        if (l->section == IN_SUB)
            set_sub_value(l, in);
        else if (l->section)
            set_value(l, in);
        else if (!l->in_wrong)
            load_problem(l, this_file(l), in->line,
                         "%s before any section; allowed: after " SECTIONS, in->name);
        break;
    }
}
