/*
 * limits.h - every ceiling of tidings in one place: name, unit, reason.
 *
 * A number that bounds what a peer, a file or a user can make us hold belongs here and nowhere
 * else. Settings of feeds.conf may lower or raise some of them (said in the comment); nothing
 * raises the rest.
 */
#ifndef TIDINGS_BASE_LIMITS_H
#define TIDINGS_BASE_LIMITS_H

/* ---- fetching ---------------------------------------------------------------------------- */
#define LIMIT_BODY_BYTES       (10u << 20)  /* decoded body; `max-body`. Real feeds reach 6 MB */
#define LIMIT_HEADER_BYTES     (256u << 10) /* all header lines of one answer (FETCHING H7) */
#define LIMIT_HEADER_LINES     300          /* FETCHING H7 */
#define LIMIT_REDIRECTS        10           /* FETCHING H4 */
#define LIMIT_TRANSFERS        64           /* at once; `concurrency` */
#define LIMIT_PER_HOST         2            /* transfers at once to one host; FETCHING f */
#define LIMIT_RESOLVERS        16           /* getaddrinfo threads at once; FETCHING L6 */
#define LIMIT_FETCH_MS         60000        /* whole transfer; `timeout` */
#define LIMIT_RESOLVERS_STUCK  112          /* more of them, for those that hang: 128 in all */
#define LIMIT_BRISK_MS         1000  /* a transfer or look-up beyond this takes no place ... */
#define LIMIT_SLOW_TRANSFERS   256   /* ... of those that are quick; so many at most do */
#define LIMIT_CONNECT_MS       10000 /* FETCHING H5 */
#define LIMIT_SLOW_BYTES_PER_S 100   /* slower than this ... */
#define LIMIT_SLOW_S           20    /* ... for this long is given up; FETCHING H5 */
#define LIMIT_URL_BYTES        8192  /* longer addresses are refused, not cut */
#define LIMIT_ERROR_BODY_BYTES                                                                \
    (64u << 10)                        /* of a redirect or error, read to keep the connection \
                                        */
#define LIMIT_CODINGS           2      /* content codings over each other; FETCHING H6 */
#define LIMIT_VALIDATOR_BYTES   8192   /* an ETag or Last-Modified beyond this is not kept */
#define LIMIT_CONNECTIONS_KEPT  64     /* idle ones: they pay within a host's burst; FETCHING g */
#define LIMIT_CONNECTION_IDLE_S 118    /* ... closed when idle so long: servers do it after 120 s */
#define LIMIT_CONNECTION_LIFE_S 600    /* ... or so old: its name may mean another host by then */
#define LIMIT_SENDS             2      /* of one request, when an idle connection turns out dead */
#define LIMIT_SESSION_SHARES    32     /* caches of TLS sessions: 8 sessions of 4 KB in each */
#define LIMIT_NAMES_KEPT        1024   /* host names and their addresses; the oldest goes */
#define LIMIT_NAME_KEPT_MS      120000 /* as an idle connection: no look-up to use it again */
#define LIMIT_EXEC_MS           60000  /* an exec: source's run time; `timeout` */
#define LIMIT_EXEC_WORDS_BYTES  500    /* end of its stderr that is kept for the reason */

/* ---- the wall clock ---------------------------------------------------------------------- */
#define LIMIT_CLOCK_DRIFT_MS 60000 /* stepping back by less is NTP at work, and waited out */
#define LIMIT_CLOCK_LOOK_S   60    /* no longer wait without a look at it: it may jump */

/* ---- scheduling -------------------------------------------------------------------------- */
#define LIMIT_INTERVAL_FLOOR_MS (5 * 60 * 1000)      /* `min-interval`; FETCHING d */
#define LIMIT_INTERVAL_MIN_MS   (30 * 60 * 1000)     /* adaptive minimum */
#define LIMIT_INTERVAL_AUTO_MS  (60 * 60 * 1000)     /* the same without a max-age; FETCHING A9 */
#define LIMIT_INTERVAL_MAX_MS   (24 * 3600 * 1000)   /* adaptive; cap of max-age, ttl, sy */
#define LIMIT_INTERVAL_FILE_MS  (60 * 1000)          /* `interval = auto` of file: (one stat) */
#define LIMIT_INTERVAL_EXEC_MS  (15 * 60 * 1000)     /* the same of exec: */
#define LIMIT_BACKOFF_SHORT_MS  (24LL * 3600 * 1000) /* failures that pass: 5xx, network */
#define LIMIT_BACKOFF_LONG_MS \
    (7LL * 24 * 3600 * 1000) /* those that stay: 404, no feed; dead feeds */
#define LIMIT_DEAD_MS            (30LL * 24 * 3600 * 1000) /* failing for so long: dead */
#define LIMIT_MOVE_AFTER_MS      (24LL * 3600 * 1000)      /* `move-after`; FETCHING B12 */
#define LIMIT_MOVE_POLLS         3 /* with one permanent redirect, before it is believed; FETCHING B12 */
#define LIMIT_MOVE_BACK_MS       (7LL * 24 * 3600 * 1000) /* a new address failing for so long */
#define LIMIT_RETRY_AFTER_MS     (7LL * 24 * 3600 * 1000) /* FETCHING b */
#define LIMIT_HOST_SPACING_MS    1000  /* between starts at one host; `host-spacing`; FETCHING f */
#define LIMIT_STARTS_PER_S       10    /* new requests after restart or import; FETCHING f */
#define LIMIT_LATE_MS            30000 /* behind its time by more: overdue, so paced */
#define LIMIT_SHARED_HOSTS       8 /* more hosts on one domain or address share a budget; FETCHING f */
#define LIMIT_STREAMS            4     /* at once on a host's one HTTP/2 connection; FETCHING f */
#define LIMIT_SITES              1000  /* [site] sections: each is tried for each new host */
#define LIMIT_HSTS_HOSTS         16384 /* hosts that want https only and are remembered */
#define LIMIT_ROBOTS_BYTES       (500u << 10)         /* of a robots.txt that count; RFC 9309 2.5 */
#define LIMIT_ROBOTS_HOPS        5                    /* redirects of it; RFC 9309 2.3.1.2 */
#define LIMIT_ROBOTS_AGE_MS      (24LL * 3600 * 1000) /* it is asked anew; RFC 9309 2.4 */
#define LIMIT_ROBOTS_LOST_MS     (30LL * 24 * 3600 * 1000) /* out of reach: void; RFC 9309 2.3.1.4 */
#define LIMIT_ROBOTS_HOSTS       16384                     /* whose rules are remembered ... */
#define LIMIT_ROBOTS_TABLE_BYTES (32u << 20)               /* ... in all: 2 KiB each */
#define LIMIT_CRAWL_DELAY_MS \
    (5LL * 60 * 1000) /* longer ones are meant for whole sites, not feeds */
#define LIMIT_LEARNED_SPACING_MS (10LL * 60 * 1000)   /* most that 429s may teach */
#define LIMIT_CALM_MS            (24LL * 3600 * 1000) /* without a 429 until that heals a step */
#define LIMIT_CALM_MAX_MS        (30LL * 24 * 3600 * 1000) /* the same for one that relapses */

/* ---- push (WebSub) ------------------------------------------------------------------------- */
#define LIMIT_PUSH_HUBS      4     /* of those that a feed names, the ones that are tried */
#define LIMIT_HUB_MS         30000 /* a request to a hub */
#define LIMIT_LEASE_ASKED_MS (10LL * 24 * 3600 * 1000) /* hub.lease_seconds; hubs know best */
#define LIMIT_LEASE_MIN_MS   (10 * 60 * 1000) /* a shorter lease is too much asking; FETCHING E6 */
#define LIMIT_LEASE_MAX_MS   (14LL * 24 * 3600 * 1000) /* a longer one is renewed as this; E6 */
#define LIMIT_SHORT_LEASES   5 /* in a row from one hub, then it is done without for a while */
#define LIMIT_VERIFY_MS      (15 * 60 * 1000) /* a hub that has not verified by then will not */
#define LIMIT_HUB_RETRY_MS   (3600LL * 1000)  /* after a first refusal; doubled with each */
#define LIMIT_PUSH_MISSES    3 /* times that a poll found what the hub had not told; FETCHING E9 */
#define LIMIT_PUSH_LATE_MS   (15 * 60 * 1000)          /* a push so long after a poll is no miss */
#define LIMIT_DISTRUST_MS    (30LL * 24 * 3600 * 1000) /* a hub that lied is not asked again */
#define LIMIT_PUSH_TRIAL_MS  (24LL * 3600 * 1000) /* polled as before for so long; FETCHING E9 */
#define LIMIT_PUSH_LEAVE_MS  (6 * 3600 * 1000)    /* for a hub to let go of a feed */
#define LIMIT_PUSH_BYTES     (32u << 20) /* pushes that wait for their feed, and half received */
#define LIMIT_PUSH_TEXT_BYTES \
    (256u << 10)                  /* a feed's push state as stored; its parts are bounded */
#define LIMIT_CALLBACKS       128 /* connections of hubs at once */
#define LIMIT_CALLBACK_PER_IP 32  /* of one address; a reverse proxy is one: none there */
#define LIMIT_CALLBACK_ANSWER_MS \
    5000 /* a push is stored by then, or answered without; FETCHING E8 */
#define LIMIT_CALLBACK_MS         60000 /* one delivery, from connection to end */
#define LIMIT_CALLBACK_IDLE_S     20    /* a connection that says nothing for so long is closed */
#define LIMIT_CALLBACK_HEAD_BYTES (64u << 10) /* a topic is three times as long in its line */

/* ---- parsing (each child is also bound by rlimits) ---------------------------------------- */
#define LIMIT_ITEMS      5000 /* items taken from one document */
#define LIMIT_HUBS       16   /* WebSub hubs taken from one document */
#define LIMIT_DISCOVERED 32   /* feeds named by one HTML page */
#define LIMIT_DEPTH      256  /* element depth; FETCHING H8 */
#define LIMIT_JSON_VALUES \
    1500000 /* commas and brackets of JSON: 300 MB as a tree. Real feeds: 200,000 */
#define LIMIT_JSON_DEPTH        2048         /* brackets in JSON; jansson's own limit */
#define LIMIT_ATTRIBUTES        256          /* attributes of one element */
#define LIMIT_TEXT_BYTES        (2u << 20)   /* one text or HTML field */
#define LIMIT_EXPANSION_BYTES   (1u << 20)   /* text that came out of internal entities */
#define LIMIT_WRAPPER_DEPTH     4            /* how deep in another document a feed is looked for */
#define LIMIT_NAMESPACES        256          /* prefixes in scope; a repaired document's */
#define LIMIT_NAMES             20000        /* different names in one document; real ones: 200 */
#define LIMIT_ENTITIES          256          /* declared by it; real ones have a handful */
#define LIMIT_ENTITY_DEPTH      8            /* entities within entities of it */
#define LIMIT_DATE_BYTES        200          /* longer texts are no dates */
#define LIMIT_ITEM_JSON_BYTES   (4u << 20)   /* one item's JSON object */
#define LIMIT_BATCH_BYTES       (48u << 20)  /* all entries of a document: fits LIMIT_WIRE_BYTES */
#define LIMIT_TREE_BYTES        (208u << 20) /* the tree of a document; 10 MB of tags: 200 */
#define LIMIT_PARSE_BYTES       (48u << 20)  /* values read from it: of the feed, or of one item */
#define LIMIT_ITEM_TAGS         256          /* tags of one item (looked through for doubles) */
#define LIMIT_FEED_TAGS         2048         /* of a feed: blogs list all of theirs, up to 1,300 */
#define LIMIT_COORDINATES       4096         /* numbers of one geometry */
#define LIMIT_SEARCH_TEXT_BYTES (64u << 10)  /* plain text kept for search and stories per item */
#define LIMIT_PARSE_MS          10000        /* deadline of one document, then SIGKILL */
#define LIMIT_PARSER_AS_BYTES                                                              \
    (768u << 20)                     /* address space of a child: 10 MB input, DOM, output \
                                      */
#define LIMIT_PARSER_JOBS      10000 /* documents before a child is replaced (fragmentation) */
#define LIMIT_WIRE_BYTES       (64u << 20) /* a child's whole answer */
#define LIMIT_QUARANTINE_FILES 50          /* documents kept that killed a child, oldest go first */

/* ---- hand-over between stages (back-pressure: full means the stage before waits) ----------- */
#define LIMIT_POOL_BYTES      (32u << 20) /* bodies waiting for a parser */
#define LIMIT_WRITER_BYTES    (32u << 20) /* batches waiting for the writer */
#define LIMIT_GROUP_COMMIT    512         /* feeds in one transaction */
#define LIMIT_GROUP_COMMIT_MS 20          /* how long a transaction collects */

/* ---- store ------------------------------------------------------------------------------- */
#define LIMIT_RETENTION_STEP 500   /* rows expired in one transaction */
#define LIMIT_STORE_RETRY_MS 30000 /* a full disk is tried again so often, when that lasts */
#define LIMIT_CURSOR_HOLD_MS \
    (30LL * 24 * 3600 * 1000) /* a silent consumer holds the log this long */
#define LIMIT_EVENT_KEEP_MS    (90LL * 24 * 3600 * 1000) /* the log goes back this far; `log-age` */
#define LIMIT_CURSORS          10000         /* with a name: who may read may make them */
#define LIMIT_CUT_NAMES_BYTES  (64u << 10)   /* of consumers that log.cut names */
#define LIMIT_NAMES_COMPARED   10000         /* with a wrong one, for what may be meant: some ms */
#define LIMIT_CURSOR_HOLD_LOGS 4             /* ... and this many times `log-events` */
#define LIMIT_VANISH_MS        (3600 * 1000) /* missing for so long: item.vanished */
#define LIMIT_SHOWN            1000          /* items of a window that is watched: 16 KB */
#define LIMIT_SILENCE_MS       (3LL * 24 * 3600 * 1000) /* no shorter pause is a silence */
#define LIMIT_SEEN_DAYS                                                       \
    400 /* an id that its feed has not shown for so long may come back as new \
         */
#define LIMIT_SEEN_IDENTS \
    100000                    /* ids remembered of one feed: 7 MB; 250 a day for LIMIT_SEEN_DAYS */
#define LIMIT_REVISIONS    20 /* old revisions kept of one item */
#define LIMIT_FEED_HISTORY 8  /* last outcomes kept of one feed */

/* ---- queries ----------------------------------------------------------------------------- */
#define LIMIT_QUERY_BYTES   (16u << 10) /* text of one query: a list of 1000 names fits */
#define LIMIT_QUERY_TERMS   1000        /* words, phrases and filters of one query */
#define LIMIT_QUERY_DEPTH   50      /* parentheses and NOTs inside each other; FTS5 allows 256 */
#define LIMIT_QUERY_NAMED   4       /* queries that name each other, in a row */
#define LIMIT_TITLE         500     /* bytes of a title that a user gives a feed or query */
#define LIMIT_QUERY_NEAR    1000    /* n of NEAR/n */
#define LIMIT_SAVED_QUERIES 1000    /* of the config and of users together */
#define LIMIT_QUERY_MS      2000    /* looking through the store for one page, others wait */
#define LIMIT_QUERY_REGEXES 8       /* patterns of one query: on one item they take 160 ms */
#define LIMIT_REGEX_BYTES   1000    /* one pattern */
#define LIMIT_REGEX_WORK    8000000 /* of one pattern on one text (query/regex.c): some 10 ms */
#define LIMIT_REGEX_STEPS   1000000 /* the same as PCRE2's match limit */
#define LIMIT_REGEX_HEAP_KB 4096    /* memory of one match */

/* ---- subscriptions ----------------------------------------------------------------------- */
#define LIMIT_SUBSCRIPTIONS       1000         /* each reads the log from its own place */
#define LIMIT_SUB_BATCH           100          /* events in one message; `batch` */
#define LIMIT_SUB_BYTES           (256u << 10) /* read ahead for one subscription, or one event */
#define LIMIT_SUB_WAIT_MS         (24LL * 3600 * 1000) /* longest pause that a consumer may ask for */
#define LIMIT_SUB_RETRIES         16                   /* attempts; `retry` */
#define LIMIT_SUB_LINES           4      /* of one subscription in the journal at once, then ... */
#define LIMIT_SUB_LINE_MS         600000 /* ... one in so long */
#define LIMIT_WEBHOOK_BYTES       20000  /* a webhook's body; Standard Webhooks: below 20 kB */
#define LIMIT_HUB_LEASE_MIN_S     3600   /* of our WebSub hub: shorter ones are given this */
#define LIMIT_HUB_LEASE_DEFAULT_S (10 * 24 * 3600)
#define LIMIT_HUB_LEASE_MAX_S     (30 * 24 * 3600)
#define LIMIT_HUB_SUBSCRIPTIONS   500   /* of LIMIT_SUBSCRIPTIONS: strangers may ask for them */
#define LIMIT_HUB_ASKED           16    /* callbacks that are being asked at once */
#define LIMIT_HUB_ASK_MS          20000 /* for a callback's confirmation */
#define LIMIT_WEBHOOK_BATCH       16 /* events in one body: each has room for id, link and title */
#define LIMIT_HANDSHAKE_MS        (24LL * 3600 * 1000) /* then consent is asked for again */
#define LIMIT_CHAT_TITLE_BYTES    200   /* of a message to ntfy and chats; a phone shows no more */
#define LIMIT_CHAT_TEXT_BYTES     400   /* of one event alone; several have titles */
#define LIMIT_SECRETS             4     /* signatures of one message; `secret` */
#define LIMIT_DEAD_LETTERS        10000 /* kept of one subscription; the oldest go */
#define LIMIT_EXEC_OUT_BYTES      500   /* end of a sink's stderr that is kept for the reason */
#define LIMIT_MAIL_SUBJECT_BYTES  300   /* also of a title in a digest */
#define LIMIT_MAIL_DIGEST_BYTES   600   /* of each item's text in a digest */
#define LIMIT_MAIL_BODY_BYTES     (8u << 20)  /* text, and HTML, of one mail */
#define LIMIT_MAIL_BYTES          (32u << 20) /* both in base64, and the head */
#define LIMIT_FILE_ROTATIONS      9           /* FILE.1 ... of a file sink that are kept */

/* ---- stories ----------------------------------------------------------------------------- */
#define LIMIT_STORIES 65536 /* that can still grow: 100 MiB */
#define LIMIT_STORY_TEXT_BYTES \
    (8u << 10) /* of an item's title, and of its text, that is compared */
#define LIMIT_STORY_STATE_BYTES (256u << 20) /* a file of `tidings cluster --state` */
#define LIMIT_STORY_LINE_BYTES  (1u << 20)   /* one line of `tidings cluster --jsonl` */

/* ---- serving ----------------------------------------------------------------------------- */
#define LIMIT_CONNECTIONS     1200         /* API clients at once */
#define LIMIT_TCP_CONNECTIONS 1000         /* of them over TCP: the unix socket keeps its places */
#define LIMIT_REQUEST_BYTES   (4u << 20)   /* body of an API request (OPML import) */
#define LIMIT_PAGE_ITEMS      1000         /* rows in one API answer */
#define LIMIT_FOLLOWER_BYTES  (256u << 10) /* bytes waiting for one slow follower */
#define LIMIT_FOLLOWERS                                                       \
    1100 /* followers at once: the rest of LIMIT_CONNECTIONS is for questions \
          */
#define LIMIT_FRAME_EVENTS   32           /* of one write to a follower ... */
#define LIMIT_FRAME_BYTES    (16u << 10)  /* ... or one event: what one that does not read holds */
#define LIMIT_TURN_BYTES     (256u << 10) /* to one follower; then the others have their turn */
#define LIMIT_SSE_SILENCE_MS 15000        /* then a comment, or proxies end the stream */
#define LIMIT_GONE_S         5.           /* a follower that went away is noticed so soon */
#define LIMIT_POSITION_LAG   1000         /* unmatched events before a position follows: a sync */
#define LIMIT_PAGE_EVENTS    200          /* events of the log read in one step */
#define LIMIT_PAGES_BYTES \
    (32u << 20) /* read for all who are behind; above it they get one event each */
#define LIMIT_PAGES_KEPT_BYTES (2u << 20)  /* of those, kept for who comes to the same place */
#define LIMIT_RING_BYTES       (8u << 20)  /* newest events kept rendered, for all live followers */
#define LIMIT_PAGE_FEEDS       10000       /* feeds in one API answer */
#define LIMIT_ANSWER_BYTES     (16u << 20) /* one API answer; a page ends early when it is reached */
#define LIMIT_SERVE_BYTES      (64u << 20) /* answers and request bodies of all clients together */
#define LIMIT_CLIENT_POOL      (16u << 10) /* one connection: request head, and write buffer */
#define LIMIT_CLIENT_IDLE_S    60          /* a silent client is let go; followers are not */
#define LIMIT_ADD_FEEDS        5000        /* feeds in one POST /v1/feeds */
#define LIMIT_ADDS_AT_ONCE     16          /* of them under way: each may fetch a page first */
#define LIMIT_ARCHIVES         20          /* documents of one `tidings backfill`; FETCHING e */
#define LIMIT_BACKFILLS        8           /* of them at once, and reports kept */
#define LIMIT_PATIENCE_MS      60000       /* that a person waits for a server that limits all */
#define LIMIT_LOOKS            8   /* `tidings fetch` at once: each holds a document twice */
#define LIMIT_BACKLOG          256 /* connections that the system accepts ahead of us */
#define LIMIT_QUERY_PARAMS     16  /* parameters of one request */

/* ---- service ----------------------------------------------------------------------------- */
#define LIMIT_LOG_BURST        5000   /* lines at once; journald's own default is 10000 in 30 s */
#define LIMIT_LOG_PER_S        100    /* lines a second in the long run */
#define LIMIT_LOG_LINE_BYTES   4096u  /* a longer line is cut */
#define LIMIT_LOG_FIELD_BYTES  2048u  /* of one field of the journal beside it */
#define LIMIT_OPEN_FILES       65536u /* asked of the system at start; the unit's LimitNOFILE */
#define LIMIT_LISTEN_FDS       16     /* sockets the service manager may hand over */
#define LIMIT_LISTEN           16     /* TCP addresses of the API */
#define LIMIT_LISTEN_NAMES     32     /* host names it may be asked by */
#define LIMIT_TOKENS           256    /* each is compared with every request over TCP */
#define LIMIT_TOKEN_MIN_BYTES  22     /* 128 random bits in base64 */
#define LIMIT_TOKEN_BYTES      1024   /* a header line has to hold it */
#define LIMIT_REFUSED_LINE_MS  60000  /* between two lines in the log on those without a token */
#define LIMIT_CREDENTIAL_BYTES 16384  /* a secret of $CREDENTIALS_DIRECTORY */
#define LIMIT_STUCK_MS \
    (120 *             \
     1000) /* writer or parsers without an end: no watchdog ping. A slow disk stalls for less */

/* ---- client ------------------------------------------------------------------------------ */
#define LIMIT_FETCH_TEXT_BYTES (64u << 20)                /* what `tidings fetch` says of a fetch */
#define LIMIT_RECORDING_BYTES  (2 * LIMIT_BODY_MAX_BYTES) /* the hops of one fetch, as WARC */
#define LIMIT_CLIENT_CONNECT_S 15L                        /* to a daemon over TCP */
#define LIMIT_CLIENT_SILENCE_S 30L /* of a daemon: it answers sooner, whatever it does */
#define LIMIT_EXEC_ENV_BYTES \
    8192 /* one environment value of `follow --exec`: execve allows 128 KiB */

/* ---- config ------------------------------------------------------------------------------ */
#define LIMIT_BODY_MAX_BYTES (64u << 20) /* what `max-body` may ask for: a child's memory */
#define LIMIT_TAGS           64          /* tags of one feed */
#define LIMIT_FEED_HEADERS   16          /* `header` lines of one feed */
#define LIMIT_ACCESS_BYTES   4096 /* a secret of a feed: servers take headers of 8 KB in all */
#define LIMIT_CONFIG_BYTES   (256u << 20) /* one config file: 100,000 feeds are about 10 MB */
#define LIMIT_CONFIG_DROPINS 10000        /* files of feeds.conf.d/ */
#define LIMIT_OPML_BYTES     (16u << 20)  /* an OPML document: 100,000 feeds */
#define LIMIT_NAME_BYTES     128          /* a feed's or cursor's name */

#endif
