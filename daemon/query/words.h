/*
 * words.h - text as the full-text index sees it.
 *
 * The tokenizer is FTS5's own `unicode61 remove_diacritics 2`, the one of item_fts, called through
 * its C interface: what the index finds and what is matched live cannot differ by a character. (The
 * interface: https://sqlite.org/fts5.html#custom_tokenizers.) Both see a text as cut.h leaves it.
 */
#ifndef TIDINGS_QUERY_WORDS_H
#define TIDINGS_QUERY_WORDS_H

#include <stddef.h>

struct buf;
struct words;

/* FTS5 cuts longer tokens (fts5Int.h: FTS5_MAX_TOKEN_SIZE). */
#define WORDS_TOKEN_BYTES 32768

/* A tokenizer; each thread uses its own. */
struct words *words_new(void);
/* Accepts NULL. */
void words_free(struct words *w);

/* Calls CB for each token of the N bytes, in order. */
typedef void words_fn(void *ctx, const char *token, size_t n);
void words_each(struct words *w, const char *text, size_t n, words_fn *cb, void *ctx);
/* The same of a text that is cut already. */
void words_of_cut(struct words *w, const char *text, size_t n, words_fn *cb, void *ctx);
/* Appends the whole text to OUT without case and accents, keeping every other character: for values
 * that are compared as a whole (tags). */
void words_fold(struct words *w, struct buf *out, const char *text, size_t n);

#endif
