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
-- Those of another capdb have other columns, which CREATE OR REPLACE does not change.
DO $$
BEGIN
    IF obj_description('capscope'::regnamespace, 'pg_namespace') IS DISTINCT FROM 'views 3' THEN
        DROP VIEW IF EXISTS snapshots, cap_lives, caps, cap_history, derivations, object_lives, objects, owners,
            memory_by_domain, crossings, threads, domains, endpoints, notifications, mappings, tables,
            sched_contexts, replies, irqs, findings, events, revoke_span, revokes CASCADE;
        COMMENT ON SCHEMA capscope IS 'views 3';
    END IF;
END $$;

CREATE OR REPLACE VIEW snapshots AS
SELECT recording, n, to_timestamp(time) AS taken, time, ticks, seq, slots AS caps, threads, mappings,
       added, removed, changed, complete,
       lpad(to_hex(digest0), 8, '0') || lpad(to_hex(digest1), 8, '0') AS digest, stopped,
       encode(board, 'escape') AS board, encode(build, 'escape') AS build
  FROM snapshot;

CREATE OR REPLACE VIEW cap_lives AS
SELECT c.recording, c.t0 AS first, CASE WHEN c.t1 < 2147483647 THEN c.t1 - 1 END AS last, c.id AS cap,
       c.parent, c.slot, h.addr AS holder, CASE WHEN c.holder <> 0 THEN c."index" END AS "index",
       d.name AS domain, w.text AS type, coalesce(c.addr, o.addr) AS object,
       coalesce(c.bits, o.bits) AS bits, c.object AS life, c.rights AS rights_bits,
       CASE WHEN c.rights & 2 <> 0 THEN 'r' ELSE '' END || CASE WHEN c.rights & 1 <> 0 THEN 'w' ELSE '' END ||
       CASE WHEN c.rights & 4 <> 0 THEN 'g' ELSE '' END || CASE WHEN c.rights & 8 <> 0 THEN 'p' ELSE '' END AS rights,
       c.flags, c.data, c.extra, c.pos
  FROM cap_row c
  LEFT JOIN object_row o ON o.recording = c.recording AND o.id = c.object AND o.t0 <= c.t0 AND o.t1 > c.t0
  LEFT JOIN object_row h ON h.recording = c.recording AND h.id = c.holder AND h.t0 <= c.t0 AND h.t1 > c.t0
  LEFT JOIN domain d ON d.recording = c.recording AND d.id = c.domain
  LEFT JOIN word w ON w.recording = c.recording AND w.kind = 'cap' AND w.value = c.type;

CREATE OR REPLACE VIEW caps AS
SELECT s.n, l.*
  FROM snapshot s
  JOIN cap_lives l ON l.recording = s.recording AND l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);

CREATE OR REPLACE VIEW cap_history AS
SELECT recording, cap, first, last,
       CASE WHEN first = min(first) OVER w THEN 'appears' ELSE
           trim(CASE WHEN slot IS DISTINCT FROM lag(slot) OVER v THEN 'moves ' ELSE '' END
                || CASE WHEN domain IS DISTINCT FROM lag(domain) OVER v THEN 'changes hands ' ELSE '' END
                || CASE WHEN rights_bits IS DISTINCT FROM lag(rights_bits) OVER v THEN 'loses rights ' ELSE '' END
                || CASE WHEN parent IS DISTINCT FROM lag(parent) OVER v THEN 'changes parent ' ELSE '' END
                || CASE WHEN data IS DISTINCT FROM lag(data) OVER v OR extra IS DISTINCT FROM lag(extra) OVER v
                        THEN 'changes data ' ELSE '' END
                || CASE WHEN flags IS DISTINCT FROM lag(flags) OVER v THEN 'changes flags' ELSE '' END) END AS what,
       slot, domain, type, object, bits, rights, parent, data, extra
  FROM cap_lives
WINDOW v AS (PARTITION BY recording, cap ORDER BY first),
       w AS (PARTITION BY recording, cap);

CREATE OR REPLACE VIEW derivations AS
SELECT s.recording, s.n, c.id AS cap, p.id AS parent, c.slot, p.slot AS parent_slot, d.name AS domain,
       e.name AS parent_domain, w.text AS type, coalesce(c.addr, o.addr) AS object,
       coalesce(c.bits, o.bits) AS bits, u.text AS parent_type
  FROM snapshot s
  JOIN cap_row c ON c.recording = s.recording AND c.t0 <= s.n AND c.t1 > s.n
  JOIN cap_row p ON p.recording = s.recording AND p.id = c.parent AND p.t0 <= s.n AND p.t1 > s.n
  LEFT JOIN object_row o ON o.recording = s.recording AND o.id = c.object AND o.t0 <= s.n AND o.t1 > s.n
  LEFT JOIN domain d ON d.recording = s.recording AND d.id = c.domain
  LEFT JOIN domain e ON e.recording = s.recording AND e.id = p.domain
  LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'cap' AND w.value = c.type
  LEFT JOIN word u ON u.recording = s.recording AND u.kind = 'cap' AND u.value = p.type;

CREATE OR REPLACE VIEW object_lives AS
SELECT o.recording, o.t0 AS first, CASE WHEN o.t1 < 2147483647 THEN o.t1 - 1 END AS last, o.id AS life,
       w.text AS type, o.addr, o.bits,
       CASE WHEN o.bits BETWEEN 1 AND 62 THEN 1::bigint << o.bits::int ELSE 0 END AS bytes, o.flags
  FROM object_row o
  LEFT JOIN word w ON w.recording = o.recording AND w.kind = 'cap' AND w.value = o.type;

CREATE OR REPLACE VIEW objects AS
SELECT s.n, l.*
  FROM snapshot s
  JOIN object_lives l ON l.recording = s.recording AND l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);

CREATE OR REPLACE VIEW owners AS
SELECT recording, n, object, type, bits, life,
       coalesce(above, CASE WHEN holders = 1 THEN holder END) AS domain,
       CASE WHEN above IS NOT NULL THEN 'untyped' WHEN holders = 1 THEN 'alone' END AS rule, holders
  FROM (SELECT s.recording, s.n, o.addr AS object, w.text AS type, o.bits, o.id AS life,
               (WITH RECURSIVE up(life, far) AS (
                    SELECT o.id, 0
                    UNION
                    SELECT p.object, up.far + 1
                      FROM up
                      JOIN cap_row c ON c.recording = s.recording AND c.object = up.life AND c.t0 <= s.n AND c.t1 > s.n
                      JOIN cap_row p ON p.recording = s.recording AND p.id = c.parent AND p.t0 <= s.n AND p.t1 > s.n
                           AND p.object <> up.life
                      JOIN word k ON k.recording = p.recording AND k.kind = 'cap' AND k.value = p.type AND k.text = 'untyped'
                     WHERE up.far < 64)
                SELECT d.name
                  FROM up
                  JOIN cap_row q ON q.recording = s.recording AND q.object = up.life AND q.t0 <= s.n AND q.t1 > s.n
                  JOIN domain d ON d.recording = q.recording AND d.id = q.domain AND d.trusted = 0
                  JOIN word k ON k.recording = q.recording AND k.kind = 'cap' AND k.value = q.type AND k.text = 'untyped'
                 ORDER BY up.far, q.pos LIMIT 1) AS above,
               (SELECT count(DISTINCT q.domain)
                  FROM cap_row q
                  JOIN domain d ON d.recording = q.recording AND d.id = q.domain AND d.trusted = 0
                 WHERE q.recording = s.recording AND q.object = o.id AND q.t0 <= s.n AND q.t1 > s.n) AS holders,
               (SELECT d.name
                  FROM cap_row q
                  JOIN domain d ON d.recording = q.recording AND d.id = q.domain AND d.trusted = 0
                 WHERE q.recording = s.recording AND q.object = o.id AND q.t0 <= s.n AND q.t1 > s.n LIMIT 1) AS holder
          FROM snapshot s
          JOIN object_row o ON o.recording = s.recording AND o.t0 <= s.n AND o.t1 > s.n
          LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'cap' AND w.value = o.type) AS known;

CREATE OR REPLACE VIEW memory_by_domain AS
SELECT recording, n, domain, count(*) AS objects,
       sum(CASE WHEN bits BETWEEN 1 AND 62 THEN 1::bigint << bits::int ELSE 0 END)::bigint AS bytes,
       count(*) FILTER (WHERE type = 'frame') AS frames,
       sum(CASE WHEN type = 'frame' AND bits BETWEEN 1 AND 62 THEN 1::bigint << bits::int ELSE 0 END)::bigint
           AS frame_bytes
  FROM owners
 WHERE domain IS NOT NULL AND type NOT IN ('untyped', 'irqhandler')
 GROUP BY recording, n, domain;

-- OFFSET keeps the planner from working an owner out for each capability: once for all of a domain's
-- to an object, and of no domain that is not asked for.
CREATE OR REPLACE VIEW crossings AS
SELECT h.recording, h.n, c.id AS cap, c.slot, h.domain, w.domain AS owner, k.text AS type, w.object, w.bits,
       CASE WHEN c.rights & 2 <> 0 THEN 'r' ELSE '' END || CASE WHEN c.rights & 1 <> 0 THEN 'w' ELSE '' END ||
       CASE WHEN c.rights & 4 <> 0 THEN 'g' ELSE '' END || CASE WHEN c.rights & 8 <> 0 THEN 'p' ELSE '' END AS rights
  FROM (SELECT DISTINCT s.recording, s.n, q.object AS life, q.domain AS holder, d.name AS domain
          FROM snapshot s
          JOIN cap_row q ON q.recording = s.recording AND q.t0 <= s.n AND q.t1 > s.n
          JOIN domain d ON d.recording = s.recording AND d.id = q.domain AND d.trusted = 0) h
 CROSS JOIN LATERAL (
        SELECT o.domain, o.holders, o.object, o.bits
          FROM owners o
         WHERE o.recording = h.recording AND o.n = h.n AND o.life = h.life OFFSET 0) w
  JOIN cap_row c ON c.recording = h.recording AND c.object = h.life AND c.domain = h.holder
       AND c.t0 <= h.n AND c.t1 > h.n
  LEFT JOIN word k ON k.recording = c.recording AND k.kind = 'cap' AND k.value = c.type
 WHERE coalesce(w.domain <> h.domain, w.holders > 1);

CREATE OR REPLACE VIEW threads AS
SELECT s.recording, s.n, t.addr, m.text AS name, d.name AS domain, w.text AS state, t.priority, t.mcp, r.current,
       t.idle, r.pc, r.sp, t.fault_handler, t.ipc_buffer, t.bound, r.blocked_on, r.blocked_badge,
       r.position, r.time_slice, f.text AS fault, r.fault_addr
  FROM snapshot s
  JOIN thread_row t ON t.recording = s.recording AND t.t0 <= s.n AND t.t1 > s.n
  JOIN run_row r ON r.recording = s.recording AND r.addr = t.addr AND r.t0 <= s.n AND r.t1 > s.n
  LEFT JOIN name m ON m.recording = s.recording AND m.id = t.name
  LEFT JOIN domain d ON d.recording = s.recording AND d.id = t.domain
  LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'thread' AND w.value = r.state
  LEFT JOIN word f ON f.recording = s.recording AND f.kind = 'fault' AND f.value = r.fault;

CREATE OR REPLACE VIEW domains AS
SELECT recording, n, domain, count(*) AS threads
  FROM threads WHERE domain IS NOT NULL GROUP BY recording, n, domain;

CREATE OR REPLACE VIEW endpoints AS
SELECT s.recording, s.n, e.addr, w.text AS state, e.waiters
  FROM snapshot s
  JOIN endpoint_row e ON e.recording = s.recording AND e.t0 <= s.n AND e.t1 > s.n
  LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'endpoint' AND w.value = e.state;

CREATE OR REPLACE VIEW notifications AS
SELECT s.recording, s.n, e.addr, w.text AS state, e.word AS badges, e.bound, e.waiters
  FROM snapshot s
  JOIN notification_row e ON e.recording = s.recording AND e.t0 <= s.n AND e.t1 > s.n
  LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'notification' AND w.value = e.state;

CREATE OR REPLACE VIEW mappings AS
SELECT s.recording, s.n, m.dir, m.asid, m.vaddr, m.frame, m.bits,
       CASE WHEN m.rights & 2 <> 0 THEN 'r' ELSE '' END || CASE WHEN m.rights & 1 <> 0 THEN 'w' ELSE '' END ||
       CASE WHEN m.rights & 4 <> 0 THEN 'x' ELSE '' END AS rights,
       m.attributes & 1 AS cached, m."table"
  FROM snapshot s
  JOIN mapping_row m ON m.recording = s.recording AND m.t0 <= s.n AND m.t1 > s.n;

CREATE OR REPLACE VIEW tables AS
SELECT s.recording, s.n, m.addr, nullif(m.parent, 0) AS parent, m.level, m.vaddr, m.bits, m.asid
  FROM snapshot s
  JOIN table_row m ON m.recording = s.recording AND m.t0 <= s.n AND m.t1 > s.n;

CREATE OR REPLACE VIEW sched_contexts AS
SELECT s.recording, s.n, c.addr, c.bits, c.node, c.period, c.budget, c.consumed, nullif(c.thread, 0) AS thread,
       nullif(c.reply, 0) AS reply, nullif(c.notification, 0) AS notification, c.badge,
       nullif(c.yield_from, 0) AS yield_from, c.refill_max, c.refills, c.head_time, c.head_amount,
       c.flags & 1 AS sporadic
  FROM snapshot s
  JOIN sched_context_row c ON c.recording = s.recording AND c.t0 <= s.n AND c.t1 > s.n;

CREATE OR REPLACE VIEW replies AS
SELECT s.recording, s.n, r.addr, nullif(r.thread, 0) AS thread, nullif(r.prev, 0) AS prev,
       nullif(r.next, 0) AS next, nullif(r.sched_context, 0) AS sched_context
  FROM snapshot s
  JOIN reply_row r ON r.recording = s.recording AND r.t0 <= s.n AND r.t1 > s.n;

CREATE OR REPLACE VIEW irqs AS
SELECT s.recording, s.n, i.irq, w.text AS state, i.slot
  FROM snapshot s
  JOIN irq_row i ON i.recording = s.recording AND i.t0 <= s.n AND i.t1 > s.n
  LEFT JOIN word w ON w.recording = s.recording AND w.kind = 'irq' AND w.value = i.state;

CREATE OR REPLACE VIEW findings AS
SELECT s.recording, s.n, f.rule, f.addr, f.other, f.value
  FROM snapshot s
  JOIN finding_row f ON f.recording = s.recording AND f.t0 <= s.n AND f.t1 > s.n;

CREATE OR REPLACE VIEW runs AS
WITH door AS (
    SELECT recording, id, first, target,
           btrim(substr(machine, 1, strpos(machine || ' run ', 'run ') - 1)) AS behind,
           substr(machine, strpos(machine || ' run ', 'run ')) AS boot
      FROM source),
other AS (
    SELECT d.recording, d.first AS n
      FROM door d
     WHERE EXISTS (SELECT 1 FROM door b
                    WHERE b.recording = d.recording AND b.id = d.id - 1 AND b.target = d.target
                      AND b.behind <> d.behind AND b.behind <> '' AND d.behind <> '')
        OR d.boot <> '' AND d.boot <> (SELECT b.boot FROM door b
                                        WHERE b.recording = d.recording AND b.id < d.id AND b.boot <> ''
                                        ORDER BY b.id DESC LIMIT 1)),
clock AS (
    SELECT recording, n, lag(ticks) OVER w AS ticks_before, lag(seq) OVER w AS seq_before, ticks, seq
      FROM snapshot
    WINDOW w AS (PARTITION BY recording ORDER BY n)),
begun AS (
    SELECT recording, n FROM clock WHERE ticks_before IS NULL OR ticks < ticks_before OR seq < seq_before
     UNION
    SELECT s.recording, s.n FROM snapshot s JOIN other o ON o.recording = s.recording AND o.n = s.n)
SELECT b.recording, row_number() OVER w AS run, b.n AS first,
       coalesce(lead(b.n) OVER w - 1,
                (SELECT max(s.n) FROM snapshot s WHERE s.recording = b.recording)) AS last,
       coalesce((SELECT max(x.row)
                   FROM (SELECT e.row, e.n, e.seq,
                                lag(e.seq, 1, p.seq) OVER (ORDER BY e.row) AS before
                           FROM event e JOIN snapshot p ON p.recording = b.recording AND p.n = b.n - 1
                          WHERE e.recording = b.recording AND e.n IN (b.n - 1, b.n)
                            AND e.kind NOT IN (SELECT w.value FROM word w WHERE w.recording = b.recording
                                                AND w.kind = 'event' AND w.text = 'gap')) x
                  WHERE x.n = b.n AND x.seq <= x.before),
                (SELECT max(e.row) + 1
                   FROM event e WHERE e.recording = b.recording
                    AND e.n = (SELECT max(l.n) FROM event l WHERE l.recording = b.recording AND l.n <= b.n)
                    AND EXISTS (SELECT 1 FROM snapshot p WHERE p.recording = b.recording AND p.n = b.n - 1)),
                1) AS from_row
  FROM begun b
WINDOW w AS (PARTITION BY b.recording ORDER BY b.n);

CREATE OR REPLACE VIEW event_timed AS
SELECT b.recording, b.row, b.n, b.seq, b.time, b.kind, b.thread, b.slot, b.src, b.type, b.object, b.bits,
       b.rights, b.flags, b.data, b.extra, b.object2, b.detail,
       CASE WHEN b.kind IN (SELECT w.value FROM word w
                             WHERE w.recording = b.recording AND w.kind = 'event' AND w.text = 'gap') THEN NULL
            WHEN b.kernel <> 1 THEN b.time >> 16
            WHEN b.seq <= b.seq_shown AND b.row >= coalesce(b.from_row, b.row)
                 AND b.latest >= b.earliest AND b.latest - 65536 < b.earliest THEN b.latest
       END AS ticks
  FROM (SELECT e.*, s.kernel, s.seq AS seq_shown, r.from_row,
               s.ticks - ((s.ticks - (e.time >> 16)) & 65535) AS latest,
               CASE WHEN r.first IS NULL THEN p.ticks ELSE 0 END AS earliest
          FROM event e
          LEFT JOIN snapshot s ON s.recording = e.recording AND s.n = e.n
          LEFT JOIN snapshot p ON p.recording = e.recording AND p.n = e.n - 1
          LEFT JOIN runs r ON r.recording = e.recording AND r.first = e.n) b;

CREATE OR REPLACE VIEW events AS
SELECT e.recording, e.n, e.seq, e.ticks, w.text AS event,
       called.name AS thread,
       nullif(e.thread, 0) AS tcb, nullif(e.slot, 0) AS slot, nullif(e.src, 0) AS src,
       nullif(c.text, 'null') AS type, CASE WHEN c.text IS DISTINCT FROM 'null' THEN e.object END AS object, e.bits,
       CASE WHEN e.rights & 2 <> 0 THEN 'r' ELSE '' END || CASE WHEN e.rights & 1 <> 0 THEN 'w' ELSE '' END ||
       CASE WHEN e.rights & 4 <> 0 THEN 'g' ELSE '' END || CASE WHEN e.rights & 8 <> 0 THEN 'p' ELSE '' END AS rights,
       e.flags, e.data, e.extra, nullif(e.object2, 0) AS about, e.detail,
       CASE WHEN w.text = 'gap' THEN e.detail ELSE 0 END AS lost
  FROM event_timed e
  LEFT JOIN word w ON w.recording = e.recording AND w.kind = 'event' AND w.value = e.kind
  LEFT JOIN word c ON c.recording = e.recording AND c.kind = 'cap' AND c.value = e.type
  LEFT JOIN (SELECT r.recording, r.addr, r.t0 AS since, m.text AS name,
                    lead(r.t0, 1, 1::bigint << 62) OVER (PARTITION BY r.recording, r.addr ORDER BY r.t0) AS until
               FROM thread_row r
               JOIN name m ON m.recording = r.recording AND m.id = r.name) called
    ON called.recording = e.recording AND called.addr = e.thread AND called.since <= e.n AND called.until > e.n;

CREATE OR REPLACE VIEW revoke_span AS
WITH machine AS (
    SELECT recording, from_row,
           lead(from_row, 1, 1::bigint << 62) OVER (PARTITION BY recording ORDER BY run) AS ends
      FROM runs),
step AS (
    SELECT e.recording, e.row, e.thread, w.text AS kind,
           CASE WHEN w.text = 'victim' THEN e.src ELSE e.slot END AS root, e.detail,
           coalesce(m.ends, 1::bigint << 62) AS ends
      FROM event e
      JOIN word w ON w.recording = e.recording AND w.kind = 'event' AND w.value = e.kind
      LEFT JOIN machine m ON m.recording = e.recording AND m.from_row <= e.row AND m.ends > e.row
     WHERE w.text IN ('revoke', 'victim', 'preempted', 'resumed', 'revoked')),
opening AS (
    SELECT recording, row, thread, kind, root, detail, ends,
           CASE WHEN kind = 'revoke' OR coalesce(lag(kind) OVER story = 'revoked' OR
                                                 detail < lag(detail) OVER story, true)
                THEN 1 ELSE 0 END AS opens
      FROM step
    WINDOW story AS (PARTITION BY recording, ends, thread, root ORDER BY row)),
numbered AS (
    SELECT recording, row, thread, kind, root, detail, ends,
           sum(opens) OVER (PARTITION BY recording, ends, thread, root ORDER BY row) AS nth
      FROM opening),
heard AS (
    SELECT recording, thread, root, ends, min(row) AS first_row, max(row) AS heard_row,
           max(CASE WHEN kind = 'revoked' THEN row END) AS last_row,
           max(CASE WHEN kind = 'revoke' THEN 1 ELSE 0 END) AS begun,
           coalesce(max(CASE WHEN kind = 'revoked' THEN detail END),
                    max(CASE kind WHEN 'revoke' THEN 0 WHEN 'victim' THEN detail + 1 ELSE detail END)) AS steps,
           count(*) FILTER (WHERE kind = 'preempted') AS preempted
      FROM numbered
     GROUP BY recording, ends, thread, root, nth)
SELECT h.recording, row_number() OVER (PARTITION BY h.recording ORDER BY h.first_row) AS revoke, h.root,
       h.first_row, h.last_row,
       coalesce(lead(h.first_row) OVER (PARTITION BY h.recording, h.ends, h.thread ORDER BY h.first_row),
                nullif(h.ends, 1::bigint << 62)) AS next_row,
       h.begun, h.steps, h.preempted,
       CASE WHEN h.begun = 1 THEN h.first_row
            ELSE coalesce((SELECT max(g.row) FROM event g
                            WHERE g.recording = h.recording AND g.kind = w.value AND g.row < h.first_row),
                          h.first_row) END AS from_row,
       coalesce(h.last_row,
                (SELECT min(g.row) FROM event g
                  WHERE g.recording = h.recording AND g.kind = w.value AND g.row > h.heard_row
                    AND g.row < h.ends),
                h.heard_row) AS to_row
  FROM heard h
  LEFT JOIN word w ON w.recording = h.recording AND w.kind = 'event' AND w.text = 'gap';

CREATE OR REPLACE VIEW revokes AS
SELECT s.recording, s.revoke, b.n AS first, e.n AS last, CASE WHEN s.begun = 1 THEN b.seq END AS begins,
       e.seq AS ends, s.root AS slot, nullif(b.thread, 0) AS tcb,
       (SELECT count(*)
          FROM event d
          JOIN word w ON w.recording = d.recording AND w.kind = 'event' AND w.value = d.kind AND w.text = 'delete'
         WHERE d.recording = b.recording AND d.thread = b.thread AND d.row > s.first_row
           AND (s.last_row IS NULL OR d.row < s.last_row)
           AND (s.next_row IS NULL OR d.row < s.next_row)) AS deleted,
       s.preempted, s.steps,
       (SELECT coalesce(sum(g.detail), 0)::bigint
          FROM event g
          JOIN word w ON w.recording = g.recording AND w.kind = 'event' AND w.value = g.kind AND w.text = 'gap'
         WHERE g.recording = s.recording AND g.row BETWEEN s.from_row AND s.to_row) AS lost
  FROM revoke_span s
  JOIN event b ON b.recording = s.recording AND b.row = s.first_row
  LEFT JOIN event e ON e.recording = s.recording AND e.row = s.last_row;
