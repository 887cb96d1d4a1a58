/*
 * entry.h - what came out of one document: a batch of entries, ready to be compared and stored.
 *
 * Made by parse/ in a child process, carried by model/wire, read by store/, notify/ and story/.
 * Plain data: every pointer lives in the batch's arena, every string is valid UTF-8 and
 * NUL-terminated, an absent string is NULL (never ""). Nobody after parse/ looks into a document or
 * into the JSON again.
 */
#ifndef TIDINGS_MODEL_ENTRY_H
#define TIDINGS_MODEL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Where an entry's identity came from; the store trusts the first three and may fall back from
 * GUID. */
enum td_id_source {
    TD_ID_GUID, /* guid, Atom id, JSON id, rdf:about, dc:identifier */
    TD_ID_URL,  /* the entry's link (or first attachment) */
    TD_ID_HASH, /* "sha256:..." of title and content: the last resort */
};

struct td_entry {
    const char *id; /* JSON Feed `id`, never NULL */
    enum td_id_source id_source;
    const char *url;    /* may be NULL, as all that follow */
    const char *title;  /* plain text */
    const char *author; /* names of all authors, joined by ", " */
    const char *language;
    const char *tags; /* the entry's own tags, joined by '\n' */
    const char *text; /* plain text of content or summary, at most LIMIT_SEARCH_TEXT_BYTES */
    const char *original_url; /* _tidings.original_url: the article behind a redirector */
    int64_t date_published;   /* TD_NEVER if the feed gives none */
    int64_t date_modified;    /* the same */
    uint32_t n_attachments;
    /* Equal for two versions of an entry that a reader would call the same: over title, url without
     * tracking parameters, content with white space collapsed and attribute order ignored,
     * attachments. Dates, comment counts and the like are left out. */
    uint64_t fingerprint;
    /* The item as JSON (OUTPUT.md): one object without white space around it. If there is a
     * `_tidings` object it is the last member, so that `}}` at the end marks it
     * (model/item_json.h). */
    const char *json;
    size_t json_len;
};

/* Hours (bit 0..23) and days (bit 0 = Sunday .. 6) in GMT in which the feed asks not to be fetched.
 */
struct td_hints {
    int64_t ttl_ms;    /* RSS ttl, 0 = none */
    int64_t update_ms; /* sy:updatePeriod / updateFrequency, 0 = none */
    uint32_t skip_hours;
    uint8_t skip_days;
};

struct td_hub {
    const char *url;
};

struct td_batch {
    struct arena arena; /* owns everything below, and the batch itself if td_batch_new made it */

    const char *format; /* "rss20", "atom10", ... (OUTPUT.md); never NULL */
    const char *encoding;
    bool well_formed;
    bool truncated; /* the document ends in the middle: items are usable, validators are not */
    bool dropped;   /* a limit was met and something was left out */
    const char *repaired; /* what was repaired, in words, or NULL */

    const char *title, *home_page_url, *feed_url, *description, *language, *icon;
    const char *older_url; /* the document with the items before these (RFC 5005): prev-archive,
                              else the next page */
    struct td_hub *hubs;   /* WebSub hubs named in the document */
    uint32_t n_hubs;
    struct td_hints hints;
    /* The feed's own members as JSON, in an object without `items`, `_tidings` last. */
    const char *json;
    size_t json_len;

    struct td_entry *entries; /* document order */
    uint32_t n_entries;
};

/* An empty batch in an arena of its own; td_batch_free frees all of it and accepts NULL. */
struct td_batch *td_batch_new(void);
void td_batch_free(struct td_batch *b);
/* Bytes it holds, for back-pressure. */
size_t td_batch_bytes(const struct td_batch *b);

#endif
