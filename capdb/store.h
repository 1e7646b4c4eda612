/* What the files of capdb/ share about an open recording: kinds of row, the mirror of the newest
 * snapshot, small helpers around SQLite. */
#ifndef CAPSCOPE_CAPDB_STORE_H
#define CAPSCOPE_CAPDB_STORE_H

#include "capdb/capdb.h"
#include "capdb/schema.h"

#include <sqlite3.h>

/* --- rows --------------------------------------------------------------------------------------
 */

#define ROW_CAP_COLUMNS(C)                                                                         \
    C(id)                                                                                          \
    C(parent)                                                                                      \
    C(pos)                                                                                         \
    C(slot)                                                                                        \
    C(holder) C(domain) C(type) C(object) C(addr) C(bits) C(rights) C(flags) C(data) C(extra)
#define ROW_OBJECT_COLUMNS(C) C(id) C(type) C(addr) C(bits) C(flags)
#define ROW_THREAD_COLUMNS(C)                                                                      \
    C(addr)                                                                                        \
    C(name)                                                                                        \
    C(domain) C(priority) C(mcp) C(sched_domain) C(idle) C(fault_handler) C(ipc_buffer) C(bound)
#define ROW_RUN_COLUMNS(C)                                                                         \
    C(addr)                                                                                        \
    C(state)                                                                                       \
    C(time_slice)                                                                                  \
    C(current)                                                                                     \
    C(pc)                                                                                          \
    C(sp)                                                                                          \
    C(cpsr)                                                                                        \
    C(blocked_on)                                                                                  \
    C(blocked_badge) C(blocked_flags) C(position) C(fault) C(fault_addr) C(fault_detail)
#define ROW_ENDPOINT_COLUMNS(C)     C(addr) C(state) C(waiters)
#define ROW_NOTIFICATION_COLUMNS(C) C(addr) C(state) C(word) C(bound) C(waiters)
#define ROW_MAPPING_COLUMNS(C)                                                                     \
    C(dir) C(vaddr) C(asid) C(frame) C(bits) C(rights) C(attributes) C(table)
#define ROW_IRQ_COLUMNS(C)     C(irq) C(state) C(slot)
#define ROW_FINDING_COLUMNS(C) C(rule) C(addr) C(other) C(value)

#define ROW_KIND_LIST(X)                                                                           \
    X(CAP, cap_row)                                                                                \
    X(OBJECT, object_row)                                                                          \
    X(THREAD, thread_row)                                                                          \
    X(RUN, run_row)                                                                                \
    X(ENDPOINT, endpoint_row)                                                                      \
    X(NOTIFICATION, notification_row)                                                              \
    X(MAPPING, mapping_row)                                                                        \
    X(IRQ, irq_row)                                                                                \
    X(FINDING, finding_row)

enum row_kind {
#define X(NAME, table) ROW_##NAME,
    ROW_KIND_LIST(X)
#undef X
        ROW_KINDS
};

enum { ROW_MAX_COLUMNS = 14 };

/* Column numbers: CAP_COL_id ... */
#define CAP_COL(name) CAP_COL_##name,
enum { ROW_CAP_COLUMNS(CAP_COL) CAP_COL_COUNT };
_Static_assert((int)CAP_COL_COUNT <= (int)ROW_MAX_COLUMNS, "tail has as many columns");

struct row_desc {
    const char *table;
    int columns;
    const char *column[ROW_MAX_COLUMNS];
};
extern const struct row_desc row_descs[ROW_KINDS];

#define ROW_NULL INT64_MIN

struct row {
    int64_t row; /* rowid */
    int64_t v[ROW_MAX_COLUMNS];
};

/* Rows of one kind that hold in one snapshot, sorted by all columns. */
struct rowset {
    struct row *rows;
    uint32_t count, capacity;
};

int row_compare(const void *a, const void *b); /* by all columns, for qsort */
bool rowset_reserve(struct rowset *set, uint32_t capacity);
bool rowset_add(struct rowset *set, const struct row *row);
void rowset_sort(struct rowset *set);
void rowset_free(struct rowset *set);

/* Ascending by key, equal keys in the order of their index if they began so. */
struct sort_key {
    int64_t key;
    uint32_t index;
};
void keys_sort(struct sort_key *keys, uint32_t count);

/* --- what is remembered of the newest snapshot
 * ---------------------------------------------------- */

/* A capability as identity.c compares it. */
struct capmem {
    struct record_slot rec;
    int64_t id, parent, pos;
};

struct mirror {
    struct rowset sets[ROW_KINDS];
    struct capmem *caps; /* derivation order */
    uint32_t cap_count;
    uint64_t shape; /* hash of all that caps, objects and domains depend on */
};
void mirror_free(struct mirror *m);

/* --- the handle
 * ------------------------------------------------------------------------------------ */

struct capdb {
    sqlite3 *sql;
    char *path;
    bool memory, writable, wal;
    uint32_t count;
    int64_t next_row[ROW_KINDS];
    int64_t next_cap, next_object;
    struct mirror *mirror; /* NULL before the first append or cap_id */
    uint32_t unmerged;
    double merged_at;
    struct authority_rules rules;
    bool
        reshape; /* domains may be others though no capability changed: rules, or another program */
    sqlite3_stmt *put_tail, *put_snapshot, *put_name, *get_name, *put_domain, *get_domain;
    char message[CAPDB_MESSAGE];
};

/* Puts the sentence into db->message; returns e. */
enum error capdb_fail(struct capdb *db, enum error e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same from SQLite's own error, after what we were doing. */
enum error capdb_fail_sql(struct capdb *db, const char *doing);
enum error capdb_exec(struct capdb *db, const char *sql, const char *doing);
enum error capdb_prepare(struct capdb *db, const char *sql, sqlite3_stmt **out);
/* First column of the first row of a query without parameters; `missing` when there is none. */
int64_t capdb_int(struct capdb *db, const char *sql, int64_t missing);
double capdb_now(void);

/* Numbers of rows, capabilities and objects go on where the file ends. */
void capdb_resume_numbers(struct capdb *db);

/* Gives a recording from before a column the column. */
enum error capdb_add_late_columns(struct capdb *db);

/* The first write makes this handle the recorder. */
enum error capdb_become_recorder(struct capdb *db);

/* events.c. A row of kind 0: `detail` events from number `seq` on are lost. */
enum { CAPDB_EVENT_GAP = 0 };
/* From the columns of table event, beginning with column `at`, that of seq. */
void capdb_fetch_event(sqlite3_stmt *st, int at, struct record_event *out);
bool capdb_has_events(struct capdb *db);
/* Do the events before snapshot n lead there from the one before? false: a sentence says what not.
 */
bool capdb_prove_events(struct capdb *db, uint32_t n, char *sentence, size_t size);

/* Moves the tail into the tables; a transaction of its own. */
enum error capdb_merge(struct capdb *db);

/* Reads the rows that hold in snapshot n, sorted. */
enum error capdb_rows_at(struct capdb *db, enum row_kind kind, uint32_t n, struct rowset *out);
enum error capdb_mirror_load(struct capdb *db);

/* identity.c: gives each slot of `state` its stable id and position. out: array of slot_count, with
 * rec, id, parent, pos filled. before may be empty. ERR_NO_MEMORY. */
struct identity_stats {
    uint32_t added, removed, changed;
};
enum error identity_assign(const struct capmem *before, uint32_t before_count,
                           const struct capstate *state, int64_t *next_id, struct capmem *out,
                           struct identity_stats *stats);

/* sum.c: over all records; the order of kinds other than slots does not matter. */
uint64_t capdb_sum(const struct capstate *state);
uint64_t capdb_shape(const struct capstate *state);

#endif
