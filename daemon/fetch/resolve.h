/*
 * resolve.h - host names to addresses, on threads, because getaddrinfo blocks.
 *
 * libcurl could do this itself, but then it starts a thread per transfer without bound, runs the
 * transfer's timeout while names wait, and does not tell "no such name" from "no answer"
 * (FETCHING L6, "DNS NXDOMAIN like 404; SERVFAIL and timeouts like 5xx"). Here at most
 * LIMIT_RESOLVERS threads run, questions about one name are merged, and answers are kept for
 * LIMIT_NAME_KEPT_MS. A thread that is at one name for LIMIT_BRISK_MS is stuck: another one takes
 * its place (LIMIT_RESOLVERS_STUCK at most). Names of doubtful hosts get half of the places at
 * most, and with those of strange ones no more than may be stuck, so that name servers that do not
 * answer delay no other names. Threads end when there is nothing to do; one that hangs in the
 * system's resolver is left behind when the resolver is freed and frees its part itself.
 *
 * All functions: loop thread only.
 */
#ifndef TIDINGS_FETCH_RESOLVE_H
#define TIDINGS_FETCH_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "model/fetch.h"

#define RESOLVE_TEXT_BYTES 1024 /* addresses of one name as text: about 20 */

/* Blocks: writes the addresses of HOST, joined by ',', IPv6 in brackets, into TEXT, and returns 0
 * or an EAI_ code of getaddrinfo(3). Called on any thread. */
typedef int resolve_fn(const char *host, char *text, size_t size);
/* ERROR 0: ADDRESSES (borrowed). Otherwise an EAI_ code. */
typedef void resolved_fn(void *ctx, int error, const char *addresses);

struct resolver;
struct lookup;

/* BLOCKING NULL: getaddrinfo, but for localhost, which is the loopback addresses always. */
struct resolver *resolver_new(struct ev_loop *loop, resolve_fn *blocking);
/* Drops all questions without callbacks; does not wait for threads. Accepts NULL. */
void resolver_free(struct resolver *r);

/* The addresses when they are known already (borrowed until the next call), else NULL. */
const char *resolver_known(struct resolver *r, const char *host);
/* Asks, in the order of STANDING; DONE comes later, once, from the loop, and ends the lookup.
 * It may ask and cancel others, but not free the resolver. */
struct lookup *resolver_ask(struct resolver *r, const char *host, enum td_standing standing,
                            resolved_fn *done, void *ctx);
/* For how long a thread has been at it; -1 while the question waits for one. */
int64_t lookup_running_ms(const struct lookup *l);
/* The answer is not wanted any more. */
void lookup_cancel(struct lookup *l);

#endif
