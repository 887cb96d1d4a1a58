/*
 * sink.h - where a subscription's messages go. One file a kind: sink_webhook.c, sink_exec.c,
 * sink_file.c, sink_mail.c (a stream is asked for by its consumer: serve/tail.c).
 *
 * A sink carries one message at a time and answers it once, from the loop: acknowledged, failed, or
 * gone for good. It keeps nothing between messages that matters: order, retries and positions are
 * the delivery's work (delivery.h). A new kind is a struct sink_type in a file of its own, and a
 * row in sink.c.
 */
#ifndef TIDINGS_NOTIFY_SINK_H
#define TIDINGS_NOTIFY_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "base/err.h"
#include "model/sub.h"
#include "notify/delivery.h"

struct sink;

/* One event, as every consumer sees it (event_text.h). Borrowed until the message is answered. */
struct sink_event {
    int64_t seq, at; /* at: commit time */
    const char *kind;
    const char *json; /* the object, on one line */
    size_t json_len;
};

struct sink_message {
    const struct sink_event *events; /* at least one */
    int n;
    int attempt; /* from 1 */
};

struct sink_answer {
    enum delivery_answer answer;
    int64_t retry_after_at; /* TD_NEVER = it did not say */
    struct td_err err;      /* why not, in a sentence */
};
/* Loop, once, never from within the send. */
typedef void sink_done_fn(void *ctx, const struct sink_answer *answer);

/* A POST that the daemon makes for a webhook: the address rules, names and TLS of fetch/. All
 * borrowed until the answer. */
struct sink_post {
    bool options; /* an OPTIONS request instead, without the body */
    /* Names of header lines of the answer that are given with it; SINK_WANTED, NULL = none. */
    const char *const *wanted;
    const char *url, *body;
    size_t body_len;
    const char *const *headers; /* "Name: value", NULL-terminated */
    int64_t timeout_ms;
    const struct cidr *allow; /* beside those of the daemon */
    size_t n_allow;
};
#define SINK_WANTED 2
/* Borrowed. */
struct sink_posted {
    int status; /* 0: there was no answer, ERR says why */
    int64_t retry_after_at;
    const struct td_err *err;
    const char *wanted[SINK_WANTED]; /* NULL = the answer has none of that name */
};
typedef void sink_posted_fn(void *ctx, const struct sink_posted *posted);

/* What the daemon lends to all sinks. */
struct sink_env {
    struct ev_loop *loop;
    const char *instance; /* store_instance */
    const char *origin;   /* who we are to receivers: a host name; for webhooks */
    /* Gives a handle for post_cancel, which is void once DONE is called. */
    void *(*post)(void *app, const struct sink_post *post, sink_posted_fn *done, void *ctx);
    void (*post_cancel)(void *app, void *handle);
    void *app;
};

struct sink_type {
    /* Allocates the sink; its first member is a struct sink, filled in by sink_open. */
    struct sink *(*make)(const struct sink_env *env, const struct td_sub_conf *conf);
    void (*send)(struct sink *s, const struct sink_message *m);
    /* Ends the message under way, without an answer. */
    void (*cancel)(struct sink *s);
    void (*free)(struct sink *s);
};

struct sink {
    const struct sink_type *type;
    const struct sink_env *env;
    const struct td_sub_conf *conf;
    bool busy;
    sink_done_fn *done;
    void *ctx;
};

extern const struct sink_type sink_webhook, sink_exec, sink_file, sink_mail;

/* ENV and CONF are borrowed for the sink's life. Not for streams: NULL. */
struct sink *sink_open(const struct sink_env *env, const struct td_sub_conf *conf);
/* One message at a time. M and what it points to are borrowed until DONE. */
void sink_send(struct sink *s, const struct sink_message *m, sink_done_fn *done, void *ctx);
/* Also ends a message under way. Accepts NULL. */
void sink_close(struct sink *s);
void sink_cancel(struct sink *s);

/* For the kinds: the message is over. ERR NULL or the reason. */
void sink_answer(struct sink *s, enum delivery_answer answer, int64_t retry_after_at,
                 const struct td_err *err);

/* The id of a message, the same at each attempt: INSTANCE-SEQ, of several INSTANCE-FIRST-LAST. */
#define SINK_ID_BYTES 64
const char *sink_message_id(char buf[SINK_ID_BYTES], const struct sink_env *env,
                            const struct sink_message *m);

#endif
