#include "notify/event_text.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/item_json.h"

void item_text(struct buf *out, const struct item_row *i)
{
    struct td_item_facts facts = {.item_id = i->item_id,
                                  .feed_id = i->feed_id,
                                  .feed = i->feed,
                                  .feed_title = i->feed_title,
                                  .first_seen = i->first_seen,
                                  .revision = i->revision,
                                  .backlog = i->backlog};
    size_t from = out->len;
    td_item_json(out, i->json, i->json_len, &facts);
    for (; from < out->len; from++)
        if (out->data[from] == '\n' || out->data[from] == '\r')
            out->data[from] = ' ';
}

static void feed_object(struct jw *w, const struct event_row *row)
{
    jw_begin_object(w, "feed");
    jw_int(w, "feed_id", row->feed_id);
    jw_str(w, "name", row->item.feed);
    jw_str(w, "title", row->item.feed_title);
    jw_str(w, "url", row->feed_url);
    if (!str_same(row->feed_asked_url, row->feed_url))
        jw_str(w, "moved_url", row->feed_asked_url);
    jw_end_object(w);
}

static void story_object(struct jw *w, const struct event_row *row)
{
    jw_begin_object(w, "story");
    jw_int(w, "story_id", row->story.story_id);
    jw_str(w, "title", row->story.title);
    jw_int(w, "outlets", row->story.n_outlets);
    jw_int(w, "items", row->story.n_items);
    jw_time(w, "first", row->story.first_at);
    jw_time(w, "last", row->story.last_at);
    jw_str(w, "note", row->story.note);
    jw_double(w, "p", (double)row->story.p / 1000);
    jw_end_object(w);
}

struct event_text *event_text_new(const struct event_row *row, struct standing *standing)
{
    /* The item, its title again as the story's, names, or what log.cut lists. */
    CLEANUP_BUF struct buf b = BUF_INIT(4 * (size_t)LIMIT_ITEM_JSON_BYTES);
    buf_addf(&b, "id: %lld\nevent: %s\ndata: ", (long long)row->seq, row->kind);
    size_t off = b.len;
    struct jw w = {.b = &b};
    jw_begin_object(&w, NULL);
    char id[64];
    jw_int(&w, "seq", row->seq);
    snprintf(id, sizeof id, "%s-%lld", row->instance ? row->instance : "", (long long)row->seq);
    jw_str(&w, "id", id);
    jw_str(&w, "event", row->kind);
    jw_time(&w, "at", row->at);
    if (str_starts(row->kind, "story."))
        story_object(&w, row);
    if (!row->feed_id && row->detail) {
        jw_raw(&w, "log", row->detail, strlen(row->detail));
    } else if (row->item_id) {
        buf_adds(&b, ",\"item\":");
        item_text(&b, &row->item);
    } else {
        feed_object(&w, row);
    }
    jw_end_object(&w);
    size_t n = b.len - off;
    buf_adds(&b, "\n\n");
    struct event_text *e = xmalloc(sizeof *e + b.len);
    *e = (struct event_text){
        .refs = 1, .seq = row->seq, .at = row->at, .len = b.len, .json_off = off, .json_len = n};
    snprintf(e->kind, sizeof e->kind, "%s", row->kind);
    e->story_id = row->story.story_id;
    e->story_p = row->story.p;
    e->sighting = row->story.sighting;
    e->judged = row->story.judged;
    e->waits = row->story.waits;
    e->item_id = row->item_id;
    memcpy(e->text, b.data, b.len);
    if (standing)
        e->n_matches = standing_match(standing, row, &e->matches, &e->generation);
    return e;
}

struct event_text *event_text_kept(int64_t seq, int64_t at, const char *json, size_t n)
{
    struct event_text *e = xmalloc(sizeof *e + n);
    *e = (struct event_text){.refs = 1, .seq = seq, .at = at, .len = n, .json_len = n};
    memcpy(e->text, json, n);
    static const char key[] = "\"event\":\"";
    const char *kind = memmem(json, n, key, strlen(key));
    if (kind) {
        kind += strlen(key);
        snprintf(e->kind, sizeof e->kind, "%.*s", (int)strcspn(kind, "\""), kind);
    }
    return e;
}

struct event_text *event_text_ref(struct event_text *e)
{
    e->refs++;
    return e;
}

void event_text_unref(struct event_text *e)
{
    if (e && --e->refs == 0) {
        free(e->matches);
        free(e);
    }
}

size_t event_text_bytes(const struct event_text *e)
{
    return sizeof *e + e->len + e->n_matches * sizeof *e->matches;
}
