#include "notify/syndicate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/json_text.h"
#include "notify/event_text.h"

#define URN_BYTES 48
#define GENERATOR "tidings"

/* ---- small pieces -------------------------------------------------------------------------- */

/* Character data of XML 1.0: what may not stand there at all becomes U+FFFD. */
static void add_text(struct buf *out, const char *s)
{
    for (size_t left = s ? strlen(s) : 0, n; left; s += n, left -= n) {
        uint32_t c;
        unsigned char b = (unsigned char)*s;
        n = utf8_decode(s, left, &c);
        if (!n) {
            n = 1;
            c = 0;
        }
        if (b == '&')
            buf_adds(out, "&amp;");
        else if (b == '<')
            buf_adds(out, "&lt;");
        else if (b == '>')
            buf_adds(out, "&gt;");
        else if (b == '"')
            buf_adds(out, "&quot;");
        else if ((c < 0x20 && b != '\t' && b != '\n') || c == 0xfffe || c == 0xffff)
            buf_adds(out, b == '\r' ? "&#13;" : "\xef\xbf\xbd");
        else
            buf_add(out, s, n);
    }
}

/* <NAME ATTRIBUTES>TEXT</NAME>, nothing for an empty text. */
static void add_element(struct buf *out, const char *name, const char *attributes, const char *text)
{
    if (str_empty(text))
        return;
    buf_addf(out, "<%s%s>", name, attributes);
    add_text(out, text);
    buf_addf(out, "</%s>\n", name);
}

static void add_link(struct buf *out, const char *element, const char *rel, const char *type,
                     const char *href)
{
    if (str_empty(href))
        return;
    buf_addf(out, "<%s rel=\"%s\"", element, rel);
    if (type)
        buf_addf(out, " type=\"%s\"", type);
    buf_adds(out, " href=\"");
    add_text(out, href);
    buf_adds(out, "\"/>\n");
}

static const char *rfc822(char *buf, size_t size, int64_t at)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(at / 1000 - (at % 1000 < 0));
    struct tm tm;
    buf[0] = 0;
    if (at != TD_NEVER && gmtime_r(&t, &tm))
        snprintf(buf, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
                 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return buf;
}

/* KIND: "" for items. */
static const char *make_urn(char urn[URN_BYTES], const struct syndicate_conf *c, const char *kind,
                            int64_t id)
{
    char text[64], hex[2 * SHA256_BYTES + 1];
    unsigned char h[SHA256_BYTES];
    int n = snprintf(text, sizeof text, "%s %s%lld", c->instance, kind, (long long)id);
    crypto_sha256(text, (size_t)n, h);
    h[6] = (unsigned char)((h[6] & 0x0f) | 0x80);
    h[8] = (unsigned char)((h[8] & 0x3f) | 0x80);
    crypto_hex(h, 16, hex);
    snprintf(urn, URN_BYTES, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
    return urn;
}

/* ---- an item ------------------------------------------------------------------------------- */

struct item { /* what the formats share; strings are borrowed from JSON and ROW */
    const struct item_row *row;
    json_t *json;
    char urn[URN_BYTES];
    int64_t published, updated;
    const char *html, *text, *summary;
};

static const char *member(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static int64_t time_member(const json_t *o, const char *name)
{
    int64_t at;
    const char *s = member(o, name);
    return s && clock_parse_rfc3339(s, &at) == 0 ? at : TD_NEVER;
}

static void item_open(struct item *it, const struct syndicate_conf *c, const struct item_row *row)
{
    *it = (struct item){.row = row, .json = json_loadb(row->json, row->json_len, 0, NULL)};
    make_urn(it->urn, c, "", row->item_id);
    int64_t modified = time_member(it->json, "date_modified");
    it->published = row->date_published == TD_NEVER ? row->first_seen : row->date_published;
    it->updated = modified == TD_NEVER ? it->published : MAX(modified, it->published);
    it->html = member(it->json, "content_html");
    it->text = member(it->json, "content_text");
    it->summary = member(it->json, "summary");
}

static const char *title_of(const struct item *it)
{
    const struct item_row *r = it->row;
    return !str_empty(r->title) ? r->title : !str_empty(r->url) ? r->url : r->id;
}

static const char *feed_title(const struct item_row *r)
{
    return !str_empty(r->feed_title) ? r->feed_title : r->feed;
}

/* ---- Atom ---------------------------------------------------------------------------------- */

static void atom_authors(struct buf *out, const struct item *it)
{
    size_t i, n = 0;
    json_t *a;
    json_array_foreach (json_object_get(it->json, "authors"), i, a) {
        const char *name = member(a, "name");
        if (str_empty(name))
            continue;
        buf_adds(out, "<author>");
        add_element(out, "name", "", name);
        add_element(out, "uri", "", member(a, "url"));
        buf_adds(out, "</author>\n");
        n++;
    }
    if (n)
        return;
    buf_adds(out, "<author>"); /* RFC 4287 4.1.2: there must be one */
    add_element(out, "name", "", feed_title(it->row));
    buf_adds(out, "</author>\n");
}

static void atom_enclosures(struct buf *out, const struct item *it)
{
    size_t i;
    json_t *a;
    json_array_foreach (json_object_get(it->json, "attachments"), i, a) {
        const char *url = member(a, "url"), *type = member(a, "mime_type");
        json_int_t size = json_integer_value(json_object_get(a, "size_in_bytes"));
        if (str_empty(url))
            continue;
        buf_adds(out, "<link rel=\"enclosure\" href=\"");
        add_text(out, url);
        buf_adds(out, "\"");
        if (!str_empty(type)) {
            buf_adds(out, " type=\"");
            add_text(out, type);
            buf_adds(out, "\"");
        }
        if (size > 0)
            buf_addf(out, " length=\"%lld\"", (long long)size);
        buf_adds(out, "/>\n");
    }
}

static void add_tags(struct buf *out, const struct item *it, bool atom)
{
    size_t i;
    json_t *t;
    json_array_foreach (json_object_get(it->json, "tags"), i, t) {
        if (str_empty(json_string_value(t)))
            continue;
        if (!atom) {
            add_element(out, "category", "", json_string_value(t));
            continue;
        }
        buf_adds(out, "<category term=\"");
        add_text(out, json_string_value(t));
        buf_adds(out, "\"/>\n");
    }
}

/* The feed an entry was taken from (RFC 4287 4.2.11). Not its address: that may be a path, a
 * command or have a key in it, and who reads this need not know. */
static void atom_source(struct buf *out, const struct syndicate_conf *c, const struct item *it)
{
    char at[CLOCK_TEXT], urn[URN_BYTES];
    buf_adds(out, "<source>\n");
    add_element(out, "id", "", make_urn(urn, c, "feed", it->row->feed_id));
    add_element(out, "title", "", feed_title(it->row));
    add_element(out, "updated", "", clock_rfc3339(at, it->updated));
    buf_adds(out, "</source>\n");
}

static void atom_item(struct buf *out, const struct syndicate_conf *c, const struct item *it)
{
    char at[CLOCK_TEXT];
    buf_adds(out, "<entry");
    if (!str_empty(it->row->language)) {
        buf_adds(out, " xml:lang=\"");
        add_text(out, it->row->language);
        buf_adds(out, "\"");
    }
    buf_adds(out, ">\n");
    add_element(out, "id", "", it->urn);
    add_element(out, "title", "", title_of(it));
    add_link(out, "link", "alternate", NULL, it->row->url);
    add_element(out, "published", "", clock_rfc3339(at, it->published));
    add_element(out, "updated", "", clock_rfc3339(at, it->updated));
    atom_authors(out, it);
    add_tags(out, it, true);
    atom_enclosures(out, it);
    add_element(out, "summary", "", it->summary);
    add_element(out, "content", it->html ? " type=\"html\"" : "", it->html ? it->html : it->text);
    atom_source(out, c, it);
    buf_adds(out, "</entry>\n");
}

static void atom_document(struct buf *out, const struct syndicate_conf *c, const struct buf *items)
{
    char at[CLOCK_TEXT];
    buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                  "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    add_element(out, "id", "", c->first);
    add_element(out, "title", "", c->title);
    add_element(out, "updated", "", clock_rfc3339(at, c->updated == TD_NEVER ? 0 : c->updated));
    add_element(out, "generator", "", GENERATOR);
    add_link(out, "link", "self", "application/atom+xml", c->self);
    add_link(out, "link", "first", "application/atom+xml", c->first);
    add_link(out, "link", "next", "application/atom+xml", c->next);
    add_link(out, "link", "hub", NULL, c->hub);
    buf_add(out, buf_str(items), items->len);
    buf_adds(out, "</feed>\n");
}

/* ---- RSS 2.0 ------------------------------------------------------------------------------- */

/* One is allowed; its length is required, 0 when it is not known. */
static void rss_enclosure(struct buf *out, const struct item *it)
{
    const json_t *a = json_array_get(json_object_get(it->json, "attachments"), 0);
    const char *url = member(a, "url"), *type = member(a, "mime_type");
    if (str_empty(url))
        return;
    buf_adds(out, "<enclosure url=\"");
    add_text(out, url);
    buf_adds(out, "\" type=\"");
    add_text(out, str_empty(type) ? "application/octet-stream" : type);
    buf_addf(out, "\" length=\"%lld\"/>\n",
             (long long)json_integer_value(json_object_get(a, "size_in_bytes")));
}

/* Plain text where HTML is expected. */
static char *text_as_html(const char *text)
{
    struct buf b = BUF_INIT(8 * (strlen(text) + 1));
    add_text(&b, text);
    return buf_take(&b, NULL);
}

static void rss_item(struct buf *out, const struct item *it)
{
    char at[64];
    size_t i;
    json_t *a;
    const char *plain = it->text ? it->text : it->summary;
    CLEANUP_FREE char *html = it->html ? xstrdup(it->html) : plain ? text_as_html(plain) : NULL;
    buf_adds(out, "<item>\n");
    add_element(out, "title", "", title_of(it));
    add_element(out, "link", "", it->row->url);
    add_element(out, "guid", " isPermaLink=\"false\"", it->urn);
    add_element(out, "pubDate", "", rfc822(at, sizeof at, it->published));
    json_array_foreach (json_object_get(it->json, "authors"), i, a)
        add_element(out, "dc:creator", "", member(a, "name"));
    add_tags(out, it, false);
    rss_enclosure(out, it);
    add_element(out, "description", "", html);
    buf_adds(out, "</item>\n");
}

static void rss_document(struct buf *out, const struct syndicate_conf *c, const struct buf *items)
{
    char at[64];
    buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                  "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\""
                  " xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel>\n");
    add_element(out, "title", "", c->title);
    add_element(out, "link", "", c->first);
    add_element(out, "description", "", c->title);
    add_element(out, "generator", "", GENERATOR);
    add_element(out, "lastBuildDate", "", rfc822(at, sizeof at, c->updated));
    add_link(out, "atom:link", "self", "application/rss+xml", c->self);
    add_link(out, "atom:link", "first", "application/rss+xml", c->first);
    add_link(out, "atom:link", "next", "application/rss+xml", c->next);
    add_link(out, "atom:link", "hub", NULL, c->hub);
    buf_add(out, buf_str(items), items->len);
    buf_adds(out, "</channel>\n</rss>\n");
}

/* ---- JSON Feed ----------------------------------------------------------------------------- */

/* The item as everywhere, but for an id that is unique among all feeds. */
static void json_item(struct buf *out, const struct item *it)
{
    CLEANUP_BUF struct buf whole = BUF_INIT(it->row->json_len + (64u << 10));
    bool has_facts = json_object_get(json_object_get(it->json, "_tidings"), "item_id");
    if (has_facts)
        buf_add(&whole, it->row->json, it->row->json_len);
    else
        item_text(&whole, it->row);
    json_t *o = json_loadb(buf_str(&whole), whole.len, 0, NULL);
    json_object_set_new(o, "id", json_string(it->urn));
    if (!it->html && !it->text) /* one of both is required */
        json_object_set_new(o, "content_text", json_string(it->summary ? it->summary : ""));
    CLEANUP_FREE char *text = json_text(o);
    json_decref(o);
    buf_adds(out, text ? text : "{}");
}

static void json_document(struct buf *out, const struct syndicate_conf *c, const struct buf *items)
{
    struct jw w = {.b = out};
    jw_begin_object(&w, NULL);
    jw_str(&w, "version", "https://jsonfeed.org/version/1.1");
    jw_str(&w, "title", c->title);
    jw_str(&w, "feed_url", c->first);
    jw_str(&w, "next_url", c->next);
    if (c->hub) {
        jw_begin_array(&w, "hubs");
        jw_begin_object(&w, NULL);
        jw_str(&w, "type", "WebSub");
        jw_str(&w, "url", c->hub);
        jw_end_object(&w);
        jw_end_array(&w);
    }
    jw_begin_array(&w, "items");
    buf_add(out, buf_str(items), items->len);
    jw_end_array(&w);
    jw_end_object(&w);
    buf_addc(out, '\n');
}

/* ---- from outside -------------------------------------------------------------------------- */

const char *syndicate_type(enum syndicate_format format)
{
    static const char *const types[] = {
        [SYNDICATE_ATOM] = "application/atom+xml; charset=utf-8",
        [SYNDICATE_RSS] = "application/rss+xml; charset=utf-8",
        [SYNDICATE_JSON] = "application/feed+json",
    };
    return types[format];
}

void syndicate_item(struct buf *out, const struct syndicate_conf *c, const struct item_row *row)
{
    struct item it;
    item_open(&it, c, row);
    if (c->format == SYNDICATE_ATOM)
        atom_item(out, c, &it);
    else if (c->format == SYNDICATE_RSS)
        rss_item(out, &it);
    else
        json_item(out, &it);
    json_decref(it.json);
}

void syndicate_document(struct buf *out, const struct syndicate_conf *c, const struct buf *items)
{
    if (c->format == SYNDICATE_ATOM)
        atom_document(out, c, items);
    else if (c->format == SYNDICATE_RSS)
        rss_document(out, c, items);
    else
        json_document(out, c, items);
}
