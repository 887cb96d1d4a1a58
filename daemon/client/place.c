#include "client/place.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define HERE_SOCKET "tidings.sock"
#define HERE_STORE  "tidings.db"

static bool is_ours(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

enum place_file place_look(const char *path)
{
    struct stat link, file;
    if (lstat(path, &link) < 0 || stat(path, &file) < 0)
        return PLACE_ABSENT;
    return is_ours(&link) && is_ours(&file) ? PLACE_TRUSTED : PLACE_DISTRUSTED;
}

static char *neighbour(const char *path, const char *system_mine, const char *system_other,
                       const char *other)
{
    if (str_eq(path, system_mine))
        return xstrdup(system_other);
    const char *slash = strrchr(path, '/');
    return xasprintf("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, other);
}

void place_choose(struct place *ret, const char *socket, const char *store, place_look_fn *look)
{
    *ret = (struct place){0};
    if (socket || store) {
        ret->named = store;
        ret->socket = socket ? xstrdup(socket)
                             : neighbour(store, PLACE_STORE, PLACE_SOCKET, HERE_SOCKET);
        ret->store = store ? xstrdup(store)
                           : neighbour(socket, PLACE_SOCKET, PLACE_STORE, HERE_STORE);
        return;
    }
    enum place_file s = look(HERE_SOCKET), d = look(HERE_STORE);
    if (s == PLACE_DISTRUSTED || d == PLACE_DISTRUSTED) {
        ret->distrusted = s == PLACE_DISTRUSTED ? HERE_SOCKET : HERE_STORE;
        s = d = PLACE_ABSENT; /* a pair is used or left alone together */
    }
    bool here = s == PLACE_TRUSTED || d == PLACE_TRUSTED;
    ret->socket = xstrdup(here ? HERE_SOCKET : PLACE_SOCKET);
    ret->store = xstrdup(here ? HERE_STORE : PLACE_STORE);
}

bool place_is_url(const char *socket)
{
    size_t n = str_starts(socket, "http://") ? 7 : str_starts(socket, "https://") ? 8 : 0;
    return n && !strchr("/?#", socket[n]); /* with a host behind it */
}

void place_elsewhere(struct place *ret, const char *url)
{
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    *ret = (struct place){.socket = xstrndup(url, n)};
}

void place_fini(struct place *p)
{
    free(p->socket);
    free(p->store);
    *p = (struct place){0};
}
