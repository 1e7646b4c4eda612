/* One virtual table for each table of the schema.  Each passes what it is asked on to the table of
 * the same name in a recording in memory, where the indexes are; that recording is made of a sample of
 * the running system when a cursor is opened first, and forgotten before the next statement.
 *
 *     statement -> views -> virtual tables -> recording in memory <- sample <- running system */
#include "capdb/running.h"

#include "capdb/store.h"

#include <stdlib.h>
#include <string.h>

#define BREACHES "breaches" /* no table of the schema, but worked out */

enum { CONSTRAINTS = 8, COST_FOUND = 20, COST_SOME = 100000, COST_ALL = 1000000 };

struct running {
    struct options *o;
    sqlite3 *sql;
    struct capdb *schema; /* a recording of nothing: the tables and what never changes in them */
    struct view sample;
    bool sampled, failed;
};

struct running_table {
    sqlite3_vtab base;
    struct running *running;
    char name[SCHEMA_NAME];
    bool keyed;    /* its first column is its rowid */
    bool constant; /* the same in every recording */
};

struct running_cursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *st;
    bool row;
    int64_t number;
};

/* --- the sample ------------------------------------------------------------------------------ */

void running_next(struct running *r)
{
    if (r->sampled)
        dbview_close(&r->sample);
    r->sampled = r->failed = false;
}

static struct capdb *sample_of(struct running *r)
{
    if (r->failed)
        return NULL;
    if (!r->sampled) {
        r->failed = dbview_open_file(r->o, &r->sample) != STATUS_YES;
        r->sampled = !r->failed;
        r->failed |= r->sampled && capdb_add_breaches(r->sample.db) != ERR_OK;
    }
    return r->failed ? NULL : r->sample.db;
}

static struct capdb *recording_of(const struct running_table *t)
{
    return t->constant ? t->running->schema : sample_of(t->running);
}

/* --- tables ---------------------------------------------------------------------------------- */

/* A view with the columns of a table with versions: the first is their number. */
static char *declaration_of_rows(struct running *r, const char *name)
{
    static const char sql[] =
        "SELECT 'CREATE TABLE rows (' || group_concat('\"' || name || '\"' ||"
        " iif(cid, ' INTEGER', ' INTEGER PRIMARY KEY'), ', ') || ')' FROM pragma_table_info(?)";
    sqlite3_stmt *st;
    char *text = NULL;
    if (sqlite3_prepare_v2(r->schema->sql, sql, -1, &st, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(st) == SQLITE_ROW)
        text = sqlite3_mprintf("%s", sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return text;
}

/* What the schema says of it, without what only stored tables can be. */
static char *declaration_of(struct running *r, const char *name)
{
    sqlite3_stmt *st;
    char *text = NULL;
    if (strcmp(name, BREACHES) == 0)
        return sqlite3_mprintf("%s", capdb_breaches_declaration);
    if (schema_is_rows(name))
        return declaration_of_rows(r, name);
    if (sqlite3_prepare_v2(r->schema->sql, "SELECT sql FROM sqlite_schema WHERE name = ?", -1, &st,
                           NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(st) == SQLITE_ROW)
        text = sqlite3_mprintf("%s", sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    char *strict = text ? strstr(text, "STRICT") : NULL;
    if (strict) /* "STRICT, WITHOUT ROWID": the key stays */
        memmove(strict, strict + strcspn(strict, "W"), strlen(strict + strcspn(strict, "W")) + 1);
    return text;
}

static int connect_table(sqlite3 *sql, void *ctx, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message)
{
    (void)message;
    struct running *r = ctx;
    struct running_table *t = sqlite3_malloc(sizeof(*t));
    char *text = argc > 2 ? declaration_of(r, argv[2]) : NULL;
    int code = t && text ? SQLITE_OK : SQLITE_NOMEM;
    if (code == SQLITE_OK) {
        *t = (struct running_table){.running = r};
        snprintf(t->name, sizeof(t->name), "%s", argv[2]);
        t->keyed = strstr(text, "INTEGER PRIMARY KEY");
        t->constant = strcmp(t->name, "word") == 0;
        *out = &t->base;
        code = sqlite3_declare_vtab(sql, text);
    }
    if (code != SQLITE_OK)
        sqlite3_free(t);
    sqlite3_free(text);
    return code;
}

static int disconnect_table(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

static const char *operator_of(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return "=";
    case SQLITE_INDEX_CONSTRAINT_GT:
        return ">";
    case SQLITE_INDEX_CONSTRAINT_GE:
        return ">=";
    case SQLITE_INDEX_CONSTRAINT_LT:
        return "<";
    case SQLITE_INDEX_CONSTRAINT_LE:
        return "<=";
    default:
        return NULL;
    }
}

/* Columns by which the schema has a key or an index. */
static bool is_found(const char *table, int column)
{
    static const struct {
        const char *table;
        int column;
    } found[] = {{"cap_row", 3},    {"cap_row", 6},     {"cap_row", 10}, {"object_row", 3},
                 {"object_row", 5}, {"mapping_row", 6}, {"name", 1},     {"domain", 1}};
    for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++)
        if (found[i].column == column && strcmp(found[i].table, table) == 0)
            return true;
    return column <= 0;
}

/* Text for the WHERE of the question that is passed on, each constraint with a place. */
static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct running_table *t = (const struct running_table *)base;
    sqlite3_str *where = sqlite3_str_new(NULL);
    int places = 0;
    info->estimatedCost = COST_ALL;
    info->estimatedRows = COST_ALL;
    for (int i = 0; i < info->nConstraint && places < CONSTRAINTS; i++) {
        const char *op = operator_of(info->aConstraint[i].op);
        int column = info->aConstraint[i].iColumn;
        if (!info->aConstraint[i].usable || !op || (column < 0 && !t->keyed) ||
            sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
            continue;
        /* the numbers of columns, which become their names when the question is asked */
        sqlite3_str_appendf(where, "%d %s\n", column < 0 ? 0 : column, op);
        info->aConstraintUsage[i].argvIndex = ++places;
        bool found = *op == '=' && is_found(t->name, column);
        info->estimatedCost = found                             ? COST_FOUND
                              : info->estimatedCost > COST_SOME ? COST_SOME
                                                                : info->estimatedCost;
    }
    info->estimatedRows = (sqlite3_int64)info->estimatedCost;
    info->idxStr = sqlite3_str_finish(where);
    info->needToFreeIdxStr = 1;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    (void)t;
    struct running_cursor *c = sqlite3_malloc(sizeof(*c));
    if (!c)
        return SQLITE_NOMEM;
    *c = (struct running_cursor){.number = 0};
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct running_cursor *c = (struct running_cursor *)base;
    sqlite3_finalize(c->st);
    sqlite3_free(c);
    return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
    struct running_cursor *c = (struct running_cursor *)base;
    int code = sqlite3_step(c->st);
    c->row = code == SQLITE_ROW;
    c->number++;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* The name of a column of the table. */
static char *column_name(sqlite3_stmt *all, int column)
{
    return sqlite3_mprintf("%w", sqlite3_column_name(all, column));
}

/* SELECT of all columns with the constraints of best_index(). */
static char *question(sqlite3 *sql, const char *table, const char *constraints)
{
    sqlite3_stmt *all;
    sqlite3_str *text = sqlite3_str_new(NULL);
    char *select = sqlite3_mprintf("SELECT * FROM main.\"%w\"", table);
    sqlite3_str_appendall(text, select);
    if (sqlite3_prepare_v2(sql, select, -1, &all, NULL) == SQLITE_OK) {
        for (int i = 0; constraints && *constraints; i++) {
            char *rest;
            char *name = column_name(all, (int)strtol(constraints, &rest, 10));
            int length = (int)strcspn(rest, "\n");
            sqlite3_str_appendf(text, " %s \"%s\"%.*s ?", i ? "AND" : "WHERE", name, length, rest);
            sqlite3_free(name);
            constraints = rest + length + 1;
        }
        sqlite3_finalize(all);
    }
    sqlite3_free(select);
    return sqlite3_str_finish(text);
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *constraints, int argc,
                  sqlite3_value **argv)
{
    struct running_cursor *c = (struct running_cursor *)base;
    const struct running_table *t = (const struct running_table *)base->pVtab;
    struct capdb *db = recording_of(t);
    (void)number;
    sqlite3_finalize(c->st);
    c->st = NULL;
    if (!db) {
        base->pVtab->zErrMsg = sqlite3_mprintf("the target gave no sample");
        return SQLITE_ERROR;
    }
    char *text = question(db->sql, t->name, constraints);
    int code = text ? sqlite3_prepare_v2(db->sql, text, -1, &c->st, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    for (int i = 0; code == SQLITE_OK && i < argc; i++)
        code = sqlite3_bind_value(c->st, i + 1, argv[i]);
    if (code != SQLITE_OK)
        base->pVtab->zErrMsg = sqlite3_mprintf("%s", sqlite3_errmsg(db->sql));
    return code == SQLITE_OK ? next_row(base) : code;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    return !((const struct running_cursor *)base)->row;
}

static int column_value(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
    sqlite3_result_value(out, sqlite3_column_value(((struct running_cursor *)base)->st, column));
    return SQLITE_OK;
}

static int row_number(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    struct running_cursor *c = (struct running_cursor *)base;
    const struct running_table *t = (const struct running_table *)base->pVtab;
    *out = t->keyed ? sqlite3_column_int64(c->st, 0) : c->number;
    return SQLITE_OK;
}

/* --- the connection -------------------------------------------------------------------------- */

static const sqlite3_module module = {
    .iVersion = 1,
    .xCreate = connect_table,
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect_table,
    .xDestroy = disconnect_table,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next_row,
    .xEof = at_end,
    .xColumn = column_value,
    .xRowid = row_number,
};

static enum error make_tables(struct capdb *db)
{
    struct schema_statement s;
    const char *at = capdb_schema_sql;
    enum error e = ERR_OK;
    while (e == ERR_OK && schema_next(&at, &s))
        if ((s.kind == SCHEMA_TABLE && strcmp(s.name, "tail") != 0) ||
            (s.kind == SCHEMA_VIEW && schema_is_rows(s.name)))
            e = capdb_execf(db, "opening", "CREATE VIRTUAL TABLE main.%s USING running", s.name);
    if (e == ERR_OK)
        e = capdb_execf(db, "opening", "CREATE VIRTUAL TABLE main." BREACHES " USING running");
    return e == ERR_OK ? capdb_make_views(db) : e;
}

static enum error connect(struct running *r, char *message)
{
    struct capdb db = {.version = CAPDB_USER_VERSION, .lock = -1};
    enum error e = capdb_create(":memory:", r->o->run, &r->schema, message);
    if (e != ERR_OK)
        return e;
    int code =
        sqlite3_open_v2(":memory:", &r->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = capdb_add_functions(r->sql);
    if (code == SQLITE_OK)
        code = sqlite3_create_module(r->sql, "running", &module, r);
    db.sql = r->sql;
    e = code == SQLITE_OK ? make_tables(&db) : capdb_fail_sql(&db, "opening");
    snprintf(message, CAPDB_MESSAGE, "%s", db.message);
    return e;
}

enum status running_open(struct options *o, struct running **out)
{
    char message[CAPDB_MESSAGE];
    struct running *r = output_alloc(NULL, sizeof(*r));
    *r = (struct running){.o = o};
    *out = r;
    bool connected = connect(r, message) == ERR_OK;
    if (connected && sample_of(r))
        return STATUS_YES;
    running_close(r);
    *out = NULL;
    return connected ? STATUS_UNKNOWN : command_complain(o->run, "%s", message);
}

sqlite3 *running_connection(struct running *r)
{
    return r->sql;
}

bool running_failed(const struct running *r)
{
    return r->failed;
}

void running_close(struct running *r)
{
    sqlite3_close(r->sql);
    running_next(r);
    capdb_close(r->schema);
    free(r);
}
