/* A document of any kind: what parse_feed makes of it holds document.h's promises; what it refuses
 * may be searched for links; its XML is the same to the plain and the strict reader. The first byte
 * chooses the header. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "document.h"
#include "parse/encoding.h"
#include "xml_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_readers(const struct parse_in *in)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_BODY_MAX_BYTES);
    struct encoding_result text;
    bool taken;
    if (encoding_to_utf8(in->bytes, in->n, in->content_type, &out, &text) == 0 &&
        !xml_same(text.text, text.n, &taken))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const types[] = {NULL, "text/xml; charset=utf-8", "application/feed+json",
                                        "text/html", "application/rss+xml; charset=iso-8859-1"};
    if (n < 1)
        return 0;
    struct parse_in in = {.bytes = (const char *)data + 1,
                          .n = n - 1,
                          .base_url = "https://base.example/feed",
                          .content_type = types[data[0] % (sizeof types / sizeof *types)]};
    struct td_batch *b = NULL;
    struct td_err err;
    check_readers(&in);
    int r = parse_feed(&in, &b, &err);
    if (r == 0) {
        check_batch(b);
        td_batch_free(b);
    } else if (r == -ENOMSG) {
        struct arena a = {0};
        struct discovered found[LIMIT_DISCOVERED];
        size_t k = parse_discover(&in, &a, found, LIMIT_DISCOVERED);
        for (size_t i = 0; i < k; i++)
            if (!str_casestarts(found[i].url, "http"))
                abort();
        arena_free(&a);
    }
    return 0;
}
