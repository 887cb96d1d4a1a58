#include "query/names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/mem.h"
#include "base/str.h"

struct entry {
    char *name, *query;
    UT_hash_handle hh;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* guards ENTRIES */
static struct entry *entries;

static void free_all(struct entry *list)
{
    struct entry *e, *next;
    HASH_ITER (hh, list, e, next) {
        HASH_DEL(list, e);
        free(e->name);
        free(e->query);
        free(e);
    }
}

void query_names_set(const struct query_name *names, size_t n)
{
    struct entry *list = NULL, *old;
    for (size_t i = 0; i < n; i++) {
        struct entry *e = xcalloc(1, sizeof *e);
        e->name = xstrdup(names[i].name);
        e->query = xstrdup(names[i].query ? names[i].query : "");
        HASH_ADD_KEYPTR(hh, list, e->name, strlen(e->name), e);
    }
    pthread_rwlock_wrlock(&lock);
    old = entries;
    entries = list;
    pthread_rwlock_unlock(&lock);
    free_all(old);
}

char *query_names_get(const char *name, size_t n)
{
    struct entry *e;
    pthread_rwlock_rdlock(&lock);
    HASH_FIND(hh, entries, name, n, e);
    char *query = e ? xstrdup(e->query) : NULL;
    pthread_rwlock_unlock(&lock);
    return query;
}

char *query_names_near(const char *name, size_t n)
{
    CLEANUP_FREE char *given = xstrndup(name, n);
    pthread_rwlock_rdlock(&lock);
    CLEANUP_FREE const char **names = xcalloc(HASH_COUNT(entries) + 1, sizeof *names);
    size_t k = 0;
    for (const struct entry *e = entries; e; e = e->hh.next)
        names[k++] = e->name;
    char *near = xstrdup_or_null(str_suggest(given, names, k));
    pthread_rwlock_unlock(&lock);
    return near;
}

bool query_has_names(const char *text)
{
    return text && strstr(text, "query:");
}
