/* revokes: recorded revocations, by their events (trace.c); where there are no events, those that
 * snapshots caught under way.  Snapshots in a row with the same root, in one run of the machine, are
 * one revocation; each of them is a step, with what had been deleted since the step before. */
#include "capdb/command.h"

#include "capdb/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

struct step {
    uint32_t n;
    uint64_t root, victim;
    uint32_t done, left, preempted;
    bool begins; /* a run of the machine */
};

struct revoke {
    uint32_t first, last; /* snapshots */
    struct step end;
};

struct revokes {
    struct options *o;
    struct view v;
    struct output *out;
    uint32_t wanted; /* 0: list them */
    uint32_t number; /* of the revocation at hand */
    struct revoke now;
};

static void describe(const struct view *v, uint64_t slot_addr, char *buf, size_t size)
{
    char text[TEXT_BYTES / 2];
    char place[TEXT_BYTES / 2];
    int32_t slot = capstate_slot_at(&v->state, slot_addr);
    if (slot < 0)
        snprintf(buf, size, "slot 0x%" PRIx64 ", empty", slot_addr);
    else
        snprintf(buf, size, "%s (%s)", capstate_slot_text(&v->state, slot, text, sizeof(text)),
                 capstate_place_text(&v->state, slot, place, sizeof(place)));
}

static void list_row(struct revokes *r)
{
    char text[TEXT_BYTES];
    bool inside = r->now.first <= range_last(r->o, &r->v) && r->now.last >= range_first(r->o);
    if (r->now.first == 0 || r->wanted || !inside ||
        dbview_load(r->o, &r->v, r->now.first) != STATUS_YES)
        return;
    describe(&r->v, r->now.end.root, text, sizeof(text));
    output_int(r->out, r->number);
    output_int(r->out, r->now.first);
    output_int(r->out, r->now.last);
    output_hex(r->out, r->now.end.root);
    output_int(r->out, r->now.end.done);
    output_int(r->out, r->now.end.left);
    output_int(r->out, r->now.end.preempted);
    output_text(r->out, text);
    output_row(r->out);
}

static void step_row(struct revokes *r, const struct step *s)
{
    char text[TEXT_BYTES];
    if (r->wanted != r->number || dbview_load(r->o, &r->v, s->n) != STATUS_YES)
        return;
    describe(&r->v, s->victim, text, sizeof(text));
    output_int(r->out, r->number);
    output_int(r->out, s->n);
    output_int(r->out, s->n);
    output_hex(r->out, s->victim);
    output_int(r->out, s->done);
    output_int(r->out, s->left);
    output_int(r->out, s->preempted);
    output_text(r->out, text);
    output_row(r->out);
}

static void take_step(struct revokes *r, const struct step *s)
{
    bool goes_on = !s->begins && r->now.first && r->now.last + 1 == s->n &&
                   r->now.end.root == s->root && s->done >= r->now.end.done;
    if (!goes_on) {
        list_row(r);
        r->number++;
        r->now.first = s->n;
    }
    r->now.last = s->n;
    r->now.end = *s;
    step_row(r, s);
}

static enum status read_steps(struct revokes *r)
{
    sqlite3_stmt *st;
    if (capdb_prepare(
            r->v.db,
            "SELECT n, revoke_root, revoke_victim, revoke_done, revoke_left,"
            " revoke_preempted, n IN (SELECT first FROM runs) FROM snapshot WHERE revoke_root <> 0 ORDER BY n",
            &st) != ERR_OK)
        return command_complain(r->o->run, "%s", capdb_error(r->v.db));
    enum error e = ERR_OK;
    while (capdb_step(r->v.db, st, "reading revocations", &e)) {
        const struct step step = {
            .n = (uint32_t)sqlite3_column_int64(st, 0),
            .root = (uint64_t)sqlite3_column_int64(st, 1),
            .victim = (uint64_t)sqlite3_column_int64(st, 2),
            .done = (uint32_t)sqlite3_column_int64(st, 3),
            .left = (uint32_t)sqlite3_column_int64(st, 4),
            .preempted = (uint32_t)sqlite3_column_int64(st, 5),
            .begins = sqlite3_column_int64(st, 6) != 0,
        };
        take_step(r, &step);
    }
    sqlite3_finalize(st);
    if (e != ERR_OK)
        return command_complain(r->o->run, "%s", capdb_error(r->v.db));
    list_row(r);
    return STATUS_YES;
}

enum status command_revokes(struct options *o)
{
    static const char *const columns[] = {"#revoke", "#first",     "#last", "slot", "#done",
                                          "#left",   "#preempted", "what",  NULL};
    struct revokes r = {.o = o};
    if (o->operands == 1) {
        char *end;
        unsigned long wanted = strtoul(o->operand[0], &end, 10);
        if (*end != '\0' || wanted == 0 || wanted >= UINT32_MAX)
            return command_complain(NULL, "%s: not the number of a revocation", o->operand[0]);
        r.wanted = (uint32_t)wanted;
    }
    if (dbview_open_file(o, &r.v) != STATUS_YES)
        return STATUS_UNKNOWN;
    progress_while(o, r.v.db, false);
    if (capdb_has_events(r.v.db)) {
        enum status told = revokes_by_events(o, &r.v, r.wanted);
        dbview_close(&r.v);
        return told;
    }
    r.out = output_begin(stdout, output_default, columns);
    enum status s = read_steps(&r);
    if (s == STATUS_YES && r.wanted > r.number)
        s = command_complain(o->run, "revocation %u not found (it has %u)", r.wanted, r.number);
    dbview_close(&r.v);
    progress_show(NULL, 1, 1);
    if (!output_end(r.out))
        return command_unwritten(o);
    return s;
}
