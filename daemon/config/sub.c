#include "config/sub.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"
#include "config/keys.h"
#include "config/url.h"
#include "query/query.h"

#define SECOND_MS 1000LL
#define DAY_MS    (24 * 3600 * SECOND_MS)
#define ALL       ((1u << TD_SINKS) - 1)
#define ONLY(s)   (1u << TD_SINK_##s)
#define SENDING   (ALL & ~ONLY(STREAM))

struct sub_key;
typedef int sub_key_fn(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                       struct td_err *err);
struct sub_key {
    const char *name, *type, *def, *help; /* help NULL: our hub's own, not shown */
    unsigned sinks;                       /* for which it has a meaning, bits of enum td_sink */
    sub_key_fn *set;
    size_t offset;
    int64_t min, max;
};

static int refuse(const struct sub_key *k, const char *value, struct td_err *err)
{
    char shown[KEY_SHOWN];
    return td_err(err, -EINVAL, "%s = %s; allowed: %s", k->name, key_shown(shown, value), k->type);
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

static void *member(const struct sub_key *k, struct sub_draft *d)
{
    return (char *)d->conf + k->offset;
}

/* ---- sink ----------------------------------------------------------------------------------- */

static int set_webhook(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                       struct td_err *err)
{
    struct td_feed_conf f = {.name = NULL};
    int r = url_read(&f, v, err);
    if (r < 0)
        r = td_err_prefix(err, r, "%s = webhook", k->name);
    else if (f.source != TD_SOURCE_HTTP)
        r = refuse(k, v, err);
    else
        c->target = TAKE(f.url);
    for (char **a = f.argv; a && *a; a++)
        free(*a);
    free(f.argv);
    free(f.url);
    return r;
}

/* Words, quoted as in sh(1), as exec: has them. */
static int set_command(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                       struct td_err *err)
{
    struct td_feed_conf f = {.name = NULL};
    CLEANUP_FREE char *url = xasprintf("exec:%s", v);
    int r = url_read(&f, url, err);
    free(f.url);
    if (r < 0)
        return td_err_prefix(err, r, "%s", k->name);
    for (char **a = c->argv; a && *a; a++)
        free(*a);
    free(c->argv);
    c->argv = f.argv;
    return 0;
}

static bool is_address(const char *s, size_t n)
{
    const char *open = memchr(s, '<', n);
    if (open) {
        if (s[n - 1] != '>' || memchr(s, ',', (size_t)(open - s)))
            return false;
        n -= (size_t)(open + 1 - s) + 1;
        s = open + 1;
    }
    const char *at = memchr(s, '@', n);
    if (!n || n > 254 || *s == '-' || (at && (at == s || at + 1 == s + n)))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= ' ' || strchr("<>()[],;:\\\"\x7f", s[i]))
            return false;
    return true;
}

/* "a@b, Name <c@d>" as lines. */
static int set_recipients(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                          struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, ",");
        const char *one = p;
        size_t len = str_trim(&one, n);
        if (!is_address(one, len))
            return refuse(k, v, err);
        buf_addf(&b, "%s%.*s", b.len ? "\n" : "", (int)len, one);
        p += n + (p[n] != 0);
    }
    if (!b.len)
        return refuse(k, v, err);
    c->target = xstrdup(buf_str(&b));
    return 0;
}

static int set_sink(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                    struct td_err *err)
{
    struct td_sub_conf *c = d->conf;
    size_t n = strcspn(v, " \t"), i = 0;
    const char *rest = v + n + strspn(v + n, " \t");
    while (i < TD_SINKS && !(strlen(td_sink_names[i]) == n && strncmp(v, td_sink_names[i], n) == 0))
        i++;
    if (i == TD_SINKS || has_control(v) || !*rest != (i == TD_SINK_STREAM))
        return refuse(k, v, err);
    c->sink = (enum td_sink)i;
    xreplace(&c->target, NULL);
    if (d->runtime && c->sink != TD_SINK_STREAM && c->sink != TD_SINK_WEBHOOK)
        return td_err(err, -EPERM,
                      "sink = %s at run time; allowed: stream or webhook URL. Commands, files and "
                      "mail stand in the config",
                      td_sink_names[i]);
    switch (c->sink) {
    case TD_SINK_WEBHOOK:
        return set_webhook(k, c, rest, err);
    case TD_SINK_EXEC:
        return set_command(k, c, rest, err);
    case TD_SINK_MAIL:
        return set_recipients(k, c, rest, err);
    case TD_SINK_FILE:
        if (strlen(rest) >= PATH_MAX - 64 || rest[strlen(rest) - 1] == '/')
            return refuse(k, v, err);
        c->target = *rest == '/' || !dir ? xstrdup(rest) : xasprintf("%s/%s", dir, rest);
        return 0;
    default:
        return 0;
    }
}

/* ---- values --------------------------------------------------------------------------------- */

static int set_text(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                    struct td_err *err)
{
    if (has_control(v) || !utf8_valid(v, strlen(v)) || strlen(v) > (size_t)k->max)
        return refuse(k, v, err);
    xreplace(member(k, d), *v ? v : NULL);
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

static int set_secret(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
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

static int set_authorization(const struct sub_key *k, struct sub_draft *d, const char *v,
                             const char *dir, struct td_err *err)
{
    CLEANUP_FREE char *secret = secret_of(k, d, v, dir, err);
    if (!secret)
        return -EINVAL;
    if (has_control(secret) || strlen(secret) > 4096)
        return td_err(err, -EINVAL, "%s cannot be used; allowed: %s", k->name, k->type);
    xreplace(&d->conf->authorization, *secret ? secret : NULL);
    return 0;
}

static bool is_kind(const char *s, size_t n)
{
    const char *dot = memchr(s, '.', n);
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz._-*", s[i]))
            return false;
    return dot && dot > s && dot + 1 < s + n && n < 64;
}

/* "item.new, feed.*" as lines; "all" is none. */
static int set_events(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                      struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    if (str_eq(v, "all")) {
        xreplace(&d->conf->events, NULL);
        return 0;
    }
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, ", ");
        if (n && !is_kind(p, n))
            return refuse(k, v, err);
        if (n)
            buf_addf(&b, "%s%.*s", b.len ? "\n" : "", (int)n, p);
        p += n + (p[n] != 0);
    }
    if (!b.len || b.overflow)
        return refuse(k, v, err);
    xreplace(&d->conf->events, buf_str(&b));
    return 0;
}

static int set_query(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                     struct td_err *err)
{
    int r = query_check_err(v, err); /* which names there are is known when it runs */
    if (r < 0)
        return r;
    xreplace(&d->conf->query, *v ? v : NULL);
    return 0;
}

static int set_per(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                   struct td_err *err)
{
    for (int i = 0; i < TD_SUB_PERS; i++)
        if (str_eq(v, td_sub_per_names[i])) {
            d->conf->per = (enum td_sub_per)i;
            return 0;
        }
    return refuse(k, v, err);
}

static int set_strictness(const struct sub_key *k, struct sub_draft *d, const char *v,
                          const char *dir, struct td_err *err)
{
    int32_t p;
    if (str_to_share(v, &p) < 0 || p < k->min || p > k->max)
        return refuse(k, v, err);
    d->conf->strictness = (int)p;
    return 0;
}

static int set_format(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                      struct td_err *err)
{
    for (int i = 0; i < TD_SUB_FORMATS; i++)
        if (str_eq(v, td_sub_format_names[i])) {
            d->conf->format = (enum td_sub_format)i;
            return 0;
        }
    return refuse(k, v, err);
}

static int set_handshake(const struct sub_key *k, struct sub_draft *d, const char *v,
                         const char *dir, struct td_err *err)
{
    if (!str_eq(v, "yes") && !str_eq(v, "no"))
        return refuse(k, v, err);
    d->conf->handshake = str_eq(v, "yes");
    return 0;
}

static int set_from(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                    struct td_err *err)
{
    for (const char *p = v; *p; p++)
        if (*p < ' ' || *p > '~')
            return refuse(k, v, err);
    if (!is_address(v, strlen(v)))
        return refuse(k, v, err);
    xreplace(&d->conf->from, v);
    return 0;
}

static int set_sendmail(const struct sub_key *k, struct sub_draft *d, const char *v,
                        const char *dir, struct td_err *err)
{
    if (d->conf->sink != TD_SINK_MAIL && d->conf->argv)
        return 0; /* finish says that it does not go with this sink */
    return set_command(k, d->conf, v, err);
}

static int set_batch(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                     struct td_err *err)
{
    int64_t n;
    if (str_to_i64(v, &n) < 0 || n < k->min || n > k->max)
        return refuse(k, v, err);
    d->conf->batch = (int)n;
    return 0;
}

static int set_duration(const struct sub_key *k, struct sub_draft *d, const char *v,
                        const char *dir, struct td_err *err)
{
    int64_t ms;
    if (str_to_duration_ms(v, &ms) < 0 || ms < k->min || ms > k->max)
        return refuse(k, v, err);
    *(int64_t *)member(k, d) = ms;
    return 0;
}

static int set_retry(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
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
            return refuse(k, v, err);
        n++;
        p += len + (p[len] != 0);
    }
    if (!n || list[0] != 0)
        return refuse(k, v, err);
    memcpy(d->conf->retry_ms, list, sizeof list);
    d->conf->n_retry = n;
    return 0;
}

static int set_rotate(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                      struct td_err *err)
{
    uint64_t n = 0;
    if (!str_eq(v, "never") &&
        (str_to_bytes(v, &n) < 0 || n < (uint64_t)k->min || n > (uint64_t)k->max))
        return refuse(k, v, err);
    d->conf->rotate_bytes = (int64_t)n;
    return 0;
}

static int set_allow(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                     struct td_err *err)
{
    struct td_sub_conf *c = d->conf;
    if (d->runtime)
        return td_err(err, -EPERM, "%s at run time; allowed: in the config", k->name);
    return key_read_blocks(k->name, k->type, v, &c->allow, &c->n_allow, err);
}

/* Of our hub: never in the config. */
static int set_hub_text(const struct sub_key *k, struct sub_draft *d, const char *v,
                        const char *dir, struct td_err *err)
{
    return d->runtime ? set_text(k, d, v, dir, err)
                      : td_err(err, -EPERM, "%s in the config; allowed: nowhere but in the store",
                               k->name);
}

static int set_hub_expires(const struct sub_key *k, struct sub_draft *d, const char *v,
                           const char *dir, struct td_err *err)
{
    if (!d->runtime || clock_parse_rfc3339(v, &d->conf->hub_expires_at) < 0)
        return refuse(k, v, err);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

#define AT(field) offsetof(struct td_sub_conf, field)
static const struct sub_key keys[] = {
    {"sink", "stream, webhook URL, exec COMMAND, file PATH, or mail ADDRESS, ...", NULL,
     "Where to. stream: the consumer asks for it itself.", ALL, set_sink, 0, 0, 0},
    {"query", "a query as tidings search takes it", NULL, "Only items that match.", ALL, set_query,
     0, 0, 0},
    {"events", "kinds of events such as item.new, feed.*; or all", "item.new", "Only these events.",
     ALL, set_events, 0, 0, 0},
    {"per", "item, article or story", "item",
     "What is told: items; of one article in several feeds only the first; or stories.", ALL,
     set_per, 0, 0, 0},
    {"strictness", "0.05 to 0.99", NULL,
     "With per = story: an item that is less probably in its story is told by itself, as item.new.",
     ALL, set_strictness, 0, 50, 990},
    {"format", "standard, cloudevents, cloudevents-binary, ntfy, apprise, slack, discord or matrix",
     "standard", "What the webhook's body is.", ONLY(WEBHOOK), set_format, 0, 0, 0},
    {"handshake", "yes or no", "no", "Ask the receiver of CloudEvents first whether it wants them.",
     ONLY(WEBHOOK), set_handshake, 0, 0, 0},
    {"signing-secret",
     "whsec_ and base64 of 24 to 64 bytes, credential:NAME or file:PATH; up to 4, separated by "
     "spaces",
     NULL, "Signs webhooks; several while a key is changed.", ONLY(WEBHOOK), set_secret, 0, 0, 0},
    {"authorization", "a header value of at most 4096 bytes, credential:NAME or file:PATH", NULL,
     "Sent as the header Authorization.", ONLY(WEBHOOK), set_authorization, 0, 0, 0},
    {"topic", "text of at most 128 bytes", NULL,
     "ntfy: the topic, else the URL's last part. "
     "apprise: the tag.",
     ONLY(WEBHOOK), set_text, AT(topic), 0, 128},
    {"from", "a mail address in ASCII, also Name <address>", NULL, "Sender of mail.", ONLY(MAIL),
     set_from, 0, 0, 0},
    {"sendmail", "a command, without a shell", "/usr/sbin/sendmail -i",
     "Gets the message on stdin and the recipients behind --.", ONLY(MAIL), set_sendmail, 0, 0, 0},
    {"batch", "1 to 100 (webhook: 16, discord: 10; exec: 1)", "1", "Events in one message at most.",
     SENDING, set_batch, 0, 1, LIMIT_SUB_BATCH},
    {"collect", "a duration from 0 to 7d", "0",
     "How long a message waits for more events, up to batch.", SENDING, set_duration,
     AT(collect_ms), 0, 7 * DAY_MS},
    {"retry", "1 to 16 durations of at most 7d, separated by commas, the first 0",
     "0, 5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h",
     "The pause before each attempt; after the last one the events are dead letters.", SENDING,
     set_retry, 0, 0, 7 * DAY_MS},
    {"answer-timeout", "a duration from 1s to 1h", "20s", "For the consumer's answer.", SENDING,
     set_duration, AT(answer_timeout_ms), SECOND_MS, 3600 * SECOND_MS},
    {"rotate", "never, or bytes such as 100M, from 1K", "never",
     "A file that is larger is renamed and a new one begun; 9 old ones are kept.", ONLY(FILE),
     set_rotate, 0, 1 << 10, INT64_MAX},
    {"hub-topic", "an address", NULL, NULL, ONLY(WEBHOOK), set_hub_text, AT(hub_topic), 0,
     LIMIT_URL_BYTES},
    {"hub-url", "an address", NULL, NULL, ONLY(WEBHOOK), set_hub_text, AT(hub_url), 0,
     LIMIT_URL_BYTES},
    {"hub-title", "text", NULL, NULL, ONLY(WEBHOOK), set_hub_text, AT(hub_title), 0, 4096},
    {"hub-secret", "text", NULL, NULL, ONLY(WEBHOOK), set_hub_text, AT(hub_secret), 0, 200},
    {"hub-expires", "a time", NULL, NULL, ONLY(WEBHOOK), set_hub_expires, 0, 0, 0},
    {"allow", "IP addresses and blocks such as 192.168.0.0/16", NULL,
     "Addresses of this webhook that need not be public.", ONLY(WEBHOOK), set_allow, 0, 0, 0},
};
_Static_assert(ARRAY_SIZE(keys) <= 32, "the keys that were given are 32 bits");

int sub_name_check(const char *name, struct td_err *err)
{
    size_t n = strlen(name);
    if (n == 0 || n > LIMIT_NAME_BYTES || has_control(name) || strchr(name, '/') ||
        !utf8_valid(name, n))
        return td_err(err, -EINVAL,
                      "a subscription's name of %zu bytes; allowed: 1 to %d bytes of plain text "
                      "without /",
                      n, LIMIT_NAME_BYTES);
    return 0;
}

void sub_draft_init(struct sub_draft *d, const char *name, bool runtime)
{
    *d = (struct sub_draft){.conf = xcalloc(1, sizeof *d->conf), .runtime = runtime};
    d->conf->name = xstrdup(name);
    d->conf->origin = runtime ? TD_ORIGIN_API : TD_ORIGIN_CONFIG;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].def && keys[i].set != set_sendmail &&
            keys[i].set(&keys[i], d, keys[i].def, NULL, NULL))
            abort(); /* the table contradicts itself; test_sub_conf reads it */
}

void sub_draft_fini(struct sub_draft *d)
{
    td_sub_conf_free(TAKE(d->conf));
}

static int find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (str_eq(keys[i].name, name))
            return (int)i;
    return -1;
}

static int unknown(const char *name, struct td_err *err)
{
    const char *names[ARRAY_SIZE(keys)];
    char shown[KEY_SHOWN];
    CLEANUP_BUF struct buf all = BUF_INIT(1024);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        names[i] = keys[i].name;
        if (keys[i].help)
            buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = str_suggest(name, names, ARRAY_SIZE(names));
    return td_err(err, -EINVAL, "unknown key %s%s%s%s; allowed here: %s", key_shown(shown, name),
                  near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", buf_str(&all));
}

int sub_draft_set(struct sub_draft *d, const char *key, const char *value, const char *dir,
                  struct td_err *err)
{
    int i = find(key);
    if (i < 0)
        return unknown(key, err);
    if (d->given >> i & 1)
        return td_err(err, -EINVAL, "%s a second time; allowed: once", key);
    d->given |= 1u << i;
    return keys[i].set(&keys[i], d, value, dir, err);
}

static int check_batch(const struct td_sub_conf *c, struct td_err *err)
{
    int most = c->sink == TD_SINK_EXEC                     ? 1
               : c->sink != TD_SINK_WEBHOOK                ? LIMIT_SUB_BATCH
               : c->format == TD_FORMAT_CLOUDEVENTS_BINARY ? 1
               : c->format == TD_FORMAT_DISCORD            ? 10
                                                           : LIMIT_WEBHOOK_BATCH;
    return c->batch <= most
               ? 0
               : td_err(err, -EINVAL,
                        "batch = %d with sink = %s and format = %s; "
                        "allowed: 1 to %d",
                        c->batch, td_sink_names[c->sink], td_sub_format_names[c->format], most);
}

struct td_sub_conf *sub_draft_finish(struct sub_draft *d, struct td_err *err)
{
    struct td_sub_conf *c = d->conf;
    if (!(d->given >> find("sink") & 1)) {
        td_err(err, -EINVAL, "[subscription %s] without sink; allowed: sink = %s", c->name,
               keys[find("sink")].type);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if ((d->given >> i & 1) && !(keys[i].sinks >> c->sink & 1)) {
            td_err(err, -EINVAL, "%s does not go with sink = %s", keys[i].name,
                   td_sink_names[c->sink]);
            return NULL;
        }
    if (check_batch(c, err) < 0)
        return NULL;
    if (c->per == TD_PER_STORY && (d->given >> find("events") & 1)) {
        td_err(err, -EINVAL, "events does not go with per = story, which tells story.*");
        return NULL;
    }
    if (c->handshake && c->format != TD_FORMAT_CLOUDEVENTS &&
        c->format != TD_FORMAT_CLOUDEVENTS_BINARY) {
        td_err(err, -EINVAL,
               "handshake = yes with format = %s; allowed: with cloudevents or cloudevents-binary",
               td_sub_format_names[c->format]);
        return NULL;
    }
    if (c->per != TD_PER_STORY && c->strictness) {
        td_err(err, -EINVAL, "strictness does not go with per = %s; allowed: with per = story",
               td_sub_per_names[c->per]);
        return NULL;
    }
    if (c->per == TD_PER_STORY)
        xreplace(&c->events, "story.*");
    if ((c->format == TD_FORMAT_WEBSUB) != (c->hub_topic && c->hub_url)) {
        td_err(err, -EINVAL, "format = websub; allowed: by asking the hub, POST /v1/hub");
        return NULL;
    }
    if (c->format == TD_FORMAT_NTFY && !c->topic && str_ends(c->target, "/")) {
        td_err(err, -EINVAL,
               "format = ntfy without a topic; allowed: topic = NAME, or the topic at "
               "the end of the URL");
        return NULL;
    }
    const struct sub_key *sendmail = &keys[find("sendmail")];
    if (c->sink == TD_SINK_MAIL && !c->argv && set_command(sendmail, c, sendmail->def, err) < 0)
        return NULL;
    return TAKE(d->conf);
}

struct td_sub_conf *sub_conf_read(const char *name, const char *text, struct td_err *err)
{
    struct sub_draft d;
    struct td_sub_conf *c = NULL;
    CLEANUP_FREE char *lines = xstrdup(text);
    char *save = NULL;
    int r = sub_name_check(name, err);
    sub_draft_init(&d, name, true);
    for (char *line = strtok_r(lines, "\n", &save); r == 0 && line;
         line = strtok_r(NULL, "\n", &save)) {
        char *equals = strstr(line, " = ");
        if (!equals) {
            r = td_err(err, -EINVAL, "'%.40s'; allowed: key = value", line);
            break;
        }
        *equals = 0;
        r = sub_draft_set(&d, line, equals + 3, NULL, err);
    }
    if (r == 0)
        c = sub_draft_finish(&d, err);
    sub_draft_fini(&d);
    return c;
}

void sub_describe(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].help)
            buf_addf(out, "[subscription NAME]\t%s\t%s\t%s\t%s\n", keys[i].name, keys[i].type,
                     keys[i].def ? keys[i].def : "", keys[i].help);
}
