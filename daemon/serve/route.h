/*
 * route.h - which handler answers a method and a path. Pure; the table is in routes.c.
 */
#ifndef TIDINGS_SERVE_ROUTE_H
#define TIDINGS_SERVE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct request;
struct reader;

/* What a token must allow, where tokens are asked for. */
enum route_scope {
    ROUTE_BY_METHOD, /* GET: read; others: write */
    ROUTE_READ,      /* read: what a follower does */
    ROUTE_OPEN,      /* no token is needed */
};

/* A request passes start, run, finish; whichever is NULL is left out. Who has answered (an error,
 * or early) ends it there. */
struct route {
    const char *method;
    const char *pattern; /* "/v1/items/{id}": {x} is one segment, decoded into the argument */
    const char *params;  /* allowed query parameters, separated by spaces; NULL = none */
    int (*start)(struct request *q); /* loop. 1: it calls request_done itself, later or now */
    void (*run)(struct request *q, struct reader *r); /* reader thread */
    int (*finish)(struct request *q);                 /* loop, as start */
    const char *help;                                 /* one line */
    enum route_scope scope;
};

extern const struct route routes[];
extern const size_t n_routes;

/* Looks METHOD and PATH (raw, before '?') up in TABLE. HEAD is GET. 0 and *RET, and *RET_ARG (gives
 * it; NULL when the pattern has none). -ENOENT: no such path. -EOPNOTSUPP: another method; ALLOW of
 * SIZE bytes gets the ones there are ("GET, HEAD, POST"). -EINVAL: bad encoding. */
int route_find(const struct route *table, size_t n, const char *method, const char *path,
               const struct route **ret, char **ret_arg, char *allow, size_t size,
               struct td_err *err);

#endif
