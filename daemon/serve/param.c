#include "serve/param.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

int param_decode(char *s, bool plus, const char *what, struct td_err *err)
{
    char *out = s;
    for (const char *p = s; *p; p++) {
        if (*p == '%') {
            int hi = str_hex(p[1]), lo = hi < 0 ? -1 : str_hex(p[2]);
            if (lo < 0 || hi + lo == 0)
                return td_err(err, -EINVAL, "%s: a %% must be followed by two hex digits, not 00",
                              what);
            *out++ = (char)(hi * 16 + lo);
            p += 2;
        } else {
            *out++ = plus && *p == '+' ? ' ' : *p;
        }
    }
    *out = 0;
    if (!utf8_valid(s, (size_t)(out - s)))
        return td_err(err, -EINVAL, "%s is not UTF-8", what);
    return 0;
}

void param_encode(struct buf *b, const char *s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("-._~:", c))
            buf_addc(b, (char)c);
        else
            buf_addf(b, "%%%c%c", hex[c >> 4], hex[c & 15]);
    }
}

/* One "name=value", which is cut in place. */
static int add_param(struct params *p, char *pair, struct td_err *err)
{
    char *value = strchr(pair, '=');
    if (value)
        *value++ = 0;
    else
        value = pair + strlen(pair);
    int r = param_decode(pair, true, "the name of a query parameter", err);
    if (r == 0)
        r = param_decode(value, true, "the value of a query parameter", err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->v[i].name, pair))
            return td_err(err, -EINVAL, "query parameter %.100s is given twice", pair);
    if (p->n == ARRAY_SIZE(p->v))
        return td_err(err, -EINVAL, "more than %zu query parameters", ARRAY_SIZE(p->v));
    p->v[p->n].name = pair;
    p->v[p->n++].value = value;
    return 0;
}

int params_parse(struct params *ret, const char *query, struct td_err *err)
{
    struct params p = {.text = xstrdup_or_null(query)};
    char *save = NULL;
    int r = 0;
    for (char *pair = p.text ? strtok_r(p.text, "&", &save) : NULL; pair && r == 0;
         pair = strtok_r(NULL, "&", &save))
        r = add_param(&p, pair, err);
    if (r < 0)
        params_fini(&p);
    else
        *ret = p;
    return r;
}

void params_fini(struct params *p)
{
    free(p->text);
    *p = (struct params){0};
}

static bool in_words(const char *words, const char *name)
{
    size_t n = strlen(name);
    for (const char *w = words; w && n; w = strchr(w, ' ')) {
        w += *w == ' ';
        if (strncmp(w, name, n) == 0 && (w[n] == ' ' || w[n] == 0))
            return true;
    }
    return false;
}

int params_check(const struct params *p, const char *allowed, struct td_err *err)
{
    for (size_t i = 0; i < p->n; i++) {
        if (in_words(allowed, p->v[i].name))
            continue;
        if (!allowed)
            return td_err(err, -EINVAL, "unknown query parameter %.100s: none is allowed here",
                          p->v[i].name);
        return td_err(err, -EINVAL, "unknown query parameter %.100s: allowed are %s", p->v[i].name,
                      allowed);
    }
    return 0;
}

const char *param_str(const struct params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->v[i].name, name))
            return str_empty(p->v[i].value) ? NULL : p->v[i].value;
    return NULL;
}

int param_int(const struct params *p, const char *name, int64_t min, int64_t max, int64_t *ret,
              struct td_err *err)
{
    const char *s = param_str(p, name);
    int64_t v;
    if (!s)
        return 0;
    if (str_to_i64(s, &v) < 0 || v < min || v > max)
        return td_err(err, -EINVAL, "%s=%.100s: a whole number from %lld to %lld is allowed", name,
                      s, (long long)min, (long long)max);
    *ret = v;
    return 0;
}

int param_bool(const struct params *p, const char *name, bool *ret, struct td_err *err)
{
    const char *s = param_str(p, name);
    if (!s)
        return 0;
    bool yes = str_eq(s, "1") || str_caseeq(s, "true") || str_caseeq(s, "yes");
    bool no = str_eq(s, "0") || str_caseeq(s, "false") || str_caseeq(s, "no");
    if (!yes && !no)
        return td_err(err, -EINVAL, "%s=%.100s: 1 or 0 is allowed", name, s);
    *ret = yes;
    return 0;
}

int param_time(const struct params *p, const char *name, int64_t now, int64_t *ret,
               struct td_err *err)
{
    const char *s = param_str(p, name);
    int64_t ms;
    if (!s)
        return 0;
    bool number = s[strspn(s, "0123456789")] == 0; /* a year, or nobody knows what */
    if (clock_parse_date(s, &ms) == 0)
        *ret = ms;
    else if (!number && str_to_duration_ms(s, &ms) == 0)
        *ret = now - ms;
    else
        return td_err(err, -EINVAL,
                      "%s=%.100s: allowed are a time (2026-11-23T08:15:00Z), a date (2026-11-23, "
                      "2026-11, 2026) or how long ago (90min, 2d)",
                      name, s);
    return 0;
}

int param_cursor_name(const char *name, struct td_err *err)
{
    size_t n = strlen(name);
    bool good = n > 0 && n <= LIMIT_NAME_BYTES && utf8_valid(name, n) && !strchr(name, '/');
    for (size_t i = 0; i < n && good; i++)
        good = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
    if (good)
        return 0;
    return td_err(err, -EINVAL,
                  "\"%.*s\" is no cursor's name: 1 to %d bytes of printable text without /",
                  (int)utf8_cut(name, MIN(n, (size_t)100)), name, LIMIT_NAME_BYTES);
}
