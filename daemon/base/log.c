#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_BYTES \
    4096u /* a longer line is cut: the journal's own limit for one datagram is far above */

static _Atomic int max_log_level = LOG_INFO;

void log_set_level(int max_level)
{
    max_log_level = max_level;
}

bool log_wants(int level)
{
    return level <= max_log_level;
}

static void log_write(int level, const char *fmt, va_list ap)
{
    char raw[LINE_BYTES];
    CLEANUP_BUF struct buf line = BUF_INIT(3 * LINE_BYTES + 16);
    int n = vsnprintf(raw, sizeof raw, fmt, ap);
    size_t len = n < 0 ? 0 : utf8_cut(raw, MIN((size_t)n, sizeof raw - 1));
    if (getenv("JOURNAL_STREAM"))
        buf_addf(&line, "<%d>", level);
    str_add_printable(&line, raw, len);
    buf_addc(&line, '\n');
    ssize_t k = write(STDERR_FILENO, line.data, line.len);
    (void)k; /* nowhere left to say it */
}

void log_line(int level, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_write(level, fmt, ap);
    va_end(ap);
}

void log_event(int level, const struct log_fields *f, const char *fmt, ...)
{
    (void)f; /* stderr shows the sentence, which names the feed itself */
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_write(level, fmt, ap);
    va_end(ap);
}
