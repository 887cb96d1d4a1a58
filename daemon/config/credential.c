#include "config/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
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

char *credential_read(const char *dir, const char *value, struct td_err *err)
{
    const char *name = value + strlen(PREFIX);
    char text[LIMIT_CREDENTIAL_BYTES + 1];
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
    CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -errno : read_some(fd, text, sizeof text);
    if (n < 0) {
        td_err(err, (int)n, "credential %s: %s; allowed: one of LoadCredential=, at most %d bytes",
               name, strerror((int)-n), LIMIT_CREDENTIAL_BYTES);
        return NULL;
    }
    if (n > 0 && text[n - 1] == '\n')
        n--;
    text[n] = 0;
    if (n == 0 || strlen(text) != (size_t)n || strchr(text, '\n')) {
        td_err(err, -EINVAL, "credential %s: it is empty or more than a line; allowed: one line",
               name);
        return NULL;
    }
    return xstrdup(text);
}
