#include "base/str.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/scan.h"

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_casestarts(const char *s, const char *prefix)
{
    return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t str_trim(const char **p, size_t n)
{
    while (n && is_space(**p))
        (*p)++, n--;
    while (n && is_space((*p)[n - 1]))
        n--;
    return n;
}

int str_to_u64(const char *s, uint64_t *ret)
{
    uint64_t v = 0;
    if (!*s)
        return -EINVAL;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return -ERANGE;
    }
    *ret = v;
    return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
    bool neg = *s == '-';
    uint64_t v;
    int r = str_to_u64(s + neg, &v);
    if (r < 0)
        return r;
    if (v > (uint64_t)INT64_MAX)
        return -ERANGE;
    *ret = neg ? -(int64_t)v : (int64_t)v;
    return 0;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"ms", 1},
    {"msec", 1},
    {"s", 1000},
    {"sec", 1000},
    {"second", 1000},
    {"seconds", 1000},
    {"m", 60000},
    {"min", 60000},
    {"minute", 60000},
    {"minutes", 60000},
    {"h", 3600000},
    {"hr", 3600000},
    {"hour", 3600000},
    {"hours", 3600000},
    {"d", 86400000},
    {"day", 86400000},
    {"days", 86400000},
    {"w", 604800000},
    {"week", 604800000},
    {"weeks", 604800000},
    {"y", 31557600000},
    {"year", 31557600000},
    {"years", 31557600000},
};

static int64_t unit_ms(const char *s, size_t n)
{
    if (n == 0)
        return 1000;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (strlen(units[i].name) == n && memcmp(units[i].name, s, n) == 0)
            return units[i].ms;
    return 0;
}

int str_to_duration_ms(const char *s, int64_t *ret_ms)
{
    int64_t total = 0;
    bool any = false;
    for (;;) {
        while (is_space(*s))
            s++;
        if (!*s)
            break;
        int64_t v = 0;
        if (*s < '0' || *s > '9')
            return -EINVAL;
        for (; *s >= '0' && *s <= '9'; s++)
            if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
                return -ERANGE;
        while (is_space(*s))
            s++;
        const char *u = s;
        while ((*s >= 'a' && *s <= 'z'))
            s++;
        int64_t ms = unit_ms(u, (size_t)(s - u));
        if (!ms)
            return -EINVAL;
        if (__builtin_mul_overflow(v, ms, &v) || __builtin_add_overflow(total, v, &total))
            return -ERANGE;
        any = true;
    }
    if (!any)
        return -EINVAL;
    *ret_ms = total;
    return 0;
}

int str_to_bytes(const char *s, uint64_t *ret)
{
    char num[32];
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n >= sizeof num)
        return -EINVAL;
    memcpy(num, s, n);
    num[n] = 0;
    uint64_t v;
    int r = str_to_u64(num, &v);
    if (r < 0)
        return r;
    s += n;
    int shift = 0;
    if (*s) {
        const char *p = strchr("KMGT", *s);
        if (!p || (s[1] && !str_eq(s + 1, "B") && !str_eq(s + 1, "iB")))
            return -EINVAL;
        shift = 10 * (int)(p - "KMGT" + 1);
    }
    if (shift && v >> (64 - shift))
        return -ERANGE;
    *ret = v << shift;
    return 0;
}

int str_to_share(const char *s, int32_t *ret_thousandths)
{
    int32_t v = 0, place = 1000;
    bool digits = false;
    for (; *s >= '0' && *s <= '9'; s++, digits = true)
        v = MIN(v * 10 + (*s - '0') * 1000, 100000);
    if (*s == '.')
        for (s++; *s >= '0' && *s <= '9'; s++, digits = true)
            v += (*s - '0') * (place /= 10);
    if (!digits || *s)
        return -EINVAL;
    if (v > 1000)
        return -ERANGE;
    *ret_thousandths = v;
    return 0;
}

const char *str_int(char buf[STR_INT_BYTES], int64_t n)
{
    uint64_t u = n < 0 ? -(uint64_t)n : (uint64_t)n;
    char *p = buf + STR_INT_BYTES - 1;
    *p = 0;
    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (n < 0)
        *--p = '-';
    return p;
}

/* Adds "N UNIT" to what is in BUF, as far as there is room. */
static void add_part(char *buf, size_t size, int64_t n, const char *unit)
{
    char number[STR_INT_BYTES];
    const char *const parts[] = {*buf ? " " : "", str_int(number, n), " ", unit};
    size_t at = strlen(buf);
    for (size_t i = 0; i < 4; i++) {
        size_t len = strnlen(parts[i], size - 1 - at);
        memcpy(buf + at, parts[i], len);
        at += len;
    }
    buf[at] = 0;
}

const char *str_duration(char *buf, size_t size, int64_t ms)
{
    int64_t s = (ms < 0 ? -ms : ms) / 1000;
    *buf = 0;
    if (ms > -1000 && ms < 1000)
        add_part(buf, size, ms, "ms");
    else if (s < 60)
        add_part(buf, size, s, "s");
    else if (s < 3600)
        add_part(buf, size, s / 60, "min");
    else if (s < 86400)
        add_part(buf, size, s / 3600, "h");
    else
        add_part(buf, size, s / 86400, "d");
    if (s >= 3600 && s < 86400 && s % 3600 / 60)
        add_part(buf, size, s % 3600 / 60, "min");
    if (s >= 86400 && s % 86400 / 3600)
        add_part(buf, size, s % 86400 / 3600, "h");
    return buf;
}

/* Levenshtein distance, rows kept on the stack; strings of 63 bytes at most. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[64];
    if (n > 63 || m > 63)
        return 64;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t up = row[j];
            size_t best = diag + (a[i - 1] != b[j - 1]);
            best = MIN(best, up + 1);
            best = MIN(best, row[j - 1] + 1);
            row[j] = best;
            diag = up;
        }
    }
    return row[m];
}

const char *str_suggest(const char *s, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t best_d = strlen(s) / 3 + 2;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(s, candidates[i]);
        if (d < best_d) {
            best_d = d;
            best = candidates[i];
        }
    }
    return best;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)s;
    uint32_t cp;
    size_t len;
    if (n == 0)
        return 0;
    if (p[0] < 0x80) {
        cp = p[0];
        len = 1;
    } else if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        cp = p[0] & 0x1fu;
        len = 2;
    } else if ((p[0] & 0xf0) == 0xe0) {
        cp = p[0] & 0x0fu;
        len = 3;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        cp = p[0] & 0x07u;
        len = 4;
    } else {
        return 0;
    }
    if (n < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3fu);
    }
    if ((len == 3 && (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff))) ||
        (len == 4 && (cp < 0x10000 || cp > 0x10ffff)))
        return 0;
    if (ret)
        *ret = cp;
    return len;
}

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of a character of two or three bytes at S, of which at least 3 are there; 0: it may be
 * none, or a rare one. */
static size_t common_char(const char *s)
{
    unsigned char c = (unsigned char)s[0];
    if (c >= 0xc2 && c <= 0xdf)
        return is_tail(s[1]) ? 2 : 0;
    bool three = c > 0xe0 && c < 0xf0 && c != 0xed; /* those have forbidden neighbours */
    return three && is_tail(s[1]) && is_tail(s[2]) ? 3 : 0;
}

/* ASCII goes eight bytes at a time: with every string of every batch looked at, decoding each
 * character was two thirds of reading a parser's answer. */
bool utf8_valid(const char *s, size_t n)
{
    const char *end = s + n;
    while (s < end) {
        if (end - s >= 8) {
            uint64_t marks = scan_load(s) & SCAN_HIGH;
            s += marks ? scan_first(marks) : 8;
            if (!marks)
                continue;
        }
        size_t k = end - s >= 3 ? common_char(s) : 0;
        if (!k)
            k = utf8_decode(s, (size_t)(end - s), NULL);
        if (!k)
            return false;
        s += k;
    }
    return true;
}

size_t utf8_encode(uint32_t cp, char *out)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

size_t utf8_cut(const char *s, size_t n)
{
    size_t i = n;
    while (i > 0 && n - i < 4 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
        i--;
    if (i == 0)
        return n;
    return utf8_decode(s + i - 1, n - (i - 1), NULL) == n - (i - 1) ? n : i - 1;
}

static bool steers_terminal(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

int str_add_printable(struct buf *b, const char *s, size_t n)
{
    int r = 0;
    while (n && r == 0) {
        uint32_t cp;
        size_t k = utf8_decode(s, n, &cp);
        if (!k)
            r = buf_add(b, "\xef\xbf\xbd", 3);
        else if (cp == '\t' || cp == '\n' || cp == '\r')
            r = buf_addc(b, ' ');
        else if (steers_terminal(cp))
            r = buf_add(b, "\xef\xbf\xbd", 3);
        else
            r = buf_add(b, s, k);
        k = k ? k : 1;
        s += k;
        n -= k;
    }
    return r;
}
