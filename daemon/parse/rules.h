/*
 * rules.h - which element goes where: one row per element and field.
 *
 * Each vocabulary has a table in a file of its own (rss.c, atom.c, dublincore.c, itunes.c, ...);
 * rules.c lists the tables. To add a vocabulary: a row in namespace.c, a table, a line in rules.c.
 *
 *     {NS_DC, "rights", IN_FEED | IN_ITEM, F_RIGHTS, RANK_DC, as_text},
 *
 * reads: dc:rights, in a feed or an item, is the field `rights`, unless an element of better rank
 * is there; the value is its plain text. An element may have several rows.
 */
#ifndef TIDINGS_PARSE_RULES_H
#define TIDINGS_PARSE_RULES_H

#include "parse/namespace.h"
#include "parse/record.h"

struct node;
struct reader;
struct rule;

/* Reads element N into REC. */
typedef void rule_fn(struct reader *r, struct record *rec, const struct node *n,
                     const struct rule *rule);

enum { IN_FEED = 1, IN_ITEM = 2, IN_SOURCE = 4 };

/* Elements of the document's own format rank RANK_NATIVE whatever their row says. */
enum {
    RANK_NATIVE = 0,
    RANK_RSS = 10,
    RANK_ATOM = 20,
    RANK_XHTML = 25,
    RANK_DCTERMS = 30,
    RANK_DC = 40,
    RANK_MEDIA = 50,
    RANK_ITUNES = 60,
    RANK_ITUNES2 = 65, /* the lesser of two iTunes elements */
    RANK_LAST = 200,
};

struct rule {
    enum ns ns;       /* NS_RSS and NS_ATOM stand for all of their namespaces */
    const char *name; /* lower case */
    uint8_t where;
    uint8_t field; /* enum field; F_COUNT when FN fills several */
    uint8_t rank;
    rule_fn *fn;
};

/* The rules of an element, NULL-terminated; NULL when there are none. */
const struct rule *const *rules_find(enum ns ns, const char *name);

#define RULES_END    \
    {                \
        .name = NULL \
    }
extern const struct rule rules_rss[], rules_atom[], rules_dublincore[], rules_content[],
    rules_itunes[], rules_podcast[], rules_media[], rules_geo[], rules_small[];

#endif
