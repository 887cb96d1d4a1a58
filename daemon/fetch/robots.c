#include "fetch/robots.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define TOKEN "tidings"

/* What the groups for one user agent say, joined. */
struct groups {
    struct robots_rule *rules;
    size_t n, room;
    int64_t delay_ms;
    bool named; /* there is one */
    bool here;  /* the lines at hand are its */
};

struct robots {
    struct robots_rule *rules;
    size_t n, n_text;
    size_t longest; /* path of a rule */
    int64_t delay_ms;
    char *text; /* the paths */
};

enum { OURS, ANYBODYS, N_GROUPS };

struct reader {
    struct groups groups[N_GROUPS];
    bool in_agents; /* no rule since the last User-agent line: the next one adds to the group */
    int line;
};

/* ---- lines (2.2) ---------------------------------------------------------------------------- */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void take_agent(struct reader *rd, const char *v, size_t n)
{
    size_t token = 0;
    if (!rd->in_agents)
        rd->groups[OURS].here = rd->groups[ANYBODYS].here = false;
    rd->in_agents = true;
    while (token < n && is_token_char(v[token]))
        token++;
    if (token == strlen(TOKEN) && strncasecmp(v, TOKEN, token) == 0)
        rd->groups[OURS].here = rd->groups[OURS].named = true;
    else if (n && *v == '*')
        rd->groups[ANYBODYS].here = rd->groups[ANYBODYS].named = true;
}

static void take_rule(struct reader *rd, bool allow, const char *v, size_t n)
{
    rd->in_agents = false;
    for (int i = 0; n && i < N_GROUPS; i++) {
        struct groups *g = &rd->groups[i];
        if (!g->here)
            continue;
        if (g->n == g->room) {
            g->room = g->room ? 2 * g->room : 8;
            g->rules = xrealloc(g->rules, g->room * sizeof *g->rules);
        }
        g->rules[g->n++] = (struct robots_rule){v, n, rd->line, allow};
    }
}

/* Seconds, perhaps with decimals: "10", "0.5". What is none counts as nothing. */
static int64_t read_delay_ms(const char *v, size_t n)
{
    int64_t ms = 0, digit_ms = 1000;
    bool decimals = false;
    for (size_t i = 0; i < n; i++) {
        if (v[i] == '.' && !decimals && n > 1)
            decimals = true;
        else if (v[i] < '0' || v[i] > '9')
            return 0;
        else if (decimals)
            ms += (v[i] - '0') * (digit_ms /= 10);
        else
            ms = MIN(ms * 10 + (v[i] - '0') * 1000, LIMIT_CRAWL_DELAY_MS);
    }
    return MIN(ms, LIMIT_CRAWL_DELAY_MS);
}

/* Where it stands alone for all, the next group is not for all: it is a rule as well. */
static void take_delay(struct reader *rd, const char *v, size_t n)
{
    rd->in_agents = false;
    for (int i = 0; i < N_GROUPS; i++)
        if (rd->groups[i].here)
            rd->groups[i].delay_ms = MAX(rd->groups[i].delay_ms, read_delay_ms(v, n));
}

static void take_line(struct reader *rd, const char *s, size_t n)
{
    const char *comment = memchr(s, '#', n);
    n = comment ? (size_t)(comment - s) : n;
    const char *colon = memchr(s, ':', n);
    if (!colon)
        return;
    const char *name = s, *v = colon + 1;
    size_t value_len = str_trim(&v, n - (size_t)(v - s));
    size_t name_len = str_trim(&name, (size_t)(colon - s));
    if (name_len == 10 && strncasecmp(name, "user-agent", 10) == 0)
        take_agent(rd, v, value_len);
    else if (name_len == 8 && strncasecmp(name, "disallow", 8) == 0)
        take_rule(rd, false, v, value_len);
    else if (name_len == 5 && strncasecmp(name, "allow", 5) == 0)
        take_rule(rd, true, v, value_len);
    else if (name_len == 11 && strncasecmp(name, "crawl-delay", 11) == 0)
        take_delay(rd, v, value_len);
}

/* Keeps G alone; its paths still lie in the document. */
static struct robots *keep(const struct groups *g)
{
    struct robots *r = xcalloc(1, sizeof *r);
    for (size_t i = 0; i < g->n; i++) {
        r->n_text += g->rules[i].len;
        r->longest = MAX(r->longest, g->rules[i].len);
    }
    r->delay_ms = g->delay_ms;
    if (!g->n)
        return r;
    r->n = g->n;
    r->rules = xcalloc(g->n, sizeof *r->rules);
    char *to = r->text = xmalloc(r->n_text);
    for (size_t i = 0; i < g->n; i++) {
        r->rules[i] = g->rules[i];
        r->rules[i].path = memcpy(to, g->rules[i].path, g->rules[i].len);
        to += g->rules[i].len;
    }
    return r;
}

struct robots *robots_parse(const char *text, size_t n)
{
    struct reader rd = {.line = 0};
    n = MIN(n, (size_t)LIMIT_ROBOTS_BYTES);
    const char *p = text, *end = n ? text + n : text;
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    while (p < end) {
        const char *eol = p;
        while (eol < end && *eol != '\r' && *eol != '\n')
            eol++;
        rd.line++;
        take_line(&rd, p, (size_t)(eol - p));
        p = eol + (eol + 1 < end && eol[0] == '\r' && eol[1] == '\n' ? 2 : 1);
    }
    struct robots *r = keep(&rd.groups[rd.groups[OURS].named ? OURS : ANYBODYS]);
    free(rd.groups[OURS].rules);
    free(rd.groups[ANYBODYS].rules);
    return r;
}

void robots_free(struct robots *r)
{
    if (!r)
        return;
    free(r->rules);
    free(r->text);
    free(r);
}

int64_t robots_crawl_delay_ms(const struct robots *r)
{
    return r->delay_ms;
}

size_t robots_bytes(const struct robots *r)
{
    return sizeof *r + r->n * sizeof *r->rules + r->n_text;
}

/* ---- paths (2.2.2, 2.2.3) ------------------------------------------------------------------- */

/* The octets of S at TO, which has room for N: how many there are. */
static size_t decode(char *to, const char *s, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        bool coded = s[i] == '%' && n - i > 2 && str_hex(s[i + 1]) >= 0 && str_hex(s[i + 2]) >= 0;
        to[k++] = coded ? (char)(str_hex(s[i + 1]) << 4 | str_hex(s[i + 2])) : s[i];
        i += coded ? 2 : 0;
    }
    return k;
}

/* Piece by piece between the `*`, each at the first place where it fits: linear in both. */
static bool matches(const struct robots_rule *r, const char *path, size_t n, char *piece)
{
    const char *p = r->path, *end = p + r->len;
    bool whole = end[-1] == '$';
    size_t at = 0;
    end -= whole;
    for (bool first = true;; first = false) {
        const char *star = memchr(p, '*', (size_t)(end - p));
        size_t k = decode(piece, p, (size_t)((star ? star : end) - p));
        if (k > n - at)
            return false;
        const char *hit = path + at;
        if (!first && !star && whole)
            hit = path + n - k;
        else if (!first)
            hit = memmem(path + at, n - at, piece, k);
        if (!hit || memcmp(hit, piece, k) != 0)
            return false;
        at = (size_t)(hit - path) + k;
        if (!star)
            return !whole || at == n;
        p = star + 1;
    }
}

const char *robots_path(const char *url, size_t *ret_len)
{
    const char *s = strstr(url, "://");
    s = s ? s + 3 : url;
    s += strcspn(s, "/?#");
    *ret_len = strcspn(s, "#");
    return s;
}

bool robots_allows(const struct robots *r, const char *url, struct robots_rule *ret)
{
    size_t len, best = 0;
    const struct robots_rule *found = NULL;
    const char *raw = robots_path(url, &len);
    CLEANUP_FREE char *path = xmalloc(len + 1), *piece = xmalloc(r->longest + 1);
    size_t n = 0;
    if (!len || *raw != '/')
        path[n++] = '/';
    n += decode(path + n, raw, len);
    if (n == 11 && memcmp(path, "/robots.txt", 11) == 0)
        return true;
    for (size_t i = 0; i < r->n; i++) {
        const struct robots_rule *rule = r->rules + i;
        if (!matches(rule, path, n, piece))
            continue;
        size_t octets = decode(piece, rule->path, rule->len);
        if (!found || octets > best || (octets == best && rule->allow)) {
            found = rule;
            best = octets;
        }
    }
    if (!found || found->allow)
        return true;
    *ret = *found;
    return false;
}
