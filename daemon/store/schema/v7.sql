-- Stories: which items tell the same. Times are those that items state, at the latest their arrival.
-- told: 0 = no event was raised yet, else the outlets that the last story.new or story.grew spoke of.
CREATE TABLE story(
    story_id INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    n_items INTEGER NOT NULL, n_outlets INTEGER NOT NULL, told INTEGER NOT NULL,
    lead_item INTEGER NOT NULL, title TEXT, merged_into INTEGER
) STRICT;
CREATE INDEX story_last ON story(last_at);

-- An item's place. article_id: the first item with the same text or address. p: thousandths; how: enum
-- story_how; why: JSON of the decision.
CREATE TABLE story_item(
    item_id INTEGER PRIMARY KEY, story_id INTEGER NOT NULL, article_id INTEGER NOT NULL,
    feed_id INTEGER NOT NULL, outlet TEXT NOT NULL, at INTEGER NOT NULL,
    p INTEGER NOT NULL, how INTEGER NOT NULL, why TEXT
) STRICT;
CREATE INDEX story_item_story ON story_item(story_id, outlet, item_id);
CREATE INDEX story_item_article ON story_item(article_id) WHERE article_id <> item_id;

-- What the clusterer knows (story/): stories that can still grow, by touch; word counts and all since
-- them; its clock.
CREATE TABLE story_live(story_id INTEGER PRIMARY KEY, touch INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
CREATE TABLE story_words(batch INTEGER PRIMARY KEY, words BLOB NOT NULL) STRICT;
CREATE TABLE story_state(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- What people have corrected.
CREATE TABLE story_fix(
    fix_id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL,
    story_id INTEGER NOT NULL, other_id INTEGER, item_id INTEGER
) STRICT;

-- An item that goes takes its place along, and the last one its story.
CREATE TRIGGER story_item_gone AFTER DELETE ON item BEGIN
    DELETE FROM story_item WHERE item_id = OLD.item_id;
END;
CREATE TRIGGER story_gone AFTER DELETE ON story_item BEGIN
    DELETE FROM story WHERE story_id = OLD.story_id
        AND NOT EXISTS (SELECT 1 FROM story_item WHERE story_id = OLD.story_id);
END;

ALTER TABLE event ADD COLUMN story_id INTEGER;
ALTER TABLE event ADD COLUMN outlets INTEGER;
ALTER TABLE event ADD COLUMN note TEXT;
DROP VIEW v1_events;
CREATE VIEW v1_events AS SELECT
    e.seq, CASE e.kind WHEN 1 THEN 'item.new' WHEN 2 THEN 'item.changed'
    WHEN 3 THEN 'feed.moved' WHEN 4 THEN 'feed.gone' WHEN 5 THEN 'feed.dead'
    WHEN 6 THEN 'feed.recovered' WHEN 7 THEN 'feed.silent' WHEN 8 THEN 'item.vanished'
    WHEN 9 THEN 'log.cut' WHEN 20 THEN 'story.new' WHEN 21 THEN 'story.grew'
    WHEN 22 THEN 'story.changed' END AS event,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch') AS at,
    nullif(e.feed_id, 0) AS feed_id, f.name AS feed, nullif(e.item_id, 0) AS item_id,
    nullif(e.revision, 0) AS revision, e.detail, e.story_id, e.outlets, e.note
    FROM event e LEFT JOIN feed f ON f.feed_id = e.feed_id
    WHERE f.deleted = 0 OR e.feed_id = 0;

CREATE VIEW v1_stories AS SELECT
    story_id, title,
    strftime('%Y-%m-%dT%H:%M:%SZ', first_at / 1000, 'unixepoch') AS first,
    strftime('%Y-%m-%dT%H:%M:%SZ', last_at / 1000, 'unixepoch') AS last,
    n_items AS items, n_outlets AS outlets, lead_item, merged_into
    FROM story;
CREATE VIEW v1_story_items AS SELECT
    s.story_id, s.item_id, s.article_id, s.item_id <> s.article_id AS sighting,
    f.name AS feed, s.outlet,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.at / 1000, 'unixepoch') AS at,
    i.title, i.url, s.p / 1000.0 AS p,
    CASE s.how WHEN 0 THEN 'opened' WHEN 1 THEN 'joined' WHEN 2 THEN 'same article'
    WHEN 3 THEN 'moved' WHEN 4 THEN 'pinned' END AS how, s.why
    FROM story_item s JOIN item i ON i.item_id = s.item_id
    JOIN feed f ON f.feed_id = s.feed_id WHERE f.deleted = 0;
