/*
 * The parser as a program: [--base-url URL] [--content-type CT] FILE, prints what
 * `tidings parse --json` prints. Exit 1 with the reason when it is no feed. For the conformance
 * score and for feeding single documents to sanitizers, without a client or a daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/parse.h"

int main(int argc, char **argv)
{
    struct parse_in in = {0};
    const char *file = NULL;
    for (int i = 1; i < argc; i++) {
        if (str_eq(argv[i], "--base-url") && i + 1 < argc)
            in.base_url = argv[++i];
        else if (str_eq(argv[i], "--content-type") && i + 1 < argc)
            in.content_type = argv[++i];
        else
            file = argv[i];
    }
    CLEANUP_BUF struct buf bytes = BUF_INIT(LIMIT_BODY_BYTES), out = BUF_INIT(LIMIT_WIRE_BYTES);
    int r = file ? io_read_file(file, &bytes) : -EINVAL;
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", file ? file : "no FILE", strerror(-r));
        return 2;
    }
    in.bytes = buf_str(&bytes);
    in.n = bytes.len;
    struct td_batch *b;
    struct td_err err;
    if (parse_feed(&in, &b, &err) < 0) {
        fprintf(stderr, "%s: %s\n", file, err.msg);
        return 1;
    }
    parse_print_json(b, &out);
    td_batch_free(b);
    fwrite(buf_str(&out), 1, out.len, stdout);
    return 0;
}
