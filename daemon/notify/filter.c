#include "notify/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/event.h"

struct filter {
    struct stream *s;
    char *events;
    bool articles;           /* no sightings */
    int strictness;          /* thousandths */
    uint64_t id, generation; /* of the query in the stream's standing; id 0 = none */
};

bool filter_has_kind(const char *events, const char *kind)
{
    return !events || event_kinds_have(events, kind);
}

int filter_new(struct filter **ret, struct stream *s, const char *events, const char *query,
               struct td_err *err)
{
    struct query *q = NULL;
    int r = query ? query_parse_err(&q, query, err) : 0;
    if (r < 0)
        return r;
    struct filter *f = xcalloc(1, sizeof *f);
    f->s = s;
    f->events = xstrdup_or_null(events);
    if (q && !query_is_all(q)) {
        f->id = standing_add(stream_standing(s), q, &f->generation);
        stream_forget(s);
    } else {
        query_free(q);
    }
    *ret = f;
    return 0;
}

void filter_set_articles(struct filter *f)
{
    f->articles = true;
}

void filter_set_strictness(struct filter *f, int p)
{
    f->strictness = p;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    if (f->id)
        standing_remove(stream_standing(f->s), f->id);
    free(f->events);
    free(f);
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Is that kind of event wanted of this item? */
static bool is_wanted(const struct filter *f, const struct event_text *e)
{
    bool doubtful = e->judged && e->story_p < f->strictness;
    if (doubtful && str_eq(e->kind, "item.new"))
        return true;
    if (doubtful && str_eq(e->kind, "story.grew"))
        return false;
    return filter_has_kind(f->events, e->kind) && !(f->articles && e->sighting);
}

/* Can nobody say before its item has its story? */
static bool is_early(const struct filter *f, const struct event_text *e)
{
    return e->waits && ((f->articles && filter_has_kind(f->events, e->kind)) ||
                        (f->strictness && str_eq(e->kind, "item.new")));
}

int filter_passes(const struct filter *f, const struct event_text *e)
{
    bool early = is_early(f, e);
    if (!early && !is_wanted(f, e))
        return 0;
    if (f->id && e->generation < f->generation)
        return -ESTALE;
    if (f->id && !(e->n_matches && bsearch(&f->id, e->matches, e->n_matches, sizeof f->id, by_id)))
        return 0;
    return early ? -EAGAIN : 1;
}
