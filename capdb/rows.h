/* Rows as the X_row tables hold them: their kinds and columns, sets of them and their order. */
#ifndef CAPSCOPE_CAPDB_ROWS_H
#define CAPSCOPE_CAPDB_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns in the order of the tables, behind row, t0 and t1. */
// clang-format off
#define ROW_CAP_COLUMNS(C)                                                                         \
    C(id) C(parent) C(pos) C(slot) C(holder) C(domain) C(type) C(object) C(addr) C(bits)           \
    C(rights) C(flags) C(data) C(extra) C(index) C(level) C(place)
#define ROW_OBJECT_COLUMNS(C) C(id) C(type) C(addr) C(bits) C(flags)
#define ROW_THREAD_COLUMNS(C)                                                                      \
    C(addr) C(name) C(domain) C(priority) C(mcp) C(sched_domain) C(idle) C(fault_handler)          \
    C(ipc_buffer) C(bound) C(node)
#define ROW_RUN_COLUMNS(C)                                                                         \
    C(addr) C(state) C(time_slice) C(current) C(pc) C(sp) C(cpsr) C(blocked_on) C(blocked_badge)   \
    C(blocked_flags) C(position) C(fault) C(fault_addr) C(fault_detail) C(sched_context) C(reply)  \
    C(yield_to) C(release)
#define ROW_ENDPOINT_COLUMNS(C) C(addr) C(state) C(waiters)
#define ROW_NOTIFICATION_COLUMNS(C) C(addr) C(state) C(word) C(bound) C(waiters) C(sched_context)
#define ROW_MAPPING_COLUMNS(C)                                                                     \
    C(dir) C(vaddr) C(asid) C(frame) C(bits) C(rights) C(attributes) C(table)
#define ROW_IRQ_COLUMNS(C) C(irq) C(state) C(slot)
#define ROW_FINDING_COLUMNS(C) C(rule) C(addr) C(other) C(value)
#define ROW_SCHED_CONTEXT_COLUMNS(C)                                                               \
    C(addr) C(bits) C(node) C(period) C(budget) C(consumed) C(thread) C(reply) C(notification)     \
    C(badge) C(yield_from) C(refill_max) C(refills) C(head_time) C(head_amount) C(flags)
#define ROW_REPLY_COLUMNS(C) C(addr) C(thread) C(prev) C(next) C(sched_context)
#define ROW_TABLE_COLUMNS(C) C(addr) C(parent) C(level) C(vaddr) C(bits) C(asid)
/* of processors but the first */
#define ROW_SCHED_COLUMNS(C)                                                                       \
    C(node) C(current) C(ready) C(highest) C(idle) C(sched_context) C(released) C(domain)          \
    C(domain_time)
/* of memory but the first */
#define ROW_RANGE_COLUMNS(C) C(use) C(base) C(size) C(offset)

/* X(NAME, table, how many of its columns files of format 1 have) */
#define ROW_KIND_LIST(X)                                                                           \
    X(CAP, cap_row, 14)                                                                            \
    X(OBJECT, object_row, 5)                                                                       \
    X(THREAD, thread_row, 10)                                                                      \
    X(RUN, run_row, 14)                                                                            \
    X(ENDPOINT, endpoint_row, 3)                                                                   \
    X(NOTIFICATION, notification_row, 5)                                                           \
    X(MAPPING, mapping_row, 8)                                                                     \
    X(IRQ, irq_row, 3)                                                                             \
    X(FINDING, finding_row, 4)                                                                     \
    X(SCHED_CONTEXT, sched_context_row, 0)                                                         \
    X(REPLY, reply_row, 0)                                                                         \
    X(TABLE, table_row, 0)                                                                         \
    X(SCHED, sched_row, 0)                                                                         \
    X(RANGE, range_row, 0)
// clang-format on

enum row_kind {
#define X(NAME, table, first) ROW_##NAME,
    ROW_KIND_LIST(X)
#undef X
        ROW_KINDS
};

enum { ROW_MAX_COLUMNS = 18 };

/* Column numbers: CAP_COL_id ... */
#define CAP_COL(name) CAP_COL_##name,
enum { ROW_CAP_COLUMNS(CAP_COL) CAP_COL_COUNT };
_Static_assert((int)CAP_COL_COUNT < (int)ROW_MAX_COLUMNS, "tail has as many columns");

struct row_desc {
    const char *table;
    int columns;
    int first_columns; /* of those, how many files of format 1 have */
    const char *column[ROW_MAX_COLUMNS];
};
extern const struct row_desc row_descs[ROW_KINDS];

/* In the columns that may be NULL, addr and bits of a capability: as in the object. */
#define ROW_NULL INT64_MIN
bool row_may_be_null(int kind, int column);

struct row {
    int64_t row; /* rowid */
    int64_t v[ROW_MAX_COLUMNS];
};

/* Rows of one kind that hold in one snapshot, sorted by all columns. */
struct rowset {
    struct row *rows;
    uint32_t count;
    size_t room;
};

int row_compare(const void *a, const void *b); /* by all columns, for qsort */
bool rowset_reserve(struct rowset *set, uint32_t capacity);
bool rowset_add(struct rowset *set, const struct row *row);
void rowset_sort(struct rowset *set);
/* By a key of each row, equal ones as they stand.  False: no memory. */
typedef int64_t (*row_key_fn)(const void *ctx, const struct row *row);
bool rowset_order(struct rowset *set, row_key_fn key, const void *ctx);
/* For rowset_order(): rows of capabilities in derivation order, rows by their first column. */
int64_t row_position(const void *ctx, const struct row *row);
int64_t row_first(const void *ctx, const struct row *row);
void rowset_free(struct rowset *set);
/* In a sorted set the first row whose first column is `key`, NULL. */
const struct row *rowset_find(const struct rowset *set, int64_t key);

/* Ascending by key, equal keys in the order of their index if they began so. */
struct sort_key {
    int64_t key;
    uint32_t index;
};
void keys_sort(struct sort_key *keys, uint32_t count);
/* Index of the first key not below `key`; count when there is none. */
uint32_t keys_lower_bound(const struct sort_key *keys, uint32_t count, int64_t key);

/* Numbers to ask for, of which SQL sees one a row of capdb_keys (store.h). */
struct key_list {
    int64_t *keys;
    uint32_t count;
};
bool key_list_begin(struct key_list *list, size_t room); /* false: no memory */
/* Ascending, each once.  False: no memory. */
bool key_list_sort(struct key_list *list);
void key_list_free(struct key_list *list);

#endif
