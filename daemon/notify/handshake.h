/*
 * handshake.h - may we send to this webhook? The abuse protection of CloudEvents' HTTP 1.1 Web
 * Hooks (1.0.2, section 4): before the first delivery the target is asked by OPTIONS, and says by
 * its answer's header whether it wants deliveries of this sender, and how many a minute. The status
 * means nothing. Pure; times are monotonic milliseconds.
 */
#ifndef TIDINGS_NOTIFY_HANDSHAKE_H
#define TIDINGS_NOTIFY_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Zeroed: nothing is allowed. */
struct handshake {
    int64_t until;    /* the permission ends */
    int64_t every_ms; /* between two deliveries; 0 = as they come */
    int64_t next_at;  /* the next delivery is not before */
};

/* Must the target be asked first? */
bool handshake_is_due(const struct handshake *h, int64_t now);
/* The answer of STATUS: WebHook-Allowed-Origin and -Rate (NULL = not there) to who asked as ORIGIN.
 * 0, or -EPERM and the reason: no permission. A rate that cannot be read is no limit. */
int handshake_take(struct handshake *h, const char *origin, int status, const char *allowed_origin,
                   const char *allowed_rate, int64_t now, struct td_err *err);
/* How long the next delivery has to wait, in ms; 0 = not. */
int64_t handshake_wait(const struct handshake *h, int64_t now);
/* A delivery begins. */
void handshake_sent(struct handshake *h, int64_t now);
/* The target refuses deliveries now: it is asked before the next one. */
void handshake_revoke(struct handshake *h);

#endif
