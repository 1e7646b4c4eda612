/* Threads of a capDL specification to which no capability refers.  A program that loads a design keeps
 * the capabilities to what it makes, so such a thread runs like any other: a verdict that left it out
 * would be one about another system.  Its capability stands in slots that lie in no object, as the
 * kernel's own do: nobody in the design holds it. */
#include "capdb/capdl.h"

#include "record/capdl.h"

#include <stdlib.h>
#include <string.h>

/* Behind what the kernel keeps for interrupts, before everything that has an address of its own. */
enum { LOADER_SLOTS = 0x20000 };

/* By object: does a capability refer to it? An entry of a table is none, and a reply is one to wake a
 * thread, not to the thread. */
static bool *find_held(const struct capdl_spec *s)
{
    bool *held = calloc(s->objects + 1u, sizeof(*held));
    for (uint32_t i = 0; held && i < s->caps; i++)
        if (s->cap[i].object != CAPDL_NONE && capdl_is_slot(s, &s->cap[i]) &&
            s->cap[i].type != RECORD_CAP_REPLY)
            held[s->cap[i].object] = true;
    return held;
}

/* By object: the first capability to it, CAPDL_NONE. */
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

/* Room for the capabilities, and the CNode that they stand in, to which there is none. */
static enum error add_holder(struct capdl_spec *s, uint32_t count)
{
    struct capdl_cap *cap = realloc(s->cap, (s->caps + count) * sizeof(*cap));
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

/* The capability to the untyped memory that a thread lies in is the parent. */
static void hold(struct capdl_spec *s, int32_t thread, uint32_t slot, const int32_t *first)
{
    int32_t untyped = s->object[thread].inside;
    s->cap[s->caps] = (struct capdl_cap){.where = s->object[thread].where,
                                         .holder = (int32_t)s->objects - 1,
                                         .slot = slot,
                                         .type = RECORD_CAP_TCB,
                                         .object = thread,
                                         .mapping = CAPDL_NONE,
                                         .parent = untyped < 0 ? CAPDL_NONE : first[untyped],
                                         .order = UINT32_MAX};
    s->caps++;
}

enum error capdl_keep_threads(struct capdl_spec *s, uint32_t *kept)
{
    bool *held = find_held(s);
    int32_t *first = first_caps(s);
    uint32_t objects = s->objects, slot = 0;
    *kept = 0;
    for (uint32_t i = 0; held && i < objects; i++)
        *kept += s->object[i].type == RECORD_CAP_TCB && !held[i];
    enum error e = !held || !first ? ERR_NO_MEMORY : *kept ? add_holder(s, *kept) : ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && *kept && i < objects; i++)
        if (s->object[i].type == RECORD_CAP_TCB && !held[i])
            hold(s, (int32_t)i, slot++, first);
    free(held);
    free(first);
    return e;
}
