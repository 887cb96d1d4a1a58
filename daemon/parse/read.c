#include "parse/read.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/date.h"
#include "parse/text.h"
#include "parse/url.h"

unsigned read_rank(const struct reader *r, const struct rule *rule)
{
    if (rule->ns != r->native)
        return rule->rank + r->rank;
    return RANK_NATIVE + rule->rank - (rule->ns == NS_RSS ? RANK_RSS : RANK_ATOM);
}

void read_element(struct reader *r, struct record *rec, const struct node *n, unsigned where)
{
    if (!n->sym)
        return;
    if (r->a->bytes > LIMIT_PARSE_BYTES) {
        rec->dropped = true;
        return;
    }
    rec->dropped |= n->dropped;
    for (const struct rule *const *p = n->sym->rules; p && *p; p++)
        if ((*p)->where & where)
            (*p)->fn(r, rec, n, *p);
}

void read_children(struct reader *r, struct record *rec, const struct node *n, unsigned where)
{
    for (const struct node *c = n->first; c; c = c->next)
        read_element(r, rec, c, where);
}

/* ---- text --------------------------------------------------------------------------------- */

/* Text beyond LIMIT_TEXT_BYTES is cut off. */
static size_t limited(struct reader *r, const char *s, size_t n)
{
    if (n <= LIMIT_TEXT_BYTES)
        return n;
    r->cut = true;
    return utf8_cut(s, LIMIT_TEXT_BYTES);
}

const char *node_plain(struct reader *r, const struct node *n)
{
    static const enum text_kind kinds[] = {[BODY_TEXT] = TEXT_LITERAL,
                                           [BODY_HTML] = TEXT_HTML,
                                           [BODY_XHTML] = TEXT_HTML,
                                           [BODY_MAYBE] = TEXT_MAYBE};
    enum body_kind kind;
    size_t len;
    const char *s = node_markup(r, n, &kind, &len);
    return s ? text_field(r->a, kinds[kind], s, limited(r, s, len)) : NULL;
}

const char *node_literal(struct reader *r, const struct node *n)
{
    size_t len;
    const char *s = node_text(r->a, n, &len);
    return s ? text_field(r->a, TEXT_LITERAL, s, limited(r, s, len)) : NULL;
}

const char *attr_literal(struct reader *r, const struct node *n, const char *attr)
{
    const char *s = node_attr(n, attr);
    return s ? text_field(r->a, TEXT_LITERAL, s, strlen(s)) : NULL;
}

const char *attr_plain(struct reader *r, const struct node *n, const char *attr)
{
    const char *s = node_attr(n, attr);
    return s ? text_field(r->a, TEXT_MAYBE, s, strlen(s)) : NULL;
}

void put_attr(struct reader *r, struct record *rec, enum field f, unsigned rank,
              const struct node *n, enum ns ns, const char *attr)
{
    const char *s = node_attr_ns(n, ns, attr);
    if (s)
        record_put(rec, f, rank, val_str(text_field(r->a, TEXT_LITERAL, s, strlen(s))));
}

/* ---- URLs --------------------------------------------------------------------------------- */

const char *node_base(struct reader *r, const struct node *n)
{
    if (!r->t->has_base || !n || !n->sym)
        return r->base;
    if (n->knows_base)
        return n->base;
    const char *outer = node_base(r, n->parent);
    const char *own = node_attr_ns(n, NS_XML, "base");
    if (!own)
        return outer;
    bool full = r->work->bytes > LIMIT_PARSE_BYTES;
    const char *base = full ? NULL : url_resolve(r->work, outer, own, strlen(own));
    if (!base || (url_has_scheme(base, strlen(base)) && !strstr(base, ":/")))
        base = outer; /* "mailto:", "urn:": nothing can be relative to it */
    r->cut |= full;
    ((struct node *)n)->base = base;
    ((struct node *)n)->knows_base = true;
    return base;
}

const char *node_url(struct reader *r, const struct node *n)
{
    size_t len;
    const char *s = node_text(r->a, n, &len);
    return s ? url_resolve(r->a, node_base(r, n), s, len) : NULL;
}

const char *attr_url(struct reader *r, const struct node *n, const char *attr)
{
    const char *s = node_attr(n, attr);
    if (!s)
        return NULL;
    size_t len = str_trim(&s, strlen(s));
    return len ? url_resolve(r->a, node_base(r, n), s, len) : NULL;
}

/* ---- numbers and dates -------------------------------------------------------------------- */

/* One that is too large becomes the nearest that fits. False: it is no number. */
static bool read_int(const char *s, int64_t *ret)
{
    if (!s)
        return false;
    while (isspace((unsigned char)*s))
        s++;
    char *end;
    *ret = strtoll(s, &end, 10);
    if (end == s)
        return false;
    if (*end == '.' && isdigit((unsigned char)end[1]))
        for (end++; isdigit((unsigned char)*end);)
            end++;
    while (isspace((unsigned char)*end))
        end++;
    return !*end;
}

struct val text_int(const char *s)
{
    int64_t v;
    bool fits = read_int(s, &v) && v <= (1LL << 53) && v >= -(1LL << 53);
    return fits ? val_int(v) : (struct val){0};
}

struct val text_up_to(const char *s, int64_t max)
{
    int64_t v;
    return read_int(s, &v) && v >= 0 ? val_int(MIN(v, max)) : (struct val){0};
}

struct val text_positive(const char *s)
{
    struct val v = text_int(s);
    return v.kind == VAL_INT && v.i > 0 ? v : (struct val){0};
}

struct val text_num(const char *s)
{
    if (!s)
        return (struct val){0};
    char *end;
    double d = strtod(s, &end);
    while (isspace((unsigned char)*end))
        end++;
    if (end == s || *end || !isfinite(d) || strpbrk(s, "xXnN"))
        return (struct val){0};
    return d == trunc(d) && fabs(d) < 1e15 ? val_int((int64_t)d) : val_num(d);
}

double text_seconds(const char *s)
{
    double total = 0;
    if (!s)
        return -1;
    while (isspace((unsigned char)*s))
        s++;
    for (int parts = 0; parts < 3; parts++) {
        char *end;
        if (!isdigit((unsigned char)*s) || s[1] == 'x' || s[1] == 'X')
            return -1;
        total = total * 60 + strtod(s, &end);
        s = end;
        if (*s != ':')
            break;
        s++;
    }
    while (isspace((unsigned char)*s))
        s++;
    return *s || total > 1e9 ? -1 : total;
}

static struct val whole_seconds(const char *s)
{
    double d = text_seconds(s);
    return d < 0 ? (struct val){0} : val_int((int64_t)d);
}

int64_t node_date(struct reader *r, const struct node *n)
{
    size_t len;
    const char *s = node_text(r->a, n, &len);
    return s ? date_parse(s, len) : TD_NEVER;
}

const struct node *child_named(const struct node *n, const char *name)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, name) &&
            (c->sym->ns == n->sym->ns || c->sym->ns == NS_NONE || c->sym->ns == NS_RSS ||
             c->sym->ns == NS_ATOM || c->sym->ns == NS_ATOM03))
            return c;
    return NULL;
}

const struct node *child_ns(const struct node *n, enum ns ns, const char *name)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (node_is(c, ns, name))
            return c;
    return NULL;
}

/* ---- objects ------------------------------------------------------------------------------ */

static struct val attr_value(struct reader *r, const struct node *n, const struct attr_rule *rule)
{
    const char *s = node_attr(n, rule->attr);
    switch (rule->kind) {
    case A_TEXT:
        return val_str(attr_plain(r, n, rule->attr));
    case A_URL:
        return val_str(attr_url(r, n, rule->attr));
    case A_INT:
        return text_int(s);
    case A_POSITIVE:
        return text_positive(s);
    case A_NUM:
        return text_num(s);
    case A_SECONDS:
        return whole_seconds(s);
    }
    return (struct val){0};
}

struct obj *read_attrs(struct reader *r, const struct node *n, const struct attr_rule *rules,
                       const char *text_key)
{
    struct obj *o = obj_new(r->a);
    for (; rules->attr; rules++)
        if (node_attr(n, rules->attr) && !obj_str(o, rules->key))
            obj_set(r->a, o, rules->key, attr_value(r, n, rules));
    if (text_key)
        obj_set(r->a, o, text_key, val_str(node_plain(r, n)));
    return o;
}

struct obj *person_new(struct reader *r, const char *name, const char *url, const char *avatar,
                       const char *email)
{
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "name", val_str(name));
    obj_set(r->a, o, "url", val_str(url));
    obj_set(r->a, o, "avatar", val_str(avatar));
    if (email && str_casestarts(email, "mailto:"))
        email += 7;
    if (!str_empty(email)) {
        struct obj *t = obj_new(r->a);
        obj_set(r->a, t, "email", val_str(email));
        obj_set(r->a, o, "_tidings", val_obj(t));
    }
    return o->first ? o : NULL;
}

/* Is it one mail address and nothing else? */
static bool is_mail(const char *s, size_t n)
{
    const char *at = memchr(s, '@', n);
    if (!at || at == s || at + 1 == s + n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (isspace((unsigned char)s[i]) || strchr("()<>,;\"", s[i]))
            return false;
    return !memchr(at + 1, '@', (size_t)(s + n - at - 1));
}

static char *trimmed(struct reader *r, const char *s, size_t n)
{
    n = str_trim(&s, n);
    if (n >= 2 && *s == '"' && s[n - 1] == '"')
        s++, n -= 2;
    return arena_strndup(r->a, s, n);
}

struct obj *person_from_text(struct reader *r, const char *s)
{
    if (str_empty(s))
        return NULL;
    if (str_casestarts(s, "mailto:"))
        s += 7;
    size_t n = strlen(s);
    if (is_mail(s, n))
        return person_new(r, NULL, NULL, NULL, s);
    char close = s[n - 1];
    const char *open = close == ')' ? strchr(s, '(') : close == '>' ? strrchr(s, '<') : NULL;
    if (!open)
        return person_new(r, s, NULL, NULL, NULL);
    char *before = trimmed(r, s, (size_t)(open - s));
    char *inside = trimmed(r, open + 1, (size_t)(s + n - 1 - open - 1));
    char *mail = str_casestarts(inside, "mailto:") ? inside + 7 : inside;
    if (is_mail(mail, strlen(mail)))
        return person_new(r, before, NULL, NULL, mail);
    mail = str_casestarts(before, "mailto:") ? before + 7 : before;
    if (is_mail(mail, strlen(mail)))
        return person_new(r, inside, NULL, NULL, mail);
    return person_new(r, s, NULL, NULL, NULL);
}

static struct obj *read_person(struct reader *r, const struct node *n)
{
    if (!node_has_elements(n))
        return person_from_text(r, node_plain(r, n));
    const struct node *name = child_named(n, "name"), *url = child_named(n, "uri"),
                      *mail = child_named(n, "email");
    if (!url)
        url = child_named(n, "url");
    if (!url)
        url = child_named(n, "homepage");
    struct obj *o = person_new(r, name ? node_plain(r, name) : NULL, url ? node_url(r, url) : NULL,
                               NULL, mail ? node_literal(r, mail) : NULL);
    return o || name || url || mail ? o : person_from_text(r, node_plain(r, n));
}

struct obj *category_new(struct reader *r, const char *term, const char *scheme, const char *label)
{
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "term", val_str(term));
    obj_set(r->a, o, "scheme", val_str(scheme));
    obj_set(r->a, o, "label", val_str(label));
    return o;
}

struct list *split_words(struct reader *r, const char *s, const char *separators)
{
    struct list *l = arena_zalloc(r->a, sizeof *l);
    while (s && *s) {
        size_t n = strcspn(s, separators);
        const char *p = s;
        size_t k = str_trim(&p, n);
        list_add(r->a, l, val_str(arena_strndup(r->a, p, k)));
        s += n + (s[n] != 0);
    }
    return l;
}

/* ---- functions of a rule ------------------------------------------------------------------ */

void as_text(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    record_put(rec, rule->field, read_rank(r, rule), val_str(node_plain(r, n)));
}

void as_literal(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    record_put(rec, rule->field, read_rank(r, rule), val_str(node_literal(r, n)));
}

void as_url(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    record_put(rec, rule->field, read_rank(r, rule), val_str(node_url(r, n)));
}

const char *attr_href(struct reader *r, const struct node *n)
{
    const char *url = attr_url(r, n, "href");
    if (!url)
        url = attr_url(r, n, "url");
    const char *resource = url ? NULL : node_attr_ns(n, NS_RDF, "resource");
    if (!url && !resource)
        resource = node_attr(n, "resource"); /* without its prefix */
    if (resource)
        url = url_resolve(r->a, node_base(r, n), resource, strlen(resource));
    return url;
}

const char *href_of(struct reader *r, const struct node *n)
{
    const char *url = attr_href(r, n);
    return url ? url : node_url(r, n);
}

void as_href(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    record_put(rec, rule->field, read_rank(r, rule), val_str(href_of(r, n)));
}

void as_date(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    record_put(rec, rule->field, read_rank(r, rule), val_time(node_date(r, n)));
}

void as_int(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    size_t len;
    record_put(rec, rule->field, read_rank(r, rule), text_int(node_text(r->a, n, &len)));
}

void as_person(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    struct val v = val_obj(read_person(r, n));
    if (rule->field == F_PUBLISHER)
        record_put(rec, rule->field, read_rank(r, rule), v);
    else if (rule->field == F_CONTRIBUTORS) /* all of them, but not once more as DC terms */
        record_add(r->a, rec, rule->field, RANK_NATIVE + (rule->ns == NS_DCTERMS), v);
    else
        record_add(r->a, rec, rule->field, read_rank(r, rule), v);
}

unsigned category_limit(const struct reader *r, const struct record *rec)
{
    return rec == &r->feed ? LIMIT_FEED_TAGS : LIMIT_ITEM_TAGS;
}

void add_category(struct reader *r, struct record *rec, struct obj *o)
{
    const struct list *l = record_list(rec, F_CATEGORIES);
    if (!o->first)
        return;
    if (l && l->n >= category_limit(r, rec)) {
        rec->dropped = true;
        return;
    }
    for (const struct elem *e = l ? l->first : NULL; e; e = e->next)
        if (obj_eq(e->v.obj, o))
            return;
    record_add(r->a, rec, F_CATEGORIES, RANK_NATIVE, val_obj(o));
}

/* Categories of all vocabularies stand side by side: they have no rank. */
void as_category(struct reader *r, struct record *rec, const struct node *n,
                 const struct rule *rule)
{
    const char *term = attr_plain(r, n, "term"), *scheme = attr_literal(r, n, "scheme");
    struct obj *o = category_new(r, term ? term : node_plain(r, n),
                                 scheme ? scheme : attr_literal(r, n, "domain"),
                                 attr_plain(r, n, "label"));
    add_category(r, rec, o);
}

void as_words(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    record_put(rec, rule->field, read_rank(r, rule),
               val_list(split_words(r, node_plain(r, n), ",")));
}

static bool is_rss_body(const struct node *n)
{
    return n->sym->ns == NS_NONE || n->sym->ns == NS_RSS;
}

void read_body(struct reader *r, struct body *ret, const struct node *n, unsigned rank)
{
    struct body b = {.rank = rank, .base = node_base(r, n), .from = n->sym};
    if (ret->kind != BODY_NONE && ret->rank <= rank)
        return;
    b.s = node_markup(r, n, &b.kind, &b.n);
    if (b.kind == BODY_MAYBE && (is_rss_body(n) || n->sym->ns == NS_CONTENT))
        b.kind = BODY_HTML; /* RSS bodies always are */
    if (b.s)
        *ret = b;
}

void as_content(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    read_body(r, &rec->content, n, read_rank(r, rule));
}

void as_summary(struct reader *r, struct record *rec, const struct node *n, const struct rule *rule)
{
    read_body(r, &rec->summary, n, read_rank(r, rule));
}
