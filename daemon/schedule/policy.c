#include "schedule/policy.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define RATE_HALF_LIFE_D 14.0
#define RATE_FIRST       12.0 /* items/day of a feed nobody knows yet: an hourly poll */
#define RATE_SAMPLE_MAX  100  /* new items of one poll that count: a flood is no rhythm */
#define STRETCH_POLLS    10   /* polls without news that make an interval 1.5 times as long */
#define STRETCH_MAX      16
#define JITTER           0.05
#define SKIP_JITTER_MS   (15 * 60 * 1000) /* spread after a gap of skipHours; inside one hour */
#define WAIT_JITTER_MS   (60 * 1000)      /* spread after Retry-After */
#define UNASKED_MS       DAY_MS           /* a poll so much too late: nobody asked meanwhile */
#define WHY_BYTES        400

/* ---- chance that is none -------------------------------------------------------------------- */

#define FNV_START 0xcbf29ce484222325u

static uint64_t fnv(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h;
}

/* 0 <= x < 1 from the feed's name, a word for what it is for, and a time (0 for the phase): a hash
 * of "USE\nAT\nNAME", by FNV-1a and the mixing of splitmix64 for its high bits. */
static double chance(const struct td_feed_conf *conf, const char *use, int64_t at)
{
    char digits[STR_INT_BYTES];
    uint64_t h = fnv(fnv(fnv(FNV_START, use), "\n"), str_int(digits, at));
    h = fnv(fnv(h, "\n"), conf->name);
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return (double)((h ^ (h >> 31)) >> 11) * 0x1p-53;
}

/* -1 <= x < 1 for the poll at AT: half of it belongs to the feed. */
static double jitter(const struct td_feed_conf *conf, int64_t at)
{
    return chance(conf, "phase", 0) + chance(conf, "poll", at) - 1;
}

/* ---- intervals ------------------------------------------------------------------------------ */

static int64_t floor_ms(const struct td_feed_conf *conf)
{
    return conf->source == TD_SOURCE_FILE ? 1000 : MAX(conf->min_interval_ms, (int64_t)1000);
}

static bool obeys_hints(const struct td_feed_conf *conf)
{
    return !conf->ignore_hints && conf->source != TD_SOURCE_FILE;
}

/* A publisher's lower bound as it counts. */
static int64_t bound(int64_t ms)
{
    return ms < 0 ? 0 : MIN(ms, (int64_t)LIMIT_INTERVAL_MAX_MS);
}

/* The least that `auto` does. */
static int64_t auto_min(const struct td_feed_state *s, const struct td_feed_conf *conf)
{
    switch (conf->source) {
    case TD_SOURCE_FILE:
        return LIMIT_INTERVAL_FILE_MS;
    case TD_SOURCE_EXEC:
        return LIMIT_INTERVAL_EXEC_MS;
    default:
        return s->max_age_ms > 0 ? LIMIT_INTERVAL_MIN_MS : LIMIT_INTERVAL_AUTO_MS;
    }
}

/* Between auto_min and LIMIT_INTERVAL_MAX_MS. */
static int64_t adaptive(const struct td_feed_state *s, const struct td_feed_conf *conf)
{
    int64_t min = auto_min(s, conf);
    if (conf->source != TD_SOURCE_HTTP)
        return min;
    if (s->pushed_until != TD_NEVER)
        return LIMIT_INTERVAL_MAX_MS;
    double rate = s->rate_per_day < 0 ? RATE_FIRST : s->rate_per_day;
    double ms = fmax(0.5 * (double)DAY_MS / fmax(rate, 1e-6), (double)min);
    ms *= pow(1.5, MIN(s->n_unchanged / STRETCH_POLLS, STRETCH_MAX));
    return ms >= LIMIT_INTERVAL_MAX_MS ? LIMIT_INTERVAL_MAX_MS : (int64_t)ms;
}

/* The interval without the publisher's wishes. */
static int64_t base_ms(const struct td_feed_state *s, const struct td_feed_conf *conf)
{
    int64_t ms = conf->interval_ms ? conf->interval_ms : adaptive(s, conf);
    return MAX(ms, floor_ms(conf));
}

/* ---- the skip hints ------------------------------------------------------------------------- */

static int64_t div_floor(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* AT, or the end of the gap it lies in. Hints that leave no time at all are ignored. */
static int64_t skip(const struct td_hints *h, int64_t at)
{
    uint32_t hours = (h->skip_hours & 0xffffff) == 0xffffff ? 0 : h->skip_hours;
    unsigned days = (h->skip_days & 0x7f) == 0x7f ? 0 : h->skip_days;
    for (int i = 0; i < 8 * 24; i++) {
        int64_t hour = div_floor(at, HOUR_MS), day = div_floor(at, DAY_MS);
        unsigned weekday = (unsigned)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        if (!(hours >> (hour - 24 * day) & 1) && !(days >> weekday & 1))
            break;
        at = (hour + 1) * HOUR_MS;
    }
    return at;
}

/* ---- reasons -------------------------------------------------------------------------------- */

/* Another reason: WORDS and, if not "", what they are about. Without printf: a reason is given at
 * each poll. */
static void because(struct buf *why, const char *words, const char *what)
{
    if (why->len)
        buf_adds(why, "; ");
    buf_adds(why, words);
    if (*what) {
        buf_addc(why, ' ');
        buf_adds(why, what);
    }
}

static void because_duration(struct buf *why, const char *what, int64_t ms)
{
    char text[32];
    because(why, what, str_duration(text, sizeof text, ms));
}

/* The same for a wait of which the publisher SAID_MS, which may be more than counts. */
static void because_wait(struct buf *why, const char *what, int64_t ms, int64_t said_ms)
{
    char text[32];
    because_duration(why, what, MAX(ms, said_ms));
    if (said_ms <= ms)
        return;
    buf_adds(why, ", of which ");
    buf_adds(why, str_duration(text, sizeof text, ms));
    buf_adds(why, " counts");
}

/* How the last fetch ended: "304", "HTTP 503", "timeout". */
static void because_last(struct buf *why, const char *what, enum td_outcome o, int status)
{
    char number[STR_INT_BYTES];
    if (o != TD_OUT_OK && o != TD_OUT_NOT_MODIFIED && status < 400)
        because(why, what, td_outcome_name(o));
    else if (!status)
        because(why, what, o == TD_OUT_OK ? "was read" : "unchanged");
    else
        because(why, what, status >= 400 ? "HTTP" : str_int(number, status));
    if (status >= 400) {
        buf_addc(why, ' ');
        buf_adds(why, str_int(number, status));
    }
}

/* "learned rhythm 2.1 items/day" */
static void because_rate(struct buf *why, double per_time, const char *time)
{
    char number[STR_INT_BYTES];
    int64_t tenths = (int64_t)(per_time * 10 + 0.5);
    because(why, "learned rhythm", str_int(number, tenths / 10));
    buf_addc(why, '.');
    buf_addc(why, (char)('0' + tenths % 10));
    buf_adds(why, " items/");
    buf_adds(why, time);
}

static void because_rhythm(struct buf *why, const struct td_feed_state *s)
{
    char number[STR_INT_BYTES];
    if (s->rate_at == s->last_fetch_at && s->rate_per_day == RATE_FIRST)
        because(why, "its rhythm is not known yet", "");
    else if (s->rate_per_day >= 1)
        because_rate(why, s->rate_per_day, "day");
    else if (s->rate_per_day >= 0)
        because_rate(why, s->rate_per_day * 30, "month");
    if (s->n_unchanged >= STRETCH_POLLS) {
        because(why, "nothing new in", str_int(number, s->n_unchanged));
        buf_adds(why, " polls");
    }
}

/* ---- the plan ------------------------------------------------------------------------------- */

struct last {
    enum td_outcome outcome;
    int http_status;
};

/* The wait after a good fetch. */
static int64_t wait_good(const struct td_feed_state *s, const struct td_feed_conf *conf,
                         const struct last *last, struct buf *why)
{
    bool obey = obeys_hints(conf), autom = conf->interval_ms == 0;
    const struct {
        const char *words;
        int64_t ms, said_ms; /* said_ms: by the publisher */
    } terms[] = {
        {autom ? "at most every" : "your interval of",
         autom ? auto_min(s, conf) : conf->interval_ms, 0},
        {"your min-interval of", floor_ms(conf), 0},
        {s->by_expires ? TD_WHY_EXPIRES : "publisher's max-age", obey ? bound(s->max_age_ms) : 0,
         s->max_age_ms},
        {"the feed's ttl", obey ? bound(s->hints.ttl_ms) : 0, s->hints.ttl_ms},
        {"the feed's update period", obey ? bound(s->hints.update_ms) : 0, s->hints.update_ms},
    };
    size_t top = 0;
    for (size_t i = 1; i < ARRAY_SIZE(terms); i++)
        if (terms[i].ms > terms[top].ms)
            top = i;
    double j = JITTER * jitter(conf, s->last_fetch_at);
    int64_t least = (int64_t)((double)terms[top].ms * (1 + fabs(j)));
    int64_t learned = autom ? (int64_t)((double)adaptive(s, conf) * (1 + j)) : 0;

    if (learned > least)
        because_duration(why,
                         s->pushed_until != TD_NEVER
                             ? "its hub tells what is new; looked after every"
                             : "rhythm of about",
                         adaptive(s, conf));
    else
        because_wait(why, terms[top].words, terms[top].ms, terms[top].said_ms);
    because_last(why, "last answer", last->outcome, last->http_status);
    if (autom && conf->source == TD_SOURCE_HTTP)
        because_rhythm(why, s);
    return MAX(learned, least);
}

bool policy_may_pass(enum td_outcome outcome, int http_status)
{
    switch (outcome) {
    case TD_OUT_HTTP:
        return http_status >= 500 || http_status == 408 || http_status == 425 || http_status == 429;
    case TD_OUT_DNS:
    case TD_OUT_TOO_LARGE:
    case TD_OUT_REFUSED:
    case TD_OUT_REDIRECT:
    case TD_OUT_NOT_A_FEED:
    case TD_OUT_PARSER:
    case TD_OUT_GONE:
        return false;
    default:
        return true;
    }
}

/* The wait after the n-th failure in a row. */
static int64_t wait_failed(const struct td_feed_state *s, const struct td_feed_conf *conf,
                           const struct last *last, struct buf *why)
{
    int64_t base = base_ms(s, conf), wait = base;
    int64_t cap = policy_may_pass(last->outcome, last->http_status) ? LIMIT_BACKOFF_SHORT_MS
                                                                    : LIMIT_BACKOFF_LONG_MS;
    if (conf->source == TD_SOURCE_FILE)
        cap = HOUR_MS; /* looking again costs nothing, and somebody may be about to put it there */
    for (int i = 1; i < s->n_failures && wait < cap; i++)
        wait *= 2;
    wait = MIN(wait, cap);
    wait = MAX(wait, base);
    char number[STR_INT_BYTES];
    bool dead = policy_is_dead(s, s->last_fetch_at) && conf->source != TD_SOURCE_FILE;
    if (dead)
        wait = MAX(wait, LIMIT_BACKOFF_LONG_MS);

    because_duration(why, dead ? "failing for 30 days or more, asked every" : "back-off of", wait);
    because_last(why, s->n_failures > 1 ? "failed again:" : "failed:", last->outcome,
                 last->http_status);
    if (s->n_failures > 1)
        because(why, str_int(number, s->n_failures), "failures in a row");
    double j = 2 * JITTER * jitter(conf, s->last_fetch_at);
    return MAX((int64_t)((double)wait * (1 + j)), base);
}

static void plan(struct td_feed_state *s, const struct td_feed_conf *conf, const struct last *last)
{
    CLEANUP_BUF struct buf why = BUF_INIT(WHY_BYTES);
    buf_reserve(&why, WHY_BYTES / 2);
    if (s->gone) {
        because(&why, "gone: the server answered 410 twice", "");
        s->next_due_at = TD_NEVER;
        xreplace(&s->why, buf_str(&why));
        return;
    }
    int64_t wait = s->n_failures ? wait_failed(s, conf, last, &why)
                                 : wait_good(s, conf, last, &why);
    int64_t due = s->last_fetch_at + wait;
    if (s->retry_after_at > due) {
        int64_t told = s->retry_after_at - s->last_fetch_at;
        due = s->retry_after_at + (int64_t)(fmin((double)told * JITTER, WAIT_JITTER_MS) *
                                            chance(conf, "retry", s->last_fetch_at));
        because_duration(&why, "the server's Retry-After of", told);
    }
    int64_t later = obeys_hints(conf) ? skip(&s->hints, due) : due;
    if (later > due) {
        due = later + (int64_t)(SKIP_JITTER_MS * chance(conf, "skip", s->last_fetch_at));
        because(&why, "after the hours and days that the feed asks to skip", "");
    }
    s->next_due_at = due;
    xreplace(&s->why, buf_str(&why));
}

/* ---- what a fetch teaches ------------------------------------------------------------------- */

/* n items in the time since the last sample, spread evenly over it. The first document says nothing
 * of a rhythm: all of it is new. */
static void learn_rate(struct td_feed_state *s, int64_t now, int32_t n_new)
{
    if (s->rate_at == TD_NEVER || s->rate_per_day < 0) {
        s->rate_per_day = RATE_FIRST;
        s->rate_at = now;
        s->n_unchanged = 0;
        return;
    }
    s->n_unchanged = n_new > 0 ? 0 : s->n_unchanged + (s->n_unchanged < INT32_MAX);
    double days = (double)(now - s->rate_at) / (double)DAY_MS;
    if (days <= 0) {
        s->rate_at = MIN(s->rate_at, now); /* the clock went back: begin again from here */
        return;
    }
    double keep = exp2(-days / RATE_HALF_LIFE_D);
    s->rate_per_day = s->rate_per_day * keep + MIN(n_new, RATE_SAMPLE_MAX) / days * (1 - keep);
    s->rate_at = now;
}

/* Is this the second 410, an interval after the first of the run? */
static bool confirms_gone(const struct td_feed_state *s, const struct td_feed_conf *conf,
                          int64_t now)
{
    int64_t first = now;
    for (int32_t i = 0; i < s->n_history && s->history[i].outcome == TD_OUT_GONE; i++)
        first = s->history[i].at;
    return now - first >= base_ms(s, conf);
}

/* The first failure in a row, or one more. Days in which nobody asked - the daemon did not run, the
 * machine slept, the clock was wrong - are no days of failure. */
static void note_failing(struct td_feed_state *s, int64_t last_fetch_at, int64_t now)
{
    bool first = s->failing_since == TD_NEVER;
    bool planned = last_fetch_at != TD_NEVER && s->next_due_at > last_fetch_at;
    if (!first && planned && now - s->next_due_at > UNASKED_MS)
        s->failing_since += now - s->next_due_at;
    s->failing_since = first ? now : MIN(s->failing_since, now);
}

void policy_apply(struct td_feed_state *s, const struct td_feed_conf *conf,
                  const struct policy_event *ev)
{
    bool good = td_outcome_good(ev->outcome);
    int64_t before = s->last_fetch_at;
    s->last_fetch_at = ev->now;
    if (ev->n_new > 0)
        s->last_new_at = ev->now;
    if (ev->hints)
        s->hints = *ev->hints;
    s->retry_after_at = ev->retry_after_at == TD_NEVER
                            ? TD_NEVER
                            : MIN(ev->retry_after_at, ev->now + LIMIT_RETRY_AFTER_MS);
    if (good) {
        s->last_success_at = ev->now;
        s->failing_since = TD_NEVER;
        s->n_failures = 0;
        s->gone = false;
        if (ev->fresh.given || ev->outcome == TD_OUT_OK) {
            s->max_age_ms = ev->fresh.max_age_ms;
            s->by_expires = ev->fresh.by_expires;
        } /* a 304 without it keeps it: RFC 9111 4.3.4 */
    } else {
        note_failing(s, before, ev->now);
        s->n_failures += s->n_failures < INT32_MAX;
        if (ev->outcome == TD_OUT_GONE && confirms_gone(s, conf, ev->now))
            s->gone = true;
    }
    if (good || ev->n_new > 0)
        learn_rate(s, ev->now, ev->n_new);
    plan(s, conf, &(struct last){ev->outcome, ev->http_status});
}

void policy_pushed(struct td_feed_state *s, int64_t now, int32_t n_new)
{
    if (n_new <= 0)
        return;
    s->last_new_at = now;
    learn_rate(s, now, n_new);
}

void policy_replan(struct td_feed_state *s, const struct td_feed_conf *conf)
{
    if (s->last_fetch_at == TD_NEVER)
        return;
    const struct td_fetch_note *note = td_feed_state_last(s);
    plan(s, conf, &(struct last){note->outcome, note->http_status});
}

bool policy_is_dead(const struct td_feed_state *s, int64_t now)
{
    return s->failing_since != TD_NEVER && now - s->failing_since >= LIMIT_DEAD_MS;
}

/* ---- starting, and a person's wish ---------------------------------------------------------- */

int64_t policy_on_load(const struct td_feed_state *s, const struct td_feed_conf *conf, int64_t now)
{
    if (s->gone || !conf->enabled)
        return TD_NEVER;
    if (s->last_fetch_at == TD_NEVER || s->next_due_at == TD_NEVER)
        return now;
    if (s->last_fetch_at <= now)
        return s->next_due_at;
    int64_t wait = s->next_due_at - s->last_fetch_at; /* the clock went back meanwhile */
    return now + MAX(wait, (int64_t)0);
}

int64_t policy_refresh_at(const struct td_feed_state *s, const struct td_feed_conf *conf,
                          int64_t now)
{
    if (s->last_fetch_at == TD_NEVER)
        return now;
    int64_t last = MIN(s->last_fetch_at, now);
    int64_t at = MAX(now, last + floor_ms(conf));
    if (s->retry_after_at == TD_NEVER)
        return at;
    int64_t told = MIN(s->retry_after_at, now + LIMIT_RETRY_AFTER_MS);
    return MAX(at, told);
}
