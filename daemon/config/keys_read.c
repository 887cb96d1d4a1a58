#include "config/keys_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/url.h"
#include "model/endpoint.h"

const char *key_shown(char buf[KEY_SHOWN], const char *value)
{
    CLEANUP_BUF struct buf b = BUF_INIT(3 * KEY_SHOWN);
    size_t n = strlen(value), cut = n > 60 ? utf8_cut(value, 60) : n;
    str_add_printable(&b, value, cut);
    size_t fits = KEY_SHOWN - 8 < b.len ? utf8_cut(buf_str(&b), KEY_SHOWN - 8) : b.len;
    snprintf(buf, KEY_SHOWN, "'%.*s%s'", (int)fits, buf_str(&b), cut < n ? "..." : "");
    return buf;
}

/* The error of a value that cannot be read at all. */
static int refuse(const struct key *k, const char *value, struct td_err *err)
{
    char shown[KEY_SHOWN];
    return td_err(err, -EINVAL, "%s = %s; allowed: %s", k->name, key_shown(shown, value), k->type);
}

static int too_long(const struct key *k, size_t n, size_t max, struct td_err *err)
{
    return td_err(err, -EINVAL, "%s of %zu bytes; allowed: %zu", k->name, n, max);
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

static void *member(const struct key *k, void *target)
{
    return (char *)target + k->offset;
}

int set_string(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (has_control(v))
        return refuse(k, v, err);
    if (strlen(v) > (size_t)k->max)
        return too_long(k, strlen(v), (size_t)k->max, err);
    xreplace(member(k, target), *v ? v : NULL);
    return 0;
}

int set_path(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!*v || v[strlen(v) - 1] == '/')
        return refuse(k, v, err);
    return set_string(k, target, v, err);
}

/* The contact stands in a comment of the User-Agent header. */
int set_contact(const struct key *k, void *target, const char *v, struct td_err *err)
{
    for (const char *p = v; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("()\\", *p))
            return refuse(k, v, err);
    return set_string(k, target, v, err);
}

int set_int(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t n;
    if (str_to_i64(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    *(int *)member(k, target) = (int)n;
    return 0;
}

int set_count(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t n;
    if (str_to_i64(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    *(int64_t *)member(k, target) = n;
    return 0;
}

int set_parsers(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!str_eq(v, "auto"))
        return set_int(k, target, v, err);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *(int *)member(k, target) = cpus < 1 ? 1 : cpus > 8 ? 8 : (int)cpus;
    return 0;
}

int set_log_level(const struct key *k, void *target, const char *v, struct td_err *err)
{
    static const struct {
        const char *name;
        int level;
    } levels[] = {{"error", LOG_ERR},
                  {"warning", LOG_WARNING},
                  {"notice", LOG_NOTICE},
                  {"info", LOG_INFO},
                  {"debug", LOG_DEBUG}};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (str_eq(v, levels[i].name)) {
            *(int *)member(k, target) = levels[i].level;
            return 0;
        }
    return refuse(k, v, err);
}

int set_duration(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t ms;
    if (str_to_duration_ms(v, &ms) < 0 || ms < k->min || ms > k->max)
        return refuse(k, v, err);
    *(int64_t *)member(k, target) = ms;
    return 0;
}

/* A duration with a word that stands for 0. */
int set_interval(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!str_eq(v, "auto"))
        return set_duration(k, target, v, err);
    *(int64_t *)member(k, target) = 0;
    return 0;
}

int set_backlog(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!str_eq(v, "all"))
        return set_duration(k, target, v, err);
    *(int64_t *)member(k, target) = 0;
    return 0;
}

int set_bytes(const struct key *k, void *target, const char *v, struct td_err *err)
{
    uint64_t n;
    if (str_to_bytes(v, &n) < 0 || n < (uint64_t)k->min || n > (uint64_t)k->max)
        return refuse(k, v, err);
    *(size_t *)member(k, target) = n;
    return 0;
}

int set_bool(const struct key *k, void *target, const char *v, struct td_err *err)
{
    bool yes = str_eq(v, "yes") || str_eq(v, "true") || str_eq(v, "on") || str_eq(v, "1");
    if (!yes && !str_eq(v, "no") && !str_eq(v, "false") && !str_eq(v, "off") && !str_eq(v, "0"))
        return refuse(k, v, err);
    *(bool *)member(k, target) = yes;
    return 0;
}

int set_not(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct key as_bool = *k;
    bool yes = false;
    as_bool.offset = 0;
    int r = set_bool(&as_bool, &yes, v, err);
    if (r == 0)
        *(bool *)member(k, target) = !yes;
    return r;
}

int set_strictness(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int32_t n;
    if (str_to_share(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    *(int *)member(k, target) = n;
    return 0;
}

/* "2 3 5 10 20": rising. */
int set_story_steps(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct td_story_rules *rules = member(k, target);
    int steps[TD_STORY_STEPS];
    size_t n = 0;
    for (const char *p = v + strspn(v, ", "); *p; p += strspn(p, ", ")) {
        char word[12];
        size_t len = strcspn(p, ", ");
        int64_t step;
        if (n == TD_STORY_STEPS || len >= sizeof word)
            return refuse(k, v, err);
        memcpy(word, p, len);
        word[len] = 0;
        if (str_to_i64(word, &step) < 0 || step < k->min || step > k->max ||
            (n && step <= steps[n - 1]))
            return refuse(k, v, err);
        steps[n++] = (int)step;
        p += len;
    }
    memcpy(rules->steps, steps, n * sizeof *steps);
    rules->n_steps = n;
    return 0;
}

int set_hints(const struct key *k, void *target, const char *v, struct td_err *err)
{
    bool ignore = str_eq(v, "ignore");
    if (!ignore && !str_eq(v, "obey"))
        return refuse(k, v, err);
    *(bool *)member(k, target) = ignore;
    return 0;
}

/* "news, politics" as "news\npolitics", which is read as well; an empty list is none. */
int set_tags(const struct key *k, void *target, const char *v, struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_TAGS * (LIMIT_NAME_BYTES + 1));
    size_t count = 0;
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, ",\n");
        const char *tag = p;
        size_t m = str_trim(&tag, n);
        if (m > LIMIT_NAME_BYTES)
            return too_long(k, m, LIMIT_NAME_BYTES, err);
        if (m && ++count > LIMIT_TAGS)
            return td_err(err, -EINVAL, "more than %d tags; allowed: %d", LIMIT_TAGS, LIMIT_TAGS);
        if (m)
            buf_addf(&b, "%s%.*s", b.len ? "\n" : "", (int)m, tag);
        p += n + (p[n] != 0);
    }
    for (const char *p = buf_str(&b); *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\n')
            return refuse(k, v, err);
    xreplace(member(k, target), b.len ? buf_str(&b) : NULL);
    return 0;
}

/* One part of a retention: "90d" or "1000 items". */
static int read_keep(const char *part, int64_t *age_ms, int64_t *count)
{
    char *end;
    errno = 0;
    long long n = strtoll(part, &end, 10);
    if (end > part && (str_eq(end, " items") || str_eq(end, " item"))) {
        if (errno || n < 1 || *count)
            return -EINVAL;
        *count = n;
        return 0;
    }
    int64_t ms;
    if (*age_ms || str_to_duration_ms(part, &ms) < 0 || ms < 3600 * SECOND_MS)
        return -EINVAL;
    *age_ms = ms;
    return 0;
}

/* retention_age_ms and retention_count, which stand side by side. */
int set_retention(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t keep[2] = {0, 0};
    for (const char *p = v; !str_eq(v, "forever");) {
        char part[64];
        size_t n = strcspn(p, ",");
        const char *s = p;
        size_t m = str_trim(&s, n);
        if (m >= sizeof part)
            return refuse(k, v, err);
        memcpy(part, s, m);
        part[m] = 0;
        if (read_keep(part, &keep[0], &keep[1]) < 0)
            return refuse(k, v, err);
        if (!p[n])
            break;
        p += n + 1;
    }
    memcpy(member(k, target), keep, sizeof keep);
    return 0;
}
_Static_assert(offsetof(struct td_feed_conf, retention_count) ==
                   offsetof(struct td_feed_conf, retention_age_ms) + sizeof(int64_t),
               "set_retention writes both at once");

int key_read_blocks(const char *name, const char *type, const char *v, struct cidr **ret,
                    size_t *ret_n, struct td_err *err)
{
    struct cidr *list = NULL;
    size_t n = 0;
    for (const char *p = v; *p;) {
        size_t len = strcspn(p, " ,\t");
        CLEANUP_FREE char *one = xstrndup(p, len);
        p += len + strspn(p + len, " ,\t");
        if (!*one)
            continue;
        list = xreallocarray(list, n + 1, sizeof *list);
        int r = cidr_parse(one, &list[n++]);
        if (r == 0)
            continue;
        free(list);
        char shown[KEY_SHOWN];
        if (r == -ERANGE)
            return td_err(err, -EINVAL,
                          "%s: %s has bits behind its prefix; allowed: the block's first address",
                          name, key_shown(shown, one));
        return td_err(err, -EINVAL, "%s = %s; allowed: %s", name, key_shown(shown, one), type);
    }
    free(*ret);
    *ret = list;
    *ret_n = n;
    return 0;
}

int set_allow(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct settings *s = target;
    return key_read_blocks(k->name, k->type, v, &s->allow, &s->n_allow, err);
}

int set_feed_allow(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct td_feed_conf *c = target;
    c->access = c->access ? c->access : xcalloc(1, sizeof *c->access);
    return key_read_blocks(k->name, k->type, v, &c->access->allow, &c->access->n_allow, err);
}

int set_url(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int r = url_read(target, v, err);
    return r < 0 ? td_err_prefix(err, r, "%s", k->name) : 0;
}

/* "10/min", "60/1h": as the time between two requests. */
int set_rate(const struct key *k, void *target, const char *v, struct td_err *err)
{
    char count[16], per[32];
    int64_t n, ms;
    const char *slash = strchr(v, '/');
    size_t len = slash ? (size_t)(slash - v) : sizeof count;
    if (len >= sizeof count || !slash[1])
        return refuse(k, v, err);
    memcpy(count, v, len);
    count[len] = 0;
    bool bare = slash[1] < '0' || slash[1] > '9';
    if (snprintf(per, sizeof per, "%s%s", bare ? "1" : "", slash + 1) >= (int)sizeof per ||
        str_to_i64(count, &n) < 0 || n < 1 || n > 1000000 || str_to_duration_ms(per, &ms) < 0 ||
        ms < SECOND_MS || ms > 24 * 3600 * SECOND_MS)
        return refuse(k, v, err);
    *(int64_t *)member(k, target) = (ms + n - 1) / n;
    return 0;
}

/* Where others reach something of ours, without a slash at its end: something is put behind it. */
int set_address(const struct key *k, void *target, const char *v, struct td_err *err)
{
    bool http = str_casestarts(v, "http://") || str_casestarts(v, "https://");
    const char *host = http ? strstr(v, "://") + 3 : "";
    size_t n = strlen(v), n_host = strcspn(host, "/");
    if (!http || n > (size_t)k->max || !n_host || memchr(host, '@', n_host))
        return refuse(k, v, err);
    for (const char *c = v; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("?#\"<>\\", *c))
            return refuse(k, v, err);
    while (v[n - 1] == '/')
        n--;
    CLEANUP_FREE char *bare = xstrndup(v, n);
    xreplace(member(k, target), bare);
    return 0;
}

int set_endpoint(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct endpoint e;
    if (endpoint_parse(v, false, &e) < 0)
        return refuse(k, v, err);
    *(struct endpoint *)member(k, target) = e;
    return 0;
}

int feed_name_check(const char *name, struct td_err *err)
{
    size_t n = strlen(name);
    if (n == 0 || n > LIMIT_NAME_BYTES)
        return td_err(err, -EINVAL, "a feed's name of %zu bytes; allowed: 1 to %d", n,
                      LIMIT_NAME_BYTES);
    if (has_control(name) || !utf8_valid(name, n))
        return td_err(err, -EINVAL, "a feed's name with a control character; allowed: plain text");
    return 0;
}
