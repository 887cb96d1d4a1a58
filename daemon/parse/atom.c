/* Atom 1.0 (RFC 4287) and 0.3, and Atom elements in other formats. */
#include "base/str.h"
#include "parse/read.h"
#include "parse/text.h"
#include "parse/url.h"

static rule_fn atom_content, atom_generator, atom_source, atom_id;

const struct rule rules_atom[] = {
    {NS_ATOM, "id", IN_FEED | IN_ITEM | IN_SOURCE, F_ID, RANK_ATOM, atom_id},
    {NS_ATOM, "title", IN_FEED | IN_ITEM | IN_SOURCE, F_TITLE, RANK_ATOM, as_text},
    {NS_ATOM, "link", IN_FEED | IN_ITEM | IN_SOURCE, F_LINKS, RANK_ATOM, atom_link},
    {NS_ATOM, "subtitle", IN_FEED | IN_SOURCE, F_DESCRIPTION, RANK_ATOM, as_text},
    {NS_ATOM, "tagline", IN_FEED | IN_SOURCE, F_DESCRIPTION, RANK_ATOM, as_text},
    {NS_ATOM, "logo", IN_FEED | IN_SOURCE, F_ICON, RANK_ATOM, as_url},
    {NS_ATOM, "icon", IN_FEED | IN_SOURCE, F_FAVICON, RANK_ATOM, as_url},
    {NS_ATOM, "updated", IN_FEED | IN_ITEM | IN_SOURCE, F_MODIFIED, RANK_ATOM, as_date},
    {NS_ATOM, "modified", IN_FEED | IN_ITEM | IN_SOURCE, F_MODIFIED, RANK_ATOM, as_date},
    {NS_ATOM, "published", IN_ITEM, F_PUBLISHED, RANK_ATOM, as_date},
    {NS_ATOM, "issued", IN_ITEM, F_PUBLISHED, RANK_ATOM + 1, as_date},
    {NS_ATOM, "created", IN_ITEM, F_PUBLISHED, RANK_LAST, as_date},
    {NS_ATOM, "author", IN_FEED | IN_ITEM | IN_SOURCE, F_AUTHORS, RANK_ATOM, as_person},
    {NS_ATOM, "contributor", IN_FEED | IN_ITEM | IN_SOURCE, F_CONTRIBUTORS, RANK_ATOM, as_person},
    {NS_ATOM, "category", IN_FEED | IN_ITEM | IN_SOURCE, F_CATEGORIES, RANK_ATOM, as_category},
    {NS_ATOM, "rights", IN_FEED | IN_ITEM | IN_SOURCE, F_RIGHTS, RANK_ATOM, as_text},
    {NS_ATOM, "copyright", IN_FEED | IN_ITEM | IN_SOURCE, F_RIGHTS, RANK_ATOM, as_text},
    {NS_ATOM, "generator", IN_FEED | IN_SOURCE, F_GENERATOR, RANK_ATOM, atom_generator},
    {NS_ATOM, "summary", IN_ITEM, F_SUMMARY, RANK_ATOM, as_summary},
    {NS_ATOM, "content", IN_ITEM, F_CONTENT_HTML, RANK_ATOM, atom_content},
    {NS_ATOM, "source", IN_ITEM, F_SOURCE, RANK_ATOM, atom_source},
    RULES_END,
};

/* An id that is a web address serves as the address where there is no link, like RSS's guid. */
static void atom_id(struct reader *r, struct record *rec, const struct node *n,
                    const struct rule *rule)
{
    const char *id = node_literal(r, n);
    record_put(rec, F_ID, read_rank(r, rule), val_str(id));
    if (!id || !(str_casestarts(id, "http://") || str_casestarts(id, "https://")))
        return;
    struct val url = val_str(node_url(r, n));
    record_put(rec, F_URL, RANK_LAST, url);
    record_put(rec, F_HOME, RANK_LAST, url);
}

static bool type_is(const char *type, const char *const *list)
{
    size_t n = type ? strcspn(type, "; ") : 0;
    for (; n && *list; list++)
        if (strlen(*list) == n && strncasecmp(type, *list, n) == 0)
            return true;
    return false;
}

static bool is_html(const char *type)
{
    static const char *const types[] = {"text/html", "application/xhtml+xml", "html", "xhtml",
                                        NULL};
    return type_is(type, types);
}

static bool is_feed(const char *type)
{
    static const char *const types[] = {"application/atom+xml",
                                        "application/rss+xml",
                                        "application/rdf+xml",
                                        "application/xml",
                                        "text/xml",
                                        "application/feed+json",
                                        "application/json",
                                        NULL};
    return type_is(type, types);
}

static const struct attr_rule link_attrs[] = {
    {"type", "type", A_TEXT},
    {"hreflang", "hreflang", A_TEXT},
    {"title", "title", A_TEXT},
    {"length", "length", A_INT},
    {NULL},
};

static void add_attachment(struct reader *r, struct record *rec, const struct node *n,
                           unsigned rank)
{
    static const struct attr_rule attrs[] = {
        {"href", "url", A_URL},
        {"type", "mime_type", A_TEXT},
        {"title", "title", A_TEXT},
        {"length", "size_in_bytes", A_POSITIVE},
        {NULL},
    };
    record_add(r->a, rec, F_ATTACHMENTS, rank, val_obj(read_attrs(r, n, attrs, NULL)));
}

static void add_hub(struct reader *r, struct record *rec, const char *url)
{
    struct obj *hub = obj_new(r->a);
    obj_set(r->a, hub, "type", val_str("WebSub"));
    obj_set(r->a, hub, "url", val_str(url));
    record_add(r->a, rec, F_HUBS, RANK_NATIVE, val_obj(hub));
}

/* The relation in lower case, also when it is written as IANA's URI. */
static const char *relation(struct reader *r, const struct node *n)
{
    static const char iana[] = "http://www.iana.org/assignments/relation/";
    const char *rel = attr_literal(r, n, "rel");
    if (str_empty(rel))
        return "alternate";
    return str_casestarts(rel, iana) && rel[sizeof iana - 1] ? rel + sizeof iana - 1 : rel;
}

/* The target: `href`, or where somebody wrote it as in RSS the text. An empty reference is the
 * base, where one can know what that means. */
static const char *link_target(struct reader *r, const struct node *n, const char *rel)
{
    const char *written = node_attr(n, "href"), *url = attr_url(r, n, "href");
    if (!written)
        return node_url(r, n);
    if (!url && (str_caseeq(rel, "self") || node_base(r, n) != r->base))
        return node_base(r, n);
    return url;
}

/* One link fills the field of its relation; what a feed or an item has no place for is not
 * written (fields.h). */
void atom_link(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    const char *rel = relation(r, n);
    struct obj *o = obj_new(r->a);
    const char *href = link_target(r, n, rel);
    obj_set(r->a, o, "rel", val_str(rel));
    obj_set(r->a, o, "href", val_str(href));
    obj_append(o, read_attrs(r, n, link_attrs, NULL));
    const char *type = obj_str(o, "type");
    record_add(r->a, rec, F_LINKS, RANK_NATIVE, val_obj(o));
    if (!href)
        return;
    unsigned rank = read_rank(r, rule);
    struct val url = val_str(href);
    if (str_caseeq(rel, "alternate")) {
        rank += is_html(type) ? 0 : 1;
        record_put(rec, F_HOME, rank, url);
        record_put(rec, F_URL, rank, url);
    } else if (str_caseeq(rel, "self")) {
        record_put(rec, F_FEED_URL, rank, url);
    } else if (str_caseeq(rel, "related")) {
        record_put(rec, F_EXTERNAL_URL, rank, url);
    } else if (str_caseeq(rel, "license")) {
        record_put(rec, F_LICENSE, RANK_LAST, url);
    } else if (str_caseeq(rel, "enclosure")) {
        add_attachment(r, rec, n, rank);
    } else if (str_caseeq(rel, "prev-archive") && rec == &r->feed) {
        r->prev_archive = href;
    } else if (str_caseeq(rel, "next") && rec == &r->feed) {
        r->next_page = href;
    } else if (str_caseeq(rel, "hub")) {
        add_hub(r, rec, href);
    } else if (str_caseeq(rel, "replies") && is_html(type)) {
        record_put(rec, F_COMMENTS_URL, rank, url);
    } else if (str_caseeq(rel, "replies") && is_feed(type)) {
        record_put(rec, F_COMMENTS_FEED, rank, url);
    }
}

static void atom_content(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    record_put(rec, F_CONTENT_SRC, read_rank(r, rule), val_str(attr_url(r, n, "src")));
    as_content(r, rec, n, rule);
}

static void atom_generator(struct reader *r, struct record *rec, const struct node *n,
                           const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"uri", "url", A_URL}, {"url", "url", A_URL}, {"version", "version", A_TEXT}, {NULL}};
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "name", val_str(node_plain(r, n)));
    obj_append(o, read_attrs(r, n, attrs, NULL));
    record_put(rec, F_GENERATOR, read_rank(r, rule), val_obj(o));
}

static void atom_source(struct reader *r, struct record *rec, const struct node *n,
                        const struct rule *rule)
{
    struct record src = {0};
    struct obj *o = obj_new(r->a);
    read_children(r, &src, n, IN_SOURCE);
    for (unsigned f = 0; f < F_COUNT; f++)
        if (field_infos[f].source == G_TOP)
            obj_set(r->a, o, field_infos[f].key, src.v[f]);
    record_put(rec, F_SOURCE, read_rank(r, rule), val_obj(o));
}

static bool is_atom(const struct node *n, const char *name)
{
    return node_is(n, NS_ATOM, name) || node_is(n, NS_ATOM03, name) || node_is(n, NS_NONE, name);
}

static void read_entry(struct reader *r, const struct node *n)
{
    struct record *rec = item_begin(r);
    if (!rec)
        return;
    put_attr(r, rec, F_LANGUAGE, RANK_NATIVE, n, NS_XML, "lang");
    rec->dropped |= n->dropped;
    read_children(r, rec, n, IN_ITEM);
    item_end(r);
}

void read_atom(struct reader *r, const struct node *root)
{
    if (is_atom(root, "entry")) { /* a lone entry is a feed of one */
        read_entry(r, root);
        return;
    }
    put_attr(r, &r->feed, F_LANGUAGE, RANK_NATIVE, root, NS_XML, "lang");
    read_children(r, &r->feed, root, IN_FEED);
    for (const struct node *top = root->parent->first; top; top = top->next)
        if (top == root || (top->sym && is_atom(top, "feed"))) {
            for (const struct node *c = top->first; c; c = c->next)
                if (c->sym && (is_atom(c, "entry") || is_atom(c, "item")))
                    read_entry(r, c);
        } else if (top->sym && is_atom(top, "entry")) { /* behind a root that ended too early */
            read_entry(r, top);
        }
}
