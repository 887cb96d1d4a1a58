#include "parse/namespace.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Without scheme, lower case, without / or # at the end. */
static const struct {
    const char *uri;
    enum ns ns;
} uris[] = {
    {"www.w3.org/xml/1998/namespace", NS_XML},
    {"www.w3.org/1999/02/22-rdf-syntax-ns", NS_RDF},
    {"my.netscape.com/rdf/simple/0.9", NS_RSS090},
    {"channel.netscape.com/rdf/simple/0.9", NS_RSS090},
    {"my.netscape.com/publish/formats/rss-0.91.dtd", NS_RSS},
    {"purl.org/rss/1.0", NS_RSS},
    {"purl.org/net/rss1.1", NS_RSS11},
    {"backend.userland.com/rss", NS_RSS},
    {"backend.userland.com/rss2", NS_RSS},
    {"backend.userland.com/rss091", NS_RSS},
    {"backend.userland.com/rss092", NS_RSS},
    {"backend.userland.com/rss093", NS_RSS},
    {"backend.userland.com/rss094", NS_RSS},
    {"backend.userland.com/rss20", NS_RSS},
    {"blogs.law.harvard.edu/tech/rss", NS_RSS},
    {"cyber.law.harvard.edu/rss", NS_RSS},
    {"www.rssboard.org/rss-specification", NS_RSS},
    {"rssnamespace.org/rss/1.0", NS_RSS},
    {"purl.org/rss/1.0/modules/rss091", NS_RSS}, /* what RSS 1.0 took over from 0.91 */
    {"www.w3.org/2005/atom", NS_ATOM},
    {"purl.org/atom/ns", NS_ATOM03},
    {"example.com/newformat", NS_ATOM03},
    {"example.com/necho", NS_ATOM03},
    {"purl.org/echo", NS_ATOM03},
    {"uri/of/echo/namespace", NS_ATOM03},
    {"purl.org/pie", NS_ATOM03},
    {"www.w3.org/1999/xhtml", NS_XHTML},
    {"www.w3.org/1998/math/mathml", NS_OTHER},
    {"purl.org/dc/elements/1.0", NS_DC},
    {"purl.org/dc/elements/1.1", NS_DC},
    {"purl.org/dc/terms", NS_DCTERMS},
    {"dublincore.org/documents/dcmi-namespace", NS_DC},
    {"dublincore.org/documents/dcmi-terms", NS_DCTERMS},
    {"dublincore.org/specifications/dublin-core/dcmi-terms", NS_DCTERMS},
    {"purl.org/rss/1.0/modules/content", NS_CONTENT},
    {"www.itunes.com/dtds/podcast-1.0.dtd", NS_ITUNES},
    {"www.itunes.com/dtds/podcast-2.0.dtd", NS_ITUNES},
    {"example.com/dtds/podcast-1.0.dtd", NS_ITUNES},
    {"podcastindex.org/namespace/1.0", NS_PODCAST},
    {"github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md", NS_PODCAST},
    {"search.yahoo.com/mrss", NS_MEDIA},
    {"search.yahoo.com/mrss/1.0", NS_MEDIA},
    {"tools.search.yahoo.com/mrss", NS_MEDIA},
    {"video.search.yahoo.com/mrss", NS_MEDIA},
    {"search.yahoo.com/searchmonkey/media", NS_MEDIA},
    {"www.rssboard.org/media-rss", NS_MEDIA},
    {"www.georss.org/georss", NS_GEORSS},
    {"www.georss.org/georss/10", NS_GEORSS},
    {"www.georss.org/georss/11", NS_GEORSS},
    {"www.opengis.net/gml", NS_GML},
    {"www.opengis.net/gml/3.2", NS_GML},
    {"www.w3.org/2003/01/geo/wgs84_pos", NS_GEO},
    {"www.w3.org/2003/01/geo", NS_GEO},
    {"purl.org/rss/1.0/modules/syndication", NS_SY},
    {"purl.org/rss/1.0/modules/slash", NS_SLASH},
    {"wellformedweb.org/commentapi", NS_WFW},
    {"purl.org/syndication/thread/1.0", NS_THR},
    {"purl.org/rss/1.0/modules/threading", NS_THR},
    {"backend.userland.com/creativecommonsrssmodule", NS_CCRSS},
    {"cyber.law.harvard.edu/rss/creativecommonsrssmodule.html", NS_CCRSS},
    {"cyber.law.harvard.edu/rss/creativecommonsrssmodule", NS_CCRSS},
    {"web.resource.org/cc", NS_CC},
    {"creativecommons.org/ns", NS_CC},
    {"creativecommons.org/ns#license", NS_CC},
    {"rssnamespace.org/feedburner/ext/1.0", NS_FEEDBURNER},
    {"www.pheedo.com/namespace/pheedo", NS_PHEEDO},
    {"podlove.org/simple-chapters", NS_PSC},
    {"webns.net/mvcb", NS_ADMIN},
    {"purl.oclc.org/net/rss_2.0/enc", NS_ENC},
};

enum ns ns_of_uri(const char *uri)
{
    char s[128];
    size_t n = 0;
    while (*uri == ' ' || (*uri >= '\t' && *uri <= '\r'))
        uri++;
    if (!*uri)
        return NS_NONE;
    const char *p = strstr(uri, "://");
    for (p = p ? p + 3 : uri; *p && n + 1 < sizeof s; p++)
        s[n++] = (char)tolower((unsigned char)*p);
    while (n && (s[n - 1] == '/' || s[n - 1] == '#' || isspace((unsigned char)s[n - 1])))
        n--;
    s[n] = 0;
    if (strncmp(s, "purl.org/atom/ns#", 17) == 0 || strncmp(s, "purl.org/atom/ns/", 17) == 0)
        return NS_ATOM03; /* the drafts: #draft-ietf-atompub-format-05 */
    for (size_t i = 0; i < ARRAY_SIZE(uris); i++)
        if (str_eq(s, uris[i].uri))
            return uris[i].ns;
    return NS_OTHER;
}

static const struct {
    const char *prefix;
    enum ns ns;
} prefixes[] = {
    {"xml", NS_XML},
    {"rdf", NS_RDF},
    {"rss", NS_RSS},
    {"atom", NS_ATOM},
    {"atom10", NS_ATOM},
    {"a10", NS_ATOM},
    {"xhtml", NS_XHTML},
    {"html", NS_XHTML},
    {"dc", NS_DC},
    {"dcterms", NS_DCTERMS},
    {"dcterm", NS_DCTERMS},
    {"content", NS_CONTENT},
    {"itunes", NS_ITUNES},
    {"podcast", NS_PODCAST},
    {"media", NS_MEDIA},
    {"georss", NS_GEORSS},
    {"gml", NS_GML},
    {"geo", NS_GEO},
    {"sy", NS_SY},
    {"syn", NS_SY},
    {"slash", NS_SLASH},
    {"wfw", NS_WFW},
    {"thr", NS_THR},
    {"cc", NS_CC},
    {"creativecommons", NS_CCRSS},
    {"feedburner", NS_FEEDBURNER},
    {"pheedo", NS_PHEEDO},
    {"psc", NS_PSC},
    {"admin", NS_ADMIN},
    {"enc", NS_ENC},
};

enum ns ns_of_prefix(const char *prefix, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (strlen(prefixes[i].prefix) == n && strncasecmp(prefixes[i].prefix, prefix, n) == 0)
            return prefixes[i].ns;
    return NS_OTHER;
}
