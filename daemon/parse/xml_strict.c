#include "parse/xml.h"

#include <errno.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/text.h"

/* What libxml2's push parser gets at once. It reads twice as fast as the other one, for it passes
 * CDATA on where it stands, but takes no more than 10 MB ahead. */
#define PIECE_BYTES (1u << 20)

#define TAG_BLOCK_BYTES 2048

#define NS_CACHE 32 /* URIs of one document; more are looked up again each time */

struct strict {
    struct tree *t;
    xmlParserCtxt *ctxt;
    size_t max_text;
    bool failed;   /* also when the error is in the inner parser of an entity */
    bool after_cr; /* in CDATA */
    struct {
        const xmlChar *uri; /* interned in the parser's dictionary */
        enum ns ns;
    } cache[NS_CACHE];
    unsigned n_cache;
};

static void give_up(struct strict *s)
{
    s->failed = true;
    xmlStopParser(s->ctxt);
}

/* libxml2 looks through all namespaces in scope for each element, and its dictionary of names does
 * not grow well: beyond these limits it takes quadratic time, and the soup reader is the better
 * one. */
static bool is_crowded(const struct strict *s)
{
    return s->ctxt->nsNr > 2 * LIMIT_NAMESPACES || xmlDictSize(s->ctxt->dict) > LIMIT_NAMES;
}

static enum ns ns_of(struct strict *s, const xmlChar *prefix, const xmlChar *uri)
{
    if (!uri)
        return prefix ? ns_of_prefix((const char *)prefix, strlen((const char *)prefix)) : NS_NONE;
    for (unsigned i = 0; i < s->n_cache; i++)
        if (s->cache[i].uri == uri)
            return s->cache[i].ns;
    enum ns ns = ns_of_uri((const char *)uri);
    if (s->n_cache < NS_CACHE) {
        s->cache[s->n_cache].uri = uri;
        s->cache[s->n_cache++].ns = ns;
    }
    return ns;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int n_ns, const xmlChar **nss, int n_attrs, int n_default, const xmlChar **a)
{
    struct strict *s = ctx;
    if (is_crowded(s)) {
        give_up(s);
        return;
    }
    for (int i = 0; i < n_ns; i++) /* what is declared at the root tells the format */
        s->t->seen |= s->t->depth ? 0 : 1u << ns_of(s, nss[2 * i], nss[2 * i + 1]);
    struct node *n = tree_open(s->t, ns_of(s, prefix, uri), (const char *)name, (size_t)n_attrs);
    for (int i = 0; n && i < n_attrs; i++, a += 5)
        tree_attr(s->t, n, a[1] ? ns_of(s, a[1], a[2]) : NS_NONE, (const char *)a[0],
                  (const char *)a[3], (size_t)(a[4] - a[3]));
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    tree_close(((struct strict *)ctx)->t);
}

static void on_text(void *ctx, const xmlChar *text, int n)
{
    struct strict *s = ctx;
    if (s->t->text_bytes + (size_t)n > s->max_text) {
        give_up(s);
        return;
    }
    tree_text(s->t, (const char *)text, (size_t)n);
}

/* The push parser hands CDATA over as it stands: line ends become what XML makes of them (2.11). A
 * CR at the end of a piece may have its LF in the next one. */
static void on_cdata(void *ctx, const xmlChar *text, int n)
{
    struct strict *s = ctx;
    const xmlChar *end = text + n, *cr;
    if (s->after_cr && n && *text == '\n')
        text++;
    s->after_cr = n && end[-1] == '\r';
    while ((cr = memchr(text, '\r', (size_t)(end - text)))) {
        on_text(s, text, (int)(cr - text));
        on_text(s, (const xmlChar *)"\n", 1);
        text = cr + 1 + (cr + 1 < end && cr[1] == '\n');
    }
    on_text(s, text, (int)(end - text));
}

/* An entity that only the DTD we do not load would know: RSS 0.91's are HTML's. */
static void on_reference(void *ctx, const xmlChar *name)
{
    const char *text = text_entity((const char *)name, strlen((const char *)name));
    if (text)
        on_text(ctx, (const xmlChar *)text, (int)strlen(text));
}

/* What an entity would bring in from a file or an address is nothing: external ones are declared as
 * internal and empty, so that no loader is ever asked. */
static void on_entity_decl(void *ctx, const xmlChar *name, int type, const xmlChar *public_id,
                           const xmlChar *system_id, xmlChar *content)
{
    struct strict *s = ctx;
    if (is_crowded(s)) {
        give_up(s);
        return;
    }
    bool external = type != XML_INTERNAL_GENERAL_ENTITY && type != XML_INTERNAL_PARAMETER_ENTITY;
    bool general = type == XML_INTERNAL_GENERAL_ENTITY ||
                   type == XML_EXTERNAL_GENERAL_PARSED_ENTITY;
    xmlChar empty[] = "";
    xmlSAX2EntityDecl(s->ctxt, name,
                      general ? XML_INTERNAL_GENERAL_ENTITY : XML_INTERNAL_PARAMETER_ENTITY, NULL,
                      NULL, external ? empty : content);
}

static void on_internal_subset(void *ctx, const xmlChar *name, const xmlChar *external_id,
                               const xmlChar *system_id)
{
    xmlSAX2InternalSubset(((struct strict *)ctx)->ctxt, name, external_id, system_id);
}

static xmlEntityPtr on_get_entity(void *ctx, const xmlChar *name)
{
    return xmlSAX2GetEntity(((struct strict *)ctx)->ctxt, name);
}

static xmlEntityPtr on_get_parameter_entity(void *ctx, const xmlChar *name)
{
    return xmlSAX2GetParameterEntity(((struct strict *)ctx)->ctxt, name);
}

static int has_external(void *ctx)
{
    return xmlSAX2HasExternalSubset(((struct strict *)ctx)->ctxt);
}

static int is_standalone(void *ctx)
{
    return xmlSAX2IsStandalone(((struct strict *)ctx)->ctxt);
}

static void on_start_document(void *ctx)
{
    xmlSAX2StartDocument(((struct strict *)ctx)->ctxt);
}

/* A fatal error ends the strict reading at once; the soup reader starts over. */
static void on_error(void *ctx, xmlErrorPtr e)
{
    struct strict *s = ctx;
    if (e->level == XML_ERR_FATAL)
        give_up(s);
}

static void free_ctxt(xmlParserCtxt **c)
{
    if (*c && (*c)->myDoc)
        xmlFreeDoc((*c)->myDoc);
    xmlFreeParserCtxt(*c);
}

/* Has the tag at S ('<') more attributes than we take? libxml2 compares each with each. */
static bool is_crowded_tag(const char *s, const char *end)
{
    size_t n = 0;
    if (end - s < 2 || strchr("!?/", s[1])) /* no start tag */
        return false;
    for (s++; s < end && *s != '>' && n <= LIMIT_ATTRIBUTES; s++)
        if (*s == '"' || *s == '\'') {
            s = memchr(s + 1, *s, (size_t)(end - s - 1));
            if (!s)
                return false;
            n++;
        }
    return n > LIMIT_ATTRIBUTES;
}

/* Is there such a tag? As no '<' can be inside of it, a big one fills a block: only there it is
 * looked for closely, so that ordinary documents pay one memchr for each. */
static bool has_crowded_tag(const char *s, size_t n)
{
    const char *end = s + n, *last = s;
    while (end - s >= TAG_BLOCK_BYTES) {
        const char *lt = memchr(s, '<', TAG_BLOCK_BYTES);
        if (!lt) {
            const char *tag = memrchr(last, '<', (size_t)(s - last));
            if (tag && is_crowded_tag(tag, end))
                return true;
            lt = memchr(s, '<', (size_t)(end - s));
            if (!lt)
                return false;
            s = last = lt;
            continue;
        }
        last = s;
        s += TAG_BLOCK_BYTES;
    }
    return false;
}

int xml_read_strict(struct tree *t, const char *text, size_t n, unsigned *repairs)
{
    static const xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startDocument = on_start_document,
        .internalSubset = on_internal_subset,
        .hasExternalSubset = has_external,
        .isStandalone = is_standalone,
        .entityDecl = on_entity_decl,
        .getEntity = on_get_entity,
        .getParameterEntity = on_get_parameter_entity,
        .reference = on_reference,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_cdata,
        .serror = on_error,
    };
    struct strict s = {.t = t, .max_text = n + LIMIT_EXPANSION_BYTES};
    CLEANUP(free_ctxt)
    xmlParserCtxt *c = xmlCreatePushParserCtxt((xmlSAXHandler *)&handler, &s, NULL, 0, NULL);
    if (!c)
        return -ENOMEM;
    if (has_crowded_tag(text, n))
        return -EBADMSG;
    s.ctxt = c;
    xmlCtxtUseOptions(c, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC |
                             XML_PARSE_BIG_LINES);
    xmlSwitchEncoding(c, XML_CHAR_ENCODING_UTF8);
    do {
        size_t piece = MIN(n, (size_t)PIECE_BYTES);
        xmlParseChunk(c, text, (int)piece, piece == n);
        text += piece;
        n -= piece;
    } while (n && !s.failed && c->wellFormed);
    if (!c->wellFormed || s.failed)
        return -EBADMSG;
    if (!c->nsWellFormed)
        *repairs |= REPAIR_PREFIX;
    return 0;
}
