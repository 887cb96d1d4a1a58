/* A document's bytes, the first line of which is its content type: the text is valid UTF-8 that XML
 * accepts, and read again as UTF-8 it is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const char *s, size_t n)
{
    if (!utf8_valid(s, n) || memmem(s, n, "\xef\xbf\xbe", 3) || memmem(s, n, "\xef\xbf\xbf", 3))
        abort();
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' && s[i] != '\n' && s[i] != '\t' && s[i] != '\r')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *line = n ? memchr(data, '\n', n) : NULL;
    size_t type_n = line ? (size_t)(line - data) : 0;
    CLEANUP_FREE char *type = line ? xstrndup((const char *)data, type_n) : NULL;
    size_t skip = line ? type_n + 1 : 0;
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_BODY_BYTES), again = BUF_INIT(LIMIT_BODY_BYTES);
    struct encoding_result r, r2;
    if (encoding_to_utf8((const char *)data + skip, n - skip, type, &out, &r) < 0)
        return 0;
    check(r.text, r.n);
    if (!r.name || encoding_by_label(r.name, strlen(r.name)) != r.name)
        abort();
    /* with a BOM in front nothing is left to guess */
    CLEANUP_BUF struct buf marked = BUF_INIT(LIMIT_BODY_BYTES);
    buf_adds(&marked, "\xef\xbb\xbf");
    buf_add(&marked, r.text, r.n);
    if (encoding_to_utf8(marked.data, marked.len, NULL, &again, &r2) < 0 || r2.n != r.n ||
        memcmp(r2.text, r.text, r.n) != 0 || strcmp(r2.name, "utf-8") != 0 || r2.lossy)
        abort();
    return 0;
}
