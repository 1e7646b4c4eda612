/* Becoming the recorder of a file, its transactions, and how it ends. */
#include "capdb/recorder.h"
#include "capdb/keyframe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 96 };

static enum error recorder_new(struct capdb *db)
{
    db->recorder = calloc(1, sizeof(*db->recorder));
    if (!db->recorder)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    struct numbers *next = &db->recorder->next;
    next->cap = next->object = 1;
    for (int k = 0; k < ROW_KINDS; k++)
        next->row[k] = 1;
    return ERR_OK;
}

/* --- where it is recorded from --------------------------------------------------------------- */

/* The same file under another name is the same door: paths are stored as the system sees them. */
static char *canonical_target(const char *target)
{
    const char *path = strstr(target, "/dev/") ? strstr(target, "/dev/") : NULL;
    if (strncmp(target, "ram:", 4) == 0)
        path = target + 4;
    else if (strstr(target, ":unix:"))
        path = strstr(target, ":unix:") + strlen(":unix:");
    char *real = path ? realpath(path, NULL) : NULL;
    char *out = NULL;
    if (real && asprintf(&out, "%.*s%s", (int)(path - target), target, real) < 0)
        out = NULL;
    free(real);
    return out ? out : strdup(target);
}

static void forget_source(struct recorder *r)
{
    free(r->target);
    free(r->machine);
    r->target = r->machine = NULL;
}

/* A recorder that is refused leaves nothing, so it is stored when something else is. */
static enum error change_source(struct capdb *db, const struct capdb_source *source)
{
    struct recorder *r = db->recorder;
    char *target = canonical_target(source->target);
    char *machine = strdup(source->machine ? source->machine : "");
    if (!target || !machine) {
        free(target);
        free(machine);
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    }
    forget_source(r);
    r->target = target;
    r->machine = machine;
    r->boot_told = false;
    return ERR_OK;
}

static enum error put_source(struct capdb *db)
{
    char sql[SQL_BYTES];
    const char *texts[] = {db->recorder->target, db->recorder->machine};
    snprintf(sql, sizeof(sql), "INSERT INTO main.source VALUES (NULL, %lld, ?, ?)",
             (long long)db->count + 1);
    return capdb_exec_texts(db, "storing the target", sql, texts, 2);
}

/* The column `machine` is what is behind the door, if that is known, and RUN_MARK with the number
 * that the kernel gave this run of it, if it gave one. */
#define RUN_MARK "run "

static bool is_behind(const char *machine, const char *old)
{
    size_t length = strlen(machine);
    return length && strncmp(old, machine, length) == 0 &&
           (!old[length] || strncmp(old + length, " " RUN_MARK, strlen(" " RUN_MARK)) == 0);
}

static bool says_behind(const char *machine)
{
    return machine[0] && strncmp(machine, RUN_MARK, strlen(RUN_MARK)) != 0;
}

static void take_boot(struct recorder *r, const char *machine)
{
    const char *at = strstr(machine, RUN_MARK);
    r->boot_told = at;
    r->boot = at ? (uint32_t)strtoul(at + strlen(RUN_MARK), NULL, 16) : 0;
}

/* Is it the machine of before? *changed: through another door, or started anew.  A machine that was
 * started anew tells so by its clock, too, but only until it has run as long as the one before. */
static enum error judge_source(struct capdb *db, const char *old_target, const char *old_machine,
                               const char *target, const struct capdb_source *source, bool *changed)
{
    const char *machine = source->machine ? source->machine : "";
    bool door = strcmp(target, old_target) == 0;
    bool run = is_behind(machine, old_machine);
    *changed = !door || !run;
    db->recorder->restarted |= door && !run && machine[0] && says_behind(old_machine);
    if (door || run || source->same_machine)
        return ERR_OK;
    return capdb_fail(db, ERR_REFUSED,
                      "was recorded from %s, and %s may be another machine; --same-machine says"
                      " that it is not",
                      old_target, target);
}

static enum error check_source(struct capdb *db, const struct capdb_source *source, bool *changed)
{
    sqlite3_stmt *st;
    char *target = canonical_target(source->target);
    enum error e = target ? ERR_OK : capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    if (e == ERR_OK)
        e = capdb_prepare(db, "SELECT target, machine FROM main.source ORDER BY id DESC LIMIT 1",
                          &st);
    if (e == ERR_OK) {
        *changed = true;
        if (db->recorder->target)
            e = judge_source(db, db->recorder->target, db->recorder->machine, target, source,
                             changed);
        else if (capdb_step(db, st, "reading the target", &e)) {
            take_boot(db->recorder, capdb_column_text(st, 1));
            e = judge_source(db, capdb_column_text(st, 0), capdb_column_text(st, 1), target, source,
                             changed);
        }
        sqlite3_finalize(st);
    }
    free(target);
    return e;
}

/* What is behind the door stays, and the number of the run before goes. */
static enum error put_boot(struct capdb *db, uint32_t boot)
{
    static const char sql[] =
        "INSERT INTO main.source SELECT NULL, 1 + (SELECT count(*) FROM main.snapshot), target,"
        " trim(rtrim(substr(machine, 1, instr(machine || ' " RUN_MARK "', '" RUN_MARK
        "') - 1)) || ?)"
        " FROM main.source ORDER BY id DESC LIMIT 1";
    char run[sizeof(" " RUN_MARK) + 8];
    const char *texts[] = {run};
    snprintf(run, sizeof(run), " " RUN_MARK "%08" PRIx32, boot);
    return capdb_exec_texts(db, "storing the run of the machine", sql, texts, 1);
}

enum error recorder_follow_boot(struct capdb *db, uint32_t boot)
{
    struct recorder *r = db->recorder;
    bool same = boot == r->boot;
    if (!boot || (same && r->boot_told))
        return ERR_OK;
    enum error e = recorder_transaction(db, "storing the run of the machine");
    if (e == ERR_OK)
        e = put_boot(db, boot);
    if (e == ERR_OK)
        e = recorder_commit(db, LEDGER_KIND_SOURCE_CHANGED, db->count, NULL,
                            "storing the run of the machine");
    if (e != ERR_OK) {
        recorder_roll_back(db);
        return e;
    }
    r->restarted |= r->boot && !same;
    r->boot = boot;
    r->boot_told = true;
    return ERR_OK;
}

/* --- beginning ------------------------------------------------------------------------------- */

enum error recorder_create(struct capdb *db, const struct capdb_source *source)
{
    const struct ledger_entry nothing = {0};
    enum error e = recorder_new(db);
    if (e == ERR_OK)
        e = change_source(db, source);
    if (e == ERR_OK)
        e = put_source(db);
    if (e == ERR_OK)
        e = ledger_put(db, &nothing, LEDGER_KIND_CREATED, 0, NULL, &db->recorder->ledger);
    if (e != ERR_OK)
        return e;
    forget_source(db->recorder);
    db->recorder->stored = true;
    return ERR_OK;
}

/* Numbers go on where the file ends. */
static enum error number_after(struct capdb *db, const char *column, const char *table,
                               int64_t *next)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof(sql), "SELECT max(%s) FROM main.%s", column, table);
    const int64_t highest = capdb_int(db, sql, 0);
    if (highest == INT64_MAX)
        return capdb_fail(db, ERR_CORRUPT, "is damaged: no number is left in %s", table);
    *next = highest + 1;
    return ERR_OK;
}

static enum error resume_numbers(struct capdb *db)
{
    struct numbers *next = &db->recorder->next;
    enum error e = ERR_OK;
    for (int k = 0; e == ERR_OK && k < ROW_KINDS; k++)
        e = number_after(db, "row", capdb_base(db, (enum row_kind)k), &next->row[k]);
    if (capdb_is_split(db)) /* those of their next rows */
        return e;
    if (e == ERR_OK)
        e = number_after(db, "id", "cap_row", &next->cap);
    return e == ERR_OK ? number_after(db, "id", "object_row", &next->object) : e;
}

/* What is written next follows from it: it is read from the tables alone, and is what was recorded. */
static enum error load_mirror(struct capdb *db)
{
    static const char sum[] = "SELECT sum FROM main.snapshot ORDER BY n DESC LIMIT 1";
    const bool keyframes = db->keyframes;
    struct mirror *m = &db->recorder->mirror;
    db->keyframes = false;
    enum error e = mirror_load(db, m);
    db->keyframes = keyframes;
    if (e == ERR_OK && db->count &&
        capdb_int(db, sum, 0) != (int64_t)capdb_sum(&m->state, db->version))
        e = capdb_fail(db, ERR_CORRUPT, "is damaged: its last snapshot is not what was recorded");
    return e;
}

static enum error resume_state(struct capdb *db)
{
    enum error e = ERR_OK;
    if (capdb_int(db, "SELECT count(*) FROM main.tail", 0) > 0)
        e = capdb_merge(db); /* what a killed recorder left */
    db->count = (uint32_t)capdb_int(db, "SELECT max(n) FROM main.snapshot", 0);
    if (e == ERR_OK)
        e = ledger_last(db, &db->recorder->ledger);
    if (e == ERR_OK && (db->recorder->ledger.entry == 0 || db->recorder->ledger.n != db->count))
        e = capdb_fail(db, ERR_CORRUPT, "is damaged: its ledger does not end at its last snapshot");
    if (e == ERR_OK)
        e = capdb_get_rules(db, 0, &db->recorder->rules);
    if (e == ERR_OK)
        e = load_mirror(db);
    if (e == ERR_OK)
        e = resume_numbers(db);
    return e == ERR_OK && db->keyframes ? keyframes_resume(db) : e;
}

enum error recorder_resume(struct capdb *db, const struct capdb_source *source)
{
    bool changed = false;
    enum error e = recorder_new(db);
    if (e == ERR_OK)
        e = check_source(db, source, &changed);
    if (e == ERR_OK)
        e = recorder_begin(db);
    if (e == ERR_OK)
        e = resume_state(db);
    return e == ERR_OK && changed ? change_source(db, source) : e;
}

enum error capdb_reached_again(struct capdb *db, const struct capdb_source *source)
{
    bool changed = false;
    const struct capdb_source again = {source->target, source->machine, .same_machine = true};
    if (!source->machine || !source->machine[0])
        return ERR_OK;
    enum error e = check_source(db, &again, &changed);
    return e == ERR_OK && changed ? change_source(db, &again) : e;
}

#define PLACE_U               ", ?"
#define PLACE_W               ", ?"
#define PLACE_D               ", ?"
#define PLACE_S               ", ?"
#define PLACE_T               "" /* of the moment: not kept */
#define ONE_PLACE(mode, name) PLACE_##mode

static enum error prepare_all(struct capdb *db)
{
    struct recorder *r = db->recorder;
    const struct {
        sqlite3_stmt **st;
        const char *sql;
    } all[] = {
        {&r->put_tail, "INSERT INTO main.tail VALUES (?, ?, ?, ?, ?)"},
        {&r->put_snapshot,
         "INSERT INTO main.snapshot VALUES (?, ?, ?, ?, ?, ?, ?" RECORD_FIELDS_SNAPSHOT(ONE_PLACE)
             RECORD_FIELDS_END(ONE_PLACE) RECORD_FIELDS_SCHED(ONE_PLACE)
                 RECORD_FIELDS_REVOKE(ONE_PLACE) ")"},
        {&r->put_name, "INSERT INTO main.name VALUES (NULL, ?, ?)"},
        {&r->get_name, "SELECT id FROM main.name WHERE bytes = ?"},
        {&r->put_domain, "INSERT INTO main.domain VALUES (NULL, ?, ?)"},
        {&r->get_domain, "SELECT id FROM main.domain WHERE name = ? AND trusted = ?"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (!*all[i].st && sqlite3_prepare_v3(db->sql, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                              all[i].st, NULL) != SQLITE_OK)
            return capdb_fail_sql(db, "starting to record");
    return ERR_OK;
}

enum error recorder_begin(struct capdb *db)
{
    if (!db->writable)
        return capdb_fail(db, ERR_REFUSED, "is open for reading");
    if (db->recorder->wal)
        return ERR_OK;
    enum error e =
        db->memory ? ERR_OK : capdb_exec(db, "PRAGMA main.journal_mode=WAL", "starting to record");
    if (e == ERR_OK)
        e = prepare_all(db);
    db->recorder->wal = e == ERR_OK;
    place_note(db);
    return e;
}

/* --- transactions ---------------------------------------------------------------------------- */

enum error recorder_commit(struct capdb *db, enum ledger_kind kind, uint32_t n,
                           struct blake2b *rows, const char *doing)
{
    struct ledger_entry entry;
    enum error e = ledger_put(db, &db->recorder->ledger, kind, n, rows, &entry);
    if (e == ERR_OK)
        e = shm_check(db);
    if (e == ERR_OK)
        e = capdb_exec(db, "COMMIT", doing);
    if (e == ERR_OK) {
        db->recorder->ledger = entry;
        db->recorder->stored = true;
    }
    place_note(db);
    return e;
}

static enum error store_source(struct capdb *db)
{
    enum error e = capdb_exec(db, "BEGIN IMMEDIATE", "storing the target");
    if (e == ERR_OK)
        e = put_source(db);
    if (e == ERR_OK)
        e = recorder_commit(db, LEDGER_KIND_SOURCE_CHANGED, db->count, NULL, "storing the target");
    if (e == ERR_OK)
        forget_source(db->recorder);
    else
        recorder_roll_back(db);
    return e;
}

enum error recorder_put_source(struct capdb *db, const char *target, const char *machine)
{
    struct recorder *r = db->recorder;
    enum error e = recorder_begin(db);
    if (e != ERR_OK)
        return e;
    forget_source(r);
    r->target = strdup(target);
    r->machine = strdup(machine);
    if (r->target && r->machine)
        return store_source(db);
    forget_source(r);
    return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
}

enum error recorder_transaction(struct capdb *db, const char *doing)
{
    enum error e = recorder_begin(db);
    if (e == ERR_OK)
        e = place_check(db);
    if (e == ERR_OK && db->recorder->target)
        e = store_source(db);
    return e == ERR_OK ? capdb_exec(db, "BEGIN IMMEDIATE", doing) : e;
}

void recorder_roll_back(struct capdb *db)
{
    sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
}

enum error capdb_flush(struct capdb *db)
{
    struct recorder *r = db->recorder;
    if (!r || r->unmerged == 0)
        return ERR_OK;
    double begun = capdb_now();
    enum error e = capdb_merge(db);
    if (e == ERR_OK)
        e = keyframes_put(db);
    place_note(db);
    if (e == ERR_OK) {
        r->unmerged = 0;
        r->merged_at = capdb_now();
        r->merge_took = r->merged_at - begun;
    }
    return e;
}

/* --- ending ---------------------------------------------------------------------------------- */

void recorder_finish(struct capdb *db)
{
    struct recorder *r = db->recorder;
    if (!r || !r->wal || !r->stored)
        return;
    capdb_flush(db);
    if (r->ledger.kind == LEDGER_KIND_CLOSED || recorder_transaction(db, "closing") != ERR_OK)
        return;
    if (recorder_commit(db, LEDGER_KIND_CLOSED, db->count, NULL, "closing") != ERR_OK)
        recorder_roll_back(db);
}

void recorder_free(struct capdb *db)
{
    struct recorder *r = db->recorder;
    if (!r)
        return;
    sqlite3_stmt *all[] = {r->put_tail, r->put_snapshot, r->put_name,
                           r->get_name, r->put_domain,   r->get_domain};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        sqlite3_finalize(all[i]);
    pack_free(&r->packs[0]);
    pack_free(&r->packs[1]);
    mirror_free(&r->mirror);
    room_free(&r->cap_room);
    room_free(&r->object_room);
    for (int i = 0; i < RECORDER_SCRATCH; i++)
        room_free(&r->scratch[i]);
    authority_rules_free(&r->rules);
    forget_source(r);
    free(r);
    db->recorder = NULL;
}
