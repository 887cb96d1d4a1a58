#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "query/query.h"

#define SHOWN_BEFORE 50 /* characters of a long text around the place */
#define SHOWN_AFTER  25

/* The byte N characters away from AT, no further than the text goes. */
static size_t step(const char *text, size_t len, size_t at, int n)
{
    for (; n < 0 && at > 0; n++)
        do
            at--;
        while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
    for (; n > 0 && at < len; n--) {
        size_t bytes = utf8_decode(text + at, len - at, NULL);
        at += bytes ? bytes : 1;
    }
    return at;
}

/* Columns a terminal gives to N bytes: two for what is wide (East Asian Wide and emoji), none for
 * combining marks, as near as matters for a caret. */
static size_t columns(const char *s, size_t n)
{
    size_t cols = 0;
    for (size_t i = 0, bytes; i < n; i += bytes) {
        uint32_t c = 0;
        if (!(bytes = utf8_decode(s + i, n - i, &c)))
            bytes = 1;
        bool none = (c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200f) || c == 0xfe0f;
        bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) ||
                    (c >= 0xac00 && c < 0xd7a4) || (c >= 0xf900 && c < 0xfb00) ||
                    (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) ||
                    (c >= 0x1f300 && c < 0x1fb00) || (c >= 0x20000 && c < 0x40000);
        cols += none ? 0 : wide ? 2 : 1;
    }
    return cols;
}

void query_add_caret(struct buf *out, const char *text, const struct query_error *error,
                     size_t indent)
{
    size_t len = strlen(text), at = MIN(error->at, len);
    size_t from = step(text, len, at, -SHOWN_BEFORE), to = step(text, len, at, SHOWN_AFTER);
    CLEANUP_BUF struct buf before = BUF_INIT(4096);
    CLEANUP_BUF struct buf after = BUF_INIT(4096);
    if (from)
        buf_adds(&before, "...");
    str_add_printable(&before, text + from, at - from);
    str_add_printable(&after, text + at, to - at);
    buf_addf(out, "%*s%s%s%s\n%*s^\n", (int)indent, "", buf_str(&before), buf_str(&after),
             to < len ? "..." : "", (int)(indent + columns(buf_str(&before), before.len)), "");
}
