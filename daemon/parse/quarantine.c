#include "parse/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define TEMP       ".new" /* being written; a crash leaves it to the next document */
#define STAMP      "00000000T000000.000-"
#define HASH       "0000000000000000-"
#define SUFFIX     ".doc"
#define FEED_BYTES 64 /* of the feed's name in a file's name */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
}

const char *quarantine_name(char buf[QUARANTINE_NAME], int64_t now_ms, uint64_t hash,
                            const char *feed)
{
    char name[FEED_BYTES + 1];
    size_t n = 0;
    for (const char *p = feed ? feed : ""; *p && n < FEED_BYTES; p++)
        name[n++] = is_plain(*p) ? *p : '_';
    name[n] = 0;
    struct tm tm = {0};
    now_ms = MAX(now_ms, (int64_t)0);
    time_t t = (time_t)(now_ms / 1000);
    gmtime_r(&t, &tm);
    int stamp = snprintf(buf, QUARANTINE_NAME, "%04d%02d%02dT%02d%02d%02d.%03d-",
                         (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                         tm.tm_min, tm.tm_sec, (int)(now_ms % 1000));
    snprintf(buf + stamp, QUARANTINE_NAME - (size_t)stamp, "%016llx-%s" SUFFIX,
             (unsigned long long)hash, name);
    return buf;
}

/* Ours by shape: digits where the stamp has digits, our ending. Nothing else is ever removed. */
static bool is_ours(const char *name)
{
    size_t fixed = strlen(STAMP HASH);
    if (strlen(name) < fixed + strlen(SUFFIX) || !str_ends(name, SUFFIX))
        return false;
    for (size_t i = 0; i < strlen(STAMP); i++)
        if (STAMP[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != STAMP[i])
            return false;
    return name[fixed - 1] == '-';
}

struct listing {
    size_t n;
    char oldest[QUARANTINE_NAME]; /* "" = none */
    char same[QUARANTINE_NAME];   /* the file with the bytes looked for */
};

/* One pass over the folder. HASH_TEXT: 16 hex digits. */
static int look(int dir, const char *hash_text, struct listing *ret, struct td_err *err)
{
    *ret = (struct listing){0};
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int r = -errno;
        if (fd >= 0)
            close(fd);
        return td_err(err, r, "cannot list it: %s", strerror(-r));
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (strlen(e->d_name) >= QUARANTINE_NAME || !is_ours(e->d_name))
            continue;
        ret->n++;
        if (!ret->oldest[0] || strcmp(e->d_name, ret->oldest) < 0)
            strcpy(ret->oldest, e->d_name);
        if (memcmp(e->d_name + strlen(STAMP), hash_text, strlen(hash_text)) == 0)
            strcpy(ret->same, e->d_name);
    }
    closedir(d);
    return 0;
}

/* Removes the oldest until one more file may come. */
static int make_room(int dir, const char *hash_text, char same[QUARANTINE_NAME], struct td_err *err)
{
    struct listing l;
    for (;;) {
        int r = look(dir, hash_text, &l, err);
        if (r < 0)
            return r;
        strcpy(same, l.same);
        if (l.same[0] || l.n < LIMIT_QUARANTINE_FILES)
            return 0;
        if (unlinkat(dir, l.oldest, 0) < 0)
            return td_err(err, -errno, "cannot remove %s: %s", l.oldest, strerror(errno));
    }
}

static int write_file(int dir, const char *name, const void *p, size_t n, struct td_err *err)
{
    unlinkat(dir, TEMP, 0);
    CLEANUP_CLOSE int fd = openat(dir, TEMP, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : io_write_all(fd, p, n);
    if (r == 0 && renameat(dir, TEMP, dir, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dir, TEMP, 0);
        return td_err(err, r, "cannot write %s: %s", name, strerror(-r));
    }
    return 0;
}

int quarantine_keep(const char *path, const char *feed, const void *p, size_t n, int64_t now_ms,
                    char ret_name[QUARANTINE_NAME], struct td_err *err)
{
    uint64_t hash = crypto_hash64(p, n);
    char name[QUARANTINE_NAME], same[QUARANTINE_NAME], hash_text[17];
    snprintf(hash_text, sizeof hash_text, "%016llx", (unsigned long long)hash);
    quarantine_name(name, now_ms, hash, feed);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return td_err(err, -errno, "cannot make %s: %s", path, strerror(errno));
    CLEANUP_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return td_err(err, -errno, "cannot open %s: %s", path, strerror(errno));
    int r = make_room(dir, hash_text, same, err);
    if (r == 0 && !same[0])
        r = write_file(dir, name, p, n, err);
    if (r < 0)
        return td_err_prefix(err, r, "%s", path);
    strcpy(ret_name, same[0] ? same : name);
    return 0;
}
