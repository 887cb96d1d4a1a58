#include "model/item_json.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

void td_item_json(struct buf *out, const char *json, size_t json_len, const struct td_item_facts *f)
{
    bool has = json_len >= 2 && memcmp(json + json_len - 2, "}}", 2) == 0;
    struct jw w = {.b = out};
    if (has) {
        buf_add(out, json, json_len - 2);
        w.comma = json[json_len - 3] != '{';
    } else {
        buf_add(out, json, json_len - 1);
        buf_adds(out, ",\"_tidings\":{");
    }
    jw_int(&w, "item_id", f->item_id);
    jw_int(&w, "feed_id", f->feed_id);
    jw_str(&w, "feed", f->feed);
    jw_str(&w, "feed_title", f->feed_title);
    jw_time(&w, "first_seen", f->first_seen);
    jw_int(&w, "revision", f->revision);
    if (f->backlog)
        jw_bool(&w, "backlog", true);
    buf_adds(out, "}}");
}

/* ---- checking ----------------------------------------------------------------------------- */

/* A recursive-descent reader that keeps nothing. Each function starts at s->p, and moves it behind
 * what it read or returns false. DEPTH is that of the value: the item is 1, `_tidings` 2. */
struct scan {
    const char *p, *end;
};

static bool value(struct scan *s, int depth);

static char peek(const struct scan *s)
{
    return s->p < s->end ? *s->p : 0;
}

static bool accept(struct scan *s, char c)
{
    if (peek(s) != c)
        return false;
    s->p++;
    return true;
}

static void spaces(struct scan *s)
{
    while (peek(s) == ' ')
        s->p++;
}

static bool hex4(struct scan *s, unsigned *ret)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(s);
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16;
        if (d > 15)
            return false;
        v = v << 4 | d;
        s->p++;
    }
    *ret = v;
    return true;
}

/* Behind the backslash. U+0000 and half surrogate pairs are no text. */
static bool escape(struct scan *s)
{
    char c = peek(s);
    unsigned v, low;
    if (!c || !strchr("\"\\/bfnrtu", c))
        return false;
    s->p++;
    if (c != 'u')
        return true;
    if (!hex4(s, &v) || v == 0 || (v >= 0xdc00 && v <= 0xdfff))
        return false;
    if (v < 0xd800 || v > 0xdfff)
        return true;
    return accept(s, '\\') && accept(s, 'u') && hex4(s, &low) && low >= 0xdc00 && low <= 0xdfff;
}

/* Are these eight bytes all ASCII that stands for itself? For each kind of byte that is not: a
 * top bit comes up where it is (and perhaps in a byte above one that is, never without one). */
static bool plain(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = v ^ (ones * '"'), backslash = v ^ (ones * '\\');
    return !((v | (v - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops);
}

static bool string(struct scan *s)
{
    if (!accept(s, '"'))
        return false;
    while (s->p < s->end) {
        if (s->end - s->p >= 8 && plain(s->p)) { /* the loop reads all that parsers send */
            s->p += 8;
            continue;
        }
        unsigned char c = (unsigned char)*s->p;
        size_t k = 1;
        if (c == '"') {
            s->p++;
            return true;
        }
        if (c == '\\') {
            s->p++;
            if (!escape(s))
                return false;
            continue;
        }
        if (c < 0x20 || (c >= 0x80 && !(k = utf8_decode(s->p, (size_t)(s->end - s->p), NULL))))
            return false;
        s->p += k;
    }
    return false;
}

static bool digits(struct scan *s)
{
    const char *from = s->p;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->p++;
    return s->p > from;
}

static bool number(struct scan *s)
{
    accept(s, '-');
    if (!accept(s, '0') && !digits(s))
        return false;
    if (accept(s, '.') && !digits(s))
        return false;
    if (!accept(s, 'e') && !accept(s, 'E'))
        return true;
    if (!accept(s, '+'))
        accept(s, '-');
    return digits(s);
}

static bool word(struct scan *s, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n) != 0)
        return false;
    s->p += n;
    return true;
}

static bool array(struct scan *s, int depth)
{
    s->p++;
    spaces(s);
    if (accept(s, ']'))
        return true;
    do {
        spaces(s);
        if (!value(s, depth + 1))
            return false;
        spaces(s);
    } while (accept(s, ','));
    return accept(s, ']');
}

/* The store's own members of `_tidings`, which a feed must not bring. */
static bool is_fact(const char *key, size_t n)
{
    static const char *const facts[] = {
        "item_id", "feed_id", "feed", "feed_title", "first_seen", "revision", "backlog",
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (strlen(facts[i]) == n && memcmp(key, facts[i], n) == 0)
            return true;
    return false;
}

/* A member's name and colon; what the first two levels may not have is false. *RET_LAST: this is
 * `_tidings`, which must be an object and the last member. */
static bool name(struct scan *s, int depth, bool *ret_last)
{
    const char *key = s->p + 1;
    if (!string(s))
        return false;
    size_t n = (size_t)(s->p - key) - 1;
    *ret_last = depth == 1 && n == 8 && memcmp(key, "_tidings", 8) == 0;
    if (depth <= 2 && memchr(key, '\\', n))
        return false;
    if (depth == 2 && is_fact(key, n))
        return false;
    spaces(s);
    if (!accept(s, ':'))
        return false;
    spaces(s);
    return depth != 1 || *ret_last == (peek(s) == '{');
}

static bool object(struct scan *s, int depth)
{
    bool last;
    s->p++;
    if (accept(s, '}'))
        return depth > 1;
    do {
        spaces(s);
        if (!name(s, depth, &last) || !value(s, depth + 1))
            return false;
        if (last) /* "}}" without a space between: what the splice looks for */
            return accept(s, '}');
        spaces(s);
    } while (accept(s, ','));
    return accept(s, '}');
}

static bool value(struct scan *s, int depth)
{
    if (depth > LIMIT_DEPTH)
        return false;
    switch (peek(s)) {
    case '{':
        return object(s, depth);
    case '[':
        return array(s, depth);
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

bool td_item_json_valid(const char *json, size_t n)
{
    struct scan s = {json, json + n};
    return peek(&s) == '{' && value(&s, 1) && s.p == s.end;
}
