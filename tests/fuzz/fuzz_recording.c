/* A recording, damaged: every command of capdb answers or refuses, whatever the file holds.
 *
 * The input is a list of changes to a small recording, six bytes each:
 *   0 to 0x7f    byte `value` of the file at a place
 *   0x80 to ...  the cell of a table gets another number, through SQLite, so that checksums of
 *                pages do not stand in the way
 * Then all commands are asked. */
#include "capdb/command.h"
#include "capdb/recorder.h"
#include "tests/unit/recordings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGE = 6, CHANGES_MAX = 24, SNAPSHOTS = 6, NAME_BYTES = 64 };

static char path[64];
static char *good; /* the recording as it was */
static size_t good_size;

static const char *const tables[] = {"cap_version", "object_version", "cap_place",   "cap_word",
                                     "thread_row",  "run_row",        "mapping_row", "endpoint_row",
                                     "irq_row",     "finding_row",    "snapshot",    "event",
                                     "name",        "domain",         "domain_rule", "rule_set",
                                     "tail",        "ledger",         "cap_ended",   "keyframe"};
enum { TABLES = sizeof(tables) / sizeof(*tables) };

/* Numbers at which something begins or ends. */
static const char *const values[] = {
    "0",           "1",          "2",          "4",          "16",       "31",
    "32",          "63",         "64",         "255",        "-1",       "2147483647",
    "2147483648",  "4294967295", "4294967296", "1 << 63",    "NULL",     "zeroblob(32)",
    "zeroblob(0)", "'text'",     "9.5",        "0x82000000", "0x1000000"};
enum { VALUES = sizeof(values) / sizeof(*values) };

/* --- the recording --------------------------------------------------------------------------- */

static void put_events(struct capdb *db)
{
    struct record events[6] = {{.kind = RECORD_EVENT}};
    static const uint32_t kinds[] = {RECORD_EVENT_REVOKE_BEGIN, RECORD_EVENT_REVOKE_VICTIM,
                                     RECORD_EVENT_DELETE, RECORD_EVENT_REVOKE_PREEMPTED,
                                     RECORD_EVENT_REVOKE_END};
    for (uint32_t i = 0; i < 5; i++) {
        events[i] = (struct record){.kind = RECORD_EVENT};
        events[i].event = (struct record_event){
            .seq = i + 1, .kind = kinds[i], .slot = 0x1000020, .src = 0x1000020, .detail = i};
    }
    events[5] = (struct record){.kind = RECORD_GAP, .gap = {6, 3}};
    capdb_put_events(db, events, 6);
}

static void make_recording(void)
{
    struct changing m;
    struct authority_rules rules = {0};
    snprintf(path, sizeof(path), "/tmp/fuzz-recording-%ld.capdb", (long)getpid());
    unlink(path);
    struct capdb *db = create(path);
    authority_rules_add(&rules, "d1*", "one", false);
    capdb_set_rules(db, &rules);
    authority_rules_free(&rules);
    changing_init(&m, 3);
    for (int i = 0; i < 20; i++)
        changing_step(&m);
    record_changing(db, &m, SNAPSHOTS - 1);
    put_events(db);
    record_changing(db, &m, 1);
    capdb_close(db);
    good = read_file(path, &good_size);
}

static void take_away(void)
{
    unlink(path);
    free(good);
}

/* --- damage ---------------------------------------------------------------------------------- */

static void change_byte(char *bytes, const uint8_t *change)
{
    uint32_t at = (uint32_t)change[1] | (uint32_t)change[2] << 8 | (uint32_t)change[3] << 16;
    bytes[at % good_size] = (char)change[4];
}

static const char *column_of(sqlite3 *sql, const char *table, uint32_t which, char *buf)
{
    sqlite3_stmt *st;
    char query[NAME_BYTES * 2];
    buf[0] = '\0';
    snprintf(query, sizeof(query), "SELECT * FROM %s", table);
    if (sqlite3_prepare_v2(sql, query, -1, &st, NULL) != SQLITE_OK)
        return buf;
    int columns = sqlite3_column_count(st);
    if (columns)
        snprintf(buf, NAME_BYTES, "%s", sqlite3_column_name(st, (int)which % columns));
    sqlite3_finalize(st);
    return buf;
}

static void change_cell(sqlite3 *sql, const uint8_t *change)
{
    char column[NAME_BYTES];
    char query[NAME_BYTES * 6];
    const char *table = tables[change[1] % TABLES];
    if (!*column_of(sql, table, change[2], column))
        return;
    snprintf(query, sizeof(query), "UPDATE %s SET \"%s\" = %s WHERE rowid = %u", table, column,
             values[change[4] % VALUES], change[3] + 1u);
    sqlite3_exec(sql, query, NULL, NULL, NULL);
}

/* What STRICT and NOT NULL forbid a damaged file can hold nevertheless. */
static void change_cells(const uint8_t *data, size_t size)
{
    sqlite3 *sql;
    if (sqlite3_open(path, &sql) == SQLITE_OK) {
        sqlite3_exec(sql, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN", NULL, NULL,
                     NULL);
        for (size_t i = 0; i + CHANGE <= size; i += CHANGE)
            if (data[i] >= 0x80)
                change_cell(sql, data + i);
        sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_close(sql);
}

static void damage(const uint8_t *data, size_t size)
{
    char *bytes = malloc(good_size);
    memcpy(bytes, good, good_size);
    for (size_t i = 0; i + CHANGE <= size; i += CHANGE)
        if (data[i] < 0x80)
            change_byte(bytes, data + i);
    write_file(path, bytes, good_size);
    free(bytes);
    change_cells(data, size);
}

/* --- questions ------------------------------------------------------------------------------- */

static void ask(enum status (*command)(struct options *o), const char *format, uint32_t at,
                const char *a, const char *b, const char *c)
{
    char *operands[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c};
    struct options o = {.every = -1,
                        .run = path,
                        .at = at,
                        .format = format,
                        .output = "/dev/null",
                        .operand = operands,
                        .operands = a ? b ? c ? 3 : 2 : 1 : 0};
    command(&o);
}

static void ask_all(void)
{
    static const char *const formats[] = {"capdl", "dot", "json", "csv", "trace"};
    static const struct {
        enum status (*command)(struct options *o);
        const char *a, *b, *c;
    } questions[] = {
        {command_snapshots, NULL, NULL, NULL},
        {command_info, NULL, NULL, NULL},
        {command_threads, NULL, NULL, NULL},
        {command_domains, NULL, NULL, NULL},
        {command_owner, "0x82001000", NULL, NULL},
        {command_history, "0x82001000", NULL, NULL},
        {command_who, "untyped:0x82000000", NULL, NULL},
        {command_cdt, NULL, NULL, NULL},
        {command_preview, "0x1000020", NULL, NULL},
        {command_untyped, NULL, NULL, NULL},
        {command_diff, "1", "6", NULL},
        {command_diff, "6", "1", NULL},
        {command_path, "d0", "d1", NULL},
        {command_can, "d0", "write", "0x82001000"},
        {command_check, NULL, NULL, NULL},
        {command_revokes, NULL, NULL, NULL},
        {command_revokes, "1", NULL, NULL},
        {command_report, NULL, NULL, NULL},
        {command_sql, "SELECT * FROM events", NULL, NULL},
        {command_sql, "SELECT * FROM caps", NULL, NULL},
        {command_verify, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
        ask(questions[i].command, NULL, 0, questions[i].a, questions[i].b, questions[i].c);
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        ask(command_export, formats[i], 3, NULL, NULL, NULL);
}

/* Would a recorder go on with it? */
static void resume(void)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    struct changing m;
    struct capstate s;
    uint32_t n;
    if (capdb_resume(path, &(struct capdb_source){.target = "test"}, &db, message) != ERR_OK)
        return;
    changing_init(&m, 4);
    changing_state(&m, &s);
    capdb_append(db, &s, 1, &n);
    capstate_free(&s);
    capdb_close(db);
}

static void be_silent(void)
{
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    if (!getenv("FUZZ_SHOW"))
        stderr = fdopen(null, "w");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good) {
        be_silent();
        make_recording();
        atexit(take_away);
    }
    if (size > CHANGES_MAX * CHANGE)
        size = CHANGES_MAX * CHANGE;
    damage(data, size);
    ask_all();
    resume();
    return 0;
}
