#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

void crypto_sha256(const void *p, size_t n, unsigned char out[SHA256_BYTES])
{
    SHA256(p, n, out);
}

uint64_t crypto_hash64(const void *p, size_t n)
{
    unsigned char h[SHA256_BYTES];
    crypto_sha256(p, n, h);
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | h[i];
    return v;
}

void crypto_random(void *p, size_t n)
{
    if (RAND_bytes(p, (int)n) != 1) {
        fprintf(stderr, "tidings: the system gives no random numbers\n");
        abort();
    }
}

char *crypto_hex(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * n] = 0;
    return out;
}
