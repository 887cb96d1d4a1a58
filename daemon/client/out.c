#include "client/out.h"

#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/* So many rows are laid out together; the columns of the next ones may differ in width. */
#define TABLE_ROWS  1000
#define FLUSH_BYTES (64u << 10)

struct table_cell {
    char *text; /* printable */
    int width;
    enum style style;
};

struct out {
    int fd;
    enum format format;
    const struct term *term;
    const struct column *columns;
    size_t n_columns;
    bool live, headed;
    struct buf buf;
    struct table_cell (*rows)[OUT_COLUMNS]; /* waiting for the layout */
    size_t n_waiting, n_rows;
    int widths[OUT_COLUMNS];
    int error;
};

int out_write(int fd, const char *p, size_t n)
{
    return io_write_all(fd, p, n);
}

static void flush(struct out *o)
{
    if (o->error == 0)
        o->error = out_write(o->fd, buf_str(&o->buf), o->buf.len);
    buf_clear(&o->buf);
}

struct out *out_new(int fd, enum format format, const struct term *term,
                    const struct column *columns, size_t n, bool live)
{
    struct out *o = xcalloc(1, sizeof *o);
    *o = (struct out){.fd = fd,
                      .format = format,
                      .term = term,
                      .columns = columns,
                      .n_columns = n,
                      .live = live,
                      .buf = BUF_INIT(LIMIT_WIRE_BYTES)};
    if (format == FORMAT_TEXT)
        o->rows = xcalloc(live ? 1 : TABLE_ROWS, sizeof *o->rows);
    return o;
}

size_t out_rows(const struct out *o)
{
    return o->n_rows;
}

int out_error(const struct out *o)
{
    return o->error;
}

/* ---- people -------------------------------------------------------------------------------- */

static void measure(struct out *o)
{
    for (size_t c = 0; c < o->n_columns; c++) {
        if (!o->columns[c].head)
            continue;
        if (!o->headed && o->term->out_tty)
            o->widths[c] = MAX(o->widths[c],
                               text_width(o->columns[c].head, strlen(o->columns[c].head)));
        if (!o->live && o->headed)
            o->widths[c] = 0;
        for (size_t r = 0; r < o->n_waiting; r++)
            o->widths[c] = MAX(o->widths[c], o->rows[r][c].width);
    }
}

/* Takes columns from the widest that may shrink until the line fits. */
static void squeeze(struct out *o)
{
    int total = -2;
    for (size_t c = 0; c < o->n_columns; c++)
        total += o->columns[c].head ? o->widths[c] + 2 : 0;
    for (; total > o->term->width; total--) {
        size_t widest = o->n_columns;
        for (size_t c = 0; c < o->n_columns; c++)
            if (o->columns[c].head && o->columns[c].flags & COL_SHRINK && o->widths[c] > 8 &&
                (widest == o->n_columns || o->widths[c] > o->widths[widest]))
                widest = c;
        if (widest == o->n_columns)
            return;
        o->widths[widest]--;
    }
}

static void add_cell(struct out *o, size_t c, const char *text, int width, enum style style,
                     bool last)
{
    bool right = o->columns[c].flags & COL_RIGHT, cut = o->term->out_tty;
    int room = o->widths[c];
    int shown = cut && width > room ? room : width;
    if (right)
        text_add_spaces(&o->buf, room - shown);
    buf_adds(&o->buf, style_on(o->term->colour, style));
    if (cut)
        shown = text_add_cut(&o->buf, text, strlen(text), room);
    else
        buf_adds(&o->buf, text);
    buf_adds(&o->buf, style_off(o->term->colour, style));
    if (!right && !last)
        text_add_spaces(&o->buf, room - shown);
    if (!last)
        buf_adds(&o->buf, "  ");
}

static void lay_out(struct out *o)
{
    size_t last = o->n_columns;
    while (last && !o->columns[last - 1].head)
        last--;
    measure(o);
    if (o->term->out_tty)
        squeeze(o);
    if (!o->headed && o->term->out_tty && o->n_waiting) {
        for (size_t c = 0; c < last; c++)
            if (o->columns[c].head)
                add_cell(o, c, o->columns[c].head,
                         text_width(o->columns[c].head, strlen(o->columns[c].head)), STYLE_DIM,
                         c + 1 == last);
        buf_addc(&o->buf, '\n');
    }
    for (size_t r = 0; r < o->n_waiting; r++) {
        for (size_t c = 0; c < o->n_columns; c++) {
            struct table_cell *cell = &o->rows[r][c];
            if (c < last && o->columns[c].head)
                add_cell(o, c, cell->text ? cell->text : "", cell->width, cell->style,
                         c + 1 == last);
            free(cell->text);
            *cell = (struct table_cell){0};
        }
        while (o->buf.len && o->buf.data[o->buf.len - 1] == ' ')
            o->buf.data[--o->buf.len] = 0;
        buf_addc(&o->buf, '\n');
        if (o->buf.len > FLUSH_BYTES)
            flush(o);
    }
    o->headed = o->headed || o->n_waiting > 0;
    o->n_waiting = 0;
    flush(o);
}

static void text_row(struct out *o, const struct cell *cells)
{
    for (size_t c = 0; c < o->n_columns; c++) {
        const char *text = cells[c].shown ? cells[c].shown : cells[c].value;
        if (!o->columns[c].head || !text)
            continue;
        struct buf b = BUF_INIT(LIMIT_TEXT_BYTES * 3);
        str_add_printable(&b, text, strlen(text));
        int width = text_width(buf_str(&b), b.len);
        o->rows[o->n_waiting][c] = (struct table_cell){buf_take(&b, NULL), width, cells[c].style};
    }
    if (++o->n_waiting == (o->live ? 1 : TABLE_ROWS))
        lay_out(o);
}

/* ---- programs ------------------------------------------------------------------------------ */

static void add_tsv(struct buf *b, const char *s)
{
    static const char from[] = "\t\n\r\\", to[] = "tnr\\";
    for (; *s; s++) {
        const char *p = strchr(from, *s);
        if (p) {
            buf_addc(b, '\\');
            buf_addc(b, to[p - from]);
        } else {
            buf_addc(b, *s);
        }
    }
}

static void add_csv(struct buf *b, const char *s, bool safe)
{
    bool formula = !safe && *s && strchr("=+-@\t\r", *s);
    bool quote = formula || s[strcspn(s, ",\"\r\n")] || *s == ' ';
    if (quote)
        buf_addc(b, '"');
    if (formula)
        buf_addc(b, '\'');
    for (; *s; s++) {
        if (*s == '"')
            buf_addc(b, '"');
        buf_addc(b, *s);
    }
    if (quote)
        buf_addc(b, '"');
}

static void add_value(struct out *o, const char *s, bool safe)
{
    CLEANUP_BUF struct buf printable = BUF_INIT(LIMIT_TEXT_BYTES * 3);
    if (o->term->out_tty) {
        str_add_printable(&printable, s, strlen(s));
        s = buf_str(&printable);
    }
    if (o->format == FORMAT_CSV)
        add_csv(&o->buf, s, safe);
    else
        add_tsv(&o->buf, s);
}

static void value_row(struct out *o, const struct cell *cells)
{
    bool csv = o->format == FORMAT_CSV, first = true;
    for (size_t c = 0; c < o->n_columns; c++) {
        if (!o->columns[c].key)
            continue;
        if (!first)
            buf_addc(&o->buf, csv ? ',' : '\t');
        first = false;
        if (cells[c].value)
            add_value(o, cells[c].value, o->columns[c].flags & COL_SAFE);
    }
    buf_adds(&o->buf, csv ? "\r\n" : "\n");
}

static void value_head(struct out *o)
{
    struct cell heads[OUT_COLUMNS] = {0};
    for (size_t c = 0; c < o->n_columns; c++)
        heads[c].value = o->columns[c].key;
    value_row(o, heads);
    o->headed = true;
}

void out_add_json(struct buf *b, const struct term *term, const char *json, size_t n)
{
    if (!term->out_tty) {
        buf_add(b, json, n);
        return;
    }
    /* JSON is ASCII outside of strings, so whatever steers a terminal stands inside one */
    while (n) {
        uint32_t cp;
        size_t k = utf8_decode(json, n, &cp);
        if (k > 1) {
            CLEANUP_BUF struct buf one = BUF_INIT(8);
            str_add_printable(&one, json, k);
            if (one.len == k && memcmp(one.data, json, k) == 0)
                buf_add(b, json, k);
            else
                buf_addf(b, "\\u%04x", cp);
        } else if (k == 1 && cp == 0x7f) {
            buf_adds(b, "\\u007f");
        } else if (k == 1) {
            buf_addc(b, *json);
        }
        k = k ? k : 1;
        json += k;
        n -= k;
    }
}

static void json_row(struct out *o, const char *json, size_t n)
{
    if (o->format == FORMAT_JSON)
        buf_adds(&o->buf, o->n_rows ? ",\n" : "[\n");
    out_add_json(&o->buf, o->term, json, n);
    if (o->format == FORMAT_JSONL)
        buf_addc(&o->buf, '\n');
}

void out_row(struct out *o, const struct cell *cells, const char *json, size_t json_len)
{
    switch (o->format) {
    case FORMAT_TEXT:
        text_row(o, cells);
        break;
    case FORMAT_JSON:
    case FORMAT_JSONL:
        json_row(o, json, json_len);
        break;
    case FORMAT_TSV:
    case FORMAT_CSV:
        if (!o->headed)
            value_head(o);
        value_row(o, cells);
        break;
    }
    o->n_rows++;
    if (o->live || o->buf.len > FLUSH_BYTES)
        flush(o);
}

int out_end(struct out *o, bool complete)
{
    if (o->format == FORMAT_TEXT)
        lay_out(o);
    else if (!complete)
        ;
    else if (o->format == FORMAT_JSON)
        buf_adds(&o->buf, o->n_rows ? "\n]\n" : "[]\n");
    else if (o->format != FORMAT_JSONL && !o->headed)
        value_head(o);
    flush(o);
    int r = o->error;
    buf_free(&o->buf);
    free(o->rows);
    free(o);
    return r;
}
