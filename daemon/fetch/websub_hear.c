/* What a hub sends, and what it does not: pushes and polls (E7 to E9). */
#include "fetch/websub.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/* Of the time between two polls, a part of this may pass unheard: a hub tries more than once, and
 * news that comes just then is rare enough not to come three times in a row. */
#define DEAF_SHARE 10

/* Is SIGNATURE ("method=hex") that of the body? */
static bool is_signed(const char *secret, const char *signature, const void *body, size_t n)
{
    unsigned char want[CRYPTO_HMAC_MAX], got[CRYPTO_HMAC_MAX];
    char method[8];
    size_t len = strcspn(signature, "=");
    if (len >= sizeof method || signature[len] != '=')
        return false;
    memcpy(method, signature, len);
    method[len] = 0;
    for (char *c = method; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    size_t size = crypto_hmac(method, secret, strlen(secret), body, n, want);
    const char *hex = signature + len + 1;
    size_t digits = strlen(hex);
    while (digits && (hex[digits - 1] == ' ' || hex[digits - 1] == '\t'))
        digits--;
    if (!size || digits != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = str_hex(hex[2 * i]), low = str_hex(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        got[i] = (unsigned char)(high << 4 | low);
    }
    return crypto_same(want, got, size);
}

enum websub_delivery websub_delivered(const struct td_push *p, const char *key,
                                      const char *signature, const void *body, size_t n)
{
    const struct td_push_sub *s = NULL;
    if (p->live.key && str_eq(p->live.key, key))
        s = &p->live;
    else if (p->asked.key && str_eq(p->asked.key, key))
        s = &p->asked; /* its verification was answered, and a crash forgot it */
    else
        return WEBSUB_GONE;
    if (!s->secret)
        return s == &p->live ? WEBSUB_HINT : WEBSUB_BAD;
    return signature && is_signed(s->secret, signature, body, n) ? WEBSUB_TAKE : WEBSUB_BAD;
}

void websub_told(struct td_push *p, int n_new, int64_t now)
{
    p->last_push_at = p->heard_until = now;
    p->suspect_at = TD_NEVER; /* late, but told */
    if (n_new > 0)
        p->n_told = MIN(p->n_told, INT32_MAX - n_new) + n_new;
}

void websub_polled(struct td_push *p, int n_new, bool watched, int64_t now)
{
    bool hinted = !p->live.secret && p->n_told; /* it said that there is something, and there is */
    if (p->live.key && watched && p->suspect_at == TD_NEVER) {
        if (n_new > 0 && !hinted)
            p->suspect_at = now;
        else if (p->n_told > 0)
            p->n_misses = 0; /* all that was new had been told */
    }
    p->n_told = p->deaf_s = 0;
    p->heard_until = p->live.key ? now : TD_NEVER;
}

/* ---- while no daemon runs (E9) -------------------------------------------------------------- */

void websub_rests(struct td_push *p, int64_t now)
{
    if (p->live.key)
        p->heard_until = now;
}

void websub_woke(struct td_push *p, int64_t now)
{
    if (!p->live.key)
        return;
    int64_t deaf_s = p->heard_until == TD_NEVER ? INT32_MAX : (now - p->heard_until) / 1000;
    deaf_s = MAX(deaf_s, (int64_t)0) + p->deaf_s;
    p->deaf_s = (int32_t)MIN(deaf_s, (int64_t)INT32_MAX);
    p->heard_until = now;
}

bool websub_listened(const struct td_push *p, int64_t since, int64_t now)
{
    return since != TD_NEVER && p->live_since != TD_NEVER && since >= p->live_since &&
           p->deaf_s * 1000LL <= (now - since) / DEAF_SHARE;
}

int64_t websub_relied_until(const struct td_push *p, int64_t now)
{
    bool proved = p->live.key && p->lease_ms >= LIMIT_LEASE_MIN_MS && now < p->lease_until &&
                  now - p->live_since >= LIMIT_PUSH_TRIAL_MS;
    return proved ? p->lease_until : TD_NEVER;
}
