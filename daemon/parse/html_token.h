/*
 * html_token.h - reading HTML piece by piece, as the tokenizer of the HTML standard (13.2.5) does.
 * Internal to text.c and sanitize.c. Allocates nothing, looks at every byte a bounded number of
 * times.
 */
#ifndef TIDINGS_PARSE_HTML_TOKEN_H
#define TIDINGS_PARSE_HTML_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- names -------------------------------------------------------------------------------- */

enum html_flags {
    HTML_KEEP = 1 << 0,   /* may leave the sanitiser */
    HTML_VOID = 1 << 1,   /* has no content and no end tag */
    HTML_DROP = 1 << 2,   /* goes with its content, which is ordinary HTML */
    HTML_RAW = 1 << 3,    /* goes with its content, which ends at the first end tag of that name */
    HTML_RCDATA = 1 << 4, /* the content is text up to the end tag; the text stays */
    HTML_BLOCK = 1 << 5,  /* starts and ends a line: words on both sides are apart */
    HTML_CLOSES_P = 1 << 6, /* an open p ends before it */
    HTML_INLINE = 1 << 7,   /* formatting: may overlap with others in careless HTML */
    HTML_FOREIGN = 1 << 8,  /* svg or math: self-closing tags are empty elements in it */
    HTML_MATH = 1 << 9,     /* an element of MathML */
    HTML_CODE = 1 << 10,    /* raw text that no one should ever read: script, style */
};

/* Classes by which the rules of nesting name elements. */
enum html_class {
    HTML_C_P = 1 << 0,
    HTML_C_LI = 1 << 1,
    HTML_C_LIST = 1 << 2,
    HTML_C_DEF = 1 << 3, /* dt, dd */
    HTML_C_DL = 1 << 4,
    HTML_C_CELL = 1 << 5,
    HTML_C_ROW = 1 << 6,
    HTML_C_GROUP = 1 << 7, /* tbody ... */
    HTML_C_TABLE = 1 << 8,
    HTML_C_CAPTION = 1 << 9,
    HTML_C_A = 1 << 10,
    HTML_C_HEADING = 1 << 11,
    HTML_C_RT = 1 << 12,
    HTML_C_RUBY = 1 << 13,
    HTML_C_IMG = 1 << 14,
    HTML_C_BR = 1 << 15,
    HTML_C_DIV = 1 << 16,
    HTML_C_SVG = 1 << 17,
    HTML_C_MATH = 1 << 18,
    HTML_C_TITLE = 1 << 19,
    /* what no end tag from inside reaches across (13.2.4.2, "scope") */
    HTML_C_SCOPE = HTML_C_CELL | HTML_C_TABLE | HTML_C_CAPTION,
};

struct html_tag {
    char name[16]; /* lower case, NUL-padded */
    uint32_t flags;
    uint32_t cls;     /* enum html_class bits it belongs to */
    uint32_t closes;  /* an open element of these classes ends where this one begins ... */
    uint32_t barrier; /* ... unless one of these lies between */
};
/* The element of that name in any case, NULL when HTML has none. */
const struct html_tag *html_tag_find(const char *name, size_t n);

enum html_attr_kind {
    HTML_A_TEXT,
    HTML_A_URL,
    HTML_A_SRCSET,
    HTML_A_WIDTH,
    HTML_A_HEIGHT,
};
struct html_attr_row {
    char name[16];
    enum html_attr_kind kind;
};
/* The attribute of that name if it may leave the sanitiser, else NULL; RET_INDEX below
 * HTML_ATTR_MAX. */
#define HTML_ATTR_MAX 128
const struct html_attr_row *html_attr_find(const char *name, size_t n, unsigned *ret_index);

/* ---- tokens ------------------------------------------------------------------------------- */

enum html_kind { HTML_END_OF_INPUT, HTML_TEXT, HTML_START, HTML_END };
struct html_scan {
    const char *p, *end;
    bool no_comment_end; /* there is no "-->" ahead: looked for once only */
    bool unclosed;       /* an element that goes with its content had no end tag: from now on only
                            the tags of such elements go */
};
struct html_token {
    const char *s; /* text, not decoded; or the tag's name as written */
    size_t n;
};
struct html_attr {
    const char *name, *value; /* value not decoded; NULL if there is none */
    size_t name_n, value_n;
};

void html_scan_init(struct html_scan *sc, const char *s, size_t n);
/* The next text or tag; comments and the like are passed over. After a tag's name its attributes
 * must be read to their end. */
enum html_kind html_next(struct html_scan *sc, struct html_token *ret);
/* 1: an attribute; 0: the tag ends here (*RET_SELF_CLOSING: in "/>"); -1: the input ends inside the
 * tag, which then is none. */
int html_attr_next(struct html_scan *sc, struct html_attr *ret, bool *ret_self_closing);
/* Passes over the rest of a tag. Same as 0 and -1 above. */
int html_skip_attrs(struct html_scan *sc, bool *ret_self_closing);
/* After the start tag NAME of raw text: its content, and the scanner behind the end tag. False:
 * there is no end tag, all that follows is content and the scanner at the end. */
bool html_skip_raw(struct html_scan *sc, const char *name, size_t n,
                   struct html_token *ret_content);

/* Passes over the content of an element that goes with its content (HTML_DROP), after its start
 * tag, up to the end tag that belongs to it. */
void html_skip_element(struct html_scan *sc, const struct html_tag *tag);

static inline bool html_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

#endif
