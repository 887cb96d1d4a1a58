/*
 * outcome.h - what an answer means: pure functions from header lines and curl codes to td_result.
 */
#ifndef TIDINGS_FETCH_OUTCOME_H
#define TIDINGS_FETCH_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "fetch/head.h"
#include "model/fetch.h"

/* How a chain of redirects is followed (FETCHING B12 to B15, H1, H4). Zeroed = no hop yet. */
struct redirect_chain {
    int hops;
    bool all_permanent; /* every hop so far was 301 or 308; meaningful when hops > 0 */
};
/* May FROM redirect to TO? Counts the hop and returns 0, or fills ERR and returns -ELOOP (too many
 * or back to an address of this chain is detected by count) or -EPERM (scheme, https to http). */
int outcome_redirect(struct redirect_chain *chain, const char *from, const char *to, bool permanent,
                     struct td_err *err);

/* Caching as the header says it: Cache-Control over all its lines, max-age before Expires - Date of
 * the same answer, Age subtracted, of several max-ages the smallest, s-maxage ignored (RFC
 * 9111 4.2, 5.2, 5.3; FETCHING B2 to B5). */
struct td_freshness outcome_freshness(const struct head *h, int64_t now_ms);

/* When the server wants to be asked again: TD_NEVER = it did not say or not readably. Seconds count
 * from NOW_MS, a date is taken relative to the answer's own Date, so that a wrong clock there does
 * not matter. Never in the past, at most LIMIT_RETRY_AFTER_MS ahead; of several the latest. */
int64_t outcome_retry_after(const struct head *h, int64_t now_ms);

/* LOCATION against BASE: an absolute URL without fragment, to be freed, or NULL. User and password
 * of BASE go along only to the same scheme, host and port; those in LOCATION never count
 * (FETCHING H3). */
char *outcome_location(const char *base, const char *location);

/* URL without user, password and fragment, for people to read; to be freed. Never NULL. */
char *outcome_public_url(const char *url);

/* Do two URLs have the same scheme, host and port? */
bool outcome_same_origin(const char *a, const char *b);
/* The host of a URL as curl asks for it (IDNA, numeric forms as dotted quads); "" = cannot be read
 * (gives). LC_CTYPE must be UTF-8. */
char *outcome_host(const char *url);

/* What the transfer was. */
struct exchange {
    CURLcode code;
    const struct head *head;
    const char *url;
    const char *curl_error; /* curl's own words, "" = none */
    int os_errno;           /* of a failed connection, 0 = unknown */
    int64_t now_ms;
    int64_t timeout_ms;
    size_t max_body_bytes;
    bool post;              /* only the status counts */
    bool tls_verified;      /* if it was https: by an authority, not by a pinned key */
    bool conditional;       /* validators were sent */
    bool delta;             /* A-IM: feed was sent: 226 is an answer (RFC 3229) */
    bool cut_coding;        /* the content coding ends in the middle */
    bool too_large;         /* we ended it: the body passed its limit */
    const char *refused;    /* the guard's answer when it let no address pass, NULL = none */
    const char *refused_ip; /* the address it refused last */
    const char *proxy;      /* the connection went there, NULL = straight to the host */
    const char *bound_to;   /* the feed's credentials were not sent: they belong there; NULL = sent,
                               or there are none */
    bool let_in;            /* credentials were sent */
};

/* Fills R but for wire_bytes and duration: outcome, status, words, validators, freshness, redirect.
 * R holds the body that came; it is freed unless the outcome is OK or INCOMPLETE. */
void outcome_judge(struct td_result *r, const struct exchange *x);

#endif
