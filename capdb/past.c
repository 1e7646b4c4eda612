/* The past of threads, slots and translations, from rows and events. */
#include "capdb/past.h"

#include "capdb/store.h"
#include "facts/resolve.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { TEXT = 200, WHEN = 48, SHOWN_RUNNERS = 4, DEPTH = 1 };

struct past {
    struct capdb *db;
    uint32_t n;
    const struct capstate *s;
    struct why *out;
    enum error e;
};

static const char doing[] = "reading the past";

/* "7 (11:48:27Z)" */
static const char *moment(struct past *p, uint32_t n, char buf[WHEN])
{
    struct capdb_snapshot info;
    struct tm tm = {0};
    char clock[16] = "?";
    if (capdb_snapshot_info(p->db, n, &info) == ERR_OK && info.time > 0 && info.time < 1e15) {
        time_t t = (time_t)info.time;
        if (gmtime_r(&t, &tm))
            (void)strftime(clock, sizeof(clock), "%H:%M:%SZ", &tm);
    }
    snprintf(buf, WHEN, "%u (%s)", n, clock);
    return buf;
}

static bool prepare(struct past *p, const char *sql, sqlite3_stmt **st)
{
    *st = NULL;
    if (p->e == ERR_OK)
        p->e = capdb_prepare(p->db, sql, st);
    return p->e == ERR_OK;
}

static const char *thread_text(const struct past *p, uint64_t tcb, const char *name, char buf[TEXT])
{
    if (tcb == 0)
        snprintf(buf, TEXT, "the kernel");
    else if (name && name[0])
        snprintf(buf, TEXT, "%.150s", name);
    else
        snprintf(buf, TEXT, "tcb 0x%0*" PRIx64, capstate_digits(p->s), tcb);
    return buf;
}

/* --- since when a thread is as it is --- */

static bool is_runnable(uint32_t state)
{
    return state == RECORD_THREAD_RUNNING || state == RECORD_THREAD_RESTART;
}

static bool is_alike(const struct record_thread *t, sqlite3_stmt *st)
{
    uint32_t state = (uint32_t)sqlite3_column_int64(st, 2);
    bool current = sqlite3_column_int(st, 3) != 0;
    if (is_runnable(t->state) || t->current)
        return current == (t->current != 0) && (current || is_runnable(state));
    return state == t->state && (uint64_t)sqlite3_column_int64(st, 4) == t->blocked_on &&
           (uint32_t)sqlite3_column_int64(st, 5) == t->fault &&
           (uint64_t)sqlite3_column_int64(st, 6) == t->fault_addr;
}

/* First snapshot of the unbroken row of snapshots up to n in which it is as in n. */
static uint32_t since(struct past *p, const struct record_thread *t)
{
    sqlite3_stmt *st;
    int64_t first = (int64_t)p->n + 1;
    if (!prepare(p,
                 "SELECT t0, t1, state, current, blocked_on, fault, fault_addr FROM run_row"
                 " WHERE addr = ?1 AND t0 <= ?2 ORDER BY t0 DESC",
                 &st))
        return p->n;
    sqlite3_bind_int64(st, 1, (int64_t)t->addr);
    sqlite3_bind_int64(st, 2, p->n);
    while (capdb_step(p->db, st, doing, &p->e)) {
        if (sqlite3_column_int64(st, 1) < first || !is_alike(t, st))
            break;
        first = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return first >= 1 && first <= p->n ? (uint32_t)first : p->n;
}

static void say_runner(struct past *p, uint64_t tcb, int64_t snapshots, uint32_t of)
{
    char who[TEXT];
    const char *name = NULL;
    for (uint32_t i = 0; i < p->s->thread_count; i++)
        if (p->s->threads[i].rec.addr == tcb)
            name = p->s->threads[i].rec.idle ? "the idle thread" : p->s->threads[i].label;
    why_say(p->out, DEPTH + 1, WHY_ABOUT_THREAD, tcb, "%s ran in %lld of these %u snapshots",
            thread_text(p, tcb, name, who), (long long)snapshots, of);
}

#define RUNNERS                                                                                    \
    "SELECT addr, sum(min(t1, ?2 + 1) - max(t0, ?1)) AS times FROM run_row"                        \
    " WHERE current AND t0 <= ?2 AND t1 > ?1"
#define MOST_FIRST " GROUP BY addr ORDER BY times DESC, addr LIMIT ?4"
static const char runners_of_node[] = RUNNERS
    " AND addr IN (SELECT addr FROM thread_row WHERE node = ?3 AND t0 <= ?2 AND t1 > ?1)" MOST_FIRST;
static const char runners_of_format_1[] = RUNNERS MOST_FIRST; /* of one processor */

/* Who ran on its processor from snapshot `first` to n. */
static void say_runners(struct past *p, const struct record_thread *t, uint32_t first)
{
    sqlite3_stmt *st;
    bool nodes = p->db->version != CAPDB_USER_VERSION_1;
    if (!prepare(p, nodes ? runners_of_node : runners_of_format_1, &st))
        return;
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, t->node);
    sqlite3_bind_int64(st, 4, SHOWN_RUNNERS);
    while (capdb_step(p->db, st, doing, &p->e))
        say_runner(p, (uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                   p->n - first + 1);
    sqlite3_finalize(st);
}

static double seconds(struct past *p, uint32_t from, uint32_t to, uint32_t *ticks)
{
    struct capdb_snapshot a, b;
    *ticks = 0;
    if (capdb_snapshot_info(p->db, from, &a) != ERR_OK ||
        capdb_snapshot_info(p->db, to, &b) != ERR_OK)
        return 0;
    *ticks = b.ticks - a.ticks;
    return b.time - a.time;
}

enum error capdb_past_running(struct capdb *db, uint32_t n, const struct capstate *s,
                              int32_t thread, struct why *out)
{
    struct past p = {.db = db, .n = n, .s = s, .out = out};
    const struct record_thread *t = &s->threads[thread].rec;
    char when[WHEN];
    uint32_t ticks;
    if (n < 2 || t->idle)
        return ERR_OK;
    uint32_t first = since(&p, t);
    double time = seconds(&p, first, n, &ticks);
    if (first == n)
        why_say(out, DEPTH, WHY_ABOUT_THREAD, t->addr, "in the snapshot before it was not so yet");
    else
        why_say(out, DEPTH, WHY_ABOUT_THREAD, t->addr,
                "every snapshot since %s%s shows it so: %.1f s, %u ticks", moment(&p, first, when),
                first == 1 ? ", the first," : "", time, ticks);
    if (first < n && is_runnable(t->state) && !t->current)
        say_runners(&p, t, first);
    return p.e;
}

/* --- who did it --- */

/* What an event tells; row 0: none. */
struct deed {
    int64_t row;
    uint32_t kind;
    uint64_t seq, tick, thread, slot, src;
    struct record_slot cap;
    char who[TEXT];
};

#define DEED                                                                                       \
    "SELECT e.row, e.seq, e.time >> 16, e.kind, e.thread, e.slot, e.src, e.type, e.object, "       \
    "e.bits,"                                                                                      \
    " e.rights, e.flags, e.data, e.extra, (SELECT m.text FROM thread_row t JOIN name m ON m.id ="  \
    "  t.name WHERE t.addr = e.thread AND t.t0 <= e.n ORDER BY t.t0 DESC LIMIT 1) FROM event e "

static void take_deed(struct past *p, sqlite3_stmt *st, struct deed *d)
{
    d->row = sqlite3_column_int64(st, 0);
    d->seq = (uint64_t)sqlite3_column_int64(st, 1);
    d->tick = (uint64_t)sqlite3_column_int64(st, 2);
    d->kind = (uint32_t)sqlite3_column_int64(st, 3);
    d->thread = (uint64_t)sqlite3_column_int64(st, 4);
    d->slot = (uint64_t)sqlite3_column_int64(st, 5);
    d->src = (uint64_t)sqlite3_column_int64(st, 6);
    d->cap = (struct record_slot){
        .type = (uint32_t)sqlite3_column_int64(st, 7),
        .object = (uint64_t)sqlite3_column_int64(st, 8),
        .bits = (uint32_t)sqlite3_column_int64(st, 9),
        .rights = (uint32_t)sqlite3_column_int64(st, 10),
        .flags = (uint32_t)sqlite3_column_int64(st, 11),
        .data = (uint64_t)sqlite3_column_int64(st, 12),
        .extra = (uint64_t)sqlite3_column_int64(st, 13),
    };
    thread_text(p, d->thread, (const char *)sqlite3_column_text(st, 14), d->who);
}

/* A query DEED with up to four numbers, of which the first row counts. */
static struct deed find_deed(struct past *p, const char *sql, const uint64_t v[4])
{
    struct deed d = {0};
    sqlite3_stmt *st;
    if (!prepare(p, sql, &st))
        return d;
    for (int i = 0; i < sqlite3_bind_parameter_count(st); i++)
        sqlite3_bind_int64(st, i + 1, (int64_t)v[i]);
    if (capdb_step(p->db, st, doing, &p->e))
        take_deed(p, st, &d);
    sqlite3_finalize(st);
    return d;
}

/* What emptied a slot last, up to snapshot `by`; moves are looked for where it became empty. */
static struct deed emptied(struct past *p, uint64_t slot, uint32_t by)
{
    const uint64_t v[4] = {slot, by, RECORD_EVENT_DELETE, RECORD_EVENT_MOVE};
    return find_deed(p,
                     DEED "WHERE e.n <= ?2 AND e.slot = ?1 AND e.kind = ?3 UNION ALL " DEED
                          "WHERE e.n = ?2 AND e.src = ?1 AND e.kind = ?4 ORDER BY 1 DESC LIMIT 1",
                     v);
}

/* The revoke that a deletion was a step of: `src` is its root. */
static struct deed revoke_of(struct past *p, const struct deed *d)
{
    const uint64_t v[4] = {d->slot, (uint64_t)d->row, RECORD_EVENT_REVOKE_VICTIM,
                           RECORD_EVENT_MOVE};
    return find_deed(p,
                     DEED "WHERE e.slot = ?1 AND e.row < ?2 AND e.kind = ?3 AND e.row >"
                          " (SELECT coalesce(max(i.row), 0) FROM event i WHERE i.slot = ?1 AND"
                          "  i.row < ?2 AND i.kind BETWEEN 1 AND ?4) ORDER BY e.row DESC LIMIT 1",
                     v);
}

static void say_unknown_deed(struct past *p, uint32_t depth)
{
    why_say(p->out, depth, WHY_ABOUT_NOTHING, 0,
            capdb_has_events(p->db) ? "no event in the recording tells who did it"
                                    : "the recording has no events: who did it is not known");
}

static void say_taken(struct past *p, const struct deed *d, uint32_t depth)
{
    struct deed root = {0};
    if (d->row == 0) {
        say_unknown_deed(p, depth);
        return;
    }
    if (d->kind == RECORD_EVENT_MOVE) {
        why_say(p->out, depth, WHY_ABOUT_SLOT, d->slot,
                "%s moved it to the slot 0x%0*" PRIx64 " (event %" PRIu64 ", tick %" PRIu64 ")",
                d->who, capstate_digits(p->s), d->slot, d->seq, d->tick);
        return;
    }
    root = revoke_of(p, d);
    why_say(p->out, depth, WHY_ABOUT_THREAD, d->thread,
            "%s deleted it (event %" PRIu64 ", tick %" PRIu64 ")%s", d->who, d->seq, d->tick,
            root.row ? ", in a revoke" : "");
    if (root.row)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, root.src,
                "the revoke of what is in the slot 0x%0*" PRIx64, capstate_digits(p->s), root.src);
}

/* --- a slot --- */

struct tenant {
    int64_t id, t0, t1;
    struct record_slot cap;
};

static void take_tenant(sqlite3_stmt *st, struct tenant *t)
{
    *t = (struct tenant){
        .t0 = sqlite3_column_int64(st, 0),
        .t1 = sqlite3_column_int64(st, 1),
        .id = sqlite3_column_int64(st, 2),
        .cap =
            {
                .type = (uint32_t)sqlite3_column_int64(st, 3),
                .object = (uint64_t)sqlite3_column_int64(st, 4),
                .bits = (uint32_t)sqlite3_column_int64(st, 5),
                .rights = (uint32_t)sqlite3_column_int64(st, 6),
                .flags = (uint32_t)sqlite3_column_int64(st, 7),
                .data = (uint64_t)sqlite3_column_int64(st, 8),
                .extra = (uint64_t)sqlite3_column_int64(st, 9),
            },
    };
}

/* Who is in the slot (t1 > n; id 0: nobody), and who was before. */
static void find_tenants(struct past *p, uint64_t slot, struct tenant *now, struct tenant *before)
{
    sqlite3_stmt *st;
    struct tenant t;
    *now = *before = (struct tenant){0};
    if (!prepare(p,
                 "SELECT c.t0, c.t1, c.id, c.type, coalesce(c.addr, o.addr),"
                 " coalesce(c.bits, o.bits), c.rights, c.flags, c.data, c.extra FROM cap_row c"
                 " LEFT JOIN object_row o ON o.id = c.object"
                 " WHERE c.slot = ?1 AND c.t0 <= ?2 ORDER BY c.t0 DESC",
                 &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)slot);
    sqlite3_bind_int64(st, 2, p->n);
    while (before->id == 0 && capdb_step(p->db, st, doing, &p->e)) {
        take_tenant(st, &t);
        if (now->id == t.id)
            now->t0 = t.t0;
        else if (t.t1 > p->n)
            *now = t;
        else
            *before = t;
    }
    sqlite3_finalize(st);
}

/* Where a capability that left its slot is in snapshot n; 0: nowhere. */
static uint64_t whereabouts(struct past *p, int64_t id)
{
    sqlite3_stmt *st;
    uint64_t slot = 0;
    if (!prepare(p, "SELECT slot FROM cap_row WHERE id = ?1 AND t0 <= ?2 AND t1 > ?2", &st))
        return 0;
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, p->n);
    if (capdb_step(p->db, st, doing, &p->e))
        slot = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return slot;
}

static void say_before(struct past *p, uint64_t slot, const struct tenant *before, uint32_t depth)
{
    char text[TEXT], when[WHEN];
    why_say(p->out, depth, WHY_ABOUT_SLOT, slot, "until snapshot %s it held %s",
            moment(p, (uint32_t)before->t1 - 1, when),
            capstate_cap_text(p->s, &before->cap, text, sizeof(text)));
    struct deed d = emptied(p, slot, (uint32_t)before->t1);
    say_taken(p, &d, depth + 1);
    uint64_t elsewhere = whereabouts(p, before->id);
    if (elsewhere && elsewhere != slot && d.kind != RECORD_EVENT_MOVE)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, elsewhere,
                "that capability is in the slot 0x%0*" PRIx64 " now", capstate_digits(p->s),
                elsewhere);
}

/* No snapshot saw anything in it before; an event may have. */
static void say_never(struct past *p, uint64_t slot, bool filled, uint32_t depth)
{
    char text[TEXT];
    struct deed d = emptied(p, slot, p->n);
    if (d.row && d.kind == RECORD_EVENT_DELETE) {
        why_say(p->out, depth, WHY_ABOUT_SLOT, slot, "for less than a snapshot it held %s",
                capstate_cap_text(p->s, &d.cap, text, sizeof(text)));
        say_taken(p, &d, depth + 1);
    } else if (!filled) {
        why_say(p->out, depth, WHY_ABOUT_SLOT, slot,
                "it is empty in all %u snapshots up to this one", p->n);
    }
}

static void say_slot(struct past *p, uint64_t slot, uint32_t depth)
{
    struct tenant now, before;
    char when[WHEN];
    find_tenants(p, slot, &now, &before);
    if (p->e != ERR_OK)
        return;
    why_say(p->out, depth, WHY_ABOUT_SLOT, slot,
            "the slot 0x%0*" PRIx64 " before:", capstate_digits(p->s), slot);
    if (now.id && now.t0 > 1)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, slot, "what is in it came with snapshot %s",
                moment(p, (uint32_t)now.t0, when));
    else if (now.id)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, slot,
                "what is in it was there when the recording began");
    if (before.id)
        say_before(p, slot, &before, depth + 1);
    else
        say_never(p, slot, now.id != 0, depth + 1);
}

/* --- where a look-up ended --- */

static uint64_t tcb_slot(const struct capstate *s, int32_t thread, uint32_t index)
{
    int32_t object = s->threads[thread].object;
    uint64_t tcb = object < 0 ? s->threads[thread].rec.addr : s->objects[object].addr;
    return tcb + ((uint64_t)index << record_slot_bits(&s->snapshot));
}

static void say_address(struct past *p, int32_t thread, uint64_t cptr)
{
    struct resolve r;
    resolve_cptr(p->s, thread, cptr, 0, &r);
    if (r.end == RESOLVE_SLOT && r.levels)
        say_slot(p, r.level[r.levels - 1].slot_addr, DEPTH);
    else if (r.levels)
        say_slot(p, p->s->slots[r.level[r.levels - 1].cnode_slot].rec.addr, DEPTH);
    else
        say_slot(p, tcb_slot(p->s, thread, RECORD_TCB_CSPACE), DEPTH);
}

/* --- a translation --- */

static void say_unmapped_by(struct past *p, uint64_t dir, uint64_t frame, uint64_t table,
                            uint32_t by, uint32_t depth)
{
    const uint64_t v[4] = {by, dir, frame, table};
    struct deed d = find_deed(p,
                              DEED "JOIN word w ON w.kind = 'event' AND w.value = e.kind"
                                   " WHERE e.n = ?1 AND (w.text = 'unmap' AND e.object2 = ?2 OR"
                                   " w.text = 'delete') AND e.object IN (?2, ?3, ?4)"
                                   " ORDER BY w.text = 'unmap' DESC, e.row LIMIT 1",
                              v);
    char text[TEXT];
    if (d.row == 0) {
        say_unknown_deed(p, depth);
        return;
    }
    why_say(p->out, depth, WHY_ABOUT_THREAD, d.thread,
            "%s %s %s (event %" PRIu64 ", tick %" PRIu64 ")", d.who,
            d.kind == RECORD_EVENT_UNMAP ? "unmapped" : "deleted",
            capstate_cap_text(p->s, &d.cap, text, sizeof(text)), d.seq, d.tick);
}

static void say_mapping_row(struct past *p, sqlite3_stmt *st, uint64_t dir, uint64_t vaddr)
{
    char when[WHEN];
    int64_t t0 = sqlite3_column_int64(st, 0), t1 = sqlite3_column_int64(st, 1);
    uint64_t frame = (uint64_t)sqlite3_column_int64(st, 3);
    if (t1 > p->n) {
        why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, frame,
                t0 > 1 ? "what is mapped at 0x%" PRIx64 " came with snapshot %s"
                       : "what is mapped at 0x%" PRIx64 " was there in snapshot %s, the first",
                vaddr, moment(p, (uint32_t)t0, when));
        return;
    }
    why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, frame,
            "until snapshot %s the frame 0x%0*" PRIx64 " was mapped at 0x%" PRIx64,
            moment(p, (uint32_t)t1 - 1, when), capstate_digits(p->s), frame,
            (uint64_t)sqlite3_column_int64(st, 2));
    say_unmapped_by(p, dir, frame, (uint64_t)sqlite3_column_int64(st, 4), (uint32_t)t1, DEPTH + 1);
}

static void say_translation(struct past *p, int32_t thread, uint64_t vaddr)
{
    sqlite3_stmt *st;
    int32_t root = capstate_thread_vspace(p->s, thread);
    uint64_t dir = root < 0 ? 0 : p->s->objects[root].addr;
    if (root < 0) {
        say_slot(p, tcb_slot(p->s, thread, RECORD_TCB_VSPACE), DEPTH);
        return;
    }
    if (!prepare(p,
                 "SELECT t0, t1, vaddr, frame, \"table\" FROM mapping_row WHERE dir = ?1 AND"
                 " t0 <= ?2 AND covers(vaddr, bits, ?3) ORDER BY t0 DESC LIMIT 1",
                 &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)dir);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, (int64_t)vaddr);
    if (capdb_step(p->db, st, doing, &p->e))
        say_mapping_row(p, st, dir, vaddr);
    else if (p->e == ERR_OK)
        why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, dir,
                "nothing is mapped at 0x%" PRIx64 " in any of the %u snapshots up to this one",
                vaddr, p->n);
    sqlite3_finalize(st);
}

/* --- a fault --- */

static void say_when(struct past *p, const struct record_thread *t)
{
    char when[WHEN], who[TEXT];
    uint32_t first = since(p, t);
    const uint64_t v[4] = {first, t->addr, RECORD_EVENT_FAULT, 0};
    if (first == 1) {
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr,
                "it had faulted when the recording began");
        return;
    }
    struct deed d = find_deed(p,
                              DEED "WHERE e.n = ?1 AND e.object2 = ?2 AND e.kind = ?3"
                                   " ORDER BY e.row DESC LIMIT 1",
                              v);
    if (d.row)
        snprintf(who, sizeof(who), ": event %" PRIu64 ", tick %" PRIu64, d.seq, d.tick);
    why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr, "it faulted before snapshot %s%s",
            moment(p, first, when), d.row ? who : "");
}

static void say_no_past(struct why *out)
{
    why_say(out, DEPTH, WHY_ABOUT_NOTHING, 0,
            "no snapshot before this one is here to tell what was there (capdb record makes some)");
}

enum error capdb_past_fault(struct capdb *db, uint32_t n, const struct capstate *s, int32_t thread,
                            struct why *out)
{
    struct past p = {.db = db, .n = n, .s = s, .out = out};
    const struct record_thread *t = &s->threads[thread].rec;
    if (t->fault == 0)
        return ERR_OK;
    if (n < 2) {
        say_no_past(out);
        return ERR_OK;
    }
    say_when(&p, t);
    if (t->fault == RECORD_FAULT_CAP)
        say_address(&p, thread, t->fault_addr);
    else if (t->fault == RECORD_FAULT_VM)
        say_translation(&p, thread, t->fault_addr);
    return p.e;
}

enum error capdb_past_address(struct capdb *db, uint32_t n, const struct capstate *s,
                              int32_t thread, uint64_t cptr, struct why *out)
{
    struct past p = {.db = db, .n = n, .s = s, .out = out};
    if (n < 2)
        say_no_past(out);
    else
        say_address(&p, thread, cptr);
    return p.e;
}

/* --- a thread that is not there --- */

bool capdb_past_thread(struct capdb *db, uint32_t n, const char *name, uint64_t addr, char *buf,
                       size_t size)
{
    struct past p = {.db = db, .n = n};
    sqlite3_stmt *st;
    char when[WHEN];
    bool found = false;
    if (!prepare(&p,
                 "SELECT max(iif(t.t0 <= ?1, t.t1 - 1, 0)), min(iif(t.t0 > ?1, t.t0, NULL))"
                 " FROM thread_row t LEFT JOIN name m ON m.id = t.name"
                 " WHERE iif(?3 = 0, m.text = ?2, t.addr = ?3)",
                 &st))
        return false;
    sqlite3_bind_int64(st, 1, n);
    sqlite3_bind_text(st, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, (int64_t)addr);
    if (capdb_step(db, st, doing, &p.e)) {
        int64_t last = sqlite3_column_int64(st, 0), first = sqlite3_column_int64(st, 1);
        found = (last > 0 && last < n) || first > 0;
        if (last > 0 && last < n)
            snprintf(buf, size, "was there until snapshot %s: it is gone in snapshot %u",
                     moment(&p, (uint32_t)last, when), n);
        else if (first > 0)
            snprintf(buf, size, "comes with snapshot %s: it is not there yet in snapshot %u",
                     moment(&p, (uint32_t)first, when), n);
    }
    sqlite3_finalize(st);
    return found;
}
