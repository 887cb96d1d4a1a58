#include "client/content.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define HEADLINE_BYTES 120 /* of a text that stands for a title */

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

struct doc *content_of(const json_t *item)
{
    const char *html = text_of(item, "content_html");
    const char *text = text_of(item, "content_text");
    if (!html && !text)
        text = text_of(item, "summary");
    return html ? doc_from_html(html, strlen(html))
                : doc_from_text(text ? text : "", text ? strlen(text) : 0);
}

/* Bytes of the word P of N that fit: whole characters. */
static size_t whole(const char *p, size_t n)
{
    if (n <= HEADLINE_BYTES)
        return n;
    for (n = HEADLINE_BYTES; n && (p[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

/* The beginning of the content in one line, NULL = it has no text. To be freed. */
static char *first_words(const struct item_row *it)
{
    CLEANUP_BUF struct buf plain = BUF_INIT(4 * LIMIT_ITEM_JSON_BYTES), line = BUF_INIT(4096);
    json_t *item = json_loadb(it->json, it->json_len, 0, NULL);
    struct doc *d = content_of(item);
    doc_add_plain(&plain, d);
    doc_free(d);
    json_decref(item);
    const char *p = buf_str(&plain);
    while (*p && line.len < HEADLINE_BYTES) {
        size_t n = strcspn(p, " \n");
        if (n && line.len)
            buf_addc(&line, ' ');
        buf_add(&line, p, whole(p, n));
        p += n + (p[n] != 0);
    }
    return line.len ? buf_take(&line, NULL) : NULL;
}

char *content_headline(const struct item_row *it)
{
    char *words = it->title || !it->json ? NULL : first_words(it);
    return words ? words : xstrdup(it->title ? it->title : it->url ? it->url : it->id);
}
