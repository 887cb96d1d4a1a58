/*
 * regex.h - patterns of users on text of strangers: PCRE2 with a ceiling on its steps.
 *
 * PCRE2 tries alternatives one after the other, so a pattern such as (a+)+$ can take for ever on an
 * unlucky text. It tells us before each item it tries (auto-callout); items and the bytes that they
 * ran over are counted, and beyond LIMIT_REGEX_WORK (some 10 ms) the text counts as not matching,
 * the same live and on history. (Its own match limit alone would not do: a++$ has no alternatives
 * and yet takes the square of the text's length.) No JIT: the service may not make memory
 * executable.
 */
#ifndef TIDINGS_QUERY_REGEX_H
#define TIDINGS_QUERY_REGEX_H

#include <stdbool.h>
#include <stddef.h>

struct regex;
struct regex_run; /* a thread's working memory */

/* Compiles the N bytes of PATTERN. -EINVAL: REASON (of SIZE) and the place in bytes. */
int regex_new(struct regex **ret, const char *pattern, size_t n, bool caseless, char *reason,
              size_t size, size_t *ret_at);
/* Accepts NULL. */
void regex_free(struct regex *r);

struct regex_run *regex_run_new(void);
void regex_run_free(struct regex_run *run);
/* Is the pattern somewhere in the N bytes (UTF-8)? */
bool regex_matches(const struct regex *r, struct regex_run *run, const char *text, size_t n);

#endif
