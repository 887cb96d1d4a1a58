/*
 * callback.h - where WebSub hubs reach us: a small HTTP server that knows one kind of path,
 * PREFIX/KEY.
 *
 * Strangers on the internet may reach it, so it shares nothing with the API: a libmicrohttpd of its
 * own, its own places, deadlines and memory, no query of the store. Who has no key that the daemon
 * knows gets 404 before a byte of a body is read. Loop thread only.
 */
#ifndef TIDINGS_SERVE_CALLBACK_H
#define TIDINGS_SERVE_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "base/buf.h"
#include "base/err.h"

struct callback;
struct listener;

/* A hub's GET (WebSub 5.3, 5.2): the values of its parameters, decoded; NULL = not given. */
struct callback_question {
    const char *key, *mode, *topic, *reason;
    int64_t lease_s; /* -1 = not given or no number */
};

/* A whole push. SIGNATURE, TYPE, CODING: of X-Hub-Signature, Content-Type, Content-Encoding, NULL =
 * not given. */
struct callback_push {
    const char *key, *signature, *type, *coding;
    struct buf *body; /* as it was received; may be taken (left empty) */
    uint64_t call;
};

struct callback_ops {
    /* The largest push that KEY (lower-case hex, TD_PUSH_KEY_BYTES) may bring, 0 = no such key. */
    size_t (*max_body)(void *app, const char *key);
    /* True: hub.challenge is the answer (or nothing, when there is none); false: 404. */
    bool (*asked)(void *app, const struct callback_question *q);
    /* The HTTP status: 202, 410, 404, 413, 415 for a coding other than gzip, or 503 when there is
     * no room. 0: callback_answer(CALL) comes later; when it does not within
     * LIMIT_CALLBACK_ANSWER_MS, the answer is 202. */
    int (*pushed)(void *app, const struct callback_push *p);
};

struct callback_conf {
    const char *prefix; /* of the paths, "" or "/websub"; a proxy may have cut it off. Copied */
    bool local;         /* only this machine connects: no limit for each address */
    const struct callback_ops *ops;
    void *app;
};

/* Answers at L (taken). 0, or negative errno and the reason. */
int callback_new(struct callback **ret, struct ev_loop *loop, struct listener *l,
                 const struct callback_conf *conf, struct td_err *err);
/* Answers CALL with STATUS; one that is over, or 0, is ignored. */
void callback_answer(struct callback *c, uint64_t call, int status);
/* Ends all connections; who waits for an answer gets 503. Accepts NULL. */
void callback_free(struct callback *c);

#endif
