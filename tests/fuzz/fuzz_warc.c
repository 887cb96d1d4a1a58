/* A recording, as `tidings fetch --replay` reads it. What is accepted comes out the same when it is
 * written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fetch/warc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void write_and_read(const char *p, size_t n, struct buf *out)
{
    struct td_recording rec = {0};
    struct td_err err = {""};
    if (warc_read(p, n, &rec, &err) < 0)
        abort();
    warc_write(out, &rec);
    td_recording_fini(&rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP_BUF struct buf first = BUF_INIT(16 << 20), second = BUF_INIT(16 << 20),
                           third = BUF_INIT(16 << 20);
    struct td_recording rec = {0};
    struct td_err err = {""};
    if (warc_read((const char *)data, n, &rec, &err) < 0) {
        if (!err.msg[0] || rec.hops)
            abort();
        return 0;
    }
    warc_write(&first, &rec);
    td_recording_fini(&rec);
    write_and_read(first.data, first.len, &second);
    write_and_read(second.data, second.len, &third);
    if (second.len != third.len || memcmp(second.data, third.data, third.len) != 0)
        abort();
    return 0;
}
