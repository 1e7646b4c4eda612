/* Versions of capabilities and objects, written as format 5 has them: places and words are looked up,
 * and put where they are new. */
#include "capdb/version.h"

static const char doing[] = "writing capabilities";

enum { VERSION_PARENT = 3, VERSION_POS = 4 };

static enum error prepare(struct version_writer *w, const char *sql, sqlite3_stmt **out)
{
    return capdb_prepare(w->db, sql, out);
}

enum error version_begin(struct version_writer *w, struct capdb *db, enum row_kind kind)
{
    *w = (struct version_writer){.db = db, .kind = kind};
    if (kind == ROW_OBJECT)
        return prepare(w, "INSERT INTO main.object_version VALUES (?, ?, ?, ?, ?, ?)", &w->put);
    enum error e =
        prepare(w, "INSERT INTO main.cap_version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", &w->put);
    if (e == ERR_OK)
        e = prepare(w, "SELECT parent, pos FROM main.cap_version WHERE row = ?", &w->get_first);
    if (e == ERR_OK)
        e = prepare(w,
                    "SELECT id FROM main.cap_place WHERE slot = ? AND holder = ? AND \"index\" = ?"
                    " AND level = ? AND place = ?",
                    &w->get_place);
    if (e == ERR_OK)
        e = prepare(w, "INSERT INTO main.cap_place VALUES (NULL, ?, ?, ?, ?, ?)", &w->put_place);
    if (e == ERR_OK)
        e = prepare(w,
                    "SELECT id FROM main.cap_word WHERE domain = ? AND type = ? AND rights = ? AND"
                    " flags = ? AND extra = ? AND addr IS ? AND bits IS ?",
                    &w->get_word);
    return e == ERR_OK ? prepare(w, "INSERT INTO main.cap_word VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                                 &w->put_word)
                       : e;
}

void version_end(struct version_writer *w)
{
    sqlite3_finalize(w->put);
    sqlite3_finalize(w->get_first);
    sqlite3_finalize(w->get_place);
    sqlite3_finalize(w->put_place);
    sqlite3_finalize(w->get_word);
    sqlite3_finalize(w->put_word);
}

/* ROW_NULL is NULL in some columns, and a number in others. */
static void bind(sqlite3_stmt *st, int at, int64_t v, bool may_be_null)
{
    if (v == ROW_NULL && may_be_null)
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_int64(st, at, v);
}

static enum error run(struct version_writer *w, sqlite3_stmt *st)
{
    enum error e = ERR_OK;
    capdb_step(w->db, st, doing, &e);
    sqlite3_reset(st);
    return e;
}

/* The number of a row with these values, which is put where there is none; from `numbers` on they may be
 * NULL. */
static enum error number_of(struct version_writer *w, sqlite3_stmt *get, sqlite3_stmt *put,
                            const int64_t *v, int count, int numbers, int64_t *id)
{
    enum error e = ERR_OK;
    for (int i = 0; i < count; i++)
        bind(get, i + 1, v[i], i >= numbers);
    bool there = capdb_step(w->db, get, doing, &e);
    if (there)
        *id = sqlite3_column_int64(get, 0);
    sqlite3_reset(get);
    if (e != ERR_OK || there)
        return e;
    for (int i = 0; i < count; i++)
        bind(put, i + 1, v[i], i >= numbers);
    e = run(w, put);
    *id = sqlite3_last_insert_rowid(w->db->sql);
    return e;
}

static enum error find_place(struct version_writer *w, const int64_t *v, int64_t *id)
{
    const int64_t place[] = {v[CAP_COL_slot], v[CAP_COL_holder], v[CAP_COL_index], v[CAP_COL_level],
                             v[CAP_COL_place]};
    const int count = sizeof(place) / sizeof(*place);
    return number_of(w, w->get_place, w->put_place, place, count, count, id);
}

static enum error find_word(struct version_writer *w, const int64_t *v, int64_t *id)
{
    const int64_t word[VERSION_WORD_COLUMNS] = {
        v[CAP_COL_domain], v[CAP_COL_type], v[CAP_COL_rights], v[CAP_COL_flags],
        v[CAP_COL_extra],  v[CAP_COL_addr], v[CAP_COL_bits]};
    uint64_t hash = 0;
    for (int i = 0; i < VERSION_WORD_COLUMNS; i++)
        hash = (hash ^ (uint64_t)word[i]) * 0x9e3779b97f4a7c15u;
    struct version_word *known = &w->words[hash >> 56];
    bool same = known->id != 0;
    for (int i = 0; same && i < VERSION_WORD_COLUMNS; i++)
        same = known->v[i] == word[i];
    enum error e = same ? ERR_OK
                        : number_of(w, w->get_word, w->put_word, word, VERSION_WORD_COLUMNS,
                                    VERSION_WORD_NUMBERS, &known->id);
    for (int i = 0; i < VERSION_WORD_COLUMNS; i++)
        known->v[i] = word[i];
    if (e != ERR_OK)
        known->id = 0;
    *id = known->id;
    return e;
}
_Static_assert(VERSION_WORDS == 256, "as many as the highest byte of a hash tells");

static enum error damaged(struct version_writer *w, const struct row *row)
{
    return capdb_fail(w->db, ERR_CORRUPT, "is damaged: row %lld of %s is of number %lld",
                      (long long)row->row, row_descs[w->kind].table, (long long)row->v[0]);
}

/* Of a later version, what is as in the first goes. */
static enum error leave_same(struct version_writer *w, const struct row *row, int64_t *parent,
                             int64_t *pos)
{
    enum error e = ERR_OK;
    sqlite3_bind_int64(w->get_first, 1, row->v[CAP_COL_id]);
    bool there = capdb_step(w->db, w->get_first, doing, &e);
    if (there && sqlite3_column_int64(w->get_first, 0) == *parent)
        *parent = ROW_NULL;
    if (there && sqlite3_column_int64(w->get_first, 1) == *pos)
        *pos = ROW_NULL;
    sqlite3_reset(w->get_first);
    return e == ERR_OK && !there ? damaged(w, row) : e;
}

static enum error put_cap(struct version_writer *w, const struct row *row, int64_t t0, int64_t t1)
{
    const int64_t *v = row->v;
    const bool first = v[CAP_COL_id] == row->row;
    int64_t parent = v[CAP_COL_parent];
    int64_t pos = v[CAP_COL_pos];
    int64_t place = 0;
    int64_t word = 0;
    enum error e = first ? ERR_OK : leave_same(w, row, &parent, &pos);
    if (e == ERR_OK)
        e = find_place(w, v, &place);
    if (e == ERR_OK)
        e = find_word(w, v, &word);
    if (e != ERR_OK)
        return e;
    const int64_t life = first ? v[CAP_COL_object] : -v[CAP_COL_id];
    const int64_t values[] = {row->row, t0, t1, parent, pos, place, word, life, v[CAP_COL_data]};
    for (int i = 0; i < (int)(sizeof(values) / sizeof(*values)); i++)
        bind(w->put, i + 1, values[i], !first && (i == VERSION_PARENT || i == VERSION_POS));
    return run(w, w->put);
}

static enum error put_object(struct version_writer *w, const struct row *row, int64_t t0,
                             int64_t t1)
{
    const int64_t type = (int64_t)((uint64_t)row->v[1] | (uint64_t)row->v[4] << 32);
    const int64_t values[] = {row->row, t0, t1, type, row->v[2], row->v[3]};
    for (int i = 0; i < (int)(sizeof(values) / sizeof(*values)); i++)
        sqlite3_bind_int64(w->put, i + 1, values[i]);
    return run(w, w->put);
}

enum error version_put(struct version_writer *w, const struct row *row, int64_t t0, int64_t t1)
{
    const bool cap = w->kind == ROW_CAP;
    if (cap ? row->v[CAP_COL_id] > row->row || row->v[CAP_COL_id] < 1 || row->v[CAP_COL_object] < 0
            : row->v[0] != row->row)
        return damaged(w, row);
    return cap ? put_cap(w, row, t0, t1) : put_object(w, row, t0, t1);
}
