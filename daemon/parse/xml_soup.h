/*
 * xml_soup.h - the soup reader from the inside: xml_soup.c reads tags, xml_soup_ref.c references
 * and entities.
 */
#ifndef TIDINGS_PARSE_XML_SOUP_H
#define TIDINGS_PARSE_XML_SOUP_H

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "parse/xml.h"

struct slice {
    const char *p;
    size_t n;
};

struct soup {
    struct tree *t;
    const char *p, *end;
    unsigned repairs;
    bool seen_root, seen_doctype;
    struct slice open[LIMIT_DEPTH + 1]; /* by depth, from 1 */
    struct {
        struct slice prefix;
        enum ns ns;
        unsigned depth;
    } bound[LIMIT_NAMESPACES];
    unsigned n_bound;
    struct {
        struct slice name, value;
    } entities[LIMIT_ENTITIES];
    unsigned n_entities;
    size_t expanded; /* bytes that came out of entities */
    struct {
        struct slice name, value; /* qualified, raw */
    } attrs[LIMIT_ATTRIBUTES];
    unsigned n_attrs;
    struct buf value; /* one attribute's, decoded */
    char name[2][256];
};

/* Hands IN to EMIT in pieces, with its references decoded; what is none stays and is a repair. */
typedef void emit_fn(struct soup *s, const char *p, size_t n);
void soup_decode(struct soup *s, struct slice in, emit_fn *emit);
/* Hands IN to EMIT as it stands, but for its line ends: LF each (XML 1.0, 2.11). */
void soup_emit_raw(struct soup *s, struct slice in, emit_fn *emit);
/* Learns the entities that are declared between P and END (in a DTD's internal subset). */
void soup_entities(struct soup *s, const char *p, const char *end);

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static inline bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == ':' || (unsigned char)c >= 0x80;
}

static inline bool is_name(char c)
{
    return is_name_start(c) || isdigit((unsigned char)c) || c == '-' || c == '.';
}

static inline bool slice_is(struct slice a, const char *s)
{
    return a.n == strlen(s) && strncasecmp(a.p, s, a.n) == 0;
}

static inline const char *find(const char *p, const char *end, const char *what)
{
    return memmem(p, (size_t)(end - p), what, strlen(what));
}

#endif
