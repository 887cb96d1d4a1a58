/*
 * The API in one table; docs/API.md explains each row (tests/lint/api.py compares them).
 */
#include "serve/request.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

const struct route routes[] = {
    {"GET", "/", NULL, api_index, NULL, NULL, "this list"},
    {"GET", "/v1/status", NULL, NULL, api_status, api_status_finish,
     "what the daemon is doing, and how much is stored"},
    {"GET", "/v1/feeds", "tag problems limit after", api_feeds_start, api_feeds, api_feeds_finish,
     "feeds, by name"},
    {"POST", "/v1/feeds", NULL, api_feeds_add, NULL, NULL, "subscribe to one feed or to many"},
    {"GET", "/v1/feeds/{feed}", NULL, NULL, api_feed, api_feeds_finish,
     "one feed (id, name or URL): why it is fetched when it is, its last outcomes"},
    {"DELETE", "/v1/feeds/{feed}", NULL, NULL, api_feed_find, api_feed_remove,
     "unsubscribe from a feed that was added by POST"},
    {"GET", "/v1/items", "feed tag since until q unread_by before limit format", api_items_start,
     api_items, NULL, "items, newest first, as JSON Feed or JSON Lines"},
    {"GET", "/v1/items/{item_id}", "revisions", api_item_start, api_item, NULL,
     "one item, or all its revisions"},
    {"GET", "/v1/feed.atom", "q query title limit before token", api_atom_start, api_syndicate,
     NULL, "a query as an Atom feed", ROUTE_OPEN},
    {"GET", "/v1/feed.rss", "q query title limit before token", api_rss_start, api_syndicate, NULL,
     "a query as an RSS 2.0 feed", ROUTE_OPEN},
    {"GET", "/v1/feed.json", "q query title limit before token", api_jsonfeed_start, api_syndicate,
     NULL, "a query as a JSON Feed", ROUTE_OPEN},
    {"POST", "/v1/hub", NULL, api_hub, NULL, NULL,
     "the WebSub hub of these feeds: subscribe and unsubscribe", ROUTE_OPEN},
    {"GET", "/v1/queries", NULL, api_queries, NULL, NULL, "the queries that have a name"},
    {"POST", "/v1/queries", NULL, api_query_save, NULL, NULL, "give a query a name, or change it"},
    {"DELETE", "/v1/queries/{name}", NULL, api_query_remove, NULL, NULL,
     "forget a query that was saved by POST"},
    {"GET", "/v1/items/{item_id}/story", NULL, api_story_start, api_story_of, NULL,
     "which story an item is in, and why"},
    {"GET", "/v1/stories", "since outlets outlets> q order limit", api_stories_start, api_stories,
     NULL, "stories: what several outlets tell"},
    {"POST", "/v1/stories", NULL, api_story_fix, NULL, NULL, "split, merge or pin"},
    {"GET", "/v1/stories/{story_id}", NULL, api_story_start, api_story, NULL,
     "one story and who told it when"},
    {"GET", "/v1/events", "after since limit follow format as q per kinds", api_events_start,
     api_events, api_events_finish, "follow the event log as Server-Sent Events or JSON Lines"},
    {"GET", "/v1/cursors", NULL, NULL, api_cursors, NULL, "named positions in the event log"},
    {"POST", "/v1/cursors/{name}", NULL, api_cursor_set, NULL, NULL, "acknowledge events up to seq",
     ROUTE_READ},
    {"DELETE", "/v1/cursors/{name}", NULL, NULL, api_cursor_find, api_cursor_delete,
     "forget a named position"},
    {"GET", "/v1/subscriptions", NULL, NULL, api_subs, api_subs_finish,
     "subscriptions, by name: where they are, what fails"},
    {"POST", "/v1/subscriptions", NULL, api_sub_add, api_sub_add_at, api_sub_add_finish,
     "make a subscription"},
    {"GET", "/v1/subscriptions/{name}", NULL, NULL, api_subs, api_subs_finish, "one subscription"},
    {"DELETE", "/v1/subscriptions/{name}", NULL, api_sub_remove, NULL, NULL,
     "forget a subscription with its position and dead letters"},
    {"POST", "/v1/subscriptions/{name}/pause", NULL, api_sub_pause, NULL, NULL,
     "send nothing until resume"},
    {"POST", "/v1/subscriptions/{name}/resume", NULL, api_sub_resume, NULL, NULL,
     "go on after pause or a 410; try at once what fails"},
    {"POST", "/v1/subscriptions/{name}/rewind", NULL, api_sub_rewind, api_sub_rewind_at,
     api_sub_rewind_finish, "go on from another place in the log"},
    {"POST", "/v1/subscriptions/{name}/skip", NULL, api_sub_skip, NULL, NULL,
     "make dead letters of what fails now"},
    {"POST", "/v1/subscriptions/{name}/test", NULL, api_sub_test, NULL, NULL,
     "send a made-up event to the consumer"},
    {"GET", "/v1/subscriptions/{name}/dead-letters", "after limit", NULL, api_sub_letters, NULL,
     "events that were not delivered"},
    {"DELETE", "/v1/subscriptions/{name}/dead-letters", "id", api_sub_forget, NULL, NULL,
     "forget one dead letter, or all"},
    {"POST", "/v1/subscriptions/{name}/replay", NULL, api_sub_replay, NULL, NULL,
     "deliver dead letters again"},
    {"POST", "/v1/refresh", NULL, api_refresh_start, api_feed_find, api_refresh,
     "fetch one feed, or all, as soon as politeness allows"},
    {"POST", "/v1/fetch", NULL, api_fetch, NULL, NULL,
     "one fetch as a poll would do it, taken down whole; nothing is stored"},
    {"POST", "/v1/backfill", NULL, api_backfill, NULL, NULL,
     "read a feed's archives (RFC 5005) backwards; long"},
    {"GET", "/v1/backfill", NULL, api_backfills, NULL, NULL,
     "how far they are, and how the last ones ended"},
    {"POST", "/v1/reload", NULL, api_reload, NULL, NULL, "read the config again"},
    {"POST", "/v1/vacuum", NULL, api_vacuum, NULL, NULL,
     "give unused space of the store back to the disk; long"},
    {"GET", "/healthz", NULL, api_healthz, NULL, NULL, "200 while the loop is alive", ROUTE_OPEN},
    {"GET", "/readyz", NULL, api_readyz, NULL, NULL, "200 when feeds are polled and stored",
     ROUTE_OPEN},
    {"GET", "/metrics", NULL, NULL, api_metrics, api_metrics_finish, "Prometheus text"},
};
const size_t n_routes = ARRAY_SIZE(routes);

const struct frontend frontend_api = {.name = "api",
                                      .routes = routes,
                                      .n_routes = ARRAY_SIZE(routes),
                                      .max_connections = LIMIT_CONNECTIONS};
const struct frontend frontend_http = {.name = "http",
                                       .routes = routes,
                                       .n_routes = ARRAY_SIZE(routes),
                                       .max_connections = LIMIT_TCP_CONNECTIONS,
                                       .admit = admit_token};

int api_index(struct request *q)
{
    struct jw w = {.b = &q->out};
    jw_begin_object(&w, NULL);
    jw_str(&w, "version", TIDINGS_VERSION);
    jw_begin_array(&w, "routes");
    for (size_t i = 0; i < q->frontend->n_routes; i++) {
        const struct route *r = &q->frontend->routes[i];
        jw_begin_object(&w, NULL);
        jw_str(&w, "method", r->method);
        jw_str(&w, "path", r->pattern);
        jw_str(&w, "parameters", r->params);
        jw_str(&w, "help", r->help);
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    buf_addc(&q->out, '\n');
    return 0;
}
