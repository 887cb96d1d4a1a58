-- Format 1. Never edited once released: a change is the next vN.sql.
-- Times are Unix milliseconds; the views turn them into text. Text of a feed is UTF-8; validators
-- are BLOBs because they are opaque bytes.

CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

-- A feed: what was asked for, then how fetching it went (model/feed.h). ident_rule is enum
-- dedup_rule and only ever grows.
CREATE TABLE feed(
    feed_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE, url TEXT NOT NULL, origin INTEGER NOT NULL,
    enabled INTEGER NOT NULL, user_title TEXT, tags TEXT,
    deleted INTEGER NOT NULL DEFAULT 0,
    ident_rule INTEGER NOT NULL DEFAULT 0,
    next_due_at INTEGER NOT NULL DEFAULT 0, last_fetch_at INTEGER, last_success_at INTEGER,
    last_new_at INTEGER, failing_since INTEGER, n_failures INTEGER NOT NULL DEFAULT 0,
    n_unchanged INTEGER NOT NULL DEFAULT 0, imported INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0, etag BLOB, last_modified BLOB,
    max_age_ms INTEGER NOT NULL DEFAULT 0, retry_after_at INTEGER,
    ttl_ms INTEGER NOT NULL DEFAULT 0, update_ms INTEGER NOT NULL DEFAULT 0,
    skip_hours INTEGER NOT NULL DEFAULT 0, skip_days INTEGER NOT NULL DEFAULT 0,
    rate_per_day REAL NOT NULL DEFAULT -1, rate_at INTEGER,
    title TEXT, home_page_url TEXT, moved_to TEXT, moved_since INTEGER,
    moved_seen INTEGER NOT NULL DEFAULT 0, error TEXT, why TEXT, history BLOB
) STRICT;
-- Nearly always empty: upkeep asks it whether a deleted feed still has rows.
CREATE INDEX feed_deleted ON feed(feed_id) WHERE deleted = 1;

-- The current revision of each item; json is the parser's object, untouched.
CREATE TABLE item(
    item_id INTEGER PRIMARY KEY AUTOINCREMENT, feed_id INTEGER NOT NULL,
    first_seen INTEGER NOT NULL, revised_at INTEGER NOT NULL, revision INTEGER NOT NULL,
    backlog INTEGER NOT NULL, date_published INTEGER, date_modified INTEGER,
    id TEXT NOT NULL, url TEXT, title TEXT, author TEXT, language TEXT, tags TEXT,
    json TEXT NOT NULL, text TEXT
) STRICT;
CREATE INDEX item_feed ON item(feed_id);

-- What a feed has shown. It outlives the item, so that an expired one does not come back as new.
-- moved_key finds the entry again when the feed changes host (dedup.h).
CREATE TABLE seen(
    feed_id INTEGER NOT NULL, ident INTEGER NOT NULL, item_id INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL, moved_key INTEGER NOT NULL, last_seen_day INTEGER NOT NULL,
    PRIMARY KEY(feed_id, ident)
) STRICT, WITHOUT ROWID;

-- Older revisions; the current one is in item.
CREATE TABLE revision(
    item_id INTEGER NOT NULL, revision INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL, url TEXT, title TEXT, json TEXT NOT NULL,
    PRIMARY KEY(item_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE event(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, at INTEGER NOT NULL,
    feed_id INTEGER NOT NULL, item_id INTEGER NOT NULL, revision INTEGER NOT NULL
) STRICT;

CREATE TABLE cursor(
    name TEXT PRIMARY KEY, seq INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The index follows the items: all up to meta.index_item are in it, but for those in reindex
-- (whose old words have left it already).
CREATE TABLE reindex(item_id INTEGER PRIMARY KEY) STRICT;
CREATE VIRTUAL TABLE item_fts USING fts5(title, author, text,
    content='item', content_rowid='item_id', tokenize='unicode61 remove_diacritics 2');
INSERT INTO meta VALUES('index_item', 0), ('index_seq', 0);

-- The public contract, documented in tidings-store(5): these names and columns stay as they are.
CREATE VIEW v1_feeds AS SELECT
    feed_id, name AS feed, url, coalesce(user_title, title) AS title, home_page_url,
    replace(tags, char(10), ', ') AS tags,
    CASE origin WHEN 0 THEN 'config' ELSE 'api' END AS origin, enabled, gone,
    strftime('%Y-%m-%dT%H:%M:%SZ', last_fetch_at / 1000, 'unixepoch') AS last_fetch,
    strftime('%Y-%m-%dT%H:%M:%SZ', last_success_at / 1000, 'unixepoch') AS last_success,
    strftime('%Y-%m-%dT%H:%M:%SZ', last_new_at / 1000, 'unixepoch') AS last_new,
    strftime('%Y-%m-%dT%H:%M:%SZ', next_due_at / 1000, 'unixepoch') AS next_due,
    n_failures,
    strftime('%Y-%m-%dT%H:%M:%SZ', failing_since / 1000, 'unixepoch') AS failing_since,
    error, why
    FROM feed WHERE deleted = 0;

CREATE VIEW v1_items AS SELECT
    i.item_id, i.feed_id, f.name AS feed, i.id, i.url, i.title, i.author, i.language,
    replace(i.tags, char(10), ', ') AS tags,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.date_published / 1000, 'unixepoch') AS date_published,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.date_modified / 1000, 'unixepoch') AS date_modified,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.first_seen / 1000, 'unixepoch') AS first_seen,
    i.revision, i.backlog, i.text, i.json
    FROM item i JOIN feed f ON f.feed_id = i.feed_id WHERE f.deleted = 0;

CREATE VIEW v1_revisions AS
    SELECT r.item_id, r.revision,
        strftime('%Y-%m-%dT%H:%M:%SZ', r.seen_at / 1000, 'unixepoch') AS seen,
        r.url, r.title, r.json, 0 AS current
        FROM revision r JOIN item i ON i.item_id = r.item_id
        JOIN feed f ON f.feed_id = i.feed_id WHERE f.deleted = 0
    UNION ALL SELECT i.item_id, i.revision,
        strftime('%Y-%m-%dT%H:%M:%SZ', i.revised_at / 1000, 'unixepoch'),
        i.url, i.title, i.json, 1
        FROM item i JOIN feed f ON f.feed_id = i.feed_id WHERE f.deleted = 0;

CREATE VIEW v1_events AS SELECT
    e.seq, CASE e.kind WHEN 1 THEN 'item.new' WHEN 2 THEN 'item.changed' END AS event,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch') AS at,
    e.feed_id, f.name AS feed, e.item_id, e.revision
    FROM event e JOIN feed f ON f.feed_id = e.feed_id WHERE f.deleted = 0;
