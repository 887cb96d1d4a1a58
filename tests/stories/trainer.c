/*
 * trainer.c - the clusterer over labelled streams, driven by fit.py.
 *
 *     trainer NAME.items.jsonl NAME.gold.jsonl ...
 *
 * Prints the names of the features, then answers lines of stdin (weights W are numbers, 1 is 1):
 *
 *     score STRICTNESS BIAS W...    for each set one line: name, then "b3_f1 false_merge
 *                                   missed_share" over all its stories and over each half of them
 *     collect STRICTNESS BIAS W...  the same, and keeps every decision that was met on the way
 *     forget                        drops what was kept
 *     slope SET FOLD BIAS W...      gradient and Hessian (upper triangle) of the log loss over what
 *                                   was kept, each set weighing the same, without set SET and fold
 *                                   FOLD (-1 = none left out), and the loss
 *
 * A decision is a candidate of an item whose story is known. Its label: 0.7 if the candidate was
 * opened by the item's story, and 0.3 if most of its items are of that story.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "story/cluster_private.h"
#include "story/fixed.h"

#define FOLDS 2

struct labelled {
    struct story_item item;
    int gold; /* -1 = unknown */
    int lang;
    int fold;
};

struct set {
    struct labelled *list;
    size_t n;
    int n_gold;
    char name[64];
};

struct names {
    char **list;
    int n;
};

static int name_index(struct names *all, const char *s)
{
    for (int i = all->n - 1; i >= 0; i--)
        if (strcmp(all->list[i], s) == 0)
            return i;
    all->list = xreallocarray(all->list, (size_t)all->n + 1, sizeof *all->list);
    all->list[all->n] = xstrdup(s);
    return all->n++;
}

static json_t *next_object(FILE *f, char **line, size_t *cap)
{
    if (getline(line, cap, f) <= 0)
        return NULL;
    return json_loads(*line, 0, NULL);
}

static void load(struct set *s, const char *items, const char *gold)
{
    FILE *fi = fopen(items, "r"), *fg = fopen(gold, "r");
    char *line = NULL;
    size_t cap = 0;
    struct frequency words;
    struct names golds = {0}, langs = {0};
    json_t *o, *g;
    int64_t now = INT64_MIN;
    if (!fi || !fg)
        exit((fprintf(stderr, "trainer: %s: cannot be read\n", items), 66));
    snprintf(s->name, sizeof s->name, "%s", strrchr(items, '/') ? strrchr(items, '/') + 1 : items);
    frequency_init(&words);
    while ((o = next_object(fi, &line, &cap))) {
        g = next_object(fg, &line, &cap);
        const char *story = json_string_value(json_object_get(g, "story"));
        const char *lang = json_string_value(json_object_get(g, "lang"));
        s->list = xreallocarray(s->list, s->n + 1, sizeof *s->list);
        struct labelled *l = &s->list[s->n++];
        struct story_in in = {.item = (int64_t)s->n,
                              .time_s = json_integer_value(json_object_get(o, "time")),
                              .title = json_string_value(json_object_get(o, "title")),
                              .text = json_string_value(json_object_get(o, "text")),
                              .outlet = json_string_value(json_object_get(o, "outlet")),
                              .byline = json_string_value(json_object_get(o, "outlet"))};
        now = MAX(now, in.time_s);
        story_item_read(&l->item, &in, &words);
        frequency_count(&words, l->item.all, l->item.n_all, now);
        l->lang = name_index(&langs, lang ? lang : "");
        l->gold = story && strcmp(story, "?") != 0 ? name_index(&golds, story) : -1;
        uint32_t h = 2166136261u;
        for (const char *p = story; p && *p; p++)
            h = (h ^ (unsigned char)*p) * 16777619u;
        l->fold = (int)((h >> 16) % FOLDS);
        json_decref(o);
        json_decref(g);
    }
    s->n_gold = golds.n;
    frequency_fini(&words);
    free(line);
    fclose(fi);
    fclose(fg);
}

/* ---- score (as score_stories.py --within lang) ----------------------------------------------- */

struct pair {
    int64_t story, gold; /* of language LANG, both */
};

static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->story != y->story)
        return x->story < y->story ? -1 : 1;
    return x->gold < y->gold ? -1 : x->gold > y->gold;
}

static void score(const struct set *s, const int64_t *story, int fold, double ret[3])
{
    struct pair *p = xcalloc(s->n + 1, sizeof *p);
    int max_lang = 64;
    int64_t most = 0;
    size_t n = 0, false_merge = 0;
    for (size_t i = 0; i < s->n; i++)
        most = MAX(most, story[i]);
    size_t keys = (size_t)(most + 1) * (size_t)max_lang,
           gold_keys = (size_t)s->n_gold * (size_t)max_lang;
    int *opener = xcalloc(keys, sizeof *opener), *gs = xcalloc(gold_keys, sizeof *gs),
        *ps = xcalloc(keys, sizeof *ps);
    char *opened = xcalloc(gold_keys, 1);
    for (size_t i = 0; i < s->n; i++) {
        const struct labelled *l = &s->list[i];
        if (l->gold < 0)
            continue;
        int64_t pk = story[i] * max_lang + l->lang, gk = (int64_t)l->gold * max_lang + l->lang;
        bool first = !opener[pk];
        if (first) {
            opener[pk] = (int)gk + 1;
            opened[gk] = 1;
        }
        if (fold >= 0 && l->fold != fold)
            continue;
        false_merge += !first && opener[pk] != (int)gk + 1;
        gs[gk]++;
        p[n++] = (struct pair){pk, gk};
    }
    for (size_t i = 0; i < s->n; i++) /* precision looks at the whole predicted story */
        if (s->list[i].gold >= 0)
            ps[story[i] * max_lang + s->list[i].lang]++;
    qsort(p, n, sizeof *p, by_pair);
    double precision = 0, recall = 0;
    for (size_t i = 0; i < n;) {
        size_t j = i;
        while (j < n && by_pair(&p[i], &p[j]) == 0)
            j++;
        double c = (double)(j - i);
        precision += c * c / ps[p[i].story];
        recall += c * c / gs[p[i].gold];
        i = j;
    }
    size_t golds = 0, missed = 0;
    for (size_t i = 0; i < gold_keys; i++)
        if (gs[i]) {
            golds++;
            missed += !opened[i];
        }
    precision /= (double)n, recall /= (double)n;
    ret[0] = 2 * precision * recall / (precision + recall);
    ret[1] = (double)false_merge / (double)n;
    ret[2] = (double)missed / (double)golds;
    free(p), free(opener), free(gs), free(ps), free(opened);
}

/* ---- running --------------------------------------------------------------------------------- */

struct row {
    float label, weight;
    int set, fold;
    float f[STORY_FEATURES];
};

static struct row *rows;
static size_t n_rows, cap_rows;

struct tally { /* gold labels of a story's items, few */
    int opener, majority, majority_n, n;
};

/* The candidate that decides counts in full, those that could have less. */
static float row_weight(const struct cluster *c, size_t k)
{
    size_t better = 0;
    for (size_t i = 0; i < c->n_candidates; i++)
        better += c->candidates[i].z > c->candidates[k].z;
    return better == 0 ? 1.0f : better < 4 ? 0.3f : 0.05f;
}

static void collect(const struct labelled *l, const struct cluster *c, const struct tally *t,
                    size_t set)
{
    for (size_t k = 0; l->gold >= 0 && k < c->n_candidates; k++) {
        const struct tally *st = &t[c->candidates[k].id];
        if (st->opener < 0)
            continue;
        if (n_rows == cap_rows)
            rows = xreallocarray(rows, cap_rows = cap_rows * 2 + 1024, sizeof *rows);
        struct row *r = &rows[n_rows++];
        *r = (struct row){.set = (int)set, .fold = l->fold, .weight = row_weight(c, k)};
        r->label = (st->opener == l->gold ? 0.7f : 0) + (st->majority == l->gold ? 0.3f : 0);
        for (size_t i = 0; i < STORY_FEATURES; i++)
            r->f[i] = (float)c->candidates[k].f[i] / Q12;
    }
}

static void run(const struct set *s, size_t number, double strictness,
                const struct story_weights *w, int64_t *story, bool keep)
{
    struct cluster *c = cluster_new((int)lround(strictness * 1000));
    struct tally *t = xcalloc(s->n + 2, sizeof *t);
    c->weights = w;
    for (size_t i = 0; i < s->n; i++) {
        const struct labelled *l = &s->list[i];
        struct story_out out = {.article = l->item.item, .read = &c->item, .p = Q16};
        c->now_s = MAX(c->now_s, l->item.time_s);
        live_expire(c->live, c->now_s);
        c->item = l->item;
        cluster_place(c, &out);
        story[i] = out.story;
        if (keep && !out.exact)
            collect(l, c, t, number);
        struct tally *st = &t[out.story];
        if (out.opened)
            *st = (struct tally){.opener = l->gold, .majority = l->gold};
        if (l->gold >= 0) {
            if (st->opener < 0)
                st->opener = l->gold;
            if (st->majority_n == 0)
                st->majority = l->gold;
            st->majority_n += st->majority == l->gold ? 1 : -1;
        }
    }
    free(t);
    cluster_free(c);
}

/* ---- commands -------------------------------------------------------------------------------- */

static void read_numbers(char *p, double *ret, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = strtod(p, &p);
}

static void cmd_score(const struct set *sets, size_t n, char *p, bool keep)
{
    double in[2 + STORY_FEATURES];
    struct story_weights w;
    read_numbers(p, in, ARRAY_SIZE(in));
    w.bias = (int32_t)lround(in[1] * Q12);
    for (size_t i = 0; i < STORY_FEATURES; i++)
        w.w[i] = (int32_t)lround(in[2 + i] * Q12);
    for (size_t i = 0; i < n; i++) {
        int64_t *story = xcalloc(sets[i].n, sizeof *story);
        double r[3];
        run(&sets[i], i, in[0], &w, story, keep);
        printf("%s", sets[i].name);
        for (int f = -1; f < FOLDS; f++) {
            score(&sets[i], story, f, r);
            printf(" %.5f %.5f %.5f", r[0], r[1], r[2]);
        }
        printf("\n");
        free(story);
    }
}

static void cmd_slope(size_t n, char *p)
{
    enum { N = STORY_FEATURES + 1 };
    static double g[N], h[N][N];
    double in[2 + N], loss = 0, *totals = xcalloc(n + 1, sizeof *totals);
    read_numbers(p, in, ARRAY_SIZE(in));
    memset(g, 0, sizeof g);
    memset(h, 0, sizeof h);
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].set != (int)in[0] && rows[i].fold != (int)in[1])
            totals[rows[i].set] += (double)rows[i].weight;
    for (size_t i = 0; i < n_rows; i++) {
        const struct row *r = &rows[i];
        double z = in[2], x[N] = {1};
        if (r->set == (int)in[0] || r->fold == (int)in[1])
            continue;
        for (size_t k = 1; k < N; k++) {
            x[k] = (double)r->f[k - 1];
            z += in[2 + k] * x[k];
        }
        double weight = (double)r->weight / totals[r->set], y = (double)r->label;
        double q = 1 / (1 + exp(-z));
        loss -= weight * (y * log(q + 1e-12) + (1 - y) * log(1 - q + 1e-12));
        for (size_t a = 0; a < N; a++) {
            double v = weight * q * (1 - q) * x[a];
            g[a] += weight * (q - y) * x[a];
            for (size_t b = a; b < N; b++)
                h[a][b] += v * x[b];
        }
    }
    printf("%.17g", loss);
    for (size_t a = 0; a < N; a++)
        printf(" %.17g", g[a]);
    for (size_t a = 0; a < N; a++)
        for (size_t b = a; b < N; b++)
            printf(" %.17g", h[a][b]);
    printf("\n");
    free(totals);
}

int main(int argc, char **argv)
{
    size_t n = (size_t)(argc - 1) / 2, cap = 0;
    struct set *sets = xcalloc(n + 1, sizeof *sets);
    char *line = NULL;
    for (size_t i = 0; i < n; i++)
        load(&sets[i], argv[1 + 2 * i], argv[2 + 2 * i]);
    for (size_t i = 0; i < STORY_FEATURES; i++)
        printf("%s%c", story_feature_name((enum story_feature)i),
               i + 1 < STORY_FEATURES ? ' ' : '\n');
    fflush(stdout);
    while (getline(&line, &cap, stdin) > 0) {
        if (strncmp(line, "score ", 6) == 0)
            cmd_score(sets, n, line + 6, false);
        else if (strncmp(line, "collect ", 8) == 0)
            cmd_score(sets, n, line + 8, true);
        else if (strncmp(line, "slope ", 6) == 0)
            cmd_slope(n, line + 6);
        else if (strncmp(line, "forget", 6) == 0)
            n_rows = 0;
        fflush(stdout);
    }
    return 0;
}
