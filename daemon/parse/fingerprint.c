/*
 * The fingerprint: FNV-1a over what a reader sees. White space counts as one space, and the
 * attributes of a tag are added up, so that their order does not matter. The HTML is the
 * sanitiser's, so a tag ends at the next '>' and values stand in double quotes.
 */
#include "parse/finish.h"

#include <string.h>

#include "parse/url.h"

#define FNV_START 14695981039346656037u
#define FNV_PRIME 1099511628211u

static uint64_t add(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * FNV_PRIME;
    return h;
}

static uint64_t add_url(uint64_t h, const char *url)
{
    struct buf b = BUF_INIT(65536);
    if (url && url_add_canonical(&b, url, strlen(url)) == 0)
        h = add(h, b.data ? b.data : "", b.len);
    buf_free(&b);
    return add(h, "", 1);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint64_t add_text(uint64_t h, const char *s, size_t n)
{
    bool space = false;
    for (size_t i = 0; i < n; i++) {
        if (is_space(s[i])) {
            space = true;
            continue;
        }
        if (space)
            h = (h ^ ' ') * FNV_PRIME;
        space = false;
        h = (h ^ (unsigned char)s[i]) * FNV_PRIME;
    }
    return h;
}

/* Between '<' and '>': the name, then each attribute by itself. */
static uint64_t add_tag(uint64_t h, const char *s, size_t n)
{
    size_t i = 0;
    uint64_t sum = 0;
    while (i < n && s[i] != ' ')
        i++;
    h = add(h, s, i);
    while (i < n) {
        size_t from = ++i;
        while (i < n && s[i] != ' ') {
            const char *q = s[i] == '"' ? memchr(s + i + 1, '"', n - i - 1) : NULL;
            i = q ? (size_t)(q - s) + 1 : i + 1;
        }
        sum += add(FNV_START, s + from, i - from);
    }
    return add(h, (const char *)&sum, sizeof sum);
}

static uint64_t add_html(uint64_t h, const char *s)
{
    const char *end = s + strlen(s);
    while (s < end) {
        const char *lt = memchr(s, '<', (size_t)(end - s));
        if (!lt)
            lt = end;
        h = add_text(h, s, (size_t)(lt - s));
        if (lt == end)
            break;
        const char *gt = lt + 1;
        while (gt < end && *gt != '>') {
            const char *q = *gt == '"' ? memchr(gt + 1, '"', (size_t)(end - gt - 1)) : NULL;
            gt = q ? q + 1 : gt + 1;
        }
        h = add_tag(h, lt + 1, (size_t)(gt - lt - 1));
        s = gt < end ? gt + 1 : end;
    }
    return add(h, "", 1);
}

uint64_t fingerprint(const char *title, const char *url, const char *html,
                     const struct list *attachments)
{
    uint64_t h = FNV_START;
    h = add_text(h, title ? title : "", title ? strlen(title) : 0);
    h = add(h, "", 1);
    h = add_url(h, url);
    h = add_html(h, html ? html : "");
    for (const struct elem *e = attachments ? attachments->first : NULL; e; e = e->next)
        h = add_url(h, e->v.kind == VAL_OBJ ? obj_str(e->v.obj, "url") : NULL);
    return h;
}
