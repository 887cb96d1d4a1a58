#include "model/saved_query.h"

#include "base/mem.h"
#include "base/str.h"

struct td_saved_query *td_saved_queries_copy(const struct td_saved_query *q, size_t n)
{
    struct td_saved_query *copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct td_saved_query){xstrdup(q[i].name), xstrdup_or_null(q[i].query),
                                          xstrdup_or_null(q[i].title), q[i].open};
    return copy;
}

void td_saved_queries_free(struct td_saved_query *q, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(q[i].name);
        free(q[i].query);
        free(q[i].title);
    }
    free(q);
}

const struct td_saved_query *td_saved_query_find(const struct td_saved_query *q, size_t n,
                                                 const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(q[i].name, name))
            return &q[i];
    return NULL;
}
