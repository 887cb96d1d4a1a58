#include "parse/rules.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/str.h"

static const struct rule *const tables[] = {
    rules_rss,     rules_atom,  rules_dublincore, rules_content, rules_itunes,
    rules_podcast, rules_media, rules_geo,        rules_small,
};

/* A hash over (namespace, name), filled once; each slot points at a NULL-terminated run of rules.
 */
#define SLOTS     1024u
#define MAX_RULES 512u

static const struct rule *const *slots[SLOTS];
static const struct rule *runs[2 * MAX_RULES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static unsigned hash(enum ns ns, const char *name)
{
    unsigned h = 2166136261u ^ (unsigned)ns;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h % SLOTS;
}

static unsigned slot_of(enum ns ns, const char *name)
{
    unsigned i = hash(ns, name);
    while (slots[i] && (slots[i][0]->ns != ns || !str_eq(slots[i][0]->name, name)))
        i = (i + 1) % SLOTS;
    return i;
}

static void fill(void)
{
    size_t used = 0;
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct rule *first = tables[t]; first->name; first++) {
            unsigned slot = slot_of(first->ns, first->name);
            if (slots[slot])
                continue;
            const struct rule **run = &runs[used];
            for (size_t u = t; u < ARRAY_SIZE(tables); u++)
                for (const struct rule *r = tables[u]; r->name; r++)
                    if (r->ns == first->ns && str_eq(r->name, first->name) &&
                        used + 1 < ARRAY_SIZE(runs))
                        runs[used++] = r;
            used++; /* the NULL behind the run */
            slots[slot] = run;
        }
}

const struct rule *const *rules_find(enum ns ns, const char *name)
{
    pthread_once(&once, fill);
    if (ns == NS_ATOM03)
        ns = NS_ATOM;
    return slots[slot_of(ns, name)];
}
