/*
 * slots.c - how many transfers run at once.
 *
 * A transfer that takes longer than LIMIT_BRISK_MS waits for a slow server and costs next to
 * nothing: it gives its place to others. So servers that drip, or never answer, cannot hold up the
 * feeds of all others; there may be LIMIT_SLOW_TRANSFERS of them beside the `concurrency` that the
 * config allows. Hosts that are not known to answer never have all places, neither of the brisk
 * ones nor of all.
 */
#include "app_private.h"

#include <utlist.h>

#include "base/files.h"
#include "base/mem.h"

static void retire(struct flight *fl)
{
    DL_DELETE(fl->app->brisk, fl);
    fl->app->n_brisk--;
    fl->app->n_strange_brisk -= fl->strange;
    fl->brisk = false;
}

int slots_max(const struct settings *s)
{
    return files_share(s->concurrency, FILES_BRISK);
}

/* Of all transfers, the slow ones as well. */
static int max_in_all(const struct app *a)
{
    return files_share(slots_max(a->settings) + LIMIT_SLOW_TRANSFERS, FILES_TRANSFERS);
}

bool slots_free(struct app *a)
{
    int64_t now = clock_mono_ms();
    while (a->brisk && now - a->brisk->transfer_at >= LIMIT_BRISK_MS)
        retire(a->brisk);
    return a->n_brisk < (size_t)slots_max(a->settings) && a->n_transfers < (size_t)max_in_all(a);
}

bool slots_crowded(const struct app *a)
{
    int brisk = slots_max(a->settings), all = max_in_all(a);
    all -= MIN(brisk, all / 4);
    brisk -= brisk / 4;
    return a->n_strange_brisk >= (size_t)MAX(brisk, 1) || a->n_strange >= (size_t)MAX(all, 1);
}

void slots_take(struct flight *fl)
{
    struct app *a = fl->app;
    fl->transfer_at = clock_mono_ms();
    fl->brisk = true;
    fl->strange = schedule_standing(&fl->feed->node) != TD_KNOWN;
    DL_APPEND(a->brisk, fl);
    a->n_brisk++;
    a->n_transfers++;
    a->n_strange += fl->strange;
    a->n_strange_brisk += fl->strange;
}

void slots_give(struct flight *fl)
{
    fl->app->n_transfers--;
    fl->app->n_strange -= fl->strange;
    if (fl->brisk)
        retire(fl);
}

int64_t slots_wait_ms(const struct app *a)
{
    if (!a->brisk)
        return -1;
    int64_t left = a->brisk->transfer_at + LIMIT_BRISK_MS - clock_mono_ms();
    return MAX(left, (int64_t)1);
}
