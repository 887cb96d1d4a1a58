#include "config/keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/keys_api.h"
#include "config/queries.h"
#include "config/keys_access.h"
#include "config/sub.h"
#include "config/url.h"
#include "model/endpoint.h"

#define SECOND_MS 1000LL
#define DAY_MS    (24 * 3600 * SECOND_MS)
#define YEAR_MS   (366 * DAY_MS)

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

static int set_string(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (has_control(v))
        return refuse(k, v, err);
    if (strlen(v) > (size_t)k->max)
        return too_long(k, strlen(v), (size_t)k->max, err);
    xreplace(member(k, target), *v ? v : NULL);
    return 0;
}

static int set_path(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!*v || v[strlen(v) - 1] == '/')
        return refuse(k, v, err);
    return set_string(k, target, v, err);
}

/* The contact stands in a comment of the User-Agent header. */
static int set_contact(const struct key *k, void *target, const char *v, struct td_err *err)
{
    for (const char *p = v; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("()\\", *p))
            return refuse(k, v, err);
    return set_string(k, target, v, err);
}

static int set_int(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t n;
    if (str_to_i64(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    *(int *)member(k, target) = (int)n;
    return 0;
}

static int set_count(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t n;
    if (str_to_i64(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    *(int64_t *)member(k, target) = n;
    return 0;
}

static int set_parsers(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!str_eq(v, "auto"))
        return set_int(k, target, v, err);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *(int *)member(k, target) = cpus < 1 ? 1 : cpus > 8 ? 8 : (int)cpus;
    return 0;
}

static int set_log_level(const struct key *k, void *target, const char *v, struct td_err *err)
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

static int set_duration(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int64_t ms;
    if (str_to_duration_ms(v, &ms) < 0 || ms < k->min || ms > k->max)
        return refuse(k, v, err);
    *(int64_t *)member(k, target) = ms;
    return 0;
}

/* A duration with a word that stands for 0. */
static int set_interval(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!str_eq(v, "auto"))
        return set_duration(k, target, v, err);
    *(int64_t *)member(k, target) = 0;
    return 0;
}

static int set_backlog(const struct key *k, void *target, const char *v, struct td_err *err)
{
    if (!str_eq(v, "all"))
        return set_duration(k, target, v, err);
    *(int64_t *)member(k, target) = 0;
    return 0;
}

static int set_bytes(const struct key *k, void *target, const char *v, struct td_err *err)
{
    uint64_t n;
    if (str_to_bytes(v, &n) < 0 || n < (uint64_t)k->min || n > (uint64_t)k->max)
        return refuse(k, v, err);
    *(size_t *)member(k, target) = n;
    return 0;
}

static int set_bool(const struct key *k, void *target, const char *v, struct td_err *err)
{
    bool yes = str_eq(v, "yes") || str_eq(v, "true") || str_eq(v, "on") || str_eq(v, "1");
    if (!yes && !str_eq(v, "no") && !str_eq(v, "false") && !str_eq(v, "off") && !str_eq(v, "0"))
        return refuse(k, v, err);
    *(bool *)member(k, target) = yes;
    return 0;
}

static int set_stories(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct key as_bool = *k;
    bool yes = false;
    as_bool.offset = 0;
    int r = set_bool(&as_bool, &yes, v, err);
    if (r == 0)
        *(bool *)member(k, target) = !yes;
    return r;
}

static int set_strictness(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int32_t n;
    if (str_to_share(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    *(int *)member(k, target) = n;
    return 0;
}

/* "2 3 5 10 20": rising. */
static int set_story_steps(const struct key *k, void *target, const char *v, struct td_err *err)
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

static int set_hints(const struct key *k, void *target, const char *v, struct td_err *err)
{
    bool ignore = str_eq(v, "ignore");
    if (!ignore && !str_eq(v, "obey"))
        return refuse(k, v, err);
    *(bool *)member(k, target) = ignore;
    return 0;
}

/* "news, politics" as "news\npolitics", which is read as well; an empty list is none. */
static int set_tags(const struct key *k, void *target, const char *v, struct td_err *err)
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
static int set_retention(const struct key *k, void *target, const char *v, struct td_err *err)
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

/* The blocks of V into *RET, which is replaced. */
static int read_blocks(const struct key *k, const char *v, struct cidr **ret, size_t *ret_n,
                       struct td_err *err)
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
                          k->name, key_shown(shown, one));
        return refuse(k, one, err);
    }
    free(*ret);
    *ret = list;
    *ret_n = n;
    return 0;
}

static int set_allow(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct settings *s = target;
    return read_blocks(k, v, &s->allow, &s->n_allow, err);
}

static int set_feed_allow(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct td_feed_conf *c = target;
    c->access = c->access ? c->access : xcalloc(1, sizeof *c->access);
    return read_blocks(k, v, &c->access->allow, &c->access->n_allow, err);
}

static int set_url(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int r = url_read(target, v, err);
    return r < 0 ? td_err_prefix(err, r, "%s", k->name) : 0;
}

/* "10/min", "60/1h": as the time between two requests. */
static int set_rate(const struct key *k, void *target, const char *v, struct td_err *err)
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

/* The public address of websub.c's callbacks; without a slash at its end. */
static int set_callback(const struct key *k, void *target, const char *v, struct td_err *err)
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

static int set_endpoint(const struct key *k, void *target, const char *v, struct td_err *err)
{
    struct endpoint e;
    if (endpoint_parse(v, false, &e) < 0)
        return refuse(k, v, err);
    *(struct endpoint *)member(k, target) = e;
    return 0;
}

static int set_push(const struct key *k, void *target, const char *v, struct td_err *err)
{
    bool yes = false;
    struct key as_bool = *k;
    as_bool.offset = 0;
    int r = set_bool(&as_bool, &yes, v, err);
    if (r == 0)
        *(bool *)member(k, target) = !yes;
    return r;
}

#define DAEMON(field) \
    .offset = offsetof(struct settings, field), .size = sizeof(((struct settings *)0)->field)
#define FEED(field)                                 \
    .offset = offsetof(struct td_feed_conf, field), \
    .size = sizeof(((struct td_feed_conf *)0)->field)

#define ACCESS(field)                                                                       \
    .offset = offsetof(struct td_access, field), .size = sizeof(char *), .in_access = true, \
    .is_string = true
#define SITE(field) \
    .offset = offsetof(struct td_site, field), .size = sizeof(((struct td_site *)0)->field)

#define QUERY(field)                                  \
    .offset = offsetof(struct td_saved_query, field), \
    .size = sizeof(((struct td_saved_query *)0)->field)

const struct key config_keys[] = {
    {"store", IN_DAEMON, "the path of a file", "/var/lib/tidings/tidings.db",
     "Database with all items; relative to the working directory. Restart to change.", set_path,
     DAEMON(store), .is_string = true, .max = PATH_MAX - 64},
    {"socket", IN_DAEMON, "the path of a file, at most 107 bytes", "/run/tidings/tidings.sock",
     "Unix socket of the API; relative to the working directory. Restart to change.", set_path,
     DAEMON(socket), .is_string = true, .max = 107},
    {"listen", IN_DAEMON, "addresses such as 127.0.0.1:8420 or [::1]:8420, separated by spaces",
     NULL, "TCP addresses of the API, for holders of a [token NAME]. Restart to change.",
     set_listen, DAEMON(listen)},
    {"listen-names", IN_DAEMON, "host names separated by spaces", NULL,
     "Names by which the API is asked over TCP, besides addresses and this machine's own.",
     set_listen_names, DAEMON(listen_names)},
    {"public-url", IN_DAEMON, "an http or https address without a query", NULL,
     "Where others reach the API (a reverse proxy): the beginning of the addresses in its feeds.",
     set_public_url, DAEMON(public_url), .is_string = true, .max = LIMIT_URL_BYTES},
    {"query", IN_QUERY, "a query, see tidings-query(7)", NULL, "Which items are meant.", set_query,
     QUERY(query)},
    {"title", IN_QUERY, "text of at most 500 bytes", NULL, "The title of its feed; else the name.",
     set_query_title, QUERY(title)},
    {"public", IN_QUERY, "yes or no", "no",
     "yes: its feed needs no token at the API's TCP addresses.", set_query_open, QUERY(open)},
    {"secret", IN_TOKEN, "credential:NAME, file:/PATH or sha256:HEX", NULL,
     "The token, or its hash; sent as Authorization: Bearer.", set_token_secret,
     .offset = offsetof(struct td_token, sha256), .size = SHA256_BYTES},
    {"scope", IN_TOKEN, "read or write", "read",
     "read: questions and following; write: changes too.", set_token_scope,
     .offset = offsetof(struct td_token, write), .size = sizeof(bool)},
    {"contact", IN_DAEMON, "a URL or mail address in ASCII, without spaces and parentheses", NULL,
     "Whom a site's owner may ask; part of the User-Agent.", set_contact, DAEMON(contact),
     .is_string = true, .max = 256},
    {"allow-addresses", IN_DAEMON, "IP addresses and blocks such as 192.168.0.0/16", NULL,
     "Addresses that feeds may be fetched from although they are not public.", set_allow,
     DAEMON(allow)},
    {"stories", IN_DAEMON, "yes or no", "yes",
     "Whether items are put into stories: what several outlets tell.", set_stories,
     DAEMON(stories.off)},
    {"strictness", IN_DAEMON, "0.05 to 0.99", "0.6",
     "How probable it must be that an item tells a story for it to join.", set_strictness,
     DAEMON(stories.strictness), .min = 50, .max = 990},
    {"story-steps", IN_DAEMON, "rising numbers from 2 to 10000, at most 16", "2 3 5 10 20",
     "Numbers of outlets at which a growing story is told again.", set_story_steps, DAEMON(stories),
     .min = 2, .max = 10000},
    {"concurrency", IN_DAEMON, "1 to 1024", "64", "Transfers at once.", set_int,
     DAEMON(concurrency), .min = 1, .max = 1024},
    {"per-host", IN_DAEMON, "1 to 64", "2", "Transfers at once to one host.", set_int,
     DAEMON(per_host), .min = 1, .max = 64},
    {"host-spacing", IN_DAEMON, "a duration from 0 to 1h", "1s",
     "Least time between two requests to one host.", set_duration, DAEMON(host_spacing_ms),
     .min = 0, .max = 3600 * SECOND_MS},
    {"starts-per-second", IN_DAEMON, "0 to 100000; 0 = no limit", "10",
     "Pace of overdue and new feeds after a start, a sleep or an import.", set_int,
     DAEMON(starts_per_s), .min = 0, .max = 100000},
    {"parsers", IN_DAEMON, "auto or 1 to 64", "auto",
     "Parser processes; auto is one for each processor, at most 8. Restart to change.", set_parsers,
     DAEMON(parsers), .min = 1, .max = 64},
    {"log-age", IN_DAEMON, "a duration from 1h to 10y", "90d",
     "Events of the log go when they are older, but not what a named consumer has not had yet.",
     set_duration, DAEMON(log_age_ms), .min = 3600 * SECOND_MS, .max = 3650 * DAY_MS},
    {"log-events", IN_DAEMON, "1000 to 1000000000", "10000000",
     "At most so many events are kept, with the same exception.", set_count, DAEMON(log_events),
     .min = 1000, .max = 1000000000},
    {"log-level", IN_DAEMON, "error, warning, notice, info or debug", "info",
     "The least important lines that are logged.", set_log_level, DAEMON(log_level)},
    {"per-host", IN_SITE, "1 to 64", NULL, "Transfers at once to all hosts of the site together.",
     set_int, SITE(per_host), .min = 1, .max = 64},
    {"host-spacing", IN_SITE, "a duration from 0 to 1h", NULL,
     "Least time between two requests to any host of the site.", set_duration, SITE(spacing_ms),
     .min = 0, .max = 3600 * SECOND_MS},
    {"rate", IN_SITE, "N/DURATION such as 60/1h or 10/min, up to a day", NULL,
     "Most requests to the site in a time, evenly spread.", set_rate, SITE(rate_ms)},
    {"websub-callback", IN_DAEMON, "an http or https URL without query and fragment", NULL,
     "Where hubs reach this daemon from outside; with it feeds with a hub are told by push.",
     set_callback, DAEMON(websub_callback), .is_string = true, .max = 1024},
    {"websub-listen", IN_DAEMON, "an address and a port such as 127.0.0.1:8421 or [::1]:8421",
     "127.0.0.1:8421", "Where websub-callback arrives, if it is set: nothing else is served there.",
     set_endpoint, DAEMON(websub_listen)},
    {"url", IN_FEED, "an http, https, file: or exec: address", NULL,
     "Where the feed is. file: is relative to the config file; exec: is a command without a shell.",
     set_url, FEED(url), .is_string = true},
    {"title", IN_FEED, "text of at most 500 bytes", NULL, "Shown in place of the feed's own title.",
     set_string, FEED(title), .is_string = true, .max = 500},
    {"tags", IN_DEFAULTS | IN_FEED, "words separated by commas", NULL,
     "Tags of the feed; a feed's own replace those of [defaults].", set_tags, FEED(tags),
     .is_string = true},
    {"enabled", IN_DEFAULTS | IN_FEED, "yes or no", "yes", "no: keep its items, do not fetch it.",
     set_bool, FEED(enabled)},
    {"interval", IN_DEFAULTS | IN_FEED, "auto or a duration of at least min-interval, at most 1y",
     "auto",
     "Time between fetches; auto follows the feed's rhythm. The publisher may ask for longer.",
     set_interval, FEED(interval_ms), .min = SECOND_MS, .max = YEAR_MS},
    {"min-interval", IN_DEFAULTS | IN_FEED, "a duration from 1s to 7d", "5min",
     "Never fetched more often than this.", set_duration, FEED(min_interval_ms), .min = SECOND_MS,
     .max = 7 * DAY_MS},
    {"hints", IN_DEFAULTS | IN_FEED, "obey or ignore", "obey",
     "ignore: max-age, ttl, sy:update* and skip hours do not delay fetches. Retry-After does.",
     set_hints, FEED(ignore_hints)},
    {"push", IN_DEFAULTS | IN_FEED, "yes or no", "yes",
     "no: no subscription at the feed's hub, only polls. See websub-callback.", set_push,
     FEED(no_push)},
    {"move-after", IN_DEFAULTS | IN_FEED, "a duration from 0 to 90d", "24h",
     "A permanent redirect is taken over when three polls over this time have seen it.",
     set_duration, FEED(move_after_ms), .min = 0, .max = 90 * DAY_MS},
    {"timeout", IN_DAEMON | IN_DEFAULTS | IN_FEED, "a duration from 1s to 1h", "1min",
     "For a whole transfer or command.", set_duration, FEED(timeout_ms), .min = SECOND_MS,
     .max = 3600 * SECOND_MS},
    {"max-body", IN_DAEMON | IN_DEFAULTS | IN_FEED, "bytes such as 512K or 10M, from 1K to 64M",
     "10M", "Largest document, decoded.", set_bytes, FEED(max_body_bytes), .min = 1 << 10,
     .max = LIMIT_BODY_MAX_BYTES},
    {"retention", IN_DEFAULTS | IN_FEED,
     "forever, an age from 1h (90d), N items, or both: 90d, N items", "forever",
     "What is kept of the feed's items.", set_retention,
     .offset = offsetof(struct td_feed_conf, retention_age_ms), .size = 2 * sizeof(int64_t)},
    {"backlog", IN_DEFAULTS | IN_FEED, "all or a duration from 1s", "24h",
     "On first import only items younger than this are announced.", set_backlog, FEED(backlog_ms),
     .min = SECOND_MS, .max = INT64_MAX},
    {"user", IN_FEED, "text without a colon, credential:NAME or file:PATH", NULL,
     "User name of HTTP Basic; sent to the scheme, host and port of url alone, as all of access.",
     set_user, ACCESS(user), .is_secret = true},
    {"password", IN_FEED, "text, credential:NAME or file:PATH", NULL, "Password of HTTP Basic.",
     set_secret, ACCESS(password), .is_secret = true},
    {"bearer-token", IN_FEED, "text, credential:NAME or file:PATH", NULL,
     "Sent as Authorization: Bearer.", set_secret, ACCESS(bearer), .is_secret = true},
    {"header", IN_FEED, "NAME: VALUE, the value also credential:NAME or file:PATH", NULL,
     "One more request header; may stand several times.", set_header, ACCESS(headers),
     .is_secret = true, .repeats = true},
    {"cookie-file", IN_FEED, "the path of a readable file, or credential:NAME", NULL,
     "Cookies in Netscape format; never written.", set_access_file, ACCESS(cookie_file),
     .is_file = true},
    {"client-cert", IN_FEED, "the path of a readable PEM file, or credential:NAME", NULL,
     "Certificate that is shown to the server.", set_access_file, ACCESS(client_cert),
     .is_file = true},
    {"client-key", IN_FEED, "the path of a readable PEM file, or credential:NAME", NULL,
     "Its key, when that is not in client-cert.", set_access_file, ACCESS(client_key),
     .is_file = true},
    {"client-key-password", IN_FEED, "text, credential:NAME or file:PATH", NULL,
     "Password of the key.", set_secret, ACCESS(client_key_password), .is_secret = true},
    {"ca-file", IN_FEED, "the path of a readable PEM file, or credential:NAME", NULL,
     "Authorities that are trusted in place of the system's.", set_access_file, ACCESS(ca_file),
     .is_file = true},
    {"tls-pin", IN_FEED, "sha256//BASE64 of a public key, several separated by spaces", NULL,
     "The server's key is trusted in place of a certificate chain, and no other is.", set_tls_pin,
     ACCESS(tls_pin)},
    {"allow-addresses", IN_FEED, "IP addresses and blocks such as 192.168.0.0/16", NULL,
     "The same for this feed alone, redirects included.", set_feed_allow,
     .offset = offsetof(struct td_feed_conf, access), .size = sizeof(struct td_access *)},
    {"proxy", IN_DEFAULTS | IN_FEED, "none, or http://, https:// or socks5h:// HOST:PORT", NULL,
     "Way to the server, for redirects too; the environment's is never used.", set_proxy,
     ACCESS(proxy), .is_secret = true},
    {"proxy-user", IN_DEFAULTS | IN_FEED, "text without a colon, credential:NAME or file:PATH",
     NULL, "User name at the proxy.", set_user, ACCESS(proxy_user), .is_secret = true},
    {"proxy-password", IN_DEFAULTS | IN_FEED, "text, credential:NAME or file:PATH", NULL,
     "Password at the proxy.", set_secret, ACCESS(proxy_password), .is_secret = true},
};
const size_t n_config_keys = ARRAY_SIZE(config_keys);
_Static_assert(ARRAY_SIZE(config_keys) <= KEYS_MAX, "the sets of keys are 64 bits");

int key_find_in(const char *name, enum section section)
{
    for (size_t i = 0; i < n_config_keys; i++)
        if (config_keys[i].sections & section && str_eq(name, config_keys[i].name))
            return (int)i;
    return key_find(name);
}

int key_find(const char *name)
{
    for (size_t i = 0; i < n_config_keys; i++)
        if (str_eq(name, config_keys[i].name))
            return (int)i;
    return -1;
}

bool key_is_feeds(const struct key *k)
{
    return k->sections & (IN_DEFAULTS | IN_FEED);
}

void key_inherit(const struct key *k, struct td_feed_conf *dst, const struct td_feed_conf *src)
{
    if (k->in_access) {
        if (src->access && *access_member(k, (struct td_feed_conf *)(uintptr_t)src))
            td_secret_replace(access_member(k, dst),
                              *access_member(k, (struct td_feed_conf *)(uintptr_t)src));
        return;
    }
    char *to = (char *)dst + k->offset;
    const char *from = (const char *)src + k->offset;
    if (k->is_string)
        xreplace((char **)(void *)to, *(char *const *)(const void *)from);
    else
        memcpy(to, from, k->size);
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

const char *key_sections(unsigned sections)
{
    switch (sections) {
    case IN_DAEMON:
        return "[daemon]";
    case IN_FEED:
        return "[feed NAME]";
    case IN_TOKEN:
        return "[token NAME]";
    case IN_QUERY:
        return "[query NAME]";
    case IN_SITE:
        return "[site NAME]";
    case IN_DEFAULTS | IN_FEED:
        return "[defaults] [feed NAME]";
    default:
        return "[daemon] [defaults] [feed NAME]";
    }
}

void settings_describe(struct buf *out)
{
    for (size_t i = 0; i < n_config_keys; i++) {
        const struct key *k = &config_keys[i];
        buf_addf(out, "%s\t%s\t%s\t%s\t%s\n", key_sections(k->sections), k->name, k->type,
                 k->def ? k->def : "", k->help);
    }
    sub_describe(out);
}
