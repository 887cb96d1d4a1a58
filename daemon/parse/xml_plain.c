#include "parse/xml_plain.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"

static bool same(struct piece a, struct piece b)
{
    return a.n == b.n && (a.n == 0 || (*a.p == *b.p && memcmp(a.p, b.p, a.n) == 0));
}

static struct qname read_qname(struct plain *x)
{
    struct qname q = {.local = plain_ncname(x)};
    q.whole = q.local;
    if (take(x, ":")) {
        q.prefix = q.local;
        q.local = plain_ncname(x);
        q.whole.n = (size_t)(x->p - q.whole.p);
    }
    return q;
}

static const char *string(struct piece s, char out[NAME_BYTES])
{
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return out;
}

/* ---- namespaces --------------------------------------------------------------------------- */

/* Is it a URI in the form that nearly all have, so that nobody doubts it? */
static bool is_plain_uri(const char *s)
{
    const char *host = str_starts(s, "http://") ? s + 7 : str_starts(s, "https://") ? s + 8 : "";
    size_t hashes = 0, slashes = 0;
    for (const char *p = host; *p; p++) {
        slashes += *p == '/';
        hashes += *p == '#';
        if (!is_name(*p) && *p != '/' && *p != '#' && *p != '~')
            return false;
    }
    return is_name_start(*host) && hashes <= 1 && (!hashes || slashes) &&
           !strstr(host, "www.w3.org/XML") && !strstr(host, "w3.org/2000/xmlns");
}

static bool bind(struct plain *x, struct piece prefix, struct piece uri)
{
    char s[256];
    if (x->n_bound == MAX_BOUND || uri.n >= sizeof s || is(prefix, "xml") || is(prefix, "xmlns"))
        return refuse(x);
    memcpy(s, uri.p, uri.n);
    s[uri.n] = 0;
    if (!is_plain_uri(s) && (uri.n || prefix.n)) /* xmlns="" takes the default away */
        return refuse(x);
    enum ns ns = uri.n ? ns_of_uri(s) : NS_NONE;
    x->t->seen |= x->t->depth ? 0 : 1u << ns;
    x->bound[x->n_bound].prefix = prefix;
    x->bound[x->n_bound].ns = ns;
    x->bound[x->n_bound++].depth = x->depth;
    return true;
}

static enum ns ns_of(struct plain *x, struct piece prefix)
{
    for (unsigned i = x->n_bound; i-- > 0;)
        if (same(x->bound[i].prefix, prefix))
            return x->bound[i].ns;
    if (is(prefix, "xml"))
        return NS_XML;
    if (prefix.n)
        refuse(x);
    return NS_NONE;
}

/* ---- tags --------------------------------------------------------------------------------- */

static bool is_xmlns(const struct qname *q)
{
    return is(q->prefix.n ? q->prefix : q->local, "xmlns");
}

/* Another attribute of that name, or of that local name and perhaps the same namespace? */
static bool is_repeated(const struct plain *x, const struct qname *q)
{
    for (unsigned i = 0; i < x->n_attrs; i++) {
        const struct qname *other = &x->attrs[i].name;
        if (same(other->local, q->local) &&
            (same(other->prefix, q->prefix) ||
             (other->prefix.n && q->prefix.n && !is_xmlns(other) && !is_xmlns(q))))
            return true;
    }
    return false;
}

static bool read_attr(struct plain *x)
{
    struct qname name = read_qname(x);
    struct piece value;
    if (x->refused || !take_value(x, &value))
        return false;
    if (memchr(value.p, '<', value.n) || x->n_attrs == MAX_ATTRS || is_repeated(x, &name))
        return refuse(x);
    x->attrs[x->n_attrs].name = name;
    x->attrs[x->n_attrs++].value = value;
    return true;
}

/* White space becomes spaces, references characters (3.3.3). */
static struct piece decode_value(struct plain *x, struct piece in)
{
    const char *s = in.p, *end = in.p + in.n;
    char c[4];
    if (!memchr(s, '&', in.n) && !memchr(s, '\n', in.n) && !memchr(s, '\t', in.n))
        return in;
    buf_clear(&x->value);
    while (s < end && !x->refused) {
        if (*s == '&') {
            size_t n = plain_reference(x, &s, end, c);
            buf_add(&x->value, c, n);
        } else {
            buf_addc(&x->value, is_space(*s) ? ' ' : *s);
            s++;
        }
    }
    return (struct piece){buf_str(&x->value), x->value.len};
}

/* Puts the element just read into the tree. */
static bool open_element(struct plain *x, const struct qname *name)
{
    char s[NAME_BYTES];
    unsigned n_attrs = 0;
    for (unsigned i = 0; i < x->n_attrs; i++) {
        const struct qname *a = &x->attrs[i].name;
        n_attrs += !is_xmlns(a);
        if (is_xmlns(a) &&
            !bind(x, a->prefix.n ? a->local : (struct piece){a->local.p, 0}, x->attrs[i].value))
            return false;
    }
    enum ns ns = ns_of(x, name->prefix);
    struct node *n = tree_open(x->t, ns, string(name->local, s), n_attrs);
    for (unsigned i = 0; i < x->n_attrs && !x->refused; i++) {
        const struct qname *a = &x->attrs[i].name;
        if (is_xmlns(a))
            continue;
        struct piece value = decode_value(x, x->attrs[i].value);
        enum ns attr_ns = a->prefix.n ? ns_of(x, a->prefix) : NS_NONE;
        tree_attr(x->t, n, attr_ns, string(a->local, s), value.p, value.n);
    }
    return !x->refused;
}

static void close_element(struct plain *x)
{
    tree_close(x->t);
    while (x->n_bound && x->bound[x->n_bound - 1].depth == x->depth)
        x->n_bound--;
    x->depth--;
}

/* Behind '<'. */
static bool read_start(struct plain *x)
{
    struct qname name = read_qname(x);
    bool spaced;
    x->n_attrs = 0;
    if (x->refused || x->depth + 1 >= LIMIT_DEPTH || is_xmlns(&name))
        return refuse(x);
    while ((spaced = skip_space(x)), x->p < x->end && *x->p != '>' && *x->p != '/')
        if (!spaced || !read_attr(x))
            return refuse(x);
    x->open[++x->depth] = name.whole;
    bool empty = take(x, "/");
    if (!take(x, ">"))
        return refuse(x);
    if (!open_element(x, &name))
        return false;
    if (empty)
        close_element(x);
    return true;
}

/* Behind "</". */
static bool read_end(struct plain *x)
{
    struct piece name = x->open[x->depth];
    if ((size_t)(x->end - x->p) < name.n || memcmp(x->p, name.p, name.n) != 0)
        return refuse(x);
    x->p += name.n;
    skip_space(x);
    if (!take(x, ">"))
        return refuse(x);
    close_element(x);
    return true;
}

/* ---- the document ------------------------------------------------------------------------- */

static bool read_content(struct plain *x)
{
    if (*x->p != '<')
        return plain_text(x);
    if (take(x, "</"))
        return read_end(x);
    if (take(x, "<!--"))
        return plain_comment(x);
    if (take(x, "<![CDATA["))
        return plain_cdata(x);
    if (take(x, "<?"))
        return plain_instruction(x);
    x->p++;
    return read_start(x);
}

/* Comments, instructions and white space around the root, up to any other '<' or the end. */
static bool read_around(struct plain *x)
{
    for (;;) {
        skip_space(x);
        if (take(x, "<!--")) {
            if (!plain_comment(x))
                return false;
        } else if (take(x, "<?")) {
            if (!plain_instruction(x))
                return false;
        } else {
            return true;
        }
    }
}

static bool read_document(struct plain *x)
{
    if (!at(x, "<") || !plain_declaration(x) || !read_around(x) || !take(x, "<") || !read_start(x))
        return false;
    while (x->depth)
        if (x->p == x->end || !read_content(x))
            return false;
    return read_around(x) && x->p == x->end;
}

int xml_read_plain(struct tree *t, const char *text, size_t n)
{
    struct plain x = {.t = t, .p = text, .end = text + n, .value = BUF_INIT(SIZE_MAX / 4)};
    if (n > MAX_BYTES || memchr(text, '\r', n))
        return -EBADMSG;
    bool ok = read_document(&x);
    buf_free(&x.value);
    return ok ? 0 : -EBADMSG;
}
