/*
 * record.h - what was read about one feed, item or Atom source: a value for each field of the
 * output, whichever format it came from.
 *
 * A value remembers the rank of the element it came from; a better (lower) rank replaces it, an
 * equal or worse one is ignored ("first that is there, first one wins": OUTPUT.md). In a list,
 * elements of the same rank are added, in document order. Everything lives in the document's arena.
 */
#ifndef TIDINGS_PARSE_RECORD_H
#define TIDINGS_PARSE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"

enum val_kind { VAL_NONE, VAL_STR, VAL_INT, VAL_NUM, VAL_BOOL, VAL_TIME, VAL_OBJ, VAL_LIST };

struct obj;
struct list;
struct sym;
struct val {
    enum val_kind kind;
    unsigned rank;
    union {
        struct {
            const char *s;
            size_t n;
        };
        int64_t i; /* VAL_INT, VAL_BOOL, VAL_TIME (ms) */
        double d;
        struct obj *obj;
        struct list *list;
    };
};

/* Members in the order they were added. */
struct member {
    struct member *next;
    const char *key; /* a literal */
    struct val v;
};
struct obj {
    struct member *first, *last;
};
struct elem {
    struct elem *next;
    struct val v;
};
struct list {
    struct elem *first, *last;
    unsigned n;
};

/* Where a field stands in the JSON of a feed, an item, a source. */
enum group { G_NONE, G_TOP, G_TIDINGS, G_ITUNES, G_PODCAST, G_MEDIA };

enum field {
#define FIELD(id, key, feed, item, source) F_##id,
#include "parse/fields.h"
#undef FIELD
    F_COUNT
};
struct field_info {
    const char *key;
    uint8_t feed, item, source; /* enum group */
};
extern const struct field_info field_infos[F_COUNT];

/* A body as it was found: converted when it is known what becomes of it. */
enum body_kind {
    BODY_NONE,
    BODY_TEXT,  /* markup is text */
    BODY_HTML,  /* HTML */
    BODY_XHTML, /* Atom type xhtml: the div around it is not part of it */
    BODY_MAYBE, /* HTML if it looks like it */
};
struct body {
    enum body_kind kind;
    unsigned rank;
    const char *s;
    size_t n;
    const char *base;
    const struct sym *from; /* the element */
};

struct record {
    struct val v[F_COUNT];
    struct body content, summary;
    bool guid; /* F_ID came from a guid, Atom id, ... */
    bool dropped;
};

struct val val_str(const char *s); /* VAL_NONE for NULL or "" */
struct val val_int(int64_t i);
struct val val_num(double d);
struct val val_bool(bool b);
struct val val_time(int64_t at);   /* VAL_NONE for TD_NEVER */
struct val val_obj(struct obj *o); /* VAL_NONE for NULL or without members */
struct val val_list(struct list *l);

/* Both do nothing for VAL_NONE. */
void record_put(struct record *r, enum field f, unsigned rank, struct val v);
void record_add(struct arena *a, struct record *r, enum field f, unsigned rank, struct val v);
/* The string of a field, NULL if it has none. */
const char *record_str(const struct record *r, enum field f);
const struct list *record_list(const struct record *r, enum field f);

struct obj *obj_new(struct arena *a);
void obj_set(struct arena *a, struct obj *o, const char *key, struct val v); /* not for VAL_NONE */
void obj_append(struct obj *o, const struct obj *more); /* takes the members of MORE */
bool obj_has(const struct obj *o, const char *key);
/* The string member KEY, NULL if there is none. */
const char *obj_str(const struct obj *o, const char *key);
bool obj_eq(const struct obj *a, const struct obj *b);
void list_add(struct arena *a, struct list *l, struct val v);

void val_write(struct jw *w, const char *key, const struct val *v);

#endif
