#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

void crypto_no_config(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* SHA256() of OpenSSL 3 looks its algorithm up under locks on every call, which costs more than
 * hashing a title: 6 % of the daemon's work in a first round. */
static const EVP_MD *sha256;

static void find_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void crypto_sha256(const void *p, size_t n, unsigned char out[SHA256_BYTES])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_sha256);
    if (!sha256 || !EVP_Digest(p, n, out, NULL, sha256, NULL)) {
        fprintf(stderr, "tidings: libcrypto has no SHA-256\n");
        abort();
    }
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

size_t crypto_hmac(const char *method, const void *key, size_t key_n, const void *data, size_t n,
                   unsigned char out[CRYPTO_HMAC_MAX])
{
    static const char *const known[] = {"sha1", "sha256", "sha384", "sha512"};
    unsigned size = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(method, known[i]) == 0 &&
            !HMAC(EVP_get_digestbyname(method), key, (int)key_n, data, n, out, &size))
            return 0;
    return size;
}

bool crypto_same(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
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
