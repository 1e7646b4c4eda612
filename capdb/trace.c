/* What the recorded events say, for people and programs: the trace, and revocations step by step.
 * Names of threads and words for capabilities are those of the snapshot that first shows the event,
 * or of the newest one for events behind it. */
#include "capdb/command.h"

#include "capdb/export.h"
#include "capdb/store.h"
#include "record/names.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

struct trace {
    struct options *o;
    struct view *v;
    struct output *out;
    uint32_t loaded, newest; /* snapshots */
    uint32_t n;              /* of the event at hand */
    struct record_event e;
    int64_t ticks; /* < 0: not known */
};

/* --- words --- */

static bool load_names(struct trace *t)
{
    uint32_t n = t->n < t->newest ? t->n : t->newest;
    if (n == t->loaded || n == 0)
        return true;
    t->loaded = n; /* it is said once that a snapshot is not there or incomplete */
    return dbview_load(t->o, t->v, n) == STATUS_YES;
}

static const char *kind_name(uint32_t kind)
{
    return kind == CAPDB_EVENT_GAP ? "gap" : event_kind_name(kind);
}

static const char *thread_name(const struct trace *t, uint64_t tcb, char *buf, size_t size)
{
    if (tcb == 0)
        return "kernel";
    int32_t object = t->loaded ? capstate_object_at(&t->v->state, tcb) : -1;
    int32_t thread = object < 0 ? -1 : capstate_thread_of(&t->v->state, object);
    if (thread >= 0 && t->v->state.threads[thread].label[0])
        return t->v->state.threads[thread].label;
    snprintf(buf, size, "0x%08" PRIx64, tcb);
    return buf;
}

/* The capability that the event names, "" if it names none. */
static char *cap_text(const struct trace *t, char *buf, size_t size)
{
    const struct record_slot r = {
        .addr = t->e.slot,
        .type = t->e.type,
        .object = t->e.object,
        .bits = t->e.bits,
        .rights = t->e.rights,
        .flags = t->e.flags,
        .data = t->e.data,
        .extra = t->e.extra,
    };
    if (t->e.type == RECORD_CAP_NULL || !t->loaded)
        buf[0] = '\0';
    else
        capstate_cap_text(&t->v->state, &r, buf, size);
    return buf;
}

static void put_address(struct trace *t, uint64_t addr)
{
    if (addr)
        output_hex(t->out, addr);
    else
        output_null(t->out);
}

static void put_ticks(struct trace *t)
{
    if (t->ticks < 0)
        output_null(t->out);
    else
        output_int(t->out, t->ticks);
}

/* --- the trace --- */

static void trace_row(struct trace *t)
{
    char text[TEXT_BYTES];
    bool gap = t->e.kind == CAPDB_EVENT_GAP;
    output_int(t->out, t->n);
    output_word(t->out, t->e.seq);
    put_ticks(t);
    output_text(t->out, gap ? "" : thread_name(t, t->e.thread, text, sizeof(text)));
    output_text(t->out, kind_name(t->e.kind));
    put_address(t, t->e.slot);
    put_address(t, t->e.src);
    output_text(t->out, cap_text(t, text, sizeof(text)));
    put_address(t, t->e.object2);
    output_word(t->out, t->e.detail);
    output_row(t->out);
}

/* Calls `row` for what the query finds, whose columns are those of event_timed. */
static enum status each_event(struct trace *t, sqlite3_stmt *st, void (*row)(struct trace *t))
{
    enum error e = ERR_OK;
    t->newest = capdb_count(t->v->db);
    while (capdb_step(t->v->db, st, "reading events", &e)) {
        t->n = (uint32_t)sqlite3_column_int64(st, 1);
        capdb_fetch_event(st, 2, &t->e);
        t->ticks = capdb_event_ticks(st);
        if (!load_names(t))
            return STATUS_UNKNOWN;
        row(t);
    }
    if (e != ERR_OK)
        return command_complain(t->o->run, "%s", capdb_error(t->v->db));
    return STATUS_YES;
}

static enum status each_event_of(struct trace *t, const char *sql, int64_t first, int64_t last,
                                 int64_t slot, void (*row)(struct trace *t))
{
    sqlite3_stmt *st;
    if (capdb_prepare(t->v->db, sql, &st) != ERR_OK)
        return command_complain(t->o->run, "%s", capdb_error(t->v->db));
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, last);
    if (sqlite3_bind_parameter_count(st) > 2)
        sqlite3_bind_int64(st, 3, slot);
    enum status s = each_event(t, st, row);
    sqlite3_finalize(st);
    return s;
}

enum status export_events(FILE *f, struct options *o, struct view *v)
{
    static const char *const columns[] = {"#n",  "#event", "#ticks", "thread",  "what", "slot",
                                          "src", "cap",    "about",  "#detail", NULL};
    struct trace t = {.o = o, .v = v, .loaded = v->n};
    if (!capdb_has_events(v->db))
        return command_complain(o->run, "holds no events: record through a serial monitor");
    t.out = output_begin(f, output_default, columns);
    int64_t first = o->at ? o->at : o->from;
    int64_t last = o->at ? o->at : o->to ? o->to : INT64_MAX;
    enum status s =
        each_event_of(&t, "SELECT * FROM event_timed WHERE n BETWEEN ?1 AND ?2 ORDER BY row", first,
                      last, 0, trace_row);
    progress_show(NULL, 1, 1);
    return output_end(t.out) ? s : command_unwritten(o);
}

/* --- revocations --- */

/* `victim` is announced before it goes: what is done so far does not count it. */
static void step_row(struct trace *t)
{
    char text[TEXT_BYTES];
    bool gap = t->e.kind == CAPDB_EVENT_GAP;
    output_word(t->out, t->e.seq);
    put_ticks(t);
    output_text(t->out, gap ? "" : thread_name(t, t->e.thread, text, sizeof(text)));
    output_text(t->out, kind_name(t->e.kind));
    put_address(t, t->e.slot);
    output_word(t->out, t->e.detail);
    output_text(t->out, cap_text(t, text, sizeof(text)));
    output_row(t->out);
}

static enum status steps(struct trace *t, int64_t first, int64_t last, int64_t slot)
{
    static const char *const columns[] = {"#event", "#ticks", "thread", "step",
                                          "slot",   "#done",  "what",   NULL};
    t->out = output_begin(stdout, output_default, columns);
    enum status s = each_event_of(t,
                                  "SELECT e.* FROM event_timed e JOIN word w ON w.kind = 'event'"
                                  " AND w.value = e.kind WHERE e.row BETWEEN ?1 AND ?2"
                                  " AND (w.text = 'gap' OR (e.slot = ?3 AND w.text IN"
                                  " ('revoke', 'preempted', 'resumed', 'revoked'))"
                                  " OR (w.text = 'victim' AND e.src = ?3)) ORDER BY e.row",
                                  first, last, slot, step_row);
    progress_show(NULL, 1, 1);
    return output_end(t->out) ? s : command_unwritten(t->o);
}

static enum status no_such_revoke(struct trace *t, uint32_t wanted)
{
    int64_t count = capdb_int(t->v->db, "SELECT count(*) FROM revoke_span", 0);
    return command_complain(t->o->run, "revocation %u not found (it has %lld)", wanted,
                            (long long)count);
}

static enum status show_steps(struct trace *t, uint32_t wanted)
{
    sqlite3_stmt *st;
    if (capdb_prepare(t->v->db, "SELECT from_row, to_row, root FROM revoke_span WHERE revoke = ?",
                      &st) != ERR_OK)
        return command_complain(t->o->run, "%s", capdb_error(t->v->db));
    sqlite3_bind_int64(st, 1, (int64_t)wanted);
    enum error e = ERR_OK;
    bool found = capdb_step(t->v->db, st, "reading events", &e);
    int64_t first = sqlite3_column_int64(st, 0);
    int64_t last = sqlite3_column_int64(st, 1);
    int64_t slot = sqlite3_column_int64(st, 2);
    sqlite3_finalize(st);
    if (e != ERR_OK)
        return command_complain(t->o->run, "%s", capdb_error(t->v->db));
    return found ? steps(t, first, last, slot) : no_such_revoke(t, wanted);
}

/* Columns of the list that come before the event: numbers, the root's slot, how it ends. */
enum { LIST_NUMBERS = 7, LIST_SLOT = LIST_NUMBERS, LIST_ENDS, LIST_EVENT };

static void list_row(struct trace *t, sqlite3_stmt *st)
{
    char text[TEXT_BYTES];
    for (int c = 0; c < LIST_NUMBERS; c++)
        if (sqlite3_column_type(st, c) == SQLITE_NULL)
            output_null(t->out);
        else
            output_int(t->out, sqlite3_column_int64(st, c));
    output_hex(t->out, (uint64_t)sqlite3_column_int64(st, LIST_SLOT));
    output_text(t->out, capdb_column_text(st, LIST_ENDS));
    output_text(t->out, thread_name(t, t->e.thread, text, sizeof(text)));
    output_text(t->out, cap_text(t, text, sizeof(text)));
    output_row(t->out);
}

static enum status list(struct trace *t)
{
    static const char *const columns[] = {"#revoke", "#first",     "#last", "#deleted",
                                          "#steps",  "#preempted", "#lost", "slot",
                                          "ends",    "thread",     "what",  NULL};
    sqlite3_stmt *st;
    enum status s = STATUS_YES;
    if (capdb_prepare(t->v->db,
                      "SELECT r.revoke, r.first, r.last, r.deleted, r.steps, r.preempted, r.lost,"
                      " r.slot, iif(r.ends IS NOT NULL, 'done', iif(r.lost, 'lost', 'unfinished')),"
                      " e.* FROM revokes r"
                      " JOIN revoke_span s ON s.revoke = r.revoke"
                      " JOIN event e ON e.row = s.first_row"
                      " WHERE r.first <= ?2 AND coalesce(r.last, ?1) >= ?1 ORDER BY r.revoke",
                      &st) != ERR_OK)
        return command_complain(t->o->run, "%s", capdb_error(t->v->db));
    sqlite3_bind_int64(st, 1, range_first(t->o));
    /* what the newest snapshot does not show yet has the number behind it */
    sqlite3_bind_int64(st, 2, t->o->to ? t->o->to : (int64_t)capdb_count(t->v->db) + 1);
    t->newest = capdb_count(t->v->db);
    t->out = output_begin(stdout, output_default, columns);
    enum error e = ERR_OK;
    while (s == STATUS_YES && capdb_step(t->v->db, st, "reading events", &e)) {
        t->n = (uint32_t)sqlite3_column_int64(st, LIST_EVENT + 1);
        capdb_fetch_event(st, LIST_EVENT + 2, &t->e);
        if (load_names(t))
            list_row(t, st);
        else
            s = STATUS_UNKNOWN;
    }
    if (e != ERR_OK)
        s = command_complain(t->o->run, "%s", capdb_error(t->v->db));
    sqlite3_finalize(st);
    progress_show(NULL, 1, 1);
    return output_end(t->out) ? s : command_unwritten(t->o);
}

enum status revokes_by_events(struct options *o, struct view *v, uint32_t wanted)
{
    struct trace t = {.o = o, .v = v};
    return wanted ? show_steps(&t, wanted) : list(&t);
}
