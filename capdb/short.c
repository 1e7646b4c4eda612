/* Places and words of capabilities, looked up once each and kept: most are those of many versions, and what a
 * number stands for never changes. */
#include "capdb/short.h"
#include "lib/array.h"

#include <stdlib.h>

enum { PLACES, WORDS, TABLES, COLUMNS_MAX = 7, NUMBER_BYTES = 8 };

const char *const short_columns[SHORT_COLUMNS] = {"id",   "parent",   "pos",    "object",
                                                  "data", "place_id", "word_id"};
static const int short_to[SHORT_PLACE] = {CAP_COL_id, CAP_COL_parent, CAP_COL_pos, CAP_COL_object,
                                          CAP_COL_data};

static const struct {
    const char *highest, *ask;
    int named_by; /* the column of cap_short */
    int columns;
    int to[COLUMNS_MAX];
} tables[TABLES] = {
    [PLACES] = {"SELECT max(id) FROM main.cap_place",
                "SELECT id, slot, holder, \"index\", level, place FROM capdb_keys k"
                " CROSS JOIN main.cap_place p ON p.id = k.key",
                SHORT_PLACE,
                5,
                {CAP_COL_slot, CAP_COL_holder, CAP_COL_index, CAP_COL_level, CAP_COL_place}},
    [WORDS] = {"SELECT max(id) FROM main.cap_word",
               "SELECT id, domain, type, rights, flags, extra, addr, bits FROM capdb_keys k"
               " CROSS JOIN main.cap_word w ON w.id = k.key",
               SHORT_WORD,
               7,
               {CAP_COL_domain, CAP_COL_type, CAP_COL_rights, CAP_COL_flags, CAP_COL_extra,
                CAP_COL_addr, CAP_COL_bits}},
};

/* By number: where its columns stand in `value`, 0: it was not looked up. */
struct short_names {
    struct named {
        uint32_t *at;
        int64_t count; /* of numbers */
        int64_t *value;
        size_t used, room;
    } table[TABLES];
};

static enum error no_memory(struct capdb *db)
{
    return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
}

static enum error refers_to_nothing(struct capdb *db, int64_t row)
{
    return capdb_fail(db, ERR_CORRUPT, "is damaged: row %lld of cap_version refers to nothing",
                      (long long)row);
}

/* Numbers follow each other, so there are no more than the file has room for. */
static enum error named_begin(struct capdb *db, int table)
{
    struct named *n = &db->names->table[table];
    const int64_t bytes =
        capdb_int(db, "PRAGMA main.page_count", 0) * capdb_int(db, "PRAGMA main.page_size", 0);
    const int64_t highest = capdb_int(db, tables[table].highest, 0);
    if (highest < 0 || highest >= bytes / NUMBER_BYTES)
        return capdb_fail(db, ERR_CORRUPT, "is damaged: places or words have odd numbers");
    n->count = highest + 1;
    n->at = calloc((size_t)n->count, sizeof(*n->at));
    return n->at ? ERR_OK : no_memory(db);
}

static enum error names_begin(struct capdb *db)
{
    if (db->names)
        return ERR_OK;
    db->names = calloc(1, sizeof(*db->names));
    enum error e = db->names ? named_begin(db, PLACES) : no_memory(db);
    if (e == ERR_OK)
        e = named_begin(db, WORDS);
    if (e != ERR_OK)
        short_forget(db);
    return e;
}

void short_forget(struct capdb *db)
{
    for (int t = 0; db->names && t < TABLES; t++) {
        free(db->names->table[t].at);
        free(db->names->table[t].value);
    }
    free(db->names);
    db->names = NULL;
}

/* --- looking up ------------------------------------------------------------------------------ */

static enum error keep(struct capdb *db, int table, sqlite3_stmt *st)
{
    struct named *n = &db->names->table[table];
    const int columns = tables[table].columns;
    const int64_t id = sqlite3_column_int64(st, 0);
    int64_t *grown = array_room(n->value, n->used + (size_t)columns - 1, &n->room, sizeof(*grown));
    if (!grown)
        return no_memory(db);
    n->value = grown;
    for (int c = 0; c < columns; c++) {
        const int type = sqlite3_column_type(st, c + 1);
        if (type != SQLITE_INTEGER &&
            !(type == SQLITE_NULL && row_may_be_null(ROW_CAP, tables[table].to[c])))
            return capdb_fail(db, ERR_CORRUPT, "is damaged: a cell of cap_row is no number");
        n->value[n->used + (size_t)c] =
            type == SQLITE_NULL ? ROW_NULL : sqlite3_column_int64(st, c + 1);
    }
    n->used += (size_t)columns;
    n->at[id] = (uint32_t)(n->used / (size_t)columns);
    return ERR_OK;
}

static enum error ask(struct capdb *db, int table, const struct key_list *keys)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, tables[table].ask, &st);
    if (e != ERR_OK)
        return e;
    db->keys = keys;
    while (e == ERR_OK && capdb_step(db, st, "reading capabilities", &e))
        e = keep(db, table, st);
    db->keys = NULL;
    sqlite3_finalize(st);
    return e;
}

/* What rows name and is not known yet, in the order in which it lies. */
static enum error look_up(struct capdb *db, int table, const struct rowset *rows, uint32_t first)
{
    struct key_list keys;
    const struct named *n = &db->names->table[table];
    enum error e = ERR_OK;
    if (!key_list_begin(&keys, rows->count - first))
        return no_memory(db);
    for (uint32_t i = first; e == ERR_OK && i < rows->count; i++) {
        const int64_t id = rows->rows[i].v[tables[table].named_by];
        if (id < 1 || id >= n->count)
            e = refers_to_nothing(db, rows->rows[i].row);
        else if (!n->at[id])
            keys.keys[keys.count++] = id;
    }
    if (e == ERR_OK && keys.count)
        e = key_list_sort(&keys) ? ask(db, table, &keys) : no_memory(db);
    key_list_free(&keys);
    return e;
}

static bool fill(const struct capdb *db, struct row *row)
{
    struct row full = {.row = row->row};
    for (int c = 0; c < SHORT_PLACE; c++)
        full.v[short_to[c]] = row->v[c];
    for (int t = 0; t < TABLES; t++) {
        const struct named *n = &db->names->table[t];
        const uint32_t at = n->at[row->v[tables[t].named_by]];
        const int64_t *value = n->value + (size_t)(at - 1) * (size_t)tables[t].columns;
        if (at == 0)
            return false;
        for (int c = 0; c < tables[t].columns; c++)
            full.v[tables[t].to[c]] = value[c];
    }
    *row = full;
    return true;
}

enum error short_fill(struct capdb *db, struct rowset *rows, uint32_t first)
{
    enum error e = names_begin(db);
    for (int t = 0; e == ERR_OK && t < TABLES; t++)
        e = look_up(db, t, rows, first);
    for (uint32_t i = first; e == ERR_OK && i < rows->count; i++)
        if (!fill(db, &rows->rows[i]))
            e = refers_to_nothing(db, rows->rows[i].row);
    return e;
}
