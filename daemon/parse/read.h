/*
 * read.h - what the formats and modules read with: the state of one document's reading, and the
 * ways an element becomes a value (rules.h uses them as functions of a row).
 */
#ifndef TIDINGS_PARSE_READ_H
#define TIDINGS_PARSE_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "model/entry.h"
#include "parse/rules.h"
#include "parse/tree.h"

/* geo:lat and geo:long that stand beside each other in an element. */
struct geo_halves {
    const struct node *around;
    double v[2];
    bool has[2];
};

struct reader {
    struct arena *a;         /* where values go: WORK, or ITEM_ARENA while an item is read */
    struct arena *work;      /* the feed, until the document is done */
    struct arena item_arena; /* emptied after each item */
    struct arena tree_arena; /* the tree's; emptied between two readings */
    struct tree *t;          /* NULL for JSON */
    struct td_batch *b;
    const char *base;      /* absolute URL of the document, NULL = unknown */
    enum ns native;        /* NS_RSS, NS_ATOM: whose elements rank first; NS_OTHER = none */
    struct geo_halves geo; /* of the element that is being read */
    bool easting_first;    /* of the coordinates that are being read */
    unsigned rank;         /* added to ranks while inside of a group (media) */
    struct buf html, html2, text, json;   /* of the item, reused */
    bool cut;                             /* a text was over its limit */
    size_t out_bytes;                     /* what the batch holds */
    const char *prev_archive, *next_page; /* of the feed (RFC 5005), NULL = none */
    uint32_t cap_entries;
    struct record feed;
    struct record *item; /* the one that is being read */
};

/* Reads the children of N by the rules that hold in WHERE. */
void read_children(struct reader *r, struct record *rec, const struct node *n, unsigned where);
/* The same for one element. */
void read_element(struct reader *r, struct record *rec, const struct node *n, unsigned where);
/* The rank of RULE in this document. */
unsigned read_rank(const struct reader *r, const struct rule *rule);

/* ---- values ------------------------------------------------------------------------------- */

/* Plain text of an element (Atom text constructs by their type, all else "HTML or not?"). */
const char *node_plain(struct reader *r, const struct node *n);
/* Text as it stands: trimmed, white space collapsed. */
const char *node_literal(struct reader *r, const struct node *n);
const char *attr_literal(struct reader *r, const struct node *n, const char *attr);
/* Plain text of an attribute. */
const char *attr_plain(struct reader *r, const struct node *n, const char *attr);
/* Puts the attribute NS:ATTR of N, such as xml:lang, into a field as it is written. */
void put_attr(struct reader *r, struct record *rec, enum field f, unsigned rank,
              const struct node *n, enum ns ns, const char *attr);
/* Absolute URLs; NULL when it is none. */
const char *node_url(struct reader *r, const struct node *n);
const char *attr_url(struct reader *r, const struct node *n, const char *attr);
/* Of the attributes href, url, rdf:resource the first that is there. */
const char *attr_href(struct reader *r, const struct node *n);
/* That, else the text. */
const char *href_of(struct reader *r, const struct node *n);
/* The base URL in force inside of N. */
const char *node_base(struct reader *r, const struct node *n);
/* Numbers: VAL_NONE when the text is none. */
struct val text_int(const char *s);
struct val text_num(const char *s);
struct val text_positive(const char *s);           /* int > 0 */
struct val text_up_to(const char *s, int64_t max); /* int >= 0; what is larger is MAX */
/* "h:m:s", "m:s", "s", with fractions: seconds, negative when it is none. */
double text_seconds(const char *s);
int64_t node_date(struct reader *r, const struct node *n);
/* A child element by name, in N's namespace or any feed namespace. */
const struct node *child_named(const struct node *n, const char *name);
const struct node *child_ns(const struct node *n, enum ns ns, const char *name);

/* ---- objects ------------------------------------------------------------------------------ */

/* Attributes of an element into members of an object, table-driven. */
enum attr_kind { A_TEXT, A_URL, A_INT, A_POSITIVE, A_NUM, A_SECONDS };
struct attr_rule {
    const char *attr, *key;
    enum attr_kind kind;
};
/* An object of the attributes that are there; KEY of the element's own text, NULL = not wanted. */
struct obj *read_attrs(struct reader *r, const struct node *n, const struct attr_rule *rules,
                       const char *text_key);

/* {"name", "url", "avatar", "_tidings": {"email"}}; NULL when all is empty. */
struct obj *person_new(struct reader *r, const char *name, const char *url, const char *avatar,
                       const char *email);
/* From one string: "mail (Name)", "Name (mail)", "Name <mail>", a bare address, a name. */
struct obj *person_from_text(struct reader *r, const char *s);
struct obj *category_new(struct reader *r, const char *term, const char *scheme, const char *label);
/* How many categories REC may have. */
unsigned category_limit(const struct reader *r, const struct record *rec);
/* To the record's categories, unless it is there or empty. */
void add_category(struct reader *r, struct record *rec, struct obj *o);
/* The words between SEPARATORS, trimmed, as a list of strings. */
struct list *split_words(struct reader *r, const char *s, const char *separators);
/* The element as a body (content, summary), its kind by the format's rules. */
void read_body(struct reader *r, struct body *ret, const struct node *n, unsigned rank);
/* A body of literal text as a value: trimmed, cut at its limit. */
const char *body_text(struct reader *r, struct record *rec, const struct body *b);
/* HTML inside an element: its text where that is markup, its children written out where they are
 * elements. *RET_KIND tells which. */
const char *node_markup(struct reader *r, const struct node *n, enum body_kind *ret_kind,
                        size_t *ret_n);

/* ---- functions of a rule ------------------------------------------------------------------ */

/* atom_link: every field that a link can mean. as_category: text and @domain, or
 * @term, @scheme, @label. */
rule_fn as_text, as_literal, as_url, as_href, as_date, as_int, as_person, as_category, as_content,
    as_summary, as_words, atom_link;

/* ---- formats ------------------------------------------------------------------------------ */

/* Each fills r->feed and hands every item to item_finish (finish.h). */
void read_rss(struct reader *r, const struct node *root);
void read_atom(struct reader *r, const struct node *root);
void read_cdf(struct reader *r, const struct node *root);
/* 0, or -ENOMSG: JSON, but no feed. */
int read_json(struct reader *r, const char *s, size_t n, unsigned *repairs, struct td_err *err);

/* An item's reading begins with a clean record and ends in the batch. */
struct record *item_begin(struct reader *r);
void item_end(struct reader *r);

#endif
