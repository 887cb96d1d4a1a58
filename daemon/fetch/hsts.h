/*
 * hsts.h - HTTP Strict Transport Security (RFC 6797): which hosts are asked over https only. Pure.
 *
 * A host says so in an answer over TLS (Strict-Transport-Security), for a time, perhaps with all
 * hosts below it. An http address of such a host is read as the https one (8.3); what is stored of
 * the feed stays as it is. Hosts that are addresses are never remembered (8.1.1). At most
 * LIMIT_HSTS_HOSTS are: then new ones are not, until some have run out.
 */
#ifndef TIDINGS_FETCH_HSTS_H
#define TIDINGS_FETCH_HSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fetch.h"

/* The value of a header field: given is false when it does not follow the grammar (6.1, 8.1). */
struct td_sts hsts_parse(const char *value, size_t n);

struct hsts;

#define HSTS_HOST_BYTES 256 /* with the end; a name has 253 */

struct hsts_host {
    char host[HSTS_HOST_BYTES]; /* lower case */
    int64_t since;              /* when it was told */
    int64_t until;              /* wall clock; 0 = forgotten */
    bool subdomains;            /* all below it as well */
};

struct hsts *hsts_new(void);
void hsts_free(struct hsts *h); /* accepts NULL */

/* URL has answered with STS. True: *RET is to be kept for the next start (or forgotten: until is
 * 0). A host says it with each answer: one that says the same is kept again only after a tenth of
 * its time. */
bool hsts_learn(struct hsts *h, const char *url, const struct td_sts *sts, int64_t now,
                struct hsts_host *ret);
/* What was kept. A time that lies in the future of a clock that went back counts from NOW. */
void hsts_recall(struct hsts *h, const struct hsts_host *kept, int64_t now);
/* The https address to ask in place of URL, to be freed; NULL: URL as it is. RET (may be NULL): the
 * host that has said so, URL's or one above it. */
char *hsts_upgrade(const struct hsts *h, const char *url, int64_t now, struct hsts_host *ret);

#endif
