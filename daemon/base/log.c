#include "base/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

#define LINE_BYTES \
    4096u /* a longer line is cut: the journal's own limit for one datagram is far above */

static int max_log_level = LOG_INFO;

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
    CLEANUP_BUF struct buf raw = BUF_INIT(LINE_BYTES), line = BUF_INIT(3 * LINE_BYTES + 16);
    if (buf_vaddf(&raw, fmt, ap) < 0)
        buf_addf(&raw, "(a log line over %u bytes: %.200s)", LINE_BYTES, fmt);
    if (getenv("JOURNAL_STREAM"))
        buf_addf(&line, "<%d>", level);
    str_add_printable(&line, buf_str(&raw), raw.len);
    buf_addc(&line, '\n');
    ssize_t n = write(STDERR_FILENO, line.data, line.len);
    (void)n; /* nowhere left to say it */
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
