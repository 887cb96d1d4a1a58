#include "model/token.h"

#include "base/mem.h"

struct td_token *td_tokens_copy(const struct td_token *t, size_t n)
{
    struct td_token *copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        copy[i] = t[i];
        copy[i].name = xstrdup(t[i].name);
    }
    return copy;
}

void td_tokens_free(struct td_token *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(t[i].name);
    free(t);
}
