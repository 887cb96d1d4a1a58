PRAGMA page_size=16384;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('cut_end',2);
INSERT INTO meta VALUES('cut_item',2);
INSERT INTO meta VALUES('index_item',2);
INSERT INTO meta VALUES('index_seq',3);
INSERT INTO meta VALUES('instance','00112233445566aa');
INSERT INTO meta VALUES('story_item',2);
INSERT INTO meta VALUES('story_quiet',2);
CREATE TABLE item(
    item_id INTEGER PRIMARY KEY AUTOINCREMENT, feed_id INTEGER NOT NULL,
    first_seen INTEGER NOT NULL, revised_at INTEGER NOT NULL, revision INTEGER NOT NULL,
    backlog INTEGER NOT NULL, date_published INTEGER, date_modified INTEGER,
    id TEXT NOT NULL, url TEXT, title TEXT, author TEXT, language TEXT, tags TEXT,
    json TEXT NOT NULL, text TEXT
) STRICT;
INSERT INTO item VALUES(1,1,1795500000000,1795500000000,1,0,1795428000000,NULL,'h1','http://h.example/1','Ferry returns',NULL,NULL,NULL,'{"id":"h1","title":"Ferry returns","url":"http://h.example/1","content_html":"The night ferry sails again.","summary":"The night ferry sails again.","date_published":"2026-11-23T10:00:00Z","_tidings":{"guid_is_permalink":false}}','The night ferry sails again.');
INSERT INTO item VALUES(2,1,1795500000000,1795503600000,2,0,1795431600000,NULL,'h2','http://h.example/2','Harbour wall repaired',NULL,NULL,NULL,'{"id":"h2","title":"Harbour wall repaired","url":"http://h.example/2","content_html":"Repairs begin.","summary":"Repairs begin.","date_published":"2026-11-23T11:00:00Z","_tidings":{"guid_is_permalink":false}}','Repairs begin.');
CREATE TABLE seen(
    feed_id INTEGER NOT NULL, ident INTEGER NOT NULL, item_id INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL, moved_key INTEGER NOT NULL, last_seen_day INTEGER NOT NULL,
    PRIMARY KEY(feed_id, ident)
) STRICT, WITHOUT ROWID;
INSERT INTO seen VALUES(1,2661920937431860638,1,-3673278769227195540,-3410137461656107374,20781);
INSERT INTO seen VALUES(1,4408924439566216442,2,-5629600452671643998,-7179148726602462786,20781);
CREATE TABLE revision(
    item_id INTEGER NOT NULL, revision INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL, url TEXT, title TEXT, json TEXT NOT NULL, complete INTEGER NOT NULL DEFAULT 0, author TEXT, language TEXT, tags TEXT, text TEXT, date_published INTEGER,
    PRIMARY KEY(item_id, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO revision VALUES(2,1,1795500000000,7095041618908385049,'http://h.example/2','Harbour wall','{"id":"h2","title":"Harbour wall","url":"http://h.example/2","content_html":"Repairs begin.","summary":"Repairs begin.","date_published":"2026-11-23T11:00:00Z","_tidings":{"guid_is_permalink":false}}',0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE event(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, at INTEGER NOT NULL,
    feed_id INTEGER NOT NULL, item_id INTEGER NOT NULL, revision INTEGER NOT NULL
, detail TEXT, story_id INTEGER, outlets INTEGER, note TEXT) STRICT;
INSERT INTO event VALUES(1,1,1795500000000,1,1,1,NULL,NULL,NULL,NULL);
INSERT INTO event VALUES(2,1,1795500000000,1,2,1,NULL,NULL,NULL,NULL);
INSERT INTO event VALUES(3,2,1795503600000,1,2,2,NULL,NULL,NULL,NULL);
CREATE TABLE cursor(
    name TEXT PRIMARY KEY, seq INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO cursor VALUES('hook',2,1795507200000);
CREATE TABLE reindex(item_id INTEGER PRIMARY KEY) STRICT;
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','item_fts','item_fts',0,'CREATE VIRTUAL TABLE item_fts USING fts5(title, author, text,
    content=''item'', content_rowid=''item_id'', tokenize=''unicode61 remove_diacritics 2'')');
CREATE TABLE IF NOT EXISTS 'item_fts_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO item_fts_data VALUES(1,X'02050007');
INSERT INTO item_fts_data VALUES(10,X'000000000101010001010101');
INSERT INTO item_fts_data VALUES(137438953473,X'0000007f0630616761696e01060102060105626567696e0206010203010566657272790108020102040107686172626f757202020201056e69676874010601020301087265706169726564020204070173020601020203057475726e7301020301057361696c73010601020501037468650106010202010477616c6c020203040c0c0d0c0c0d080a0c0a');
CREATE TABLE IF NOT EXISTS 'item_fts_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO item_fts_idx VALUES(1,X'',2);
CREATE TABLE IF NOT EXISTS 'item_fts_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO item_fts_docsize VALUES(1,X'020005');
INSERT INTO item_fts_docsize VALUES(2,X'030002');
CREATE TABLE IF NOT EXISTS 'item_fts_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO item_fts_config VALUES('version',4);
CREATE TABLE subscription(
    name TEXT PRIMARY KEY, conf TEXT, created_at INTEGER NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0, disabled INTEGER NOT NULL DEFAULT 0,
    batch_upto INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER, next_try_at INTEGER, error TEXT,
    n_delivered INTEGER NOT NULL DEFAULT 0, last_delivered_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO subscription VALUES('hook',replace('sink = stream\n','\n',char(10)),1795507200000,0,0,3,2,1795507100000,1795507300000,'HTTP 503',1,1795507000000);
CREATE TABLE dead_letter(
    id INTEGER PRIMARY KEY AUTOINCREMENT, sub TEXT NOT NULL, seq INTEGER NOT NULL,
    at INTEGER NOT NULL, attempts INTEGER NOT NULL, error TEXT, event TEXT NOT NULL
) STRICT;
INSERT INTO dead_letter VALUES(1,'hook',1,1795507200000,10,'HTTP 503','{"seq":1,"event":"item.new"}');
CREATE TABLE pacing(
    key TEXT PRIMARY KEY,
    spacing_ms INTEGER NOT NULL,
    since INTEGER NOT NULL,
    calm_ms INTEGER NOT NULL,
    hold_at INTEGER
) WITHOUT ROWID;
CREATE TABLE shown(
    feed_id INTEGER PRIMARY KEY, entries BLOB NOT NULL
) STRICT;
CREATE TABLE story(
    story_id INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    n_items INTEGER NOT NULL, n_outlets INTEGER NOT NULL, told INTEGER NOT NULL,
    lead_item INTEGER NOT NULL, title TEXT, merged_into INTEGER
) STRICT;
INSERT INTO story VALUES(1,1700000000000,1700000100000,2,1,1,1,'Ferry returns',NULL);
CREATE TABLE story_item(
    item_id INTEGER PRIMARY KEY, story_id INTEGER NOT NULL, article_id INTEGER NOT NULL,
    feed_id INTEGER NOT NULL, outlet TEXT NOT NULL, at INTEGER NOT NULL,
    p INTEGER NOT NULL, how INTEGER NOT NULL, why TEXT
) STRICT;
INSERT INTO story_item VALUES(1,1,1,1,'harbour',1795500000000,1000,0,NULL);
INSERT INTO story_item VALUES(2,1,2,1,'harbour',1795500000000,1000,1,NULL);
CREATE TABLE story_live(story_id INTEGER PRIMARY KEY, touch INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
CREATE TABLE story_words(batch INTEGER PRIMARY KEY, words BLOB NOT NULL) STRICT;
CREATE TABLE story_state(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE story_fix(
    fix_id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL,
    story_id INTEGER NOT NULL, other_id INTEGER, item_id INTEGER
) STRICT;
CREATE TABLE story_wait(
    item_id INTEGER PRIMARY KEY, date_published INTEGER, url TEXT, original_url TEXT, title TEXT,
    text TEXT, feed_title TEXT
) STRICT;
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
INSERT INTO poll VALUES(1,1795507200000,1795503600000,1795503600000,NULL,NULL,0,0,1,0,NULL,NULL,0,NULL,0,0,0,0,-1.0,NULL,NULL,NULL,0,NULL,0,0,0,NULL,'every hour: the interval of the config',X'80b15a0ca2010000780000000000000000080000c8000100');
INSERT INTO poll VALUES(3,1763974800000,1763971200000,NULL,NULL,1763964000000,3,0,1,0,NULL,NULL,0,NULL,0,0,0,0,-1.0,NULL,NULL,NULL,0,NULL,0,0,0,'503 from the server','every hour: the interval of the config',X'0074e0b49a010000780000000000000000080000f7010300');
CREATE TABLE IF NOT EXISTS "feed"(
    feed_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE, url TEXT NOT NULL, origin INTEGER NOT NULL,
    enabled INTEGER NOT NULL, user_title TEXT, tags TEXT, deleted INTEGER NOT NULL DEFAULT 0,
    ident_rule INTEGER NOT NULL DEFAULT 0, title TEXT, home_page_url TEXT, language TEXT, push TEXT
) STRICT;
INSERT INTO feed VALUES(1,'harbour','https://harbour.example/feed',0,1,NULL,replace('sample\nnews','\n',char(10)),0,0,'Harbour news',NULL,NULL,NULL);
INSERT INTO feed VALUES(3,'broken','https://broken.example/feed',0,1,NULL,replace('sample\nnews','\n',char(10)),0,0,NULL,NULL,NULL,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('item',2);
INSERT INTO sqlite_sequence VALUES('event',3);
INSERT INTO sqlite_sequence VALUES('dead_letter',1);
INSERT INTO sqlite_sequence VALUES('dead_letter',1);
INSERT INTO sqlite_sequence VALUES('feed',3);
CREATE INDEX item_feed ON item(feed_id);
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
CREATE INDEX dead_letter_sub ON dead_letter(sub, id);
CREATE INDEX story_last ON story(last_at);
CREATE INDEX story_item_story ON story_item(story_id, outlet, item_id);
CREATE INDEX story_item_article ON story_item(article_id) WHERE article_id <> item_id;
CREATE TRIGGER story_item_gone AFTER DELETE ON item BEGIN
    DELETE FROM story_item WHERE item_id = OLD.item_id;
END;
CREATE TRIGGER story_gone AFTER DELETE ON story_item BEGIN
    DELETE FROM story WHERE story_id = OLD.story_id
        AND NOT EXISTS (SELECT 1 FROM story_item WHERE story_id = OLD.story_id);
END;
CREATE TRIGGER story_wait_item BEFORE UPDATE OF date_published, url, title, json, text ON item
WHEN OLD.item_id > (SELECT value FROM meta WHERE key = 'story_item') BEGIN
    INSERT OR IGNORE INTO story_wait VALUES(OLD.item_id, OLD.date_published, OLD.url,
        json_extract(OLD.json, '$._tidings.original_url'), OLD.title, OLD.text,
        (SELECT title FROM feed WHERE feed_id = OLD.feed_id));
END;
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
PRAGMA writable_schema=OFF;
COMMIT;
PRAGMA user_version=10;
