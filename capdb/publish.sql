-- What `capdb publish` puts recordings into, in PostgreSQL.  Each table of a recording has a column
-- `recording` before its own, and begins its key with it, so that the tables can be distributed by
-- recording.  publish makes the tables with the columns of schema.sql; this text comes before and
-- behind them.

CREATE SCHEMA IF NOT EXISTS capscope;
SET search_path = capscope;
SET client_min_messages = warning;

-- snapshots: how many are here.  hash: of the commit of the last of them, so that only what goes on
-- from there is added.
CREATE TABLE IF NOT EXISTS recording (
    recording text PRIMARY KEY,
    hash      text NOT NULL,
    snapshots bigint NOT NULL
);
-- views
CREATE OR REPLACE VIEW snapshots AS
SELECT recording, n, to_timestamp(time) AS taken, time, ticks, seq, slots AS caps, threads, mappings,
       added, removed, changed, complete
  FROM snapshot;

CREATE OR REPLACE VIEW cap_lives AS
SELECT c.recording, c.t0 AS first, CASE WHEN c.t1 < 2147483647 THEN c.t1 - 1 END AS last, c.id AS cap,
       c.parent, c.slot, d.name AS domain, w.text AS type, coalesce(c.addr, o.addr) AS object,
       coalesce(c.bits, o.bits) AS bits, c.object AS life, c.rights AS rights_bits,
       CASE WHEN c.rights & 2 <> 0 THEN 'r' ELSE '' END || CASE WHEN c.rights & 1 <> 0 THEN 'w' ELSE '' END ||
       CASE WHEN c.rights & 4 <> 0 THEN 'g' ELSE '' END || CASE WHEN c.rights & 8 <> 0 THEN 'p' ELSE '' END
           AS rights,
       c.flags, c.data, c.extra, c.pos
  FROM cap_row c
  LEFT JOIN object_row o ON o.recording = c.recording AND o.id = c.object AND o.t0 <= c.t0 AND o.t1 > c.t0
  LEFT JOIN domain d ON d.recording = c.recording AND d.id = c.domain
  LEFT JOIN word w ON w.recording = c.recording AND w.kind = 'cap' AND w.value = c.type;

CREATE OR REPLACE VIEW caps AS
SELECT s.n, l.*
  FROM snapshot s
  JOIN cap_lives l ON l.recording = s.recording AND l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);

CREATE OR REPLACE VIEW threads AS
SELECT s.recording, s.n, t.addr, m.text AS name, d.name AS domain, w.text AS state, t.priority, t.mcp, r.current,
       t.idle, r.pc, r.sp
  FROM snapshot s
  JOIN thread_row t ON t.recording = s.recording AND t.t0 <= s.n AND t.t1 > s.n
  JOIN run_row r ON r.recording = s.recording AND r.addr = t.addr AND r.t0 <= s.n AND r.t1 > s.n
  LEFT JOIN name m ON m.recording = s.recording AND m.id = t.name
  LEFT JOIN domain d ON d.recording = s.recording AND d.id = t.domain
  LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'thread' AND w.value = r.state;
