/*
 * schedule.h - which feed may start now: a due-time heap with a queue for each host.
 *
 * Loop thread, no clock of its own, no I/O. A feed is a node embedded in the caller's struct. It is
 * in one place: waiting for its time, ready in its host's queue, or running (taken by
 * schedule_next, holding a place at its host until schedule_done). The caller bounds the total
 * number of running feeds.
 *
 * Three rules decide what starts:
 * - its time has come; hosts take turns, each host's feeds go in order of time, but those that a
 *   person asked for (a time of 0) first;
 * - its host has a place (per_host; LIMIT_STREAMS when it speaks HTTP/2) and is open
 *   (host_spacing_ms since its last start, schedule_hold_host), and so is each group of hosts that
 *   share one budget (FETCHING f): the hosts of a [site] of the config; without one, those of one
 *   registrable domain, and those at one address, when they are more than LIMIT_SHARED_HOSTS;
 * - when it is overdue, its turn in the pace has come: feeds that are due already when they are
 *   added or moved, and feeds that nobody asked for within 30 s of their time (the machine slept),
 *   start at starts_per_s together, the smallest time first. A person's `add` or `refresh` can thus
 *   go first by passing a time of 0. Feeds without a host are not paced.
 *
 * A server that answers 429 to two feeds is left alone for as long as it says, and asked more
 * slowly from then on: how slowly follows from what it had served until then (slowdown.h). That
 * heals with time.
 *
 * A clock that jumps back by more than a minute moves everything that waits back with it, so that
 * nothing waits longer than it would have; one that jumps forward makes feeds overdue, which are
 * paced.
 */
#ifndef TIDINGS_SCHEDULE_SCHEDULE_H
#define TIDINGS_SCHEDULE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/fetch.h"
#include "model/site.h"

struct schedule;
struct sched_host;

struct sched_node {
    int64_t due_at;
    uint32_t heap_pos; /* private, as all below but kind */
    uint8_t where;
    uint8_t kind;                   /* the caller's own: what the node is part of */
    struct sched_host *host, *home; /* where it queues now; where it belongs */
    struct sched_node *prev, *next;
};

struct schedule_conf {
    int per_host;                /* running at once per host */
    int64_t host_spacing_ms;     /* between starts at one host */
    int starts_per_s;            /* pace for overdue feeds after start, sleep or import; 0 = none */
    int doubtful_max;            /* running at once at doubtful hosts; 0 = no limit of its own */
    const struct td_site *sites; /* copied */
    size_t n_sites;
    /* Called when what was learned of a server has changed; may be NULL. It must not call back. */
    void (*learned)(void *ctx, const struct td_learned *l);
    void *learned_ctx;
};

struct schedule *schedule_new(const struct schedule_conf *conf);
void schedule_free(struct schedule *s); /* nodes are the caller's */
void schedule_configure(struct schedule *s, const struct schedule_conf *conf);

/* Adds a node due at AT. HOST is "host:port" in lower case (schedule_host_key), NULL for files and
 * commands: no host rules. A zeroed node is fine. AT of TD_NEVER parks it (here and below): it
 * starts only after schedule_move (feeds that are disabled or gone). */
void schedule_add(struct schedule *s, struct sched_node *n, const char *host, int64_t at);
/* Takes a node out, wherever it is (a running one gives its host's place back). */
void schedule_remove(struct schedule *s, struct sched_node *n);
/* Moves a waiting node to another time. A ready one only goes to the front of its queue, when AT is
 * 0; a running one is left alone. */
void schedule_move(struct schedule *s, struct sched_node *n, int64_t at);

/* The next feed that may start at NOW, now running; NULL when there is none, and *RET_WAKE_AT
 * (TD_NEVER = never) is when to ask again unless schedule_done or schedule_add happens first. Hosts
 * take turns. */
struct sched_node *schedule_next(struct schedule *s, int64_t now, int64_t *ret_wake_at);
/* A running feed has ended; it waits for AT. */
void schedule_done(struct schedule *s, struct sched_node *n, int64_t now, int64_t at);
/* A running feed follows a redirect to another host: gives its place back and queues there, at the
 * front. It comes back through schedule_next. */
void schedule_hop(struct schedule *s, struct sched_node *n, const char *host, int64_t now);
/* A running feed cannot start after all (back-pressure): back to the front of its queue. */
void schedule_unstart(struct schedule *s, struct sched_node *n);
/* The host of N, which runs but has not connected yet, is at ADDRESS ("192.0.2.1:443"). False: that
 * address has no room now; the caller calls schedule_unstart. */
bool schedule_at(struct schedule *s, struct sched_node *n, const char *address, int64_t now);
/* A feed of N's host was asked at AT, before this schedule was made: its spacing still counts. */
void schedule_asked(struct schedule *s, struct sched_node *n, int64_t at);
/* The robots.txt of the host that N, which runs, is at asks for so long between two requests
 * (Crawl-delay): that is its spacing if it is longer, from its last request on, until told anew or
 * schedule_configure. */
void schedule_crawl_delay(struct schedule *s, const struct sched_node *n, int64_t ms);
/* Brings back what `learned` had told; before the feeds are added. */
void schedule_recall(struct schedule *s, const struct td_learned *kept, int64_t now);
/* Nothing starts at the host before AT. It does not need to be known yet. */
void schedule_hold_host(struct schedule *s, const char *host, int64_t at);

/* N, which runs, was answered 429 by the host it is at now, so it answers: not before AT. One
 * feed's limit is its own (a route may be limited alone); when a second feed meets one there before
 * the first is over, and the host answered nobody in between, it is the host's: nothing starts
 * there before AT (FETCHING b), and it is asked more slowly from then on. In the same way two hosts
 * of a domain or address, or two feeds of a [site], speak for the whole group. */
void schedule_limited(struct schedule *s, const struct sched_node *n, int64_t at);
/* The host that N, which runs, is at gave it some answer other than 429: the host as a whole limits
 * nobody, and is known to answer. MULTIPLEXES: by HTTP/2. */
void schedule_answered(struct schedule *s, const struct sched_node *n, bool multiplexes);
/* The same of a feed that is only known to have had such an answer before this schedule. */
void schedule_know(struct schedule *s, const struct sched_node *n);
/* The host of N kept us waiting for nothing (no connection, no answer in time), now or when it was
 * last asked before this schedule: it is doubtful until it answers. Hosts that are known to answer
 * go first, those that were not asked yet second; doubtful ones stand back behind both, and
 * doubtful_max requests at most wait for them. */
void schedule_doubt(struct schedule *s, const struct sched_node *n);
enum td_standing schedule_standing(const struct sched_node *n);
/* CROWDED: the places that are left are for hosts that are known to answer. */
void schedule_crowd(struct schedule *s, bool crowded);
/* Are other nodes at the host of N? */
bool schedule_shares_host(const struct sched_node *n);
/* Until when nothing may start at the host, because servers said so; TD_NEVER = they did not. */
int64_t schedule_held_until(const struct schedule *s, const char *host);
/* Adds to OUT, in words, what besides N's own time decides when it may start: groups, what was
 * learned, a hold, feeds before it in the queue. Nothing when there is nothing to tell. */
void schedule_explain(const struct schedule *s, const struct sched_node *n, struct buf *out);

struct schedule_counts {
    size_t waiting, ready, running, hosts;
    int64_t next_due_at; /* TD_NEVER = nothing waits */
};
void schedule_count(const struct schedule *s, int64_t now, struct schedule_counts *ret);

/* "host:port" of an http(s) URL in lower case into BUF; -EINVAL for other URLs. */
int schedule_host_key(const char *url, char *buf, size_t size);

#endif
