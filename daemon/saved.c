/*
 * saved.c - queries with a name: those of the config and those that users save, one list for all
 * who look for one (query/names.h, serve/), kept in the store. There the config's are too, so that
 * a client that reads the store by itself knows them all.
 */
#include "app_private.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/outbox.h"
#include "query/names.h"

struct list {
    struct td_saved_query *v;
    size_t n;
};

static void list_add(struct list *l, const struct td_saved_query *q)
{
    struct td_saved_query *one = td_saved_queries_copy(q, 1);
    l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
    l->v[l->n++] = *one;
    free(one);
}

static void set_names(const struct td_saved_query *v, size_t n)
{
    CLEANUP_FREE struct query_name *names = xcalloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = (struct query_name){v[i].name, v[i].query};
    query_names_set(names, n);
}

/* L (taken) is the list from now on. */
static void take(struct app *a, struct list *l)
{
    bool same = td_saved_queries_same(a->queries, a->n_queries, l->v, l->n);
    td_saved_queries_free(a->queries, a->n_queries);
    a->queries = l->v;
    a->n_queries = l->n;
    *l = (struct list){0};
    set_names(a->queries, a->n_queries);
    serve_set_queries(a->serve, a->queries, a->n_queries, a->settings->public_url);
    if (!same)
        deliver_names_changed(a);
}

static bool can_be_read(const char *text, struct td_err *err)
{
    struct query *q = NULL;
    int r = text ? query_parse_err(&q, text, err) : 0;
    query_free(q);
    return r == 0;
}

/* ---- start and reload -------------------------------------------------------------------------
 */

static int load_one(void *ctx, const struct td_saved_query *q)
{
    list_add(ctx, q);
    return 0;
}

int saved_load(struct app *a, struct td_err *err)
{
    struct list l = {0};
    int r = store_load_queries(a->store, load_one, &l, err);
    a->queries = l.v;
    a->n_queries = l.n;
    return r;
}

void saved_configure(struct app *a)
{
    const struct settings *s = a->settings;
    struct list l = {0};
    struct td_err err;
    for (size_t i = 0; i < s->n_queries; i++) {
        const struct td_saved_query *was = td_saved_query_find(a->queries, a->n_queries,
                                                               s->queries[i].name);
        if (was && was->runtime)
            log_notice("query %s: from now on as the config has it", was->name);
        if (!was || !td_saved_queries_same(was, 1, &s->queries[i], 1))
            store_query_put(a->store, &s->queries[i], NULL, NULL);
        list_add(&l, &s->queries[i]);
    }
    for (size_t i = 0; i < a->n_queries; i++) {
        const struct td_saved_query *q = &a->queries[i];
        if (td_saved_query_find(s->queries, s->n_queries, q->name))
            continue;
        if (q->runtime)
            list_add(&l, q);
        else
            store_query_delete(a->store, q->name, NULL, NULL);
    }
    take(a, &l);
    for (size_t i = 0; i < a->n_queries; i++)
        if (!can_be_read(a->queries[i].query, &err))
            log_warning("query %s is of no use: %s", a->queries[i].name, err.msg);
}

void saved_free(struct app *a)
{
    td_saved_queries_free(a->queries, a->n_queries);
    query_names_set(NULL, 0);
}

/* ---- what users ask ---------------------------------------------------------------------------
 */

struct saving {
    serve_answer_fn *done;
    void *ctx;
};

static void on_stored(void *ctx, int result, const struct td_err *err)
{
    struct saving *v = ctx;
    v->done(v->ctx, MIN(result, 0), err, result < 0 ? NULL : "{}");
    free(v);
}

static struct saving *saving_new(serve_answer_fn *done, void *ctx)
{
    struct saving *v = xcalloc(1, sizeof *v);
    *v = (struct saving){done, ctx};
    return v;
}

/* One that names others, and whether it could be read before. */
struct user {
    const char *kind, *name, *text;
    bool could;
};

static size_t users_of(struct app *a, const struct list *l, struct user **ret)
{
    size_t n = 0;
    struct user *u = xcalloc(l->n + LIMIT_SUBSCRIPTIONS + 1, sizeof *u);
    for (size_t i = 0; i < l->n; i++)
        if (query_has_names(l->v[i].query))
            u[n++] = (struct user){.kind = "query", .name = l->v[i].name, .text = l->v[i].query};
    for (const struct sub *s = deliver_next(a, NULL); s; s = deliver_next(a, s))
        if (n < l->n + LIMIT_SUBSCRIPTIONS && query_has_names(sub_conf(s)->query))
            u[n++] = (struct user){
                .kind = "subscription", .name = sub_conf(s)->name, .text = sub_conf(s)->query};
    for (size_t i = 0; i < n; i++)
        u[i].could = can_be_read(u[i].text, NULL);
    *ret = u;
    return n;
}

/* Would all that name others still be queries with L? The names are L's then; else they stay: 0, or
 * -EEXIST. */
static int try_names(struct app *a, const struct list *l, struct td_err *err)
{
    CLEANUP_FREE struct user *users = NULL;
    size_t n = users_of(a, l, &users);
    struct td_err why;
    set_names(l->v, l->n);
    for (size_t i = 0; i < n; i++)
        if (users[i].could && !can_be_read(users[i].text, &why)) {
            set_names(a->queries, a->n_queries);
            return td_err(err, -EEXIST, "%s %s names it: %s", users[i].kind, users[i].name,
                          why.msg);
        }
    return 0;
}

/* All but NAME. */
static struct list without(const struct app *a, const char *name)
{
    struct list l = {0};
    for (size_t i = 0; i < a->n_queries; i++)
        if (!str_eq(a->queries[i].name, name))
            list_add(&l, &a->queries[i]);
    return l;
}

static int check(const struct app *a, const char *name, struct td_err *err)
{
    const struct td_saved_query *was = td_saved_query_find(a->queries, a->n_queries, name);
    if (was && !was->runtime)
        return td_err(err, -EPERM, "query %s is in %s: change it there and reload", name,
                      a->options->config);
    return 0;
}

static int put(struct app *a, const struct td_saved_query *q, struct list *l, struct td_err *err)
{
    int r = check(a, q->name, err);
    if (r < 0)
        return r;
    if (!td_saved_query_name_good(q->name) || strchr(q->name, '"'))
        return td_err(err, -EINVAL,
                      "a query's name; allowed: 1 to %d bytes of printable text without / and \"",
                      LIMIT_NAME_BYTES);
    if (l->n >= LIMIT_SAVED_QUERIES)
        return td_err(err, -EEXIST, "there are %d queries with a name, as many as are allowed",
                      LIMIT_SAVED_QUERIES);
    list_add(l, q);
    CLEANUP_FREE char *itself = xasprintf("query:\"%s\"", q->name);
    set_names(l->v, l->n);
    bool good = can_be_read(q->query, err) && can_be_read(itself, err);
    set_names(a->queries, a->n_queries);
    return good ? try_names(a, l, err) : -EINVAL;
}

void saved_put(void *app, const struct td_saved_query *q, serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct td_err err = {""};
    struct list l = without(a, q->name);
    int r = put(a, q, &l, &err);
    if (r < 0) {
        td_saved_queries_free(l.v, l.n);
        done(ctx, r, &err, NULL);
        return;
    }
    take(a, &l);
    store_query_put(a->store, q, on_stored, saving_new(done, ctx));
}

static int unknown(const struct list *l, const char *name, struct td_err *err)
{
    CLEANUP_FREE const char **names = xcalloc(l->n + 1, sizeof *names);
    for (size_t i = 0; i < l->n; i++)
        names[i] = l->v[i].name;
    return td_err_unknown(err, "query", name, names, l->n);
}

void saved_remove(void *app, const char *name, serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct td_err err = {""};
    struct list l = without(a, name);
    int r = check(a, name, &err);
    if (r == 0 && l.n == a->n_queries)
        r = unknown(&l, name, &err);
    if (r == 0)
        r = try_names(a, &l, &err);
    if (r < 0) {
        td_saved_queries_free(l.v, l.n);
        done(ctx, r, &err, NULL);
        return;
    }
    take(a, &l);
    store_query_delete(a->store, name, on_stored, saving_new(done, ctx));
}
