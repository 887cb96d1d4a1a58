/*
 * Two questions. Is it a multi-byte encoding: are all bytes valid in it, and are most characters
 * from the part of its repertoire that ordinary text uses? If not, which alphabet: read in each
 * single-byte encoding, how frequent are the letters in the language that uses it? Scores of both
 * lie between -1 and 1 and the best one wins, unless the high bytes stand alone among ASCII letters
 * as accented Latin letters do.
 */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding_decode.h"

enum {
    SAMPLE_BYTES = 64 << 10, /* more adds nothing */
    EVIDENCE = 8,            /* fewer characters beyond ASCII say nothing */
};

typedef unsigned char byte;

/* ---- multi-byte --------------------------------------------------------------------------- */

/* What the pair (or single byte, B 0) says about the encoding: 1 ordinary, 0 neutral, -1 rare. */
typedef int judge_fn(byte a, byte b);

static int judge_gb18030(byte a, byte b)
{
    if (b >= 0xa1 && a >= 0xb0 && a <= 0xd7) /* hanzi of level 1 */
        return 1;
    return b >= 0xa1 && a >= 0xa1 && a <= 0xa3 ? 0 : -1;
}

static int judge_big5(byte a, byte b)
{
    if (a >= 0xa4 && a <= 0xc6) /* hanzi of level 1 */
        return 1;
    return a >= 0xa1 && a <= 0xa3 ? 0 : -1;
}

static int judge_euc_kr(byte a, byte b)
{
    if (b >= 0xa1 && a >= 0xb0 && a <= 0xc8) /* Hangul */
        return 1;
    return b >= 0xa1 && a >= 0xa1 && a <= 0xa3 ? 0 : -1;
}

static int judge_euc_jp(byte a, byte b)
{
    if (a == 0xa4 || a == 0xa5) /* kana */
        return 1;
    return (a >= 0xb0 && a <= 0xcf) || (a >= 0xa1 && a <= 0xa3) ? 0 : -1;
}

static int judge_shift_jis(byte a, byte b)
{
    if ((a == 0x82 && b >= 0x9f) || (a == 0x83 && b <= 0x96)) /* kana */
        return 1;
    return b && ((a >= 0x88 && a <= 0x97) || a == 0x81 || a == 0x82) ? 0 : -1;
}

/* A part of text in the encoding that is more than ordinary: neutral characters weigh little, as
 * kana are mixed with kanji. */
static double judge(const char *s, size_t n, judge_fn *fn, bool half_width)
{
    size_t ordinary = 0, rare = 0, all = 0;
    const byte *p = (const byte *)s, *end = p + n;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        bool single = p + 1 >= end || (half_width && *p >= 0xa1 && *p <= 0xdf);
        int v = fn(p[0], single ? 0 : p[1]);
        ordinary += v > 0;
        rare += v < 0;
        all++;
        p += single ? 1 : 2;
    }
    return all < EVIDENCE / 2 ? -1 : ((double)ordinary - 2 * (double)rare) / (double)all;
}

static const struct {
    const char *name;
    judge_fn *fn;
    bool half_width;
    double needs, gain; /* the share of ordinary characters from which it is believed; its score */
} multi[] = {
    /* kana are a third of Japanese, and nothing else has so many */
    {"euc-jp", judge_euc_jp, false, 0.2, 3},
    {"shift_jis", judge_shift_jis, true, 0.2, 3},
    /* Hangul is a part of where GB has its hanzi: only text that stays in it is Korean */
    {"euc-kr", judge_euc_kr, false, 0.75, 1.2},
    {"big5", judge_big5, false, 0.6, 1},
    {"gb18030", judge_gb18030, false, 0.6, 1.05},
};

/* ---- single-byte -------------------------------------------------------------------------- */

/* Letters from the most to the least frequent; what is in none of them is rare. */
static const char russian[] = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґ";
static const char greek[] = "αοιετσνρπκμλυςηδάίγόχθέήύφβώξζψωϊΆΈΉΊΌ";
static const char hebrew[] = "יוהלאתרמבשנדםחעקכפגטסזצןךףץ";
static const char arabic[] = "اليمونرتبهعدسفكقحةجشصخىطأضذثغزظءئإؤآ";
static const char thai[] = "านรอกเงมยลวดทสต่ะปบคหแจพชขใไผโถซ้ัีิืุ็ูำึ์ธณษฐศฟภญฉฮฝ";

static const struct {
    const char *name, *letters;
} single[] = {
    {"windows-1251", russian}, {"koi8-r", russian},         {"iso-8859-5", russian},
    {"ibm866", russian},       {"x-mac-cyrillic", russian}, {"windows-1253", greek},
    {"windows-1255", hebrew},  {"windows-1256", arabic},    {"windows-874", thai},
};

/* The small letter of a Greek or Cyrillic capital, any other character as it is. */
static uint32_t small_letter(uint32_t c)
{
    if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    return c >= 0x400 && c <= 0x40f ? c + 0x50 : c;
}

/* The average weight of the characters beyond ASCII: near 1 for the most frequent letters, below 0
 * for what is no letter of the language, lowest for a capital behind a small letter: that is how
 * words look in an alphabet that is not theirs. */
static double weigh(const struct buf *text, const char *letters)
{
    double sum = 0;
    size_t all = 0, count = strlen(letters);
    bool behind_small = false;
    for (size_t i = 0; i < text->len;) {
        uint32_t c;
        size_t k = utf8_decode(text->data + i, text->len - i, &c);
        i += k ? k : 1;
        if (c < 0x80 || !k || c == 0xa0 || (c >= 0x2010 && c <= 0x2026) || c == 0xab || c == 0xbb) {
            behind_small = false;
            continue;
        }
        char z[5] = {0};
        utf8_encode(small_letter(c), z);
        const char *at = strstr(letters, z);
        bool capital = small_letter(c) != c;
        sum += capital && behind_small ? -1
               : at                    ? 1 - 0.7 * (double)(at - letters) / (double)count
               : c < 0xc0              ? -1
                                       : -0.3;
        behind_small = at && !capital;
        all++;
    }
    return all < EVIDENCE ? -1 : sum / (double)all;
}

/* The share of high bytes that have an ASCII letter next to them. */
static double latin_share(const char *s, size_t n)
{
    size_t high = 0, beside = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(s[i] & 0x80))
            continue;
        char before = i ? (char)(s[i - 1] | 0x20) : ' ',
             behind = i + 1 < n ? (char)(s[i + 1] | 0x20) : ' ';
        high++;
        beside += (before >= 'a' && before <= 'z') || (behind >= 'a' && behind <= 'z');
    }
    return high ? (double)beside / (double)high : 1;
}

const struct encoding *encoding_detect(const char *s, size_t n)
{
    const struct encoding *best = encoding_find("windows-1252", 12);
    double score = 0.25; /* what a guess must be better than */
    struct decode_result r;
    n = MIN(n, (size_t)SAMPLE_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(multi); i++) {
        const struct encoding *e = encoding_find(multi[i].name, strlen(multi[i].name));
        if (encoding_decode(e, s, n, 0, NULL, &r) < 0 || r.bad)
            continue;
        double share = judge(s, n, multi[i].fn, multi[i].half_width);
        if (share >= multi[i].needs && share * multi[i].gain > score) {
            score = share * multi[i].gain;
            best = e;
        }
    }
    if (latin_share(s, n) > 0.5)
        return best;
    for (size_t i = 0; i < ARRAY_SIZE(single); i++) {
        const struct encoding *e = encoding_find(single[i].name, strlen(single[i].name));
        CLEANUP_BUF struct buf text = BUF_INIT(4 * SAMPLE_BYTES);
        if (encoding_decode(e, s, n, 0, &text, &r) < 0 || r.bad)
            continue;
        double w = weigh(&text, single[i].letters);
        if (w > score) {
            score = w;
            best = e;
        }
    }
    return best;
}
