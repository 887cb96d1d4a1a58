#include "model/saved_query.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

bool td_saved_query_name_good(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > LIMIT_NAME_BYTES || !utf8_valid(name, n) || strchr(name, '/'))
        return false;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

struct td_saved_query *td_saved_queries_copy(const struct td_saved_query *q, size_t n)
{
    struct td_saved_query *copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct td_saved_query){xstrdup(q[i].name), xstrdup_or_null(q[i].query),
                                          xstrdup_or_null(q[i].title), q[i].open, q[i].runtime};
    return copy;
}

bool td_saved_queries_same(const struct td_saved_query *a, size_t n_a,
                           const struct td_saved_query *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++)
        if (!str_eq(a[i].name, b[i].name) || !str_same(a[i].query, b[i].query) ||
            !str_same(a[i].title, b[i].title) || a[i].open != b[i].open ||
            a[i].runtime != b[i].runtime)
            return false;
    return true;
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
