#include "parse/record.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

const struct field_info field_infos[F_COUNT] = {
#define FIELD(id, key, feed, item, source) [F_##id] = {key, feed, item, source},
#include "parse/fields.h"
#undef FIELD
};

struct val val_str(const char *s)
{
    if (str_empty(s))
        return (struct val){0};
    return (struct val){.kind = VAL_STR, .s = s, .n = strlen(s)};
}

struct val val_int(int64_t i)
{
    return (struct val){.kind = VAL_INT, .i = i};
}

struct val val_num(double d)
{
    return (struct val){.kind = VAL_NUM, .d = d};
}

struct val val_bool(bool b)
{
    return (struct val){.kind = VAL_BOOL, .i = b};
}

struct val val_time(int64_t at)
{
    if (at == TD_NEVER)
        return (struct val){0};
    return (struct val){.kind = VAL_TIME, .i = at};
}

struct val val_obj(struct obj *o)
{
    if (!o || !o->first)
        return (struct val){0};
    return (struct val){.kind = VAL_OBJ, .obj = o};
}

struct val val_list(struct list *l)
{
    if (!l || !l->n)
        return (struct val){0};
    return (struct val){.kind = VAL_LIST, .list = l};
}

void record_put(struct record *r, enum field f, unsigned rank, struct val v)
{
    if (v.kind == VAL_NONE || (r->v[f].kind != VAL_NONE && r->v[f].rank <= rank))
        return;
    v.rank = rank;
    r->v[f] = v;
}

void record_add(struct arena *a, struct record *r, enum field f, unsigned rank, struct val v)
{
    struct val *old = &r->v[f];
    if (v.kind == VAL_NONE || (old->kind != VAL_NONE && old->rank < rank))
        return;
    if (old->kind == VAL_NONE || old->rank > rank)
        *old = (struct val){
            .kind = VAL_LIST, .rank = rank, .list = arena_zalloc(a, sizeof *old->list)};
    list_add(a, old->list, v);
}

const char *record_str(const struct record *r, enum field f)
{
    return r->v[f].kind == VAL_STR ? r->v[f].s : NULL;
}

const struct list *record_list(const struct record *r, enum field f)
{
    return r->v[f].kind == VAL_LIST ? r->v[f].list : NULL;
}

struct obj *obj_new(struct arena *a)
{
    return arena_zalloc(a, sizeof(struct obj));
}

void obj_set(struct arena *a, struct obj *o, const char *key, struct val v)
{
    if (v.kind == VAL_NONE)
        return;
    struct member *m = arena_zalloc(a, sizeof *m);
    m->key = key;
    m->v = v;
    if (o->last)
        o->last->next = m;
    else
        o->first = m;
    o->last = m;
}

void obj_append(struct obj *o, const struct obj *more)
{
    if (!more->first)
        return;
    if (o->last)
        o->last->next = more->first;
    else
        o->first = more->first;
    o->last = more->last;
}

bool obj_has(const struct obj *o, const char *key)
{
    for (const struct member *m = o->first; m; m = m->next)
        if (str_eq(m->key, key))
            return true;
    return false;
}

const char *obj_str(const struct obj *o, const char *key)
{
    for (const struct member *m = o->first; m; m = m->next)
        if (m->v.kind == VAL_STR && str_eq(m->key, key))
            return m->v.s;
    return NULL;
}

static bool val_eq(const struct val *a, const struct val *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == VAL_STR)
        return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
    if (a->kind == VAL_OBJ)
        return obj_eq(a->obj, b->obj);
    if (a->kind == VAL_LIST)
        return a->list == b->list;
    return a->kind == VAL_NUM ? a->d == b->d : a->i == b->i;
}

bool obj_eq(const struct obj *a, const struct obj *b)
{
    const struct member *m = a->first, *n = b->first;
    for (; m && n; m = m->next, n = n->next)
        if (!str_eq(m->key, n->key) || !val_eq(&m->v, &n->v))
            return false;
    return !m && !n;
}

void list_add(struct arena *a, struct list *l, struct val v)
{
    if (v.kind == VAL_NONE)
        return;
    struct elem *e = arena_zalloc(a, sizeof *e);
    e->v = v;
    if (l->last)
        l->last->next = e;
    else
        l->first = e;
    l->last = e;
    l->n++;
}

void val_write(struct jw *w, const char *key, const struct val *v)
{
    switch (v->kind) {
    case VAL_NONE:
        break;
    case VAL_STR:
        jw_strn(w, key, v->s, v->n);
        break;
    case VAL_INT:
        jw_int(w, key, v->i);
        break;
    case VAL_NUM:
        jw_double(w, key, v->d);
        break;
    case VAL_BOOL:
        jw_bool(w, key, v->i);
        break;
    case VAL_TIME:
        jw_time(w, key, v->i);
        break;
    case VAL_OBJ:
        jw_begin_object(w, key);
        for (const struct member *m = v->obj->first; m; m = m->next)
            val_write(w, m->key, &m->v);
        jw_end_object(w);
        break;
    case VAL_LIST:
        jw_begin_array(w, key);
        for (const struct elem *e = v->list->first; e; e = e->next)
            val_write(w, NULL, &e->v);
        jw_end_array(w);
        break;
    }
}
