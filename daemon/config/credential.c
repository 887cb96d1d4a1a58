#include "config/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define PREFIX "credential:"

bool credential_is(const char *value)
{
    return str_starts(value, PREFIX);
}

static bool is_name(const char *name)
{
    return *name && *name != '.' && strlen(name) < 256 && !strchr(name, '/');
}

/* All of FD, at most SIZE - 1 bytes, into BUF: the length, or negative errno. */
static ssize_t read_some(int fd, char *buf, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, buf + len, size - len);
        if (n < 0 && errno != EINTR)
            return -errno;
        len += n > 0 ? (size_t)n : 0;
        if (n == 0 || len == size)
            return len == size ? -EFBIG : (ssize_t)len;
    }
}

char *credential_path(const char *dir, const char *value, struct td_err *err)
{
    const char *name = value + strlen(PREFIX);
    if (!is_name(name)) {
        td_err(err, -EINVAL, "credential: without a name; allowed: credential:NAME");
        return NULL;
    }
    if (str_empty(dir)) {
        td_err(err, -ENOENT,
               "credential %s: $CREDENTIALS_DIRECTORY is not set; allowed: under systemd with "
               "LoadCredential=%s:PATH",
               name, name);
        return NULL;
    }
    return xasprintf("%s/%s", dir, name);
}

/* One line of text. WHAT names it in the reason, ALLOWED says which file it may be. */
static char *read_line(const char *path, const char *what, const char *allowed, struct td_err *err)
{
    char text[LIMIT_CREDENTIAL_BYTES + 1], *line = NULL;
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -errno : read_some(fd, text, sizeof text);
    if (n < 0) {
        td_err(err, (int)n, "%s: %s; allowed: %s, at most %d bytes", what, strerror((int)-n),
               allowed, LIMIT_CREDENTIAL_BYTES);
        return NULL;
    }
    if (n > 0 && text[n - 1] == '\n')
        n--;
    text[n] = 0;
    if (n == 0 || strlen(text) != (size_t)n || strchr(text, '\n'))
        td_err(err, -EINVAL, "%s: it is empty or more than a line; allowed: one line", what);
    else
        line = xstrdup(text);
    explicit_bzero(text, sizeof text);
    return line;
}

char *credential_read(const char *dir, const char *value, struct td_err *err)
{
    CLEANUP_FREE char *path = credential_path(dir, value, err);
    CLEANUP_FREE char *what = xasprintf("credential %s", value + strlen(PREFIX));
    return path ? read_line(path, what, "one of LoadCredential=", err) : NULL;
}

char *credential_read_file(const char *path, struct td_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 07)) {
        td_err(err, -EINVAL, "%s has mode %04o; allowed: none of it for others (0640)", path,
               st.st_mode & 07777);
        return NULL;
    }
    return read_line(path, path, "a readable file", err);
}

void credential_seal(void)
{
    prctl(PR_SET_DUMPABLE, 0);
}
