/*
 * The fingerprint: what a reader sees, in two parts. The text, in which white space is collapsed
 * already; and the tags, in which the attributes are added up so that their order does not matter.
 * The HTML is the sanitiser's, so a tag ends at the next '>' outside of double quotes.
 */
#include "parse/finish.h"

#include <endian.h>
#include <string.h>

#include "base/limits.h"
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
    struct buf b = BUF_INIT(LIMIT_TEXT_BYTES);
    if (url && url_add_canonical(&b, url, strlen(url)) == 0)
        h = add(h, b.data ? b.data : "", b.len);
    buf_free(&b);
    return add(h, "", 1);
}

/* Eight bytes at a time: the text is most of a feed. */
static uint64_t add_text(uint64_t h, const char *s, size_t n)
{
    h = add(h, (const char *)&(uint64_t){htole64(n)}, sizeof(uint64_t));
    for (; n >= 8; s += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, s, sizeof w);
        h = (h ^ le64toh(w)) * FNV_PRIME;
        h ^= h >> 32;
    }
    return add(h, s, n);
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
    sum = htole64(sum);
    return add(h, (const char *)&sum, sizeof sum);
}

static uint64_t add_tags(uint64_t h, const char *s, size_t n)
{
    const char *end = s + n, *lt;
    while ((lt = memchr(s, '<', (size_t)(end - s)))) {
        const char *gt = lt + 1;
        while (gt < end && *gt != '>') {
            const char *q = *gt == '"' ? memchr(gt + 1, '"', (size_t)(end - gt - 1)) : NULL;
            gt = q ? q + 1 : gt + 1;
        }
        h = add_tag(h, lt + 1, (size_t)(gt - lt - 1) - (gt[-1] == '/')); /* <br/> */
        s = gt < end ? gt + 1 : end;
    }
    return h;
}

uint64_t fingerprint(const struct fingerprint_in *in)
{
    const char *title = in->title ? in->title : "";
    uint64_t h = add_text(FNV_START, title, strlen(title));
    h = add_url(h, in->url);
    h = add_text(h, in->text, in->text_n);
    h = add_tags(h, in->html, in->html_n);
    for (const struct elem *e = in->attachments ? in->attachments->first : NULL; e; e = e->next)
        h = add_url(h, e->v.kind == VAL_OBJ ? obj_str(e->v.obj, "url") : NULL);
    return h;
}
