#include "serve/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define FIRST_FD     3 /* SD_LISTEN_FDS_START */
#define STATUS_BYTES 1024

static struct {
    char *socket; /* $NOTIFY_SOCKET, NULL = no manager */
    int64_t watchdog_ms;
    struct {
        char *name;
        int fd; /* -1 = taken */
    } sockets[LIMIT_LISTEN_FDS];
    size_t n_sockets;
    char *status; /* as last sent */
} manager;

/* An environment variable that names a process: does it name us? */
static bool is_for_us(const char *variable)
{
    const char *v = getenv(variable);
    int64_t pid;
    return v && str_to_i64(v, &pid) == 0 && pid == getpid();
}

static void take_sockets(void)
{
    const char *n_text = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    int64_t n;
    if (!n_text || !is_for_us("LISTEN_PID") || str_to_i64(n_text, &n) < 0)
        return;
    names = names ? names : "";
    for (int i = 0; i < n && i < LIMIT_LISTEN_FDS; i++) {
        size_t len = strcspn(names, ":");
        fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC);
        manager.sockets[i].fd = FIRST_FD + i;
        manager.sockets[i].name = xstrndup(names, len);
        manager.n_sockets++;
        names += len + (names[len] == ':');
    }
}

void service_init(void)
{
    static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                            "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
    const char *usec = getenv("WATCHDOG_USEC"), *socket = getenv("NOTIFY_SOCKET");
    int64_t n;
    if (socket && (*socket == '/' || *socket == '@'))
        manager.socket = xstrdup(socket);
    if (usec && str_to_i64(usec, &n) == 0 && n > 0 &&
        (!getenv("WATCHDOG_PID") || is_for_us("WATCHDOG_PID")))
        manager.watchdog_ms = MAX(n / 1000, (int64_t)1);
    take_sockets();
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
        unsetenv(variables[i]);
}

int service_take_socket(const char *name)
{
    int listening;
    socklen_t len = sizeof listening;
    for (size_t i = 0; i < manager.n_sockets; i++) {
        int fd = manager.sockets[i].fd;
        if (fd < 0 || !str_eq(manager.sockets[i].name, name) ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
            continue;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        manager.sockets[i].fd = -1;
        return fd;
    }
    return -1;
}

int service_close_rest(void)
{
    int n = 0;
    for (size_t i = 0; i < manager.n_sockets; i++) {
        if (manager.sockets[i].fd >= 0) {
            close(manager.sockets[i].fd);
            n++;
        }
        free(manager.sockets[i].name);
    }
    manager.n_sockets = 0;
    return n;
}

int64_t service_watchdog_ms(void)
{
    return manager.watchdog_ms;
}

/* One datagram; a manager that does not listen is its own misfortune. False: it has no room (FLAGS
 * with MSG_DONTWAIT). */
static bool send_text(const struct buf *b, int flags)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t n = strlen(manager.socket);
    if (n >= sizeof addr.sun_path)
        return true;
    memcpy(addr.sun_path, manager.socket, n);
    if (*addr.sun_path == '@')
        *addr.sun_path = 0;
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ||
           sendto(fd, b->data, b->len, MSG_NOSIGNAL | flags, (const struct sockaddr *)&addr,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* WHAT (lines with their newlines), and STATUS when it is new. */
static void notify(const char *what, const char *status, int flags)
{
    if (!manager.socket)
        return;
    CLEANUP_BUF struct buf b = BUF_INIT(4 * STATUS_BYTES);
    buf_adds(&b, what);
    if (status && !str_same(status, manager.status)) {
        xreplace(&manager.status, status);
        buf_adds(&b, "STATUS=");
        str_add_printable(&b, status, MIN(strlen(status), (size_t)STATUS_BYTES));
        buf_addc(&b, '\n');
    }
    if (b.len && !send_text(&b, flags))
        xreplace(&manager.status, NULL); /* the next one tells it again */
}

void service_ready(const char *status)
{
    notify("READY=1\n", status, 0);
}

void service_tick(const char *status, bool ping)
{
    /* The loop does not wait for a manager that is busy: the next tick comes soon. */
    notify(ping ? "WATCHDOG=1\n" : "", status, MSG_DONTWAIT);
}

void service_reloading(void)
{
    char what[64];
    snprintf(what, sizeof what, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
             clock_mono_ms() * 1000);
    notify(what, NULL, 0);
}

void service_stopping(void)
{
    notify("STOPPING=1\n", "stopping", 0);
}

void service_extend(int64_t ms, const char *status)
{
    char what[64];
    snprintf(what, sizeof what, "EXTEND_TIMEOUT_USEC=%" PRId64 "\n", ms * 1000);
    notify(what, status, 0);
}
