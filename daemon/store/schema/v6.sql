-- Events about what did not come. detail: what an event tells beyond its item or feed, a JSON object.
-- silent_at: when the feed counts as silent (0 = not found out, -1 = told). shown: what the last whole
-- document showed (vanish.h); a part of the window that is missing is waited for.
ALTER TABLE event ADD COLUMN detail TEXT;
ALTER TABLE feed ADD COLUMN silent_at INTEGER NOT NULL DEFAULT 0;
CREATE TABLE shown(
    feed_id INTEGER PRIMARY KEY, missing INTEGER NOT NULL, entries BLOB NOT NULL
) STRICT;
DROP VIEW v1_events;
CREATE VIEW v1_events AS SELECT
    e.seq, CASE e.kind WHEN 1 THEN 'item.new' WHEN 2 THEN 'item.changed'
    WHEN 3 THEN 'feed.moved' WHEN 4 THEN 'feed.gone' WHEN 5 THEN 'feed.dead'
    WHEN 6 THEN 'feed.recovered' WHEN 7 THEN 'feed.silent' WHEN 8 THEN 'item.vanished'
    WHEN 9 THEN 'log.cut' END AS event,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch') AS at,
    nullif(e.feed_id, 0) AS feed_id, f.name AS feed, nullif(e.item_id, 0) AS item_id,
    nullif(e.revision, 0) AS revision, e.detail
    FROM event e LEFT JOIN feed f ON f.feed_id = e.feed_id
    WHERE f.deleted = 0 OR e.feed_id = 0;
