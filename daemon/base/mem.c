#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *check(void *p, size_t n)
{
    if (!p) {
        fprintf(stderr, "tidings: out of memory (%zu bytes)\n", n);
        abort();
    }
    return p;
}

void *xmalloc(size_t n)
{
    return check(malloc(n ? n : 1), n);
}

void *xcalloc(size_t n, size_t size)
{
    return check(calloc(n ? n : 1, size ? size : 1), n * size);
}

void *xrealloc(void *p, size_t n)
{
    return check(realloc(p, n ? n : 1), n);
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    return check(reallocarray(p, n ? n : 1, size ? size : 1), n * size);
}

void *xpages(size_t n, size_t size)
{
    size_t bytes;
    void *p = MAP_FAILED;
    if (!__builtin_mul_overflow(n, size, &bytes))
        p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return check(p == MAP_FAILED ? NULL : p, bytes);
}

void xpages_free(void *p, size_t n, size_t size)
{
    if (p)
        munmap(p, n * size);
}

char *xstrdup(const char *s)
{
    return check(strdup(s), strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    char *p = xmalloc(n + 1);
    if (n)
        memcpy(p, s, n);
    p[n] = 0;
    return p;
}

char *xstrdup_or_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

char *xasprintf(const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    return check(n < 0 ? NULL : p, 0);
}

void xreplace(char **p, const char *s)
{
    char *copy = xstrdup_or_null(s);
    free(*p);
    *p = copy;
}

void mem_close_p(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
