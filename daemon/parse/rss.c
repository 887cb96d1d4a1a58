/* RSS 0.90 to 2.0 and RSS 1.0/1.1: all are items below or beside a channel. */
#include "base/str.h"
#include "parse/read.h"
#include "parse/text.h"

static rule_fn rss_body, rss_link, rss_guid, rss_enclosure, rss_source, rss_image, rss_text_input,
    rss_cloud, rss_ttl, rss_skip_hours, rss_skip_days, rss_generator;

const struct rule rules_rss[] = {
    {NS_RSS, "title", IN_FEED | IN_ITEM, F_TITLE, RANK_RSS, as_text},
    {NS_RSS, "link", IN_FEED | IN_ITEM, F_COUNT, RANK_RSS, rss_link},
    {NS_RSS, "description", IN_FEED, F_DESCRIPTION, RANK_RSS, as_text},
    {NS_RSS, "description", IN_ITEM, F_SUMMARY, RANK_RSS, rss_body},
    {NS_RSS, "summary", IN_ITEM, F_SUMMARY, RANK_RSS, rss_body},
    {NS_RSS, "body", IN_ITEM, F_COUNT, RANK_RSS + 8, as_content},
    {NS_RSS, "guid", IN_ITEM, F_ID, RANK_RSS, rss_guid},
    {NS_RSS, "pubdate", IN_FEED | IN_ITEM, F_PUBLISHED, RANK_RSS, as_date},
    {NS_RSS, "lastbuilddate", IN_FEED, F_MODIFIED, RANK_RSS, as_date},
    {NS_RSS, "author", IN_FEED | IN_ITEM, F_AUTHORS, RANK_RSS, as_person},
    {NS_RSS, "managingeditor", IN_FEED, F_AUTHORS, RANK_RSS, as_person},
    {NS_RSS, "webmaster", IN_FEED, F_PUBLISHER, RANK_RSS, as_person},
    {NS_RSS, "category", IN_FEED | IN_ITEM, F_CATEGORIES, RANK_RSS, as_category},
    {NS_RSS, "enclosure", IN_ITEM, F_ATTACHMENTS, RANK_RSS, rss_enclosure},
    {NS_RSS, "comments", IN_ITEM, F_COMMENTS_URL, RANK_RSS, as_url},
    {NS_RSS, "source", IN_ITEM, F_SOURCE, RANK_RSS, rss_source},
    {NS_RSS, "language", IN_FEED, F_LANGUAGE, RANK_RSS, as_literal},
    {NS_RSS, "copyright", IN_FEED | IN_ITEM, F_RIGHTS, RANK_RSS, as_text},
    {NS_RSS, "generator", IN_FEED, F_GENERATOR, RANK_RSS, rss_generator},
    {NS_RSS, "docs", IN_FEED, F_DOCS, RANK_RSS, as_url},
    {NS_RSS, "image", IN_FEED, F_FEED_IMAGE, RANK_RSS, rss_image},
    {NS_RSS, "textinput", IN_FEED, F_TEXT_INPUT, RANK_RSS, rss_text_input},
    {NS_RSS, "cloud", IN_FEED, F_CLOUD, RANK_RSS, rss_cloud},
    {NS_RSS, "ttl", IN_FEED, F_TTL, RANK_RSS, rss_ttl},
    {NS_RSS, "skiphours", IN_FEED, F_SKIP_HOURS, RANK_RSS, rss_skip_hours},
    {NS_RSS, "skipdays", IN_FEED, F_SKIP_DAYS, RANK_RSS, rss_skip_days},
    /* names from elsewhere, without their namespace: where nothing else is there */
    {NS_RSS, "content", IN_ITEM, F_SUMMARY, RANK_LAST, as_summary},
    {NS_RSS, "fullitem", IN_ITEM, F_SUMMARY, RANK_LAST, as_summary},
    {NS_RSS, "published", IN_ITEM, F_PUBLISHED, RANK_LAST, as_date},
    {NS_RSS, "updated", IN_FEED | IN_ITEM, F_MODIFIED, RANK_LAST, as_date},
    {NS_RSS, "subtitle", IN_FEED, F_DESCRIPTION, RANK_LAST, as_text},
    {NS_RSS, "rights", IN_FEED | IN_ITEM, F_RIGHTS, RANK_LAST, as_text},
    /* RSS 1.0's enclosure module */
    {NS_ENC, "enclosure", IN_ITEM, F_ATTACHMENTS, RANK_ATOM, rss_enclosure},
    RULES_END,
};

static void rss_link(struct reader *r, struct record *rec, const struct node *n,
                     const struct rule *rule)
{
    if (node_attr(n, "href")) { /* Atom's link without its namespace: before one of text */
        atom_link(r, rec, n, rule);
        return;
    }
    struct val v = val_str(node_url(r, n));
    record_put(rec, F_HOME, read_rank(r, rule) + 2, v);
    record_put(rec, F_URL, read_rank(r, rule) + 2, v);
}

/* A description; where there is an (unofficial) summary too, the second of them is the content. */
static void rss_body(struct reader *r, struct record *rec, const struct node *n,
                     const struct rule *rule)
{
    const struct body *b = &rec->summary;
    if (b->kind != BODY_NONE && b->rank == read_rank(r, rule) && b->from != n->sym)
        read_body(r, &rec->content, n, RANK_LAST);
    else
        as_summary(r, rec, n, rule);
}

static void rss_guid(struct reader *r, struct record *rec, const struct node *n,
                     const struct rule *rule)
{
    const char *id = node_literal(r, n), *permalink = node_attr(n, "ispermalink");
    if (!id)
        return;
    bool is = !permalink || !str_caseeq(permalink, "false");
    record_put(rec, F_ID, read_rank(r, rule), val_str(id));
    record_put(rec, F_PERMALINK, read_rank(r, rule), val_bool(is));
    if (is && (str_casestarts(id, "http://") || str_casestarts(id, "https://")))
        record_put(rec, F_URL, RANK_LAST, val_str(node_url(r, n)));
}

static void rss_enclosure(struct reader *r, struct record *rec, const struct node *n,
                          const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"type", "mime_type", A_TEXT},
        {"title", "title", A_TEXT},
        {"length", "size_in_bytes", A_POSITIVE},
        {NULL},
    };
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "url", val_str(attr_href(r, n)));
    obj_append(o, read_attrs(r, n, attrs, NULL));
    if (obj_str(o, "url"))
        record_add(r->a, rec, F_ATTACHMENTS, read_rank(r, rule), val_obj(o));
}

static void rss_source(struct reader *r, struct record *rec, const struct node *n,
                       const struct rule *rule)
{
    static const struct attr_rule attrs[] = {{"url", "url", A_URL}, {NULL}};
    record_put(rec, F_SOURCE, read_rank(r, rule), val_obj(read_attrs(r, n, attrs, "title")));
}

static void rss_generator(struct reader *r, struct record *rec, const struct node *n,
                          const struct rule *rule)
{
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "name", val_str(node_plain(r, n)));
    record_put(rec, F_GENERATOR, read_rank(r, rule), val_obj(o));
}

enum child_kind { C_TEXT, C_URL, C_INT };
struct child_rule {
    const char *name, *key;
    enum child_kind kind;
};

/* An object of an element's children: the first of each name that is not empty. */
static struct obj *read_child_texts(struct reader *r, const struct node *n,
                                    const struct child_rule *rules)
{
    struct obj *o = obj_new(r->a);
    for (; rules->name; rules++) {
        const struct node *c = child_named(n, rules->name);
        if (!c)
            c = child_ns(n, NS_DC, rules->name);
        if (!c)
            continue;
        if (rules->kind == C_URL)
            obj_set(r->a, o, rules->key, val_str(node_url(r, c)));
        else if (rules->kind == C_INT)
            obj_set(r->a, o, rules->key, text_int(node_literal(r, c)));
        else
            obj_set(r->a, o, rules->key, val_str(node_plain(r, c)));
    }
    return o;
}

static void rss_image(struct reader *r, struct record *rec, const struct node *n,
                      const struct rule *rule)
{
    static const struct child_rule children[] = {
        {"url", "url", C_URL},
        {"title", "title", C_TEXT},
        {"link", "link", C_URL},
        {"width", "width", C_INT},
        {"height", "height", C_INT},
        {"description", "description", C_TEXT},
        {NULL},
    };
    struct obj *o = read_child_texts(r, n, children);
    record_put(rec, F_FEED_IMAGE, read_rank(r, rule), val_obj(o));
    record_put(rec, F_ICON, read_rank(r, rule), val_str(obj_str(o, "url")));
}

static void rss_text_input(struct reader *r, struct record *rec, const struct node *n,
                           const struct rule *rule)
{
    static const struct child_rule children[] = {
        {"title", "title", C_TEXT},
        {"description", "description", C_TEXT},
        {"name", "name", C_TEXT},
        {"link", "link", C_URL},
        {NULL},
    };
    record_put(rec, F_TEXT_INPUT, read_rank(r, rule), val_obj(read_child_texts(r, n, children)));
}

static void rss_cloud(struct reader *r, struct record *rec, const struct node *n,
                      const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"domain", "domain", A_TEXT},     {"port", "port", A_INT},
        {"path", "path", A_TEXT},         {"registerprocedure", "register_procedure", A_TEXT},
        {"protocol", "protocol", A_TEXT}, {NULL},
    };
    struct obj *o = read_attrs(r, n, attrs, NULL);
    record_put(rec, F_CLOUD, read_rank(r, rule), val_obj(o));
    const char *domain = obj_str(o, "domain"), *path = obj_str(o, "path");
    if (!domain)
        return;
    struct val port = text_int(node_attr(n, "port"));
    struct obj *hub = obj_new(r->a);
    const char *url = arena_printf(r->a, "http://%s:%lld%s%s", domain,
                                   port.kind == VAL_INT ? (long long)port.i : 80LL,
                                   path && *path == '/' ? "" : "/", path ? path : "");
    obj_set(r->a, hub, "type", val_str("rssCloud"));
    obj_set(r->a, hub, "url", val_str(url));
    record_add(r->a, rec, F_HUBS, RANK_RSS, val_obj(hub)); /* behind WebSub's */
}

static void rss_ttl(struct reader *r, struct record *rec, const struct node *n,
                    const struct rule *rule)
{
    struct val v = text_up_to(node_literal(r, n), INT32_MAX);
    if (v.kind == VAL_INT)
        record_put(rec, F_TTL, read_rank(r, rule), val_int(v.i * 60));
}

static void rss_skip_hours(struct reader *r, struct record *rec, const struct node *n,
                           const struct rule *rule)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, "hour"))
            record_add(r->a, rec, F_SKIP_HOURS, RANK_NATIVE, text_int(node_literal(r, c)));
}

static void rss_skip_days(struct reader *r, struct record *rec, const struct node *n,
                          const struct rule *rule)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, "day"))
            record_add(r->a, rec, F_SKIP_DAYS, RANK_NATIVE, val_str(node_literal(r, c)));
}

static bool is_rss(const struct node *n, const char *name)
{
    return node_is(n, NS_NONE, name) || node_is(n, NS_RSS, name);
}

static void read_item(struct reader *r, const struct node *n)
{
    struct record *rec = item_begin(r);
    if (!rec)
        return;
    put_attr(r, rec, F_ID, RANK_ATOM + 1, n, NS_RDF, "about");
    put_attr(r, rec, F_LANGUAGE, RANK_NATIVE, n, NS_XML, "lang");
    rec->dropped |= n->dropped;
    read_children(r, rec, n, IN_ITEM);
    item_end(r);
}

static void read_items(struct reader *r, const struct node *n)
{
    for (const struct node *c = n->first; c; c = c->next) {
        if (!c->sym)
            continue;
        if (is_rss(c, "item"))
            read_item(r, c);
        else if (is_rss(c, "items") || is_rss(c, "channel")) /* RSS 1.1 has items inside items */
            read_items(r, c);
    }
}

void read_rss(struct reader *r, const struct node *root)
{
    struct record *feed = &r->feed;
    for (const struct node *c = root->first; c; c = c->next)
        if (c->sym && is_rss(c, "channel")) {
            put_attr(r, feed, F_LANGUAGE, RANK_ATOM, c, NS_XML, "lang");
            read_children(r, feed, c, IN_FEED);
        }
    put_attr(r, feed, F_LANGUAGE, RANK_ATOM, root, NS_XML, "lang");
    /* RDF has image and textinput beside the channel; RSS 1.1's root is the channel */
    read_children(r, feed, root, IN_FEED);
    for (const struct node *top = root->parent->first; top; top = top->next)
        if (top == root || (top->sym && (is_rss(top, "rss") || is_rss(top, "channel"))))
            read_items(r, top);
        else if (top->sym && is_rss(top, "item"))
            read_item(r, top);
}
