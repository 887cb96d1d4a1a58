#include "fetch/head.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define USUAL_BYTES 800 /* most headers are smaller: one allocation instead of five */

void head_init(struct head *h)
{
    /* A byte per line more than what came in: a line may end without CR. */
    *h = (struct head){.text = BUF_INIT(LIMIT_HEADER_BYTES + LIMIT_HEADER_LINES)};
}

void head_fini(struct head *h)
{
    buf_free(&h->text);
}

bool head_is_final(const struct head *h)
{
    return h->complete && h->status >= 200;
}

static bool starts_answer(const struct head *h, const char *line, size_t n)
{
    return n > 5 && memcmp(line, "HTTP/", 5) == 0 && (!h->status || h->complete);
}

static int status_of(const char *line, size_t n)
{
    const char *sp = memchr(line, ' ', n);
    int status = 0;
    for (size_t i = 1; sp && i <= 3 && sp + i < line + n; i++)
        if (sp[i] >= '0' && sp[i] <= '9')
            status = status * 10 + (sp[i] - '0');
    return status;
}

int head_line(struct head *h, const char *line, size_t n)
{
    h->n_bytes += n;
    h->n_lines++;
    if (h->n_bytes > LIMIT_HEADER_BYTES)
        h->overrun = "bytes";
    else if (h->n_lines > LIMIT_HEADER_LINES)
        h->overrun = "lines";
    if (h->overrun)
        return -EFBIG;
    if (head_is_final(h))
        return 0;
    if (starts_answer(h, line, n)) {
        buf_clear(&h->text);
        buf_reserve(&h->text, USUAL_BYTES);
        h->complete = false;
        h->status = status_of(line, n);
        return 0;
    }
    bool folded = n && (*line == ' ' || *line == '\t');
    n = str_trim(&line, n);
    if (!n && !folded) {
        h->complete = true;
        return 0;
    }
    if (folded && h->text.len) {
        h->text.len--; /* the line end of the line before */
        buf_addc(&h->text, ' ');
    }
    buf_add(&h->text, line, n);
    return buf_addc(&h->text, '\n');
}

const char *head_next(const struct head *h, const char *name, size_t *pos, size_t *ret_len)
{
    size_t name_len = strlen(name);
    while (*pos < h->text.len) {
        const char *line = h->text.data + *pos;
        const char *end = memchr(line, '\n', h->text.len - *pos);
        *pos = (size_t)(end - h->text.data) + 1;
        if ((size_t)(end - line) <= name_len || line[name_len] != ':' ||
            strncasecmp(line, name, name_len) != 0)
            continue;
        const char *value = line + name_len + 1;
        *ret_len = str_trim(&value, (size_t)(end - value));
        return value;
    }
    return NULL;
}

char *head_dup(const struct head *h, const char *name)
{
    size_t pos = 0, n;
    const char *v = head_next(h, name, &pos, &n);
    return v ? xstrndup(v, n) : NULL;
}

char *head_join(const struct head *h, const char *name)
{
    CLEANUP_BUF struct buf b = BUF_INIT(2 * LIMIT_HEADER_BYTES);
    size_t pos = 0, n;
    const char *v;
    while ((v = head_next(h, name, &pos, &n))) {
        if (b.len)
            buf_adds(&b, ", ");
        buf_add(&b, v, n);
    }
    return b.len ? buf_take(&b, NULL) : NULL;
}

size_t head_count(const struct head *h, const char *name)
{
    size_t pos = 0, n, count = 0;
    const char *v;
    while ((v = head_next(h, name, &pos, &n)))
        for (const char *end = v + n; v < end; v += v < end) {
            const char *comma = memchr(v, ',', (size_t)(end - v)), *one = v;
            v = comma ? comma : end;
            count += str_trim(&one, (size_t)(v - one)) > 0;
        }
    return count;
}
