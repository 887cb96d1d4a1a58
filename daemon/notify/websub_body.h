/*
 * websub_body.h - what our hub sends to a subscriber (W3C WebSub, 7): the topic's feed with the
 * items that are new or have changed since the last delivery. Pure.
 */
#ifndef TIDINGS_NOTIFY_WEBSUB_BODY_H
#define TIDINGS_NOTIFY_WEBSUB_BODY_H

#include "notify/webhook.h"

/* Body, Content-Type, Link and X-Hub-Signature of M into W: 0, or -EINVAL when an event's object
 * cannot be read. */
int websub_body(struct webhook *w, const struct td_sub_conf *c, const struct sink_env *env,
                const struct sink_message *m);

#endif
