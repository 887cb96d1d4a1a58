/* Attributes of tags that are kept: which may leave, and that no URL in them can do harm. */
#include "parse/sanitize_state.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Schemes that may be linked to. */
static bool scheme_allowed(const char *s, size_t n)
{
    static const char *const schemes[] = {
        "http:",    "https:",  "mailto:", "tel:",     "ftp:",    "ftps:", "sftp:", "sms:",
        "geo:",     "magnet:", "news:",   "nntp:",    "irc:",    "ircs:", "xmpp:", "sip:",
        "sips:",    "webcal:", "feed:",   "gopher:",  "gemini:", "urn:",  "doi:",  "tag:",
        "ipfs:",    "matrix:", "itms:",   "podcast:", "pcast:",  "rtsp:", "mms:",  "ed2k:",
        "bitcoin:", "acct:",   "aim:",    "skype:",
    };
    if (!url_has_scheme(s, n))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (n >= strlen(schemes[i]) && strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

/* Adds the resolved and escaped URL. False: it must not leave. */
static bool add_url(struct sanitizer *z, const char *s, size_t n, bool is_image)
{
    CLEANUP_BUF struct buf url = BUF_INIT(LIMIT_TEXT_BYTES);
    if (url_add_resolved(&url, z->has_base ? &z->base : NULL, s, n) < 0)
        return false;
    bool data = url.len > 5 && strncasecmp(url.data, "data:", 5) == 0;
    if (data ? !is_image : !scheme_allowed(buf_str(&url), url.len))
        return false;
    return text_add_escaped(z->out, buf_str(&url), url.len, true) == 0;
}

/* One candidate of a srcset: URL at *P, then its descriptor up to the comma. */
static void add_candidate(struct sanitizer *z, const char **p, const char *end, bool *first)
{
    const char *s = *p;
    while (*p < end && !html_is_space(**p))
        (*p)++;
    const char *url_end = *p;
    bool comma = false;
    while (url_end > s && url_end[-1] == ',') {
        url_end--;
        comma = true;
    }
    const char *desc = *p;
    if (!comma) {
        while (*p < end && **p != ',')
            (*p)++;
    }
    size_t before = z->out->len;
    if (!*first)
        buf_adds(z->out, ", ");
    if (!add_url(z, s, (size_t)(url_end - s), true)) {
        z->out->len = before;
        return;
    }
    *first = false;
    size_t n = comma ? 0 : str_trim(&desc, (size_t)(*p - desc));
    if (n) {
        buf_addc(z->out, ' ');
        text_add_escaped(z->out, desc, n, true);
    }
}

static bool add_srcset(struct sanitizer *z, const char *s, size_t n)
{
    const char *p = s, *end = s + n;
    bool first = true;
    while (p < end) {
        if (html_is_space(*p) || *p == ',')
            p++;
        else
            add_candidate(z, &p, end, &first);
    }
    return !first;
}

static bool is_pixel(const char *s, size_t n)
{
    n = str_trim(&s, n);
    return n && (*s == '0' || *s == '1') &&
           (n == 1 || (n == 3 && strncasecmp(s + 1, "px", 2) == 0));
}

static bool write_value(struct sanitizer *z, const struct html_tag *tag, enum html_attr_kind kind,
                        const char *s, size_t n)
{
    switch (kind) {
    case HTML_A_URL:
        return add_url(z, s, n, tag->cls & HTML_C_IMG);
    case HTML_A_SRCSET:
        return add_srcset(z, s, n);
    default:
        return text_add_escaped(z->out, s, n, true) == 0;
    }
}

static bool has_control(const char *s, size_t n)
{
    const char *end = s + n, *p = sanitize_next_special(s, end);
    while (p < end && (*p == '<' || *p == '>'))
        p = sanitize_next_special(p + 1, end);
    return p < end;
}

/* Control characters go, as they do in text. */
static void drop_controls(struct buf *b)
{
    size_t len = 0;
    for (size_t i = 0; i < b->len; i++) {
        char c = b->data[i];
        if (((unsigned char)c >= ' ' && c != 0x7f) || c == '\n' || c == '\t' || c == '\r')
            b->data[len++] = c;
    }
    b->len = len;
}

void sanitize_attribute(struct sanitizer *z, const struct html_tag *tag, struct tag_state *st,
                        const struct html_attr *a)
{
    unsigned i;
    const struct html_attr_row *row = html_attr_find(a->name, a->name_n, &i);
    if (!row || st->n >= LIMIT_ATTRIBUTES || st->seen[i / 64] >> (i % 64) & 1)
        return;
    st->seen[i / 64] |= (uint64_t)1 << (i % 64);
    st->n++;
    CLEANUP_BUF struct buf value = BUF_INIT(LIMIT_TEXT_BYTES);
    const char *s = a->value ? a->value : "";
    size_t n = a->value_n;
    if (n && (memchr(s, '&', n) || has_control(s, n))) {
        if (text_add_decoded(&value, s, n, true) < 0)
            return;
        drop_controls(&value);
        s = buf_str(&value);
        n = value.len;
    }
    st->thin |= row->kind == HTML_A_WIDTH && is_pixel(s, n);
    st->low |= row->kind == HTML_A_HEIGHT && is_pixel(s, n);
    size_t before = z->out->len;
    buf_addc(z->out, ' ');
    buf_adds(z->out, row->name);
    buf_adds(z->out, "=\"");
    if (!write_value(z, tag, row->kind, s, n)) {
        z->out->len = before;
        return;
    }
    buf_addc(z->out, '"');
    st->plain = false;
}
