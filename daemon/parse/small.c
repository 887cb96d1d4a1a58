/* The vocabularies of a few elements each: syndication, slash, comments, threading, licences,
 * origin links, generator agents, Podlove chapters. */
#include "base/str.h"
#include "parse/read.h"

static rule_fn thr_in_reply_to, psc_chapters, admin_generator;

const struct rule rules_small[] = {
    {NS_SY, "updateperiod", IN_FEED, F_UPDATE_PERIOD, RANK_LAST, as_literal},
    {NS_SY, "updatefrequency", IN_FEED, F_UPDATE_FREQUENCY, RANK_LAST, as_int},

    {NS_SLASH, "comments", IN_ITEM, F_COMMENTS_COUNT, RANK_RSS, as_int},
    {NS_THR, "total", IN_ITEM, F_COMMENTS_COUNT, RANK_ATOM, as_int},
    {NS_THR, "in-reply-to", IN_ITEM, F_IN_REPLY_TO, RANK_ATOM, thr_in_reply_to},
    {NS_WFW, "commentrss", IN_ITEM, F_COMMENTS_FEED, RANK_RSS, as_url},

    {NS_CCRSS, "license", IN_FEED | IN_ITEM, F_LICENSE, RANK_RSS, as_href},
    {NS_CC, "license", IN_FEED | IN_ITEM, F_LICENSE, RANK_RSS + 1, as_href},
    {NS_FEEDBURNER, "origlink", IN_ITEM, F_ORIGINAL_URL, RANK_RSS, as_url},
    {NS_PHEEDO, "origlink", IN_ITEM, F_ORIGINAL_URL, RANK_RSS, as_url},
    {NS_ADMIN, "generatoragent", IN_FEED, F_GENERATOR, RANK_LAST, admin_generator},
    {NS_PSC, "chapters", IN_ITEM, F_CHAPTERS, RANK_LAST, psc_chapters},
    RULES_END,
};

static void thr_in_reply_to(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"ref", "id", A_TEXT},
        {"href", "url", A_URL},
        {"type", "type", A_TEXT},
        {"source", "source", A_URL},
        {NULL},
    };
    record_add(r->a, rec, rule->field, RANK_NATIVE, val_obj(read_attrs(r, n, attrs, NULL)));
}

static void admin_generator(struct reader *r, struct record *rec, const struct node *n,
                            const struct rule *rule)
{
    const char *s = node_attr_ns(n, NS_RDF, "resource");
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "name", val_str(s ? s : node_plain(r, n)));
    obj_set(r->a, o, "url", val_str(s));
    record_put(rec, rule->field, read_rank(r, rule), val_obj(o));
}

static void psc_chapters(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    static const struct attr_rule attrs[] = {
        {"title", "title", A_TEXT}, {"href", "url", A_URL}, {"image", "image", A_URL}, {NULL}};
    if (rec->v[rule->field].kind != VAL_NONE)
        return; /* the first list wins */
    for (const struct node *c = n->first; c; c = c->next) {
        if (!c->sym || !node_is(c, NS_PSC, "chapter"))
            continue;
        double start = text_seconds(node_attr(c, "start"));
        struct obj *o = obj_new(r->a);
        if (start >= 0)
            obj_set(r->a, o, "start_seconds", val_num(start));
        obj_append(o, read_attrs(r, c, attrs, NULL));
        record_add(r->a, rec, rule->field, RANK_NATIVE, val_obj(o));
    }
}
