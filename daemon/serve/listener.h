/*
 * listener.h - a listening unix socket at a path.
 */
#ifndef TIDINGS_SERVE_LISTENER_H
#define TIDINGS_SERVE_LISTENER_H

#include <sys/stat.h>

#include "base/err.h"

struct listener {
    int fd;
    char *path;       /* removed at the end if it is still ours; NULL = not ours to remove */
    struct stat made; /* identity of the socket's file */
};

/* Binds and listens: mode 0660 less the umask; a missing last folder is made (0755). What a dead
 * daemon left is replaced; -EADDRINUSE when one answers there, -EEXIST when something else is in
 * the way, others from the system. */
int listener_unix(struct listener *ret, const char *path, struct td_err *err);
void listener_close(struct listener *l);

#endif
