#include "serve/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

static int make_folder(const char *path, struct td_err *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    CLEANUP_FREE char *folder = xstrndup(path, (size_t)(slash - path));
    if (mkdir(folder, 0755) == 0 || errno == EEXIST)
        return 0;
    int r = -errno;
    return td_err(err, r, "%s: the folder of the socket cannot be made: %s", folder, strerror(-r));
}

/* Makes way at PATH: 0 when nothing is there (any more). */
static int make_way(const struct sockaddr_un *addr, struct td_err *err)
{
    struct stat st;
    const char *path = addr->sun_path;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : td_err(err, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return td_err(err, -EEXIST, "%s is there and is no socket: not replaced", path);
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return td_err(err, -errno, "no socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno != ECONNREFUSED)
        return td_err(err, -EADDRINUSE, "%s: another daemon answers there", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return td_err(err, -errno, "%s: cannot replace what an earlier daemon left: %s", path,
                      strerror(errno));
    return 0;
}

static int bind_unix(int fd, const struct sockaddr_un *addr, struct stat *ret_made,
                     struct td_err *err)
{
    /* On the socket, before there is a file: no moment with other rights. */
    fchmod(fd, 0660);
    if (bind(fd, (const struct sockaddr *)addr, sizeof *addr) < 0 ||
        listen(fd, LIMIT_BACKLOG) < 0 || lstat(addr->sun_path, ret_made) < 0)
        return td_err(err, -errno, "%s: cannot listen: %s", addr->sun_path, strerror(errno));
    return 0;
}

int listener_unix(struct listener *ret, const char *path, struct td_err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof addr.sun_path)
        return td_err(err, -ENAMETOOLONG, "socket %s: a path of 1 to %zu bytes is allowed", path,
                      sizeof addr.sun_path - 1);
    memcpy(addr.sun_path, path, strlen(path));
    int r = make_folder(path, err);
    if (r == 0)
        r = make_way(&addr, err);
    if (r < 0)
        return r;
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return td_err(err, -errno, "no socket: %s", strerror(errno));
    struct stat made;
    r = bind_unix(fd, &addr, &made, err);
    if (r < 0)
        return r;
    *ret = (struct listener){.fd = fd, .path = xstrdup(path), .made = made};
    fd = -1;
    return 0;
}

int listener_tcp(struct listener *ret, const struct endpoint *e, struct td_err *err)
{
    char shown[ENDPOINT_SHOWN];
    const int on = 1;
    endpoint_show(shown, &e->addr);
    CLEANUP_CLOSE int fd = socket(e->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return td_err(err, -errno, "%s: no socket: %s", shown, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* not 60 s away after a restart */
    if (e->addr.ss_family == AF_INET6) /* [::] is IPv6 alone, whatever the system's default */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&e->addr, e->len) < 0 || listen(fd, LIMIT_BACKLOG) < 0) {
        int r = -errno;
        return td_err(err, r, "%s: cannot listen: %s%s", shown, strerror(-r),
                      r == -EPERM || r == -EACCES
                          ? " (the service may bind no port itself: use a socket unit)"
                          : "");
    }
    *ret = (struct listener){.fd = fd};
    fd = -1;
    return 0;
}

void listener_inherited(struct listener *ret, int fd)
{
    *ret = (struct listener){.fd = fd};
}

void listener_close(struct listener *l)
{
    struct stat st;
    close(l->fd);
    if (l->path && lstat(l->path, &st) == 0 && st.st_ino == l->made.st_ino &&
        st.st_dev == l->made.st_dev)
        unlink(l->path);
    free(l->path);
    *l = (struct listener){.fd = -1};
}
