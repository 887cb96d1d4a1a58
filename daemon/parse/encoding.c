#include "parse/encoding.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding_decode.h"

enum {
    PROLOG_BYTES = 1024, /* where a declaration is looked for (HTML 13.2.3.2) */
    TOLERANCE = 10,      /* one bad place in this many good ones is damage, not another encoding */
};

struct candidate {
    const struct encoding *e;
    enum encoding_source source;
};

struct candidates {
    struct candidate list[4];
    size_t n;
    bool unknown_label;
};

static void add(struct candidates *c, const struct encoding *e, enum encoding_source source)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].e == e)
            return;
    if (e)
        c->list[c->n++] = (struct candidate){e, source};
}

static const struct encoding *named(const char *name)
{
    return encoding_find(name, strlen(name));
}

/* ---- what the document says of itself ----------------------------------------------------- */

/* The value behind KEY and '=' in S, without quotes. False: none. */
static bool find_value(const char *s, size_t n, const char *key, const char **ret, size_t *ret_n)
{
    size_t k = strlen(key);
    for (const char *p = s, *end = s + n; (size_t)(end - p) > k; p++) {
        if (strncasecmp(p, key, k) != 0)
            continue;
        const char *v = p + k;
        while (v < end && strchr(" \t\r\n", *v) && *v)
            v++;
        if (v == end || *v != '=')
            continue;
        v++;
        while (v < end && strchr(" \t\r\n\"'", *v) && *v)
            v++;
        size_t len = 0;
        while (v + len < end && v[len] > ' ' && !strchr("\"';>?,", v[len]))
            len++;
        *ret = v;
        *ret_n = len;
        return len > 0;
    }
    return false;
}

/* The label in the XML declaration, or else in an HTML meta element. */
static bool find_declared(const char *s, size_t n, const char **ret, size_t *ret_n)
{
    n = MIN(n, (size_t)PROLOG_BYTES);
    const char *xml = memmem(s, n, "<?xml", 5);
    if (xml) {
        const char *gt = memchr(xml, '>', n - (size_t)(xml - s));
        return gt && find_value(xml, (size_t)(gt - xml), "encoding", ret, ret_n);
    }
    for (const char *p = s; (p = memchr(p, '<', n - (size_t)(p - s))); p++)
        if (n - (size_t)(p - s) > 6 && strncasecmp(p, "<meta", 5) == 0) {
            const char *gt = memchr(p, '>', n - (size_t)(p - s));
            if (gt && find_value(p, (size_t)(gt - p), "charset", ret, ret_n))
                return true;
        }
    return false;
}

static const struct {
    const char *bytes;
    size_t n;
    const char *name;
} boms[] = {
    {"\xff\xfe\0\0", 4, "utf-32le"}, {"\0\0\xfe\xff", 4, "utf-32be"}, {"\xef\xbb\xbf", 3, "utf-8"},
    {"\xff\xfe", 2, "utf-16le"},     {"\xfe\xff", 2, "utf-16be"},
};

/* "<" or "{" in a wide encoding, also behind white space; "<?xm" in EBCDIC. */
static const struct {
    const char *bytes;
    size_t n;
    const char *name;
} signs[] = {
    {"<\0\0\0", 4, "utf-32le"},       {"\0\0\0<", 4, "utf-32be"}, {"<\0", 2, "utf-16le"},
    {"\0<", 2, "utf-16be"},           {"{\0", 2, "utf-16le"},     {"\0{", 2, "utf-16be"},
    {"\x4c\x6f\xa7\x94", 4, "cp037"},
};

/* The encoding of the BOM, whose length is *RET_N. */
static const struct encoding *find_bom(const char *s, size_t n, size_t *ret_n)
{
    for (size_t i = 0; i < ARRAY_SIZE(boms); i++)
        if (n >= boms[i].n && memcmp(s, boms[i].bytes, boms[i].n) == 0) {
            *ret_n = boms[i].n;
            return named(boms[i].name);
        }
    return NULL;
}

/* Is the character at S, as wide as the one of SIGN and in the same byte order, white space? */
static bool is_wide_space(const char *s, const char *sign, size_t width)
{
    size_t at = sign[0] ? 0 : width - 1;
    for (size_t i = 0; i < width; i++)
        if (i == at ? !s[i] || !strchr(" \t\r\n", s[i]) : s[i])
            return false;
    return true;
}

static const struct encoding *find_sign(const char *s, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
        const char *p = s, *bytes = signs[i].bytes;
        size_t width = signs[i].n, left = n;
        for (; left > width && is_wide_space(p, bytes, width); left -= width)
            p += width;
        bool sole = left >= width && memcmp(p, bytes, width) == 0;
        /* a zero byte alone is junk before or behind the '<' of a narrow encoding */
        if (sole && width == 2 && left >= 4)
            sole = !p[bytes[0] ? 3 : 2] && p[bytes[0] ? 2 : 3];
        if (sole)
            return named(signs[i].name);
    }
    return NULL;
}

/* A label can only mean a wide encoding (or none) when the first bytes say so too; then they know
 * the byte order better. */
static void add_label(struct candidates *c, const char *label, size_t n,
                      const struct encoding *sign, enum encoding_source source)
{
    const struct encoding *e = encoding_find(label, n);
    if (!e || (encoding_is_wide(e) && !sign) || (sign && !encoding_is_wide(e) && e != sign)) {
        c->unknown_label = true;
        return;
    }
    add(c, encoding_is_wide(e) ? sign : e, source);
}

static void collect(struct candidates *c, const char *s, size_t n, const char *content_type,
                    size_t *ret_bom)
{
    const char *label;
    size_t len;
    const struct encoding *bom = find_bom(s, n, ret_bom);
    const struct encoding *sign = bom ? NULL : find_sign(s, n);
    if (bom) {
        add(c, bom, ENCODING_BOM);
        s += *ret_bom;
        n -= *ret_bom;
        if (encoding_is_wide(bom))
            return;
    }
    if (content_type && find_value(content_type, strlen(content_type), "charset", &label, &len))
        add_label(c, label, len, sign, ENCODING_HTTP);
    if (!sign && find_declared(s, n, &label, &len))
        add_label(c, label, len, NULL, ENCODING_DECLARED);
    add(c, sign, ENCODING_BYTES);
    if (!sign && memchr(s, 0x1b, n) && memmem(s, n, "\x1b$", 2)) /* memchr: 10 times faster */
        add(c, named("iso-2022-jp"), ENCODING_GUESSED);
    if (c->n < ARRAY_SIZE(c->list))
        add(c, named("utf-8"), ENCODING_DEFAULT);
}

/* ---- decision ----------------------------------------------------------------------------- */

static void fill(struct encoding_result *ret, const struct candidate *c,
                 const struct decode_result *r, const struct buf *out)
{
    ret->text = buf_str(out);
    ret->n = out->len;
    ret->name = encoding_name(c->e);
    ret->source = c->source;
    ret->lossy = r->bad > 0;
    ret->cleaned = r->cleaned;
    ret->cut_tail = r->cut_tail;
}

/* Decodes with one candidate, MAX_BAD places may be wrong. 1 done, 0 it is not this one, -EFBIG. */
static int attempt(const struct candidate *c, const char *s, size_t n, size_t max_bad,
                   struct buf *out, struct encoding_result *ret)
{
    struct decode_result r;
    /* what is UTF-8 already stays where it is */
    bool utf8 = c->e == named("utf-8");
    if (utf8 || encoding_is_ascii_superset(c->e)) {
        encoding_decode(c->e, s, n, max_bad, NULL, &r);
        if (r.bad > max_bad)
            return 0;
        if (!r.bad && !r.cleaned && !r.cut_tail && (utf8 || r.good == 0)) {
            fill(ret, c, &r, out);
            ret->text = s;
            ret->n = n;
            return 1;
        }
    }
    buf_clear(out);
    if (encoding_decode(c->e, s, n, max_bad, out, &r) < 0)
        return -EFBIG;
    if (r.bad > max_bad)
        return 0;
    fill(ret, c, &r, out);
    return 1;
}

/* Damaged text: the candidate in which nearly everything is right. */
static int attempt_damaged(const struct candidates *c, const char *s, size_t n, struct buf *out,
                           struct encoding_result *ret)
{
    for (size_t i = 0; i < c->n; i++) {
        struct decode_result r;
        encoding_decode(c->list[i].e, s, n, SIZE_MAX, NULL, &r);
        if (r.bad <= r.good / TOLERANCE)
            return attempt(&c->list[i], s, n, SIZE_MAX, out, ret);
    }
    return 0;
}

int encoding_to_utf8(const char *bytes, size_t n, const char *content_type, struct buf *out,
                     struct encoding_result *ret)
{
    struct candidates c = {.n = 0};
    struct encoding_result res = {0};
    size_t bom = 0, i = 0;
    int r = 0;
    collect(&c, bytes, n, content_type, &bom);
    const char *s = bytes + bom;
    n -= bom;
    for (; i < c.n && r == 0; i += r == 0)
        r = attempt(&c.list[i], s, n, 0, out, &res);
    bool first_holds = r != 0 && i == 0;
    if (r == 0)
        r = attempt_damaged(&c, s, n, out, &res);
    if (r == 0) {
        struct candidate guess = {encoding_detect(s, n), ENCODING_GUESSED};
        r = attempt(&guess, s, n, SIZE_MAX, out, &res);
    }
    if (r < 0)
        return r;
    res.contradicted = c.unknown_label || (!first_holds && c.list[0].source != ENCODING_DEFAULT);
    *ret = res;
    return 0;
}
