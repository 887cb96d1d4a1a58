/* Media RSS 1.5. Groups are flattened; a single value comes from the item itself, else from a
 * group, else from a content. */
#include "base/str.h"
#include "parse/read.h"

static rule_fn media_group, media_content, media_thumbnail, media_credit, media_rating,
    media_player, media_license, media_category;

const struct rule rules_media[] = {
    {NS_MEDIA, "group", IN_FEED | IN_ITEM, F_COUNT, RANK_MEDIA, media_group},
    {NS_MEDIA, "content", IN_FEED | IN_ITEM, F_MEDIA_CONTENTS, RANK_MEDIA, media_content},
    {NS_MEDIA, "thumbnail", IN_FEED | IN_ITEM, F_MEDIA_THUMBNAILS, RANK_MEDIA, media_thumbnail},
    {NS_MEDIA, "credit", IN_FEED | IN_ITEM, F_MEDIA_CREDITS, RANK_MEDIA, media_credit},
    {NS_MEDIA, "title", IN_FEED | IN_ITEM, F_MEDIA_TITLE, RANK_MEDIA, as_text},
    {NS_MEDIA, "title", IN_ITEM, F_TITLE, RANK_MEDIA, as_text},
    {NS_MEDIA, "description", IN_FEED | IN_ITEM, F_MEDIA_DESCRIPTION, RANK_MEDIA, as_text},
    {NS_MEDIA, "keywords", IN_FEED | IN_ITEM, F_MEDIA_KEYWORDS, RANK_MEDIA, as_words},
    {NS_MEDIA, "rating", IN_FEED | IN_ITEM, F_MEDIA_RATING, RANK_MEDIA, media_rating},
    {NS_MEDIA, "player", IN_FEED | IN_ITEM, F_MEDIA_PLAYER, RANK_MEDIA, media_player},
    {NS_MEDIA, "license", IN_FEED | IN_ITEM, F_MEDIA_LICENSE, RANK_MEDIA, media_license},
    {NS_MEDIA, "copyright", IN_FEED | IN_ITEM, F_MEDIA_COPYRIGHT, RANK_MEDIA, as_text},
    {NS_MEDIA, "category", IN_FEED | IN_ITEM, F_CATEGORIES, RANK_MEDIA, media_category},
    RULES_END,
};

/* Reads what is inside of a group or content: only the media object takes from there. */
static void read_inside(struct reader *r, struct record *rec, const struct node *n)
{
    r->rank++;
    for (const struct node *c = n->first; c; c = c->next)
        for (const struct rule *const *p = c->sym ? c->sym->rules : NULL; p && *p; p++)
            if ((*p)->ns == NS_MEDIA && (*p)->field != F_TITLE && (*p)->field != F_CATEGORIES)
                (*p)->fn(r, rec, c, *p);
    r->rank--;
}

static void media_group(struct reader *r, struct record *rec, const struct node *n,
                        const struct rule *rule)
{
    read_inside(r, rec, n);
}

static void media_content(struct reader *r, struct record *rec, const struct node *n,
                          const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"url", "url", A_URL},
        {"type", "type", A_TEXT},
        {"medium", "medium", A_TEXT},
        {"filesize", "size_in_bytes", A_POSITIVE},
        {"duration", "duration_seconds", A_SECONDS},
        {"width", "width", A_INT},
        {"height", "height", A_INT},
        {"bitrate", "bitrate", A_NUM},
        {"lang", "language", A_TEXT},
        {NULL},
    };
    record_add(r->a, rec, rule->field, RANK_MEDIA, val_obj(read_attrs(r, n, attrs, NULL)));
    r->rank++; /* a content of the item ranks behind its groups */
    read_inside(r, rec, n);
    r->rank--;
}

static void media_thumbnail(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"url", "url", A_URL},
        {"width", "width", A_INT},
        {"height", "height", A_INT},
        {"time", "time", A_TEXT},
        {NULL},
    };
    struct obj *o = read_attrs(r, n, attrs, NULL);
    if (!obj_str(o, "url"))
        obj_set(r->a, o, "url", val_str(node_url(r, n)));
    if (obj_str(o, "url"))
        record_add(r->a, rec, rule->field, RANK_MEDIA, val_obj(o));
}

static void media_credit(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"role", "role", A_TEXT}, {"scheme", "scheme", A_TEXT}, {NULL}};
    struct obj *o = read_attrs(r, n, attrs, "name");
    if (obj_str(o, "name"))
        record_add(r->a, rec, rule->field, RANK_MEDIA, val_obj(o));
}

static void media_rating(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    static const struct attr_rule attrs[] = {{"scheme", "scheme", A_TEXT}, {NULL}};
    struct obj *o = read_attrs(r, n, attrs, "value");
    if (obj_str(o, "value"))
        record_put(rec, rule->field, read_rank(r, rule), val_obj(o));
}

static void media_player(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"url", "url", A_URL}, {"width", "width", A_INT}, {"height", "height", A_INT}, {NULL}};
    struct obj *o = read_attrs(r, n, attrs, NULL);
    if (obj_str(o, "url"))
        record_put(rec, rule->field, read_rank(r, rule), val_obj(o));
}

static void media_license(struct reader *r, struct record *rec, const struct node *n,
                          const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"href", "url", A_URL}, {"type", "type", A_TEXT}, {NULL}};
    record_put(rec, rule->field, read_rank(r, rule), val_obj(read_attrs(r, n, attrs, "name")));
}

static void media_category(struct reader *r, struct record *rec, const struct node *n,
                           const struct rule *rule)
{
    const char *scheme = attr_literal(r, n, "scheme");
    if (node_blank(n))
        return;
    struct obj *o = category_new(r, node_plain(r, n),
                                 scheme ? scheme : "http://search.yahoo.com/mrss/category_schema",
                                 attr_plain(r, n, "label"));
    add_category(r, rec, o);
}
