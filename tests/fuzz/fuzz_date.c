/* A date's text: whatever it is, the answer is no date or one that RFC 3339 can write and we read
 * back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "parse/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int64_t t = date_parse((const char *)data, n);
    if (t == TD_NEVER)
        return 0;
    char buf[CLOCK_TEXT];
    const char *text = clock_rfc3339(buf, t);
    if (t % 1000 != 0 || strlen(text) != strlen("2026-01-01T00:00:00Z"))
        abort();
    /* year 0 can come out of a zone, but is none that we take */
    if (strncmp(text, "0000", 4) != 0 && date_parse(text, strlen(text)) != t)
        abort();
    return 0;
}
