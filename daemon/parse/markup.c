/* node_markup (read.h): what kind of text an element holds, and elements written out as HTML. */
#include <ctype.h>
#include <errno.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/read.h"
#include "parse/text.h"
#include "parse/url.h"

static bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (str_eq(*list, name))
            return true;
    return false;
}

static bool is_void(const char *name)
{
    static const char *const names[] = {"area",  "base",   "br",    "col",  "embed",
                                        "hr",    "img",    "input", "link", "meta",
                                        "param", "source", "track", "wbr",  NULL};
    return one_of(name, names);
}

static bool is_url_attr(const char *name)
{
    static const char *const names[] = {"href",   "src",    "cite",       "longdesc", "poster",
                                        "action", "usemap", "background", NULL};
    return one_of(name, names);
}

/* A start tag; BASE is what the sanitiser will resolve against. */
static void write_start(struct reader *r, struct buf *out, const struct node *n, const char *base)
{
    const char *own = r->t->has_base ? node_base(r, n) : base;
    buf_addc(out, '<');
    buf_adds(out, n->sym->name);
    for (unsigned i = 0; i < n->n_attrs; i++) {
        const struct attr *a = &n->attrs[i];
        const char *url = NULL;
        if (a->ns != NS_NONE && !(a->ns == NS_XML && str_eq(a->name, "lang")))
            continue;
        if (own != base && is_url_attr(a->name))
            url = url_resolve(r->a, own, a->value, a->len);
        buf_addc(out, ' ');
        buf_adds(out, a->name);
        buf_adds(out, "=\"");
        text_add_escaped(out, url ? url : a->value, url ? strlen(url) : a->len, true);
        buf_addc(out, '"');
    }
    buf_addc(out, '>');
}

static void write_children(struct reader *r, struct buf *out, const struct node *n,
                           const char *base, bool raw)
{
    for (const struct node *c = n->first; c && !out->overflow; c = c->next) {
        if (!c->sym) {
            if (raw)
                buf_add(out, c->text, c->len);
            else
                text_add_escaped(out, c->text, c->len, false);
            continue;
        }
        write_start(r, out, c, base);
        write_children(r, out, c, base, raw);
        if (c->first || !is_void(c->sym->name)) {
            buf_adds(out, "</");
            buf_adds(out, c->sym->name);
            buf_addc(out, '>');
        }
    }
}

/* RAW: the text is escaped HTML itself. 0 or -EFBIG. */
static int write_markup(struct reader *r, struct buf *out, const struct node *n, bool raw)
{
    write_children(r, out, n, node_base(r, n), raw);
    return out->overflow ? -EFBIG : 0;
}

/* ---- what kind of text -------------------------------------------------------------------- */

static bool is_html_type(const char *type)
{
    return str_casestarts(type, "text/html") || str_casestarts(type, "application/xhtml+xml") ||
           str_caseeq(type, "html") || str_caseeq(type, "xhtml");
}

static bool is_text_type(const char *type)
{
    return str_caseeq(type, "text") || str_casestarts(type, "text/");
}

static bool is_xml_type(const char *type)
{
    size_t n = strcspn(type, "; ");
    return (n > 4 && strncasecmp(type + n - 4, "+xml", 4) == 0) ||
           (n > 4 && strncasecmp(type + n - 4, "/xml", 4) == 0);
}

/* type="html" with elements in it: its text is HTML source all the same. */
static bool is_escaped(const struct node *n)
{
    const char *type = node_attr(n, "type"), *mode = node_attr(n, "mode");
    if (n->sym->ns == NS_ATOM03 || mode)
        return mode && str_caseeq(mode, "escaped");
    return type && (str_caseeq(type, "html") || str_casestarts(type, "text/html"));
}

/* RFC 4287 section 3.1 and 4.1.3; for Atom 0.3 its draft, section 3.1. */
static enum body_kind atom_kind(const struct node *n, bool *ret_base64)
{
    *ret_base64 = false;
    const char *type = node_attr(n, "type"), *mode = node_attr(n, "mode");
    bool old = n->sym->ns == NS_ATOM03 || mode;
    if (old && mode && str_caseeq(mode, "base64"))
        *ret_base64 = true;
    if (str_empty(type))
        return BODY_TEXT;
    while (isspace((unsigned char)*type))
        type++;
    if (is_html_type(type))
        return old || !str_caseeq(type, "xhtml") ? BODY_HTML : BODY_XHTML;
    if (is_text_type(type) || old)
        return BODY_TEXT;
    if (is_xml_type(type))
        return BODY_HTML;
    *ret_base64 = true; /* any other media type is base64 (RFC 4287 4.1.3.3) */
    return BODY_HTML;
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;
    return p ? (int)(p - digits) : -1;
}

/* The decoded text; the text as it is when it is no base64 after all; NULL when what it says is no
 * text. */
static const char *decode_base64(struct arena *a, const char *s, size_t n, size_t *ret_n)
{
    char *out = arena_alloc(a, n / 4 * 3 + 4);
    size_t len = 0;
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < n && s[i] != '='; i++) {
        int v = base64_value(s[i]);
        if (v < 0 && !isspace((unsigned char)s[i])) {
            *ret_n = n;
            return s;
        }
        if (v < 0)
            continue;
        bits = bits << 6 | (unsigned)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (char)(bits >> have & 0xff);
        }
    }
    out[len] = 0;
    if (!len || memchr(out, 0, len) || !utf8_valid(out, len))
        return NULL;
    *ret_n = len;
    return out;
}

const char *node_markup(struct reader *r, const struct node *n, enum body_kind *ret_kind,
                        size_t *ret_n)
{
    bool atom = n->sym->ns == NS_ATOM || n->sym->ns == NS_ATOM03 ||
                (n->sym->ns == NS_NONE && r->native == NS_ATOM);
    bool base64 = false;
    enum body_kind kind = atom ? atom_kind(n, &base64) : BODY_MAYBE;
    if (node_has_elements(n)) {
        CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_TEXT_BYTES);
        if (write_markup(r, &out, n, kind == BODY_HTML && is_escaped(n)) < 0)
            r->cut = true;
        *ret_kind = kind == BODY_XHTML ? BODY_XHTML : BODY_HTML;
        *ret_n = out.len;
        return out.len ? arena_strndup(r->a, out.data, out.len) : NULL;
    }
    const char *s = node_text(r->a, n, ret_n);
    if (s && base64)
        s = decode_base64(r->a, s, *ret_n, ret_n);
    *ret_kind = kind;
    return s;
}
