#include "story/item.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "story/fixed.h"
#include "story/function_words.h"

#define TF_ONE      256 /* weight of a word of the title */
#define TF_MOST     410 /* 1.6: of a word that the text repeats */
#define TF_TEXT     102 /* 0.4: of the text's first word; the 40th weighs half of it */
#define TF_HALF_AT  40
#define EMPTY_SHARE 8 /* a function word weighs so many times less */
#define LEAD_WORDS  24
#define KEY_WORDS   4 /* an exact key needs so many words of title and lead together */

struct counted {
    uint32_t hash;
    uint32_t tf;
    bool title, empty;
    struct frequency_slot count;
    uint32_t idf;
    uint64_t weight;
};

/* ---- title and exact key --------------------------------------------------------------------- */

static bool ends_with_name(const char *tail, const char *name)
{
    return !str_empty(name) && str_caseeq(tail, name);
}

size_t story_title_length(const char *title, const char *byline, const char *outlet)
{
    static const char *const seps[] = {" - ", " | ", " \xE2\x80\x93 ", " \xE2\x80\x94 ", " :: "};
    size_t n = strlen(title);
    const char *best = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(seps); i++)
        for (const char *p = strstr(title, seps[i]); p; p = strstr(p + 1, seps[i]))
            if (p > title && (ends_with_name(p + strlen(seps[i]), byline) ||
                              ends_with_name(p + strlen(seps[i]), outlet)))
                best = p;
    return best ? (size_t)(best - title) : n;
}

static uint64_t mix64(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (; s && *s; s++)
        h = mix64(h, (unsigned char)*s);
    return h;
}

static uint64_t exact_key(const struct story_word *title, size_t n_title,
                          const struct story_word *text, size_t n_text)
{
    uint64_t h = 1;
    size_t lead = MIN(n_text, (size_t)LEAD_WORDS);
    if (n_title + lead < KEY_WORDS || n_title == 0)
        return 0;
    for (size_t i = 0; i < n_title; i++)
        h = mix64(h, title[i].hash);
    h = mix64(h, 0x1F);
    for (size_t i = 0; i < lead; i++)
        h = mix64(h, text[i].hash);
    return h ? h : 1;
}

/* ---- words to weights ------------------------------------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_weight(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_term(const void *a, const void *b)
{
    const struct story_term *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_title_word(const void *a, const void *b)
{
    const struct story_title_word *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->flags < y->flags ? -1 : x->flags > y->flags;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static bool is_empty(const struct story_word *w)
{
    return (w->flags & WORD_FUNCTION) ||
           (!(w->flags & (WORD_PAIR | WORD_NUMBER)) && story_is_function_word(w->hash));
}

/* Adds up the words of title and text: one entry a word, by hash. */
static size_t count_words(struct counted *ret, const struct story_word *title, size_t n_title,
                          const struct story_word *text, size_t n_text)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < n_title; i++)
        ret[n++] = (struct counted){
            .hash = title[i].hash, .tf = TF_ONE, .title = true, .empty = is_empty(&title[i])};
    for (size_t i = 0; i < n_text; i++)
        ret[n++] = (struct counted){.hash = text[i].hash,
                                    .tf = TF_TEXT * TF_HALF_AT / (TF_HALF_AT + (uint32_t)i),
                                    .empty = is_empty(&text[i])};
    qsort(ret, n, sizeof *ret, by_hash);
    for (size_t i = 0; i < n; i++)
        if (k && ret[k - 1].hash == ret[i].hash) {
            ret[k - 1].tf += ret[i].title && ret[k - 1].title ? 0 : ret[i].tf;
            ret[k - 1].title |= ret[i].title;
        } else {
            ret[k++] = ret[i];
        }
    return k;
}

static void weigh(struct counted *list, size_t n, const struct frequency *f)
{
    int32_t all = frequency_all(f);
    for (size_t i = 0; i < n; i++) {
        struct counted *c = &list[i];
        c->count = frequency_get(f, c->hash);
        c->idf = (uint32_t)frequency_idf(all, &c->count);
        if (c->empty)
            c->idf /= EMPTY_SHARE;
        c->weight = (uint64_t)MIN(c->tf, (uint32_t)TF_MOST) * c->idf;
    }
}

/* Makes the first N weights a unit vector. */
static void unit(struct story_term *ret, const struct counted *list, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += list[i].weight * list[i].weight;
    uint64_t norm = MAX(fixed_sqrt(sum), (uint64_t)1);
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct story_term){list[i].hash, (uint16_t)(list[i].weight * Q14 / norm)};
}

static void put_terms(struct story_item *x, struct counted *list, size_t n)
{
    qsort(list, n, sizeof *list, by_weight);
    x->n_terms = MIN(n, (size_t)STORY_TERMS);
    while (x->n_terms && !list[x->n_terms - 1].weight)
        x->n_terms--;
    unit(x->terms, list, x->n_terms);
    uint32_t order[STORY_TERMS];
    for (size_t i = 0; i < x->n_terms; i++)
        order[i] = list[i].hash;
    qsort(list, x->n_terms, sizeof *list, by_hash);
    qsort(x->terms, x->n_terms, sizeof *x->terms, by_term);
    memset(x->slot, STORY_NO_TERM, sizeof x->slot);
    for (size_t i = 0; i < x->n_terms; i++) {
        uint32_t at = x->terms[i].hash & 255;
        while (x->slot[at] != STORY_NO_TERM)
            at = (at + 1) & 255;
        x->slot[at] = (uint8_t)i;
        x->counts[i] = list[i].count;
        x->rare[i] = (uint32_t)fixed_log2((1u << 20) / (list[i].count.total + 1));
    }
    for (size_t i = 0; i < x->n_terms; i++)
        x->heaviest[i] = (uint8_t)story_item_term(x, order[i]);
}

static const struct counted *find(const struct counted *list, size_t n, uint32_t hash)
{
    struct counted key = {.hash = hash};
    return bsearch(&key, list, n, sizeof *list, by_hash);
}

/* The title's own vector, words, set and numbers. LIST is by hash. */
static void put_title(struct story_item *x, const struct counted *list, size_t n,
                      const struct story_word *title, size_t n_title)
{
    uint64_t sum = 0;
    size_t k = 0;
    x->n_words = n_title;
    for (size_t i = 0; i < n_title; i++) {
        const struct counted *c = find(list, n, title[i].hash);
        uint8_t flags = title[i].flags;
        if (c->empty)
            flags |= WORD_FUNCTION;
        x->words[i] = (struct story_title_word){
            .hash = title[i].hash, .idf = (uint16_t)(c->idf / (LOG / STORY_IDF)), .flags = flags};
    }
    memcpy(x->set, x->words, n_title * sizeof *x->set);
    qsort(x->set, n_title, sizeof *x->set, by_title_word);
    for (size_t i = 0; i < n_title; i++)
        if (!k || x->set[k - 1].hash != x->set[i].hash)
            x->set[k++] = x->set[i];
        else
            x->set[k - 1].flags = (x->set[k - 1].flags | x->set[i].flags) & 31;
    x->n_set = k;
    for (size_t i = 0; i < k; i++) {
        sum += (uint64_t)x->set[i].idf * x->set[i].idf;
        if ((x->set[i].flags & WORD_NUMBER) && x->n_numbers < STORY_NUMBERS)
            x->numbers[x->n_numbers++] = x->set[i].hash;
    }
    uint64_t norm = MAX(fixed_sqrt(sum * STORY_IDF * STORY_IDF), (uint64_t)1);
    for (size_t i = 0; i < k; i++)
        x->set[i].weight = (uint16_t)(x->set[i].idf * (uint64_t)STORY_IDF * Q14 / norm);
    qsort(x->numbers, x->n_numbers, sizeof *x->numbers, by_number);
}

void story_item_read(struct story_item *ret, const struct story_in *in, const struct frequency *f)
{
    struct story_word title[STORY_TITLE_WORDS], text[STORY_TEXT_WORDS];
    struct counted list[STORY_TITLE_WORDS + STORY_TEXT_WORDS];
    const char *t = in->title ? in->title : "";
    memset(ret, 0, sizeof *ret);
    size_t n_title = story_words(t, story_title_length(t, in->byline, in->outlet), title,
                                 STORY_TITLE_WORDS);
    size_t n_text = in->text ? story_words(in->text, strnlen(in->text, LIMIT_STORY_TEXT_BYTES),
                                           text, STORY_TEXT_WORDS)
                             : 0;
    if (!n_title) { /* a note without a title is known by its first words */
        n_title = MIN(n_text, (size_t)STORY_TITLE_WORDS / 2);
        memcpy(title, text, n_title * sizeof *title);
    }
    for (size_t i = 0; i < n_title; i++)
        frequency_expect(f, title[i].hash);
    for (size_t i = 0; i < n_text; i++)
        frequency_expect(f, text[i].hash);
    size_t n = count_words(list, title, n_title, text, n_text);
    weigh(list, n, f);
    for (size_t i = 0; i < n; i++)
        ret->all[i] = list[i].hash;
    ret->n_all = n;
    put_title(ret, list, n, title, n_title);
    put_terms(ret, list, n);
    ret->key = exact_key(title, n_title, text, n_text);
    ret->address = str_empty(in->address) ? 0 : hash_text(in->address);
    ret->outlet = str_empty(in->outlet) ? 0 : (uint32_t)(hash_text(in->outlet) >> 32) | 1;
    ret->source = str_empty(in->source) ? ret->outlet : (uint32_t)(hash_text(in->source) >> 32) | 1;
    ret->item = in->item;
    ret->time_s = in->time_s;
    ret->has_text = n_text > 0;
}
