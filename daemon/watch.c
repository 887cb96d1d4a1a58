/*
 * watch.c - what the service manager is told while we run: status in words, signs of life.
 *
 * A sign of life is honest: this timer shows that the loop turns, and it keeps silent when the
 * writer or the parsers have been at one turn of work for LIMIT_STUCK_MS. The manager then restarts
 * us, which loses nothing.
 */
#include "app_private.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"
#include "serve/service.h"

#define TICK_MS      15000 /* without a watchdog: only the status */
#define WAITING_TOLD 1000  /* fewer items without a story are no news */

void watch_status(struct app *a, char *buf, size_t size)
{
    struct schedule_counts sc;
    char lag[32] = "none", waiting[64] = "";
    int64_t now = clock_now_ms(), last_seq = store_last_seq(a->store);
    schedule_count(a->schedule, now, &sc);
    if (sc.next_due_at != TD_NEVER && now - sc.next_due_at >= 1000)
        str_duration(lag, sizeof lag, now - sc.next_due_at);
    if (store_stories_waiting(a->store) >= WAITING_TOLD)
        snprintf(waiting, sizeof waiting, "; %lld items wait for their stories",
                 (long long)store_stories_waiting(a->store));
    snprintf(buf, size, "%u feed%s: %zu due, %zu in work, %zu failing; %lld event%s; lag %s%s%s%s",
             HASH_COUNT(a->feeds), HASH_COUNT(a->feeds) == 1 ? "" : "s", sc.ready,
             a->n_transfers + a->n_parsing + a->n_committing, a->n_failing, (long long)last_seq,
             last_seq == 1 ? "" : "s", lag, waiting,
             a->store_trouble ? "; fetching pauses, the store cannot be written: " : "",
             a->store_trouble ? a->store_trouble : "");
}

/* Who has been at one turn of work for too long, NULL = all is well. */
static const char *who_is_stuck(struct app *a)
{
    int64_t now = clock_mono_ms(), busy_since = store_busy_since(a->store);
    if (busy_since && now - busy_since > LIMIT_STUCK_MS)
        return "the writer";
    if (pool_busy(a->pool) && now - pool_progress_at(a->pool) > LIMIT_STUCK_MS)
        return "the parsers";
    return NULL;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct app *a = w->data;
    char status[512];
    const char *stuck = who_is_stuck(a);
    if (stuck && !a->stuck)
        log_alert(LOG_ERR, MSG_STUCK, "%s made no progress for %d s%s", stuck,
                  LIMIT_STUCK_MS / 1000,
                  service_watchdog_ms() ? "; the watchdog will restart the daemon" : "");
    a->stuck = stuck;
    watch_status(a, status, sizeof status);
    service_tick(status, !stuck);
}

void watch_start(struct app *a)
{
    int64_t watchdog = service_watchdog_ms();
    int64_t every = watchdog ? MIN(watchdog / 2, (int64_t)TICK_MS) : TICK_MS;
    double every_s = (double)MAX(every, (int64_t)1) / 1000;
    ev_timer_init(&a->tick, on_tick, every_s, every_s);
    a->tick.data = a;
    ev_timer_start(a->loop, &a->tick);
}

void watch_stop(struct app *a)
{
    ev_timer_stop(a->loop, &a->tick);
}
