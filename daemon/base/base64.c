#include "base/base64.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"

char *base64_encode(const void *p, size_t n, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, p, (int)n);
    return out;
}

ssize_t base64_decode(const char *text, unsigned char *out, size_t size)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text), body = strspn(text, set), pad = len - body;
    if (len % 4 || pad > 2 || strspn(text + body, "=") != pad || len / 4 * 3 - pad > size)
        return -EINVAL;
    CLEANUP_FREE unsigned char *all = xmalloc(len / 4 * 3 + 1);
    if (len && EVP_DecodeBlock(all, (const unsigned char *)text, (int)len) < 0)
        return -EINVAL;
    memcpy(out, all, len / 4 * 3 - pad);
    return (ssize_t)(len / 4 * 3 - pad);
}
