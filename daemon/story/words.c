#include "story/words.h"

#include <pthread.h>
#include <string.h>

#include <utf8proc.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/script.h"
#include "base/str.h"

/* What a code point is to the cutter. */
enum class {
    C_OTHER,  /* separates */
    C_END,    /* the same, and ends a sentence */
    C_QUOTE,  /* an apostrophe: inside a word it may be an "'s" */
    C_LETTER, /* with UPPER: a capital */
    C_DIGIT,
    C_KEEP, /* a mark that is part of the word (Indic vowel signs) */
    C_DROP, /* an accent, a joiner, a soft hyphen */
    C_PAIR, /* a letter of a script without spaces */
    C_HIRAGANA,
    C_SEVERAL, /* more than one code point when resolved: look_up_slowly */
};
#define UPPER 0x80

#define TABLE_END 0x3400 /* below it all is looked up once; above is Han, Hangul and rarities */

struct cp {
    uint32_t base; /* resolved, folded, without accents */
    uint8_t class;
};

static struct cp table[TABLE_END];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- code points ---------------------------------------------------------------------------- */

/* Letters whose stroke is no mark to Unicode but an accent to its readers. */
static uint32_t bare_letter(uint32_t c)
{
    switch (c) {
    case 0x142: /* l with stroke */
        return 'l';
    case 0xF8:
        return 'o';
    case 0x111:
        return 'd';
    case 0x131:
        return 'i';
    case 0x127:
        return 'h';
    default:
        return c;
    }
}

static uint8_t digit_of(uint32_t c)
{
    static const uint32_t zeros[] = {'0',   0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66,
                                     0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20, 0x1040};
    for (size_t i = 0; i < ARRAY_SIZE(zeros); i++)
        if (c >= zeros[i] && c < zeros[i] + 10)
            return (uint8_t)('0' + c - zeros[i]);
    return 0;
}

static uint8_t class_of_other(uint32_t c)
{
    switch (c) {
    case '\'':
    case 0x2019:
    case 0x02BC:
        return C_QUOTE;
    case '.':
    case '!':
    case '?':
    case ':':
    case 0x2014:
    case 0x201C:
    case '"':
    case 0x3002:
    case 0xFF01:
    case 0xFF1F:
    case 0x0964:
    case 0x061F:
        return C_END;
    case 0xAD:
    case 0x200B:
    case 0x200C:
    case 0x200D:
    case 0x2060:
    case 0xFEFF:
    case 0x200E:
    case 0x200F:
    case 0x640: /* Arabic tatweel */
        return C_DROP;
    default:
        return C_OTHER;
    }
}

/* A mark that changes the word: Indic vowel signs, nukta and virama (combining class 0, 7, 9) do,
 * accents do not. */
static bool is_kept_mark(const utf8proc_property_t *p)
{
    return p->combining_class == 0 || p->combining_class == 7 || p->combining_class == 9;
}

/* One code point as it comes out of decomposition. */
static struct cp classify(uint32_t c)
{
    uint8_t digit = digit_of(c);
    if (digit)
        return (struct cp){digit, C_DIGIT};
    if (c >= 0x3041 && c <= 0x309F && c != 0x3099 && c != 0x309A)
        return (struct cp){c, C_HIRAGANA};
    if (script_is_unspaced(c) && utf8proc_category((int32_t)c) <= UTF8PROC_CATEGORY_NO)
        return (struct cp){c, C_PAIR};
    const utf8proc_property_t *p = utf8proc_get_property((int32_t)c);
    switch (p->category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return (struct cp){bare_letter(c), c == 0x640 ? C_DROP : C_LETTER};
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return (struct cp){c, is_kept_mark(p) ? C_KEEP : C_DROP};
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return (struct cp){c, C_DIGIT};
    default:
        return (struct cp){c, class_of_other(c)};
    }
}

/* What code point C resolves to, at most 8 of them at RET: their number. */
static size_t resolve(uint32_t c, struct cp ret[8])
{
    int32_t out[16];
    int boundary = 0;
    if (script_is_unspaced(c) && c < 0xF900) { /* Hangul and voiced Kana stay whole */
        ret[0] = classify(c);
        return 1;
    }
    utf8proc_ssize_t n = utf8proc_decompose_char(
        (int32_t)c, out, 16, UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_DECOMPOSE, &boundary);
    size_t k = 0;
    utf8proc_category_t category = utf8proc_category((int32_t)c);
    bool upper = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
    for (utf8proc_ssize_t i = 0; i < MIN(n, (utf8proc_ssize_t)16) && k < 8; i++) {
        struct cp one = classify((uint32_t)out[i]);
        if (one.class == C_DROP && n > 1)
            continue; /* the accent of a letter */
        if (upper && k == 0 && one.class == C_LETTER)
            one.class |= UPPER;
        ret[k++] = one;
    }
    if (k == 0)
        ret[k++] = (struct cp){c, C_DROP};
    return k;
}

static void build(void)
{
    struct cp all[8];
    for (uint32_t c = 1; c < TABLE_END; c++) {
        size_t n = resolve(c, all);
        table[c] = all[0];
        if (n > 1)
            table[c].class = C_SEVERAL;
    }
}

/* ---- words ---------------------------------------------------------------------------------- */

#define WORD_BYTES 64 /* of a word before it is cut: more is no word */

struct cutter {
    const char *s;
    size_t n;
    struct story_word *ret;
    size_t count, max;

    uint32_t cps[WORD_BYTES]; /* the word so far */
    uint8_t kinds[WORD_BYTES];
    size_t len, at, end; /* its code points, where it began and ends in S */
    bool capital, digits, only_digits;
    uint32_t pair;      /* the last character of a run without spaces, 0 = none */
    bool pair_hiragana; /* it is hiragana */
    size_t pair_at;
    bool begins; /* the next word begins a sentence */
};

static uint32_t mix(const uint32_t *cps, size_t n)
{
    uint64_t h = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ cps[i]) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
    }
    h *= 0xD6E8FEB86659FD93u;
    uint32_t r = (uint32_t)(h >> 32);
    return r ? r : 1;
}

uint32_t story_word_hash(const char *s, size_t n)
{
    uint32_t cps[WORD_BYTES];
    size_t k = MIN(n, (size_t)WORD_BYTES);
    for (size_t i = 0; i < k; i++)
        cps[i] = (unsigned char)s[i];
    return mix(cps, k);
}

static void put(struct cutter *k, uint32_t hash, unsigned flags, size_t at, size_t end)
{
    if (k->count < k->max)
        k->ret[k->count++] = (struct story_word){
            .hash = hash, .flags = (uint8_t)flags, .at = (uint16_t)at, .n = (uint16_t)(end - at)};
}

static bool is_arabic(uint32_t c)
{
    return c >= 0x620 && c <= 0x64A;
}

/* Arabic writes "and", "in", "the" as one with the word: how many letters to leave away. */
static size_t arabic_prefix(const uint32_t *w, size_t n)
{
    const uint32_t alif = 0x627, lam = 0x644;
    size_t i = 0;
    if (n >= 5 && (w[0] == 0x648 || w[0] == 0x641 || w[0] == 0x628 || w[0] == 0x643) &&
        w[1] == alif && w[2] == lam)
        i = 3;
    else if (n >= 4 && w[0] == alif && w[1] == lam)
        i = 2;
    else if (n >= 4 && w[0] == lam && w[1] == lam)
        i = 2;
    return n - i >= 2 ? i : 0;
}

/* Letters that Arabic spells in several ways. */
static void arabic_fold(uint32_t *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (w[i] == 0x622 || w[i] == 0x623 || w[i] == 0x625)
            w[i] = 0x627;
        else if (w[i] == 0x629)
            w[i] = 0x647;
        else if (w[i] == 0x649)
            w[i] = 0x64A;
}

/* The length at which a word is cut: STORY_STEM base characters, with their marks. */
static size_t stem(const struct cutter *k, size_t from)
{
    size_t base = 0, i = from;
    for (; i < k->len; i++) {
        base += k->kinds[i] != C_KEEP;
        if (base > STORY_STEM)
            break;
    }
    return i - from;
}

static void end_word(struct cutter *k)
{
    if (!k->len)
        return;
    unsigned flags = 0;
    size_t from = 0, n;
    if (k->digits) {
        flags |= WORD_NUMBER;
        n = k->len;
    } else {
        if (is_arabic(k->cps[0])) {
            arabic_fold(k->cps, k->len);
            from = arabic_prefix(k->cps, k->len);
        }
        n = stem(k, from);
    }
    if (k->begins)
        flags |= WORD_FIRST;
    else if (k->capital)
        flags |= WORD_CAPITAL;
    put(k, mix(k->cps + from, n), flags, k->at, k->end);
    k->len = 0;
    k->begins = false;
}

static void end_run(struct cutter *k)
{
    if (k->pair && k->pair_at != SIZE_MAX) /* a character alone */
        put(k, mix(&k->pair, 1), WORD_PAIR | (k->pair_hiragana ? WORD_FUNCTION : 0u), k->pair_at,
            k->end);
    k->pair = 0;
}

static void add_to_word(struct cutter *k, struct cp c, size_t at, size_t end)
{
    bool digit = (c.class & ~UPPER) == C_DIGIT;
    end_run(k);
    if (!k->len) {
        k->at = at;
        k->capital = c.class & UPPER;
        k->digits = false;
        k->only_digits = true;
    }
    k->digits |= digit;
    k->only_digits &= digit;
    k->end = end;
    if (k->len < WORD_BYTES) {
        k->kinds[k->len] = c.class & (uint8_t)~UPPER;
        k->cps[k->len++] = c.base;
    }
}

static void add_to_run(struct cutter *k, struct cp c, size_t at, size_t end)
{
    end_word(k);
    if (k->pair) {
        uint32_t two[2] = {k->pair, c.base};
        bool empty = k->pair_hiragana && c.class == C_HIRAGANA; /* grammar, mostly */
        put(k, mix(two, 2), WORD_PAIR | (empty ? WORD_FUNCTION : 0u),
            k->pair_at == SIZE_MAX ? k->at : k->pair_at, end);
        k->pair_at = SIZE_MAX;
    } else {
        k->pair_at = at;
    }
    k->at = at;
    k->end = end;
    k->pair = c.base;
    k->pair_hiragana = c.class == C_HIRAGANA;
    k->begins = false;
}

/* Does a digit follow, so that the separator belongs to the number? */
static bool in_number(const struct cutter *k, uint32_t c, size_t next)
{
    return k->len && k->only_digits && (c == '.' || c == ',' || c == '-' || c == '/' || c == ':') &&
           next < k->n && k->s[next] >= '0' && k->s[next] <= '9';
}

static void add_quote(struct cutter *k, size_t *at, size_t size)
{
    /* "'s" and the end of the word go; elsewhere ("O'Neill", "l'eau") it separates. */
    const char *p = k->s + *at + size;
    size_t left = k->n - *at - size;
    bool s = k->len && left && (*p == 's' || *p == 'S');
    if (s && (left == 1 || !((p[1] | 32) >= 'a' && (p[1] | 32) <= 'z')))
        *at += 1;
    end_word(k);
    end_run(k);
}

static void add_cp(struct cutter *k, struct cp c, size_t at, size_t end)
{
    switch (c.class & ~UPPER) {
    case C_LETTER:
    case C_DIGIT:
        add_to_word(k, c, at, end);
        break;
    case C_KEEP:
        if (k->len)
            add_to_word(k, c, at, end);
        break;
    case C_PAIR:
    case C_HIRAGANA:
        add_to_run(k, c, at, end);
        break;
    case C_DROP:
        break;
    case C_END:
        end_word(k);
        end_run(k);
        k->begins = true;
        break;
    default:
        end_word(k);
        end_run(k);
    }
}

/* Takes the code point at AT: where the next one begins. */
static size_t step(struct cutter *k, size_t at)
{
    uint32_t c;
    struct cp all[8];
    size_t size = utf8_decode(k->s + at, k->n - at, &c);
    if (!size || !c) {
        add_cp(k, (struct cp){0, C_OTHER}, at, at + 1);
        return at + 1;
    }
    if (in_number(k, c, at + size)) {
        if (c != ',')
            add_to_word(k, (struct cp){c, C_DIGIT}, at, at + size);
        return at + size;
    }
    if (c < TABLE_END && table[c].class == C_QUOTE) {
        add_quote(k, &at, size);
    } else if (c < TABLE_END && table[c].class != C_SEVERAL) {
        add_cp(k, table[c], at, at + size);
    } else {
        size_t n = resolve(c, all);
        for (size_t i = 0; i < n; i++)
            add_cp(k, all[i], at, at + size);
    }
    return at + size;
}

size_t story_words(const char *s, size_t n, struct story_word *ret, size_t max)
{
    pthread_once(&once, build);
    struct cutter k = {.s = s,
                       .n = utf8_cut(s, MIN(n, (size_t)LIMIT_STORY_TEXT_BYTES)),
                       .ret = ret,
                       .max = max,
                       .begins = true};
    for (size_t at = 0; at < k.n && k.count < max;)
        at = step(&k, at);
    end_word(&k);
    end_run(&k);
    return k.count;
}
