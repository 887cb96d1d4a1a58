#include "config/sub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/keys.h"
#include "config/sub_keys.h"

#define ALL     ((1u << TD_SINKS) - 1)
#define ONLY(s) (1u << TD_SINK_##s)
#define SENDING (ALL & ~ONLY(STREAM))

/* ---- the table ------------------------------------------------------------------------------ */

#define AT(field) offsetof(struct td_sub_conf, field)
static const struct sub_key keys[] = {
    {"sink", "stream, webhook URL, exec COMMAND, file PATH, or mail ADDRESS, ...", NULL,
     "Where to. stream: the consumer asks for it itself.", ALL, sub_set_sink, 0, 0, 0},
    {"query", "a query as tidings search takes it", NULL, "Only items that match.", ALL,
     sub_set_query, 0, 0, 0},
    {"events", "kinds of events such as item.new, feed.*; or all", "item.new", "Only these events.",
     ALL, sub_set_events, 0, 0, 0},
    {"per", "item, article or story", "item",
     "What is told: items; of one article in several feeds only the first; or stories.", ALL,
     sub_set_per, 0, 0, 0},
    {"strictness", "0.05 to 0.99", NULL,
     "With per = story: an item that is less probably in its story is told by itself, as item.new.",
     ALL, sub_set_strictness, 0, 50, 990},
    {"format", "standard, cloudevents, cloudevents-binary, ntfy, apprise, slack, discord or matrix",
     "standard", "What the webhook's body is.", ONLY(WEBHOOK), sub_set_format, 0, 0, 0},
    {"handshake", "yes or no", "no", "Ask the receiver of CloudEvents first whether it wants them.",
     ONLY(WEBHOOK), sub_set_handshake, 0, 0, 0},
    {"signing-secret",
     "whsec_ and base64 of 24 to 64 bytes, credential:NAME or file:PATH; up to 4, separated by "
     "spaces",
     NULL, "Signs webhooks; several while a key is changed.", ONLY(WEBHOOK), sub_set_secret, 0, 0,
     0},
    {"authorization", "a header value of at most 4096 bytes, credential:NAME or file:PATH", NULL,
     "Sent as the header Authorization.", ONLY(WEBHOOK), sub_set_authorization, 0, 0, 0},
    {"topic", "text of at most 128 bytes", NULL,
     "ntfy: the topic, else the URL's last part. "
     "apprise: the tag.",
     ONLY(WEBHOOK), sub_set_text, AT(topic), 0, 128},
    {"from", "a mail address in ASCII, also Name <address>", NULL, "Sender of mail.", ONLY(MAIL),
     sub_set_from, 0, 0, 0},
    {"sendmail", "a command, without a shell", "/usr/sbin/sendmail -i",
     "Gets the message on stdin and the recipients behind --.", ONLY(MAIL), sub_set_sendmail, 0, 0,
     0},
    {"batch", "1 to 100 (webhook: 16, discord: 10; exec: 1)", "1", "Events in one message at most.",
     SENDING, sub_set_batch, 0, 1, LIMIT_SUB_BATCH},
    {"collect", "a duration from 0 to 7d", "0",
     "How long a message waits for more events, up to batch.", SENDING, sub_set_duration,
     AT(collect_ms), 0, 7 * DAY_MS},
    {"retry", "1 to 16 durations of at most 7d, separated by commas, the first 0",
     "0, 5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h",
     "The pause before each attempt; after the last one the events are dead letters.", SENDING,
     sub_set_retry, 0, 0, 7 * DAY_MS},
    {"answer-timeout", "a duration from 1s to 1h", "20s", "For the consumer's answer.", SENDING,
     sub_set_duration, AT(answer_timeout_ms), SECOND_MS, 3600 * SECOND_MS},
    {"rotate", "never, or bytes such as 100M, from 1K", "never",
     "A file that is larger is renamed and a new one begun; 9 old ones are kept.", ONLY(FILE),
     sub_set_rotate, 0, 1 << 10, INT64_MAX},
    {"hub-topic", "an address", NULL, NULL, ONLY(WEBHOOK), sub_set_hub_text, AT(hub_topic), 0,
     LIMIT_URL_BYTES},
    {"hub-url", "an address", NULL, NULL, ONLY(WEBHOOK), sub_set_hub_text, AT(hub_url), 0,
     LIMIT_URL_BYTES},
    {"hub-title", "text", NULL, NULL, ONLY(WEBHOOK), sub_set_hub_text, AT(hub_title), 0, 4096},
    {"hub-secret", "text", NULL, NULL, ONLY(WEBHOOK), sub_set_hub_text, AT(hub_secret), 0, 200},
    {"hub-expires", "a time", NULL, NULL, ONLY(WEBHOOK), sub_set_hub_expires, 0, 0, 0},
    {"allow", "IP addresses and blocks such as 192.168.0.0/16", NULL,
     "Addresses of this webhook that need not be public.", ONLY(WEBHOOK), sub_set_allow, 0, 0, 0},
};
_Static_assert(ARRAY_SIZE(keys) <= 32, "the keys that were given are 32 bits");

int sub_name_check(const char *name, struct td_err *err)
{
    size_t n = strlen(name);
    if (n == 0 || n > LIMIT_NAME_BYTES || sub_has_control(name) || strchr(name, '/') ||
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
        if (keys[i].def && keys[i].set != sub_set_sendmail &&
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

int sub_key_check(const char *key, struct td_err *err)
{
    return find(key) < 0 ? unknown(key, err) : 0;
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
    if (c->sink == TD_SINK_MAIL && !c->argv && sub_set_command(sendmail, c, sendmail->def, err) < 0)
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
