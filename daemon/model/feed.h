/*
 * feed.h - what is known of one feed: what the user asked for, and how fetching it has gone.
 *
 * td_feed_conf comes from the config or from `tidings add` and never changes by itself.
 * td_feed_state is what the last fetches taught; the store keeps it, in the same transaction as the
 * items.
 */
#ifndef TIDINGS_MODEL_FEED_H
#define TIDINGS_MODEL_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/limits.h"
#include "model/access.h"
#include "model/entry.h"

enum td_source {
    TD_SOURCE_HTTP, /* http: or https: */
    TD_SOURCE_FILE, /* file: only from the config; url holds "file:" + absolute path */
    TD_SOURCE_EXEC, /* exec: only from the config; url holds "exec:" + argv joined by space */
};

/* What became of a feed: told once, as an event of the log. The order is part of the store's
 * format: append only (the numbers before are events of items). */
enum td_feed_event {
    TD_FEED_NO_EVENT,
    TD_FEED_MOVED = 3, /* asked at another address from now on (schedule/move.h) */
    TD_FEED_GONE,      /* 410 confirmed */
    TD_FEED_DEAD,      /* failing for LIMIT_DEAD_MS */
    TD_FEED_RECOVERED, /* works again after that */
};

enum td_origin { TD_ORIGIN_CONFIG, TD_ORIGIN_API };

/* Values of td_feed_conf that are not set (inherit [defaults]) do not exist: config/ resolves them.
 */
struct td_feed_conf {
    int n_more;  /* holders beside the first, see td_feed_conf_share */
    char *name;  /* unique; the section's name, or made from the URL */
    char *url;   /* absolute, without a user name; never NULL */
    char *title; /* the user's title, NULL = the feed's own */
    char *tags;  /* joined by '\n', NULL = none */
    char *
        *argv; /* TD_SOURCE_EXEC: NULL-terminated, argv[0] an absolute path or looked up in PATH */
    struct td_access *access; /* credentials, certificates, proxy; NULL = none */
    enum td_source source;
    enum td_origin origin;
    bool enabled;
    bool ignore_hints;        /* `hints = ignore`: max-age, ttl, sy and skip hints do not count */
    bool no_push;             /* `push = no`: no subscription at its hub */
    bool robots;              /* `robots = yes`: only what robots.txt allows is asked for */
    int64_t interval_ms;      /* 0 = auto */
    int64_t min_interval_ms;  /* floor that nothing but Retry-After and skip hints raises */
    int64_t move_after_ms;    /* a permanent redirect must have been seen for so long */
    int64_t timeout_ms;       /* whole transfer or command */
    size_t max_body_bytes;    /* decoded */
    int64_t retention_age_ms; /* items first seen longer ago go; 0 = keep */
    int64_t retention_count;  /* newest N stay; 0 = all */
    int64_t backlog_ms; /* on first import, items older than this raise no event; 0 = all raise */
};

struct td_feed_conf *td_feed_conf_copy(const struct td_feed_conf *c);
/* C itself, with one holder more. Holders may read it in any thread, but come and go in one, which
 * alone may change it, and only while no other thread reads. */
struct td_feed_conf *td_feed_conf_share(struct td_feed_conf *c);
/* For each holder; the last one frees it with all strings. Accepts NULL. */
void td_feed_conf_free(struct td_feed_conf *c);
bool td_feed_conf_same(const struct td_feed_conf *a, const struct td_feed_conf *b);

/* How one fetch ended. The order is part of the store's format: append only. */
enum td_outcome {
    TD_OUT_NONE,         /* never fetched */
    TD_OUT_OK,           /* a feed was read (200, file, command) */
    TD_OUT_NOT_MODIFIED, /* 304, or a file with the same time and size */
    TD_OUT_HTTP,         /* an HTTP status that is an error; http_status says which */
    TD_OUT_DNS,          /* the name does not exist (NXDOMAIN) */
    TD_OUT_DNS_TEMP,     /* the resolver gave no answer */
    TD_OUT_CONNECT,
    TD_OUT_TLS,
    TD_OUT_TIMEOUT,
    TD_OUT_TOO_LARGE,
    TD_OUT_INCOMPLETE, /* cut body or document; items may have been used */
    TD_OUT_REFUSED,    /* the address guard, the scheme rule or robots.txt said no */
    TD_OUT_REDIRECT,   /* too many, a loop, or a forbidden one */
    TD_OUT_PROTOCOL,   /* an answer that is not HTTP, bad encoding, 304 unasked for */
    TD_OUT_NOT_A_FEED, /* parsed, but no feed */
    TD_OUT_PARSER,     /* the parser died or ran out of time on it */
    TD_OUT_SOURCE,     /* file or command: cannot be read, exit status */
    TD_OUT_GONE,       /* 410 */
    TD_OUT_N,
};
/* "ok", "not-modified", "http", ... : the machine's name, used in logs, metrics and the API. */
const char *td_outcome_name(enum td_outcome o);
static inline bool td_outcome_good(enum td_outcome o)
{
    return o == TD_OUT_OK || o == TD_OUT_NOT_MODIFIED;
}

/* What one fetch was, for `tidings why`. */
struct td_fetch_note {
    int64_t at;
    int32_t duration_ms;
    int32_t n_new;
    uint32_t bytes;      /* on the wire */
    int16_t http_status; /* 0 = none */
    uint8_t outcome;     /* enum td_outcome */
};

/* Opaque bytes, echoed exactly (RFC 9110 8.8, 13.1); an atomic pair that belongs to `url`. */
struct td_validators {
    char *etag;          /* NULL = none */
    char *last_modified; /* NULL = none */
};

#define TD_WHY_EXPIRES "publisher's Expires after" /* in td_feed_state.why */

struct td_feed_state {
    int64_t feed_id; /* 0 = not in the store yet */
    int64_t next_due_at;
    int64_t last_fetch_at;   /* TD_NEVER before the first */
    int64_t last_success_at; /* last OK or NOT_MODIFIED */
    int64_t last_new_at;     /* last time an item was new */
    int64_t failing_since;   /* TD_NEVER while it works */
    int32_t n_failures;      /* in a row */
    int32_t n_unchanged;     /* polls in a row without a new item */
    bool imported;           /* the first document has been stored: no backlog rule any more */
    bool gone;               /* 410 confirmed: not polled any more */

    struct td_validators val;
    int64_t max_age_ms; /* freshness of the last answer (max-age, Expires - Date); 0 = none given */
    bool by_expires;    /* that was an Expires. Stored as far as `why` names it */
    int64_t retry_after_at; /* TD_NEVER, or the server's "not before" */
    struct td_hints hints;  /* of the last document */
    double rate_per_day;    /* learned: items per day, exponentially weighted; < 0 = nothing learned
                               yet */
    int64_t rate_at;        /* when rate_per_day was last updated */

    char *title; /* the feed's own, NULL before the first document */
    char *home_page_url;
    char *url; /* asked in place of the conf's: moved there, or found on its page; NULL = none */
    bool url_found;       /* the conf's is a page that names its feed */
    char *moved_to;       /* 301/308 seen, not yet adopted (FETCHING B12) */
    int64_t moved_since;  /* first poll that saw it */
    int32_t moved_seen;   /* polls in a row that saw it */
    char *push;           /* the text of its WebSub subscription (model/push.h), given when loaded;
                             NULL = none */
    int64_t pushed_until; /* TD_NEVER, or until when a hub that has proved itself tells what is new:
                             polls only look whether it does. Not stored: follows from push */
    char *error;          /* the last failure in words, NULL when the last fetch was good */
    char *why;            /* the terms of next_due_at in words (schedule/policy.h) */

    /* The last fetches, newest first, at most LIMIT_FEED_HISTORY; NULL = none. The store keeps them
     * all: whoever holds a state for its next fetch needs no more than td_feed_state_slim leaves.
     */
    struct td_fetch_note *history;
    int32_t n_history;
};

/* A state of a feed that was never fetched: due at once, nothing known. */
void td_feed_state_init(struct td_feed_state *s);
/* Frees what only people read and the store keeps: title, home_page_url, why, and all of the
 * history but its newest note or an unbroken run of 410s. A resting feed is held so: half a
 * kilobyte less. */
void td_feed_state_slim(struct td_feed_state *s);
/* Frees what it points to. */
void td_feed_state_fini(struct td_feed_state *s);
/* Deep copy; *DST must be initialised or zero and is replaced. */
void td_feed_state_copy(struct td_feed_state *dst, const struct td_feed_state *src);
/* The newest note; one of outcome NONE when there is none. Borrowed. */
const struct td_fetch_note *td_feed_state_last(const struct td_feed_state *s);
/* Puts NOTE first into the history. */
void td_feed_state_note(struct td_feed_state *s, const struct td_fetch_note *note);

/* URL as it may be shown and logged: without the user name and password of an http address (gives).
 */
char *td_url_public(const char *url);

#endif
