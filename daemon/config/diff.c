#include "config/settings.h"

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

static const char *why_restart(const struct settings *old, const struct settings *new)
{
    static const char *const words[] = {
        NULL,
        "store",
        "socket",
        "store and socket",
        "parsers",
        "store and parsers",
        "socket and parsers",
        "store, socket and parsers",
    };
    return words[(str_eq(old->store, new->store) ? 0 : 1) |
                 (str_eq(old->socket, new->socket) ? 0 : 2) |
                 (old->parsers == new->parsers ? 0 : 4)];
}

void settings_diff(const struct settings *old, const struct settings *new,
                   struct settings_diff *ret)
{
    struct settings_diff d = {
        .added = xcalloc(new->n_feeds + 1, sizeof *d.added),
        .changed = xcalloc(new->n_feeds + 1, sizeof *d.changed),
        .removed = xcalloc(old->n_feeds + 1, sizeof *d.removed),
        .defaults_changed = !td_feed_conf_same(&old->defaults, &new->defaults),
        .restart_why = why_restart(old, new),
    };
    d.restart_needed = d.restart_why;
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
