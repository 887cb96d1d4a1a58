-- Feeds that are asked elsewhere, their push subscriptions, and events of feeds.
ALTER TABLE feed ADD COLUMN url_now TEXT;
ALTER TABLE feed ADD COLUMN url_found INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN push TEXT;
DROP VIEW v1_feeds;
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
    FROM feed WHERE deleted = 0;
DROP VIEW v1_events;
CREATE VIEW v1_events AS SELECT
    e.seq, CASE e.kind WHEN 1 THEN 'item.new' WHEN 2 THEN 'item.changed'
    WHEN 3 THEN 'feed.moved' WHEN 4 THEN 'feed.gone' WHEN 5 THEN 'feed.dead'
    WHEN 6 THEN 'feed.recovered' END AS event,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch') AS at,
    e.feed_id, f.name AS feed, nullif(e.item_id, 0) AS item_id,
    nullif(e.revision, 0) AS revision
    FROM event e JOIN feed f ON f.feed_id = e.feed_id WHERE f.deleted = 0;
