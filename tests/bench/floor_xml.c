/*
 * floor_xml.c - the least that parsing costs: libxml2 makes a tree of each document and frees it.
 *
 *     floor_xml FEEDS [ITEMS MIN-BYTES MAX-BYTES]
 *
 * The documents are the origin's, made outside the measured time. Prints a line of JSON.
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>

#include "generate.h"
#include "measure.h"

int main(int argc, char **argv)
{
    struct generate_conf conf = {.items = 25, .min_bytes = 600, .max_bytes = 2000};
    if (argc != 2 && argc != 5) {
        fputs("Usage: floor_xml FEEDS [ITEMS MIN-BYTES MAX-BYTES]\n", stderr);
        return 64;
    }
    if (argc == 5) {
        conf.items = atoi(argv[2]);
        conf.min_bytes = atoi(argv[3]);
        conf.max_bytes = atoi(argv[4]);
    }
    long n = atol(argv[1]), failed = 0;
    unsigned long long bytes = 0;
    struct measure m = {0};
    generate_init();
    xmlInitParser();
    for (long i = 0; i < n; i++) {
        size_t len;
        char *body = generate_feed(&conf, (uint64_t)i, &len);
        measure_resume(&m);
        xmlDoc *doc = xmlReadMemory(body, (int)len, NULL, NULL, XML_PARSE_NONET);
        failed += !doc;
        xmlFreeDoc(doc);
        measure_end(&m);
        bytes += len;
        free(body);
    }
    printf("{\"n\": %ld, \"failed\": %ld, \"bytes\": %llu, \"wall_s\": %.6f, \"cpu_s\": %.6f}\n", n,
           failed, bytes, m.wall_s, m.cpu_s);
    xmlCleanupParser();
    return failed > 0;
}
