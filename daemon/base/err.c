#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
