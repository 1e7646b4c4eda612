/* Hashing what a commit wrote.  Values are hashed with their type, so that no two rows look alike:
 * one byte, then 8 bytes little-endian of a number, or 8 bytes of length and the bytes. */
#include "capdb/ledger.h"

#include <string.h>

#define X(NAME, table, key) #table,
const char *const ledger_tables[LEDGER_TABLES] = {LEDGER_TABLE_LIST(X)};
#undef X
#define X(NAME, table, key) #key,
const char *const ledger_keys[LEDGER_TABLES] = {LEDGER_TABLE_LIST(X)};
#undef X
#define X(NAME, text) text,
static const char *const kinds[LEDGER_KINDS] = {LEDGER_KIND_LIST(X)};
#undef X

#define X(NAME, table, key) ", " #table
const char ledger_select[] =
    "SELECT entry, kind, n" LEDGER_TABLE_LIST(X) ", hash FROM main.ledger ORDER BY entry";
static const char ledger_select_last[] =
    "SELECT entry, kind, n" LEDGER_TABLE_LIST(X) ", hash FROM main.ledger ORDER BY entry DESC"
                                                 " LIMIT 1";
#undef X
#define X(NAME, table, key) ", ?"
static const char ledger_insert[] =
    "INSERT INTO main.ledger VALUES (?, ?, ?" LEDGER_TABLE_LIST(X) ", ?)";
#undef X

/* --- values --- */

static void add_u64(struct blake2b *b, uint64_t v)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    blake2b_add(b, bytes, sizeof(bytes));
}

static void add_bytes(struct blake2b *b, const void *bytes, size_t length)
{
    add_u64(b, length);
    if (length)
        blake2b_add(b, bytes, length);
}

static void add_column(struct blake2b *b, sqlite3_stmt *st, int column)
{
    uint8_t type = (uint8_t)sqlite3_column_type(st, column);
    uint64_t bits;
    double real;
    blake2b_add(b, &type, 1);
    switch (type) {
    case SQLITE_INTEGER:
        add_u64(b, (uint64_t)sqlite3_column_int64(st, column));
        break;
    case SQLITE_FLOAT:
        real = sqlite3_column_double(st, column);
        memcpy(&bits, &real, sizeof(bits));
        add_u64(b, bits);
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        add_bytes(b, sqlite3_column_blob(st, column), (size_t)sqlite3_column_bytes(st, column));
        break;
    default:
        break;
    }
}

/* All rows that a query gives; first, last: its parameters, where it has some. */
static enum error add_query(struct capdb *db, struct blake2b *b, const char *sql, int64_t first,
                            int64_t last)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    if (sqlite3_bind_parameter_count(st) == 2) {
        sqlite3_bind_int64(st, 1, first);
        sqlite3_bind_int64(st, 2, last);
    }
    while (capdb_step(db, st, "reading what was recorded", &e))
        for (int c = 0; c < sqlite3_column_count(st); c++)
            add_column(b, st, c);
    sqlite3_finalize(st);
    return e;
}

/* --- versions --- */

static void add_version(struct blake2b *rows, int kind, uint8_t op, int64_t row)
{
    uint8_t head[2] = {(uint8_t)kind, op};
    blake2b_add(rows, head, sizeof(head));
    add_u64(rows, (uint64_t)row);
}

void ledger_add_end(struct blake2b *rows, int kind, int64_t row)
{
    add_version(rows, kind, 0, row);
}

void ledger_add_begin(struct blake2b *rows, int kind, const struct row *row)
{
    add_version(rows, kind, 1, row->row);
    for (int c = 0; c < row_descs[kind].columns; c++)
        add_u64(rows, (uint64_t)row->v[c]);
}

/* --- entries --- */

static const char *const created_queries[] = {
    "PRAGMA main.user_version",
    "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY type, name",
    "SELECT * FROM main.meta ORDER BY key",
    "SELECT * FROM main.word ORDER BY kind, value",
};

static enum error add_created(struct capdb *db, struct blake2b *b)
{
    enum error e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < sizeof(created_queries) / sizeof(*created_queries); i++)
        e = add_query(db, b, created_queries[i], 0, 0);
    return e;
}

static enum error add_snapshot(struct capdb *db, struct blake2b *b, int64_t n, struct blake2b *rows)
{
    uint8_t hash[BLAKE2B_BYTES];
    blake2b_end(rows, hash);
    blake2b_add(b, hash, sizeof(hash));
    return add_query(db, b, "SELECT * FROM main.snapshot WHERE n BETWEEN ?1 AND ?2", n, n);
}

static enum error add_grown(struct capdb *db, struct blake2b *b, const struct ledger_entry *before,
                            const struct ledger_entry *entry)
{
#define X(NAME, table, key)                                                                        \
    "SELECT * FROM main." #table " WHERE " #key " > ?1 AND " #key " <= ?2 ORDER BY " #key,
    static const char *const queries[LEDGER_TABLES] = {LEDGER_TABLE_LIST(X)};
#undef X
    enum error e = ERR_OK;
    for (int i = 0; e == ERR_OK && i < LEDGER_TABLES; i++)
        if (entry->mark[i] != before->mark[i])
            e = add_query(db, b, queries[i], before->mark[i], entry->mark[i]);
    return e;
}

enum error ledger_hash(struct capdb *db, const struct ledger_entry *before,
                       struct ledger_entry *entry, struct blake2b *rows)
{
    struct blake2b b;
    enum error e = ERR_OK;
    blake2b_begin(&b);
    blake2b_add(&b, before->hash, sizeof(before->hash));
    add_bytes(&b, kinds[entry->kind], strlen(kinds[entry->kind]));
    add_u64(&b, (uint64_t)entry->n);
    for (int i = 0; i < LEDGER_TABLES; i++)
        add_u64(&b, (uint64_t)entry->mark[i]);
    if (entry->kind == LEDGER_KIND_CREATED)
        e = add_created(db, &b);
    if (e == ERR_OK && rows)
        e = add_snapshot(db, &b, entry->n, rows);
    if (e == ERR_OK)
        e = add_grown(db, &b, before, entry);
    blake2b_end(&b, entry->hash);
    return e;
}

static enum error put_entry(struct capdb *db, const struct ledger_entry *entry)
{
    sqlite3_stmt *st;
    int at = 1;
    enum error e = capdb_prepare(db, ledger_insert, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, at++, entry->entry);
    sqlite3_bind_text(st, at++, kinds[entry->kind], -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, at++, entry->n);
    for (int i = 0; i < LEDGER_TABLES; i++)
        sqlite3_bind_int64(st, at++, entry->mark[i]);
    sqlite3_bind_blob(st, at++, entry->hash, sizeof(entry->hash), SQLITE_STATIC);
    capdb_step(db, st, "writing the ledger", &e);
    sqlite3_finalize(st);
    return e;
}

static int64_t newest(struct capdb *db, int table)
{
#define X(NAME, table, key) "SELECT max(" #key ") FROM main." #table,
    static const char *const queries[LEDGER_TABLES] = {LEDGER_TABLE_LIST(X)};
#undef X
    return capdb_int(db, queries[table], 0);
}

enum error ledger_put(struct capdb *db, const struct ledger_entry *before, enum ledger_kind kind,
                      uint32_t n, struct blake2b *rows, struct ledger_entry *out)
{
    *out = (struct ledger_entry){.entry = before->entry + 1, .kind = kind, .n = n};
    for (int i = 0; i < LEDGER_TABLES; i++)
        out->mark[i] = newest(db, i);
    enum error e = ledger_hash(db, before, out, rows);
    return e == ERR_OK ? put_entry(db, out) : e;
}

/* --- reading --- */

enum error ledger_fetch(struct capdb *db, sqlite3_stmt *st, struct ledger_entry *out)
{
    const char *kind = capdb_column_text(st, 1);
    int at = 3;
    *out = (struct ledger_entry){.entry = sqlite3_column_int64(st, 0),
                                 .kind = LEDGER_KINDS,
                                 .n = sqlite3_column_int64(st, 2)};
    for (int i = 0; i < LEDGER_KINDS; i++)
        if (strcmp(kinds[i], kind) == 0)
            out->kind = (enum ledger_kind)i;
    for (int i = 0; i < LEDGER_TABLES; i++)
        out->mark[i] = sqlite3_column_int64(st, at++);
    if (out->kind == LEDGER_KINDS || sqlite3_column_bytes(st, at) != sizeof(out->hash))
        return capdb_fail(db, ERR_CORRUPT, "ledger entry %lld makes no sense",
                          (long long)out->entry);
    memcpy(out->hash, sqlite3_column_blob(st, at), sizeof(out->hash));
    return ERR_OK;
}

enum error ledger_last(struct capdb *db, struct ledger_entry *out)
{
    sqlite3_stmt *st;
    *out = (struct ledger_entry){0};
    enum error e = capdb_prepare(db, ledger_select_last, &st);
    if (e == ERR_OK && capdb_step(db, st, "reading the ledger", &e))
        e = ledger_fetch(db, st, out);
    sqlite3_finalize(st);
    return e;
}
