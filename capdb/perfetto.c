/* export --format trace: trace-event JSON, as Perfetto and chrome://tracing open it.
 *
 * A process of the trace is a domain, its threads are the threads: a revocation is a span, the
 * times in which it was preempted are spans inside, any other event is an instant.  Counters of a
 * domain are its capabilities and its untyped memory with what is handed out of it, a value where
 * it changes.
 *
 * The clock is the timer of the target, in microseconds by how long its ticks took in the snapshots
 * of each run of the machine.  Inside a tick the order of events is known and not their distance:
 * they stand in it evenly.  An event whose tick is not known stands where the event or the snapshot
 * before it stands, and says so; so does what began or ended with one.  A machine that was started anew goes on behind
 * where it was. */
#include "capdb/export.h"

#include "capdb/store.h"
#include "record/names.h"
#include "record/vocabulary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_REVOKES = 64, KERNEL_PROCESS = 0 };

/* A domain by its id, and a thread by its first row: addresses may need more bits than the format's
 * numbers have. */
struct track {
    uint64_t process, thread;
};

/* A revocation that has begun. */
struct span {
    uint64_t root, tcb;
    double begin, paused;    /* paused < 0: running */
    uint64_t steps, deleted; /* as in the view revokes */
    uint32_t preempted;
    bool timed;        /* the tick at which it began is known */
    bool paused_timed; /* and that at which it was preempted */
    struct track track;
};

struct perfetto {
    FILE *f;
    struct options *o;
    struct view *v;
    double tick; /* microseconds */
    double base, now;
    bool timed;           /* `now` is when the event at hand was, as far as ticks tell */
    uint64_t untimed;     /* events of which that is not known */
    struct capdb_run run; /* of what stands at `now` */
    uint32_t reached;     /* snapshot up to which `now` has come at least */
    bool own_clock;       /* events have another than snapshots: each recorder counts from 0 */
    int64_t told;         /* by that clock, of the event before */
    bool behind;          /* something stands before in the array */
    struct span open[OPEN_REVOKES];
    uint32_t open_count;
};

static void begin_item(struct perfetto *p, const char *phase, const char *name, double time)
{
    fprintf(p->f, "%s\n{\"ph\":\"%s\",\"ts\":%.3f,\"name\":", p->behind ? "," : "", phase, time);
    output_json_string(p->f, name);
    p->behind = true;
}

static void put_place(struct perfetto *p, uint64_t process, uint64_t thread)
{
    fprintf(p->f, ",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64, process, thread);
}

/* --- time --- */

static int64_t question(struct perfetto *p, const char *sql)
{
    return capdb_int(p->v->db, sql, 0);
}

/* How many microseconds a tick took; a millisecond where nothing tells. */
static double tick_length(struct perfetto *p)
{
#define EACH_RUN " FROM runs r JOIN snapshot s ON s.n BETWEEN r.first AND r.last GROUP BY r.run)"
    double time = (double)question(p, "SELECT CAST(sum(took) * 1000000 AS INTEGER) FROM"
                                      " (SELECT max(s.time) - min(s.time) AS took" EACH_RUN);
    double ticks = (double)question(p, "SELECT sum(took) FROM"
                                       " (SELECT max(s.ticks) - min(s.ticks) AS took" EACH_RUN);
#undef EACH_RUN
    return ticks > 0 && time > 0 ? time / ticks : 1000.0;
}

static double time_of(struct perfetto *p, uint64_t ticks, double part)
{
    double time = p->base + ((double)ticks + part) * p->tick;
    p->now = time > p->now ? time : p->now;
    return p->now;
}

/* --- names of tracks --- */

static void put_name(struct perfetto *p, const char *what, uint64_t process, uint64_t thread,
                     const char *name)
{
    begin_item(p, "M", what, 0);
    put_place(p, process, thread);
    fputs(",\"args\":{\"name\":", p->f);
    output_json_string(p->f, name);
    fputs("}}", p->f);
}

static enum error put_domain_names(struct perfetto *p)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(p->v->db, "SELECT id, name FROM domain ORDER BY id", &st);
    if (e != ERR_OK)
        return e;
    put_name(p, "process_name", KERNEL_PROCESS, 0, "in no domain");
    while (capdb_step(p->v->db, st, "reading domains", &e))
        put_name(p, "process_name", (uint64_t)sqlite3_column_int64(st, 0), 0,
                 capdb_column_text(st, 1));
    sqlite3_finalize(st);
    return e;
}

/* By the last name that a thread had; its address where it had none. */
static enum error put_thread_names(struct perfetto *p)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(
        p->v->db,
        "SELECT t.domain, min(t.row), coalesce(nullif(m.text, ''), printf('0x%08x', t.addr)),"
        " max(t.t0) FROM thread_row t LEFT JOIN name m ON m.id = t.name GROUP BY t.domain, t.addr",
        &st);
    if (e != ERR_OK)
        return e;
    put_name(p, "thread_name", KERNEL_PROCESS, 0, "kernel");
    while (capdb_step(p->v->db, st, "reading threads", &e))
        put_name(p, "thread_name", (uint64_t)sqlite3_column_int64(st, 0),
                 (uint64_t)sqlite3_column_int64(st, 1), capdb_column_text(st, 2));
    sqlite3_finalize(st);
    return e;
}

/* --- counters --- */

/* Capabilities, bytes of untyped memory, and bytes handed out of it, of each domain and snapshot in
 * which one of them changes; what was before snapshot ?1 changes there. Untyped memory has handed out
 * what lies below its watermark while it has children (facts/untyped.h). */
#define ENDS   "2147483647"
#define SIZE   "(1 << coalesce(c.bits, o.bits))"
#define USED   "min(c.data, " SIZE ")"
#define OBJECT "LEFT JOIN object_row o ON o.id = c.object AND o.t0 <= c.t0 AND o.t1 > c.t0"
static const char counters_sql[] =
    "WITH untyped(id) AS MATERIALIZED (SELECT DISTINCT c.id FROM cap_row c JOIN word u"
    "  ON u.kind = 'cap' AND u.text = 'untyped' AND u.value = c.type),"
    " born(cap, n, change) AS (SELECT parent, t0, 1 FROM cap_row WHERE parent IN untyped UNION ALL"
    "  SELECT parent, t1, -1 FROM cap_row WHERE parent IN untyped AND t1 < " ENDS "),"
    " children(cap, t0, t1, count) AS (SELECT cap, n, lead(n, 1, " ENDS ") OVER w,"
    "  sum(sum(change)) OVER w FROM born GROUP BY cap, n WINDOW w AS (PARTITION BY cap ORDER BY n)),"
    " parents(cap, t0, t1) AS MATERIALIZED (SELECT cap, t0, t1 FROM children WHERE count > 0),"
    " held(t0, t1, domain, caps, bytes, used) AS ("
    "  SELECT c.t0, c.t1, c.domain, 1, iif(c.id IN untyped, " SIZE ", 0), 0"
    "   FROM cap_row c " OBJECT " UNION ALL"
    "  SELECT max(c.t0, p.t0), min(c.t1, p.t1), c.domain, 0, 0, " USED
    "   FROM cap_row c JOIN parents p ON p.cap = c.id AND p.t0 < c.t1 AND p.t1 > c.t0"
    "   " OBJECT "),"
    " change(n, domain, caps, bytes, used) AS ("
    "  SELECT max(t0, ?1), domain, caps, bytes, used FROM held UNION ALL"
    "  SELECT max(t1, ?1), domain, -caps, -bytes, -used FROM held WHERE t1 < " ENDS "),"
    " step AS (SELECT n, domain, sum(caps) AS caps, sum(bytes) AS bytes, sum(used) AS used"
    "  FROM change GROUP BY n, domain HAVING n > ?1 OR sum(caps) > 0)"
    " SELECT t.n, t.domain, sum(t.caps) OVER w, sum(t.bytes) OVER w, sum(t.used) OVER w, s.ticks"
    "  FROM step t JOIN snapshot s ON s.n = t.n"
    "  WINDOW w AS (PARTITION BY t.domain ORDER BY t.n) ORDER BY t.n, t.domain";

static void put_counter(struct perfetto *p, double time, sqlite3_stmt *st)
{
    uint64_t domain = (uint64_t)sqlite3_column_int64(st, 1);
    begin_item(p, "C", "capabilities", time);
    put_place(p, domain, 0);
    fprintf(p->f, ",\"args\":{\"capabilities\":%lld}}", (long long)sqlite3_column_int64(st, 2));
    begin_item(p, "C", "untyped memory", time);
    put_place(p, domain, 0);
    fprintf(p->f, ",\"args\":{\"handed out\":%lld,\"left\":%lld}}",
            (long long)sqlite3_column_int64(st, 4),
            (long long)(sqlite3_column_int64(st, 3) - sqlite3_column_int64(st, 4)));
}

/* --- events --- */

/* The domain of a thread when the event happened, and its track there; the kernel's where the
 * thread is in no snapshot yet. */
static struct track track_of(sqlite3_stmt *st, uint64_t tcb, int64_t n)
{
    struct track t = {KERNEL_PROCESS, 0};
    if (tcb == 0)
        return t;
    sqlite3_reset(st);
    sqlite3_bind_int64(st, 1, (int64_t)tcb);
    sqlite3_bind_int64(st, 2, n);
    if (sqlite3_step(st) == SQLITE_ROW) {
        t.process = (uint64_t)sqlite3_column_int64(st, 0);
        t.thread = (uint64_t)sqlite3_column_int64(st, 1);
    }
    return t;
}

/* A thread revokes one capability at a time. */
static struct span *find_span(struct perfetto *p, uint64_t tcb)
{
    for (uint32_t i = 0; i < p->open_count; i++)
        if (p->open[i].tcb == tcb)
            return &p->open[i];
    return NULL;
}

static void put_length(struct perfetto *p, const char *name, const struct span *s, double from)
{
    begin_item(p, "X", name, from);
    put_place(p, s->track.process, s->track.thread);
    fprintf(p->f, ",\"dur\":%.3f", p->now - from);
}

static const char *length_note(const struct perfetto *p, bool begin_timed)
{
    return p->timed && begin_timed ? "" : ",\"length\":\"not known\"";
}

static void end_pause(struct perfetto *p, struct span *s)
{
    if (s->paused < 0)
        return;
    put_length(p, "preempted", s, s->paused);
    fprintf(p->f, ",\"args\":{\"deleted\":%" PRIu64 ",\"steps\":%" PRIu64 "%s}}", s->deleted,
            s->steps, length_note(p, s->paused_timed));
    s->paused = -1;
}

static void end_span(struct perfetto *p, struct span *s, bool finished)
{
    end_pause(p, s);
    put_length(p, "revoke", s, s->begin);
    fprintf(p->f,
            ",\"args\":{\"root\":\"0x%08" PRIx64 "\",\"deleted\":%" PRIu64 ",\"steps\":%" PRIu64
            ",\"preempted\":%u,\"finished\":%s%s}}",
            s->root, s->deleted, s->steps, s->preempted, finished ? "true" : "false",
            length_note(p, s->timed));
    *s = p->open[--p->open_count];
}

static void begin_span(struct perfetto *p, const struct record_event *e, struct track track)
{
    struct span *before = find_span(p, e->thread);
    if (before)
        end_span(p, before, false); /* it was given up, or its end was lost */
    if (p->open_count == OPEN_REVOKES)
        end_span(p, &p->open[0], false);
    p->open[p->open_count++] = (struct span){.root = e->slot,
                                             .tcb = e->thread,
                                             .begin = p->now,
                                             .paused = -1,
                                             .timed = p->timed,
                                             .track = track};
}

static void step_span(struct perfetto *p, const struct record_event *e, struct track track)
{
    struct span *s = find_span(p, e->thread);
    bool known = s && s->root == e->slot;
    if (!known && e->kind == RECORD_EVENT_REVOKE_END)
        return;
    if (!known) { /* its beginning was lost */
        begin_span(p, e, track);
        s = find_span(p, e->thread);
    }
    s->steps = e->detail;
    if (e->kind == RECORD_EVENT_REVOKE_END) {
        end_span(p, s, true);
    } else if (e->kind == RECORD_EVENT_REVOKE_RESUMED) {
        end_pause(p, s);
    } else if (s->paused < 0) {
        s->paused = p->now;
        s->paused_timed = p->timed;
        s->preempted++;
    }
}

static void count_deleted(struct perfetto *p, const struct record_event *e)
{
    struct span *s = find_span(p, e->thread);
    if (s)
        s->deleted++;
}

static void put_instant(struct perfetto *p, const struct record_event *e, struct track track)
{
    bool gap = e->kind == CAPDB_EVENT_GAP;
    begin_item(p, "i", gap ? "gap" : event_kind_name(e->kind), p->now);
    put_place(p, track.process, track.thread);
    fprintf(p->f, ",\"s\":\"%s\",\"args\":{\"event\":%" PRIu64, gap ? "g" : "t", (uint64_t)e->seq);
    if (e->slot)
        fprintf(p->f, ",\"slot\":\"0x%08" PRIx64 "\"", e->slot);
    if (e->type != RECORD_CAP_NULL)
        fprintf(p->f, ",\"type\":\"%s\",\"object\":\"0x%08" PRIx64 "\"", record_cap_name(e->type),
                e->object);
    if (!p->timed)
        fputs(",\"time\":\"not known\"", p->f);
    fprintf(p->f, ",\"%s\":%" PRIu64 "}}", gap ? "lost" : "detail", (uint64_t)e->detail);
}

static void put_event(struct perfetto *p, const struct record_event *e, struct track track)
{
    switch (e->kind) {
    case RECORD_EVENT_REVOKE_BEGIN:
        begin_span(p, e, track);
        return;
    case RECORD_EVENT_REVOKE_PREEMPTED:
    case RECORD_EVENT_REVOKE_RESUMED:
    case RECORD_EVENT_REVOKE_END:
        step_span(p, e, track);
        return;
    case RECORD_EVENT_DELETE:
        count_deleted(p, e);
        put_instant(p, e, track);
        return;
    default:
        put_instant(p, e, track);
    }
}

/* ticks comes last, as in event_timed. */
static const char events_sql[] =
    "SELECT e.*, row_number() OVER w, count(*) OVER (PARTITION BY n, ticks), ticks"
    " FROM event_timed e WHERE n BETWEEN ?1 AND ?2"
    " WINDOW w AS (PARTITION BY n, ticks ORDER BY row) ORDER BY row";

/* Threads by address, which no index of a recording has, and each event asks for. */
static const char index_sql[] =
    "DROP TABLE IF EXISTS temp.process_of;"
    "CREATE TEMP TABLE process_of AS SELECT row, t0, addr, domain FROM thread_row;"
    "CREATE INDEX temp.process_by_addr ON process_of (addr, t0)";

static const char process_sql[] =
    "SELECT domain,"
    " (SELECT min(row) FROM temp.process_of WHERE addr = ?1 AND domain = t.domain)"
    " FROM temp.process_of t WHERE addr = ?1 AND t0 <= ?2 ORDER BY t0 DESC LIMIT 1";

/* Statements of one pass. */
struct pass {
    sqlite3_stmt *events, *counters, *process;
};

static enum error pass_begin(struct perfetto *p, struct pass *pass)
{
    enum error e = capdb_exec(p->v->db, index_sql, "reading threads");
    if (e == ERR_OK)
        e = capdb_prepare(p->v->db, events_sql, &pass->events);
    if (e == ERR_OK)
        e = capdb_prepare(p->v->db, counters_sql, &pass->counters);
    return e == ERR_OK ? capdb_prepare(p->v->db, process_sql, &pass->process) : e;
}

static void pass_end(struct pass *pass)
{
    sqlite3_finalize(pass->events);
    sqlite3_finalize(pass->counters);
    sqlite3_finalize(pass->process);
}

/* --- one after the other --- */

/* What comes behind snapshot n, of this run, is not before it. */
static void reach(struct perfetto *p, uint32_t n)
{
    char sql[80];
    if (n <= p->reached || n < p->run.first || n > p->run.last)
        return;
    p->reached = n;
    snprintf(sql, sizeof(sql), "SELECT ticks FROM snapshot WHERE n = %u", n);
    int64_t ticks = question(p, sql);
    if (ticks > 0)
        time_of(p, (uint64_t)ticks, 0);
}

/* Tick 0 of another run is the tick behind all that was before, and nothing goes on there. */
static enum error enter_run(struct perfetto *p, int64_t n)
{
    uint32_t first = p->run.first;
    if (n <= p->run.last)
        return ERR_OK;
    if (first)
        reach(p, p->run.last);
    enum error e = capdb_run_at(p->v->db, (uint32_t)n, &p->run);
    if (e == ERR_OK && p->run.last < n)
        p->run.last = UINT32_MAX; /* events behind the last snapshot */
    if (e != ERR_OK || !first || p->run.first == first)
        return e;
    while (p->open_count)
        end_span(p, &p->open[0], false);
    p->base = p->now + p->tick;
    return ERR_OK;
}

/* Those of snapshots up to n; the statement stands on the next row, false: at the end. */
static bool put_counters(struct perfetto *p, sqlite3_stmt *st, int64_t n, bool row, enum error *e)
{
    while (row && *e == ERR_OK && sqlite3_column_int64(st, 0) <= n) {
        *e = enter_run(p, sqlite3_column_int64(st, 0));
        put_counter(p, time_of(p, (uint64_t)sqlite3_column_int64(st, 5), 0), st);
        row = capdb_step(p->v->db, st, "reading counters", e);
    }
    return row;
}

/* The statement stands on an event: `now` is then, or stays where that is not known. */
static enum error go_to_event(struct perfetto *p, sqlite3_stmt *st, const struct record_event *e)
{
    int columns = sqlite3_column_count(st);
    int64_t ticks = capdb_event_ticks(st), n = sqlite3_column_int64(st, 1);
    bool same = p->run.first && sqlite3_column_int64(st, 0) < p->run.next_row;
    if (p->run.first)
        reach(p, (uint32_t)n - 1);
    enum error err = same ? ERR_OK : enter_run(p, n);
    double part = (double)sqlite3_column_int64(st, columns - 3) /
                  (double)(sqlite3_column_int64(st, columns - 2) + 1);
    p->timed = ticks >= 0;
    p->untimed += !p->timed && e->kind != CAPDB_EVENT_GAP;
    if (p->own_clock && p->timed && ticks < p->told)
        p->base = p->now + p->tick - (double)ticks * p->tick;
    if (p->timed)
        time_of(p, (uint64_t)(p->told = ticks), part);
    return err;
}

static enum error put_all(struct perfetto *p, struct pass *pass, int64_t first, int64_t last)
{
    enum error e = ERR_OK;
    struct record_event event;
    sqlite3_bind_int64(pass->events, 1, first);
    sqlite3_bind_int64(pass->events, 2, last);
    sqlite3_bind_int64(pass->counters, 1, first);
    bool row = capdb_step(p->v->db, pass->counters, "reading counters", &e);
    while (capdb_step(p->v->db, pass->events, "reading events", &e)) {
        row = put_counters(p, pass->counters, sqlite3_column_int64(pass->events, 1) - 1, row, &e);
        capdb_fetch_event(pass->events, 2, &event);
        if (e == ERR_OK)
            e = go_to_event(p, pass->events, &event);
        put_event(p, &event,
                  track_of(pass->process, event.thread, sqlite3_column_int64(pass->events, 1)));
    }
    put_counters(p, pass->counters, last, row, &e);
    while (p->open_count)
        end_span(p, &p->open[0], false);
    return e;
}

enum status export_perfetto(FILE *f, struct options *o, struct view *v)
{
    struct perfetto p = {.f = f, .o = o, .v = v};
    struct pass pass = {NULL, NULL, NULL};
    int64_t first = o->at ? o->at : o->from;
    int64_t last = o->at ? o->at : o->to ? o->to : INT64_MAX;
    p.tick = tick_length(&p);
    p.own_clock = question(&p, "SELECT kernel FROM snapshot LIMIT 1") != RECORD_KERNEL_CAPSCOPE;
    fprintf(f, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    enum error e = put_domain_names(&p);
    if (e == ERR_OK)
        e = put_thread_names(&p);
    if (e == ERR_OK)
        e = pass_begin(&p, &pass);
    if (e == ERR_OK)
        e = put_all(&p, &pass, first, last);
    pass_end(&pass);
    fprintf(f, "\n],\"otherData\":{\"microseconds a tick\":\"%.3f\"", p.tick);
    if (p.untimed)
        fprintf(f, ",\"events whose time is not known\":\"%" PRIu64 "\"", p.untimed);
    fputs("}}\n", f);
    if (e != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    return STATUS_YES;
}
