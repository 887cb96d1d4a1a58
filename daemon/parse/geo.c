/* Places: GeoRSS simple, GML and W3C lat/long, written as GeoJSON geometry (longitude first). */
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/str.h"
#include "parse/read.h"

static rule_fn geo_point, geo_line, geo_polygon, geo_box, geo_where, geo_latlong;

const struct rule rules_geo[] = {
    {NS_GEORSS, "point", IN_FEED | IN_ITEM, F_GEO, RANK_RSS, geo_point},
    {NS_GEORSS, "line", IN_FEED | IN_ITEM, F_GEO, RANK_RSS, geo_line},
    {NS_GEORSS, "polygon", IN_FEED | IN_ITEM, F_GEO, RANK_RSS, geo_polygon},
    {NS_GEORSS, "box", IN_FEED | IN_ITEM, F_GEO, RANK_RSS, geo_box},
    {NS_GEORSS, "where", IN_FEED | IN_ITEM, F_GEO, RANK_RSS, geo_where},
    {NS_GML, "point", IN_FEED | IN_ITEM, F_GEO, RANK_RSS + 1, geo_where},
    {NS_GEO, "point", IN_FEED | IN_ITEM, F_GEO, RANK_ATOM, geo_latlong},
    {NS_GEO, "lat", IN_FEED | IN_ITEM, F_GEO, RANK_ATOM, geo_latlong},
    {NS_GEO, "lon", IN_FEED | IN_ITEM, F_GEO, RANK_ATOM, geo_latlong}, /* many write it so */
    {NS_GEO, "long", IN_FEED | IN_ITEM, F_GEO, RANK_ATOM, geo_latlong},
    RULES_END,
};

struct numbers {
    double v[LIMIT_COORDINATES];
    size_t n;
};

/* Numbers between white space and commas; false when there is something else. */
static bool read_numbers(struct reader *r, const struct node *n, struct numbers *ret)
{
    size_t len;
    const char *s = n ? node_text(r->a, n, &len) : NULL;
    ret->n = 0;
    while (s && *s) {
        s += strspn(s, " \t\r\n,;");
        if (!*s)
            break;
        char *end;
        double d = strtod(s, &end);
        if (end == s || !isfinite(d) || strspn(s, "+-.0123456789eE") < (size_t)(end - s))
            return false;
        if (ret->n == LIMIT_COORDINATES) {
            r->cut = true;
            break;
        }
        ret->v[ret->n++] = d;
        s = end;
    }
    return true;
}

static struct val position(struct reader *r, const double *v, unsigned dim)
{
    struct list *l = arena_zalloc(r->a, sizeof *l);
    bool swap = !r->easting_first;
    list_add(r->a, l, val_num(v[swap]));
    list_add(r->a, l, val_num(v[!swap]));
    for (unsigned i = 2; i < dim; i++)
        list_add(r->a, l, val_num(v[i]));
    return val_list(l);
}

static struct val geometry(struct reader *r, const char *type, struct val coordinates)
{
    struct obj *o = obj_new(r->a);
    obj_set(r->a, o, "type", val_str(type));
    obj_set(r->a, o, "coordinates", coordinates);
    return val_obj(o);
}

/* A geometry of the type's least number of positions, VAL_NONE with fewer. */
static struct val build(struct reader *r, const char *type, const struct numbers *in, unsigned dim)
{
    size_t n = in->n / dim;
    if (str_eq(type, "Point"))
        return n < 1 ? (struct val){0} : geometry(r, type, position(r, in->v, dim));
    bool polygon = str_eq(type, "Polygon");
    if (n < (polygon ? 3u : 2u))
        return (struct val){0};
    struct list *l = arena_zalloc(r->a, sizeof *l);
    for (size_t i = 0; i < n; i++)
        list_add(r->a, l, position(r, in->v + i * dim, dim));
    if (!polygon)
        return geometry(r, type, val_list(l));
    if (memcmp(in->v, in->v + (n - 1) * dim, dim * sizeof *in->v) != 0)
        list_add(r->a, l, position(r, in->v, dim));
    else if (n < 4)
        return (struct val){0}; /* a closed ring of two corners */
    struct list *rings = arena_zalloc(r->a, sizeof *rings);
    list_add(r->a, rings, val_list(l));
    return geometry(r, type, val_list(rings));
}

static void put(struct reader *r, struct record *rec, const struct rule *rule, const char *type,
                const struct node *n, unsigned dim)
{
    struct numbers in;
    if (read_numbers(r, n, &in))
        record_put(rec, rule->field, read_rank(r, rule), build(r, type, &in, dim));
}

static void geo_point(struct reader *r, struct record *rec, const struct node *n,
                      const struct rule *rule)
{
    put(r, rec, rule, "Point", n, 2);
}

static void geo_line(struct reader *r, struct record *rec, const struct node *n,
                     const struct rule *rule)
{
    put(r, rec, rule, "LineString", n, 2);
}

static void geo_polygon(struct reader *r, struct record *rec, const struct node *n,
                        const struct rule *rule)
{
    put(r, rec, rule, "Polygon", n, 2);
}

/* Lower corner, upper corner. */
static void put_box(struct reader *r, struct record *rec, const struct rule *rule,
                    const struct numbers *in)
{
    if (in->n < 4)
        return;
    struct numbers four = {.n = 4, .v = {in->v[0], in->v[1], in->v[2], in->v[3]}};
    record_put(rec, rule->field, read_rank(r, rule), build(r, "Box", &four, 2));
}

static void geo_box(struct reader *r, struct record *rec, const struct node *n,
                    const struct rule *rule)
{
    struct numbers in;
    if (read_numbers(r, n, &in))
        put_box(r, rec, rule, &in);
}

static const struct node *find_gml(const struct node *n, const char *name)
{
    for (const struct node *c = n->first; c; c = c->next) {
        if (c->sym && str_eq(c->sym->name, name))
            return c;
        const struct node *deeper = c->sym ? find_gml(c, name) : NULL;
        if (deeper)
            return deeper;
    }
    return NULL;
}

/* Latitude comes first, but not in projected systems (EPSG codes outside 4000 to 4999) nor in
 * CRS84. */
static bool is_easting_first(const struct node *n, const struct node *top)
{
    for (; n; n = n->parent) {
        const char *srs = node_attr(n, "srsname");
        if (srs) {
            const char *code = strrchr(srs, ':');
            struct val v = text_int(code ? code + 1 : srs);
            return strstr(srs, "CRS84") || (v.kind == VAL_INT && (v.i < 4000 || v.i > 4999));
        }
        if (n == top)
            break;
    }
    return false;
}

/* The coordinates of a shape: in one list, or position by position ("gml:pos" several times). */
static const struct node *find_positions(struct reader *r, const struct node *shape,
                                         struct numbers *ret)
{
    static const char *const lists[] = {"poslist", "pos", "coordinates"};
    const struct node *first = NULL;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && !first; i++)
        first = find_gml(shape, lists[i]);
    if (!first || !read_numbers(r, first, ret))
        return NULL;
    for (const struct node *c = first->next; c; c = c->next) {
        struct numbers more;
        if (!c->sym || !str_eq(c->sym->name, "pos"))
            continue;
        if (!read_numbers(r, c, &more))
            return NULL;
        if (more.n > LIMIT_COORDINATES - ret->n) {
            r->cut = true;
            break;
        }
        memcpy(ret->v + ret->n, more.v, more.n * sizeof *more.v);
        ret->n += more.n;
    }
    return first;
}

/* srsDimension may stand on the list or on what is around it. */
static unsigned dimension(const struct node *n, const struct node *top)
{
    for (; n; n = n->parent) {
        struct val v = text_int(node_attr(n, "srsdimension"));
        if (v.kind == VAL_INT && v.i >= 2 && v.i <= 4)
            return (unsigned)v.i;
        if (n == top)
            break;
    }
    return 2;
}

/* georss:where (or the geometry itself) around a GML point, line, polygon or envelope. */
static void geo_where(struct reader *r, struct record *rec, const struct node *n,
                      const struct rule *rule)
{
    static const struct {
        const char *around, *type;
    } shapes[] = {{"polygon", "Polygon"}, {"linestring", "LineString"}, {"point", "Point"}};
    const struct node *lower = find_gml(n, "lowercorner"), *upper = find_gml(n, "uppercorner");
    if (lower && upper) {
        struct numbers a, b;
        if (read_numbers(r, lower, &a) && read_numbers(r, upper, &b) && a.n >= 2 && b.n >= 2) {
            struct numbers four = {.n = 4, .v = {a.v[0], a.v[1], b.v[0], b.v[1]}};
            put_box(r, rec, rule, &four);
        }
        return;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct node *shape = node_is(n, NS_GML, shapes[i].around)
                                       ? n
                                       : find_gml(n, shapes[i].around);
        if (!shape)
            continue;
        struct numbers in;
        const struct node *pos = find_positions(r, shape, &in);
        if (pos) {
            r->easting_first = is_easting_first(pos, n);
            record_put(rec, rule->field, read_rank(r, rule),
                       build(r, shapes[i].type, &in, dimension(pos, n)));
            r->easting_first = false;
        }
        return;
    }
}

/* Takes geo:lat or geo:long, the first of each that is a number. */
static void take_half(struct reader *r, const struct node *n, struct geo_halves *h)
{
    struct numbers in;
    bool is_long = node_is(n, NS_GEO, "long") || node_is(n, NS_GEO, "lon");
    if ((!is_long && !node_is(n, NS_GEO, "lat")) || h->has[is_long])
        return;
    h->has[is_long] = read_numbers(r, n, &in) && in.n;
    if (h->has[is_long])
        h->v[is_long] = in.v[0];
}

/* geo:lat and geo:long, beside each other or in a geo:Point. */
static void geo_latlong(struct reader *r, struct record *rec, const struct node *n,
                        const struct rule *rule)
{
    struct geo_halves point = {0}, *h = &point;
    if (str_eq(n->sym->name, "point")) {
        for (const struct node *c = n->first; c; c = c->next)
            take_half(r, c, h);
    } else {
        h = &r->geo;
        if (h->around != n->parent)
            *h = (struct geo_halves){.around = n->parent};
        take_half(r, n, h);
    }
    if (!h->has[0] || !h->has[1])
        return;
    struct numbers both = {.n = 2, .v = {h->v[0], h->v[1]}};
    record_put(rec, rule->field, read_rank(r, rule), build(r, "Point", &both, 2));
}
