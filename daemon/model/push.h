/*
 * push.h - what is known of a feed's push (WebSub, W3C Recommendation 2018-01-23): the hubs that
 * the feed names and our subscription at one of them.
 *
 * Plain data. fetch/websub.h decides what happens to it; the store keeps its text beside the feed,
 * secrets included: they are needed to know a hub again after a restart, and no output shows them.
 */
#ifndef TIDINGS_MODEL_PUSH_H
#define TIDINGS_MODEL_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct jw;

#define TD_PUSH_KEY_BYTES 48 /* of a key: 24 random bytes in hex */

/* One subscription as a hub knows it. It is there when key is not NULL. */
struct td_push_sub {
    char *hub;      /* where it was asked for */
    char *topic;    /* the feed's rel=self, byte for byte */
    char *callback; /* the whole URL; ends with the key */
    char *key;      /* TD_PUSH_KEY_BYTES of lower-case hex: the hub's only credential */
    char *secret;   /* the key of its signatures; NULL: none was given (FETCHING E2) */
};

struct td_push {
    char *hubs;  /* those that the feed names now, joined by '\n'; NULL = none any more */
    char *topic; /* its rel=self now */
    struct td_push_sub live;  /* verified: the hub tells what is new until lease_until */
    struct td_push_sub asked; /* requested, not verified yet; beside `live` while that is renewed */
    struct td_push_sub left;  /* given up: the hub is told so, and may ask whether we mean it */
    int64_t lease_until;      /* of `live` */
    int64_t lease_ms;         /* as it was granted */
    int64_t live_since;       /* first verification of an unbroken row of leases */
    int64_t renew_at;         /* when `live` is to be renewed */
    int64_t asked_at;         /* when the hub took the request `asked`; TD_NEVER = not yet */
    int64_t verified_at;      /* of `live`: until a while later the hub may ask again */
    int64_t left_until;       /* when `left` is forgotten */
    int64_t left_at;          /* no request to end it before this; TD_NEVER = at once */
    int64_t retry_at;         /* no request for `live` before this; TD_NEVER = at once */
    int64_t distrusted_until; /* TD_NEVER, or until when we do without a hub that lies */
    int64_t last_push_at;     /* last push that was taken; TD_NEVER = none */
    int64_t suspect_at;       /* a poll found what no push has told so far; TD_NEVER = no */
    int64_t heard_until;      /* of `live`: the daemon listened until then at least */
    int32_t n_failures;       /* requests in a row that came to nothing: back-off */
    int32_t n_short;          /* leases in a row that were too short to rely on */
    int32_t n_misses;         /* polls that found what no push had told */
    int32_t n_told;           /* new items of pushes since the last poll */
    int32_t deaf_s;           /* seconds since the last poll in which no daemon ran */
    int32_t left_tries;       /* requests to end `left` so far */
    char *error;              /* why there is no `live`, in words; NULL = none is known */
};

/* Nothing known: all times TD_NEVER. */
void td_push_init(struct td_push *p);
void td_push_fini(struct td_push *p);
void td_push_sub_fini(struct td_push_sub *s);

/* As text for the store ("name value" lines; only what is set). */
void td_push_write(const struct td_push *p, struct buf *out);
/* Reads TEXT into P, which is initialised first. Lines that are not understood (of a newer version,
 * or damaged) are left out; half a subscription is none. */
void td_push_read(struct td_push *p, const char *text);

/* "live" (its lease may have ended while no daemon ran), "asked", "distrusted", "failed", "offered"
 * (nothing was asked yet) or "none". */
const char *td_push_state(const struct td_push *p);
/* The member "push" of a feed's JSON object; nothing when P knows no hub. No secret, key or
 * callback. */
void td_push_json(struct jw *w, const struct td_push *p);

#endif
