/*
 * doc.h - an item taken apart once, for all queries that ask about it. Private to query/.
 *
 * The words of title, author and text are numbered (each distinct one once) and stand in a row of
 * numbers, columns one behind the other. Made at the first question about words.
 */
#ifndef TIDINGS_QUERY_DOC_H
#define TIDINGS_QUERY_DOC_H

#include "base/buf.h"
#include "query/ast.h"
#include "query/words.h"

#define NO_WORD UINT32_MAX

struct doc_word {
    uint32_t hash, n;
    uint32_t at;          /* its bytes in `bytes` */
    uint32_t first, last; /* its places in the row */
};

struct matcher {
    const struct query_doc *doc; /* a copy of what the caller gave */
    struct query_doc copy;
    struct words *words;
    struct regex_run *run;

    bool split;  /* the following is of this item */
    char *bytes; /* of the distinct words */
    size_t n_bytes, bytes_cap;
    struct doc_word *list; /* distinct words in order of appearance */
    uint32_t n_words, list_cap;
    uint32_t *row;  /* word numbers, by place */
    uint32_t *next; /* by place: the next place of the same word, NO_WORD = none */
    uint32_t n_row, row_cap;
    uint32_t col_end[N_COLS];    /* places of column c are before col_end[c] */
    uint32_t *table, table_size; /* open addressing over list, NO_WORD = free */

    bool folded;               /* the following is of this item */
    struct buf tags;           /* all tags, item's and feed's, folded, each ended by '\n' */
    struct buf lang, site;     /* the language and host as they are compared */
    struct buf feed, feed_url; /* in lower case */
};

/* Makes the words of M's item, or its folded values, unless they are there. */
void doc_split(struct matcher *m);
void doc_fold(struct matcher *m);
/* The word's number, NO_WORD when the item does not have it. After doc_split. */
uint32_t doc_find(const struct matcher *m, const struct token *t);
static inline const char *doc_bytes(const struct matcher *m, uint32_t word)
{
    return m->bytes + m->list[word].at;
}

#endif
