#include "config/load.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/keys_api.h"
#include "config/sites.h"
#include "config/table.h"
#include "config/url.h"

/* What [daemon] says of feeds goes under [defaults], that under each feed. */
static void inherit(struct loader *l)
{
    for (size_t i = 0; i < n_config_keys; i++) {
        const struct key *k = &config_keys[i];
        if (!key_is_feeds(k) || !(k->sections & IN_DEFAULTS))
            continue;
        if ((l->given_base & ~l->given_defaults) >> i & 1)
            key_inherit(k, &l->s->defaults, &l->base);
        for (size_t j = 0; j < l->n_drafts; j++)
            if (!(l->drafts[j].given >> i & 1))
                key_inherit(k, l->drafts[j].conf, &l->s->defaults);
    }
}

/* Of one feed, or with NAME NULL of the defaults. */
static void check_interval(struct loader *l, const struct td_feed_conf *c, int file, int line)
{
    char a[32], b[32];
    if (c->interval_ms && c->interval_ms < c->min_interval_ms && c->source != TD_SOURCE_FILE)
        load_problem(l, file, line,
                     "[%s%s]: interval of %s; allowed: at least its min-interval (%s), or auto",
                     c->name ? "feed " : "defaults", c->name ? c->name : "",
                     str_duration(a, sizeof a, c->interval_ms),
                     str_duration(b, sizeof b, c->min_interval_ms));
}

static void check_feed(struct loader *l, struct draft *d)
{
    struct td_feed_conf *c = d->conf;
    struct td_err err;
    if (!(d->given >> key_find("url") & 1))
        load_problem(l, d->file, d->line, "[feed %s] without url; allowed: url = ADDRESS", c->name);
    if (c->url)
        url_resolve_file(c, l->folder);
    if (c->url && key_check_access(c, &err) < 0)
        load_problem(l, d->file, d->line, "[feed %s]: %s", c->name, err.msg);
    if (d->given & load_interval_keys()) /* else said once, of the defaults */
        check_interval(l, c, d->file, d->line);
}

/* Names and addresses stand once each. */
static void check_repeats(struct loader *l)
{
    struct table *names = table_new(l->n_drafts), *urls = table_new(l->n_drafts);
    char shown[KEY_SHOWN];
    for (size_t i = 0; i < l->n_drafts; i++) {
        struct draft *d = &l->drafts[i];
        struct draft *first = table_put(names, d->conf->name, d);
        if (first) {
            load_problem(l, d->file, d->line,
                         "[feed %s] a second time, first at %s:%d; allowed: a name once",
                         d->conf->name, l->files[first->file], first->line);
            continue;
        }
        first = d->conf->url ? table_put(urls, d->conf->url, d) : NULL;
        if (first && td_access_same(first->conf->access, d->conf->access))
            load_problem(
                l, d->file, d->line,
                "[feed %s] has the address of [feed %s] at %s:%d, %s; allowed: an address once",
                d->conf->name, first->conf->name, l->files[first->file], first->line,
                key_shown(shown, d->conf->url));
    }
    table_free(names);
    table_free(urls);
}

/* Names and secrets stand once each, and nobody listens without them. */
static void check_tokens(struct loader *l)
{
    const struct settings *s = l->s;
    for (size_t i = 0; i < s->n_tokens; i++) {
        const struct td_token *t = &s->tokens[i];
        const struct place *at = &l->token_at[i];
        if (!token_has_secret(t) && !at->said)
            load_problem(
                l, at->file, at->line,
                "[token %s] without a secret; allowed: secret = credential:NAME, file:/PATH or "
                "sha256:HEX",
                t->name);
        for (size_t j = 0; j < i; j++) {
            bool name = str_eq(t->name, s->tokens[j].name);
            if (name ||
                (token_has_secret(t) && memcmp(t->sha256, s->tokens[j].sha256, SHA256_BYTES) == 0))
                load_problem(l, at->file, at->line,
                             "[token %s] has the %s of that at %s:%d; allowed: each once", t->name,
                             name ? "name" : "secret", l->files[l->token_at[j].file],
                             l->token_at[j].line);
        }
    }
    if (s->n_listen && !s->n_tokens)
        load_problem(l, l->listen_at.file, l->listen_at.line,
                     "listen without a token: anybody who reaches the port could change the feeds; "
                     "allowed: with at least one [token NAME]");
}

static void finish_subs(struct loader *l)
{
    struct settings *s = l->s;
    struct td_err err;
    s->subs = xcalloc(l->n_subs + 1, sizeof *s->subs);
    for (size_t i = 0; i < l->n_subs; i++) {
        struct sub_section *one = &l->subs[i], *same = l->subs;
        while (same < one && !str_eq(same->name, one->name))
            same++;
        struct td_sub_conf *c = sub_draft_finish(&one->draft, &err);
        if (same < one)
            load_problem(l, one->file, one->line,
                         "[subscription %s] a second time, first at %s:%d; allowed: a name once",
                         one->name, l->files[same->file], same->line);
        else if (!c)
            load_problem(l, one->file, one->line, "%s", err.msg);
        if (c)
            s->subs[s->n_subs++] = c;
    }
    for (size_t i = 0; i < l->n_subs; i++) {
        sub_draft_fini(&l->subs[i].draft);
        free(l->subs[i].name);
    }
    free(l->subs);
}

static void check_queries(struct loader *l)
{
    for (size_t i = 0; i < l->s->n_queries; i++)
        if (!l->s->queries[i].query && !l->query_at[i].said)
            load_problem(l, l->query_at[i].file, l->query_at[i].line,
                         "[query %s] without a query; allowed: query = WORDS",
                         l->s->queries[i].name);
}

void load_finish(struct loader *l)
{
    inherit(l);
    sites_finish(l->s);
    check_interval(l, &l->s->defaults, l->defaults_file, l->defaults_line);
    for (size_t i = 0; i < l->n_drafts; i++)
        check_feed(l, &l->drafts[i]);
    check_repeats(l);
    check_tokens(l);
    finish_subs(l);
    check_queries(l);

    struct settings *s = l->s;
    const char *slash = strrchr(s->store, '/');
    s->state_dir = !slash ? xstrdup(".") : xstrndup(s->store, MAX((size_t)(slash - s->store), 1u));
    s->feeds = xcalloc(l->n_drafts + 1, sizeof *s->feeds);
    for (size_t i = 0; i < l->n_drafts; i++)
        s->feeds[i] = l->drafts[i].conf;
    s->n_feeds = l->n_drafts;
}
