/*
 * scenario.h - a scenario of the simulation: a text file, one statement a line, # begins a comment.
 *
 *     days 365
 *     feeds 1000 hosts 700           later: more of them are added by `at DAY import N`
 *     rate 0.02 48                   items a day, from .. to, spread evenly over the orders
 *     share 0.3 max-age 3600         this part of the feeds gets max-age, ttl or update (seconds),
 *     share 0.1 status 404           or that status for ever,
 *     share 0.1 flaky 5              or a 503 every 5th day
 *     strict 60 60                   60 feeds at one host that answers 429 to what comes sooner
 * than 60 s after what it has served site 60                        and the config's [site] for it,
 * with that host-spacing at 3 restart                   what happens on that day: restart; down,
 * sleep or clock HOURS expect within-1h >= 0.6        see metrics[] in sim_year.c
 */
#ifndef TIDINGS_TESTS_SCENARIO_H
#define TIDINGS_TESTS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_TRAITS = 8, MAX_EVENTS = 32, MAX_EXPECT = 32 };

struct trait {
    double share;
    char name[16];
    double value;
};
struct event {
    double day;
    char name[16];
    double value;
};
struct expectation {
    char metric[32], op[3];
    double value;
    int line;
};

struct scenario {
    double days, rate_min, rate_max;
    int feeds, hosts, strict_feeds;
    double strict_s, site_s;
    struct trait traits[MAX_TRAITS];
    struct event events[MAX_EVENTS];
    struct expectation expect[MAX_EXPECT];
    size_t n_traits, n_events, n_expect;
};

/* Reads PATH; exits with a message that names file and line when it is not understood. */
void scenario_read(struct scenario *s, const char *path);

#endif
