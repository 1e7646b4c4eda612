-- The database of a recording, format 5; docs/database.md explains it to those who query it.
--
-- capdb carries this text and runs it as it stands: it makes new recordings of it, holds the tables
-- of a file against it before it reads them, and answers from the views below instead of those in
-- the file.
--
-- X_row tables hold versions of facts: a row holds from snapshot t0 up to, not including, t1; t1 is
-- 2147483647 while it holds.  Rowids ascend with t0.  Each append packs what changed into a few rows
-- of `tail`, which no index makes slow; a merge unpacks them into the X_row tables every two seconds.
-- What a killed recorder left in the tail capdb sees, and the next recorder merges it; the views below
-- show what is merged.
--
-- Integers are SQLite's: 64 bits, signed.  Addresses and words are stored as the number with the
-- same bits, so those from 2^63 on are negative.

----------------------------------------------------------------------------------------------------
-- What is recorded

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,       -- target: what was attached to first; created: when
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers of enumerations and their names: kind is cap, thread, fault, endpoint, notification, irq,
-- event or change.
CREATE TABLE word (
    kind  TEXT NOT NULL,
    value INTEGER NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

-- The doors through which it was recorded, each from snapshot `first` on.
CREATE TABLE source (
    id      INTEGER PRIMARY KEY,
    first   INTEGER NOT NULL,
    target  TEXT NOT NULL,        -- with absolute paths
    machine TEXT NOT NULL         -- what tells this run of a machine from others; '' unknown
) STRICT;

-- Sets of rules for domains, each in force from snapshot `first` on.
CREATE TABLE rule_set (
    id    INTEGER PRIMARY KEY,
    first INTEGER NOT NULL
) STRICT;
CREATE TABLE domain_rule (
    id       INTEGER PRIMARY KEY, -- their order
    rule_set INTEGER NOT NULL,
    pattern  TEXT NOT NULL,
    domain   TEXT NOT NULL,
    trusted  INTEGER NOT NULL
) STRICT;

CREATE TABLE name (
    id    INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL UNIQUE,   -- as the target gave it
    text  TEXT NOT NULL           -- as it is shown
) STRICT;
CREATE TABLE domain (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    trusted INTEGER NOT NULL,
    UNIQUE (name, trusted)
) STRICT;

-- One row a snapshot.  sum: over all records of it, which `capdb verify` rebuilds.  added, removed,
-- changed: capabilities, against the snapshot before.  last_cap_row: highest row of cap_row then.
-- From `format` on the fields of the records SNAPSHOT, END, SCHED and REVOKE.
CREATE TABLE snapshot (
    n                INTEGER PRIMARY KEY,
    time             REAL NOT NULL,
    sum              INTEGER NOT NULL,
    added            INTEGER NOT NULL,
    removed          INTEGER NOT NULL,
    changed          INTEGER NOT NULL,
    last_cap_row     INTEGER NOT NULL,
    format           INTEGER NOT NULL,
    kernel           INTEGER NOT NULL,
    layout           INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    ticks            INTEGER NOT NULL,
    stopped          INTEGER NOT NULL,
    debug            INTEGER NOT NULL,
    phys_offset      INTEGER NOT NULL,
    ram_base         INTEGER NOT NULL,
    ram_size         INTEGER NOT NULL,
    kernel_start     INTEGER NOT NULL,
    kernel_end       INTEGER NOT NULL,
    board            BLOB NOT NULL,
    build            BLOB NOT NULL,
    word_bits        INTEGER NOT NULL,
    slot_bits        INTEGER NOT NULL,
    architecture     INTEGER NOT NULL,
    options          INTEGER NOT NULL,
    nodes            INTEGER NOT NULL,
    root_thread      INTEGER NOT NULL,
    complete         INTEGER NOT NULL,
    slots            INTEGER NOT NULL,
    threads          INTEGER NOT NULL,
    mappings         INTEGER NOT NULL,
    records          INTEGER NOT NULL,
    digest0          INTEGER NOT NULL,
    digest1          INTEGER NOT NULL,
    sentinel         INTEGER NOT NULL,
    sched_current    INTEGER NOT NULL,
    sched_ready      INTEGER NOT NULL,
    sched_highest    INTEGER NOT NULL,
    sched_node       INTEGER NOT NULL,
    sched_idle       INTEGER NOT NULL,
    sched_sched_context INTEGER NOT NULL,
    sched_released   INTEGER NOT NULL,
    sched_domain     INTEGER NOT NULL,
    sched_domain_time INTEGER NOT NULL,
    revoke_root      INTEGER NOT NULL,
    revoke_victim    INTEGER NOT NULL,
    revoke_done      INTEGER NOT NULL,
    revoke_left      INTEGER NOT NULL,
    revoke_preempted INTEGER NOT NULL
) STRICT;

-- One row a commit of the recorder, chained: hash is BLAKE2b-256 over the hash before, this row and
-- everything that the commit wrote (docs/database.md, Verification).  kind: created, source, rules,
-- events, snapshot or closed.  The other columns: the last row then, of each table that only grows.
CREATE TABLE ledger (
    entry       INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    n           INTEGER NOT NULL, -- last snapshot
    source      INTEGER NOT NULL,
    rule_set    INTEGER NOT NULL,
    domain_rule INTEGER NOT NULL,
    name        INTEGER NOT NULL,
    domain      INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    hash        BLOB NOT NULL
) STRICT;

----------------------------------------------------------------------------------------------------
-- Versions

-- id: the row of its first version; it lives through moves and loss of rights.  parent: id of the parent, 0
-- for roots.  pos: orders the derivation list.  holder, object: ids in object_row, 0 for none.  addr,
-- bits: only where they differ from those of the object.
--
-- Where capabilities lie, and what they are but for their object and data, is said once: most of these
-- come again and again.
CREATE TABLE cap_place (
    id      INTEGER PRIMARY KEY,
    slot    INTEGER NOT NULL,
    holder  INTEGER NOT NULL,
    "index" INTEGER NOT NULL,     -- of the slot in its holder
    level   INTEGER NOT NULL,
    place   INTEGER NOT NULL
) STRICT;
CREATE INDEX cap_place_by_slot ON cap_place (slot);
CREATE TABLE cap_word (
    id     INTEGER PRIMARY KEY,
    domain INTEGER NOT NULL,
    type   INTEGER NOT NULL,
    rights INTEGER NOT NULL,
    flags  INTEGER NOT NULL,
    extra  INTEGER NOT NULL,
    addr   INTEGER,
    bits   INTEGER
) STRICT;
CREATE INDEX cap_word_known ON cap_word (domain, type, rights, flags, extra);
-- life: of the first version of a capability its object, of later ones -id.  parent, pos: of later ones
-- NULL where they are those of the first.
CREATE TABLE cap_version (
    row    INTEGER PRIMARY KEY,
    t0     INTEGER NOT NULL,
    t1     INTEGER NOT NULL,
    parent INTEGER,
    pos    INTEGER,
    place  INTEGER NOT NULL,
    word   INTEGER NOT NULL,
    life   INTEGER NOT NULL,
    data   INTEGER NOT NULL
) STRICT;
CREATE INDEX cap_by_place ON cap_version (place);
CREATE INDEX cap_by_life ON cap_version (life);

-- What the rest of this text, and whoever asks, takes for a table.  f is the first version; that it is so is
-- said twice, for those who come by the capability or its object, and for those who come by a version.
-- What has a plus is no way to come: SQLite would make an index for it.
CREATE VIEW cap_row AS
SELECT c.row, c.t0, c.t1, f.row AS id, coalesce(c.parent, f.parent) AS parent,
       coalesce(c.pos, f.pos) AS pos, p.slot, p.holder,
       +w.domain AS domain, +w.type AS type, f.life AS object, +w.addr AS addr, +w.bits AS bits,
       +w.rights AS rights, +w.flags AS flags, +c.data AS data, +w.extra AS extra, p."index", p.level,
       p.place
  FROM cap_version f
  JOIN cap_version c ON (c.row = f.row OR c.life = -f.row)
       AND f.row = iif(c.life < 0, -c.life, c.row)
  JOIN cap_place p ON p.id = c.place
  JOIN cap_word w ON w.id = +c.word
 WHERE f.life >= 0;
-- The same for those who come by the capability or its object alone: SQLite goes no other way, which it
-- may where many tables are joined.
CREATE VIEW cap_of AS
SELECT c.row, c.t0, c.t1, f.row AS id, coalesce(c.parent, f.parent) AS parent,
       coalesce(c.pos, f.pos) AS pos, p.slot, p.holder,
       +w.domain AS domain, +w.type AS type, f.life AS object, +w.addr AS addr, +w.bits AS bits,
       +w.rights AS rights, +w.flags AS flags, +c.data AS data, +w.extra AS extra, p."index", p.level,
       p.place
  FROM cap_version f
 CROSS JOIN cap_version c ON (c.row = f.row OR c.life = -f.row)
       AND f.row = iif(c.life < 0, -c.life, c.row)
  JOIN cap_place p ON p.id = c.place
  JOIN cap_word w ON w.id = +c.word
 WHERE f.life >= 0;
-- The same for those who come by the number of a version, or want all.
CREATE VIEW cap_flat AS
SELECT c.row, c.t0, c.t1, iif(c.life < 0, -c.life, c.row) AS id,
       coalesce(c.parent, f.parent) AS parent, coalesce(c.pos, f.pos) AS pos, p.slot, p.holder,
       w.domain, w.type, iif(c.life < 0, f.life, c.life) AS object, w.addr, w.bits, w.rights, w.flags,
       c.data, w.extra, p."index", p.level, p.place
  FROM cap_version c
  LEFT JOIN cap_version f ON f.row = iif(c.life < 0, -c.life, NULL)
  LEFT JOIN cap_place p ON p.id = c.place
  LEFT JOIN cap_word w ON w.id = c.word;

-- One row a life, whose id is that row: the same address retyped again is another object.  type: and
-- flags << 32.
CREATE TABLE object_version (
    row   INTEGER PRIMARY KEY,
    t0    INTEGER NOT NULL,
    t1    INTEGER NOT NULL,
    type  INTEGER NOT NULL,
    addr  INTEGER NOT NULL,
    bits  INTEGER NOT NULL
) STRICT;
CREATE INDEX object_by_addr ON object_version (addr);
-- Those that do not begin at a multiple of their size: few, as boards have device memory.
CREATE INDEX object_odd ON object_version (addr, bits)
 WHERE bits BETWEEN 1 AND 62 AND addr & ((1 << bits) - 1) <> 0;
CREATE VIEW object_row AS
SELECT row, t0, t1, row AS id, type & 0xffffffff AS type, addr, bits, type >> 32 AS flags
  FROM object_version;

-- What seldom changes of a thread, and what changes whenever it runs.
CREATE TABLE thread_row (
    row           INTEGER PRIMARY KEY,
    t0            INTEGER NOT NULL,
    t1            INTEGER NOT NULL,
    addr          INTEGER NOT NULL,
    name          INTEGER NOT NULL,
    domain        INTEGER NOT NULL,
    priority      INTEGER NOT NULL,
    mcp           INTEGER NOT NULL,
    sched_domain  INTEGER NOT NULL,
    idle          INTEGER NOT NULL,
    fault_handler INTEGER NOT NULL,
    ipc_buffer    INTEGER NOT NULL,
    bound         INTEGER NOT NULL,
    node          INTEGER NOT NULL
) STRICT;
CREATE TABLE run_row (
    row           INTEGER PRIMARY KEY,
    t0            INTEGER NOT NULL,
    t1            INTEGER NOT NULL,
    addr          INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    time_slice    INTEGER NOT NULL,
    current       INTEGER NOT NULL,
    pc            INTEGER NOT NULL,
    sp            INTEGER NOT NULL,
    cpsr          INTEGER NOT NULL,
    blocked_on    INTEGER NOT NULL,
    blocked_badge INTEGER NOT NULL,
    blocked_flags INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    fault         INTEGER NOT NULL,
    fault_addr    INTEGER NOT NULL,
    fault_detail  INTEGER NOT NULL,
    sched_context INTEGER NOT NULL,
    reply         INTEGER NOT NULL,
    yield_to      INTEGER NOT NULL,
    release       INTEGER NOT NULL
) STRICT;

CREATE TABLE endpoint_row (
    row     INTEGER PRIMARY KEY,
    t0      INTEGER NOT NULL,
    t1      INTEGER NOT NULL,
    addr    INTEGER NOT NULL,
    state   INTEGER NOT NULL,
    waiters INTEGER NOT NULL
) STRICT;
CREATE TABLE notification_row (
    row     INTEGER PRIMARY KEY,
    t0      INTEGER NOT NULL,
    t1      INTEGER NOT NULL,
    addr    INTEGER NOT NULL,
    state   INTEGER NOT NULL,
    word    INTEGER NOT NULL,
    bound   INTEGER NOT NULL,
    waiters INTEGER NOT NULL,
    sched_context INTEGER NOT NULL
) STRICT;

CREATE TABLE mapping_row (
    row        INTEGER PRIMARY KEY,
    t0         INTEGER NOT NULL,
    t1         INTEGER NOT NULL,
    dir        INTEGER NOT NULL,
    vaddr      INTEGER NOT NULL,
    asid       INTEGER NOT NULL,
    frame      INTEGER NOT NULL,
    bits       INTEGER NOT NULL,
    rights     INTEGER NOT NULL,
    attributes INTEGER NOT NULL,
    "table"    INTEGER NOT NULL
) STRICT;
CREATE INDEX mapping_by_frame ON mapping_row (frame);

CREATE TABLE irq_row (
    row   INTEGER PRIMARY KEY,
    t0    INTEGER NOT NULL,
    t1    INTEGER NOT NULL,
    irq   INTEGER NOT NULL,
    state INTEGER NOT NULL,
    slot  INTEGER NOT NULL
) STRICT;
CREATE TABLE finding_row (
    row   INTEGER PRIMARY KEY,
    t0    INTEGER NOT NULL,
    t1    INTEGER NOT NULL,
    rule  INTEGER NOT NULL,
    addr  INTEGER NOT NULL,
    other INTEGER NOT NULL,
    value INTEGER NOT NULL
) STRICT;

CREATE TABLE sched_context_row (
    row          INTEGER PRIMARY KEY,
    t0           INTEGER NOT NULL,
    t1           INTEGER NOT NULL,
    addr         INTEGER NOT NULL,
    bits         INTEGER NOT NULL,
    node         INTEGER NOT NULL,
    period       INTEGER NOT NULL,
    budget       INTEGER NOT NULL,
    consumed     INTEGER NOT NULL,
    thread       INTEGER NOT NULL,
    reply        INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    badge        INTEGER NOT NULL,
    yield_from   INTEGER NOT NULL,
    refill_max   INTEGER NOT NULL,
    refills      INTEGER NOT NULL,
    head_time    INTEGER NOT NULL,
    head_amount  INTEGER NOT NULL,
    flags        INTEGER NOT NULL
) STRICT;
CREATE TABLE reply_row (
    row           INTEGER PRIMARY KEY,
    t0            INTEGER NOT NULL,
    t1            INTEGER NOT NULL,
    addr          INTEGER NOT NULL,
    thread        INTEGER NOT NULL,
    prev          INTEGER NOT NULL,
    next          INTEGER NOT NULL,
    sched_context INTEGER NOT NULL
) STRICT;

-- Page tables, where the records tell of them.
CREATE TABLE table_row (
    row    INTEGER PRIMARY KEY,
    t0     INTEGER NOT NULL,
    t1     INTEGER NOT NULL,
    addr   INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    level  INTEGER NOT NULL,
    vaddr  INTEGER NOT NULL,
    bits   INTEGER NOT NULL,
    asid   INTEGER NOT NULL
) STRICT;

-- Processors and stretches of memory but the first, which snapshot holds.
CREATE TABLE sched_row (
    row           INTEGER PRIMARY KEY,
    t0            INTEGER NOT NULL,
    t1            INTEGER NOT NULL,
    node          INTEGER NOT NULL,
    current       INTEGER NOT NULL,
    ready         INTEGER NOT NULL,
    highest       INTEGER NOT NULL,
    idle          INTEGER NOT NULL,
    sched_context INTEGER NOT NULL,
    released      INTEGER NOT NULL,
    domain        INTEGER NOT NULL,
    domain_time   INTEGER NOT NULL
) STRICT;
CREATE TABLE range_row (
    row    INTEGER PRIMARY KEY,
    t0     INTEGER NOT NULL,
    t1     INTEGER NOT NULL,
    use    INTEGER NOT NULL,
    base   INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    offset INTEGER NOT NULL
) STRICT;

-- Changes that are not merged yet: at snapshot t rows of the kind's table end, and others begin, which
-- are numbered from `first` on.  ended, began: packed numbers (docs/database.md, The tail).
CREATE TABLE tail (
    t     INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    first INTEGER NOT NULL,
    ended BLOB NOT NULL,
    began BLOB NOT NULL
) STRICT;

-- What follows from the rest and saves readers time; `capdb verify` holds it against the rest.  Recordings
-- of format 4 lack cap_ended, those of format 3 all of it.
--
-- Keyframes: the rows of a kind's table that hold in snapshot n, packed as `ended` above; last: the
-- highest of all then.  With them one snapshot is read without looking at the whole table.
CREATE TABLE keyframe (
    kind INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    last INTEGER NOT NULL,
    rows BLOB NOT NULL,
    PRIMARY KEY (kind, n)
) STRICT, WITHOUT ROWID;
-- First snapshots of runs of the machine, see the view `runs`.
CREATE TABLE run_begin (
    n INTEGER PRIMARY KEY
) STRICT;
-- The rows of cap_version that ended at the snapshots of one merge, of which n is the last: of each its
-- number, the length of what follows, and that, packed as `ended` above.
CREATE TABLE cap_ended (
    n    INTEGER PRIMARY KEY,
    rows BLOB NOT NULL
) STRICT;

----------------------------------------------------------------------------------------------------
-- Events as they were recorded, in the order of row

-- n: first snapshot that shows it.  A gap (see word): `detail` events from number `seq` on are lost.
CREATE TABLE event (
    row     INTEGER PRIMARY KEY,
    n       INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    thread  INTEGER NOT NULL,
    slot    INTEGER NOT NULL,
    src     INTEGER NOT NULL,
    type    INTEGER NOT NULL,
    object  INTEGER NOT NULL,
    bits    INTEGER NOT NULL,
    rights  INTEGER NOT NULL,
    flags   INTEGER NOT NULL,
    data    INTEGER NOT NULL,
    extra   INTEGER NOT NULL,
    object2 INTEGER NOT NULL,
    detail  INTEGER NOT NULL
) STRICT;
CREATE INDEX event_of_snapshot ON event (n);
CREATE INDEX event_of_slot ON event (slot);

----------------------------------------------------------------------------------------------------
-- Views: what people ask

CREATE VIEW snapshots AS
SELECT n, datetime(time, 'unixepoch') AS taken, time, ticks, seq, slots AS caps, threads, mappings,
       added, removed, changed, complete, printf('%08x%08x', digest0, digest1) AS digest, stopped,
       CAST(board AS TEXT) AS board, CAST(build AS TEXT) AS build
  FROM snapshot;

CREATE VIEW cap_lives AS
SELECT c.t0 AS first, iif(c.t1 = 2147483647, NULL, c.t1 - 1) AS last, c.id AS cap, c.parent, c.slot,
       h.addr AS holder, iif(c.holder, c."index", NULL) AS "index", d.name AS domain, w.text AS type,
       coalesce(c.addr, o.addr) AS object, coalesce(c.bits, o.bits) AS bits, c.object AS life,
       c.rights AS rights_bits,
       iif(c.rights & 2, 'r', '') || iif(c.rights & 1, 'w', '') || iif(c.rights & 4, 'g', '')
           || iif(c.rights & 8, 'p', '') AS rights,
       c.flags, c.data, c.extra, c.pos
  FROM cap_row c
  LEFT JOIN object_row o ON o.id = c.object AND o.t0 <= c.t0 AND o.t1 > c.t0
  LEFT JOIN object_row h ON h.id = c.holder AND h.t0 <= c.t0 AND h.t1 > c.t0
  LEFT JOIN domain d ON d.id = c.domain
  LEFT JOIN word w ON w.kind = 'cap' AND w.value = c.type;

CREATE VIEW caps AS
SELECT s.n, l.*
  FROM snapshot s JOIN cap_lives l ON l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);

-- What became of a capability: one row a version, with what is new in it.
CREATE VIEW cap_history AS
SELECT cap, first, last,
       iif(first = min(first) OVER w, 'appears',
           trim(iif(slot IS NOT lag(slot) OVER v, 'moves ', '')
                || iif(domain IS NOT lag(domain) OVER v, 'changes hands ', '')
                || iif(rights_bits IS NOT lag(rights_bits) OVER v, 'loses rights ', '')
                || iif(parent IS NOT lag(parent) OVER v, 'changes parent ', '')
                || iif(data IS NOT lag(data) OVER v OR extra IS NOT lag(extra) OVER v,
                       'changes data ', '')
                || iif(flags IS NOT lag(flags) OVER v, 'changes flags', ''))) AS what,
       slot, domain, type, object, bits, rights, parent, data, extra
  FROM cap_lives
WINDOW v AS (PARTITION BY cap ORDER BY first),
       w AS (PARTITION BY cap);

-- Who has a capability from whom.
CREATE VIEW derivations AS
SELECT s.n, c.id AS cap, p.id AS parent, c.slot, p.slot AS parent_slot, d.name AS domain,
       e.name AS parent_domain, w.text AS type, coalesce(c.addr, o.addr) AS object,
       coalesce(c.bits, o.bits) AS bits, u.text AS parent_type
  FROM snapshot s
  JOIN cap_row c ON c.t0 <= s.n AND c.t1 > s.n
 CROSS JOIN cap_of p ON p.id = c.parent AND p.t0 <= s.n AND p.t1 > s.n
  LEFT JOIN object_row o ON o.id = c.object AND o.t0 <= s.n AND o.t1 > s.n
  LEFT JOIN domain d ON d.id = c.domain
  LEFT JOIN domain e ON e.id = p.domain
  LEFT JOIN word w ON w.kind = 'cap' AND w.value = c.type
  LEFT JOIN word u ON u.kind = 'cap' AND u.value = p.type;

CREATE VIEW object_lives AS
SELECT o.t0 AS first, iif(o.t1 = 2147483647, NULL, o.t1 - 1) AS last, o.id AS life, w.text AS type,
       o.addr, o.bits, iif(o.bits BETWEEN 1 AND 62, 1 << o.bits, 0) AS bytes, o.flags
  FROM object_row o
  LEFT JOIN word w ON w.kind = 'cap' AND w.value = o.type;

CREATE VIEW objects AS
SELECT s.n, l.*
  FROM snapshot s JOIN object_lives l ON l.first <= s.n AND (l.last IS NULL OR l.last >= s.n);

-- Who decides about an object's life: the domain with the nearest untyped memory above it, up the
-- derivations; where only managers have that, the domain that alone holds it.  What is derived from
-- a capability to the same memory leads no step up.
CREATE VIEW owners AS
SELECT n, object, type, bits, life, coalesce(above, iif(holders = 1, holder, NULL)) AS domain,
       iif(above IS NOT NULL, 'untyped', iif(holders = 1, 'alone', NULL)) AS rule, holders
  FROM (SELECT s.n, o.addr AS object, w.text AS type, o.bits, o.id AS life,
               (WITH RECURSIVE up(life, far) AS (
                    SELECT o.id, 0
                    UNION
                    SELECT p.object, up.far + 1
                      FROM up
                     CROSS JOIN cap_of c ON c.object = up.life AND c.t0 <= s.n AND c.t1 > s.n
                     CROSS JOIN cap_of p ON p.id = c.parent AND p.t0 <= s.n AND p.t1 > s.n
                           AND p.object <> up.life
                      JOIN word k ON k.kind = 'cap' AND k.value = p.type AND k.text = 'untyped'
                     WHERE up.far < 64)
                SELECT d.name
                  FROM up
                 CROSS JOIN cap_of q ON q.object = up.life AND q.t0 <= s.n AND q.t1 > s.n
                  JOIN domain d ON d.id = q.domain AND NOT d.trusted
                  JOIN word k ON k.kind = 'cap' AND k.value = q.type AND k.text = 'untyped'
                 ORDER BY up.far, q.pos LIMIT 1) AS above,
               (SELECT count(DISTINCT q.domain)
                  FROM cap_of q CROSS JOIN domain d ON d.id = q.domain AND NOT d.trusted
                 WHERE q.object = o.id AND q.t0 <= s.n AND q.t1 > s.n) AS holders,
               (SELECT d.name
                  FROM cap_of q CROSS JOIN domain d ON d.id = q.domain AND NOT d.trusted
                 WHERE q.object = o.id AND q.t0 <= s.n AND q.t1 > s.n LIMIT 1) AS holder
          FROM snapshot s
          JOIN object_row o ON o.t0 <= s.n AND o.t1 > s.n
          LEFT JOIN word w ON w.kind = 'cap' AND w.value = o.type);

-- The same over time, worked out where it may change and not for each snapshot.  stay: a capability
-- while its parent, place and domain are the same, whatever else changes.  step: what lies in untyped
-- memory, and in which.  claim: the domains with untyped memory above, the nearest first.
CREATE VIEW owners_over_time AS
WITH RECURSIVE version AS (
    SELECT c.row, c.id, c.t0, c.t1, c.parent, c.pos, c.object, iif(d.trusted, NULL, d.name) AS domain,
           k.text = 'untyped' AS untyped,
           (c.t0, c.parent, c.pos, c.domain) IS NOT
               (lag(c.t1) OVER w, lag(c.parent) OVER w, lag(c.pos) OVER w, lag(c.domain) OVER w) AS opens
      FROM cap_row c
      LEFT JOIN domain d ON d.id = c.domain
      LEFT JOIN word k ON k.kind = 'cap' AND k.value = c.type
    WINDOW w AS (PARTITION BY c.id ORDER BY c.row)),
stay AS MATERIALIZED (
    SELECT id, parent, pos, object, domain, untyped, min(t0) AS t0, max(t1) AS t1
      FROM (SELECT *, sum(opens) OVER (PARTITION BY id ORDER BY row) AS nth FROM version)
     GROUP BY id, nth),
life AS MATERIALIZED (
    SELECT o.id, min(o.t0) AS t0, max(o.t1) AS t1, w.text AS type, o.addr, o.bits
      FROM object_row o
      LEFT JOIN word w ON w.kind = 'cap' AND w.value = o.type
     GROUP BY o.id),
step AS MATERIALIZED (
    SELECT DISTINCT c.object AS below, p.object AS above, max(c.t0, p.t0) AS t0,
           min(c.t1, p.t1) AS t1
      FROM stay c
      JOIN stay p ON p.id = c.parent AND p.untyped AND p.t0 < c.t1 AND p.t1 > c.t0
           AND p.object <> c.object),
up(life, above, far, t0, t1) AS (
    SELECT id, id, 0, t0, t1 FROM life
    UNION
    SELECT u.life, s.above, u.far + 1, max(u.t0, s.t0), min(u.t1, s.t1)
      FROM up u
      JOIN step s ON s.below = u.above AND s.t0 < u.t1 AND s.t1 > u.t0
     WHERE u.far < 64),
claim AS MATERIALIZED (
    SELECT u.life, u.far, q.pos, q.domain, max(u.t0, q.t0) AS t0, min(u.t1, q.t1) AS t1
      FROM up u
      JOIN stay q ON q.object = u.above AND q.untyped AND q.domain IS NOT NULL AND q.t0 < u.t1
           AND q.t1 > u.t0),
held AS MATERIALIZED (
    SELECT object AS life, domain, t0, t1 FROM stay WHERE domain IS NOT NULL),
edge AS (
    SELECT id AS life, t0 AS n FROM life
     UNION SELECT life, t0 FROM claim UNION SELECT life, t1 FROM claim
     UNION SELECT life, t0 FROM held UNION SELECT life, t1 FROM held),
piece AS MATERIALIZED (
    SELECT life, n, lead(n) OVER (PARTITION BY life ORDER BY n) AS next FROM edge),
known AS (
    SELECT l.id AS life, l.type, l.addr, l.bits, p.n, coalesce(p.next, l.t1) AS next,
           (SELECT c.domain FROM claim c WHERE c.life = p.life AND c.t0 <= p.n AND c.t1 > p.n
             ORDER BY c.far, c.pos LIMIT 1) AS above,
           (SELECT count(DISTINCT h.domain) FROM held h
             WHERE h.life = p.life AND h.t0 <= p.n AND h.t1 > p.n) AS holders,
           (SELECT h.domain FROM held h
             WHERE h.life = p.life AND h.t0 <= p.n AND h.t1 > p.n LIMIT 1) AS holder
      FROM life l
      JOIN piece p ON p.life = l.id AND p.n >= l.t0 AND p.n < l.t1),
owned AS (
    SELECT life, type, addr, bits, n, next, coalesce(above, iif(holders = 1, holder, NULL)) AS domain,
           iif(above IS NOT NULL, 'untyped', iif(holders = 1, 'alone', NULL)) AS rule, holders
      FROM known),
mark AS (
    SELECT *, lag(n) OVER w IS NULL OR (domain, rule, holders) IS NOT
                  (lag(domain) OVER w, lag(rule) OVER w, lag(holders) OVER w) AS opens
      FROM owned
    WINDOW w AS (PARTITION BY life ORDER BY n)),
part AS (
    SELECT *, sum(opens) OVER (PARTITION BY life ORDER BY n) AS nth FROM mark)
SELECT min(n) AS first, nullif(max(next), 2147483647) - 1 AS last, addr AS object, type, bits, life,
       domain, rule, holders
  FROM part
 GROUP BY life, nth;

CREATE VIEW memory_by_domain AS
SELECT n, domain, count(*) AS objects, sum(iif(bits BETWEEN 1 AND 62, 1 << bits, 0)) AS bytes,
       sum(type = 'frame') AS frames,
       sum(iif(type = 'frame' AND bits BETWEEN 1 AND 62, 1 << bits, 0)) AS frame_bytes
  FROM owners
 WHERE domain IS NOT NULL AND type NOT IN ('untyped', 'irqhandler')
 GROUP BY n, domain;

-- A row from each snapshot in which it changes, and from the first of each run of the machine.
CREATE VIEW memory_over_time AS
WITH owned AS MATERIALIZED (
    SELECT domain, first, last, iif(bits BETWEEN 1 AND 62, 1 << bits, 0) AS bytes,
           type = 'frame' AS frame
      FROM owners_over_time
     WHERE domain IS NOT NULL AND type NOT IN ('untyped', 'irqhandler')),
change AS (
    SELECT domain, first AS n, 1 AS objects, bytes, frame FROM owned
    UNION ALL
    SELECT domain, last + 1, -1, -bytes, -frame FROM owned WHERE last IS NOT NULL),
step AS (
    SELECT domain, n, sum(objects) AS objects, sum(bytes) AS bytes, sum(frame) AS frames,
           sum(iif(frame, bytes, 0)) AS frame_bytes
      FROM change
     GROUP BY domain, n),
total AS (
    SELECT domain, n, lead(n) OVER w - 1 AS last, sum(objects) OVER w AS objects,
           sum(bytes) OVER w AS bytes, sum(frames) OVER w AS frames,
           sum(frame_bytes) OVER w AS frame_bytes
      FROM step
     WHERE objects <> 0 OR bytes <> 0 OR frames <> 0 OR frame_bytes <> 0
        OR n IN (SELECT first FROM runs)
    WINDOW w AS (PARTITION BY domain ORDER BY n))
SELECT n AS first, last, domain, objects, bytes, frames, frame_bytes
  FROM total
 WHERE objects > 0;

-- Capabilities whose object is another domain's, or is held by several and nobody's.  Grouped, so that
-- SQLite works out an owner once for all capabilities of a domain to an object, and of no domain that
-- is not asked for; c stands in the condition so that it does not do so once more within the groups.
-- The type is the capability's: one to answer a thread is no control of it.
CREATE VIEW crossings AS
SELECT w.n, c.id AS cap, c.slot, w.domain, w.owner,
       (SELECT text FROM word WHERE kind = 'cap' AND value = c.type) AS type, w.object, w.bits,
       iif(c.rights & 2, 'r', '') || iif(c.rights & 1, 'w', '') || iif(c.rights & 4, 'g', '')
           || iif(c.rights & 8, 'p', '') AS rights
  FROM (SELECT o.n, o.life, h.domain AS holder, d.name AS domain, o.domain AS owner, o.holders,
               o.object, o.bits
          FROM owners o
         CROSS JOIN cap_of h ON h.object = o.life AND h.t0 <= o.n AND h.t1 > o.n
          JOIN domain d ON d.id = h.domain AND NOT d.trusted
         GROUP BY o.n, o.life, h.domain, d.name) w
 CROSS JOIN cap_of c ON c.object = w.life AND c.domain = w.holder AND c.t0 <= w.n AND c.t1 > w.n
 WHERE coalesce(w.owner <> w.domain, w.holders > 1, c.row > 0);

CREATE VIEW crossings_over_time AS
WITH version AS (
    SELECT c.id AS cap, c.slot, d.name AS domain, w.domain AS owner, c.type, w.object, w.bits, c.rights,
           max(c.t0, w.first) AS t0, min(c.t1, coalesce(w.last + 1, 2147483647)) AS t1
      FROM owners_over_time w
      JOIN cap_row c ON c.object = w.life AND c.t1 > w.first AND (w.last IS NULL OR c.t0 <= w.last)
      JOIN domain d ON d.id = c.domain AND NOT d.trusted
     WHERE coalesce(w.domain <> d.name, w.holders > 1)),
mark AS (
    SELECT *, t0 IS NOT lag(t1) OVER w AS opens
      FROM version
    WINDOW w AS (PARTITION BY cap, slot, domain, owner, type, rights ORDER BY t0)),
part AS (
    SELECT *, sum(opens) OVER (PARTITION BY cap, slot, domain, owner, type, rights ORDER BY t0) AS nth
      FROM mark)
SELECT min(t0) AS first, nullif(max(t1), 2147483647) - 1 AS last, cap, slot, domain, owner,
       (SELECT text FROM word WHERE kind = 'cap' AND value = p.type) AS type, object, bits,
       iif(rights & 2, 'r', '') || iif(rights & 1, 'w', '') || iif(rights & 4, 'g', '')
           || iif(rights & 8, 'p', '') AS rights
  FROM part p
 GROUP BY cap, slot, domain, owner, p.type, p.rights, nth;

CREATE VIEW threads AS
SELECT s.n, t.addr, m.text AS name, d.name AS domain, w.text AS state, t.priority, t.mcp, r.current,
       t.idle, r.pc, r.sp, t.fault_handler, t.ipc_buffer, t.bound, r.blocked_on, r.blocked_badge,
       r.position, r.time_slice, f.text AS fault, r.fault_addr
  FROM snapshot s
  JOIN thread_row t ON t.t0 <= s.n AND t.t1 > s.n
  JOIN run_row r ON r.addr = t.addr AND r.t0 <= s.n AND r.t1 > s.n
  LEFT JOIN name m ON m.id = t.name
  LEFT JOIN domain d ON d.id = t.domain
  LEFT JOIN word w ON w.kind = 'thread' AND w.value = r.state
  LEFT JOIN word f ON f.kind = 'fault' AND f.value = r.fault;

CREATE VIEW domains AS
SELECT n, domain, count(*) AS threads
  FROM threads WHERE domain IS NOT NULL GROUP BY n, domain;

CREATE VIEW endpoints AS
SELECT s.n, e.addr, w.text AS state, e.waiters
  FROM snapshot s
  JOIN endpoint_row e ON e.t0 <= s.n AND e.t1 > s.n
  LEFT JOIN word w ON w.kind = 'endpoint' AND w.value = e.state;

CREATE VIEW notifications AS
SELECT s.n, e.addr, w.text AS state, e.word AS badges, e.bound, e.waiters
  FROM snapshot s
  JOIN notification_row e ON e.t0 <= s.n AND e.t1 > s.n
  LEFT JOIN word w ON w.kind = 'notification' AND w.value = e.state;

CREATE VIEW mappings AS
SELECT s.n, m.dir, m.asid, m.vaddr, m.frame, m.bits,
       iif(m.rights & 2, 'r', '') || iif(m.rights & 1, 'w', '') || iif(m.rights & 4, 'x', '')
           AS rights,
       m.attributes & 1 AS cached, m."table"
  FROM snapshot s
  JOIN mapping_row m ON m.t0 <= s.n AND m.t1 > s.n;

CREATE VIEW tables AS
SELECT s.n, m.addr, nullif(m.parent, 0) AS parent, m.level, m.vaddr, m.bits, m.asid
  FROM snapshot s
  JOIN table_row m ON m.t0 <= s.n AND m.t1 > s.n;

CREATE VIEW sched_contexts AS
SELECT s.n, c.addr, c.bits, c.node, c.period, c.budget, c.consumed, nullif(c.thread, 0) AS thread,
       nullif(c.reply, 0) AS reply, nullif(c.notification, 0) AS notification, c.badge,
       nullif(c.yield_from, 0) AS yield_from, c.refill_max, c.refills, c.head_time, c.head_amount,
       c.flags & 1 AS sporadic
  FROM snapshot s
  JOIN sched_context_row c ON c.t0 <= s.n AND c.t1 > s.n;

CREATE VIEW replies AS
SELECT s.n, r.addr, nullif(r.thread, 0) AS thread, nullif(r.prev, 0) AS prev,
       nullif(r.next, 0) AS next, nullif(r.sched_context, 0) AS sched_context
  FROM snapshot s
  JOIN reply_row r ON r.t0 <= s.n AND r.t1 > s.n;

CREATE VIEW irqs AS
SELECT s.n, i.irq, w.text AS state, i.slot
  FROM snapshot s
  JOIN irq_row i ON i.t0 <= s.n AND i.t1 > s.n
  LEFT JOIN word w ON w.kind = 'irq' AND w.value = i.state;

CREATE VIEW findings AS
SELECT s.n, f.rule, f.addr, f.other, f.value
  FROM snapshot s
  JOIN finding_row f ON f.t0 <= s.n AND f.t1 > s.n;

-- Runs of the machine, from their first snapshot to their last.  Another one begins where the kernel
-- starts counting anew, where another process is behind the same door, and where the kernel tells
-- another number of its boot.  from_row: its first event; those that the first snapshot shows may be of
-- the run before, as far as their numbers go on.
CREATE VIEW runs AS
WITH door AS (
    SELECT id, first, target, trim(substr(machine, 1, instr(machine || ' run ', 'run ') - 1)) AS behind,
           substr(machine, instr(machine || ' run ', 'run ')) AS boot
      FROM source),
other AS (
    SELECT d.first AS n
      FROM door d
     WHERE EXISTS (SELECT 1 FROM door b WHERE b.id = d.id - 1 AND b.target = d.target
                   AND b.behind <> d.behind AND b.behind <> '' AND d.behind <> '')
        OR d.boot <> '' AND d.boot <> (SELECT b.boot FROM door b WHERE b.id < d.id AND b.boot <> ''
                                        ORDER BY b.id DESC LIMIT 1)),
clock AS (
    SELECT n, lag(ticks) OVER w AS ticks_before, lag(seq) OVER w AS seq_before, ticks, seq
      FROM snapshot
    WINDOW w AS (ORDER BY n)),
begun AS (
    SELECT n FROM clock WHERE ticks_before IS NULL OR ticks < ticks_before OR seq < seq_before
     UNION
    SELECT s.n FROM snapshot s JOIN other o ON o.n = s.n)
SELECT row_number() OVER (ORDER BY b.n) AS run, b.n AS first,
       coalesce(lead(b.n) OVER (ORDER BY b.n) - 1, (SELECT max(s.n) FROM snapshot s)) AS last,
       coalesce((SELECT max(x.row)
                   FROM (SELECT e.row, e.n, e.seq,
                                lag(e.seq, 1, p.seq) OVER (ORDER BY e.row) AS before
                           FROM event e JOIN snapshot p ON p.n = b.n - 1
                          WHERE e.n IN (b.n - 1, b.n)
                            AND e.kind NOT IN (SELECT w.value FROM word w
                                                WHERE w.kind = 'event' AND w.text = 'gap')) x
                  WHERE x.n = b.n AND x.seq <= x.before),
                (SELECT max(e.row) + 1
                   FROM event e WHERE e.n = (SELECT max(l.n) FROM event l WHERE l.n <= b.n)
                    AND EXISTS (SELECT 1 FROM snapshot p WHERE p.n = b.n - 1)), 1) AS from_row
  FROM begun b;

-- Events with when they were by the clock of snapshots.  capscope's events tell the low 16 bits of it, and lie
-- between the snapshot before and the one that shows them, of one run: NULL where more than one time
-- has these bits, or none.  Other kernels tell all bits.
CREATE VIEW event_timed AS
SELECT b.row, b.n, b.seq, b.time, b.kind, b.thread, b.slot, b.src, b.type, b.object, b.bits, b.rights,
       b.flags, b.data, b.extra, b.object2, b.detail,
       CASE WHEN b.kind IN (SELECT w.value FROM word w WHERE w.kind = 'event' AND w.text = 'gap') THEN NULL
            WHEN b.kernel <> 1 THEN b.time >> 16
            WHEN b.seq <= b.seq_shown AND b.row >= coalesce(b.from_row, b.row)
                 AND b.latest >= b.earliest AND b.latest - 65536 < b.earliest THEN b.latest
       END AS ticks
  FROM (SELECT e.*, s.kernel, s.seq AS seq_shown,
               r.from_row,
               s.ticks - ((s.ticks - (e.time >> 16)) & 65535) AS latest,
               CASE WHEN r.first IS NULL THEN p.ticks ELSE 0 END AS earliest
          FROM event e
          LEFT JOIN snapshot s ON s.n = e.n
          LEFT JOIN snapshot p ON p.n = e.n - 1
          LEFT JOIN (SELECT first, from_row FROM runs) r ON r.first = e.n) b;

-- The acting thread by its last name up to then: `called` has the names of each thread in order,
-- worked out once for all events.
CREATE VIEW events AS
SELECT e.n, e.seq, e.ticks, w.text AS event, called.name AS thread,
       nullif(e.thread, 0) AS tcb, nullif(e.slot, 0) AS slot, nullif(e.src, 0) AS src,
       nullif(c.text, 'null') AS type, iif(c.text = 'null', NULL, e.object) AS object, e.bits,
       iif(e.rights & 2, 'r', '') || iif(e.rights & 1, 'w', '') || iif(e.rights & 4, 'g', '')
           || iif(e.rights & 8, 'p', '') AS rights,
       e.flags, e.data, e.extra, nullif(e.object2, 0) AS about, e.detail,
       iif(w.text = 'gap', e.detail, 0) AS lost
  FROM event_timed e
  LEFT JOIN word w ON w.kind = 'event' AND w.value = e.kind
  LEFT JOIN word c ON c.kind = 'cap' AND c.value = e.type
  LEFT JOIN (SELECT r.addr, r.t0 AS since, m.text AS name,
                    lead(r.t0, 1, 1 << 62) OVER (PARTITION BY r.addr ORDER BY r.t0) AS until
               FROM thread_row r
               JOIN name m ON m.id = r.name) called
    ON called.addr = e.thread AND called.since <= e.n AND called.until > e.n;

-- The events of a revoke name who revokes and its root, as slot or, of a victim, as src.  One begins
-- where its beginning is told, and where that was lost: at the first event of a thread and a root that
-- have none under way, or at which less is done than before.  next_row: where the same thread's next one
-- begins, or another run of the machine; one that its thread gave up has no end.  steps: as far as was told.  from_row to to_row: it
-- lies in there, with the gaps among which its beginning or its end was lost.
CREATE VIEW revoke_span AS
WITH machine AS (
    SELECT run, from_row, lead(from_row, 1, 1 << 62) OVER (ORDER BY run) AS ends FROM runs),
step AS (
    SELECT e.row, e.thread, w.text AS kind, iif(w.text = 'victim', e.src, e.slot) AS root, e.detail,
           coalesce(m.ends, 1 << 62) AS ends
      FROM event e
      JOIN word w ON w.kind = 'event' AND w.value = e.kind
      LEFT JOIN machine m ON m.from_row <= e.row AND m.ends > e.row
     WHERE w.text IN ('revoke', 'victim', 'preempted', 'resumed', 'revoked')),
opening AS (
    SELECT row, thread, kind, root, detail, ends,
           kind = 'revoke' OR coalesce(lag(kind) OVER story = 'revoked' OR
                                       detail < lag(detail) OVER story, 1) AS opens
      FROM step
    WINDOW story AS (PARTITION BY ends, thread, root ORDER BY row)),
numbered AS (
    SELECT row, thread, kind, root, detail, ends,
           sum(opens) OVER (PARTITION BY ends, thread, root ORDER BY row) AS nth
      FROM opening),
heard AS (
    SELECT thread, root, ends, min(row) AS first_row, max(row) AS heard_row,
           max(iif(kind = 'revoked', row, NULL)) AS last_row, max(kind = 'revoke') AS begun,
           coalesce(max(iif(kind = 'revoked', detail, NULL)),
                    max(iif(kind = 'revoke', 0, detail + (kind = 'victim')))) AS steps,
           sum(kind = 'preempted') AS preempted
      FROM numbered
     GROUP BY ends, thread, root, nth)
SELECT row_number() OVER (ORDER BY h.first_row) AS revoke, h.root, h.first_row, h.last_row,
       coalesce(lead(h.first_row) OVER (PARTITION BY h.ends, h.thread ORDER BY h.first_row),
                nullif(h.ends, 1 << 62)) AS next_row, h.begun,
       h.steps, h.preempted,
       iif(h.begun, h.first_row,
           coalesce((SELECT max(g.row) FROM event g WHERE g.kind = w.value AND g.row < h.first_row),
                    h.first_row)) AS from_row,
       coalesce(h.last_row,
                (SELECT min(g.row) FROM event g
                  WHERE g.kind = w.value AND g.row > h.heard_row AND g.row < h.ends),
                h.heard_row) AS to_row
  FROM heard h
  LEFT JOIN word w ON w.kind = 'event' AND w.text = 'gap';

-- Two counts, as everywhere: steps are what the revoke itself took, deleted all capabilities that
-- went, those in CNodes and threads that ended by it included.
CREATE VIEW revokes AS
SELECT s.revoke, b.n AS first, e.n AS last, iif(s.begun, b.seq, NULL) AS begins, e.seq AS ends,
       s.root AS slot, nullif(b.thread, 0) AS tcb,
       (SELECT count(*) FROM event d JOIN word w ON w.kind = 'event' AND w.value = d.kind
         WHERE w.text = 'delete' AND d.thread = b.thread AND d.row > s.first_row
           AND d.row < min(coalesce(s.last_row, 1 << 62), coalesce(s.next_row, 1 << 62)))
           AS deleted,
       s.preempted, s.steps,
       (SELECT coalesce(sum(g.detail), 0)
          FROM event g
          JOIN word w ON w.kind = 'event' AND w.value = g.kind AND w.text = 'gap'
         WHERE g.row BETWEEN s.from_row AND s.to_row) AS lost
  FROM revoke_span s
  JOIN event b ON b.row = s.first_row
  LEFT JOIN event e ON e.row = s.last_row;
