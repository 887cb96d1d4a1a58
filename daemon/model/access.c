#include "model/access.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"

static char **strings(struct td_access *a, size_t i)
{
    char **all[] = {&a->user,          &a->password,    &a->bearer,     &a->headers,
                    &a->cookie_file,   &a->client_cert, &a->client_key, &a->client_key_password,
                    &a->ca_file,       &a->tls_pin,     &a->proxy,      &a->proxy_user,
                    &a->proxy_password};
    _Static_assert(offsetof(struct td_access, allow) == ARRAY_SIZE(all) * sizeof(char *),
                   "each string is in the list");
    return i < ARRAY_SIZE(all) ? all[i] : NULL;
}

void td_secret_replace(char **p, const char *s)
{
    char *old = *p;
    *p = xstrdup_or_null(s);
    if (old)
        explicit_bzero(old, strlen(old));
    free(old);
}

struct td_access *td_access_copy(const struct td_access *a)
{
    if (!a)
        return NULL;
    struct td_access *copy = xmalloc(sizeof *copy);
    char **p;
    *copy = *a;
    for (size_t i = 0; (p = strings(copy, i)); i++)
        *p = xstrdup_or_null(*p);
    copy->allow = xcalloc(MAX(a->n_allow, (size_t)1), sizeof *copy->allow);
    if (a->n_allow)
        memcpy(copy->allow, a->allow, a->n_allow * sizeof *a->allow);
    return copy;
}

void td_access_free(struct td_access *a)
{
    char **p;
    for (size_t i = 0; a && (p = strings(a, i)); i++)
        td_secret_replace(p, NULL);
    if (a)
        free(a->allow);
    free(a);
}

bool td_access_same(const struct td_access *a, const struct td_access *b)
{
    static const struct td_access nothing;
    struct td_access left = a ? *a : nothing, right = b ? *b : nothing;
    char **p;
    for (size_t i = 0; (p = strings(&left, i)); i++)
        if (!str_same(*p, *strings(&right, i)))
            return false;
    return left.n_allow == right.n_allow &&
           (!left.n_allow ||
            memcmp(left.allow, right.allow, left.n_allow * sizeof *left.allow) == 0);
}

bool td_access_is_bound(const struct td_access *a)
{
    return a && (a->user || a->bearer || a->headers || a->cookie_file || a->client_cert ||
                 a->ca_file || a->tls_pin);
}

void td_access_words(struct buf *out, const struct td_access *a)
{
    static const struct td_access nothing;
    a = a ? a : &nothing;
    const struct {
        const char *value, *word;
    } words[] = {
        {a->user, "basic"},
        {a->bearer, "bearer"},
        {a->headers, "header"},
        {a->cookie_file, "cookies"},
        {a->client_cert, "client certificate"},
        {a->ca_file, "ca-file"},
        {a->tls_pin, "tls-pin"},
        {a->n_allow ? "" : NULL, "allow-addresses"},
        {str_empty(a->proxy) ? NULL : a->proxy, "proxy "},
    };
    const char *between = "";
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].value) {
            buf_addf(out, "%s%s%s", between, words[i].word,
                     words[i].value == a->proxy ? a->proxy : "");
            between = ", ";
        }
}

static void tell_pair(const char *user, const char *password,
                      void (*fn)(void *ctx, const char *secret), void *ctx)
{
    if (!user)
        return;
    char *pair = xasprintf("%s:%s", user, password ? password : "");
    char *sent = xmalloc(BASE64_SIZE(strlen(pair)));
    base64_encode(pair, strlen(pair), sent);
    fn(ctx, sent);
    if (!str_empty(password))
        fn(ctx, password);
    td_secret_replace(&pair, NULL);
    td_secret_replace(&sent, NULL);
}

void td_access_secrets(const struct td_access *a, void (*fn)(void *ctx, const char *secret),
                       void *ctx)
{
    if (!a)
        return;
    tell_pair(a->user, a->password, fn, ctx);
    tell_pair(a->proxy_user, a->proxy_password, fn, ctx);
    if (a->bearer)
        fn(ctx, a->bearer);
    if (a->client_key_password)
        fn(ctx, a->client_key_password);
    for (const char *line = a->headers; line && *line;) {
        size_t n = strcspn(line, "\n"), name = strcspn(line, ":");
        char *value = name + 2 < n ? xstrndup(line + name + 2, n - name - 2) : NULL;
        if (value)
            fn(ctx, value);
        td_secret_replace(&value, NULL);
        line += n + (line[n] == '\n');
    }
}
