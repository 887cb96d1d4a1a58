#include "parse/answer.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "model/wire.h"

/* The reason's text as a person may see it: the child's bytes are not to be trusted. */
static void copy_reason(struct td_err *ret, const char *s)
{
    CLEANUP_BUF struct buf b = BUF_INIT(sizeof ret->msg - 1);
    str_add_printable(&b, s, strlen(s));
    td_err(ret, 0, "%s", buf_str(&b));
}

static bool is_link(const char *s)
{
    int tabs = 0;
    for (const char *p = s; *p; p++) {
        tabs += *p == '\t';
        if (*p != '\t' && (unsigned char)*p < 0x20)
            return false;
    }
    return tabs == 2 && s[0] != '\t' && utf8_valid(s, strlen(s));
}

/* The reason, then the links, NUL behind each; LINKS has room for LIMIT_DISCOVERED and NULL. */
static bool read_reason(struct buf *payload, struct pool_answer *a, char **links)
{
    if (payload->len == 0 || payload->data[payload->len - 1] != 0)
        return false;
    char *s = payload->data, *end = s + payload->len;
    copy_reason(&a->err, s);
    size_t n = 0;
    for (s += strlen(s) + 1; s < end; s += strlen(s) + 1) {
        if (n == LIMIT_DISCOVERED || !is_link(s))
            return false;
        links[n++] = s;
    }
    links[n] = NULL;
    a->links = n ? links : NULL;
    return true;
}

bool answer_read(enum frame_kind kind, struct buf *payload, struct pool_answer *a, char **links)
{
    switch (kind) {
    case FRAME_BATCH:
        a->status = POOL_OK;
        return td_wire_read(buf_str(payload), payload->len, &a->batch, &a->err) == 0;
    case FRAME_NOT_FEED:
        a->status = POOL_NOT_A_FEED;
        return read_reason(payload, a, links);
    case FRAME_TOO_LARGE:
        a->status = POOL_TOO_LARGE;
        return read_reason(payload, a, links) && !a->links;
    default:
        td_err(&a->err, 0, "an answer of unknown kind");
        return false;
    }
}
