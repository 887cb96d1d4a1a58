/* A JSON Feed. A fuzzer seldom hits on the version string by itself, so the input is the members of
 * the feed behind it: `"title": "x", "items": [...]}`; a first byte that is not one of JSON's means
 * the rest is the whole document. Holds document.h's promises. */
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char head[] = "{\"version\": \"https://jsonfeed.org/version/1.1\", ";
    CLEANUP_BUF struct buf doc = BUF_INIT(LIMIT_BODY_BYTES);
    struct td_batch *b = NULL;
    if (n < 1)
        return 0;
    if (strchr("\"} \n\t", data[0]) && data[0])
        buf_adds(&doc, head);
    else
        data++, n--;
    buf_add(&doc, data, n);
    struct parse_in in = {.bytes = buf_str(&doc),
                          .n = doc.len,
                          .base_url = "https://base.example/feed",
                          .content_type = "application/feed+json"};
    if (parse_feed(&in, &b, NULL) == 0) {
        check_batch(b);
        td_batch_free(b);
    }
    return 0;
}
