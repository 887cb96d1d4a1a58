/* JSON Feed 1.0 and 1.1: the members we know, checked and normalised; all others are left out. */
#include <errno.h>
#include <math.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/date.h"
#include "parse/json_repair.h"
#include "parse/read.h"
#include "parse/text.h"
#include "parse/url.h"

enum kind { K_TEXT, K_LITERAL, K_URL, K_DATE };

static const struct {
    const char *key;
    uint8_t where;
    enum field field;
    enum kind kind;
} members[] = {
    {"title", IN_FEED | IN_ITEM, F_TITLE, K_TEXT},
    {"description", IN_FEED, F_DESCRIPTION, K_TEXT},
    {"home_page_url", IN_FEED, F_HOME, K_URL},
    {"feed_url", IN_FEED, F_FEED_URL, K_URL},
    {"icon", IN_FEED, F_ICON, K_URL},
    {"favicon", IN_FEED, F_FAVICON, K_URL},
    {"language", IN_FEED | IN_ITEM, F_LANGUAGE, K_LITERAL},
    {"url", IN_ITEM, F_URL, K_URL},
    {"external_url", IN_ITEM, F_EXTERNAL_URL, K_URL},
    {"image", IN_ITEM, F_IMAGE, K_URL},
    {"banner_image", IN_ITEM, F_BANNER_IMAGE, K_URL},
    {"date_published", IN_ITEM, F_PUBLISHED, K_DATE},
    {"date_modified", IN_ITEM, F_MODIFIED, K_DATE},
};

static const char *string_field(struct reader *r, const json_t *v, enum text_kind kind)
{
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (!s)
        return NULL;
    if (n > LIMIT_TEXT_BYTES) {
        n = utf8_cut(s, LIMIT_TEXT_BYTES);
        r->cut = true;
    }
    return text_field(r->a, kind, s, n);
}

static const char *get_text(struct reader *r, const json_t *o, const char *key)
{
    return string_field(r, json_object_get(o, key), TEXT_MAYBE);
}

static const char *get_literal(struct reader *r, const json_t *o, const char *key)
{
    return string_field(r, json_object_get(o, key), TEXT_LITERAL);
}

static const char *get_url(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    const char *s = json_string_value(v);
    if (!s)
        return NULL;
    size_t n = str_trim(&s, json_string_length(v));
    return n ? url_resolve(r->a, r->base, s, n) : NULL;
}

static struct val get_value(struct reader *r, const json_t *o, const char *key, enum kind kind)
{
    const char *date;
    switch (kind) {
    case K_URL:
        return val_str(get_url(r, o, key));
    case K_DATE:
        date = json_string_value(json_object_get(o, key));
        return val_time(date ? date_parse(date, strlen(date)) : TD_NEVER);
    case K_TEXT:
        return val_str(get_text(r, o, key));
    case K_LITERAL:
        return val_str(get_literal(r, o, key));
    }
    return (struct val){0};
}

static void read_members(struct reader *r, struct record *rec, const json_t *o, unsigned where)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (members[i].where & where)
            record_put(rec, members[i].field, RANK_NATIVE,
                       get_value(r, o, members[i].key, members[i].kind));
}

static void add_author(struct reader *r, struct record *rec, const json_t *o)
{
    struct obj *p = NULL;
    if (json_is_object(o))
        p = person_new(r, get_text(r, o, "name"), get_url(r, o, "url"), get_url(r, o, "avatar"),
                       NULL);
    else if (json_is_string(o))
        p = person_from_text(r, string_field(r, o, TEXT_MAYBE));
    record_add(r->a, rec, F_AUTHORS, RANK_NATIVE, val_obj(p));
}

/* `authors`, else the `author` of version 1.0. */
static void read_authors(struct reader *r, struct record *rec, const json_t *o)
{
    const json_t *list = json_object_get(o, "authors"), *e;
    size_t i;
    json_array_foreach (list, i, e)
        add_author(r, rec, e);
    if (json_is_object(list)) /* one author in place of the list */
        add_author(r, rec, list);
    if (rec->v[F_AUTHORS].kind == VAL_NONE)
        add_author(r, rec, json_object_get(o, "author"));
}

static void read_tags(struct reader *r, struct record *rec, const json_t *o)
{
    const json_t *list = json_object_get(o, "tags"), *e;
    size_t i;
    json_array_foreach (list, i, e)
        if (json_is_string(e)) {
            const char *s = string_field(r, e, TEXT_MAYBE);
            add_category(r, rec, category_new(r, s, NULL, NULL));
        }
}

static void read_attachments(struct reader *r, struct record *rec, const json_t *o)
{
    const json_t *list = json_object_get(o, "attachments"), *e;
    size_t i;
    json_array_foreach (list, i, e) {
        const char *url = get_url(r, e, "url");
        const json_t *size = json_object_get(e, "size_in_bytes"),
                     *seconds = json_object_get(e, "duration_in_seconds");
        if (!url)
            continue;
        struct obj *a = obj_new(r->a);
        obj_set(r->a, a, "url", val_str(url));
        obj_set(r->a, a, "mime_type", val_str(get_literal(r, e, "mime_type")));
        obj_set(r->a, a, "title", val_str(get_text(r, e, "title")));
        double bytes = json_number_value(size);
        if (bytes >= 1 && bytes < 1e15)
            obj_set(r->a, a, "size_in_bytes", val_int((int64_t)bytes));
        double d = json_number_value(seconds);
        if (json_is_number(seconds) && d >= 0 && d < 1e9)
            obj_set(r->a, a, "duration_in_seconds",
                    d == trunc(d) ? val_int((int64_t)d) : val_num(d));
        record_add(r->a, rec, F_ATTACHMENTS, RANK_NATIVE, val_obj(a));
    }
}

static void read_hubs(struct reader *r, struct record *rec, const json_t *o)
{
    const json_t *list = json_object_get(o, "hubs"), *e;
    size_t i;
    json_array_foreach (list, i, e) {
        const char *url = get_url(r, e, "url");
        if (!url)
            continue;
        struct obj *h = obj_new(r->a);
        obj_set(r->a, h, "type", val_str(get_literal(r, e, "type")));
        obj_set(r->a, h, "url", val_str(url));
        record_add(r->a, rec, F_HUBS, RANK_NATIVE, val_obj(h));
    }
}

static const char *get_id(struct reader *r, const json_t *o)
{
    const json_t *id = json_object_get(o, "id");
    if (json_is_integer(id))
        return arena_printf(r->a, "%lld", (long long)json_integer_value(id));
    if (json_is_real(id))
        return arena_printf(r->a, "%.15g", json_real_value(id));
    return get_literal(r, o, "id");
}

static void read_body_member(struct reader *r, struct body *ret, const json_t *o, const char *key,
                             enum body_kind kind)
{
    const json_t *v = json_object_get(o, key);
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (!s || !str_trim(&s, n) || ret->kind != BODY_NONE)
        return;
    s = json_string_value(v);
    *ret = (struct body){.kind = kind, .s = s, .n = n, .base = r->base};
}

static void read_item(struct reader *r, const json_t *o)
{
    struct record *rec = json_is_object(o) ? item_begin(r) : NULL;
    if (!rec)
        return;
    record_put(rec, F_ID, RANK_NATIVE, val_str(get_id(r, o)));
    read_members(r, rec, o, IN_ITEM);
    read_authors(r, rec, o);
    read_tags(r, rec, o);
    read_attachments(r, rec, o);
    read_body_member(r, &rec->content, o, "content_html", BODY_HTML);
    if (rec->content.kind == BODY_HTML) {
        struct body text = {0}; /* both may be there */
        read_body_member(r, &text, o, "content_text", BODY_TEXT);
        if (text.kind)
            record_put(rec, F_CONTENT_TEXT, RANK_NATIVE, val_str(body_text(r, rec, &text)));
    } else {
        read_body_member(r, &rec->content, o, "content_text", BODY_TEXT);
    }
    record_put(rec, F_SUMMARY, RANK_NATIVE, val_str(get_text(r, o, "summary")));
    item_end(r);
}

static void free_json(json_t **j)
{
    json_decref(*j);
}

/* Can its tree become too big for us? An object weighs as much as four other values. */
static bool too_many_values(const char *s, size_t n)
{
    size_t weight = 0;
    for (size_t i = 0; i < n; i++)
        weight += s[i] == ',' || s[i] == '[' ? 1 : s[i] == '{' ? 4 : 0;
    return weight > LIMIT_JSON_VALUES;
}

static json_t *load_text(const char *s, size_t n, json_error_t *ret_err)
{
    if (!too_many_values(s, n))
        return json_loadb(s, n, JSON_DISABLE_EOF_CHECK, ret_err);
    *ret_err = (json_error_t){.line = 1, .text = "too many values"};
    return NULL;
}

static json_t *load(const char *s, size_t n, unsigned *repairs, json_error_t *ret_err)
{
    CLEANUP_BUF struct buf repaired = BUF_INIT(2u * LIMIT_BODY_MAX_BYTES);
    json_error_t e;
    json_t *root = load_text(s, n, ret_err);
    if (!root && json_repair(s, n, &repaired, repairs))
        root = load_text(repaired.data, repaired.len, &e);
    return root;
}

int read_json(struct reader *r, const char *s, size_t n, unsigned *repairs, struct td_err *err)
{
    json_error_t e;
    CLEANUP(free_json) json_t *root = load(s, n, repairs, &e);
    if (!root)
        return td_err(err, -ENOMSG, "not a feed: JSON, but line %d: %s", e.line, e.text);
    const char *version = json_string_value(json_object_get(root, "version"));
    const json_t *items = json_object_get(root, "items"), *item;
    bool says_so = version && strstr(version, "jsonfeed.org");
    if (!says_so && (*repairs || !json_is_array(items))) /* damaged, it must say what it is */
        return td_err(err, -ENOMSG, "not a feed: JSON without `items`");
    r->b->format = "jsonfeed";
    const char *feed_url = json_string_value(json_object_get(root, "feed_url")),
               *home = json_string_value(json_object_get(root, "home_page_url"));
    if (!r->base && feed_url && url_has_scheme(feed_url, strlen(feed_url)))
        r->base = url_clean(r->a, feed_url, strlen(feed_url));
    if (!r->base && home && url_has_scheme(home, strlen(home)))
        r->base = url_clean(r->a, home, strlen(home));
    read_members(r, &r->feed, root, IN_FEED);
    read_authors(r, &r->feed, root);
    read_hubs(r, &r->feed, root);
    r->next_page = get_url(r, root, "next_url");
    size_t i;
    json_array_foreach (items, i, item)
        read_item(r, item);
    return 0;
}
