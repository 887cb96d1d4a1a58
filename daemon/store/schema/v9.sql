-- Scripts without spaces are cut into pairs of characters for the index (query/cut.h). Items up to
-- cut_end that come after cut_item are in it as they were before: upkeep changes one after the other.
INSERT INTO meta SELECT 'cut_end', value FROM meta WHERE key = 'index_item';
INSERT INTO meta VALUES('cut_item', 0);
