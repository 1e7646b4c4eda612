/* What happened to capabilities between two snapshots, from the rows that began or ended in
 * between: nothing else is read.  Versions of one capability do not overlap and ascend with their
 * rows, so the newest one below the last row of a snapshot is the only one that can hold in it; the
 * index on id finds it at once, however many there are. */
#include "capdb/store.h"

/* early(?): the row of a capability's version in the snapshot whose last row is given. */
#define VERSION(id, last)                                                                          \
    "(SELECT max(v.row) FROM cap_row v WHERE v.id = " id " AND v.row <= " last ")"
#define COLUMNS                                                                                    \
    "coalesce(l.type, e.type), EXISTS (SELECT 1 FROM object_row o WHERE"                           \
    " o.id = coalesce(l.object, e.object) AND o.t0 > lo) AND NOT EXISTS (SELECT 1 FROM object_row" \
    " o WHERE o.id = coalesce(l.object, e.object) AND o.t0 <= lo), p.type, p.rights, p.data"
#define BOTH                                                                                       \
    "coalesce(e.id, l.id), e.slot, l.slot, e.parent, l.parent, e.rights, l.rights, e.data,"        \
    " l.data, e.extra, l.extra, e.flags, l.flags, " COLUMNS

static const char diff_sql[] =
    "WITH span(lo, hi, lo_row, hi_row) AS MATERIALIZED (SELECT a.n, b.n, a.last_cap_row,"
    "  b.last_cap_row FROM snapshot a, snapshot b WHERE a.n = min(?1, ?2) AND b.n = max(?1, ?2))"
    " SELECT " BOTH " FROM span CROSS JOIN cap_row l"
    " LEFT JOIN cap_row e ON e.row = " VERSION(
        "l.id", "lo_row") " AND e.t1 > lo"
                          " LEFT JOIN cap_row p ON p.row = " VERSION(
                              "l.parent",
                              "hi_row") " AND p.t1 > hi"
                                        " WHERE l.row > lo_row AND l.row <= hi_row AND l.t1 > hi"
                                        " UNION ALL SELECT e.id, e.slot, NULL, e.parent, NULL, "
                                        "e.rights, NULL, e.data, NULL,"
                                        " e.extra, NULL, e.flags, NULL, e.type, 0, NULL, NULL, "
                                        "NULL FROM span CROSS JOIN cap_row e"
                                        " LEFT JOIN cap_row l ON l.row = " VERSION(
                                            "e.id",
                                            "hi_row") " AND l.t1 > hi"
                                                      " WHERE e.t1 > lo AND e.t1 <= hi AND e.t1 < "
                                                      "2147483647 AND e.t0 <= lo AND l.row IS NULL"
                                                      " ORDER BY 3, 2";

enum error capdb_prepare_diff(struct capdb *db, uint32_t a, uint32_t b, sqlite3_stmt **st)
{
    enum error e = capdb_prepare(db, diff_sql, st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(*st, 1, a);
    sqlite3_bind_int64(*st, 2, b);
    return ERR_OK;
}
