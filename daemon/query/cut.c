#include "query/cut.h"

#include <string.h>

#include <utf8proc.h>

#include "base/script.h"
#include "base/str.h"

enum kind { K_RUN, K_MARK, K_WORD, K_BETWEEN };

struct cutter {
    struct buf *out;
    char last[4];       /* of the run under way, its last character */
    size_t n_last;      /* 0 = none is */
    bool many;          /* it has more than that */
    size_t before_last; /* OUT's length before the last character of the run that ended last */
    bool alone;         /* that run had no other */
    bool ends;          /* no word has begun since */
};

static enum kind kind_of(uint32_t c)
{
    switch (utf8proc_category((int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return script_is_unspaced(c) ? K_RUN : K_WORD;
    case UTF8PROC_CATEGORY_CO:
        return K_WORD;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
        return script_is_unspaced(c) ? K_MARK : K_BETWEEN;
    default:
        return K_BETWEEN;
    }
}

static void space(struct buf *out)
{
    if (out->len && out->data[out->len - 1] != ' ')
        buf_addc(out, ' ');
}

static void end_run(struct cutter *k)
{
    if (!k->n_last)
        return;
    k->before_last = k->out->len;
    k->alone = !k->many;
    k->ends = true;
    buf_add(k->out, k->last, k->n_last);
    buf_addc(k->out, ' ');
    k->n_last = 0;
    k->many = false;
}

static void add_to_run(struct cutter *k, const char *p, size_t n)
{
    if (!k->n_last) {
        space(k->out);
    } else {
        buf_add(k->out, k->last, k->n_last);
        buf_add(k->out, p, n);
        buf_addc(k->out, ' ');
        k->many = true;
    }
    memcpy(k->last, p, n);
    k->n_last = n;
}

static void cut(struct cutter *k, const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint32_t c = (unsigned char)s[at];
        size_t size = c < 0x80 ? 1 : utf8_decode(s + at, n - at, &c);
        enum kind kind = c < 0x80 ? (((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9')
                                         ? K_WORD
                                         : K_BETWEEN)
                         : size   ? kind_of(c)
                                  : K_BETWEEN;
        size = size ? size : 1;
        if (kind == K_RUN) {
            add_to_run(k, s + at, size);
        } else if (kind != K_MARK || !k->n_last) {
            end_run(k);
            k->ends = k->ends && kind != K_WORD;
            buf_add(k->out, s + at, size);
        }
        at += size;
    }
    end_run(k);
}

bool cut_concerns(const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint32_t c = (unsigned char)s[at];
        size_t size = c < 0xE0 ? 1 : utf8_decode(s + at, n - at, &c); /* all are above U+07FF */
        if (c >= 0xE00 && size && script_is_unspaced(c))
            return true;
        at += size ? size : 1;
    }
    return false;
}

void cut_text(struct buf *out, const char *s, size_t n)
{
    struct cutter k = {.out = out};
    cut(&k, s, n);
}

void cut_phrase(struct buf *out, const char *s, size_t n, bool *prefix)
{
    struct cutter k = {.out = out};
    cut(&k, s, n);
    if (!k.ends)
        return;
    if (k.alone) {
        *prefix = true;
    } else {
        out->len = k.before_last;
        out->data[out->len] = 0;
    }
}
