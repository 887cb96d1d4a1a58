#include "parse/encoding_decode.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding.h"
#include "parse/encoding_asian.h"

#include "single_tables.h"

enum family {
    UTF8,
    UTF16LE,
    UTF16BE,
    UTF32LE,
    UTF32BE,
    SINGLE,
    EBCDIC,
    GB18030,
    BIG5,
    EUC_KR,
    SHIFT_JIS,
    EUC_JP,
    ISO_2022_JP,
};

struct encoding {
    const char *name;
    enum family family;
    const uint16_t *table; /* SINGLE: of the bytes from 0x80 */
    const char *labels;    /* each between spaces */
};

/* https://encoding.spec.whatwg.org/#names-and-labels. One deviation: "us-ascii" and its aliases
 * mean UTF-8 here, not windows-1252; of ASCII text both make the same, and text that is more than
 * its label says is UTF-8 today (encoding.c tries windows-1252 when it is not). */
static const struct encoding encodings[] = {
    {"utf-8", UTF8, NULL,
     " utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 us-ascii ascii "
     "ansi_x3.4-1968 iso646-us iso-ir-6 us cp367 "},
    {"utf-16le", UTF16LE, NULL,
     " utf-16 utf-16le utf16 utf16le csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff "},
    {"utf-16be", UTF16BE, NULL, " utf-16be utf16be unicodefffe "},
    {"utf-32le", UTF32LE, NULL, " utf-32 utf-32le utf32 utf32le ucs-4 iso-10646-ucs-4 "},
    {"utf-32be", UTF32BE, NULL, " utf-32be utf32be "},
    {"ibm866", SINGLE, table_ibm866, " 866 cp866 csibm866 ibm866 "},
    {"iso-8859-2", SINGLE, table_iso_8859_2,
     " csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2 "},
    {"iso-8859-3", SINGLE, table_iso_8859_3,
     " csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3 "},
    {"iso-8859-4", SINGLE, table_iso_8859_4,
     " csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4 "},
    {"iso-8859-5", SINGLE, table_iso_8859_5,
     " csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 "
     "iso_8859-5:1988 "},
    {"iso-8859-6", SINGLE, table_iso_8859_6,
     " arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
     "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 "},
    {"iso-8859-7", SINGLE, table_iso_8859_7,
     " csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 "
     "iso_8859-7 iso_8859-7:1987 sun_eu_greek "},
    {"iso-8859-8", SINGLE, table_iso_8859_8,
     " csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 "
     "iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical "},
    {"iso-8859-10", SINGLE, table_iso_8859_10,
     " csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6 "},
    {"iso-8859-13", SINGLE, table_iso_8859_13, " iso-8859-13 iso8859-13 iso885913 "},
    {"iso-8859-14", SINGLE, table_iso_8859_14, " iso-8859-14 iso8859-14 iso885914 "},
    {"iso-8859-15", SINGLE, table_iso_8859_15,
     " csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 latin9 latin-9 "},
    {"iso-8859-16", SINGLE, table_iso_8859_16, " iso-8859-16 "},
    {"koi8-r", SINGLE, table_koi8_r, " cskoi8r koi koi8 koi8-r koi8_r "},
    {"koi8-u", SINGLE, table_koi8_u, " koi8-ru koi8-u "},
    {"macintosh", SINGLE, table_macintosh, " csmacintosh mac macintosh x-mac-roman macroman "},
    {"windows-874", SINGLE, table_windows_874,
     " dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 tis620 windows-874 cp874 "},
    {"windows-1250", SINGLE, table_windows_1250, " cp1250 windows-1250 x-cp1250 "},
    {"windows-1251", SINGLE, table_windows_1251, " cp1251 windows-1251 x-cp1251 win-1251 "},
    {"windows-1252", SINGLE, table_windows_1252,
     " cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 "
     "iso_8859-1:1987 l1 latin1 latin-1 windows-1252 x-cp1252 "},
    {"windows-1253", SINGLE, table_windows_1253, " cp1253 windows-1253 x-cp1253 "},
    {"windows-1254", SINGLE, table_windows_1254,
     " cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 "
     "latin5 windows-1254 x-cp1254 "},
    {"windows-1255", SINGLE, table_windows_1255, " cp1255 windows-1255 x-cp1255 "},
    {"windows-1256", SINGLE, table_windows_1256, " cp1256 windows-1256 x-cp1256 "},
    {"windows-1257", SINGLE, table_windows_1257, " cp1257 windows-1257 x-cp1257 "},
    {"windows-1258", SINGLE, table_windows_1258, " cp1258 windows-1258 x-cp1258 "},
    {"x-mac-cyrillic", SINGLE, table_x_mac_cyrillic, " x-mac-cyrillic x-mac-ukrainian "},
    {"cp037", EBCDIC, NULL,
     " cp037 ibm037 ebcdic-cp-us ebcdic-cp-ca ebcdic-cp-wt ebcdic-cp-nl csibm037 ibm-037 ibm039 "},
    {"gb18030", GB18030, NULL,
     " gb18030 chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk "
     "cp936 ms936 windows-936 euc-cn "},
    {"big5", BIG5, NULL,
     " big5 big5-hkscs cn-big5 csbig5 x-x-big5 big5hkscs cp950 windows-950 big5-tw "},
    {"euc-kr", EUC_KR, NULL,
     " cseuckr csksc56011987 euc-kr euckr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 "
     "ksc_5601 windows-949 cp949 ms949 uhc "},
    {"shift_jis", SHIFT_JIS, NULL,
     " csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis cp932 "},
    {"euc-jp", EUC_JP, NULL, " cseucpkdfmtjapanese euc-jp x-euc-jp eucjp euc_jp "},
    {"iso-2022-jp", ISO_2022_JP, NULL, " csiso2022jp iso-2022-jp "},
};

const struct encoding *encoding_find(const char *label, size_t n)
{
    char key[40];
    n = str_trim(&label, n);
    if (n == 0 || n + 3 > sizeof key || memchr(label, ' ', n))
        return NULL;
    key[0] = ' ';
    for (size_t i = 0; i < n; i++)
        key[i + 1] = label[i] >= 'A' && label[i] <= 'Z' ? (char)(label[i] + 32) : label[i];
    memcpy(key + 1 + n, " ", 2);
    for (size_t i = 0; i < ARRAY_SIZE(encodings); i++)
        if (strstr(encodings[i].labels, key))
            return &encodings[i];
    return NULL;
}

const char *encoding_name(const struct encoding *e)
{
    return e->name;
}

const char *encoding_by_label(const char *label, size_t n)
{
    const struct encoding *e = encoding_find(label, n);
    return e ? e->name : NULL;
}

bool encoding_is_wide(const struct encoding *e)
{
    return e->family >= UTF16LE && e->family <= UTF32BE;
}

bool encoding_is_ascii_superset(const struct encoding *e)
{
    return !encoding_is_wide(e) && e->family != EBCDIC && e->family != ISO_2022_JP;
}

/* ---- output ------------------------------------------------------------------------------- */

struct decoder {
    const unsigned char *s, *end;
    struct buf *out;
    struct decode_result *r;
    size_t max_bad;
    int err;
};

/* Writes one character; those that XML forbids go. */
static void emit(struct decoder *d, uint32_t c)
{
    char utf8[4];
    d->r->good += c >= 0x80;
    if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff) {
        d->r->cleaned = true;
        return;
    }
    if (!d->out)
        return;
    int r = c < 0x80 ? buf_addc(d->out, (char)c) : buf_add(d->out, utf8, utf8_encode(c, utf8));
    if (r < 0)
        d->err = r;
}

static void bad(struct decoder *d)
{
    d->r->bad++;
    emit(d, 0xfffd);
    d->r->good--;
}

static bool going_on(const struct decoder *d)
{
    return d->s < d->end && !d->err && d->r->bad <= d->max_bad;
}

/* Copies the ASCII that comes next as a piece. */
static void ascii_run(struct decoder *d)
{
    const uint64_t high = 0x8080808080808080, space = 0x2020202020202020;
    const unsigned char *p = d->s;
    for (;;) {
        uint64_t w; /* eight bytes at once, while none is above 0x7F or below the space */
        while (d->end - p >= 8 && (memcpy(&w, p, 8), !((w | (w - space)) & high)))
            p += 8;
        const unsigned char *stop = MIN(p + 8, d->end);
        while (p < stop && *p < 0x80 && (*p >= ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
            p++;
        if (p < stop || p == d->end)
            break;
    }
    if (d->out && p > d->s) {
        int r = buf_add(d->out, d->s, (size_t)(p - d->s));
        if (r < 0)
            d->err = r;
    }
    d->s = p;
}

/* ---- decoders ----------------------------------------------------------------------------- */

static bool is_cut_utf8(const unsigned char *s, size_t n)
{
    size_t need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (n >= need || s[0] > 0xf4)
        return false;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

static void decode_utf8(struct decoder *d)
{
    while (going_on(d)) {
        ascii_run(d);
        if (d->s == d->end)
            return;
        uint32_t c;
        size_t n = utf8_decode((const char *)d->s, (size_t)(d->end - d->s), &c);
        if (n) {
            emit(d, c);
        } else if (is_cut_utf8(d->s, (size_t)(d->end - d->s))) {
            d->r->cut_tail = true;
            return;
        } else {
            d->r->bad++;
            emit(d, *d->s >= 0x80 ? table_windows_1252[*d->s - 0x80] : *d->s);
            d->r->good--;
            n = 1;
        }
        d->s += n;
    }
}

static void decode_single(struct decoder *d, const uint16_t *table)
{
    while (going_on(d)) {
        ascii_run(d);
        if (d->s == d->end)
            return;
        uint32_t c = *d->s < 0x80 ? *d->s : table[*d->s - 0x80];
        if (c || *d->s == 0)
            emit(d, c);
        else
            bad(d);
        d->s++;
    }
}

static void decode_ebcdic(struct decoder *d)
{
    for (; going_on(d); d->s++) {
        uint32_t c = table_cp037[*d->s];
        emit(d, c == 0x85 ? '\n' : c); /* NEL is EBCDIC's line end (XML 1.1, 2.11) */
    }
}

static uint32_t unit(const unsigned char *s, enum family f)
{
    switch (f) {
    case UTF16LE:
        return s[0] | (uint32_t)s[1] << 8;
    case UTF16BE:
        return s[1] | (uint32_t)s[0] << 8;
    case UTF32LE:
        return s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24;
    default:
        return s[3] | (uint32_t)s[2] << 8 | (uint32_t)s[1] << 16 | (uint32_t)s[0] << 24;
    }
}

static void decode_wide(struct decoder *d, enum family f)
{
    size_t size = f == UTF16LE || f == UTF16BE ? 2 : 4;
    while (going_on(d)) {
        if ((size_t)(d->end - d->s) < size) {
            d->r->cut_tail = true;
            return;
        }
        uint32_t c = unit(d->s, f);
        d->s += size;
        if (size == 2 && c >= 0xd800 && c <= 0xdbff) {
            if (d->end - d->s < 2) {
                d->r->cut_tail = true;
                return;
            }
            uint32_t low = unit(d->s, f);
            if (low >= 0xdc00 && low <= 0xdfff) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                d->s += 2;
            }
        }
        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            bad(d);
        else
            emit(d, c);
    }
}

static void decode_multi(struct decoder *d, asian_fn *one)
{
    while (going_on(d)) {
        ascii_run(d);
        if (d->s == d->end)
            return;
        if (*d->s < 0x80) { /* a control character */
            emit(d, *d->s++);
            continue;
        }
        uint32_t c;
        size_t n = one(d->s, (size_t)(d->end - d->s), &c);
        if (n == 0) {
            d->r->cut_tail = true;
            return;
        }
        if (c) {
            emit(d, c);
        } else {
            bad(d);
            while (n > 1 && d->s[n - 1] < 0x80) /* an ASCII trail speaks for itself */
                n--;
        }
        d->s += n;
    }
}

/* ESC ( B ASCII, ESC ( J Roman, ESC ( I katakana, ESC $ @ and ESC $ B kanji. */
static void decode_iso_2022_jp(struct decoder *d)
{
    char mode = 'B';
    while (going_on(d)) {
        size_t left = (size_t)(d->end - d->s);
        const unsigned char *s = d->s;
        if (*s == 0x1b && left >= 3 && s[1] == '(' && strchr("BJI", s[2]) && s[2]) {
            mode = (char)s[2];
            d->s += 3;
        } else if (*s == 0x1b && left >= 3 && s[1] == '$' && (s[2] == '@' || s[2] == 'B')) {
            mode = '$';
            d->s += 3;
        } else if (*s >= 0x80 || *s == 0x1b) {
            bad(d);
            d->s++;
        } else if (mode == '$' && *s >= 0x21 && *s <= 0x7e) {
            if (left < 2) {
                d->r->cut_tail = true;
                return;
            }
            uint32_t c = s[1] >= 0x21 && s[1] <= 0x7e
                             ? asian_jis0208((s[0] - 0x21u) * 94 + s[1] - 0x21u)
                             : 0;
            if (c)
                emit(d, c);
            else
                bad(d);
            d->s += 2;
        } else {
            emit(d, mode == 'I' && *s >= 0x21 && *s <= 0x5f ? 0xff61 + *s - 0x21u
                    : mode == 'J' && *s == 0x5c             ? 0xa5
                    : mode == 'J' && *s == 0x7e             ? 0x203e
                                                            : *s);
            d->s++;
        }
    }
}

int encoding_decode(const struct encoding *e, const char *s, size_t n, size_t max_bad,
                    struct buf *out, struct decode_result *ret)
{
    *ret = (struct decode_result){0};
    struct decoder d = {
        (const unsigned char *)s, (const unsigned char *)s + n, out, ret, max_bad, 0};
    switch (e->family) {
    case UTF8:
        decode_utf8(&d);
        break;
    case UTF16LE:
    case UTF16BE:
    case UTF32LE:
    case UTF32BE:
        decode_wide(&d, e->family);
        break;
    case SINGLE:
        decode_single(&d, e->table);
        break;
    case EBCDIC:
        decode_ebcdic(&d);
        break;
    case GB18030:
        decode_multi(&d, asian_gb18030);
        break;
    case BIG5:
        decode_multi(&d, asian_big5);
        break;
    case EUC_KR:
        decode_multi(&d, asian_euc_kr);
        break;
    case SHIFT_JIS:
        decode_multi(&d, asian_shift_jis);
        break;
    case EUC_JP:
        decode_multi(&d, asian_euc_jp);
        break;
    case ISO_2022_JP:
        decode_iso_2022_jp(&d);
        break;
    }
    return d.err;
}
