#include "query/doc.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "query/regex.h"

#define TAGS_BYTES (1u << 20)

struct matcher *matcher_new(void)
{
    struct matcher *m = xcalloc(1, sizeof *m);
    m->words = words_new();
    m->run = regex_run_new();
    m->tags = BUF_INIT(TAGS_BYTES);
    m->lang = BUF_INIT(256);
    m->site = BUF_INIT(LIMIT_URL_BYTES);
    m->feed = BUF_INIT(LIMIT_URL_BYTES);
    m->feed_url = BUF_INIT(LIMIT_URL_BYTES);
    m->table_size = 1024;
    m->table = xmalloc(m->table_size * sizeof *m->table);
    return m;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    words_free(m->words);
    regex_run_free(m->run);
    buf_free(&m->tags);
    buf_free(&m->lang);
    buf_free(&m->site);
    buf_free(&m->feed);
    buf_free(&m->feed_url);
    free(m->bytes);
    free(m->list);
    free(m->row);
    free(m->next);
    free(m->table);
    free(m);
}

void matcher_set(struct matcher *m, const struct query_doc *doc)
{
    m->copy = *doc;
    m->doc = &m->copy;
    m->split = m->folded = false;
}

/* ---- words --------------------------------------------------------------------------------- */

static void clear_table(struct matcher *m)
{
    memset(m->table, 0xff, m->table_size * sizeof *m->table);
}

/* The place of the word in the table: where it is, or where it would go. */
static uint32_t slot_of(const struct matcher *m, const char *p, uint32_t n, uint32_t hash)
{
    uint32_t mask = m->table_size - 1, i = hash & mask;
    for (uint32_t w; (w = m->table[i]) != NO_WORD; i = (i + 1) & mask)
        if (m->list[w].hash == hash && m->list[w].n == n && memcmp(doc_bytes(m, w), p, n) == 0)
            break;
    return i;
}

static void grow_table(struct matcher *m)
{
    m->table_size *= 2;
    m->table = xreallocarray(m->table, m->table_size, sizeof *m->table);
    clear_table(m);
    for (uint32_t w = 0; w < m->n_words; w++)
        m->table[slot_of(m, doc_bytes(m, w), m->list[w].n, m->list[w].hash)] = w;
}

static uint32_t new_word(struct matcher *m, const char *p, uint32_t n, uint32_t hash)
{
    if (m->n_bytes + n > m->bytes_cap) {
        m->bytes_cap = MAX(m->bytes_cap * 2, m->n_bytes + n + 4096);
        m->bytes = xrealloc(m->bytes, m->bytes_cap);
    }
    if (m->n_words == m->list_cap) {
        m->list_cap = m->list_cap ? m->list_cap * 2 : 512;
        m->list = xreallocarray(m->list, m->list_cap, sizeof *m->list);
    }
    memcpy(m->bytes + m->n_bytes, p, n);
    m->list[m->n_words] = (struct doc_word){hash, n, (uint32_t)m->n_bytes, m->n_row, m->n_row};
    m->n_bytes += n;
    return m->n_words++;
}

static void add_word(void *ctx, const char *token, size_t n)
{
    struct matcher *m = ctx;
    uint32_t hash = token_hash(token, n);
    if (m->n_words * 2 >= m->table_size)
        grow_table(m);
    if (m->n_row == m->row_cap) {
        m->row_cap = m->row_cap ? m->row_cap * 2 : 1024;
        m->row = xreallocarray(m->row, m->row_cap, sizeof *m->row);
        m->next = xreallocarray(m->next, m->row_cap, sizeof *m->next);
    }
    uint32_t slot = slot_of(m, token, (uint32_t)n, hash), w = m->table[slot];
    if (w == NO_WORD)
        w = m->table[slot] = new_word(m, token, (uint32_t)n, hash);
    else
        m->next[m->list[w].last] = m->n_row;
    m->list[w].last = m->n_row;
    m->row[m->n_row] = w;
    m->next[m->n_row++] = NO_WORD;
}

void doc_split(struct matcher *m)
{
    const char *cols[N_COLS] = {m->doc->title, m->doc->author, m->doc->text};
    if (m->split)
        return;
    m->split = true;
    m->n_bytes = 0;
    m->n_words = m->n_row = 0;
    clear_table(m);
    for (int c = 0; c < N_COLS; c++) {
        if (cols[c])
            words_each(m->words, cols[c], strlen(cols[c]), add_word, m);
        m->col_end[c] = m->n_row;
    }
}

uint32_t doc_find(const struct matcher *m, const struct token *t)
{
    return m->table[slot_of(m, t->p, t->n, t->hash)];
}

/* ---- values -------------------------------------------------------------------------------- */

static void fold_tags(struct matcher *m, const char *tags)
{
    while (tags && *tags) {
        size_t n = strcspn(tags, "\n");
        if (n) {
            words_fold(m->words, &m->tags, tags, n);
            buf_addc(&m->tags, '\n');
        }
        tags += n + (tags[n] == '\n');
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static void add_lower(struct buf *out, const char *s)
{
    for (; s && *s; s++)
        buf_addc(out, lower(*s));
}

static void fold_lang(struct matcher *m)
{
    const char *s = m->doc->language ? m->doc->language : m->doc->feed_language;
    while (s && (*s == ' ' || *s == '\t'))
        s++;
    for (; s && *s && *s != ' ' && *s != '\t'; s++)
        buf_addc(&m->lang, *s == '_' ? '-' : lower(*s));
}

/* The host of an address (RFC 3986 3.2.2), in lower case. */
static void fold_site(struct matcher *m)
{
    const char *s = m->doc->url ? strstr(m->doc->url, "://") : NULL;
    if (!s)
        return;
    s += 3;
    size_t n = strcspn(s, "/?#\\");
    const char *at = memrchr(s, '@', n);
    if (at) {
        n -= (size_t)(at + 1 - s);
        s = at + 1;
    }
    size_t host = *s == '[' ? n : strcspn(s, ":");
    n = MIN(n, host);
    while (n && s[n - 1] == '.')
        n--;
    for (size_t i = 0; i < n; i++)
        buf_addc(&m->site, lower(s[i]));
}

void doc_fold(struct matcher *m)
{
    if (m->folded)
        return;
    m->folded = true;
    buf_clear(&m->tags);
    buf_clear(&m->lang);
    buf_clear(&m->site);
    buf_clear(&m->feed);
    buf_clear(&m->feed_url);
    fold_tags(m, m->doc->tags);
    fold_tags(m, m->doc->feed_tags);
    fold_lang(m);
    fold_site(m);
    add_lower(&m->feed, m->doc->feed);
    add_lower(&m->feed_url, m->doc->feed_url);
}

bool query_json_has_enclosure(const char *json, size_t n)
{
    /* Inside a string the quotes would be escaped, and nothing else in an item has such a member.
     */
    static const char member[] = "\"attachments\":[{";
    return json && memmem(json, n, member, sizeof member - 1);
}
