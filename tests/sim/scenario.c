#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY(a, n, max) ((n) < (max) ? &(a)[(n)++] : NULL)

static bool known(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

/* One statement; false when it is none. */
static bool take(struct scenario *s, char *line, int number)
{
    static const char *const traits[] = {"max-age", "ttl", "update", "status", "flaky", NULL};
    static const char *const events[] = {"restart", "down", "sleep", "clock", "import", NULL};
    struct trait t = {0};
    struct event e = {0};
    struct expectation x = {.line = number};
    if (sscanf(line, "days %lf", &s->days) == 1 ||
        sscanf(line, "feeds %d hosts %d", &s->feeds, &s->hosts) == 2 ||
        sscanf(line, "rate %lf %lf", &s->rate_min, &s->rate_max) == 2 ||
        sscanf(line, "strict %d %lf", &s->strict_feeds, &s->strict_s) == 2 ||
        sscanf(line, "site %lf", &s->site_s) == 1)
        return true;
    if (sscanf(line, "share %lf %15s %lf", &t.share, t.name, &t.value) == 3) {
        struct trait *to = ARRAY(s->traits, s->n_traits, MAX_TRAITS);
        return to && known(t.name, traits) && (*to = t, true);
    }
    if (sscanf(line, "at %lf %15s %lf", &e.day, e.name, &e.value) >= 2) {
        struct event *to = ARRAY(s->events, s->n_events, MAX_EVENTS);
        return to && known(e.name, events) && (*to = e, true);
    }
    if (sscanf(line, "expect %31s %2[<>=] %lf", x.metric, x.op, &x.value) == 3) {
        struct expectation *to = ARRAY(s->expect, s->n_expect, MAX_EXPECT);
        return to && (*to = x, true);
    }
    return false;
}

void scenario_read(struct scenario *s, const char *path)
{
    char line[200];
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(64);
    }
    *s = (struct scenario){0};
    for (int n = 1; fgets(line, sizeof line, f); n++) {
        line[strcspn(line, "#\n")] = 0;
        if (line[strspn(line, " \t")] && !take(s, line, n)) {
            fprintf(stderr, "%s:%d: not understood: %s\n", path, n, line);
            exit(64);
        }
    }
    fclose(f);
    if (s->days <= 0 || s->feeds <= 0 || s->hosts <= 0 || !s->n_expect) {
        fprintf(stderr, "%s: days, feeds, hosts and something to expect are needed\n", path);
        exit(64);
    }
}
