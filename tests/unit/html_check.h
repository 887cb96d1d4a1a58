/*
 * html_check.h - is this HTML strictly what a sanitiser may write? For tests and fuzzers.
 *
 * A reader of its own that shares no code and no table with the sanitiser: it accepts only tags in
 * our canonical spelling, elements and attributes it knows to be harmless, properly nested, and
 * values without markup or dangerous schemes.
 */
#ifndef TIDINGS_TESTS_HTML_CHECK_H
#define TIDINGS_TESTS_HTML_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char html_check_elements[] =
    " a abbr acronym address article aside audio b bdi bdo big blockquote br caption center cite "
    "code col colgroup data dd del details dfn dir div dl dt em figcaption figure font footer h1 "
    "h2 "
    "h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark menu nav ol p picture pre q rb rp rt "
    "rtc ruby s samp section small source span strike strong sub summary sup table tbody td tfoot "
    "th thead time tr track tt u ul var video wbr "
    "math annotation menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom "
    "mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder "
    "munderover semantics ";
static const char html_check_voids[] = " br col hr img source track wbr ";
static const char html_check_urls[] = " href src cite poster longdesc usemap background ";
static const char html_check_never[] =
    " style id name target srcdoc action formaction ping xlink:href data autoplay autofocus ";

static bool html_check_word(const char *list, const char *s, size_t n)
{
    char key[40];
    if (n + 3 > sizeof key)
        return false;
    snprintf(key, sizeof key, " %.*s ", (int)n, s);
    return strstr(list, key) != NULL;
}

/* An unescaped '&' must begin one of the references we write. */
static bool html_check_amp(const char *p)
{
    return !strncmp(p, "&amp;", 5) || !strncmp(p, "&lt;", 4) || !strncmp(p, "&gt;", 4) ||
           !strncmp(p, "&quot;", 6);
}

static const char *html_check_url(const char *s, size_t n)
{
    static const char *const bad[] = {"javascript:", "vbscript:", "data:text", "data:image/svg",
                                      "livescript:", "mocha:",    "about:",    "file:"};
    char flat[64];
    size_t len = 0;
    for (size_t i = 0; i < n && len < sizeof flat - 1; i++) {
        const unsigned char *c = (const unsigned char *)s + i;
        if (*c <= ' ' || *c == 0x7f)
            continue;
        /* marks that no one sees: C1 controls, NBSP, soft hyphen, zero width, BOM */
        if (*c == 0xc2 && i + 1 < n && (c[1] <= 0xa0 || c[1] == 0xad))
            i += 1;
        else if (i + 2 < n && ((*c == 0xe2 && c[1] == 0x80 && c[2] <= 0x8f) ||
                               (*c == 0xef && c[1] == 0xbb && c[2] == 0xbf)))
            i += 2;
        else
            flat[len++] = (char)*c;
    }
    flat[len] = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!strncasecmp(flat, bad[i], strlen(bad[i])))
            return "a dangerous URL";
    return NULL;
}

/* The attributes of one start tag, *P behind the element's name; leaves it behind the '>'. */
static const char *html_check_attrs(const char **p, const char *end, bool *ret_void)
{
    const char *s = *p;
    *ret_void = false;
    while (s < end && *s == ' ') {
        const char *name = ++s;
        while (s < end && *s >= 'a' && *s <= 'z')
            s++;
        size_t n = (size_t)(s - name);
        if (end - s < 2 || s[0] != '=' || s[1] != '"')
            return "an attribute that is not name=\"value\"";
        if (n < 2 || !strncmp(name, "on", 2) || html_check_word(html_check_never, name, n))
            return "a forbidden attribute";
        const char *value = s += 2;
        while (s < end && *s != '"') {
            if (*s == '<' || *s == '>' || (*s == '&' && !html_check_amp(s)))
                return "an unescaped character in a value";
            s++;
        }
        if (s == end)
            return "an unclosed value";
        if (html_check_word(html_check_urls, name, n) || !strncmp(name, "srcset", 6)) {
            const char *why = html_check_url(value, (size_t)(s - value));
            if (why)
                return why;
        }
        s++;
    }
    if (end - s >= 2 && s[0] == '/' && s[1] == '>') {
        *ret_void = true;
        *p = s + 2;
        return NULL;
    }
    if (s == end || *s != '>')
        return "a broken tag";
    *p = s + 1;
    return NULL;
}

/* NULL when everything is fine, else what is not. S must end in a NUL. */
static const char *html_check(const char *s, size_t n)
{
    enum { MAX_OPEN = 300 };
    const char *open[MAX_OPEN], *end = s + n;
    size_t open_n[MAX_OPEN], depth = 0;
    if (strlen(s) != n)
        return "a NUL byte";
    for (const char *p = s; p < end;) {
        if (*p == '>' || (*p == '&' && !html_check_amp(p)))
            return "an unescaped character in text";
        if ((unsigned char)*p < ' ' && *p != '\n' && *p != '\t' && *p != '\r')
            return "a control character";
        if (*p != '<') {
            p++;
            continue;
        }
        bool closing = p[1] == '/', is_void;
        const char *name = p += 1 + closing;
        while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')))
            p++;
        size_t len = (size_t)(p - name);
        if (!html_check_word(html_check_elements, name, len))
            return "an element that is not allowed";
        if (closing) {
            if (*p != '>' || depth == 0 || open_n[depth - 1] != len ||
                memcmp(open[depth - 1], name, len) != 0)
                return "an end tag out of place";
            depth--;
            p++;
            continue;
        }
        const char *why = html_check_attrs(&p, end, &is_void);
        if (why)
            return why;
        if (is_void != html_check_word(html_check_voids, name, len))
            return "a void element that is not, or the other way round";
        if (is_void)
            continue;
        if (depth == MAX_OPEN)
            return "too deep";
        open[depth] = name;
        open_n[depth++] = len;
    }
    return depth ? "an element that is not closed" : NULL;
}

#endif
