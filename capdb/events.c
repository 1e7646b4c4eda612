/* Events of a recording: storing them, and proving that they lead from each snapshot to the next.
 *
 * An event has the number n of the first snapshot that shows it, so those with n lie between the
 * snapshots n - 1 and n.  They are rows of their own from the beginning, in the order in which they
 * came; what was lost is a row of kind 0 with the first number and how many. */
#include "capdb/store.h"

#include "attach/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- storing --- */

#define ONE_PLACE(mode, name) ", ?"
#define BIND(mode, name)      sqlite3_bind_int64(st, at++, (int64_t)r->name);
#define FETCH_U(name)         out->name = (uint32_t)sqlite3_column_int64(st, at++);
#define FETCH_W(name)         out->name = (uint64_t)sqlite3_column_int64(st, at++);
#define FETCH_D(name)         FETCH_W(name)
#define FETCH(mode, name)     FETCH_##mode(name)
static const char insert_sql[] =
    "INSERT INTO event VALUES (NULL, ?" RECORD_FIELDS_EVENT(ONE_PLACE) ")";

static enum error put_one(struct capdb *db, sqlite3_stmt *st, const struct record *record)
{
    const struct record_event gap = {
        .seq = record->gap.first,
        .kind = CAPDB_EVENT_GAP,
        .detail = record->gap.count,
    };
    const struct record_event *r = record->kind == RECORD_GAP ? &gap : &record->event;
    int at = 1;
    sqlite3_bind_int64(st, at++, (int64_t)db->count + 1);
    RECORD_FIELDS_EVENT(BIND)
    int code = sqlite3_step(st);
    sqlite3_reset(st);
    return code == SQLITE_DONE ? ERR_OK : capdb_fail_sql(db, "writing events");
}

static enum error put_all(struct capdb *db, const struct record *events, uint32_t count)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, insert_sql, &st);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++)
        if (events[i].kind == RECORD_EVENT || events[i].kind == RECORD_GAP)
            e = put_one(db, st, &events[i]);
    sqlite3_finalize(st);
    return e;
}

enum error capdb_put_events(struct capdb *db, const struct record *events, uint32_t count)
{
    enum error e = count == 0 ? ERR_OK : capdb_become_recorder(db);
    if (e != ERR_OK || count == 0)
        return e;
    e = capdb_exec(db, "BEGIN IMMEDIATE", "writing events");
    if (e == ERR_OK)
        e = put_all(db, events, count);
    if (e == ERR_OK)
        e = capdb_exec(db, "COMMIT", "writing events");
    if (e != ERR_OK)
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* --- reading --- */

void capdb_fetch_event(sqlite3_stmt *st, int at, struct record_event *out)
{
    RECORD_FIELDS_EVENT(FETCH)
}

bool capdb_has_events(struct capdb *db)
{
    return capdb_int(db, "SELECT 1 FROM event LIMIT 1", 0) != 0;
}

/* --- proving --- */

struct proof {
    struct capdb *db;
    struct replay mirror;
    uint32_t n; /* snapshot that the events lead to */
    bool gap;   /* something was lost on the way, and told */
    char *sentence;
    size_t size;
};

/* The slots of a snapshot as the base of the mirror. */
static enum error base_from(struct replay *m, const struct capstate *s)
{
    struct record r = {.kind = RECORD_SNAPSHOT, .snapshot = s->snapshot};
    enum error e = replay_record(m, &r);
    for (uint32_t i = 0; e == ERR_OK && i < s->slot_count; i++) {
        r = (struct record){.kind = RECORD_SLOT, .slot = s->slots[i].rec};
        e = replay_record(m, &r);
    }
    r = (struct record){.kind = RECORD_END, .end = s->end};
    return e == ERR_OK ? replay_record(m, &r) : e;
}

/* false with a sentence when an event does not fit. */
static bool apply_event(struct proof *p, const struct record_event *event)
{
    struct record r = {.kind = RECORD_EVENT, .event = *event};
    if (event->kind == CAPDB_EVENT_GAP)
        p->gap = true;
    if (p->gap)
        return true;
    enum error e = replay_record(&p->mirror, &r);
    if (e == ERR_SEQUENCE)
        snprintf(p->sentence, p->size,
                 "events from number %" PRIu64 " on are missing before event %" PRIu64,
                 p->mirror.trouble, event->seq);
    else if (e != ERR_OK)
        snprintf(p->sentence, p->size,
                 "event %" PRIu64 " does not fit snapshot %u and the events after it", event->seq,
                 p->n - 1);
    return e == ERR_OK;
}

static bool apply_events(struct proof *p)
{
    sqlite3_stmt *st;
    struct record_event event;
    bool good = true;
    if (capdb_prepare(p->db, "SELECT * FROM event WHERE n = ? ORDER BY row", &st) != ERR_OK) {
        snprintf(p->sentence, p->size, "%s", p->db->message);
        return false;
    }
    sqlite3_bind_int64(st, 1, p->n);
    while (good && !p->gap && sqlite3_step(st) == SQLITE_ROW) {
        capdb_fetch_event(st, 2, &event);
        good = apply_event(p, &event);
    }
    sqlite3_finalize(st);
    return good;
}

static bool arrives_at(const struct proof *p, const struct capstate *next)
{
    struct digest d;
    replay_digest(&p->mirror, &d);
    return p->mirror.seq == next->snapshot.seq && d.lane[0] == next->end.digest0 &&
           d.lane[1] == next->end.digest1;
}

/* Events between snapshots of two runs of a machine, or of a kernel that is not followed by events,
 * prove nothing. */
static bool prove_between(struct proof *p, const struct capstate *from, const struct capstate *to)
{
    enum error e = base_from(&p->mirror, from);
    if (e == ERR_UNSUPPORTED || e == ERR_LAYOUT || from->snapshot.seq > to->snapshot.seq)
        return true;
    if (e != ERR_OK) {
        snprintf(p->sentence, p->size, "snapshot %u does not agree with its digest", p->n - 1);
        return false;
    }
    if (!apply_events(p))
        return false;
    if (p->gap || arrives_at(p, to))
        return true;
    snprintf(p->sentence, p->size, "the events do not lead from snapshot %u to snapshot %u",
             p->n - 1, p->n);
    return false;
}

bool capdb_prove_events(struct capdb *db, uint32_t n, char *sentence, size_t size)
{
    struct proof p = {.db = db, .n = n, .sentence = sentence, .size = size};
    struct capstate from, to;
    bool good = true;
    if (capdb_load(db, n - 1, &from) != ERR_OK)
        return true; /* told already, as of the other */
    if (capdb_load(db, n, &to) == ERR_OK) {
        replay_init(&p.mirror);
        good = prove_between(&p, &from, &to);
        replay_free(&p.mirror);
        capstate_free(&to);
    }
    capstate_free(&from);
    return good;
}
