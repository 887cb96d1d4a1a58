#include "client/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/limits.h"
#include "base/str.h"
#include "client/doc.h"
#include "client/term.h"

struct word {
    const char *p;
    size_t n; /* a newline is a word too */
};
struct words {
    struct word *w;
    size_t n;
};

static struct words split(const char *s)
{
    struct words r = {0};
    size_t cap = 0;
    while (*s) {
        if (*s == ' ' || *s == '\t') {
            s++;
            continue;
        }
        size_t k = *s == '\n' ? 1 : strcspn(s, " \t\n");
        if (r.n == cap)
            r.w = xreallocarray(r.w, cap = cap ? 2 * cap : 64, sizeof *r.w);
        r.w[r.n++] = (struct word){s, k};
        s += k;
    }
    return r;
}

static bool same(const struct word *a, const struct word *b)
{
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static void add_run(struct diff *d, enum diff_kind kind, const struct word *w, size_t n)
{
    if (!n)
        return;
    struct buf text = BUF_INIT(LIMIT_TEXT_BYTES * 8);
    for (size_t i = 0; i < n; i++) {
        if (i && *w[i].p != '\n' && *w[i - 1].p != '\n')
            buf_addc(&text, ' ');
        buf_add(&text, w[i].p, w[i].n);
    }
    d->runs = xreallocarray(d->runs, d->n + 1, sizeof *d->runs);
    d->runs[d->n++] = (struct diff_run){kind, buf_take(&text, NULL)};
}

/* ---- Myers --------------------------------------------------------------------------------- */

/* The furthest x on each diagonal -d .. d, for every d so far: what the way back needs. */
struct trace {
    int32_t *v[DIFF_MAX_EDITS + 1];
    int d;
};

static int32_t *trace_row(const struct trace *t, int d)
{
    return t->v[d] + d; /* indexed by diagonal */
}

/* Where a step of D edits stands on diagonal K before it slides along equal words. */
static int32_t step(const struct trace *t, int d, int k, bool *ret_down)
{
    if (d == 0) {
        *ret_down = false;
        return 0;
    }
    const int32_t *prev = trace_row(t, d - 1);
    bool down = k == -d || (k != d && prev[k - 1] < prev[k + 1]);
    *ret_down = down;
    return down ? prev[k + 1] : prev[k - 1] + 1;
}

/* Fills T; false when more than DIFF_MAX_EDITS edits are needed. */
static bool search(struct trace *t, struct words a, struct words b)
{
    for (t->d = 0; t->d <= DIFF_MAX_EDITS; t->d++) {
        int d = t->d;
        t->v[d] = xcalloc((size_t)(2 * d + 1), sizeof *t->v[d]);
        for (int k = -d; k <= d; k += 2) {
            bool down;
            int32_t x = step(t, d, k, &down), y = x - k;
            while (x < (int32_t)a.n && y >= 0 && y < (int32_t)b.n && same(&a.w[x], &b.w[y]))
                x++, y++;
            trace_row(t, d)[k] = x;
            if (x == (int32_t)a.n && y == (int32_t)b.n)
                return true;
        }
    }
    t->d = DIFF_MAX_EDITS;
    return false;
}

/* Marks with the trace which words of A go (DEL) and which of B come (INS). */
static void walk_back(const struct trace *t, struct words a, struct words b, bool *del, bool *ins)
{
    int32_t x = (int32_t)a.n, y = (int32_t)b.n;
    for (int d = t->d; d > 0; d--) {
        int k = x - y;
        bool down;
        int32_t start = step(t, d, k, &down);
        x = down ? start : start - 1;
        y = down ? start - k - 1 : start - k;
        if (down)
            ins[y] = true;
        else
            del[x] = true;
    }
}

static void emit(struct diff *d, struct words a, struct words b, const bool *del, const bool *ins)
{
    size_t i = 0, j = 0;
    while (i < a.n || j < b.n) {
        size_t i0 = i, j0 = j;
        while (i < a.n && del[i])
            i++;
        while (j < b.n && ins[j])
            j++;
        add_run(d, DIFF_DELETED, a.w + i0, i - i0);
        add_run(d, DIFF_INSERTED, b.w + j0, j - j0);
        size_t s = i;
        while (i < a.n && j < b.n && !del[i] && !ins[j])
            i++, j++;
        add_run(d, DIFF_SAME, a.w + s, i - s);
    }
}

static void compare_middle(struct diff *d, struct words a, struct words b)
{
    struct trace t = {0};
    bool *del = xcalloc(a.n + 1, sizeof *del), *ins = xcalloc(b.n + 1, sizeof *ins);
    if (search(&t, a, b)) {
        walk_back(&t, a, b, del, ins);
    } else {
        memset(del, 1, a.n);
        memset(ins, 1, b.n);
    }
    emit(d, a, b, del, ins);
    for (int i = 0; i <= DIFF_MAX_EDITS; i++)
        free(t.v[i]);
    free(del);
    free(ins);
}

struct diff *diff_words(const char *old, const char *new)
{
    struct diff *d = xcalloc(1, sizeof *d);
    struct words a = split(old), b = split(new);
    size_t head = 0, tail = 0;
    while (head < a.n && head < b.n && same(&a.w[head], &b.w[head]))
        head++;
    while (tail < a.n - head && tail < b.n - head &&
           same(&a.w[a.n - 1 - tail], &b.w[b.n - 1 - tail]))
        tail++;
    add_run(d, DIFF_SAME, a.w, head);
    compare_middle(d, (struct words){a.w ? a.w + head : NULL, a.n - head - tail},
                   (struct words){b.w ? b.w + head : NULL, b.n - head - tail});
    if (tail)
        add_run(d, DIFF_SAME, a.w + a.n - tail, tail);
    free(a.w);
    free(b.w);
    return d;
}

void diff_free(struct diff *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        free(d->runs[i].text);
    free(d->runs);
    free(d);
}

bool diff_is_empty(const struct diff *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->runs[i].kind != DIFF_SAME)
            return false;
    return true;
}

/* ---- showing ------------------------------------------------------------------------------- */

struct shown {
    struct buf *out;
    int width, column;
    bool colour;
    enum diff_kind kind; /* that the colour is switched on for */
};

static void switch_to(struct shown *s, enum diff_kind kind)
{
    static const enum style styles[] = {STYLE_NONE, STYLE_RED, STYLE_GREEN};
    if (s->kind == kind)
        return;
    buf_adds(s->out, style_off(s->colour, styles[s->kind]));
    buf_adds(s->out, style_on(s->colour, styles[kind]));
    s->kind = kind;
}

/* One word in the colour of KIND; the spaces between stay plain. */
static void show_word(struct shown *s, enum diff_kind kind, const char *p, size_t n)
{
    int w = text_width(p, n);
    if (s->column && s->column + 1 + w > s->width) {
        switch_to(s, DIFF_SAME);
        buf_addc(s->out, '\n');
        s->column = 0;
    } else if (s->column) {
        if (kind != s->kind)
            switch_to(s, DIFF_SAME);
        buf_addc(s->out, ' ');
        s->column++;
    }
    switch_to(s, kind);
    buf_add(s->out, p, n);
    s->column += w;
}

static void show_run(struct shown *s, enum diff_kind kind, struct words w)
{
    static const char *const open[] = {"", "[-", "{+"}, *const close[] = {"", "-]", "+}"};
    for (size_t i = 0; i < w.n; i++) {
        if (*w.w[i].p == '\n') {
            switch_to(s, DIFF_SAME);
            buf_addc(s->out, '\n');
            s->column = 0;
            continue;
        }
        CLEANUP_BUF struct buf word = BUF_INIT(LIMIT_TEXT_BYTES * 4);
        bool first = i == 0 || *w.w[i - 1].p == '\n';
        bool last = i + 1 == w.n || *w.w[i + 1].p == '\n';
        if (!s->colour && first)
            buf_adds(&word, open[kind]);
        buf_add(&word, w.w[i].p, w.w[i].n);
        if (!s->colour && last)
            buf_adds(&word, close[kind]);
        show_word(s, kind, word.data, word.len);
    }
}

/* An unchanged run: its first and last CONTEXT words, as far as a change is next to them. */
static void show_same(struct shown *s, struct words w, int context, bool before, bool after)
{
    size_t head = before ? (size_t)context : 0, tail = after ? (size_t)context : 0;
    if (head + tail + 1 >= w.n) {
        show_run(s, DIFF_SAME, w);
        return;
    }
    show_run(s, DIFF_SAME, (struct words){w.w, head});
    show_word(s, DIFF_SAME, "…", strlen("…"));
    show_run(s, DIFF_SAME, (struct words){w.w + w.n - tail, tail});
}

void diff_add(struct buf *out, const struct diff *d, int width, int context, bool colour)
{
    struct shown s = {.out = out, .width = width, .colour = colour};
    for (size_t i = 0; i < d->n; i++) {
        struct words w = split(d->runs[i].text);
        if (d->runs[i].kind == DIFF_SAME)
            show_same(&s, w, context, i > 0, i + 1 < d->n);
        else
            show_run(&s, d->runs[i].kind, w);
        free(w.w);
    }
    switch_to(&s, DIFF_SAME);
    if (s.column)
        buf_addc(out, '\n');
}
