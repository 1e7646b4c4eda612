-- The tables of formats 4 and 3 (which lacks keyframe and run_begin); recordings of these are read and
-- continued as they are.  Their views are those of schema.sql.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE word (
    kind  TEXT NOT NULL,
    value INTEGER NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE source (
    id      INTEGER PRIMARY KEY,
    first   INTEGER NOT NULL,
    target  TEXT NOT NULL,
    machine TEXT NOT NULL
) STRICT;
CREATE TABLE rule_set (
    id    INTEGER PRIMARY KEY,
    first INTEGER NOT NULL
) STRICT;
CREATE TABLE domain_rule (
    id       INTEGER PRIMARY KEY,
    rule_set INTEGER NOT NULL,
    pattern  TEXT NOT NULL,
    domain   TEXT NOT NULL,
    trusted  INTEGER NOT NULL
) STRICT;
CREATE TABLE name (
    id    INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL UNIQUE,
    text  TEXT NOT NULL
) STRICT;
CREATE TABLE domain (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    trusted INTEGER NOT NULL,
    UNIQUE (name, trusted)
) STRICT;
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
CREATE TABLE ledger (
    entry       INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    n           INTEGER NOT NULL,
    source      INTEGER NOT NULL,
    rule_set    INTEGER NOT NULL,
    domain_rule INTEGER NOT NULL,
    name        INTEGER NOT NULL,
    domain      INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    hash        BLOB NOT NULL
) STRICT;
CREATE TABLE cap_row (
    row    INTEGER PRIMARY KEY,
    t0     INTEGER NOT NULL,
    t1     INTEGER NOT NULL,
    id     INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    pos    INTEGER NOT NULL,
    slot   INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    domain INTEGER NOT NULL,
    type   INTEGER NOT NULL,
    object INTEGER NOT NULL,
    addr   INTEGER,
    bits   INTEGER,
    rights INTEGER NOT NULL,
    flags  INTEGER NOT NULL,
    data   INTEGER NOT NULL,
    extra  INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    level  INTEGER NOT NULL,
    place  INTEGER NOT NULL
) STRICT;
CREATE INDEX cap_by_id ON cap_row (id);
CREATE INDEX cap_by_slot ON cap_row (slot);
CREATE INDEX cap_by_object ON cap_row (object);
CREATE INDEX cap_closed ON cap_row (t1) WHERE t1 < 2147483647;
CREATE TABLE object_row (
    row   INTEGER PRIMARY KEY,
    t0    INTEGER NOT NULL,
    t1    INTEGER NOT NULL,
    id    INTEGER NOT NULL,
    type  INTEGER NOT NULL,
    addr  INTEGER NOT NULL,
    bits  INTEGER NOT NULL,
    flags INTEGER NOT NULL
) STRICT;
CREATE INDEX object_by_id ON object_row (id);
CREATE INDEX object_by_addr ON object_row (addr, bits);
CREATE INDEX object_odd ON object_row (addr, bits)
 WHERE bits BETWEEN 1 AND 62 AND addr & ((1 << bits) - 1) <> 0;
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
CREATE TABLE tail (
    t     INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    first INTEGER NOT NULL,
    ended BLOB NOT NULL,
    began BLOB NOT NULL
) STRICT;
CREATE TABLE keyframe (
    kind INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    last INTEGER NOT NULL,
    rows BLOB NOT NULL,
    PRIMARY KEY (kind, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_begin (
    n INTEGER PRIMARY KEY
) STRICT;
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
