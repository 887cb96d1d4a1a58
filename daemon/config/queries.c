#include "config/queries.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "query/query.h"

int queries_open(struct settings *s, const char *arg, struct td_err *err)
{
    if (!td_saved_query_name_good(arg))
        return td_err(err, -EINVAL,
                      "[query] without a usable name; allowed: [query NAME], 1 to %d bytes of "
                      "printable text without /",
                      LIMIT_NAME_BYTES);
    if (td_saved_query_find(s->queries, s->n_queries, arg))
        return td_err(err, -EINVAL, "[query %s] a second time; allowed: once", arg);
    if (s->n_queries == LIMIT_SAVED_QUERIES)
        return td_err(err, -EINVAL, "more than %d queries; allowed: %d", LIMIT_SAVED_QUERIES,
                      LIMIT_SAVED_QUERIES);
    s->queries = xreallocarray(s->queries, s->n_queries + 1, sizeof *s->queries);
    s->queries[s->n_queries++] = (struct td_saved_query){.name = xstrdup(arg)};
    return 0;
}

int set_query(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct td_saved_query *saved = target;
    struct query_error e;
    char shown[KEY_SHOWN];
    if (query_check(v, &e) < 0)
        return td_err(err, -EINVAL, "%s = %s: %s at character %zu; allowed: %s", k->name,
                      key_shown(shown, v), e.reason, e.column, k->type);
    xreplace(&saved->query, v);
    return 0;
}
