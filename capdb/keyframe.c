/* Keyframes: which rows of a table hold in a snapshot, written down now and then, so that reading one
 * snapshot of a long recording need not look at the rows of all others.
 *
 * A kind gets one when as many rows began since its last as hold now.  So what may hold in a snapshot
 * is in the keyframe before it, or began behind that and up to the next: never more than a few
 * times what does hold, however long the recording is; and all of them together take about one byte a
 * row.  They follow from the tables, and recordings that have none are read without. */
#include "capdb/keyframe.h"

#include "capdb/elements.h"
#include "capdb/recorder.h"
#include "capdb/tail.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char doing[] = "writing keyframes";

/* Fewer rows than KEYFRAME_ROWS are read in a moment; so many that follow each other in the time in which
 * one is looked up. */
enum { KEYFRAME_ROWS = 1000, SCAN_PACE = 3 };

/* --- writing --------------------------------------------------------------------------------- */

static int compare_numbers(const void *pa, const void *pb)
{
    const int64_t *a = pa;
    const int64_t *b = pb;
    return (*a > *b) - (*a < *b);
}

/* sorted: ascending. */
static enum error put(struct capdb *db, int list, uint32_t n, int64_t last, const int64_t *sorted,
                      uint32_t count)
{
    struct pack packed = {0};
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, "INSERT INTO main.keyframe VALUES (?, ?, ?, ?)", &st);
    if (e != ERR_OK)
        return e;
    tail_pack_rows(&packed, sorted, count);
    if (packed.failed)
        e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    sqlite3_bind_int(st, 1, list);
    sqlite3_bind_int64(st, 2, n);
    sqlite3_bind_int64(st, 3, last);
    tail_bind(st, 4, &packed);
    if (e == ERR_OK)
        capdb_step(db, st, doing, &e);
    sqlite3_finalize(st);
    pack_free(&packed);
    return e;
}

/* Lists: of each kind, and sparse ones. */
static enum row_kind kind_of(int list)
{
    return list == KEYFRAME_SPARSE_CAPS      ? ROW_CAP
           : list == KEYFRAME_SPARSE_OBJECTS ? ROW_OBJECT
                                             : (enum row_kind)list;
}

static bool is_sparse(int list)
{
    return list >= ROW_KINDS;
}

/* Is it in the sparse list?  As herd_begin() asks of rows. */
static bool stands_out(const struct mirror *m, enum row_kind kind, uint32_t i)
{
    if (kind == ROW_OBJECT) {
        const struct capstate_object *o = &m->state.objects[i];
        return o->type != RECORD_CAP_FRAME || o->bits < FRAME_BITS_MIN || o->bits > FRAME_BITS_MAX;
    }
    const struct capstate_slot *slot = &m->state.slots[i];
    const struct capstate_object *o = slot->object < 0 ? NULL : &m->state.objects[slot->object];
    return slot->rec.type != RECORD_CAP_FRAME || !o || o->addr != slot->rec.object ||
           o->bits != slot->rec.bits;
}

static uint32_t elements_kept(const struct mirror *m, enum row_kind kind)
{
    if (kind == ROW_CAP)
        return m->state.slot_count;
    if (kind == ROW_OBJECT)
        return m->state.object_count;
    struct elements e = elements_of(&m->state, kind);
    return e.count > e.first ? e.count - e.first : 0;
}

static uint32_t rows_kept(const struct mirror *m, int list)
{
    const uint32_t all = elements_kept(m, kind_of(list));
    uint32_t count = 0;
    for (uint32_t i = 0; is_sparse(list) && i < all; i++)
        count += stands_out(m, kind_of(list), i);
    return is_sparse(list) ? count : all;
}

static int64_t row_kept(const struct mirror *m, enum row_kind kind, uint32_t i)
{
    if (kind == ROW_CAP)
        return m->caps[i].row;
    if (kind == ROW_OBJECT)
        return m->objects[i].row;
    return m->rows[kind][elements_of(&m->state, kind).first + i];
}

static enum error put_kept(struct capdb *db, int list, uint32_t count)
{
    const struct recorder *r = db->recorder;
    const enum row_kind kind = kind_of(list);
    const uint32_t all = elements_kept(&r->mirror, kind);
    uint32_t found = 0;
    int64_t *rows = malloc((count + (size_t)1) * sizeof(*rows));
    if (!rows)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i < all; i++)
        if (!is_sparse(list) || stands_out(&r->mirror, kind, i))
            rows[found++] = row_kept(&r->mirror, kind, i);
    if (found)
        qsort(rows, found, sizeof(*rows), compare_numbers);
    enum error e = put(db, list, db->count, r->next.row[kind] - 1, rows, found);
    free(rows);
    return e;
}

static bool is_due(int64_t since, uint32_t count)
{
    return since >= KEYFRAME_ROWS && since >= (int64_t)count;
}

/* How many rows it would have; UINT32_MAX: it is not due. */
static uint32_t rows_due(const struct recorder *r, int list)
{
    const int64_t since = r->next.row[kind_of(list)] - 1 - r->keyframe[list];
    if (!is_due(since, 0))
        return UINT32_MAX;
    const uint32_t count = rows_kept(&r->mirror, list);
    return is_due(since, count) ? count : UINT32_MAX;
}

static enum error put_due(struct capdb *db)
{
    struct recorder *r = db->recorder;
    enum error e = ERR_OK;
    for (int list = 0; e == ERR_OK && list < KEYFRAME_LISTS; list++) {
        const uint32_t count = rows_due(r, list);
        if (count == UINT32_MAX)
            continue;
        e = put_kept(db, list, count);
        if (e == ERR_OK)
            r->keyframe[list] = r->next.row[kind_of(list)] - 1;
    }
    return e;
}

static bool one_is_due(const struct recorder *r)
{
    bool due = false;
    for (int list = 0; list < KEYFRAME_LISTS && !due; list++)
        due = rows_due(r, list) != UINT32_MAX;
    return due;
}

enum error keyframes_put(struct capdb *db)
{
    int64_t before[KEYFRAME_LISTS];
    if (!db->keyframes || !one_is_due(db->recorder))
        return ERR_OK;
    memcpy(before, db->recorder->keyframe, sizeof(before));
    enum error e = capdb_exec(db, "BEGIN IMMEDIATE", doing);
    if (e != ERR_OK)
        return e;
    e = put_due(db);
    if (e == ERR_OK)
        e = capdb_exec(db, "COMMIT", doing);
    if (e != ERR_OK) {
        recorder_roll_back(db);
        memcpy(db->recorder->keyframe, before, sizeof(before));
    }
    return e;
}

enum error keyframes_resume(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e =
        capdb_prepare(db, "SELECT kind, max(last) FROM main.keyframe GROUP BY kind", &st);
    while (e == ERR_OK && capdb_step(db, st, "reading keyframes", &e)) {
        int64_t list = sqlite3_column_int64(st, 0);
        if (list >= 0 && list < KEYFRAME_LISTS)
            db->recorder->keyframe[list] = sqlite3_column_int64(st, 1);
    }
    sqlite3_finalize(st);
    return e;
}

/* --- reading --------------------------------------------------------------------------------- */

static enum error makes_no_sense(struct capdb *db)
{
    return capdb_fail(db, ERR_CORRUPT, "is damaged: its keyframes make no sense");
}

static bool add_number(struct held *out, int64_t row)
{
    int64_t *grown = array_room(out->rows.keys, out->rows.count, &out->room, sizeof(*grown));
    if (!grown)
        return false;
    out->rows.keys = grown;
    out->rows.keys[out->rows.count++] = row;
    return true;
}

/* Those of the keyframe. */
static enum error add_packed(struct capdb *db, struct unpack u, int64_t last, struct held *out)
{
    int64_t row = 0;
    while (u.at < u.end) {
        uint64_t more = unpack_number(&u);
        if (u.failed || more == 0 || more > (uint64_t)(last - row))
            return makes_no_sense(db);
        row += (int64_t)more;
        if (!add_number(out, row))
            return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    }
    return ERR_OK;
}

static enum error add_between(struct capdb *db, int64_t from, int64_t to, struct held *out)
{
    for (int64_t row = from; row < to; row++)
        if (!add_number(out, row + 1))
            return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    return ERR_OK;
}

/* The first column of what a statement about a kind and a snapshot gives; `missing` for nothing. */
static int64_t about(struct capdb *db, const char *sql, int kind, uint32_t n, int64_t missing,
                     enum error *e)
{
    sqlite3_stmt *st;
    int64_t value = missing;
    if (*e == ERR_OK)
        *e = capdb_prepare(db, sql, &st);
    if (*e != ERR_OK)
        return missing;
    if (sqlite3_bind_parameter_count(st) > 1)
        sqlite3_bind_int(st, 2, kind);
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(db, st, "reading keyframes", e) && sqlite3_column_type(st, 0) == SQLITE_INTEGER)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return value;
}

/* The highest row that may hold in snapshot n, of the table or the tail; INT64_MAX: not known. */
static int64_t last_row(struct capdb *db, enum row_kind kind, uint32_t n, enum error *e)
{
    return about(db,
                 kind == ROW_CAP ? "SELECT last_cap_row FROM main.snapshot WHERE n = ?1"
                                 : "SELECT last FROM main.keyframe WHERE kind = ?2 AND n BETWEEN ?1"
                                   " AND (SELECT max(n) FROM main.snapshot) ORDER BY n LIMIT 1",
                 (int)kind, n, INT64_MAX, e);
}

static int64_t highest_row(struct capdb *db, enum row_kind kind)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "SELECT max(row) FROM main.%s", capdb_base(db, kind));
    return capdb_int(db, sql, 0);
}

/* No row is shorter than this; how many there can be, whatever they are numbered. */
static int64_t rows_at_most(struct capdb *db)
{
    enum { ROW_BYTES = 8 };
    return capdb_int(db, "PRAGMA main.page_count", 0) * capdb_int(db, "PRAGMA main.page_size", 0) /
           ROW_BYTES;
}

/* From the keyframe at the statement on. Rows that follow each other are read quicker than rows that
 * are looked up: a list that saves nothing is none. */
static enum error list_from(struct capdb *db, sqlite3_stmt *st, int64_t highest, struct held *out)
{
    const struct unpack u = tail_unpack(st, 1);
    const int64_t from = sqlite3_column_int64(st, 0);
    if (sqlite3_column_type(st, 0) != SQLITE_INTEGER || from < 0)
        return makes_no_sense(db);
    enum error e = add_packed(db, u, from, out);
    const int64_t since = highest > from ? highest - from : 0;
    out->listed =
        highest / SCAN_PACE >= (int64_t)out->rows.count + since && since < rows_at_most(db);
    return e == ERR_OK && out->listed ? add_between(db, from, highest, out) : e;
}

static enum error list_held(struct capdb *db, enum row_kind kind, int list, uint32_t n,
                            struct held *out)
{
    static const char sql[] = "SELECT last, rows FROM main.keyframe WHERE kind = ? AND n <= ?"
                              " ORDER BY n DESC LIMIT 1";
    sqlite3_stmt *st;
    enum error e = ERR_OK;
    out->last = last_row(db, kind, n, &e);
    if (e == ERR_OK)
        e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    const int64_t highest = highest_row(db, kind);
    sqlite3_bind_int(st, 1, list);
    sqlite3_bind_int64(st, 2, n);
    if (capdb_step(db, st, "reading keyframes", &e))
        e = list_from(db, st, out->last < highest ? out->last : highest, out);
    sqlite3_finalize(st);
    return e;
}

enum error held_rows(struct capdb *db, enum row_kind kind, bool sparse, uint32_t n,
                     struct held *out)
{
    const int list = !sparse           ? (int)kind
                     : kind == ROW_CAP ? KEYFRAME_SPARSE_CAPS
                                       : KEYFRAME_SPARSE_OBJECTS;
    *out = (struct held){.last = INT64_MAX};
    enum error e = db->keyframes ? list_held(db, kind, list, n, out) : ERR_OK;
    if (e != ERR_OK)
        held_free(out);
    return e;
}

void held_free(struct held *h)
{
    key_list_free(&h->rows);
    *h = (struct held){0};
}

/* --- from the tables ------------------------------------------------------------------------- */

/* Goes through a table once, and keeps what holds. */
struct herd {
    struct capdb *db;
    sqlite3_stmt *st; /* at a row that is not in yet; NULL: all are */
    int64_t *rows, *ends;
    uint32_t count;
    size_t rows_room, ends_room;
    int64_t last; /* the highest row that was taken in */
    enum error e;
};

static void herd_next(struct herd *h)
{
    if (capdb_step(h->db, h->st, "reading rows", &h->e))
        return;
    sqlite3_finalize(h->st);
    h->st = NULL;
}

/* The last column: is it in the list? */
static void herd_begin(struct herd *h, struct capdb *db, int list)
{
    char sql[200];
    char in[96] = "1";
    *h = (struct herd){.db = db};
    if (list == KEYFRAME_SPARSE_CAPS)
        snprintf(in, sizeof(in), "type <> %d OR addr IS NOT NULL OR bits IS NOT NULL",
                 RECORD_CAP_FRAME);
    else if (list == KEYFRAME_SPARSE_OBJECTS)
        snprintf(in, sizeof(in), "type <> %d OR bits NOT BETWEEN %d AND %d", RECORD_CAP_FRAME,
                 FRAME_BITS_MIN, FRAME_BITS_MAX);
    snprintf(sql, sizeof(sql), "SELECT row, t0, t1, %s FROM %s ORDER BY row", in,
             capdb_flat(db, kind_of(list)));
    h->e = capdb_prepare(db, sql, &h->st);
    if (h->e == ERR_OK)
        herd_next(h);
}

static void herd_end(struct herd *h)
{
    sqlite3_finalize(h->st);
    free(h->rows);
    free(h->ends);
}

static void herd_take(struct herd *h)
{
    int64_t *rows = array_room(h->rows, h->count, &h->rows_room, sizeof(*rows));
    h->rows = rows ? rows : h->rows;
    int64_t *ends = rows ? array_room(h->ends, h->count, &h->ends_room, sizeof(*ends)) : NULL;
    h->ends = ends ? ends : h->ends;
    if (!ends) {
        h->e = capdb_fail(h->db, ERR_NO_MEMORY, "out of memory");
        return;
    }
    h->last = sqlite3_column_int64(h->st, 0);
    h->rows[h->count] = h->last;
    h->ends[h->count] = sqlite3_column_int64(h->st, 2);
    h->count += sqlite3_column_int(h->st, 3) != 0;
    herd_next(h);
}

/* Takes in what began up to snapshot n, and leaves what had ended by then. */
static void herd_to(struct herd *h, int64_t n)
{
    uint32_t count = 0;
    while (h->e == ERR_OK && h->st && sqlite3_column_int64(h->st, 1) <= n)
        herd_take(h);
    for (uint32_t i = 0; i < h->count; i++) {
        if (h->ends[i] <= n)
            continue;
        h->rows[count] = h->rows[i];
        h->ends[count++] = h->ends[i];
    }
    h->count = count;
}

static enum error make_list(struct capdb *db, int list, int64_t *put_last)
{
    struct herd h;
    uint32_t held = 0;
    *put_last = 0;
    herd_begin(&h, db, list);
    while (h.e == ERR_OK && h.st) {
        int64_t n = sqlite3_column_int64(h.st, 1);
        while (h.e == ERR_OK && h.st && sqlite3_column_int64(h.st, 1) == n)
            herd_take(&h);
        if (!is_due(h.last - *put_last, held))
            continue;
        herd_to(&h, n);
        held = h.count;
        if (h.e == ERR_OK && is_due(h.last - *put_last, held)) {
            h.e = put(db, list, (uint32_t)n, h.last, h.rows, h.count);
            *put_last = h.last;
        }
    }
    herd_end(&h);
    return h.e;
}

enum error keyframes_make(struct capdb *db)
{
    enum error e = ERR_OK;
    for (int list = 0; e == ERR_OK && list < KEYFRAME_LISTS; list++)
        e = make_list(db, list, &db->recorder->keyframe[list]);
    return e;
}

/* --- do they say what the tables say? --------------------------------------------------------- */

static bool says(const struct herd *h, sqlite3_stmt *st, struct pack *packed)
{
    packed->used = 0;
    tail_pack_rows(packed, h->rows, h->count);
    return sqlite3_column_int64(st, 1) == h->last &&
           (size_t)sqlite3_column_bytes(st, 2) == packed->used &&
           (packed->used == 0 ||
            memcmp(sqlite3_column_blob(st, 2), packed->bytes, packed->used) == 0);
}

static enum error verify_list(struct capdb *db, int list, capdb_report report, void *ctx)
{
    char sentence[96];
    struct herd h;
    struct pack packed = {0};
    sqlite3_stmt *st;
    bool same = true;
    enum error e =
        capdb_prepare(db, "SELECT n, last, rows FROM main.keyframe WHERE kind = ? ORDER BY n", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int(st, 1, list);
    herd_begin(&h, db, list);
    while (same && h.e == ERR_OK && capdb_step(db, st, "reading keyframes", &e)) {
        herd_to(&h, sqlite3_column_int64(st, 0));
        same = says(&h, st, &packed);
        if (!same) {
            snprintf(sentence, sizeof(sentence),
                     "the keyframe of %s at snapshot %lld differs from it",
                     row_descs[kind_of(list)].table, (long long)sqlite3_column_int64(st, 0));
            report(ctx, sentence);
        }
    }
    sqlite3_finalize(st);
    e = e == ERR_OK ? h.e : e;
    herd_end(&h);
    if (e == ERR_OK && packed.failed)
        e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    pack_free(&packed);
    return e;
}

/* Those of which nothing else would be said. */
static enum error verify_others(struct capdb *db, capdb_report report, void *ctx)
{
    char sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM main.keyframe WHERE kind NOT BETWEEN 0 AND %d OR n < 1 OR"
             " n > (SELECT max(n) FROM main.snapshot)",
             KEYFRAME_LISTS - 1);
    db->message[0] = '\0';
    int64_t count = capdb_int(db, sql, 0);
    if (db->message[0])
        return ERR_FORMAT;
    if (count)
        report(ctx, "the table keyframe has rows of no snapshot or of no table");
    return ERR_OK;
}

enum error keyframes_verify(struct capdb *db, capdb_report report, void *ctx)
{
    enum error e = db->keyframes ? verify_others(db, report, ctx) : ERR_OK;
    for (int list = 0; db->keyframes && e == ERR_OK && list < KEYFRAME_LISTS; list++)
        e = verify_list(db, list, report, ctx);
    return e;
}
