#include "query/plan.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "query/ast.h"

#define FTS_BYTES (8u * LIMIT_QUERY_BYTES)

static const char *const col_names[N_COLS] = {"title", "author", "text"};

/* {title author}: in front of a phrase; nothing when it may stand anywhere. */
static void add_cols(struct buf *out, unsigned cols)
{
    if (cols == ALL_COLS)
        return;
    buf_addc(out, '{');
    for (int c = 0, n = 0; c < N_COLS; c++)
        if (cols & 1u << c)
            buf_addf(out, "%s%s", n++ ? " " : "", col_names[c]);
    buf_adds(out, "}:");
}

/* As it was written, for the index's tokenizer to take apart again; it has no quotes in it. */
static void add_phrase(struct buf *out, const struct node *n)
{
    buf_addc(out, '"');
    buf_add(out, n->value, n->value_n);
    buf_adds(out, n->prefix ? "\"*" : "\"");
}

/* Or as it stands in what was indexed before, where runs are one word: they begin with it at the
 * best. */
static void add_either(struct buf *out, const struct node *n)
{
    buf_addc(out, '(');
    add_phrase(out, n);
    if (n->uncut)
        buf_addf(out, " OR \"%s\"*", n->uncut);
    buf_addc(out, ')');
}

static bool near_uncut(const struct node *n)
{
    for (size_t i = 0; i < n->n_children; i++)
        if (n->children[i]->uncut)
            return true;
    return false;
}

static void add_near(struct buf *out, const struct node *n)
{
    buf_adds(out, "NEAR(");
    for (size_t i = 0; i < n->n_children; i++) {
        if (i)
            buf_addc(out, ' ');
        add_phrase(out, n->children[i]);
    }
    buf_addf(out, ", %u)", n->near);
}

static void cut(struct buf *out, size_t len)
{
    out->len = len;
    if (out->data)
        out->data[len] = 0;
}

/* Appends what holds whenever N does; *EXACT becomes false when it holds for more. Returns false,
 * with nothing added, when FTS5 cannot say anything of the kind. */
static bool add_expr(struct buf *out, const struct node *n, bool uncut, bool *exact);

static bool add_or(struct buf *out, const struct node *n, bool uncut, bool *exact)
{
    size_t before = out->len;
    for (size_t i = 0; i < n->n_children; i++) {
        buf_adds(out, i ? " OR " : "(");
        if (!add_expr(out, n->children[i], uncut, exact)) {
            cut(out, before);
            return *exact = false;
        }
    }
    buf_addc(out, ')');
    return true;
}

/* "(a AND b) NOT c NOT d": FTS5's NOT has two sides. */
static bool add_and(struct buf *out, const struct node *n, bool uncut, bool *exact)
{
    size_t before = out->len, said = 0;
    buf_adds(out, "((");
    for (size_t i = 0; i < n->n_children; i++) {
        size_t mark = out->len;
        if (n->children[i]->kind == N_NOT)
            continue;
        if (said)
            buf_adds(out, " AND ");
        if (add_expr(out, n->children[i], uncut, exact))
            said++;
        else
            cut(out, mark);
    }
    if (!said) {
        cut(out, before);
        return *exact = false;
    }
    buf_addc(out, ')');
    for (size_t i = 0; i < n->n_children; i++) {
        size_t mark = out->len;
        bool exactly = true; /* to leave out more than the query does would lose items */
        if (n->children[i]->kind != N_NOT)
            continue;
        buf_adds(out, " NOT ");
        if (!add_expr(out, n->children[i]->children[0], uncut, &exactly) || !exactly) {
            cut(out, mark);
            *exact = false;
        }
    }
    buf_addc(out, ')');
    return true;
}

static bool add_expr(struct buf *out, const struct node *n, bool uncut, bool *exact)
{
    switch (n->kind) {
    case N_PHRASE:
        add_cols(out, n->cols);
        if (!uncut || !n->uncut) {
            add_phrase(out, n);
            return true;
        }
        add_either(out, n);
        *exact = false;
        return true;
    case N_NEAR:
        add_cols(out, n->cols);
        *exact = *exact && !uncut; /* fewer words lay between */
        if (!uncut || !near_uncut(n)) {
            add_near(out, n);
            return true;
        }
        for (size_t i = 0; i < n->n_children; i++) {
            buf_adds(out, i ? " AND " : "(");
            add_either(out, n->children[i]);
        }
        buf_addc(out, ')');
        return true;
    case N_OR:
        return add_or(out, n, uncut, exact);
    case N_AND:
        return add_and(out, n, uncut, exact);
    default:
        return *exact = false;
    }
}

/* A filter that the store can ask for itself: true when that says all of N. */
static bool take_bound(struct query_plan *p, const struct node *n, int64_t now)
{
    switch (n->kind) {
    case N_ALL:
        return true;
    case N_AFTER:
        p->since = MAX(p->since, node_time(n, now));
        return true;
    case N_BEFORE:
        p->before = MIN(p->before, node_time(n, now));
        return true;
    case N_FEED:
        if (n->prefix || p->feed)
            return false;
        p->feed = n->value;
        return true;
    default:
        return false;
    }
}

void query_plan_make(struct query_plan *ret, const struct query *q, int64_t now, bool uncut)
{
    struct query_plan p = {
        .fts = BUF_INIT(FTS_BYTES), .since = TD_NEVER, .before = INT64_MAX, .exact = true};
    const struct node *root = q->root;
    struct node *rest[LIMIT_QUERY_TERMS + 1];
    struct node and_ = {.kind = N_AND, .children = rest};
    struct node *const *clauses = root->kind == N_AND ? root->children
                                                      : (struct node *const *)&root;
    size_t n = root->kind == N_AND ? root->n_children : 1;
    for (size_t i = 0; i < n; i++)
        if (!take_bound(&p, clauses[i], now))
            rest[and_.n_children++] = clauses[i];
    if (and_.n_children)
        add_and(&p.fts, &and_, uncut, &p.exact);
    if (p.fts.overflow) { /* cannot be: the ceiling is far above what a query's text makes */
        buf_clear(&p.fts);
        p.fts.overflow = p.exact = false;
    }
    *ret = p;
}

void query_plan_fini(struct query_plan *p)
{
    buf_free(&p->fts);
}
