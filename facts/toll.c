/* What a revocation takes. */
#include "facts/toll.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TCB_CSPACE = 0, TCB_VSPACE = 1 };

struct reaper {
    const struct capstate *s;
    bool *gone;
    uint32_t *left;  /* by object: capabilities that keep it alive */
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

/* The slot is emptied. */
static void take(struct reaper *r, int32_t slot)
{
    const struct capstate_slot *c = &r->s->slots[slot];
    r->gone[slot] = true;
    r->toll->caps++;
    r->toll->mappings += c->rec.type == RECORD_CAP_FRAME && c->rec.extra != 0;
    if (c->object < 0 || c->rec.type == RECORD_CAP_REPLY)
        return;
    if (--r->left[c->object] == 0)
        end_object(r, c->object);
}

/* What lies in objects that ended, and in those that end by it. */
static void empty_objects(struct reaper *r)
{
    for (uint32_t k = 0; k < r->ending_count; k++) {
        int32_t object = r->ending[k];
        if (r->s->objects[object].type != RECORD_CAP_CNODE &&
            r->s->objects[object].type != RECORD_CAP_TCB)
            continue;
        for (int32_t i = capstate_slot_in(r->s, object, 0); i >= 0;
             i = capstate_slot_after(r->s, object, i))
            if (r->s->slots[i].holder == object && !r->gone[i])
                take(r, i);
    }
    r->ending_count = 0;
}

static void count_capabilities(struct reaper *r)
{
    for (uint32_t i = 0; i < r->s->slot_count; i++)
        if (r->s->slots[i].object >= 0 && r->s->slots[i].rec.type != RECORD_CAP_REPLY)
            r->left[r->s->slots[i].object]++;
}

/* Threads that stay, and whose CSpace or address space went. */
static void count_homeless(struct reaper *r)
{
    for (uint32_t t = 0; t < r->s->thread_count; t++) {
        int32_t tcb = r->s->threads[t].object;
        if (tcb < 0 || r->left[tcb] == 0)
            continue;
        int32_t slot = capstate_slot_in(r->s, tcb, TCB_CSPACE);
        bool lost = false;
        while (slot >= 0 && r->s->slots[slot].holder == tcb &&
               r->s->slots[slot].index <= TCB_VSPACE) {
            lost |= r->gone[slot];
            slot = capstate_slot_after(r->s, tcb, slot);
        }
        r->toll->homeless += lost;
    }
}

static void reap(struct reaper *r, int32_t root)
{
    count_capabilities(r);
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
    r.gone = calloc(s->slot_count + 1, sizeof(*r.gone));
    r.left = calloc(s->object_count + 1, sizeof(*r.left));
    r.ending = calloc(s->object_count + 1, sizeof(*r.ending));
    bool good = r.gone && r.left && r.ending;
    if (good)
        reap(&r, root);
    for (uint32_t i = 0; good && gone && i < s->slot_count; i++)
        gone[i] = r.gone[i];
    free(r.gone);
    free(r.left);
    free(r.ending);
    return good ? ERR_OK : ERR_NO_MEMORY;
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static int bytes_text(uint64_t bytes, char *buf, size_t size)
{
    if (bytes >= 10240)
        return snprintf(buf, size, "%" PRIu64 "K of objects", bytes / 1024);
    return snprintf(buf, size, "%" PRIu64 " bytes of objects", bytes);
}

char *toll_text(const struct toll *t, char buf[TOLL_TEXT])
{
    int n = snprintf(
        buf, TOLL_TEXT, "%u capabilit%s in %u step%s: %u thread%s, %u CNode%s, %u mapping%s, ",
        t->caps, t->caps == 1 ? "y" : "ies", t->steps, plural(t->steps), t->threads,
        plural(t->threads), t->cnodes, plural(t->cnodes), t->mappings, plural(t->mappings));
    n += bytes_text(t->bytes, buf + n, TOLL_TEXT - (size_t)n);
    if (t->homeless)
        snprintf(buf + n, TOLL_TEXT - (size_t)n, "; %u thread%s that stay%s lose%s CSpace or space",
                 t->homeless, plural(t->homeless), t->homeless == 1 ? "s" : "",
                 t->homeless == 1 ? "s" : "");
    return buf;
}
