/* HTML: the output is what html_check.h allows, a fixed point, and within its bounds; with a small
 * buffer too. The first byte chooses the options and the buffer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/html_check.h"
#include "base/limits.h"
#include "base/str.h"
#include "parse/encoding.h"
#include "parse/sanitize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct buf *b)
{
    const char *why = html_check(buf_str(b), b->len);
    if (why || !utf8_valid(buf_str(b), b->len)) {
        fprintf(stderr, "%s: %s\n", why ? why : "not UTF-8", buf_str(b));
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1)
        return 0;
    uint8_t flags = data[0];
    CLEANUP_BUF struct buf utf8 = BUF_INIT(LIMIT_TEXT_BYTES), text = BUF_INIT(flags);
    CLEANUP_BUF struct buf out = BUF_INIT(flags & 1 ? LIMIT_TEXT_BYTES : 5000u + flags);
    CLEANUP_BUF struct buf again = BUF_INIT(LIMIT_TEXT_BYTES);
    struct sanitize_opts o = {
        .base_url = flags & 2 ? "https://base.example/a/b?c" : NULL,
        .keep_pixels = flags & 4,
        .unwrap_div = flags & 8,
        .text = flags & 16 ? &text : NULL,
    };
    struct encoding_result r;
    if (encoding_to_utf8((const char *)data + 1, n - 1, "text/html; charset=utf-8", &utf8, &r) < 0)
        return 0;
    int whole = sanitize_html(&out, r.text, r.n, &o);
    check(&out);
    if (!utf8_valid(buf_str(&text), text.len) || (whole == 0) == out.overflow)
        abort();
    o.unwrap_div = false;
    o.text = NULL;
    if (sanitize_html(&again, buf_str(&out), out.len, &o) == 0 &&
        (again.len != out.len || memcmp(buf_str(&again), buf_str(&out), out.len) != 0)) {
        fprintf(stderr, "not a fixed point:\n%s\n%s\n", buf_str(&out), buf_str(&again));
        abort();
    }
    return 0;
}
