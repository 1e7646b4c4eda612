/* What a recording costs and how fast it answers, beside what SQLite itself takes for the same
 * rows.
 *
 * A synthetic system of CAPS capabilities, of which one in a hundred changes from snapshot to
 * snapshot, is recorded SNAPSHOTS times.  The changed rows are then written again by plain inserts:
 * into a table without indexes, one commit a snapshot, and into one with the recording's indexes.
 * All figures of one run stand next to each other; the ratios are what counts.
 *
 * A full copy of a snapshot is what the table without indexes takes for as many rows.
 *
 *     bench_recording [CAPS [SNAPSHOTS [FILE]]]      100,000 and 1,000 unless given; FILE is kept */
#include "capdb/capdb.h"
#include "capdb/spans.h"
#include "capdb/store.h"
#include "lib/host/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CAPS = 100000, SNAPSHOTS = 1000, DOMAIN_CAPS = 100, CHANGE_SHARE = 100, QUESTIONS = 2000 };
enum {
    FIRST_FRAME = 4,
    CNODE_BITS = 12,
    COLUMNS = 20,
    SLOT_BYTES = 16,
    FRAME_BITS = 12,
    DOMAIN_BITS = 20
};

static const uint64_t memory = 0x100000000u;

static uint32_t seed = 1;

static void die(const char *what)
{
    fprintf(stderr, "bench_recording: %s\n", what);
    exit(2);
}

static uint32_t pick(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 4) * n >> 28);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may use the machine */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *times, uint32_t count, double q)
{
    qsort(times, count, sizeof(*times), compare_doubles);
    return count ? times[(uint32_t)(q * (count - 1))] : 0;
}

/* --- the system ------------------------------------------------------------------------------ */

struct synthetic {
    struct record_slot
        *slots; /* derivation order: each domain its untyped, thread, CNode, frames */
    uint32_t count, domains;
};

static uint64_t domain_base(uint32_t d)
{
    return memory + ((uint64_t)d << DOMAIN_BITS);
}

static struct record_slot slot_of(uint32_t d, uint32_t index, uint32_t type, uint64_t object,
                                  uint32_t bits)
{
    return (struct record_slot){.addr = domain_base(d) + 0x2000 + index * SLOT_BYTES,
                                .depth = type != RECORD_CAP_UNTYPED,
                                .type = type,
                                .object = object,
                                .bits = bits,
                                .rights = 3,
                                .flags = RECORD_SLOT_REVOCABLE};
}

static void make_domain(struct synthetic *s, uint32_t d)
{
    struct record_slot *at = &s->slots[s->count];
    uint64_t base = domain_base(d);
    at[0] = slot_of(d, 1, RECORD_CAP_UNTYPED, base, DOMAIN_BITS);
    at[1] = slot_of(d, 2, RECORD_CAP_TCB, base, 9);
    at[2] = slot_of(d, 3, RECORD_CAP_CNODE, base + 0x2000, CNODE_BITS);
    at[2].level = 1;
    at[3] = at[2]; /* in the thread: its CSpace */
    at[3].addr = base;
    for (uint32_t i = FIRST_FRAME; i < DOMAIN_CAPS; i++)
        at[i] = slot_of(d, i + 1, RECORD_CAP_FRAME, base + ((uint64_t)i + 1) * 0x1000, FRAME_BITS);
    s->count += DOMAIN_CAPS;
}

static void synthetic_init(struct synthetic *s, uint32_t caps)
{
    s->domains = caps / DOMAIN_CAPS;
    s->count = 0;
    s->slots = calloc((size_t)s->domains * DOMAIN_CAPS, sizeof(*s->slots));
    if (!s->slots)
        die("out of memory");
    for (uint32_t d = 0; d < s->domains; d++)
        make_domain(s, d);
}

/* One in a hundred: the frame of a slot loses or gains a right, or is another one. */
static void synthetic_step(struct synthetic *s)
{
    for (uint32_t i = 0; i < s->count / CHANGE_SHARE; i++) {
        uint32_t domain = pick(s->domains);
        struct record_slot *r =
            &s->slots[domain * DOMAIN_CAPS + FIRST_FRAME + pick(DOMAIN_CAPS - FIRST_FRAME)];
        if (pick(2))
            r->rights ^= 1;
        else
            r->object = domain_base(domain) + 0x80000 + pick(64) * 0x1000ull;
    }
}

static void add(struct capstate *state, const struct record *r)
{
    if (capstate_add(state, r) != ERR_OK)
        die("a record is refused");
}

static void add_threads(struct capstate *state, uint32_t domains)
{
    for (uint32_t d = 0; d < domains; d++) {
        struct record r = {.kind = RECORD_THREAD};
        r.thread.addr = domain_base(d);
        r.thread.name.length =
            (uint8_t)snprintf(r.thread.name.bytes, RECORD_STRING_MAX, "d%u/t", d);
        add(state, &r);
    }
}

static void synthetic_state(const struct synthetic *s, struct capstate *state, uint32_t n)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    capstate_init(state);
    r.snapshot = (struct record_snapshot){
        .format = RECORD_FORMAT, .word_bits = 64, .slot_bits = 4, .nodes = 1, .ticks = n, .seq = n};
    add(state, &r);
    for (uint32_t i = 0; i < s->count; i++) {
        r = (struct record){.kind = RECORD_SLOT, .slot = s->slots[i]};
        add(state, &r);
    }
    add_threads(state, s->domains);
    r = (struct record){.kind = RECORD_END};
    r.end = (struct record_end){.complete = 1,
                                .slots = s->count,
                                .threads = s->domains,
                                .records = s->count + s->domains + 2};
    add(state, &r);
    if (capstate_finish(state) != ERR_OK)
        die("a state is refused");
}

/* --- SQL ------------------------------------------------------------------------------------- */

static void run(sqlite3 *sql, const char *text)
{
    if (sqlite3_exec(sql, text, NULL, NULL, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(sql));
}

static sqlite3_stmt *prepare(sqlite3 *sql, const char *text)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(sql, text, -1, &st, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(sql));
    return st;
}

static int64_t number(sqlite3 *sql, const char *text)
{
    sqlite3_stmt *st = prepare(sql, text);
    int64_t value = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    sqlite3_finalize(st);
    return value;
}

/* Without pages that wait to be used again. */
static uint64_t used_bytes(sqlite3 *sql)
{
    return (uint64_t)((number(sql, "PRAGMA main.page_count") -
                       number(sql, "PRAGMA main.freelist_count")) *
                      number(sql, "PRAGMA main.page_size"));
}

/* --- recording ------------------------------------------------------------------------------- */

struct figures {
    uint32_t snapshots;
    double capture, capture_all, raw, plain; /* seconds; the first two medians of a snapshot */
    double control;                          /* where one capability to a CNode changed, too */
    double raw_row;                          /* bytes of a row without indexes */
    uint64_t rows, bytes, first_bytes;       /* first_bytes: with one snapshot */
    uint64_t kept;                           /* by the recorder, in bytes */
};

/* Domains are worked out anew when something that leads to others changed. */
static double record_control(struct capdb *db, struct synthetic *s, uint32_t n)
{
    struct capstate state;
    struct record_slot *cnode = &s->slots[2];
    uint32_t number;
    cnode->rights ^= 1;
    synthetic_state(s, &state, n);
    double start = now();
    if (capdb_append_taking(db, &state, n, &number) != ERR_OK)
        die(capdb_error(db));
    cnode->rights ^= 1;
    return now() - start;
}

/* Beside the recording that is measured, which has no such snapshot. */
static void measure_control(struct synthetic *s, struct figures *f)
{
    enum { TIMES = 5 };
    char message[CAPDB_MESSAGE];
    double times[TIMES];
    struct capdb *db;
    if (capdb_create(":memory:", "bench", &db, message) != ERR_OK)
        die(message);
    record_control(db, s, 1);
    for (uint32_t i = 0; i < TIMES; i++) {
        s->slots[2].rights ^= 1;
        times[i] = record_control(db, s, i + 2);
    }
    f->control = quantile(times, TIMES, 0.5);
    capdb_close(db);
}

static void record_all(const char *path, struct synthetic *s, uint32_t snapshots, struct figures *f)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    double *times = calloc(snapshots, sizeof(*times));
    if (!times || capdb_create(path, "bench", &db, message) != ERR_OK)
        die(times ? message : "out of memory");
    for (uint32_t n = 0; n < snapshots; n++) {
        struct capstate state;
        uint32_t number;
        synthetic_state(s, &state, n + 1);
        double start = now();
        if (capdb_append_taking(db, &state, n, &number) != ERR_OK)
            die(capdb_error(db));
        times[n] = now() - start;
        f->capture_all += n ? times[n] : 0;
        if (n == 0) {
            capdb_flush(db);
            f->first_bytes = used_bytes(db->sql);
        }
        capstate_free(&state);
        synthetic_step(s);
    }
    double start = now();
    capdb_flush(db);
    f->capture_all += now() - start;
    f->kept = capdb_recorder_memory(db);
    f->capture = quantile(times + 1, snapshots - 1, 0.5);
    f->snapshots = snapshots;
    free(times);
    capdb_close(db);
}

/* --- the same rows by plain inserts ----------------------------------------------------------- */

static sqlite3 *open_plain(const char *path, bool indexed)
{
    sqlite3 *sql;
    unlink(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &sql, flags, NULL) != SQLITE_OK)
        die("cannot create a file");
    run(sql, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=OFF;"
             "PRAGMA wal_autocheckpoint=4000;"
             "PRAGMA cache_size=-32768;"
             "CREATE TABLE t (row INTEGER PRIMARY KEY, t0, t1, id, parent, pos, slot, holder,"
             " domain, type, object, addr, bits, rights, flags, data, extra, \"index\", level,"
             " place)");
    if (indexed)
        run(sql, "CREATE INDEX a ON t (id); CREATE INDEX b ON t (slot);"
                 "CREATE INDEX c ON t (object); CREATE INDEX d ON t (t1) WHERE t1 < 2147483647");
    return sql;
}

static void insert_row(sqlite3_stmt *from, sqlite3_stmt *to, bool open)
{
    for (int c = 0; c < COLUMNS; c++)
        sqlite3_bind_value(to, c + 1, sqlite3_column_value(from, c));
    if (open)
        sqlite3_bind_int64(to, 3, CAPDB_STILL);
    sqlite3_step(to);
    sqlite3_reset(to);
}

/* What snapshot n began, and in the indexed table what it ended. Seconds. */
static double write_snapshot(sqlite3 *sql, sqlite3_stmt *from, sqlite3_stmt *to, sqlite3_stmt *ends,
                             sqlite3_stmt *end, uint32_t n)
{
    double start = now();
    run(sql, "BEGIN");
    sqlite3_bind_int64(from, 1, n);
    while (sqlite3_step(from) == SQLITE_ROW)
        insert_row(from, to, true);
    sqlite3_reset(from);
    sqlite3_bind_int64(ends, 1, n);
    while (sqlite3_step(ends) == SQLITE_ROW) {
        if (end) {
            sqlite3_bind_int64(end, 1, n);
            sqlite3_bind_int64(end, 2, sqlite3_column_int64(ends, 0));
            sqlite3_step(end);
            sqlite3_reset(end);
        } else {
            insert_row(ends, to, false);
        }
    }
    sqlite3_reset(ends);
    run(sql, "COMMIT");
    return now() - start;
}

static void write_plain(sqlite3 *recording, const char *path, bool indexed, uint32_t snapshots,
                        double *median, double *all, double *row_bytes)
{
    sqlite3 *sql = open_plain(path, indexed);
    double *times = calloc(snapshots, sizeof(*times));
    sqlite3_stmt *from =
        prepare(recording, "SELECT * FROM versions WHERE row > coalesce((SELECT last_cap_row FROM"
                           " snapshot WHERE n = ?1 - 1), 0) AND row <= (SELECT last_cap_row FROM"
                           " snapshot WHERE n = ?1)");
    sqlite3_stmt *ends =
        prepare(recording, indexed ? "SELECT row FROM versions WHERE t1 = ?1 AND t1 < 2147483647"
                                   : "SELECT NULL, t0, t1, id, parent, pos, slot, holder, domain,"
                                     " type, object, addr, bits, rights, flags, data, extra,"
                                     " \"index\", level, place FROM versions WHERE t1 = ?1"
                                     " AND t1 < 2147483647");
    sqlite3_stmt *to =
        prepare(sql, indexed ? "INSERT INTO t VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                             : "INSERT INTO t VALUES (NULL,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,"
                               "?13,?14,?15,?16,?17,?18,?19,?20)");
    sqlite3_stmt *end = indexed ? prepare(sql, "UPDATE t SET t1 = ?1 WHERE row = ?2") : NULL;
    if (!times)
        die("out of memory");
    for (uint32_t n = 1; n <= snapshots; n++)
        times[n - 1] = write_snapshot(sql, from, to, ends, end, n);
    *all = 0;
    for (uint32_t n = 1; n < snapshots; n++)
        *all += times[n];
    *median = quantile(times + 1, snapshots - 1, 0.5);
    *row_bytes = (double)used_bytes(sql) / (double)number(sql, "SELECT count(*) FROM t");
    sqlite3_finalize(from);
    sqlite3_finalize(ends);
    sqlite3_finalize(to);
    sqlite3_finalize(end);
    sqlite3_close(sql);
    free(times);
    unlink(path);
}

/* All versions as a plain program would have them at hand. */
static const char versions_sql[] =
    "CREATE TEMP TABLE versions (row INTEGER PRIMARY KEY, t0, t1, id, parent, pos, slot, holder,"
    " domain, type, object, addr, bits, rights, flags, data, extra, \"index\", level, place);"
    "INSERT INTO versions SELECT * FROM cap_flat ORDER BY row;"
    "CREATE INDEX temp.versions_closed ON versions (t1) WHERE t1 < 2147483647";

static void measure_writing(const char *path, uint32_t snapshots, struct figures *f)
{
    char beside[300];
    sqlite3 *sql;
    double unused;
    if (sqlite3_open_v2(path, &sql, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die("cannot open the recording");
    snprintf(beside, sizeof(beside), "%.280s-plain", path);
    run(sql, versions_sql);
    write_plain(sql, beside, false, snapshots, &f->raw, &unused, &f->raw_row);
    write_plain(sql, beside, true, snapshots, &unused, &f->plain, &unused);
    f->rows = (uint64_t)number(sql, "SELECT count(*) FROM cap_version WHERE t0 > 1");
    f->bytes = used_bytes(sql);
    sqlite3_close(sql);
}

/* --- answers --------------------------------------------------------------------------------- */

static void measure_owner(struct capdb *db, uint32_t domains, uint32_t snapshots)
{
    double *times = calloc(QUESTIONS, sizeof(*times));
    if (!times)
        die("out of memory");
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        struct capdb_owner owner;
        uint64_t addr = domain_base(pick(domains)) + pick(1u << DOMAIN_BITS);
        double start = now();
        if (capdb_owner_at(db, 1 + pick(snapshots), addr, &owner) != ERR_OK)
            die(capdb_error(db));
        times[i] = now() - start;
    }
    double median = quantile(times, QUESTIONS, 0.5);
    printf("owner at any snapshot: %.1f us median, %.1f us p99 (wanted: 100)\n", median * 1e6,
           quantile(times, QUESTIONS, 0.99) * 1e6);
    free(times);
}

static enum error count_row(void *ctx, const struct capdb_change *c)
{
    uint64_t *rows = ctx;
    (void)c;
    ++*rows;
    return ERR_OK;
}

/* Microseconds a row. */
static double diff_pace(struct capdb *db, uint32_t from, uint32_t to, uint64_t *rows)
{
    *rows = 0;
    double start = now();
    if (capdb_diff(db, from, to, count_row, rows) != ERR_OK)
        die(capdb_error(db));
    return *rows ? (now() - start) * 1e6 / (double)*rows : 0;
}

/* Spans of growing length: a row costs the same in each. */
static void measure_diff(struct capdb *db, uint32_t snapshots)
{
    for (uint32_t span = 1; span < snapshots; span *= 4) {
        uint64_t rows;
        double first = diff_pace(db, snapshots - span, snapshots, &rows);
        double again = diff_pace(db, snapshots - span, snapshots, &rows);
        printf("diff over %4u snapshots: %8llu rows, %.2f us a row, %.2f once the pages are read"
               " (wanted: 1)\n",
               span, (unsigned long long)rows, first, again);
    }
}

/* A snapshot with its tree and indexes, beside counting its rows as anybody who asks SQL does, and as
 * SQLite does it in the table alone. */
static void measure_load(struct capdb *db, uint32_t n)
{
    struct capstate state;
    char view[64];
    char table[96];
    snprintf(view, sizeof(view), "SELECT count(*) FROM caps WHERE n = %u", n);
    snprintf(table, sizeof(table), "SELECT count(*) FROM cap_version WHERE t0 <= %u AND t1 > %u", n,
             n);
    if (capdb_need_views(db) != ERR_OK)
        die(capdb_error(db));
    double start = now();
    if (capdb_load(db, n, &state) != ERR_OK)
        die(capdb_error(db));
    double loaded = now() - start;
    capstate_free(&state);
    start = now();
    number(db->sql, view);
    double of_view = now() - start;
    start = now();
    number(db->sql, table);
    double of_table = now() - start;
    printf("a whole snapshot: %.1f ms, %.1f times counting its rows in the view caps (wanted: 2),"
           " %.1f times in the table\n",
           loaded * 1e3, loaded / of_view, loaded / of_table);
}

static void ignore(void *ctx, const char *sentence)
{
    (void)ctx;
    fprintf(stderr, "bench_recording: %s\n", sentence);
}

static void measure_answers(const char *path, uint32_t domains, uint32_t snapshots)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    heap_in_large_pages(); /* as capdb does before it answers */
    if (capdb_open(path, &db, message) != ERR_OK)
        die(message);
    capdb_hold(db);
    measure_owner(db, domains, snapshots);
    measure_diff(db, snapshots);
    measure_load(db, snapshots / 2);
    double start = now();
    if (capdb_verify(db, ignore, NULL) != ERR_OK)
        die(capdb_error(db));
    printf("verify: %.1f ms a snapshot\n", (now() - start) * 1e3 / snapshots);
    capdb_release(db);
    capdb_close(db);
}

/* --- whole commands and verdicts -------------------------------------------------------------- */

enum { REPEATS = 5, CHECKED = 10 };

/* A no is an answer. */
static bool answers(const char *command)
{
    int ended = system(command);
    return WIFEXITED(ended) && WEXITSTATUS(ended) <= STATUS_NO;
}

/* Seconds of processor time of the quickest of some runs of one command, started anew each time. */
static double command_time(const char *command)
{
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        struct rusage before;
        struct rusage after;
        getrusage(RUSAGE_CHILDREN, &before);
        if (!answers(command))
            return -1;
        getrusage(RUSAGE_CHILDREN, &after);
        double took = (double)(after.ru_utime.tv_sec + after.ru_stime.tv_sec -
                               before.ru_utime.tv_sec - before.ru_stime.tv_sec) +
                      (double)(after.ru_utime.tv_usec + after.ru_stime.tv_usec -
                               before.ru_utime.tv_usec - before.ru_stime.tv_usec) /
                          1e6;
        best = took < best ? took : best;
    }
    return best;
}

static void measure_command(const char *path, const char *name, const char *operands, int wanted)
{
    char command[512];
    if (access("build/host/capdb", X_OK) != 0) {
        printf("a whole `capdb %s`: not measured, build/host/capdb is not there\n", name);
        return;
    }
    snprintf(command, sizeof(command), "build/host/capdb %s '%s' %s >/dev/null 2>&1", name, path,
             operands);
    double took = command_time(command);
    if (took < 0)
        printf("a whole `capdb %s RUN %s`: not measured, it failed\n", name, operands);
    else
        printf("a whole `capdb %s RUN %s`: %.1f ms (wanted: %d)\n", name, operands, took * 1e3,
               wanted);
}

/* Who gets at what. */
static void measure_questions(const char *path, const char *address)
{
    char yes[128];
    snprintf(yes, sizeof(yes), "d0 read %s", address);
    measure_command(path, "can", yes, 30);
    measure_command(path, "can", "d1 read d0", 30);
    snprintf(yes, sizeof(yes), "d0 %s", address);
    measure_command(path, "path", yes, 30);
    measure_command(path, "who-can-reach", address, 30);
    measure_command(path, "what-can-it-reach", "d0", 30);
}

static void measure_commands(const char *path, uint32_t snapshots)
{
    char address[64];
    char pair[64];
    char json[64];
    snprintf(address, sizeof(address), "0x%llx",
             (unsigned long long)(domain_base(0) + (FIRST_FRAME + 1) * 0x1000ull));
    snprintf(pair, sizeof(pair), "%u %u", snapshots - 1, snapshots);
    measure_command(path, "owner", address, 30);
    measure_command(path, "who", address, 30);
    measure_command(path, "history", address, 30);
    measure_questions(path, address);
    measure_command(path, "untyped", "untyped:0x100000000", 30);
    measure_command(path, "diff", pair, 30);
    snprintf(json, sizeof(json), "--from %u --to %u --json", snapshots - 1, snapshots);
    measure_command(path, "diff", json, 30);
}

static void measure_check(const char *path, uint32_t snapshots)
{
    char message[CAPDB_MESSAGE];
    uint32_t last = snapshots < CHECKED ? snapshots : CHECKED;
    struct capdb *db;
    struct options o = {.every = -1, .patience = -1, .run = path, .quiet = true, .whole = true};
    struct view v = {.options = &o, .second = true};
    struct spans spans = {0};
    if (capdb_open(path, &db, message) != ERR_OK)
        die(message);
    capdb_hold(db);
    v.db = db;
    double start = now();
    if (dbview_load(&o, &v, 1) != STATUS_YES ||
        spans_over(&o, &v, 1, last, &spans, NULL, NULL) != STATUS_YES)
        die(capdb_error(db));
    printf("check --all: %.1f ms a snapshot\n", (now() - start) * 1e3 / last);
    spans_free(&spans);
    dbview_close(&v);
    capdb_release(db);
    capdb_close(db);
}

/* --- a short recording and a long one ---------------------------------------------------------- */

enum { FEW_CAPS = 200, SHORT = 100, LONG = 100000 };

static void record_small(const char *path, uint32_t snapshots)
{
    char message[CAPDB_MESSAGE];
    struct synthetic s;
    struct capdb *db;
    synthetic_init(&s, FEW_CAPS);
    if (capdb_create(path, "bench", &db, message) != ERR_OK)
        die(message);
    for (uint32_t n = 0; n < snapshots; n++) {
        struct capstate state;
        uint32_t number;
        synthetic_state(&s, &state, n + 1);
        if (capdb_append_taking(db, &state, n, &number) != ERR_OK)
            die(capdb_error(db));
        capstate_free(&state);
        synthetic_step(&s);
    }
    capdb_close(db);
    free(s.slots);
}

/* The same question to both: how much longer does the long one take? */
static void compare_command(const char *few, const char *many, const char *words)
{
    char command[512];
    double took[2];
    const char *paths[] = {few, many};
    const size_t name = strcspn(words, " ");
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof(command), "build/host/capdb %.*s '%s' %s >/dev/null 2>&1",
                 (int)name, words, paths[i], words + name);
        took[i] = command_time(command);
    }
    if (took[0] < 0 || took[1] < 0)
        printf("`capdb %s` over time: not measured, it failed\n", words);
    else
        printf(
            "a whole `capdb %s` of %d snapshots: %.1f ms; of %d: %.1f ms, %.1f times (wanted: 2)\n",
            words, SHORT, took[0] * 1e3, LONG, took[1] * 1e3, took[1] / took[0]);
}

static void measure_long(const char *folder)
{
    static const char *const words[] = {
        "threads",
        "check",
        "cdt",
        "untyped",
        "owner 0x100008000",
        "who 0x100008000",
        "diff",
        "info",
        "path thread:d0/t 0x100008000",
        "cdt --at 50",
        "check --at -5s",
    };
    char few[300];
    char many[300];
    if (access("build/host/capdb", X_OK) != 0) {
        printf("a long recording: not measured, build/host/capdb is not there\n");
        return;
    }
    snprintf(few, sizeof(few), "%s/few.capdb", folder);
    snprintf(many, sizeof(many), "%s/many.capdb", folder);
    record_small(few, SHORT);
    record_small(many, LONG);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        compare_command(few, many, words[i]);
    unlink(few);
    unlink(many);
}

/* --- all of it ------------------------------------------------------------------------------- */

static void print_writing(const struct figures *f, uint32_t caps)
{
    struct rusage usage;
    double copies = (double)f->snapshots * caps * f->raw_row;
    getrusage(RUSAGE_SELF, &usage);
    printf("capture: %.2f ms a snapshot, %.2f ms for a raw insert of the changed rows: %.1f times"
           " (wanted: 1.5)\n",
           f->capture * 1e3, f->raw * 1e3, f->capture / f->raw);
    printf("ingest, merges included: %.2f ms a snapshot, %.2f ms by plain inserts with the same"
           " indexes: %.2f of their pace (wanted: 1.2)\n",
           f->capture_all * 1e3 / (f->snapshots - 1), f->plain * 1e3 / (f->snapshots - 1),
           f->plain / f->capture_all);
    printf("file: %.1f bytes a changed slot (wanted: 75), %.2f %% of full copies (wanted: 1.5)\n",
           (double)(f->bytes - f->first_bytes) / (double)f->rows, 100 * (double)f->bytes / copies);
    printf("with one capability to a CNode changed: %.2f ms a snapshot\n", f->control * 1e3);
    printf("the recorder keeps %llu bytes a capability; the program, with the system that it makes"
           " up, at most %ld MiB\n",
           (unsigned long long)(f->kept / caps), usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    uint32_t caps = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : CAPS;
    uint32_t snapshots = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : SNAPSHOTS;
    char folder[] = "/tmp/bench-recording-XXXXXX";
    char path[256];
    struct synthetic s;
    struct figures f = {0};
    if (caps < DOMAIN_CAPS || snapshots < 2)
        die("at least 100 capabilities and 2 snapshots");
    if (!mkdtemp(folder))
        die("no temporary folder");
    if (argc > 3)
        snprintf(path, sizeof(path), "%s", argv[3]);
    else
        snprintf(path, sizeof(path), "%s/run.capdb", folder);
    synthetic_init(&s, caps);
    record_all(path, &s, snapshots, &f);
    measure_control(&s, &f);
    printf("%u capabilities, %u snapshots, 1 %% of the slots changing\n", s.count, snapshots);
    measure_writing(path, snapshots, &f);
    print_writing(&f, s.count);
    fflush(stdout);
    measure_answers(path, s.domains, snapshots);
    measure_check(path, snapshots);
    measure_commands(path, snapshots);
    if (argc <= 3)
        unlink(path);
    measure_long(folder);
    rmdir(folder);
    free(s.slots);
    return 0;
}
