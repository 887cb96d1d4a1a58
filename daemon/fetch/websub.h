/*
 * websub.h - what a WebSub subscriber does, as rules (W3C Recommendation 2018-01-23; FETCHING E1 to
 * E10). Pure: a subscription (model/push.h), what has happened and the time in; what to do out. Who
 * sends requests, listens and keeps state is daemon/push.c.
 *
 * A feed that names a hub and itself (rel=hub, rel=self) is asked for at the hub under a callback
 * address that nobody can guess. The hub asks back whether we mean it (verification); from then on
 * the subscription is live until its lease ends. Between half and four fifths of the lease it is
 * renewed: the feed is fetched, which finds a hub or feed that has moved, then a new callback is
 * asked for; the old one stays good until the new one is verified, and is then given up at the hub.
 *
 * A hub is a stranger. It is heard under the key in the callback's path alone; where it was given a
 * secret (over TLS, or on this machine) its pushes must be signed; without one a push is only a
 * hint to look. Polls go on, and news that they find first is the hub's miss.
 */
#ifndef TIDINGS_FETCH_WEBSUB_H
#define TIDINGS_FETCH_WEBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/push.h"

#define WEBSUB_RANDOM_BYTES 56 /* for a key and a secret */

/* ---- what to do ----------------------------------------------------------------------------- */

enum websub_action {
    WEBSUB_WAIT,        /* nothing until RET_AT (TD_NEVER: until something happens) */
    WEBSUB_FETCH,       /* a renewal begins: fetch the feed, if it was not fetched just now */
    WEBSUB_SUBSCRIBE,   /* websub_ask, then send a request for `asked` */
    WEBSUB_UNSUBSCRIBE, /* send a request for `left` */
};

/* What became of the subscription: one line of the log. */
enum websub_change {
    WEBSUB_SAME,
    WEBSUB_NOW_LIVE,   /* verified, and it was not live before */
    WEBSUB_REFUSED,    /* the hub does not want us or cannot be reached; P->error */
    WEBSUB_DENIED,     /* hub.mode=denied; P->error */
    WEBSUB_LAPSED,     /* the lease has ended and was not renewed */
    WEBSUB_DISTRUSTED, /* LIMIT_PUSH_MISSES times it did not tell what was new */
    WEBSUB_LEFT,       /* given up by us: not wanted any more, or the feed names another hub */
};

/* Lets time pass, then says what is to be done at NOW. WANTED: the feed is polled, and the config
 * wants pushes under CALLBACK (else NULL). FETCHED: the feed has been fetched since WEBSUB_FETCH
 * was said, or so lately that it may not be fetched again yet. Not while a request is under way. */
enum websub_action websub_next(struct td_push *p, const char *callback, bool fetched, int64_t now,
                               int64_t *ret_at, enum websub_change *ret_change);

/* ---- what happens --------------------------------------------------------------------------- */

/* A whole document of the feed (not a push) named HUBS (joined by '\n', NULL = none) and TOPIC
 * (NULL = none; then there is nothing to subscribe to). True: something else than before. What is
 * live at a hub or for a topic that is not named any more is given up. */
bool websub_discovered(struct td_push *p, const char *hubs, const char *topic, int64_t now,
                       enum websub_change *ret_change);

/* The hub that is asked next, of those the feed names; to be freed. P->hubs is not NULL. */
char *websub_hub(const struct td_push *p);
/* Makes P->asked: the hub whose turn it is, a new key from RANDOM, and a secret if it may be sent
 * to URL, where that hub is asked (websub_hub, or its https address). PROXIED: by way of a proxy.
 */
void websub_ask(struct td_push *p, const char *url, bool proxied, const char *callback,
                const unsigned char random[WEBSUB_RANDOM_BYTES], int64_t now);
/* The hub sends the request for P->asked on to URL: where its secret may not be sent it has none
 * from now on, and the form is to be made again. False: nothing is asked any more, for the hub has
 * verified or denied it already. */
bool websub_redirected(struct td_push *p, const char *url, bool proxied);
/* The form of a request for P->asked (subscribe) or P->left (unsubscribe), for the caller to free:
 * application/x-www-form-urlencoded (WebSub 5.1). */
char *websub_form(const struct td_push *p, bool subscribe);
/* The hub's answer to it: OK (any 2xx), or ERR and the status (0 = none came) and Retry-After. May
 * come after the verification. */
enum websub_change websub_answered(struct td_push *p, bool subscribe, bool ok, int status,
                                   int64_t retry_after_at, const struct td_err *err, int64_t now);

/* The hub asks (GET) under KEY. LEASE_S: hub.lease_seconds, -1 = not given. True: yes, the answer
 * is its challenge; else 404. */
bool websub_verify(struct td_push *p, const char *key, const char *mode, const char *topic,
                   int64_t lease_s, int64_t now, enum websub_change *ret_change);
/* hub.mode=denied under KEY, at any time. False: not of ours, 404. */
bool websub_denied(struct td_push *p, const char *key, const char *topic, const char *reason,
                   int64_t now, enum websub_change *ret_change);

enum websub_delivery {
    WEBSUB_TAKE, /* signed by the hub: parse it as if it had been fetched */
    WEBSUB_HINT, /* no secret was given: fetch the feed */
    WEBSUB_BAD,  /* signature missing, wrong or unknown: 2xx, and ignored */
    WEBSUB_GONE, /* under a key that was given up: 410 */
};
/* A push under KEY, which is one of P's. SIGNATURE: X-Hub-Signature, NULL = none. The comparison
 * takes the same time wherever the difference is. */
enum websub_delivery websub_delivered(const struct td_push *p, const char *key,
                                      const char *signature, const void *body, size_t n);
/* A push was taken and had N_NEW items; a hint counts as one. */
void websub_told(struct td_push *p, int n_new, int64_t now);
/* A poll has found N_NEW items. WATCHED: we have been listening since the poll before. */
void websub_polled(struct td_push *p, int n_new, bool watched, int64_t now);
/* Has a daemon been listening since SINCE (TD_NEVER: no), the good poll before NOW? Restarts do not
 * count while they were short, else a daemon that is restarted daily never found a hub out. */
bool websub_listened(const struct td_push *p, int64_t since, int64_t now);
/* The daemon goes down in good order. When it is killed, what it noted last holds. */
void websub_rests(struct td_push *p, int64_t now);
/* It is back, and P as it was stored. */
void websub_woke(struct td_push *p, int64_t now);

/* Until when polls are only there to look after the hub; TD_NEVER = they are needed. */
int64_t websub_relied_until(const struct td_push *p, int64_t now);

#endif
