/*
 * query_check.c - a query is read before anything is asked, so that a mistake is shown in its
 * place.
 */
#include <stdio.h>
#include <sysexits.h>

#include "base/buf.h"
#include "client/client.h"
#include "query/query.h"

#define INDENT 2

int client_check_query(const char *text)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    struct query_error e;
    struct query *q;
    if (query_parse(&q, text, &e) == 0) {
        query_free(q);
        return 0;
    }
    client_note("query: %s", e.reason);
    query_add_caret(&b, text, &e, INDENT);
    fputs(buf_str(&b), stderr);
    return EX_USAGE;
}
