#include "model/exchange.h"

#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "base/mem.h"
#include "base/str.h"

/* On the wire, chunks and header come on top of a body. */
#define ROOM_BESIDE_BODY (2u * LIMIT_HEADER_BYTES)

struct td_exchange *td_recording_add(struct td_recording *rec, size_t max_body_bytes)
{
    struct td_exchange *x = xcalloc(1, sizeof *x);
    x->request = BUF_INIT(LIMIT_HEADER_BYTES);
    x->answer = BUF_INIT(max_body_bytes + max_body_bytes / 8 + ROOM_BESIDE_BODY);
    LL_APPEND(rec->hops, x);
    return x;
}

void td_recording_fini(struct td_recording *rec)
{
    struct td_exchange *x, *next;
    LL_FOREACH_SAFE(rec->hops, x, next)
    {
        buf_free(&x->request);
        buf_free(&x->answer);
        free(x->url);
        free(x->ip);
        free(x->words);
        free(x->reason);
        free(x->proxy);
        free(x->bound_to);
        free(x);
    }
    free(rec->software);
    free(rec->feed);
    free(rec->conf.name);
    free(rec->conf.url);
    td_feed_state_fini(&rec->state);
    free(rec->fates);
    free(rec->why);
    *rec = (struct td_recording){0};
}

static void cover(char *p, size_t n)
{
    memset(p, 'x', n);
}

/* The values of all lines "NAME: ..." of B. */
static void cover_header(struct buf *b, const char *name)
{
    size_t len = strlen(name);
    for (char *p = b->data, *end = p + b->len; p && p < end;) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl ? nl : end) - p);
        if (n > len + 1 && p[len] == ':' && strncasecmp(p, name, len) == 0) {
            size_t from = len + 1 + strspn(p + len + 1, " \t");
            size_t to = n - (n && p[n - 1] == '\r');
            if (from < to)
                cover(p + from, to - from);
        }
        p = nl ? nl + 1 : end;
    }
}

static void cover_text(void *ctx, const char *secret)
{
    struct buf *b = ctx;
    size_t n = strlen(secret);
    char *p = b->data, *end = p + b->len;
    while (n && p && p < end && (p = memmem(p, (size_t)(end - p), secret, n))) {
        cover(p, n);
        p += n;
    }
}

void td_exchange_redact(struct td_exchange *x, const struct td_access *access)
{
    static const char *const of_request[] = {"Authorization", "Proxy-Authorization", "Cookie"};
    for (size_t i = 0; i < ARRAY_SIZE(of_request); i++)
        cover_header(&x->request, of_request[i]);
    if (x->is_http) {
        const char *end = x->answer.len ? memmem(x->answer.data, x->answer.len, "\r\n\r\n", 4)
                                        : NULL;
        struct buf head = x->answer; /* the same bytes: only the header's lines are covered */
        head.len = end ? (size_t)(end - x->answer.data) + 2 : x->answer.len;
        cover_header(&head, "Set-Cookie");
    }
    td_access_secrets(access, cover_text, &x->request);
    td_access_secrets(access, cover_text, &x->answer);
}
