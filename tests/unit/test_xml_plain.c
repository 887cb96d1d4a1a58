/* The plain XML reader beside the strict one: what it takes, what it leaves to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../fuzz/xml_same.h"
#include "base/limits.h"
#include "base/mem.h"
#include "parse/parse.h"

#define A "<a xmlns='http://a.example/'>"

/* Common documents: taken, and read as the strict reader does. */
static void taken(void **state)
{
    static const char *const docs[] = {
        "<a/>",
        "<a />",
        "<?xml version='1.0'?><a></a >",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes' ?>\n<!-- c --><?p "
        "i?><a/>\n<!---->",
        "<rss version='2.0'><channel><title>a &lt;b&gt; &amp;amp; &quot;&apos;&#65;&#x2603;</title>"
        "</channel></rss>",
        "<a>x<![CDATA[<b>]]y]]]]><![CDATA[>]]>z<!-- c -->w<?p i ?>v</a>",
        "<a b=\"x\ty\nz &#10;&amp;'\" c = 'd\"'/>",
        "<p:a xmlns:p='http://purl.org/dc/elements/1.1/' p:b='1' b='2' xml:lang='de'><p:c/></p:a>",
        A "<b xmlns=''><c/></b><d xmlns='http://www.w3.org/2005/Atom'/><e/></a>",
        "<r xmlns:p='http://a.example/'><x "
        "xmlns:p='http://www.w3.org/2005/Atom'><p:y/></x><p:z/></r>",
        "<feed><entry xml:base='http://a.example/'><title>\xe6\x97\xa5</title></entry></feed>",
        "<a>&#13;&#x85;&#146;\xc2\x92</a>",
        "<a>]]&gt; ]] ></a>",
        "<A><b></b></A>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
        bool is_taken;
        if (!xml_same(docs[i], strlen(docs[i]), &is_taken))
            fail_msg("not the same: %s", docs[i]);
        if (!is_taken)
            fail_msg("refused: %s", docs[i]);
    }
}

/* Errors of every kind, and what is too rare to be read twice. */
static void refused(void **state)
{
    static const char *const docs[] = {
        "",
        " <a/>",
        "x",
        "<",
        "<a",
        "<a>",
        "<a/",
        "<a></b>",
        "<a></A>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "<a/>&amp;",
        "<a/><![CDATA[x]]>",
        "<a><b></a></b>",
        "<a",
        "<a b/>",
        "<a b=c/>",
        "<a b='c/>",
        "<a b='1'c='2'/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a b='&'/>",
        "<a b='&lt'/>",
        "<a>&</a>",
        "<a>&nbsp;</a>",
        "<a>&#0;</a>",
        "<a>&#1;</a>",
        "<a>&#xd800;</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#1114112;</a>",
        "<a>&#xffff;</a>",
        "<a>&LT;</a>",
        "<a>]]></a>",
        "<a><![CDATA[x</a>",
        "<a><!-- -- --></a>",
        "<a><!-- x</a>",
        "<a><!--></a>",
        "<a><!---></a>",
        "<a><?xml version='1.0'?></a>",
        "<a><?XML x?></a>",
        "<a><? x?></a>",
        "<a><?p x></a>",
        "<a><?p:q x?></a>",
        "<a><?p+?></a>",
        "<?xml?><a/>",
        "<?xml encoding='utf-8'?><a/>",
        "<?xml version='1.1'?><a/>",
        "<?xml version='1.0'encoding='utf-8'?><a/>",
        "<?xml version='1.0' encoding=''?><a/>",
        "<?xml version='1.0' encoding='8'?><a/>",
        "<?xml version='1.0' standalone='maybe'?><a/>",
        "<?xml version='1.0'>\n<a/>",
        "<!DOCTYPE a><a/>",
        "<a>\r\n</a>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<:a/>",
        "<a:/>",
        "<a:b:c/>",
        "<1a/>",
        "<-/>",
        "<a 1='2'/>",
        "<\xc3\xa9/>",
        "<xmlns:a/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='http://a.example/'/>",
        "<a xmlns:xmlns='http://a.example/'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns='relative'/>",
        "<a xmlns='http://a b/'/>",
        "<a xmlns='http://a.example:x/'/>",
        "<a xmlns:p='http://a.example/' xmlns:q='http://a.example/' p:b='1' q:b='2'/>",
        "<a xmlns='http://a.example/' xmlns='http://b.example/'/>",
        "<a><p:b xmlns:p='http://a.example/'/>"
        "<p:c/></a>",
    };
    for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
        bool is_taken;
        if (!xml_same(docs[i], strlen(docs[i]), &is_taken) || is_taken)
            fail_msg("taken: %s", docs[i]);
    }
}

static bool takes_nested(unsigned depth)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    bool is_taken;
    for (unsigned i = 0; i < depth; i++)
        buf_adds(&b, "<a>");
    for (unsigned i = 0; i < depth; i++)
        buf_adds(&b, "</a>");
    assert_true(xml_same(b.data, b.len, &is_taken));
    return is_taken;
}

static bool takes_attributes(unsigned n, const char *format)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    bool is_taken;
    buf_adds(&b, "<a");
    for (unsigned i = 0; i < n; i++)
        buf_addf(&b, format, i, i);
    buf_adds(&b, "/>");
    assert_true(xml_same(b.data, b.len, &is_taken));
    return is_taken;
}

/* Beyond a bound of its own it leaves the document to the other reader. */
static void bounds(void **state)
{
    assert_true(takes_nested(LIMIT_DEPTH - 2));
    assert_false(takes_nested(LIMIT_DEPTH));
    assert_true(takes_attributes(32, " a%u='%u'"));
    assert_false(takes_attributes(33, " a%u='%u'"));
    char name[80] = "<";
    memset(name + 1, 'n', 70);
    memcpy(name + 71, "/>", 3);
    bool is_taken;
    assert_true(xml_same(name, strlen(name), &is_taken));
    assert_false(is_taken);
}

/* Every beginning of a document is refused, byte by byte. */
static void truncated(void **state)
{
    static const char doc[] =
        "<?xml version='1.0'?><r xmlns:p='http://a.example/'><p:a b='&lt;'>t&amp;"
        "<![CDATA[c]]><!-- x --><?p i?></p:a></r>";
    for (size_t n = 0; n < sizeof doc - 1; n++) {
        CLEANUP_FREE char *s = xmalloc(n + 1);
        char *at_end = memcpy(s + 1, doc, n); /* nothing behind it: a sanitizer sees */
        bool is_taken;
        assert_true(xml_same(at_end, n, &is_taken));
        assert_false(is_taken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
        cmocka_unit_test(bounds),
        cmocka_unit_test(truncated),
    };
    parse_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
