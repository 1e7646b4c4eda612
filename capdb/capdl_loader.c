/* Objects of a capDL specification to which no capability refers: threads that run, tables and frames
 * that only tables refer to, what else the design lists.  The program that loads a design makes every
 * object of it and keeps the capabilities to what it makes, so they are all there: a verdict that left
 * them out would be one about another system.  Their capabilities stand in slots that lie in no object,
 * as the kernel's own do: nobody in the design holds them. */
#include "capdb/capdl.h"

#include "capdb/capdl_arch.h"
#include "record/capdl.h"

#include <stdlib.h>
#include <string.h>

/* Behind what the kernel keeps for interrupts, before everything that has an address of its own. */
enum { LOADER_SLOTS = 0x20000 };

/* By object: the first capability to it, CAPDL_NONE. An entry of a table is none. */
static int32_t *first_caps(const struct capdl_spec *s)
{
    int32_t *first = malloc((s->objects + 1u) * sizeof(*first));
    for (uint32_t i = 0; first && i < s->objects; i++)
        first[i] = CAPDL_NONE;
    for (uint32_t i = s->caps; first && i-- > 0;)
        if (s->cap[i].object != CAPDL_NONE && capdl_is_slot(s, &s->cap[i]))
            first[s->cap[i].object] = (int32_t)i;
    return first;
}

/* A reply is a capability to wake a thread, not one to the thread. */
static bool *find_held(const struct capdl_spec *s)
{
    bool *held = calloc(s->objects + 1u, sizeof(*held));
    for (uint32_t i = 0; held && i < s->caps; i++)
        if (s->cap[i].object != CAPDL_NONE && capdl_is_slot(s, &s->cap[i]) &&
            s->cap[i].type != RECORD_CAP_REPLY)
            held[s->cap[i].object] = true;
    return held;
}

/* Room for the capabilities, and the CNode that they stand in, to which there is none. */
static enum error add_holder(struct capdl_spec *s, uint32_t count)
{
    struct capdl_cap *cap = realloc(s->cap, (s->caps + (size_t)count) * sizeof(*cap));
    if (!cap)
        return ERR_NO_MEMORY;
    s->cap = cap;
    struct capdl_object *object = realloc(s->object, (s->objects + 1u) * sizeof(*object));
    if (!object)
        return ERR_NO_MEMORY;
    s->object = object;
    object[s->objects] = (struct capdl_object){.name = strdup("loader"),
                                               .type = RECORD_CAP_CNODE,
                                               .placed = true,
                                               .addr = capdl_kernel(s) + LOADER_SLOTS,
                                               .inside = CAPDL_NONE,
                                               .table_in = CAPDL_NONE};
    return object[s->objects++].name ? ERR_OK : ERR_NO_MEMORY;
}

/* An original capability has every right that its type knows. */
static uint32_t all_rights(uint32_t type)
{
    const uint32_t memory = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    switch (type) {
    case RECORD_CAP_ENDPOINT:
        return memory | RECORD_RIGHT_GRANT | RECORD_RIGHT_GRANT_REPLY;
    case RECORD_CAP_FRAME:
    case RECORD_CAP_NOTIFICATION:
        return memory;
    default:
        return 0;
    }
}

static void hold(struct capdl_spec *s, int32_t object, uint32_t slot)
{
    const struct capdl_object *o = &s->object[object];
    s->cap[s->caps++] = (struct capdl_cap){.where = o->where,
                                           .holder = (int32_t)s->objects - 1,
                                           .slot = slot,
                                           .type = o->type,
                                           .object = object,
                                           .rights = all_rights(o->type),
                                           .asid = o->asid,
                                           .mapping = CAPDL_NONE,
                                           .parent = CAPDL_NONE,
                                           .order = UINT32_MAX};
}

/* The first capability to the untyped memory that an object lies in is the parent. */
static void set_parents(struct capdl_spec *s, uint32_t from, const int32_t *first)
{
    for (uint32_t i = from; i < s->caps; i++) {
        int32_t untyped = s->object[s->cap[i].object].inside;
        s->cap[i].parent = untyped == CAPDL_NONE ? CAPDL_NONE : first[untyped];
    }
}

static enum error hold_all(struct capdl_spec *s, const bool *held, int32_t *first, uint32_t count)
{
    uint32_t objects = s->objects, from = s->caps;
    enum error e = add_holder(s, count);
    for (uint32_t i = 0; e == ERR_OK && i < objects; i++) {
        if (held[i])
            continue;
        first[i] = (int32_t)s->caps;
        hold(s, (int32_t)i, s->caps - from);
    }
    if (e == ERR_OK)
        set_parents(s, from, first);
    return e;
}

/* Behind those slots lies, on boards that are known, memory that objects have. */
static uint64_t room_for(const struct capdl_spec *s)
{
    return (CAPDL_RAM_TAKEN - LOADER_SLOTS) >> s->arch->slot_bits;
}

enum error capdl_keep(struct capdl_spec *s, uint32_t *kept, struct capdl_fault *fault)
{
    bool *held = find_held(s);
    int32_t *first = first_caps(s);
    enum error e = held && first ? ERR_OK : ERR_NO_MEMORY;
    *kept = 0;
    for (uint32_t i = 0; e == ERR_OK && i < s->objects; i++)
        *kept += !held[i];
    if (e == ERR_OK && *kept > room_for(s))
        e = capdl_refuse(fault, s->object[0].where,
                         "no capability refers to %u objects: room is for %u of such", *kept,
                         (uint32_t)room_for(s));
    if (e == ERR_OK && *kept)
        e = hold_all(s, held, first, *kept);
    free(held);
    free(first);
    return e;
}
