/* xml_same.h - what the plain reader promises: where it takes a document, the strict one does too,
 * finds nothing to repair, and makes the same tree of it. */
#ifndef TIDINGS_FUZZ_XML_SAME_H
#define TIDINGS_FUZZ_XML_SAME_H

#include "base/arena.h"
#include "base/str.h"
#include "parse/xml.h"

static inline bool same_attrs(const struct node *a, const struct node *b)
{
    if (a->n_attrs != b->n_attrs)
        return false;
    for (unsigned i = 0; i < a->n_attrs; i++)
        if (a->attrs[i].ns != b->attrs[i].ns || !str_eq(a->attrs[i].name, b->attrs[i].name) ||
            a->attrs[i].len != b->attrs[i].len ||
            memcmp(a->attrs[i].value, b->attrs[i].value, a->attrs[i].len) != 0)
            return false;
    return true;
}

static inline bool same_node(const struct node *a, const struct node *b)
{
    if (!a->sym != !b->sym || a->dropped != b->dropped)
        return false;
    if (!a->sym)
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    return a->sym->ns == b->sym->ns && str_eq(a->sym->name, b->sym->name) && same_attrs(a, b);
}

static inline bool same_tree(const struct tree *s, const struct tree *t)
{
    const struct node *a = s->root.first, *b = t->root.first;
    while (a && b && same_node(a, b)) {
        if (!a->first != !b->first)
            return false;
        if (a->first) {
            a = a->first;
            b = b->first;
            continue;
        }
        while (a != &s->root && b != &t->root && !a->next && !b->next) {
            a = a->parent;
            b = b->parent;
        }
        if (a == &s->root || b == &t->root)
            return a == &s->root && b == &t->root && s->seen == t->seen &&
                   s->bare_atom == t->bare_atom && s->rss_as == t->rss_as &&
                   s->has_base == t->has_base && s->dropped == t->dropped;
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

/* Is the promise kept for the UTF-8 text S? Is it TAKEN? */
static inline bool xml_same(const char *s, size_t n, bool *taken)
{
    struct arena one = {0}, two = {0};
    struct tree plain, strict;
    unsigned repairs = 0;
    tree_init(&plain, &one);
    tree_init(&strict, &two);
    *taken = xml_read_plain(&plain, s, n) == 0;
    bool same = !*taken || (xml_read_strict(&strict, s, n, &repairs) == 0 && !repairs &&
                            same_tree(&plain, &strict));
    tree_fini(&plain);
    tree_fini(&strict);
    arena_free(&one);
    arena_free(&two);
    return same;
}

#endif
