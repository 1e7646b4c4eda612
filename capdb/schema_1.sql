-- The tables of format 1, whose recordings are still read (`capdb upgrade` makes format 2 of them).
-- Tables and indexes as such a file has them, but for blanks and quotes; the views stand in its place
-- for what format 2 has and format 1 lacks.


CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE name (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL UNIQUE, text TEXT NOT NULL);

CREATE TABLE domain (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, trusted INTEGER NOT NULL);

CREATE TABLE domain_rule (ord INTEGER PRIMARY KEY, pattern TEXT NOT NULL, domain TEXT NOT NULL,
    trusted INTEGER NOT NULL);

CREATE TABLE word (kind TEXT NOT NULL, value INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY
    (kind, value)) WITHOUT ROWID;

CREATE TABLE snapshot (n INTEGER PRIMARY KEY, time REAL NOT NULL, sum INTEGER NOT NULL, added
    INTEGER NOT NULL, removed INTEGER NOT NULL, changed INTEGER NOT NULL, last_cap_row INTEGER NOT
    NULL, format INTEGER, kernel INTEGER, layout INTEGER, seq INTEGER, ticks INTEGER, stopped
    INTEGER, debug INTEGER, phys_offset INTEGER, ram_base INTEGER, ram_size INTEGER, kernel_start
    INTEGER, kernel_end INTEGER, board BLOB, build BLOB, complete INTEGER, slots INTEGER, threads
    INTEGER, mappings INTEGER, records INTEGER, digest0 INTEGER, digest1 INTEGER, sentinel INTEGER,
    sched_current INTEGER, sched_ready INTEGER, sched_highest INTEGER, revoke_root INTEGER,
    revoke_victim INTEGER, revoke_done INTEGER, revoke_left INTEGER, revoke_preempted INTEGER);

CREATE TABLE cap_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, id INTEGER,
    parent INTEGER, pos INTEGER, slot INTEGER, holder INTEGER, domain INTEGER, type INTEGER, object
    INTEGER, addr INTEGER, bits INTEGER, rights INTEGER, flags INTEGER, data INTEGER, extra INTEGER)
    STRICT;
CREATE INDEX cap_by_id ON cap_row (id);
CREATE INDEX cap_by_slot ON cap_row (slot);
CREATE INDEX cap_by_object ON cap_row (object);
CREATE INDEX cap_closed ON cap_row (t1) WHERE t1 < 2147483647;

CREATE TABLE object_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, id
    INTEGER, type INTEGER, addr INTEGER, bits INTEGER, flags INTEGER) STRICT;
CREATE INDEX object_by_id ON object_row (id);
CREATE INDEX object_by_addr ON object_row (addr, bits);

CREATE TABLE thread_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, addr
    INTEGER, name INTEGER, domain INTEGER, priority INTEGER, mcp INTEGER, sched_domain INTEGER, idle
    INTEGER, fault_handler INTEGER, ipc_buffer INTEGER, bound INTEGER) STRICT;

CREATE TABLE run_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, addr
    INTEGER, state INTEGER, time_slice INTEGER, current INTEGER, pc INTEGER, sp INTEGER, cpsr
    INTEGER, blocked_on INTEGER, blocked_badge INTEGER, blocked_flags INTEGER, position INTEGER,
    fault INTEGER, fault_addr INTEGER, fault_detail INTEGER) STRICT;

CREATE TABLE endpoint_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, addr
    INTEGER, state INTEGER, waiters INTEGER) STRICT;

CREATE TABLE notification_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL,
    addr INTEGER, state INTEGER, word INTEGER, bound INTEGER, waiters INTEGER) STRICT;

CREATE TABLE mapping_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, dir
    INTEGER, vaddr INTEGER, asid INTEGER, frame INTEGER, bits INTEGER, rights INTEGER, attributes
    INTEGER, "table" INTEGER) STRICT;
CREATE INDEX mapping_by_frame ON mapping_row (frame);

CREATE TABLE irq_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, irq
    INTEGER, state INTEGER, slot INTEGER) STRICT;

CREATE TABLE finding_row (row INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, rule
    INTEGER, addr INTEGER, other INTEGER, value INTEGER) STRICT;

CREATE TABLE tail (t INTEGER NOT NULL, kind INTEGER NOT NULL, op INTEGER NOT NULL, row INTEGER NOT
    NULL, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13);

CREATE TABLE event (row INTEGER PRIMARY KEY, n INTEGER NOT NULL, seq INTEGER, time INTEGER, kind
    INTEGER, thread INTEGER, slot INTEGER, src INTEGER, type INTEGER, object INTEGER, bits INTEGER,
    rights INTEGER, flags INTEGER, data INTEGER, extra INTEGER, object2 INTEGER, detail INTEGER)
    STRICT;
CREATE INDEX event_of_snapshot ON event (n);
CREATE INDEX event_of_revoke ON event (slot) WHERE kind BETWEEN 18 AND 22;

CREATE VIEW rule_set AS SELECT 1 AS id, 1 AS first;
CREATE VIEW domain_rule AS
SELECT ord AS id, 1 AS rule_set, pattern, domain, trusted FROM main.domain_rule;
CREATE VIEW source AS
SELECT 1 AS id, 1 AS first, value AS target, '' AS machine FROM main.meta WHERE key = 'target';

-- Slots of 16 bytes.
CREATE VIEW cap_lives AS
SELECT c.t0 AS first, iif(c.t1 = 2147483647, NULL, c.t1 - 1) AS last, c.id AS cap, c.parent, c.slot,
       h.addr AS holder, (c.slot - h.addr) / 16 AS "index", d.name AS domain, w.text AS type,
       coalesce(c.addr, o.addr) AS object, coalesce(c.bits, o.bits) AS bits, c.object AS life,
       c.rights AS rights_bits,
       iif(c.rights & 2, 'r', '') || iif(c.rights & 1, 'w', '') || iif(c.rights & 4, 'g', '')
           || iif(c.rights & 8, 'p', '') AS rights,
       c.flags, c.data, c.extra, c.pos
  FROM cap_row c
  LEFT JOIN object_row o ON o.id = c.object
  LEFT JOIN object_row h ON h.id = c.holder
  LEFT JOIN domain d ON d.id = c.domain
  LEFT JOIN word w ON w.kind = 'cap' AND w.value = c.type;
