/* What a revocation takes. */
#include "facts/toll.h"

#include "lib/plural.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENDED = 1 };

struct reaper {
    const struct capstate *s;
    bool *gone;
    uint32_t *left;  /* by object: capabilities that keep it alive, and 1; 0: not counted yet */
    int32_t *ending; /* objects whose last capability went, to be emptied */
    uint32_t ending_count;
    struct toll *toll;
};

static void end_object(struct reaper *r, int32_t object)
{
    const struct capstate_object *o = &r->s->objects[object];
    r->toll->objects++;
    r->toll->threads += o->type == RECORD_CAP_TCB;
    r->toll->cnodes += o->type == RECORD_CAP_CNODE;
    if (o->type != RECORD_CAP_UNTYPED && o->bits && o->bits < 63)
        r->toll->bytes += (uint64_t)1 << o->bits;
    r->ending[r->ending_count++] = object;
}

/* Capabilities that keep an object alive. Objects that nothing happens to are not counted: a small
 * revoke of a large system is foretold at once. */
static uint32_t keepers(const struct capstate *s, int32_t object)
{
    uint32_t n = 0;
    for (int32_t i = s->objects[object].first_slot; i >= 0; i = s->slots[i].next_same)
        n += s->slots[i].rec.type != RECORD_CAP_REPLY;
    return n;
}

/* The slot is emptied. */
static void take(struct reaper *r, int32_t slot)
{
    const struct capstate_slot *c = &r->s->slots[slot];
    r->gone[slot] = true;
    r->toll->caps++;
    r->toll->mappings += c->rec.type == RECORD_CAP_FRAME && c->rec.extra != 0;
    if (c->object < 0 || c->rec.type == RECORD_CAP_REPLY)
        return;
    if (!r->left[c->object])
        r->left[c->object] = keepers(r->s, c->object) + 1;
    if (--r->left[c->object] == ENDED)
        end_object(r, c->object);
}

/* What lies in objects that ended, and in those that end by it. */
static void empty_objects(struct reaper *r)
{
    for (uint32_t k = 0; k < r->ending_count; k++) {
        int32_t object = r->ending[k];
        uint32_t type = r->s->objects[object].type;
        if (type != RECORD_CAP_CNODE && type != RECORD_CAP_TCB && type != RECORD_CAP_ZOMBIE)
            continue;
        for (int32_t i = capstate_slot_in(r->s, object, 0); i >= 0;
             i = capstate_slot_after(r->s, object, i))
            if (r->s->slots[i].holder == object && !r->gone[i])
                take(r, i);
    }
    r->ending_count = 0;
}

/* Threads that stay, and whose CSpace or address space went. */
static void count_homeless(struct reaper *r)
{
    for (uint32_t t = 0; t < r->s->thread_count; t++) {
        int32_t tcb = r->s->threads[t].object;
        if (tcb < 0 || r->left[tcb] == ENDED)
            continue;
        int32_t slot = capstate_slot_in(r->s, tcb, RECORD_TCB_CSPACE);
        bool lost = false;
        while (slot >= 0 && r->s->slots[slot].holder == tcb &&
               r->s->slots[slot].index <= RECORD_TCB_VSPACE) {
            lost |= r->gone[slot];
            slot = capstate_slot_after(r->s, tcb, slot);
        }
        r->toll->homeless += lost;
    }
}

static void reap(struct reaper *r, int32_t root)
{
    for (int32_t i = root + 1; i < r->s->slots[root].next; i++) {
        if (r->gone[i])
            continue;
        r->toll->steps++;
        take(r, i);
        empty_objects(r);
    }
    count_homeless(r);
}

enum error toll_of(const struct capstate *s, int32_t root, bool *gone, struct toll *out)
{
    struct reaper r = {.s = s, .toll = out};
    *out = (struct toll){0};
    r.gone = gone ? gone : calloc(s->slot_count + 1, sizeof(*r.gone));
    for (uint32_t i = 0; gone && i < s->slot_count; i++)
        gone[i] = false;
    r.left = calloc(s->object_count + 1, sizeof(*r.left));
    r.ending = calloc(s->object_count + 1, sizeof(*r.ending));
    bool good = r.gone && r.left && r.ending;
    if (good)
        reap(&r, root);
    if (!gone)
        free(r.gone);
    free(r.left);
    free(r.ending);
    return good ? ERR_OK : ERR_NO_MEMORY;
}

bool toll_ends(const struct capstate *s, const bool *gone, int32_t object)
{
    bool any = false;
    for (int32_t slot = s->objects[object].first_slot; slot >= 0; slot = s->slots[slot].next_same) {
        if (s->slots[slot].rec.type == RECORD_CAP_REPLY)
            continue;
        if (!gone[slot])
            return false;
        any = true;
    }
    return any;
}

uint32_t toll_steps_done(const struct capstate *s)
{
    const struct record_revoke *r = &s->revoke;
    return r->done + (r->victim && capstate_slot_at(s, r->victim) < 0);
}

static size_t put(char *buf, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static size_t put(char *buf, size_t at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(buf + at, TOLL_TEXT - at, fmt, args);
    va_end(args);
    return n < 0 || at + (size_t)n >= TOLL_TEXT ? TOLL_TEXT - 1 : at + (size_t)n;
}

/* ", 3 threads": nothing where there is none. */
static size_t put_count(char *buf, size_t at, uint32_t n, const char *what)
{
    return n ? put(buf, at, ", %u %s%s", n, what, plural_s(n)) : at;
}

char *toll_text(const struct toll *t, char buf[TOLL_TEXT])
{
    size_t n = put(buf, 0, "%u capabilit%s in %u step%s", t->caps, plural_y(t->caps), t->steps,
                   plural_s(t->steps));
    n = put_count(buf, n, t->threads, "thread");
    n = put_count(buf, n, t->cnodes, "CNode");
    n = put_count(buf, n, t->mappings, "mapping");
    if (t->bytes >= 10240)
        n = put(buf, n, ", %" PRIu64 "K of objects", t->bytes / 1024);
    else if (t->bytes)
        n = put(buf, n, ", %" PRIu64 " byte%s of objects", t->bytes, plural_s(t->bytes));
    if (t->homeless)
        put(buf, n, "; %u thread%s without CSpace or address space then", t->homeless,
            plural_s(t->homeless));
    return buf;
}
