#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <iconv.h>

#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding.h"
#include "parse/encoding_decode.h"

static struct encoding_result convert(const char *bytes, size_t n, const char *ct, struct buf *out)
{
    struct encoding_result r;
    buf_clear(out);
    assert_int_equal(encoding_to_utf8(bytes, n, ct, out, &r), 0);
    assert_true(utf8_valid(r.text, r.n));
    return r;
}

#define S(literal) literal, sizeof(literal) - 1

static void labels(void **state)
{
    static const struct {
        const char *label, *name;
    } rows[] = {
        {"UTF-8", "utf-8"},
        {" utf8\n", "utf-8"},
        {"us-ascii", "utf-8"},
        {"ISO-8859-1", "windows-1252"},
        {"latin1", "windows-1252"},
        {"l1", "windows-1252"},
        {"iso-8859-9", "windows-1254"},
        {"tis-620", "windows-874"},
        {"gb2312", "gb18030"},
        {"GBK", "gb18030"},
        {"ks_c_5601-1987", "euc-kr"},
        {"x-sjis", "shift_jis"},
        {"windows-31j", "shift_jis"},
        {"big5-hkscs", "big5"},
        {"utf-16", "utf-16le"},
        {"utf-32be", "utf-32be"},
        {"koi8-ru", "koi8-u"},
        {"cp037", "cp037"},
        {"cp1251", "windows-1251"},
        {"utf-7", NULL},
        {"utf-8 x", NULL},
        {"", NULL},
        {"nonsense", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *got = encoding_by_label(rows[i].label, strlen(rows[i].label));
        if ((got && rows[i].name) ? strcmp(got, rows[i].name) != 0 : got != rows[i].name)
            fail_msg("%s: %s", rows[i].label, got ? got : "none");
    }
}

static void choice(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *ct, *name, *text;
        enum encoding_source source;
        bool contradicted;
    } rows[] = {
        {S("<a>x</a>"), NULL, "utf-8", "<a>x</a>", ENCODING_DEFAULT, false},
        {S("<a>\xc3\xa9</a>"), NULL, "utf-8", "<a>\xc3\xa9</a>", ENCODING_DEFAULT, false},
        {S("\xef\xbb\xbf<a/>"), NULL, "utf-8", "<a/>", ENCODING_BOM, false},
        {S("\xef\xbb\xbf\xe9<"), "text/xml; charset=iso-8859-1", "windows-1252", "\xc3\xa9<",
         ENCODING_HTTP, true},
        {S("\xff\xfe<\0a\0/\0>\0"), NULL, "utf-16le", "<a/>", ENCODING_BOM, false},
        {S("\xfe\xff\0<\0a\0/\0>"), NULL, "utf-16be", "<a/>", ENCODING_BOM, false},
        {S("\xff\xfe\0\0<\0\0\0"), NULL, "utf-32le", "<", ENCODING_BOM, false},
        {S("\0\0\xfe\xff\0\0\0<"), NULL, "utf-32be", "<", ENCODING_BOM, false},
        {S("<\0?\0x\0"), NULL, "utf-16le", "<?x", ENCODING_BYTES, false},
        {S("\0<\0?\0x"), NULL, "utf-16be", "<?x", ENCODING_BYTES, false},
        {S("\0{\0}"), NULL, "utf-16be", "{}", ENCODING_BYTES, false},
        {S("\n\0 \0<\0a\0>\0"), NULL, "utf-16le", "\n <a>", ENCODING_BYTES, false},
        {S("\0\r\0\n\0<\0a\0>"), NULL, "utf-16be", "\r\n<a>", ENCODING_BYTES, false},
        {S("\n\0\0\0<\0\0\0>\0\0\0"), NULL, "utf-32le", "\n<>", ENCODING_BYTES, false},
        {S("\0\0\0\t\0\0\0<\0\0\0>"), NULL, "utf-32be", "\t<>", ENCODING_BYTES, false},
        {S("<\0\0\0?\0\0\0"), NULL, "utf-32le", "<?", ENCODING_BYTES, false},
        {S("\0\0\0<\0\0\0?"), NULL, "utf-32be", "<?", ENCODING_BYTES, false},
        {S("<\0\0a\0\0"), NULL, "utf-8", "<a", ENCODING_DEFAULT, false},
        {S("\0<a/>"), NULL, "utf-8", "<a/>", ENCODING_DEFAULT, false},
        {S("\0<\0a\0>"), "application/xml; charset=utf-16", "utf-16be", "<a>", ENCODING_HTTP,
         false},
        {S("<\0a\0>\0\x3d\xd8\x00\xde"), NULL, "utf-16le", "<a>\xf0\x9f\x98\x80", ENCODING_BYTES,
         false},
        {S("\x4c\x6f\xa7\x94\x93\x6e"), NULL, "cp037", "<?xml>", ENCODING_BYTES, false},
        {S("<a>\xe9</a>"), "text/xml; charset=ISO-8859-1", "windows-1252", "<a>\xc3\xa9</a>",
         ENCODING_HTTP, false},
        {S("<a>\x93</a>"), "text/xml; charset = 'latin1'; x=y", "windows-1252",
         "<a>\xe2\x80\x9c</a>", ENCODING_HTTP, false},
        {S("<?xml version='1.0' encoding='koi8-r'?>\xc1"), NULL, "koi8-r",
         "<?xml version='1.0' encoding='koi8-r'?>\xd0\xb0", ENCODING_DECLARED, false},
        {S(" \n<?xml encoding = \"windows-1251\"?>\xe0"), NULL, "windows-1251",
         " \n<?xml encoding = \"windows-1251\"?>\xd0\xb0", ENCODING_DECLARED, false},
        /* the transport knows better than the document (RFC 7303, 3) */
        {S("<?xml encoding='koi8-r'?>\xe0"), "text/xml;charset=windows-1251", "windows-1251",
         "<?xml encoding='koi8-r'?>\xd0\xb0", ENCODING_HTTP, false},
        /* unless it is wrong */
        {S("<?xml encoding='windows-1251'?>\xe0<"), "text/xml;charset=utf-8", "windows-1251",
         "<?xml encoding='windows-1251'?>\xd0\xb0<", ENCODING_DECLARED, true},
        {S("<?xml encoding='utf-16'?><a>\xc3\xa9</a>"), NULL, "utf-8",
         "<?xml encoding='utf-16'?><a>\xc3\xa9</a>", ENCODING_DEFAULT, true},
        {S("<?xml encoding='x-nonsense'?>a"), NULL, "utf-8", "<?xml encoding='x-nonsense'?>a",
         ENCODING_DEFAULT, true},
        {S("<?xml encoding='us-ascii'?>\xc3\xa9"), NULL, "utf-8",
         "<?xml encoding='us-ascii'?>\xc3\xa9", ENCODING_DECLARED, false},
        {S("<?xml encoding='us-ascii'?>caf\xe9 x"), NULL, "windows-1252",
         "<?xml encoding='us-ascii'?>caf\xc3\xa9 x", ENCODING_GUESSED, true},
        {S("<html><meta charset=windows-1250>\xb9"), NULL, "windows-1250",
         "<html><meta charset=windows-1250>\xc4\x85", ENCODING_DECLARED, false},
        {S("<meta http-equiv=x content='text/html; charset=koi8-r'>\xc1"), NULL, "koi8-r",
         "<meta http-equiv=x content='text/html; charset=koi8-r'>\xd0\xb0", ENCODING_DECLARED,
         false},
        {S("caf\xe9 \x80"), NULL, "windows-1252", "caf\xc3\xa9 \xe2\x82\xac", ENCODING_GUESSED,
         false},
        {S("\x1b$B$\"\x1b(B"), NULL, "iso-2022-jp", "\xe3\x81\x82", ENCODING_GUESSED, false},
        {S(""), NULL, "utf-8", "", ENCODING_DEFAULT, false},
    };
    CLEANUP_BUF struct buf out = BUF_INIT(10000);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct encoding_result r = convert(rows[i].bytes, rows[i].n, rows[i].ct, &out);
        if (strcmp(r.name, rows[i].name) != 0 || r.n != strlen(rows[i].text) ||
            memcmp(r.text, rows[i].text, r.n) != 0 || r.source != rows[i].source ||
            r.contradicted != rows[i].contradicted || r.lossy)
            fail_msg("row %zu: %s \"%.*s\" source %d contradicted %d lossy %d", i, r.name, (int)r.n,
                     r.text, r.source, r.contradicted, r.lossy);
    }
}

static void repairs(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(10000);
    struct encoding_result r = convert(S("a\0b\x01\n\x0b"), NULL, &out);
    assert_true(r.cleaned);
    assert_string_equal(r.text, "ab\n");
    r = convert(S("a\xef\xbf\xbe"), NULL, &out); /* U+FFFE */
    assert_true(r.cleaned);
    assert_string_equal(r.text, "a");
    r = convert(S("abc\xe2\x82"), NULL, &out);
    assert_true(r.cut_tail);
    assert_string_equal(r.text, "abc");
    assert_string_equal(r.name, "utf-8");
    /* a stray byte in UTF-8 does not make it something else */
    r = convert(S("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                  " it\x92s"),
                NULL, &out);
    assert_string_equal(r.name, "utf-8");
    assert_true(r.lossy);
    assert_non_null(strstr(r.text, "it\xe2\x80\x99s"));
    /* nor a broken pair in a declared encoding */
    r = convert(S("<?xml encoding='shift_jis'?>\x82\xa0\x82\xa0\x82\xa0\x82\xa0\x82\xa0\x82\xa0"
                  "\x82\xa0\x82\xa0\x82\xa0\x82\xa0\xfd<"),
                NULL, &out);
    assert_string_equal(r.name, "shift_jis");
    assert_true(r.lossy);
    assert_non_null(strstr(r.text, "\xef\xbf\xbd<"));
    /* an ASCII byte that is no trail is not swallowed */
    r = convert(S("<?xml encoding='big5'?>\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4"
                  "\xa4\xa4\xa4\xa4\xa4\xa4\xa4<"),
                NULL, &out);
    assert_non_null(strstr(r.text, "\xef\xbf\xbd<"));
}

static void full_buffer(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(5);
    struct encoding_result r;
    assert_int_equal(encoding_to_utf8(S("caf\xe9 caf\xe9"), NULL, &out, &r), -EFBIG);
    /* what need not be converted needs no room */
    assert_int_equal(encoding_to_utf8(S("cafe cafe cafe"), NULL, &out, &r), 0);
}

/* Text in a known encoding, without any declaration. */
static void detection(void **state)
{
    static const struct {
        const char *encoding, *text;
    } rows[] = {
        {"windows-1251", "Сегодня в городе ожидается переменная облачность, ветер слабый."},
        {"koi8-r", "Сегодня в городе ожидается переменная облачность, ветер слабый."},
        {"iso-8859-5", "Сегодня в городе ожидается переменная облачность, ветер слабый."},
        {"windows-1251", "Юрий Яковлев и Елена Соловей приехали в Якутск. Что дальше?"},
        {"koi8-r", "Юрий Яковлев и Елена Соловей приехали в Якутск. Что дальше?"},
        {"windows-1251", "ГАЗЕТА «СЕВЕРНЫЙ КРАЙ»"},
        {"koi8-r", "ГАЗЕТА СЕВЕРНЫЙ КРАЙ"},
        {"windows-1253", "ΤΑ ΝΕΑ ΤΗΣ ΠΟΛΗΣ"},
        {"windows-1253", "Σήμερα στην πόλη ο καιρός είναι καλός και ο ουρανός καθαρός."},
        {"windows-1255", "היום בעיר צפוי מזג אוויר נאה ושמיים בהירים לאורך כל היום"},
        {"windows-1256", "اليوم في المدينة الطقس جميل والسماء صافية طوال النهار"},
        {"windows-874", "วันนี้อากาศในเมืองดีมากและท้องฟ้าแจ่มใสตลอดทั้งวัน"},
        {"shift_jis", "今日はいい天気ですね。明日も晴れるでしょう。カメラを持って行きます。"},
        {"euc-jp", "今日はいい天気ですね。明日も晴れるでしょう。カメラを持って行きます。"},
        {"euc-kr", "오늘은 날씨가 아주 좋습니다. 내일도 맑을 것으로 보입니다."},
        {"gb18030", "今天城市天气很好，阳光明媚，明天也会是晴天，适合出去走走看看。"},
        {"big5", "今天城市天氣很好，陽光明媚，明天也會是晴天，適合出去走走看看。"},
        {"windows-1252", "Près de la forêt, l’été dernier, où l’on a dîné à l’hôtel."},
        {"windows-1252", "Über die schönen Häuser flogen größere Vögel als früher."},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char bytes[400], *in = (char *)(uintptr_t)rows[i].text, *to = bytes;
        size_t in_n = strlen(rows[i].text), left = sizeof bytes;
        const char *iconv_name = !strcmp(rows[i].encoding, "windows-874")    ? "TIS-620"
                                 : !strcmp(rows[i].encoding, "windows-1252") ? "CP1252"
                                                                             : rows[i].encoding;
        iconv_t cd = iconv_open(iconv_name, "UTF-8");
        if (cd == (iconv_t)-1)
            skip();
        assert_int_equal(iconv(cd, &in, &in_n, &to, &left), 0);
        iconv_close(cd);
        CLEANUP_BUF struct buf out = BUF_INIT(10000);
        struct encoding_result r = convert(bytes, sizeof bytes - left, NULL, &out);
        if (strcmp(r.name, rows[i].encoding) != 0)
            fail_msg("%s taken for %s", rows[i].encoding, r.name);
        assert_int_equal(r.n, strlen(rows[i].text));
        assert_memory_equal(r.text, rows[i].text, r.n);
    }
}

/* Our tables against the C library's: every character that iconv decodes from one to four bytes. */
static void against_iconv(void **state)
{
    static const struct {
        const char *ours, *theirs;
        unsigned max_differ; /* where the standards are known to differ */
    } rows[] = {
        {"ibm866", "IBM866", 0},
        {"iso-8859-2", "ISO-8859-2", 0},
        {"iso-8859-5", "ISO-8859-5", 0},
        {"iso-8859-7", "ISO-8859-7", 0},
        {"iso-8859-15", "ISO-8859-15", 0},
        {"koi8-r", "KOI8-R", 0},
        {"koi8-u", "KOI8-U", 2 /* Belarusian letters */},
        {"windows-1250", "CP1250", 0},
        {"windows-1251", "CP1251", 0},
        {"windows-1252", "CP1252", 0},
        {"windows-1253", "CP1253", 0},
        {"windows-1254", "CP1254", 0},
        {"windows-1255", "CP1255", 0},
        {"windows-1256", "CP1256", 0},
        {"windows-1257", "CP1257", 0},
        {"windows-874", "CP874", 0},
        {"cp037", "IBM037", 0},
        {"gb18030", "GB18030", 25 /* of 2022 */},
        {"euc-kr", "UHC", 0},
        {"shift_jis", "WINDOWS-31J", 0},
        {"euc-jp", "EUC-JP-MS", 940 /* user-defined rows */},
        {"big5", "BIG5-HKSCS", 72 /* of HKSCS-2008 */},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct encoding *e = encoding_find(rows[i].ours, strlen(rows[i].ours));
        iconv_t cd = iconv_open("UTF-8", rows[i].theirs);
        assert_non_null(e);
        if (cd == (iconv_t)-1)
            continue;
        unsigned differ = 0, same = 0;
        bool multi = i >= 17;
        for (unsigned v = 0x80; v < (multi ? 0x10000u : 0x100u); v++) {
            char bytes[2] = {(char)(multi ? v >> 8 : v), (char)v}, theirs[16], *in = bytes,
                 *to = theirs;
            size_t n = multi ? 2 : 1, in_n = n, left = sizeof theirs;
            if (multi && (v < 0x8100 || (v & 0xff) < 0x40))
                continue;
            if (!strcmp(rows[i].ours, "euc-jp") && (v < 0xa100 || (v & 0xff) < 0xa1))
                continue; /* they read C1 controls there */
            iconv(cd, NULL, NULL, NULL, NULL);
            if (iconv(cd, &in, &in_n, &to, &left) == (size_t)-1 || in_n)
                continue; /* what they do not know is our choice */
            iconv(cd, NULL, NULL, &to, &left);
            CLEANUP_BUF struct buf ours = BUF_INIT(16);
            struct decode_result r;
            assert_int_equal(encoding_decode(e, bytes, n, 0, &ours, &r), 0);
            bool equal = !r.bad && ours.len == sizeof theirs - left &&
                         memcmp(buf_str(&ours), theirs, ours.len) == 0;
            same += equal;
            differ += !equal;
        }
        iconv_close(cd);
        if (differ > rows[i].max_differ || same < (multi ? 6000 : 60))
            fail_msg("%s: %u differ, %u same", rows[i].ours, differ, same);
    }
}

static void gb18030_four_bytes(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t c;
    } rows[] = {
        {"\x81\x30\x81\x30", 0x80},     {"\x81\x30\x84\x36", 0xa5},
        {"\x84\x31\xa4\x39", 0xffff},   {"\x90\x30\x81\x30", 0x10000},
        {"\xe3\x32\x9a\x35", 0x10ffff}, {"\x95\x32\x82\x36", 0x20000},
    };
    const struct encoding *e = encoding_find("gb18030", 7);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_BUF struct buf out = BUF_INIT(16);
        struct decode_result r;
        char want[5] = {0};
        assert_int_equal(encoding_decode(e, rows[i].bytes, 4, 0, &out, &r), 0);
        if (rows[i].c != 0xffff) /* XML has no such character */
            utf8_encode(rows[i].c, want);
        assert_int_equal(r.bad, 0);
        assert_string_equal(buf_str(&out), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),
        cmocka_unit_test(choice),
        cmocka_unit_test(repairs),
        cmocka_unit_test(full_buffer),
        cmocka_unit_test(detection),
        cmocka_unit_test(against_iconv),
        cmocka_unit_test(gb18030_four_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
