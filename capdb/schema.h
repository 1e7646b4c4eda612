/* The database schema as SQL text; docs/database.md explains the views to those who query them.
 *
 * X_row tables hold versions of facts: a row holds from snapshot t0 up to, not including, t1; t1 is
 * 2147483647 while it holds.  Rowids ascend with t0.  Each append writes one `tail` row a change,
 * which no index makes slow; a merge moves them into the X_row tables about once a second, so
 * whoever opens the file merges what a killed recorder left.  NULL saves space where a column says
 * nothing that another does not. */
#ifndef CAPSCOPE_CAPDB_SCHEMA_H
#define CAPSCOPE_CAPDB_SCHEMA_H

#include "record/record.h"

enum {
    CAPDB_APPLICATION_ID = 0x43504442, /* "CPDB" */
    CAPDB_USER_VERSION = 1,
    CAPDB_STILL = 0x7fffffff, /* t1 of what still holds */
};

#define SCHEMA_COLUMN(mode, name) ", \"" #name "\" " SCHEMA_TYPE_##mode
#define SCHEMA_TYPE_U             "INTEGER"
#define SCHEMA_TYPE_D             "INTEGER"
#define SCHEMA_TYPE_S             "BLOB"
#define SCHEMA_SCHED(mode, name)  ", sched_" #name " INTEGER"
#define SCHEMA_REVOKE(mode, name) ", revoke_" #name " INTEGER"

static const char capdb_schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE name (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL UNIQUE, text TEXT NOT NULL);"
    "CREATE TABLE domain (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  trusted INTEGER NOT NULL);"
    /* a set of rules holds from snapshot `since` on until the next begins; one row with an empty
     * pattern: a set of none */
    "CREATE TABLE domain_rule (ord INTEGER PRIMARY KEY, pattern TEXT NOT NULL,"
    "  domain TEXT NOT NULL, trusted INTEGER NOT NULL, since INTEGER NOT NULL DEFAULT 1);"
    "CREATE TABLE word (kind TEXT NOT NULL, value INTEGER NOT NULL, text TEXT NOT NULL,"
    "  PRIMARY KEY (kind, value)) WITHOUT ROWID;"
    /* sum: over all records of the snapshot, see verify; last_cap_row: highest rowid then */
    "CREATE TABLE snapshot (n INTEGER PRIMARY KEY, time REAL NOT NULL, sum INTEGER NOT NULL,"
    "  added INTEGER NOT NULL, removed INTEGER NOT NULL, changed INTEGER NOT NULL,"
    "  last_cap_row INTEGER NOT NULL" RECORD_FIELDS_SNAPSHOT(SCHEMA_COLUMN)
        RECORD_FIELDS_END(SCHEMA_COLUMN) RECORD_FIELDS_SCHED(SCHEMA_SCHED) RECORD_FIELDS_REVOKE(
            SCHEMA_REVOKE) ");"
                           /* id: lives through moves and changes of rights.  parent: id of the
                            * parent, 0 for roots. pos: orders the derivation list.  holder, object:
                            * ids in object_row, 0 for none. addr, bits: only where they differ from
                            * those of the object. */
                           "CREATE TABLE cap_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 "
                           "INTEGER NOT NULL,"
                           "  id INTEGER, parent INTEGER, pos INTEGER, slot INTEGER, holder "
                           "INTEGER, domain INTEGER,"
                           "  type INTEGER, object INTEGER, addr INTEGER, bits INTEGER, rights "
                           "INTEGER, flags INTEGER,"
                           "  data INTEGER, extra INTEGER) STRICT;"
                           "CREATE INDEX cap_by_id ON cap_row (id);"
                           "CREATE INDEX cap_by_slot ON cap_row (slot);"
                           "CREATE INDEX cap_by_object ON cap_row (object);"
                           "CREATE INDEX cap_closed ON cap_row (t1) WHERE t1 < 2147483647;"
                           /* one row a life: the same address retyped again is another object */
                           "CREATE TABLE object_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, "
                           "t1 INTEGER NOT NULL,"
                           "  id INTEGER, type INTEGER, addr INTEGER, bits INTEGER, flags INTEGER) "
                           "STRICT;"
                           "CREATE INDEX object_by_id ON object_row (id);"
                           "CREATE INDEX object_by_addr ON object_row (addr, bits);"
                           /* what seldom changes of a thread, and what changes whenever it runs */
                           "CREATE TABLE thread_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, "
                           "t1 INTEGER NOT NULL,"
                           "  addr INTEGER, name INTEGER, domain INTEGER, priority INTEGER, mcp "
                           "INTEGER,"
                           "  sched_domain INTEGER, idle INTEGER, fault_handler INTEGER, "
                           "ipc_buffer INTEGER,"
                           "  bound INTEGER) STRICT;"
                           "CREATE TABLE run_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 "
                           "INTEGER NOT NULL,"
                           "  addr INTEGER, state INTEGER, time_slice INTEGER, current INTEGER, pc "
                           "INTEGER, sp INTEGER,"
                           "  cpsr INTEGER, blocked_on INTEGER, blocked_badge INTEGER, "
                           "blocked_flags INTEGER,"
                           "  position INTEGER, fault INTEGER, fault_addr INTEGER, fault_detail "
                           "INTEGER) STRICT;"
                           "CREATE TABLE endpoint_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT "
                           "NULL,"
                           "  t1 INTEGER NOT NULL, addr INTEGER, state INTEGER, waiters INTEGER) "
                           "STRICT;"
                           "CREATE TABLE notification_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT "
                           "NULL,"
                           "  t1 INTEGER NOT NULL, addr INTEGER, state INTEGER, word INTEGER, "
                           "bound INTEGER,"
                           "  waiters INTEGER) STRICT;"
                           "CREATE TABLE mapping_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL,"
                           "  t1 INTEGER NOT NULL, dir INTEGER, vaddr INTEGER, asid INTEGER, frame "
                           "INTEGER,"
                           "  bits INTEGER, rights INTEGER, attributes INTEGER, \"table\" INTEGER) "
                           "STRICT;"
                           "CREATE INDEX mapping_by_frame ON mapping_row (frame);"
                           "CREATE TABLE irq_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 "
                           "INTEGER NOT NULL,"
                           "  irq INTEGER, state INTEGER, slot INTEGER) STRICT;"
                           "CREATE TABLE finding_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL,"
                           "  t1 INTEGER NOT NULL, rule INTEGER, addr INTEGER, other INTEGER, "
                           "value INTEGER) STRICT;"
                           "CREATE TABLE tail (t INTEGER NOT NULL, kind INTEGER NOT NULL, op "
                           "INTEGER NOT NULL,"
                           "  row INTEGER NOT NULL, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, "
                           "v11, v12, v13);"

                           "CREATE VIEW snapshots AS SELECT n, datetime(time, 'unixepoch') AS "
                           "taken, time, ticks, seq,"
                           "  slots AS caps, threads, mappings, added, removed, changed, complete,"
                           "  printf('%08x%08x', digest0, digest1) AS digest, stopped, CAST(board "
                           "AS TEXT) AS board,"
                           "  CAST(build AS TEXT) AS build FROM snapshot;"
                           "CREATE VIEW cap_lives AS SELECT c.t0 AS first, CASE WHEN c.t1 = "
                           "2147483647 THEN NULL"
                           "  ELSE c.t1 - 1 END AS last, c.id AS cap, c.parent, c.slot, h.addr AS "
                           "holder,"
                           "  (c.slot - h.addr) / 16 AS \"index\", d.name AS domain, w.text AS "
                           "type,"
                           "  coalesce(c.addr, o.addr) AS object, coalesce(c.bits, o.bits) AS bits,"
                           "  c.object AS life, c.rights AS rights_bits,"
                           "  iif(c.rights & 2, 'r', '') || iif(c.rights & 1, 'w', '') || "
                           "iif(c.rights & 4, 'g', '') ||"
                           "  iif(c.rights & 8, 'p', '') AS rights, c.flags, c.data, c.extra, c.pos"
                           "  FROM cap_row c LEFT JOIN object_row o ON o.id = c.object"
                           "  LEFT JOIN object_row h ON h.id = c.holder LEFT JOIN domain d ON d.id "
                           "= c.domain"
                           "  LEFT JOIN word w ON w.kind = 'cap' AND w.value = c.type;"
                           "CREATE VIEW caps AS SELECT s.n, l.* FROM snapshot s JOIN cap_lives l"
                           "  ON l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);"
                           "CREATE VIEW object_lives AS SELECT o.t0 AS first, CASE WHEN o.t1 = "
                           "2147483647 THEN NULL"
                           "  ELSE o.t1 - 1 END AS last, o.id AS life, w.text AS type, o.addr, "
                           "o.bits,"
                           "  iif(o.bits > 0, 1 << o.bits, 0) AS bytes, o.flags"
                           "  FROM object_row o LEFT JOIN word w ON w.kind = 'cap' AND w.value = "
                           "o.type;"
                           "CREATE VIEW objects AS SELECT s.n, l.* FROM snapshot s JOIN "
                           "object_lives l"
                           "  ON l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);"
                           "CREATE VIEW threads AS SELECT s.n, t.addr, m.text AS name, d.name AS "
                           "domain,"
                           "  w.text AS state, t.priority, t.mcp, r.current, t.idle, r.pc, r.sp, "
                           "t.fault_handler,"
                           "  t.ipc_buffer, t.bound, r.blocked_on, r.blocked_badge, r.position, "
                           "r.time_slice,"
                           "  f.text AS fault, r.fault_addr FROM snapshot s"
                           "  JOIN thread_row t ON t.t0 <= s.n AND t.t1 > s.n"
                           "  JOIN run_row r ON r.addr = t.addr AND r.t0 <= s.n AND r.t1 > s.n"
                           "  LEFT JOIN name m ON m.id = t.name LEFT JOIN domain d ON d.id = "
                           "t.domain"
                           "  LEFT JOIN word w ON w.kind = 'thread' AND w.value = r.state"
                           "  LEFT JOIN word f ON f.kind = 'fault' AND f.value = r.fault;"
                           "CREATE VIEW domains AS SELECT n, domain, count(*) AS threads FROM "
                           "threads"
                           "  WHERE domain IS NOT NULL GROUP BY n, domain;"
                           "CREATE VIEW endpoints AS SELECT s.n, e.addr, w.text AS state, "
                           "e.waiters FROM snapshot s"
                           "  JOIN endpoint_row e ON e.t0 <= s.n AND e.t1 > s.n"
                           "  LEFT JOIN word w ON w.kind = 'endpoint' AND w.value = e.state;"
                           "CREATE VIEW notifications AS SELECT s.n, e.addr, w.text AS state, "
                           "e.word AS badges, e.bound,"
                           "  e.waiters FROM snapshot s JOIN notification_row e ON e.t0 <= s.n AND "
                           "e.t1 > s.n"
                           "  LEFT JOIN word w ON w.kind = 'notification' AND w.value = e.state;"
                           "CREATE VIEW mappings AS SELECT s.n, m.dir, m.asid, m.vaddr, m.frame, "
                           "m.bits,"
                           "  iif(m.rights & 2, 'r', '') || iif(m.rights & 1, 'w', '') || "
                           "iif(m.rights & 4, 'x', '')"
                           "  AS rights, m.attributes & 1 AS cached, m.\"table\" FROM snapshot s"
                           "  JOIN mapping_row m ON m.t0 <= s.n AND m.t1 > s.n;"
                           "CREATE VIEW irqs AS SELECT s.n, i.irq, w.text AS state, i.slot FROM "
                           "snapshot s"
                           "  JOIN irq_row i ON i.t0 <= s.n AND i.t1 > s.n"
                           "  LEFT JOIN word w ON w.kind = 'irq' AND w.value = i.state;"
                           "CREATE VIEW findings AS SELECT s.n, f.rule, f.addr, f.other, f.value "
                           "FROM snapshot s"
                           "  JOIN finding_row f ON f.t0 <= s.n AND f.t1 > s.n;";

/* Events as they were recorded, in the order of row.  n: first snapshot that shows it.  kind 0:
 * `detail` events from number `seq` on are lost. */
static const char capdb_event_table[] =
    "CREATE TABLE event (row INTEGER PRIMARY KEY, n INTEGER NOT NULL" RECORD_FIELDS_EVENT(
        SCHEMA_COLUMN) ") STRICT;";
static const char capdb_event_views[] =
    "CREATE INDEX event_of_snapshot ON event (n);"
    "CREATE INDEX event_of_revoke ON event (slot) WHERE kind BETWEEN 18 AND 22;"

    /* the acting thread by its last name up to then */
    "CREATE VIEW events AS SELECT e.n, e.seq, e.time >> 16 AS ticks, w.text AS event,"
    "  (SELECT m.text FROM thread_row t JOIN name m ON m.id = t.name"
    "   WHERE t.addr = e.thread AND t.t0 <= e.n ORDER BY t.t0 DESC LIMIT 1) AS thread,"
    "  nullif(e.thread, 0) AS tcb, nullif(e.slot, 0) AS slot, nullif(e.src, 0) AS src,"
    "  iif(e.type, c.text, NULL) AS type, iif(e.type, e.object, NULL) AS object, e.bits,"
    "  iif(e.rights & 2, 'r', '') || iif(e.rights & 1, 'w', '') || iif(e.rights & 4, 'g', '') ||"
    "  iif(e.rights & 8, 'p', '') AS rights, e.flags, e.data, e.extra,"
    "  nullif(e.object2, 0) AS about, e.detail, iif(e.kind = 0, e.detail, 0) AS lost"
    "  FROM event e LEFT JOIN word w ON w.kind = 'event' AND w.value = e.kind"
    "  LEFT JOIN word c ON c.kind = 'cap' AND c.value = e.type;"

    /* from each beginning (18) to the next end (22) of the same root; unfinished ones have no end
     */
    "CREATE VIEW revoke_span AS SELECT b.row AS first_row,"
    "  (SELECT min(e.row) FROM event e WHERE e.slot = b.slot AND e.kind = 22 AND e.row > b.row)"
    "  AS last_row FROM event b WHERE b.kind = 18;"
    "CREATE VIEW revokes AS SELECT row_number() OVER (ORDER BY b.row) AS revoke, b.n AS first,"
    "  e.n AS last, b.seq AS begins, e.seq AS ends, b.slot, nullif(b.thread, 0) AS tcb,"
    "  coalesce(e.detail, (SELECT max(v.detail) FROM event v WHERE v.slot = b.slot"
    "    AND v.kind BETWEEN 20 AND 21 AND v.row > b.row), 0) AS deleted,"
    "  (SELECT count(*) FROM event p WHERE p.slot = b.slot AND p.kind = 20 AND p.row > b.row"
    "    AND p.row < coalesce(e.row, 1 << 62)) AS preempted"
    "  FROM revoke_span s JOIN event b ON b.row = s.first_row"
    "  LEFT JOIN event e ON e.row = s.last_row;";

#endif
