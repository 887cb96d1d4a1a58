#include "config/sub_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"
#include "config/keys.h"
#include "model/event.h"
#include "query/query.h"

int sub_refuse(const struct sub_key *k, const char *value, struct td_err *err)
{
    char shown[KEY_SHOWN];
    return td_err(err, -EINVAL, "%s = %s; allowed: %s", k->name, key_shown(shown, value), k->type);
}

bool sub_has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

void *sub_member(const struct sub_key *k, struct sub_draft *d)
{
    return (char *)d->conf + k->offset;
}

/* ---- values --------------------------------------------------------------------------------- */

int sub_set_text(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                 struct td_err *err)
{
    if (sub_has_control(v) || !utf8_valid(v, strlen(v)) || strlen(v) > (size_t)k->max)
        return sub_refuse(k, v, err);
    xreplace(sub_member(k, d), *v ? v : NULL);
    return 0;
}

/* What WORD names: itself, a credential of the service, the line in a file. NULL and the reason. */
static char *secret_of(const struct sub_key *k, const struct sub_draft *d, const char *word,
                       const char *dir, struct td_err *err)
{
    bool file = str_starts(word, "file:");
    if (!file && !credential_is(word))
        return xstrdup(word);
    if (d->runtime) {
        td_err(err, -EPERM, "%s = %s at run time; allowed: the secret itself", k->name, word);
        return NULL;
    }
    char *secret;
    if (file) {
        const char *name = word + strlen("file:");
        bool relative = *name != '/' && dir;
        CLEANUP_FREE char *path = xasprintf("%s%s%s", relative ? dir : "", relative ? "/" : "",
                                            name);
        secret = credential_read_file(path, err);
    } else {
        secret = credential_read(getenv("CREDENTIALS_DIRECTORY"), word, err);
    }
    if (secret)
        credential_seal();
    else
        td_err_prefix(err, -EINVAL, "%s", k->name);
    return secret;
}

int sub_set_secret(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                   struct td_err *err)
{
    CLEANUP_BUF struct buf all = BUF_INIT(1 << 14);
    CLEANUP_FREE char *list = xstrdup(v);
    char *save = NULL;
    int n = 0;
    for (char *w = strtok_r(list, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
        unsigned char key[TD_SECRET_MAX];
        CLEANUP_FREE char *secret = secret_of(k, d, w, dir, err);
        if (!secret)
            return -EINVAL;
        if (++n > LIMIT_SECRETS || td_secret_decode(secret, key) < 0)
            return td_err(err, -EINVAL, "%s: the %d. one cannot be used; allowed: %s", k->name, n,
                          k->type); /* what it is is not repeated */
        buf_addf(&all, "%s%s", all.len ? "\n" : "", secret);
    }
    xreplace(&d->conf->secrets, all.len ? buf_str(&all) : NULL);
    return 0;
}

int sub_set_authorization(const struct sub_key *k, struct sub_draft *d, const char *v,
                          const char *dir, struct td_err *err)
{
    CLEANUP_FREE char *secret = secret_of(k, d, v, dir, err);
    if (!secret)
        return -EINVAL;
    if (sub_has_control(secret) || strlen(secret) > 4096)
        return td_err(err, -EINVAL, "%s cannot be used; allowed: %s", k->name, k->type);
    xreplace(&d->conf->authorization, *secret ? secret : NULL);
    return 0;
}

/* "item.new, feed.*" as lines; "all" is none. */
int sub_set_events(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                   struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    if (str_eq(v, "all")) {
        xreplace(&d->conf->events, NULL);
        return 0;
    }
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, ", ");
        if (n)
            buf_addf(&b, "%s%.*s", b.len ? "\n" : "", (int)n, p);
        p += n + (p[n] != 0);
    }
    if (!b.len || b.overflow)
        return sub_refuse(k, v, err);
    if (event_kinds_check(buf_str(&b), err) < 0) {
        td_err_prefix(err, -EINVAL, "%s", k->name);
        return -EINVAL;
    }
    xreplace(&d->conf->events, buf_str(&b));
    return 0;
}

int sub_set_query(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                  struct td_err *err)
{
    int r = query_check_err(v, err); /* which names there are is known when it runs */
    if (r < 0)
        return r;
    xreplace(&d->conf->query, *v ? v : NULL);
    return 0;
}

int sub_set_per(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                struct td_err *err)
{
    for (int i = 0; i < TD_SUB_PERS; i++)
        if (str_eq(v, td_sub_per_names[i])) {
            d->conf->per = (enum td_sub_per)i;
            return 0;
        }
    return sub_refuse(k, v, err);
}

int sub_set_strictness(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                       struct td_err *err)
{
    int32_t p;
    if (str_to_share(v, &p) < 0 || p < k->min || p > k->max)
        return sub_refuse(k, v, err);
    d->conf->strictness = (int)p;
    return 0;
}

int sub_set_format(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                   struct td_err *err)
{
    for (int i = 0; i < TD_SUB_FORMATS; i++)
        if (str_eq(v, td_sub_format_names[i])) {
            d->conf->format = (enum td_sub_format)i;
            return 0;
        }
    return sub_refuse(k, v, err);
}

int sub_set_handshake(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                      struct td_err *err)
{
    if (!str_eq(v, "yes") && !str_eq(v, "no"))
        return sub_refuse(k, v, err);
    d->conf->handshake = str_eq(v, "yes");
    return 0;
}

int sub_set_batch(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                  struct td_err *err)
{
    int64_t n;
    if (str_to_i64(v, &n) < 0 || n < k->min || n > k->max)
        return sub_refuse(k, v, err);
    d->conf->batch = (int)n;
    return 0;
}

int sub_set_duration(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                     struct td_err *err)
{
    int64_t ms;
    if (str_to_duration_ms(v, &ms) < 0 || ms < k->min || ms > k->max)
        return sub_refuse(k, v, err);
    *(int64_t *)sub_member(k, d) = ms;
    return 0;
}

int sub_set_retry(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                  struct td_err *err)
{
    int n = 0;
    int64_t list[LIMIT_SUB_RETRIES];
    for (const char *p = v; *p;) {
        size_t len = strcspn(p, ",");
        const char *one = p;
        size_t trimmed = str_trim(&one, len);
        CLEANUP_FREE char *text = xstrndup(one, trimmed);
        if (n == LIMIT_SUB_RETRIES || str_to_duration_ms(text, &list[n]) < 0 || list[n] < 0 ||
            list[n] > k->max)
            return sub_refuse(k, v, err);
        n++;
        p += len + (p[len] != 0);
    }
    if (!n || list[0] != 0)
        return sub_refuse(k, v, err);
    memcpy(d->conf->retry_ms, list, sizeof list);
    d->conf->n_retry = n;
    return 0;
}

int sub_set_rotate(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                   struct td_err *err)
{
    uint64_t n = 0;
    if (!str_eq(v, "never") &&
        (str_to_bytes(v, &n) < 0 || n < (uint64_t)k->min || n > (uint64_t)k->max))
        return sub_refuse(k, v, err);
    d->conf->rotate_bytes = (int64_t)n;
    return 0;
}

int sub_set_allow(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                  struct td_err *err)
{
    struct td_sub_conf *c = d->conf;
    if (d->runtime)
        return td_err(err, -EPERM, "%s at run time; allowed: in the config", k->name);
    return key_read_blocks(k->name, k->type, v, &c->allow, &c->n_allow, err);
}

/* Of our hub: never in the config. */
int sub_set_hub_text(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                     struct td_err *err)
{
    return d->runtime ? sub_set_text(k, d, v, dir, err)
                      : td_err(err, -EPERM, "%s in the config; allowed: nowhere but in the store",
                               k->name);
}

int sub_set_hub_expires(const struct sub_key *k, struct sub_draft *d, const char *v,
                        const char *dir, struct td_err *err)
{
    if (!d->runtime || clock_parse_rfc3339(v, &d->conf->hub_expires_at) < 0)
        return sub_refuse(k, v, err);
    return 0;
}
