#include "schedule/host.h"

#include <string.h>

#include "base/crypto.h"

#define OTHERS_SHARE 4

/* ---- the round of hosts, and the queues of groups ------------------------------------------- */

static void turn_leave(struct schedule *s, struct sched_host *h)
{
    struct turn *t = &s->turns[h->standing];
    *(h->prev ? &h->prev->next : &t->first) = h->next;
    *(h->next ? &h->next->prev : &t->last) = h->prev;
    h->prev = h->next = NULL;
    h->in_turn = false;
}

static void turn_join(struct schedule *s, struct sched_host *h)
{
    struct turn *t = &s->turns[h->standing];
    h->prev = t->last;
    *(t->last ? &t->last->next : &t->first) = h;
    t->last = h;
    h->in_turn = true;
}

static void queue_join(struct group *g, struct sched_host *h)
{
    h->prev = g->last;
    *(g->last ? &g->last->next : &g->first) = h;
    g->last = h;
    h->waits = g;
}

static void queue_leave(struct sched_host *h)
{
    struct group *g = h->waits;
    *(h->prev ? &h->prev->next : &g->first) = h->next;
    *(h->next ? &h->next->prev : &g->last) = h->prev;
    h->prev = h->next = NULL;
    h->waits = NULL;
}

static void timer_stop(struct schedule *s, struct budget *b)
{
    if (b->timer.where == WAITING)
        heap_remove(&s->timers, &b->timer);
    b->timer.where = OUTSIDE;
}

static void timer_start(struct schedule *s, struct budget *b, int64_t at)
{
    timer_stop(s, b);
    b->timer.due_at = at;
    b->timer.where = WAITING;
    heap_push(&s->timers, &b->timer);
}

/* The place that a group has kept for H is free again: the group to settle, NULL = none. */
static struct group *give_up(struct sched_host *h)
{
    struct group *g = TAKE(h->let_go);
    if (g)
        g->n_let_go--;
    return g;
}

/* ---- groups --------------------------------------------------------------------------------- */

static uint64_t group_hash(const char *name, size_t n)
{
    uint64_t hash = crypto_hash64(name, n);
    return hash ? hash : 1;
}

static struct group *group_find(struct schedule *s, enum budget_kind kind, uint64_t hash)
{
    struct group_key key = {hash, kind};
    struct group *g;
    HASH_FIND(hh, s->groups, &key, sizeof key, g);
    return g;
}

static const struct td_site *site_named(const struct schedule *s, const char *name)
{
    for (size_t i = 0; i < s->conf.n_sites; i++)
        if (strcmp(s->conf.sites[i].name, name) == 0)
            return &s->conf.sites[i];
    return NULL;
}

struct group *group_get(struct schedule *s, enum budget_kind kind, const char *name, size_t n)
{
    uint64_t hash = group_hash(name, n);
    struct group *g = group_find(s, kind, hash);
    if (g)
        return g;
    g = xcalloc(1, sizeof *g + n + 1);
    memcpy(g->name, name, n);
    g->key = (struct group_key){hash, kind};
    g->b.kind = kind;
    g->b.next_start_at = TD_NEVER;
    g->site = kind == SITE ? site_named(s, g->name) : NULL;
    HASH_ADD(hh, s->groups, key, sizeof g->key, g);
    return g;
}

/* How many hosts may be let back into the round. */
static int group_room(const struct schedule *s, const struct group *g)
{
    if (!budget_is_open(s, &g->b))
        return 0;
    int room = budget_places(s, &g->b) - (int)g->b.running;
    if (budget_spacing(s, &g->b) > 0)
        room = MIN(room, 1);
    return room - (int)g->n_let_go;
}

void group_free(struct schedule *s, struct group *g)
{
    timer_stop(s, &g->b);
    HASH_DEL(s->groups, g);
    budget_fini(s, &g->b);
    free(g);
}

void group_settle(struct schedule *s, struct group *g)
{
    for (int room = group_room(s, g); room > 0 && g->first; room--) {
        struct sched_host *h = g->first;
        queue_leave(h);
        h->let_go = g;
        g->n_let_go++;
        turn_join(s, h);
    }
    timer_stop(s, &g->b);
    if (g->first && !budget_is_open(s, &g->b)) {
        timer_start(s, &g->b, budget_open_at(&g->b));
    } else if (!g->members) {
        int64_t until = budget_over_at(s, &g->b);
        if (until > s->now && until != TD_NEVER)
            timer_start(s, &g->b, until);
        else
            group_free(s, g);
    }
}

static void group_join(struct schedule *s, struct group *g, struct sched_host *h, int slot)
{
    h->groups[slot] = g;
    g->members++;
    g->b.running += h->b.running;
}

static void group_leave(struct schedule *s, struct sched_host *h, int slot)
{
    struct group *g = h->groups[slot];
    if (!g)
        return;
    if (h->waits == g)
        queue_leave(h); /* host_settle puts it back into the round */
    if (h->let_go == g)
        give_up(h);
    h->groups[slot] = NULL;
    g->members--;
    g->b.running -= h->b.running;
    group_settle(s, g);
}

static bool has_site(const struct sched_host *h)
{
    return h->groups[GROUP_SITE] && h->groups[GROUP_SITE]->b.kind == SITE;
}

/* H is one more of the hosts with this hash: they become a group when they are many. */
static void group_up(struct schedule *s, struct sched_host *h, int slot, const char *name, size_t n)
{
    bool by_address = slot == GROUP_ADDRESS;
    uint64_t hash = group_hash(name, n), *mine = by_address ? &h->address : &h->domain;
    *mine = hash;
    uint64_t count = tally_add(by_address ? &s->addresses : &s->domains, hash);
    struct group *g = group_find(s, by_address ? ADDRESS : DOMAIN, hash);
    if (g) {
        group_join(s, g, h, slot);
        return;
    }
    if (count <= LIMIT_SHARED_HOSTS)
        return;
    g = group_get(s, by_address ? ADDRESS : DOMAIN, name, n);
    struct sched_host *o, *tmp;
    HASH_ITER (hh, s->hosts, o, tmp)
        if ((by_address ? o->address : o->domain) == hash && !o->groups[slot])
            group_join(s, g, o, slot);
    if (h->groups[slot] != g) /* it is new, and in no map yet */
        group_join(s, g, h, slot);
}

static void ungroup(struct schedule *s, struct sched_host *h, int slot)
{
    uint64_t *mine = slot == GROUP_ADDRESS ? &h->address : &h->domain;
    tally_remove(slot == GROUP_ADDRESS ? &s->addresses : &s->domains, *mine);
    *mine = 0;
    group_leave(s, h, slot);
}

/* Into the group of its site, or else of its domain. */
static void join_site(struct schedule *s, struct sched_host *h)
{
    const struct td_site *site = site_find(s->conf.sites, s->conf.n_sites, h->key);
    size_t n;
    const char *domain = site ? NULL : site_domain(h->key, &n);
    if (site)
        group_join(s, group_get(s, SITE, site->name, strlen(site->name)), h, GROUP_SITE);
    else if (domain)
        group_up(s, h, GROUP_SITE, domain, n);
}

void host_set_address(struct schedule *s, struct sched_host *h, const char *address)
{
    size_t n = strlen(address);
    if (h == s->local || has_site(h) || h->address == group_hash(address, n))
        return;
    ungroup(s, h, GROUP_ADDRESS);
    group_up(s, h, GROUP_ADDRESS, address, n);
    host_settle(s, h);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static struct sched_host *host_new(const char *key)
{
    struct sched_host *h = xcalloc(1, sizeof *h + strlen(key) + 1);
    strcpy(h->key, key);
    h->b.kind = HOST;
    h->b.next_start_at = TD_NEVER;
    h->standing = TD_STRANGE;
    return h;
}

struct sched_host *host_new_local(void)
{
    struct sched_host *h = host_new("");
    h->refs = 1;
    h->standing = TD_KNOWN;
    return h;
}

struct sched_host *host_get(struct schedule *s, const char *key)
{
    struct sched_host *h;
    if (!key)
        return s->local;
    HASH_FIND_STR(s->hosts, key, h);
    if (!h) {
        h = host_new(key);
        join_site(s, h);
        HASH_ADD_STR(s->hosts, key, h);
    }
    return h;
}

void host_free(struct schedule *s, struct sched_host *h)
{
    if (h != s->local)
        HASH_DEL(s->hosts, h);
    timer_stop(s, &h->b);
    ungroup(s, h, GROUP_SITE);
    ungroup(s, h, GROUP_ADDRESS);
    budget_fini(s, &h->b);
    free(h);
}

void host_settle(struct schedule *s, struct sched_host *h)
{
    bool wants = h->ready.first && budget_has_place(s, &h->b);
    bool may = wants && budget_is_open(s, &h->b);
    timer_stop(s, &h->b);
    if (may) {
        if (!h->in_turn && !h->waits)
            turn_join(s, h);
        return;
    }
    if (h->in_turn)
        turn_leave(s, h);
    if (h->waits)
        queue_leave(h);
    struct group *g = give_up(h);
    if (g)
        group_settle(s, g);
    if (wants) {
        timer_start(s, &h->b, budget_open_at(&h->b));
    } else if (!h->refs && h != s->local) {
        int64_t until = budget_over_at(s, &h->b);
        if (until > s->now && until != TD_NEVER)
            timer_start(s, &h->b, until);
        else
            host_free(s, h);
    }
}

void host_unref(struct schedule *s, struct sched_host *h)
{
    h->refs--;
    host_settle(s, h);
}

/* The group that keeps H from starting, NULL = none. Those that wait already go first. */
static struct group *barrier(const struct schedule *s, const struct sched_host *h)
{
    for (int i = 0; i < N_GROUPS; i++) {
        struct group *g = h->groups[i];
        if (!g)
            continue;
        bool open = h->let_go == g ? budget_is_open(s, &g->b) && budget_has_place(s, &g->b)
                                   : group_room(s, g) > 0 && (!g->first || h->let_go);
        if (!open)
            return g;
    }
    return NULL;
}

static bool is_doubtful(const struct sched_host *h)
{
    return h->standing == TD_DOUBTFUL;
}

void host_set_standing(struct schedule *s, struct sched_host *h, enum td_standing standing)
{
    if (h == s->local || h->standing == standing)
        return;
    bool in_turn = h->in_turn;
    if (in_turn)
        turn_leave(s, h);
    s->n_doubtful -= is_doubtful(h) ? h->b.running : 0;
    h->standing = (uint8_t)standing;
    s->n_doubtful += is_doubtful(h) ? h->b.running : 0;
    if (in_turn)
        turn_join(s, h);
}

/* Whose turn it is: known hosts first, doubtful ones last, but for each OTHERS_SHAREth start; and
 * those that are not known never take all places. */
static struct sched_host *next_in_turn(const struct schedule *s)
{
    bool enough = s->conf.doubtful_max > 0 && s->n_doubtful >= (uint32_t)s->conf.doubtful_max;
    struct sched_host *const may[TD_STANDINGS] = {
        [TD_KNOWN] = s->turns[TD_KNOWN].first,
        [TD_STRANGE] = s->crowded ? NULL : s->turns[TD_STRANGE].first,
        [TD_DOUBTFUL] = s->crowded || enough ? NULL : s->turns[TD_DOUBTFUL].first};
    bool turned = s->n_turns % OTHERS_SHARE == 0;
    for (int i = 0; i < TD_STANDINGS; i++)
        if (may[turned ? TD_STANDINGS - 1 - i : i])
            return may[turned ? TD_STANDINGS - 1 - i : i];
    return NULL;
}

struct sched_host *host_next(struct schedule *s)
{
    struct sched_host *h;
    while ((h = next_in_turn(s))) {
        struct group *g = barrier(s, h);
        if (!g)
            return h;
        turn_leave(s, h);
        struct group *left = give_up(h);
        queue_join(g, h);
        group_settle(s, g);
        if (left && left != g)
            group_settle(s, left);
    }
    return NULL;
}

void host_start(struct schedule *s, struct sched_host *h)
{
    turn_leave(s, h); /* to the end of the round, if it may go on at all */
    struct group *g = give_up(h);
    s->n_turns++;
    s->n_doubtful += is_doubtful(h);
    budget_start(s, &h->b);
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i])
            budget_start(s, &h->groups[i]->b);
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i])
            group_settle(s, h->groups[i]);
    if (g && g != h->groups[GROUP_SITE] && g != h->groups[GROUP_ADDRESS])
        group_settle(s, g);
    host_settle(s, h);
}

void host_end(struct schedule *s, struct sched_host *h)
{
    h->b.running--;
    s->n_doubtful -= is_doubtful(h);
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i]) {
            h->groups[i]->b.running--;
            group_settle(s, h->groups[i]);
        }
    host_settle(s, h);
}

void host_unstart(struct schedule *s, struct sched_host *h)
{
    budget_unstart(s, &h->b);
    s->n_doubtful -= is_doubtful(h);
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i]) {
            budget_unstart(s, &h->groups[i]->b);
            group_settle(s, h->groups[i]);
        }
}

void host_on_timer(struct schedule *s, struct sched_node *timer)
{
    struct budget *b = CONTAINER_OF(timer, struct budget, timer);
    timer->where = OUTSIDE;
    if (b->kind == HOST)
        host_settle(s, CONTAINER_OF(b, struct sched_host, b));
    else
        group_settle(s, CONTAINER_OF(b, struct group, b));
}

/* Sites that the config does not name any more lose their hosts, new ones get theirs. */
static void rejoin(struct schedule *s, struct sched_host *h)
{
    const struct td_site *site = site_find(s->conf.sites, s->conf.n_sites, h->key);
    struct group *g = h->groups[GROUP_SITE];
    bool had = has_site(h);
    if (had ? site && strcmp(site->name, g->name) == 0 : !site)
        return;
    ungroup(s, h, GROUP_SITE);
    if (site)
        ungroup(s, h, GROUP_ADDRESS);
    join_site(s, h);
}

void host_reconfigure(struct schedule *s)
{
    struct sched_host *h, *next_h;
    struct group *g, *next_g;
    for (g = s->groups; g; g = g->hh.next)
        if (g->b.kind == SITE)
            g->site = site_named(s, g->name);
    for (h = s->hosts; h; h = h->hh.next) {
        h->crawl_delay_ms = 0; /* who minds it may have changed; they tell again */
        rejoin(s, h);
    }
    HASH_ITER (hh, s->groups, g, next_g)
        group_settle(s, g);
    HASH_ITER (hh, s->hosts, h, next_h)
        host_settle(s, h);
}
