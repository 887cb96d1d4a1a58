/*
 * hop.h - one hop over http or https, between request.c (its way from start to end) and hop_curl.c
 * (what curl is told, and what it hands over). Nobody else includes it.
 *
 * Easy handles are kept for use again with everything set that is the same for all requests
 * (hop_dress): to reset one and set it all anew costs as much as a quarter of what curl does
 * with it. What a request sets beyond that is either set by each (hop_set) or makes the handle
 * `altered`.
 */
#ifndef TIDINGS_FETCH_HOP_H
#define TIDINGS_FETCH_HOP_H

#include <netinet/in.h>

#include "fetch/fetcher.h"
#include "fetch/gunzip.h"
#include "fetch/head.h"

struct hop {
    struct fetch base;
    struct lookup *lookup; /* while the name is looked up */
    ev_timer lookup_timer;
    char *host; /* lower case, as curl will look for it; NULL = an address */
    char *port;
    CURL *easy;                  /* while curl has it */
    struct curl_slist common[3]; /* the lines of every GET; HEADERS begins with them */
    struct curl_slist *headers;  /* all lines; those behind COMMON are owned */
    struct curl_slist *resolve;  /* owned */
    struct head head;
    struct gunzip *gunzip; /* the body's coding is ours to decode; made when it begins */
    char curl_error[CURL_ERROR_SIZE];
    bool conditional, delta, too_large, bad_coding;
    bool altered;          /* EASY has options that the next request must not find */
    bool single_use;       /* EASY is not for use again */
    struct replay *replay; /* the other side, when the answer is a recorded one */
    int n_sockets;         /* addresses that were let pass */
    int n_sent;            /* times the request went out */
    const char *refused;   /* the guard's word for the last one that was not */
    char refused_ip[INET6_ADDRSTRLEN];
};

/* Everything that is the same for all requests, in a new or reset handle. */
void hop_dress(CURL *easy);
/* P's request, in p->easy, with the addresses found (NULL: the URL names one itself). */
void hop_set(struct hop *p, const char *addresses);
/* Takes out of p->easy what belongs to P, and frees it. */
void hop_unset(struct hop *p);

#endif
