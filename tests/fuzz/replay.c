/* Runs a fuzz target without a fuzzer: every file of the folders given, then a fixed number of
 * damaged copies of each, always the same ones. So every sample that ever broke something is an
 * ordinary test, also with gcc.
 *
 * With a fuzzer: CC=clang meson setup DIR -Dc_args=-fsanitize=fuzzer-no-link
 * -Db_sanitize=address,undefined -Db_lundef=false; ninja -C DIR; then
 * DIR/tests/fuzz/fuzz_NAME NEWCORPUS tests/fuzz/corpus/NAME. This file is left out there.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SAMPLE_BYTES (16u << 20)
#define ROUNDS       400 /* damaged copies of one sample */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* xorshift64: the same on every machine. */
static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* In a block of exactly N bytes, so that AddressSanitizer sees one byte too far. */
static void run(const uint8_t *p, size_t n)
{
    CLEANUP_FREE uint8_t *exact = xmalloc(n);
    if (n)
        memcpy(exact, p, n);
    LLVMFuzzerTestOneInput(exact, n);
}

static void damage(const uint8_t *p, size_t n, uint64_t seed)
{
    static const uint8_t odd[] = {0, 0xff, 0x80, '<', '>', '&', '"', '{', '}', '\\', '\n', '%'};
    CLEANUP_FREE uint8_t *copy = xmalloc(2 * n);
    uint64_t x = seed;
    size_t len = n;
    memcpy(copy, p, n);
    for (uint64_t k = next(&x) % 6 + 1; k > 0 && len; k--) {
        size_t at = next(&x) % len, span = MIN(next(&x) % 64, len - at);
        switch (next(&x) % 5) {
        case 0:
            copy[at] ^= (uint8_t)(1u << next(&x) % 8);
            break;
        case 1:
            copy[at] = odd[next(&x) % sizeof odd];
            break;
        case 2: /* a piece is lost */
            memmove(copy + at, copy + at + span, len - at - span);
            len -= span;
            break;
        case 3: /* a piece comes twice */
            if (len + span > 2 * n)
                break;
            memmove(copy + at + span, copy + at, len - at);
            len += span;
            break;
        default: /* the end is lost */
            len = next(&x) % 8 ? len : at;
        }
    }
    run(copy, len);
}

static bool replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    CLEANUP_FREE uint8_t *p = xmalloc(SAMPLE_BYTES);
    size_t n = fread(p, 1, SAMPLE_BYTES, f);
    fclose(f);
    run(p, n);
    for (uint64_t i = 1; n && i <= ROUNDS; i++)
        damage(p, n, i * UINT64_C(0x9e3779b97f4a7c15));
    return true;
}

int main(int argc, char **argv)
{
    size_t files = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **all;
        int n = scandir(argv[i], &all, NULL, alphasort);
        for (int k = 0; k < n; k++) {
            CLEANUP_FREE char *path = xasprintf("%s/%s", argv[i], all[k]->d_name);
            if (all[k]->d_name[0] != '.')
                files += replay_file(path);
            free(all[k]);
        }
        if (n >= 0)
            free(all);
    }
    printf("%zu samples\n", files);
    return files ? EXIT_SUCCESS : EXIT_FAILURE; /* no corpus: the test would show nothing */
}
