/* Answers for a program instead of a terminal: a question in SQL as lines of cells, and events. */
#include "capdb/store.h"
#include "lib/array.h"

#include "capdb/address.h"
#include "lib/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows. */
struct answer {
    char *bytes;
    size_t used, room;
    bool failed;
};

static void put(struct answer *a, const char *bytes, size_t length)
{
    char *grown = array_room(a->bytes, a->used + length, &a->room, 1);
    a->failed |= !grown;
    if (!grown)
        return;
    a->bytes = grown;
    memcpy(a->bytes + a->used, bytes, length);
    a->used += length;
    a->bytes[a->used] = 0;
}

/* Tabs and ends of lines divide cells and rows: neither may stand in a cell. */
static void put_text(struct answer *a, const char *text, size_t length)
{
    size_t room = length * 4 + 1;
    char *escaped = malloc(room);
    a->failed |= !escaped;
    if (!escaped)
        return;
    utf8_escape(escaped, (uint32_t)room, text, (uint32_t)length);
    put(a, escaped, strlen(escaped));
    free(escaped);
}

static void put_cell(struct answer *a, sqlite3_stmt *st, int c)
{
    char text[32];
    if (sqlite3_column_type(st, c) == SQLITE_INTEGER &&
        column_is_address(sqlite3_column_name(st, c))) {
        snprintf(text, sizeof(text), "0x%" PRIx64, (uint64_t)sqlite3_column_int64(st, c));
        put(a, text, strlen(text));
    } else if (sqlite3_column_type(st, c) == SQLITE_NULL) {
        put(a, "-", 1);
    } else {
        const char *bytes = (const char *)sqlite3_column_text(st, c);
        put_text(a, bytes ? bytes : "", (size_t)sqlite3_column_bytes(st, c));
    }
}

static void put_names(struct answer *a, sqlite3_stmt *st)
{
    for (int c = 0; c < sqlite3_column_count(st); c++) {
        const char *name = sqlite3_column_name(st, c);
        put(a, "\t", c > 0);
        put_text(a, name, strlen(name));
    }
}

static void put_row(struct answer *a, sqlite3_stmt *st)
{
    put(a, "\n", 1);
    for (int c = 0; c < sqlite3_column_count(st); c++) {
        put(a, "\t", c > 0);
        put_cell(a, st, c);
    }
}

/* `:n` has one; SQLite would take any other for NULL. Else the statement is finalized. */
static enum error has_values(struct capdb *db, sqlite3_stmt *st)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
        const char *name = sqlite3_bind_parameter_name(st, i);
        if (name && strcmp(name, ":n") == 0)
            continue;
        enum error e = capdb_fail(db, ERR_FORMAT, "sql: the parameter %s has no value here",
                                  name ? name : "?");
        sqlite3_finalize(st);
        return e;
    }
    return ERR_OK;
}

static enum error prepare_question(struct capdb *db, const char *sql, sqlite3_stmt **st)
{
    const char *rest;
    if (sqlite3_prepare_v2(db->sql, sql, -1, st, &rest) != SQLITE_OK)
        return capdb_fail(db, ERR_FORMAT, "sql: %s", sqlite3_errmsg(db->sql));
    bool one = *st && rest[strspn(rest, "; \t\r\n")] == '\0';
    if (one && sqlite3_stmt_readonly(*st) && sqlite3_column_count(*st) > 0)
        return has_values(db, *st);
    sqlite3_finalize(*st);
    return capdb_fail(db, ERR_FORMAT, "sql: one SELECT statement is expected");
}

enum error capdb_ask(struct capdb *db, const char *sql, uint32_t most, char **table)
{
    return capdb_ask_at(db, sql, capdb_count(db), most, table);
}

enum error capdb_ask_at(struct capdb *db, const char *sql, uint32_t n, uint32_t most, char **table)
{
    struct answer a = {0};
    sqlite3_stmt *st;
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    e = capdb_add_breaches(db);
    if (e == ERR_OK)
        e = capdb_question_begins(db);
    if (e == ERR_OK)
        e = prepare_question(db, sql, &st);
    if (e != ERR_OK) {
        capdb_question_ends(db);
        capdb_release(db);
        return e;
    }
    int place = sqlite3_bind_parameter_index(st, ":n");
    if (place)
        sqlite3_bind_int64(st, place, n);
    put_names(&a, st);
    uint32_t rows = 0;
    while (rows < most && capdb_step(db, st, "asking", &e)) {
        put_row(&a, st);
        rows++;
    }
    sqlite3_finalize(st);
    capdb_question_ends(db);
    enum error torn = capdb_release(db);
    e = e == ERR_OK ? torn : e;
    if (e == ERR_OK && a.failed)
        e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    if (e != ERR_OK)
        free(a.bytes);
    else
        *table = a.bytes;
    return e;
}

/* Rows `first` to `last` of the table of events. */
static enum error hear_events(struct capdb *db, int64_t first, int64_t last, capdb_hear_event hear,
                              void *ctx)
{
    sqlite3_stmt *st;
    enum error e =
        capdb_prepare(db, "SELECT * FROM event WHERE row BETWEEN ?1 AND ?2 ORDER BY row", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, last);
    while (capdb_step(db, st, "reading events", &e)) {
        struct record r = {.kind = RECORD_EVENT};
        capdb_fetch_event(st, 2, &r.event);
        if (r.event.kind == CAPDB_EVENT_GAP) {
            struct record gap = {.kind = RECORD_GAP};
            gap.gap.first = r.event.seq;
            gap.gap.count = r.event.detail;
            r = gap;
        }
        hear(ctx, &r);
    }
    sqlite3_finalize(st);
    return e;
}

/* Row of the last event that snapshot n or one before it shows first; 0: there is none. */
static enum error last_event_row(struct capdb *db, uint32_t n, int64_t *row)
{
    sqlite3_stmt *st;
    *row = 0;
    enum error e = capdb_prepare(
        db, "SELECT row FROM event WHERE n <= ? ORDER BY n DESC, row DESC LIMIT 1", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(db, st, "looking for events", &e))
        *row = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return e;
}

static enum error hear_around(struct capdb *db, struct capdb_event_window *w, uint32_t most,
                              capdb_hear_event hear, void *ctx)
{
    int64_t before = w->row - 1, last = 0, at = 0;
    enum error e = last_event_row(db, UINT32_MAX, &last);
    if (e == ERR_OK)
        e = last_event_row(db, w->n, &at);
    if (e != ERR_OK)
        return e;
    last = last < w->next ? last : w->next - 1;
    before = before < last ? before : last;
    at = at < before ? before : at < last ? at : last;
    int64_t to = last - at < most / 2 ? last : at + most / 2;
    int64_t from = to - before < most ? before : to - most;
    to = last - from < most ? last : from + most;
    w->earlier = from > before;
    w->later = to < last;
    return hear_events(db, from + 1, to, hear, ctx);
}

enum error capdb_get_events(struct capdb *db, uint32_t most, capdb_hear_event hear, void *ctx)
{
    struct capdb_event_window all = {.row = 1, .next = INT64_MAX, .n = UINT32_MAX};
    return capdb_get_events_around(db, &all, most, hear, ctx);
}

enum error capdb_get_events_around(struct capdb *db, struct capdb_event_window *w, uint32_t most,
                                   capdb_hear_event hear, void *ctx)
{
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    e = hear_around(db, w, most, hear, ctx);
    enum error torn = capdb_release(db);
    return e == ERR_OK ? torn : e;
}
