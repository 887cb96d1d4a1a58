#include "parse/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/str.h"
#include "parse/frame.h"

/* Beside FRAME_FD, for the time of the exec. */
#define EXE_FD   4
#define EXE_PATH "/proc/self/fd/4"

/* The child's environment: nothing of ours but what the dynamic linker, the sanitizers and the log
 * need. */
static void make_env(char **env, size_t max)
{
    static const char *const names[] = {
        "LD_LIBRARY_PATH=", "JOURNAL_STREAM=", "ASAN_OPTIONS=",
        "LSAN_OPTIONS=",    "UBSAN_OPTIONS=",  "TSAN_OPTIONS=",
    };
    size_t n = 0;
    for (char **e = environ; *e && n + 1 < max; e++)
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (str_starts(*e, names[i]) && n + 1 < max)
                env[n++] = *e;
    env[n] = NULL;
}

char *launch_path(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[MAX(n, 0)] = 0;
    char *slash = strrchr(self, '/');
    CLEANUP_FREE char *beside =
        slash ? xasprintf("%.*s/parse/tidings-parser", (int)(slash - self), self) : NULL;
    if (beside && access(beside, F_OK) == 0)
        return TAKE(beside);
    return xstrdup(TIDINGS_PARSER);
}

int launch_open(const char *path, struct td_err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, EXE_FD); /* not where the socket will be */
    if (high < 0)
        return td_err(err, -errno, "the parser %s cannot be opened: %s", path, strerror(errno));
    return high;
}

/* The program by its descriptor: the socket as FRAME_FD, stderr, and nothing else of ours. The
 * child closes EXE_FD, which it cannot be started without. The signals with which a terminal or the
 * service manager ends the daemon are blocked: children go when the daemon goes, not in the middle
 * of a document that it still waits for. */
static int start(int exe, int fd, pid_t *ret)
{
    static char name[] = "tidings-parser", role[] = FRAME_ARG, version[] = TIDINGS_VERSION;
    char *argv[] = {name, role, version, NULL}, *env[8];
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t blocked, defaults;
    make_env(env, ARRAY_SIZE(env));
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigaddset(&blocked, SIGQUIT);
    sigfillset(&defaults);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&fa, fd, FRAME_FD);
    posix_spawn_file_actions_adddup2(&fa, exe, EXE_FD);
    posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&fa, EXE_FD + 1);
    posix_spawnattr_setsigmask(&attr, &blocked);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int r = -posix_spawn(ret, EXE_PATH, &fa, &attr, argv, env);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&attr);
    return r;
}

int launch_parser(int exe, pid_t *ret_pid, int *ret_fd)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    int r = start(exe, fds[1], ret_pid);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        return r;
    }
    *ret_fd = fds[0];
    return 0;
}

void launch_words(struct td_err *ret, int status)
{
    if (WIFEXITED(status)) {
        td_err(ret, 0, "the parser exited with status %d%s", WEXITSTATUS(status),
               WEXITSTATUS(status) == FRAME_EX_VERSION
                   ? " (it is of another version than tidingsd: install both from one)"
                   : "");
        return;
    }
    int sig = WTERMSIG(status);
    const char *name = sigabbrev_np(sig);
    const char *hint = sig == SIGSYS    ? " (a forbidden system call)"
                       : sig == SIGABRT ? " (out of memory or a failed check)"
                                        : "";
    td_err(ret, 0, "the parser died by SIG%s%s", name ? name : "?", hint);
}
