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
    IF obj_description('capscope'::regnamespace, 'pg_namespace') IS DISTINCT FROM 'views 4' THEN
        DROP VIEW IF EXISTS snapshots, cap_lives, caps, cap_history, derivations, object_lives, objects, owners,
            memory_by_domain, crossings, owners_over_time, memory_over_time, crossings_over_time, threads, domains, endpoints, notifications, mappings, tables,
            sched_contexts, replies, irqs, findings, events, revoke_span, revokes CASCADE;
        COMMENT ON SCHEMA capscope IS 'views 4';
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

-- Each recording by itself, so that one of a hundred is worked out alone.
CREATE OR REPLACE VIEW owners_over_time AS
SELECT r.recording, o.first, o.last, o.object, o.type, o.bits, o.life, o.domain, o.rule, o.holders
  FROM recording r
 CROSS JOIN LATERAL (
    WITH RECURSIVE version AS (
        SELECT c.row, c.id, c.t0, c.t1, c.parent, c.pos, c.object, CASE WHEN d.trusted = 0 THEN d.name END AS domain,
               coalesce(k.text = 'untyped', false) AS untyped,
               CASE WHEN (c.t0, c.parent, c.pos, c.domain) IS DISTINCT FROM
                         (lag(c.t1) OVER w, lag(c.parent) OVER w, lag(c.pos) OVER w, lag(c.domain) OVER w)
                    THEN 1 ELSE 0 END AS opens
          FROM cap_row c
          LEFT JOIN domain d ON d.recording = c.recording AND d.id = c.domain
          LEFT JOIN word k ON k.recording = c.recording AND k.kind = 'cap' AND k.value = c.type
         WHERE c.recording = r.recording
        WINDOW w AS (PARTITION BY c.id ORDER BY c.row)),
    stay AS MATERIALIZED (
        SELECT id, parent, pos, object, domain, untyped, min(t0) AS t0, max(t1) AS t1
          FROM (SELECT *, sum(opens) OVER (PARTITION BY id ORDER BY row) AS nth FROM version) AS v
         GROUP BY id, nth, parent, pos, object, domain, untyped),
    life AS MATERIALIZED (
        SELECT o.id, min(o.t0) AS t0, max(o.t1) AS t1, w.text AS type, o.addr, o.bits
          FROM object_row o
          LEFT JOIN word w ON w.recording = o.recording AND w.kind = 'cap' AND w.value = o.type
         WHERE o.recording = r.recording
         GROUP BY o.id, w.text, o.addr, o.bits),
    step AS MATERIALIZED (
        SELECT DISTINCT c.object AS below, p.object AS above, greatest(c.t0, p.t0) AS t0, least(c.t1, p.t1) AS t1
          FROM stay c
          JOIN stay p ON p.id = c.parent AND p.untyped AND p.t0 < c.t1 AND p.t1 > c.t0 AND p.object <> c.object),
    up(life, above, far, t0, t1) AS (
        SELECT id, id, 0, t0, t1 FROM life
        UNION
        SELECT u.life, s.above, u.far + 1, greatest(u.t0, s.t0), least(u.t1, s.t1)
          FROM up u
          JOIN step s ON s.below = u.above AND s.t0 < u.t1 AND s.t1 > u.t0
         WHERE u.far < 64),
    claim AS MATERIALIZED (
        SELECT u.life, u.far, q.pos, q.domain, greatest(u.t0, q.t0) AS t0, least(u.t1, q.t1) AS t1
          FROM up u
          JOIN stay q ON q.object = u.above AND q.untyped AND q.domain IS NOT NULL AND q.t0 < u.t1 AND q.t1 > u.t0),
    held AS MATERIALIZED (
        SELECT object AS life, domain, t0, t1 FROM stay WHERE domain IS NOT NULL),
    edge AS (
        SELECT id AS life, t0 AS n FROM life
         UNION SELECT life, t0 FROM claim UNION SELECT life, t1 FROM claim
         UNION SELECT life, t0 FROM held UNION SELECT life, t1 FROM held),
    piece AS MATERIALIZED (
        SELECT life, n, lead(n) OVER (PARTITION BY life ORDER BY n) AS next FROM edge),
    nearest AS (
        SELECT DISTINCT ON (p.life, p.n) p.life, p.n, c.domain
          FROM piece p
          JOIN claim c ON c.life = p.life AND c.t0 <= p.n AND c.t1 > p.n
         ORDER BY p.life, p.n, c.far, c.pos),
    holding AS (
        SELECT p.life, p.n, count(DISTINCT h.domain) AS holders, min(h.domain) AS holder
          FROM piece p
          JOIN held h ON h.life = p.life AND h.t0 <= p.n AND h.t1 > p.n
         GROUP BY p.life, p.n),
    owned AS (
        SELECT l.id AS life, l.type, l.addr, l.bits, p.n, coalesce(p.next, l.t1) AS next,
               coalesce(a.domain, CASE WHEN h.holders = 1 THEN h.holder END) AS domain,
               CASE WHEN a.domain IS NOT NULL THEN 'untyped' WHEN h.holders = 1 THEN 'alone' END AS rule,
               coalesce(h.holders, 0) AS holders
          FROM life l
          JOIN piece p ON p.life = l.id AND p.n >= l.t0 AND p.n < l.t1
          LEFT JOIN nearest a ON a.life = p.life AND a.n = p.n
          LEFT JOIN holding h ON h.life = p.life AND h.n = p.n),
    mark AS (
        SELECT *, CASE WHEN lag(n) OVER w IS NULL OR (domain, rule, holders) IS DISTINCT FROM
                            (lag(domain) OVER w, lag(rule) OVER w, lag(holders) OVER w)
                       THEN 1 ELSE 0 END AS opens
          FROM owned
        WINDOW w AS (PARTITION BY life ORDER BY n)),
    part AS (
        SELECT *, sum(opens) OVER (PARTITION BY life ORDER BY n) AS nth FROM mark)
    SELECT min(n) AS first, nullif(max(next), 2147483647) - 1 AS last, addr AS object, type, bits, life, domain, rule,
           holders
      FROM part
     GROUP BY life, nth, addr, type, bits, domain, rule, holders) AS o;

CREATE OR REPLACE VIEW memory_over_time AS
WITH owned AS (
    SELECT recording, domain, first, last,
           CASE WHEN bits BETWEEN 1 AND 62 THEN 1::bigint << bits::int ELSE 0 END AS bytes,
           CASE WHEN type = 'frame' THEN 1 ELSE 0 END AS frame
      FROM owners_over_time
     WHERE domain IS NOT NULL AND type NOT IN ('untyped', 'irqhandler')),
change AS (
    SELECT recording, domain, first AS n, 1 AS objects, bytes, frame FROM owned
    UNION ALL
    SELECT recording, domain, last + 1, -1, -bytes, -frame FROM owned WHERE last IS NOT NULL),
step AS (
    SELECT recording, domain, n, sum(objects) AS objects, sum(bytes) AS bytes, sum(frame) AS frames,
           sum(CASE WHEN frame <> 0 THEN bytes ELSE 0 END) AS frame_bytes
      FROM change
     GROUP BY recording, domain, n),
total AS (
    SELECT recording, domain, n, lead(n) OVER w - 1 AS last, (sum(objects) OVER w)::bigint AS objects,
           (sum(bytes) OVER w)::bigint AS bytes, (sum(frames) OVER w)::bigint AS frames,
           (sum(frame_bytes) OVER w)::bigint AS frame_bytes
      FROM step
     WHERE objects <> 0 OR bytes <> 0 OR frames <> 0 OR frame_bytes <> 0
        OR (recording, n) IN (SELECT recording, first FROM runs)
    WINDOW w AS (PARTITION BY recording, domain ORDER BY n))
SELECT recording, n AS first, last, domain, objects, bytes, frames, frame_bytes
  FROM total
 WHERE objects > 0;

CREATE OR REPLACE VIEW crossings_over_time AS
WITH version AS (
    SELECT c.recording, c.id AS cap, c.slot, d.name AS domain, w.domain AS owner, c.type, w.object, w.bits, c.rights,
           greatest(c.t0, w.first) AS t0, least(c.t1, coalesce(w.last + 1, 2147483647)) AS t1
      FROM owners_over_time w
      JOIN cap_row c ON c.recording = w.recording AND c.object = w.life AND c.t1 > w.first
           AND (w.last IS NULL OR c.t0 <= w.last)
      JOIN domain d ON d.recording = c.recording AND d.id = c.domain AND d.trusted = 0
     WHERE coalesce(w.domain <> d.name, w.holders > 1)),
mark AS (
    SELECT *, CASE WHEN t0 IS DISTINCT FROM lag(t1) OVER w THEN 1 ELSE 0 END AS opens
      FROM version
    WINDOW w AS (PARTITION BY recording, cap, slot, domain, owner, type, rights ORDER BY t0)),
part AS (
    SELECT *, sum(opens) OVER (PARTITION BY recording, cap, slot, domain, owner, type, rights ORDER BY t0) AS nth
      FROM mark)
SELECT p.recording, min(p.t0) AS first, nullif(max(p.t1), 2147483647) - 1 AS last, p.cap, p.slot, p.domain, p.owner,
       k.text AS type, p.object, p.bits,
       CASE WHEN p.rights & 2 <> 0 THEN 'r' ELSE '' END || CASE WHEN p.rights & 1 <> 0 THEN 'w' ELSE '' END ||
       CASE WHEN p.rights & 4 <> 0 THEN 'g' ELSE '' END || CASE WHEN p.rights & 8 <> 0 THEN 'p' ELSE '' END AS rights
  FROM part p
  LEFT JOIN word k ON k.recording = p.recording AND k.kind = 'cap' AND k.value = p.type
 GROUP BY p.recording, p.cap, p.slot, p.domain, p.owner, k.text, p.object, p.bits, p.rights, p.nth;

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
