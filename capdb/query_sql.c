/* sql, running, verify: questions in SQL over the documented views, and the file's own health. */
#include "capdb/command.h"

#include "capdb/address.h"
#include "capdb/lock.h"
#include "capdb/running.h"
#include "capdb/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 128, GIVEN_S = 30 };

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

/* Is there no statement: blanks, semicolons and comments? */
static bool is_blank(const char *text)
{
    for (;;) {
        text += strspn(text, "; \t\r\n");
        const char *end = strncmp(text, "--", 2) == 0   ? strchr(text, '\n')
                          : strncmp(text, "/*", 2) == 0 ? strstr(text + 2, "*/")
                                                        : text;
        if (!end || end == text)
            return !end || !*text;
        text = end + (*end == '*' ? 2 : 1);
    }
}

/* One statement that only reads; ERR_FORMAT: it is something else, or several. */
static enum error prepare_question(sqlite3 *sql, const char *text, sqlite3_stmt **st)
{
    const char *rest;
    if (sqlite3_prepare_v2(sql, text, -1, st, &rest) != SQLITE_OK)
        return ERR_IO;
    bool one = *st && is_blank(rest);
    if (one && sqlite3_stmt_readonly(*st) && sqlite3_column_count(*st) > 0)
        return ERR_OK;
    sqlite3_finalize(*st);
    return ERR_FORMAT;
}

/* Rows to standard output; *error: what SQLite says, NULL. */
static enum status show_rows(struct options *o, sqlite3_stmt *st, const char **error)
{
    int code = sqlite3_step(st);
    bool failed = code != SQLITE_ROW && code != SQLITE_DONE;
    struct output *out = failed ? NULL : begin_result(st, code == SQLITE_ROW);
    for (; code == SQLITE_ROW; code = sqlite3_step(st))
        result_row(out, st);
    *error = code == SQLITE_DONE ? NULL : sqlite3_errmsg(sqlite3_db_handle(st));
    progress_show(NULL, 1, 1);
    if (out && !output_end(out))
        return command_unwritten(o);
    return *error ? STATUS_UNKNOWN : STATUS_YES;
}

static enum status run_query(struct options *o, sqlite3 *sql, const char *text,
                             struct running *running)
{
    sqlite3_stmt *st;
    const char *error;
    enum error e = prepare_question(sql, text, &st);
    if (e == ERR_FORMAT)
        return command_complain(NULL, "sql: one SELECT statement is expected");
    if (e != ERR_OK)
        return command_complain(NULL, "sql: %s", sqlite3_errmsg(sql));
    if (sqlite3_bind_parameter_count(st) > 0) { /* SQLite would take it for NULL */
        const char *name = sqlite3_bind_parameter_name(st, 1);
        command_complain(NULL, "sql: the parameter %s has no value here: write the number",
                         name ? name : "?");
        sqlite3_finalize(st);
        return STATUS_UNKNOWN;
    }
    if (sqlite3_column_count(st) > OUTPUT_MAX_COLUMNS) {
        command_complain(NULL, "sql: %d columns, and %d are the most that are shown",
                         sqlite3_column_count(st), OUTPUT_MAX_COLUMNS);
        sqlite3_finalize(st);
        return STATUS_UNKNOWN;
    }
    enum status s = show_rows(o, st, &error);
    if (error && !(running && running_failed(running))) /* which has said why */
        command_complain(NULL, "sql: %s", error);
    sqlite3_finalize(st);
    return s;
}

static enum status ask_recording(struct options *o, struct capdb *db)
{
    if (o->given) /* the debugger waits, and with it the machine */
        capdb_give_up_after(db, GIVEN_S, NULL, NULL);
    if (capdb_add_breaches(db) != ERR_OK || capdb_question_begins(db) != ERR_OK ||
        capdb_exec(db, "PRAGMA query_only=ON", "asking") != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(db));
    progress_while(o, db, output_default == OUTPUT_JSON);
    enum status s = run_query(o, db->sql, o->operand[0], NULL);
    capdb_question_ends(db);
    return s;
}

/* Events behind the newest snapshot have the number of the next one. */
static enum status apply_range(struct options *o, struct view *v)
{
    if (!o->from && !o->to)
        return STATUS_YES;
    uint32_t last = o->to ? range_last(o, v) : INT32_MAX;
    enum error e = capdb_limit_views(v->db, range_first(o), last);
    return e == ERR_OK ? STATUS_YES : command_complain(o->run, "%s", capdb_error(v->db));
}

enum status command_sql(struct options *o)
{
    struct view v;
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = dbview_tell_anew(o, &v);
    if (s == STATUS_YES)
        s = apply_range(o, &v);
    if (s == STATUS_YES)
        s = ask_recording(o, v.db);
    capdb_exec(v.db, "PRAGMA query_only=OFF", "asking");
    dbview_close(&v);
    return s;
}

/* --- a running system ------------------------------------------------------------------------ */

/* Statements from standard input, each answered from a sample of its own. */
struct session {
    struct running *running;
    struct options *o;
    char *text; /* read so far of the next statement */
    size_t length;
    bool prompts;
    enum status status;
};

static void prompt(const struct session *s)
{
    if (!s->prompts)
        return;
    fputs(s->length ? "   ...> " : "capdb> ", stdout);
    fflush(stdout);
}

static void answer(struct session *s)
{
    running_next(s->running);
    if (s->text && !is_blank(s->text) &&
        run_query(s->o, running_connection(s->running), s->text, s->running) != STATUS_YES)
        s->status = STATUS_UNKNOWN;
    fflush(stdout);
    s->length = 0;
    if (s->text)
        s->text[0] = '\0';
}

static void take_text(struct session *s, const char *text, size_t length)
{
    s->text = output_alloc(s->text, s->length + length + 1);
    memcpy(s->text + s->length, text, length);
    s->length += length;
    s->text[s->length] = '\0';
}

/* A statement ends with a semicolon, of which texts may have some; a line may have several. */
static void take_line(struct session *s, const char *line)
{
    while (*line) {
        size_t length = strcspn(line, ";");
        bool ends = line[length] == ';';
        take_text(s, line, length + ends);
        line += length + ends;
        if (ends && sqlite3_complete(s->text))
            answer(s);
    }
    if (is_blank(s->text))
        s->length = 0;
}

static enum status run_session(struct options *o, struct running *running)
{
    struct session s = {.running = running, .o = o, .status = STATUS_YES};
    char *line = NULL;
    size_t room = 0;
    s.prompts = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    prompt(&s);
    while (getline(&line, &room, stdin) >= 0) {
        take_line(&s, line);
        prompt(&s);
    }
    answer(&s); /* the last may lack its semicolon */
    if (s.prompts)
        putchar('\n');
    free(line);
    free(s.text);
    return s.status;
}

enum status command_live(struct options *o)
{
    struct running *running;
    if (!target_is_live(o->run))
        return command_complain(o->run, "is no running target (monitor:…, gdb:…, ram:…)");
    if (running_open(o, &running) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = o->operands ? run_query(o, running_connection(running), o->operand[0], running)
                                : run_session(o, running);
    running_close(running);
    return s;
}

/* --- the file's own health ------------------------------------------------------------------- */

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

/* How the chain ends: whoever keeps its last hash elsewhere can prove that nothing was cut off. holder:
 * who records into it, NULL: nobody. */
static void report_ending(struct capdb *db, const char *holder, struct output *out)
{
    struct capdb_ending ending;
    if (capdb_ending(db, &ending) != ERR_OK)
        return;
    output_text(out, "ends");
    if (holder)
        output_format(out, "not yet: it is being recorded by %s", holder);
    else
        output_text(out, ending.closed ? "as its recorder closed it"
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
    char holder[LOCK_HOLDER];
    bool held = !target_is_live(o->run) && lock_is_held(o->run, holder); /* before it is read */
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    verdict.out = output_begin(stdout, output_default, columns);
    capdb_tell_progress(v.db, progress_show, NULL);
    enum error e = capdb_verify(v.db, report_fault, &verdict);
    if (e == ERR_OK) {
        output_text(verdict.out, "good");
        output_format(verdict.out,
                      capdb_count(v.db) == 1 ? "%u snapshot rebuilt, as it was recorded"
                                             : "%u snapshots rebuilt, all as they were recorded",
                      capdb_count(v.db));
        output_row(verdict.out);
        report_incomplete(v.db, verdict.out);
    }
    report_ending(v.db, held ? holder : NULL, verdict.out);
    dbview_close(&v);
    if (!output_end(verdict.out))
        return command_unwritten(o);
    if (e != ERR_OK && verdict.faults == 0)
        return command_complain(o->run, "cannot be told: %s", error_sentence(e));
    return e == ERR_OK ? STATUS_YES : STATUS_NO;
}
