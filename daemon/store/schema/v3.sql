-- Subscriptions. The position of one is the cursor of its name. conf: the definition of one that was
-- made at run time ("key = value" lines); NULL = it stands in the config.
CREATE TABLE subscription(
    name TEXT PRIMARY KEY, conf TEXT, created_at INTEGER NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0, disabled INTEGER NOT NULL DEFAULT 0,
    batch_upto INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER, next_try_at INTEGER, error TEXT,
    n_delivered INTEGER NOT NULL DEFAULT 0, last_delivered_at INTEGER
) STRICT, WITHOUT ROWID;

-- What could not be delivered; event is the JSON object, which outlives the log and the item.
CREATE TABLE dead_letter(
    id INTEGER PRIMARY KEY AUTOINCREMENT, sub TEXT NOT NULL, seq INTEGER NOT NULL,
    at INTEGER NOT NULL, attempts INTEGER NOT NULL, error TEXT, event TEXT NOT NULL
) STRICT;
CREATE INDEX dead_letter_sub ON dead_letter(sub, id);

-- Which store this is: a part of the ids that events have outside.
INSERT INTO meta VALUES('instance', lower(hex(randomblob(8))));
