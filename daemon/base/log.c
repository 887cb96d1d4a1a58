#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

static _Atomic int max_log_level = LOG_INFO;
static const char *journal_path = "/run/systemd/journal/socket";

void log_set_level(int max_level)
{
    max_log_level = max_level;
}

bool log_wants(int level)
{
    return level <= max_log_level;
}

void log_set_journal(const char *path)
{
    journal_path = path;
}

/* ---- how much ------------------------------------------------------------------------------- */

/* A bucket of lines that fills at LIMIT_LOG_PER_S. */
struct bucket {
    double lines;
    int64_t at; /* monotonic; 0 = full */
    unsigned long left_out;
};
static struct bucket buckets[2]; /* errors, the rest */
static pthread_mutex_t bucket_lock = PTHREAD_MUTEX_INITIALIZER;

/* May a line of LEVEL be said? *RET_LEFT_OUT: how many were not, to be said before it. */
static bool may_say(int level, unsigned long *ret_left_out)
{
    struct bucket *b = &buckets[level > LOG_ERR];
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&bucket_lock);
    double filled = b->at ? b->lines + (double)(now - b->at) * LIMIT_LOG_PER_S / 1000
                          : LIMIT_LOG_BURST;
    b->lines = MIN(filled, (double)LIMIT_LOG_BURST);
    b->at = now;
    /* After a gap it takes a second's worth of room to speak again: few lines, not every other. */
    double needs = b->left_out ? LIMIT_LOG_PER_S : 1;
    bool yes = log_wants(LOG_DEBUG) || b->lines >= needs;
    *ret_left_out = yes ? b->left_out : 0;
    b->left_out = yes ? 0 : b->left_out + 1;
    b->lines -= yes;
    pthread_mutex_unlock(&bucket_lock);
    return yes;
}

/* ---- where to ------------------------------------------------------------------------------- */

/* Is stderr the stream that $JOURNAL_STREAM ("DEVICE:INODE") names? */
static bool stderr_is_journal(void)
{
    const char *want = getenv("JOURNAL_STREAM");
    char have[64];
    struct stat st;
    if (!want || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(have, sizeof have, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return str_eq(want, have);
}

static int journal_socket(void)
{
    static _Atomic int fd = -1;
    if (fd < 0) { /* two threads may each make one: one too many once */
        int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        fd = made;
    }
    return fd;
}

/* NAME=VALUE, VALUE as one harmless line. */
static void add_field(struct buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(b, "%s=", name);
    str_add_printable(b, value, utf8_cut(value, MIN(strlen(value), (size_t)LIMIT_LOG_FIELD_BYTES)));
    buf_addc(b, '\n');
}

/* The native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). False: nobody listens. */
static bool to_journal(int level, const struct log_fields *f, const char *line)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    CLEANUP_BUF struct buf b = BUF_INIT(3 * (LIMIT_LOG_LINE_BYTES + 4 * LIMIT_LOG_FIELD_BYTES) +
                                        512);
    buf_addf(&b, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n", level,
             program_invocation_short_name, line);
    if (f) {
        add_field(&b, "MESSAGE_ID", f->message_id);
        add_field(&b, "TIDINGS_FEED", f->feed);
        add_field(&b, "TIDINGS_URL", f->url);
        add_field(&b, "TIDINGS_OUTCOME", f->outcome);
        add_field(&b, "TIDINGS_SUBSCRIPTION", f->subscription);
    }
    strncpy(addr.sun_path, journal_path, sizeof addr.sun_path - 1);
    int fd = journal_socket();
    return fd >= 0 && sendto(fd, b.data, b.len, MSG_NOSIGNAL, (const struct sockaddr *)&addr,
                             sizeof addr) >= 0;
}

static void to_stderr(int level, bool journal, const char *line)
{
    char when[16] = "";
    if (journal) {
        snprintf(when, sizeof when, "<%d>", level);
    } else if (isatty(STDERR_FILENO)) {
        struct tm tm;
        time_t now = time(NULL);
        strftime(when, sizeof when, "%H:%M:%S ", localtime_r(&now, &tm));
    }
    CLEANUP_BUF struct buf b = BUF_INIT(3 * LIMIT_LOG_LINE_BYTES + 64);
    buf_addf(&b, "%s%s\n", when, line);
    ssize_t k = write(STDERR_FILENO, b.data, b.len);
    (void)k; /* nowhere left to say it */
}

static void say(int level, const struct log_fields *f, const char *line)
{
    bool journal = stderr_is_journal();
    if (!journal || !to_journal(level, f, line))
        to_stderr(level, journal, line);
}

static void log_write(int level, const struct log_fields *f, const char *fmt, va_list ap)
{
    char raw[LIMIT_LOG_LINE_BYTES], note[96];
    unsigned long left_out;
    if (!may_say(level, &left_out))
        return;
    int saved = errno;
    CLEANUP_BUF struct buf line = BUF_INIT(3 * LIMIT_LOG_LINE_BYTES + 16);
    int n = vsnprintf(raw, sizeof raw, fmt, ap);
    size_t len = n < 0 ? 0 : utf8_cut(raw, MIN((size_t)n, sizeof raw - 1));
    str_add_printable(&line, raw, len);
    if (left_out) {
        snprintf(note, sizeof note, "%lu lines were left out: more than %d a second", left_out,
                 LIMIT_LOG_PER_S);
        say(LOG_WARNING, NULL, note);
    }
    say(level, f, buf_str(&line));
    errno = saved;
}

void log_line(int level, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_write(level, NULL, fmt, ap);
    va_end(ap);
}

void log_event(int level, const struct log_fields *f, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_write(level, f, fmt, ap);
    va_end(ap);
}
