#include "serve/message.h"

#include <string.h>

#include "base/str.h"

const char *message_target(const char *target, const char **ret_host, size_t *ret_n)
{
    size_t scheme = str_casestarts(target, "http://")    ? strlen("http://")
                    : str_casestarts(target, "https://") ? strlen("https://")
                                                         : 0;
    *ret_n = scheme ? strcspn(target + scheme, "/?#") : 0;
    *ret_host = scheme ? target + scheme : NULL;
    return target + scheme + *ret_n;
}

struct fields {
    int n_host, n_length, n_coding;
    const char *coding;
    bool space; /* between a name and its colon (5.1) */
};

static enum MHD_Result look(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct fields *f = ctx;
    f->space = f->space || strpbrk(name, " \t");
    f->n_host += str_caseeq(name, MHD_HTTP_HEADER_HOST);
    f->n_length += str_caseeq(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (str_caseeq(name, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        f->n_coding++;
        f->coding = value;
    }
    return MHD_YES;
}

static int bad(const char **ret, int status, const char *reason)
{
    *ret = reason;
    return status;
}

int message_check(struct MHD_Connection *conn, const char *version, const char **reason)
{
    struct fields f = {0};
    bool is_1_0 = str_eq(version, MHD_HTTP_VERSION_1_0);
    MHD_get_connection_values(conn, MHD_HEADER_KIND, look, &f);
    if (f.space)
        return bad(reason, 400, "a space before the colon of a header field");
    if (f.n_host > 1 || (!f.n_host && !is_1_0)) /* 3.2 */
        return bad(reason, 400, "a request has one Host");
    if (f.n_length > 1)
        return bad(reason, 400, "more than one Content-Length");
    if (f.n_coding && (f.n_length || is_1_0))
        return bad(reason, 400, "Transfer-Encoding with Content-Length, or in HTTP/1.0");
    if (f.n_coding > 1 || (f.coding && !str_caseeq(f.coding, "chunked")))
        return bad(reason, 501, "of Transfer-Encoding only chunked is known here");
    return 0;
}
