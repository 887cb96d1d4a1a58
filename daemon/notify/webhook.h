/*
 * webhook.h - the bytes of a webhook: body, headers, signatures. Pure.
 *
 * Standard Webhooks (standardwebhooks.com, specification of 2023): webhook-id is the same at each
 * attempt, webhook-timestamp is the attempt's, webhook-signature is "v1," and base64 of HMAC-SHA256
 * over "ID.TIMESTAMP.BODY", once for each secret. CloudEvents 1.0 with its HTTP binding. The chat
 * formats are each service's own JSON.
 *
 * A body of the standard kinds stays below LIMIT_WEBHOOK_BYTES: when items are too large their
 * content is left out (`content_left_out`, and `content_path` in the API), then all but id, link
 * and title.
 */
#ifndef TIDINGS_NOTIFY_WEBHOOK_H
#define TIDINGS_NOTIFY_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/sub.h"
#include "notify/sink.h"

#define WEBHOOK_HEADERS 16
struct webhook {
    struct buf body;
    char *url;                          /* where to, which a format may derive from the target */
    char *headers[WEBHOOK_HEADERS + 1]; /* "Name: value", NULL-terminated */
    int n_headers;
};

/* Renders M for the subscription C at NOW: 0, or -EINVAL when an event's object cannot be read
 * (nothing to free). */
int webhook_render(struct webhook *ret, const struct td_sub_conf *c, const struct sink_env *env,
                   const struct sink_message *m, int64_t now);
void webhook_fini(struct webhook *w);

/* The value of webhook-signature for SECRETS (joined by '\n', each td_secret_decode can read). */
void webhook_sign(struct buf *out, const char *secrets, const char *id, int64_t timestamp_s,
                  const char *body, size_t n);

/* An event's object for a body: as it is if it has at most MAX bytes, else less and less of it. */
void webhook_shrink(struct buf *out, const struct sink_event *e, size_t max);

#endif
