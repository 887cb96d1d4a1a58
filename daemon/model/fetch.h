/*
 * fetch.h - one exchange with a source: what is asked, what came back.
 *
 * Plain data between flight.c and fetch/. A request is one hop: a redirect comes back as a result,
 * so that every hop passes the scheme rule, the address guard and its own host's queue (FETCHING
 * L1, H4).
 */
#ifndef TIDINGS_MODEL_FETCH_H
#define TIDINGS_MODEL_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/cidr.h"
#include "model/feed.h"

struct td_exchange;

/* Everything is borrowed until the done callback has run. */
/* What the last request to a host says of the next. */
enum td_standing {
    TD_KNOWN,    /* it is answered */
    TD_STRANGE,  /* there was none yet */
    TD_DOUBTFUL, /* it waits in vain */
    TD_STANDINGS,
};

struct td_request {
    enum td_source source;
    const char *url;
    char **argv;               /* TD_SOURCE_EXEC */
    const char *etag;          /* sent as If-None-Match, byte for byte; NULL = not sent */
    const char *last_modified; /* sent as If-Modified-Since; NULL = not sent */
    int64_t timeout_ms;
    size_t max_body_bytes;
    /* The feed's access settings, and the address they belong to: all but the proxy are used only
     * when `url` has its scheme, host and port. NULL = none. */
    const struct td_access *access;
    const char *access_url;
    /* Takes down what goes over the wire; NULL = nobody wants to know. */
    struct td_exchange *record;
    /* The answer comes from this recording and not from any network; NULL = the real thing. */
    const struct td_exchange *replay;
    /* Asked when the host's address is known ("192.0.2.1:443"), before connecting; NULL = not
     * asked. False ends the request with TD_OUT_NONE. It may be called from within fetch_start. */
    bool (*admit)(void *ctx, const char *address);
    void *admit_ctx;
    enum td_standing standing; /* of its host: whose name is looked up first */
    bool shares_host; /* other feeds are at its host: wait for a connection that can carry both */
    /* A POST of these bytes instead of a GET (NULL = GET; "" with 0 bytes is a POST too). Any 2xx
     * is TD_OUT_OK, any other status a failure, also a redirect (of 307 and 308, which ask for the
     * same POST elsewhere, redirect_to says where); of the answer's body nothing is kept. */
    const char *post;
    size_t post_bytes;
    bool options; /* with `post` "": an OPTIONS request instead; any status is told as of a POST */
    /* Header lines of a POST's answer that are kept: TD_WANTED names, NULL = none. */
    const char *const *wanted;
    const char *const *headers; /* of a POST: "Name: value", NULL-terminated; NULL = none */
    const struct cidr *allow;   /* for this request, beside the fetcher's */
    size_t n_allow;
};

/* What the answer's header said about caching, read as FETCHING B2 to B5 say. */
struct td_freshness {
    bool given;         /* max-age or a usable Expires was there */
    int64_t max_age_ms; /* remaining freshness, Age subtracted; 0 with no-store, no-cache */
    bool by_expires;    /* it was Expires */
};

#define TD_WANTED 2

/* Strict-Transport-Security of an answer (fetch/hsts.h). */
struct td_sts {
    bool given; /* over TLS that was verified, and well-formed */
    bool subdomains;
    int64_t max_age_s; /* 0 = forget the host */
};

struct td_result {
    enum td_outcome
        outcome;     /* OK, NOT_MODIFIED, or why it failed; a redirect is TD_OUT_OK + redirect_to */
    int http_status; /* 0 = none */
    char *error;     /* the failure in words, NULL = none */
    struct buf body; /* decoded; only with outcome OK, or INCOMPLETE (what came) */
    char *content_type;               /* header value, NULL = none */
    char *content_location;           /* the same */
    char *link;                       /* all Link header values joined by ", ", NULL = none */
    struct td_validators val;         /* of this answer, also of a 304; empty for errors */
    bool has_etag, has_last_modified; /* a 304 without them keeps the old ones (FETCHING A5) */
    struct td_freshness fresh;
    int64_t retry_after_at;  /* TD_NEVER, or the time the server named (seconds or date) */
    char *redirect_to;       /* absolute URL of a 3xx answer, NULL = no redirect */
    bool redirect_permanent; /* 301 or 308 */
    struct td_sts sts;
    bool multiplexed;        /* the answer came by HTTP/2 */
    char *wanted[TD_WANTED]; /* the values of td_request.wanted, NULL = not there */
    uint64_t wire_bytes;     /* received, header and body */
    int32_t duration_ms;
};

/* Puts the failure in words: one sentence, as base/err.h wants it. */
void td_result_say(struct td_result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same words for who takes an error; "" when there are none. */
struct td_err td_result_err(const struct td_result *r);
/* Frees what it holds. */
void td_result_fini(struct td_result *r);

#endif
