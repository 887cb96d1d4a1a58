#include "notify/handshake.h"

#include <errno.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define MINUTE_MS 60000LL

bool handshake_is_due(const struct handshake *h, int64_t now)
{
    return now >= h->until;
}

int handshake_take(struct handshake *h, const char *origin, int status, const char *allowed_origin,
                   const char *allowed_rate, int64_t now, struct td_err *err)
{
    int64_t rate;
    if (!allowed_origin)
        return td_err(err, -EPERM,
                      "the receiver does not say that it wants deliveries: OPTIONS was answered "
                      "with HTTP %d, without WebHook-Allowed-Origin (handshake = yes)",
                      status);
    if (!str_eq(allowed_origin, "*") && !str_caseeq(allowed_origin, origin))
        return td_err(err, -EPERM, "the receiver wants deliveries of %.100s, not of %.100s",
                      allowed_origin, origin);
    h->until = now + LIMIT_HANDSHAKE_MS;
    h->every_ms = 0;
    if (allowed_rate && str_to_i64(allowed_rate, &rate) == 0 && rate > 0)
        h->every_ms = MAX(MINUTE_MS / rate, (int64_t)1);
    return 0;
}

int64_t handshake_wait(const struct handshake *h, int64_t now)
{
    return MAX(h->next_at - now, (int64_t)0);
}

void handshake_sent(struct handshake *h, int64_t now)
{
    h->next_at = now + h->every_ms;
}

void handshake_revoke(struct handshake *h)
{
    h->until = 0;
}
