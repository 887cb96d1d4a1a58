#include "parse/date_names.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* ---- folding ------------------------------------------------------------------------------ */

/* U+00C0 to U+017F without accents; '*' stays as it is. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo*ouuuuyts"
                            "aaaaaaaceeeeiiiidnooooo*ouuuuyty"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiijjjkkklllllll"
                            "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
_Static_assert(sizeof latin == 0x180 - 0xc0 + 1, "one letter for each of U+00C0..U+017F");

static uint32_t fold_greek(uint32_t c)
{
    static const struct {
        uint16_t from, to;
    } map[] = {
        {0x386, 0x3b1}, {0x388, 0x3b5}, {0x389, 0x3b7}, {0x38a, 0x3b9}, {0x38c, 0x3bf},
        {0x38e, 0x3c5}, {0x38f, 0x3c9}, {0x390, 0x3b9}, {0x3aa, 0x3b9}, {0x3ab, 0x3c5},
        {0x3ac, 0x3b1}, {0x3ad, 0x3b5}, {0x3ae, 0x3b7}, {0x3af, 0x3b9}, {0x3b0, 0x3c5},
        {0x3c2, 0x3c3}, {0x3ca, 0x3b9}, {0x3cb, 0x3c5}, {0x3cc, 0x3bf}, {0x3cd, 0x3c5},
        {0x3ce, 0x3c9},
    };
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (map[i].from == c)
            return map[i].to;
    return c >= 0x391 && c <= 0x3a9 ? c + 0x20 : c;
}

static uint32_t fold_char(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c < ' ' ? ' ' : c;
    if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x3000)
        return ' ';
    if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
        return '-';
    if (c == 0x2019) /* an apostrophe */
        return '\'';
    if (c == 0xaa || c == 0xba || c == 0xb0) /* ordinal signs, and the degree sign in their place */
        return '.';
    if (c >= 0xc0 && c < 0x180)
        return latin[c - 0xc0] == '*' ? c : (uint32_t)(unsigned char)latin[c - 0xc0];
    if (c >= 0x386 && c <= 0x3ce)
        return fold_greek(c);
    if (c >= 0x410 && c <= 0x42f)
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    return c;
}

size_t date_fold(const char *s, size_t n, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        if ((unsigned char)s[i] < 0x80) {
            out[len++] = (char)fold_char((unsigned char)s[i++]);
            continue;
        }
        size_t k = utf8_decode(s + i, n - i, &c);
        if (!k) { /* not UTF-8: no name will match, but the digits around it may do */
            k = 1;
            c = ' ';
        }
        i += k;
        if (c == 0x200b || c == 0x200e || c == 0x200f || c == 0x202a || c == 0x202c || c == 0xfeff)
            continue; /* marks that some locales print into dates */
        len += utf8_encode(fold_char(c), out + len);
    }
    out[len] = 0;
    return len;
}

/* ---- names -------------------------------------------------------------------------------- */

/* clang-format off */
#define M(stem, month)  {stem, DATE_WORD_MONTH, month, false, false},
#define D(stem)         {stem, DATE_WORD_WEEKDAY, 0, false, false},
#define ALL(word, k, v) {word, k, v, true, false},
#define KOR(word, k, v) {word, k, v, true, true},
#define DAY(word)       ALL(word, DATE_WORD_WEEKDAY, 0)
#define FILL(word)      ALL(word, DATE_WORD_FILLER, 0)
#define ORD(word)       ALL(word, DATE_WORD_ORDINAL, 0)

/* A stem (M, D) fits every word that begins with it, and the longest that fits wins; the others
 * must be the whole word. */
static const struct {
    const char *stem;
    enum date_word kind;
    int value;
    bool whole, korean;
} names[] = {
    /* English, and what French, German, Dutch, the Scandinavian and Romance languages share */
    M("jan", 1) M("feb", 2) M("apr", 4) M("may", 5) M("jun", 6) M("jul", 7) M("aug", 8)
    M("sep", 9) M("oct", 10) M("nov", 11) M("dec", 12) M("march", 3) M("mars", 3)
    ALL("mar", DATE_WORD_EITHER, 3) D("mon") D("tue") D("wed") D("thu") D("fri") D("sat")
    D("sun")
    /* French */
    M("fev", 2) M("avr", 4) M("mai", 5) M("juin", 6) M("juil", 7) M("jui", 7) M("aou", 8)
    D("lun") D("mardi") D("mer") D("jeu") D("ven") D("sam") D("dim")
    /* German */
    M("marz", 3) M("maerz", 3) M("mrz", 3) M("okt", 10) M("dez", 12) M("janner", 1) D("die")
    D("mit") D("don") D("fre") D("son") DAY("mo") DAY("di") DAY("mi") DAY("do") DAY("fr")
    DAY("sa") DAY("so")
    /* Spanish, Italian, Portuguese, Romanian, Catalan */
    M("ene", 1) M("gen", 1) M("ian", 1) M("marzo", 3) M("marco", 3) M("mart", 3) M("abr", 4)
    M("mag", 5) M("maio", 5) M("giu", 6) M("lug", 7) M("iun", 6) M("iul", 7) M("ago", 8)
    M("set", 9) M("ott", 10) M("out", 10) M("noi", 11) M("dic", 12) M("des", 12) D("martes")
    D("marte") D("martedi") D("mie") D("jue") D("vie") D("sab") D("dom") D("gio") D("seg")
    D("ter") D("qua") D("qui") D("sex") D("joi") D("vin")
    /* Dutch, Danish, Norwegian, Swedish, Finnish, Estonian */
    M("mrt", 3) M("maart", 3) M("mei", 5) M("maj", 5) M("tammi", 1) M("helmi", 2)
    M("maalis", 3) M("huhti", 4) M("touko", 5) M("kesa", 6) M("heina", 7) M("elo", 8)
    M("syys", 9) M("loka", 10) M("marras", 11) M("joulu", 12) D("maa") D("din") D("woe")
    D("vri") D("zat") D("zon") D("man") D("tir") D("ons") D("tor") D("lor") D("tis")
    D("lau") DAY("ma") DAY("ti") DAY("ke") DAY("to") DAY("pe") DAY("la") DAY("su")
    /* Hungarian, Polish, Czech, Turkish, Croatian */
    M("marcius", 3) M("apri", 4) M("maju", 5) M("szept", 9) M("sty", 1) M("lut", 2)
    M("marca", 3) M("marzec", 3) M("kwi", 4) M("cze", 6) M("lip", 7) M("sie", 8) M("wrz", 9)
    M("paz", 10) M("listop", 11) M("lis", 11) M("gru", 12) M("leden", 1) M("ledna", 1)
    M("unor", 2) M("bre", 3) M("dub", 4) M("kve", 5) M("cerven", 6) M("cervn", 6)
    M("cervenec", 7) M("cervence", 7) M("srp", 8) M("zar", 9) M("rij", 10) M("pro", 12)
    M("oca", 1) M("sub", 2) M("nis", 4) M("haz", 6) M("tem", 7) M("eyl", 9) M("eki", 10)
    M("kas", 11) M("ara", 12) D("pon") D("wto") D("sro") D("czw") D("pia") D("nie")
    D("ned") D("pzt") D("paza") D("car") D("per") D("cum") D("het") D("kedd") D("sze")
    D("csu") D("pen") D("szo") D("vasarn") D("sob") D("pat") M("led", 1) M("uno", 2)
    M("marc", 3)
    M("sij", 1) M("velj", 2) M("ozu", 3) M("tra", 4) M("svi", 5) M("lipa", 6) M("lipn", 6)
    M("srpa", 7) M("srpnj", 7) M("kol", 8) M("ruj", 9) M("stu", 11) M("avg", 8) M("cvn", 6)
    M("cvc", 7)
    /* Galician, Estonian, Lithuanian, Irish, Indonesian, Malay, and Catalan's "d'abril" */
    M("xan", 1) M("xun", 6) M("xul", 7) M("jaan", 1) M("veeb", 2) M("juun", 6) M("juul", 7)
    M("saus", 1) M("vasari", 2) M("kov", 3) M("bal", 4) M("geg", 5) M("birz", 6) M("liep", 7)
    M("rugp", 8) M("rugs", 9) M("spal", 10) M("lapk", 11) M("gruod", 12) M("meith", 6)
    D("mairt") M("maret", 3) M("agu", 8) M("mac", 3) M("ogo", 8) M("dis", 12) M("dets", 12)
    M("marec", 3) FILL("d")
    {"vas", DATE_WORD_EITHER, 2, false, false}, /* Lithuanian February, Hungarian Sunday */
    /* Greek */
    M("ιαν", 1) M("φεβ", 2) M("μαρ", 3) M("μαω", 3) M("απρ", 4) M("μαι", 5) M("μαϊ", 5)
    M("ιουν", 6) M("ιον", 6) M("ιουλ", 7) M("ιολ", 7) M("αυγ", 8) M("σεπ", 9) M("οκτ", 10)
    M("νοε", 11) M("δεκ", 12) D("κυρ") D("δευ") D("τρι") D("τετ") D("πεμ") D("παρ")
    D("σαβ")
    /* Russian, Ukrainian, Bulgarian */
    M("янв", 1) M("фев", 2) M("мар", 3) M("апр", 4) M("май", 5) M("мая", 5) M("июн", 6)
    M("июл", 7) M("авг", 8) M("сен", 9) M("сеп", 9) M("окт", 10) M("ноя", 11)
    M("дек", 12) M("січ", 1) M("лют", 2) M("берез", 3) M("квіт", 4) M("трав", 5) M("черв", 6)
    M("лип", 7) M("серп", 8) M("верес", 9) M("жовт", 10) M("груд", 12)
    M("юни", 6) M("юли", 7) M("яну", 1) M("бер", 3) M("вер", 9) M("јан", 1) M("мај", 5)
    M("јун", 6) M("јул", 7) M("нов", 11) M("дец", 12) M("ное", 11) M("феб", 2) M("лист", 11)
    D("пон") D("вто") D("вів") D("вт") D("сре")
    D("сер") D("ср") D("чет") D("чт") D("чтв") D("пят") D("пет") D("пн") D("пт") D("суб")
    D("сб") D("вос") D("вс") D("нед")
    /* halves of the day */
    ALL("am", DATE_WORD_AM, 0) ALL("pm", DATE_WORD_PM, 0) ALL("πμ", DATE_WORD_AM, 0)
    ALL("μμ", DATE_WORD_PM, 0) KOR("오전", DATE_WORD_AM, 0) KOR("오후", DATE_WORD_PM, 0)
    ALL("上午", DATE_WORD_AM, 0) ALL("下午", DATE_WORD_PM, 0) ALL("午前", DATE_WORD_AM, 0)
    ALL("午後", DATE_WORD_PM, 0)
    /* units behind numbers */
    KOR("년", DATE_WORD_UNIT, 'y') KOR("월", DATE_WORD_UNIT, 'm') KOR("일", DATE_WORD_UNIT, 'd')
    KOR("시", DATE_WORD_UNIT, 'H') KOR("분", DATE_WORD_UNIT, 'M') KOR("초", DATE_WORD_UNIT, 'S')
    ALL("年", DATE_WORD_UNIT, 'y') ALL("月", DATE_WORD_UNIT, 'm') ALL("日", DATE_WORD_UNIT, 'd')
    ALL("時", DATE_WORD_UNIT, 'H') ALL("时", DATE_WORD_UNIT, 'H') ALL("分", DATE_WORD_UNIT, 'M')
    ALL("秒", DATE_WORD_UNIT, 'S') ALL("h", DATE_WORD_UNIT, 'H') ALL("uhr", DATE_WORD_UNIT, 'H')
    /* words without meaning */
    FILL("at") FILL("t") FILL("of") FILL("the") FILL("on") FILL("um") FILL("den")
    FILL("der") FILL("le") FILL("a") FILL("de") FILL("del") FILL("el") FILL("las")
    FILL("il") FILL("alle") FILL("as") FILL("dia") FILL("kl") FILL("klo") FILL("г") FILL("года")
    FILL("в") FILL("om") FILL("и") FILL("and") FILL("feira") FILL("στις") ORD("st")
    ORD("nd") ORD("rd") ORD("th") ORD("er") ORD("ere") ORD("ro") ORD("o") ORD("e")
};
/* clang-format on */

/* The names by their first byte, as chains of indices + 1: going through all of them was a tenth of
 * a whole parse. */
static uint16_t chain_of[256], next_in_chain[ARRAY_SIZE(names)];

static void make_chains(void)
{
    for (size_t i = ARRAY_SIZE(names); i-- > 0;) {
        uint16_t *head = &chain_of[(unsigned char)names[i].stem[0]];
        next_in_chain[i] = *head;
        *head = (uint16_t)(i + 1);
    }
}

struct date_name date_name(const char *s, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct date_name ret = {DATE_WORD_UNKNOWN, 0, false};
    size_t best = 0;
    pthread_once(&once, make_chains);
    for (size_t k = n ? chain_of[(unsigned char)*s] : 0; k; k = next_in_chain[k - 1]) {
        size_t i = k - 1;
        size_t len = strlen(names[i].stem);
        if (len > n || len <= best || (names[i].whole && len != n) ||
            memcmp(names[i].stem, s, len) != 0)
            continue;
        best = len;
        ret = (struct date_name){names[i].kind, names[i].value, names[i].korean};
    }
    return ret;
}
