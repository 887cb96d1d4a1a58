/*
 * namespace.h - which vocabulary an element belongs to. The URI decides, not the prefix; all
 * spellings of one vocabulary's URI (case, trailing slash or #, http or https, versions) are one.
 */
#ifndef TIDINGS_PARSE_NAMESPACE_H
#define TIDINGS_PARSE_NAMESPACE_H

#include <stddef.h>

enum ns {
    NS_NONE,
    NS_OTHER, /* one we do not know */
    NS_XML,
    NS_RSS, /* the old RSS 0.9x, 1.0 and 2.0 namespaces */
    NS_RDF,
    NS_ATOM,   /* 1.0 */
    NS_ATOM03, /* 0.3 and its drafts */
    NS_XHTML,
    NS_DC,
    NS_DCTERMS,
    NS_CONTENT,
    NS_ITUNES,
    NS_PODCAST,
    NS_MEDIA,
    NS_GEORSS,
    NS_GML,
    NS_GEO, /* W3C lat/long */
    NS_SY,
    NS_SLASH,
    NS_WFW,
    NS_THR,
    NS_CCRSS, /* Creative Commons in RSS 2.0, and in RDF */
    NS_CC,
    NS_FEEDBURNER,
    NS_PHEEDO,
    NS_PSC,
    NS_ADMIN,
    NS_ENC,    /* enclosures of RSS 1.0 */
    NS_RSS090, /* these two only tell the version; the tree holds NS_RSS for them */
    NS_RSS11,
    NS_COUNT,
};

enum ns ns_of_uri(const char *uri);
/* The namespace that a prefix conventionally stands for: for documents that do not declare it. */
enum ns ns_of_prefix(const char *prefix, size_t n);

#endif
