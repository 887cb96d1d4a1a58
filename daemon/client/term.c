#include "client/term.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/str.h"

static int from_env(const char *name)
{
    const char *s = getenv(name);
    uint64_t v;
    return s && str_to_u64(s, &v) == 0 && v >= 1 && v <= 10000 ? (int)v : 0;
}

void term_measure(struct term *t)
{
    struct winsize ws = {0};
    int fd = t->out_tty ? STDOUT_FILENO : STDERR_FILENO;
    if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
        ws = (struct winsize){0};
    int columns = from_env("COLUMNS"), lines = from_env("LINES");
    t->width = columns ? columns : ws.ws_col ? ws.ws_col : 80;
    t->height = lines ? lines : ws.ws_row ? ws.ws_row : 24;
    t->width = t->width < 20 ? 20 : t->width;
}

void term_look(struct term *t, enum colour_when when)
{
    /* feeds are UTF-8; in the C locale wcwidth would call every letter beyond ASCII unprintable */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    t->out_tty = isatty(STDOUT_FILENO);
    t->err_tty = isatty(STDERR_FILENO);
    const char *type = getenv("TERM");
    bool can = t->out_tty && str_empty(getenv("NO_COLOR")) && !str_empty(type) &&
               !str_eq(type, "dumb");
    t->colour = when == COLOUR_ALWAYS || (when == COLOUR_AUTO && can);
    term_measure(t);
}

const char *style_on(bool colour, enum style s)
{
    static const char *const on[] = {"",         "\033[1m",  "\033[2m",  "\033[31m",
                                     "\033[32m", "\033[33m", "\033[34m", "\033[36m"};
    return colour ? on[s] : "";
}

const char *style_off(bool colour, enum style s)
{
    return colour && s != STYLE_NONE ? "\033[0m" : "";
}

int char_width(unsigned cp)
{
    int w = wcwidth((wchar_t)cp);
    return w < 0 ? 1 : w;
}

size_t text_fit(const char *s, size_t n, int columns, int *ret_width)
{
    size_t at = 0;
    int width = 0;
    while (at < n) {
        uint32_t cp = 0xfffd;
        size_t k = utf8_decode(s + at, n - at, &cp);
        int w = char_width(cp);
        if (width + w > columns)
            break;
        width += w;
        at += k ? k : 1;
    }
    if (ret_width)
        *ret_width = width;
    return at;
}

int text_width(const char *s, size_t n)
{
    int width;
    text_fit(s, n, 1 << 30, &width);
    return width;
}

void text_add_spaces(struct buf *b, int n)
{
    while (n-- > 0)
        buf_addc(b, ' ');
}

int text_add_cut(struct buf *b, const char *s, size_t n, int columns)
{
    int width;
    size_t fit = text_fit(s, n, columns, &width);
    if (fit == n || columns < 1) {
        buf_add(b, s, fit);
        return width;
    }
    fit = text_fit(s, n, columns - 1, &width);
    while (fit && s[fit - 1] == ' ')
        fit--, width--;
    buf_add(b, s, fit);
    buf_adds(b, "…");
    return width + 1;
}
