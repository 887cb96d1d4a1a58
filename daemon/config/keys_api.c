#include "config/keys_api.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"

static int refuse(const struct key *k, const char *value, struct td_err *err)
{
    char shown[KEY_SHOWN];
    return td_err(err, -EINVAL, "%s = %s; allowed: %s", k->name, key_shown(shown, value), k->type);
}

/* The next word of a list with commas and spaces; NULL = there is none. */
static char *next_word(const char **p)
{
    *p += strspn(*p, " ,\t");
    size_t n = strcspn(*p, " ,\t");
    const char *word = *p;
    *p += n;
    return n ? xstrndup(word, n) : NULL;
}

int set_listen(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct settings *s = target;
    struct endpoint list[LIMIT_LISTEN];
    size_t n = 0;
    int r = 0;
    for (char *word; r == 0 && (word = next_word(&v)); free(word)) {
        if (n == LIMIT_LISTEN)
            r = td_err(err, -EINVAL, "%s: more than %d; allowed: %d", k->name, LIMIT_LISTEN,
                       LIMIT_LISTEN);
        else if (endpoint_parse(word, false, &list[n++]) < 0)
            r = refuse(k, word, err);
    }
    if (r < 0)
        return r;
    free(s->listen);
    s->listen = xcalloc(n + 1, sizeof *s->listen);
    s->n_listen = n;
    memcpy(s->listen, list, n * sizeof *list);
    return 0;
}

/* As a browser sends it: letters, digits, '-', '.', '_'. */
static bool is_host_name(const char *s)
{
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
            return false;
    return strlen(s) < 254;
}

int set_listen_names(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct settings *s = target;
    CLEANUP_BUF struct buf names = BUF_INIT(LIMIT_LISTEN_NAMES * 256);
    int r = 0, n = 0;
    for (char *word; r == 0 && (word = next_word(&v)); free(word)) {
        if (!is_host_name(word))
            r = refuse(k, word, err);
        else if (++n > LIMIT_LISTEN_NAMES)
            r = td_err(err, -EINVAL, "%s: more than %d; allowed: %d", k->name, LIMIT_LISTEN_NAMES,
                       LIMIT_LISTEN_NAMES);
        else
            buf_addf(&names, "%s%s", n > 1 ? "\n" : "", word);
    }
    if (r == 0)
        xreplace(&s->listen_names, n ? buf_str(&names) : NULL);
    return r;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hash(const char *hex, unsigned char out[SHA256_BYTES])
{
    if (strlen(hex) != (size_t)2 * SHA256_BYTES)
        return -EINVAL;
    for (int i = 0; i < SHA256_BYTES; i++) {
        int hi = hex_digit(hex[2 * i]), lo = hex_digit(hex[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return -EINVAL;
        out[i] = (unsigned char)(hi << 4 | lo);
    }
    return 0;
}

/* What an Authorization header can carry (RFC 6750, 2.1), and too long to be guessed. */
static int check_secret(const struct key *k, const char *from, const char *secret,
                        struct td_err *err)
{
    size_t n = strlen(secret);
    bool good = true;
    for (const char *p = secret; *p; p++)
        good = good && (isalnum((unsigned char)*p) || strchr("-._~+/=", *p));
    if (good && n >= LIMIT_TOKEN_MIN_BYTES && n <= LIMIT_TOKEN_BYTES)
        return 0;
    return td_err(err, -EINVAL,
                  "%s: %s holds %zu characters%s; allowed: %d to %d random letters, digits and "
                  "-._~+/= (openssl rand -hex 32)",
                  k->name, from, n, good ? "" : ", some of which no header can carry",
                  LIMIT_TOKEN_MIN_BYTES, LIMIT_TOKEN_BYTES);
}

static char *read_secret(const char *v, struct td_err *err)
{
    if (credential_is(v))
        return credential_read(getenv("CREDENTIALS_DIRECTORY"), v, err);
    return credential_read_file(v + strlen("file:"), err);
}

int set_token_secret(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct td_token *t = target;
    if (str_starts(v, "sha256:"))
        return read_hash(v + strlen("sha256:"), t->sha256) < 0 ? refuse(k, v, err) : 0;
    if (!credential_is(v) && !str_starts(v, "file:/")) /* it may be a secret: not shown */
        return td_err(err, -EINVAL, "%s = something else; allowed: %s", k->name, k->type);
    char *secret = read_secret(v, err);
    if (!secret)
        return td_err_prefix(err, -EINVAL, "%s", k->name);
    int r = check_secret(k, v, secret, err);
    if (r == 0)
        crypto_sha256(secret, strlen(secret), t->sha256);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return r;
}

int set_token_scope(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct td_token *t = target;
    if (!str_eq(v, "read") && !str_eq(v, "write"))
        return refuse(k, v, err);
    t->write = str_eq(v, "write");
    return 0;
}

bool token_has_secret(const struct td_token *t)
{
    static const unsigned char none[SHA256_BYTES];
    return memcmp(t->sha256, none, sizeof none) != 0;
}
