#include "parse/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/rules.h"
#include "parse/text.h"

/* Open addressing; a document with more names than this shares the last symbols' work by making
 * them anew. */
#define SYM_SLOTS 1024u

struct sym_slot {
    const char *raw;
    enum ns ns; /* as written */
    struct sym sym;
};

void tree_init(struct tree *t, struct arena *arena)
{
    *t = (struct tree){.arena = arena, .text = BUF_INIT(SIZE_MAX / 4)};
    t->at = &t->root;
    t->slots = arena_zalloc(arena, SYM_SLOTS * sizeof *t->slots);
}

void tree_fini(struct tree *t)
{
    buf_free(&t->text);
}

static void fill_sym(struct tree *t, struct sym_slot *slot, enum ns ns, const char *raw)
{
    size_t n = strlen(raw);
    char *name = arena_strndup(t->arena, raw, n);
    slot->raw = arena_strndup(t->arena, raw, n);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    slot->ns = ns;
    slot->sym = (struct sym){.name = name, .ns = ns};
    if (ns == NS_NONE)
        slot->sym.rules = rules_find(t->bare_atom ? NS_ATOM : NS_RSS, name);
    else
        slot->sym.rules = rules_find(ns, name);
    if (ns != NS_NONE && ns == t->rss_as && (rules_find(NS_RSS, name) || !slot->sym.rules)) {
        slot->sym.ns = NS_RSS;
        slot->sym.rules = rules_find(NS_RSS, name);
    }
}

static const struct sym *get_sym(struct tree *t, enum ns ns, const char *raw)
{
    unsigned h = 2166136261u ^ (unsigned)ns * 97u;
    for (const char *p = raw; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    for (unsigned i = h % SYM_SLOTS;; i = (i + 1) % SYM_SLOTS) {
        struct sym_slot *slot = &t->slots[i];
        if (!slot->raw) {
            if (t->n_syms >= SYM_SLOTS - SYM_SLOTS / 4)
                slot = arena_zalloc(t->arena, sizeof *slot);
            else
                t->n_syms++;
            fill_sym(t, slot, ns, raw);
            return &slot->sym;
        }
        if (slot->ns == ns && str_eq(slot->raw, raw))
            return &slot->sym;
    }
}

static void append(struct node *parent, struct node *n)
{
    n->parent = parent;
    if (parent->last)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
}

/* Adds S; C1 control characters are windows-1252 that somebody numbered as Unicode (&#146;), and
 * read as HTML reads them. */
static void add_characters(struct buf *out, const char *s, size_t n)
{
    const char *end = s + n, *p;
    if (n == 1) { /* a reference's */
        buf_addc(out, *s);
        return;
    }
    while ((p = memchr(s, 0xc2, (size_t)(end - s))) && p + 1 < end) {
        unsigned char c = (unsigned char)p[1];
        char ref[8], utf8[TEXT_REF_BYTES];
        size_t len;
        if (c > 0x9f) {
            buf_add(out, s, (size_t)(p + 2 - s));
        } else {
            buf_add(out, s, (size_t)(p - s));
            snprintf(ref, sizeof ref, "&#%d;", c);
            if (text_ref(ref, strlen(ref), false, utf8, &len))
                buf_add(out, utf8, len);
        }
        s = p + 2;
    }
    buf_add(out, s, (size_t)(end - s));
}

static void flush_text(struct tree *t)
{
    if (!t->text.len)
        return;
    struct node *n = arena_zalloc(t->arena, sizeof *n);
    n->text = arena_strndup(t->arena, t->text.data, t->text.len);
    n->len = t->text.len;
    append(t->at, n);
    t->text.len = 0;
}

bool tree_full(const struct tree *t)
{
    return t->depth >= LIMIT_DEPTH || t->arena->bytes > LIMIT_TREE_BYTES;
}

void tree_drop(struct tree *t)
{
    t->dropped = true;
    for (struct node *n = t->at; n && !n->dropped; n = n->parent)
        n->dropped = true;
}

struct node *tree_open(struct tree *t, enum ns ns, const char *name, size_t n_attrs)
{
    flush_text(t);
    if (tree_full(t)) {
        t->skip++;
        tree_drop(t);
        return NULL;
    }
    t->seen |= 1u << ns;
    if (ns == NS_RSS090 || ns == NS_RSS11)
        ns = NS_RSS;
    if (ns == NS_NONE && t->depth == 0 &&
        (strcasecmp(name, "feed") == 0 || strcasecmp(name, "entry") == 0))
        t->bare_atom = true;
    if (t->depth == 0 && ns != NS_NONE && ns != NS_RSS && strcasecmp(name, "rss") == 0)
        t->rss_as = ns;
    struct node *n = arena_zalloc(t->arena, sizeof *n);
    n->sym = get_sym(t, ns, name);
    if (n_attrs > LIMIT_ATTRIBUTES) {
        n_attrs = LIMIT_ATTRIBUTES;
        tree_drop(t);
    }
    if (n_attrs)
        n->attrs = arena_alloc(t->arena, n_attrs * sizeof *n->attrs);
    append(t->at, n);
    t->at = n;
    t->depth++;
    return n;
}

void tree_attr(struct tree *t, struct node *n, enum ns ns, const char *name, const char *value,
               size_t len)
{
    if (!n || n->n_attrs >= LIMIT_ATTRIBUTES)
        return;
    const struct sym *s = get_sym(t, ns, name);
    if (ns == NS_XML && str_eq(s->name, "base"))
        t->has_base = true;
    n->attrs[n->n_attrs++] = (struct attr){
        .name = s->name, .value = arena_strndup(t->arena, value, len), .len = len, .ns = ns};
}

void tree_text(struct tree *t, const char *s, size_t n)
{
    t->text_bytes += n;
    add_characters(&t->text, s, n);
}

void tree_close(struct tree *t)
{
    flush_text(t);
    if (t->skip) {
        t->skip--;
        return;
    }
    if (t->at == &t->root)
        return;
    t->at = t->at->parent;
    t->depth--;
}

const char *node_attr_ns(const struct node *n, enum ns ns, const char *name)
{
    for (unsigned i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].ns == ns && str_eq(n->attrs[i].name, name))
            return n->attrs[i].value;
    return NULL;
}

const char *node_attr(const struct node *n, const char *name)
{
    const char *v = node_attr_ns(n, NS_NONE, name);
    return v || !n->sym || n->sym->ns == NS_NONE ? v : node_attr_ns(n, n->sym->ns, name);
}

/* The next node in document order below TOP. */
static const struct node *walk(const struct node *n, const struct node *top)
{
    if (n->first)
        return n->first;
    while (n != top && !n->next)
        n = n->parent;
    return n == top ? NULL : n->next;
}

static bool blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\n' && s[i] != '\t' && s[i] != '\r')
            return false;
    return true;
}

bool node_blank(const struct node *n)
{
    for (const struct node *c = n->first; c; c = walk(c, n))
        if (!c->sym && !blank(c->text, c->len))
            return false;
    return true;
}

bool node_has_elements(const struct node *n)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym)
            return true;
    return false;
}

const char *node_text(struct arena *a, const struct node *n, size_t *ret_len)
{
    size_t len = 0;
    if (n->first && !n->first->next && !n->first->sym) {
        if (blank(n->first->text, n->first->len))
            return NULL;
        *ret_len = n->first->len;
        return n->first->text;
    }
    if (node_blank(n))
        return NULL;
    for (const struct node *c = n->first; c; c = walk(c, n))
        len += c->sym ? 0 : c->len;
    char *s = arena_alloc(a, len + 1), *p = s;
    for (const struct node *c = n->first; c; c = walk(c, n))
        if (!c->sym)
            p = mempcpy(p, c->text, c->len);
    *p = 0;
    *ret_len = len;
    return s;
}
