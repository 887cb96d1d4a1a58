/*
 * webhook_chat.h - bodies of the services that people read: ntfy, Apprise, Slack (and Mattermost),
 * Discord, Matrix (hookshot's generic webhook). Pure; private to webhook.c.
 */
#ifndef TIDINGS_NOTIFY_WEBHOOK_CHAT_H
#define TIDINGS_NOTIFY_WEBHOOK_CHAT_H

#include "notify/webhook.h"

/* The body for C's format, and w->url where the service wants another address: 0, or -EINVAL when
 * an event's object cannot be read. */
int webhook_chat(struct webhook *w, const struct td_sub_conf *c, const struct sink_env *env,
                 const struct sink_message *m);

void webhook_header(struct webhook *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
