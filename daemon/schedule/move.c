#include "schedule/move.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

static void forget_move(struct td_feed_state *s)
{
    xreplace(&s->moved_to, NULL);
    s->moved_since = TD_NEVER;
    s->moved_seen = 0;
}

void move_forget(struct td_feed_state *s)
{
    forget_move(s);
    xreplace(&s->url, NULL);
    s->url_found = false;
    xreplace(&s->val.etag, NULL);
    xreplace(&s->val.last_modified, NULL);
    s->gone = false;
}

/* Back to the address of the config, which is not to blame for the failures. */
static bool go_back(struct td_feed_state *s)
{
    forget_move(s);
    xreplace(&s->url, NULL);
    xreplace(&s->val.etag, NULL);
    xreplace(&s->val.last_modified, NULL);
    s->n_failures = 0;
    return true;
}

static bool failed(struct td_feed_state *s, const struct move_event *ev)
{
    if (!s->url)
        return false;
    bool gone = ev->outcome == TD_OUT_GONE && s->n_failures > 0; /* confirmed */
    bool long_ago = s->failing_since != TD_NEVER &&
                    ev->now - s->failing_since >= LIMIT_MOVE_BACK_MS;
    return gone || long_ago ? go_back(s) : false;
}

static void take_url(struct td_feed_state *s, const struct td_feed_conf *conf, const char *url)
{
    CLEANUP_FREE char *copy = xstrdup(url); /* URL may be s->moved_to */
    forget_move(s);
    xreplace(&s->url, str_eq(copy, conf->url) ? NULL : copy);
}

bool move_apply(struct td_feed_state *s, const struct td_feed_conf *conf,
                const struct move_event *ev)
{
    if (!td_outcome_good(ev->outcome))
        return failed(s, ev);
    if (ev->found) {
        take_url(s, conf, ev->found);
        s->url_found = s->url;
        return true;
    }
    if (!ev->moved_to || str_eq(ev->moved_to, move_url(s, conf))) {
        forget_move(s);
        return false;
    }
    if (!str_same(ev->moved_to, s->moved_to)) {
        forget_move(s);
        xreplace(&s->moved_to, ev->moved_to);
        s->moved_since = ev->now;
    }
    s->moved_since = MIN(s->moved_since, ev->now); /* the clock may have gone back */
    if (++s->moved_seen < LIMIT_MOVE_POLLS || ev->now - s->moved_since < conf->move_after_ms)
        return false;
    take_url(s, conf, s->moved_to);
    return true;
}
