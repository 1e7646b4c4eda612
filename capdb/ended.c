/* Lists of what ended: leaving them, reading them, and holding them against the table.
 *
 * A row has the lists of the snapshots of one merge, each behind its snapshot's number and its own
 * length: a page would be half empty with each in a row of its own. */
#include "capdb/ended.h"

#include "capdb/tail.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>

static const char doing[] = "reading what ended";

enum { LISTS_BYTES = 1 << 16 }; /* of one row, where no merge says how much */

/* --- writing --------------------------------------------------------------------------------- */

/* Lists on their way into rows. */
struct lists {
    struct capdb *db;
    sqlite3_stmt *put;
    struct pack packed;
    int64_t n; /* the last snapshot in there */
    enum error e;
};

static void lists_begin(struct lists *l, struct capdb *db)
{
    *l = (struct lists){.db = db};
    l->e = capdb_prepare(db, "INSERT INTO main.cap_ended VALUES (?, ?)", &l->put);
}

static void lists_add(struct lists *l, int64_t n, const uint8_t *bytes, size_t length)
{
    pack_number(&l->packed, (uint64_t)n);
    pack_number(&l->packed, length);
    pack_bytes(&l->packed, bytes, length);
    l->n = n;
}

static void lists_put(struct lists *l)
{
    if (l->e == ERR_OK && l->packed.failed)
        l->e = capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    if (l->e != ERR_OK || l->packed.used == 0)
        return;
    sqlite3_bind_int64(l->put, 1, l->n);
    tail_bind(l->put, 2, &l->packed);
    capdb_step(l->db, l->put, "writing what ended", &l->e);
    sqlite3_reset(l->put);
    l->packed.used = 0;
}

static enum error lists_end(struct lists *l)
{
    lists_put(l);
    sqlite3_finalize(l->put);
    pack_free(&l->packed);
    return l->e;
}

enum error ended_put(struct capdb *db)
{
    static const char sql[] = "SELECT t, ended FROM main.tail WHERE kind = ? AND length(ended) > 0"
                              " ORDER BY t";
    struct lists l;
    sqlite3_stmt *st = NULL;
    lists_begin(&l, db);
    if (l.e == ERR_OK)
        l.e = capdb_prepare(db, sql, &st);
    if (l.e == ERR_OK)
        sqlite3_bind_int(st, 1, ROW_CAP);
    while (l.e == ERR_OK && capdb_step(db, st, doing, &l.e)) {
        const struct unpack u = tail_unpack(st, 1);
        lists_add(&l, sqlite3_column_int64(st, 0), u.at, (size_t)(u.end - u.at));
    }
    sqlite3_finalize(st);
    return lists_end(&l);
}

/* In one row after the other, each as large as that of a merge may be. */
enum error ended_make(struct capdb *db)
{
    char sql[128];
    struct lists l;
    struct pack list = {0};
    sqlite3_stmt *st = NULL;
    int64_t n = 0;
    int64_t before = 0;
    snprintf(sql, sizeof(sql), "SELECT t1, row FROM cap_flat WHERE t1 <> %d ORDER BY t1, row",
             CAPDB_STILL);
    lists_begin(&l, db);
    if (l.e == ERR_OK)
        l.e = capdb_prepare(db, sql, &st);
    while (l.e == ERR_OK && capdb_step(db, st, doing, &l.e)) {
        if (sqlite3_column_int64(st, 0) != n && list.used) {
            lists_add(&l, n, list.bytes, list.used);
            list.used = 0;
            before = 0;
        }
        if (l.packed.used > LISTS_BYTES)
            lists_put(&l);
        n = sqlite3_column_int64(st, 0);
        pack_number(&list, (uint64_t)sqlite3_column_int64(st, 1) - (uint64_t)before);
        before = sqlite3_column_int64(st, 1);
    }
    l.packed.failed |= list.failed;
    if (list.used)
        lists_add(&l, n, list.bytes, list.used);
    sqlite3_finalize(st);
    pack_free(&list);
    return lists_end(&l);
}

/* --- reading --------------------------------------------------------------------------------- */

/* Goes through lists, number by number. */
struct endings {
    struct capdb *db;
    sqlite3_stmt *st; /* at the row that is gone through; NULL: all were */
    bool single;      /* a row is one list, and its first column the snapshot */
    struct unpack row, list;
    int64_t last;      /* snapshot of that row */
    int64_t n, number; /* of which list, and what is in it */
    bool there;
    enum error e;
};

static enum error makes_no_sense(struct capdb *db)
{
    return capdb_fail(db, ERR_CORRUPT, "is damaged: its lists of what ended make no sense");
}

static void next_row(struct endings *a)
{
    if (!capdb_step(a->db, a->st, doing, &a->e)) {
        sqlite3_finalize(a->st);
        a->st = NULL;
        return;
    }
    a->last = sqlite3_column_int64(a->st, 0);
    a->row = tail_unpack(a->st, 1);
    a->single = sqlite3_column_int(a->st, 2) != 0;
}

/* Lists of one row, and rows, ascend. */
static void next_list(struct endings *a)
{
    const int64_t before = a->n;
    uint64_t length = 0;
    if (a->single) {
        a->n = a->last;
        a->list = a->row;
        a->row.at = a->row.end;
    } else {
        a->n = (int64_t)unpack_number(&a->row);
        length = unpack_number(&a->row);
        if (a->row.failed || length > (uint64_t)(a->row.end - a->row.at)) {
            a->e = makes_no_sense(a->db);
            return;
        }
        a->list = (struct unpack){.at = a->row.at, .end = a->row.at + length};
        a->row.at += length;
    }
    a->number = 0;
    const bool ends = a->row.at == a->row.end; /* the row, with its last snapshot's */
    if (a->n <= before || (ends ? a->n != a->last : a->n >= a->last) || a->list.at == a->list.end)
        a->e = makes_no_sense(a->db);
}

static void next(struct endings *a)
{
    a->there = false;
    while (a->e == ERR_OK && a->list.at == a->list.end && a->row.at == a->row.end) {
        next_row(a);
        if (!a->st)
            return;
    }
    if (a->e == ERR_OK && a->list.at == a->list.end)
        next_list(a);
    if (a->e != ERR_OK)
        return;
    const uint64_t more = unpack_number(&a->list);
    if (a->list.failed || more == 0 || more > (uint64_t)(INT64_MAX - a->number)) {
        a->e = makes_no_sense(a->db);
        return;
    }
    a->number += (int64_t)more;
    a->there = true;
}

/* From the row on that may have lists behind snapshot `early`; lists of the tail come behind. */
static void begin(struct endings *a, struct capdb *db, uint32_t early)
{
    static const char sql[] = "SELECT n, rows, 0 FROM main.cap_ended WHERE n > ?1 UNION ALL"
                              " SELECT t, ended, 1 FROM main.tail WHERE kind = ?2 AND t > ?1 AND"
                              " length(ended) > 0 ORDER BY 1";
    *a = (struct endings){.db = db};
    a->e = capdb_prepare(db, sql, &a->st);
    if (a->e != ERR_OK)
        return;
    sqlite3_bind_int64(a->st, 1, early);
    sqlite3_bind_int(a->st, 2, ROW_CAP);
    next(a);
}

static void skip_list(struct endings *a)
{
    a->list.at = a->list.end;
    next(a);
}

static bool add(struct key_list *list, size_t *room, int64_t row)
{
    int64_t *grown = array_room(list->keys, list->count, room, sizeof(*grown));
    if (!grown)
        return false;
    list->keys = grown;
    list->keys[list->count++] = row;
    return true;
}

enum error ended_between(struct capdb *db, uint32_t early, uint32_t late, int64_t last,
                         struct key_list *out)
{
    struct endings a;
    size_t room = 0;
    *out = (struct key_list){0};
    begin(&a, db, early);
    while (a.e == ERR_OK && a.there && a.n <= late) {
        if (a.n <= early || a.number > last)
            skip_list(&a);
        else if (add(out, &room, a.number))
            next(&a);
        else
            a.e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    }
    sqlite3_finalize(a.st);
    if (a.e == ERR_OK && out->count && !key_list_sort(out))
        a.e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    return a.e;
}

/* --- do they say what the table says? --------------------------------------------------------- */

static enum error verify_lists(struct capdb *db, capdb_report report, void *ctx)
{
    char sql[128];
    struct endings a;
    sqlite3_stmt *st = NULL;
    bool same = true;
    snprintf(sql, sizeof(sql), "SELECT t1, row FROM cap_flat WHERE t1 <> %d ORDER BY t1, row",
             CAPDB_STILL);
    begin(&a, db, 0);
    if (a.e == ERR_OK)
        a.e = capdb_prepare(db, sql, &st);
    while (a.e == ERR_OK && same && capdb_step(db, st, doing, &a.e)) {
        same = a.there && a.n == sqlite3_column_int64(st, 0) &&
               a.number == sqlite3_column_int64(st, 1);
        if (same)
            next(&a);
    }
    if (a.e == ERR_CORRUPT || (a.e == ERR_OK && (!same || a.there))) {
        report(ctx, "the table cap_ended differs from what ended");
        a.e = ERR_OK;
    }
    sqlite3_finalize(st);
    sqlite3_finalize(a.st);
    return a.e;
}

static enum error verify_used(struct capdb *db, const char *table, const char *column,
                              capdb_report report, void *ctx)
{
    char sql[128];
    char sentence[96];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM main.%s WHERE id NOT IN (SELECT %s FROM main.cap_version)",
             table, column);
    db->message[0] = '\0';
    int64_t more = capdb_int(db, sql, 0);
    if (db->message[0])
        return ERR_FORMAT;
    snprintf(sentence, sizeof(sentence), "the table %s has rows to which no capability refers",
             table);
    if (more)
        report(ctx, sentence);
    return ERR_OK;
}

enum error ended_verify(struct capdb *db, capdb_report report, void *ctx)
{
    if (!capdb_is_split(db))
        return ERR_OK;
    enum error e = verify_lists(db, report, ctx);
    if (e == ERR_OK)
        e = verify_used(db, "cap_place", "place", report, ctx);
    return e == ERR_OK ? verify_used(db, "cap_word", "word", report, ctx) : e;
}
