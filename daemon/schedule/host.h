/*
 * host.h - hosts and the groups that share a budget; what schedule.c and its neighbours share.
 *
 * A budget is what one server is asked at most: places (requests at once), a spacing, a time before
 * which nothing starts, and what its 429s have taught. Each host has one. A group has one for all
 * its hosts together:
 * - SITE: the hosts of a [site] of the config; it takes the place of their own settings;
 * - DOMAIN: the hosts of one registrable domain, when there are more than LIMIT_SHARED_HOSTS;
 * - ADDRESS: the hosts at one address and port, the same. Not those of a SITE: the user's word
 *   counts.
 *
 * A host with feeds that may start is in the round of hosts. When its turn comes and a group of its
 * has no room, it waits in the queue of that group, which lets its hosts back into the round one by
 * one, as many as it has room for. So a group costs the same with ten hosts as with ten thousand.
 */
#ifndef TIDINGS_SCHEDULE_HOST_H
#define TIDINGS_SCHEDULE_HOST_H

#include "schedule/heap.h"
#include "schedule/schedule.h"
#include "schedule/site.h"
#include "schedule/slowdown.h"
#include "schedule/tally.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#define uthash_malloc(n)  xmalloc(n)
#define uthash_free(p, n) free(p)
#include <uthash.h>

/* A node's place. RESTING ones are told apart by where their links lead. */
enum where {
    OUTSIDE, /* not in this schedule */
    FRESH,   /* just placed: schedule_next will say whether it is overdue */
    WAITING, /* in the heap `waiting` */
    LATE,    /* in the heap `late`, paced */
    PARKED,
    READY, /* in its host's queue */
    RUNNING,
    N_WHERE,
};

struct list {
    struct sched_node *first, *last;
};

/* What is known of a server that limits; most never do. */
struct trouble {
    int64_t hold_at;     /* nothing starts before */
    const void *limited; /* who was answered 429, not before limited_until; only compared */
    int64_t limited_until;
    uint32_t n_limited; /* 429s of this burst */
    struct slowdown slow;
};

enum budget_kind { HOST, SITE, DOMAIN, ADDRESS };

struct budget {
    struct sched_node timer; /* in `timers` until it opens; where = WAITING then */
    struct trouble *trouble; /* NULL = none */
    int64_t next_start_at;   /* TD_NEVER = at any time */
    uint32_t running;
    uint32_t n_burst; /* starts without a pause of BURST_PAUSE_MS; the 429s among them ... */
    int64_t burst_at; /* ... since this one say what the server bears */
    enum budget_kind kind : 8;
};

struct group {
    struct budget b;
    const struct td_site *site;      /* SITE: borrowed of the schedule */
    struct sched_host *first, *last; /* wait here for room */
    uint32_t members, n_let_go;      /* n_let_go: of the queue, back in the round */
    UT_hash_handle hh;               /* schedule.groups, by hash and kind */
    struct group_key {
        uint64_t hash;
        uint64_t kind;
    } key;
    char name[];
};

enum { GROUP_SITE, GROUP_ADDRESS, N_GROUPS }; /* a host's: SITE or DOMAIN, and ADDRESS */

struct sched_host {
    struct budget b;
    struct list ready;
    struct group *groups[N_GROUPS]; /* NULL = none */
    struct group *waits;            /* in whose queue it is, NULL = none */
    struct group *let_go;           /* which has let it back into the round, NULL = none */
    uint64_t domain, address;       /* hashes, 0 = none or not known */
    uint32_t refs;                  /* nodes whose home or present host it is */
    bool in_turn;
    uint8_t standing;               /* enum td_standing */
    bool multiplexes;               /* its last answer came by HTTP/2 */
    int64_t crawl_delay_ms;         /* schedule_crawl_delay; 0 = none */
    struct sched_host *prev, *next; /* in the round, or in the queue of `waits` */
    UT_hash_handle hh;
    char key[];
};

struct schedule {
    struct schedule_conf conf; /* its sites are ours */
    int64_t now;               /* the latest time seen; TD_NEVER before the first */
    struct list fresh;
    struct heap waiting, late, timers; /* timers holds budgets' timer nodes */
    int64_t pace_at_us;                /* when the next overdue feed may go */
    struct sched_host *hosts;          /* by key */
    struct sched_host *local;          /* of nodes without a host */
    struct turn {
        struct sched_host *first, *last;
    } turns[TD_STANDINGS]; /* the rounds of hosts that may start */
    unsigned n_turns;      /* starts so far, to give all rounds their share */
    uint32_t n_doubtful;   /* requests that run at doubtful hosts */
    bool crowded;          /* schedule_crowd */
    struct group *groups;
    struct tally domains, addresses; /* hosts of each */
    size_t count[N_WHERE];
};

/* ---- budget.c: one budget. CONF's values are those of the daemon ---------------------------- */
int budget_places(const struct schedule *s, const struct budget *b);
/* The spacing at present, what was learned included. */
int64_t budget_spacing(const struct schedule *s, const struct budget *b);
/* The same without what was learned. */
int64_t budget_set_spacing(const struct schedule *s, const struct budget *b);
bool budget_has_place(const struct schedule *s, const struct budget *b);
/* When it is open again; TD_NEVER or a time that has passed = it is open. */
int64_t budget_open_at(const struct budget *b);
bool budget_is_open(const struct schedule *s, const struct budget *b);
/* When nothing needs to be remembered of it any more; TD_NEVER = at once. */
int64_t budget_over_at(const struct schedule *s, const struct budget *b);
/* A request starts now. */
void budget_start(const struct schedule *s, struct budget *b);
void budget_hold(struct budget *b, int64_t at);
/* 429 to WHO until AT. True: what was learned has changed. */
bool budget_limited(const struct schedule *s, struct budget *b, const void *who, int64_t at);
void budget_answered(struct budget *b);
/* A request started at AT. */
void budget_asked(const struct schedule *s, struct budget *b, int64_t at);
/* A start that was none. */
void budget_unstart(const struct schedule *s, struct budget *b);
/* Hands what was learned to CONF.learned. */
void budget_tell(const struct schedule *s, const struct budget *b);
void budget_recall(struct budget *b, const struct td_learned *l);
/* Of a td_learned.key, which becomes the name. */
enum budget_kind budget_kind_of(const char **key);
/* Everything in it moves by DELTA. */
void budget_shift(struct budget *b, int64_t delta);
void budget_fini(struct schedule *s, struct budget *b);
const char *budget_name(const struct budget *b);

/* ---- host.c: hosts, groups, the round -------------------------------------------------------- */
/* KEY NULL: the one of files and commands. */
struct sched_host *host_get(struct schedule *s, const char *key);
struct sched_host *host_new_local(void);
void host_free(struct schedule *s, struct sched_host *h);
/* Puts the host where it belongs after any change: in the round when a feed of it may start, on a
 * timer when one may later. A host nobody needs is freed, once all that is known of it is over. */
void host_settle(struct schedule *s, struct sched_host *h);
void host_unref(struct schedule *s, struct sched_host *h);
/* The next host of which a feed may start now, NULL = none. */
struct sched_host *host_next(struct schedule *s);
/* A feed of it starts; gives the round on. */
void host_start(struct schedule *s, struct sched_host *h);
/* A feed of it runs no longer. */
void host_end(struct schedule *s, struct sched_host *h);
/* A feed of it has not started after all. The caller settles the host. */
void host_unstart(struct schedule *s, struct sched_host *h);
/* H is at this address. */
void host_set_address(struct schedule *s, struct sched_host *h, const char *address);
void host_set_standing(struct schedule *s, struct sched_host *h, enum td_standing standing);
/* A budget's timer has rung. */
void host_on_timer(struct schedule *s, struct sched_node *timer);
/* The settings have changed. */
void host_reconfigure(struct schedule *s);
/* The group of a kind by name; made if need be. Groups nobody needs are freed. */
struct group *group_get(struct schedule *s, enum budget_kind kind, const char *name, size_t n);
void group_settle(struct schedule *s, struct group *g);
void group_free(struct schedule *s, struct group *g);

#endif
