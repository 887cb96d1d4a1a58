#include "parse/finish.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/sanitize.h"
#include "parse/text.h"
#include "parse/url.h"

void reader_init(struct reader *r, struct td_batch *b, struct arena *work)
{
    *r = (struct reader){.work = work, .a = work, .b = b, .native = NS_OTHER};
    r->html = BUF_INIT(LIMIT_TEXT_BYTES);
    r->html2 = BUF_INIT(LIMIT_TEXT_BYTES);
    r->text = BUF_INIT(LIMIT_TEXT_BYTES);
    r->json = BUF_INIT(LIMIT_ITEM_JSON_BYTES);
}

void reader_fini(struct reader *r)
{
    buf_free(&r->html);
    buf_free(&r->html2);
    buf_free(&r->text);
    buf_free(&r->json);
    arena_free(&r->item_arena);
    arena_free(&r->tree_arena);
    free(r->item);
}

struct record *item_begin(struct reader *r)
{
    if (r->b->n_entries >= LIMIT_ITEMS || r->out_bytes > LIMIT_BATCH_BYTES ||
        r->work->bytes > LIMIT_PARSE_BYTES) {
        r->b->dropped = true;
        return NULL;
    }
    if (!r->item)
        r->item = xmalloc(sizeof *r->item);
    memset(r->item, 0, sizeof *r->item);
    r->a = &r->item_arena;
    return r->item;
}

/* ---- bodies ------------------------------------------------------------------------------- */

/* The safe HTML of a body into OUT, its text into TEXT. */
static void convert(struct reader *r, struct buf *out, struct buf *text, const struct body *b,
                    bool *dropped)
{
    struct sanitize_opts opts = {
        .base_url = b->base, .unwrap_div = b->kind == BODY_XHTML, .text = text};
    buf_clear(out);
    buf_clear(text);
    const char *s = b->s;
    size_t n = b->n;
    if (b->kind == BODY_MAYBE && !text_is_html(s, n)) {
        n = str_trim(&s, n);
        *dropped |= text_add_escaped(out, s, n, false) < 0;
        text_add_plain(text, s, n);
        return;
    }
    *dropped |= sanitize_html(out, s, n, &opts) < 0;
}

static struct val val_buf(const struct buf *b)
{
    if (!b->len)
        return (struct val){0};
    return (struct val){.kind = VAL_STR, .s = b->data, .n = b->len};
}

const char *body_text(struct reader *r, struct record *rec, const struct body *b)
{
    size_t n = b->n;
    const char *s = b->s;
    if (n > LIMIT_TEXT_BYTES) {
        n = utf8_cut(s, LIMIT_TEXT_BYTES);
        rec->dropped = true;
    }
    n = str_trim(&s, n);
    return n ? arena_strndup(r->a, s, n) : NULL;
}

static const char *summary_text(struct reader *r, const struct body *b)
{
    enum text_kind kind = b->kind == BODY_TEXT    ? TEXT_LITERAL
                          : b->kind == BODY_MAYBE ? TEXT_MAYBE
                                                  : TEXT_HTML;
    return text_field(r->a, kind, b->s, MIN(b->n, (size_t)LIMIT_TEXT_BYTES));
}

/* content_html, content_text, summary and summary_html out of the two bodies. Afterwards r->text
 * holds the plain text of the content, or of the summary. */
static void finish_bodies(struct reader *r, struct record *rec)
{
    struct body *content = &rec->content, *summary = &rec->summary;
    buf_clear(&r->text);
    buf_clear(&r->html);
    if (content->kind == BODY_TEXT) {
        record_put(rec, F_CONTENT_TEXT, RANK_NATIVE, val_str(body_text(r, rec, content)));
        text_add_plain(&r->text, content->s, content->n);
    } else if (content->kind != BODY_NONE) {
        convert(r, &r->html, &r->text, content, &rec->dropped);
        record_put(rec, F_CONTENT_HTML, RANK_NATIVE, val_buf(&r->html));
    }
    bool has = rec->v[F_CONTENT_HTML].kind || rec->v[F_CONTENT_TEXT].kind;
    if (summary->kind == BODY_NONE)
        return;
    if (has) {
        record_put(rec, F_SUMMARY, RANK_NATIVE, val_str(summary_text(r, summary)));
        if (summary->kind == BODY_TEXT ||
            (summary->kind == BODY_MAYBE && !text_is_html(summary->s, summary->n)))
            return;
        struct sanitize_opts opts = {.base_url = summary->base,
                                     .unwrap_div = summary->kind == BODY_XHTML};
        buf_clear(&r->html2);
        rec->dropped |= sanitize_html(&r->html2, summary->s, summary->n, &opts) < 0;
        record_put(rec, F_SUMMARY_HTML, RANK_NATIVE, val_buf(&r->html2));
    } else if (summary->kind == BODY_TEXT) {
        record_put(rec, F_CONTENT_TEXT, RANK_NATIVE, val_str(body_text(r, rec, summary)));
        text_add_plain(&r->text, summary->s, summary->n);
        record_put(rec, F_SUMMARY, RANK_NATIVE, val_buf(&r->text));
    } else {
        convert(r, &r->html, &r->text, summary, &rec->dropped);
        record_put(rec, F_CONTENT_HTML, RANK_NATIVE, val_buf(&r->html));
        record_put(rec, F_SUMMARY, RANK_NATIVE, val_buf(&r->text));
    }
}

/* ---- derived fields ----------------------------------------------------------------------- */

static const char *elem_str(const struct elem *e, const char *key)
{
    return e && e->v.kind == VAL_OBJ ? obj_str(e->v.obj, key) : NULL;
}

static bool has_image_name(const char *url)
{
    static const char *const names[] = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"};
    size_t n = strcspn(url, "?#");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t k = strlen(names[i]);
        if (n > k && strncasecmp(url + n - k, names[i], k) == 0)
            return true;
    }
    return false;
}

static bool is_image(const struct elem *e, const char *type_key)
{
    const char *medium = elem_str(e, "medium"), *type = elem_str(e, type_key);
    if (medium || type)
        return (medium && str_caseeq(medium, "image")) || (type && str_casestarts(type, "image/"));
    return has_image_name(elem_str(e, "url"));
}

static const char *first_image(const struct list *l, const char *type_key)
{
    for (const struct elem *e = l ? l->first : NULL; e; e = e->next)
        if (elem_str(e, "url") && is_image(e, type_key))
            return elem_str(e, "url");
    return NULL;
}

static void finish_image(struct record *rec)
{
    const struct list *thumbs = record_list(rec, F_MEDIA_THUMBNAILS);
    record_put(rec, F_IMAGE, RANK_LAST, val_str(thumbs ? elem_str(thumbs->first, "url") : NULL));
    record_put(rec, F_IMAGE, RANK_LAST,
               val_str(first_image(record_list(rec, F_MEDIA_CONTENTS), "type")));
    record_put(rec, F_IMAGE, RANK_LAST,
               val_str(first_image(record_list(rec, F_ATTACHMENTS), "mime_type")));
}

static bool in_list(const struct list *l, const char *s)
{
    for (const struct elem *e = l->first; e; e = e->next)
        if (e->v.kind == VAL_STR && str_eq(e->v.s, s))
            return true;
    return false;
}

/* Tags are the categories' labels, else their terms. */
static void finish_tags(struct reader *r, struct record *rec)
{
    const struct list *cats = record_list(rec, F_CATEGORIES);
    struct list *tags = arena_zalloc(r->a, sizeof *tags);
    for (const struct elem *e = cats ? cats->first : NULL; e; e = e->next) {
        const char *s = elem_str(e, "label");
        if (!s)
            s = elem_str(e, "term");
        if (s && tags->n < category_limit(r, rec) && !in_list(tags, s))
            list_add(r->a, tags, val_str(s));
    }
    record_put(rec, F_TAGS, RANK_LAST, val_list(tags));
}

static void finish_common(struct reader *r, struct record *rec)
{
    finish_tags(r, rec);
    rec->dropped |= r->cut;
    r->cut = false;
    if (rec->dropped) {
        record_put(rec, F_DROPPED, RANK_NATIVE, val_bool(true));
        r->b->dropped = true;
    }
}

static const char *hash_id(struct reader *r, const struct record *rec)
{
    unsigned char sum[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    CLEANUP_BUF struct buf b = BUF_INIT(4u * LIMIT_TEXT_BYTES);
    static const enum field parts[] = {F_TITLE, F_CONTENT_HTML, F_CONTENT_TEXT};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const char *s = record_str(rec, parts[i]);
        if (s)
            buf_adds(&b, s);
        buf_addc(&b, '\0');
    }
    crypto_sha256(b.data, b.len, sum);
    return arena_printf(r->a, "sha256:%s", crypto_hex(sum, sizeof sum, hex));
}

static enum td_id_source finish_id(struct reader *r, struct record *rec)
{
    const struct list *att = record_list(rec, F_ATTACHMENTS);
    if (record_str(rec, F_ID))
        return TD_ID_GUID;
    const char *url = record_str(rec, F_URL);
    if (!url && att)
        url = elem_str(att->first, "url");
    record_put(rec, F_ID, RANK_LAST, val_str(url ? url : hash_id(r, rec)));
    return url ? TD_ID_URL : TD_ID_HASH;
}

static void finish_derived(struct reader *r, struct record *rec)
{
    const struct list *att = record_list(rec, F_ATTACHMENTS);
    finish_image(rec);
    if (att && att->n == 1 && rec->v[F_ITUNES_DURATION].kind == VAL_INT)
        obj_set(r->a, att->first->v.obj, "duration_in_seconds", rec->v[F_ITUNES_DURATION]);
    if (rec->v[F_MODIFIED].kind == VAL_TIME)
        record_put(rec, F_PUBLISHED, RANK_LAST + 1, rec->v[F_MODIFIED]);
    finish_common(r, rec);
}

/* ---- into the batch ----------------------------------------------------------------------- */

static const char *keep(struct reader *r, const char *s, size_t n)
{
    r->out_bytes += n;
    return s && n ? arena_strndup(&r->b->arena, s, n) : NULL;
}

static const char *keep_str(struct reader *r, const char *s)
{
    return s ? keep(r, s, strlen(s)) : NULL;
}

/* Names of authors, or strings, joined. */
static const char *joined(struct reader *r, const struct list *l, const char *key,
                          const char *between)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_TEXT_BYTES);
    for (const struct elem *e = l ? l->first : NULL; e; e = e->next) {
        const char *s = key ? elem_str(e, key) : e->v.s;
        if (!s)
            continue;
        if (b.len)
            buf_adds(&b, between);
        buf_adds(&b, s);
    }
    return keep(r, b.data, b.len);
}

static int64_t time_of(const struct record *rec, enum field f)
{
    return rec->v[f].kind == VAL_TIME ? rec->v[f].i : TD_NEVER;
}

/* A feed and an item that are too big for their JSON lose their bodies, not their place. */
static const char *keep_json(struct reader *r, struct record *rec, enum json_kind kind,
                             size_t *ret_len)
{
    static const enum field heavy[] = {F_SUMMARY_HTML, F_CONTENT_HTML, F_CONTENT_TEXT, F_SUMMARY,
                                       F_LINKS,        F_CATEGORIES,   F_TAGS};
    buf_clear(&r->json);
    json_write_record(&r->json, rec, kind);
    for (size_t i = 0; r->json.overflow && i < ARRAY_SIZE(heavy); i++) {
        rec->v[heavy[i]] = (struct val){0};
        rec->v[F_DROPPED] = val_bool(true);
        r->b->dropped = true;
        buf_clear(&r->json);
        json_write_record(&r->json, rec, kind);
    }
    if (r->json.overflow) {
        struct record least = {0};
        least.v[F_ID] = rec->v[F_ID];
        least.v[F_FORMAT] = rec->v[F_FORMAT];
        least.v[F_DROPPED] = val_bool(true);
        buf_clear(&r->json);
        json_write_record(&r->json, &least, kind);
    }
    *ret_len = r->json.len;
    return keep(r, r->json.data, r->json.len);
}

static struct td_entry *add_entry(struct reader *r)
{
    struct td_batch *b = r->b;
    if (b->n_entries == r->cap_entries) {
        uint32_t cap = r->cap_entries ? r->cap_entries * 2 : 32;
        struct td_entry *more = arena_alloc(&b->arena, cap * sizeof *more);
        if (b->n_entries)
            memcpy(more, b->entries, b->n_entries * sizeof *more);
        b->entries = more;
        r->cap_entries = cap;
    }
    struct td_entry *e = &b->entries[b->n_entries++];
    memset(e, 0, sizeof *e);
    return e;
}

void item_end(struct reader *r)
{
    struct record *rec = r->item;
    finish_bodies(r, rec);
    finish_derived(r, rec);
    enum td_id_source source = finish_id(r, rec);
    const struct list *att = record_list(rec, F_ATTACHMENTS);
    struct td_entry *e = add_entry(r);
    e->id_source = source;
    e->fingerprint = fingerprint(&(struct fingerprint_in){.title = record_str(rec, F_TITLE),
                                                          .url = record_str(rec, F_URL),
                                                          .text = buf_str(&r->text),
                                                          .text_n = r->text.len,
                                                          .html = buf_str(&r->html),
                                                          .html_n = r->html.len,
                                                          .attachments = att});
    e->json = keep_json(r, rec, JSON_ITEM, &e->json_len);
    e->id = keep_str(r, record_str(rec, F_ID));
    e->url = keep_str(r, record_str(rec, F_URL));
    e->title = keep_str(r, record_str(rec, F_TITLE));
    e->author = joined(r, record_list(rec, F_AUTHORS), "name", ", ");
    e->language = keep_str(r, record_str(rec, F_LANGUAGE));
    e->tags = joined(r, record_list(rec, F_TAGS), NULL, "\n");
    size_t n = MIN(r->text.len, (size_t)LIMIT_SEARCH_TEXT_BYTES);
    e->text = keep(r, r->text.data, n ? utf8_cut(r->text.data, n) : 0);
    e->original_url = keep_str(r, record_str(rec, F_ORIGINAL_URL));
    e->date_published = time_of(rec, F_PUBLISHED);
    e->date_modified = time_of(rec, F_MODIFIED);
    e->n_attachments = att ? att->n : 0;
    arena_reset(&r->item_arena);
    r->a = r->work;
}

/* ---- the feed ----------------------------------------------------------------------------- */

static int64_t update_ms(const struct record *feed)
{
    static const struct {
        const char *name;
        int64_t hours;
    } periods[] = {
        {"hourly", 1}, {"daily", 24}, {"weekly", 168}, {"monthly", 720}, {"yearly", 8760}};
    const char *p = record_str(feed, F_UPDATE_PERIOD);
    const struct val *f = &feed->v[F_UPDATE_FREQUENCY];
    int64_t times = f->kind == VAL_INT && f->i > 0 ? f->i : 1;
    for (size_t i = 0; p && i < ARRAY_SIZE(periods); i++)
        if (str_caseeq(p, periods[i].name))
            return periods[i].hours * 3600000 / times;
    return 0;
}

static void finish_hints(struct reader *r)
{
    static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    struct td_hints *h = &r->b->hints;
    const struct list *l = record_list(&r->feed, F_SKIP_HOURS);
    if (r->feed.v[F_TTL].kind == VAL_INT)
        h->ttl_ms = r->feed.v[F_TTL].i * 1000;
    h->update_ms = update_ms(&r->feed);
    for (const struct elem *e = l ? l->first : NULL; e; e = e->next)
        if (e->v.i >= 0 && e->v.i <= 24) /* 24 is midnight */
            h->skip_hours |= 1u << (e->v.i % 24);
    l = record_list(&r->feed, F_SKIP_DAYS);
    for (const struct elem *e = l ? l->first : NULL; e; e = e->next)
        for (unsigned d = 0; d < 7; d++)
            if (str_casestarts(e->v.s, days[d]))
                h->skip_days |= (uint8_t)(1u << d);
}

/* The next `<URL>; params` of a Link header: its URL and parameters, moves *P behind it. */
static const char *next_link(struct reader *r, const char **p, const char **ret_params)
{
    const char *open = strchr(*p, '<'), *close = open ? strchr(open, '>') : NULL;
    if (!close)
        return NULL;
    const char *end = close + 1;
    for (bool quoted = false; *end && (quoted || (*end != ',' && *end != '\n')); end++)
        quoted ^= *end == '"';
    *ret_params = arena_strndup(r->a, close + 1, (size_t)(end - close - 1));
    *p = *end ? end + 1 : end;
    return url_resolve(r->a, r->base, open + 1, (size_t)(close - open - 1));
}

/* Is REL one of the words of the parameters' rel="..."? */
static bool has_rel(const char *params, const char *rel)
{
    size_t n = strlen(rel);
    const char *p = strcasestr(params, "rel=");
    if (!p)
        return false;
    p += 4;
    char quote = *p == '"' ? *p++ : 0;
    const char *end = quote ? strchrnul(p, quote) : p + strcspn(p, "; ");
    while (p < end) {
        size_t k = strcspn(p, " \"");
        k = MIN(k, (size_t)(end - p));
        if (k == n && strncasecmp(p, rel, n) == 0)
            return true;
        p += k + (p + k < end);
    }
    return false;
}

/* WebSub: hubs of the HTTP header before those of the document (FETCHING E1). */
static void finish_hubs(struct reader *r, const char *link)
{
    struct td_hub hubs[LIMIT_HUBS];
    uint32_t n = 0;
    const char *params, *url, *self = NULL;
    for (const char *p = link ? link : ""; (url = next_link(r, &p, &params));) {
        if (has_rel(params, "hub") && n < LIMIT_HUBS)
            hubs[n++].url = url;
        else if (has_rel(params, "self") && !self)
            self = url;
    }
    const struct list *l = n ? NULL : record_list(&r->feed, F_HUBS);
    for (const struct elem *e = l ? l->first : NULL; e && n < LIMIT_HUBS; e = e->next) {
        const char *type = elem_str(e, "type");
        if (elem_str(e, "url") && (!type || str_caseeq(type, "WebSub")))
            hubs[n++].url = elem_str(e, "url");
    }
    if (n && self)
        r->b->feed_url = keep_str(r, self);
    if (n)
        r->b->hubs = arena_alloc(&r->b->arena, n * sizeof *hubs);
    for (uint32_t i = 0; i < n; i++)
        r->b->hubs[i].url = keep_str(r, hubs[i].url);
    r->b->n_hubs = n;
}

void feed_finish(struct reader *r, const char *link)
{
    struct record *feed = &r->feed;
    struct td_batch *b = r->b;
    feed->dropped |= b->dropped;
    finish_common(r, feed);
    record_put(feed, F_FORMAT, RANK_NATIVE, val_str(b->format));
    record_put(feed, F_WELL_FORMED, RANK_NATIVE, val_bool(b->well_formed));
    record_put(feed, F_ENCODING, RANK_NATIVE, val_str(b->encoding));
    b->title = keep_str(r, record_str(feed, F_TITLE));
    b->home_page_url = keep_str(r, record_str(feed, F_HOME));
    b->feed_url = keep_str(r, record_str(feed, F_FEED_URL));
    b->description = keep_str(r, record_str(feed, F_DESCRIPTION));
    b->language = keep_str(r, record_str(feed, F_LANGUAGE));
    b->icon = keep_str(r, record_str(feed, F_ICON));
    b->older_url = keep_str(r, r->prev_archive ? r->prev_archive : r->next_page);
    finish_hubs(r, link);
    finish_hints(r);
    b->json = keep_json(r, feed, JSON_FEED, &b->json_len);
}
