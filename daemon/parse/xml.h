/*
 * xml.h - XML text (UTF-8) into a tree: the plain reader, the strict one, and the one that takes
 * anything.
 *
 * xml_read_plain is a fast reader of what nearly all feeds are made of: with it the whole parse of
 * real feeds takes 1.37 times libxml2's DOM, without it 1.79 (tests/bench/bench_parse). It refuses
 * what is more than that, right or wrong; then xml_read_strict, which is libxml2 (SAX2), decides
 * what is well-formed. What the plain reader takes is well-formed for the strict one too, and the
 * same tree (tests/fuzz/xml_same.h). What the strict one refuses, or would take quadratic time for
 * (more attributes, namespaces or names than any feed has), goes to xml_read_soup, which never
 * fails: it reads tags, text and references as they come, closes what is left open and ignores what
 * closes nothing. None touches network or files, loads a DTD or expands more than
 * LIMIT_EXPANSION_BYTES out of internal entities; external entities are empty.
 */
#ifndef TIDINGS_PARSE_XML_H
#define TIDINGS_PARSE_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "parse/tree.h"

/* What the soup reader met, in the order of the words it prints. */
enum {
    REPAIR_JUNK = 1,        /* something before the XML declaration or root */
    REPAIR_AMPERSAND = 2,   /* & without a reference */
    REPAIR_ENTITY = 4,      /* HTML named entity without a DTD, or an unknown one */
    REPAIR_CONTROL = 8,     /* control characters, dropped */
    REPAIR_PREFIX = 16,     /* prefix without declaration */
    REPAIR_TAG = 32,        /* crossed, unclosed or stray tags, broken attributes */
    REPAIR_TRUNCATED = 64,  /* the document ends in the middle */
    REPAIR_ROOTS = 128,     /* several roots */
    REPAIR_WRAPPED = 256,   /* found inside an HTML <pre> */
    REPAIR_EXPANSION = 512, /* entity expansion over the limit, cut */
    REPAIR_BYTES = 1024,    /* bytes that are invalid in the encoding */
    REPAIR_OTHER = 2048,
};

/* 0, or -EBADMSG when it is another one's (the tree is then to be thrown away). */
int xml_read_plain(struct tree *t, const char *s, size_t n);
/* 0, or -EBADMSG when it is not well-formed (the tree is then to be thrown away). *REPAIRS gets
 * REPAIR_PREFIX when only the namespaces are at fault. */
int xml_read_strict(struct tree *t, const char *s, size_t n, unsigned *repairs);
/* Returns the repairs. */
unsigned xml_read_soup(struct tree *t, const char *s, size_t n);

#endif
