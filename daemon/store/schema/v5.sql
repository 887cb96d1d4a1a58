-- What queries look at: the language of a feed, and all of an item's older revisions (complete; those
-- kept by older versions have url, title and json only).
ALTER TABLE feed ADD COLUMN language TEXT;
ALTER TABLE revision ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE revision ADD COLUMN author TEXT;
ALTER TABLE revision ADD COLUMN language TEXT;
ALTER TABLE revision ADD COLUMN tags TEXT;
ALTER TABLE revision ADD COLUMN text TEXT;
ALTER TABLE revision ADD COLUMN date_published INTEGER;
