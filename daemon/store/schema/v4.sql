-- What servers that answered 429 have taught of how often they may be asked.
CREATE TABLE pacing(
    key TEXT PRIMARY KEY,
    spacing_ms INTEGER NOT NULL,
    since INTEGER NOT NULL,
    calm_ms INTEGER NOT NULL,
    hold_at INTEGER
) WITHOUT ROWID;
