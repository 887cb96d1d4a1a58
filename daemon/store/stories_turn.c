#include "store/stories_turn.h"

#include "base/mem.h"
#include "store/stories_pace.h"

#define STEP_MS 20 /* of a transaction of the pass' own: a commit waits no longer */

struct stories_turn {
    struct db *d;
    struct stories *s;
    struct stories_pace pace;
    int64_t raised, raised_now; /* committed, and in the transaction under way */
    int64_t place;
    bool passed; /* in the transaction under way */
    int64_t waiting;
};

static void count_waiting(struct stories_turn *t)
{
    t->waiting = stories_waiting(t->s);
}

struct stories_turn *stories_turn_new(struct db *d, struct stories *s)
{
    struct stories_turn *t = xcalloc(1, sizeof *t);
    t->d = d;
    t->s = s;
    stories_pace_worked(&t->pace, clock_mono_ms(), stories_behind(s));
    t->place = stories_place(s);
    count_waiting(t);
    return t;
}

void stories_turn_free(struct stories_turn *t)
{
    free(t);
}

static int pass(struct stories_turn *t, int64_t ms, struct td_err *err)
{
    t->raised_now = 0;
    t->passed = true;
    int r = stories_pass(t->s, clock_now_ms(), ms, &t->raised_now, err);
    return r < 0 ? r : stories_flush(t->s, err);
}

int stories_turn_join(struct stories_turn *t, struct td_err *err)
{
    int64_t from = clock_mono_ms(), room = stories_pace_room(&t->pace, from);
    t->passed = false;
    if (!stories_behind(t->s) || room < 1)
        return stories_flush(t->s, err);
    int r = pass(t, room, err);
    stories_pace_took(&t->pace, clock_mono_ms() - from);
    return r;
}

static void committed(struct stories_turn *t)
{
    if (t->passed)
        t->raised = MAX(t->raised, t->raised_now);
    t->place = stories_place(t->s);
    t->passed = false;
}

void stories_turn_joined(struct stories_turn *t, bool durable)
{
    if (durable)
        committed(t);
    else
        stories_rolled_back(t->s);
    bool behind = stories_behind(t->s);
    if (behind || t->waiting)
        count_waiting(t);
    stories_pace_wrote(&t->pace, clock_mono_ms(), behind);
}

int stories_turn_step(struct stories_turn *t, int64_t *ret_wake_at, struct td_err *err)
{
    *ret_wake_at = stories_pace_alone(&t->pace);
    if (clock_mono_ms() < *ret_wake_at)
        return 0;
    int r = db_exec(t->d, "BEGIN IMMEDIATE", err);
    if (r < 0)
        return r;
    if ((r = pass(t, STEP_MS, err)) == 0)
        r = db_exec(t->d, "COMMIT", err);
    if (r < 0) {
        sqlite3_exec(db_handle(t->d), "ROLLBACK", NULL, NULL, NULL);
        stories_rolled_back(t->s);
        return r;
    }
    committed(t);
    count_waiting(t);
    stories_pace_worked(&t->pace, clock_mono_ms(), stories_behind(t->s));
    *ret_wake_at = stories_pace_alone(&t->pace);
    return 1;
}

int64_t stories_turn_raised(const struct stories_turn *t)
{
    return t->raised;
}

int64_t stories_turn_place(const struct stories_turn *t)
{
    return t->place;
}

int64_t stories_turn_waiting(const struct stories_turn *t)
{
    return t->waiting;
}
