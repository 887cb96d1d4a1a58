/*
 * base64.h - RFC 4648 base64 with padding, by libcrypto. Pure.
 */
#ifndef TIDINGS_BASE_BASE64_H
#define TIDINGS_BASE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Characters of N encoded bytes and a NUL. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* Encodes N bytes into OUT of BASE64_SIZE(N). Returns OUT. */
char *base64_encode(const void *p, size_t n, char *out);
/* Decodes TEXT (strict: padded, no spaces) into OUT: the number of bytes, or -EINVAL when it is no
 * base64 or more than SIZE bytes. */
ssize_t base64_decode(const char *text, unsigned char *out, size_t size);

#endif
