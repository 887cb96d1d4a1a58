#include "config/settings.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/table.h"

static struct table *by_name(const struct settings *s)
{
    struct table *t = table_new(s->n_feeds);
    for (size_t i = 0; i < s->n_feeds; i++)
        table_put(t, s->feeds[i]->name, s->feeds[i]);
    return t;
}

static bool same_listen(const struct settings *a, const struct settings *b)
{
    char one[ENDPOINT_SHOWN], other[ENDPOINT_SHOWN];
    if (a->n_listen != b->n_listen)
        return false;
    for (size_t i = 0; i < a->n_listen; i++)
        if (!str_eq(endpoint_show(one, &a->listen[i].addr),
                    endpoint_show(other, &b->listen[i].addr)))
            return false;
    return true;
}

/* "store, socket and parsers" */
static void why_restart(const struct settings *old, const struct settings *new,
                        struct settings_diff *d)
{
    const char *names[4];
    size_t n = 0, len = 0;
    if (!str_eq(old->store, new->store))
        names[n++] = "store";
    if (!str_eq(old->socket, new->socket))
        names[n++] = "socket";
    if (!same_listen(old, new))
        names[n++] = "listen";
    if (old->parsers != new->parsers)
        names[n++] = "parsers";
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(d->restart_why + len, sizeof d->restart_why - len, "%s%s",
                                i == 0       ? ""
                                : i == n - 1 ? " and "
                                             : ", ",
                                names[i]);
    d->restart_needed = n > 0;
}

void settings_diff(const struct settings *old, const struct settings *new,
                   struct settings_diff *ret)
{
    struct settings_diff d = {
        .added = xcalloc(new->n_feeds + 1, sizeof *d.added),
        .changed = xcalloc(new->n_feeds + 1, sizeof *d.changed),
        .removed = xcalloc(old->n_feeds + 1, sizeof *d.removed),
        .defaults_changed = !td_feed_conf_same(&old->defaults, &new->defaults),
    };
    why_restart(old, new, &d);
    struct table *before = by_name(old), *after = by_name(new);
    for (size_t i = 0; i < new->n_feeds; i++) {
        const struct td_feed_conf *was = table_get(before, new->feeds[i]->name);
        if (!was)
            d.added[d.n_added++] = new->feeds[i];
        else if (!td_feed_conf_same(was, new->feeds[i]))
            d.changed[d.n_changed++] = new->feeds[i];
    }
    for (size_t i = 0; i < old->n_feeds; i++)
        if (!table_get(after, old->feeds[i]->name))
            d.removed[d.n_removed++] = old->feeds[i];
    table_free(before);
    table_free(after);
    *ret = d;
}

void settings_diff_fini(struct settings_diff *d)
{
    free(d->added);
    free(d->changed);
    free(d->removed);
    *d = (struct settings_diff){0};
}
