#include "story/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "story/fixed.h"
#include "story/words.h"

#define WORDS      6 /* named of each kind */
#define FEATURES   6
#define WORD_BYTES 40

/* A word of the text by its hash, in one of two texts. */
struct spelling {
    const char *text;
    struct story_word words[STORY_TEXT_WORDS];
    size_t n;
};

static bool add_word(struct jw *w, const struct spelling *s, uint32_t hash)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i].hash == hash && s->words[i].n < WORD_BYTES) {
            jw_strn(w, NULL, s->text + s->words[i].at, s->words[i].n);
            return true;
        }
    return false;
}

/* The heaviest of the item's words that the story knows (or does not). */
static void add_words(struct jw *w, const char *key, const struct story_out *r, bool known,
                      const struct spelling *title, const struct spelling *text)
{
    const struct story_item *x = r->read;
    size_t n = 0;
    jw_begin_array(w, key);
    for (size_t i = 0; i < x->n_terms && n < WORDS; i++) {
        size_t at = x->heaviest[i];
        if ((r->why->known >> at & 1) != known)
            continue;
        n += add_word(w, title, x->terms[at].hash) || add_word(w, text, x->terms[at].hash);
    }
    jw_end_array(w);
}

struct part {
    enum story_feature feature;
    int64_t weight;
};

static int by_weight(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int64_t i = llabs(x->weight), j = llabs(y->weight);
    if (i != j)
        return i > j ? -1 : 1;
    return x->feature < y->feature ? -1 : x->feature > y->feature;
}

static void add_features(struct jw *w, const struct story_candidate *c)
{
    struct part parts[STORY_FEATURES];
    for (size_t i = 0; i < STORY_FEATURES; i++)
        parts[i] = (struct part){(enum story_feature)i,
                                 (int64_t)story_weights.w[i] * c->f[i] / Q12};
    qsort(parts, STORY_FEATURES, sizeof *parts, by_weight);
    jw_begin_array(w, "features");
    for (size_t i = 0; i < FEATURES && parts[i].weight; i++) {
        jw_begin_array(w, NULL);
        jw_str(w, NULL, story_feature_name(parts[i].feature));
        jw_double(w, NULL, (double)(c->f[parts[i].feature] * 1000LL / Q12) / 1000);
        jw_double(w, NULL, (double)(parts[i].weight * 100 / Q12) / 100);
        jw_end_array(w);
    }
    jw_end_array(w);
}

static void cut_words(struct spelling *s, const char *text, size_t max)
{
    s->text = text;
    s->n = text ? story_words(text, strnlen(text, LIMIT_STORY_TEXT_BYTES), s->words, max) : 0;
}

void story_explain(const struct story_in *in, const struct story_out *r, struct buf *out)
{
    struct spelling title, text;
    struct jw w = {.b = out};
    if (!r->why)
        return;
    cut_words(&title, in->title, STORY_TITLE_WORDS);
    cut_words(&text, in->text, STORY_TEXT_WORDS);
    jw_begin_object(&w, NULL);
    jw_int(&w, "best", r->best);
    jw_double(&w, "p", (double)(fixed_logistic(r->why->z) * 1000LL / Q16) / 1000);
    add_words(&w, "words", r, true, &title, &text);
    add_words(&w, "missing", r, false, &title, &text);
    add_features(&w, r->why);
    jw_end_object(&w);
}
