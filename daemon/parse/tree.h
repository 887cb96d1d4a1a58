/*
 * tree.h - the document as a tree of elements and text, made once and then only read.
 *
 * All XML readers (xml.h) build it through the same four calls, so a repaired document and a
 * well-formed one look alike to the formats. Everything lives in the document's arena. Names are
 * lower case and without prefix: a `struct sym` stands for one (namespace, local name) and carries
 * the rules of rules.h, looked up once per name and document.
 *
 * The limits on depth, attributes and items are kept here: what is beyond is left out and
 * tree.dropped (or node.dropped on the nearest item) says so.
 */
#ifndef TIDINGS_PARSE_TREE_H
#define TIDINGS_PARSE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "parse/namespace.h"

struct rule;

struct sym {
    const char *name; /* local name, lower case */
    enum ns ns;
    const struct rule *const *rules; /* NULL-terminated, NULL = none */
};

struct attr {
    const char *name; /* local name, lower case */
    const char *value;
    size_t len;
    enum ns ns; /* NS_NONE without prefix */
};

struct node {
    struct node *parent, *next, *first, *last;
    const struct sym *sym; /* NULL: text */
    const char *text;      /* of a text node, NUL-terminated */
    size_t len;
    struct attr *attrs;
    const char *base; /* memo of node_base (read.h) where there is an xml:base */
    uint16_t n_attrs;
    bool knows_base;
    bool dropped; /* something inside was left out by a limit */
};

struct sym_slot;
struct tree {
    struct arena *arena;
    struct node root;     /* sym NULL; the document's top elements are its children */
    struct node *at;      /* the element that is being filled */
    struct buf text;      /* text collected for it and not yet a node */
    unsigned depth, skip; /* skip: open elements beyond LIMIT_DEPTH */
    size_t text_bytes;    /* all text, for the bound on entity expansion */
    uint32_t seen;        /* bit of each enum ns met */
    bool bare_atom;       /* the root is a feed without namespace: so are its Atom elements */
    enum ns rss_as;       /* the namespace that <rss> itself wrongly sits in, NS_NONE = none */
    bool has_base;        /* there is an xml:base somewhere */
    bool dropped;
    struct sym_slot *slots; /* hash of symbols */
    unsigned n_syms;
};

void tree_init(struct tree *t, struct arena *arena);
/* Frees what is not in the arena. */
void tree_fini(struct tree *t);

/* Notes that something was left out here: in the tree and in all elements around it. */
void tree_drop(struct tree *t);
/* True when the next element would be beyond a limit. */
bool tree_full(const struct tree *t);
/* Opens an element below tree.at, with room for N_ATTRS attributes. NAME is a local name as
 * written. NULL when the tree is full: the element is left out, its text stays, and it is to be
 * closed like any other. */
struct node *tree_open(struct tree *t, enum ns ns, const char *name, size_t n_attrs);
/* Sets attribute I of the element just opened; VALUE is copied, white space kept. */
void tree_attr(struct tree *t, struct node *n, enum ns ns, const char *name, const char *value,
               size_t len);
void tree_text(struct tree *t, const char *s, size_t n);
void tree_close(struct tree *t);

/* Reading. */
static inline bool node_is(const struct node *n, enum ns ns, const char *name)
{
    return n->sym && n->sym->ns == ns && strcmp(n->sym->name, name) == 0;
}
/* The value of an attribute without a prefix (or with that of the element), NULL = not there. */
const char *node_attr(const struct node *n, const char *name);
const char *node_attr_ns(const struct node *n, enum ns ns, const char *name);
/* The element's own and descendants' text, in document order, in ARENA; NULL when blank. Borrowed
 * from the tree where it is one piece. */
const char *node_text(struct arena *a, const struct node *n, size_t *ret_len);
bool node_has_elements(const struct node *n);
bool node_blank(const struct node *n);

#endif
