/* sql, live, verify: questions in SQL over the documented views, and the file's own health. */
#include "capdb/command.h"

#include "capdb/address.h"
#include "capdb/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128 };

/* Numbers stand to the right where the first row has one; what a cell is it says itself. */
static struct output *begin_result(sqlite3_stmt *st, bool has_row)
{
    static char texts[OUTPUT_MAX_COLUMNS][NAME_BYTES];
    const char *names[OUTPUT_MAX_COLUMNS + 1] = {NULL};
    int columns = sqlite3_column_count(st);
    for (int c = 0; c < columns && c < OUTPUT_MAX_COLUMNS; c++) {
        const char *name = sqlite3_column_name(st, c);
        int type = has_row ? sqlite3_column_type(st, c) : SQLITE_NULL;
        bool number = (type == SQLITE_INTEGER || type == SQLITE_FLOAT) && !column_is_address(name);
        snprintf(texts[c], NAME_BYTES, "%s%s", number ? "#" : "", name);
        names[c] = texts[c];
    }
    return output_begin(stdout, output_default, names);
}

/* Bytes as SQL writes them. */
static void result_blob(struct output *out, sqlite3_stmt *st, int c)
{
    const unsigned char *bytes = sqlite3_column_blob(st, c);
    int length = sqlite3_column_bytes(st, c);
    char *text = output_alloc(NULL, (size_t)length * 2 + 4);
    char *at = stpcpy(text, "x'");
    for (int i = 0; i < length; i++)
        at += sprintf(at, "%02x", bytes[i]);
    strcpy(at, "'");
    output_text(out, text);
    free(text);
}

static void result_cell(struct output *out, sqlite3_stmt *st, int c)
{
    switch (sqlite3_column_type(st, c)) {
    case SQLITE_NULL:
        output_null(out);
        break;
    case SQLITE_INTEGER:
        if (column_is_address(sqlite3_column_name(st, c)))
            output_hex(out, (uint64_t)sqlite3_column_int64(st, c));
        else
            output_int(out, sqlite3_column_int64(st, c));
        break;
    case SQLITE_FLOAT:
        output_real(out, sqlite3_column_double(st, c));
        break;
    case SQLITE_BLOB:
        result_blob(out, st, c);
        break;
    default: {
        const char *text = (const char *)sqlite3_column_text(st, c);
        output_bytes(out, text, (size_t)sqlite3_column_bytes(st, c));
    }
    }
}

static void result_row(struct output *out, sqlite3_stmt *st)
{
    for (int c = 0; c < sqlite3_column_count(st); c++)
        result_cell(out, st, c);
    output_row(out);
}

static enum status run_query(struct options *o, struct capdb *db, const char *sql)
{
    sqlite3_stmt *st;
    const char *rest;
    if (capdb_add_breaches(db) != ERR_OK ||
        capdb_exec(db, "PRAGMA query_only=ON", "asking") != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(db));
    if (sqlite3_prepare_v2(db->sql, sql, -1, &st, &rest) != SQLITE_OK)
        return command_complain(NULL, "sql: %s", sqlite3_errmsg(db->sql));
    bool one = st && rest[strspn(rest, "; \t\r\n")] == '\0';
    if (!one || !sqlite3_stmt_readonly(st) || sqlite3_column_count(st) == 0) {
        sqlite3_finalize(st);
        return command_complain(NULL, "sql: one SELECT statement is expected");
    }
    int code = sqlite3_step(st);
    struct output *out = begin_result(st, code == SQLITE_ROW);
    for (; code == SQLITE_ROW; code = sqlite3_step(st))
        result_row(out, st);
    enum status s = STATUS_YES;
    if (code != SQLITE_DONE)
        s = command_complain(NULL, "sql: %s", sqlite3_errmsg(db->sql));
    sqlite3_finalize(st);
    if (!output_end(out))
        s = command_complain(o->run, "output could not be written");
    return s;
}

/* What domains are called, and whose slots are whose, stands in the rows: with other rules they are
 * other rows. */
static enum status apply_rules(struct options *o, struct view *v)
{
    char message[CAPDB_MESSAGE];
    struct capdb *anew;
    if (!o->domains || target_is_live(o->run))
        return STATUS_YES;
    if (capdb_create(":memory:", o->run, &anew, message) != ERR_OK)
        return command_complain(o->run, "%s", message);
    if (capdb_tell_anew(v->db, anew, &v->rules) != ERR_OK) {
        const char *said = capdb_error(v->db)[0] ? capdb_error(v->db) : capdb_error(anew);
        command_complain(o->run, "%s", said);
        capdb_close(anew);
        return STATUS_UNKNOWN;
    }
    if (capdb_release(v->db) != ERR_OK)
        command_doubt(o, "%s", capdb_error(v->db));
    capdb_close(v->db);
    v->db = anew;
    capdb_hold(v->db);
    return STATUS_YES;
}

/* Views with n stand on `snapshot`: in place of it, only those of the range. */
static enum status apply_range(struct options *o, struct view *v)
{
    if (!o->from && !o->to)
        return STATUS_YES;
    enum error e = capdb_execf(v->db, "asking",
                               "CREATE TEMP VIEW snapshot AS SELECT * FROM main.snapshot"
                               " WHERE n BETWEEN %u AND %u",
                               range_first(o), range_last(o, v));
    return e == ERR_OK ? STATUS_YES : command_complain(o->run, "%s", capdb_error(v->db));
}

enum status command_sql(struct options *o)
{
    struct view v;
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = apply_rules(o, &v);
    if (s == STATUS_YES)
        s = apply_range(o, &v);
    if (s == STATUS_YES)
        s = run_query(o, v.db, o->operand[0]);
    capdb_exec(v.db, "PRAGMA query_only=OFF", "asking");
    dbview_close(&v);
    return s;
}

enum status command_live(struct options *o)
{
    if (!target_is_live(o->run))
        return command_complain(o->run, "is no running target (monitor:…, gdb:…, ram:…)");
    return command_sql(o);
}

struct verdict {
    struct output *out;
    uint32_t faults;
};

static void report_fault(void *ctx, const char *sentence)
{
    struct verdict *v = ctx;
    output_text(v->out, "fault");
    output_text(v->out, sentence);
    output_row(v->out);
    v->faults++;
}

/* How the chain ends: whoever keeps its last hash elsewhere can prove that nothing was cut off. */
static void report_ending(struct capdb *db, struct output *out)
{
    struct capdb_ending ending;
    if (capdb_ending(db, &ending) != ERR_OK)
        return;
    output_text(out, "ends");
    output_format(out, "%s",
                  ending.closed ? "as its recorder closed it"
                                : "without its recorder having closed it");
    output_row(out);
    output_text(out, "hash");
    output_text(out, ending.hash);
    output_row(out);
}

/* An incomplete snapshot that is as it was recorded is good, and incomplete. */
static void report_incomplete(struct capdb *db, struct output *out)
{
    int64_t count = capdb_int(db, "SELECT count(*) FROM snapshot WHERE complete = 0", 0);
    if (count <= 0)
        return;
    output_text(out, "note");
    output_format(out, "%lld of them incomplete: the walk broke off when they were recorded",
                  (long long)count);
    output_row(out);
}

enum status command_verify(struct options *o)
{
    static const char *const columns[] = {"result", "what", NULL};
    struct view v;
    struct verdict verdict = {0};
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    verdict.out = output_begin(stdout, output_default, columns);
    capdb_tell_progress(v.db, progress_show, NULL);
    enum error e = capdb_verify(v.db, report_fault, &verdict);
    if (e == ERR_OK) {
        output_text(verdict.out, "good");
        output_format(verdict.out, "%u snapshots rebuilt, all as they were recorded",
                      capdb_count(v.db));
        output_row(verdict.out);
        report_incomplete(v.db, verdict.out);
    }
    report_ending(v.db, verdict.out);
    dbview_close(&v);
    if (!output_end(verdict.out))
        return command_complain(o->run, "output could not be written");
    if (e != ERR_OK && verdict.faults == 0)
        return command_complain(o->run, "cannot be told: %s", error_sentence(e));
    return e == ERR_OK ? STATUS_YES : STATUS_NO;
}
