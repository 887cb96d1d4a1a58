#include "story/score.h"

#include <string.h>

#include "base/mem.h"
#include "story/fixed.h"

#define TELLING_MOST 700                 /* a word that more items have had tells little */
#define NAME_IDF     (STORY_IDF * 9 / 4) /* a capital on a commoner word is no name */
#define GAP_MOST_S   (5 * 86400)
#define AGE_MOST_S   (10 * 86400)
#define NEAR_PERCENT 60 /* of the best resemblance: candidates that crowd it */

static const struct {
    const char *name, *words;
} features[STORY_FEATURES] = {
    [F_COS] = {"cos", "resemblance to the whole story"},
    [F_TITLECOS] = {"titlecos", "resemblance of the titles"},
    [F_MAXREP] = {"maxrep", "resemblance to its nearest item"},
    [F_OPENER] = {"opener", "resemblance to the item that opened it"},
    [F_MARGIN] = {"margin", "nearer than the next story"},
    [F_COV] = {"cov", "share of the item's words that the story uses"},
    [F_RCOV] = {"rcov", "share of the story's words that the item uses"},
    [F_PURITY] = {"purity", "the words are this story's own these days"},
    [F_COHESION] = {"cohesion", "how much alike the story's items are"},
    [F_JACCARD] = {"jaccard", "words that both titles have"},
    [F_WJACCARD] = {"wjaccard", "telling words that both titles have"},
    [F_CONTAIN] = {"contain", "one title's telling words are in the other"},
    [F_BIGRAM] = {"bigram", "phrases that both titles have"},
    [F_GAP] = {"gap", "days since its last item"},
    [F_LOGGAP] = {"loggap", "hours since its last item"},
    [F_AGE] = {"age", "age of the story"},
    [F_LOGN] = {"logn", "size of the story"},
    [F_HEAT] = {"heat", "items of the last hours"},
    [F_NUMCONF] = {"numconf", "alike but for the numbers"},
    [F_NUMSAME] = {"numsame", "the same numbers"},
    [F_ENTKNOWN] = {"entknown", "names that the story knows"},
    [F_ENTABSENT] = {"entabsent", "names that the story does not know"},
    [F_NSHARED] = {"nshared", "number of telling words in common"},
    [F_TOPSHARED] = {"topshared", "the rarest word in common"},
    [F_MAXMISS] = {"maxmiss", "the rarest word that the story lacks"},
    [F_LEN] = {"len", "length of the title"},
    [F_HASTEXT] = {"hastext", "the item has a text"},
    [F_BOTHTEXT] = {"bothtext", "both have a text"},
    [F_CROWD] = {"crowd", "other stories are about as near"},
    [F_COMMON] = {"common", "the item's words are in much of the news"},
    [F_OUTLET] = {"outlet", "the same outlet has told it"},
    [F_TITLEKNOWN] = {"titleknown", "telling words of its title that the story uses"},
    [F_TITLETOLD] = {"titletold", "telling words of the nearest title that the item uses"},
    [F_TOPOWN] = {"topown", "a word in common that hardly another story has"},
    [F_NOWN] = {"nown", "number of words in common that hardly another story has"},
    [F_COS_LOGN] = {"cos*logn", "resemblance to a large story"},
    [F_COV_LOGN] = {"cov*logn", "words known to a large story"},
    [F_PURITY_LOGN] = {"purity*logn", "words that are a large story's own"},
    [F_COS_TEXT] = {"cos*text", "resemblance to the whole story, with texts"},
    [F_MAXREP_TEXT] = {"maxrep*text", "resemblance to its nearest item, with texts"},
    [F_WJACCARD_TEXT] = {"wjaccard*text", "telling words that both titles have, with texts"},
    [F_COV_TEXT] = {"cov*text", "words that the story uses, with texts"},
    [F_PURITY_TEXT] = {"purity*text", "words that are this story's own, with texts"},
    [F_LOGN_TEXT] = {"logn*text", "size of the story, with texts"},
    [F_COS2] = {"cos2", "strong resemblance to the whole story"},
    [F_COS_CROWD] = {"cos*crowd", "resemblance while other stories are about as near"},
    [F_COS_PURITY] = {"cos*purity", "resemblance by words of its own"},
    [F_GAP_LOGN] = {"gap*logn", "a large story has been silent"},
    [F_NUMCONF_OUTLET] = {"numconf*outlet", "alike but for the numbers, from the same outlet"},
    [F_NUMCONF_WJACCARD] = {"numconf*wjaccard", "titles alike but for the numbers"},
    [F_NUMCONF_COS] = {"numconf*cos", "alike but for the numbers, texts too"},
    [F_TITLETOLD_TEXT] = {"titletold*text", "words of the nearest title in the item's text"},
};

const char *story_feature_name(enum story_feature f)
{
    return features[f].name;
}

const char *story_feature_words(enum story_feature f)
{
    return features[f].words;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int32_t share(uint64_t part, uint64_t whole)
{
    return whole ? (int32_t)MIN(part * Q12 / whole, (uint64_t)Q12) : 0;
}

static int32_t times(int32_t a, int32_t b)
{
    return (int32_t)((int64_t)a * b / Q12);
}

static uint64_t square(uint64_t w)
{
    return w * w;
}

/* Against the centroid: cos, cov, rcov, purity, and which terms are known. */
static void whole_features(const struct story_item *x, const struct story *s,
                           struct story_candidate *c)
{
    struct story_sum buf[STORY_CENTROID];
    const struct story_sum *sum;
    uint32_t items[STORY_TERMS] = {0};
    uint64_t dot = 0, shared = 0, all = 0, cov = 0, purity = 0;
    int32_t own, top_own = 0, n_own = 0;
    size_t n = live_centroid(s, buf, &sum);
    for (size_t i = 0; i < n; i++) {
        int at = story_item_term(x, sum[i].hash);
        uint64_t w = sum[i].sum;
        all += square(w >> 4);
        if (at < 0)
            continue;
        dot += w * x->terms[at].weight;
        shared += square(w >> 4);
        items[at] = sum[i].items;
        c->known |= (uint64_t)1 << at;
    }
    for (size_t i = 0; i < x->n_terms; i++) {
        if (!items[i])
            continue;
        uint64_t w2 = square(x->terms[i].weight), mn = (uint64_t)items[i] * s->n;
        cov += w2 * mn / (mn + s->n - 1);
        uint64_t recent = x->counts[i].recent * (uint64_t)2 + 1;
        purity += w2 * MIN((uint64_t)items[i] * 2, recent) / recent;
        own = share((uint64_t)items[i] * 2, recent);
        top_own = MAX(top_own, own);
        n_own += own >= Q12 / 2;
    }
    c->f[F_COS] = share(dot / Q14, s->norm);
    c->f[F_COV] = (int32_t)MIN(cov >> 16, (uint64_t)Q12);
    c->f[F_PURITY] = (int32_t)MIN(purity >> 16, (uint64_t)Q12);
    c->f[F_RCOV] = share(shared, all);
    c->f[F_TOPOWN] = top_own;
    c->f[F_NOWN] = MIN(n_own, 6) * (Q12 / 6);
    c->f[F_COHESION] = share(s->norm, (uint64_t)Q14 * s->n);
}

/* Titles against the story's title centroid. */
static void title_features(const struct story_item *x, const struct story *s,
                           struct story_candidate *c)
{
    struct story_sum buf[STORY_CENTROID];
    const struct story_sum *sum;
    uint64_t dot = 0;
    size_t n = live_titles(s, buf, &sum);
    for (size_t i = 0, j = 0; i < n && j < x->n_set;)
        if (sum[i].hash == x->set[j].hash)
            dot += (uint64_t)sum[i++].sum * x->set[j++].weight;
        else if (sum[i].hash < x->set[j].hash)
            i++;
        else
            j++;
    c->f[F_TITLECOS] = share(dot / Q14, s->title_norm);
}

/* What is known of the item's names and telling words. */
static void word_features(const struct story_item *x, struct story_candidate *c)
{
    uint32_t known = 0, absent = 0, telling = 0, top = 0, miss = 0, used = 0, all = 0;
    for (size_t i = 0; i < x->n_set; i++) {
        const struct story_title_word *w = &x->set[i];
        int at = story_item_term(x, w->hash);
        bool has = at >= 0 && (c->known >> at & 1);
        uint32_t idf = w->idf;
        if ((w->flags & WORD_CAPITAL) && idf > NAME_IDF)
            *(has ? &known : &absent) += idf;
        all += idf;
        used += has ? idf : 0;
        if (!has)
            miss = MAX(miss, idf);
    }
    for (size_t i = 0; i < x->n_terms; i++) {
        if (!(c->known >> i & 1))
            continue;
        telling += x->counts[i].total < TELLING_MOST;
        top = MAX(top, x->rare[i]);
    }
    c->f[F_TITLEKNOWN] = share(used, all);
    c->f[F_ENTKNOWN] = share(known, known + absent);
    c->f[F_ENTABSENT] = share(absent, known + absent);
    c->f[F_NSHARED] = (int32_t)MIN(telling, 8u) * (Q12 / 8);
    c->f[F_TOPSHARED] = (int32_t)(top / 5);
    c->f[F_MAXMISS] = (int32_t)(miss * (Q12 / (STORY_IDF * 16)));
}

static size_t common(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    size_t k = 0;
    for (size_t i = 0, j = 0; i < n && j < m;)
        if (a[i] == b[j])
            k++, i++, j++;
        else if (a[i] < b[j])
            i++;
        else
            j++;
    return k;
}

/* Titles alike but for their numbers tell of two events: releases, quakes, days of the market. */
static void number_features(const struct story_item *x, const struct story_rep *r,
                            int32_t words_alike, struct story_candidate *c)
{
    size_t same = common(x->numbers, x->n_numbers, r->numbers, r->n_numbers);
    c->f[F_NUMSAME] = (int32_t)MIN(same, (size_t)2) * (Q12 / 2);
    c->f[F_NUMCONF] = 0;
    if (!x->n_numbers || !r->n_numbers)
        return;
    if (same == x->n_numbers && same == r->n_numbers)
        return;
    bool contained = same == x->n_numbers || same == r->n_numbers;
    c->f[F_NUMCONF] = contained ? words_alike / 2 : words_alike;
}

/* The titles of X and R: jaccard, wjaccard, contain, bigram; the share of other words than numbers
 * that they have in common is returned. */
static int32_t pair_features(const struct story_item *x, const struct story_rep *r, int32_t f[])
{
    uint32_t both = 0, wboth = 0, wx = 0, wr = 0, plain = 0, plain_both = 0;
    size_t i, j, n_pairs = x->n_words ? x->n_words - 1 : 0;
    for (i = 0; i < x->n_set; i++) {
        wx += x->set[i].idf;
        plain += !(x->set[i].flags & WORD_NUMBER);
    }
    for (i = 0; i < r->n_set; i++) {
        wr += r->set[i].idf;
        plain += !(r->set[i].flags & WORD_NUMBER);
    }
    for (i = 0, j = 0; i < x->n_set && j < r->n_set;)
        if (x->set[i].hash == r->set[j].hash) {
            both++;
            plain_both += !(x->set[i].flags & WORD_NUMBER);
            wboth += x->set[i].idf < r->set[j].idf ? x->set[i].idf : r->set[j].idf;
            i++, j++;
        } else if (x->set[i].hash < r->set[j].hash) {
            i++;
        } else {
            j++;
        }
    f[F_JACCARD] = share(both, x->n_set + r->n_set - both);
    f[F_WJACCARD] = share(wboth, wx + wr - MIN(wboth, wx + wr));
    f[F_CONTAIN] = share(wboth, MIN(wx, wr));
    size_t k = 0;
    for (i = 0; i < n_pairs; i++) {
        uint32_t h = story_pair_hash(x->words[i].hash, x->words[i + 1].hash);
        size_t low = 0, high = r->n_pairs;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            if (r->pairs[mid] < h)
                low = mid + 1;
            else
                high = mid;
        }
        k += low < r->n_pairs && r->pairs[low] == h;
    }
    n_pairs = MIN(n_pairs, (size_t)r->n_pairs);
    f[F_BIGRAM] = share(k, MAX(n_pairs, (size_t)1));
    return share(plain_both, plain - plain_both);
}

static int32_t rep_cos(const struct story_item *x, const struct story_rep *r)
{
    uint64_t dot = 0;
    for (size_t i = 0; i < r->n_terms; i++) {
        int at = story_item_term(x, r->terms[i].hash);
        if (at >= 0)
            dot += (uint64_t)x->terms[at].weight * r->terms[i].weight;
    }
    return (int32_t)MIN(dot >> 16, (uint64_t)Q12);
}

/* How much of R's title the item X says, in title or text. */
static int32_t title_told(const struct story_item *x, const struct story_rep *r)
{
    uint32_t told = 0, all = 0;
    for (size_t i = 0; i < r->n_set; i++) {
        all += r->set[i].idf;
        told += story_item_term(x, r->set[i].hash) >= 0 ? r->set[i].idf : 0;
    }
    return share(told, all);
}

static void rep_features(const struct story_item *x, const struct story *s,
                         struct story_candidate *c)
{
    int32_t alike = 0, f[STORY_FEATURES];
    c->f[F_OPENER] = rep_cos(x, s->reps[0]);
    for (size_t i = 0; i < STORY_REPS && s->reps[i]; i++) {
        const struct story_rep *r = s->reps[i];
        int32_t cos = i ? rep_cos(x, r) : c->f[F_OPENER];
        int32_t words = pair_features(x, r, f);
        c->f[F_JACCARD] = MAX(c->f[F_JACCARD], f[F_JACCARD]);
        c->f[F_WJACCARD] = MAX(c->f[F_WJACCARD], f[F_WJACCARD]);
        c->f[F_CONTAIN] = MAX(c->f[F_CONTAIN], f[F_CONTAIN]);
        c->f[F_BIGRAM] = MAX(c->f[F_BIGRAM], f[F_BIGRAM]);
        if (x->outlet && r->outlet == x->outlet)
            c->f[F_OUTLET] = Q12;
        if (i == 0 || cos > c->f[F_MAXREP]) {
            c->f[F_MAXREP] = cos;
            c->nearest = (uint8_t)i;
            alike = words;
        }
    }
    number_features(x, s->reps[c->nearest], alike, c);
    c->f[F_TITLETOLD] = title_told(x, s->reps[c->nearest]);
    c->f[F_BOTHTEXT] = x->has_text && s->reps[c->nearest]->has_text ? Q12 : 0;
}

static int32_t day_share(int64_t s, int64_t most, int64_t per)
{
    return s < 0 ? 0 : (int32_t)(MIN(s, most) * Q12 / per);
}

static void story_features(const struct story_item *x, const struct story *s,
                           struct story_candidate *c)
{
    int64_t gap = x->time_s - s->last_s; /* an item that comes late is as far away */
    gap = gap < 0 ? MAX(s->first_s - x->time_s, (int64_t)0) : gap;
    uint64_t recent = 0;
    c->f[F_GAP] = day_share(gap, GAP_MOST_S, 86400);
    c->f[F_LOGGAP] = fixed_log2(1 + (uint64_t)gap / 900) * (Q12 / LOG) / 8;
    c->f[F_AGE] = day_share(x->time_s - s->first_s, AGE_MOST_S, AGE_MOST_S);
    c->f[F_LOGN] = fixed_log2(s->n) * (Q12 / LOG) / 4;
    c->f[F_HEAT] = fixed_log2(256 + live_heat(s, x->time_s)) * (Q12 / LOG) / 4 - 2 * Q12;
    for (size_t i = 0; i < MIN(x->n_terms, (size_t)4); i++)
        recent += (uint64_t)fixed_log2(x->counts[x->heaviest[i]].recent + 1);
    c->f[F_COMMON] = (int32_t)(recent * (Q12 / LOG) / 4 / 8);
    c->f[F_LEN] = (int32_t)(x->n_words * Q12 / 20);
    c->f[F_HASTEXT] = x->has_text ? Q12 : 0;
}

/* Those that need the others: margin, crowd, products. */
static void cross_features(struct story_candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t best = 0, crowd = 0, *f = c[i].f;
        for (size_t j = 0; j < n; j++) {
            if (j == i)
                continue;
            best = MAX(best, c[j].f[F_MAXREP]);
            crowd += c[j].f[F_MAXREP] * 100 >= f[F_MAXREP] * NEAR_PERCENT;
        }
        f[F_MARGIN] = f[F_MAXREP] - best;
        f[F_CROWD] = crowd * (Q12 / 16);
        f[F_COS_LOGN] = times(f[F_COS], f[F_LOGN]);
        f[F_COV_LOGN] = times(f[F_COV], f[F_LOGN]);
        f[F_PURITY_LOGN] = times(f[F_PURITY], f[F_LOGN]);
        f[F_COS_TEXT] = times(f[F_COS], f[F_BOTHTEXT]);
        f[F_MAXREP_TEXT] = times(f[F_MAXREP], f[F_BOTHTEXT]);
        f[F_WJACCARD_TEXT] = times(f[F_WJACCARD], f[F_BOTHTEXT]);
        f[F_COV_TEXT] = times(f[F_COV], f[F_BOTHTEXT]);
        f[F_PURITY_TEXT] = times(f[F_PURITY], f[F_BOTHTEXT]);
        f[F_LOGN_TEXT] = times(f[F_LOGN], f[F_BOTHTEXT]);
        f[F_COS2] = times(f[F_COS], f[F_COS]);
        f[F_COS_CROWD] = times(f[F_COS], f[F_CROWD]);
        f[F_COS_PURITY] = times(f[F_COS], f[F_PURITY]);
        f[F_GAP_LOGN] = times(f[F_GAP], f[F_LOGN]);
        f[F_NUMCONF_OUTLET] = times(f[F_NUMCONF], f[F_OUTLET]);
        f[F_NUMCONF_WJACCARD] = times(f[F_NUMCONF], f[F_WJACCARD]);
        f[F_NUMCONF_COS] = times(f[F_NUMCONF], f[F_MAXREP]);
        f[F_TITLETOLD_TEXT] = times(f[F_TITLETOLD], f[F_BOTHTEXT]);
    }
}

void story_score(const struct story_item *x, const struct live *l, struct story_candidate *c,
                 size_t n, const struct story_weights *w)
{
    for (size_t i = 0; i < n; i++)
        live_expect(l, c[i].slot);
    for (size_t i = 0; i < n; i++) {
        const struct story *s = live_story(l, c[i].slot);
        if (i + 1 < n)
            live_expect_items(l, c[i + 1].slot);
        memset(c[i].f, 0, sizeof c[i].f);
        c[i].known = 0;
        c[i].id = s->id;
        whole_features(x, s, &c[i]);
        title_features(x, s, &c[i]);
        word_features(x, &c[i]);
        rep_features(x, s, &c[i]);
        story_features(x, s, &c[i]);
    }
    cross_features(c, n);
    for (size_t i = 0; i < n; i++) {
        int64_t z = (int64_t)w->bias * Q12;
        for (size_t k = 0; k < STORY_FEATURES; k++)
            z += (int64_t)w->w[k] * c[i].f[k];
        c[i].z = z / Q12;
    }
}
