#include "query/words.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/mem.h"
#include "query/cut.h"

#define KEPT_BYTES (64u << 10) /* of a cut text, for the next one */

struct words {
    Fts5Tokenizer *index, *fold;
    struct buf cut;
};

/* The methods belong to SQLite itself; the connection only leads to them and stays open with them.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3 *db;
static fts5_tokenizer methods;
static void *methods_ctx;

static void find_methods(void)
{
    fts5_api *api = NULL;
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_open(":memory:", &db) == SQLITE_OK &&
              sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &s, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL);
        sqlite3_step(s);
    }
    sqlite3_finalize(s);
    if (!api || api->xFindTokenizer(api, "unicode61", &methods_ctx, &methods) != SQLITE_OK)
        abort(); /* a SQLite without FTS5: nothing of the store works either */
}

static Fts5Tokenizer *make(const char **args, int n)
{
    Fts5Tokenizer *t = NULL;
    if (methods.xCreate(methods_ctx, args, n, &t) != SQLITE_OK)
        abort();
    return t;
}

struct words *words_new(void)
{
    /* Every category is part of a token: the text is one token, or few. */
    static const char *index_args[] = {"remove_diacritics", "2"};
    static const char *fold_args[] = {"remove_diacritics", "2", "categories",
                                      "L* M* N* P* S* Z* C*"};
    struct words *w = xcalloc(1, sizeof *w);
    w->cut = BUF_INIT(CUT_BYTES);
    pthread_once(&once, find_methods);
    pthread_mutex_lock(&lock);
    w->index = make(index_args, (int)ARRAY_SIZE(index_args));
    w->fold = make(fold_args, (int)ARRAY_SIZE(fold_args));
    pthread_mutex_unlock(&lock);
    return w;
}

void words_free(struct words *w)
{
    if (!w)
        return;
    methods.xDelete(w->index);
    methods.xDelete(w->fold);
    buf_free(&w->cut);
    free(w);
}

struct each {
    words_fn *cb;
    void *ctx;
};

static int on_token(void *ctx, int flags, const char *token, int n, int start, int end)
{
    struct each *e = ctx;
    e->cb(e->ctx, token, MIN((size_t)n, (size_t)WORDS_TOKEN_BYTES));
    return SQLITE_OK;
}

void words_of_cut(struct words *w, const char *text, size_t n, words_fn *cb, void *ctx)
{
    struct each e = {cb, ctx};
    methods.xTokenize(w->index, &e, FTS5_TOKENIZE_DOCUMENT, text, (int)n, on_token);
}

void words_each(struct words *w, const char *text, size_t n, words_fn *cb, void *ctx)
{
    if (!cut_concerns(text, n)) {
        words_of_cut(w, text, n, cb, ctx);
        return;
    }
    buf_clear(&w->cut);
    cut_text(&w->cut, text, n);
    words_of_cut(w, buf_str(&w->cut), w->cut.len, cb, ctx);
    if (w->cut.cap > KEPT_BYTES)
        buf_free(&w->cut);
}

static void add_token(void *ctx, const char *token, size_t n)
{
    buf_add(ctx, token, n);
}

void words_fold(struct words *w, struct buf *out, const char *text, size_t n)
{
    struct each e = {add_token, out};
    methods.xTokenize(w->fold, &e, FTS5_TOKENIZE_DOCUMENT, text, (int)n, on_token);
}
