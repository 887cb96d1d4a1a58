#include "query/regex.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/limits.h"
#include "base/mem.h"

struct regex {
    pcre2_code *code;
};

struct regex_run {
    pcre2_match_context *limits;
    pcre2_match_data *data;
    size_t at;    /* where the item that is being tried began */
    int64_t left; /* of LIMIT_REGEX_WORK */
};

#define ITEM_WORK 8 /* of trying one item of a pattern, in bytes looked at in the same time */

/* Called before each item of the pattern: pays for it and for what the last one ran over. */
static int pay(pcre2_callout_block *block, void *ctx)
{
    struct regex_run *run = ctx;
    size_t at = block->current_position;
    run->left -= ITEM_WORK + (int64_t)(at > run->at ? at - run->at : 0);
    run->at = at;
    return run->left < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

static int fail(int code, size_t at, char *reason, size_t size, size_t *ret_at)
{
    PCRE2_UCHAR text[128];
    if (pcre2_get_error_message(code, text, sizeof text) < 0)
        snprintf((char *)text, sizeof text, "error %d", code);
    snprintf(reason, size, "the pattern cannot be read: %s", (char *)text);
    *ret_at = at;
    return -EINVAL;
}

int regex_new(struct regex **ret, const char *pattern, size_t n, bool caseless, char *reason,
              size_t size, size_t *ret_at)
{
    int code = 0;
    size_t at = 0;
    if (n > LIMIT_REGEX_BYTES) {
        snprintf(reason, size, "the pattern is longer than %d bytes", LIMIT_REGEX_BYTES);
        *ret_at = 0;
        return -EINVAL;
    }
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)pattern, n,
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF |
                                      PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT |
                                      (caseless ? PCRE2_CASELESS : 0u),
                                  &code, &at, NULL);
    if (!c)
        return fail(code, at, reason, size, ret_at);
    struct regex *r = xcalloc(1, sizeof *r);
    r->code = c;
    *ret = r;
    return 0;
}

void regex_free(struct regex *r)
{
    if (!r)
        return;
    pcre2_code_free(r->code);
    free(r);
}

struct regex_run *regex_run_new(void)
{
    struct regex_run *run = xcalloc(1, sizeof *run);
    run->limits = pcre2_match_context_create(NULL);
    run->data = pcre2_match_data_create(1, NULL);
    if (!run->limits || !run->data)
        abort(); /* no memory (mem.h) */
    pcre2_set_match_limit(run->limits, LIMIT_REGEX_STEPS);
    pcre2_set_heap_limit(run->limits, LIMIT_REGEX_HEAP_KB);
    pcre2_set_callout(run->limits, pay, run);
    return run;
}

void regex_run_free(struct regex_run *run)
{
    if (!run)
        return;
    pcre2_match_data_free(run->data);
    pcre2_match_context_free(run->limits);
    free(run);
}

bool regex_matches(const struct regex *r, struct regex_run *run, const char *text, size_t n)
{
    run->at = 0;
    run->left = LIMIT_REGEX_WORK;
    return pcre2_match(r->code, (PCRE2_SPTR)text, n, 0, 0, run->data, run->limits) >= 0;
}
