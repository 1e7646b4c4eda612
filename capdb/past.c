/* The past of threads, slots and translations, from rows and events. */
#include "capdb/past_part.h"

#include "capdb/store.h"
#include "facts/resolve.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char past_doing[] = "reading the past";

struct past past_begin(struct capdb *db, uint32_t n, const struct capstate *s, struct why *out)
{
    struct past p = {.db = db, .n = n, .s = s, .out = out};
    p.e = capdb_run_at(db, n, &p.run);
    return p;
}

/* "all 7 snapshots up to this one" */
static const char *all_snapshots(const struct past *p, char buf[TEXT])
{
    uint32_t count = p->n - p->run.first + 1;
    snprintf(buf, TEXT, "%s%u snapshot%s%s up to this one", count == 1 ? "the " : "all ", count,
             plural_s(count), p->run.first > 1 ? " of this run of the machine" : "");
    return buf;
}

/* "7 (11:48:27Z)" */
const char *past_moment(struct past *p, uint32_t n, char buf[WHEN])
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

bool past_prepare(struct past *p, const char *sql, sqlite3_stmt **st)
{
    *st = NULL;
    if (p->e == ERR_OK)
        p->e = capdb_prepare(p->db, sql, st);
    return p->e == ERR_OK;
}

const char *past_thread_text(const struct past *p, uint64_t tcb, const char *name, char buf[TEXT])
{
    if (tcb == 0)
        snprintf(buf, TEXT, "the kernel");
    else if (name && name[0])
        snprintf(buf, TEXT, "%.150s", name);
    else
        snprintf(buf, TEXT, "tcb 0x%0*" PRIx64, capstate_digits(p->s), tcb);
    return buf;
}

/* --- who did it --- */

void past_take_deed(struct past *p, sqlite3_stmt *st, struct deed *d)
{
    d->row = sqlite3_column_int64(st, 0);
    d->seq = (uint64_t)sqlite3_column_int64(st, 1);
    d->kind = (uint32_t)sqlite3_column_int64(st, 2);
    d->thread = (uint64_t)sqlite3_column_int64(st, 3);
    d->slot = (uint64_t)sqlite3_column_int64(st, 4);
    d->src = (uint64_t)sqlite3_column_int64(st, 5);
    d->cap = (struct record_slot){
        .type = (uint32_t)sqlite3_column_int64(st, 6),
        .object = (uint64_t)sqlite3_column_int64(st, 7),
        .bits = (uint32_t)sqlite3_column_int64(st, 8),
        .rights = (uint32_t)sqlite3_column_int64(st, 9),
        .flags = (uint32_t)sqlite3_column_int64(st, 10),
        .data = (uint64_t)sqlite3_column_int64(st, 11),
        .extra = (uint64_t)sqlite3_column_int64(st, 12),
    };
    d->detail = (uint64_t)sqlite3_column_int64(st, 14);
    past_thread_text(p, d->thread, (const char *)sqlite3_column_text(st, 13), d->who);
}

const char *past_event_text(struct past *p, const struct deed *d, char buf[EVENT_TEXT])
{
    static const char sql[] = "SELECT ticks FROM event_timed WHERE row = ? AND ticks IS NOT NULL";
    sqlite3_stmt *st;
    snprintf(buf, EVENT_TEXT, "event %" PRIu64 ", tick unknown", d->seq);
    if (!past_prepare(p, sql, &st))
        return buf;
    sqlite3_bind_int64(st, 1, d->row);
    if (capdb_step(p->db, st, past_doing, &p->e))
        snprintf(buf, EVENT_TEXT, "event %" PRIu64 ", tick %lld", d->seq,
                 (long long)sqlite3_column_int64(st, 0));
    sqlite3_finalize(st);
    return buf;
}

void past_bind_run(const struct past *p, sqlite3_stmt *st)
{
    sqlite3_bind_int64(st, 11, p->run.from_row);
    sqlite3_bind_int64(st, 12, p->run.next_row);
}

/* A query DEED with up to four numbers, of which the first row counts. */
struct deed past_deed(struct past *p, const char *sql, const uint64_t v[4])
{
    struct deed d = {0};
    sqlite3_stmt *st;
    if (!past_prepare(p, sql, &st))
        return d;
    for (int i = 0; i < 4; i++)
        sqlite3_bind_int64(st, i + 1, (int64_t)v[i]);
    past_bind_run(p, st);
    if (capdb_step(p->db, st, past_doing, &p->e))
        past_take_deed(p, st, &d);
    sqlite3_finalize(st);
    return d;
}

/* What emptied a slot last, up to snapshot `by`; moves are looked for where it became empty. */
struct deed past_emptied(struct past *p, uint64_t slot, uint32_t by)
{
    const uint64_t v[4] = {slot, by, RECORD_EVENT_DELETE, RECORD_EVENT_MOVE};
    return past_deed(p,
                     DEED "WHERE e.n <= ?2 AND e.slot = ?1 AND e.kind = ?3 UNION ALL " DEED
                          "WHERE e.n = ?2 AND e.src = ?1 AND e.kind = ?4 ORDER BY 1 DESC LIMIT 1",
                     v);
}

/* The revoke that a deletion was a step of: `src` is its root. */
static struct deed revoke_of(struct past *p, const struct deed *d)
{
    const uint64_t v[4] = {d->slot, (uint64_t)d->row, RECORD_EVENT_REVOKE_VICTIM,
                           RECORD_EVENT_MOVE};
    return past_deed(p,
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

void past_say_taken(struct past *p, const struct deed *d, uint32_t depth)
{
    struct deed root = {0};
    char event[EVENT_TEXT];
    if (d->row == 0) {
        say_unknown_deed(p, depth);
        return;
    }
    if (d->kind == RECORD_EVENT_MOVE) {
        why_say(p->out, depth, WHY_ABOUT_SLOT, d->slot,
                "%s moved it to the slot 0x%0*" PRIx64 " (%s)", d->who, capstate_digits(p->s),
                d->slot, past_event_text(p, d, event));
        return;
    }
    root = revoke_of(p, d);
    why_say(p->out, depth, WHY_ABOUT_THREAD, d->thread, "%s deleted it (%s)%s", d->who,
            past_event_text(p, d, event), root.row ? ", in a revoke" : "");
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
    if (!past_prepare(p,
                      "SELECT c.t0, c.t1, c.id, c.type, coalesce(c.addr, o.addr),"
                      " coalesce(c.bits, o.bits), c.rights, c.flags, c.data, c.extra FROM cap_row c"
                      " LEFT JOIN object_row o ON o.id = c.object"
                      " WHERE c.slot = ?1 AND c.t0 <= ?2 AND c.t1 > ?3 ORDER BY c.t0 DESC",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)slot);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, p->run.first);
    while (before->id == 0 && capdb_step(p->db, st, past_doing, &p->e)) {
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
    if (!past_prepare(p, "SELECT slot FROM cap_row WHERE id = ?1 AND t0 <= ?2 AND t1 > ?2", &st))
        return 0;
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, p->n);
    if (capdb_step(p->db, st, past_doing, &p->e))
        slot = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return slot;
}

static void say_before(struct past *p, uint64_t slot, const struct tenant *before, uint32_t depth)
{
    char text[TEXT], when[WHEN];
    why_say(p->out, depth, WHY_ABOUT_SLOT, slot, "until snapshot %s it held %s",
            past_moment(p, (uint32_t)before->t1 - 1, when),
            capstate_cap_text(p->s, &before->cap, text, sizeof(text)));
    struct deed d = past_emptied(p, slot, (uint32_t)before->t1);
    past_say_taken(p, &d, depth + 1);
    uint64_t elsewhere = whereabouts(p, before->id);
    if (elsewhere && elsewhere != slot && d.kind != RECORD_EVENT_MOVE)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, elsewhere,
                "that capability is in the slot 0x%0*" PRIx64 " now", capstate_digits(p->s),
                elsewhere);
}

/* No snapshot saw anything in it before; an event may have. */
static void say_never(struct past *p, uint64_t slot, bool filled, uint32_t depth)
{
    char text[TEXT], all[TEXT];
    struct deed d = past_emptied(p, slot, p->n);
    if (d.row && d.kind == RECORD_EVENT_DELETE) {
        why_say(p->out, depth, WHY_ABOUT_SLOT, slot, "for less than a snapshot it held %s",
                capstate_cap_text(p->s, &d.cap, text, sizeof(text)));
        past_say_taken(p, &d, depth + 1);
    } else if (!filled) {
        why_say(p->out, depth, WHY_ABOUT_SLOT, slot, "it is empty in %s", all_snapshots(p, all));
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
    if (now.id && now.t0 > p->run.first)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, slot, "what is in it came with snapshot %s",
                past_moment(p, (uint32_t)now.t0, when));
    else if (now.id && now.t0 > 1)
        why_say(p->out, depth + 1, WHY_ABOUT_SLOT, slot,
                "what is in it was there in snapshot %s, the first of this run of the machine",
                past_moment(p, (uint32_t)now.t0, when));
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
    struct deed d = past_deed(p,
                              DEED "JOIN word w ON w.kind = 'event' AND w.value = e.kind"
                                   " WHERE e.n = ?1 AND (w.text = 'unmap' AND e.object2 = ?2 OR"
                                   " w.text = 'delete') AND e.object IN (?2, ?3, ?4)"
                                   " ORDER BY w.text = 'unmap' DESC, e.row LIMIT 1",
                              v);
    char text[TEXT], event[EVENT_TEXT];
    if (d.row == 0) {
        say_unknown_deed(p, depth);
        return;
    }
    why_say(p->out, depth, WHY_ABOUT_THREAD, d.thread, "%s %s %s (%s)", d.who,
            d.kind == RECORD_EVENT_UNMAP ? "unmapped" : "deleted",
            capstate_cap_text(p->s, &d.cap, text, sizeof(text)), past_event_text(p, &d, event));
}

static void say_mapping_row(struct past *p, sqlite3_stmt *st, uint64_t dir, uint64_t vaddr)
{
    char when[WHEN];
    uint32_t t0 = (uint32_t)sqlite3_column_int64(st, 0), t1 = (uint32_t)sqlite3_column_int64(st, 1);
    uint64_t frame = (uint64_t)sqlite3_column_int64(st, 3);
    if (t1 > p->n) {
        bool came = t0 > p->run.first;
        why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, frame,
                "what is mapped at 0x%" PRIx64 " %s snapshot %s%s%s", vaddr,
                came ? "came with" : "was there in", past_moment(p, came ? t0 : p->run.first, when),
                came ? "" : ", the first",
                came || p->run.first == 1 ? "" : " of this run of the machine");
        return;
    }
    why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, frame,
            "until snapshot %s the frame 0x%0*" PRIx64 " was mapped at 0x%" PRIx64,
            past_moment(p, t1 - 1, when), capstate_digits(p->s), frame,
            (uint64_t)sqlite3_column_int64(st, 2));
    say_unmapped_by(p, dir, frame, (uint64_t)sqlite3_column_int64(st, 4), t1, DEPTH + 1);
}

/* A row of table_row whose table hung in this address space. */
static bool hung_there(const struct past *p, sqlite3_stmt *st, uint64_t dir)
{
    uint64_t parent = (uint64_t)sqlite3_column_int64(st, 1);
    return parent == dir || (parent && capstate_table_root(p->s, parent) == dir);
}

static void say_table_row(struct past *p, sqlite3_stmt *st, uint64_t dir)
{
    char when[WHEN];
    uint64_t table = (uint64_t)sqlite3_column_int64(st, 0);
    uint32_t t1 = (uint32_t)sqlite3_column_int64(st, 3);
    why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, table,
            "until snapshot %s the page table 0x%0*" PRIx64 " of level %u was there for it",
            past_moment(p, t1 - 1, when), capstate_digits(p->s), table,
            (uint32_t)sqlite3_column_int64(st, 2));
    say_unmapped_by(p, dir, table, (uint64_t)sqlite3_column_int64(st, 1), t1, DEPTH + 1);
}

/* Of this project's kernel, whose records tell of no tables: an event saw it go, and none came. */
static void say_unmapped_table(struct past *p, uint64_t dir, uint64_t vaddr)
{
    enum { TABLE_BITS = 20 };
    const uint64_t v[4] = {p->n, dir, vaddr >> TABLE_BITS, RECORD_CAP_PAGE_TABLE};
    char text[TEXT], event[EVENT_TEXT];
    struct deed d = past_deed(p,
                              DEED "JOIN word w ON w.kind = 'event' AND w.value = e.kind"
                                   " WHERE e.n <= ?1 AND e.object2 = ?2 AND e.detail >> 20 = ?3 AND"
                                   " e.type = ?4 AND w.text IN ('map', 'unmap')"
                                   " ORDER BY e.row DESC LIMIT 1",
                              v);
    if (d.row && d.kind == RECORD_EVENT_UNMAP)
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, d.thread, "%s unmapped %s (%s)", d.who,
                capstate_cap_text(p->s, &d.cap, text, sizeof(text)), past_event_text(p, &d, event));
}

/* The table that covered the address last and hangs in its place no more. */
static void say_lost_table(struct past *p, uint64_t dir, uint64_t vaddr)
{
    sqlite3_stmt *st;
    bool told = false;
    if (p->s->snapshot.kernel == RECORD_KERNEL_CAPSCOPE)
        say_unmapped_table(p, dir, vaddr);
    if (p->s->snapshot.kernel == RECORD_KERNEL_CAPSCOPE ||
        !past_prepare(p,
                      "SELECT addr, parent, level, t1 FROM table_row t WHERE parent <> 0"
                      " AND t1 <= ?1 AND t1 > ?3 AND covers(vaddr, bits, ?2) AND NOT EXISTS"
                      " (SELECT 1 FROM table_row u WHERE u.level = t.level AND u.parent ="
                      "  t.parent AND u.t0 <= ?1 AND u.t1 > ?1 AND"
                      "  covers(u.vaddr, u.bits, ?2)) ORDER BY t1 DESC, level DESC",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, p->n);
    sqlite3_bind_int64(st, 2, (int64_t)vaddr);
    sqlite3_bind_int64(st, 3, p->run.first);
    while (!told && capdb_step(p->db, st, past_doing, &p->e))
        if (hung_there(p, st, dir)) {
            say_table_row(p, st, dir);
            told = true;
        }
    sqlite3_finalize(st);
}

static void say_translation(struct past *p, int32_t thread, uint64_t vaddr)
{
    sqlite3_stmt *st;
    char all[TEXT];
    int32_t root = capstate_thread_vspace(p->s, thread);
    uint64_t dir = root < 0 ? 0 : p->s->objects[root].addr;
    if (root < 0) {
        say_slot(p, tcb_slot(p->s, thread, RECORD_TCB_VSPACE), DEPTH);
        return;
    }
    if (!past_prepare(p,
                      "SELECT t0, t1, vaddr, frame, \"table\" FROM mapping_row WHERE dir = ?1 AND"
                      " t0 <= ?2 AND t1 > ?4 AND covers(vaddr, bits, ?3) ORDER BY t0 DESC LIMIT 1",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)dir);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, (int64_t)vaddr);
    sqlite3_bind_int64(st, 4, p->run.first);
    if (capdb_step(p->db, st, past_doing, &p->e))
        say_mapping_row(p, st, dir, vaddr);
    else if (p->e == ERR_OK)
        why_say(p->out, DEPTH, WHY_ABOUT_MEMORY, dir, "nothing was mapped at 0x%" PRIx64 " in %s",
                vaddr, all_snapshots(p, all));
    sqlite3_finalize(st);
    say_lost_table(p, dir, vaddr);
}

/* --- a fault --- */

static void say_when(struct past *p, const struct record_thread *t)
{
    char when[WHEN], event[EVENT_TEXT];
    uint32_t first = past_since(p, t);
    const uint64_t v[4] = {first, t->addr, RECORD_EVENT_FAULT, 0};
    if (first == 1) {
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr,
                "it had faulted when the recording began");
        return;
    }
    struct deed d = past_deed(p,
                              DEED "WHERE e.n = ?1 AND e.object2 = ?2 AND e.kind = ?3"
                                   " ORDER BY e.row DESC LIMIT 1",
                              v);
    why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr, "it faulted before snapshot %s%s%s%s",
            past_moment(p, first, when),
            first == p->run.first ? ", the first of this run of the machine" : "",
            d.row ? ": " : "", d.row ? past_event_text(p, &d, event) : "");
}

/* Of a thread that goes on: a fault between snapshots, which an event saw. */
static void say_fault_event(struct past *p, const struct record_thread *t)
{
    const uint64_t v[4] = {p->n, t->addr, RECORD_EVENT_FAULT, 0};
    char event[EVENT_TEXT];
    struct deed d = past_deed(p,
                              DEED "WHERE e.n <= ?1 AND e.object2 = ?2 AND e.kind = ?3"
                                   " ORDER BY e.row DESC LIMIT 1",
                              v);
    if (d.row)
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr, "its last fault was a %s: %s",
                fault_name((uint32_t)d.detail), past_event_text(p, &d, event));
}

static void say_last_fault(struct past *p, const struct record_thread *t)
{
    sqlite3_stmt *st;
    char when[WHEN], words[WHY_NAME];
    if (!past_prepare(p,
                      "SELECT t1 - 1, fault, fault_addr FROM run_row WHERE addr = ?1 AND t1 <= ?2"
                      " AND t1 > ?3 AND fault <> 0 ORDER BY t1 DESC LIMIT 1",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)t->addr);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, p->run.first);
    if (capdb_step(p->db, st, past_doing, &p->e)) {
        struct record_thread was = {.fault = (uint32_t)sqlite3_column_int64(st, 1),
                                    .fault_addr = (uint64_t)sqlite3_column_int64(st, 2)};
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr, "until snapshot %s it had faulted: %s",
                past_moment(p, (uint32_t)sqlite3_column_int64(st, 0), when),
                why_fault_words(&was, words));
    }
    sqlite3_finalize(st);
    say_fault_event(p, t);
}

static void say_no_past(const struct past *p)
{
    why_say(p->out, DEPTH, WHY_ABOUT_NOTHING, 0,
            p->n > 1
                ? "this is the first snapshot of this run of the machine: none tells what was there"
                : "no snapshot before this one is here to tell what was there (capdb record makes "
                  "some)");
}

enum error capdb_past_fault(struct capdb *db, uint32_t n, const struct capstate *s, int32_t thread,
                            struct why *out)
{
    struct past p = past_begin(db, n, s, out);
    const struct record_thread *t = &s->threads[thread].rec;
    if (t->fault == 0) {
        say_last_fault(&p, t);
        return p.e;
    }
    if (n <= p.run.first) {
        say_no_past(&p);
        return p.e;
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
    struct past p = past_begin(db, n, s, out);
    if (n <= p.run.first)
        say_no_past(&p);
    else
        say_address(&p, thread, cptr);
    return p.e;
}

/* --- a thread that is not there --- */

bool capdb_past_thread(struct capdb *db, uint32_t n, const char *name, uint64_t addr, char *buf,
                       size_t size)
{
    struct past p = past_begin(db, n, NULL, NULL);
    sqlite3_stmt *st;
    char when[WHEN];
    bool found = false;
    if (!past_prepare(&p,
                      "SELECT max(iif(t.t0 <= ?1, t.t1 - 1, 0)), min(iif(t.t0 > ?1, t.t0, NULL))"
                      " FROM thread_row t LEFT JOIN name m ON m.id = t.name"
                      " WHERE iif(?3 = 0, m.text = ?2, t.addr = ?3)",
                      &st))
        return false;
    sqlite3_bind_int64(st, 1, n);
    sqlite3_bind_text(st, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, (int64_t)addr);
    if (capdb_step(db, st, past_doing, &p.e)) {
        int64_t last = sqlite3_column_int64(st, 0), first = sqlite3_column_int64(st, 1);
        found = (last > 0 && last < n) || first > 0;
        if (last > 0 && last < n)
            snprintf(buf, size, "was there until snapshot %s%s: it is gone in snapshot %u",
                     past_moment(&p, (uint32_t)last, when),
                     last < p.run.first ? ", in an earlier run of the machine" : "", n);
        else if (first > 0)
            snprintf(buf, size, "comes with snapshot %s%s: it is not there yet in snapshot %u",
                     past_moment(&p, (uint32_t)first, when),
                     first > p.run.last ? ", in a later run of the machine" : "", n);
    }
    sqlite3_finalize(st);
    return found;
}
