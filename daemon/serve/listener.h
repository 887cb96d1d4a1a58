/*
 * listener.h - a listening socket: a unix socket at a path, a TCP port, or one that was handed
 * over.
 */
#ifndef TIDINGS_SERVE_LISTENER_H
#define TIDINGS_SERVE_LISTENER_H

#include <sys/stat.h>

#include "base/err.h"
#include "model/endpoint.h"

struct listener {
    int fd;
    char *path;       /* removed at the end if it is still ours; NULL = not ours to remove */
    struct stat made; /* identity of the socket's file */
};

/* Binds and listens: mode 0660 less the umask; a missing last folder is made (0755). What a dead
 * daemon left is replaced; -EADDRINUSE when one answers there, -EEXIST when something else is in
 * the way, others from the system. */
int listener_unix(struct listener *ret, const char *path, struct td_err *err);
/* Binds and listens at E. -EADDRINUSE and others from the system. */
int listener_tcp(struct listener *ret, const struct endpoint *e, struct td_err *err);
/* FD listens already (service_take_socket); takes it. */
void listener_inherited(struct listener *ret, int fd);
void listener_close(struct listener *l);

#endif
