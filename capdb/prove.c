/* Do recorded events lead from each snapshot to the next?  They are applied to the slots of the
 * one, and what comes out is compared with the other. */
#include "capdb/store.h"

#include "attach/between.h"
#include "objwalk/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct capdb_proof {
    struct capdb *db;
    sqlite3_stmt *events; /* of one snapshot */
    struct replay mirror; /* where the last proof arrived */
    uint32_t n;           /* snapshot that the events lead to */
    bool gap;             /* something was lost on the way, and told */
    char *sentence;
    size_t size;
};

/* false with a sentence when an event does not fit. */
static bool apply_event(struct capdb_proof *p, const struct record_event *event)
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

static bool apply_events(struct capdb_proof *p)
{
    struct record_event event;
    bool good = true;
    enum error e = ERR_OK;
    sqlite3_bind_int64(p->events, 1, p->n);
    while (good && !p->gap && capdb_step(p->db, p->events, "reading events", &e)) {
        capdb_fetch_event(p->events, 2, &event);
        good = apply_event(p, &event);
    }
    if (e != ERR_OK)
        snprintf(p->sentence, p->size, "%s", p->db->message);
    sqlite3_reset(p->events);
    return good && e == ERR_OK;
}

static bool arrives_at(const struct capdb_proof *p, const struct capstate *next)
{
    uint32_t d[2];
    replay_digest(&p->mirror, d);
    return p->mirror.seq == next->snapshot.seq && d[0] == next->end.digest0 &&
           d[1] == next->end.digest1;
}

/* The mirror that arrived at a snapshot is the base of the next proof. */
static bool stands_at(const struct capdb_proof *p, const struct capstate *s)
{
    return p->mirror.state == REPLAY_SOUND && !p->gap && arrives_at(p, s);
}

/* Events between snapshots of two runs of a machine, or of a kernel that is not followed by events,
 * prove nothing. */
static bool prove_between(struct capdb_proof *p, const struct capstate *from,
                          const struct capstate *to)
{
    enum error e = stands_at(p, from) ? ERR_OK : between_base(&p->mirror, from);
    p->gap = false;
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

static bool has_events(struct capdb_proof *p)
{
    enum error e = ERR_OK;
    sqlite3_bind_int64(p->events, 1, p->n);
    bool any = capdb_step(p->db, p->events, "reading events", &e);
    sqlite3_reset(p->events);
    return any || e != ERR_OK;
}

struct capdb_proof *capdb_proof_begin(struct capdb *db)
{
    struct capdb_proof *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->db = db;
    replay_init(&p->mirror);
    if (capdb_prepare(db, "SELECT * FROM event WHERE n = ? ORDER BY row", &p->events) == ERR_OK)
        return p;
    capdb_proof_end(p);
    return NULL;
}

bool capdb_proof_next(struct capdb_proof *p, uint32_t n, const struct capstate *from,
                      const struct capstate *to, char *sentence, size_t size)
{
    p->n = n;
    p->sentence = sentence;
    p->size = size;
    return !has_events(p) || prove_between(p, from, to);
}

void capdb_proof_end(struct capdb_proof *p)
{
    if (!p)
        return;
    replay_free(&p->mirror);
    sqlite3_finalize(p->events);
    free(p);
}
