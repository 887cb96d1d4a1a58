/*
 * crypto.h - hashes and random numbers, from libcrypto. Thread-safe.
 */
#ifndef TIDINGS_BASE_CRYPTO_H
#define TIDINGS_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before anything else in here: libcrypto reads no openssl.cnf, which is a third of the time it
 * takes to be ready and nothing to somebody who only hashes. */
void crypto_no_config(void);

#define SHA256_BYTES 32
void crypto_sha256(const void *p, size_t n, unsigned char out[SHA256_BYTES]);
/* The first 8 bytes of SHA-256, big-endian: the same on every machine and version. */
uint64_t crypto_hash64(const void *p, size_t n);
#define CRYPTO_HMAC_MAX 64 /* bytes of the longest */
/* HMAC of DATA under KEY with "sha1", "sha256", "sha384" or "sha512" into OUT: its length in bytes;
 * 0: no such method. */
size_t crypto_hmac(const char *method, const void *key, size_t key_n, const void *data, size_t n,
                   unsigned char out[CRYPTO_HMAC_MAX]);
/* N random bytes; aborts when the system has none (a broken environment). */
void crypto_random(void *p, size_t n);
/* Lower-case hex of N bytes into OUT (2N+1 bytes). Returns OUT. */
char *crypto_hex(const void *p, size_t n, char *out);
/* Are N bytes the same? Takes the same time wherever they differ. */
bool crypto_same(const void *a, const void *b, size_t n);

#endif
