#include "base/command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>

#include "base/mem.h"

/* To be freed with all its strings. */
static char **environment(const char *const *more)
{
    static const char *const names[] = {"PATH", "HOME", "LANG", "TZ"};
    size_t n = 0, k = 0;
    while (more && more[n])
        n++;
    char **env = xcalloc(n + ARRAY_SIZE(names) + 1, sizeof *env);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = getenv(names[i]);
        if (value)
            env[k++] = xasprintf("%s=%s", names[i], value);
    }
    for (size_t i = 0; i < n; i++)
        env[k++] = xstrdup(more[i]);
    return env;
}

int command_start(char *const *argv, const char *const *more, int in, int out, int err,
                  pid_t *ret_group)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    char **env = environment(more);
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    if (in < 0)
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    else
        posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, err, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    int r = posix_spawnp(ret_group, argv[0], &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    for (char **e = env; *e; e++)
        free(*e);
    free(env);
    return -r;
}
