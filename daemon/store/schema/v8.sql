-- Items get their stories in the order of their ids, in their own transaction or later: all up to
-- story_item have been given theirs (-1: the pass begins with those of the stories' window); those
-- up to story_quiet were stored before, and raise no event. What an item said when it was stored is
-- kept in story_wait when it changes before.
INSERT INTO meta SELECT 'story_item', coalesce((SELECT max(item_id) FROM story_item),
    iif(EXISTS (SELECT 1 FROM item), -1, 0));
INSERT INTO meta SELECT 'story_quiet', coalesce(max(item_id), 0) FROM item;
CREATE TABLE story_wait(
    item_id INTEGER PRIMARY KEY, date_published INTEGER, url TEXT, original_url TEXT, title TEXT,
    text TEXT, feed_title TEXT
) STRICT;
CREATE TRIGGER story_wait_item BEFORE UPDATE OF date_published, url, title, json, text ON item
WHEN OLD.item_id > (SELECT value FROM meta WHERE key = 'story_item') BEGIN
    INSERT OR IGNORE INTO story_wait VALUES(OLD.item_id, OLD.date_published, OLD.url,
        json_extract(OLD.json, '$._tidings.original_url'), OLD.title, OLD.text,
        (SELECT title FROM feed WHERE feed_id = OLD.feed_id));
END;
CREATE TRIGGER story_wait_feed BEFORE UPDATE OF title ON feed WHEN OLD.title IS NOT NEW.title BEGIN
    INSERT OR IGNORE INTO story_wait SELECT item_id, date_published, url,
        json_extract(json, '$._tidings.original_url'), title, text, OLD.title FROM item
        WHERE feed_id = OLD.feed_id
        AND item_id > (SELECT value FROM meta WHERE key = 'story_item');
END;
