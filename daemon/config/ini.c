#include "config/ini.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Cuts white space off both ends of the N bytes at S and ends them with a NUL. */
static char *trimmed(char *s, size_t n)
{
    static const char space[] = " \t\v\f\r";
    while (n && strchr(space, s[n - 1]))
        n--;
    s[n] = 0;
    return s + strspn(s, space);
}

static void broken(struct ini_line *l, char *why)
{
    l->kind = INI_BROKEN;
    l->arg = why;
}

/* "[name arg]" without white space around it. */
static void read_section(char *s, size_t n, struct ini_line *l)
{
    static char unclosed[] = "a section that is not closed; allowed: [SECTION] or [SECTION NAME]";
    static char more[] = "text behind a section; allowed: [SECTION] or [SECTION NAME] alone on its "
                         "line (a comment has one of its own)";
    static char empty[] = "an empty section; allowed: [daemon], [defaults] or [feed NAME]";
    if (s[n - 1] != ']') {
        broken(l, memchr(s, ']', n) ? more : unclosed);
        return;
    }
    l->kind = INI_SECTION;
    l->name = trimmed(s + 1, n - 2);
    size_t word = strcspn(l->name, " \t");
    l->arg = trimmed(l->name + word, strlen(l->name + word));
    l->name[word] = 0;
    if (!*l->name)
        broken(l, empty);
}

static void read_value(char *s, size_t n, struct ini_line *l)
{
    static char no_sign[] = "neither a section, a comment nor a setting; allowed: KEY = VALUE";
    static char no_key[] = "a value without a key; allowed: KEY = VALUE";
    char *eq = memchr(s, '=', n);
    if (!eq || eq == s) {
        broken(l, eq ? no_key : no_sign);
        return;
    }
    l->kind = INI_VALUE;
    l->arg = trimmed(eq + 1, n - (size_t)(eq + 1 - s));
    l->name = trimmed(s, (size_t)(eq - s));
}

static void read_line(char *s, size_t n, int line, ini_fn *fn, void *ctx)
{
    static char nul[] = "a NUL byte; allowed: text in UTF-8";
    static char not_utf8[] = "bytes that are not UTF-8; allowed: text in UTF-8";
    struct ini_line l = {.line = line};
    if (memchr(s, 0, n)) {
        broken(&l, nul);
        fn(ctx, &l);
        return;
    }
    s = trimmed(s, n);
    n = strlen(s);
    if (n == 0 || *s == '#' || *s == ';')
        return;
    if (!utf8_valid(s, n))
        broken(&l, not_utf8);
    else if (*s == '[')
        read_section(s, n, &l);
    else
        read_value(s, n, &l);
    fn(ctx, &l);
}

void ini_parse(char *text, size_t n, ini_fn *fn, void *ctx)
{
    char *end = text + n;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (int line = 1; text < end; line++) {
        char *nl = memchr(text, '\n', (size_t)(end - text));
        char *stop = nl ? nl : end;
        char *next = nl ? nl + 1 : end;
        read_line(text, (size_t)(stop - text), line, fn, ctx);
        text = next;
    }
}
