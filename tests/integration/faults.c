/*
 * faults.c - LD_PRELOAD: lets system calls fail, or the clock jump, while a file in $FAULTS says
 * so.
 *
 *   $FAULTS/write   an errno: writing to and syncing a store's files (*.db, *.db-wal) fails with it
 *   $FAULTS/hang    not 0: the same does not return
 *   $FAULTS/spawn   an errno: no process can be started
 *   $FAULTS/clock   seconds by which CLOCK_REALTIME is wrong
 *   $FAULTS/mono    seconds that CLOCK_MONOTONIC is ahead
 *
 * Names that end in ".test" are at 127.0.0.1; hN.many.test is at 127.8.0.N+1; for ".stalled.test"
 * no name server answers.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/time.h>

/* The number in $FAULTS/NAME, 0 when there is none. */
static long fault(const char *name)
{
    char path[512], text[32];
    const char *dir = getenv("FAULTS");
    int saved = errno;
    if (!dir)
        return 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    errno = saved;
    return atol(text);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    static int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "posix_spawn");
    int e = (int)fault("spawn");
    return e ? e : real(pid, path, actions, attr, argv, envp);
}

/* The errno for FD, 0 = none. */
static int write_fault(int fd)
{
    char link[64], path[512];
    long e = fault("write");
    if (e == 0 && fault("hang") == 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (!strstr(path, ".db"))
        return 0;
    while (fault("hang"))
        usleep(10000);
    return (int)e;
}

/* pwrite64 in the library: files are large here (_FILE_OFFSET_BITS). */
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    int e = write_fault(fd);
    if (e)
        return errno = e, -1;
    return syscall(SYS_pwrite64, fd, p, n, at);
}

int fdatasync(int fd)
{
    int e = write_fault(fd);
    if (e)
        return errno = e, -1;
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    int e = write_fault(fd);
    if (e)
        return errno = e, -1;
    return (int)syscall(SYS_fsync, fd);
}

int clock_gettime(clockid_t which, struct timespec *ts)
{
    int r = (int)syscall(SYS_clock_gettime, which, ts);
    if (r == 0 && which == CLOCK_REALTIME)
        ts->tv_sec += fault("clock");
    if (r == 0 && which == CLOCK_MONOTONIC)
        ts->tv_sec += fault("mono");
    return r;
}

time_t time(time_t *ret)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (ret)
        *ret = ts.tv_sec;
    return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

static int ends(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (node && ends(node, ".stalled.test")) {
        sleep(15);
        return EAI_AGAIN;
    }
    char address[32] = "127.0.0.1";
    if (node && ends(node, ".many.test"))
        snprintf(address, sizeof address, "127.8.0.%d", atoi(node + 1) + 1);
    return real(node && ends(node, ".test") ? address : node, service, hints, ret);
}
