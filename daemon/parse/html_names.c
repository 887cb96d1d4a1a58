#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "parse/html_token.h"

/* clang-format off */
#define K     HTML_KEEP
#define B     (HTML_KEEP | HTML_BLOCK | HTML_CLOSES_P)
#define I     (HTML_KEEP | HTML_INLINE)
#define V     (HTML_KEEP | HTML_VOID)
#define BLOCK HTML_BLOCK
#define GONE  HTML_DROP
#define RAW   HTML_RAW
#define MATH  (HTML_KEEP | HTML_MATH)
#define SCOPE HTML_C_SCOPE

/* Every element name of HTML (the question "is it HTML?" uses this list too), sorted by name.
 * What has no KEEP goes, its content stays.
 * Safety rests on this: nothing that is KEEP has content that is read otherwise than ordinary HTML
 * (raw text, RCDATA, plaintext, template), none loads a document or runs anything, and MathML is
 * kept without annotation-xml, so that no HTML or SVG is read inside it by other rules. */
static const struct html_tag tags[] = {
    {"a",          I, HTML_C_A, HTML_C_A, SCOPE},
    {"abbr",       K, 0, 0, 0},
    {"acronym",    K, 0, 0, 0},
    {"address",    B, 0, 0, 0},
    {"annotation", MATH, 0, 0, 0},
    {"applet",     GONE, 0, 0, 0},
    {"area",       HTML_VOID, 0, 0, 0},
    {"article",    B, 0, 0, 0},
    {"aside",      B, 0, 0, 0},
    {"audio",      K, 0, 0, 0},
    {"b",          I, 0, 0, 0},
    {"base",       HTML_VOID, 0, 0, 0},
    {"basefont",   HTML_VOID, 0, 0, 0},
    {"bdi",        K, 0, 0, 0},
    {"bdo",        K, 0, 0, 0},
    {"bgsound",    HTML_VOID, 0, 0, 0},
    {"big",        I, 0, 0, 0},
    {"blink",      0, 0, 0, 0},
    {"blockquote", B, 0, 0, 0},
    {"body",       BLOCK, 0, 0, 0},
    {"br",         V | BLOCK, HTML_C_BR, 0, 0},
    {"button",     0, 0, 0, 0},
    {"canvas",     0, 0, 0, 0},
    {"caption",    K | BLOCK, HTML_C_CAPTION, HTML_C_CAPTION | HTML_C_GROUP | HTML_C_ROW | HTML_C_CELL, HTML_C_TABLE},
    {"center",     B, 0, 0, 0},
    {"cite",       K, 0, 0, 0},
    {"code",       I, 0, 0, 0},
    {"col",        V, 0, 0, 0},
    {"colgroup",   K, HTML_C_GROUP, HTML_C_GROUP | HTML_C_ROW | HTML_C_CELL | HTML_C_CAPTION, HTML_C_TABLE},
    {"data",       K, 0, 0, 0},
    {"datalist",   0, 0, 0, 0},
    {"dd",         B, HTML_C_DEF, HTML_C_DEF, HTML_C_DL | SCOPE},
    {"del",        K, 0, 0, 0},
    {"details",    B, 0, 0, 0},
    {"dfn",        K, 0, 0, 0},
    {"dialog",     BLOCK, 0, 0, 0},
    {"dir",        B, HTML_C_LIST, 0, 0},
    {"div",        B, HTML_C_DIV, 0, 0},
    {"dl",         B, HTML_C_DL, 0, 0},
    {"dt",         B, HTML_C_DEF, HTML_C_DEF, HTML_C_DL | SCOPE},
    {"em",         I, 0, 0, 0},
    {"embed",      HTML_VOID, 0, 0, 0},
    {"fieldset",   BLOCK, 0, 0, 0},
    {"figcaption", B, 0, 0, 0},
    {"figure",     B, 0, 0, 0},
    {"font",       I, 0, 0, 0},
    {"footer",     B, 0, 0, 0},
    {"form",       BLOCK, 0, 0, 0},
    {"frame",      HTML_VOID, 0, 0, 0},
    {"frameset",   GONE, 0, 0, 0},
    {"h1",         B, HTML_C_HEADING, 0, 0},
    {"h2",         B, HTML_C_HEADING, 0, 0},
    {"h3",         B, HTML_C_HEADING, 0, 0},
    {"h4",         B, HTML_C_HEADING, 0, 0},
    {"h5",         B, HTML_C_HEADING, 0, 0},
    {"h6",         B, HTML_C_HEADING, 0, 0},
    {"head",       BLOCK, 0, 0, 0},
    {"header",     B, 0, 0, 0},
    {"hgroup",     B, 0, 0, 0},
    {"hr",         V | BLOCK | HTML_CLOSES_P, 0, 0, 0},
    {"html",       BLOCK, 0, 0, 0},
    {"i",          I, 0, 0, 0},
    {"iframe",     0, 0, 0, 0},
    {"image",      HTML_VOID, 0, 0, 0},
    {"img",        V, HTML_C_IMG, 0, 0},
    {"input",      HTML_VOID, 0, 0, 0},
    {"ins",        K, 0, 0, 0},
    {"isindex",    HTML_VOID, 0, 0, 0},
    {"kbd",        K, 0, 0, 0},
    {"keygen",     HTML_VOID, 0, 0, 0},
    {"label",      0, 0, 0, 0},
    {"layer",      BLOCK, 0, 0, 0},
    {"legend",     BLOCK, 0, 0, 0},
    {"li",         B, HTML_C_LI, HTML_C_LI, HTML_C_LIST | SCOPE},
    {"link",       HTML_VOID, 0, 0, 0},
    {"listing",    BLOCK, 0, 0, 0},
    {"main",       B, 0, 0, 0},
    {"map",        0, 0, 0, 0},
    {"mark",       K, 0, 0, 0},
    {"marquee",    BLOCK, 0, 0, 0},
    {"math",       K | HTML_FOREIGN, HTML_C_MATH, 0, 0},
    {"menclose",   MATH, 0, 0, 0},
    {"menu",       B, HTML_C_LIST, 0, 0},
    {"merror",     MATH, 0, 0, 0},
    {"meta",       HTML_VOID, 0, 0, 0},
    {"meter",      0, 0, 0, 0},
    {"mfenced",    MATH, 0, 0, 0},
    {"mfrac",      MATH, 0, 0, 0},
    {"mi",         MATH, 0, 0, 0},
    {"mmultiscripts", MATH, 0, 0, 0},
    {"mn",         MATH, 0, 0, 0},
    {"mo",         MATH, 0, 0, 0},
    {"mover",      MATH, 0, 0, 0},
    {"mpadded",    MATH, 0, 0, 0},
    {"mphantom",   MATH, 0, 0, 0},
    {"mprescripts", MATH, 0, 0, 0},
    {"mroot",      MATH, 0, 0, 0},
    {"mrow",       MATH, 0, 0, 0},
    {"ms",         MATH, 0, 0, 0},
    {"mspace",     MATH, 0, 0, 0},
    {"msqrt",      MATH, 0, 0, 0},
    {"mstyle",     MATH, 0, 0, 0},
    {"msub",       MATH, 0, 0, 0},
    {"msubsup",    MATH, 0, 0, 0},
    {"msup",       MATH, 0, 0, 0},
    {"mtable",     MATH, 0, 0, 0},
    {"mtd",        MATH, 0, 0, 0},
    {"mtext",      MATH, 0, 0, 0},
    {"mtr",        MATH, 0, 0, 0},
    {"munder",     MATH, 0, 0, 0},
    {"munderover", MATH, 0, 0, 0},
    {"nav",        B, 0, 0, 0},
    {"nobr",       0, 0, 0, 0},
    {"noembed",    0, 0, 0, 0},
    {"noframes",   0, 0, 0, 0},
    {"noscript",   RAW, 0, 0, 0},
    {"object",     GONE, 0, 0, 0},
    {"ol",         B, HTML_C_LIST, 0, 0},
    {"optgroup",   BLOCK, 0, 0, 0},
    {"option",     BLOCK, 0, 0, 0},
    {"output",     0, 0, 0, 0},
    {"p",          B, HTML_C_P, 0, 0},
    {"param",      HTML_VOID, 0, 0, 0},
    {"picture",    K, 0, 0, 0},
    {"plaintext",  BLOCK, 0, 0, 0},
    {"pre",        B, 0, 0, 0},
    {"progress",   0, 0, 0, 0},
    {"q",          K, 0, 0, 0},
    {"rb",         K, HTML_C_RT, HTML_C_RT, HTML_C_RUBY | SCOPE},
    {"rp",         K, HTML_C_RT, HTML_C_RT, HTML_C_RUBY | SCOPE},
    {"rt",         K, HTML_C_RT, HTML_C_RT, HTML_C_RUBY | SCOPE},
    {"rtc",        K, HTML_C_RT, HTML_C_RT, HTML_C_RUBY | SCOPE},
    {"ruby",       K, HTML_C_RUBY, 0, 0},
    {"s",          I, 0, 0, 0},
    {"samp",       K, 0, 0, 0},
    {"script",     RAW | HTML_CODE, 0, 0, 0},
    {"section",    B, 0, 0, 0},
    {"select",     BLOCK, 0, 0, 0},
    {"semantics",  MATH, 0, 0, 0},
    {"slot",       0, 0, 0, 0},
    {"small",      I, 0, 0, 0},
    {"source",     V, 0, 0, 0},
    {"spacer",     HTML_VOID, 0, 0, 0},
    {"span",       K, 0, 0, 0},
    {"strike",     I, 0, 0, 0},
    {"strong",     I, 0, 0, 0},
    {"style",      RAW | HTML_CODE, 0, 0, 0},
    {"sub",        K, 0, 0, 0},
    {"summary",    B, 0, 0, 0},
    {"sup",        K, 0, 0, 0},
    {"svg",        HTML_FOREIGN, HTML_C_SVG, 0, 0},
    {"table",      B, HTML_C_TABLE, 0, 0},
    {"tbody",      K | BLOCK, HTML_C_GROUP, HTML_C_GROUP | HTML_C_ROW | HTML_C_CELL | HTML_C_CAPTION, HTML_C_TABLE},
    {"td",         K | BLOCK, HTML_C_CELL, HTML_C_CELL | HTML_C_CAPTION, HTML_C_ROW | HTML_C_TABLE},
    {"template",   GONE, 0, 0, 0},
    {"textarea",   HTML_RCDATA | BLOCK, 0, 0, 0},
    {"tfoot",      K | BLOCK, HTML_C_GROUP, HTML_C_GROUP | HTML_C_ROW | HTML_C_CELL | HTML_C_CAPTION, HTML_C_TABLE},
    {"th",         K | BLOCK, HTML_C_CELL, HTML_C_CELL | HTML_C_CAPTION, HTML_C_ROW | HTML_C_TABLE},
    {"thead",      K | BLOCK, HTML_C_GROUP, HTML_C_GROUP | HTML_C_ROW | HTML_C_CELL | HTML_C_CAPTION, HTML_C_TABLE},
    {"time",       K, 0, 0, 0},
    {"title",      RAW, HTML_C_TITLE, 0, 0},
    {"tr",         K | BLOCK, HTML_C_ROW, HTML_C_ROW | HTML_C_CELL | HTML_C_CAPTION, HTML_C_TABLE},
    {"track",      V, 0, 0, 0},
    {"tt",         I, 0, 0, 0},
    {"u",          I, 0, 0, 0},
    {"ul",         B, HTML_C_LIST, 0, 0},
    {"var",        K, 0, 0, 0},
    {"video",      K, 0, 0, 0},
    {"wbr",        V, 0, 0, 0},
    {"xml",        GONE, 0, 0, 0},
    {"xmp",        BLOCK, 0, 0, 0},
};

#define T(name) {name, HTML_A_TEXT}
#define U(name) {name, HTML_A_URL}

/* Attributes that may leave, on any element, sorted by name. Not here on purpose: style (needs a
 * CSS reader to be safe), id and name (they shadow the variables of the page around), target
 * (gives the opened page a handle on ours), autoplay, and everything that posts or runs. */
static const struct html_attr_row attrs[] = {
    T("abbr"), T("accent"), T("accentunder"), T("align"), T("alt"), T("axis"),
    U("background"), T("bgcolor"), T("border"), T("cellpadding"), T("cellspacing"), T("char"),
    T("charoff"), U("cite"), T("class"), T("clear"), T("close"), T("color"), T("cols"),
    T("colspan"), T("columnalign"), T("compact"), T("controls"), T("coords"), T("datetime"),
    T("depth"), T("dir"), T("display"), T("displaystyle"), T("encoding"), T("face"), T("fence"),
    T("frame"), T("headers"), {"height", HTML_A_HEIGHT}, U("href"), T("hreflang"), T("hspace"),
    T("ismap"), T("kind"), T("label"), T("lang"), T("linethickness"), T("loading"), U("longdesc"),
    T("loop"), T("lspace"), T("mathsize"), T("mathvariant"), T("maxsize"), T("media"), T("minsize"),
    T("movablelimits"), T("muted"), T("noshade"), T("notation"), T("nowrap"), T("open"),
    U("poster"), T("preload"), T("rel"), T("rev"), T("reversed"), T("rowalign"), T("rowspan"),
    T("rspace"), T("rules"), T("scope"), T("scriptlevel"), T("separators"), T("shape"), T("size"),
    T("sizes"), T("span"), U("src"), T("srclang"), {"srcset", HTML_A_SRCSET}, T("start"),
    T("stretchy"), T("summary"), T("symmetric"), T("title"), T("type"), U("usemap"), T("valign"),
    T("value"), T("voffset"), T("vspace"), {"width", HTML_A_WIDTH},
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(attrs) <= HTML_ATTR_MAX, "an index for each");

/* A name as two numbers. */
struct key {
    uint64_t hi, lo;
};

static struct key row_key(const char name[16])
{
    uint64_t w[2];
    memcpy(w, name, 16);
    return (struct key){w[0], w[1]};
}

#define SLOT_BITS 9
#define SLOTS     (1u << SLOT_BITS)

/* ROWS of SIZE bytes that begin with their names, and a hash table of them: an index + 1 each,
 * where the name's hash says or in the slots behind. */
struct table {
    const void *rows;
    size_t count, size;
    uint8_t slots[SLOTS];
};
static struct table tag_table = {tags, ARRAY_SIZE(tags), sizeof tags[0], {0}},
                    attr_table = {attrs, ARRAY_SIZE(attrs), sizeof attrs[0], {0}};
_Static_assert(ARRAY_SIZE(tags) < UINT8_MAX && ARRAY_SIZE(attrs) < UINT8_MAX, "table.slots");

static unsigned slot_of(struct key k)
{
    return (unsigned)((k.hi ^ k.lo << 1) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SLOT_BITS));
}

static const char *row_name(const struct table *t, size_t i)
{
    return (const char *)t->rows + i * t->size;
}

static void index_table(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        unsigned s = slot_of(row_key(row_name(t, i)));
        while (t->slots[s])
            s = (s + 1) % SLOTS;
        t->slots[s] = (uint8_t)(i + 1);
    }
}

static void index_tables(void)
{
    index_table(&tag_table);
    index_table(&attr_table);
}

static int find(const struct table *t, const char *name, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char lower[16] = {0};
    if (n == 0 || n >= sizeof lower)
        return -1;
    for (size_t i = 0; i < n; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    pthread_once(&once, index_tables);
    struct key k = row_key(lower);
    for (unsigned s = slot_of(k); t->slots[s]; s = (s + 1) % SLOTS) {
        struct key r = row_key(row_name(t, t->slots[s] - 1u));
        if (r.hi == k.hi && r.lo == k.lo)
            return t->slots[s] - 1;
    }
    return -1;
}

const struct html_tag *html_tag_find(const char *name, size_t n)
{
    int i = find(&tag_table, name, n);
    return i < 0 ? NULL : &tags[i];
}

const struct html_attr_row *html_attr_find(const char *name, size_t n, unsigned *ret_index)
{
    int i = find(&attr_table, name, n);
    if (i < 0)
        return NULL;
    *ret_index = (unsigned)i;
    return &attrs[i];
}
