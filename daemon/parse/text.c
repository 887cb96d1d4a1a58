#include "parse/text.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/str.h"
#include "parse/html_token.h"

/* ---- white space -------------------------------------------------------------------------- */

void text_sink_init(struct text_sink *t, struct buf *b)
{
    *t = (struct text_sink){b, b ? b->len : 0, false};
}

static void sink_bytes(struct text_sink *t, const char *s, size_t n)
{
    struct buf *b = t->b;
    bool space = t->space && b->len > t->start;
    t->space = false;
    if (b->overflow)
        return;
    size_t room = b->max - b->len;
    if (n + space <= room) {
        if (space)
            buf_addc(b, ' ');
        buf_add(b, s, n);
        return;
    }
    if (room > space) {
        if (space)
            buf_addc(b, ' ');
        buf_add(b, s, utf8_cut(s, room - space));
    }
    b->overflow = true;
}

/* No white space in the SCAN_BLOCK bytes at P but single spaces? The byte behind them counts. */
static bool plain_block(const char *p)
{
    unsigned char special = 0;
    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        unsigned char c = (unsigned char)p[i];
        special |= (c < ' ') | ((c == ' ') & (p[i + 1] == ' '));
    }
    return !special;
}

/* The end of what can be copied as it is from P on, which is no white space: single spaces inside
 * are part of it. */
static const char *end_of_run(const char *p, const char *end)
{
    while (p < end) {
        if (end - p > SCAN_BLOCK && plain_block(p)) {
            p += SCAN_BLOCK - 1; /* the last may be a space: it is looked at again */
            continue;
        }
        if (end - p >= 8) {
            uint64_t w = scan_load(p), spaces = scan_equal(w, ' ');
            if (!(scan_below(w, ' ') | (spaces & spaces << 8))) {
                p += spaces >> 63 ? 7 : 8; /* what is behind a space is looked at with it */
                continue;
            }
        }
        if (html_is_space(*p) && (*p != ' ' || p + 1 == end || html_is_space(p[1])))
            break;
        p++;
    }
    return p;
}

void text_sink_add(struct text_sink *t, const char *s, size_t n)
{
    const char *end = s + n;
    if (!t->b || t->b->overflow)
        return;
    while (s < end) {
        if (html_is_space(*s)) {
            t->space = true;
            s++;
            continue;
        }
        const char *p = end_of_run(s + 1, end);
        sink_bytes(t, s, (size_t)(p - s));
        s = p;
    }
}

void text_sink_add_refs(struct text_sink *t, const char *s, size_t n)
{
    const char *end = s + n;
    if (!t->b || t->b->overflow)
        return;
    while (s < end) {
        const char *amp = memchr(s, '&', (size_t)(end - s));
        if (!amp) {
            text_sink_add(t, s, (size_t)(end - s));
            return;
        }
        text_sink_add(t, s, (size_t)(amp - s));
        char c[TEXT_REF_BYTES];
        size_t len, used = text_ref(amp, (size_t)(end - amp), false, c, &len);
        if (used)
            text_sink_add(t, c, len);
        else
            text_sink_add(t, "&", 1);
        s = amp + (used ? used : 1);
    }
}

int text_add_plain(struct buf *out, const char *s, size_t n)
{
    struct text_sink t;
    text_sink_init(&t, out);
    text_sink_add(&t, s, n);
    return out->overflow ? -EFBIG : 0;
}

/* ---- HTML --------------------------------------------------------------------------------- */

static void add_tag(struct text_sink *sink, struct html_scan *sc, enum html_kind kind,
                    struct html_token name)
{
    bool self_closing;
    const struct html_tag *tag = html_tag_find(name.s, name.n);
    if (html_skip_attrs(sc, &self_closing) < 0 || !tag)
        return;
    if (tag->flags & HTML_BLOCK)
        text_sink_brk(sink);
    if (kind != HTML_START)
        return;
    struct html_token content;
    if (tag->flags & (HTML_RAW | HTML_DROP)) {
        html_skip_element(sc, tag);
    } else if (tag->flags & HTML_RCDATA) {
        html_skip_raw(sc, name.s, name.n, &content);
        text_sink_add_refs(sink, content.s, content.n);
        text_sink_brk(sink);
    }
}

int text_add_html(struct buf *out, const char *s, size_t n)
{
    struct text_sink sink;
    struct html_scan sc;
    struct html_token t;
    enum html_kind kind;
    text_sink_init(&sink, out);
    html_scan_init(&sc, s, n);
    while (!out->overflow && (kind = html_next(&sc, &t)) != HTML_END_OF_INPUT) {
        if (kind == HTML_TEXT)
            text_sink_add_refs(&sink, t.s, t.n);
        else
            add_tag(&sink, &sc, kind, t);
    }
    return out->overflow ? -EFBIG : 0;
}

/* LAST_GT: the last '>' of the text, so that the search for one stays linear. */
static bool is_tag_at(const char *p, const char *last_gt)
{
    const char *name = p + 1;
    if (name < last_gt && *name == '/')
        name++;
    const char *q = name;
    while (q < last_gt && !html_is_space(*q) && *q != '/' && *q != '>' && q - name < 16)
        q++;
    return q <= last_gt && (html_is_space(*q) || *q == '/' || *q == '>') &&
           html_tag_find(name, (size_t)(q - name));
}

bool text_is_html(const char *s, size_t n)
{
    const char *end = s + n, *last_gt = memrchr(s, '>', n);
    for (const char *p = s; last_gt && (p = memchr(p, '<', (size_t)(end - p))); p++)
        if (is_tag_at(p, last_gt))
            return true;
    for (const char *p = s; (p = memchr(p, '&', (size_t)(end - p))); p++) {
        char c[TEXT_REF_BYTES];
        size_t len, used = text_ref(p, (size_t)(end - p), false, c, &len);
        if (used && p[used - 1] == ';')
            return true;
    }
    return false;
}

const char *text_field(struct arena *a, enum text_kind kind, const char *s, size_t n)
{
    if (!s || !n)
        return NULL;
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_TEXT_BYTES);
    if (kind == TEXT_HTML || (kind == TEXT_MAYBE && text_is_html(s, n)))
        text_add_html(&b, s, n);
    else
        text_add_plain(&b, s, n);
    return b.len ? arena_strndup(a, b.data, b.len) : NULL;
}
