/* Apple's podcast elements. */
#include "base/str.h"
#include "parse/read.h"

static rule_fn itunes_flag, itunes_explicit, itunes_duration, itunes_owner, itunes_category,
    itunes_keywords, itunes_image, itunes_link;

const struct rule rules_itunes[] = {
    {NS_ITUNES, "author", IN_FEED | IN_ITEM, F_ITUNES_AUTHOR, RANK_ITUNES, as_text},
    {NS_ITUNES, "author", IN_FEED | IN_ITEM, F_AUTHORS, RANK_ITUNES, as_person},
    {NS_ITUNES, "title", IN_FEED | IN_ITEM, F_ITUNES_TITLE, RANK_ITUNES, as_text},
    {NS_ITUNES, "subtitle", IN_FEED | IN_ITEM, F_ITUNES_SUBTITLE, RANK_ITUNES, as_text},
    {NS_ITUNES, "subtitle", IN_FEED, F_DESCRIPTION, RANK_ITUNES2, as_text},
    {NS_ITUNES, "summary", IN_FEED | IN_ITEM, F_ITUNES_SUMMARY, RANK_ITUNES, as_text},
    {NS_ITUNES, "summary", IN_FEED, F_DESCRIPTION, RANK_ITUNES, as_text},
    {NS_ITUNES, "summary", IN_ITEM, F_SUMMARY, RANK_ITUNES, as_summary},
    {NS_ITUNES, "explicit", IN_FEED | IN_ITEM, F_ITUNES_EXPLICIT, RANK_ITUNES, itunes_explicit},
    {NS_ITUNES, "block", IN_FEED | IN_ITEM, F_ITUNES_BLOCK, RANK_ITUNES, itunes_flag},
    {NS_ITUNES, "complete", IN_FEED | IN_ITEM, F_ITUNES_COMPLETE, RANK_ITUNES, itunes_flag},
    {NS_ITUNES, "duration", IN_FEED | IN_ITEM, F_ITUNES_DURATION, RANK_ITUNES, itunes_duration},
    {NS_ITUNES, "episode", IN_FEED | IN_ITEM, F_ITUNES_EPISODE, RANK_ITUNES, as_int},
    {NS_ITUNES, "season", IN_FEED | IN_ITEM, F_ITUNES_SEASON, RANK_ITUNES, as_int},
    {NS_ITUNES, "episodetype", IN_FEED | IN_ITEM, F_ITUNES_EPISODE_TYPE, RANK_ITUNES, as_literal},
    {NS_ITUNES, "type", IN_FEED | IN_ITEM, F_ITUNES_TYPE, RANK_ITUNES, as_literal},
    {NS_ITUNES, "image", IN_FEED | IN_ITEM, F_ITUNES_IMAGE, RANK_ITUNES, itunes_image},
    {NS_ITUNES, "link", IN_FEED | IN_ITEM, F_COUNT, RANK_ITUNES, itunes_link},
    {NS_ITUNES, "new-feed-url", IN_FEED, F_ITUNES_NEW_FEED_URL, RANK_ITUNES, as_url},
    {NS_ITUNES, "owner", IN_FEED | IN_ITEM, F_ITUNES_OWNER, RANK_ITUNES, itunes_owner},
    {NS_ITUNES, "keywords", IN_FEED | IN_ITEM, F_ITUNES_KEYWORDS, RANK_ITUNES, itunes_keywords},
    {NS_ITUNES, "category", IN_FEED | IN_ITEM, F_ITUNES_CATEGORIES, RANK_ITUNES, itunes_category},
    RULES_END,
};

static const char scheme[] = "http://www.itunes.com/";

static bool is_one_of(const char *s, const char *a, const char *b, const char *c)
{
    return s && (str_caseeq(s, a) || str_caseeq(s, b) || str_caseeq(s, c));
}

static void itunes_flag(struct reader *r, struct record *rec, const struct node *n,
                        const struct rule *rule)
{
    const char *s = node_literal(r, n);
    if (s)
        record_put(rec, rule->field, read_rank(r, rule),
                   val_bool(is_one_of(s, "yes", "true", "yes")));
}

static void itunes_explicit(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    const char *s = node_literal(r, n);
    if (is_one_of(s, "yes", "true", "explicit"))
        record_put(rec, rule->field, read_rank(r, rule), val_bool(true));
    else if (is_one_of(s, "no", "false", "clean"))
        record_put(rec, rule->field, read_rank(r, rule), val_bool(false));
}

static void itunes_duration(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    double d = text_seconds(node_literal(r, n));
    if (d >= 0)
        record_put(rec, rule->field, read_rank(r, rule), val_int((int64_t)d));
}

static void itunes_owner(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    const struct node *name = child_named(n, "name"), *email = child_named(n, "email");
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "name", val_str(name ? node_plain(r, name) : NULL));
    obj_set(r->a, o, "email", val_str(email ? node_literal(r, email) : NULL));
    record_put(rec, rule->field, read_rank(r, rule), val_obj(o));
}

/* The feed's icon, the item's image, and where RSS has none of its own the feed's `image`. */
static void put_image(struct reader *r, struct record *rec, struct val url, unsigned rank)
{
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "url", url);
    record_put(rec, F_ITUNES_IMAGE, rank, url);
    record_put(rec, F_ICON, rank, url);
    record_put(rec, F_IMAGE, rank, url);
    record_put(rec, F_FEED_IMAGE, rank, val_obj(o));
}

static void itunes_image(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    put_image(r, rec, val_str(href_of(r, n)), read_rank(r, rule));
}

/* <itunes:link rel="image">, as images were given at first. */
static void itunes_link(struct reader *r, struct record *rec, const struct node *n,
                        const struct rule *rule)
{
    const char *rel = node_attr(n, "rel");
    if (rel && str_caseeq(rel, "image"))
        put_image(r, rec, val_str(attr_url(r, n, "href")), read_rank(r, rule));
}

static void itunes_category(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    const char *term = attr_plain(r, n, "text");
    if (!term && !node_has_elements(n))
        term = node_plain(r, n);
    if (term) {
        record_add(r->a, rec, rule->field, RANK_ITUNES, val_str(term));
        add_category(r, rec, category_new(r, term, scheme, NULL));
    }
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && node_is(c, NS_ITUNES, "category"))
            itunes_category(r, rec, c, rule);
}

static void itunes_keywords(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    struct list *words = split_words(r, node_plain(r, n), ",");
    record_put(rec, rule->field, read_rank(r, rule), val_list(words));
    for (const struct elem *e = words->first; e; e = e->next)
        add_category(r, rec, category_new(r, e->v.s, scheme, NULL));
}
