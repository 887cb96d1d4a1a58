/*
 * parser.h - what parse.c (the grammar) and term.c (words, values, patterns) share. Private.
 */
#ifndef TIDINGS_QUERY_PARSER_H
#define TIDINGS_QUERY_PARSER_H

#include "query/ast.h"
#include "query/words.h"

struct parser {
    const char *text, *p; /* all of it, and where we are */
    struct query *q;
    struct words *words;
    struct query_error *error;
    unsigned cols; /* of words without a field */
    bool in_field; /* between the parentheses of a field */
    int depth;
    int n_terms;
    bool on_trust; /* names are not looked up (query_check) */
    int named;     /* how deep we are in named queries */
};

/* Reads all of P's text: the tree, or NULL after parser_fail. */
struct node *parser_text(struct parser *p);

/* Says what is wrong with the N bytes at AT (0 = at the end there); NULL, to be returned. */
struct node *parser_fail(struct parser *p, const char *at, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
struct node *parser_node(struct parser *p, enum node_kind kind);

/* What a field takes. */
struct field {
    const char *name;
    enum node_kind kind; /* N_PHRASE: words; N_ALL: nothing but a pattern */
    unsigned cols;
    int subject; /* of a pattern; -1 = takes none */
};
/* The field whose name and colon stand at P, which moves behind them; NULL = none does. */
const struct field *parser_field(struct parser *p);

/* Reads a word, a phrase, a value or a pattern at P, behind FIELD's colon (NULL: a bare word),
 * whose name began at START. */
struct node *parser_term(struct parser *p, const struct field *field, const char *start);

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A word ends here. */
static inline bool is_end(char c)
{
    return !c || is_space(c) || c == '"' || c == '(' || c == ')';
}

#endif
