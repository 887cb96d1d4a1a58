/*
 * feedlog.c - what the log says of feeds: one line when a feed's state changes, none while it
 * stays, and one for each feed in the first round after the start.
 */
#include "app_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"

static void log_round_end(struct app *a)
{
    char took[32];
    struct round *r = &a->round;
    log_notice("first round done: %zu feed%s in %s, %zu read, %zu failed, %lld new items", r->feeds,
               r->feeds == 1 ? "" : "s",
               str_duration(took, sizeof took, clock_mono_ms() - r->started_mono), r->ok, r->failed,
               (long long)r->items);
}

/* Nothing that is told: most polls, so they come without making words. */
static bool same_health(const struct td_feed_state *a, const struct td_feed_state *b)
{
    return a->n_failures == 0 && b->n_failures == 0 && a->gone == b->gone &&
           str_same(a->url, b->url);
}

void feedlog_outcome(struct app *a, struct feed *f, const struct td_feed_state *before,
                     const struct store_commit_result *r)
{
    const struct td_feed_state *now = &f->state;
    const struct td_fetch_note *note = td_feed_state_last(now);
    if (!f->in_round && !log_wants(LOG_DEBUG) && same_health(now, before))
        return;
    const char *name = f->conf->name;
    char wait[32] = "";
    if (!now->gone)
        str_duration(wait, sizeof wait, now->next_due_at - note->at);
    CLEANUP_FREE char *url = td_url_public(f->conf->url);
    char outcome[32];
    snprintf(outcome, sizeof outcome, note->outcome == TD_OUT_HTTP ? "%s-%d" : "%s",
             td_outcome_name(note->outcome), note->http_status);
    struct log_fields lf = {.feed = name, .url = url, .outcome = outcome};
    if (!str_same(now->url, before->url)) {
        CLEANUP_FREE char *at = td_url_public(move_url(now, f->conf));
        log_event(LOG_NOTICE, &lf, "feed %s: %s %s", name,
                  !now->url        ? "the address it moved to fails; asked again at"
                  : now->url_found ? "its page names the feed; asked at"
                                   : "moved for good; asked from now on at",
                  at);
    }
    if (policy_is_dead(now, note->at) && !policy_is_dead(before, before->last_fetch_at))
        log_event(LOG_WARNING, &lf, "feed %s: has failed for 30 days; asked weekly from now on",
                  name);
    if (now->gone && !before->gone) {
        lf.message_id = MSG_FEED_GONE;
        log_event(LOG_WARNING, &lf, "feed %s: gone (410 confirmed); it is not asked again", name);
    } else if (now->n_failures > 0 && (before->n_failures == 0 || f->in_round)) {
        lf.message_id = MSG_FEED_FAILING;
        log_event(LOG_WARNING, &lf, "feed %s: %s; next try in %s", name,
                  now->error ? now->error : td_outcome_name(note->outcome), wait);
    } else if (now->n_failures == 0 && before->n_failures > 0) {
        lf.message_id = MSG_FEED_WORKS;
        log_event(LOG_NOTICE, &lf, "feed %s: works again after %d failure%s", name,
                  before->n_failures, before->n_failures == 1 ? "" : "s");
    } else if (f->in_round && note->outcome == TD_OUT_NOT_MODIFIED) {
        log_event(LOG_INFO, &lf, "feed %s: not modified", name);
    } else if (f->in_round) {
        log_event(LOG_INFO, &lf, "feed %s: %d new item%s%s", name, r->n_new,
                  r->n_new == 1 ? "" : "s", r->n_backlog ? " (with backlog)" : "");
    } else {
        log_event(LOG_DEBUG, &lf, "feed %s: %s, %d new, %d changed; next in %s", name,
                  td_outcome_name(note->outcome), r->n_new, r->n_changed, wait);
    }
    if (!f->in_round)
        return;
    f->in_round = false;
    a->round.items += r->n_new;
    *(now->n_failures ? &a->round.failed : &a->round.ok) += 1;
    if (--a->round.pending == 0)
        log_round_end(a);
}
