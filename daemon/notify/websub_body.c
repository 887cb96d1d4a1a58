#include "notify/websub_body.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/json_text.h"
#include "notify/syndicate.h"
#include "notify/webhook_chat.h"

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static int64_t time_of(const json_t *o, const char *name)
{
    int64_t at;
    const char *s = text_of(o, name);
    return s && clock_parse_rfc3339(s, &at) == 0 ? at : TD_NEVER;
}

/* The item of an event as a row; its strings are borrowed from ITEM and JSON. */
static struct item_row row_of(const json_t *item, const char *json)
{
    const json_t *facts = json_object_get(item, "_tidings");
    int64_t seen = time_of(facts, "first_seen");
    return (struct item_row){.item_id = json_integer_value(json_object_get(facts, "item_id")),
                             .feed_id = json_integer_value(json_object_get(facts, "feed_id")),
                             .first_seen = seen == TD_NEVER ? 0 : seen,
                             .date_published = time_of(item, "date_published"),
                             .feed = text_of(facts, "feed"),
                             .feed_title = text_of(facts, "feed_title"),
                             .id = text_of(item, "id"),
                             .url = text_of(item, "url"),
                             .title = text_of(item, "title"),
                             .language = text_of(item, "language"),
                             .json = json,
                             .json_len = strlen(json)};
}

/* Is the item of event I also that of a later one in M? */
static bool comes_again(json_t *const *items, int i, int n)
{
    int64_t id = json_integer_value(
        json_object_get(json_object_get(items[i], "_tidings"), "item_id"));
    for (int k = i + 1; k < n; k++)
        if (id ==
            json_integer_value(json_object_get(json_object_get(items[k], "_tidings"), "item_id")))
            return true;
    return false;
}

static enum syndicate_format format_of(const char *topic)
{
    return strstr(topic, "/v1/feed.rss")    ? SYNDICATE_RSS
           : strstr(topic, "/v1/feed.json") ? SYNDICATE_JSON
                                            : SYNDICATE_ATOM;
}

static void add_items(struct buf *out, const struct syndicate_conf *conf, json_t *const *items,
                      int n)
{
    for (int i = n - 1; i >= 0; i--) { /* the newest first, as the feed has them */
        if (!items[i] || comes_again(items, i, n))
            continue;
        CLEANUP_FREE char *json = json_text(items[i]);
        struct item_row row = row_of(items[i], json);
        if (out->len && conf->format == SYNDICATE_JSON)
            buf_addc(out, ',');
        syndicate_item(out, conf, &row);
    }
}

static void add_headers(struct webhook *w, const struct td_sub_conf *c, enum syndicate_format f)
{
    webhook_header(w, "Content-Type: %s", syndicate_type(f));
    webhook_header(w, "Link: <%s>; rel=\"hub\", <%s>; rel=\"self\"", c->hub_url, c->hub_topic);
    if (!c->hub_secret)
        return;
    unsigned char mac[CRYPTO_HMAC_MAX];
    char hex[2 * CRYPTO_HMAC_MAX + 1];
    size_t n = crypto_hmac("sha256", c->hub_secret, strlen(c->hub_secret), buf_str(&w->body),
                           w->body.len, mac);
    webhook_header(w, "X-Hub-Signature: sha256=%s", crypto_hex(mac, n, hex));
}

int websub_body(struct webhook *w, const struct td_sub_conf *c, const struct sink_env *env,
                const struct sink_message *m)
{
    CLEANUP_FREE json_t **items = xcalloc((size_t)m->n, sizeof *items);
    CLEANUP_BUF struct buf rendered = BUF_INIT(w->body.max);
    enum syndicate_format format = format_of(c->hub_topic);
    struct syndicate_conf conf = {.format = format,
                                  .instance = env->instance,
                                  .title = c->hub_title ? c->hub_title : "tidings",
                                  .self = c->hub_topic,
                                  .first = c->hub_topic,
                                  .hub = c->hub_url,
                                  .updated = m->events[m->n - 1].at};
    int r = 0;
    for (int i = 0; i < m->n; i++) {
        json_t *root = json_loadb(m->events[i].json, m->events[i].json_len, 0, NULL);
        items[i] = json_incref(json_object_get(root, "item"));
        r = root ? r : -EINVAL;
        json_decref(root);
    }
    add_items(&rendered, &conf, items, m->n);
    for (int i = 0; i < m->n; i++)
        json_decref(items[i]);
    if (r < 0 || rendered.overflow)
        return r < 0 ? r : -E2BIG;
    syndicate_document(&w->body, &conf, &rendered);
    add_headers(w, c, format);
    return 0;
}
