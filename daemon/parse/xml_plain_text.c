#include "parse/xml_plain.h"

#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

struct piece plain_ncname(struct plain *x)
{
    struct piece n = {x->p, 0};
    if (x->p < x->end && is_name_start(*x->p))
        while (x->p < x->end && is_name(*x->p))
            x->p++;
    n.n = (size_t)(x->p - n.p);
    if (n.n == 0 || n.n >= NAME_BYTES)
        refuse(x);
    return n;
}

static bool is_xml_char(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= ' ' && c < 0xd800) ||
           (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/* &#N; or &#xN; between P and its ';' at END: the character in OUT, its length; 0: none. */
static size_t number_ref(const char *p, const char *end, char out[4])
{
    bool hex = p + 2 < end && p[2] == 'x';
    uint32_t c = 0;
    p += hex ? 3 : 2;
    if (p == end || end - p > 7)
        return 0;
    for (; p < end; p++) {
        char low = *p | 0x20;
        if (*p >= '0' && *p <= '9')
            c = c * (hex ? 16 : 10) + (uint32_t)(*p - '0');
        else if (hex && low >= 'a' && low <= 'f')
            c = c * 16 + (uint32_t)(low - 'a' + 10);
        else
            return 0;
    }
    return is_xml_char(c) ? utf8_encode(c, out) : 0;
}

/* What one of XML's own five references at S stands for, its length in *RET; 0: none of them. */
static char own_ref(const char *s, size_t left, size_t *ret)
{
    *ret = left >= 4 && s[3] == ';' ? 4 : left >= 5 && s[4] == ';' ? 5 : 6;
    if (*ret == 4)
        return s[2] != 't' ? 0 : s[1] == 'l' ? '<' : s[1] == 'g' ? '>' : 0;
    if (*ret == 5)
        return memcmp(s, "&amp;", 5) == 0 ? '&' : 0;
    if (left < 6)
        return 0;
    return memcmp(s, "&quot;", 6) == 0 ? '"' : memcmp(s, "&apos;", 6) == 0 ? '\'' : 0;
}

size_t plain_reference(struct plain *x, const char **p, const char *end, char out[4])
{
    const char *s = *p;
    size_t n, left = (size_t)(end - s);
    if ((*out = own_ref(s, left, &n))) {
        *p = s + n;
        return 1;
    }
    const char *semicolon = memchr(s, ';', MIN(left, (size_t)12));
    n = semicolon && s[1] == '#' ? number_ref(s, semicolon, out) : 0;
    if (n == 0)
        refuse(x);
    else
        *p = semicolon + 1;
    return n;
}

/* "]]>" may not stand in text (2.4). */
static bool has_cdata_end(const char *s, const char *end)
{
    for (const char *gt = s; (gt = memchr(gt, '>', (size_t)(end - gt))); gt++)
        if (gt - s >= 2 && gt[-1] == ']' && gt[-2] == ']')
            return true;
    return false;
}

bool plain_text(struct plain *x)
{
    const char *lt = memchr(x->p, '<', (size_t)(x->end - x->p)), *s = x->p;
    if (!lt || has_cdata_end(s, lt))
        return refuse(x);
    while (s < lt) {
        const char *amp = memchr(s, '&', (size_t)(lt - s)), *stop = amp ? amp : lt;
        char c[4];
        if (stop > s)
            tree_text(x->t, s, (size_t)(stop - s));
        s = stop;
        size_t n = amp ? plain_reference(x, &s, lt, c) : 0;
        if (n)
            tree_text(x->t, c, n);
        if (x->refused)
            return false;
    }
    x->p = lt;
    return true;
}

bool plain_cdata(struct plain *x)
{
    const char *end = memmem(x->p, (size_t)(x->end - x->p), "]]>", 3);
    if (!end)
        return refuse(x);
    tree_text(x->t, x->p, (size_t)(end - x->p));
    x->p = end + 3;
    return true;
}

/* ---- comments, processing instructions ---------------------------------------------------- */

bool plain_comment(struct plain *x)
{
    const char *end = memmem(x->p, (size_t)(x->end - x->p), "--", 2);
    if (!end || x->end - end < 3 || end[2] != '>')
        return refuse(x);
    x->p = end + 3;
    return true;
}

bool plain_instruction(struct plain *x)
{
    struct piece target = plain_ncname(x);
    if (x->refused || (target.n == 3 && strncasecmp(target.p, "xml", 3) == 0))
        return refuse(x);
    if (!at(x, "?>") && !skip_space(x))
        return refuse(x);
    const char *end = memmem(x->p, (size_t)(x->end - x->p), "?>", 2);
    if (!end)
        return refuse(x);
    x->p = end + 2;
    return true;
}

/* NAME="value" of the XML declaration, with white space before it. False: it is not there. */
static bool read_pseudo(struct plain *x, const char *name, struct piece *ret)
{
    const char *from = x->p;
    if (!skip_space(x) || !take(x, name)) {
        x->p = from;
        return false;
    }
    return take_value(x, ret);
}

static bool is_encoding_name(struct piece s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_name(s.p[i]) || (i == 0 && (s.p[i] == '_' || !is_name_start(s.p[i]))))
            return false;
    return s.n > 0;
}

bool plain_declaration(struct plain *x)
{
    struct piece version, value;
    if (!take(x, "<?xml"))
        return true;
    if (!read_pseudo(x, "version", &version) || !is(version, "1.0"))
        return refuse(x);
    if (read_pseudo(x, "encoding", &value) && !is_encoding_name(value))
        return refuse(x);
    if (read_pseudo(x, "standalone", &value) && !is(value, "yes") && !is(value, "no"))
        return refuse(x);
    skip_space(x);
    return (!x->refused && take(x, "?>")) || refuse(x);
}
