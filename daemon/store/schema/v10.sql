-- What a poll writes has a table of its own: every poll writes all of it and nothing else, and a row
-- costs by its width. A feed has its row there until it is deleted. missing: of its window in shown.
CREATE TABLE poll(
    feed_id INTEGER PRIMARY KEY, next_due_at INTEGER NOT NULL DEFAULT 0, last_fetch_at INTEGER,
    last_success_at INTEGER, last_new_at INTEGER, failing_since INTEGER,
    n_failures INTEGER NOT NULL DEFAULT 0, n_unchanged INTEGER NOT NULL DEFAULT 0,
    imported INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0, etag BLOB,
    last_modified BLOB, max_age_ms INTEGER NOT NULL DEFAULT 0, retry_after_at INTEGER,
    ttl_ms INTEGER NOT NULL DEFAULT 0, update_ms INTEGER NOT NULL DEFAULT 0,
    skip_hours INTEGER NOT NULL DEFAULT 0, skip_days INTEGER NOT NULL DEFAULT 0,
    rate_per_day REAL NOT NULL DEFAULT -1, rate_at INTEGER, moved_to TEXT, moved_since INTEGER,
    moved_seen INTEGER NOT NULL DEFAULT 0, url_now TEXT, url_found INTEGER NOT NULL DEFAULT 0,
    silent_at INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0, error TEXT, why TEXT,
    history BLOB
) STRICT;
INSERT INTO poll SELECT feed_id, next_due_at, last_fetch_at, last_success_at, last_new_at,
    failing_since, n_failures, n_unchanged, imported, gone, etag, last_modified, max_age_ms,
    retry_after_at, ttl_ms, update_ms, skip_hours, skip_days, rate_per_day, rate_at, moved_to,
    moved_since, moved_seen, url_now, url_found, silent_at, coalesce(missing, 0), error, why, history
    FROM feed LEFT JOIN shown USING(feed_id) WHERE deleted = 0;
ALTER TABLE shown DROP COLUMN missing;

-- The table of feeds without it: what was asked for, and what documents say of the whole feed.
PRAGMA legacy_alter_table = ON;
DROP VIEW v1_feeds;
CREATE TABLE feed_asked(
    feed_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE, url TEXT NOT NULL, origin INTEGER NOT NULL,
    enabled INTEGER NOT NULL, user_title TEXT, tags TEXT, deleted INTEGER NOT NULL DEFAULT 0,
    ident_rule INTEGER NOT NULL DEFAULT 0, title TEXT, home_page_url TEXT, language TEXT, push TEXT
) STRICT;
INSERT INTO feed_asked SELECT feed_id, name, url, origin, enabled, user_title, tags, deleted,
    ident_rule, title, home_page_url, language, push FROM feed;
DELETE FROM sqlite_sequence WHERE name = 'feed_asked';
INSERT INTO sqlite_sequence SELECT 'feed_asked', seq FROM sqlite_sequence WHERE name = 'feed';
DROP TABLE feed;
ALTER TABLE feed_asked RENAME TO feed;
PRAGMA legacy_alter_table = OFF;
CREATE INDEX feed_deleted ON feed(feed_id) WHERE deleted = 1;

CREATE TRIGGER story_wait_feed BEFORE UPDATE OF title ON feed WHEN OLD.title IS NOT NEW.title BEGIN
    INSERT OR IGNORE INTO story_wait SELECT item_id, date_published, url,
        json_extract(json, '$._tidings.original_url'), title, text, OLD.title FROM item
        WHERE feed_id = OLD.feed_id
        AND item_id > (SELECT value FROM meta WHERE key = 'story_item');
END;
CREATE TRIGGER poll_begins AFTER INSERT ON feed BEGIN
    INSERT OR IGNORE INTO poll(feed_id) VALUES(NEW.feed_id);
END;
CREATE TRIGGER poll_ends AFTER UPDATE OF deleted ON feed WHEN NEW.deleted = 1 BEGIN
    DELETE FROM poll WHERE feed_id = NEW.feed_id;
END;
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
    error, why, coalesce(url_now, url) AS asked_url
    FROM feed JOIN poll USING(feed_id) WHERE deleted = 0;
