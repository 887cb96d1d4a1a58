/*
 * Tokens in, tokens out. A stack of the open elements makes the output well nested: the few rules
 * of the HTML standard that close elements without an end tag (p, li, td ...) are table columns
 * (html_names.c), everything else is plain repair. The safety of the output does not rest on the
 * nesting being that of the standard: nothing we write is read differently anywhere else.
 */
#include "parse/sanitize.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/scan.h"
#include "base/str.h"
#include "parse/sanitize_state.h"

enum {
    REOPEN_MAX = 4, /* overlapping formatting that is carried on; more would let output grow */
    /* What end tags of all that is open, and a few short pieces, take at most: kept free, so that
     * output can be closed whenever the buffer is full. */
    RESERVE_BYTES = (LIMIT_DEPTH + 2 * REOPEN_MAX) * (sizeof((struct html_tag *)0)->name + 3),
};

/* ---- text --------------------------------------------------------------------------------- */

/* What must not be copied as it is: < > and control characters; & was seen to before. */
static bool is_special(char c)
{
    return c == '<' || c == '>' ||
           ((unsigned char)c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f;
}

static bool plain_block(const char *p)
{
    unsigned char special = 0;
    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        unsigned char c = (unsigned char)p[i];
        special |= (c < ' ') | (c == '<') | (c == '>') | (c == 0x7f);
    }
    return !special;
}

const char *sanitize_next_special(const char *p, const char *end)
{
    while (end - p >= SCAN_BLOCK && plain_block(p))
        p += SCAN_BLOCK;
    while (end - p >= 8) {
        uint64_t w = scan_load(p);
        /* '<' and '>' differ in the second bit only */
        uint64_t marks = scan_below(w, ' ') | scan_equal(w | SCAN_ONES * 2, '>') |
                         scan_equal(w, 0x7f);
        p += marks ? scan_first(marks) : 8;
        if (marks && is_special(*p))
            return p;
        p += marks != 0; /* a line end */
    }
    while (p < end && !is_special(*p))
        p++;
    return p;
}

/* Text without references. */
static void write_text(struct sanitizer *z, const char *s, size_t n)
{
    const char *end = s + n;
    while (s < end && !z->full) {
        const char *p = sanitize_next_special(s, end);
        if (z->out->len + (size_t)(p - s) > z->limit) {
            z->full = true;
            p = s + (z->out->len < z->limit ? utf8_cut(s, z->limit - z->out->len) : 0);
            end = p;
        }
        buf_add(z->out, s, (size_t)(p - s));
        if (p == end)
            return;
        if (*p == '\f')
            buf_addc(z->out, ' ');
        else if (*p == '<' || *p == '>')
            buf_adds(z->out, *p == '<' ? "&lt;" : "&gt;");
        s = p + 1;
        z->full |= z->out->len > z->limit;
    }
}

/* The character of a reference, or an '&' that is none. */
static void write_char(struct sanitizer *z, const char *s, size_t n)
{
    if (!z->full)
        text_add_escaped(z->out, s, n, false);
    z->full |= z->out->len > z->limit;
}

/* Both forms of the output at once, so that references are decoded once. */
static void on_text(struct sanitizer *z, const char *s, size_t n)
{
    const char *end = s + n;
    if (z->out->len == z->start) { /* nothing there yet: trim */
        while (s < end && html_is_space(*s))
            s++;
        if (s == end)
            return;
    }
    z->unwrap = false;
    while (s < end && !z->full) {
        const char *amp = memchr(s, '&', (size_t)(end - s)), *stop = amp ? amp : end;
        text_sink_add(&z->text, s, (size_t)(stop - s));
        write_text(z, s, (size_t)(stop - s));
        if (!amp)
            return;
        char c[TEXT_REF_BYTES] = "&";
        size_t len = 1, used = text_ref(amp, (size_t)(end - amp), false, c, &len);
        text_sink_add(&z->text, c, len);
        write_char(z, c, len);
        s = amp + (used ? used : 1);
    }
}

/* ---- nesting ------------------------------------------------------------------------------ */

static void write_start(struct sanitizer *z, const struct html_tag *tag)
{
    buf_addc(z->out, '<');
    buf_adds(z->out, tag->name);
}

static void push(struct sanitizer *z, const struct html_tag *tag, bool hidden, bool plain)
{
    z->stack[z->depth++] = (struct open_element){tag, hidden, plain};
}

static void pop(struct sanitizer *z)
{
    const struct open_element *e = &z->stack[--z->depth];
    if (e->hidden)
        return;
    buf_adds(z->out, "</");
    buf_adds(z->out, e->tag->name);
    buf_addc(z->out, '>');
}

static void pop_to(struct sanitizer *z, size_t index)
{
    while (z->depth > index)
        pop(z);
}

/* Closes the outermost open element of one of the CLASSES above the nearest BARRIER. */
static void close_classes(struct sanitizer *z, uint32_t classes, uint32_t barrier)
{
    size_t found = z->depth;
    for (size_t i = z->depth; i-- > 0 && !(z->stack[i].tag->cls & barrier & ~classes);)
        if (z->stack[i].tag->cls & classes)
            found = i;
    pop_to(z, found);
}

static void close_implied(struct sanitizer *z, const struct html_tag *tag)
{
    if (tag->closes)
        close_classes(z, tag->closes, tag->barrier);
    if (tag->flags & HTML_CLOSES_P)
        close_classes(z, HTML_C_P, HTML_C_SCOPE);
    if (tag->cls & HTML_C_HEADING && z->depth && z->stack[z->depth - 1].tag->cls & HTML_C_HEADING)
        pop(z);
}

/* ---- tags --------------------------------------------------------------------------------- */

/* A start tag that is not written: what happens to its content. */
static void start_unkept(struct sanitizer *z, const struct html_tag *tag, struct html_token name)
{
    bool self_closing;
    struct html_token content;
    if (html_skip_attrs(&z->sc, &self_closing) < 0 || !tag)
        return;
    if (tag->cls & HTML_C_SVG && !self_closing)
        z->svg++;
    if (tag->flags & HTML_RAW && z->svg && (self_closing || tag->cls & HTML_C_TITLE))
        return; /* in SVG it can be empty, and a title is text */
    if (tag->flags & (HTML_RAW | HTML_DROP)) {
        html_skip_element(&z->sc, tag);
    } else if (tag->flags & HTML_RCDATA) {
        html_skip_raw(&z->sc, name.s, name.n, &content);
        on_text(z, content.s, content.n);
        text_sink_brk(&z->text);
    }
}

static bool in_math(const struct sanitizer *z)
{
    for (size_t i = z->depth; i-- > 0;)
        if (z->stack[i].tag->cls & HTML_C_MATH)
            return true;
    return false;
}

static void start_kept(struct sanitizer *z, const struct html_tag *tag)
{
    struct tag_state st = {.plain = true};
    struct html_attr a;
    bool self_closing, unwrap = z->unwrap && tag->cls & HTML_C_DIV;
    int r;
    close_implied(z, tag);
    size_t before = z->out->len;
    write_start(z, tag);
    while ((r = html_attr_next(&z->sc, &a, &self_closing)) > 0)
        sanitize_attribute(z, tag, &st, &a);
    bool pixel = tag->cls & HTML_C_IMG && st.thin && st.low && !(z->opts && z->opts->keep_pixels);
    bool leaf = tag->flags & HTML_VOID;
    bool too_deep = !leaf && z->depth >= LIMIT_DEPTH;
    z->full |= z->out->overflow || z->out->len > z->limit;
    z->out->overflow = false;
    if (r < 0 || pixel || too_deep || unwrap || z->full)
        z->out->len = before;
    else
        buf_adds(z->out, leaf ? "/>" : ">");
    z->unwrap = false;
    if (r < 0 || leaf || z->full)
        return;
    if (too_deep) {
        z->too_deep++;
        return;
    }
    push(z, tag, unwrap, st.plain);
    if (self_closing && tag->flags & (HTML_FOREIGN | HTML_MATH))
        pop(z);
}

static void on_start(struct sanitizer *z, struct html_token name)
{
    const struct html_tag *tag = html_tag_find(name.s, name.n);
    if (tag && tag->flags & HTML_BLOCK)
        text_sink_brk(&z->text);
    if (tag && tag->flags & HTML_KEEP && (!(tag->flags & HTML_MATH) || in_math(z)))
        start_kept(z, tag);
    else
        start_unkept(z, tag, name);
}

/* The open element that an end tag closes, z->depth when there is none. Across a block only end
 * tags of formatting reach. */
static size_t find_open(const struct sanitizer *z, const struct html_tag *tag)
{
    bool part_of_table = tag->cls & (HTML_C_SCOPE | HTML_C_ROW | HTML_C_GROUP);
    uint32_t barrier = part_of_table ? HTML_C_TABLE : HTML_C_SCOPE | tag->barrier;
    bool weak = !(tag->flags & (HTML_BLOCK | HTML_INLINE));
    for (size_t i = z->depth; i-- > 0;) {
        const struct html_tag *open = z->stack[i].tag;
        if (open == tag || (tag->cls & open->cls & HTML_C_HEADING))
            return i;
        if (open->cls & barrier || (weak && open->flags & HTML_BLOCK))
            break;
    }
    return z->depth;
}

static void close_element(struct sanitizer *z, size_t index, bool carry_on)
{
    const struct html_tag *again[REOPEN_MAX];
    size_t n = 0;
    for (size_t i = index + 1; i < z->depth && carry_on && n < REOPEN_MAX; i++)
        if (z->stack[i].tag->flags & HTML_INLINE && z->stack[i].plain &&
            !(z->stack[i].tag->cls & HTML_C_A))
            again[n++] = z->stack[i].tag;
    pop_to(z, index);
    for (size_t i = 0; i < n; i++) {
        write_start(z, again[i]);
        buf_addc(z->out, '>');
        push(z, again[i], false, true);
    }
}

static void on_end(struct sanitizer *z, struct html_token name)
{
    bool self_closing;
    const struct html_tag *tag = html_tag_find(name.s, name.n);
    if (html_skip_attrs(&z->sc, &self_closing) < 0 || !tag)
        return;
    if (tag->flags & HTML_BLOCK)
        text_sink_brk(&z->text);
    if (tag->cls & HTML_C_SVG && z->svg)
        z->svg--;
    if (tag->cls & HTML_C_BR) { /* </br> is one */
        buf_adds(z->out, "<br/>");
        z->full |= z->out->len > z->limit;
        return;
    }
    if (!(tag->flags & HTML_KEEP) || tag->flags & HTML_VOID)
        return;
    if (z->too_deep) {
        z->too_deep--;
        return;
    }
    size_t i = find_open(z, tag);
    if (i < z->depth)
        close_element(z, i, tag->flags & HTML_INLINE);
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Closes what is open and trims. */
static void finish(struct sanitizer *z)
{
    pop_to(z, 0);
    struct buf *b = z->out;
    size_t lead = 0;
    while (b->len > z->start && html_is_space(b->data[b->len - 1]))
        b->len--;
    while (z->start + lead < b->len && html_is_space(b->data[z->start + lead]))
        lead++;
    if (lead) {
        b->len -= lead;
        memmove(b->data + z->start, b->data + z->start + lead, b->len - z->start);
    }
    if (b->data)
        b->data[b->len] = 0;
}

static void start(struct sanitizer *z, struct buf *out, const char *html, size_t n,
                  const struct sanitize_opts *opts)
{
    memset(z, 0, offsetof(struct sanitizer, stack)); /* the stack is large and needs no values */
    z->out = out;
    z->start = out->len;
    z->limit = out->max > RESERVE_BYTES ? out->max - RESERVE_BYTES : 0;
    z->full = out->overflow || z->limit <= z->start;
    z->opts = opts;
    z->unwrap = opts && opts->unwrap_div;
    if (opts && opts->base_url) {
        url_split(&z->base, opts->base_url, strlen(opts->base_url));
        z->has_base = true;
    }
    text_sink_init(&z->text, opts ? opts->text : NULL);
    html_scan_init(&z->sc, html, n);
}

int sanitize_html(struct buf *out, const char *html, size_t n, const struct sanitize_opts *opts)
{
    struct sanitizer z;
    struct html_token t;
    enum html_kind kind;
    start(&z, out, html, n, opts);
    while (!z.full && (kind = html_next(&z.sc, &t)) != HTML_END_OF_INPUT) {
        if (kind == HTML_TEXT)
            on_text(&z, t.s, t.n);
        else if (kind == HTML_START)
            on_start(&z, t);
        else
            on_end(&z, t);
    }
    finish(&z);
    out->overflow |= z.full;
    return z.full ? -EFBIG : 0;
}
