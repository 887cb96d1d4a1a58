/*
 * floor_sqlite.c - the least that storing costs: plain SQLite inserts the rows of a store that
 * tidingsd made.
 *
 *     floor_sqlite STORE NEW [ITEMS-PER-TRANSACTION]
 *
 * NEW gets STORE's tables feed, poll, item, seen and event with their indexes, as one would write
 * it by hand: WAL, synchronous=FULL, page_size 16384, prepared statements, a few hundred items with
 * what belongs to them in a transaction. The rows are in memory before the clock starts. The
 * full-text index is not in this floor, as it is not in the time of a round (the daemon builds it
 * afterwards); it is measured behind it, in transactions of as many items, and printed of its own.
 * Prints a line of JSON.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define MAX_COLUMNS 64

static sqlite3 *db;

static void die(const char *what)
{
    fprintf(stderr, "floor_sqlite: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        die(sql);
    return s;
}

/* ---- the rows ------------------------------------------------------------------------------- */

struct row {
    long long item_id; /* of the last item when the row is due; feed and poll: its last item */
    sqlite3_value *values[MAX_COLUMNS];
};

struct table {
    const char *name, *select;
    sqlite3_stmt *insert;
    struct row *rows;
    size_t n, cap, at;
    int columns;
};

static struct table tables[] = {
    {.name = "feed",
     .select = "SELECT (SELECT coalesce(max(item_id), 0) FROM main.item i WHERE i.feed_id ="
               " f.feed_id) AS due, f.* FROM feed f ORDER BY due"},
    {.name = "item", .select = "SELECT item_id, i.* FROM item i ORDER BY item_id"},
    {.name = "seen", .select = "SELECT item_id, s.* FROM seen s ORDER BY item_id"},
    {.name = "event", .select = "SELECT item_id, e.* FROM event e ORDER BY seq"},
    {.name = "poll",
     .select = "SELECT (SELECT coalesce(max(item_id), 0) FROM main.item i WHERE i.feed_id ="
               " p.feed_id) AS due, p.* FROM poll p ORDER BY due"},
};
enum { N_TABLES = sizeof tables / sizeof tables[0] };

static void read_rows(struct table *t)
{
    sqlite3_stmt *s = prepare(t->select);
    t->columns = sqlite3_column_count(s) - 1;
    if (t->columns > MAX_COLUMNS)
        die("more columns than expected");
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (t->n == t->cap) {
            t->cap = t->cap ? 2 * t->cap : 1024;
            t->rows = realloc(t->rows, t->cap * sizeof *t->rows);
            if (!t->rows)
                abort();
        }
        struct row *r = &t->rows[t->n++];
        r->item_id = sqlite3_column_int64(s, 0);
        for (int i = 0; i < t->columns; i++)
            r->values[i] = sqlite3_value_dup(sqlite3_column_value(s, i + 1));
    }
    sqlite3_finalize(s);
}

/* Texts that make the tables and the index item_feed, in the order they were made. */
static char *read_schema(const char *where)
{
    char *sql = sqlite3_mprintf(
        "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql NOT NULL"
        " AND name NOT LIKE 'sqlite%%' AND %s",
        where);
    sqlite3_stmt *s = prepare(sql);
    sqlite3_free(sql);
    if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_type(s, 0) == SQLITE_NULL)
        die("no such tables");
    char *text = strdup((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return text;
}

static void prepare_insert(struct table *t)
{
    char sql[4 * MAX_COLUMNS + 64];
    int n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(", t->name);
    for (int i = 0; i < t->columns; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, i ? ",?" : "?");
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    t->insert = prepare(sql);
}

static void insert_until(struct table *t, long long item_id)
{
    for (; t->at < t->n && t->rows[t->at].item_id <= item_id; t->at++) {
        for (int i = 0; i < t->columns; i++)
            sqlite3_bind_value(t->insert, i + 1, t->rows[t->at].values[i]);
        if (sqlite3_step(t->insert) != SQLITE_DONE)
            die(t->name);
        sqlite3_reset(t->insert);
    }
}

/* ---- the two stretches ---------------------------------------------------------------------- */

static struct measure store_rows(size_t group)
{
    struct table *item = &tables[1];
    struct measure m = measure_begin();
    while (item->at < item->n) {
        size_t last = item->at + group <= item->n ? item->at + group - 1 : item->n - 1;
        long long until = last + 1 == item->n ? 0x7fffffffffffffff : item->rows[last].item_id;
        run("BEGIN IMMEDIATE");
        for (int i = 0; i < N_TABLES; i++)
            insert_until(&tables[i], until);
        run("COMMIT");
    }
    measure_end(&m);
    return m;
}

static struct measure index_rows(size_t group)
{
    struct table *item = &tables[1];
    sqlite3_stmt *s = prepare("INSERT INTO item_fts(rowid, title, author, text) SELECT item_id,"
                              " title, author, text FROM item WHERE item_id BETWEEN ? AND ?");
    struct measure m = measure_begin();
    for (size_t at = 0; at < item->n; at += group) {
        size_t last = at + group <= item->n ? at + group - 1 : item->n - 1;
        run("BEGIN IMMEDIATE");
        sqlite3_bind_int64(s, 1, item->rows[at].item_id);
        sqlite3_bind_int64(s, 2, item->rows[last].item_id);
        if (sqlite3_step(s) != SQLITE_DONE)
            die("indexing");
        sqlite3_reset(s);
        run("COMMIT");
    }
    measure_end(&m);
    sqlite3_finalize(s);
    return m;
}

int main(int argc, char **argv)
{
    size_t group = argc > 3 ? (size_t)atol(argv[3]) : 400;
    if (argc < 3 || group < 1) {
        fputs("Usage: floor_sqlite STORE NEW [ITEMS-PER-TRANSACTION]\n", stderr);
        return 64;
    }
    if (sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die(argv[1]);
    char *schema = read_schema(
        "type IN ('table', 'index') AND tbl_name IN ('feed', 'poll', 'item', 'seen',"
        " 'event')");
    char *fts = read_schema("name = 'item_fts'");
    for (int i = 0; i < N_TABLES; i++)
        read_rows(&tables[i]);
    sqlite3_close(db);
    remove(argv[2]);
    if (sqlite3_open(argv[2], &db) != SQLITE_OK)
        die(argv[2]);
    run("PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        " PRAGMA cache_size=-8192");
    run(schema);
    run(fts);
    for (int i = 0; i < N_TABLES; i++)
        prepare_insert(&tables[i]);
    struct measure rows = store_rows(group), index = index_rows(group);
    printf("{\"items\": %zu, \"feeds\": %zu, \"events\": %zu, \"wall_s\": %.6f, \"cpu_s\": %.6f,"
           " \"index_wall_s\": %.6f, \"index_cpu_s\": %.6f}\n",
           tables[1].n, tables[0].n, tables[3].n, rows.wall_s, rows.cpu_s, index.wall_s,
           index.cpu_s);
    exit(0); /* the process's end frees the rows */
}
