#include "notify/webhook.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/json_text.h"
#include "notify/webhook_chat.h"
#include "notify/websub_body.h"

#define FRAME_BYTES 600 /* of a standard body, around the events */

/* ---- headers -------------------------------------------------------------------------------- */

void webhook_header(struct webhook *w, const char *fmt, ...)
{
    char *line = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&line, fmt, ap);
    va_end(ap);
    if (n < 0 || w->n_headers == WEBHOOK_HEADERS)
        abort(); /* out of memory, as in mem.h, or a mistake of ours */
    w->headers[w->n_headers++] = line;
}

void webhook_sign(struct buf *out, const char *secrets, const char *id, int64_t timestamp_s,
                  const char *body, size_t n)
{
    CLEANUP_BUF struct buf text = BUF_INIT(n + 256);
    CLEANUP_FREE char *list = xstrdup(secrets);
    char *save = NULL;
    buf_addf(&text, "%s.%lld.", id, (long long)timestamp_s);
    buf_add(&text, body, n);
    for (char *s = strtok_r(list, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
        unsigned char key[TD_SECRET_MAX], mac[CRYPTO_HMAC_MAX];
        char base64[BASE64_SIZE(CRYPTO_HMAC_MAX)];
        ssize_t key_len = td_secret_decode(s, key);
        if (key_len < 0)
            continue;
        size_t len = crypto_hmac("sha256", key, (size_t)key_len, text.data, text.len, mac);
        buf_addf(out, "%sv1,%s", out->len ? " " : "", base64_encode(mac, len, base64));
    }
}

static void add_signature(struct webhook *w, const struct td_sub_conf *c, const char *id,
                          int64_t now)
{
    CLEANUP_BUF struct buf signature = BUF_INIT(4096);
    webhook_header(w, "webhook-id: %s", id);
    webhook_header(w, "webhook-timestamp: %lld", (long long)(now / 1000));
    if (!c->secrets)
        return;
    webhook_sign(&signature, c->secrets, id, now / 1000, buf_str(&w->body), w->body.len);
    webhook_header(w, "webhook-signature: %s", buf_str(&signature));
}

/* ---- less and less of an event -------------------------------------------------------------- */

static size_t dump(struct buf *out, const json_t *o)
{
    CLEANUP_FREE char *text = json_text(o);
    size_t n = text ? strlen(text) : 0;
    buf_clear(out);
    buf_add(out, text, n);
    return n;
}

static void keep_only(json_t *o, const char *const *keys, size_t n_keys, size_t max)
{
    const char *key;
    json_t *v;
    void *next;
    json_object_foreach_safe(o, next, key, v)
    {
        bool keep = false;
        for (size_t i = 0; i < n_keys; i++)
            keep = keep || str_eq(key, keys[i]);
        if (!keep || (json_is_string(v) && json_string_length(v) > max))
            json_object_del(o, key);
    }
}

/* A title that is too long is cut rather than left out. */
static void cut_title(json_t *o, size_t max)
{
    const char *title = json_string_value(json_object_get(o, "title"));
    if (title && strlen(title) > max)
        json_object_set_new(o, "title", json_stringn(title, utf8_cut(title, max)));
}

static void leave_out_content(json_t *item)
{
    static const char *const large[] = {"content_html", "content_text"};
    json_t *t = json_object_get(item, "_tidings");
    for (size_t i = 0; i < ARRAY_SIZE(large); i++)
        json_object_del(item, large[i]);
    json_object_set_new(t, "content_left_out", json_true());
    json_object_set_new(t, "content_path",
                        json_sprintf("/v1/items/%lld",
                                     (long long)json_integer_value(json_object_get(t, "item_id"))));
}

void webhook_shrink(struct buf *out, const struct sink_event *e, size_t max)
{
    static const char *const few[] = {"id", "url", "title", "date_published", "_tidings"};
    static const char *const own[] = {"item_id",          "feed_id",      "feed",      "revision",
                                      "content_left_out", "content_path", "first_seen"};
    buf_clear(out);
    buf_add(out, e->json, e->json_len);
    if (e->json_len <= max)
        return;
    json_t *root = json_loadb(e->json, e->json_len, 0, NULL);
    json_t *item = json_object_get(root, "item");
    if (item) {
        leave_out_content(item);
        if (dump(out, root) > max) {
            cut_title(item, 200);
            keep_only(item, few, ARRAY_SIZE(few), 400);
            keep_only(json_object_get(item, "_tidings"), own, ARRAY_SIZE(own), 200);
            dump(out, root);
        }
    }
    json_decref(root);
}

/* ---- the standard kinds --------------------------------------------------------------------- */

/* Each event's object in turn, within its part of what a body may have. */
static void add_data(struct buf *out, const struct sink_message *m, bool array)
{
    CLEANUP_BUF struct buf one = BUF_INIT(LIMIT_ITEM_JSON_BYTES * 2);
    size_t total = 0, max = (LIMIT_WEBHOOK_BYTES - FRAME_BYTES) / (size_t)m->n - 1;
    for (int i = 0; i < m->n; i++)
        total += m->events[i].json_len + 1; /* and a comma */
    if (total + FRAME_BYTES <= LIMIT_WEBHOOK_BYTES)
        max = total;
    buf_adds(out, array ? "{\"events\":[" : "");
    for (int i = 0; i < m->n; i++) {
        webhook_shrink(&one, &m->events[i], max);
        buf_adds(out, i ? "," : "");
        buf_add(out, buf_str(&one), one.len);
    }
    buf_adds(out, array ? "]}" : "");
}

static void standard(struct webhook *w, const struct td_sub_conf *c, const struct sink_message *m)
{
    char at[CLOCK_TEXT];
    bool array = c->batch > 1;
    buf_addf(&w->body, "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":",
             array ? "events" : m->events[0].kind, clock_rfc3339(at, m->events[m->n - 1].at));
    add_data(&w->body, m, array);
    buf_addc(&w->body, '}');
    webhook_header(w, "Content-Type: application/json");
}

static void cloudevent(struct webhook *w, const struct sink_env *env, const struct sink_event *e,
                       size_t max)
{
    CLEANUP_BUF struct buf data = BUF_INIT(LIMIT_ITEM_JSON_BYTES * 2);
    char at[CLOCK_TEXT];
    webhook_shrink(&data, e, max);
    buf_addf(&w->body,
             "{\"specversion\":\"1.0\",\"id\":\"%s-%lld\",\"source\":\"urn:tidings:%s\","
             "\"type\":\"tidings.%s\",\"time\":\"%s\",\"subject\":\"%lld\","
             "\"datacontenttype\":\"application/json\",\"data\":",
             env->instance, (long long)e->seq, env->instance, e->kind, clock_rfc3339(at, e->at),
             (long long)e->seq);
    buf_add(&w->body, buf_str(&data), data.len);
    buf_addc(&w->body, '}');
}

static void cloudevents(struct webhook *w, const struct td_sub_conf *c, const struct sink_env *env,
                        const struct sink_message *m)
{
    bool array = c->batch > 1;
    size_t max = LIMIT_WEBHOOK_BYTES / (size_t)m->n - FRAME_BYTES;
    buf_adds(&w->body, array ? "[" : "");
    for (int i = 0; i < m->n; i++) {
        buf_adds(&w->body, i ? "," : "");
        cloudevent(w, env, &m->events[i], max);
    }
    buf_adds(&w->body, array ? "]" : "");
    webhook_header(w, array ? "Content-Type: application/cloudevents-batch+json"
                            : "Content-Type: application/cloudevents+json");
}

static void cloudevents_binary(struct webhook *w, const struct sink_env *env,
                               const struct sink_message *m)
{
    const struct sink_event *e = &m->events[0];
    char at[CLOCK_TEXT];
    webhook_shrink(&w->body, e, LIMIT_WEBHOOK_BYTES - 1);
    webhook_header(w, "Content-Type: application/json");
    webhook_header(w, "ce-specversion: 1.0");
    webhook_header(w, "ce-id: %s-%lld", env->instance, (long long)e->seq);
    webhook_header(w, "ce-source: urn:tidings:%s", env->instance);
    webhook_header(w, "ce-type: tidings.%s", e->kind);
    webhook_header(w, "ce-time: %s", clock_rfc3339(at, e->at));
    webhook_header(w, "ce-subject: %lld", (long long)e->seq);
}

int webhook_render(struct webhook *ret, const struct td_sub_conf *c, const struct sink_env *env,
                   const struct sink_message *m, int64_t now)
{
    struct webhook w = {.body = BUF_INIT(LIMIT_ITEM_JSON_BYTES * 2)};
    char id[SINK_ID_BYTES];
    int r = 0;
    switch (c->format) {
    case TD_FORMAT_STANDARD:
        standard(&w, c, m);
        break;
    case TD_FORMAT_CLOUDEVENTS:
        cloudevents(&w, c, env, m);
        break;
    case TD_FORMAT_CLOUDEVENTS_BINARY:
        cloudevents_binary(&w, env, m);
        break;
    case TD_FORMAT_WEBSUB:
        r = websub_body(&w, c, env, m);
        break;
    default:
        r = webhook_chat(&w, c, env, m);
        webhook_header(&w, "Content-Type: application/json");
        break;
    }
    if (r < 0 || w.body.overflow) {
        webhook_fini(&w);
        return -EINVAL;
    }
    if (!w.url)
        w.url = xstrdup(c->target);
    if (c->handshake) { /* the newer wording, and that of 1.0 */
        webhook_header(&w, "WebHook-Request-Origin: %s", env->origin);
        webhook_header(&w, "Origin: %s", env->origin);
    }
    if (c->authorization)
        webhook_header(&w, "Authorization: %s", c->authorization);
    if (c->format != TD_FORMAT_WEBSUB) /* which has its own */
        add_signature(&w, c, sink_message_id(id, env, m), now);
    *ret = w;
    return 0;
}

void webhook_fini(struct webhook *w)
{
    buf_free(&w->body);
    free(w->url);
    for (int i = 0; i < w->n_headers; i++)
        free(w->headers[i]);
    *w = (struct webhook){.n_headers = 0};
}
