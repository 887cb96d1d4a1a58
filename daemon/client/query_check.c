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

int client_query(const struct client *c, char **ret)
{
    struct buf b = BUF_INIT(1 << 16);
    *ret = NULL;
    if (!c->args.n_operands)
        return 0;
    for (int i = 0; i < c->args.n_operands; i++)
        buf_addf(&b, "%s%s", i ? " " : "", c->args.operands[i]);
    *ret = buf_take(&b, NULL);
    return client_check_query(*ret);
}

int client_check_query(const char *text)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    struct query_error e;
    if (query_check(text, &e) == 0)
        return 0;
    client_note("query: %s", e.reason);
    query_add_caret(&b, text, &e, INDENT);
    fputs(buf_str(&b), stderr);
    return EX_USAGE;
}
