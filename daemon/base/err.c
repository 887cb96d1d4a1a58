#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NAMES_SHOWN 10 /* of those that there are */

int td_err(struct td_err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
    }
    return code;
}

int td_err_unknown(struct td_err *err, const char *what, const char *name, const char *const *names,
                   size_t n)
{
    const char *meant = str_suggest(name, names, n);
    size_t shown = meant ? 0 : MIN(n, (size_t)NAMES_SHOWN), len = 0;
    char more[sizeof err->msg / 2] = "";
    if (meant)
        snprintf(more, sizeof more, "; did you mean %s?", meant);
    for (size_t i = 0; i < shown && len < sizeof more; i++)
        len += (size_t)snprintf(more + len, sizeof more - len, "%s%s",
                                i ? ", " : "; those that there are: ", names[i]);
    if (shown < n && shown && len < sizeof more)
        snprintf(more + len, sizeof more - len, " and %zu more", n - shown);
    return td_err(err, -ENOENT, "there is no %s %.200s%s", what, name, more);
}

int td_err_prefix(struct td_err *err, int code, const char *fmt, ...)
{
    if (err) {
        char tail[sizeof err->msg];
        memcpy(tail, err->msg, sizeof tail);
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof err->msg)
            snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %s", tail);
    }
    return code;
}
