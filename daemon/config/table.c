#include "config/table.h"

#include <string.h>

#include "base/mem.h"

#define uthash_malloc(n)  xmalloc(n)
#define uthash_free(p, n) free(p)
#include <uthash.h>

struct slot {
    void *value;
    UT_hash_handle hh;
};

struct table {
    struct slot *head;
    size_t n, max;
    struct slot slots[];
};

struct table *table_new(size_t max)
{
    struct table *t = xmalloc(sizeof *t + max * sizeof *t->slots);
    *t = (struct table){.max = max};
    return t;
}

void table_free(struct table *t)
{
    if (t)
        HASH_CLEAR(hh, t->head);
    free(t);
}

void *table_get(const struct table *t, const char *key)
{
    struct slot *s;
    HASH_FIND_STR(t->head, key, s);
    return s ? s->value : NULL;
}

void *table_put(struct table *t, const char *key, void *value)
{
    struct slot *s;
    unsigned hash;
    size_t n = strlen(key);
    HASH_VALUE(key, n, hash);
    HASH_FIND_BYHASHVALUE(hh, t->head, key, n, hash, s);
    if (s)
        return s->value;
    if (t->n == t->max)
        abort(); /* a caller's mistake: the table was made for MAX */
    s = &t->slots[t->n++];
    s->value = value;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->head, key, n, hash, s);
    return NULL;
}
