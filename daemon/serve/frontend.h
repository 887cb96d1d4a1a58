/*
 * frontend.h - what is offered at a listening socket, and to whom: a table of routes and who may
 * pass.
 *
 * One server has any number of listening sockets; each belongs to a frontend, and a request that
 * came in there can reach nothing but its routes.
 */
#ifndef TIDINGS_SERVE_FRONTEND_H
#define TIDINGS_SERVE_FRONTEND_H

#include <stddef.h>

struct request;
struct route;

struct frontend {
    const char *name; /* for messages */
    const struct route *routes;
    size_t n_routes;
    int max_connections; /* at once, over all its sockets: other frontends keep their places */
    /* Loop, when the head of a request is complete, before anything is said of its path: q->route
     * is the one it fits, or NULL. 0, or the answer is made (request_fail) and a negative errno.
     * NULL = who can connect may do all that is there. */
    int (*admit)(struct request *q);
};

/* The API for who can open the unix socket, and the same over TCP for who holds a token. */
extern const struct frontend frontend_api, frontend_http;

#endif
