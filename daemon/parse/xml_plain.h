/*
 * xml_plain.h - the plain reader from the inside: xml_plain.c reads tags and namespaces,
 * xml_plain_text.c what stands between the tags.
 *
 * Names are ASCII, prefixes declared, references those of XML itself; there is no DTD and no CR.
 * Whatever else turns up, an error or only a rarity, ends it: refuse(). So each function checks
 * what XML 1.0 and Namespaces in XML demand and never repairs.
 */
#ifndef TIDINGS_PARSE_XML_PLAIN_H
#define TIDINGS_PARSE_XML_PLAIN_H

#include <string.h>

#include "base/limits.h"
#include "parse/xml.h"

enum {
    NAME_BYTES = 64,      /* a longer name is refused */
    MAX_ATTRS = 32,       /* each is compared with each */
    MAX_BOUND = 64,       /* prefixes in scope */
    MAX_BYTES = 10 << 20, /* beyond, libxml2 has limits of its own */
};

struct piece {
    const char *p;
    size_t n;
};

struct qname {
    struct piece whole, prefix, local;
};

struct plain {
    struct tree *t;
    const char *p, *end;
    bool refused;
    unsigned depth;
    struct piece open[LIMIT_DEPTH]; /* names of the open elements */
    struct {
        struct piece prefix;
        enum ns ns;
        unsigned depth;
    } bound[MAX_BOUND];
    unsigned n_bound;
    struct {
        struct qname name;
        struct piece value; /* raw */
    } attrs[MAX_ATTRS];
    unsigned n_attrs;
    struct buf value; /* one attribute's, decoded */
};

/* All read from X->p on and leave it behind what they read. False: refused. */

/* A name without colon; "" when refused. */
struct piece plain_ncname(struct plain *x);
/* The text up to the next '<'. */
bool plain_text(struct plain *x);
/* These three behind "<![CDATA[", "<!--" and "<?". */
bool plain_cdata(struct plain *x);
bool plain_comment(struct plain *x);
bool plain_instruction(struct plain *x);
/* The XML declaration, if there is one. */
bool plain_declaration(struct plain *x);
/* The reference at *P ('&'), which is moved behind it: the character in OUT, its length. */
size_t plain_reference(struct plain *x, const char **p, const char *end, char out[4]);

static inline bool refuse(struct plain *x)
{
    x->refused = true;
    return false;
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static inline bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static inline bool is(struct piece a, const char *s)
{
    return a.n && a.n == strlen(s) && memcmp(a.p, s, a.n) == 0;
}

static inline bool at(const struct plain *x, const char *s)
{
    size_t n = strlen(s);
    return (size_t)(x->end - x->p) >= n && memcmp(x->p, s, n) == 0;
}

/* Passes S over if it stands here. */
static inline bool take(struct plain *x, const char *s)
{
    bool there = at(x, s);
    x->p += there ? strlen(s) : 0;
    return there;
}

static inline bool skip_space(struct plain *x)
{
    const char *from = x->p;
    while (x->p < x->end && is_space(*x->p))
        x->p++;
    return x->p > from;
}

/* A sign of equality and what stands quoted behind it, white space around both. */
static inline bool take_value(struct plain *x, struct piece *ret)
{
    skip_space(x);
    if (!take(x, "="))
        return refuse(x);
    skip_space(x);
    char quote = x->p < x->end ? *x->p++ : 0;
    const char *end = memchr(x->p, quote, (size_t)(x->end - x->p));
    if ((quote != '"' && quote != '\'') || !end)
        return refuse(x);
    *ret = (struct piece){x->p, (size_t)(end - x->p)};
    x->p = end + 1;
    return true;
}

#endif
