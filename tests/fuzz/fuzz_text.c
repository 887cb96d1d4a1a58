/* HTML to text, "is it HTML?", references, URLs: output is valid UTF-8 without loose white space,
 * and as text it stays what it is. The input is read as UTF-8 with damage. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "parse/encoding.h"
#include "parse/text.h"
#include "parse/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_text(const char *s, size_t n)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_TEXT_BYTES), again = BUF_INIT(LIMIT_TEXT_BYTES);
    text_is_html(s, n);
    text_add_html(&out, s, n);
    if (!utf8_valid(buf_str(&out), out.len))
        abort();
    text_add_plain(&again, buf_str(&out), out.len);
    if (out.len != again.len || memcmp(buf_str(&out), buf_str(&again), out.len) != 0)
        abort();
}

/* Escaped text is read back as it was. */
static void check_escape(const char *s, size_t n)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_TEXT_BYTES), again = BUF_INIT(LIMIT_TEXT_BYTES);
    text_add_escaped(&out, s, n, true);
    text_add_decoded(&again, buf_str(&out), out.len, true);
    if (again.len != n || (n && memcmp(again.data, s, n) != 0))
        abort();
}

static void check_url(const char *s, size_t n)
{
    struct arena a = {0};
    const char *url = url_resolve(&a, "https://base.example/a/b?c", s, n);
    if (url) {
        const char *again = url_resolve(&a, "https://base.example/a/b?c", url, strlen(url));
        if (url_is_dangerous(url, strlen(url)) || !again || strcmp(url, again) != 0)
            abort();
        CLEANUP_BUF struct buf canonical = BUF_INIT(LIMIT_URL_BYTES * 2);
        url_add_canonical(&canonical, url, strlen(url));
    }
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP_BUF struct buf utf8 = BUF_INIT(LIMIT_TEXT_BYTES);
    struct encoding_result r;
    if (encoding_to_utf8((const char *)data, n, "text/html; charset=utf-8", &utf8, &r) < 0)
        return 0;
    check_text(r.text, r.n);
    check_escape(r.text, r.n);
    check_url(r.text, r.n);
    return 0;
}
