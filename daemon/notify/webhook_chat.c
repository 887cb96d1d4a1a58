#include "notify/webhook_chat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/fields.h"

/* What all of them show of one event. */
struct news {
    struct fields f;
    struct buf title, text;
    const char *source; /* feed's title or name */
};

static int news_read(struct news *n, const struct sink_event *e)
{
    if (fields_read(&n->f, e->json, e->json_len) < 0)
        return -EINVAL;
    n->title = BUF_INIT(LIMIT_CHAT_TITLE_BYTES + 16);
    n->text = BUF_INIT(LIMIT_CHAT_TEXT_BYTES + 16);
    fields_headline(&n->title, &n->f, LIMIT_CHAT_TITLE_BYTES);
    fields_plain(&n->text, &n->f, LIMIT_CHAT_TEXT_BYTES);
    n->source = n->f.feed_title ? n->f.feed_title : n->f.feed ? n->f.feed : "";
    return 0;
}

static void news_fini(struct news *n)
{
    fields_fini(&n->f);
    buf_free(&n->title);
    buf_free(&n->text);
}

/* ---- ntfy: https://SERVER/TOPIC becomes a JSON message to https://SERVER/
 * ------------------------
 */

/* The same for all that is told of one story, or of one item: a server that knows it (ntfy 2.16)
 * shows the newer message in the older one's place, also when a delivery is repeated; older ones
 * take it for a message of its own. */
static void add_sequence(struct jw *j, const struct sink_env *env, const struct fields *f)
{
    char id[64];
    int64_t story = json_integer_value(
        json_object_get(json_object_get(f->root, "story"), "story_id"));
    if (story)
        snprintf(id, sizeof id, "%s-s%lld", env->instance, (long long)story);
    else
        snprintf(id, sizeof id, "%s-i%lld", env->instance, (long long)f->item_id);
    if (story || f->item_id)
        jw_str(j, "sequence_id", id);
}

static void ntfy(struct webhook *w, const struct td_sub_conf *c, const struct sink_env *env,
                 const struct news *n, int count)
{
    struct jw j = {.b = &w->body};
    const char *slash = strrchr(c->target, '/');
    jw_begin_object(&j, NULL);
    jw_str(&j, "topic", c->topic ? c->topic : slash + 1);
    if (!c->topic)
        w->url = xstrndup(c->target, (size_t)(slash + 1 - c->target));
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 16);
    for (int i = 0; count > 1 && i < count; i++)
        buf_addf(&text, "%s%s", i ? "\n" : "", buf_str(&n[i].title));
    CLEANUP_FREE char *many = xasprintf("%d items", count);
    jw_str(&j, "title", count > 1 ? many : buf_str(&n->title));
    jw_str(&j, "message", count > 1 ? buf_str(&text) : n->text.len ? buf_str(&n->text) : n->source);
    jw_str(&j, "click", n->f.url);
    if (count == 1)
        add_sequence(&j, env, &n->f);
    jw_begin_array(&j, "tags");
    jw_str(&j, NULL, n->source);
    jw_end_array(&j);
    jw_end_object(&j);
}

/* ---- Apprise API: POST to /notify/KEY -----------------------------------------------------------
 */

static void apprise(struct webhook *w, const struct td_sub_conf *c, const struct news *n, int count)
{
    struct jw j = {.b = &w->body};
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 17);
    CLEANUP_FREE char *many = xasprintf("%d items", count);
    for (int i = 0; i < count; i++) {
        if (count > 1)
            buf_addf(&text, "%s\n", buf_str(&n[i].title));
        else if (n->text.len)
            buf_addf(&text, "%s\n", buf_str(&n->text));
        if (n[i].f.url)
            buf_addf(&text, "%s\n", n[i].f.url);
    }
    jw_begin_object(&j, NULL);
    jw_str(&j, "title", count > 1 ? many : buf_str(&n->title));
    jw_str(&j, "body", text.len ? buf_str(&text) : buf_str(&n->title));
    jw_str(&j, "type", "info");
    jw_str(&j, "format", "text");
    jw_str(&j, "tag", c->topic);
    jw_end_object(&j);
}

/* ---- Slack and Mattermost: {"text"} in mrkdwn
 * ---------------------------------------------------- */

/* & < > are references there, and nothing else. */
static void add_mrkdwn(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (*s == '&')
            buf_adds(out, "&amp;");
        else if (*s == '<')
            buf_adds(out, "&lt;");
        else if (*s == '>')
            buf_adds(out, "&gt;");
        else
            buf_addc(out, *s == '|' ? '/' : *s);
}

static bool is_link(const char *url)
{
    return url && (str_casestarts(url, "http://") || str_casestarts(url, "https://")) &&
           !url[strcspn(url, "<>|\" \n")];
}

static void slack(struct webhook *w, const struct news *n, int count)
{
    struct jw j = {.b = &w->body};
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 18);
    for (int i = 0; i < count; i++) {
        buf_adds(&text, i ? "\n" : "");
        if (is_link(n[i].f.url))
            buf_addf(&text, "<%s|", n[i].f.url);
        add_mrkdwn(&text, buf_str(&n[i].title));
        buf_adds(&text, is_link(n[i].f.url) ? "> \xe2\x80\x94 " : " \xe2\x80\x94 ");
        add_mrkdwn(&text, n[i].source);
    }
    if (count == 1 && n->text.len) {
        buf_addc(&text, '\n');
        add_mrkdwn(&text, buf_str(&n->text));
    }
    jw_begin_object(&j, NULL);
    jw_strn(&j, "text", buf_str(&text), text.len);
    jw_end_object(&j);
}

/* ---- Discord: embeds; nobody is ever mentioned
 * ---------------------------------------------------- */

static void discord(struct webhook *w, const struct news *n, int count)
{
    struct jw j = {.b = &w->body};
    jw_begin_object(&j, NULL);
    jw_begin_array(&j, "embeds");
    for (int i = 0; i < count; i++) {
        jw_begin_object(&j, NULL);
        jw_str(&j, "title", buf_str(&n[i].title));
        jw_str(&j, "url", is_link(n[i].f.url) ? n[i].f.url : NULL);
        jw_str(&j, "description", count == 1 ? buf_str(&n[i].text) : NULL);
        jw_str(&j, "timestamp", n[i].f.date);
        if (*n[i].source) {
            jw_begin_object(&j, "author");
            jw_strn(&j, "name", n[i].source, utf8_cut(n[i].source, MIN(strlen(n[i].source), 200u)));
            jw_end_object(&j);
        }
        jw_end_object(&j);
    }
    jw_end_array(&j);
    jw_begin_object(&j, "allowed_mentions");
    jw_begin_array(&j, "parse");
    jw_end_array(&j);
    jw_end_object(&j);
    jw_end_object(&j);
}

/* ---- Matrix: {"text", "html"} as hookshot takes them
 * ---------------------------------------------- */

static void add_html(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (strchr("&<>\"", *s))
            buf_addf(out, "&#%d;", *s);
        else
            buf_addc(out, *s);
}

static void matrix(struct webhook *w, const struct news *n, int count)
{
    struct jw j = {.b = &w->body};
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 18), html = BUF_INIT(1 << 18);
    for (int i = 0; i < count; i++) {
        const char *url = is_link(n[i].f.url) ? n[i].f.url : NULL;
        buf_addf(&text, "%s%s%s%s", i ? "\n" : "", buf_str(&n[i].title), url ? " " : "",
                 url ? url : "");
        buf_adds(&html, i ? "<br>" : "");
        if (url) {
            buf_adds(&html, "<a href=\"");
            add_html(&html, url);
            buf_adds(&html, "\">");
        }
        add_html(&html, buf_str(&n[i].title));
        buf_adds(&html, url ? "</a> \xe2\x80\x94 " : " \xe2\x80\x94 ");
        add_html(&html, n[i].source);
    }
    if (count == 1 && n->text.len) {
        buf_addf(&text, "\n%s", buf_str(&n->text));
        buf_adds(&html, "<br>");
        add_html(&html, buf_str(&n->text));
    }
    jw_begin_object(&j, NULL);
    jw_strn(&j, "text", buf_str(&text), text.len);
    jw_strn(&j, "html", buf_str(&html), html.len);
    jw_end_object(&j);
}

int webhook_chat(struct webhook *w, const struct td_sub_conf *c, const struct sink_env *env,
                 const struct sink_message *m)
{
    struct news *n = xcalloc((size_t)m->n, sizeof *n);
    int read = 0;
    while (read < m->n && news_read(&n[read], &m->events[read]) == 0)
        read++;
    if (read == m->n) {
        switch (c->format) {
        case TD_FORMAT_NTFY:
            ntfy(w, c, env, n, m->n);
            break;
        case TD_FORMAT_APPRISE:
            apprise(w, c, n, m->n);
            break;
        case TD_FORMAT_SLACK:
            slack(w, n, m->n);
            break;
        case TD_FORMAT_DISCORD:
            discord(w, n, m->n);
            break;
        default:
            matrix(w, n, m->n);
            break;
        }
    }
    for (int i = 0; i < read; i++)
        news_fini(&n[i]);
    free(n);
    return read == m->n ? 0 : -EINVAL;
}
