/*
 * ast.h - a query as a tree. Private to query/: made by parse.c, read by match.c, plan.c and set.c.
 */
#ifndef TIDINGS_QUERY_AST_H
#define TIDINGS_QUERY_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "query/query.h"

struct regex;

/* Columns of words, in the order of item_fts; a set of them is 1 << column. */
enum { COL_TITLE, COL_AUTHOR, COL_TEXT, N_COLS };
#define ALL_COLS ((1u << N_COLS) - 1)

enum node_kind {
    N_ALL,    /* every item */
    N_AND,    /* children, two or more */
    N_OR,     /* the same */
    N_NOT,    /* one child */
    N_PHRASE, /* tokens (of `value`) in a row, in one of the columns; of a prefix the last goes on
               */
    N_NEAR,   /* children are phrases of the same columns; `near` */
    N_REGEX,  /* `regex` somewhere in `subject` */
    N_FEED,   /* `value`, as written; `folded`, in lower case; feed_id */
    N_TAG,    /* `value` and `folded`, without case and accents */
    N_LANG,   /* `value`, lower case with '-' */
    N_SITE,   /* `value`, a host in lower case */
    N_BEFORE, /* `time_ms` */
    N_AFTER,
    N_HAS,   /* `subject` */
    N_NAMED, /* only while it is read: what the name stands for takes its place */
};

enum subject {
    S_TITLE,
    S_AUTHOR,
    S_TEXT,
    S_URL,
    S_FEED,
    S_TAG,
    S_ENCLOSURE,
    S_DATE,
};

struct token {
    const char *p;
    uint32_t n, hash;
};

struct node {
    enum node_kind kind;
    struct node **children;
    size_t n_children;

    unsigned cols; /* N_PHRASE, N_NEAR */
    struct token *tokens;
    uint32_t n_tokens;
    bool prefix; /* N_PHRASE, N_FEED, N_TAG */
    uint32_t near;

    const char *value;  /* N_PHRASE: cut as the index is (cut.h) */
    const char *uncut;  /* N_PHRASE: as it was written, if that is different, else NULL */
    const char *folded; /* of value_n bytes too */
    size_t value_n;
    int64_t feed_id; /* the value as a number; -1 = it is none */
    enum subject subject;
    struct regex *regex;
    int64_t time_ms;
    enum {
        TIME_AT,
        TIME_AGO,
        TIME_DAY
    } time; /* AGO: so long before now; DAY: before today (UTC) */
};

struct query {
    struct arena arena;
    char *text;
    struct node *root;
    struct regex **regexes; /* to be freed */
    size_t n_regexes;
    unsigned needs;
};

#define TOKEN_HASH 2166136261u /* FNV-1a of nothing */
static inline uint32_t token_hash_more(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 16777619u;
}
static inline uint32_t token_hash(const char *p, size_t n)
{
    uint32_t hash = TOKEN_HASH;
    for (size_t i = 0; i < n; i++)
        hash = token_hash_more(hash, p[i]);
    return hash;
}

static inline int64_t node_time(const struct node *n, int64_t now)
{
    const int64_t day = 86400000, rest = now % day;
    return n->time == TIME_AT    ? n->time_ms
           : n->time == TIME_AGO ? now - n->time_ms
                                 : now - (rest < 0 ? rest + day : rest) - n->time_ms;
}

#endif
