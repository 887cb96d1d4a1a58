#include "serve/route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "serve/param.h"

/* Does PATH fit PATTERN? *RET_ARG borrows the segment in place of {x}. */
static bool fits(const char *pattern, const char *path, const char **ret_arg, size_t *ret_len)
{
    while (*pattern && *pattern != '{')
        if (*pattern++ != *path++)
            return false;
    if (!*pattern)
        return !*path;
    size_t n = strcspn(path, "/");
    *ret_arg = path;
    *ret_len = n;
    return n > 0 && str_eq(strchr(pattern, '}') + 1, path + n);
}

static void allow_add(char *allow, size_t size, const char *method)
{
    size_t n = strlen(allow);
    snprintf(allow + n, size - n, "%s%s", n ? ", " : "",
             str_eq(method, "GET") ? "GET, HEAD" : method);
}

int route_find(const struct route *table, size_t n, const char *method, const char *path,
               const struct route **ret, char **ret_arg, char *allow, size_t size,
               struct td_err *err)
{
    const char *wanted = str_eq(method, "HEAD") ? "GET" : method;
    allow[0] = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = NULL;
        size_t len = 0;
        if (!fits(table[i].pattern, path, &at, &len))
            continue;
        allow_add(allow, size, table[i].method);
        if (!str_eq(table[i].method, wanted))
            continue;
        CLEANUP_FREE char *arg = at ? xstrndup(at, len) : NULL;
        int r = arg ? param_decode(arg, false, "the path", err) : 0;
        if (r < 0)
            return r;
        *ret = &table[i];
        *ret_arg = TAKE(arg);
        return 0;
    }
    if (allow[0])
        return td_err(err, -EOPNOTSUPP, "%.20s is not possible on %.200s: allowed are %s", method,
                      path, allow);
    return td_err(err, -ENOENT, "there is no %.200s here: GET / lists what there is", path);
}
