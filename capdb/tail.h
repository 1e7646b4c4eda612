/* The tail: what was committed and is not merged into the tables yet. */
#ifndef CAPSCOPE_CAPDB_TAIL_H
#define CAPSCOPE_CAPDB_TAIL_H

#include "capdb/pack.h"
#include "capdb/store.h"

/* What snapshot t changed of one kind. ended: ascending; began: numbered without a hole. */
struct tail_changes {
    const int64_t *ended;
    uint32_t ended_count;
    const struct row *began;
    uint32_t began_count;
};
/* One row of the tail by `put`, which stands for INSERT INTO main.tail VALUES (?, ?, ?, ?, ?); none
 * where nothing changed.  scratch: memory that calls share. */
enum error tail_put(struct capdb *db, sqlite3_stmt *put, uint32_t t, int kind,
                    const struct tail_changes *changes, struct pack scratch[2]);

/* Numbers of rows, ascending, as differences; a pack as a value of a statement, which lasts as long as
 * it does; and what a column holds. */
void tail_pack_rows(struct pack *p, const int64_t *rows, uint32_t count);
void tail_bind(sqlite3_stmt *st, int at, const struct pack *p);
struct unpack tail_unpack(sqlite3_stmt *st, int column);

/* For FROM: the rows of a kind whose numbers capdb_keys has, with the tail as if it were merged; of what
 * begins in the tail all. */
enum { TAIL_FROM_BYTES = 1536 };
void tail_from_listed(const struct capdb *db, int kind, char sql[TAIL_FROM_BYTES + 2]);

#endif
