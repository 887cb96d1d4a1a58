#include "fetch/websub.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/clock.h"

#define KEY_RANDOM    (TD_PUSH_KEY_BYTES / 2) /* bytes of WEBSUB_RANDOM_BYTES; the rest: secret */
#define SECRET_RANDOM (WEBSUB_RANDOM_BYTES - KEY_RANDOM)
#define LEFT_TRIES    3
#define RETRY_MIN_MS  5000 /* between two requests for a lease that is about to end */
#define OTHER_HUB_MS  5000 /* before the next of several hubs is tried */

/* ---- leaving -------------------------------------------------------------------------------- */

/* `live` is over and nobody has to be told. */
static void forget_live(struct td_push *p)
{
    td_push_sub_fini(&p->live);
    p->lease_until = p->lease_ms = p->live_since = p->renew_at = p->verified_at = TD_NEVER;
    p->suspect_at = p->heard_until = TD_NEVER;
    p->n_told = p->deaf_s = 0;
}

static void forget_asked(struct td_push *p)
{
    td_push_sub_fini(&p->asked);
    p->asked_at = TD_NEVER;
}

static void forget_left(struct td_push *p)
{
    td_push_sub_fini(&p->left);
    p->left_until = p->left_at = TD_NEVER;
    p->left_tries = 0;
}

/* `live` becomes what the hub is told we do not want any more. One that is still being left is
 * forgotten: its lease ends by itself. */
static void leave(struct td_push *p, int64_t now)
{
    if (!p->live.key)
        return;
    forget_left(p);
    p->left = p->live;
    p->left_until = MAX(p->lease_until, now + LIMIT_VERIFY_MS);
    p->live = (struct td_push_sub){0};
    forget_live(p);
}

static void reset_trust(struct td_push *p)
{
    p->n_failures = p->n_short = p->n_misses = 0;
    p->retry_at = p->distrusted_until = TD_NEVER;
    xreplace(&p->error, NULL);
}

/* ---- discovery (E1) ------------------------------------------------------------------------- */

static bool has_hub(const char *hubs, const char *hub)
{
    size_t n = strlen(hub);
    for (const char *h = hubs; h && *h;) {
        size_t k = strcspn(h, "\n");
        if (k == n && memcmp(h, hub, n) == 0)
            return true;
        h += k + (h[k] != 0);
    }
    return false;
}

bool websub_discovered(struct td_push *p, const char *hubs, const char *topic, int64_t now,
                       enum websub_change *ret_change)
{
    *ret_change = WEBSUB_SAME;
    if (str_empty(hubs) || str_empty(topic))
        hubs = topic = NULL;
    if (str_same(p->hubs, hubs) && str_same(p->topic, topic))
        return false;
    bool same_topic = str_same(p->topic, topic);
    xreplace(&p->hubs, hubs);
    xreplace(&p->topic, topic);
    reset_trust(p);
    if (p->live.key && (!same_topic || !has_hub(hubs, p->live.hub))) {
        leave(p, now);
        *ret_change = WEBSUB_LEFT;
    }
    forget_asked(p);
    return true;
}

/* ---- requests (E2, E3) ---------------------------------------------------------------------- */

/* May a secret be sent there? Over TLS, or on this machine: there the address guard lets only pass
 * what the config allows. A proxy would be given it to send to a machine of its own. */
static bool is_secure(const char *url, bool proxied)
{
    struct in_addr v4;
    char *scheme = NULL, *host = NULL;
    CURLU *u = curl_url();
    bool read = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    bool here = read && !proxied &&
                (str_caseeq(host, "localhost") || str_eq(host, "[::1]") ||
                 (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127));
    bool secure = here || (read && str_caseeq(scheme, "https"));
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return secure;
}

static size_t count_hubs(const char *hubs)
{
    size_t n = 1;
    for (const char *h = hubs; (h = strchr(h, '\n')); h++)
        n++;
    return n;
}

/* That of `live`, else one after the other. */
char *websub_hub(const struct td_push *p)
{
    if (p->live.key)
        return xstrdup(p->live.hub);
    const char *h = p->hubs;
    for (size_t i = (size_t)p->n_failures % count_hubs(p->hubs); i > 0; i--)
        h = strchr(h, '\n') + 1;
    return xstrndup(h, strcspn(h, "\n"));
}

void websub_ask(struct td_push *p, const char *url, bool proxied, const char *callback,
                const unsigned char random[WEBSUB_RANDOM_BYTES], int64_t now)
{
    char key[2 * KEY_RANDOM + 1], secret[2 * SECRET_RANDOM + 1];
    size_t n = strlen(callback);
    forget_asked(p);
    p->asked.hub = websub_hub(p);
    p->asked.topic = xstrdup(p->topic);
    p->asked.key = xstrdup(crypto_hex(random, KEY_RANDOM, key));
    p->asked.callback = xasprintf("%s%s%s", callback, n && callback[n - 1] == '/' ? "" : "/", key);
    if (is_secure(url, proxied))
        p->asked.secret = xstrdup(crypto_hex(random + KEY_RANDOM, SECRET_RANDOM, secret));
    p->asked_at = now;
}

bool websub_redirected(struct td_push *p, const char *url, bool proxied)
{
    if (p->asked.key && !is_secure(url, proxied))
        xreplace(&p->asked.secret, NULL);
    return p->asked.key;
}

static void add_param(struct buf *b, const char *name, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    buf_addf(b, "%s%s=", b->len ? "&" : "", name);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (isalnum(*c) || strchr("-._~", *c)) {
            buf_addc(b, (char)*c);
        } else {
            char escaped[3] = {'%', hex[*c >> 4], hex[*c & 15]};
            buf_add(b, escaped, sizeof escaped);
        }
    }
}

char *websub_form(const struct td_push *p, bool subscribe)
{
    const struct td_push_sub *s = subscribe ? &p->asked : &p->left;
    char lease[24];
    CLEANUP_BUF struct buf b = BUF_INIT(8 * LIMIT_URL_BYTES);
    snprintf(lease, sizeof lease, "%lld", LIMIT_LEASE_ASKED_MS / 1000);
    add_param(&b, "hub.mode", subscribe ? "subscribe" : "unsubscribe");
    add_param(&b, "hub.topic", s->topic);
    add_param(&b, "hub.callback", s->callback);
    if (subscribe)
        add_param(&b, "hub.lease_seconds", lease);
    if (subscribe && s->secret)
        add_param(&b, "hub.secret", s->secret);
    return buf_take(&b, NULL);
}

/* A request has come to nothing: when the next may follow. STAYS: asking again soon is no use. */
static void back_off(struct td_push *p, bool stays, int64_t retry_after_at, int64_t now)
{
    int64_t wait = LIMIT_HUB_RETRY_MS, cap = stays ? LIMIT_BACKOFF_LONG_MS : LIMIT_BACKOFF_SHORT_MS;
    size_t n_hubs = p->hubs && !p->live.key ? count_hubs(p->hubs) : 1;
    p->n_failures += p->n_failures < INT32_MAX;
    for (size_t i = n_hubs; i < (size_t)p->n_failures && wait < cap; i += n_hubs)
        wait *= 2;
    wait = MIN(wait, cap);
    if ((size_t)p->n_failures % n_hubs) /* another one has not been tried yet */
        wait = OTHER_HUB_MS;
    if (p->live.key) { /* while there is a lease it is worth a few more tries */
        int64_t left = MAX((p->lease_until - now) / 3, (int64_t)RETRY_MIN_MS);
        wait = MIN(wait, left);
    }
    p->retry_at = MAX(now + wait, retry_after_at);
}

enum websub_change websub_answered(struct td_push *p, bool subscribe, bool ok, int status,
                                   int64_t retry_after_at, const struct td_err *err, int64_t now)
{
    if (!subscribe) {
        bool done = ok || status == 404 || status == 410;
        p->left_tries = done ? LEFT_TRIES : p->left_tries + 1;
        p->left_at = MAX(now + LIMIT_HUB_RETRY_MS, retry_after_at);
        return WEBSUB_SAME;
    }
    if (!p->asked.key) /* verified, denied or given up while the answer was under way */
        return WEBSUB_SAME;
    p->asked_at = now;
    if (ok)
        return WEBSUB_SAME;
    forget_asked(p);
    back_off(p, status >= 400 && status < 500 && status != 429 && status != 408, retry_after_at,
             now);
    bool news = !str_same(p->error, err->msg);
    xreplace(&p->error, err->msg);
    return news ? WEBSUB_REFUSED : WEBSUB_SAME;
}

/* ---- verification (E4 to E6) ---------------------------------------------------------------- */

/* 0 <= x < 1, from the key: chance that a test can repeat. */
static double chance(const char *key)
{
    return (double)(crypto_hash64(key, strlen(key)) >> 11) * 0x1p-53;
}

static void take_lease(struct td_push *p, int64_t lease_s, int64_t now)
{
    int64_t ms = lease_s < 0                           ? LIMIT_LEASE_ASKED_MS
                 : lease_s > LIMIT_LEASE_MAX_MS / 1000 ? LIMIT_LEASE_MAX_MS
                                                       : MAX(lease_s, (int64_t)1) * 1000;
    p->lease_ms = ms;
    p->lease_until = now + ms;
    p->renew_at = now + (int64_t)((double)ms * (0.5 + 0.3 * chance(p->live.key)));
    p->verified_at = now;
}

static bool is_of(const struct td_push_sub *s, const char *key, const char *topic)
{
    return s->key && str_eq(s->key, key) && topic && str_eq(s->topic, topic);
}

bool websub_verify(struct td_push *p, const char *key, const char *mode, const char *topic,
                   int64_t lease_s, int64_t now, enum websub_change *ret_change)
{
    *ret_change = WEBSUB_SAME;
    if (str_eq(mode, "unsubscribe")) {
        if (!is_of(&p->left, key, topic))
            return false;
        p->left_tries = LEFT_TRIES;
        p->left_until = MIN(p->left_until, now + LIMIT_VERIFY_MS); /* it may ask again */
        return true;
    }
    if (!str_eq(mode, "subscribe"))
        return false;
    if (is_of(&p->live, key, topic)) { /* our first answer did not reach it */
        if (now - p->verified_at > LIMIT_VERIFY_MS)
            return false;
        take_lease(p, lease_s, p->verified_at);
        return true;
    }
    if (!is_of(&p->asked, key, topic))
        return false;
    int64_t since = p->live.key ? p->live_since : now;
    *ret_change = p->live.key ? WEBSUB_SAME : WEBSUB_NOW_LIVE;
    leave(p, now);
    p->live = p->asked;
    p->asked = (struct td_push_sub){0};
    forget_asked(p);
    p->live_since = since;
    p->n_failures = 0;
    p->retry_at = TD_NEVER;
    xreplace(&p->error, NULL);
    take_lease(p, lease_s, now);
    p->n_short = p->lease_ms < LIMIT_LEASE_MIN_MS ? p->n_short + 1 : 0;
    return true;
}

bool websub_denied(struct td_push *p, const char *key, const char *topic, const char *reason,
                   int64_t now, enum websub_change *ret_change)
{
    *ret_change = WEBSUB_SAME;
    if (is_of(&p->left, key, topic)) {
        forget_left(p);
        return true;
    }
    if (is_of(&p->live, key, topic))
        forget_live(p);
    else if (is_of(&p->asked, key, topic))
        forget_asked(p);
    else
        return false;
    CLEANUP_BUF struct buf words = BUF_INIT(512);
    buf_adds(&words, "the hub denied it");
    if (!str_empty(reason)) {
        buf_adds(&words, ": ");
        str_add_printable(&words, reason, utf8_cut(reason, MIN(strlen(reason), (size_t)200)));
    }
    xreplace(&p->error, buf_str(&words));
    back_off(p, true, TD_NEVER, now);
    p->retry_at = MAX(p->retry_at, now + LIMIT_BACKOFF_SHORT_MS);
    *ret_change = WEBSUB_DENIED;
    return true;
}

/* ---- time ----------------------------------------------------------------------------------- */

static enum websub_change distrust(struct td_push *p, int64_t now)
{
    xreplace(&p->error, "the hub does not tell what is new");
    p->distrusted_until = now + LIMIT_DISTRUST_MS;
    p->n_misses = 0;
    leave(p, now);
    forget_asked(p);
    return WEBSUB_DISTRUSTED;
}

/* What NOW brings by itself. */
static enum websub_change pass_time(struct td_push *p, int64_t now)
{
    enum websub_change change = WEBSUB_SAME;
    if (p->left.key && now >= p->left_until)
        forget_left(p);
    if (p->distrusted_until != TD_NEVER && now >= p->distrusted_until)
        reset_trust(p);
    if (p->live.key && now >= p->lease_until) {
        forget_live(p);
        change = WEBSUB_LAPSED;
        if (p->n_short >= LIMIT_SHORT_LEASES) {
            xreplace(&p->error, "the hub gives leases of seconds only");
            p->n_failures = 0;
            back_off(p, true, TD_NEVER, now);
            p->retry_at = MAX(p->retry_at, now + LIMIT_BACKOFF_SHORT_MS);
            p->n_short = 0;
        }
    }
    if (p->asked.key && now - p->asked_at >= LIMIT_VERIFY_MS) {
        forget_asked(p);
        back_off(p, false, TD_NEVER, now);
        bool news = !p->error;
        xreplace(&p->error, "the hub took the request and did not verify it");
        change = news && change == WEBSUB_SAME ? WEBSUB_REFUSED : change;
    }
    if (p->suspect_at != TD_NEVER && now - p->suspect_at >= LIMIT_PUSH_LATE_MS) {
        p->suspect_at = TD_NEVER;
        if (++p->n_misses >= LIMIT_PUSH_MISSES)
            change = distrust(p, now);
    }
    return change;
}

/* The clock went back, by more than drift: what was to last from a past that is now the future does
 * not outlast it. */
static void see_clock(struct td_push *p, int64_t now)
{
    int64_t soon = now + LIMIT_CLOCK_DRIFT_MS;
    if (p->live.key && p->verified_at > soon) {
        p->renew_at = now;
        p->lease_until = MIN(p->lease_until, now + p->lease_ms);
        p->verified_at = now;
    }
    if (p->live.key && p->live_since > soon)
        p->live_since = now;
    if (p->asked.key && p->asked_at > soon)
        p->asked_at = now;
    if (p->suspect_at != TD_NEVER && p->suspect_at > soon)
        p->suspect_at = now;
    if (p->retry_at != TD_NEVER)
        p->retry_at = MIN(p->retry_at, now + LIMIT_BACKOFF_LONG_MS);
    if (p->distrusted_until != TD_NEVER)
        p->distrusted_until = MIN(p->distrusted_until, now + LIMIT_DISTRUST_MS);
    if (p->left.key) {
        p->left_until = MIN(p->left_until, now + LIMIT_LEASE_MAX_MS);
        p->left_at = MIN(p->left_at, now + LIMIT_RETRY_AFTER_MS);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == TD_NEVER ? b : b == TD_NEVER ? a : MIN(a, b);
}

/* When time alone changes something. */
static int64_t next_at(const struct td_push *p)
{
    int64_t at = TD_NEVER;
    if (p->live.key)
        at = earlier(at, p->lease_until);
    if (p->asked.key)
        at = earlier(at, p->asked_at + LIMIT_VERIFY_MS);
    if (p->left.key)
        at = earlier(at, p->left_until);
    if (p->suspect_at != TD_NEVER)
        at = earlier(at, p->suspect_at + LIMIT_PUSH_LATE_MS);
    return earlier(at, p->distrusted_until);
}

/* Was `live` asked for under another callback address than the config's of today? */
static bool is_elsewhere(const struct td_push_sub *s, const char *callback)
{
    size_t n = strlen(callback);
    while (n && callback[n - 1] == '/')
        n--;
    return strncmp(s->callback, callback, n) != 0 || s->callback[n] != '/' ||
           strlen(s->callback) != n + 1 + TD_PUSH_KEY_BYTES;
}

enum websub_action websub_next(struct td_push *p, const char *callback, bool fetched, int64_t now,
                               int64_t *ret_at, enum websub_change *ret_change)
{
    see_clock(p, now);
    *ret_change = pass_time(p, now);
    if (!callback) {
        forget_asked(p);
        if (p->live.key && *ret_change == WEBSUB_SAME)
            *ret_change = WEBSUB_LEFT;
        leave(p, now);
    }
    *ret_at = next_at(p);
    if (p->left.key && p->left_tries < LEFT_TRIES) {
        if (p->left_at <= now)
            return WEBSUB_UNSUBSCRIBE;
        *ret_at = earlier(*ret_at, p->left_at);
    }
    if (!callback || !p->hubs || p->asked.key || p->distrusted_until != TD_NEVER)
        return WEBSUB_WAIT;
    int64_t at = TD_NEVER;
    if (p->live.key && !is_elsewhere(&p->live, callback)) {
        if (p->n_short >= LIMIT_SHORT_LEASES)
            return WEBSUB_WAIT;
        at = p->renew_at;
    }
    at = MAX(at, p->retry_at);
    if (at <= now) /* TD_NEVER is */
        return p->live.key && !fetched ? WEBSUB_FETCH : WEBSUB_SUBSCRIBE;
    *ret_at = earlier(*ret_at, at);
    return WEBSUB_WAIT;
}
