/*
 * plan.h - a query as the store looks it up: an FTS5 expression, bounds, and what is left over.
 *
 * The expression and the bounds hold for every item that matches, and perhaps for others; unless
 * `exact`, each item found must be asked with matcher_matches. So history and live events are
 * judged by the same code. User text reaches FTS5 only as tokens inside quotes. Pure.
 */
#ifndef TIDINGS_QUERY_PLAN_H
#define TIDINGS_QUERY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "query/query.h"

struct query_plan {
    struct buf fts;   /* FTS5 expression over item_fts(title, author, text); empty = every item */
    int64_t since;    /* shown date >= since; TD_NEVER = open */
    int64_t before;   /* shown date < before; INT64_MAX = open */
    const char *feed; /* feed:VALUE that must hold, as written (name, id or URL); NULL = any.
                         Borrowed from the query */
    bool exact;       /* every item that passes the above matches */
};

/* What Q asks at NOW; free with query_plan_fini. UNCUT: the index still has items as they were
 * before cut.h. */
void query_plan_make(struct query_plan *ret, const struct query *q, int64_t now, bool uncut);
void query_plan_fini(struct query_plan *p);

#endif
