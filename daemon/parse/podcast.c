/* Podcasting 2.0, the podcastindex namespace. */
#include "base/str.h"
#include "parse/read.h"

static rule_fn podcast_locked, podcast_object, podcast_list;

/* What each element becomes: its attributes, and under which key its text. One of a list without
 * the member NEEDS (a transcript without address, a person without name) says nothing. */
static const struct shape {
    enum field field;
    const char *needs;
    const char *text_key;
    struct attr_rule attrs[6];
} shapes[] = {
    {F_PODCAST_FUNDING, "url", "title", {{"url", "url", A_URL}}},
    {F_PODCAST_TRANSCRIPTS,
     "url",
     NULL,
     {{"url", "url", A_URL},
      {"type", "type", A_TEXT},
      {"language", "language", A_TEXT},
      {"rel", "rel", A_TEXT}}},
    {F_PODCAST_CHAPTERS, NULL, NULL, {{"url", "url", A_URL}, {"type", "type", A_TEXT}}},
    {F_PODCAST_SOUNDBITES,
     "start_seconds",
     "title",
     {{"starttime", "start_seconds", A_NUM}, {"duration", "duration_seconds", A_NUM}}},
    {F_PODCAST_PERSONS,
     "name",
     "name",
     {{"role", "role", A_TEXT},
      {"group", "group", A_TEXT},
      {"img", "image", A_URL},
      {"href", "url", A_URL}}},
    {F_PODCAST_LOCATION, NULL, "name", {{"geo", "geo", A_TEXT}, {"osm", "osm", A_TEXT}}},
    {F_PODCAST_LICENSE, NULL, "name", {{"url", "url", A_URL}}},
};

const struct rule rules_podcast[] = {
    {NS_PODCAST, "guid", IN_FEED, F_PODCAST_GUID, RANK_LAST, as_literal},
    {NS_PODCAST, "medium", IN_FEED, F_PODCAST_MEDIUM, RANK_LAST, as_literal},
    {NS_PODCAST, "locked", IN_FEED, F_PODCAST_LOCKED, RANK_LAST, podcast_locked},
    {NS_PODCAST, "funding", IN_FEED | IN_ITEM, F_PODCAST_FUNDING, RANK_LAST, podcast_list},
    {NS_PODCAST, "transcript", IN_ITEM, F_PODCAST_TRANSCRIPTS, RANK_LAST, podcast_list},
    {NS_PODCAST, "chapters", IN_ITEM, F_PODCAST_CHAPTERS, RANK_LAST, podcast_object},
    {NS_PODCAST, "soundbite", IN_ITEM, F_PODCAST_SOUNDBITES, RANK_LAST, podcast_list},
    {NS_PODCAST, "person", IN_FEED | IN_ITEM, F_PODCAST_PERSONS, RANK_LAST, podcast_list},
    {NS_PODCAST, "location", IN_FEED | IN_ITEM, F_PODCAST_LOCATION, RANK_LAST, podcast_object},
    {NS_PODCAST, "license", IN_FEED | IN_ITEM, F_PODCAST_LICENSE, RANK_LAST, podcast_object},
    {NS_PODCAST, "season", IN_ITEM, F_PODCAST_SEASON, RANK_LAST, podcast_object},
    {NS_PODCAST, "episode", IN_ITEM, F_PODCAST_EPISODE, RANK_LAST, podcast_object},
    RULES_END,
};

static const struct shape *find_shape(enum field field)
{
    const struct shape *s = shapes;
    while (s->field != field)
        s++;
    return s;
}

static void podcast_object(struct reader *r, struct record *rec, const struct node *n,
                           const struct rule *rule)
{
    struct obj *o;
    if (rule->field == F_PODCAST_SEASON || rule->field == F_PODCAST_EPISODE) {
        const char *name = rule->field == F_PODCAST_SEASON ? "name" : "display";
        o = obj_new(r->a);
        obj_set(r->a, o, "number", text_num(node_literal(r, n)));
        obj_set(r->a, o, name, val_str(attr_plain(r, n, name)));
    } else {
        const struct shape *s = find_shape(rule->field);
        o = read_attrs(r, n, s->attrs, s->text_key);
    }
    record_put(rec, rule->field, read_rank(r, rule), val_obj(o));
}

static void podcast_list(struct reader *r, struct record *rec, const struct node *n,
                         const struct rule *rule)
{
    const struct shape *s = find_shape(rule->field);
    struct obj *o = read_attrs(r, n, s->attrs, s->text_key);
    if (obj_has(o, s->needs))
        record_add(r->a, rec, rule->field, read_rank(r, rule), val_obj(o));
}

static void podcast_locked(struct reader *r, struct record *rec, const struct node *n,
                           const struct rule *rule)
{
    const char *s = node_literal(r, n);
    struct obj *o = obj_new(r->a);
    if (s)
        obj_set(r->a, o, "value", val_bool(str_caseeq(s, "yes") || str_caseeq(s, "true")));
    obj_set(r->a, o, "owner", val_str(attr_literal(r, n, "owner")));
    record_put(rec, rule->field, read_rank(r, rule), val_obj(o));
}
