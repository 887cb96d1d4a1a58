#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "query/parser.h"
#include "query/regex.h"

#define NEAR_DEFAULT 10

/* ---- mistakes ------------------------------------------------------------------------------ */

static size_t count_chars(const char *s, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++)
        chars += ((unsigned char)s[i] & 0xc0) != 0x80;
    return chars;
}

struct node *parser_fail(struct parser *p, const char *at, size_t n, const char *fmt, ...)
{
    va_list ap;
    struct query_error *e = p->error;
    e->at = (size_t)(at - p->text);
    e->len = n;
    e->column = count_chars(p->text, e->at) + 1;
    va_start(ap, fmt);
    int len = vsnprintf(e->reason, sizeof e->reason, fmt, ap);
    va_end(ap);
    if (len >= (int)sizeof e->reason) /* not in the middle of a character */
        e->reason[utf8_cut(e->reason, sizeof e->reason - 1)] = 0;
    return NULL;
}

/* ---- nodes --------------------------------------------------------------------------------- */

struct node *parser_node(struct parser *p, enum node_kind kind)
{
    struct node *n = arena_zalloc(&p->q->arena, sizeof *n);
    n->kind = kind;
    n->feed_id = -1;
    return n;
}

/* A growing list of children; taken into the arena when it is complete. */
struct list {
    struct node **v;
    size_t n, cap;
};

static void list_free(struct list *l)
{
    free(l->v);
}
#define CLEANUP_LIST __attribute__((cleanup(list_free)))

static void list_add(struct list *l, struct node *n)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->v = xreallocarray(l->v, l->cap, sizeof(struct node *));
    }
    l->v[l->n++] = n;
}

/* One child is itself; of none comes N_ALL. */
static struct node *list_node(struct parser *p, const struct list *l, enum node_kind kind)
{
    if (l->n == 1)
        return l->v[0];
    struct node *node = parser_node(p, l->n ? kind : N_ALL);
    node->n_children = l->n;
    node->children = arena_alloc(&p->q->arena, (l->n + 1) * sizeof(struct node *));
    for (size_t i = 0; i < l->n; i++)
        node->children[i] = l->v[i];
    return node;
}

/* ---- the grammar --------------------------------------------------------------------------- */

static struct node *parse_clauses(struct parser *p);

static void skip_space(struct parser *p)
{
    while (is_space(*p->p))
        p->p++;
}

/* Does the keyword, in capitals and alone, stand here? */
static bool at_keyword(const struct parser *p, const char *word)
{
    size_t n = strlen(word);
    return strncmp(p->p, word, n) == 0 && is_end(p->p[n]);
}

static const char *operator_here(const struct parser *p)
{
    static const char *const words[] = {"AND", "OR", "NEAR"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (at_keyword(p, words[i]))
            return words[i];
    return strncmp(p->p, "NEAR/", 5) == 0 ? "NEAR" : NULL;
}

/* Behind an operator something must follow. */
static struct node *nothing_behind(struct parser *p, const char *op, size_t n)
{
    return parser_fail(p, op, n, "nothing stands behind %.*s", (int)n, op);
}

static struct node *parse_group(struct parser *p, const char *open)
{
    struct node *n;
    if (++p->depth > LIMIT_QUERY_DEPTH)
        return parser_fail(p, open, 1, "parentheses deeper than %d", LIMIT_QUERY_DEPTH);
    p->p++;
    skip_space(p);
    if (*p->p == ')')
        return parser_fail(p, open, 1, "nothing stands between the parentheses");
    if (!(n = parse_clauses(p)))
        return NULL;
    if (*p->p != ')')
        return parser_fail(p, open, 1, "a parenthesis is not closed");
    p->p++;
    p->depth--;
    return n;
}

static struct node *parse_field_group(struct parser *p, const struct field *f, const char *start)
{
    unsigned outer = p->cols;
    if (f->kind != N_PHRASE)
        return parser_fail(p, start, (size_t)(p->p - start),
                           "%s: takes one value; write (%s:a OR %s:b)", f->name, f->name, f->name);
    p->cols = f->cols;
    p->in_field = true;
    struct node *n = parse_group(p, p->p);
    p->cols = outer;
    p->in_field = false;
    return n;
}

static struct node *parse_primary(struct parser *p)
{
    const char *start = p->p;
    if (*p->p == '(')
        return parse_group(p, p->p);
    if (*p->p == ')')
        return parser_fail(p, p->p, 1, "a parenthesis was never opened");
    const char *op = operator_here(p);
    if (op)
        return parser_fail(p, p->p, strlen(op),
                           "nothing stands before %s (as a word it is \"%s\", in quotes)", op, op);
    if (++p->n_terms > LIMIT_QUERY_TERMS)
        return parser_fail(p, start, 1, "more than %d words and filters", LIMIT_QUERY_TERMS);
    const struct field *f = parser_field(p);
    if (f && p->in_field)
        return parser_fail(p, start, (size_t)(p->p - start),
                           "a field inside the parentheses of another");
    if (f && *p->p == '(')
        return parse_field_group(p, f, start);
    return parser_term(p, f, start);
}

/* "NEAR" or "NEAR/n" at P: moves behind it. 1, 0 = it is not there, -1 = failed. */
static int parse_near_op(struct parser *p, uint32_t *ret)
{
    const char *start = p->p;
    uint32_t n = 0;
    if (at_keyword(p, "NEAR")) {
        p->p += 4;
        *ret = NEAR_DEFAULT;
    } else if (strncmp(p->p, "NEAR/", 5) == 0) {
        p->p += 5;
        const char *digits = p->p;
        for (; *p->p >= '0' && *p->p <= '9' && n <= LIMIT_QUERY_NEAR; p->p++)
            n = n * 10 + (uint32_t)(*p->p - '0');
        if (p->p == digits || !is_end(*p->p) || n > LIMIT_QUERY_NEAR) {
            size_t len = strcspn(start, " \t\r\n\"()");
            parser_fail(p, start, len, "NEAR/n takes a number of words from 0 to %d",
                        LIMIT_QUERY_NEAR);
            return -1;
        }
        *ret = n;
    } else {
        return 0;
    }
    return 1;
}

/* The words of one NEAR stand in the same columns: those of the one that names a field. */
static bool agree_on_cols(struct node *near, struct node *child, unsigned any)
{
    if (child->cols == near->cols || child->cols == any)
        return true;
    if (near->cols != any)
        return false;
    near->cols = child->cols;
    return true;
}

static struct node *parse_near(struct parser *p)
{
    CLEANUP_LIST struct list l = {0};
    uint32_t n = 0, distance = 0;
    const char *start = p->p;
    struct node *node = parse_primary(p);
    int r = 0;
    for (; node; node = parse_primary(p)) {
        if (l.n && node->kind != N_PHRASE)
            return parser_fail(p, start, (size_t)(p->p - start),
                               "NEAR takes words and phrases only");
        list_add(&l, node);
        skip_space(p);
        const char *op = p->p;
        if ((r = parse_near_op(p, &n)) <= 0)
            break;
        if (l.v[0]->kind != N_PHRASE)
            return parser_fail(p, start, (size_t)(op - start), "NEAR takes words and phrases only");
        if (l.n > 1 && n != distance)
            return parser_fail(p, op, (size_t)(p->p - op), "one row of NEARs has one distance");
        size_t near_n = (size_t)(p->p - op);
        distance = n;
        skip_space(p);
        start = p->p;
        if (!*start || *start == ')')
            return nothing_behind(p, op, near_n);
    }
    if (!node || r < 0)
        return NULL;
    node = list_node(p, &l, N_NEAR);
    if (l.n == 1)
        return node;
    node->near = distance;
    node->cols = l.v[0]->cols;
    for (size_t i = 0; i < l.n; i++)
        if (!agree_on_cols(node, l.v[i], p->cols))
            return parser_fail(p, start, (size_t)(p->p - start), "NEAR within one field only");
    for (size_t i = 0; i < l.n; i++)
        l.v[i]->cols = node->cols;
    return node;
}

static struct node *parse_unary(struct parser *p)
{
    const char *start = p->p;
    size_t n = *p->p == '-' ? 1 : at_keyword(p, "NOT") ? 3 : 0;
    if (!n)
        return parse_near(p);
    p->p += n;
    if (n == 3)
        skip_space(p);
    if (!*p->p || is_space(*p->p) || *p->p == ')')
        return parser_fail(p, start, n, "nothing stands behind %.*s", (int)n, start);
    if (++p->depth > LIMIT_QUERY_DEPTH)
        return parser_fail(p, start, n, "NOTs deeper than %d", LIMIT_QUERY_DEPTH);
    struct node *child = parse_unary(p);
    p->depth--;
    if (!child)
        return NULL;
    struct node *node = parser_node(p, N_NOT);
    node->children = arena_alloc(&p->q->arena, sizeof(struct node *));
    node->children[0] = child;
    node->n_children = 1;
    return node;
}

static struct node *parse_clause(struct parser *p, bool *ret_or)
{
    CLEANUP_LIST struct list l = {0};
    for (;;) {
        struct node *n = parse_unary(p);
        if (!n)
            return NULL;
        list_add(&l, n);
        skip_space(p);
        if (!at_keyword(p, "OR"))
            break;
        const char *op = p->p;
        p->p += 2;
        skip_space(p);
        if (!*p->p || *p->p == ')')
            return nothing_behind(p, op, 2);
    }
    *ret_or = *ret_or || l.n > 1;
    return list_node(p, &l, N_OR);
}

/* All up to the end or a closing parenthesis. */
static struct node *parse_clauses(struct parser *p)
{
    CLEANUP_LIST struct list l = {0};
    const char *and_at = NULL;
    bool has_or = false;
    for (skip_space(p); *p->p && !(*p->p == ')' && p->depth); skip_space(p)) {
        if (l.n && at_keyword(p, "AND")) {
            and_at = p->p;
            p->p += 3;
            skip_space(p);
            if (!*p->p || *p->p == ')')
                return nothing_behind(p, and_at, 3);
        }
        struct node *n = parse_clause(p, &has_or);
        if (!n)
            return NULL;
        if (n->kind == N_AND) /* of a group or a named query: the same as if it stood here */
            for (size_t i = 0; i < n->n_children; i++)
                list_add(&l, n->children[i]);
        else
            list_add(&l, n);
    }
    if (and_at && has_or)
        return parser_fail(p, and_at, 3,
                           "AND beside OR: parentheses must say what belongs together");
    return list_node(p, &l, N_AND);
}

/* ---- from outside -------------------------------------------------------------------------- */

static unsigned needs_of(const struct node *n)
{
    unsigned needs = 0;
    bool words = n->kind == N_PHRASE || n->kind == N_NEAR;
    bool subject = n->kind == N_REGEX || n->kind == N_HAS;
    if ((words && n->cols & 1u << COL_TEXT) || (subject && n->subject == S_TEXT))
        needs |= QUERY_NEEDS_TEXT;
    if (n->kind == N_HAS && n->subject == S_ENCLOSURE)
        needs |= QUERY_NEEDS_ENCLOSURE;
    for (size_t i = 0; i < n->n_children; i++)
        needs |= needs_of(n->children[i]);
    return needs;
}

struct node *parser_text(struct parser *p)
{
    size_t n = strlen(p->text);
    if (n > LIMIT_QUERY_BYTES)
        return parser_fail(p, p->text, 0, "longer than %u bytes", LIMIT_QUERY_BYTES);
    for (size_t i = 0, step; i < n; i += step)
        if (!(step = utf8_decode(p->text + i, n - i, NULL)))
            return parser_fail(p, p->text + i, 1, "not UTF-8");
    return parse_clauses(p);
}

static int read_query(struct query **ret, const char *text, bool on_trust,
                      struct query_error *error)
{
    struct query_error unwanted;
    struct query *q = xcalloc(1, sizeof *q);
    q->text = xstrdup(text);
    struct parser p = {.text = q->text,
                       .p = q->text,
                       .q = q,
                       .words = words_new(),
                       .error = error ? error : &unwanted,
                       .cols = ALL_COLS,
                       .on_trust = on_trust};
    q->root = parser_text(&p);
    words_free(p.words);
    if (!q->root) {
        query_free(q);
        return -EINVAL;
    }
    q->needs = needs_of(q->root);
    *ret = q;
    return 0;
}

int query_parse(struct query **ret, const char *text, struct query_error *error)
{
    return read_query(ret, text, false, error);
}

int query_check(const char *text, struct query_error *error)
{
    struct query *q = NULL;
    int r = read_query(&q, text, true, error);
    query_free(q);
    return r;
}

static int say(const char *text, const struct query_error *e, struct td_err *err);

int query_check_err(const char *text, struct td_err *err)
{
    struct query_error e;
    return query_check(text, &e) == 0 ? 0 : say(text, &e, err);
}

int query_parse_err(struct query **ret, const char *text, struct td_err *err)
{
    struct query_error e;
    return query_parse(ret, text, &e) == 0 ? 0 : say(text, &e, err);
}

static int say(const char *text, const struct query_error *e, struct td_err *err)
{
    return td_err(err, -EINVAL, "query: %s at character %zu of: %.*s", e->reason, e->column,
                  (int)utf8_cut(text, MIN(strlen(text), (size_t)500)), text);
}

void query_free(struct query *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->n_regexes; i++)
        regex_free(q->regexes[i]);
    free(q->regexes);
    arena_free(&q->arena);
    free(q->text);
    free(q);
}

void query_free_p(struct query **q)
{
    query_free(*q);
}

const char *query_text(const struct query *q)
{
    return q->text;
}

bool query_is_all(const struct query *q)
{
    return q->root->kind == N_ALL;
}

unsigned query_needs(const struct query *q)
{
    return q->needs;
}
