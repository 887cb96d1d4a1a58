/* CDF, Microsoft's Channel Definition Format: addresses and dates are attributes. */
#include "base/clock.h"
#include "base/str.h"
#include "parse/date.h"
#include "parse/read.h"

/* HREF, LASTMOD and xml:lang of a CHANNEL or ITEM; an A element may carry the address. */
static void read_attributes(struct reader *r, struct record *rec, const struct node *n)
{
    const char *modified = node_attr(n, "lastmod");
    const struct node *a = child_named(n, "a");
    const char *url = attr_url(r, n, "href");
    if (!url && a)
        url = attr_url(r, a, "href");
    put_attr(r, rec, F_LANGUAGE, RANK_NATIVE, n, NS_XML, "lang");
    record_put(rec, F_HOME, RANK_NATIVE, val_str(url));
    record_put(rec, F_URL, RANK_NATIVE, val_str(url));
    if (modified)
        record_put(rec, F_MODIFIED, RANK_NATIVE, val_time(date_parse(modified, strlen(modified))));
    const struct node *abstract = child_named(n, "abstract");
    if (abstract)
        record_put(rec, F_DESCRIPTION, RANK_NATIVE, val_str(node_plain(r, abstract)));
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, "logo")) {
            const char *style = node_attr(c, "style");
            enum field f = style && str_caseeq(style, "icon") ? F_FAVICON : F_ICON;
            record_put(rec, f, RANK_NATIVE, val_str(attr_url(r, c, "href")));
        }
}

static void read_item(struct reader *r, const struct node *n)
{
    struct record *rec = item_begin(r);
    if (!rec)
        return;
    read_attributes(r, rec, n);
    const struct node *abstract = child_named(n, "abstract");
    if (abstract)
        read_body(r, &rec->summary, abstract, RANK_NATIVE);
    read_children(r, rec, n, IN_ITEM);
    item_end(r);
}

static void read_items(struct reader *r, const struct node *n)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, "item"))
            read_item(r, c);
        else if (c->sym && str_eq(c->sym->name, "channel"))
            read_items(r, c); /* subchannels */
}

void read_cdf(struct reader *r, const struct node *root)
{
    read_attributes(r, &r->feed, root);
    read_children(r, &r->feed, root, IN_FEED);
    read_items(r, root);
}
