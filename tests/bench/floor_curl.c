/*
 * floor_curl.c - the least that fetching costs: plain libcurl, bodies thrown away.
 *
 *     floor_curl CONCURRENCY [PER_HOST [bare]] < list
 *
 * A line of the list is a URL, or a URL, a tab and the ETag to send. A transfer is begun as soon as
 * another ends; handles and connections are kept as tidingsd keeps them (PER_HOST connections to a
 * host, 0 = any number), and the parsed authorities too. Each request
 * has the header of a feed reader (who it is, what it reads), unless it is to be bare. Prints a
 * line of JSON.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define CONNECTIONS_KEPT 64

/* As long as what tidingsd sends. */
#define AGENT "floor_curl/0.1 (feed aggregator; contact not configured)"
#define ACCEPT                                                                             \
    "Accept: application/atom+xml, application/rss+xml, application/feed+json, "           \
    "application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, " \
    "text/html;q=0.5, */*;q=0.1"

static int bare;

struct count {
    long n, ok, not_modified, failed;
    unsigned long long bytes;
};

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct count *count;
};

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct count *c = ctx;
    c->bytes += size * n;
    return size * n;
}

/* Begins the next line of the list; 0 when there is none. */
static int begin(CURLM *multi, struct transfer *t)
{
    char line[8192];
    if (!fgets(line, sizeof line, stdin))
        return 0;
    line[strcspn(line, "\n")] = 0;
    char *tab = strchr(line, '\t');
    if (tab) {
        char header[8192];
        *tab = 0;
        snprintf(header, sizeof header, "If-None-Match: %s", tab + 1);
        t->headers = curl_slist_append(NULL, header);
    }
    curl_easy_reset(t->easy);
    if (!bare) {
        curl_easy_setopt(t->easy, CURLOPT_USERAGENT, AGENT);
        curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br, zstd");
        t->headers = curl_slist_append(t->headers, ACCEPT);
    }
    curl_easy_setopt(t->easy, CURLOPT_URL, line);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t->count);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
    curl_multi_add_handle(multi, t->easy);
    return 1;
}

static void end(CURLM *multi, struct transfer *t, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    struct count *c = t->count;
    c->n++;
    *(code != CURLE_OK ? &c->failed
      : status == 304  ? &c->not_modified
      : status == 200  ? &c->ok
                       : &c->failed) += 1;
    curl_multi_remove_handle(multi, t->easy);
    curl_slist_free_all(t->headers);
    t->headers = NULL;
}

static int drain(CURLM *multi)
{
    CURLMsg *m;
    int left, running = 0;
    while ((m = curl_multi_info_read(multi, &left))) {
        struct transfer *t;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        end(multi, t, code);
        running += begin(multi, t) - 1;
    }
    return running;
}

int main(int argc, char **argv)
{
    int n = argc >= 2 && argc <= 4 ? atoi(argv[1]) : 0, active = 0, running;
    if (n < 1 || n > 4096) {
        fputs("Usage: floor_curl CONCURRENCY [PER_HOST [bare]] < list\n", stderr);
        return 64;
    }
    bare = argc == 4 && strcmp(argv[3], "bare") == 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct count count = {0};
    struct transfer *all = calloc((size_t)n, sizeof *all);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, argc >= 3 ? atol(argv[2]) : 0L);
    struct measure m = measure_begin();
    for (int i = 0; i < n; i++) {
        all[i].easy = curl_easy_init();
        all[i].count = &count;
        active += begin(multi, &all[i]);
    }
    while (active > 0) {
        curl_multi_perform(multi, &running);
        active += drain(multi);
        if (active > 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    measure_end(&m);
    printf("{\"n\": %ld, \"ok\": %ld, \"not_modified\": %ld, \"failed\": %ld, \"bytes\": %llu,"
           " \"wall_s\": %.6f, \"cpu_s\": %.6f}\n",
           count.n, count.ok, count.not_modified, count.failed, count.bytes, m.wall_s, m.cpu_s);
    for (int i = 0; i < n; i++)
        curl_easy_cleanup(all[i].easy);
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    free(all);
    return 0;
}
