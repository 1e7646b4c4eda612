/* cut: a recording of some snapshots of another.
 *
 * Versions of rows are clipped to the range and numbered anew, snapshot by snapshot, so that each
 * commit of the new chain has what the old ones had; nothing is rebuilt.  Capabilities and objects
 * keep their numbers, so their rows do, too, but for the versions that hold in the first snapshot:
 * each is the first of its capability now, and has its number.  All of it is one transaction.
 * Snapshot n of the old is n - first + 1 of the new. */
#include "capdb/ended.h"
#include "capdb/recorder.h"
#include "capdb/keyframe.h"
#include "capdb/runs.h"
#include "capdb/version.h"
#include "lib/array.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 1024, PLACES_BYTES = 256 };

static const char doing[] = "cutting";

/* Versions of one kind on their way. old: their numbers in the old file, ascending; the place in it
 * is the new number, from 1, unless the kind keeps its numbers. */
struct lane {
    sqlite3_stmt *begins, *ends, *insert;
    struct version_writer writer; /* of kinds that keep them, in place of insert */
    bool begin, end;              /* is a row waiting? */
    int64_t *old;
    uint32_t count;
    size_t room;
};

struct cutting {
    struct capdb *from, *to;
    uint32_t first, last, n;
    struct lane lanes[ROW_KINDS];
    struct ledger_entry ledger;
    uint32_t slots; /* capabilities in the first */
    enum error e;
};

/* --- statements ------------------------------------------------------------------------------ */

static void step(struct cutting *c, sqlite3_stmt *st, bool *row)
{
    *row = capdb_step(c->from, st, "reading what was recorded", &c->e);
}

static void prepare(struct cutting *c, struct capdb *db, const char *sql, sqlite3_stmt **st)
{
    if (c->e == ERR_OK)
        c->e = capdb_prepare(db, sql, st);
}

/* "?, ?..." */
static const char *places(int count, char buf[PLACES_BYTES])
{
    int n = 0;
    for (int i = 0; i < count; i++)
        n += snprintf(buf + n, PLACES_BYTES - (size_t)n, i ? ", ?" : "?");
    return buf;
}

static bool keeps_numbers(int kind)
{
    return kind == ROW_CAP || kind == ROW_OBJECT;
}

static void open_lane(struct cutting *c, int kind)
{
    char sql[SQL_BYTES];
    char number[64];
    char some[PLACES_BYTES];
    const struct row_desc *d = &row_descs[kind];
    struct lane *l = &c->lanes[kind];
    const char *flat = capdb_flat(c->from, (enum row_kind)kind);
    if (kind == ROW_CAP)
        snprintf(number, sizeof(number), "iif(t0 <= %u, id, row)", c->first);
    else
        snprintf(number, sizeof(number), "row");
    int n = snprintf(sql, sizeof(sql), "SELECT %s, t0, t1", number);
    for (int i = 0; i < d->columns; i++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", \"%s\"", d->column[i]);
    snprintf(sql + n, sizeof(sql) - (size_t)n, " FROM %s WHERE t0 <= %u AND t1 > %u ORDER BY 1",
             flat, c->last, c->first);
    prepare(c, c->from, sql, &l->begins);
    snprintf(sql, sizeof(sql), "SELECT %s, t1 FROM %s WHERE t1 > %u AND t1 <= %u ORDER BY t1, 1",
             number, flat, c->first, c->last);
    prepare(c, c->from, sql, &l->ends);
    snprintf(sql, sizeof(sql), "INSERT INTO main.%s VALUES (%s)", d->table,
             places(d->columns + 3, some));
    if (!keeps_numbers(kind))
        prepare(c, c->to, sql, &l->insert);
    else if (c->e == ERR_OK)
        c->e = version_begin(&l->writer, c->to, (enum row_kind)kind);
    step(c, l->begins, &l->begin);
    step(c, l->ends, &l->end);
}

static void close_lane(struct lane *l)
{
    sqlite3_finalize(l->begins);
    sqlite3_finalize(l->ends);
    sqlite3_finalize(l->insert);
    version_end(&l->writer);
    free(l->old);
}

/* --- versions -------------------------------------------------------------------------------- */

static int64_t clipped(const struct cutting *c, int64_t t)
{
    return t > c->last ? CAPDB_STILL : t < c->first ? 1 : t - c->first + 1;
}

/* The new number of a row, 0: none came with it. */
static int64_t new_number(const struct lane *l, int kind, int64_t old)
{
    if (keeps_numbers(kind))
        return old;
    size_t at = LOWER_BOUND(l->count, i, l->old[i] < old);
    return at < l->count && l->old[at] == old ? (int64_t)at + 1 : 0;
}

static bool remember(struct lane *l, int64_t old)
{
    int64_t *grown = array_room(l->old, l->count, &l->room, sizeof(*grown));
    if (!grown)
        return false;
    l->old = grown;
    l->old[l->count++] = old;
    return true;
}

static void take_ends(struct cutting *c, int kind, struct blake2b *rows)
{
    struct lane *l = &c->lanes[kind];
    for (; l->end && sqlite3_column_int64(l->ends, 1) == c->n; step(c, l->ends, &l->end))
        ledger_add_end(rows, kind, new_number(l, kind, sqlite3_column_int64(l->ends, 0)));
}

static void insert_version(struct cutting *c, int kind, struct row *row)
{
    struct lane *l = &c->lanes[kind];
    const int64_t t0 = clipped(c, sqlite3_column_int64(l->begins, 1));
    const int64_t t1 = clipped(c, sqlite3_column_int64(l->begins, 2));
    for (int i = 0; i < row_descs[kind].columns; i++) {
        bool null = sqlite3_column_type(l->begins, i + 3) == SQLITE_NULL;
        row->v[i] = null ? ROW_NULL : sqlite3_column_int64(l->begins, i + 3);
    }
    if (keeps_numbers(kind)) {
        if (c->e == ERR_OK)
            c->e = version_put(&l->writer, row, t0, t1);
        return;
    }
    sqlite3_bind_int64(l->insert, 1, row->row);
    sqlite3_bind_int64(l->insert, 2, t0);
    sqlite3_bind_int64(l->insert, 3, t1);
    for (int i = 0; i < row_descs[kind].columns; i++)
        sqlite3_bind_value(l->insert, i + 4, sqlite3_column_value(l->begins, i + 3));
    capdb_step(c->to, l->insert, doing, &c->e);
    sqlite3_reset(l->insert);
}

static void take_begins(struct cutting *c, int kind, struct blake2b *rows)
{
    struct lane *l = &c->lanes[kind];
    for (; l->begin && sqlite3_column_int64(l->begins, 1) <= c->n; step(c, l->begins, &l->begin)) {
        const int64_t old = sqlite3_column_int64(l->begins, 0);
        struct row row = {.row = keeps_numbers(kind) ? old : (int64_t)l->count + 1};
        if (!remember(l, old))
            c->e = capdb_fail(c->to, ERR_NO_MEMORY, "out of memory");
        insert_version(c, kind, &row);
        ledger_add_begin(rows, kind, &row);
    }
}

/* --- tables that only grow, and the snapshot -------------------------------------------------- */

/* In place of what the query gives. */
struct instead {
    int column;
    int64_t value; /* ROW_NULL: NULL */
};

static void bind_row(sqlite3_stmt *from, sqlite3_stmt *to, const struct instead *in, int count)
{
    for (int i = 0; i < sqlite3_column_count(from); i++)
        sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
    for (int i = 0; i < count; i++)
        if (in[i].value == ROW_NULL)
            sqlite3_bind_null(to, in[i].column + 1);
        else
            sqlite3_bind_int64(to, in[i].column + 1, in[i].value);
}

/* The rows of a query into the table; ?1 is the first snapshot, ?2 this one, ?3 the last. */
static void copy_rows(struct cutting *c, const char *query, const char *table,
                      const struct instead *in, int count)
{
    char sql[SQL_BYTES];
    char some[PLACES_BYTES];
    sqlite3_stmt *from = NULL;
    sqlite3_stmt *to = NULL;
    prepare(c, c->from, query, &from);
    if (c->e != ERR_OK)
        return;
    const uint32_t bounds[] = {c->first, c->n, c->last};
    for (int i = 0; i < 3 && i < sqlite3_bind_parameter_count(from); i++)
        sqlite3_bind_int64(from, i + 1, bounds[i]);
    snprintf(sql, sizeof(sql), "INSERT INTO main.%s VALUES (%s)", table,
             places(sqlite3_column_count(from), some));
    prepare(c, c->to, sql, &to);
    while (capdb_step(c->from, from, "reading what was recorded", &c->e)) {
        bind_row(from, to, in, count);
        capdb_step(c->to, to, doing, &c->e);
        sqlite3_reset(to);
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
}

#define RULES_IN_FORCE "(SELECT id FROM rule_set WHERE first <= ?2 ORDER BY id DESC LIMIT 1)"
#define RULES_FROM_NOW "(SELECT id FROM rule_set WHERE first = ?2)"

/* What the range refers to, and no more: the file may be for somebody else. */
static void copy_what_was(struct cutting *c)
{
    copy_rows(c,
              "SELECT * FROM name WHERE id IN"
              " (SELECT name FROM thread_row WHERE t0 <= ?3 AND t1 > ?1) ORDER BY id",
              "name", NULL, 0);
    copy_rows(c,
              "SELECT * FROM domain WHERE id IN"
              " (SELECT domain FROM cap_row WHERE t0 <= ?3 AND t1 > ?1 UNION"
              "  SELECT domain FROM thread_row WHERE t0 <= ?3 AND t1 > ?1) ORDER BY id",
              "domain", NULL, 0);
    copy_rows(c, "SELECT id, 1 FROM rule_set WHERE id IN " RULES_IN_FORCE, "rule_set", NULL, 0);
    copy_rows(c, "SELECT * FROM domain_rule WHERE rule_set IN " RULES_IN_FORCE " ORDER BY id",
              "domain_rule", NULL, 0);
}

/* What came with a later snapshot, or between it and the one before. */
static void copy_what_came(struct cutting *c)
{
    const int64_t n = clipped(c, c->n);
    const struct instead source[] = {{0, ROW_NULL}, {1, n}};
    const struct instead rules[] = {{1, n}};
    const struct instead event[] = {{0, ROW_NULL}, {1, n}};
    copy_rows(c, "SELECT * FROM source WHERE first = ?2 ORDER BY id", "source", source, 2);
    copy_rows(c, "SELECT * FROM rule_set WHERE id IN " RULES_FROM_NOW " ORDER BY id", "rule_set",
              rules, 1);
    copy_rows(c, "SELECT * FROM domain_rule WHERE rule_set IN " RULES_FROM_NOW " ORDER BY id",
              "domain_rule", NULL, 0);
    copy_rows(c, "SELECT * FROM event WHERE n = ?2 ORDER BY row", "event", event, 2);
}

/* Against the snapshot before the first everything is new. */
static void copy_snapshot(struct cutting *c)
{
    const struct lane *caps = &c->lanes[ROW_CAP];
    const int64_t last = caps->count ? caps->old[caps->count - 1] : 0;
    const struct instead in[] = {
        {0, clipped(c, c->n)}, {6, last}, {3, caps->count}, {4, 0}, {5, 0}};
    copy_rows(c, "SELECT * FROM snapshot WHERE n = ?2", "snapshot", in, c->n == c->first ? 5 : 2);
}

static void cut_snapshot(struct cutting *c)
{
    struct blake2b rows;
    struct ledger_entry entry;
    if (c->n == c->first)
        copy_what_was(c);
    else
        copy_what_came(c);
    blake2b_begin(&rows);
    for (int kind = 0; kind < ROW_KINDS; kind++) {
        take_ends(c, kind, &rows);
        take_begins(c, kind, &rows);
    }
    copy_snapshot(c);
    if (c->e == ERR_OK)
        c->e = ledger_put(c->to, &c->ledger, LEDGER_KIND_SNAPSHOT, (uint32_t)clipped(c, c->n),
                          &rows, &entry);
    if (c->e == ERR_OK)
        c->ledger = entry;
}

/* --- all of it ------------------------------------------------------------------------------- */

static enum error cut_all(struct cutting *c)
{
    c->e = recorder_transaction(c->to, doing);
    c->ledger = c->to->recorder->ledger;
    for (int kind = 0; kind < ROW_KINDS; kind++)
        open_lane(c, kind);
    for (c->n = c->first; c->e == ERR_OK && c->n <= c->last; c->n++)
        cut_snapshot(c);
    for (int kind = 0; kind < ROW_KINDS; kind++)
        close_lane(&c->lanes[kind]);
    if (c->e == ERR_OK)
        c->e = keyframes_make(c->to);
    if (c->e == ERR_OK)
        c->e = ended_make(c->to);
    if (c->e == ERR_OK)
        c->e = runs_make(c->to);
    if (c->e == ERR_OK)
        c->e = capdb_exec(c->to, "COMMIT", doing);
    if (c->e != ERR_OK) {
        recorder_roll_back(c->to);
        return c->e;
    }
    c->to->recorder->ledger = c->ledger;
    c->to->count = c->last - c->first + 1;
    return ERR_OK;
}

static void count_fault(void *ctx, const char *sentence)
{
    (void)sentence;
    ++*(uint32_t *)ctx;
}

static enum error check_range(struct capdb *db, uint32_t first, uint32_t last)
{
    uint32_t faults = 0;
    if (!capdb_is_split(db))
        return capdb_fail(db, ERR_VERSION,
                          "has format %d; capdb upgrade makes a file of it that can be cut",
                          db->version);
    if (first == 0 || first > last)
        return capdb_fail(db, ERR_REFUSED, "a range from %u to %u ends before it begins", first,
                          last);
    if (last > capdb_count(db))
        return capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found, the last is %u", last,
                          capdb_count(db));
    return capdb_verify_chain(db, count_fault, &faults);
}

/* The door through which the first snapshot of the range came. */
static enum error create_out(struct capdb *db, uint32_t first, const char *cut, const char *out,
                             struct capdb_new *new, char *message)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db,
                                 "SELECT target, machine FROM source WHERE first <= ?"
                                 " ORDER BY id DESC LIMIT 1",
                                 &st);
    if (e == ERR_OK)
        sqlite3_bind_int64(st, 1, first);
    if (e == ERR_OK && !capdb_step(db, st, "reading the target", &e) && e == ERR_OK)
        e = capdb_fail(db, ERR_CORRUPT, "is damaged: it has no target");
    if (e == ERR_OK) {
        const struct capdb_source source = {
            .target = capdb_column_text(st, 0), .machine = capdb_column_text(st, 1), .cut = cut};
        char said[CAPDB_MESSAGE] = "";
        e = capdb_begin_new(out, &source, new, said);
        snprintf(message, CAPDB_MESSAGE, "%.160s: %.320s", out, said);
    } else {
        snprintf(message, CAPDB_MESSAGE, "%s", capdb_error(db));
    }
    sqlite3_finalize(st);
    return e;
}

static enum error cut_into(struct cutting *c, const char *out, char *message)
{
    char sentence[CAPDB_MESSAGE];
    struct capdb_ending ending;
    struct capdb_new new;
    char *path = strdup(c->from->path);
    enum error e = path ? capdb_ending(c->from, &ending) : ERR_NO_MEMORY;
    if (e == ERR_OK) {
        snprintf(sentence, sizeof(sentence),
                 "snapshots %u to %u of the %u of %.128s, whose last commit is %s", c->first,
                 c->last, capdb_count(c->from), basename(path), ending.hash);
        e = create_out(c->from, c->first, sentence, out, &new, message);
    } else {
        snprintf(message, CAPDB_MESSAGE, "%s", path ? capdb_error(c->from) : "out of memory");
    }
    free(path);
    if (e != ERR_OK)
        return e;
    c->to = new.db;
    e = cut_all(c);
    if (e != ERR_OK)
        snprintf(message, CAPDB_MESSAGE, "%.300s; %.160s is not made",
                 capdb_error(c->to)[0] ? capdb_error(c->to) : capdb_error(c->from), out);
    return capdb_end_new(&new, e, message);
}

enum error capdb_cut(struct capdb *db, uint32_t first, uint32_t last, const char *out,
                     char *message)
{
    struct cutting c = {.from = db, .first = first, .last = last};
    enum error e = capdb_hold(db);
    if (e == ERR_OK) {
        e = check_range(db, first, last);
        if (e != ERR_OK)
            snprintf(message, CAPDB_MESSAGE, "%s", capdb_error(db));
        else
            e = cut_into(&c, out, message);
        capdb_release(db);
    } else {
        snprintf(message, CAPDB_MESSAGE, "%s", capdb_error(db));
    }
    return e;
}
