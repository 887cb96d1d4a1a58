#include "config/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"
#include "config/ini.h"
#include "config/keys.h"
#include "config/keys_api.h"
#include "config/queries.h"
#include "config/sites.h"
#include "config/sub.h"
#include "config/table.h"
#include "config/url.h"

/* A feed as it is being read. */
struct draft {
    struct td_feed_conf *conf;
    uint64_t given; /* keys its section names, as bits of config_keys */
    int file, line; /* of its section */
};

/* A subscription as it is being read. */
struct sub_section {
    char *name;
    struct sub_draft draft;
    int file, line;
};

struct place {
    int file, line;
    bool said; /* what is wrong there */
};

struct loader {
    struct settings *s;
    struct buf *problems;
    size_t n_problems;
    char *folder; /* of the config file, absolute */
    char **files; /* names, for messages */
    int n_files;
    enum section section;     /* 0 = none */
    bool in_wrong;            /* in a section that is refused: its keys are passed over */
    int lines[KEYS_MAX];      /* where this section named each key, 0 = not yet */
    struct td_feed_conf base; /* max-body and timeout of [daemon] */
    uint64_t given_base, given_defaults;
    int defaults_file, defaults_line; /* of the last key of [defaults] that bears on the interval */
    struct place token_at[LIMIT_TOKENS], listen_at; /* file 0, line 0: not given */
    struct place query_at[LIMIT_SAVED_QUERIES];
    struct draft *drafts;
    size_t n_drafts, cap_drafts;
    struct sub_section *subs;
    size_t n_subs;
};

/* ---- problems ------------------------------------------------------------------------------- */

static void problem(struct loader *l, int file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void problem(struct loader *l, int file, int line, const char *fmt, ...)
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

/* ---- sections and keys ---------------------------------------------------------------------- */

static void open_feed(struct loader *l, const struct ini_line *in)
{
    struct td_err err;
    if (feed_name_check(in->arg, &err) < 0) {
        problem(l, this_file(l), in->line, "%s", err.msg);
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
        problem(l, this_file(l), in->line,
                "[token] without a usable name; allowed: [token NAME], 1 to %d bytes",
                LIMIT_NAME_BYTES);
        return;
    }
    if (s->n_tokens == LIMIT_TOKENS) {
        problem(l, this_file(l), in->line, "more than %d tokens; allowed: %d", LIMIT_TOKENS,
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
        problem(l, this_file(l), in->line, "%s", err.msg);
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
        problem(l, this_file(l), in->line, "%s", err.msg);
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
            problem(l, this_file(l), in->line, "[feed] without a name; allowed: [feed NAME]");
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
            problem(l, this_file(l), in->line, "%s", err.msg);
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
        problem(l, this_file(l), in->line,
                "unknown section %s%s%s%s; allowed: [daemon], [defaults], [feed NAME], [query "
                "NAME], [site "
                "NAME], "
                "[token NAME], [subscription NAME]",
                key_shown(shown, in->name), near ? " (did you mean [" : "", near ? near : "",
                near ? "]?)" : "");
        return;
    }
    if (*in->arg) {
        problem(l, this_file(l), in->line, "[%s] with a name: %s; allowed: [%s]", in->name,
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
    problem(l, this_file(l), in->line, "unknown key %s%s%s%s; allowed here: %s",
            key_shown(shown, in->name), near ? " (did you mean " : "", near ? near : "",
            near ? "?)" : "", buf_str(&all));
}

static uint64_t interval_keys(void)
{
    return 1ull << key_find("interval") | 1ull << key_find("min-interval");
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

static void set_sub_value(struct loader *l, const struct ini_line *in)
{
    struct td_err err;
    if (sub_draft_set(&l->subs[l->n_subs - 1].draft, in->name, in->arg, l->folder, &err) < 0)
        problem(l, this_file(l), in->line, "%s", err.msg);
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
        problem(l, this_file(l), in->line, "%s does not stand in this section; allowed in: %s",
                k->name, key_sections(k->sections));
        return;
    }
    if (l->lines[i] && !k->repeats) {
        problem(l, this_file(l), in->line, "%s a second time, first in line %d; allowed: once",
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
    if (l->section == IN_DEFAULTS && (interval_keys() >> i & 1)) {
        l->defaults_file = this_file(l);
        l->defaults_line = in->line;
    }
    struct td_err err;
    *given |= 1ull << i | implied(k);
    if (set_text(l, k, target, in->arg, &err) < 0) {
        problem(l, this_file(l), in->line, "%s", err.msg);
        if (l->section == IN_TOKEN)
            l->token_at[l->s->n_tokens - 1].said = true;
        if (l->section == IN_QUERY)
            l->query_at[l->s->n_queries - 1].said = true;
    }
}

static void take_line(void *ctx, const struct ini_line *in)
{
    struct loader *l = ctx;
    switch (in->kind) {
    case INI_BROKEN:
        problem(l, this_file(l), in->line, "%s", in->arg);
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
            problem(l, this_file(l), in->line,
                    "%s before any section; allowed: after [daemon], [defaults], [feed NAME], "
                    "[query NAME], [site NAME] or [token NAME]",
                    in->name);
        break;
    }
}

/* ---- files ---------------------------------------------------------------------------------- */

static int read_all(const char *path, struct buf *out)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (;;) {
        int r = buf_reserve(out, 1 << 16);
        if (r < 0)
            return r;
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        out->len += (size_t)n;
    }
}

static int load_file(struct loader *l, const char *path)
{
    l->files = xreallocarray(l->files, (size_t)l->n_files + 1, sizeof *l->files);
    l->files[l->n_files++] = xstrdup(path);
    l->section = 0;
    l->in_wrong = false;
    CLEANUP_BUF struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    int r = read_all(path, &text);
    if (r == -EFBIG)
        problem(l, this_file(l), 0, "too large; allowed: %u MiB", LIMIT_CONFIG_BYTES >> 20);
    else if (r < 0)
        problem(l, this_file(l), 0, "cannot be read: %s; allowed: a readable file", strerror(-r));
    else if (text.len) {
        text.data[text.len] = 0;
        ini_parse(text.data, text.len, take_line, l);
    }
    return r;
}

static int is_dropin(const struct dirent *e)
{
    return e->d_name[0] != '.' && str_ends(e->d_name, ".conf");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_dropins(struct loader *l, const char *path)
{
    CLEANUP_FREE char *dir = xasprintf("%s.d", path);
    struct dirent **list = NULL;
    int n = scandir(dir, &list, is_dropin, by_bytes);
    if (n < 0 && errno != ENOENT)
        problem(l, 0, 0, "%s cannot be read: %s; allowed: a folder of *.conf, or none", dir,
                strerror(errno));
    if (n > LIMIT_CONFIG_DROPINS)
        problem(l, 0, 0, "%s holds %d files; allowed: %d", dir, n, LIMIT_CONFIG_DROPINS);
    for (int i = 0; i < n; i++) {
        if (n <= LIMIT_CONFIG_DROPINS) {
            CLEANUP_FREE char *file = xasprintf("%s/%s", dir, list[i]->d_name);
            load_file(l, file);
        }
        free(list[i]);
    }
    free(list);
}

/* ---- from drafts to settings ---------------------------------------------------------------- */

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

/* The absolute folder of PATH. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *dir = slash ? xstrndup(path, MAX((size_t)(slash - path), 1u)) : xstrdup(".");
    char *abs = realpath(dir, NULL);
    return abs ? abs : TAKE(dir);
}

/* Of one feed, or with NAME NULL of the defaults. */
static void check_interval(struct loader *l, const struct td_feed_conf *c, int file, int line)
{
    char a[32], b[32];
    if (c->interval_ms && c->interval_ms < c->min_interval_ms && c->source != TD_SOURCE_FILE)
        problem(l, file, line,
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
        problem(l, d->file, d->line, "[feed %s] without url; allowed: url = ADDRESS", c->name);
    if (c->url)
        url_resolve_file(c, l->folder);
    if (c->url && key_check_access(c, &err) < 0)
        problem(l, d->file, d->line, "[feed %s]: %s", c->name, err.msg);
    if (d->given & interval_keys()) /* else said once, of the defaults */
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
            problem(l, d->file, d->line,
                    "[feed %s] a second time, first at %s:%d; allowed: a name once", d->conf->name,
                    l->files[first->file], first->line);
            continue;
        }
        first = d->conf->url ? table_put(urls, d->conf->url, d) : NULL;
        if (first && td_access_same(first->conf->access, d->conf->access))
            problem(l, d->file, d->line,
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
            problem(l, at->file, at->line,
                    "[token %s] without a secret; allowed: secret = credential:NAME, file:/PATH or "
                    "sha256:HEX",
                    t->name);
        for (size_t j = 0; j < i; j++) {
            bool name = str_eq(t->name, s->tokens[j].name);
            if (name ||
                (token_has_secret(t) && memcmp(t->sha256, s->tokens[j].sha256, SHA256_BYTES) == 0))
                problem(l, at->file, at->line,
                        "[token %s] has the %s of that at %s:%d; allowed: each once", t->name,
                        name ? "name" : "secret", l->files[l->token_at[j].file],
                        l->token_at[j].line);
        }
    }
    if (s->n_listen && !s->n_tokens)
        problem(l, l->listen_at.file, l->listen_at.line,
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
            problem(l, one->file, one->line,
                    "[subscription %s] a second time, first at %s:%d; allowed: a name once",
                    one->name, l->files[same->file], same->line);
        else if (!c)
            problem(l, one->file, one->line, "%s", err.msg);
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
            problem(l, l->query_at[i].file, l->query_at[i].line,
                    "[query %s] without a query; allowed: query = WORDS", l->s->queries[i].name);
}

static void finish(struct loader *l)
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

static void set_defaults(struct settings *s)
{
    for (size_t i = 0; i < n_config_keys; i++) {
        const struct key *k = &config_keys[i];
        if (k->sections & (IN_TOKEN | IN_QUERY)) /* a new one's is 0 */
            continue;
        if (k->def && k->set(k, key_is_feeds(k) ? (void *)&s->defaults : (void *)s, k->def, NULL))
            abort(); /* the table contradicts itself; test_settings reads it */
    }
}

int settings_load(const char *path, struct settings **ret, struct buf *problems)
{
    struct loader l = {.s = xcalloc(1, sizeof *l.s), .problems = problems};
    l.s->path = xstrdup(path);
    l.folder = folder_of(path);
    set_defaults(l.s);
    int r = load_file(&l, path);
    if (r == 0)
        load_dropins(&l, path);
    finish(&l);
    if (l.n_problems && r != -ENOENT && r != -EACCES)
        r = -EINVAL;
    for (int i = 0; i < l.n_files; i++)
        free(l.files[i]);
    free(l.files);
    free(l.drafts);
    free(l.folder);
    if (r < 0)
        settings_free(l.s);
    else
        *ret = l.s;
    return r;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_feeds; i++)
        td_feed_conf_free(s->feeds[i]);
    free(s->feeds);
    for (size_t i = 0; i < s->n_subs; i++)
        td_sub_conf_free(s->subs[i]);
    free(s->subs);
    free(s->path);
    free(s->store);
    free(s->socket);
    free(s->contact);
    free(s->websub_callback);
    free(s->state_dir);
    free(s->allow);
    free(s->listen);
    free(s->listen_names);
    td_tokens_free(s->tokens, s->n_tokens);
    td_saved_queries_free(s->queries, s->n_queries);
    free(s->public_url);
    sites_free(s);
    free(s->defaults.tags);
    td_access_free(s->defaults.access);
    free(s);
}
