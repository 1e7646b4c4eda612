/* The chain of commits: each row of `ledger` has a hash over the hash before and over all that its
 * commit wrote, so that whoever knows the last hash knows the whole recording.
 *
 * Hashed, in this order: the hash before (zeros for the first), kind, n and the marks of the row;
 * then by kind: created   user_version, schema, meta and word
 *               snapshot  the row of snapshot, and the hash of the versions it ended and began
 * then the rows of each table that only grows, behind its mark before up to its mark now. */
#ifndef CAPSCOPE_CAPDB_LEDGER_H
#define CAPSCOPE_CAPDB_LEDGER_H

#include "capdb/blake2b.h"
#include "capdb/store.h"

/* Tables that only grow: X(NAME, table, key) */
#define LEDGER_TABLE_LIST(X)                                                                       \
    X(SOURCE, source, id)                                                                          \
    X(RULE_SET, rule_set, id)                                                                      \
    X(DOMAIN_RULE, domain_rule, id)                                                                \
    X(NAME, name, id)                                                                              \
    X(DOMAIN, domain, id)                                                                          \
    X(EVENT, event, row)

enum ledger_table {
#define X(NAME, table, key) LEDGER_##NAME,
    LEDGER_TABLE_LIST(X)
#undef X
        LEDGER_TABLES
};

#define LEDGER_KIND_LIST(X)                                                                        \
    X(CREATED, "created")                                                                          \
    X(SOURCE_CHANGED, "source")                                                                    \
    X(RULES_CHANGED, "rules")                                                                      \
    X(EVENTS, "events")                                                                            \
    X(SNAPSHOT, "snapshot")                                                                        \
    X(CLOSED, "closed")

enum ledger_kind {
#define X(NAME, text) LEDGER_KIND_##NAME,
    LEDGER_KIND_LIST(X)
#undef X
        LEDGER_KINDS
};

struct ledger_entry {
    int64_t entry; /* 0: before the first */
    enum ledger_kind kind;
    int64_t n;
    int64_t mark[LEDGER_TABLES];
    uint8_t hash[BLAKE2B_BYTES];
};

/* Versions of rows that a snapshot ends and begins: by kind, ended ones first, each ascending. */
void ledger_add_end(struct blake2b *rows, int kind, int64_t row);
void ledger_add_begin(struct blake2b *rows, int kind, const struct row *row);

/* The last entry of the file, or one with entry 0. */
enum error ledger_last(struct capdb *db, struct ledger_entry *out);
enum error ledger_fetch(struct capdb *db, sqlite3_stmt *st, struct ledger_entry *out);

/* Fills the hash of an entry from what the file holds. rows: of a snapshot, ended by this; else
 * NULL. */
enum error ledger_hash(struct capdb *db, const struct ledger_entry *before,
                       struct ledger_entry *entry, struct blake2b *rows);

/* Writes the entry behind `before`, inside the transaction that it describes. */
enum error ledger_put(struct capdb *db, const struct ledger_entry *before, enum ledger_kind kind,
                      uint32_t n, struct blake2b *rows, struct ledger_entry *out);

extern const char ledger_select[]; /* all entries, for ledger_fetch() */
extern const char *const ledger_tables[LEDGER_TABLES];
extern const char *const ledger_keys[LEDGER_TABLES];

#endif
